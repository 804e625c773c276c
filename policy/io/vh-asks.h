/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The asks of this process: starts them, knows how far they are, and hands over what ended. An
 * actuator over libvirt. Lives on the default main context.
 */
#pragma once

#include "vh-ask.h"
#include "vh-cycle.h"
#include "vh-watch.h"

G_BEGIN_DECLS

typedef struct VhAsks VhAsks;

/* One ask to start. */
typedef struct {
    VhUuid uuid;
    const char *uri;        /* of the watch that sees the domain */
    guint64 expected_bytes; /* Y of the plan; 0: asked by hand */
    guint64 counted_bytes;  /* what the next plans count on meanwhile */
    guint64 request_id;     /* whose request it is for; 0: nobody's */
    VhAskRequest request;
} VhAskOrder;

typedef struct {
    void (*started)(const VhInFlight *ask, gpointer data);
    void (*ended)(const VhEnded *ask, const char *message, gpointer data);
} VhAsksCallbacks;

/* `watches` (of VhWatch *) is borrowed. Callbacks arrive on the default main context, `started`
 * from within vh_asks_start(). */
VhAsks *vh_asks_new(GPtrArray *watches, const VhAsksCallbacks *callbacks, gpointer data);

/* Lets go of all: they go on to their end by themselves. NULL-safe. */
void vh_asks_free(VhAsks *asks);

/*
 * Starts one and returns its id. An ask that cannot even be started ends at once, as FAILED:
 * `ended` follows, from the main loop.
 */
guint64 vh_asks_start(VhAsks *asks, const VhAskOrder *order);

guint vh_asks_n_running(const VhAsks *asks);
gboolean vh_asks_is_running(const VhAsks *asks, const VhUuid *uuid);

/* FALSE where no ask of that id is running. */
gboolean vh_asks_get_progress(VhAsks *asks, guint64 id, VhInFlight *ret_ask,
                              guint64 *ret_taken_bytes);
gboolean vh_asks_cancel(VhAsks *asks, guint64 id);
/* Those for one request. */
void vh_asks_cancel_for(VhAsks *asks, guint64 request_id);

/* What those for one request have got back so far, of what is under way. */
guint64 vh_asks_returned_for(const VhAsks *asks, guint64 request_id);

void vh_asks_cancel_all(VhAsks *asks);

/* Adds what is in flight, and what ended since the last call. */
void vh_asks_report(VhAsks *asks, VhSnapshot *snapshot);

G_END_DECLS
