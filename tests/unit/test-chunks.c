/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages of the driver in guest/: fixed ones byte by byte, and what must hold of any.
 * g_test's --seed repeats a run; VH_TEST_LONG makes it forty times as long.
 */
#include "chunks-check.h"
#include "chunks-vectors.h"

#include <string.h>

#define N_ROUNDS 5000
#define MAX_PIECES 200
#define N_ROOMS 5

static void test_vectors(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(chunks_vectors); i++) {
        const ChunksVector *vector = &chunks_vectors[i];
        g_autofree guint64 *buffer = g_new(guint64, vector->room / sizeof(guint64) + 1);
        g_autoptr(GByteArray) message = chunks_vector_message(vector);
        guint32 used = 0, length;

        g_test_message("%s", vector->name);
        length = vh_chunks_encode(vector->ranges, chunks_vector_ranges(vector), buffer,
                                  vector->room, &used);
        g_assert_cmpmem(buffer, length, message->data, message->len);
        g_assert_cmpuint(used, ==, vector->used);
    }
}

/* The vectors again, read by the decoder that judges the random ones: a decoder that takes
 * everything would find nothing. */
static void test_decoder(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(chunks_vectors); i++) {
        const ChunksVector *vector = &chunks_vectors[i];
        g_autoptr(GByteArray) message = chunks_vector_message(vector);
        const char *why = NULL;
        g_autoptr(GArray) ranges = chunks_decode(message->data, message->len, &why);

        g_test_message("%s", vector->name);
        g_assert_nonnull(ranges);
        g_assert_cmpmem(ranges->data, ranges->len * sizeof(struct vh_range), vector->ranges,
                        vector->used * sizeof(struct vh_range));
    }
}

static const ChunksVector *find_vector(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(chunks_vectors); i++) {
        if (g_str_equal(chunks_vectors[i].name, name))
            return &chunks_vectors[i];
    }
    g_assert_not_reached();
}

static void test_decoder_refuses(void)
{
    static const struct {
        const char *name, *vector;
        guint offset; /* of the byte that is changed */
        guint8 value;
        guint32 cut; /* bytes off the end */
    } cases[] = {
        {"no head", "one page", 0, 2, 2},
        {"no encoding 0", "one page", 0, 0, 0},
        {"no encoding 3", "one page", 0, 3, 0},
        {"encoding of 16 bits", "one page", 1, 1, 0},
        {"a granule of 2 KiB", "one page", 2, 11, 0},
        {"a granule of 2 GiB", "one block of 2 MiB", 2, 31, 0},
        {"a base below the granule", "one block of 2 MiB", 9, 0x10, 0},
        {"no bits", "one page", 4, 0, 0},
        {"more bits than bytes", "one page", 4, 9, 0},
        {"a bit too many", "one page", 16, 0x03, 0},
        {"extents with a granule", "two pages far from each other", 2, 12, 0},
        {"extents with a base", "two pages far from each other", 9, 0x10, 0},
        {"more extents than bytes", "two pages far from each other", 4, 3, 0},
        {"fewer extents than bytes", "two pages far from each other", 4, 1, 0},
        {"half an extent", "two pages far from each other", 0, 1, 8},
        {"a size of 0", "two pages far from each other", 25, 0, 0},
        {"an address within a page", "two pages far from each other", 16, 1, 0},
        {"a size within a page", "two pages far from each other", 24, 1, 0},
        {"the second first", "two pages far from each other", 35, 1, 0},
        {"twice the same", "two pages far from each other", 35, 2, 0},
        {"an end beyond all memory", "the last page that can be named", 9, 0xf0, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) message = chunks_vector_message(find_vector(cases[i].vector));
        const char *why = NULL;
        GArray *ranges;

        g_test_message("%s", cases[i].name);
        message->data[cases[i].offset] = cases[i].value;
        ranges = chunks_decode(message->data, message->len - cases[i].cut, &why);
        g_assert_null(ranges);
        g_assert_nonnull(why);
    }
}

static void test_join(void)
{
    struct vh_range ranges[] = {
        {MIB(1), KIB(4)}, {MIB(1) + KIB(4), KIB(8)}, {MIB(1) + KIB(16), KIB(4)}, {MIB(2), MIB(2)},
        {MIB(4), KIB(4)}, {MIB(4) + KIB(4), KIB(4)}, {MIB(16), KIB(4)},
    };
    static const struct vh_range joined[] = {
        {MIB(1), KIB(12)},
        {MIB(1) + KIB(16), KIB(4)},
        {MIB(2), MIB(2) + KIB(8)},
        {MIB(16), KIB(4)},
    };
    guint32 n = vh_ranges_join(ranges, G_N_ELEMENTS(ranges));

    g_assert_cmpmem(ranges, n * sizeof *ranges, joined, sizeof joined);
    g_assert_cmpuint(vh_ranges_join(ranges, n), ==, n);
    g_assert_cmpuint(vh_ranges_join(ranges, 1), ==, 1);
    g_assert_cmpuint(vh_ranges_join(ranges, 0), ==, 0);
}

