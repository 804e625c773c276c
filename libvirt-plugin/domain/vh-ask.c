/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handle of an ask, its two threads and its deadline. Owns who may wait for what; must not know
 * how a method works.
 *
 * A call into libvirt cannot be interrupted, so the work runs on a thread that may get stuck, and
 * a second one (the keeper) ends the ask at its deadline whatever the first does. What the worker
 * finds out later is of no interest any more, but it still puts the balloon back.
 */
#include "vh-ask.h"

#include "vh-balloon.h"
#include "vh-host-memory.h"
#include "vh-libvirt.h"
#include "vh-monitor-check.h"
#include "vh-pass.h"
#include "vh-probe.h"
#include "vh-pulse.h"
#include "vh-ready.h"

#include <string.h>

#define DEADLINE_MAX_US (24 * G_TIME_SPAN_HOUR)
/* Kept for the way back: a balloon comes back at about 2 GiB/s. */
#define BACK_SHARE 4
#define BACK_MAX_US (2 * G_USEC_PER_SEC)
/* Between two tellings of how far an ask is. */
#define PROGRESS_US (200 * G_TIME_SPAN_MILLISECOND)

struct VhAsk {
    int references;      /* atomic: the caller, the keeper, the worker */
    virDomainPtr domain; /* the worker's, which lets go of it before it tells that it has ended */
    char *name;
    VhUuid uuid;
    VhAskRequest request;
    gint64 started_us;
    int cancelled; /* atomic */

    GMutex mutex; /* all below; never held across a call into libvirt */
    GCond changed;
    VhAskMethod method; /* AUTO until the worker knows which it is */
    VhAskProgress progress;
    VhAskOutcome result; /* the worker's */
    GError *result_error;
    gboolean worker_ended;
    gboolean ended; /* outcome and error are there, and do not change any more */
    VhAskOutcome outcome;
    GError *error;
    VhAskNotify notify;
    gpointer notify_data;
    GThread *notifier; /* in the callback right now; NULL: nobody */
};

/* Domains that an ask of this process is at; the record in the metadata tells processes apart, not
 * the asks of one. */
static GMutex busy_mutex;
static GHashTable *busy; /* of VhUuid */

static gboolean busy_enter(const VhUuid *uuid)
{
    gboolean entered = FALSE;

    g_mutex_lock(&busy_mutex);
    if (!busy)
        busy = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, NULL);
    if (!g_hash_table_contains(busy, uuid)) {
        g_hash_table_add(busy, g_memdup2(uuid, sizeof *uuid));
        entered = TRUE;
    }
    g_mutex_unlock(&busy_mutex);
    return entered;
}

static void busy_leave(const VhUuid *uuid)
{
    g_mutex_lock(&busy_mutex);
    g_hash_table_remove(busy, uuid);
    if (g_hash_table_size(busy) == 0)
        g_clear_pointer(&busy, g_hash_table_unref);
    g_mutex_unlock(&busy_mutex);
}

static void ask_unref(VhAsk *ask)
{
    if (!g_atomic_int_dec_and_test(&ask->references))
        return;
    g_free(ask->name);
    g_clear_error(&ask->result_error);
    g_clear_error(&ask->error);
    g_mutex_clear(&ask->mutex);
    g_cond_clear(&ask->changed);
    g_free(ask);
}

static gint64 deadline_of(const VhAsk *ask)
{
    return ask->started_us + ask->request.deadline_us;
}

static void take_progress(guint64 taken_bytes, guint64 returned_bytes, gpointer data)
{
    VhAsk *ask = data;

    g_mutex_lock(&ask->mutex);
    ask->progress.taken_bytes = MAX(ask->progress.taken_bytes, taken_bytes);
    ask->progress.returned_bytes = returned_bytes;
    g_mutex_unlock(&ask->mutex);
}

static guint64 resident_bytes(gpointer data)
{
    const VhAsk *ask = data;
    VhStats stats = {0};

    return vh_balloon_look(ask->domain, &stats, NULL) ? stats.rss_bytes : 0;
}

