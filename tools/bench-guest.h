/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest as benchmarks take it: one that has used nearly all of its memory, and has freed it; its
 * monitor, and what it and its QEMU have used. Fails by ending the program: it is for benchmarks
 * only.
 */
#pragma once

#include "bench-monitor.h"
#include "bench-socket.h"
#include "vh-lab.h"

G_BEGIN_DECLS

typedef enum {
    BENCH_ANON,      /* anonymous, huge pages as the host gives them */
    BENCH_ANON_4KIB, /* anonymous, without huge pages */
    BENCH_MEMFD,     /* shared memfd */
    BENCH_MEMORIES,
} BenchMemory;

/* "anonymous memory" and so on, static. */
const char *bench_memory_name(BenchMemory memory);

typedef struct {
    const char *emulator;
    const char *kernel; /* NULL: the lab's default */
    const char *module; /* of the balloon; NULL: the kernel's own */
    guint64 memory_bytes;
    guint vcpus; /* 0: one */
    BenchMemory memory;
    gboolean init_on_alloc;
    gboolean reporting;
    gboolean properties; /* reporting-ctrl and page-chunks; wants reporting */
} BenchGuestKind;

typedef struct {
    BenchGuestKind kind;
    VhLabGuest *lab;
    BenchSocket *qmp;
    BenchMonitor *monitor;
} BenchGuest;

/* Blocks till it is ready. Free with bench_guest_stop(). */
BenchGuest *bench_guest_start(VhLab *lab, const BenchGuestKind *kind);
void bench_guest_stop(BenchGuest *guest); /* NULL is nothing */

pid_t bench_guest_pid(const BenchGuest *guest);

/* Runs a program, which must end well. Free with vh_lab_report_free(). */
VhLabReport *bench_guest_work(BenchGuest *guest, const char *program);

/* A file of the guest's without the newline at its end. Free with g_free(). */
char *bench_guest_read(BenchGuest *guest, const char *path);

/* The bytes that a guest of this size can use: all but what its kernel needs. */
guint64 bench_guest_usable_bytes(guint64 memory_bytes);

/* Uses all of them, one worker a processor, in huge pages where there are any; and frees them. */
void bench_guest_touch(BenchGuest *guest);
void bench_guest_free_touched(BenchGuest *guest);

/* Sets the balloon, and blocks till the guest has followed. Seconds. */
double bench_guest_set_balloon(BenchGuest *guest, guint64 bytes);

/* CPU time since the start, in seconds: of the threads that are its processors (the guest itself,
 * and what QEMU does for it there), and of all others of its QEMU. */
typedef struct {
    double guest_s, host_s;
} BenchCpu;
BenchCpu bench_guest_cpu(const BenchGuest *guest);

G_END_DECLS
