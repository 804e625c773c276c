/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GSource on the thread-default context, with the references kept straight. */
#include "vh-loop.h"

#include <glib-unix.h>

static GSource *attach(GSource *source)
{
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();

    g_source_attach(source, context);
    return source;
}

GSource *vh_loop_add_timeout(guint ms, GSourceFunc function, gpointer data)
{
    GSource *source = g_timeout_source_new(ms);

    g_source_set_callback(source, function, data, NULL);
    return attach(source);
}

GSource *vh_loop_add_fd(int fd, GIOCondition condition,
                        gboolean (*function)(int fd, GIOCondition condition, gpointer data),
                        gpointer data)
{
    GSource *source = g_unix_fd_source_new(fd, condition);

    g_source_set_callback(source, G_SOURCE_FUNC(function), data, NULL);
    return attach(source);
}

void vh_loop_remove(GSource **source)
{
    if (*source != NULL) {
        g_source_destroy(*source);
        g_source_unref(*source);
    }
    *source = NULL;
}

static gboolean wake(GCancellable *cancel, gpointer data)
{
    return G_SOURCE_REMOVE;
}

void vh_loop_iterate(GCancellable *cancel)
{
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
    GSource *waker = NULL;

    if (cancel != NULL && !g_cancellable_is_cancelled(cancel)) {
        waker = g_cancellable_source_new(cancel);
        g_source_set_callback(waker, G_SOURCE_FUNC(wake), NULL, NULL);
        attach(waker);
    }
    g_main_context_iteration(context, TRUE);
    vh_loop_remove(&waker);
}

static gboolean set_flag(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

gboolean vh_loop_wait(gint64 us, GCancellable *cancel)
{
    gboolean is_over = FALSE;
    GSource *timer = vh_loop_add_timeout((guint)CLAMP(us / 1000, 0, G_MAXINT), set_flag, &is_over);

    while (!is_over && !g_cancellable_is_cancelled(cancel))
        vh_loop_iterate(cancel);
    vh_loop_remove(&timer);
    return !g_cancellable_is_cancelled(cancel);
}
