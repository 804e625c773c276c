/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bus, the daemon, and what it tells. See child-daemon.h. */
#include "child-daemon.h"

#include <signal.h>
#include <string.h>

#define BUS_NAME "org.virthint.Daemon1"
#define OBJECT_PATH "/org/virthint/Daemon1"
#define INTERFACE "org.virthint.Daemon1"
#define START_TIMEOUT_US (20 * G_USEC_PER_SEC)
#define STOP_TIMEOUT_US (30 * G_USEC_PER_SEC)
#define LOG_TAIL_BYTES 2000

struct VhChildDaemon {
    VhChildDaemonCallbacks callbacks;
    gpointer data;
    char *address;
    char *log;
    GSubprocess *bus;
    GSubprocess *daemon;
    GDBusConnection *connection;
    GCancellable *cancellable;
    guint subscription;
};

static void on_signal(GDBusConnection *connection, const char *sender, const char *path,
                      const char *interface, const char *signal_name, GVariant *parameters,
                      gpointer data)
{
    VhChildDaemon *self = data;
    g_autoptr(GVariant) doc = NULL;
    guint64 id;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(ta{sv})")))
        return;
    g_variant_get(parameters, "(t@a{sv})", &id, &doc);
    if (g_str_equal(signal_name, "AskStarted"))
        self->callbacks.ask_started(id, doc, self->data);
    else if (g_str_equal(signal_name, "AskEnded"))
        self->callbacks.ask_ended(id, doc, self->data);
}

static void on_plan(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    g_autoptr(GVariant) plan = NULL;
    VhChildDaemon *self;

    /* A cancelled call: the daemon's struct may be gone. */
    if (!reply)
        return;
    g_variant_get(reply, "(@a{sv})", &plan);
    self = data;
    self->callbacks.planned(plan, self->data);
}

void vh_child_daemon_poll(VhChildDaemon *self)
{
    g_dbus_connection_call(self->connection, BUS_NAME, OBJECT_PATH, INTERFACE, "GetPlan", NULL,
                           G_VARIANT_TYPE("(a{sv})"), G_DBUS_CALL_FLAGS_NO_AUTO_START, 5000,
                           self->cancellable, on_plan, self);
}

static gboolean exists(gpointer path)
{
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static gboolean has_owner(gpointer data)
{
    VhChildDaemon *self = data;
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        self->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "NameHasOwner", g_variant_new("(s)", BUS_NAME), G_VARIANT_TYPE("(b)"),
        G_DBUS_CALL_FLAGS_NONE, 5000, NULL, NULL);
    gboolean has = FALSE;

    if (reply)
        g_variant_get(reply, "(b)", &has);
    return has;
}

/* Looks until it is so, while the child lives and the time lasts. */
static gboolean wait_for(gboolean (*is_so)(gpointer), gpointer data, GSubprocess *child)
{
    gint64 until_us = g_get_monotonic_time() + START_TIMEOUT_US;

    while (!is_so(data)) {
        while (g_main_context_iteration(NULL, FALSE))
            continue;
        if (!g_subprocess_get_identifier(child) || g_get_monotonic_time() > until_us)
            return FALSE;
        g_usleep(20 * 1000);
    }
    return TRUE;
}

static gboolean start_bus(VhChildDaemon *self, const char *folder, GError **error)
{
    g_autofree char *socket = g_build_filename(folder, "bus", NULL);
    g_autofree char *argument = NULL;

    self->address = g_strdup_printf("unix:path=%s", socket);
    argument = g_strdup_printf("--address=%s", self->address);
    self->bus =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE, error, "dbus-daemon", "--session",
                         "--nofork", "--nopidfile", "--nosyslog", argument, NULL);
    if (!self->bus)
        return FALSE;
    if (!wait_for(exists, socket, self->bus)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "dbus-daemon does not start");
        return FALSE;
    }
    self->connection =
        g_dbus_connection_new_for_address_sync(self->address,
                                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                   G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                               NULL, NULL, error);
    if (!self->connection)
        return FALSE;
    self->subscription =
        g_dbus_connection_signal_subscribe(self->connection, BUS_NAME, INTERFACE, NULL, OBJECT_PATH,
                                           NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, self, NULL);
    return TRUE;
}

