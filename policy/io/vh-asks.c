/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running asks, and the queue of ended ones. */
#include "vh-asks.h"

typedef struct {
    guint64 id;
    VhUuid uuid;
    char *uri;
    guint64 expected_bytes;
    guint64 counted_bytes;
    guint64 request_id;
    VhAskRequest request;
    gint64 started_us;
    VhAsk *ask;      /* NULL: it could not be started */
    GError *refusal; /* why */
} RunningAsk;

struct VhAsks {
    GPtrArray *watches;
    VhAsksCallbacks callbacks;
    gpointer data;
    guint64 last_id;
    GPtrArray *running; /* RunningAsk */
    GArray *ended;      /* VhEnded, not yet reported; uri is a string of `uris` */
    GStringChunk *uris; /* few and small: kept for good */
    GSource *wake;      /* made ready from the asks' threads */
};

static void running_ask_free(gpointer data)
{
    RunningAsk *running = data;

    if (running->ask)
        vh_ask_set_notify(running->ask, NULL, NULL);
    vh_ask_free(running->ask);
    g_clear_error(&running->refusal);
    g_free(running->uri);
    g_free(running);
}

static VhAskMethod method_of(const RunningAsk *running)
{
    return running->request.method == VH_ASK_PASS ? VH_ASK_PASS : VH_ASK_PULSE;
}

static void end_ask(VhAsks *asks, RunningAsk *running)
{
    VhEnded ended = {.uuid = running->uuid,
                     .uri = g_string_chunk_insert_const(asks->uris, running->uri),
                     .id = running->id,
                     .expected_bytes = running->expected_bytes,
                     .request_id = running->request_id};
    const char *message = NULL;

    if (running->ask) {
        vh_ask_get_outcome(running->ask, &ended.outcome, &message);
    } else {
        ended.outcome = (VhAskOutcome){.method = method_of(running),
                                       .status = VH_ASK_FAILED,
                                       .asked_bytes = running->request.bytes,
                                       .started_us = running->started_us,
                                       .ended_us = running->started_us,
                                       .error_code = running->refusal->code};
        message = running->refusal->message;
    }
    g_array_append_val(asks->ended, ended);
    if (asks->callbacks.ended)
        asks->callbacks.ended(&ended, message, asks->data);
}

static gboolean harvest(gpointer data)
{
    VhAsks *asks = data;

    g_source_set_ready_time(asks->wake, -1);
    for (guint i = 0; i < asks->running->len;) {
        RunningAsk *running = asks->running->pdata[i];
        if (running->ask && !vh_ask_wait(running->ask, 0)) {
            i++;
            continue;
        }
        g_ptr_array_steal_index(asks->running, i);
        end_ask(asks, running);
        running_ask_free(running);
    }
    return G_SOURCE_CONTINUE;
}

/* A source that fires whenever its ready time is set, which may be done from any thread. */
static gboolean dispatch_wake(GSource *source, GSourceFunc callback, gpointer data)
{
    return callback(data);
}

static GSourceFuncs wake_functions = {.dispatch = dispatch_wake};

VhAsks *vh_asks_new(GPtrArray *watches, const VhAsksCallbacks *callbacks, gpointer data)
{
    VhAsks *asks = g_new0(VhAsks, 1);

    asks->watches = watches;
    asks->callbacks = *callbacks;
    asks->data = data;
    asks->running = g_ptr_array_new_with_free_func(running_ask_free);
    asks->ended = g_array_new(FALSE, TRUE, sizeof(VhEnded));
    asks->uris = g_string_chunk_new(256);
    asks->wake = g_source_new(&wake_functions, sizeof(GSource));
    g_source_set_callback(asks->wake, harvest, asks, NULL);
    g_source_attach(asks->wake, NULL);
    return asks;
}

void vh_asks_free(VhAsks *asks)
{
    if (!asks)
        return;
    g_ptr_array_unref(asks->running);
    g_source_destroy(asks->wake);
    g_source_unref(asks->wake);
    g_array_unref(asks->ended);
    g_string_chunk_free(asks->uris);
    g_free(asks);
}

static void on_ask_ended(VhAsk *ask, gpointer data)
{
    g_source_set_ready_time(data, 0);
}

static VhWatch *find_watch(const VhAsks *asks, const char *uri)
{
    for (guint i = 0; i < asks->watches->len; i++) {
        if (g_str_equal(vh_watch_uri(asks->watches->pdata[i]), uri))
            return asks->watches->pdata[i];
    }
    return NULL;
}

static VhAsk *start_on_domain(const VhAsks *asks, const VhAskOrder *order, GError **error)
{
    VhWatch *watch = find_watch(asks, order->uri);

    if (!watch) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no connection '%s' is watched", order->uri);
        return NULL;
    }
    virDomainPtr domain = vh_watch_lookup(watch, &order->uuid, error);
    if (!domain)
        return NULL;
    VhAsk *ask = vh_ask_start(domain, &order->request, error);
    virDomainFree(domain);
    return ask;
}

