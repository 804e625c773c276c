/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast a guest's freed memory comes back to the host, by each way that there is, side by side
 * in one run; how many calls into the host's kernel that takes; and what reporting costs a guest
 * that works.
 */
#pragma once

#include "bench-config.h"
#include "bench-figures.h"
#include "bench-guest.h"

G_BEGIN_DECLS

/* One measurement. NAN: unknown, or of no meaning. */
typedef struct {
    double seconds;
    double guest_cpu_s;     /* of the guest's processors */
    double host_cpu_s;      /* of QEMU else */
    double returned_bytes;  /* less resident in QEMU */
    double host_free_bytes; /* more free on the host, the per-CPU lists counted */
    double huge_bytes;      /* AnonHugePages of QEMU before: rounds are equal where it is */
    double requests, blocks, messages; /* of the patched device: reports and balloon messages */
} BenchSample;

typedef struct {
    const char *name;
    const char *driver, *qemu; /* for people */
    gboolean is_ours;          /* the driver */
    gboolean is_patched;       /* QEMU */
    gboolean is_reporting;     /* of its own accord: it begins when memory is freed */
    gboolean keeps_huge;       /* the host's huge pages are whole afterwards: fit for another way */
    gboolean zeroes;           /* the guest allocates, so that init_on_alloc makes a difference */
    double (*run)(BenchGuest *guest, guint64 burst_bytes); /* seconds; NULL: not by a guest */
} BenchWay;

extern const BenchWay bench_ways[];
extern const guint bench_n_ways;

/* A guest for the way, its reporting off unless the way wants it. */
BenchGuest *bench_reclaim_start(VhLab *lab, const BenchConfig *config, const BenchWay *way,
                                gboolean init_on_alloc);
/* Makes the guest use and free its memory, and measures the way. */
BenchSample bench_reclaim_measure(BenchGuest *guest, const BenchWay *way, guint64 burst_bytes);
/* The host's own discards of so much memory of a process, 4 MiB a call. */
BenchSample bench_reclaim_measure_bare(guint64 bytes);
guint bench_reclaim_bare_calls_per_gib(void);

/* Calls of madvise() and fallocate() that QEMU makes per GiB, by strace, which slows it down: not
 * timed. NAN where there is no strace. */
double bench_reclaim_count_calls(VhLab *lab, const BenchConfig *config, const BenchWay *way);

/* What a guest's work comes to with reporting off, by a pass now and then, and always on. */
void bench_reclaim_churn(VhLab *lab, const BenchConfig *config, BenchReport *report);

extern const char *const bench_reclaim_parts[];
/* All of that, or the ways and parts that are named. */
void bench_reclaim(VhLab *lab, const BenchConfig *config, char *const *parts, BenchReport *report);

G_END_DECLS
