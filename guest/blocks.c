// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages that are in the balloon: single ones, which compaction may move
 * about, and blocks of higher orders, which it may not. They come out by the
 * host's wish, when the guest is out of memory, when the memory itself is to go
 * offline, and when the driver goes.
 */
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/slab.h>

#include "balloon.h"

/* What the guest gets back when it is out of memory, each time it asks. */
#define OOM_PAGES	((16UL << 20) >> PAGE_SHIFT)

/*
 * Where the balloon gives way to the guest's need its pages still count as the
 * guest's memory; otherwise they do not.
 */
static void adjust_managed(struct virtio_balloon *vb, struct page *page,
			   long pages)
{
	if (!virtio_has_feature(vb->vdev, VIRTIO_BALLOON_F_DEFLATE_ON_OOM))
		adjust_managed_page_count(page, pages);
}

static void keep(struct virtio_balloon *vb, struct page *page,
		 unsigned int order)
{
	unsigned long i;

	if (VH_COMPACTION && !order) {
		balloon_page_enqueue(&vb->pages, page);
		return;
	}
	/* A crash dump leaves them out, and offlining does not mind. */
	for (i = 0; i < 1UL << order; i++)
		__SetPageOffline(page + i);
	list_add(&page->lru, &vb->blocks[order]);
	count_vm_events(BALLOON_INFLATE, 1UL << order);
}

/* Takes in a block that the device has been told of. */
void vh_blocks_add(struct virtio_balloon *vb, struct page *page,
		   unsigned int order)
{
	keep(vb, page, order);
	adjust_managed(vb, page, -(1L << order));
	WRITE_ONCE(vb->num_pages, vb->num_pages + (1UL << order));
}

/* The reverse of keep() for a block. */
static void unlist(struct page *page, unsigned int order)
{
	unsigned long i;

	list_del(&page->lru);
	count_vm_events(BALLOON_DEFLATE, 1UL << order);
	for (i = 0; i < 1UL << order; i++)
		__ClearPageOffline(page + i);
}

/* Gives a block back to the kernel: it is in no list, and not marked. */
static void release(struct virtio_balloon *vb, struct page *page,
		    unsigned int order)
{
	adjust_managed(vb, page, 1L << order);
	WRITE_ONCE(vb->num_pages, vb->num_pages - (1UL << order));
	__free_pages(page, order);
}

/* What is about to come out: listed by order, and named for the message. */
struct leaving {
	struct list_head blocks[VH_ORDERS];
	unsigned long pages;
	u32 n;
};

static void leaving_init(struct leaving *out)
{
	unsigned int order;

	memset(out, 0, sizeof(*out));
	for (order = 0; order < VH_ORDERS; order++)
		INIT_LIST_HEAD(&out->blocks[order]);
}

static void leave(struct virtio_balloon *vb, struct leaving *out,
		  struct page *page, unsigned int order)
{
	list_add(&page->lru, &out->blocks[order]);
	vb->ranges[out->n].base = page_to_phys(page);
	vb->ranges[out->n++].size = PAGE_SIZE << order;
	out->pages += 1UL << order;
}

/* Tells the device first, always: it may have been promised, and costs little. */
static void leaving_finish(struct virtio_balloon *vb, struct leaving *out)
{
	struct page *page, *next;
	unsigned int order;

	if (!out->n)
		return;
	vh_size_tell(vb, VH_DEFLATE, vb->ranges, out->n);
	for (order = 0; order < VH_ORDERS; order++) {
		list_for_each_entry_safe(page, next, &out->blocks[order], lru) {
			list_del(&page->lru);
			release(vb, page, order);
		}
	}
}

/* Single pages, those that compaction does not hold right now. */
static void take_pages(struct virtio_balloon *vb, unsigned long pages,
		       struct leaving *out)
{
	struct page *page, *next;
	LIST_HEAD(taken);

	balloon_page_list_dequeue(&vb->pages, &taken,
				  min_t(unsigned long, pages,
					VH_RANGES - out->n));
	list_for_each_entry_safe(page, next, &taken, lru) {
		list_del(&page->lru);
		leave(vb, out, page, 0);
	}
}

