/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages that the driver's unit test compares with, shown to the device in QEMU: it has to
 * discard what they name, and nothing else. There is no guest, only its memory, a memfd in which
 * a discarded page is a hole.
 *
 * Run by device.sh, which says which QEMU (VH_QEMU).
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench-qtest.h"
#include "chunks-vectors.h"
#include "vh-units.h"

#define GUEST_BYTES (128 * VH_MIB)
#define MESSAGE (20 * VH_MIB)     /* where messages are: not where vectors point to */
#define RANGES_FROM (32 * VH_MIB) /* behind rings and messages */
#define PAGE_BYTES 4096
#define MOST_PIECES 32 /* descriptors in a chain */
#define MEMFD "/memfd:memory-backend-memfd"

#define N_RANDOM 100 /* messages of the driver's own making */
#define MAX_RANGES 64

static BenchQtest *qtest;
static int memory; /* the guest's */

/* The descriptor of the guest's memory, as the emulator has it, opened by us too. */
static int open_memory(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", pid);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
    const char *name;
    int fd = -1;

    g_assert_no_error(error);
    while (fd < 0 && (name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_autofree char *target = g_file_read_link(file, NULL);

        if (target && g_str_has_prefix(target, MEMFD))
            fd = open(file, O_RDWR | O_CLOEXEC);
    }
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* What has been discarded, in order: below 3 GiB a microvm's addresses are offsets. */
static GArray *find_holes(void)
{
    GArray *holes = g_array_new(FALSE, FALSE, sizeof(struct vh_range));
    off_t at = 0;

    while (at < (off_t)GUEST_BYTES) {
        off_t start = lseek(memory, at, SEEK_HOLE), end;
        struct vh_range hole;

        g_assert_cmpint(start, >=, 0);
        if (start >= (off_t)GUEST_BYTES)
            break;
        end = lseek(memory, start, SEEK_DATA);
        at = end < 0 ? (off_t)GUEST_BYTES : end;
        hole = (struct vh_range){(guint64)start, (guint64)(at - start)};
        g_array_append_val(holes, hole);
    }
    return holes;
}

static void assert_holes(const struct vh_range *ranges, guint n)
{
    g_autoptr(GArray) holes = find_holes();

    g_assert_cmpmem(holes->data, holes->len * sizeof *ranges, ranges, n * sizeof *ranges);
}

static void fill_holes(void)
{
    g_autoptr(GArray) holes = find_holes();
    char page[PAGE_BYTES];

    memset(page, 'x', sizeof page);
    for (guint i = 0; i < holes->len; i++) {
        const struct vh_range *hole = &g_array_index(holes, struct vh_range, i);

        for (guint64 at = hole->base; at < hole->base + hole->size; at += sizeof page) {
            gssize n = pwrite(memory, page, sizeof page, (off_t)at);

            g_assert_cmpint(n, ==, (gssize)sizeof page);
        }
    }
    assert_holes(NULL, 0);
}

/* One message, cut into up to this many descriptors. */
static void send_message(guint queue, gconstpointer message, guint length, guint pieces)
{
    BenchBuffer buffers[MOST_PIECES];

    pieces = MIN(pieces, length);
    for (guint i = 0; i < pieces; i++) {
        guint start = length * i / pieces, end = length * (i + 1) / pieces;

        buffers[i] = (BenchBuffer){MESSAGE + start, end - start};
    }
    bench_qtest_write(qtest, MESSAGE, message, length);
    bench_qtest_send(qtest, queue, buffers, pieces, FALSE);
}

static gboolean is_in_memory(const ChunksVector *vector)
{
    for (guint i = 0; i < chunks_vector_ranges(vector); i++) {
        guint64 base = vector->ranges[i].base;

        if (base < RANGES_FROM || base >= GUEST_BYTES)
            return FALSE;
    }
    return TRUE;
}

static void test_vectors(gconstpointer data)
{
    guint pieces = GPOINTER_TO_UINT(data), seen[] = {0, 0, 0};

    for (guint i = 0; i < G_N_ELEMENTS(chunks_vectors); i++) {
        const ChunksVector *vector = &chunks_vectors[i];
        g_autoptr(GByteArray) message = chunks_vector_message(vector);

        if (!is_in_memory(vector))
            continue;
        g_test_message("%s", vector->name);
        send_message(BENCH_INFLATE, message->data, message->len, pieces);
        assert_holes(vector->ranges, vector->used);
        fill_holes();
        seen[message->data[0]]++;
    }
    /* Extents, and bitmaps. */
    g_assert_cmpuint(seen[1], >, 0);
    g_assert_cmpuint(seen[2], >, 0);
}

static void test_deflate(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(chunks_vectors); i++) {
        g_autoptr(GByteArray) message = chunks_vector_message(&chunks_vectors[i]);

        send_message(BENCH_DEFLATE, message->data, message->len, 1);
        assert_holes(NULL, 0);
    }
}

/* Sorted, apart from each other, below the guest's end; how many. */
static guint random_ranges(struct vh_range ranges[MAX_RANGES])
{
    guint64 unit = (guint64)PAGE_BYTES << g_test_rand_int_range(0, 10);
    guint64 at = RANGES_FROM;
    guint n = 0;

    while (n < MAX_RANGES) {
        guint64 base = at + unit * (guint64)g_test_rand_int_range(1, 8);
        guint64 size = unit * (guint64)g_test_rand_int_range(1, 8);

        if (base + size > GUEST_BYTES)
            break;
        ranges[n++] = (struct vh_range){base, size};
        at = base + size;
    }
    return n;
}

/* From the driver's encoder to the device, without anything in between. */
static void test_random(void)
{
    for (guint i = 0; i < N_RANDOM; i++) {
        struct vh_range ranges[MAX_RANGES];
        guint64 message[PAGE_BYTES / sizeof(guint64)];
        guint n = random_ranges(ranges);
        guint32 used = 0, length = vh_chunks_encode(ranges, n, message, sizeof message, &used);

        send_message(BENCH_INFLATE, message, length, (guint)g_test_rand_int_range(1, MOST_PIECES));
        assert_holes(ranges, used);
        fill_holes();
    }
}

int main(int argc, char **argv)
{
    const BenchConfig config = {.guest_bytes = GUEST_BYTES};
    const char *emulator = g_getenv("VH_QEMU");
    g_autoptr(GError) error = NULL;
    g_autoptr(VhLab) lab = NULL;
    int result;

    g_test_init(&argc, &argv, NULL);
    lab = vh_lab_open(&error);
    g_assert_no_error(error);
    g_assert_nonnull(emulator);
    qtest = bench_qtest_start(lab, &config, emulator, BENCH_MEMFD, TRUE);
    memory = open_memory(bench_qtest_pid(qtest));

    g_test_add_data_func("/messages/whole", GUINT_TO_POINTER(1), test_vectors);
    g_test_add_data_func("/messages/in-three", GUINT_TO_POINTER(3), test_vectors);
    g_test_add_data_func("/messages/in-many", GUINT_TO_POINTER(MOST_PIECES), test_vectors);
    g_test_add_func("/messages/deflate", test_deflate);
    g_test_add_func("/messages/random", test_random);
    result = g_test_run();

    close(memory);
    bench_qtest_stop(qtest);
    return result;
}
