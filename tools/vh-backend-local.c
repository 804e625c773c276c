/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session driven by hand: a poll when a command wants to see, more of them until samples agree,
 * and an ask that is waited for. Where somebody's interrupted ask is found, it is put back.
 */
#include "vh-backend-local.h"

#include "vh-document.h"
#include "vh-files.h"
#include "vh-report.h"
#include "vh-session.h"

#define CONNECT_TIMEOUT_US (10 * VH_SEC)
#define RECOVER_TIMEOUT_US (5 * VH_SEC)
#define SETTLE_TIMEOUT_US (12 * VH_SEC) /* two stats periods of 5 s, and a little */
#define SETTLE_SLACK_US (2 * VH_SEC)
#define POLL_PAUSE_MS 250
#define PROGRESS_PAUSE_MS 200

typedef struct {
    VhBackend backend; /* first */
    VhSession *session;
    char **uris;
    char *policy_path;
    gboolean is_for_asks;
    gboolean is_read_only;
    gboolean may_write; /* the user did not forbid it */
    gboolean has_cycled;
    gboolean has_failed_to_connect;
    gboolean has_tried_to_recover;
    GError *cycle_error;
    GHashTable *ended; /* id -> outcome */
    GCancellable *cancel;
    void (*notice)(const char *text, gpointer data);
    gpointer notice_data;
} Local;

static Local *local_of(VhBackend *backend)
{
    return (Local *)(gpointer)backend;
}

