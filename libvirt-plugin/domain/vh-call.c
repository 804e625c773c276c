/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread for each call, and who answers first: the work, the deadline, or the caller's change
 * of mind. All three answer from the caller's main context; the thread touches nothing but its
 * handle, its arguments and the result. Must not know what is called.
 */
#include "vh-call.h"

typedef struct {
    int references; /* atomic: the task, the thread, each source */
    gpointer handle;
    void (*release)(gpointer handle);
    VhCallWork work;
    gpointer args;
    GDestroyNotify clear;
    gboolean is_good; /* these two: the thread's, until it has ended */
    GError *error;

    GMutex mutex;      /* all below: another thread than the caller's may run the main context */
    GTask *task;       /* NULL: answered */
    GSource *deadline; /* NULL: over */
    GSource *change;   /* of mind; NULL: over, or there is no cancellable */
} Call;

static int n_threads; /* atomic */

guint vh_call_count(void)
{
    return (guint)g_atomic_int_get(&n_threads);
}

static gboolean enter(void)
{
    if (g_atomic_int_add(&n_threads, 1) < VH_ASYNC_MAX)
        return TRUE;
    g_atomic_int_add(&n_threads, -1);
    return FALSE;
}

static void leave(void)
{
    g_atomic_int_add(&n_threads, -1);
}

static Call *call_ref(Call *call)
{
    g_atomic_int_inc(&call->references);
    return call;
}

static void call_unref(gpointer data)
{
    Call *call = data;

    if (!g_atomic_int_dec_and_test(&call->references))
        return;
    if (call->clear)
        call->clear(call->args);
    g_free(call->args);
    g_clear_error(&call->error);
    g_mutex_clear(&call->mutex);
    g_free(call);
}

static void stop(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

/* The task, for whoever is the first to answer; NULL for the others. */
static GTask *take_task(Call *call)
{
    GTask *task;

    g_mutex_lock(&call->mutex);
    stop(&call->deadline);
    stop(&call->change);
    task = g_steal_pointer(&call->task);
    g_mutex_unlock(&call->mutex);
    return task;
}

static gboolean on_ended(gpointer data)
{
    Call *call = data;
    g_autoptr(GTask) task = take_task(call);

    if (!task)
        return G_SOURCE_REMOVE;
    if (call->is_good)
        g_task_return_pointer(task, call_ref(call), call_unref);
    else
        g_task_return_error(task, g_steal_pointer(&call->error));
    return G_SOURCE_REMOVE;
}

static gboolean on_deadline(gpointer data)
{
    g_autoptr(GTask) task = take_task(data);

    if (task)
        g_task_return_new_error(task, VH_ERROR, VH_ERROR_TIMEOUT,
                                "no answer within the deadline: its QEMU, or libvirtd, hangs");
    return G_SOURCE_REMOVE;
}

static gboolean on_change(GCancellable *cancellable, gpointer data)
{
    g_autoptr(GTask) task = take_task(data);

    if (task)
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the call was cancelled");
    return G_SOURCE_REMOVE;
}

static void attach(Call *call, GSource *source, GSourceFunc function, GMainContext *context)
{
    g_source_set_callback(source, function, call_ref(call), call_unref);
    g_source_attach(source, context);
}

typedef struct {
    Call *call;
    GMainContext *context;
} Thread;

static Thread *thread_new(Call *call, GMainContext *context)
{
    Thread *thread = g_new0(Thread, 1);

    thread->call = call_ref(call);
    thread->context = g_main_context_ref(context);
    return thread;
}

static void thread_free(Thread *thread)
{
    call_unref(thread->call);
    g_main_context_unref(thread->context);
    g_free(thread);
}

static gpointer run(gpointer data)
{
    Thread *thread = data;
    Call *call = thread->call;
    g_autoptr(GSource) ended = g_idle_source_new();

    call->is_good = call->work(call->handle, call->args, &call->error);
    call->release(call->handle);
    leave(); /* before anybody knows: whose answer this is may start the next from there */
    g_source_set_priority(ended, G_PRIORITY_DEFAULT);
    attach(call, ended, on_ended, thread->context);
    thread_free(thread);
    return NULL;
}

/* FALSE with what is in the way. */
static gboolean start_thread(Call *call, GMainContext *context, GError **error)
{
    Thread *thread;
    GThread *started;

    if (!enter()) {
        g_set_error(error, VH_ERROR, VH_ERROR_BUSY,
                    "%d calls wait for an answer already; try again once some have ended",
                    VH_ASYNC_MAX);
        return FALSE;
    }
    thread = thread_new(call, context);
    started = g_thread_try_new("vh-call", run, thread, error);
    if (!started) {
        thread_free(thread);
        leave();
        return FALSE;
    }
    g_thread_unref(started);
    return TRUE;
}

static gboolean begin(Call *call, const VhCallOptions *options, GMainContext *context,
                      GError **error)
{
    if (options->timeout_us < 0) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "the timeout of a call must be positive, or 0");
        return FALSE;
    }
    return !g_cancellable_set_error_if_cancelled(options->cancellable, error) &&
           start_thread(call, context, error);
}

