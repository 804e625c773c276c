/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ranges, and the bytes of the message that names them: what the driver has to write, and what the
 * device has to make of it. The unit test of the encoder and the test of the device use the same.
 * A line of a message is its head (encoding, granule, count, base), an extent, or bytes of a
 * bitmap.
 */
#pragma once

#include <glib.h>

#include "chunks.h"

#define CHUNKS_VECTOR_RANGES 8

#define KIB(n) ((n)*G_GUINT64_CONSTANT(1024))
#define MIB(n) (KIB(n) * 1024)
#define GIB(n) (MIB(n) * 1024)

typedef struct {
    const char *name;
    struct vh_range ranges[CHUNKS_VECTOR_RANGES]; /* joined; the first of size 0 ends them */
    guint32 room;                                 /* bytes for the message */
    guint32 used;                                 /* of the ranges */
    const char *message;                          /* in hexadecimal */
} ChunksVector;

static const ChunksVector chunks_vectors[] = {
    {.name = "one page",
     .ranges = {{MIB(32), KIB(4)}},
     .room = 4096,
     .used = 1,
     .message = "0200 0c00 01000000 0000000200000000"
                " 01"},
    {.name = "one block of 2 MiB",
     .ranges = {{MIB(32), MIB(2)}},
     .room = 4096,
     .used = 1,
     .message = "0200 1500 01000000 0000000200000000"
                " 01"},
    {.name = "two pages far from each other",
     .ranges = {{MIB(32), KIB(4)}, {MIB(96), KIB(4)}},
     .room = 4096,
     .used = 2,
     .message = "0100 0000 02000000 0000000000000000"
                " 0000000200000000 0010000000000000"
                " 0000000600000000 0010000000000000"},
    {.name = "every second page",
     .ranges = {{MIB(48), KIB(4)},
                {MIB(48) + KIB(8), KIB(4)},
                {MIB(48) + KIB(16), KIB(4)},
                {MIB(48) + KIB(24), KIB(4)},
                {MIB(48) + KIB(32), KIB(4)}},
     .room = 4096,
     .used = 5,
     .message = "0200 0c00 09000000 0000000300000000"
                " 55 01"},
    {.name = "runs across the bytes of a bitmap",
     .ranges = {{MIB(32) + KIB(4), KIB(12)},
                {MIB(32) + KIB(24), KIB(64)},
                {MIB(32) + KIB(96), KIB(4)}},
     .room = 4096,
     .used = 3,
     .message = "0200 0c00 18000000 0010000200000000"
                " e7 ff 9f"},
    {.name = "the granule is that of the smallest range",
     .ranges = {{MIB(64), MIB(1)}, {MIB(66), KIB(64)}, {MIB(67), MIB(1)}},
     .room = 4096,
     .used = 3,
     .message = "0200 1000 40000000 0000000400000000"
                " ff ff 00 00 01 00 ff ff"},
    {.name = "as long either way: extents",
     .ranges = {{MIB(32) + KIB(4), KIB(512)}},
     .room = 4096,
     .used = 1,
     .message = "0100 0000 01000000 0000000000000000"
                " 0010000200000000 0000080000000000"},
    {.name = "a byte shorter: a bitmap",
     .ranges = {{MIB(32) + KIB(4), KIB(480)}},
     .room = 4096,
     .used = 1,
     .message = "0200 0c00 78000000 0010000200000000"
                " ff ff ff ff ff ff ff ff"
                " ff ff ff ff ff ff ff"},
    {.name = "room for one of two",
     .ranges = {{MIB(32), MIB(2)}, {MIB(96) + KIB(4), KIB(4)}},
     .room = 47,
     .used = 1,
     .message = "0200 1500 01000000 0000000200000000"
                " 01"},
    {.name = "room for more of them in a bitmap",
     .ranges = {{MIB(32), KIB(4)},
                {MIB(32) + KIB(256), KIB(4)},
                {MIB(32) + KIB(512), KIB(4)},
                {MIB(40), KIB(4)}},
     .room = 40,
     .used = 3,
     .message = "0200 0c00 81000000 0000000200000000"
                " 01 00 00 00 00 00 00 00"
                " 01 00 00 00 00 00 00 00"
                " 01"},
    {.name = "the extents of the specification",
     .ranges = {{GIB(4), MIB(2)}, {G_GUINT64_CONSTANT(0x123456000), KIB(12)}},
     .room = 48,
     .used = 2,
     .message = "0100 0000 02000000 0000000000000000"
                " 0000000001000000 0000200000000000"
                " 0060452301000000 0030000000000000"},
    {.name = "the bitmap of the specification",
     .ranges = {{GIB(1), MIB(6)},
                {GIB(1) + MIB(10), MIB(2)},
                {GIB(1) + MIB(16), MIB(2)},
                {GIB(1) + MIB(22), MIB(2)}},
     .room = 128 + 16,
     .used = 4,
     .message = "0200 1500 0c000000 0000004000000000"
                " 27 09"},
    {.name = "granules of 1 GiB at most",
     .ranges = {{GIB(4), GIB(4)}, {GIB(12), GIB(4)}},
     .room = 4096,
     .used = 2,
     .message = "0200 1e00 0c000000 0000000001000000"
                " 0f 0f"},
    {.name = "the last page that can be named",
     .ranges = {{G_GUINT64_CONSTANT(0xffffffffffffe000), KIB(4)}},
     .room = 4096,
     .used = 1,
     .message = "0200 0c00 01000000 00e0ffffffffffff"
                " 01"},
    {.name = "half of all addresses",
     .ranges = {{0, G_GUINT64_CONSTANT(1) << 63}},
     .room = 4096,
     .used = 1,
     .message = "0100 0000 01000000 0000000000000000"
                " 0000000000000000 0000000000000080"},
};

static inline guint chunks_vector_ranges(const ChunksVector *vector)
{
    guint n = 0;

    while (n < CHUNKS_VECTOR_RANGES && vector->ranges[n].size != 0)
        n++;
    return n;
}

/* The bytes of the message. Free with g_byte_array_unref(). */
static inline GByteArray *chunks_vector_message(const ChunksVector *vector)
{
    GByteArray *bytes = g_byte_array_new();

    for (const char *at = vector->message; *at != '\0';) {
        guint8 byte;

        if (*at == ' ') {
            at++;
            continue;
        }
        byte = (guint8)(g_ascii_xdigit_value(at[0]) << 4 | g_ascii_xdigit_value(at[1]));
        g_byte_array_append(bytes, &byte, 1);
        at += 2;
    }
    return bytes;
}
