/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ranges of guest memory from bytes: unit, start, room of two bytes, and three bytes for each piece
 * of memory (gap before it, size, and by how much both are shifted). What the driver writes of them
 * must be what a decoder of the specification reads, and the best that fits.
 */
#include "chunks-check.h"

#include "fuzz.h"

#define HEAD_BYTES 4
#define PIECE_BYTES 3
#define MAX_PIECES 256
#define MAX_ROOM 8192
#define MAX_UNIT_SHIFT 18 /* from 4 KiB to 1 GiB */
#define CROOKED 255       /* a gap that means: and a page more */

static GArray *read_pieces(const uint8_t *data, size_t size)
{
    guint64 unit = CHUNKS_PAGE_BYTES << data[0] % (MAX_UNIT_SHIFT + 1);
    guint64 at = unit * data[1];
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(struct vh_range));

    /* A piece of 2^8 units of at most 2^30 bytes, shifted by 15, and a gap of the same: all of them
     * end below 2^63. */
    for (const uint8_t *piece = data + HEAD_BYTES;
         piece + PIECE_BYTES <= data + size && pieces->len < MAX_PIECES; piece += PIECE_BYTES) {
        guint64 gap = (guint64)piece[0] << (piece[2] & 15);
        struct vh_range range = {at + unit * gap,
                                 unit * (1 + ((guint64)piece[1] << (piece[2] >> 4)))};

        if (piece[0] == CROOKED)
            range.size += CHUNKS_PAGE_BYTES;
        g_array_append_val(pieces, range);
        at = range.base + range.size;
    }
    return pieces;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GArray) pieces = NULL, joined = NULL;
    const struct vh_range *ranges;
    guint32 room;

    if (size < HEAD_BYTES + PIECE_BYTES)
        return 0;
    room = CHUNKS_MIN_ROOM + ((guint32)data[2] | (guint32)data[3] << 8) % MAX_ROOM;
    pieces = read_pieces(data, size);
    joined = chunks_check_join((const struct vh_range *)(const void *)pieces->data, pieces->len);
    ranges = (const struct vh_range *)(const void *)joined->data;
    chunks_check_encode_all(ranges, joined->len, room);
    return 0;
}