static void run_pass(VhAsk *ask, VhAskOutcome *result, GError **error)
{
    const VhReportingMonitor monitor = vh_reporting_monitor_of(ask->domain, ask->request.monitor);
    const VhPass pass = {
        .monitor = &monitor,
        .request = ask->request,
        .end_us = deadline_of(ask),
        .look_us = VH_PASS_LOOK_US,
        .cancelled = &ask->cancelled,
        .resident = resident_bytes,
        .progress = take_progress,
        .data = ask,
    };
    gboolean is_local = vh_libvirt_is_local(virDomainGetConnect(ask->domain));
    guint64 before_bytes = is_local ? vh_host_memory_free_bytes() : 0, after_bytes;

    (void)vh_pass_run(&pass, result, error);
    after_bytes = before_bytes > 0 ? vh_host_memory_free_bytes() : 0;
    if (result->source == VH_ASK_SOURCE_NONE || after_bytes == 0)
        return;
    result->has_memfree = TRUE;
    result->memfree_delta_bytes = (gint64)after_bytes - (gint64)before_bytes;
}

static void run_pulse(VhAsk *ask, VhAskOutcome *result, GError **error)
{
    gint64 back_us = MIN(ask->request.deadline_us / BACK_SHARE, BACK_MAX_US);
    VhPulse pulse = {
        .domain = ask->domain,
        .request = ask->request,
        .back_us = deadline_of(ask) - back_us,
        .end_us = deadline_of(ask),
        .cancelled = &ask->cancelled,
        .progress = take_progress,
        .data = ask,
    };

    (void)vh_pulse_run(&pulse, result, error);
}

static gboolean needs_pass(const VhAskRequest *request)
{
    return request->granule_bytes > VH_REPORTING_GRANULE_MIN_BYTES;
}

/* AUTO becomes what the guest's tier offers. */
static gboolean choose_method(VhAsk *ask, VhAskMethod *ret_method, GError **error)
{
    VhAskMethod method = ask->request.method;
    VhProbe probe;

    if (method == VH_ASK_AUTO && ask->request.monitor == VH_MONITOR_ALLOW) {
        if (!vh_probe_domain(ask->domain, VH_MONITOR_ALLOW, &probe, error))
            return FALSE;
        if (g_get_monotonic_time() >= deadline_of(ask)) {
            g_set_error_literal(error, VH_ERROR, VH_ERROR_TIMEOUT,
                                "the deadline passed before its QEMU told what it can do");
            return FALSE;
        }
        method = probe.tier == VH_TIER_NATIVE ? VH_ASK_PASS : VH_ASK_PULSE;
        if (method == VH_ASK_PULSE && needs_pass(&ask->request)) {
            g_autofree char *reasons = vh_tier_reasons_explain(probe.reasons);

            g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                        "a granule is for passes, and it takes none: %s; without a granule it is "
                        "asked by a pulse",
                        reasons);
            return FALSE;
        }
    }
    *ret_method = method == VH_ASK_PASS ? VH_ASK_PASS : VH_ASK_PULSE;
    g_mutex_lock(&ask->mutex);
    ask->method = *ret_method;
    g_mutex_unlock(&ask->mutex);
    return TRUE;
}

static gboolean check_running(virDomainPtr domain, GError **error)
{
    int is_active = virDomainIsActive(domain);

    if (is_active < 0)
        vh_libvirt_set_error(error, NULL);
    if (is_active == 0)
        g_set_error_literal(
            error, VH_ERROR, VH_ERROR_GONE,
            "the guest does not run, so that it holds nothing of the host's memory");
    return is_active > 0;
}

/* Nothing was sent or moved before. */
static gboolean check_ready(const VhAsk *ask, GError **error)
{
    return (ask->request.method != VH_ASK_PASS ||
            vh_monitor_check(ask->domain, ask->request.monitor, error)) &&
           vh_ready_check_writable(ask->domain, error) && check_running(ask->domain, error) &&
           vh_ready_check_job(ask->domain, error);
}

static void run_chosen(VhAsk *ask, VhAskOutcome *result, GError **error)
{
    VhAskMethod method;

    if (!check_ready(ask, error) || !choose_method(ask, &method, error))
        result->status = VH_ASK_FAILED;
    else if (method == VH_ASK_PASS)
        run_pass(ask, result, error);
    else
        run_pulse(ask, result, error);
}

static void run_method(VhAsk *ask, VhAskOutcome *result, GError **error)
{
    if (!busy_enter(&ask->uuid)) {
        result->status = VH_ASK_FAILED;
        g_set_error(error, VH_ERROR, VH_ERROR_BUSY,
                    "another ask of this process is at this domain");
        return;
    }
    run_chosen(ask, result, error);
    busy_leave(&ask->uuid);
}

