/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timer, signals, reload, and what happens at the end. */
#include "vh-daemon.h"
#include "vh-dbus.h"
#include "vh-files.h"
#include "vh-log.h"

#include <glib-unix.h>
#include <signal.h>

/* How long a stopping daemon waits for the guests to get everything back. */
#define STOP_TIMEOUT_US (30 * VH_SEC)
/* One round waits this many stats periods, and a little, for two samples of each guest. */
#define ONCE_PERIODS 3
#define ONCE_SLACK_US (2 * VH_SEC)

typedef struct {
    const VhDaemonOptions *options;
    GMainLoop *loop;
    VhSession *session;
    VhDbus *bus; /* NULL: without one */
    VhLogDiff *diff;
    VhRecorder *recorder; /* NULL: nothing is recorded */
    guint timer;
    gint64 started_us;
    gboolean round_failed; /* it never saw a host */
    char *trouble;         /* why the last turn failed; NULL: it did not */
    gboolean has_learned;  /* an ask has ended, and the state that knows of it is not saved yet */
} Daemon;

static VhConfig *load_policy(const VhDaemonOptions *options, GError **error)
{
    if (options->policy_is_default && !g_file_test(options->policy_path, G_FILE_TEST_EXISTS))
        return vh_config_new();
    return vh_files_load_policy(options->policy_path, error);
}

static gboolean on_tick(gpointer data)
{
    Daemon *daemon = data;

    vh_session_poll(daemon->session);
    return G_SOURCE_CONTINUE;
}

/* One round looks every second, whatever the interval: it ends sooner. */
static void arm_timer(Daemon *daemon)
{
    gint64 interval_us =
        daemon->options->once ? VH_SEC : vh_session_config(daemon->session)->interval_us;

    g_clear_handle_id(&daemon->timer, g_source_remove);
    daemon->timer = g_timeout_add((guint)(interval_us / VH_MS), on_tick, daemon);
}

