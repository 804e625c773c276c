/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virthintd as a child of a program that runs in the lab, on a message bus of its own, and what it
 * tells over D-Bus. It must not know what is done with that, nor what the guests do.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
    const char *program; /* path of virthintd */
    const char *uri;     /* the libvirt connection to watch */
    const char *folder;  /* for the policy, the state, the bus and the log; is there already */
    const char *policy;  /* text of the policy file */
    const char *engine;  /* NULL: the default one */
} VhChildDaemonOptions;

/* Called on the default main context. Dictionaries are the documents of docs/json.md. */
typedef struct {
    void (*ask_started)(guint64 id, GVariant *ask, gpointer data);
    void (*ask_ended)(guint64 id, GVariant *outcome, gpointer data);
    void (*planned)(GVariant *plan, gpointer data); /* the answer to a poll */
} VhChildDaemonCallbacks;

typedef struct VhChildDaemon VhChildDaemon;

/* Starts a bus and the daemon on it, and waits until the daemon has answered. NULL with what went
 * wrong, the daemon's last lines included. */
VhChildDaemon *vh_child_daemon_start(const VhChildDaemonOptions *options,
                                     const VhChildDaemonCallbacks *callbacks, gpointer data,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Asks for the plan of the last cycle; `planned` follows once the main loop runs. */
void vh_child_daemon_poll(VhChildDaemon *daemon);

/* Where its log is. Borrowed. */
const char *vh_child_daemon_log(const VhChildDaemon *daemon);

/* Whether it still runs. */
gboolean vh_child_daemon_is_running(const VhChildDaemon *daemon);

/* SIGTERM, and waits until it has put back what it moved and is gone (30 s at most). FALSE where it
 * did not exit by itself with code 0. */
gboolean vh_child_daemon_stop(VhChildDaemon *daemon, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Kills what still runs. NULL-safe. */
void vh_child_daemon_free(VhChildDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhChildDaemon, vh_child_daemon_free)

G_END_DECLS
