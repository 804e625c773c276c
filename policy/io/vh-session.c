/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watches, source, actuator and cycle, put together on the main loop. */
#include "vh-session.h"
#include "vh-asks.h"
#include "vh-eligible.h"
#include "vh-follow.h"
#include "vh-source-libvirt.h"
#include "vh-switches.h"
#include "vh-treatment.h"

#include <string.h>

/* How soon it shows that a deadline has passed. */
#define REQUEST_CHECK_MS 500

typedef struct {
    VhActuator actuator; /* first: what the cycle sees */
    VhSession *session;
} SessionActuator;

struct VhSession {
    gboolean read_only;
    gboolean dry_run;
    gboolean is_draining;
    gboolean takes_requests; /* the engine says which asks are for one */
    VhConfig *config;
    VhSessionCallbacks callbacks;
    gpointer data;

    GPtrArray *watches; /* VhWatch */
    VhFollow *follow;   /* adds and frees some of them; NULL: nothing is discovered */
    VhAsks *asks;
    VhSwitches *switches;
    VhSource *source;
    SessionActuator actuator;
    VhCycle *cycle;
    const VhAction *acting; /* the plan's action that is being started */
    VhRequests *requests;
    guint request_timer; /* while there are any */

    gboolean is_polling;
    gboolean poll_again;
    guint n_awaited; /* watches whose poll has not ended */
    guint soon;      /* a poll, or the end of one that waits for nobody, from the main loop */
};

static void on_ask_started(const VhInFlight *ask, gpointer data)
{
    VhSession *session = data;

    vh_requests_ask_started(session->requests, ask->request_id);
    if (session->callbacks.ask_started)
        session->callbacks.ask_started(session, ask, session->acting, session->data);
}

/* All of a guest is read again: it is not, or not any more, what it was taken for. */
static void renew(const VhSession *session, const char *uri, const VhUuid *uuid)
{
    for (guint i = 0; i < session->watches->len; i++) {
        if (g_str_equal(vh_watch_uri(session->watches->pdata[i]), uri))
            vh_watch_renew(session->watches->pdata[i], uuid);
    }
}

/* What is still under way for requests that are over is of no more use to anybody; and those of
 * which nothing is, are told of. */
static void settle_requests(VhSession *session)
{
    VhRequestRecord ended;

    vh_requests_check(session->requests, g_get_monotonic_time());
    for (guint i = 0; i < vh_requests_count(session->requests); i++) {
        const VhRequestRecord *record = vh_requests_get(session->requests, i);
        if (record->status != VH_REQUEST_OPEN && record->status != VH_REQUEST_DONE)
            vh_asks_cancel_for(session->asks, record->request.id);
    }
    while (vh_requests_take_ended(session->requests, &ended)) {
        if (session->callbacks.request_ended)
            session->callbacks.request_ended(session, &ended, session->data);
    }
}

/* What an ask returned is in the next snapshot, so that one is taken at once. */
static void on_ask_ended(const VhEnded *ask, const char *message, gpointer data)
{
    VhSession *session = data;

    if (session->callbacks.ask_ended)
        session->callbacks.ask_ended(session, ask, message, session->data);
    if (ask->outcome.method == VH_ASK_PASS && ask->outcome.status == VH_ASK_FAILED)
        renew(session, ask->uri, &ask->uuid);
    vh_requests_ask_ended(session->requests, ask, g_get_monotonic_time());
    settle_requests(session);
    vh_session_poll(session);
}

static void run_cycle(VhSession *session)
{
    g_autoptr(GError) error = NULL;

    gboolean ran = vh_cycle_run(session->cycle, session->config, &error);
    if (session->callbacks.cycled)
        session->callbacks.cycled(session, ran ? NULL : error, session->data);
}

static void end_poll(VhSession *session)
{
    session->is_polling = FALSE;
    if (session->is_draining)
        return;
    run_cycle(session);
    if (session->poll_again)
        vh_session_poll(session);
}

