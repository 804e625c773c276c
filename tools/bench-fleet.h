/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fleet of guests of mixed families under a pool that is too small for all of their peaks, held
 * by virthintd with one engine after another: what the pool lacked, what the guests had to take
 * back, and how their work went on.
 */
#pragma once

#include "bench-config.h"
#include "bench-figures.h"
#include "vh-lab.h"

G_BEGIN_DECLS

/* ---- Families, and what their guests do ---- */

typedef struct {
    const char *name;  /* and of its guests, with a number */
    const char *class; /* of the policy */
    guint count;
    guint held_mib;    /* the most that one holds at once */
    gboolean has_disk; /* and page cache */
    /* Appends what lasts for about `seconds`; every while a report. */
    void (*write)(GString *program, GRand *rand, guint held_mib, guint seconds);
} BenchFleetFamily;

extern const BenchFleetFamily bench_fleet_families[];
extern const guint bench_fleet_n_families;

/* The program of a guest; the same for the same seed. Free with g_free(). */
char *bench_fleet_program(const BenchFleetFamily *family, guint guest, guint seed, guint seconds);

/* ---- The guests ---- */

/* What one has done and suffered since the work began. Sizes in bytes. */
typedef struct {
    guint64 worked_bytes;   /* filled, verified, and read as page cache */
    guint64 refault_bytes;  /* became resident again, up to where it had been before */
    guint64 returned_bytes; /* by asks */
    guint64 host_faults;    /* minor ones of its QEMU */
    guint64 corrupt_bytes, oom_kills;
    gint64 stall_max_us, cpu_us;
    guint asks;
} BenchFleetTally;

typedef struct {
    const BenchFleetFamily *family;
    guint number; /* in the fleet */
    char *name;
    VhLabGuest *lab;
    VhLabWork *work;
    guint64 rss_bytes, peak_bytes; /* at the last look, and at any */
    guint64 faults_before;
    gint64 cpu_before_us;
    BenchFleetTally tally;
} BenchFleetGuest;

/* Memory of all of them together. */
guint64 bench_fleet_memory_bytes(void);

/* Boots all, a few at a time, their reporting off. Ends the program where one does not boot. Free
 * with g_array_unref(): that ends them. */
GArray *bench_fleet_boot(VhLab *lab, const BenchConfig *config);

/* What they would hold together if each was at its peak. */
guint64 bench_fleet_peak_bytes(const GArray *guests);

void bench_fleet_start(GArray *guests, const BenchConfig *config);

/* One look at all: what is resident in them together. */
guint64 bench_fleet_look(GArray *guests);

/* Takes the reports that are there. */
void bench_fleet_take_reports(GArray *guests);

/* Verifies what each has kept; the tallies are whole then. */
void bench_fleet_finish(GArray *guests);

/* NULL where none has that name. */
BenchFleetGuest *bench_fleet_find(const GArray *guests, const char *name);

extern const char *const bench_fleet_parts[]; /* NULL-terminated */
void bench_fleet(VhLab *lab, const BenchConfig *config, char *const *parts, BenchReport *report);

G_END_DECLS
