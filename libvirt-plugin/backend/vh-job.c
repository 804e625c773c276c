/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread holds a reference to all that it touches, so that nobody needs to wait for it. Its end
 * is a wake-up of the main context, not a source in it: that may be gone by then.
 */
#include "vh-job.h"

#include "vh-loop.h"
#include "vh-units.h"

/* Each holds one of libvirtd's workers, of which there are 20 at most. */
#define LEFT_BEHIND_MAX 8

static int n_left_behind; /* atomic */

typedef struct {
    int references; /* atomic: the caller and the thread */
    GMutex mutex;
    gboolean is_done, is_abandoned;
    VhJobFunc func;
    gpointer data, result;
    GDestroyNotify free_data, free_result;
    GError *error;
    GMainContext *context;
} Job;

static void job_unref(Job *job)
{
    if (!g_atomic_int_dec_and_test(&job->references))
        return;
    if (job->result != NULL && job->free_result != NULL)
        job->free_result(job->result);
    g_clear_error(&job->error);
    g_main_context_unref(job->context);
    g_mutex_clear(&job->mutex);
    g_free(job);
}

static gpointer job_main(gpointer data)
{
    Job *job = data;
    GError *error = NULL;
    gpointer result = job->func(job->data, &error);

    /* before anybody knows of the end: who waits may close what `data` refers to */
    if (job->free_data != NULL)
        job->free_data(job->data);
    g_mutex_lock(&job->mutex);
    job->result = result;
    job->error = error;
    job->is_done = TRUE;
    if (job->is_abandoned)
        g_atomic_int_add(&n_left_behind, -1);
    g_mutex_unlock(&job->mutex);
    g_main_context_wakeup(job->context);
    job_unref(job);
    return NULL;
}

static gboolean is_done(Job *job)
{
    g_mutex_lock(&job->mutex);
    gboolean done = job->is_done;
    g_mutex_unlock(&job->mutex);
    return done;
}

/* Whether it is over now; else it is left to itself. */
static gboolean give_up(Job *job)
{
    g_mutex_lock(&job->mutex);
    gboolean done = job->is_done;
    if (!done) {
        job->is_abandoned = TRUE;
        g_atomic_int_inc(&n_left_behind);
    }
    g_mutex_unlock(&job->mutex);
    return done;
}

static gboolean on_timeout(gpointer data)
{
    return G_SOURCE_REMOVE; /* it has ended the iteration by that */
}

void vh_job_iterate(gint64 until_us, GCancellable *cancel)
{
    gint64 ahead_us = CLAMP(until_us - g_get_monotonic_time(), 0, G_MAXINT * VH_MS);
    GSource *timer = NULL;

    if (until_us != G_MAXINT64) /* rounded up: it is not to be too early */
        timer = vh_loop_add_timeout((guint)((ahead_us + VH_MS - 1) / VH_MS), on_timeout, NULL);
    vh_loop_iterate(cancel);
    vh_loop_remove(&timer);
}

static Job *job_new(VhJobFunc func, gpointer data, GDestroyNotify free_data,
                    GDestroyNotify free_result)
{
    Job *job = g_new0(Job, 1);

    job->references = 2;
    g_mutex_init(&job->mutex);
    job->func = func;
    job->data = data;
    job->free_data = free_data;
    job->free_result = free_result;
    job->context = g_main_context_ref_thread_default();
    return job;
}

gpointer vh_job_run(VhJobFunc func, gpointer data, GDestroyNotify free_data,
                    GDestroyNotify free_result, gint64 timeout_us, GCancellable *cancel,
                    GError **error)
{
    gint64 until_us = timeout_us != 0 ? g_get_monotonic_time() + timeout_us : G_MAXINT64;
    gpointer result = NULL;

    if (g_atomic_int_get(&n_left_behind) >= LEFT_BEHIND_MAX) {
        g_set_error(error, VH_ERROR, VH_ERROR_BUSY,
                    "%d calls wait for guests that hang; try again when those answer",
                    LEFT_BEHIND_MAX);
        if (free_data != NULL)
            free_data(data);
        return NULL;
    }
    Job *job = job_new(func, data, free_data, free_result);
    GThread *thread = g_thread_new("vh-job", job_main, job);
    while (!is_done(job) && g_get_monotonic_time() < until_us &&
           !g_cancellable_is_cancelled(cancel))
        vh_job_iterate(until_us, cancel);
    if (give_up(job)) {
        g_thread_join(thread); /* it is at its end: who exits next finds nothing of it */
        result = g_steal_pointer(&job->result);
        if (job->error != NULL)
            g_propagate_error(error, g_steal_pointer(&job->error));
        job_unref(job);
        return result;
    }
    g_thread_unref(thread);
    if (!g_cancellable_set_error_if_cancelled(cancel, error)) {
        g_autofree char *time = vh_format_duration(timeout_us);
        g_set_error(error, VH_ERROR, VH_ERROR_TIMEOUT,
                    "no answer for %s: its QEMU or libvirt hangs; what was asked for may still "
                    "happen",
                    time);
    }
    job_unref(job);
    return result;
}