static void on_polled(VhWatch *watch, gpointer data)
{
    VhSession *session = data;

    if (session->is_polling && --session->n_awaited == 0)
        end_poll(session);
}

static gboolean on_soon(gpointer data)
{
    VhSession *session = data;

    session->soon = 0;
    if (session->is_polling && session->n_awaited == 0)
        end_poll(session);
    else
        vh_session_poll(session);
    return G_SOURCE_REMOVE;
}

static void do_soon(VhSession *session)
{
    if (session->soon == 0)
        session->soon = g_idle_add(on_soon, session);
}

static void tell_watch_event(VhSession *session, const char *uri, VhWatchEvent event,
                             const char *name, const VhUuid *uuid, const char *text)
{
    if (session->callbacks.watch_event)
        session->callbacks.watch_event(session, uri, event, name, uuid, text, session->data);
}

static void on_watch_event(VhWatch *watch, VhWatchEvent event, const char *name, const VhUuid *uuid,
                           const char *text, gpointer data)
{
    VhSession *session = data;

    if (vh_follow_tells(session->follow, watch, event, text))
        tell_watch_event(session, vh_watch_uri(watch), event, name, uuid, text);
    /* no poll has waited for it */
    if (event == VH_WATCH_CONNECTED && vh_follow_owns(session->follow, watch))
        do_soon(session);
}

/* A record in a domain's metadata that belongs to an ask of ours is in flight, not interrupted. */
static void report(VhActuator *actuator, VhSnapshot *snapshot)
{
    VhSession *session = ((SessionActuator *)actuator)->session;

    vh_asks_report(session->asks, snapshot);
    vh_requests_report(session->requests, snapshot);
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        VhDomain *domain = &g_array_index(snapshot->domains, VhDomain, i);
        if (vh_asks_is_running(session->asks, &domain->uuid))
            domain->is_recovering = FALSE;
    }
}

static VhMonitorRule monitor_rule(const VhConfig *config)
{
    return config->allows_monitor ? VH_MONITOR_ALLOW : VH_MONITOR_REFUSE;
}

/* A pulse of a guest without autodeflate does; a pass takes nothing away from the guest. */
static gboolean needs_reserve(const VhSession *session, VhAskMethod method)
{
    return method != VH_ASK_PASS && session->config->pulse_reserve_bytes > 0;
}

static void act(VhActuator *actuator, const VhSnapshot *snapshot, const VhAction *action)
{
    VhSession *session = ((SessionActuator *)actuator)->session;
    const VhDomain *domain = vh_snapshot_domain(snapshot, action->domain);
    VhAskOrder order = {
        .uuid = action->uuid,
        .uri = domain->uri,
        .expected_bytes = action->expected_bytes,
        .counted_bytes = action->counted_bytes,
        .request_id = action->request_id,
        /* The engine has chosen: what is no pass needs no monitor. */
        .request = {.method = action->method,
                    .monitor = action->method == VH_ASK_PASS ? monitor_rule(session->config)
                                                             : VH_MONITOR_REFUSE,
                    .bytes = action->bytes,
                    .granule_bytes = action->granule_bytes,
                    .reserve_bytes = action->reserve_bytes,
                    .without_autodeflate = needs_reserve(session, action->method)},
    };

    if (session->dry_run || session->read_only || session->is_draining || !session->config->enforce)
        return;
    session->acting = action;
    vh_asks_start(session->asks, &order);
    session->acting = NULL;
}

static void toggle(VhActuator *actuator, const VhSnapshot *snapshot, const VhToggle *wanted)
{
    VhSession *session = ((SessionActuator *)actuator)->session;

    if (session->dry_run || session->read_only || session->is_draining || !session->config->enforce)
        return;
    vh_switches_start(session->switches, vh_snapshot_domain(snapshot, wanted->domain), wanted,
                      monitor_rule(session->config));
}

