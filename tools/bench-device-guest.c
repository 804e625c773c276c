/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stock guest's balloon driver sees of the device, and what the monitor sees of the driver.
 */
#include <stdio.h>

#include "bench-device.h"
#include "bench-figures.h"
#include "vh-units.h"

#define BURST_TIMEOUT_US (180 * VH_SEC)
#define IDLE_US (2 * VH_SEC)

static double inflate(BenchGuest *guest, const BenchConfig *config)
{
    return bench_guest_set_balloon(guest, config->guest_bytes - config->burst_bytes);
}

typedef struct {
    double seconds;
    double cpu_s; /* of QEMU: less blurred by what else the machine does */
} Took;

/* A fresh guest each time: inflating tears the host's huge pages for good. */
static Took run_inflate(VhLab *lab, const BenchGuestKind *kind, const BenchConfig *config)
{
    BenchGuest *guest = bench_guest_start(lab, kind);
    gint64 cpu_us;
    Took took;

    bench_guest_touch(guest);
    bench_guest_free_touched(guest);
    cpu_us = vh_lab_guest_cpu_us(guest->lab);
    took.seconds = inflate(guest, config);
    took.cpu_s = (double)(vh_lab_guest_cpu_us(guest->lab) - cpu_us) / VH_SEC;
    bench_guest_stop(guest);
    bench_progress("%s, init_on_alloc=%d, %s: %.3f s", bench_memory_name(kind->memory),
                   kind->init_on_alloc, kind->emulator == config->stock ? "stock" : "patched",
                   took.seconds);
    return took;
}

static JsonObject *inflate_row(const BenchGuestKind *kind, const char *qemu, const Took *took,
                               guint n)
{
    JsonObject *row = json_object_new();

    json_object_set_string_member(row, "memory", bench_memory_name(kind->memory));
    json_object_set_int_member(row, "init_on_alloc", kind->init_on_alloc);
    json_object_set_string_member(row, "qemu", qemu);
    BENCH_SET_SPREAD(row, took, n, seconds);
    BENCH_SET_SPREAD(row, took, n, cpu_s);
    return row;
}

static void compare_inflate(VhLab *lab, const BenchConfig *config, BenchGuestKind kind,
                            JsonArray *rows)
{
    g_autofree Took *stock = g_new0(Took, config->runs);
    g_autofree Took *patched = g_new0(Took, config->runs);
    JsonObject *first, *second;

    kind.memory_bytes = config->guest_bytes;
    kind.kernel = config->kernel;
    /* In turn, so that what else the machine does falls on both. */
    for (guint i = 0; i < config->runs; i++) {
        kind.emulator = config->stock;
        stock[i] = run_inflate(lab, &kind, config);
        kind.emulator = config->patched;
        patched[i] = run_inflate(lab, &kind, config);
    }
    first = inflate_row(&kind, "stock", stock, config->runs);
    second = inflate_row(&kind, "patched", patched, config->runs);
    json_object_set_double_member(second, "times_as_fast",
                                  bench_median(first, "seconds") / bench_median(second, "seconds"));
    json_array_add_object_element(rows, first);
    json_array_add_object_element(rows, second);
}

void bench_inflate(VhLab *lab, const BenchConfig *config, BenchReport *report)
{
    static const BenchColumn columns[] = {
        {"memory", "memory"},     {"init_on_alloc", "init_on_alloc", 1, 0},
        {"QEMU", "qemu"},         {"s", "seconds", 1, 2},
        {"CPU s", "cpu_s", 1, 2}, {"times as fast", "times_as_fast", 1, 2},
    };
    g_autofree char *title =
        g_strdup_printf("A guest inflates by %.1f GiB; medians, and the least and the most",
                        (double)config->burst_bytes / VH_GIB);
    JsonArray *rows = json_array_new();

    compare_inflate(lab, config, (BenchGuestKind){.memory = BENCH_ANON}, rows);
    compare_inflate(lab, config, (BenchGuestKind){.memory = BENCH_ANON, .init_on_alloc = TRUE},
                    rows);
    compare_inflate(lab, config, (BenchGuestKind){.memory = BENCH_ANON_4KIB}, rows);
    compare_inflate(lab, config, (BenchGuestKind){.memory = BENCH_MEMFD}, rows);
    bench_report_rows(report, "inflate", title, columns, G_N_ELEMENTS(columns), rows);
}

/* Till the guest has reported what it freed; reports have gaps, so it is by what came back. */
static double report_freed(BenchGuest *guest, const BenchConfig *config)
{
    guint64 before = bench_resident_bytes(bench_guest_pid(guest));
    gint64 start_us = g_get_monotonic_time();

    bench_guest_free_touched(guest);
    while (vh_sub(before, bench_resident_bytes(bench_guest_pid(guest))) <
           config->burst_bytes / 10 * 9) {
        if (g_get_monotonic_time() - start_us > BURST_TIMEOUT_US)
            g_error("the guest reports too little");
        g_usleep(50 * VH_MS);
    }
    return (double)(g_get_monotonic_time() - start_us) / VH_SEC;
}

static BenchLoad run_monitor(VhLab *lab, const BenchConfig *config, const BenchGuestKind *kind)
{
    BenchGuest *guest = bench_guest_start(lab, kind);
    BenchLoad load;

    bench_guest_touch(guest);
    if (!kind->reporting)
        bench_guest_free_touched(guest);
    bench_monitor_begin(guest->monitor);
    g_usleep(IDLE_US);
    load.idle = bench_monitor_end(guest->monitor);
    bench_monitor_begin(guest->monitor);
    load.seconds = kind->reporting ? report_freed(guest, config) : inflate(guest, config);
    load.busy = bench_monitor_end(guest->monitor);
    bench_guest_stop(guest);
    return load;
}

static void add_monitor(VhLab *lab, const BenchConfig *config, const BenchGuestKind *kind,
                        JsonArray *rows)
{
    g_autofree BenchLoad *loads = g_new0(BenchLoad, config->runs);
    const char *load = kind->reporting ? "guest reports" : "guest inflates";
    const char *qemu = kind->emulator == config->stock ? "stock" : "patched";
    JsonObject *row = json_object_new();

    for (guint i = 0; i < config->runs; i++) {
        loads[i] = run_monitor(lab, config, kind);
        bench_progress("%s, %s, %s: %.3f s", load, bench_memory_name(kind->memory), qemu,
                       loads[i].seconds);
    }
    json_object_set_string_member(row, "load", load);
    json_object_set_string_member(row, "memory", bench_memory_name(kind->memory));
    json_object_set_string_member(row, "qemu", qemu);
    bench_add_loads(rows, row, loads, config->runs);
}

void bench_guest_monitor(VhLab *lab, const BenchConfig *config, BenchReport *report)
{
    static const BenchMemory memories[] = {BENCH_ANON, BENCH_MEMFD};
    g_autofree char *title = g_strdup_printf("The monitor while a guest gives back %.1f GiB",
                                             (double)config->burst_bytes / VH_GIB);
    JsonArray *rows = json_array_new();

    for (guint m = 0; m < G_N_ELEMENTS(memories); m++) {
        for (int reporting = 0; reporting < 2; reporting++) {
            BenchGuestKind kind = {.memory = memories[m],
                                   .memory_bytes = config->guest_bytes,
                                   .kernel = config->kernel,
                                   .reporting = reporting};

            kind.emulator = config->stock;
            add_monitor(lab, config, &kind, rows);
            kind.emulator = config->patched;
            add_monitor(lab, config, &kind, rows);
        }
    }
    bench_report_loads(report, title, rows);
}
