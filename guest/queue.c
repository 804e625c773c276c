// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers to the device. Each queue has one user at a time, which waits until
 * all it has sent is used: no memory that a buffer names, and no buffer, is
 * touched before that.
 */
#include <linux/scatterlist.h>

#include "balloon.h"

void vh_queue_used(struct virtqueue *vq)
{
	struct virtio_balloon *vb = vq->vdev->priv;

	wake_up(&vb->used);
}

/*
 * A device that was pulled out, or has given up on this driver, sends no more
 * interrupts, and uses no buffer any more.
 */
static bool is_gone(struct virtio_balloon *vb, struct virtqueue *vq)
{
	return virtqueue_is_broken(vq) ||
	       vb->vdev->config->get_status(vb->vdev) &
		       VIRTIO_CONFIG_S_NEEDS_RESET;
}

/*
 * Not counted as a hung task, however long it takes: a paused guest's host, or
 * one that migrates it, may take its time.
 */
int vh_queue_wait(struct virtio_balloon *vb, enum vh_queue queue,
		  unsigned int buffers)
{
	struct virtqueue *vq = vb->vq[queue];
	unsigned int len;

	while (buffers) {
		if (wait_event_idle_timeout(vb->used,
					    virtqueue_get_buf(vq, &len), HZ))
			buffers--;
		else if (is_gone(vb, vq))
			return -EIO;
	}
	return 0;
}

int vh_queue_send(struct virtio_balloon *vb, enum vh_queue queue,
		  const void *data, size_t bytes)
{
	struct scatterlist sg;
	int err;

	sg_init_one(&sg, data, bytes);
	/* One entry needs no allocation, and the queue is empty. */
	err = virtqueue_add_outbuf(vb->vq[queue], &sg, 1, vb, GFP_KERNEL);
	if (err)
		return err;
	virtqueue_kick(vb->vq[queue]);
	return vh_queue_wait(vb, queue, 1);
}