/* Not tried again here: the decision remembers when it was, however it went. */
static void on_switched(const VhSwitched *switched, const GError *error, gpointer data)
{
    VhSession *session = data;

    renew(session, switched->uri, &switched->uuid);
    if (session->callbacks.switched)
        session->callbacks.switched(session, switched, error, session->data);
}

static VhWatch *open_watch(VhSession *session, const char *uri, VhSocket *socket)
{
    const VhWatchCallbacks callbacks = {.polled = on_polled, .event = on_watch_event};
    VhWatchOptions options = {
        .uri = uri,
        .read_only = session->read_only,
        .stats_period_us = session->config->stats_period_us,
        .monitor = monitor_rule(session->config),
        .keeps_xml = vh_config_has_xpath(session->config),
    };

    return vh_watch_new_at(socket, &options, &callbacks, session);
}

static VhWatch *open_followed(VhSocket *socket, gpointer data)
{
    return open_watch(data, socket->uri, socket);
}

static void on_follow_changed(gpointer data)
{
    vh_session_poll(data);
}

static void on_follow_event(const char *uri, VhWatchEvent event, const char *text, gpointer data)
{
    tell_watch_event(data, uri, event, NULL, NULL, text);
}

static void open_watches(VhSession *session, const VhSessionOptions *options)
{
    const VhFollowCallbacks callbacks = {
        .open = open_followed, .changed = on_follow_changed, .event = on_follow_event};
    gboolean has_uris = options->uris && options->uris[0];

    if (!has_uris && !options->discover)
        g_ptr_array_add(session->watches, open_watch(session, NULL, NULL));
    for (guint i = 0; has_uris && options->uris[i]; i++)
        g_ptr_array_add(session->watches, open_watch(session, options->uris[i], NULL));
    if (options->discover)
        session->follow = vh_follow_new(options->discover, session->watches, &callbacks, session);
}

VhSession *vh_session_new(const VhSessionOptions *options, VhConfig *config, VhState *state,
                          const VhSessionCallbacks *callbacks, gpointer data)
{
    const VhEngine *engine = options->engine ? options->engine : vh_engine_find("virthint");
    const VhHostRoots roots = {
        .proc = options->proc_root ? options->proc_root : "/proc",
        .sys = options->sys_root ? options->sys_root : "/sys",
        .cgroup = options->cgroup_root ? options->cgroup_root : "/sys/fs/cgroup",
    };
    const VhAsksCallbacks asks_callbacks = {.started = on_ask_started, .ended = on_ask_ended};
    VhSession *session = g_new0(VhSession, 1);

    vh_watch_init();
    session->read_only = options->read_only;
    session->dry_run = options->dry_run;
    session->takes_requests = engine == vh_engine_find(vh_engine_names()[0]);
    session->config = config ? config : vh_config_new();
    session->callbacks = *callbacks;
    session->data = data;
    session->watches = g_ptr_array_new_with_free_func((GDestroyNotify)vh_watch_free);
    session->asks = vh_asks_new(session->watches, &asks_callbacks, session);
    session->requests = vh_requests_new();
    session->switches = vh_switches_new(session->watches, on_switched, session);
    session->source = vh_source_libvirt_new(session->watches, &roots, !options->discover);
    session->actuator =
        (SessionActuator){{.report = report, .act = act, .toggle = toggle}, session};
    session->cycle = vh_cycle_new(engine, session->source, &session->actuator.actuator, state);

    open_watches(session, options);
    return session;
}

void vh_session_free(VhSession *session)
{
    if (!session)
        return;
    g_clear_handle_id(&session->request_timer, g_source_remove);
    g_clear_handle_id(&session->soon, g_source_remove);
    vh_follow_free(session->follow);
    vh_asks_free(session->asks);
    vh_switches_free(session->switches);
    vh_requests_free(session->requests);
    vh_cycle_free(session->cycle);
    vh_source_libvirt_free(session->source);
    g_ptr_array_unref(session->watches);
    vh_config_free(session->config);
    g_free(session);
}

