/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The benchmarks of the patched balloon device, each beside a stock one in the same run. */
#pragma once

#include "bench-config.h"
#include "bench-figures.h"
#include "bench-guest.h"

G_BEGIN_DECLS

/* Idle and under load: what was measured of a monitor in one run. */
typedef struct {
    BenchLatency idle, busy;
    double seconds; /* that the load took */
} BenchLoad;

/* A row of it: the medians of the percentiles over the runs, and the worst maximum. Takes `row`,
 * which says what it was. */
void bench_add_loads(JsonArray *rows, JsonObject *row, const BenchLoad *loads, guint n);
/* The rows as a table. */
void bench_report_loads(BenchReport *report, const char *title, JsonArray *rows);

/* Seconds for a stock guest's driver to inflate; all memory was used before. */
void bench_inflate(VhLab *lab, const BenchConfig *config, BenchReport *report);
/* The monitor while a stock guest's driver inflates, or reports what was freed. */
void bench_guest_monitor(VhLab *lab, const BenchConfig *config, BenchReport *report);
/* The monitor while the device works at full speed: messages come from qtest, not from a guest. */
void bench_qtest_monitor(VhLab *lab, const BenchConfig *config, BenchReport *report);

extern const char *const bench_device_parts[]; /* NULL-terminated */
/* All of that, or the parts that are named. */
void bench_device(VhLab *lab, const BenchConfig *config, char *const *parts, BenchReport *report);

G_END_DECLS
