/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long QEMU's monitor takes to answer, seen by a client of its own, and the line-wise talk to
 * QEMU's sockets that this needs. Fails by ending the program: it is for benchmarks only.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A socket of QEMU's (monitor or qtest), and what has been read of it. */
typedef struct {
    int fd;
    GString *input;
} BenchSocket;

/* Connects, again and again till there is somebody or `pid` (0: nobody's) has ended. */
BenchSocket *bench_socket_open(const char *path, pid_t pid);
void bench_socket_close(BenchSocket *socket);
/* Sends a line; blocks for the next line. Free with g_free(). */
void bench_socket_send(BenchSocket *socket, const char *line);
char *bench_socket_receive(BenchSocket *socket);

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

/* What is resident of a process: of statm, not of smaps, which walks all of the memory and would be
 * measured with it. */
guint64 bench_resident_bytes(pid_t pid);

/* The median of n values, which it sorts. */
double bench_median(double *values, guint n);

G_END_DECLS