void vh_session_set_config(VhSession *session, VhConfig *config)
{
    vh_config_free(session->config);
    session->config = config;
    for (guint i = 0; i < session->watches->len; i++) {
        vh_watch_set_stats_period(session->watches->pdata[i], config->stats_period_us);
        vh_watch_set_monitor(session->watches->pdata[i], monitor_rule(config));
        vh_watch_set_keeps_xml(session->watches->pdata[i], vh_config_has_xpath(config));
    }
}

/* A socket that was found need not have anybody behind it who answers: nobody waits for that. */
static gboolean is_awaited(const VhSession *session, const VhWatch *watch)
{
    return vh_watch_is_connected(watch) || !vh_follow_owns(session->follow, watch);
}

void vh_session_poll(VhSession *session)
{
    session->poll_again = session->is_polling;
    if (session->is_polling || session->is_draining)
        return;
    session->is_polling = TRUE;
    session->n_awaited = 0;
    vh_follow_apply(session->follow);
    vh_follow_look(session->follow);
    for (guint i = 0; i < session->watches->len; i++) {
        if (!is_awaited(session, session->watches->pdata[i]))
            continue;
        session->n_awaited++;
        vh_watch_poll(session->watches->pdata[i]);
    }
    if (session->n_awaited == 0)
        do_soon(session);
}

const VhConfig *vh_session_config(const VhSession *session)
{
    return session->config;
}

const VhSnapshot *vh_session_snapshot(const VhSession *session)
{
    return vh_cycle_snapshot(session->cycle);
}

const VhPlan *vh_session_plan(const VhSession *session)
{
    return vh_cycle_plan(session->cycle);
}

const VhState *vh_session_state(const VhSession *session)
{
    return vh_cycle_state(session->cycle);
}

const VhState *vh_session_state_before(const VhSession *session)
{
    return vh_cycle_state_before(session->cycle);
}

char **vh_session_connections(const VhSession *session)
{
    GPtrArray *uris = g_ptr_array_new();

    for (guint i = 0; i < session->watches->len; i++)
        g_ptr_array_add(uris, g_strdup(vh_watch_uri(session->watches->pdata[i])));
    g_ptr_array_add(uris, NULL);
    return (char **)g_ptr_array_free(uris, FALSE);
}

gboolean vh_session_is_connected(const VhSession *session, const char **ret_message)
{
    for (guint i = 0; i < session->watches->len; i++) {
        VhWatch *watch = session->watches->pdata[i];
        if (vh_watch_is_connected(watch) || !is_awaited(session, watch))
            continue;
        if (ret_message)
            *ret_message = vh_watch_error(watch) ? vh_watch_error(watch) : "still connecting";
        return FALSE;
    }
    return TRUE;
}

gboolean vh_session_has_seen_all(const VhSession *session)
{
    for (guint i = 0; i < session->watches->len; i++) {
        if (is_awaited(session, session->watches->pdata[i]) &&
            !vh_watch_has_seen_all(session->watches->pdata[i]))
            return FALSE;
    }
    return TRUE;
}

gboolean vh_session_has_discovered(const VhSession *session)
{
    return vh_follow_is_ready(session->follow);
}

int vh_session_find(const VhSession *session, const char *text, GError **error)
{
    return vh_snapshot_find(vh_session_snapshot(session), text, error);
}