static guint64 random_up_to(guint64 most)
{
    guint64 value = (guint64)(guint32)g_test_rand_int() << 32 | (guint32)g_test_rand_int();

    return value % (most + 1);
}

/* Pieces in units of 4 KiB to 1 GiB, some next to each other, and now and then one that is off by a
 * page, which brings a bitmap's granule down. */
static GArray *random_pieces(void)
{
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(struct vh_range));
    guint64 unit = CHUNKS_PAGE_BYTES << g_test_rand_int_range(0, 19);
    guint64 at = unit * random_up_to(G_GUINT64_CONSTANT(1) << g_test_rand_int_range(0, 20));
    guint64 most_gap = G_GUINT64_CONSTANT(1) << g_test_rand_int_range(0, 12);
    guint64 most_size = G_GUINT64_CONSTANT(1) << g_test_rand_int_range(0, 8);
    int n = g_test_rand_int_range(1, MAX_PIECES + 1);
    gboolean is_crooked = g_test_rand_int_range(0, 4) == 0;

    for (int i = 0; i < n; i++) {
        struct vh_range piece = {at, unit * (1 + random_up_to(most_size))};

        if (is_crooked && g_test_rand_int_range(0, 20) == 0)
            piece.size += CHUNKS_PAGE_BYTES;
        g_array_append_val(pieces, piece);
        at = piece.base + piece.size;
        if (g_test_rand_int_range(0, 3) != 0)
            at += unit * random_up_to(most_gap);
    }
    return pieces;
}

static void test_random(void)
{
    guint n_rounds = g_getenv("VH_TEST_LONG") ? 40 * N_ROUNDS : N_ROUNDS;

    for (guint round = 0; round < n_rounds; round++) {
        g_autoptr(GArray) pieces = random_pieces();
        g_autoptr(GArray) joined =
            chunks_check_join((const struct vh_range *)(const void *)pieces->data, pieces->len);
        const struct vh_range *ranges = (const struct vh_range *)(const void *)joined->data;

        for (guint i = 0; i < N_ROOMS; i++) {
            guint32 most = 1u << g_test_rand_int_range(6, 14);

            chunks_check_encode(ranges, joined->len, CHUNKS_MIN_ROOM + (guint32)random_up_to(most));
        }
        chunks_check_encode_all(ranges, joined->len, 4096);
    }
}

/* Each room around the ones where one more extent, or one more byte of the bitmap, fits. */
static void test_every_room(void)
{
    for (guint round = 0; round < N_ROUNDS / 250; round++) {
        g_autoptr(GArray) pieces = random_pieces();
        g_autoptr(GArray) joined =
            chunks_check_join((const struct vh_range *)(const void *)pieces->data, pieces->len);
        const struct vh_range *ranges = (const struct vh_range *)(const void *)joined->data;

        for (guint32 room = CHUNKS_MIN_ROOM; room < 512; room++)
            chunks_check_encode(ranges, joined->len, room);
    }
}

/* A room that holds more bits than a message can count. The buffer is not touched beyond two
 * extents, so that the memory is never really there. */
static void test_too_many_bits(void)
{
    static const struct vh_range ranges[] = {
        {0, KIB(4)},
        {G_GUINT64_CONSTANT(1) << 44, KIB(4)},
    };
    guint32 room = CHUNKS_HEAD_BYTES + (1u << 29) + 1, used = 0, length;
    g_autofree guint8 *buffer = g_malloc(room);
    g_autoptr(GArray) named = NULL;
    const char *why = NULL;

    length = vh_chunks_encode(ranges, G_N_ELEMENTS(ranges), buffer, room, &used);
    g_assert_cmpuint(used, ==, 2);
    named = chunks_decode(buffer, length, &why);
    g_assert_cmpstr(why, ==, NULL);
    g_assert_cmpmem(named->data, named->len * sizeof *ranges, ranges, sizeof ranges);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chunks/vectors", test_vectors);
    g_test_add_func("/chunks/decoder", test_decoder);
    g_test_add_func("/chunks/decoder-refuses", test_decoder_refuses);
    g_test_add_func("/chunks/join", test_join);
    g_test_add_func("/chunks/random", test_random);
    g_test_add_func("/chunks/every-room", test_every_room);
    g_test_add_func("/chunks/too-many-bits", test_too_many_bits);
    return g_test_run();
}
