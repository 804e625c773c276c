/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The monitor while the device discards as fast as it can, by each kind of message. */
#include <stdio.h>
#include <string.h>

#include "bench-figures.h"
#include "bench-qtest.h"
#include "vh-units.h"

#define IDLE_US VH_SEC
#define LOW_END (3 * VH_GIB) /* of memory below 4 GiB, in a microvm */
#define HIGH_START (4 * VH_GIB)
#define MESSAGE (64 * VH_MIB) /* where messages are, below what is discarded */
#define REPORT_BYTES (4 * VH_MIB)
#define REPORT_BLOCKS 32u
#define PAGE_SHIFT 12
#define EXTENTS 1 /* VIRTIO_BALLOON_CHUNKS_EXTENTS of the patched device */

typedef struct {
    guint64 start, bytes;
} Range;

/* The message of ranges, as the patched device takes it. */
typedef struct {
    guint16 encoding, granule;
    guint32 count;
    guint64 base;
    Range extents[2];
} Extents;

/* The last burst_bytes of the memory. */
static void discarded(const BenchConfig *config, Range ranges[2])
{
    guint64 high = config->guest_bytes - LOW_END;

    ranges[0].bytes = config->burst_bytes - high;
    ranges[0].start = LOW_END - ranges[0].bytes;
    ranges[1].start = HIGH_START;
    ranges[1].bytes = high;
}

/* What a guest's driver sends, one buffer of blocks after the other. */
static void send_reports(BenchQtest *qtest, const BenchConfig *config)
{
    BenchBuffer blocks[REPORT_BLOCKS];
    Range ranges[2];

    discarded(config, ranges);
    for (guint r = 0; r < 2; r++) {
        guint n = 0;

        for (guint64 at = 0; at < ranges[r].bytes; at += REPORT_BYTES) {
            blocks[n].address = ranges[r].start + at;
            blocks[n++].bytes = (guint32)MIN(REPORT_BYTES, ranges[r].bytes - at);
            if (n == REPORT_BLOCKS || at + REPORT_BYTES >= ranges[r].bytes) {
                bench_qtest_send(qtest, BENCH_REPORTING, blocks, n, TRUE);
                n = 0;
            }
        }
    }
}

/* The worst that a guest may send: all of it in one buffer. */
static void send_report(BenchQtest *qtest, const BenchConfig *config)
{
    BenchBuffer blocks[REPORT_BLOCKS];
    Range ranges[2];
    guint n = 0;

    discarded(config, ranges);
    for (guint r = 0; r < 2; r++) {
        for (guint64 at = 0; at < ranges[r].bytes; at += VH_GIB) {
            blocks[n].address = ranges[r].start + at;
            blocks[n++].bytes = (guint32)MIN(VH_GIB, ranges[r].bytes - at);
        }
    }
    bench_qtest_send(qtest, BENCH_REPORTING, blocks, n, TRUE);
}

static void send_extents(BenchQtest *qtest, const BenchConfig *config)
{
    Extents message = {.encoding = GUINT16_TO_LE(EXTENTS), .count = GUINT32_TO_LE(2)};
    BenchBuffer buffer = {MESSAGE, sizeof(message)};
    Range ranges[2];

    discarded(config, ranges);
    for (guint r = 0; r < 2; r++) {
        message.extents[r].start = GUINT64_TO_LE(ranges[r].start);
        message.extents[r].bytes = GUINT64_TO_LE(ranges[r].bytes);
    }
    bench_qtest_write(qtest, MESSAGE, &message, sizeof(message));
    bench_qtest_send(qtest, BENCH_INFLATE, &buffer, 1, FALSE);
}