/* What forbids an ask by hand; the guest's own state is the ask's business. */
static gboolean check_by_hand(const VhSession *session, const VhDomain *domain, GError **error)
{
    if (session->read_only || session->dry_run) {
        g_set_error(error, VH_ERROR, VH_ERROR_DENIED, "%s asks nobody",
                    session->dry_run ? "a dry run" : "a read-only connection");
        return FALSE;
    }
    if (domain->is_hung || session->is_draining ||
        vh_asks_is_running(session->asks, &domain->uuid)) {
        g_set_error(error, VH_ERROR, VH_ERROR_BUSY, "domain '%s': %s", domain->name,
                    domain->is_hung        ? "its QEMU does not answer"
                    : session->is_draining ? "the daemon is stopping"
                                           : "an ask is under way already");
        return FALSE;
    }
    if (domain->tier == VH_TIER_NONE) {
        g_autofree char *reasons = vh_tier_reasons_format(domain->tier_reasons);
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED, "domain '%s' cannot be asked: %s",
                    domain->name, reasons);
        return FALSE;
    }
    return TRUE;
}

/* Where nobody has asked its QEMU yet, that one has the last word. */
static gboolean check_pass(const VhDomain *domain, GError **error)
{
    if (domain->tier == VH_TIER_NATIVE || domain->tier_reasons & VH_TIER_REASON_NO_MONITOR)
        return TRUE;
    g_autofree char *reasons =
        vh_tier_reasons_explain(domain->tier_reasons & ~(guint)VH_TIER_REASON_NO_AUTODEFLATE);
    g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                "domain '%s': a granule is for passes, and it takes none: %s; without a granule it "
                "is asked by a pulse",
                domain->name, reasons);
    return FALSE;
}

static gboolean check_pulse(const VhSession *session, const VhDomain *domain, GError **error)
{
    if (domain->has_autodeflate || session->config->pulse_reserve_bytes > 0)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                "domain '%s': %s; set autodeflate='on' on its balloon, or pulse_reserve in the "
                "policy",
                domain->name, vh_reason_text(VH_REASON_NO_AUTODEFLATE));
    return FALSE;
}

static void fill_request(const VhSession *session, const VhDomain *domain, VhAskRequest *request)
{
    VhClass treatment;

    vh_treatment_of(session->config, vh_session_snapshot(session), domain, &treatment);
    if (request->method == VH_ASK_PASS) {
        if (request->granule_bytes == 0)
            request->granule_bytes = treatment.granule_bytes;
        return;
    }
    request->reserve_bytes = vh_eligible_reserve_bytes(session->config, domain, &treatment);
    request->without_autodeflate = needs_reserve(session, request->method);
}

guint64 vh_session_ask(VhSession *session, guint index, const VhSessionAsk *ask, GError **error)
{
    const VhSnapshot *snapshot = vh_session_snapshot(session);

    g_return_val_if_fail(index < vh_snapshot_n_domains(snapshot), 0);
    const VhDomain *domain = vh_snapshot_domain(snapshot, index);
    gboolean is_pass = ask->granule_bytes != 0 || vh_eligible_takes_pass(session->config, domain);
    VhAskOrder order = {
        .uuid = domain->uuid,
        .uri = domain->uri,
        /* A granule is an order by hand for a pass, with what that takes. */
        .request = {.method = is_pass ? VH_ASK_PASS : VH_ASK_AUTO,
                    .monitor = is_pass ? VH_MONITOR_ALLOW : VH_MONITOR_REFUSE,
                    .bytes = ask->bytes,
                    .granule_bytes = ask->granule_bytes,
                    .deadline_us = ask->deadline_us},
    };

    if (!check_by_hand(session, domain, error))
        return 0;
    if (is_pass ? !check_pass(domain, error) : !check_pulse(session, domain, error))
        return 0;
    fill_request(session, domain, &order.request);
    guint64 id = vh_asks_start(session->asks, &order);
    vh_session_poll(session); /* so that it soon shows as under way, and can be cancelled */
    return id;
}

gboolean vh_session_get_progress(VhSession *session, guint64 id, VhInFlight *ret_ask,
                                 guint64 *ret_taken_bytes)
{
    return vh_asks_get_progress(session->asks, id, ret_ask, ret_taken_bytes);
}