static void say(const Local *local, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void say(const Local *local, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    local->notice(text, local->notice_data);
}

static void on_cycled(VhSession *session, const GError *error, gpointer data)
{
    Local *local = data;

    g_clear_error(&local->cycle_error);
    local->cycle_error = error != NULL ? g_error_copy(error) : NULL;
    local->has_cycled = TRUE;
}

static void on_ask_ended(VhSession *session, const VhEnded *ask, const char *message, gpointer data)
{
    Local *local = data;

    g_hash_table_insert(local->ended, g_memdup2(&ask->id, sizeof(ask->id)),
                        g_variant_ref_sink(vh_document_outcome(&ask->outcome, message)));
}

static void on_watch_event(VhSession *session, const char *uri, VhWatchEvent event,
                           const char *name, const VhUuid *uuid, const char *text, gpointer data)
{
    Local *local = data;

    if (event == VH_WATCH_LOST)
        local->has_failed_to_connect = TRUE;
    if (event == VH_WATCH_RECOVERED || event == VH_WATCH_BAD_OVERRIDE || event == VH_WATCH_TROUBLE)
        say(local, "%s%s%s%s", name != NULL ? "domain '" : "", name != NULL ? name : "",
            name != NULL ? "': " : "", text != NULL ? text : "");
}

VhConfig *vh_backend_local_policy(const char *path, GError **error)
{
    VhConfig *config;

    if (path != NULL)
        config = vh_files_load_policy(path, error);
    else if (g_file_test(VH_BACKEND_DEFAULT_POLICY, G_FILE_TEST_EXISTS))
        config = vh_files_load_policy(VH_BACKEND_DEFAULT_POLICY, error);
    else
        config = vh_config_new();
    return config;
}

static gboolean start_session(Local *local, gboolean is_read_only, GError **error)
{
    const VhSessionOptions options = {.uris = (const char *const *)local->uris,
                                      .read_only = is_read_only,
                                      .dry_run = !local->is_for_asks};
    const VhSessionCallbacks callbacks = {
        .cycled = on_cycled,
        .ask_ended = on_ask_ended,
        .watch_event = on_watch_event,
    };
    VhConfig *config = vh_backend_local_policy(local->policy_path, error);

    if (config == NULL)
        return FALSE;
    if (local->is_for_asks)
        config->enforce = FALSE; /* only what is asked for by hand, and nothing of the plan */
    g_clear_pointer(&local->session, vh_session_free);
    local->is_read_only = is_read_only;
    local->has_failed_to_connect = FALSE;
    local->session = vh_session_new(&options, config, NULL, &callbacks, local);
    return TRUE;
}

static void local_free(VhBackend *backend)
{
    Local *local = local_of(backend);

    vh_session_free(local->session);
    g_strfreev(local->uris);
    g_free(local->policy_path);
    g_clear_error(&local->cycle_error);
    g_hash_table_unref(local->ended);
    g_object_unref(local->cancel);
    g_free(local);
}

static char *local_describe(VhBackend *backend)
{
    const Local *local = local_of(backend);
    g_autofree char *uris = local->uris != NULL && local->uris[0] != NULL
                                ? g_strjoinv(", ", local->uris)
                                : g_strdup("libvirt's default");
    g_autofree char *policy =
        local->policy_path != NULL ? g_strdup_printf(", policy %s", local->policy_path) : NULL;

    return g_strdup_printf("no daemon, but an own %s connection (%s)%s",
                           local->is_read_only ? "read-only" : "read-write", uris,
                           policy != NULL ? policy : "");
}

static gboolean set_flag(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

/* Runs the main loop for so long; FALSE with an error where the user ends it. */
static gboolean pause_for(const Local *local, guint ms, GError **error)
{
    gboolean is_over = FALSE;
    guint source = g_timeout_add(ms, set_flag, &is_over);

    while (!is_over && !g_cancellable_is_cancelled(local->cancel))
        g_main_context_iteration(NULL, TRUE);
    if (!is_over)
        g_source_remove(source);
    return !g_cancellable_set_error_if_cancelled(local->cancel, error);
}

/* One poll and cycle. FALSE only where the user ends it; how the cycle went is in cycle_error. */
static gboolean poll_once(Local *local, GError **error)
{
    local->has_cycled = FALSE;
    vh_session_poll(local->session);
    while (!local->has_cycled) {
        if (g_cancellable_set_error_if_cancelled(local->cancel, error))
            return FALSE;
        g_main_context_iteration(NULL, TRUE);
    }
    return TRUE;
}

/* Polls until all connections are there, or it is clear that they do not come, and until every
 * domain has been looked at, or that takes too long. */
static gboolean connect_all(Local *local, GError **error)
{
    gint64 end_us = g_get_monotonic_time() + CONNECT_TIMEOUT_US;
    const char *message = NULL;

    if (!poll_once(local, error))
        return FALSE;
    while (!vh_session_is_connected(local->session, &message)) {
        if (local->has_failed_to_connect || g_get_monotonic_time() > end_us) {
            g_set_error(error, VH_ERROR, VH_ERROR_GONE, "cannot connect to libvirt: %s",
                        message != NULL ? message : "no answer");
            return FALSE;
        }
        if (!pause_for(local, POLL_PAUSE_MS, error) || !poll_once(local, error))
            return FALSE;
    }
    while (!vh_session_has_seen_all(local->session) && g_get_monotonic_time() < end_us) {
        if (!pause_for(local, POLL_PAUSE_MS, error) || !poll_once(local, error))
            return FALSE;
    }
    if (local->cycle_error == NULL)
        return TRUE;
    g_propagate_error(error, g_error_copy(local->cycle_error));
    return FALSE;
}

/* Whether a domain's verdict is only that too little is known of it yet. */
static gboolean lacks_samples(const Local *local, guint index)
{
    const VhPlan *plan = vh_session_plan(local->session);
    const VhDomain *domain = vh_snapshot_domain(vh_session_snapshot(local->session), index);

    if (index >= plan->verdicts->len || !domain->is_running || domain->is_hung)
        return FALSE;
    VhReason reason = g_array_index(plan->verdicts, VhVerdict, index).reason;
    return reason == VH_REASON_UNSTABLE || reason == VH_REASON_NO_STATS ||
           reason == VH_REASON_STALE;
}

/* Nobody asks its driver, and we may not set a period: it will never tell. */
static gboolean is_never_sampled(const Local *local, guint index)
{
    const VhDomain *domain = vh_snapshot_domain(vh_session_snapshot(local->session), index);
    return local->is_read_only && domain->stats_period_us == 0;
}

/* Whether more samples would tell more of a domain. */
static gboolean is_unsettled(const Local *local, guint index)
{
    return lacks_samples(local, index) && !is_never_sampled(local, index);
}

static void tell_never_sampled(const Local *local)
{
    const VhSnapshot *snapshot = vh_session_snapshot(local->session);

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        if (lacks_samples(local, i) && is_never_sampled(local, i))
            say(local,
                "domain '%s': its driver is not asked for figures; virthintd does, or 'virsh "
                "dommemstat %s --period 5 --live'",
                vh_snapshot_domain(snapshot, i)->name, vh_snapshot_domain(snapshot, i)->name);
    }
}

/* name NULL: any domain. */
static gboolean any_unsettled(const Local *local, const char *name)
{
    int only = name != NULL ? vh_session_find(local->session, name, NULL) : -1;

    if (name != NULL)
        return only >= 0 && is_unsettled(local, (guint)only);
    for (guint i = 0; i < vh_snapshot_n_domains(vh_session_snapshot(local->session)); i++) {
        if (is_unsettled(local, i))
            return TRUE;
    }
    return FALSE;
}

/* Two samples of the slowest driver, within bounds. */
static gint64 settle_time_us(const Local *local)
{
    const VhSnapshot *snapshot = vh_session_snapshot(local->session);
    gint64 period_us = VH_SEC;

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++)
        period_us = MAX(period_us, vh_snapshot_domain(snapshot, i)->stats_period_us);
    return period_us > SETTLE_TIMEOUT_US ? SETTLE_TIMEOUT_US
                                         : MIN(2 * period_us + SETTLE_SLACK_US, SETTLE_TIMEOUT_US);
}

