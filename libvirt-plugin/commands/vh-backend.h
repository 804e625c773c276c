/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who answers the commands: the daemon over D-Bus, an engine in this process, or a fake in a test.
 * The commands know only this table; what it returns are the documents of docs/json.md.
 */
#pragma once

#include "vh-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* How much a command needs. */
typedef enum {
    VH_ACCESS_NONE,   /* no backend at all */
    VH_ACCESS_READ,   /* reads what is there */
    VH_ACCESS_ASK,    /* changes guests */
    VH_ACCESS_DAEMON, /* only the daemon can do it */
} VhAccess;

struct _virConnect; /* libvirt's: commands hand it on and know nothing else of it */

/* What the user said about whom to speak to. Borrowed. */
typedef struct {
    VhAccess access;
    struct _virConnect *connection; /* of the program that the commands run in (virsh): used in
                                       place of connections of their own; NULL: there is none */
    const char *const *uris;        /* NULL-terminated; NULL: none was given */
    gboolean read_only;             /* the user wants nothing to be changed */
    const char *bus_address;        /* NULL: the system bus */
    const char *policy_path;        /* NULL: the daemon's, or the one that is installed */
    GCancellable *cancel;           /* ends what waits: Ctrl-C */
    /* One line about what goes on (waiting, recovering), for stderr. */
    void (*notice)(const char *text, gpointer data);
    gpointer notice_data;
} VhBackendRequest;

/* An ask by hand. */
typedef struct {
    guint64 bytes;         /* 0: all that is expected */
    guint64 granule_bytes; /* by a pass over free blocks of this size or larger; 0: nobody cares */
    gint64 deadline_us;    /* 0: the default */
} VhAskWish;

typedef struct {
    guint64 asked_bytes;    /* 0: all that can be had */
    guint64 taken_bytes;    /* the balloon has gone down by this, or the pass has reported it */
    guint64 returned_bytes; /* came back so far */
} VhBackendProgress;

/*
 * What goes on while an ask is waited for. Called from the main loop, a few times a second at most.
 */
typedef void (*VhBackendProgressFunc)(const VhBackendProgress *progress, gpointer data);

/* Memory wanted from the guests together. */
typedef struct {
    guint64 bytes;
    const char *urgency; /* a level: "low" */
    gint64 deadline_us;  /* 0: none */
} VhRequestWish;

/* The same for a request. */
typedef void (*VhRequestProgressFunc)(guint64 bytes, guint64 returned_bytes, guint n_asks,
                                      gpointer data);

typedef struct VhBackend VhBackend;

/*
 * All calls may block, running the thread-default main context meanwhile (vh-loop.h), and end with
 * G_IO_ERROR_CANCELLED where the request's `cancel` fires. Documents are full references.
 */
typedef struct {
    void (*free)(VhBackend *backend);

    /* Who it is, for people: "virthintd 0.1.0", "own read-only connection to qemu:///system". Free
     * with g_free(). */
    char *(*describe)(VhBackend *backend);

    /* Sees anew: what follows is of this moment. With `settle` it takes up to some seconds more,
     * until two samples of each guest agree, where nobody has watched them before. */
    gboolean (*refresh)(VhBackend *backend, gboolean settle, GError **error);

    /* The documents of the last refresh: aa{sv}, then a{sv}. A domain is a name, id or UUID;
     * VH_ERROR_GONE where there is none. */
    GVariant *(*list)(VhBackend *backend, GError **error);
    GVariant *(*info)(VhBackend *backend, const char *domain, GError **error);
    GVariant *(*plan)(VhBackend *backend, GError **error);
    GVariant *(*explain)(VhBackend *backend, const char *domain, GError **error);
    GVariant *(*explain_all)(VhBackend *backend, GError **error); /* aa{sv} */

    /* Starts an ask. Its id; 0 with an error. */
    guint64 (*ask)(VhBackend *backend, const char *domain, const VhAskWish *wish, GError **error);

    /* Ends the domain's ask that it carries out, early, whoever started it. VH_ERROR_GONE where it
     * carries out none. */
    gboolean (*cancel)(VhBackend *backend, const char *domain, GError **error);

    /*
     * Waits for its end, and returns the outcome. When `cancel` fires, the ask is cancelled, and
     * the wait goes on until the guest has all its memory back. VH_ERROR_GONE where whoever
     * carried it out went away.
     */
    GVariant *(*wait)(VhBackend *backend, guint64 id, VhBackendProgressFunc progress, gpointer data,
                      GError **error);

    /*
     * Requests for memory: to start one (its id; 0 with an error), to end it early
     * (VH_ERROR_GONE where it is not open), to list the open ones (aa{sv}), and to wait for the end
     * of one, as for an ask: its last document. Only of a backend that VH_ACCESS_DAEMON opened.
     */
    guint64 (*request)(VhBackend *backend, const VhRequestWish *wish, GError **error);
    gboolean (*cancel_request)(VhBackend *backend, guint64 id, GError **error);
    GVariant *(*requests)(VhBackend *backend, GError **error);
    GVariant *(*wait_request)(VhBackend *backend, guint64 id, VhRequestProgressFunc progress,
                              gpointer data, GError **error);

    /* Makes the daemon read its policy again; VH_ERROR_INVALID with what is wrong with it. */
    gboolean (*reload)(VhBackend *backend, GError **error);
} VhBackendOps;