gboolean vh_session_cancel(VhSession *session, guint64 id)
{
    return vh_asks_cancel(session->asks, id);
}

static gboolean on_request_check(gpointer data)
{
    VhSession *session = data;

    settle_requests(session);
    if (vh_requests_count(session->requests) > 0)
        return G_SOURCE_CONTINUE;
    session->request_timer = 0;
    return G_SOURCE_REMOVE;
}

/* What forbids any request; whom it reaches is the decision's business. */
static gboolean check_request(const VhSession *session, const VhSessionRequest *request,
                              GError **error)
{
    if (request->bytes == 0 || request->bytes > VH_ABSURD_BYTES) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "a request is for at least 1 byte, and for no more than a host has");
        return FALSE;
    }
    if (request->urgency == VH_LEVEL_IDLE || request->deadline_us < 0) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            request->deadline_us < 0
                                ? "a deadline lies ahead"
                                : "the urgency of a request is proactive, low, high or critical");
        return FALSE;
    }
    if (!session->takes_requests) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                            "the engine that decides here takes no requests; virthint's own does");
        return FALSE;
    }
    if (session->read_only || session->dry_run || !session->config->enforce) {
        g_set_error(error, VH_ERROR, VH_ERROR_DENIED, "%s asks nobody",
                    session->dry_run     ? "a dry run"
                    : session->read_only ? "a read-only connection"
                                         : "a policy that does not enforce");
        return FALSE;
    }
    if (session->is_draining) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_BUSY, "the daemon is stopping");
        return FALSE;
    }
    return TRUE;
}

guint64 vh_session_request(VhSession *session, const VhSessionRequest *request, GError **error)
{
    gint64 now_us = g_get_monotonic_time();
    /* one that is as good as none must not wrap */
    gint64 ahead_us = MIN(request->deadline_us, G_MAXINT64 - now_us);

    if (!check_request(session, request, error))
        return 0;
    guint64 id = vh_requests_add(session->requests, request->bytes, request->urgency,
                                 request->deadline_us != 0 ? now_us + ahead_us : 0, now_us);
    if (id == 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_BUSY,
                    "%d requests are open already; cancel one, or wait for its end",
                    VH_REQUESTS_MAX);
        return 0;
    }
    if (session->callbacks.request_started)
        session->callbacks.request_started(session, vh_requests_find(session->requests, id),
                                           session->data);
    if (session->request_timer == 0)
        session->request_timer = g_timeout_add(REQUEST_CHECK_MS, on_request_check, session);
    vh_session_poll(session);
    return id;
}

gboolean vh_session_cancel_request(VhSession *session, guint64 id)
{
    gboolean was_open = vh_requests_cancel(session->requests, id);

    settle_requests(session);
    return was_open;
}

const VhRequests *vh_session_requests(const VhSession *session)
{
    return session->requests;
}

guint64 vh_session_request_returned(const VhSession *session, const VhRequestRecord *request)
{
    return vh_add(request->request.returned_bytes,
                  vh_asks_returned_for(session->asks, request->request.id));
}

static gboolean on_time_over(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

gboolean vh_session_drain(VhSession *session, gboolean cancel, gint64 timeout_us)
{
    gboolean time_is_over = FALSE;
    guint timer = g_timeout_add((guint)(timeout_us / 1000), on_time_over, &time_is_over);

    session->is_draining = TRUE;
    if (cancel)
        vh_asks_cancel_all(session->asks);
    vh_requests_cancel_all(session->requests);
    settle_requests(session);
    while (vh_asks_n_running(session->asks) > 0 && !time_is_over)
        g_main_context_iteration(NULL, TRUE);
    if (!time_is_over)
        g_source_remove(timer);
    vh_cycle_learn(session->cycle, session->config, g_get_monotonic_time(), g_get_real_time());
    return vh_asks_n_running(session->asks) == 0;
}