static gboolean settle_domains(Local *local, const char *name, GError **error)
{
    gint64 end_us = g_get_monotonic_time() + settle_time_us(local);

    if (!any_unsettled(local, name))
        return TRUE;
    g_autofree char *time = vh_format_duration(settle_time_us(local));
    say(local, "taking two samples of %s: up to %s", name != NULL ? name : "each guest", time);
    while (any_unsettled(local, name) && g_get_monotonic_time() < end_us) {
        if (!pause_for(local, POLL_PAUSE_MS, error) || !poll_once(local, error))
            return FALSE;
    }
    return TRUE;
}

/* A domain whose balloon somebody's interrupted ask has left down; NULL: none. Borrowed. */
static const char *find_interrupted(const Local *local)
{
    const VhSnapshot *snapshot = vh_session_snapshot(local->session);

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        if (vh_snapshot_domain(snapshot, i)->is_recovering)
            return vh_snapshot_domain(snapshot, i)->name;
    }
    return NULL;
}

/* A session that may write does it by itself, if it is given the time. */
static gboolean await_recovery(Local *local, GError **error)
{
    gint64 end_us = g_get_monotonic_time() + RECOVER_TIMEOUT_US;

    while (find_interrupted(local) != NULL && g_get_monotonic_time() < end_us) {
        if (!pause_for(local, POLL_PAUSE_MS, error) || !poll_once(local, error))
            return FALSE;
    }
    if (find_interrupted(local) != NULL)
        say(local, "domain '%s': not put back yet; somebody may still be at it",
            find_interrupted(local));
    return TRUE;
}

/* Puts back what was interrupted, if that is allowed. FALSE only where the user ends it, or the
 * way back to a read-only connection is barred. */
static gboolean recover(Local *local, GError **error)
{
    g_autofree char *name = g_strdup(find_interrupted(local));
    g_autoptr(GError) cause = NULL;

    if (name == NULL || local->has_tried_to_recover)
        return TRUE;
    local->has_tried_to_recover = TRUE;
    if (!local->may_write) {
        say(local,
            "domain '%s': an ask of it was interrupted; run this without "
            "--readonly to put it back",
            name);
        return TRUE;
    }
    say(local, "domain '%s': an ask of it was interrupted; putting its balloon back", name);
    if (!local->is_read_only)
        return await_recovery(local, error);
    if (!start_session(local, FALSE, error))
        return FALSE;
    if (connect_all(local, &cause))
        return await_recovery(local, error);
    if (g_cancellable_set_error_if_cancelled(local->cancel, error))
        return FALSE;
    say(local, "domain '%s': not put back: %s", name, cause->message);
    return start_session(local, TRUE, error) && connect_all(local, error);
}

static gboolean local_refresh(VhBackend *backend, gboolean settle, GError **error)
{
    Local *local = local_of(backend);

    if (!connect_all(local, error) || !recover(local, error))
        return FALSE;
    if (!settle)
        return TRUE;
    tell_never_sampled(local);
    return settle_domains(local, NULL, error);
}

static VhReportInput report_input(const Local *local)
{
    return (VhReportInput){
        .config = vh_session_config(local->session),
        .state = vh_session_state(local->session),
        .snapshot = vh_session_snapshot(local->session),
        .plan = vh_session_plan(local->session),
    };
}

static GVariant *local_list(VhBackend *backend, GError **error)
{
    const VhReportInput input = report_input(local_of(backend));
    return g_variant_ref_sink(vh_report_domains(&input));
}

static GVariant *local_info(VhBackend *backend, const char *domain, GError **error)
{
    const VhReportInput input = report_input(local_of(backend));
    int index = vh_session_find(local_of(backend)->session, domain, error);
    return index >= 0 ? g_variant_ref_sink(vh_report_domain(&input, (guint)index)) : NULL;
}