/* The end of the log, for an error. */
static char *log_tail(const char *path)
{
    g_autofree char *text = NULL;
    gsize length = 0;

    if (!g_file_get_contents(path, &text, &length, NULL) || length == 0)
        return g_strdup("it logged nothing");
    return g_strdup(length > LOG_TAIL_BYTES ? text + length - LOG_TAIL_BYTES : text);
}

static gboolean start_daemon(VhChildDaemon *self, const VhChildDaemonOptions *options,
                             GError **error)
{
    g_autofree char *policy_folder = g_build_filename(options->folder, "policy.d", NULL);
    g_autofree char *policy = g_build_filename(policy_folder, "10-child.json", NULL);
    g_autofree char *state = g_build_filename(options->folder, "state.json", NULL);
    g_autoptr(GSubprocessLauncher) launcher = NULL;

    if (g_mkdir_with_parents(policy_folder, 0700) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot make %s", policy_folder);
        return FALSE;
    }
    if (!g_file_set_contents(policy, options->policy, -1, error))
        return FALSE;
    launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_subprocess_launcher_set_stdout_file_path(launcher, self->log);
    g_subprocess_launcher_set_flags(launcher, G_SUBPROCESS_FLAGS_STDERR_MERGE);
    self->daemon = g_subprocess_launcher_spawn(
        launcher, error, options->program, "--policy", policy_folder, "--connect", options->uri,
        "--state", state, "--bus", self->address, options->engine ? "--engine" : NULL,
        options->engine, NULL);
    if (!self->daemon)
        return FALSE;
    if (!wait_for(has_owner, self, self->daemon)) {
        g_autofree char *tail = log_tail(self->log);

        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "virthintd does not start:\n%s", tail);
        return FALSE;
    }
    return TRUE;
}

VhChildDaemon *vh_child_daemon_start(const VhChildDaemonOptions *options,
                                     const VhChildDaemonCallbacks *callbacks, gpointer data,
                                     GError **error)
{
    g_autoptr(VhChildDaemon) self = g_new0(VhChildDaemon, 1);

    self->callbacks = *callbacks;
    self->data = data;
    self->cancellable = g_cancellable_new();
    self->log = g_build_filename(options->folder, "virthintd.log", NULL);
    if (!start_bus(self, options->folder, error) || !start_daemon(self, options, error))
        return NULL;
    return g_steal_pointer(&self);
}

const char *vh_child_daemon_log(const VhChildDaemon *self)
{
    return self->log;
}

gboolean vh_child_daemon_is_running(const VhChildDaemon *self)
{
    return g_subprocess_get_identifier(self->daemon) != NULL;
}

gboolean vh_child_daemon_stop(VhChildDaemon *self, GError **error)
{
    gint64 until_us = g_get_monotonic_time() + STOP_TIMEOUT_US;
    g_autofree char *tail = NULL;

    g_subprocess_send_signal(self->daemon, SIGTERM);
    while (vh_child_daemon_is_running(self) && g_get_monotonic_time() < until_us) {
        while (g_main_context_iteration(NULL, FALSE))
            continue;
        g_usleep(20 * 1000);
    }
    if (vh_child_daemon_is_running(self)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                    "virthintd does not end within %d s of SIGTERM",
                    (int)(STOP_TIMEOUT_US / G_USEC_PER_SEC));
        return FALSE;
    }
    if (g_subprocess_get_successful(self->daemon))
        return TRUE;
    tail = log_tail(self->log);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "virthintd failed:\n%s", tail);
    return FALSE;
}

void vh_child_daemon_free(VhChildDaemon *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancellable);
    if (self->connection) {
        g_dbus_connection_signal_unsubscribe(self->connection, self->subscription);
        g_dbus_connection_close_sync(self->connection, NULL, NULL);
    }
    if (self->daemon)
        g_subprocess_force_exit(self->daemon);
    if (self->bus)
        g_subprocess_force_exit(self->bus);
    /* Replies that were cancelled are delivered now, while nobody can see a freed struct. */
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_clear_object(&self->connection);
    g_clear_object(&self->daemon);
    g_clear_object(&self->bus);
    g_clear_object(&self->cancellable);
    g_free(self->address);
    g_free(self->log);
    g_free(self);
}
