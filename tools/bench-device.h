/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The benchmarks of the patched balloon device, each beside a stock one in the same run. */
#pragma once

#include "bench-monitor.h"
#include "vh-lab.h"

G_BEGIN_DECLS

typedef enum {
    BENCH_ANON,      /* anonymous, huge pages as the host gives them */
    BENCH_ANON_4KIB, /* anonymous, without huge pages */
    BENCH_MEMFD,     /* shared memfd */
    BENCH_MEMORIES,
} BenchMemory;

typedef struct {
    const char *patched; /* emulators */
    const char *stock;
    guint64 guest_bytes;
    guint64 burst_bytes; /* what is inflated, freed or discarded in one go */
    guint runs;
} BenchConfig;

/* "anonymous memory" and so on, static. */
const char *bench_memory_name(BenchMemory memory);

/* Idle and under load: what was measured of a monitor in one run. */
typedef struct {
    BenchLatency idle, busy;
    double seconds; /* that the load took */
} BenchLoad;

/* One line: the medians of the percentiles over the runs, and the worst maximum. */
void bench_print_loads(const char *what, const BenchLoad *loads, guint n);

/* Seconds for a stock guest's driver to inflate; all memory was used before. */
void bench_inflate(VhLab *lab, const BenchConfig *config);
/* The monitor while a stock guest's driver inflates, or reports what was freed. */
void bench_guest_monitor(VhLab *lab, const BenchConfig *config);
/* The monitor while the device works at full speed: messages come from qtest, not from a guest. */
void bench_qtest_monitor(VhLab *lab, const BenchConfig *config);

G_END_DECLS
