/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a benchmark says: figures over several runs, collected as JSON objects, of which tables are
 * views; and what it says while it works. Knows no benchmark.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stddef.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* For qsort() and its like. */
int bench_compare_doubles(const void *a, const void *b);

/*
 * Of a member of n samples, each `stride` bytes long: {"median", "min", "max", "runs"}, the last of
 * which are the values in the order of the runs. A value that is not finite is left out; where none
 * is left it is NULL.
 */
JsonObject *bench_spread(const void *samples, gsize stride, gsize offset, guint n);

/* Sets it under the member's name (null where there is none); the member is a double. */
#define BENCH_SET_SPREAD(object, samples, n, member) \
    bench_set_object(                                \
        object, #member,                             \
        bench_spread(samples, sizeof(*(samples)), offsetof(__typeof__(*(samples)), member), n))
void bench_set_object(JsonObject *object, const char *key, JsonObject *value); /* takes it */

/* The median under a key, or NAN where there is none. */
double bench_median(JsonObject *object, const char *key);

/* A column shows what is under `key`: a text, a number, yes or no, or of a spread "median
 * (min-max)". Numbers are shown in `unit`s, with so many decimals. What is missing is "-". */
typedef struct {
    const char *title, *key;
    double unit;
    guint decimals;
} BenchColumn;

typedef struct {
    JsonObject *root;
    gboolean is_json; /* nothing but the document, at the end */
} BenchReport;

/* Adds rows (an array of objects, which it takes) under a key, to those that are there, and shows
 * them as a table where that is wanted. */
void bench_report_rows(BenchReport *report, const char *key, const char *title,
                       const BenchColumn *columns, guint n_columns, JsonArray *rows);
/* A line for readers of tables. */
void bench_report_say(const BenchReport *report, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The machine that it runs on, under "machine" and as a line. */
void bench_report_machine(BenchReport *report);
/* Prints the document where that is wanted, and frees it. */
void bench_report_end(BenchReport *report);

/* A line on stderr that says what is being done. */
void bench_progress(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* What is resident of a process: of statm, not of smaps, which walks all of the memory and would be
 * measured with it. */
guint64 bench_resident_bytes(pid_t pid);

/* A field of /proc/PID/smaps_rollup ("AnonHugePages:"), which walks all of the memory. */
guint64 bench_smaps_bytes(pid_t pid, const char *field);

G_END_DECLS