static gpointer worker_main(gpointer data)
{
    VhAsk *ask = data;
    VhAskOutcome result = {.error_code = -1};
    GError *error = NULL;

    run_method(ask, &result, &error);
    if (error)
        g_prefix_error(&error, "domain '%s': ", ask->name);
    /* Whoever waits for the end may close the connection then, and wants it to be the last. */
    virDomainFree(g_steal_pointer(&ask->domain));
    g_mutex_lock(&ask->mutex);
    ask->result = result;
    ask->result_error = error;
    ask->worker_ended = TRUE;
    g_cond_broadcast(&ask->changed);
    g_mutex_unlock(&ask->mutex);
    ask_unref(ask);
    return NULL;
}

/* With the mutex held. */
static void publish(VhAsk *ask)
{
    VhAskOutcome *outcome = &ask->outcome;

    if (ask->worker_ended) {
        *outcome = ask->result;
        ask->error = g_steal_pointer(&ask->result_error);
    } else {
        outcome->status = VH_ASK_TIMED_OUT;
        outcome->taken_bytes = ask->progress.taken_bytes;
        g_set_error(&ask->error, VH_ERROR, VH_ERROR_TIMEOUT,
                    "domain '%s': no answer within the deadline; %s", ask->name,
                    ask->method == VH_ASK_PASS
                        ? "the device ends the pass by itself"
                        : "the balloon is put back as soon as the guest and its QEMU answer");
    }
    /* AUTO: nothing was begun. */
    outcome->method = ask->method == VH_ASK_AUTO ? ask->request.method : ask->method;
    outcome->asked_bytes = ask->request.bytes;
    outcome->started_us = ask->started_us;
    outcome->ended_us = g_get_monotonic_time();
    outcome->error_code = ask->error ? ask->error->code : -1;
    ask->progress.status = outcome->status;
    ask->progress.taken_bytes = outcome->taken_bytes;
    ask->progress.returned_bytes = outcome->returned_bytes;
    ask->progress.elapsed_us = outcome->ended_us - ask->started_us;
    ask->ended = TRUE;
}

static gpointer keeper_main(gpointer data)
{
    VhAsk *ask = data;
    VhAskNotify notify;
    gpointer notify_data;

    g_mutex_lock(&ask->mutex);
    while (!ask->worker_ended && g_cond_wait_until(&ask->changed, &ask->mutex, deadline_of(ask)))
        continue;
    publish(ask);
    notify = g_steal_pointer(&ask->notify);
    notify_data = ask->notify_data;
    ask->notifier = notify ? g_thread_self() : NULL;
    g_cond_broadcast(&ask->changed);
    g_mutex_unlock(&ask->mutex);
    if (notify) {
        notify(ask, notify_data);
        g_mutex_lock(&ask->mutex);
        ask->notifier = NULL;
        g_cond_broadcast(&ask->changed);
        g_mutex_unlock(&ask->mutex);
    }
    ask_unref(ask);
    return NULL;
}

/* Whether it will certainly be no pass. */
static gboolean is_pulse(const VhAskRequest *request)
{
    return request->method == VH_ASK_PULSE ||
           (request->method == VH_ASK_AUTO && request->monitor != VH_MONITOR_ALLOW);
}

static gboolean check_granule(const VhAskRequest *request, GError **error)
{
    guint64 bytes = request->granule_bytes;

    if (bytes == 0 || bytes == VH_REPORTING_GRANULE_MIN_BYTES)
        return TRUE;
    if (is_pulse(request)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "a pulse works in pages of 4096 bytes: the granule must be 4096, or 0");
        return FALSE;
    }
    if (!vh_reporting_granule_is_valid(bytes)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "the granule must be a power of two from 4 KiB to 1 GiB, or 0");
        return FALSE;
    }
    return TRUE;
}

static gboolean check_request(const VhAskRequest *request, GError **error)
{
    if (!check_granule(request, error))
        return FALSE;
    if (request->deadline_us < 0 || request->deadline_us > DEADLINE_MAX_US) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "the deadline must be within 24 hours (0: %d s)",
                    (int)(VH_ASK_DEADLINE_DEFAULT_US / G_USEC_PER_SEC));
        return FALSE;
    }
    if (request->without_autodeflate && request->reserve_bytes == 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "asking a guest without autodeflate needs a reserve: say how much stays free");
        return FALSE;
    }
    return TRUE;
}

