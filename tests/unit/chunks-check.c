/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offsets, encodings and limits are written out here as docs/device.md has them: taken from the
 * driver's own header, a mistake there would be invisible. */
#include "chunks-check.h"

#include <string.h>

#define ENCODING_EXTENTS 1
#define ENCODING_BITMAP 2
#define GRANULE_MIN 12
#define GRANULE_MAX 30

/* Behind the room that the encoder gets, to see that it stays within. */
#define GUARD_BYTES 64

typedef struct {
    guint ranges;
    guint64 bytes; /* without the head */
} Best;

static guint64 read_le(const guint8 *at, guint bytes)
{
    guint64 value = 0;

    for (guint i = bytes; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

/* FALSE where the range is none, or comes before the ones it follows. */
static gboolean add_range(GArray *ranges, guint64 base, guint64 size)
{
    struct vh_range range = {base, size};
    struct vh_range *last;

    if (size == 0 || (base | size) % CHUNKS_PAGE_BYTES != 0 || base > G_MAXUINT64 - size)
        return FALSE;
    last = ranges->len > 0 ? &g_array_index(ranges, struct vh_range, ranges->len - 1) : NULL;
    if (last && base < last->base + last->size)
        return FALSE;
    if (last && base == last->base + last->size)
        last->size += size;
    else
        g_array_append_val(ranges, range);
    return TRUE;
}

static const char *decode_extents(const guint8 *message, gsize length, GArray *ranges)
{
    guint64 count = read_le(message + 4, 4);

    if (read_le(message + 2, 2) != 0 || read_le(message + 8, 8) != 0)
        return "a field that extents do not use is set";
    if (count == 0 || length != CHUNKS_HEAD_BYTES + count * CHUNKS_EXTENT_BYTES)
        return "the number of extents and the length differ";
    for (const guint8 *at = message + CHUNKS_HEAD_BYTES; at < message + length;
         at += CHUNKS_EXTENT_BYTES) {
        if (!add_range(ranges, read_le(at, 8), read_le(at + 8, 8)))
            return "an extent that is malformed, or out of order";
    }
    return NULL;
}

static const char *decode_bitmap(const guint8 *message, gsize length, GArray *ranges)
{
    guint64 granule = read_le(message + 2, 2), count = read_le(message + 4, 4);
    guint64 base = read_le(message + 8, 8), size;

    if (granule < GRANULE_MIN || granule > GRANULE_MAX)
        return "a granule of less than 4 KiB or more than 1 GiB";
    size = G_GUINT64_CONSTANT(1) << granule;
    if (count == 0 || length != CHUNKS_HEAD_BYTES + (count + 7) / 8)
        return "the number of bits and the length differ";
    if (base % size != 0 || base > G_MAXUINT64 - count * size)
        return "a base that is no multiple of the granule, or an end beyond all memory";
    for (guint64 i = 0; i < (length - CHUNKS_HEAD_BYTES) * 8; i++) {
        gboolean is_set = message[CHUNKS_HEAD_BYTES + i / 8] >> i % 8 & 1;

        if (is_set && i >= count)
            return "a bit beyond the last one is set";
        if (is_set && !add_range(ranges, base + i * size, size))
            return "a bit that stands for no memory";
    }
    return NULL;
}

GArray *chunks_decode(const guint8 *message, gsize length, const char **ret_why)
{
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(struct vh_range));
    const char *why = "shorter than a head";

    if (length >= CHUNKS_HEAD_BYTES) {
        guint64 encoding = read_le(message, 2);

        why = encoding == ENCODING_EXTENTS  ? decode_extents(message, length, ranges)
              : encoding == ENCODING_BITMAP ? decode_bitmap(message, length, ranges)
                                            : "an encoding that does not exist";
    }
    if (why) {
        *ret_why = why;
        return NULL;
    }
    return g_steal_pointer(&ranges);
}

GArray *chunks_check_join(const struct vh_range *pieces, guint n)
{
    g_autoptr(GArray) joined = g_array_new(FALSE, FALSE, sizeof *pieces);
    guint at = 0, left;

    if (n > 0)
        g_array_append_vals(joined, pieces, n);
    left = vh_ranges_join((struct vh_range *)(void *)joined->data, n);
    g_assert_cmpuint(left, <=, n);
    g_array_set_size(joined, left);
    for (guint i = 0; i < left; i++) {
        const struct vh_range *range = &g_array_index(joined, struct vh_range, i);
        guint64 end = range->base;

        while (at < n && pieces[at].base == end && end - range->base < range->size)
            end += pieces[at++].size;
        g_assert_cmpuint(end, !=, range->base);
        g_assert_cmpuint(end - range->base, ==, range->size);
        g_assert_true(at == n || pieces[at].base != end);
    }
    g_assert_cmpuint(at, ==, n);
    return g_steal_pointer(&joined);
}

static Best best_extents(guint n, guint32 room)
{
    guint64 most = (room - CHUNKS_HEAD_BYTES) / CHUNKS_EXTENT_BYTES;
    guint ranges = (guint)MIN(most, n);

    return (Best){ranges, (guint64)ranges * CHUNKS_EXTENT_BYTES};
}

static guint largest_granule(guint64 all)
{
    guint granule = GRANULE_MAX;

    while (all % (G_GUINT64_CONSTANT(1) << granule) != 0)
        granule--;
    return granule;
}

/* Tries each number of ranges, also beyond one that does not fit. */
static Best best_bitmap(const struct vh_range *ranges, guint n, guint32 room)
{
    Best best = {0, 0};
    guint64 all = 0;

    for (guint i = 0; i < n; i++) {
        guint64 span = ranges[i].base + ranges[i].size - ranges[0].base, bits, bytes;

        all |= ranges[i].base | ranges[i].size;
        bits = span >> largest_granule(all);
        bytes = bits / 8 + (bits % 8 != 0);
        if (bits <= G_MAXUINT32 && bytes <= room - CHUNKS_HEAD_BYTES)
            best = (Best){i + 1, bytes};
    }
    return best;
}

static guint8 *encode(const struct vh_range *ranges, guint n, guint32 room, guint8 fill,
                      guint32 *ret_length, guint32 *ret_used)
{
    /* In words: the encoder is promised an aligned buffer. */
    guint8 *buffer = (guint8 *)g_new(guint64, (room + GUARD_BYTES) / sizeof(guint64) + 1);

    memset(buffer, fill, room + GUARD_BYTES);
    *ret_length = vh_chunks_encode(ranges, n, buffer, room, ret_used);
    g_assert_cmpuint(*ret_length, <=, room);
    for (guint32 i = *ret_length; i < room + GUARD_BYTES; i++)
        g_assert_cmpuint(buffer[i], ==, fill);
    return buffer;
}

/* The one that the driver has to choose. */
static void check_choice(const guint8 *message, guint32 length, guint32 used, Best extents,
                         Best bitmap)
{
    gboolean is_bitmap = bitmap.ranges > extents.ranges ||
                         (bitmap.ranges == extents.ranges && bitmap.bytes < extents.bytes);
    Best best = is_bitmap ? bitmap : extents;

    g_assert_cmpuint(used, ==, best.ranges);
    g_assert_cmpuint(length, ==, CHUNKS_HEAD_BYTES + best.bytes);
    g_assert_cmpuint(message[0], ==, is_bitmap ? ENCODING_BITMAP : ENCODING_EXTENTS);
}

guint chunks_check_encode(const struct vh_range *ranges, guint n, guint32 room)
{
    guint32 length = 0, length_again = 0, used = 0, used_again = 0;
    g_autofree guint8 *message = encode(ranges, n, room, 0, &length, &used);
    g_autofree guint8 *again = encode(ranges, n, room, 0xff, &length_again, &used_again);
    g_autoptr(GArray) named = NULL;
    const char *why = NULL;

    /* Whatever was in the buffer: nothing of it is left in the message. */
    g_assert_cmpmem(message, length, again, length_again);
    g_assert_cmpuint(used, ==, used_again);
    g_assert_cmpuint(used, >=, 1);
    check_choice(message, length, used, best_extents(n, room), best_bitmap(ranges, n, room));

    named = chunks_decode(message, length, &why);
    g_assert_cmpstr(why, ==, NULL);
    g_assert_cmpmem(named->data, named->len * sizeof *ranges, ranges, used * sizeof *ranges);
    return used;
}

void chunks_check_encode_all(const struct vh_range *ranges, guint n, guint32 room)
{
    for (guint done = 0; done < n;)
        done += chunks_check_encode(ranges + done, n - done, room);
}