static void watch_over(Call *call, const VhCallOptions *options, GMainContext *context)
{
    gint64 now_us = g_get_monotonic_time();
    gint64 timeout_us = options->timeout_us > 0 ? options->timeout_us : VH_ASYNC_TIMEOUT_DEFAULT_US;

    g_mutex_lock(&call->mutex);
    call->deadline = g_timeout_source_new(0);
    g_source_set_ready_time(call->deadline, now_us + MIN(timeout_us, G_MAXINT64 - now_us));
    attach(call, call->deadline, on_deadline, context);
    if (options->cancellable) {
        call->change = g_cancellable_source_new(options->cancellable);
        attach(call, call->change, G_SOURCE_FUNC(on_change), context);
    }
    g_mutex_unlock(&call->mutex);
}

/* Takes over the reference on the handle. */
static void start(gpointer handle, void (*release)(gpointer handle), VhCallWork work,
                  gconstpointer args, gsize size, GDestroyNotify clear,
                  const VhCallOptions *options)
{
    Call *call = g_new0(Call, 1);
    GTask *task = g_task_new(NULL, NULL, options->callback, options->data);
    g_autoptr(GMainContext) context = g_main_context_ref(g_task_get_context(task));
    GError *error = NULL;

    g_task_set_source_tag(task, (gpointer)(gsize)work);
    g_task_set_name(task, "virthint call");
    g_mutex_init(&call->mutex);
    call->references = 1;
    call->handle = handle;
    call->release = release;
    call->work = work;
    call->args = g_memdup2(args, size);
    call->clear = clear;
    call->task = task;
    watch_over(call, options, context);
    if (!begin(call, options, context, &error)) {
        release(handle);
        task = take_task(call);
        if (task)
            g_task_return_error(task, g_steal_pointer(&error));
        g_clear_object(&task);
        g_clear_error(&error);
    }
    call_unref(call);
}

static void release_domain(gpointer domain)
{
    virDomainFree(domain);
}

static void release_connection(gpointer connection)
{
    virConnectClose(connection);
}

void vh_call_on_domain(virDomainPtr domain, VhCallWork work, gconstpointer args, gsize size,
                       GDestroyNotify clear, const VhCallOptions *options)
{
    virDomainRef(domain);
    start(domain, release_domain, work, args, size, clear, options);
}

void vh_call_on_connection(virConnectPtr connection, VhCallWork work, gconstpointer args,
                           gsize size, GDestroyNotify clear, const VhCallOptions *options)
{
    virConnectRef(connection);
    start(connection, release_connection, work, args, size, clear, options);
}

gpointer vh_call_finish(GAsyncResult *result, VhCallWork work, GError **error)
{
    Call *call;

    g_return_val_if_fail(g_task_is_valid(result, NULL) &&
                             g_async_result_is_tagged(result, (gpointer)(gsize)work),
                         NULL);
    call = g_task_propagate_pointer(G_TASK(result), error);
    if (!call)
        return NULL;
    /* What was propagated is the caller's; the arguments live on with the result. */
    g_object_set_data_full(G_OBJECT(result), "vh-call", call, call_unref);
    return call->args;
}
