/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One poll of all domains, on a thread with a connection of its own that can be left behind when a
 * call does not return. Private to watch/.
 */
#pragma once

#include "vh-in-flight.h"
#include "vh-override.h"
#include "vh-port.h"
#include "vh-probe.h"
#include "vh-socket.h"
#include "vh-uuid.h"

G_BEGIN_DECLS

typedef enum {
    VH_POLL_BULK,    /* all figures in one call */
    VH_POLL_CAREFUL, /* who blocks? First what cannot block, then one domain at a time */
    VH_POLL_CONTROL, /* only what cannot block */
} VhPollMode;

/* What is known of a domain before the poll. */
typedef struct {
    VhUuid uuid;
    gboolean is_known;       /* XML and metadata need not be read again */
    gboolean is_quarantined; /* it hung: ask it only once libvirt says that it does not any more */
    gboolean is_due;         /* its QEMU can tell of its reporting, and has not for a while */
} VhPollItem;

typedef struct {
    VhUuid uuid;
    char *name;
    int id;
} VhPollListed;

/* What a QEMU said to the question for its reporting. */
typedef enum {
    VH_POLL_NOT_ASKED,
    VH_POLL_TOLD,
    VH_POLL_STOCK,     /* it knows no such question */
    VH_POLL_NO_ANSWER, /* at least not now */
} VhPollTold;

/* What was found out about one. */
typedef struct {
    VhUuid uuid;
    gboolean is_hung;     /* nothing is known then but what libvirt has by itself (has_static) */
    gboolean is_arriving; /* it has yet to arrive, as a migration brings it: nothing is known */
    VhStats stats;
    gboolean has_job;
    VhPollTold told;
    VhReportingInfo reporting; /* VH_POLL_TOLD */
    char *told_error;          /* VH_POLL_NO_ANSWER: why */

    gboolean has_static; /* all below */
    VhProbe probe;
    VhOverride override;
    char *override_error; /* NULL: fine */
    char *xml;            /* a GRefString; NULL: nobody wants it */
    gboolean has_record;
    VhInFlightRecord record;
    char *record_error; /* it is there and cannot be read; NULL: fine */
    gboolean period_was_set;
} VhPollFound;

void vh_poll_found_free(VhPollFound *found);

/* A poll: what to do, and what has come of it so far. Counted; results may be taken at any time,
 * by the thread of the watch. */
typedef struct VhPoll VhPoll;

/* `items` is copied. stats_period_us: to set where there is none; 0: leave them. `monitor` ALLOW:
 * those that can tell of their reporting are asked, which taints them. keeps_xml: XML that is read
 * is among the results. */
VhPoll *vh_poll_new(VhPollMode mode, const VhPollItem *items, guint n, gint64 stats_period_us,
                    VhMonitorRule monitor, gboolean keeps_xml);
VhPoll *vh_poll_ref(VhPoll *poll);
void vh_poll_unref(VhPoll *poll);

typedef struct {
    GPtrArray *listed;     /* of VhPollListed; NULL where the list did not come in time */
    GPtrArray *found;      /* of VhPollFound */
    gboolean has_culprit;  /* the thread is in a call on this domain right now */
    VhUuid culprit;        /* and has been ... */
    gint64 culprit_us;     /* ... since then (monotonic) */
    gboolean is_returning; /* all others are done; it only tries those in quarantine */
    GError *error;         /* the poll failed as a whole */
    gboolean is_lost;      /* ... because the connection broke */
} VhPollResults;

typedef struct {
    gboolean has_list;    /* libvirt itself answers */
    gboolean has_culprit; /* as in the results */
    gint64 culprit_us;
} VhPollPeek;

/* How far it is; takes nothing. */
void vh_poll_peek(VhPoll *poll, VhPollPeek *ret_peek);

/* Takes what there is; what comes later is dropped. */
void vh_poll_take(VhPoll *poll, VhPollResults *ret_results);
void vh_poll_results_clear(VhPollResults *results);

typedef struct VhPoller VhPoller;

/* Starts the thread; it connects with its first poll. `ended` is posted to the port with the poll
 * as its payload. */
VhPoller *vh_poller_new(VhSocket *socket, const char *uri, gboolean read_only, VhPort *port,
                        VhPortFunc ended);
void vh_poller_submit(VhPoller *poller, VhPoll *poll);

/* Lets go of it. The thread ends when its call returns, and cleans up after itself; until then it
 * counts as a stray. NULL-safe. */
void vh_poller_abandon(VhPoller *poller);

G_END_DECLS
