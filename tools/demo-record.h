/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run of the demo saw: samples, asks and verdicts over time, and the judgement over them.
 * Plain data; it must not know how guests run, how a daemon is asked, or how anything is shown.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VH_DEMO_GUESTS 4

/* One look at all guests. Sizes in bytes. */
typedef struct {
    gint64 at_us; /* since the run's start */
    guint64 resident_bytes[VH_DEMO_GUESTS];
    guint64 total_bytes;
    char level[16]; /* the daemon's; empty where there is none */
} VhDemoSample;

/* One ask of the daemon, as it told of it. */
typedef struct {
    guint64 id;
    guint guest;
    gint64 started_us; /* since the run's start */
    gint64 ended_us;   /* 0: not yet */
    guint64 asked_bytes;
    guint64 returned_bytes;
    gint64 took_us; /* by the daemon's clock */
    char method[8]; /* "pulse", "pass" */
    char status[24];
} VhDemoAsk;

/* How often a plan gave this reason for leaving a guest alone. */
typedef struct {
    char *reason; /* the stable word */
    char *text;   /* the sentence */
    guint plans;
    guint64 most_expected_bytes; /* the largest yield that it was left alone with */
} VhDemoVerdict;

typedef struct VhDemoRecord VhDemoRecord;
struct VhDemoRecord {
    gboolean has_daemon;
    const char *const *names; /* VH_DEMO_GUESTS, borrowed */
    guint64 budget_bytes;
    gint64 interval_us;
    GArray *samples;                  /* VhDemoSample */
    GArray *asks;                     /* VhDemoAsk */
    GArray *verdicts[VH_DEMO_GUESTS]; /* VhDemoVerdict */
    guint64 peak_bytes[VH_DEMO_GUESTS];
    guint64 peak_total_bytes;
    guint64 verified_pages[VH_DEMO_GUESTS];
    guint64 corrupted_bytes[VH_DEMO_GUESTS];
    guint64 oom_kills[VH_DEMO_GUESTS];
};

VhDemoRecord *vh_demo_record_new(const char *const *names, gboolean has_daemon,
                                 guint64 budget_bytes, gint64 interval_us);
void vh_demo_record_free(VhDemoRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhDemoRecord, vh_demo_record_free)

/* Appends one look, and keeps the peaks. The total is computed here. */
void vh_demo_record_sample(VhDemoRecord *record, const VhDemoSample *sample);

/* The ask with this id; a new one for `guest`, started at `at_us`, where there is none. Valid until
 * the next call. */
VhDemoAsk *vh_demo_record_ask(VhDemoRecord *record, guint64 id, guint guest, gint64 at_us);

/* Counts one plan that left a guest alone. */
void vh_demo_record_verdict(VhDemoRecord *record, guint guest, const char *reason, const char *text,
                            guint64 expected_bytes);

/* The verdict of the most plans that left this guest alone with at least `expected_bytes` to be
 * had; NULL where there is none. Borrowed. */
const VhDemoVerdict *vh_demo_record_main_verdict(const VhDemoRecord *record, guint guest,
                                                 guint64 expected_bytes);

/* The longest time in one piece that the total was over the budget: from the first look that found
 * it so to the first that did not. */
gint64 vh_demo_record_longest_over_us(const VhDemoRecord *record);

/* Whether the pool held: never over the budget for more than two intervals in a row. */
gboolean vh_demo_record_held(const VhDemoRecord *record);

/* Sums over the asks that have ended; guest < 0: of all guests. */
void vh_demo_record_sums(const VhDemoRecord *record, int guest, guint *ret_asks,
                         guint64 *ret_asked_bytes, guint64 *ret_returned_bytes);

/* How many of the asks that have ended were of this method, and what the slowest of them took. */
guint vh_demo_record_count(const VhDemoRecord *record, const char *method, gint64 *ret_slowest_us);

guint64 vh_demo_record_corrupted_bytes(const VhDemoRecord *record);

/* All of both runs as JSON text (docs/demo.md documents it). Free with g_free(). */
char *vh_demo_record_json(const VhDemoRecord *without, const VhDemoRecord *with);

G_END_DECLS
