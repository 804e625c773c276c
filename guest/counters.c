// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver has done, for the guest's owner:
 * <debugfs>/virtio_balloon/<device>/counters and walk.
 */
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/seq_file.h>

#include "balloon.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static struct dentry *root;

static const char *const names[VH_COUNTERS] = {
	[VH_REQUESTS] = "requests",
	[VH_BLOCKS] = "blocks",
	[VH_REPORTED_BYTES] = "reported_bytes",
	[VH_TOGGLES] = "toggles",
	[VH_PASSES_DONE] = "passes_done",
	[VH_PASSES_LIMIT] = "passes_limit",
	[VH_PASSES_CANCELLED] = "passes_cancelled",
	[VH_PASSES_FAILED] = "passes_failed",
	[VH_ROUNDS] = "rounds",
	[VH_LAST_PASS_ID] = "last_pass_id",
	[VH_LAST_PASS_STATUS] = "last_pass_status",
	[VH_LAST_PASS_BYTES] = "last_pass_bytes",
	[VH_LAST_PASS_US] = "last_pass_us",
	[VH_LAST_PASS_GRANULE] = "last_pass_granule",
	[VH_HINT_CYCLES] = "hint_cycles",
	[VH_HINTED_BYTES] = "hinted_bytes",
	[VH_INFLATE_MESSAGES] = "inflate_messages",
	[VH_INFLATE_BYTES] = "inflate_bytes",
	[VH_DEFLATE_MESSAGES] = "deflate_messages",
	[VH_DEFLATE_BYTES] = "deflate_bytes",
	[VH_EXTENTS_MESSAGES] = "extents_messages",
	[VH_BITMAP_MESSAGES] = "bitmap_messages",
	[VH_OOM_DEFLATED_BYTES] = "oom_deflated_bytes",
	[VH_COMPACTED_PAGES] = "compacted_pages",
	[VH_OFFLINED_BYTES] = "offlined_bytes",
	[VH_ALLOC_FAILURES] = "alloc_failures",
};

static int counters_show(struct seq_file *file, void *unused)
{
	struct virtio_balloon *vb = file->private;
	int i;

	seq_printf(file, "mode %d\n", READ_ONCE(vb->reporting.continuous));
	seq_printf(file, "state %u\n", READ_ONCE(vb->reporting.state));
	for (i = 0; i < VH_COUNTERS; i++)
		seq_printf(file, "%s %llu\n", names[i],
			   (u64)atomic64_read(&vb->counters[i]));
	seq_printf(file, "balloon_bytes %llu\n",
		   (u64)READ_ONCE(vb->num_pages) << PAGE_SHIFT);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

static int walk_show(struct seq_file *file, void *unused)
{
	struct virtio_balloon *vb = file->private;
	unsigned int order;

	seq_puts(file, "granule_bytes walks max_us\n");
	for (order = 0; order < VH_ORDERS; order++) {
		if (vb->reporting.walk_max_ns[order])
			seq_printf(file, "%lu %llu %llu\n", PAGE_SIZE << order,
				   vb->reporting.walks[order],
				   div_u64(vb->reporting.walk_max_ns[order],
					   NSEC_PER_USEC));
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(walk);

void vh_counters_add(struct virtio_balloon *vb)
{
	vb->debugfs = debugfs_create_dir(dev_name(&vb->vdev->dev), root);
	debugfs_create_file("counters", 0444, vb->debugfs, vb, &counters_fops);
	debugfs_create_file("walk", 0444, vb->debugfs, vb, &walk_fops);
}

void vh_counters_remove(struct virtio_balloon *vb)
{
	debugfs_remove(vb->debugfs);
}

void vh_counters_init(void)
{
	root = debugfs_create_dir("virtio_balloon", NULL);
}

void vh_counters_exit(void)
{
	debugfs_remove(root);
}