VhAsk *vh_ask_start(virDomainPtr domain, const VhAskRequest *request, GError **error)
{
    VhAsk *ask;

    g_return_val_if_fail(domain && request, NULL);
    if (!check_request(request, error))
        return NULL;
    ask = g_new0(VhAsk, 1);
    ask->references = 3;
    ask->domain = domain;
    virDomainRef(domain);
    ask->name = g_strdup(virDomainGetName(domain));
    ask->uuid = vh_libvirt_uuid(domain);
    ask->request = *request;
    if (ask->request.deadline_us == 0)
        ask->request.deadline_us = VH_ASK_DEADLINE_DEFAULT_US;
    ask->started_us = g_get_monotonic_time();
    ask->progress.asked_bytes = request->bytes;
    if (is_pulse(request))
        ask->method = VH_ASK_PULSE;
    g_mutex_init(&ask->mutex);
    g_cond_init(&ask->changed);
    g_thread_unref(g_thread_new("vh-ask-worker", worker_main, ask));
    g_thread_unref(g_thread_new("vh-ask", keeper_main, ask));
    return ask;
}

void vh_ask_get_progress(VhAsk *ask, VhAskProgress *ret_progress)
{
    g_mutex_lock(&ask->mutex);
    *ret_progress = ask->progress;
    if (!ask->ended)
        ret_progress->elapsed_us = g_get_monotonic_time() - ask->started_us;
    g_mutex_unlock(&ask->mutex);
}

gboolean vh_ask_wait(VhAsk *ask, gint64 timeout_us)
{
    gint64 now_us = g_get_monotonic_time();
    gint64 until_us = now_us + CLAMP(timeout_us, 0, G_MAXINT64 - now_us);
    gboolean ended;

    g_mutex_lock(&ask->mutex);
    while (!ask->ended) {
        if (timeout_us < 0)
            g_cond_wait(&ask->changed, &ask->mutex);
        else if (!g_cond_wait_until(&ask->changed, &ask->mutex, until_us))
            break;
    }
    ended = ask->ended;
    g_mutex_unlock(&ask->mutex);
    return ended;
}

void vh_ask_get_outcome(VhAsk *ask, VhAskOutcome *ret_outcome, const char **ret_message)
{
    g_mutex_lock(&ask->mutex);
    if (ask->ended) {
        *ret_outcome = ask->outcome;
    } else {
        memset(ret_outcome, 0, sizeof *ret_outcome);
        ret_outcome->status = VH_ASK_RUNNING;
        ret_outcome->asked_bytes = ask->request.bytes;
        ret_outcome->started_us = ask->started_us;
        ret_outcome->error_code = -1;
    }
    if (ret_message)
        *ret_message = ask->error ? ask->error->message : NULL;
    g_mutex_unlock(&ask->mutex);
}

void vh_ask_cancel(VhAsk *ask)
{
    g_atomic_int_set(&ask->cancelled, 1);
}

void vh_ask_set_notify(VhAsk *ask, VhAskNotify notify, gpointer data)
{
    gboolean now;

    g_mutex_lock(&ask->mutex);
    /* So that the caller may free `data` once the old one is replaced. */
    while (ask->notifier && ask->notifier != g_thread_self())
        g_cond_wait(&ask->changed, &ask->mutex);
    now = ask->ended && notify;
    ask->notify = ask->ended ? NULL : notify;
    ask->notify_data = data;
    g_mutex_unlock(&ask->mutex);
    if (now)
        notify(ask, data);
}

void vh_ask_free(VhAsk *ask)
{
    if (!ask)
        return;
    vh_ask_set_notify(ask, NULL, NULL);
    ask_unref(ask);
}

static void on_cancelled(GCancellable *cancellable, gpointer ask)
{
    vh_ask_cancel(ask);
}

gboolean vh_ask_run(virDomainPtr domain, const VhAskRequest *request, VhAskProgressFunc progress,
                    gpointer data, GCancellable *cancellable, VhAskOutcome *ret_outcome,
                    GError **error)
{
    g_autoptr(VhAsk) ask = NULL;
    VhAskProgress now;
    gulong connected;
    gboolean has_ended;

    if (g_cancellable_set_error_if_cancelled(cancellable, error) ||
        !(ask = vh_ask_start(domain, request, error)))
        return FALSE;
    connected =
        cancellable ? g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled), ask, NULL) : 0;
    do {
        has_ended = vh_ask_wait(ask, progress ? PROGRESS_US : -1);
        if (progress) {
            vh_ask_get_progress(ask, &now);
            progress(&now, data);
        }
    } while (!has_ended);
    if (connected)
        g_cancellable_disconnect(cancellable, connected);
    g_mutex_lock(&ask->mutex);
    if (ask->error)
        g_propagate_error(error, g_error_copy(ask->error));
    has_ended = ask->error == NULL;
    if (ret_outcome)
        *ret_outcome = ask->outcome;
    g_mutex_unlock(&ask->mutex);
    return has_ended;
}
