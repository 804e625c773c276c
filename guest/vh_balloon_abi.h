/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio balloon's interface as far as the kernel's own
 * <linux/virtio_balloon.h> does not have it: feature bits, configuration
 * space and messages. The guest's only definition of them; the QEMU series'
 * header has the same, and a test compares the two.
 */
#ifndef VH_BALLOON_ABI_H
#define VH_BALLOON_ABI_H

#include <linux/types.h>

/* The device says when free pages are to be reported */
#define VIRTIO_BALLOON_F_REPORTING_CTRL	22
/* The inflate and deflate queues take messages that name ranges */
#define VIRTIO_BALLOON_F_PAGE_CHUNKS	23

/*
 * Where struct virtio_balloon_reporting_ctrl lies in the configuration space.
 * From the end of the stock fields to here it reads as zero.
 */
#define VIRTIO_BALLOON_REPORTING_CTRL_OFFSET	64

/* mode */
#define VIRTIO_BALLOON_REPORTING_OFF		0
#define VIRTIO_BALLOON_REPORTING_CONTINUOUS	1

/* state, bits */
#define VIRTIO_BALLOON_REPORTING_S_CONTINUOUS	1
#define VIRTIO_BALLOON_REPORTING_S_PASS		2

/* pass_status */
#define VIRTIO_BALLOON_PASS_DONE	1
#define VIRTIO_BALLOON_PASS_LIMIT	2
#define VIRTIO_BALLOON_PASS_CANCELLED	3
#define VIRTIO_BALLOON_PASS_FAILED	4

/* The device writes the fields up to pass_limit, the driver those after it. */
struct virtio_balloon_reporting_ctrl {
	__le32 mode;
	__le32 pass_id;		/* a new value asks for a pass; 0 cancels */
	__le32 pass_granule;	/* log2 of bytes; 0: the driver's default */
	__le32 pass_flags;	/* reserved, 0 */
	__le64 pass_limit;	/* bytes; 0: none */
	__le32 state;
	__le32 granule;		/* log2 of bytes, in force for the pass */
	__le32 pass_status;	/* written before pass_done */
	__le32 pass_done;	/* id of the last pass that has ended */
};

/* encoding */
#define VIRTIO_BALLOON_CHUNKS_EXTENTS	1
#define VIRTIO_BALLOON_CHUNKS_BITMAP	2

/*
 * The head of a message. Behind it lie count extents, or count bits: bit n is
 * bit n % 8 of byte n / 8, and stands for the granule at base + (n << granule).
 */
struct virtio_balloon_chunks {
	__le16 encoding;
	__le16 granule;		/* bitmap: log2 of bytes, 12..30; extents: 0 */
	__le32 count;
	__le64 base;		/* bitmap: guest physical; extents: 0 */
};

/* In bytes, guest physical; multiples of 4096. */
struct virtio_balloon_extent {
	__le64 base;
	__le64 size;
};

#endif /* VH_BALLOON_ABI_H */
