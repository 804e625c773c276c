/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's examples on a guest of tier native, each as a program of its own: what they print
 * is what they did.
 */
#include "driver-fixture.h"

#include <string.h>

#define KERNEL "6.1"
#define SOME_BYTES (200 * VH_MIB)

typedef struct {
    Device guest;
    gboolean is_set_up;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    if (driver_is_skipped())
        return;
    if (!g_getenv("VH_EXAMPLES")) {
        g_test_skip("VH_EXAMPLES names no folder with the built examples");
        return;
    }
    driver_start_whole(&f->guest, KERNEL, (DeviceOptions){.stats_period_s = 1});
    f->is_set_up = TRUE;
}

static void tear_down(Fixture *f, gconstpointer data)
{
    if (f->is_set_up)
        device_stop(&f->guest);
}

/* What "example-NAME URI DOMAIN ARGUMENT" (NULL: none) prints; its exit status must be 0. */
static char *run(Fixture *f, const char *name, const char *argument)
{
    g_autofree char *program = g_strdup_printf("%s/example-%s", g_getenv("VH_EXAMPLES"), name);
    const char *argv[] = {program, vh_lab_uri(f->guest.lab), f->guest.name, argument, NULL};
    g_autofree char *error_text = NULL;
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    int status;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &text,
                               &error_text, &status, &error));
    g_test_message("%s: %s%s", name, text, error_text);
    if (!g_spawn_check_wait_status(status, &error))
        g_error("%s: %s", name, error->message);
    return text;
}

static void assert_says(Fixture *f, const char *name, const char *argument, const char *expected)
{
    g_autofree char *text = run(f, name, argument);

    if (!g_regex_match_simple(expected, text, G_REGEX_MULTILINE, 0))
        g_error("%s says '%s' and not '%s'", name, text, expected);
}

static void free_memory(Fixture *f)
{
    device_set(&f->guest, FALSE);
    device_work(&f->guest, DRIVER_KEEP DRIVER_ALLOC DRIVER_FREE);
    device_settle(&f->guest);
}

/* By a pulse in one, by a pass in the other: as told, and as it is. */
static void test_ask(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    guint64 before_bytes;

    if (!f->is_set_up)
        return;
    free_memory(f);
    g_assert_true(vh_lab_guest_wait_fresh_stats(f->guest.guest, VH_LAB_TIMEOUT_MS, &error));
    before_bytes = vh_lab_guest_rss_bytes(f->guest.guest);
    assert_says(f, "ask-one", NULL, "^[0-9]+ bytes so far$");
    g_assert_cmpuint(device_await_rss_below(&f->guest, before_bytes - SOME_BYTES), <=,
                     before_bytes - SOME_BYTES);
    device_work(&f->guest, "verify keep\n" DRIVER_ALLOC DRIVER_FREE);
    before_bytes = device_settle(&f->guest);
    assert_says(f, "ask-async", NULL,
                "^its tier is native\ndone: [1-9][0-9]{8} bytes came back by a pass$");
    g_assert_cmpuint(device_await_rss_below(&f->guest, before_bytes - SOME_BYTES), <=,
                     before_bytes - SOME_BYTES);
    device_work(&f->guest, "verify keep\n");
}

static void test_reporting(Fixture *f, gconstpointer data)
{
    if (!f->is_set_up)
        return;
    /* The guest follows a moment later, which the fixture waits for. */
    assert_says(f, "reporting", "off", "^reporting is off, ");
    driver_set(&f->guest, FALSE);
    assert_says(f, "reporting", NULL, "^reporting is off, and not in force; ");
    assert_says(f, "reporting", "on", "^reporting is on, ");
    driver_set(&f->guest, TRUE);
    assert_says(f, "reporting", NULL, "^reporting is on, and in force; ");
}

/* The first says why it is no higher: nobody asked its QEMU. */
static void test_look(Fixture *f, gconstpointer data)
{
    if (!f->is_set_up)
        return;
    assert_says(f, "probe-all", NULL, "^device-[0-9]+: pulse: .*QEMU");
    assert_says(f, "policy", "class=perf", " class=\"perf\"/>$");
}

/* What C wrote, Python changes; a guest's class by that is the command's, too. */
static void test_python(Fixture *f, gconstpointer data)
{
    const char *program = VH_SOURCE_ROOT "/libvirt-plugin/examples/hint.py";
    const char *argv[] = {program, vh_lab_uri(f->guest.lab), f->guest.name, NULL};
    g_autofree char *text = NULL, *error_text = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    if (!f->is_set_up)
        return;
    if (!g_spawn_command_line_sync("/usr/bin/python3 -c 'import libvirt'", NULL, &text, &status,
                                   NULL) ||
        status != 0) {
        g_test_skip("python3-libvirt is missing: tools/setup --for lint");
        return;
    }
    g_clear_pointer(&text, g_free);
    assert_says(f, "policy", "class=perf", " class=\"perf\"/>$");
    argv[1] = vh_lab_uri(f->guest.lab);
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &text,
                               &error_text, &status, &error));
    g_test_message("%s%s", text, error_text);
    g_assert_true(g_spawn_check_wait_status(status, &error));
    g_assert_nonnull(strstr(text, "<policy class=\"batch\"/>"));
    g_assert_true(g_regex_match_simple(": class batch, tier pulse, [1-9][0-9]+ bytes", text, 0, 0));
}

/* A line for what another program does. */
static void test_events(Fixture *f, gconstpointer data)
{
    g_autofree char *program = g_strdup_printf("%s/example-events", g_getenv("VH_EXAMPLES"));
    const char *argv[] = {program, vh_lab_uri(f->guest.lab), NULL};
    g_autofree char *path = NULL, *text = NULL;
    gint64 until_us = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;
    g_autoptr(GError) error = NULL;
    gboolean is_on = TRUE;
    pid_t pid;

    if (!f->is_set_up)
        return;
    path = g_build_filename(vh_lab_dir(f->guest.lab), "events", NULL);
    g_assert_true(vh_lab_spawn(f->guest.lab, argv, NULL, "events", &pid, &error));
    /* From some moment on it listens. */
    do {
        g_assert_cmpint(g_get_monotonic_time(), <, until_us);
        is_on = !is_on;
        device_set(&f->guest, is_on);
        g_usleep(VH_SEC);
        g_clear_pointer(&text, g_free);
        g_file_get_contents(path, &text, NULL, NULL);
    } while (!text || !strstr(text, "reporting-changed device-"));
    g_assert_true(vh_lab_libvirtd_kill9(f->guest.lab, &error));
    int status;
    g_assert_true(vh_lab_stop(pid, 0, VH_LAB_TIMEOUT_MS, &status, &error));
    g_clear_pointer(&text, g_free);
    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    g_assert_true(g_str_has_suffix(text, "\nlost -\n"));
    g_assert_true(vh_lab_libvirtd_start(f->guest.lab, &error));
}

static void add(const char *path, void (*test)(Fixture *f, gconstpointer data))
{
    g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/library-examples/ask", test_ask);
    add("/library-examples/reporting", test_reporting);
    add("/library-examples/look", test_look);
    add("/library-examples/python", test_python);
    add("/library-examples/events", test_events);
    return g_test_run();
}
