/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Switches that cannot be made are told of, once each, and never twice at the same guest. Over
 * libvirt's built-in test driver, whose guests have no monitor. */
#include "vh-switches.h"

#include <string.h>

#define URI "test:///default"
#define TIMEOUT_US (30 * G_USEC_PER_SEC)

typedef struct {
    GPtrArray *watches;
    VhSwitches *switches;
    VhDomain domain;
    GArray *codes; /* int: of the errors that were told, in their order; -1: none */
    GString *messages;
} Bench;

static void on_switched(const VhSwitched *switched, const GError *error, gpointer data)
{
    Bench *bench = data;
    int code = error ? error->code : -1;

    g_assert_true(vh_uuid_equal(&switched->uuid, &bench->domain.uuid));
    g_assert_cmpstr(switched->name, ==, "test");
    g_assert_true(switched->is_on);
    g_assert_cmpint(switched->reason, ==, VH_TOGGLE_PRESSURE);
    g_array_append_val(bench->codes, code);
    g_string_append_printf(bench->messages, "%s\n", error ? error->message : "done");
}

static void iterate(void)
{
    g_main_context_iteration(NULL, FALSE);
    g_usleep(1000);
}

/* Waits till the watch has seen the one guest. */
static void find_guest(Bench *bench, VhWatch *watch)
{
    gint64 end_us = g_get_monotonic_time() + TIMEOUT_US;
    guint n = 0;

    while (n == 0) {
        g_autoptr(VhWatchView) view = vh_watch_get_view(watch);
        const VhWatchDomain *domains = view ? vh_watch_view_domains(view, &n) : NULL;

        if (n > 0)
            bench->domain.uuid = domains[0].uuid;
        vh_watch_poll(watch);
        iterate();
        g_assert_cmpint(g_get_monotonic_time(), <, end_us);
    }
}

static void set_up(Bench *bench, gconstpointer data)
{
    const VhWatchOptions options = {.uri = URI};
    const VhWatchCallbacks callbacks = {0};

    vh_watch_init();
    bench->watches = g_ptr_array_new_with_free_func((GDestroyNotify)vh_watch_free);
    g_ptr_array_add(bench->watches, vh_watch_new(&options, &callbacks, NULL));
    bench->domain = (VhDomain){.uri = URI, .name = "test"};
    find_guest(bench, bench->watches->pdata[0]);
    bench->codes = g_array_new(FALSE, FALSE, sizeof(int));
    bench->messages = g_string_new(NULL);
    bench->switches = vh_switches_new(bench->watches, on_switched, bench);
}

static void tear_down(Bench *bench, gconstpointer data)
{
    vh_switches_free(bench->switches);
    g_ptr_array_unref(bench->watches);
    g_array_unref(bench->codes);
    g_string_free(bench->messages, TRUE);
}

static void start(Bench *bench)
{
    const VhToggle toggle = {
        .uuid = bench->domain.uuid, .is_on = TRUE, .reason = VH_TOGGLE_PRESSURE};

    vh_switches_start(bench->switches, &bench->domain, &toggle, VH_MONITOR_ALLOW);
}

static void await(Bench *bench, guint n)
{
    gint64 end_us = g_get_monotonic_time() + TIMEOUT_US;

    while (bench->codes->len < n) {
        iterate();
        g_assert_cmpint(g_get_monotonic_time(), <, end_us);
    }
    g_test_message("%s", bench->messages->str);
    g_assert_cmpuint(bench->codes->len, ==, n);
}

static guint count(const Bench *bench, int code)
{
    guint n = 0;

    for (guint i = 0; i < bench->codes->len; i++)
        n += g_array_index(bench->codes, int, i) == code;
    return n;
}

static void test_no_monitor(Bench *bench, gconstpointer data)
{
    start(bench);
    g_assert_cmpuint(bench->codes->len, ==, 0); /* never from within the call */
    await(bench, 1);
    g_assert_cmpuint(count(bench, VH_ERROR_UNSUPPORTED), ==, 1);
}

static void test_unknown_connection(Bench *bench, gconstpointer data)
{
    bench->domain.uri = "test:///elsewhere";
    start(bench);
    await(bench, 1);
    g_assert_cmpuint(count(bench, VH_ERROR_GONE), ==, 1);
    g_assert_nonnull(strstr(bench->messages->str, "test:///elsewhere"));
}

static void test_one_at_a_time(Bench *bench, gconstpointer data)
{
    start(bench);
    start(bench);
    await(bench, 2);
    g_assert_cmpuint(count(bench, VH_ERROR_BUSY), ==, 1);
    g_assert_cmpuint(count(bench, VH_ERROR_UNSUPPORTED), ==, 1);
    start(bench); /* and after it, again */
    await(bench, 3);
    g_assert_cmpuint(count(bench, VH_ERROR_UNSUPPORTED), ==, 2);
}

/* Whoever lets go is told no more, and nothing is left behind. */
static void test_let_go(Bench *bench, gconstpointer data)
{
    start(bench);
    g_clear_pointer(&bench->switches, vh_switches_free);
    bench->switches = vh_switches_new(bench->watches, on_switched, bench);
    start(bench);
    await(bench, 1);
    for (guint i = 0; i < 100; i++)
        iterate();
    g_assert_cmpuint(bench->codes->len, ==, 1);
}

static void add(const char *path, void (*test)(Bench *, gconstpointer))
{
    g_test_add(path, Bench, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/switches/no-monitor", test_no_monitor);
    add("/switches/unknown-connection", test_unknown_connection);
    add("/switches/one-at-a-time", test_one_at_a_time);
    add("/switches/let-go", test_let_go);
    return g_test_run();
}