static void take_blocks(struct virtio_balloon *vb, unsigned long pages,
			struct leaving *out)
{
	int order;

	for (order = VH_MAX_ORDER; order >= 0; order--) {
		while (out->n < VH_RANGES &&
		       out->pages + (1UL << order) <= pages) {
			struct page *page =
				list_first_entry_or_null(&vb->blocks[order],
							 struct page, lru);

			if (!page)
				break;
			unlist(page, order);
			leave(vb, out, page, order);
		}
	}
}

/* Makes single pages of the smallest block. False: there is no block. */
static bool split_one(struct virtio_balloon *vb)
{
	unsigned int order;
	struct page *page;
	unsigned long i;

	for (order = 1; order < VH_ORDERS; order++) {
		page = list_first_entry_or_null(&vb->blocks[order],
						struct page, lru);
		if (!page)
			continue;
		unlist(page, order);
		split_page(page, order);
		for (i = 0; i < 1UL << order; i++)
			keep(vb, page + i, 0);
		return true;
	}
	return false;
}

/*
 * Takes up to `pages` out of the balloon, at most a message's worth. How many
 * it were: fewer where compaction holds some.
 */
unsigned long vh_blocks_deflate(struct virtio_balloon *vb, unsigned long pages)
{
	struct leaving out;

	leaving_init(&out);
	pages = min(pages, VH_MESSAGE_PAGES);
	take_blocks(vb, pages, &out);
	take_pages(vb, pages - out.pages, &out);
	if (out.pages < pages && out.n < VH_RANGES && split_one(vb)) {
		take_blocks(vb, pages, &out);
		take_pages(vb, pages - out.pages, &out);
	}
	leaving_finish(vb, &out);
	return out.pages;
}

/* The last: the device is reset or about to be, or is gone. */
void vh_blocks_empty(struct virtio_balloon *vb)
{
	mutex_lock(&vb->lock);
	/* Compaction's hold is short. */
	while (vb->num_pages) {
		if (!vh_blocks_deflate(vb, vb->num_pages))
			schedule_timeout_uninterruptible(1);
	}
	mutex_unlock(&vb->lock);
}

static int oom_notified(struct notifier_block *nb, unsigned long action,
			void *freed)
{
	struct virtio_balloon *vb = container_of(nb, struct virtio_balloon,
						 oom);
	unsigned long pages, done = 0;

	mutex_lock(&vb->lock);
	while (done < OOM_PAGES) {
		pages = vh_blocks_deflate(vb, OOM_PAGES - done);
		if (!pages)
			break;
		done += pages;
	}
	mutex_unlock(&vb->lock);
	if (done) {
		vh_size_write_actual(vb);
		vh_count(vb, VH_OOM_DEFLATED_BYTES, (u64)done << PAGE_SHIFT);
	}
	*(unsigned long *)freed += done;
	return NOTIFY_OK;
}

/* Memory that goes offline takes the blocks in it out of the balloon. */
static bool take_inside(struct virtio_balloon *vb, unsigned long start,
			unsigned long end)
{
	struct page *page, *next;
	struct leaving out;
	unsigned int order;

	leaving_init(&out);
	for (order = 0; order < VH_ORDERS; order++) {
		list_for_each_entry_safe(page, next, &vb->blocks[order], lru) {
			if (page_to_pfn(page) < start ||
			    page_to_pfn(page) >= end || out.n == VH_RANGES)
				continue;
			unlist(page, order);
			leave(vb, &out, page, order);
		}
	}
	leaving_finish(vb, &out);
	vh_count(vb, VH_OFFLINED_BYTES, (u64)out.pages << PAGE_SHIFT);
	return out.n;
}