/* A broken policy changes nothing: the last good one stays in force. */
static gboolean reload(gpointer data, GError **error)
{
    Daemon *daemon = data;
    g_autoptr(GError) cause = NULL;
    VhConfig *config = load_policy(daemon->options, &cause);

    if (!config) {
        vh_log(VH_LOG_POLICY, G_LOG_LEVEL_WARNING, NULL,
               "policy not reloaded, the last good one stays: %s", cause->message);
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    vh_session_set_config(daemon->session, config);
    if (daemon->recorder)
        vh_recorder_policy_changed(daemon->recorder);
    arm_timer(daemon);
    vh_log(VH_LOG_POLICY, G_LOG_LEVEL_MESSAGE, NULL, "policy loaded from %s",
           daemon->options->policy_path);
    vh_session_poll(daemon->session);
    return TRUE;
}

static gboolean on_hangup(gpointer data)
{
    Daemon *daemon = data;
    g_autoptr(GError) error = NULL;

    gboolean is_good = reload(daemon, &error);
    if (daemon->bus)
        vh_dbus_set_policy_error(daemon->bus, is_good ? NULL : error->message);
    return G_SOURCE_CONTINUE;
}

static gboolean on_stop(gpointer data)
{
    Daemon *daemon = data;

    g_main_loop_quit(daemon->loop);
    return G_SOURCE_CONTINUE;
}

static void save_state(Daemon *daemon)
{
    g_autoptr(GError) error = NULL;

    daemon->has_learned = FALSE;

    if (daemon->options->state_path &&
        !vh_files_save_state(daemon->options->state_path, vh_session_state(daemon->session),
                             &error))
        vh_log(VH_LOG_POLICY, G_LOG_LEVEL_WARNING, NULL, "state not saved: %s", error->message);
}

/* Whether every guest that may yet become clear has. */
static gboolean round_is_settled(const VhSession *session)
{
    const VhPlan *plan = vh_session_plan(session);

    if (!vh_session_has_discovered(session) || !vh_session_has_seen_all(session))
        return FALSE;
    for (guint i = 0; i < plan->verdicts->len; i++) {
        VhReason reason = g_array_index(plan->verdicts, VhVerdict, i).reason;
        if (reason == VH_REASON_UNSTABLE || reason == VH_REASON_NO_STATS)
            return FALSE;
    }
    return TRUE;
}

static void end_round(Daemon *daemon, const GError *error)
{
    const VhPlan *plan = vh_session_plan(daemon->session);
    gint64 patience_us =
        ONCE_PERIODS * vh_session_config(daemon->session)->stats_period_us + ONCE_SLACK_US;
    gboolean time_is_over = g_get_monotonic_time() - daemon->started_us > patience_us;

    daemon->round_failed = error != NULL;
    if (plan->actions->len > 0 || time_is_over || (!error && round_is_settled(daemon->session)))
        g_main_loop_quit(daemon->loop);
}

static void record_cycle(const Daemon *daemon)
{
    const VhSession *session = daemon->session;
    const VhConfig *config = vh_session_config(session);
    const VhRecorderCycle cycle = {
        .config = config,
        .before = vh_session_state_before(session),
        .after = vh_session_state(session),
        .snapshot = vh_session_snapshot(session),
        .plan = vh_session_plan(session),
        .is_carried_out = config->enforce && !daemon->options->session.dry_run,
    };

    vh_recorder_cycle(daemon->recorder, &cycle);
}

/* Told once, and that it is over. While a connection is missing, the watch tells that. */
static void note_trouble(Daemon *daemon, const GError *error)
{
    const char *trouble =
        error && vh_session_is_connected(daemon->session, NULL) ? error->message : NULL;

    if (trouble && g_strcmp0(trouble, daemon->trouble) != 0)
        vh_log(VH_LOG_POLICY, G_LOG_LEVEL_WARNING, NULL, "nobody is asked: %s", trouble);
    if (daemon->trouble && !error)
        vh_log(VH_LOG_POLICY, G_LOG_LEVEL_MESSAGE, NULL, "the pool can be measured again");
    if (trouble || !error) {
        g_free(daemon->trouble);
        daemon->trouble = g_strdup(trouble);
    }
}

static void on_cycled(VhSession *session, const GError *error, gpointer data)
{
    Daemon *daemon = data;

    note_trouble(daemon, error);
    if (!error)
        vh_log_diff_plan(daemon->diff, session);
    if (!error && daemon->has_learned)
        save_state(daemon);
    if (!error && daemon->recorder)
        record_cycle(daemon);
    if (daemon->bus)
        vh_dbus_cycled(daemon->bus);
    if (daemon->options->once)
        end_round(daemon, error);
}

static void on_ask_started(VhSession *session, const VhInFlight *ask, const VhAction *action,
                           gpointer data)
{
    Daemon *daemon = data;

    vh_log_diff_plan(daemon->diff, session); /* why comes before what */
    vh_log_ask_started(session, ask, action);
    if (daemon->bus)
        vh_dbus_ask_started(daemon->bus, ask);
}

static const char *name_of(const VhSession *session, const VhUuid *uuid)
{
    const VhSnapshot *snapshot = vh_session_snapshot(session);

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        if (vh_uuid_compare(&vh_snapshot_domain(snapshot, i)->uuid, uuid) == 0)
            return vh_snapshot_domain(snapshot, i)->name;
    }
    return NULL;
}

static void on_ask_ended(VhSession *session, const VhEnded *ask, const char *message, gpointer data)
{
    Daemon *daemon = data;

    vh_log_ask_ended(session, ask, message);
    daemon->has_learned = TRUE; /* with the next turn */
    if (daemon->recorder)
        vh_recorder_ask_ended(daemon->recorder, g_get_real_time(), ask,
                              name_of(session, &ask->uuid), message);
    if (daemon->bus)
        vh_dbus_ask_ended(daemon->bus, ask, message);
}

static void on_request_started(VhSession *session, const VhRequestRecord *request, gpointer data)
{
    Daemon *daemon = data;

    vh_log_request_started(request);
    if (daemon->bus)
        vh_dbus_request_started(daemon->bus, request);
}

static void on_request_ended(VhSession *session, const VhRequestRecord *request, gpointer data)
{
    Daemon *daemon = data;

    vh_log_request_ended(request);
    if (daemon->bus)
        vh_dbus_request_ended(daemon->bus, request);
}

static void on_switched(VhSession *session, const VhSwitched *switched, const GError *error,
                        gpointer data)
{
    Daemon *daemon = data;

    vh_log_switched(switched, error);
    save_state(daemon);
}

static void on_watch_event(VhSession *session, const char *uri, VhWatchEvent event,
                           const char *name, const VhUuid *uuid, const char *text, gpointer data)
{
    vh_log_watch_event(uri, event, name, uuid, text);
}