guint64 vh_asks_start(VhAsks *asks, const VhAskOrder *order)
{
    RunningAsk *running = g_new0(RunningAsk, 1);

    running->id = ++asks->last_id;
    running->uuid = order->uuid;
    running->uri = g_strdup(order->uri);
    running->expected_bytes = order->expected_bytes;
    running->counted_bytes = order->counted_bytes;
    running->request_id = order->request_id;
    running->request = order->request;
    running->started_us = g_get_monotonic_time();
    running->ask = start_on_domain(asks, order, &running->refusal);
    g_ptr_array_add(asks->running, running);

    if (asks->callbacks.started) {
        VhInFlight ask;
        guint64 taken;
        vh_asks_get_progress(asks, running->id, &ask, &taken);
        asks->callbacks.started(&ask, asks->data);
    }
    if (running->ask)
        vh_ask_set_notify(running->ask, on_ask_ended, asks->wake);
    else
        g_source_set_ready_time(asks->wake, 0);
    return running->id;
}

guint vh_asks_n_running(const VhAsks *asks)
{
    return asks->running->len;
}

gboolean vh_asks_is_running(const VhAsks *asks, const VhUuid *uuid)
{
    for (guint i = 0; i < asks->running->len; i++) {
        const RunningAsk *running = asks->running->pdata[i];
        if (vh_uuid_compare(&running->uuid, uuid) == 0)
            return TRUE;
    }
    return FALSE;
}

static RunningAsk *find_running(const VhAsks *asks, guint64 id)
{
    for (guint i = 0; i < asks->running->len; i++) {
        RunningAsk *running = asks->running->pdata[i];
        if (running->id == id)
            return running;
    }
    return NULL;
}

static void describe(const RunningAsk *running, VhInFlight *ret_ask, guint64 *ret_taken_bytes)
{
    VhAskProgress progress = {0};

    if (running->ask)
        vh_ask_get_progress(running->ask, &progress);
    *ret_ask = (VhInFlight){
        .uuid = running->uuid,
        .uri = running->uri,
        .id = running->id,
        .method = method_of(running),
        .granule_bytes = running->request.granule_bytes,
        .asked_bytes = running->request.bytes,
        .expected_bytes = running->counted_bytes,
        .returned_bytes = progress.returned_bytes,
        .request_id = running->request_id,
        .started_us = running->started_us,
    };
    *ret_taken_bytes = progress.taken_bytes;
}

gboolean vh_asks_get_progress(VhAsks *asks, guint64 id, VhInFlight *ret_ask,
                              guint64 *ret_taken_bytes)
{
    const RunningAsk *running = find_running(asks, id);

    if (!running)
        return FALSE;
    describe(running, ret_ask, ret_taken_bytes);
    return TRUE;
}

static void cancel(gpointer data, gpointer unused)
{
    RunningAsk *running = data;

    if (running->ask)
        vh_ask_cancel(running->ask);
}

gboolean vh_asks_cancel(VhAsks *asks, guint64 id)
{
    RunningAsk *running = find_running(asks, id);

    if (!running)
        return FALSE;
    cancel(running, NULL);
    return TRUE;
}

void vh_asks_cancel_for(VhAsks *asks, guint64 request_id)
{
    for (guint i = 0; i < asks->running->len; i++) {
        RunningAsk *running = asks->running->pdata[i];
        if (running->request_id == request_id)
            cancel(running, NULL);
    }
}

guint64 vh_asks_returned_for(const VhAsks *asks, guint64 request_id)
{
    guint64 sum = 0;

    for (guint i = 0; i < asks->running->len; i++) {
        const RunningAsk *running = asks->running->pdata[i];
        VhAskProgress progress = {0};
        if (!running->ask || running->request_id != request_id)
            continue;
        vh_ask_get_progress(running->ask, &progress);
        sum = vh_add(sum, progress.returned_bytes);
    }
    return sum;
}

void vh_asks_cancel_all(VhAsks *asks)
{
    g_ptr_array_foreach(asks->running, cancel, NULL);
}

void vh_asks_report(VhAsks *asks, VhSnapshot *snapshot)
{
    for (guint i = 0; i < asks->running->len; i++) {
        VhInFlight ask;
        guint64 taken;
        describe(asks->running->pdata[i], &ask, &taken);
        ask.uri = vh_snapshot_string(snapshot, ask.uri);
        g_array_append_val(snapshot->in_flight, ask);
    }
    for (guint i = 0; i < asks->ended->len; i++) {
        VhEnded ended = g_array_index(asks->ended, VhEnded, i);
        ended.uri = vh_snapshot_string(snapshot, ended.uri);
        g_array_append_val(snapshot->ended, ended);
    }
    g_array_set_size(asks->ended, 0);
}
