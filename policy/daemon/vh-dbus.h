/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session on the bus, as org.virthint.Daemon1.xml describes it. Reads the session's last cycle,
 * starts and cancels asks by hand; when cycles run, and what the policy's files are, is the
 * daemon's.
 */
#pragma once

#include "vh-session.h"

G_BEGIN_DECLS

/* What the bus needs of the daemon. Copied, with its strings. */
typedef struct {
    /* Reads the policy again and puts it in force; its error is also the property PolicyError. */
    gboolean (*reload)(gpointer data, GError **error);
    const char *engine; /* NULL: the default one's name */
    gboolean dry_run;
    const char *record_file; /* NULL: nothing is recorded */
} VhDbusHooks;

typedef struct VhDbus VhDbus;

/*
 * Connects, exports the session (borrowed) and takes the name; calls are answered from the default
 * main context. address NULL: the system bus. VH_ERROR_BUSY: the name is taken, so that a daemon
 * runs already; VH_ERROR_DENIED: the bus does not let us have it; VH_ERROR_GONE: no bus there.
 * Blocks for the few round trips with the bus. Where the bus goes away later, the API goes with it
 * and the session goes on.
 */
VhDbus *vh_dbus_new(const char *address, VhSession *session, const VhDbusHooks *hooks,
                    gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_dbus_free(VhDbus *dbus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhDbus, vh_dbus_free)

/* A cycle has run: properties, PlanChanged. */
void vh_dbus_cycled(VhDbus *dbus);

/* For all asks, whoever started them: AskStarted, AskEnded. */
void vh_dbus_ask_started(VhDbus *dbus, const VhInFlight *ask);
void vh_dbus_ask_ended(VhDbus *dbus, const VhEnded *ask, const char *message);

/* RequestStarted, RequestEnded. */
void vh_dbus_request_started(VhDbus *dbus, const VhRequestRecord *request);
void vh_dbus_request_ended(VhDbus *dbus, const VhRequestRecord *request);

/* What is wrong with the policy's files; NULL: nothing. Copied. */
void vh_dbus_set_policy_error(VhDbus *dbus, const char *message);

G_END_DECLS
