/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole engine over real hosts: watches on one or more libvirt connections, a source and an
 * actuator over them, and the cycle. The daemon drives one by a timer; the command line, without a
 * daemon, drives one by hand. Lives on the default main context; nothing here blocks.
 */
#pragma once

#include "vh-cycle.h"
#include "vh-discover.h"
#include "vh-requests.h"
#include "vh-switches.h"
#include "vh-watch.h"

G_BEGIN_DECLS

typedef struct {
    const char *const *uris; /* NULL-terminated; empty or NULL: libvirt's default, unless there is
                                `discover` */
    VhDiscover *discover;    /* more connections, which come and go; taken. NULL: none */
    const VhEngine *engine;  /* NULL: the default one */
    gboolean read_only;      /* asks nobody, sets nothing */
    gboolean dry_run; /* decides, but starts no ask of the plan; asks by hand are refused too */
    const char *proc_root;   /* NULL: "/proc" */
    const char *sys_root;    /* NULL: "/sys" */
    const char *cgroup_root; /* NULL: "/sys/fs/cgroup" */
} VhSessionOptions;

typedef struct VhSession VhSession;

/* All may be NULL. */
typedef struct {
    /* A cycle has run; `error` where the source failed. */
    void (*cycled)(VhSession *session, const GError *error, gpointer data);
    /* An ask has started (planned, or by hand), or has ended. Valid for the call. */
    void (*ask_started)(VhSession *session, const VhInFlight *ask, const VhAction *action,
                        gpointer data);
    void (*ask_ended)(VhSession *session, const VhEnded *ask, const char *message, gpointer data);
    /* A request has been taken on, or is over: its status says how. Valid for the call. */
    void (*request_started)(VhSession *session, const VhRequestRecord *request, gpointer data);
    void (*request_ended)(VhSession *session, const VhRequestRecord *request, gpointer data);
    /* A guest's continuous reporting has been switched, or (`error`) could not be. */
    void (*switched)(VhSession *session, const VhSwitched *switched, const GError *error,
                     gpointer data);
    /* Something about a connection or domain: see vh-watch.h. */
    void (*watch_event)(VhSession *session, const char *uri, VhWatchEvent event, const char *name,
                        const VhUuid *uuid, const char *text, gpointer data);
} VhSessionCallbacks;

/* Takes config and state (NULL: the built-in, a fresh one). */
VhSession *vh_session_new(const VhSessionOptions *options, VhConfig *config, VhState *state,
                          const VhSessionCallbacks *callbacks, gpointer data);

/* Stops: what is in flight goes on by itself to its end and gives all back (see
 * vh_session_drain()). NULL-safe. */
void vh_session_free(VhSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhSession, vh_session_free)

/* Another policy from the next cycle on. Takes it. */
void vh_session_set_config(VhSession *session, VhConfig *config);

/*
 * Polls all connections, then runs one cycle: `cycled` follows, within the poll deadline whatever
 * hangs. While one is under way, asking again changes nothing. The end of an ask asks for it too.
 */
void vh_session_poll(VhSession *session);

/* The last cycle. Borrowed until the main loop runs on. */
const VhConfig *vh_session_config(const VhSession *session);
const VhSnapshot *vh_session_snapshot(const VhSession *session);
const VhPlan *vh_session_plan(const VhSession *session);
const VhState *vh_session_state(const VhSession *session);
const VhState *vh_session_state_before(const VhSession *session);

/* The URIs of the connections as of now; "" for libvirt's default. Free with g_strfreev(). */
char **vh_session_connections(const VhSession *session);

/* Whether every connection is there, but for those that were discovered; *ret_message (may be NULL,
 * borrowed): why one is not. */
gboolean vh_session_is_connected(const VhSession *session, const char **ret_message);

/* Whether all domains of all connections (of the discovered ones, those that answer) have been
 * looked at: what is not in the snapshot then is
 * not there. A host that is busy may take more than one poll. */
gboolean vh_session_has_seen_all(const VhSession *session);

/* Whether it is known of all sockets that were discovered who answers. */
gboolean vh_session_has_discovered(const VhSession *session);

/* Index into the snapshot's domains, by name, id of a running domain, or UUID; -1: VH_ERROR_GONE,
 * or VH_ERROR_INVALID where the name stands for several. */
int vh_session_find(const VhSession *session, const char *domain, GError **error);

typedef struct {
    guint64 bytes;         /* 0: all that is expected */
    guint64 granule_bytes; /* by a pass over blocks of this size or larger; 0: nobody cares */
    gint64 deadline_us;    /* 0: the default */
} VhSessionAsk;

/*
 * Asks one guest by hand: tier, autodeflate and the in-flight record are respected, level and
 * cooldown are not. With a granule its QEMU is told, whatever the policy says of the monitor.
 * Returns the ask's id, 0 with an error (GONE, BUSY, DENIED, UNSUPPORTED).
 */
guint64 vh_session_ask(VhSession *session, guint domain, const VhSessionAsk *ask, GError **error);

/* How far an ask is; FALSE where there is none of that id in flight. */
gboolean vh_session_get_progress(VhSession *session, guint64 id, VhInFlight *ret_ask,
                                 guint64 *ret_taken_bytes);

/* FALSE where there is none of that id in flight. */
gboolean vh_session_cancel(VhSession *session, guint64 id);

typedef struct {
    guint64 bytes;
    VhLevel urgency;    /* as if the pool were at this level; not IDLE */
    gint64 deadline_us; /* from now; 0: none */
} VhSessionRequest;

/*
 * Takes on a request: from now on the plans get so much back from the guests that `urgency`
 * unlocks, whatever the pool's own need, until it came back, the deadline has passed, it is
 * cancelled, or nobody could give any more for VH_REQUEST_PATIENCE_US. Then what is still under way
 * for it is cancelled, unless it is done, and `request_ended` follows with what came back. Its id;
 * 0 with an error (INVALID, DENIED, BUSY; UNSUPPORTED by an engine to compare with).
 */
guint64 vh_session_request(VhSession *session, const VhSessionRequest *request, GError **error);

/* FALSE where no request of that id is open. */
gboolean vh_session_cancel_request(VhSession *session, guint64 id);

/* Those that are not over. Borrowed. */
const VhRequests *vh_session_requests(const VhSession *session);

/* What came back for a request so far, asks under way included. */
guint64 vh_session_request_returned(const VhSession *session, const VhRequestRecord *request);

/*
 * Starts no more asks, and waits for those under way: `cancel` ends them early, and in both cases
 * every guest gets back what it lent. Returns whether all had ended within the time. Runs the main
 * loop meanwhile: the one call here that blocks.
 */
gboolean vh_session_drain(VhSession *session, gboolean cancel, gint64 timeout_us);

G_END_DECLS
