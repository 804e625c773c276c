// SPDX-License-Identifier: GPL-2.0-only
/*
 * Free page hinting: while the host migrates the guest it asks, by a new
 * command id, for free memory that it need not copy.
 *
 * The standard lets a driver go on using what it has hinted. This one does not:
 * hints come from page reporting, block by block isolated until the host has
 * used them, so that no host can drop a page that has become used in between,
 * and the guest never has less than a batch out of its reach.
 *
 * What a cycle has gone through is flagged as reported. Where the host also
 * takes reports it is reported as well, so that this is true. Where it does
 * not, the flag only means that another cycle hints what was freed since; and
 * where reporting is switched off, nothing may be flagged, and no hint is sent.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "balloon.h"

static u32 read_cmd_id(struct virtio_balloon *vb)
{
	u32 id;

	virtio_cread_le(vb->vdev, struct virtio_balloon_config,
			free_page_hint_cmd_id, &id);
	return id;
}

static bool is_current(struct virtio_balloon *vb)
{
	struct vh_reporting *r = &vb->reporting;

	if (READ_ONCE(r->stop) || READ_ONCE(vb->hinting.over))
		return false;
	if (!READ_ONCE(r->stale))
		return true;
	WRITE_ONCE(r->stale, false);
	if (read_cmd_id(vb) == vb->hinting.cmd_id)
		return true;
	WRITE_ONCE(vb->hinting.over, true);
	return false;
}

/* A buffer for each block: hosts look at the first entry only. */
int vh_hint_send(struct virtio_balloon *vb, struct scatterlist *sgl,
		 unsigned int nents)
{
	struct virtqueue *vq = vb->vq[VH_FREE_PAGE];
	struct scatterlist *sg, one;
	unsigned int i, sent = 0;
	int err = 0;

	if (!is_current(vb))
		return -ECANCELED;
	for_each_sg(sgl, sg, nents, i) {
		sg_init_table(&one, 1);
		sg_set_page(&one, sg_page(sg), sg->length, 0);
		err = virtqueue_add_inbuf(vq, &one, 1, vb, GFP_NOWAIT);
		if (err && sent) {
			/* The ring is shorter than a batch. */
			virtqueue_kick(vq);
			err = vh_queue_wait(vb, VH_FREE_PAGE, sent);
			sent = 0;
			if (!err)
				err = virtqueue_add_inbuf(vq, &one, 1, vb,
							  GFP_NOWAIT);
		}
		if (err)
			return err;
		sent++;
		vh_count(vb, VH_HINTED_BYTES, sg->length);
	}
	virtqueue_kick(vq);
	err = vh_queue_wait(vb, VH_FREE_PAGE, sent);
	if (err || !vb->vq[VH_REPORTING])
		return err;
	return vh_report_send(vb, sgl, nents);
}

static bool cycle_goes_on(void *data)
{
	return is_current(data);
}

static int send_command(struct virtio_balloon *vb, u32 id)
{
	vb->hinting.message = cpu_to_virtio32(vb->vdev, id);
	return vh_queue_send(vb, VH_FREE_PAGE, &vb->hinting.message,
			     sizeof(vb->hinting.message));
}

static void run_cycle(struct virtio_balloon *vb)
{
	bool own = !vb->reporting.registered;

	vh_count(vb, VH_HINT_CYCLES, 1);
	if (own && vh_report_register(vb, vh_compat_default_order()))
		return;
	WRITE_ONCE(vb->hinting.cycle, true);
	vh_report_rounds(vb, cycle_goes_on, vb);
	WRITE_ONCE(vb->hinting.cycle, false);
	if (own)
		vh_report_unregister(vb);
	else
		vh_report_go_on(vb);
}

void vh_hint_update(struct virtio_balloon *vb)
{
	struct vh_hinting *hinting = &vb->hinting;
	u32 id;

	WRITE_ONCE(vb->reporting.stale, false);
	WRITE_ONCE(hinting->over, false);
	id = read_cmd_id(vb);
	if (id == hinting->cmd_id)
		return;
	hinting->cmd_id = id;
	if (id == VIRTIO_BALLOON_CMD_ID_STOP || id == VIRTIO_BALLOON_CMD_ID_DONE)
		return;
	if (send_command(vb, id))
		return;
	if (!vb->vq[VH_REPORTING] || vb->reporting.continuous)
		run_cycle(vb);
	send_command(vb, VIRTIO_BALLOON_CMD_ID_STOP);
}
