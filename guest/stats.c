// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's memory statistics: one buffer that lies with the device, and is
 * filled anew each time it comes back.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "balloon.h"

struct filler {
	struct virtio_balloon *vb;
	unsigned int n;
};

static void add(struct filler *f, u16 tag, u64 value)
{
	struct virtio_device *vdev = f->vb->vdev;

	if (WARN_ON_ONCE(f->n >= VIRTIO_BALLOON_S_NR))
		return;
	f->vb->stats[f->n].tag = cpu_to_virtio16(vdev, tag);
	f->vb->stats[f->n++].val = cpu_to_virtio64(vdev, value);
}

static void add_sizes(struct filler *f)
{
	struct sysinfo info;

	si_meminfo(&info);
	add(f, VIRTIO_BALLOON_S_MEMFREE, (u64)info.freeram << PAGE_SHIFT);
	add(f, VIRTIO_BALLOON_S_MEMTOT, (u64)info.totalram << PAGE_SHIFT);
	add(f, VIRTIO_BALLOON_S_AVAIL, (u64)si_mem_available() << PAGE_SHIFT);
	add(f, VIRTIO_BALLOON_S_CACHES,
	    (u64)global_node_page_state(NR_FILE_PAGES) << PAGE_SHIFT);
}

#ifdef CONFIG_VM_EVENT_COUNTERS
static void add_paging(struct filler *f, const unsigned long *events)
{
	add(f, VIRTIO_BALLOON_S_SWAP_IN, (u64)events[PSWPIN] << PAGE_SHIFT);
	add(f, VIRTIO_BALLOON_S_SWAP_OUT, (u64)events[PSWPOUT] << PAGE_SHIFT);
	add(f, VIRTIO_BALLOON_S_MAJFLT, events[PGMAJFAULT]);
	add(f, VIRTIO_BALLOON_S_MINFLT, events[PGFAULT]);
#ifdef CONFIG_HUGETLB_PAGE
	add(f, VIRTIO_BALLOON_S_HTLB_PGALLOC, events[HTLB_BUDDY_PGALLOC]);
	add(f, VIRTIO_BALLOON_S_HTLB_PGFAIL,
	    events[HTLB_BUDDY_PGALLOC_FAIL]);
#endif
}

/* Tags that came later; the kernel's header says whether there are any. */
static void add_pressure(struct filler *f, const unsigned long *events)
{
#ifdef VIRTIO_BALLOON_S_OOM_KILL
	const unsigned long *stalls = &events[ALLOCSTALL_NORMAL - ZONE_NORMAL];
	u64 stalled = 0;
	int zone;

	for (zone = 0; zone < MAX_NR_ZONES; zone++)
		stalled += stalls[zone];
	add(f, VIRTIO_BALLOON_S_OOM_KILL, events[OOM_KILL]);
	add(f, VIRTIO_BALLOON_S_ALLOC_STALL, stalled);
	add(f, VIRTIO_BALLOON_S_ASYNC_SCAN,
	    (u64)(events[PGSCAN_KSWAPD] + events[PGSCAN_KHUGEPAGED])
		    << PAGE_SHIFT);
	add(f, VIRTIO_BALLOON_S_DIRECT_SCAN,
	    (u64)events[PGSCAN_DIRECT] << PAGE_SHIFT);
	add(f, VIRTIO_BALLOON_S_ASYNC_RECLAIM,
	    (u64)(events[PGSTEAL_KSWAPD] + events[PGSTEAL_KHUGEPAGED])
		    << PAGE_SHIFT);
	add(f, VIRTIO_BALLOON_S_DIRECT_RECLAIM,
	    (u64)events[PGSTEAL_DIRECT] << PAGE_SHIFT);
#endif
}

static void add_events(struct filler *f)
{
	unsigned long events[NR_VM_EVENT_ITEMS];

	all_vm_events(events);
	add_paging(f, events);
	add_pressure(f, events);
}
#else
static void add_events(struct filler *f)
{
}
#endif

/* The buffer goes to the device: first of all, and whenever it came back. */
void vh_stats_post(struct virtio_balloon *vb)
{
	struct filler f = { .vb = vb };
	struct scatterlist sg;

	add_events(&f);
	add_sizes(&f);
	sg_init_one(&sg, vb->stats, f.n * sizeof(vb->stats[0]));
	if (!virtqueue_add_outbuf(vb->vq[VH_STATS], &sg, 1, vb, GFP_KERNEL))
		virtqueue_kick(vb->vq[VH_STATS]);
}

static void stats_work(struct work_struct *work)
{
	struct virtio_balloon *vb = container_of(work, struct virtio_balloon,
						 stats_work);
	unsigned int len;

	if (virtqueue_get_buf(vb->vq[VH_STATS], &len))
		vh_stats_post(vb);
}

void vh_stats_requested(struct virtqueue *vq)
{
	struct virtio_balloon *vb = vq->vdev->priv;
	unsigned long flags;

	spin_lock_irqsave(&vb->stop_lock, flags);
	if (!vb->stopped)
		queue_work(system_freezable_wq, &vb->stats_work);
	spin_unlock_irqrestore(&vb->stop_lock, flags);
}

void vh_stats_init(struct virtio_balloon *vb)
{
	INIT_WORK(&vb->stats_work, stats_work);
}
