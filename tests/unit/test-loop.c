/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loops of a thread that has a context of its own, while another thread owns the default one. */
#include "vh-loop.h"

#include <unistd.h>

static gboolean set_flag(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_CONTINUE;
}

static gboolean take_byte(int fd, GIOCondition condition, gpointer data)
{
    char byte;

    g_assert_cmpint(read(fd, &byte, 1), ==, 1);
    *(char *)data = byte;
    return G_SOURCE_REMOVE;
}

static gpointer cancel_later(gpointer data)
{
    g_usleep(20000);
    g_cancellable_cancel(data);
    return NULL;
}

static void check_sources(void)
{
    gboolean has_fired = FALSE;
    char byte = 0;
    int ends[2];
    GSource *none = NULL;
    GSource *timer = vh_loop_add_timeout(1, set_flag, &has_fired);

    while (!has_fired)
        vh_loop_iterate(NULL);
    vh_loop_remove(&timer);
    g_assert_null(timer);
    vh_loop_remove(&timer);
    vh_loop_remove(&none);

    g_assert_cmpint(pipe(ends), ==, 0);
    GSource *reader = vh_loop_add_fd(ends[0], G_IO_IN, take_byte, &byte);
    g_assert_cmpint(write(ends[1], "x", 1), ==, 1);
    while (byte == 0)
        vh_loop_iterate(NULL);
    g_assert_cmpint(byte, ==, 'x');
    vh_loop_remove(&reader); /* it has removed itself */
    close(ends[0]);
    close(ends[1]);
}

static void check_waits(void)
{
    g_autoptr(GCancellable) cancel = g_cancellable_new();

    g_assert_true(vh_loop_wait(1000, NULL));
    g_assert_true(vh_loop_wait(0, cancel));
    GThread *thread = g_thread_new("cancel", cancel_later, cancel);
    g_assert_false(vh_loop_wait(G_MAXINT64, cancel)); /* or for ever */
    g_thread_join(thread);
    g_assert_false(vh_loop_wait(G_MAXINT64, cancel));

    /* one that has fired wakes nobody any more: the timer does */
    gboolean has_fired = FALSE;
    GSource *timer = vh_loop_add_timeout(1, set_flag, &has_fired);
    vh_loop_iterate(cancel);
    g_assert_true(has_fired);
    vh_loop_remove(&timer);

    g_autoptr(GCancellable) other = g_cancellable_new();
    thread = g_thread_new("cancel", cancel_later, other);
    while (!g_cancellable_is_cancelled(other))
        vh_loop_iterate(other);
    g_thread_join(thread);
}

static gpointer run_on_own(gpointer data)
{
    g_autoptr(GMainContext) context = g_main_context_new();

    g_main_context_push_thread_default(context);
    check_sources();
    check_waits();
    g_assert_false(g_main_context_pending(context));
    g_main_context_pop_thread_default(context);
    return NULL;
}

/* The default context is this thread's all the while, and nobody runs it. */
static void test_own_context(void)
{
    g_assert_true(g_main_context_acquire(NULL));
    g_thread_join(g_thread_new("commands", run_on_own, NULL));
    g_assert_false(g_main_context_pending(NULL));
    g_main_context_release(NULL);
}

static void test_default_context(void)
{
    check_sources();
    check_waits();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loop/own-context", test_own_context);
    g_test_add_func("/loop/default-context", test_default_context);
    return g_test_run();
}
