// SPDX-License-Identifier: GPL-2.0-only
/*
 * The size of the balloon: towards what the host asks for, one message at a
 * time so that a new target counts at once, and what the messages say.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sort.h>
#include <linux/vmstat.h>

#include "balloon.h"
#include "trace.h"

#define RETRY_DELAY	(HZ / 5)
#define PFNS_PER_PAGE	(PAGE_SIZE >> VIRTIO_BALLOON_PFN_SHIFT)

static bool has_chunks(struct virtio_balloon *vb)
{
	return virtio_has_feature(vb->vdev, VIRTIO_BALLOON_F_PAGE_CHUNKS);
}

/* Pages to inflate; negative: to deflate. */
static s64 distance(struct virtio_balloon *vb)
{
	u32 target;

	virtio_cread_le(vb->vdev, struct virtio_balloon_config, num_pages,
			&target);
	return (s64)DIV_ROUND_UP(target, PFNS_PER_PAGE) -
	       (s64)READ_ONCE(vb->num_pages);
}

/* Under the lock, or an older size could be written last. */
void vh_size_write_actual(struct virtio_balloon *vb)
{
	u32 actual;

	mutex_lock(&vb->lock);
	actual = vb->num_pages * PFNS_PER_PAGE;
	virtio_cwrite_le(vb->vdev, struct virtio_balloon_config, actual,
			 &actual);
	mutex_unlock(&vb->lock);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct vh_range *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static int tell_chunks(struct virtio_balloon *vb, enum vh_queue queue,
		       const struct vh_range *ranges, u32 n)
{
	const struct virtio_balloon_chunks *header = vb->message;
	u32 length, used;
	int err;

	for (; n; ranges += used, n -= used) {
		length = vh_chunks_encode(ranges, n, vb->message,
					  VH_MESSAGE_BYTES, &used);
		err = vh_queue_send(vb, queue, vb->message, length);
		if (err)
			return err;
		vh_count(vb, le16_to_cpu(header->encoding) ==
				     VIRTIO_BALLOON_CHUNKS_BITMAP ?
				     VH_BITMAP_MESSAGES : VH_EXTENTS_MESSAGES,
			 1);
		vh_count(vb, queue == VH_INFLATE ? VH_INFLATE_MESSAGES :
						   VH_DEFLATE_MESSAGES, 1);
	}
	return 0;
}

static int tell_some_pfns(struct virtio_balloon *vb, enum vh_queue queue,
			  unsigned int n)
{
	vh_count(vb, queue == VH_INFLATE ? VH_INFLATE_MESSAGES :
					   VH_DEFLATE_MESSAGES, 1);
	return vh_queue_send(vb, queue, vb->pfns, n * sizeof(vb->pfns[0]));
}

static int tell_pfns(struct virtio_balloon *vb, enum vh_queue queue,
		     const struct vh_range *ranges, u32 n)
{
	unsigned int used = 0;
	int err = 0;
	u64 at;

	for (; n && !err; ranges++, n--) {
		for (at = ranges->base; at < ranges->base + ranges->size && !err;
		     at += 1 << VIRTIO_BALLOON_PFN_SHIFT) {
			vb->pfns[used++] = cpu_to_virtio32(vb->vdev,
							   at >> VIRTIO_BALLOON_PFN_SHIFT);
			if (used == VH_PFNS) {
				err = tell_some_pfns(vb, queue, used);
				used = 0;
			}
		}
	}
	return err || !used ? err : tell_some_pfns(vb, queue, used);
}

/*
 * Says that the n ranges go into the balloon, or come out of it, and waits
 * until the device has taken note. They are in another order afterwards.
 * vb->lock is held: it is also what the message's buffer belongs to.
 */
int vh_size_tell(struct virtio_balloon *vb, enum vh_queue queue,
		 struct vh_range *ranges, u32 n)
{
	u64 bytes = 0;
	u32 i;

	for (i = 0; i < n; i++)
		bytes += ranges[i].size;
	vh_count(vb, queue == VH_INFLATE ? VH_INFLATE_BYTES : VH_DEFLATE_BYTES,
		 bytes);
	trace_balloon_message(queue == VH_INFLATE, n, bytes);
	if (!has_chunks(vb))
		return tell_pfns(vb, queue, ranges, n);
	sort(ranges, n, sizeof(*ranges), compare_ranges, NULL);
	return tell_chunks(vb, queue, ranges, vh_ranges_join(ranges, n));
}

/*
 * Above order 0 nothing is reclaimed for a block, and none is kept that brings
 * its zone down to where the kernel begins to reclaim: what is left then is for
 * order 0 to take, a page at a time and with the kernel's usual care.
 */
static struct page *alloc_block(unsigned int order)
{
	struct page *page;
	struct zone *zone;

	if (!order)
		return balloon_page_alloc();
	page = alloc_pages((GFP_HIGHUSER & ~__GFP_RECLAIM) | __GFP_NOMEMALLOC |
			   __GFP_NORETRY | __GFP_NOWARN, order);
	if (!page)
		return NULL;
	zone = page_zone(page);
	if (zone_page_state(zone, NR_FREE_PAGES) > high_wmark_pages(zone))
		return page;
	__free_pages(page, order);
	return NULL;
}

/*
 * Takes up to `want` pages from the kernel, largest blocks first, and lists
 * them by order in `blocks`. The number of blocks, whose ranges are gathered.
 */
static u32 gather(struct virtio_balloon *vb, unsigned long want,
		  struct list_head *blocks)
{
	bool chunks = has_chunks(vb);
	u32 most = chunks ? VH_RANGES : VH_PFNS, n = 0;
	unsigned int order = chunks ? VH_MAX_ORDER : 0;
	struct page *page;

	want = min(want, VH_MESSAGE_PAGES);
	while (want && n < most) {
		order = min_t(unsigned int, order, ilog2(want));
		page = alloc_block(order);
		if (!page && !order) {
			vh_count(vb, VH_ALLOC_FAILURES, 1);
			break;
		}
		if (!page) {
			order--;
			continue;
		}
		list_add(&page->lru, &blocks[order]);
		vb->gathered[n].base = page_to_phys(page);
		vb->gathered[n++].size = PAGE_SIZE << order;
		want -= 1UL << order;
		cond_resched();
	}
	return n;
}

/*
 * One message's worth. Where the device is gone and does not take it, the
 * pages are kept nevertheless: the driver's removal frees them.
 */
static bool inflate(struct virtio_balloon *vb, unsigned long pages)
{
	struct list_head blocks[VH_ORDERS];
	struct page *page, *next;
	unsigned int order;
	int err;
	u32 n;

	for (order = 0; order < VH_ORDERS; order++)
		INIT_LIST_HEAD(&blocks[order]);
	n = gather(vb, pages, blocks);
	if (!n)
		return false;
	mutex_lock(&vb->lock);
	err = vh_size_tell(vb, VH_INFLATE, vb->gathered, n);
	for (order = 0; order < VH_ORDERS; order++) {
		list_for_each_entry_safe(page, next, &blocks[order], lru) {
			list_del(&page->lru);
			vh_blocks_add(vb, page, order);
		}
	}
	mutex_unlock(&vb->lock);
	return !err;
}

static bool deflate(struct virtio_balloon *vb, unsigned long pages)
{
	unsigned long done;

	mutex_lock(&vb->lock);
	done = vh_blocks_deflate(vb, pages);
	mutex_unlock(&vb->lock);
	return done;
}

static void queue_size_work(struct virtio_balloon *vb, unsigned long delay)
{
	unsigned long flags;

	spin_lock_irqsave(&vb->stop_lock, flags);
	if (!vb->stopped)
		mod_delayed_work(vb->size_wq, &vb->size_work, delay);
	spin_unlock_irqrestore(&vb->stop_lock, flags);
}

static void size_work(struct work_struct *work)
{
	struct virtio_balloon *vb = container_of(to_delayed_work(work),
						 struct virtio_balloon,
						 size_work);
	s64 pages = distance(vb);
	bool moved;

	if (!pages)
		return;
	moved = pages > 0 ? inflate(vb, pages) : deflate(vb, -pages);
	vh_size_write_actual(vb);
	/* Short of memory: the guest needs a moment to find some. */
	if (distance(vb))
		queue_size_work(vb, moved ? 0 : RETRY_DELAY);
}

void vh_size_changed(struct virtio_balloon *vb)
{
	queue_size_work(vb, 0);
}

/* What is with the device comes back; nothing more is sent of its own accord. */
void vh_size_stop(struct virtio_balloon *vb)
{
	spin_lock_irq(&vb->stop_lock);
	WRITE_ONCE(vb->stopped, true);
	spin_unlock_irq(&vb->stop_lock);
	cancel_delayed_work_sync(&vb->size_work);
}

/* Unbound: the kernel may have 128 MiB to clear for a message. */
int vh_size_init(struct virtio_balloon *vb)
{
	INIT_DELAYED_WORK(&vb->size_work, size_work);
	spin_lock_init(&vb->stop_lock);
	vb->size_wq = alloc_workqueue("virtio_balloon_size",
				      WQ_FREEZABLE | WQ_UNBOUND, 1);
	return vb->size_wq ? 0 : -ENOMEM;
}

void vh_size_exit(struct virtio_balloon *vb)
{
	destroy_workqueue(vb->size_wq);
}
