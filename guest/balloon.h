/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's parts, and what they share.
 *
 * main.c   the device: features, queues, configuration changes, power
 * queue.c  gives a buffer to the device and waits until it has been used
 * size.c   towards the size the host asks for, and the messages about it
 * blocks.c the pages that are in the balloon
 * chunks.c messages that name ranges (no kernel in it)
 * report.c free pages to the host: continuously, and in passes
 * hint.c   free pages to a host that migrates the guest
 * stats.c  the guest's memory statistics
 * counters.c  debugfs
 *
 * Who works where: size.c on a freezable workqueue, report.c and hint.c on an
 * ordered one that is not freezable, because they flush the kernel's page
 * reporting, which works on a freezable one.
 */
#ifndef VH_BALLOON_H
#define VH_BALLOON_H

#include <linux/balloon_compaction.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/page_reporting.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "chunks.h"
#include "compat.h"
#include "vh_balloon_abi.h"

/* A message of page numbers, as the stock driver sends it. */
#define VH_PFNS			256
/* Ranges gathered for one message or several. */
#define VH_RANGES		1024
#define VH_MESSAGE_BYTES	(sizeof(struct virtio_balloon_chunks) + \
				 (VH_RANGES - 1) * \
				 sizeof(struct virtio_balloon_extent))
/* Out of the guest's reach until the device has used the message. */
#define VH_MESSAGE_PAGES	((128UL << 20) >> PAGE_SHIFT)

enum vh_queue {
	VH_INFLATE,
	VH_DEFLATE,
	VH_STATS,
	VH_FREE_PAGE,
	VH_REPORTING,
	VH_QUEUES
};

/* In the order in which debugfs shows them. */
enum vh_counter {
	VH_REQUESTS,
	VH_BLOCKS,
	VH_REPORTED_BYTES,
	VH_TOGGLES,
	VH_PASSES_DONE,
	VH_PASSES_LIMIT,
	VH_PASSES_CANCELLED,
	VH_PASSES_FAILED,
	VH_ROUNDS,
	VH_LAST_PASS_ID,
	VH_LAST_PASS_STATUS,
	VH_LAST_PASS_BYTES,
	VH_LAST_PASS_US,
	VH_LAST_PASS_GRANULE,
	VH_HINT_CYCLES,
	VH_HINTED_BYTES,
	VH_INFLATE_MESSAGES,
	VH_INFLATE_BYTES,
	VH_DEFLATE_MESSAGES,
	VH_DEFLATE_BYTES,
	VH_EXTENTS_MESSAGES,
	VH_BITMAP_MESSAGES,
	VH_OOM_DEFLATED_BYTES,
	VH_COMPACTED_PAGES,
	VH_OFFLINED_BYTES,
	VH_ALLOC_FAILURES,
	VH_COUNTERS
};

/* What the device has in the control block. */
struct vh_request {
	u32 mode;
	u32 id;
	u32 granule;
	u32 flags;
	u64 limit;
};

/*
 * A pass. Filled by the control work before it is put in force; from then on
 * the report callback writes bytes and status.
 */
struct vh_pass {
	struct vh_request request;
	unsigned int order;
	u64 bytes;
	u32 status;		/* VIRTIO_BALLOON_PASS_*; 0: goes on */
};

struct vh_reporting {
	struct page_reporting_dev_info prdev;
	bool registered;
	bool continuous;	/* registered for more than a pass */
	unsigned int order;	/* registered with it */

	struct workqueue_struct *wq;
	struct work_struct control;
	spinlock_t gate;	/* paused, against queueing the control work */
	bool paused;
	bool stop;		/* whatever runs is to end soon */
	bool stale;		/* configuration space has changed */

	u32 state;		/* as written to the device */
	u32 last_id;		/* dealt with last */
	struct vh_pass *pass;	/* in force: the callback's */
	struct vh_pass own;

	/* In the callback: out of the guest's reach until it returns. */
	u64 isolated;
	struct notifier_block oom;

	/* Time at which the free lists' lock was last known to be free. */
	ktime_t lists_free;
	u64 walk_max_ns[VH_ORDERS];
	u64 walk_recent_ns[VH_ORDERS];
	u64 walks[VH_ORDERS];
};

