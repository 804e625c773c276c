/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The open requests for memory: keeps them, counts what came back for each, and knows when one has
 * ended. Asks nobody itself, and has no clock: moments are monotonic and given.
 */
#pragma once

#include "vh-snapshot.h"

G_BEGIN_DECLS

/* So many may be open at once: each is a line of every cycle's plan. */
#define VH_REQUESTS_MAX 64

/* One without a deadline ends when for so long nobody could be asked for it: longer than the
 * cooldown of each built-in class that is asked at all, so that every guest has had its turn. */
#define VH_REQUEST_PATIENCE_US (20 * VH_MIN)

typedef enum {
    VH_REQUEST_OPEN,
    VH_REQUEST_DONE,      /* what was wanted came back */
    VH_REQUEST_EXPIRED,   /* its deadline passed */
    VH_REQUEST_CANCELLED, /* by hand, or because the daemon stops */
    VH_REQUEST_EXHAUSTED, /* for a long time nobody could give any more */
    VH_REQUEST_STATUSES,
} VhRequestStatus;

/* "open", "done", ...; static. */
const char *vh_request_status_name(VhRequestStatus status);

typedef struct {
    VhRequest request; /* returned_bytes: by asks that have ended */
    VhRequestStatus status;
    gint64 started_us;
    gint64 idle_since_us; /* since when no ask for it is under way; 0: one is */
    guint n_asks;         /* started for it so far */
    guint n_in_flight;    /* of them, not ended */
} VhRequestRecord;

typedef struct VhRequests VhRequests;

VhRequests *vh_requests_new(void);
void vh_requests_free(VhRequests *requests);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhRequests, vh_requests_free)

/* Its id, never 0; 0: as many as allowed are open. deadline_us 0: none. */
guint64 vh_requests_add(VhRequests *requests, guint64 bytes, VhLevel urgency, gint64 deadline_us,
                        gint64 now_us);

/* The open ones and those that wait for the end of their asks, oldest first. Borrowed until the
 * next call that changes them. vh_requests_find(): NULL where there is none of that id. */
guint vh_requests_count(const VhRequests *requests);
const VhRequestRecord *vh_requests_get(const VhRequests *requests, guint index);
const VhRequestRecord *vh_requests_find(const VhRequests *requests, guint64 id);

/* An ask for a request (id 0, or of one that has ended: nothing happens). What came back of it
 * counts when it has ended. */
void vh_requests_ask_started(VhRequests *requests, guint64 id);
void vh_requests_ask_ended(VhRequests *requests, const VhEnded *ask, gint64 now_us);

/* Ends an open one; FALSE where there is none of that id. */
gboolean vh_requests_cancel(VhRequests *requests, guint64 id);
void vh_requests_cancel_all(VhRequests *requests);

/* Ends those whose deadline has passed, or whom nobody can give any more. */
void vh_requests_check(VhRequests *requests, gint64 now_us);

/*
 * Takes out one that has ended and of which nothing is under way any more: only then is it known
 * what came back. One that is done does not wait for it. FALSE: there is none.
 */
gboolean vh_requests_take_ended(VhRequests *requests, VhRequestRecord *ret_record);

/* Adds the open ones. */
void vh_requests_report(const VhRequests *requests, VhSnapshot *snapshot);

G_END_DECLS
