/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the benchmark of the device, and the rows that two of them share. */
#include "bench-device.h"

#include <string.h>

typedef struct {
    double idle_p50_ms, idle_p99_ms, idle_max_ms;
    double busy_p50_ms, busy_p99_ms, busy_max_ms;
    double seconds;
} Sample;

void bench_add_loads(JsonArray *rows, JsonObject *row, const BenchLoad *loads, guint n)
{
    g_autofree Sample *samples = g_new0(Sample, n);

    for (guint i = 0; i < n; i++) {
        const BenchLoad *l = &loads[i];

        samples[i] = (Sample){l->idle.p50_ms, l->idle.p99_ms, l->idle.max_ms, l->busy.p50_ms,
                              l->busy.p99_ms, l->busy.max_ms, l->seconds};
    }
    BENCH_SET_SPREAD(row, samples, n, seconds);
    BENCH_SET_SPREAD(row, samples, n, idle_p50_ms);
    BENCH_SET_SPREAD(row, samples, n, idle_p99_ms);
    BENCH_SET_SPREAD(row, samples, n, idle_max_ms);
    BENCH_SET_SPREAD(row, samples, n, busy_p50_ms);
    BENCH_SET_SPREAD(row, samples, n, busy_p99_ms);
    BENCH_SET_SPREAD(row, samples, n, busy_max_ms);
    json_array_add_object_element(rows, row);
}

void bench_report_loads(BenchReport *report, const char *title, JsonArray *rows)
{
    static const BenchColumn columns[] = {
        {"load", "load"},
        {"memory", "memory"},
        {"QEMU", "qemu"},
        {"s", "seconds", 1, 3},
        {"idle p50 ms", "idle_p50_ms", 1, 2},
        {"p99", "idle_p99_ms", 1, 2},
        {"max", "idle_max_ms", 1, 2},
        {"busy p50 ms", "busy_p50_ms", 1, 2},
        {"p99", "busy_p99_ms", 1, 2},
        {"max", "busy_max_ms", 1, 2},
    };

    bench_report_rows(report, "monitor", title, columns, G_N_ELEMENTS(columns), rows);
}

const char *const bench_device_parts[] = {"inflate", "guest", "alone", NULL};

static const struct {
    const char *name;
    void (*run)(VhLab *lab, const BenchConfig *config, BenchReport *report);
} parts[] = {
    {"inflate", bench_inflate},
    {"guest", bench_guest_monitor},
    {"alone", bench_qtest_monitor},
};

void bench_device(VhLab *lab, const BenchConfig *config, char *const *wanted, BenchReport *report)
{
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (!wanted[0] || g_strv_contains((const char *const *)wanted, parts[i].name))
            parts[i].run(lab, config, report);
    }
}
