// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio memory balloon: the device, its features and queues, and when each
 * part works. What the parts do is in their own files; see balloon.h.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page_reporting.h>
#include <linux/slab.h>

#include "balloon.h"

static void config_changed(struct virtio_device *vdev)
{
	struct virtio_balloon *vb = vdev->priv;

	vh_size_changed(vb);
	vh_report_changed(vb);
}

static int find_queues(struct virtio_balloon *vb)
{
	const char *names[VH_QUEUES] = {
		[VH_INFLATE] = "inflate",
		[VH_DEFLATE] = "deflate",
	};
	vq_callback_t *callbacks[VH_QUEUES] = {
		[VH_INFLATE] = vh_queue_used,
		[VH_DEFLATE] = vh_queue_used,
		[VH_STATS] = vh_stats_requested,
		[VH_FREE_PAGE] = vh_queue_used,
		[VH_REPORTING] = vh_queue_used,
	};

	if (virtio_has_feature(vb->vdev, VIRTIO_BALLOON_F_STATS_VQ))
		names[VH_STATS] = "stats";
	if (virtio_has_feature(vb->vdev, VIRTIO_BALLOON_F_FREE_PAGE_HINT))
		names[VH_FREE_PAGE] = "free_page";
	if (virtio_has_feature(vb->vdev, VIRTIO_BALLOON_F_REPORTING))
		names[VH_REPORTING] = "reporting";
	return vh_compat_find_vqs(vb->vdev, VH_QUEUES, vb->vq, callbacks,
				  names);
}

/* The kernel relies on what its free pages hold, and with what. */
static bool poisons_free_pages(u32 *value)
{
	u8 byte = PAGE_POISON;

	if (want_init_on_free())
		byte = 0;
	else if (!page_poisoning_enabled_static())
		return false;
	memset(value, byte, sizeof(*value));
	return true;
}

static void write_poison(struct virtio_balloon *vb)
{
	u32 value;

	if (virtio_has_feature(vb->vdev, VIRTIO_BALLOON_F_PAGE_POISON) &&
	    poisons_free_pages(&value))
		virtio_cwrite_le(vb->vdev, struct virtio_balloon_config,
				 poison_val, &value);
}

/* Queues are there and the device is ready: whatever it asked for can begin. */
static int start(struct virtio_balloon *vb)
{
	int err = find_queues(vb);

	if (err)
		return err;
	/* The device begins anew, and another one may count from 1 again. */
	vb->reporting.state = 0;
	vb->reporting.last_id = 0;
	vb->hinting.cmd_id = VIRTIO_BALLOON_CMD_ID_STOP;
	write_poison(vb);
	virtio_device_ready(vb->vdev);
	spin_lock_irq(&vb->stop_lock);
	vb->stopped = false;
	spin_unlock_irq(&vb->stop_lock);
	if (vb->vq[VH_STATS])
		vh_stats_post(vb);
	vh_size_changed(vb);
	return 0;
}

/* The reverse, with reporting paused before: nothing is with the device then. */
static void stop(struct virtio_balloon *vb)
{
	vh_size_stop(vb);
	cancel_work_sync(&vb->stats_work);

	vh_blocks_empty(vb);
	vh_size_write_actual(vb);
	virtio_reset_device(vb->vdev);
	vb->vdev->config->del_vqs(vb->vdev);
	memset(vb->vq, 0, sizeof(vb->vq));
}

static void tell_log(struct virtio_balloon *vb)
{
	struct virtio_device *vdev = vb->vdev;

	dev_info(&vdev->dev, "virthint balloon: messages of %s, reporting %s\n",
		 virtio_has_feature(vdev, VIRTIO_BALLOON_F_PAGE_CHUNKS) ?
			 "ranges" : "page numbers",
		 virtio_has_feature(vdev, VIRTIO_BALLOON_F_REPORTING_CTRL) ?
			 "under the host's control" :
		 vb->vq[VH_REPORTING] ? "always on" : "not offered");
}

static int probe_parts(struct virtio_balloon *vb)
{
	int err;

	vh_stats_init(vb);
	err = vh_size_init(vb);
	if (err)
		return err;
	err = vh_blocks_init(vb);
	if (err)
		goto no_blocks;
	err = vh_report_init(vb);
	if (err)
		goto no_reporting;
	return 0;

no_reporting:
	vh_blocks_exit(vb);
no_blocks:
	vh_size_exit(vb);
	return err;
}

