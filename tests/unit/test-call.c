/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that block on threads of their own: who answers, in which context, and what is left. */
#include "vh-call.h"
#include "vh-libvirt.h"
#include "vh-units.h"

#include <string.h>

typedef struct {
    GMutex mutex;
    GCond changed;
    gboolean is_open;
    guint n_inside;  /* threads that wait at it */
    guint n_cleared; /* arguments that were freed */
} Gate;

typedef struct {
    Gate *gate;
    gboolean fails;
    guint number;
} Args;

typedef struct {
    virConnectPtr connection;
    virDomainPtr domain;
    Gate gate;
    GMainContext *context;
    guint n_gated; /* calls that were started with the gate */
    guint n_answers;
    GThread *answered_on;
    guint number;
    GError *error;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    f->connection = vh_libvirt_open("test:///default", FALSE, NULL);
    f->domain = virDomainLookupByName(f->connection, "test");
    g_assert_nonnull(f->domain);
    g_mutex_init(&f->gate.mutex);
    g_cond_init(&f->gate.changed);
    f->context = g_main_context_new();
    g_main_context_push_thread_default(f->context);
}

static void set_open(Gate *gate, gboolean is_open)
{
    g_mutex_lock(&gate->mutex);
    gate->is_open = is_open;
    g_cond_broadcast(&gate->changed);
    g_mutex_unlock(&gate->mutex);
}

static guint n_cleared(Gate *gate)
{
    guint n;

    g_mutex_lock(&gate->mutex);
    n = gate->n_cleared;
    g_mutex_unlock(&gate->mutex);
    return n;
}

/* Until no thread is left, none holds the domain, and none is about to free its arguments. */
static void tear_down(Fixture *f, gconstpointer data)
{
    set_open(&f->gate, TRUE);
    while (vh_call_count() > 0)
        g_usleep(1000);
    g_main_context_pop_thread_default(f->context);
    g_main_context_unref(f->context);
    while (n_cleared(&f->gate) < f->n_gated)
        g_usleep(1000);
    g_assert_cmpint(virDomainFree(f->domain), ==, 0);
    g_assert_cmpint(virConnectClose(f->connection), ==, 0);
    g_mutex_clear(&f->gate.mutex);
    g_cond_clear(&f->gate.changed);
    g_clear_error(&f->error);
}

static gboolean work(gpointer handle, gpointer data, GError **error)
{
    Args *args = data;

    if (args->gate) {
        g_mutex_lock(&args->gate->mutex);
        args->gate->n_inside++;
        while (!args->gate->is_open)
            g_cond_wait(&args->gate->changed, &args->gate->mutex);
        args->gate->n_inside--;
        g_mutex_unlock(&args->gate->mutex);
    }
    if (args->fails) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_PROTOCOL, "as told");
        return FALSE;
    }
    g_assert_cmpstr(virDomainGetName(handle), ==, "test");
    args->number++;
    return TRUE;
}

static void clear(gpointer data)
{
    Args *args = data;

    if (!args->gate)
        return;
    g_mutex_lock(&args->gate->mutex);
    args->gate->n_cleared++;
    g_mutex_unlock(&args->gate->mutex);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *f = data;
    const Args *args;

    g_assert_null(source);
    g_clear_error(&f->error);
    args = vh_call_finish(result, work, &f->error);
    g_assert_true((args == NULL) == (f->error != NULL));
    f->number = args ? args->number : 0;
    f->answered_on = g_thread_self();
    f->n_answers++;
}

static void start(Fixture *f, const Args *args, gint64 timeout_us, GCancellable *cancellable)
{
    const VhCallOptions options = {timeout_us, cancellable, on_answer, f};

    f->n_gated += args->gate != NULL;
    vh_call_on_domain(f->domain, work, args, sizeof *args, clear, &options);
}

static void await(Fixture *f, guint n_answers)
{
    while (f->n_answers < n_answers)
        g_main_context_iteration(f->context, TRUE);
}

/* Until all threads have ended, and so many arguments were freed. */
static void settle(Fixture *f, guint n)
{
    while (vh_call_count() > 0 || n_cleared(&f->gate) < n) {
        (void)g_main_context_iteration(f->context, FALSE);
        g_usleep(1000);
    }
    g_assert_cmpuint(f->gate.n_cleared, ==, n);
}

static void assert_quiet(Fixture *f)
{
    guint n_before = f->n_answers;

    while (g_main_context_iteration(f->context, FALSE))
        continue;
    g_assert_cmpuint(f->n_answers, ==, n_before);
}

static void test_answer(Fixture *f, gconstpointer data)
{
    const Args good = {.number = 41}, bad = {.fails = TRUE};

    start(f, &good, 0, NULL);
    g_assert_cmpuint(f->n_answers, ==, 0);
    await(f, 1);
    g_assert_no_error(f->error);
    g_assert_cmpuint(f->number, ==, 42);
    g_assert_true(f->answered_on == g_thread_self());
    start(f, &bad, G_MAXINT64, NULL); /* as good as for ever */
    await(f, 2);
    g_assert_error(f->error, VH_ERROR, VH_ERROR_PROTOCOL);
    assert_quiet(f);
}

/* The thread stays behind with its arguments and its domain; what it brings is thrown away. */
static void test_deadline(Fixture *f, gconstpointer data)
{
    const Args args = {.gate = &f->gate};

    start(f, &args, 20 * VH_MS, NULL);
    await(f, 1);
    g_assert_error(f->error, VH_ERROR, VH_ERROR_TIMEOUT);
    g_assert_cmpuint(vh_call_count(), ==, 1);
    g_assert_cmpuint(f->gate.n_cleared, ==, 0);
    set_open(&f->gate, TRUE);
    settle(f, 1);
    assert_quiet(f);
}

