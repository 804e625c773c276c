/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, and the only place that asks for a version.
 * Built and run: 6.1, 6.12. 5.15 to 6.0 and what is newer than 6.12: written
 * from their headers, never run.
 */
#ifndef VH_COMPAT_H
#define VH_COMPAT_H

#include <linux/balloon_compaction.h>
#include <linux/mmzone.h>
#include <linux/page_reporting.h>
#include <linux/version.h>
#include <linux/virtio_config.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
#error "virtio_balloon needs Linux 5.15 or later"
#endif

/* The buddy allocator's largest order, which changed its name and meaning. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define VH_MAX_ORDER	MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define VH_MAX_ORDER	MAX_ORDER
#else
#define VH_MAX_ORDER	(MAX_ORDER - 1)
#endif
#define VH_ORDERS	(VH_MAX_ORDER + 1)

/*
 * Movable pages without an inode of the driver's own. Before, order 0 is kept
 * with the other orders, and compaction passes it by.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0) && \
	defined(CONFIG_BALLOON_COMPACTION)
#define VH_COMPACTION	1
#else
#define VH_COMPACTION	0
#endif

/* With pages of 64 KiB the kernel's choice would be 512 MiB, which is never free. */
#if defined(CONFIG_ARM64) && defined(CONFIG_ARM64_64K_PAGES)
#define VH_DEFAULT_ORDER	5
#else
#define VH_DEFAULT_ORDER	pageblock_order
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 17, 0)
static inline void virtio_reset_device(struct virtio_device *vdev)
{
	vdev->config->reset(vdev);
}
#endif

/*
 * The order of page reporting. From 6.2 on it is one exported variable, kept
 * over registrations and the administrator's as a kernel parameter; before,
 * each registration sets it, and 0 stands for the default.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define VH_REPORT_MIN_ORDER	0

/* Exported to modules, but declared in no header that they can include. */
extern unsigned int page_reporting_order;

static inline unsigned int vh_compat_default_order(void)
{
	return page_reporting_order <= VH_MAX_ORDER ? page_reporting_order :
						      VH_DEFAULT_ORDER;
}

static inline int vh_compat_register(struct page_reporting_dev_info *prdev,
				     unsigned int order)
{
	unsigned int kept = page_reporting_order;
	int err;

	page_reporting_order = order;
	err = page_reporting_register(prdev);
	if (err)
		page_reporting_order = kept;
	return err;
}

static inline void vh_compat_set_order(unsigned int order)
{
	page_reporting_order = order;
}
#else
#define VH_REPORT_MIN_ORDER	1

static inline unsigned int vh_compat_default_order(void)
{
	return VH_DEFAULT_ORDER;
}

static inline int vh_compat_register(struct page_reporting_dev_info *prdev,
				     unsigned int order)
{
	prdev->order = order;
	return page_reporting_register(prdev);
}

static inline void vh_compat_set_order(unsigned int order)
{
}
#endif

/* A queue without a name is one that the device does not have. */
static inline int vh_compat_find_vqs(struct virtio_device *vdev,
				     unsigned int n, struct virtqueue *vqs[],
				     vq_callback_t *callbacks[],
				     const char *const names[])
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct virtqueue_info info[8] = {};
	unsigned int i;

	if (WARN_ON(n > ARRAY_SIZE(info)))
		return -EINVAL;
	for (i = 0; i < n; i++) {
		info[i].name = names[i];
		info[i].callback = callbacks[i];
	}
	return virtio_find_vqs(vdev, n, vqs, info, NULL);
#else
	return virtio_find_vqs(vdev, n, vqs, callbacks, names, NULL);
#endif
}

#endif /* VH_COMPAT_H */