/* Written beforehand: it is 7 MiB of page numbers. */
static void write_pfns(BenchQtest *qtest, const BenchConfig *config)
{
    g_autoptr(GArray) pfns = g_array_new(FALSE, FALSE, sizeof(guint32));
    Range ranges[2];

    discarded(config, ranges);
    for (guint r = 0; r < 2; r++) {
        for (guint64 at = 0; at < ranges[r].bytes; at += 1u << PAGE_SHIFT) {
            guint32 pfn = GUINT32_TO_LE((guint32)((ranges[r].start + at) >> PAGE_SHIFT));

            g_array_append_val(pfns, pfn);
        }
    }
    bench_qtest_write(qtest, MESSAGE, pfns->data, pfns->len * sizeof(guint32));
}

static void send_pfns(BenchQtest *qtest, const BenchConfig *config)
{
    BenchBuffer buffer = {MESSAGE,
                          (guint32)((config->burst_bytes >> PAGE_SHIFT) * sizeof(guint32))};

    bench_qtest_send(qtest, BENCH_INFLATE, &buffer, 1, FALSE);
}

typedef struct {
    const char *name;
    void (*prepare)(BenchQtest *qtest, const BenchConfig *config);
    void (*send)(BenchQtest *qtest, const BenchConfig *config);
    gboolean chunks; /* a message that only the patched device knows */
} Burst;

static const Burst bursts[] = {
    {"reports of 32 x 4 MiB", NULL, send_reports, FALSE},
    {"a report of everything", NULL, send_report, FALSE},
    {"a message of all page numbers", write_pfns, send_pfns, FALSE},
    {"a message of two extents", NULL, send_extents, TRUE},
};

static BenchLoad run(VhLab *lab, const BenchConfig *config, const char *emulator,
                     BenchMemory memory, const Burst *burst)
{
    BenchQtest *qtest = bench_qtest_start(lab, config, emulator, memory, burst->chunks);
    BenchMonitor *monitor = bench_qtest_monitor_of(qtest);
    BenchLoad load;
    guint64 before;
    gint64 start;

    if (burst->prepare)
        burst->prepare(qtest, config);
    before = bench_resident_bytes(bench_qtest_pid(qtest));
    bench_monitor_begin(monitor);
    g_usleep(IDLE_US);
    load.idle = bench_monitor_end(monitor);
    bench_monitor_begin(monitor);
    g_usleep(20 * VH_MS);
    start = g_get_monotonic_time();
    burst->send(qtest, config);
    load.seconds = (double)(g_get_monotonic_time() - start) / VH_SEC;
    /* A device may acknowledge first, and go on with its work. */
    g_usleep(200 * VH_MS);
    load.busy = bench_monitor_end(monitor);
    if (vh_sub(before, bench_resident_bytes(bench_qtest_pid(qtest))) < config->burst_bytes / 10 * 9)
        g_error("%s: not all of it was discarded", burst->name);
    bench_qtest_stop(qtest);
    return load;
}

void bench_qtest_monitor(VhLab *lab, const BenchConfig *config, BenchReport *report)
{
    g_autofree BenchLoad *loads = g_new0(BenchLoad, config->runs);
    g_autofree char *title = g_strdup_printf("The monitor while the device alone discards %.1f GiB",
                                             (double)config->burst_bytes / VH_GIB);
    JsonArray *rows = json_array_new();

    for (BenchMemory memory = 0; memory < BENCH_MEMORIES; memory++) {
        for (guint b = 0; b < G_N_ELEMENTS(bursts); b++) {
            for (int patched = bursts[b].chunks; patched < 2; patched++) {
                const char *emulator = patched ? config->patched : config->stock;
                const char *qemu = patched ? "patched" : "stock";
                JsonObject *row = json_object_new();

                for (guint i = 0; i < config->runs; i++)
                    loads[i] = run(lab, config, emulator, memory, &bursts[b]);
                bench_progress("device alone, %s, %s, %s: %.3f s", bursts[b].name,
                               bench_memory_name(memory), qemu, loads[0].seconds);
                json_object_set_string_member(row, "load", bursts[b].name);
                json_object_set_string_member(row, "memory", bench_memory_name(memory));
                json_object_set_string_member(row, "qemu", qemu);
                bench_add_loads(rows, row, loads, config->runs);
            }
        }
    }
    bench_report_loads(report, title, rows);
}