static int probe(struct virtio_device *vdev)
{
	struct virtio_balloon *vb;
	int err;

	if (!vdev->config->get) {
		dev_err(&vdev->dev, "the device has no configuration space\n");
		return -EINVAL;
	}
	vb = kzalloc(sizeof(*vb), GFP_KERNEL);
	if (!vb)
		return -ENOMEM;
	vdev->priv = vb;
	vb->vdev = vdev;
	vb->stopped = true;
	vb->reporting.paused = true;
	init_waitqueue_head(&vb->used);
	err = probe_parts(vb);
	if (err)
		goto free;
	err = start(vb);
	if (err)
		goto exit_parts;
	vh_counters_add(vb);
	tell_log(vb);
	vh_report_resume(vb);
	return 0;

exit_parts:
	vh_report_exit(vb);
	vh_blocks_exit(vb);
	vh_size_exit(vb);
free:
	kfree(vb);
	return err;
}

static void remove(struct virtio_device *vdev)
{
	struct virtio_balloon *vb = vdev->priv;

	vh_counters_remove(vb);
	/* First, so that no suspend can resume it in between. */
	vh_report_exit(vb);
	stop(vb);
	vh_blocks_exit(vb);
	vh_size_exit(vb);
	kfree(vb);
}

#ifdef CONFIG_PM_SLEEP
/* Reporting is paused already, since work was still possible. */
static int freeze(struct virtio_device *vdev)
{
	stop(vdev->priv);
	return 0;
}

static int restore(struct virtio_device *vdev)
{
	return start(vdev->priv);
}
#endif

/* Bits that make no sense without another one, or with this kernel. */
static int validate(struct virtio_device *vdev)
{
	bool poisons;
	u32 value;

	/*
	 * Where the kernel relies on what free pages hold, the host has to know
	 * it, or they must not be reported; and what was only hinted may come
	 * back with any contents.
	 */
	poisons = poisons_free_pages(&value);
	if (!poisons)
		__virtio_clear_bit(vdev, VIRTIO_BALLOON_F_PAGE_POISON);
	if (poisons)
		__virtio_clear_bit(vdev, VIRTIO_BALLOON_F_FREE_PAGE_HINT);
	if (poisons && !virtio_has_feature(vdev, VIRTIO_BALLOON_F_PAGE_POISON))
		__virtio_clear_bit(vdev, VIRTIO_BALLOON_F_REPORTING);
	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1)) {
		__virtio_clear_bit(vdev, VIRTIO_BALLOON_F_REPORTING_CTRL);
		__virtio_clear_bit(vdev, VIRTIO_BALLOON_F_PAGE_CHUNKS);
	}
	if (!virtio_has_feature(vdev, VIRTIO_BALLOON_F_REPORTING))
		__virtio_clear_bit(vdev, VIRTIO_BALLOON_F_REPORTING_CTRL);
	/* Addresses in messages are the guest's, whatever an IOMMU says. */
	__virtio_clear_bit(vdev, VIRTIO_F_ACCESS_PLATFORM);
	return 0;
}

static const struct virtio_device_id ids[] = {
	{ VIRTIO_ID_BALLOON, VIRTIO_DEV_ANY_ID },
	{ 0 },
};
MODULE_DEVICE_TABLE(virtio, ids);

static const unsigned int features[] = {
	VIRTIO_BALLOON_F_MUST_TELL_HOST,
	VIRTIO_BALLOON_F_STATS_VQ,
	VIRTIO_BALLOON_F_DEFLATE_ON_OOM,
	VIRTIO_BALLOON_F_FREE_PAGE_HINT,
	VIRTIO_BALLOON_F_PAGE_POISON,
	VIRTIO_BALLOON_F_REPORTING,
	VIRTIO_BALLOON_F_REPORTING_CTRL,
	VIRTIO_BALLOON_F_PAGE_CHUNKS,
};

static struct virtio_driver driver = {
	.feature_table = features,
	.feature_table_size = ARRAY_SIZE(features),
	.driver.name = KBUILD_MODNAME,
	.driver.owner = THIS_MODULE,
	.id_table = ids,
	.validate = validate,
	.probe = probe,
	.remove = remove,
	.config_changed = config_changed,
#ifdef CONFIG_PM_SLEEP
	.freeze = freeze,
	.restore = restore,
#endif
};

static int __init init(void)
{
	int err;

	vh_counters_init();
	err = register_virtio_driver(&driver);
	if (err)
		vh_counters_exit();
	return err;
}

static void __exit done(void)
{
	unregister_virtio_driver(&driver);
	vh_counters_exit();
}

module_init(init);
module_exit(done);
MODULE_DESCRIPTION("Virtio memory balloon with reporting under the host's control");
MODULE_AUTHOR("The virthint authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
