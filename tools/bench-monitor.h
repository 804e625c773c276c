/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long QEMU's monitor takes to answer, seen by a client of its own. Fails by ending the
 * program: it is for benchmarks only.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct BenchMonitor BenchMonitor;

typedef struct {
    guint answers;
    double p50_ms, p99_ms, max_ms;
} BenchLatency;

/* A client of the monitor on this socket, which asks query-status twice a millisecond from
 * _begin() to _end(), in a thread of its own. */
BenchMonitor *bench_monitor_open(const char *path, pid_t pid);
void bench_monitor_begin(BenchMonitor *monitor);
BenchLatency bench_monitor_end(BenchMonitor *monitor);
void bench_monitor_close(BenchMonitor *monitor);

G_END_DECLS