static gboolean start_session(Daemon *daemon, GError **error)
{
    const VhSessionCallbacks callbacks = {.cycled = on_cycled,
                                          .ask_started = on_ask_started,
                                          .ask_ended = on_ask_ended,
                                          .request_started = on_request_started,
                                          .request_ended = on_request_ended,
                                          .switched = on_switched,
                                          .watch_event = on_watch_event};
    const VhDaemonOptions *options = daemon->options;
    g_autofree char *warning = NULL;
    VhConfig *config = load_policy(options, error);

    if (!config)
        return FALSE;
    VhState *state =
        options->state_path ? vh_files_load_state(options->state_path, &warning) : NULL;
    if (warning)
        vh_log(VH_LOG_POLICY, G_LOG_LEVEL_WARNING, NULL, "%s", warning);
    daemon->session = vh_session_new(&options->session, config, state, &callbacks, daemon);
    return TRUE;
}

static void on_record_notice(const char *text, gpointer data)
{
    vh_log(VH_LOG_POLICY, G_LOG_LEVEL_WARNING, NULL, "%s", text);
}

static gboolean start_recorder(Daemon *daemon, GError **error)
{
    VhRecorderOptions options = daemon->options->record;

    if (!options.path)
        return TRUE;
    options.version = VH_VERSION;
    options.engine = daemon->options->session.engine->name;
    options.notice = on_record_notice;
    daemon->recorder = vh_recorder_new(&options, error);
    return daemon->recorder != NULL;
}

/* A bus that cannot be reached costs the API, not the service; a name that is taken means that a
 * daemon runs already. */
static gboolean start_bus(Daemon *daemon, GError **error)
{
    const VhSessionOptions *session = &daemon->options->session;
    const char *record_path = daemon->options->record.path;
    g_autofree char *record_file =
        record_path ? g_canonicalize_filename(record_path, NULL) : NULL; /* for other folders */
    const VhDbusHooks hooks = {.reload = reload,
                               .engine = session->engine->name,
                               .record_file = record_file,
                               .dry_run = session->dry_run};
    const char *address = daemon->options->bus_address;
    g_autoptr(GError) cause = NULL;

    if (daemon->options->once || g_strcmp0(address, "none") == 0)
        return TRUE;
    daemon->bus = vh_dbus_new(address, daemon->session, &hooks, daemon, &cause);
    if (daemon->bus)
        return TRUE;
    if (address || g_error_matches(cause, VH_ERROR, VH_ERROR_BUSY)) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    vh_log(VH_LOG_POLICY, G_LOG_LEVEL_WARNING, NULL, "without D-Bus: %s", cause->message);
    return TRUE;
}

static void run(Daemon *daemon)
{
    guint signals[] = {g_unix_signal_add(SIGTERM, on_stop, daemon),
                       g_unix_signal_add(SIGINT, on_stop, daemon),
                       g_unix_signal_add(SIGHUP, on_hangup, daemon)};

    daemon->started_us = g_get_monotonic_time();
    arm_timer(daemon);
    vh_session_poll(daemon->session);
    g_main_loop_run(daemon->loop);

    g_clear_handle_id(&daemon->timer, g_source_remove);
    if (!vh_session_drain(daemon->session, !daemon->options->once, STOP_TIMEOUT_US))
        vh_log(VH_LOG_POLICY, G_LOG_LEVEL_WARNING, NULL,
               "some guests have not got everything back yet; the next virthintd or virthint "
               "command puts them back");
    save_state(daemon);
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
        g_source_remove(signals[i]);
}

int vh_daemon_run(const VhDaemonOptions *options, GError **error)
{
    Daemon daemon = {.options = options};
    gboolean is_started;

    daemon.loop = g_main_loop_new(NULL, FALSE);
    daemon.diff = vh_log_diff_new();
    is_started = start_recorder(&daemon, error) && start_session(&daemon, error) &&
                 start_bus(&daemon, error);
    if (is_started)
        run(&daemon);
    vh_dbus_free(daemon.bus);
    if (!daemon.session)
        vh_discover_free(options->session.discover);
    vh_session_free(daemon.session);
    vh_log_diff_free(daemon.diff);
    g_free(daemon.trouble);
    vh_recorder_free(daemon.recorder);
    g_main_loop_unref(daemon.loop);
    return is_started && !daemon.round_failed ? 0 : 1;
}