static gboolean cancel(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
    return G_SOURCE_REMOVE;
}

static void test_cancel(Fixture *f, gconstpointer data)
{
    const Args args = {.gate = &f->gate};
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GSource) source = g_idle_source_new();

    g_source_set_callback(source, cancel, cancellable, NULL);
    g_source_attach(source, f->context);
    start(f, &args, 0, cancellable);
    await(f, 1);
    g_assert_error(f->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpuint(vh_call_count(), ==, 1);
    set_open(&f->gate, TRUE);
    settle(f, 1);
    assert_quiet(f);
    /* One that was cancelled before is not begun. */
    start(f, &args, 0, cancellable);
    g_assert_cmpuint(f->n_answers, ==, 1);
    g_assert_cmpuint(vh_call_count(), ==, 0);
    await(f, 2);
    g_assert_error(f->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void test_invalid(Fixture *f, gconstpointer data)
{
    const Args args = {0};

    start(f, &args, -1, NULL);
    g_assert_cmpuint(f->n_answers, ==, 0);
    await(f, 1);
    g_assert_error(f->error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_cmpuint(vh_call_count(), ==, 0);
}

/* Those that hang do not take all threads there are; once they are back, it goes on. */
static void test_bounded(Fixture *f, gconstpointer data)
{
    const Args stuck = {.gate = &f->gate}, free = {.number = 1};

    for (guint i = 0; i < VH_ASYNC_MAX; i++)
        start(f, &stuck, 1, NULL);
    await(f, VH_ASYNC_MAX);
    g_assert_error(f->error, VH_ERROR, VH_ERROR_TIMEOUT);
    g_assert_cmpuint(vh_call_count(), ==, VH_ASYNC_MAX);
    start(f, &free, 0, NULL);
    await(f, VH_ASYNC_MAX + 1);
    g_assert_error(f->error, VH_ERROR, VH_ERROR_BUSY);
    g_assert_cmpuint(vh_call_count(), ==, VH_ASYNC_MAX);
    set_open(&f->gate, TRUE);
    settle(f, VH_ASYNC_MAX);
    start(f, &free, 0, NULL);
    await(f, VH_ASYNC_MAX + 2);
    g_assert_no_error(f->error);
    assert_quiet(f);
}

#define CHAINED 40000

/* Goes on with the next one, as who has many to make does with as many at a time as there may be.
 */
static void on_chained(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *f = data;
    const Args next = {.number = 1};
    const VhCallOptions options = {0, NULL, on_chained, f};
    g_autoptr(GError) error = NULL;

    (void)vh_call_finish(result, work, &error);
    g_assert_no_error(error);
    if (++f->n_answers + VH_ASYNC_MAX <= CHAINED)
        vh_call_on_domain(f->domain, work, &next, sizeof next, clear, &options);
}

/* Whose answer has come counts no more. */
static void test_chained(Fixture *f, gconstpointer data)
{
    const Args first = {.number = 1};
    const VhCallOptions options = {0, NULL, on_chained, f};

    for (guint i = 0; i < VH_ASYNC_MAX; i++)
        vh_call_on_domain(f->domain, work, &first, sizeof first, clear, &options);
    await(f, CHAINED);
}

static gpointer run_context(gpointer data)
{
    Fixture *f = data;

    while (g_atomic_int_get(&f->n_answers) < 200)
        g_main_context_iteration(NULL, TRUE);
    return NULL;
}

/* A thread without a context of its own has the default one, which another one may be running:
 * answers come while it starts more. */
static void test_elsewhere(Fixture *f, gconstpointer data)
{
    const Args args = {0};
    GThread *runner;

    g_main_context_pop_thread_default(f->context);
    for (guint i = 0; i < 10; i++)
        start(f, &args, 1, NULL);
    runner = g_thread_new("runner", run_context, f);
    for (guint i = 0; i < 190; i++)
        start(f, &args, i % 2 ? 1 : 0, NULL);
    g_thread_join(runner);
    g_assert_cmpuint(f->n_answers, ==, 200);
    g_assert_true(f->answered_on != g_thread_self());
    g_main_context_push_thread_default(f->context);
}

/* A context that nobody runs any more takes what was not answered with it. */
static void test_forgotten(Fixture *f, gconstpointer data)
{
    const Args args = {.gate = &f->gate};

    start(f, &args, 0, NULL);
    f->n_gated = 0; /* its arguments stay with the context that nobody runs */
    g_main_context_pop_thread_default(f->context);
    g_main_context_unref(f->context);
    set_open(&f->gate, TRUE);
    while (vh_call_count() > 0)
        g_usleep(1000);
    g_assert_cmpuint(f->n_answers, ==, 0);
    f->context = g_main_context_new();
    g_main_context_push_thread_default(f->context);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*run)(Fixture *f, gconstpointer data);
    } tests[] = {
        {"/call/answer", test_answer},       {"/call/deadline", test_deadline},
        {"/call/cancel", test_cancel},       {"/call/invalid", test_invalid},
        {"/call/bounded", test_bounded},     {"/call/elsewhere", test_elsewhere},
        {"/call/forgotten", test_forgotten}, {"/call/chained", test_chained},
    };

    g_test_init(&argc, &argv, NULL);
    vh_libvirt_init();
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