/* Embed it as the first member of the implementation. */
struct VhBackend {
    const VhBackendOps *ops;
    gboolean must_wait; /* an ask ends with this process: it cannot be left alone */
};

/* What is to become of a guest's free page reporting. */
typedef enum {
    VH_WISH_SHOW, /* nothing: only look */
    VH_WISH_OFF,
    VH_WISH_ON,
    VH_WISH_CANCEL, /* the pass that runs is to end */
} VhReportingWish;

/* What is to become of the policy in a domain's own metadata. */
typedef enum {
    VH_POLICY_GET,
    VH_POLICY_SET,   /* those of `settings`; what is not named stays */
    VH_POLICY_CLEAR, /* all of it, or those keys that `settings` name */
} VhPolicyAction;

typedef struct {
    VhPolicyAction action;
    const char *const *settings; /* "KEY=VALUE", for CLEAR "KEY"; NULL-terminated; NULL: none */
    /* What it is about: the domain as it runs, its definition, or both. Neither: as it runs, where
     * it does, else its definition. */
    gboolean affects_live, affects_config;
} VhPolicyWish;

/* Which events to wait for. */
typedef struct {
    const char *domain;       /* NULL: those of all */
    const char *const *kinds; /* names ("pass-ended"), NULL-terminated; NULL: all */
    gboolean is_loop;         /* go on after the first */
    gint64 timeout_us;        /* 0: none */
} VhEventsWish;

/* One event, the document "event"; borrowed for the call. */
typedef void (*VhEventSeen)(GVariant *event, gpointer data);

/* Where backends come from: the program's main knows. */
typedef struct {
    /* VH_ERROR_GONE where there is nobody to speak to, VH_ERROR_UNSUPPORTED where a daemon is
     * needed and does not run. */
    VhBackend *(*open)(const VhBackendRequest *request, gpointer data, GError **error);

    /* Reads policy files and directories as the daemon would; a{sv}: the policy that they amount
     * to. VH_ERROR_INVALID, VH_ERROR_UNSUPPORTED: what is wrong, and where. */
    GVariant *(*check)(const char *const *paths, gpointer data, GError **error);

    /*
     * Asks a domain's QEMU itself, and no backend, by a monitor command that taints the domain: on
     * request only. a{sv}, the document "reporting", a full reference. UNSUPPORTED: its QEMU knows
     * no such commands, or there is nothing to ask. GONE: there is no such domain, or no pass to
     * cancel. Runs the thread-default main context meanwhile.
     */
    GVariant *(*reporting)(const VhBackendRequest *request, const char *domain,
                           VhReportingWish wish, gpointer data, GError **error);

    /*
     * What was decided of a domain at a moment (UTC), from a recording: the last cycle before it.
     * `trace` NULL: what the daemon records. The document "explanation". GONE: there is no
     * recording, or it holds nothing of that moment or domain.
     */
    GVariant *(*explain_at)(const VhBackendRequest *request, const char *domain, gint64 at_us,
                            const char *trace, gpointer data, GError **error);

    /*
     * The policy in a domain's own metadata, as it is after the wish; the document "override".
     * INVALID: a setting, or what is there, makes no sense (nothing was changed). DENIED: the
     * connection is read-only. GONE: there is no such domain.
     */
    GVariant *(*policy)(const VhBackendRequest *request, const char *domain,
                        const VhPolicyWish *wish, gpointer data, GError **error);

    /*
     * Blocks, telling `seen` of each event, until the first one (without is_loop), the timeout, the
     * request's `cancel`, or the loss of the connection (GONE). The timeout and `cancel` are no
     * errors: *ret_n says how many there were.
     */
    gboolean (*events)(const VhBackendRequest *request, const VhEventsWish *wish, VhEventSeen seen,
                       gpointer seen_data, guint *ret_n, gpointer data, GError **error);

    gpointer data;
} VhBackendProvider;

static inline void vh_backend_free(VhBackend *backend)
{
    if (backend != NULL)
        backend->ops->free(backend);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhBackend, vh_backend_free)

G_END_DECLS
