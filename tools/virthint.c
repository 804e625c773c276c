/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virthint: the terminal, the signals, and the choice between the daemon and an engine in this
 * process. The commands themselves are libvirt-plugin/commands.
 */
#include "vh-backend-daemon.h"
#include "vh-backend-local.h"
#include "vh-backend-trace.h"
#include "vh-cmd-enable.h"
#include "vh-cmd-simulate.h"
#include "vh-cmd-trace.h"
#include "vh-command.h"
#include "vh-files.h"
#include "vh-policy-text.h"
#include "vh-provider.h"
#include "vh-watch.h"

#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void write_text(gboolean is_error, const char *text, gpointer data)
{
    FILE *stream = is_error ? stderr : stdout;

    fputs(text, stream);
    fflush(stream);
}

static gboolean is_lost(gpointer data)
{
    return ferror(stdout) != 0;
}

/* The daemon where it runs and watches what was asked for, else this process. */
static VhBackend *open_backend(const VhBackendRequest *request, gpointer data, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (request->policy_path == NULL || request->access == VH_ACCESS_DAEMON) {
        VhBackend *backend = vh_backend_daemon_open(request, &cause);
        if (backend != NULL)
            return backend;
        if (cause != NULL) {
            g_propagate_error(error, g_steal_pointer(&cause));
            return NULL;
        }
    }
    if (request->access == VH_ACCESS_DAEMON) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                            "no virthintd runs on this bus; start it with 'systemctl start "
                            "virthintd', or name its bus with --bus");
        return NULL;
    }
    return vh_backend_local_open(request, error);
}

static GVariant *check_policy(const char *const *paths, gpointer data, GError **error)
{
    g_autoptr(VhConfig) config = vh_files_load_policies(paths, error);

    if (config == NULL)
        return NULL;
    g_autofree char *text = vh_policy_format(config);
    GVariant *policy = json_gvariant_deserialize_data(text, -1, "a{sv}", error);
    return policy != NULL ? g_variant_ref_sink(policy) : NULL;
}

/* libvirt's own loop is the default main context, as everything's here. */
static gboolean await_events(const VhBackendRequest *request, const VhEventsWish *wish,
                             VhEventSeen seen, gpointer seen_data, guint *ret_n, gpointer data,
                             GError **error)
{
    vh_watch_init();
    return vh_provider_for_virsh()->events(request, wish, seen, seen_data, ret_n, data, error);
}

static GVariant *explain_at(const VhBackendRequest *request, const char *domain, gint64 at_us,
                            const char *trace, gpointer data, GError **error)
{
    return vh_backend_trace_explain(request, domain, at_us, trace, error);
}

static gboolean on_interrupt(gpointer data)
{
    g_cancellable_cancel(data);
    return G_SOURCE_CONTINUE;
}

static void find_terminal(VhOutput *output)
{
    struct winsize size;

    output->out_is_tty = isatty(STDOUT_FILENO) == 1;
    output->err_is_tty = isatty(STDERR_FILENO) == 1;
    output->input_fd = isatty(STDIN_FILENO) == 1 ? STDIN_FILENO : -1;
    if (output->out_is_tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        output->width = size.ws_col;
        output->height = size.ws_row;
    }
}

static gboolean on_resized(gpointer data)
{
    find_terminal(data);
    return G_SOURCE_CONTINUE;
}

/* What only this program does. */
static const VhCommand *const own_commands[] = {&vh_cmd_enable, &vh_cmd_record, &vh_cmd_replay,
                                                &vh_cmd_simulate, NULL};

int main(int argc, char **argv)
{
    VhOutput output = {.write = write_text, .is_lost = is_lost};
    VhBackendProvider provider = *vh_provider_for_virsh();
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    const VhProgram program = {
        .program = "virthint",
        .version = VH_VERSION,
        .output = &output,
        .provider = &provider,
        .cancel = cancel,
        .extra = own_commands,
    };

    /* what takes the engine, or this process's main loop */
    provider.open = open_backend;
    provider.check = check_policy;
    provider.explain_at = explain_at;
    provider.events = await_events;
    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough must not cut an ask short */
    find_terminal(&output);
    guint sources[] = {g_unix_signal_add(SIGINT, on_interrupt, cancel),
                       g_unix_signal_add(SIGTERM, on_interrupt, cancel),
                       g_unix_signal_add(SIGHUP, on_interrupt, cancel),
                       g_unix_signal_add(SIGWINCH, on_resized, &output)};
    VhExit code = vh_command_main(&program, argc, argv);
    for (guint i = 0; i < G_N_ELEMENTS(sources); i++)
        g_source_remove(sources[i]);
    return (int)code;
}