static GVariant *local_plan(VhBackend *backend, GError **error)
{
    const VhReportInput input = report_input(local_of(backend));
    return g_variant_ref_sink(vh_report_plan(&input));
}

static GVariant *local_explain(VhBackend *backend, const char *domain, GError **error)
{
    const VhReportInput input = report_input(local_of(backend));
    int index = vh_session_find(local_of(backend)->session, domain, error);
    return index >= 0 ? g_variant_ref_sink(vh_report_explain(&input, (guint)index)) : NULL;
}

static GVariant *local_explain_all(VhBackend *backend, GError **error)
{
    const VhReportInput input = report_input(local_of(backend));
    return g_variant_ref_sink(vh_report_explanations(&input));
}

static guint64 local_ask(VhBackend *backend, const char *domain, const VhAskWish *wish,
                         GError **error)
{
    Local *local = local_of(backend);
    const VhSessionAsk ask = {
        .bytes = wish->bytes,
        .granule_bytes = wish->granule_bytes,
        .deadline_us = wish->deadline_us,
    };

    if (!local_refresh(backend, FALSE, error))
        return 0;
    if (vh_session_find(local->session, domain, error) < 0)
        return 0;
    if (!settle_domains(local, domain, error))
        return 0;
    int index = vh_session_find(local->session, domain, error);
    if (index < 0)
        return 0;
    return vh_session_ask(local->session, (guint)index, &ask, error);
}

/* An ask ends with the process that carries it out, so that this one has none yet. */
static gboolean local_cancel(VhBackend *backend, const char *domain, GError **error)
{
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no ask of '%s' is under way here", domain);
    return FALSE;
}

typedef struct {
    Local *local;
    guint64 id;
    VhBackendProgress last;
    VhBackendProgressFunc progress;
    gpointer data;
} Wait;

static gboolean tell_progress(gpointer data)
{
    Wait *wait = data;
    guint64 taken_bytes;
    VhInFlight ask;

    if (!vh_session_get_progress(wait->local->session, wait->id, &ask, &taken_bytes))
        return G_SOURCE_CONTINUE;
    wait->last = (VhBackendProgress){ask.asked_bytes, taken_bytes, ask.returned_bytes};
    wait->progress(&wait->last, wait->data);
    return G_SOURCE_CONTINUE;
}

static GVariant *local_wait(VhBackend *backend, guint64 id, VhBackendProgressFunc progress,
                            gpointer data, GError **error)
{
    Local *local = local_of(backend);
    Wait wait = {.local = local, .id = id, .progress = progress, .data = data};
    guint timer = g_timeout_add(PROGRESS_PAUSE_MS, tell_progress, &wait);
    gboolean has_cancelled = FALSE;
    GVariant *outcome;

    while ((outcome = g_hash_table_lookup(local->ended, &id)) == NULL) {
        if (!has_cancelled && g_cancellable_is_cancelled(local->cancel)) {
            has_cancelled = TRUE;
            vh_session_cancel(local->session, id);
            progress(&wait.last, data);
            continue; /* it may have ended by that */
        }
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(timer);
    return g_variant_ref(outcome);
}

static gboolean local_reload(VhBackend *backend, GError **error)
{
    g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                        "there is no daemon whose policy could be read again");
    return FALSE;
}

static const VhBackendOps local_ops = {
    .free = local_free,
    .describe = local_describe,
    .refresh = local_refresh,
    .list = local_list,
    .info = local_info,
    .plan = local_plan,
    .explain = local_explain,
    .explain_all = local_explain_all,
    .ask = local_ask,
    .cancel = local_cancel,
    .wait = local_wait,
    .reload = local_reload,
};

VhBackend *vh_backend_local_open(const VhBackendRequest *request, GError **error)
{
    g_autoptr(VhBackend) backend = NULL;
    Local *local = g_new0(Local, 1);

    backend = &local->backend;
    backend->ops = &local_ops;
    backend->must_wait = TRUE;
    local->uris = g_strdupv((char **)request->uris);
    local->policy_path = g_strdup(request->policy_path);
    local->may_write = !request->read_only;
    local->ended =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_variant_unref);
    local->cancel = g_object_ref(request->cancel);
    local->notice = request->notice;
    local->notice_data = request->notice_data;
    local->is_for_asks = request->access == VH_ACCESS_ASK;
    if (!start_session(local, !local->is_for_asks, error))
        return NULL;
    return g_steal_pointer(&backend);
}
