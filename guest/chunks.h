/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From ranges of guest memory to the messages that name them on the inflate
 * and deflate queues. Arithmetic on memory that the caller owns: no call of
 * the kernel's, no allocation, no state, so that tests outside of the kernel
 * compile these very sources.
 */
#ifndef VH_CHUNKS_H
#define VH_CHUNKS_H

#include <linux/types.h>

/*
 * In bytes, guest physical: multiples of 4096, size not 0, and base + size at
 * most 2^64 - 4096, which is what a message can name.
 */
struct vh_range {
	__u64 base;
	__u64 size;
};

/*
 * Makes one of each run of ranges that touch, in place. The n ranges are
 * sorted by address and do not overlap. Returns how many are left.
 */
__u32 vh_ranges_join(struct vh_range *ranges, __u32 n);

/*
 * Writes one message, with the first of n ranges as vh_ranges_join() leaves
 * them, to the room bytes at buffer. n is not 0, room is enough for one extent
 * (32 bytes), and buffer is aligned to 8 bytes. The encoding is the one that
 * takes more of the ranges; where both take the same number, the one that
 * makes the shorter message, and extents where that is the same too.
 *
 * Returns the length of the message in bytes. *used is the number of ranges in
 * it, at least 1; no message that fits into room has more.
 */
__u32 vh_chunks_encode(const struct vh_range *ranges, __u32 n, void *buffer,
		       __u32 room, __u32 *used);

#endif /* VH_CHUNKS_H */