struct vh_hinting {
	u32 cmd_id;		/* dealt with last */
	bool cycle;		/* the callback hints */
	bool over;		/* the host has changed its mind */
	__virtio32 message;
};

struct virtio_balloon {
	struct virtio_device *vdev;
	struct virtqueue *vq[VH_QUEUES];
	wait_queue_head_t used;

	/* size.c */
	struct workqueue_struct *size_wq;
	struct delayed_work size_work;
	spinlock_t stop_lock;	/* stopped, against queueing work */
	bool stopped;
	struct vh_range *gathered;	/* the size work's */

	/* blocks.c; all of it under lock */
	struct mutex lock;
	struct balloon_dev_info pages;		/* order 0, movable */
	struct list_head blocks[VH_ORDERS];
	unsigned long num_pages;
	struct vh_range *ranges;
	void *message;
	__virtio32 pfns[VH_PFNS];
	struct notifier_block oom;
	struct notifier_block offline;

	/* stats.c */
	struct work_struct stats_work;
	struct virtio_balloon_stat stats[VIRTIO_BALLOON_S_NR];

	struct vh_reporting reporting;
	struct vh_hinting hinting;
	struct notifier_block pm;
	struct notifier_block reboot;

	atomic64_t counters[VH_COUNTERS];
	struct dentry *debugfs;
};

static inline void vh_count(struct virtio_balloon *vb, enum vh_counter counter,
			    u64 n)
{
	atomic64_add(n, &vb->counters[counter]);
}

static inline void vh_note(struct virtio_balloon *vb, enum vh_counter counter,
			   u64 value)
{
	atomic64_set(&vb->counters[counter], value);
}

/* queue.c: 0, or -EIO where the device is gone */
void vh_queue_used(struct virtqueue *vq);
int vh_queue_wait(struct virtio_balloon *vb, enum vh_queue queue,
		  unsigned int buffers);
int vh_queue_send(struct virtio_balloon *vb, enum vh_queue queue,
		  const void *data, size_t bytes);

/* size.c */
int vh_size_init(struct virtio_balloon *vb);
void vh_size_exit(struct virtio_balloon *vb);
void vh_size_stop(struct virtio_balloon *vb);
void vh_size_changed(struct virtio_balloon *vb);
void vh_size_write_actual(struct virtio_balloon *vb);
int vh_size_tell(struct virtio_balloon *vb, enum vh_queue queue,
		 struct vh_range *ranges, u32 n);

/* blocks.c: with vb->lock held, but for init, exit and empty */
int vh_blocks_init(struct virtio_balloon *vb);
void vh_blocks_exit(struct virtio_balloon *vb);
void vh_blocks_add(struct virtio_balloon *vb, struct page *page,
		   unsigned int order);
unsigned long vh_blocks_deflate(struct virtio_balloon *vb, unsigned long pages);
void vh_blocks_empty(struct virtio_balloon *vb);

/* report.c: may sleep, but for changed */
int vh_report_init(struct virtio_balloon *vb);
void vh_report_exit(struct virtio_balloon *vb);
void vh_report_changed(struct virtio_balloon *vb);
void vh_report_pause(struct virtio_balloon *vb);
void vh_report_resume(struct virtio_balloon *vb);
int vh_report_send(struct virtio_balloon *vb, struct scatterlist *sg,
		   unsigned int nents);
bool vh_report_rounds(struct virtio_balloon *vb, bool (*more)(void *),
		      void *data);
int vh_report_register(struct virtio_balloon *vb, unsigned int order);
void vh_report_unregister(struct virtio_balloon *vb);
void vh_report_go_on(struct virtio_balloon *vb);

/* hint.c: on the control work */
void vh_hint_update(struct virtio_balloon *vb);
int vh_hint_send(struct virtio_balloon *vb, struct scatterlist *sg,
		 unsigned int nents);

/* stats.c */
void vh_stats_init(struct virtio_balloon *vb);
void vh_stats_post(struct virtio_balloon *vb);
void vh_stats_requested(struct virtqueue *vq);

/* counters.c */
void vh_counters_init(void);
void vh_counters_exit(void);
void vh_counters_add(struct virtio_balloon *vb);
void vh_counters_remove(struct virtio_balloon *vb);

#endif /* VH_BALLOON_H */
