/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An emulator without a guest, whose balloon device this program drives itself over qtest: the one
 * way to see the device alone, at its full speed. A machine of type microvm, where the device is
 * plain memory-mapped virtio. Fails by ending the program: it is for benchmarks only.
 */
#pragma once

#include "bench-device.h"

G_BEGIN_DECLS

typedef struct BenchQtest BenchQtest;

/* A range of guest memory that a descriptor names. */
typedef struct {
    guint64 address;
    guint32 bytes;
} BenchBuffer;

/* Queues of the device: it has no queue for hints here. */
enum { BENCH_INFLATE = 0, BENCH_DEFLATE = 1, BENCH_REPORTING = 3 };

/* Starts it with all of its memory resident, and brings the device to DRIVER_OK. `want_chunks`:
 * negotiates range messages, which the emulator must have. */
BenchQtest *bench_qtest_start(VhLab *lab, const BenchConfig *config, const char *emulator,
                              BenchMemory memory, gboolean want_chunks);
void bench_qtest_stop(BenchQtest *qtest);

BenchMonitor *bench_qtest_monitor_of(BenchQtest *qtest);
pid_t bench_qtest_pid(const BenchQtest *qtest);

/* Writes guest memory. */
void bench_qtest_write(BenchQtest *qtest, guint64 address, gconstpointer data, gsize length);

/* Sends one chain of buffers, which the device may write to (a report) or only read (a message),
 * and blocks till it is used. At most 32 buffers. */
void bench_qtest_send(BenchQtest *qtest, guint queue, const BenchBuffer *buffers, guint n,
                      gboolean writable);

G_END_DECLS
