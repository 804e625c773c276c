/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A backend that is none, and the commands run over it. For tests of the commands only. */
#pragma once

#include "vh-command.h"
#include "vh-reporting-info.h"

G_BEGIN_DECLS

/* Fake: two guests, one plan, an ask that comes half way and then ends as told. */
typedef struct {
    VhBackend backend;
    GCancellable *cancel;
    const char *outcome_status;
    gboolean is_cancelled_by_user;
    VhAskWish asked;
    VhRequestWish requested;
    char *urgency;
    gint64 explained_at_us;
    char *trace;      /* that was to be read; NULL: the daemon's */
    gboolean has_ask; /* one of web1 that can be cancelled */
    guint n_opened;
    VhAccess access;
    char *uris;
    gboolean must_wait;
    gboolean is_absent;
    const char *uuid; /* in place of web1's own; NULL */
    VhReportingInfo reporting;
    VhReportingWish wish;
    char *checked;                  /* the paths */
    char *policy;                   /* the wish of web1's own, as text */
    char *events;                   /* the wish for events, as text */
    gboolean has_odd_name;          /* one more domain: "b 'c'" */
    guint n_events;                 /* how many of the three there are */
    struct _virConnect *connection; /* that the program gave */
    guint n_told;                   /* how often QEMU was asked */
} Fake;

/* The commands over it, and what they wrote. */
typedef struct {
    Fake fake;
    GString *out, *err;
    guint n_errors; /* calls that wrote to `err` */
    VhOutput output;
    VhBackendProvider provider;
    GCancellable *cancel;
    VhProgram program;
} Bench;

Bench *bench_new(void);
void bench_free(Bench *bench);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

/* Runs a line, words split at blanks; the texts of the run before are dropped. */
VhExit run(Bench *bench, const char *line);

/* Fails the test where the text lacks the part. */
void assert_has(const GString *text, const char *part);

/* What QEMU tells of its reporting: of any domain but web1 it is a stock one. `data` is the Fake.
 */
GVariant *commands_fake_reporting(const VhBackendRequest *request, const char *domain,
                                  VhReportingWish wish, gpointer data, GError **error);

G_END_DECLS