static int going_offline(struct notifier_block *nb, unsigned long action,
			 void *data)
{
	struct virtio_balloon *vb = container_of(nb, struct virtio_balloon,
						 offline);
	const struct memory_notify *memory = data;
	bool taken = false;

	if (action != MEM_GOING_OFFLINE)
		return NOTIFY_DONE;
	mutex_lock(&vb->lock);
	while (take_inside(vb, memory->start_pfn,
			   memory->start_pfn + memory->nr_pages))
		taken = true;
	mutex_unlock(&vb->lock);
	if (taken) {
		vh_size_write_actual(vb);
		vh_size_changed(vb);
	}
	return NOTIFY_OK;
}

#if VH_COMPACTION
static void tell_page(struct virtio_balloon *vb, enum vh_queue queue,
		      struct page *page)
{
	vb->ranges[0].base = page_to_phys(page);
	vb->ranges[0].size = PAGE_SIZE;
	vh_size_tell(vb, queue, vb->ranges, 1);
}

/*
 * Compaction wants `page`, and has `newpage` to go into the balloon for it. The
 * old page comes out when the device knows of both.
 */
static int migrate_page(struct balloon_dev_info *pages, struct page *newpage,
			struct page *page, enum migrate_mode mode)
{
	struct virtio_balloon *vb = container_of(pages, struct virtio_balloon,
						 pages);
	unsigned long flags;

	/* The lock's holder may be waiting for this very compaction. */
	if (READ_ONCE(vb->stopped) || !mutex_trylock(&vb->lock))
		return -EAGAIN;
	tell_page(vb, VH_INFLATE, newpage);
	get_page(newpage);
	spin_lock_irqsave(&pages->pages_lock, flags);
	balloon_page_insert(pages, newpage);
	pages->isolated_pages--;
	__count_vm_event(BALLOON_MIGRATE);
	spin_unlock_irqrestore(&pages->pages_lock, flags);
	if (page_zone(page) != page_zone(newpage)) {
		adjust_managed(vb, page, 1);
		adjust_managed(vb, newpage, -1);
	}
	tell_page(vb, VH_DEFLATE, page);
	mutex_unlock(&vb->lock);

	balloon_page_finalize(page);
	put_page(page);
	vh_count(vb, VH_COMPACTED_PAGES, 1);
	return MIGRATEPAGE_SUCCESS;
}
#endif

static void free_buffers(struct virtio_balloon *vb)
{
	kfree(vb->message);
	kfree(vb->ranges);
	kfree(vb->gathered);
}

static int alloc_buffers(struct virtio_balloon *vb)
{
	vb->message = kmalloc(VH_MESSAGE_BYTES, GFP_KERNEL);
	vb->ranges = kmalloc_array(VH_RANGES, sizeof(*vb->ranges), GFP_KERNEL);
	vb->gathered = kmalloc_array(VH_RANGES, sizeof(*vb->gathered),
				     GFP_KERNEL);
	if (vb->message && vb->ranges && vb->gathered)
		return 0;
	free_buffers(vb);
	return -ENOMEM;
}

int vh_blocks_init(struct virtio_balloon *vb)
{
	unsigned int order;
	int err = alloc_buffers(vb);

	if (err)
		return err;
	mutex_init(&vb->lock);
	for (order = 0; order < VH_ORDERS; order++)
		INIT_LIST_HEAD(&vb->blocks[order]);
	balloon_devinfo_init(&vb->pages);
#if VH_COMPACTION
	vb->pages.migratepage = migrate_page;
#endif
	vb->offline.notifier_call = going_offline;
	err = register_memory_notifier(&vb->offline);
	if (err) {
		free_buffers(vb);
		return err;
	}
	if (virtio_has_feature(vb->vdev, VIRTIO_BALLOON_F_DEFLATE_ON_OOM)) {
		vb->oom.notifier_call = oom_notified;
		err = register_oom_notifier(&vb->oom);
		if (err) {
			unregister_memory_notifier(&vb->offline);
			free_buffers(vb);
		}
	}
	return err;
}

/* The balloon is empty. */
void vh_blocks_exit(struct virtio_balloon *vb)
{
	if (vb->oom.notifier_call)
		unregister_oom_notifier(&vb->oom);
	unregister_memory_notifier(&vb->offline);
	free_buffers(vb);
}
