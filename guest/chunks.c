// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choice and writing of the two encodings of a message. Knows the layout of
 * messages and nothing of queues, pages or locks.
 */
#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif
#include <asm/byteorder.h>

#include "chunks.h"
#include "vh_balloon_abi.h"

/* What the device takes for a bitmap's granule, log2 of bytes */
#define GRANULE_MIN	12
#define GRANULE_MAX	30

/* The longest bitmap, of the first ranges, that fits */
struct bitmap_plan {
	__u32 ranges;
	__u32 bits;
	__u32 granule;
};

__u32 vh_ranges_join(struct vh_range *ranges, __u32 n)
{
	__u32 i, last = 0;

	if (!n)
		return 0;

	for (i = 1; i < n; i++) {
		if (ranges[last].base + ranges[last].size == ranges[i].base)
			ranges[last].size += ranges[i].size;
		else
			ranges[++last] = ranges[i];
	}

	return last + 1;
}

/*
 * With each range the granule can only fall and the span only grow, so the
 * first range that does not fit ends the search.
 */
static struct bitmap_plan plan_bitmap(const struct vh_range *ranges, __u32 n,
				      __u32 room)
{
	struct bitmap_plan plan = { .granule = GRANULE_MAX };
	__u64 most = (__u64)room * 8;
	__u32 i, granule = GRANULE_MAX;

	/* count is a field of 32 bits */
	if (most > 0xffffffffULL)
		most = 0xffffffffULL;

	for (i = 0; i < n; i++) {
		__u64 end = ranges[i].base + ranges[i].size;
		__u64 bits;

		while (granule > GRANULE_MIN &&
		       ((ranges[i].base | ranges[i].size) &
			((1ULL << granule) - 1)))
			granule--;

		bits = (end - ranges[0].base) >> granule;
		if (bits > most)
			break;

		plan.ranges = i + 1;
		plan.bits = (__u32)bits;
		plan.granule = granule;
	}

	return plan;
}

static void set_bits(__u8 *bitmap, __u32 first, __u32 n)
{
	__u32 end = first + n;

	while (first < end && first % 8) {
		bitmap[first / 8] |= (__u8)(1U << first % 8);
		first++;
	}

	memset(bitmap + first / 8, 0xff, (end - first) / 8);
	first += (end - first) / 8 * 8;

	if (first < end)
		bitmap[first / 8] |= (__u8)((1U << (end - first)) - 1);
}

static void write_bitmap(const struct vh_range *ranges, void *buffer,
			 const struct bitmap_plan *plan, __u32 bytes)
{
	struct virtio_balloon_chunks *head = buffer;
	__u8 *bitmap = (__u8 *)(head + 1);
	__u32 i;

	head->encoding = __cpu_to_le16(VIRTIO_BALLOON_CHUNKS_BITMAP);
	head->granule = __cpu_to_le16((__u16)plan->granule);
	head->count = __cpu_to_le32(plan->bits);
	head->base = __cpu_to_le64(ranges[0].base);

	memset(bitmap, 0, bytes);
	for (i = 0; i < plan->ranges; i++) {
		__u64 offset = ranges[i].base - ranges[0].base;

		set_bits(bitmap, (__u32)(offset >> plan->granule),
			 (__u32)(ranges[i].size >> plan->granule));
	}
}

static void write_extents(const struct vh_range *ranges, __u32 n, void *buffer)
{
	struct virtio_balloon_chunks *head = buffer;
	struct virtio_balloon_extent *extent =
		(struct virtio_balloon_extent *)(head + 1);
	__u32 i;

	head->encoding = __cpu_to_le16(VIRTIO_BALLOON_CHUNKS_EXTENTS);
	head->granule = 0;
	head->count = __cpu_to_le32(n);
	head->base = 0;

	for (i = 0; i < n; i++) {
		extent[i].base = __cpu_to_le64(ranges[i].base);
		extent[i].size = __cpu_to_le64(ranges[i].size);
	}
}

__u32 vh_chunks_encode(const struct vh_range *ranges, __u32 n, void *buffer,
		       __u32 room, __u32 *used)
{
	const __u32 head = sizeof(struct virtio_balloon_chunks);
	const __u32 one = sizeof(struct virtio_balloon_extent);
	__u32 extents = (room - head) / one;
	struct bitmap_plan plan = plan_bitmap(ranges, n, room - head);
	/* Not (bits + 7) / 8: bits may be all that 32 bits can hold */
	__u32 bytes = plan.bits / 8 + !!(plan.bits % 8);

	if (extents > n)
		extents = n;

	if (plan.ranges > extents ||
	    (plan.ranges == extents && bytes < extents * one)) {
		write_bitmap(ranges, buffer, &plan, bytes);
		*used = plan.ranges;
		return head + bytes;
	}

	write_extents(ranges, extents, buffer);
	*used = extents;
	return head + extents * one;
}
