/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virthintd and virthint on guests of tier native: a patched QEMU below libvirt, our driver inside.
 * They are asked by passes, by plan and by hand, and what is in the way is told.
 */
#include "daemon-fixture.h"
#include "device-fixture.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#define FREED_MIB 400
/* Of what was freed, what has to come back: an ask is for what is expected, which is less. */
#define MOST_BYTES ((guint64)FREED_MIB * 7 / 10 * VH_MIB)
#define LOOK_US (2 * VH_MS)
/* What the driver had told the device before its guest was stopped may still end the pass. */
#define SETTLE_US (500 * VH_MS)
#define TRIES 5

typedef struct {
    DaemonFixture daemon;
    Device guest;
    char *module; /* NULL: there is none, and the test is skipped */
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    const char *modules = g_getenv("VH_GUEST_MODULES");
    g_autofree char *path =
        g_build_filename(modules ? modules : "/nonexistent", "6.1", "virtio_balloon.ko", NULL);

    daemon_fixture_set_up(&fixture->daemon, NULL);
    if (!device_patched_qemu())
        g_test_skip("no patched QEMU: tools/qemu-build makes one, and VH_QEMU names it");
    else if (!g_file_test(path, G_FILE_TEST_EXISTS))
        g_test_skip("no driver: tools/guest-build makes one, and VH_GUEST_MODULES names its place");
    else
        fixture->module = g_steal_pointer(&path);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    if (fixture->guest.guest)
        device_stop(&fixture->guest);
    daemon_fixture_tear_down(&fixture->daemon, NULL);
    g_free(fixture->module);
}

/* A guest of 1 GiB whose reporting is off, so that the host still backs what it has freed. */
static void start_guest(Fixture *fixture, const char *module)
{
    const DeviceOptions options = {
        .memory_bytes = VH_GIB,
        .reporting = TRUE,
        .properties = TRUE,
        .balloon_module = module,
        .stats_period_s = 1,
    };

    device_start(&fixture->guest, &options);
}

static void free_memory(Fixture *fixture)
{
    g_autofree char *program =
        g_strdup_printf("seed 5\nalloc kept 50MiB\nalloc gone %uMiB\nfree gone\n", FREED_MIB);

    device_set(&fixture->guest, FALSE);
    device_work(&fixture->guest, program);
}

/* A budget that is exceeded by far, or one that never is. */
static void write_policy(Fixture *fixture, const char *budget, const char *more)
{
    g_autofree char *text = g_strdup_printf(
        "{\"version\": 1, \"interval\": \"1s\", \"defaults\": {\"stats_period\": \"1s\"},\n"
        " \"pool\": {\"source\": \"budget\", \"budget\": \"%s\"},\n"
        " \"classes\": {\"batch\": {\"cooldown\": \"1s\", \"granule\": \"64KiB\",\n"
        "                       \"reporting\": \"leave\"}},\n"
        " \"match\": [{\"name\": \"device-*\", \"class\": \"batch\"}]%s}\n",
        budget, more);

    daemon_fixture_write_policy(&fixture->daemon, text);
}

#define ALLOW ", \"monitor\": \"allow\""
#define SHORT_BUDGET "64MiB"
#define AMPLE_BUDGET "64GiB"

static gboolean check_tier(JsonObject *domain, gpointer data)
{
    return g_strcmp0(json_object_get_string_member(domain, "tier"), data) == 0;
}

static gboolean check_reason(JsonObject *domain, gpointer data)
{
    JsonArray *reasons = json_object_get_array_member(domain, "tier_reasons");

    for (guint i = 0; i < json_array_get_length(reasons); i++) {
        if (g_str_equal(json_array_get_string_element(reasons, i), data))
            return TRUE;
    }
    return FALSE;
}

static gboolean is_at_rest(JsonObject *domain, gpointer data)
{
    return !json_object_has_member(domain, "in_flight");
}

static void await(Fixture *fixture, DaemonCheck check, gpointer data)
{
    daemon_fixture_await(&fixture->daemon, fixture->guest.name, check, data);
}

static void assert_log(Fixture *fixture, const char *text)
{
    g_autofree char *log = daemon_fixture_log(&fixture->daemon);

    if (!strstr(log, text))
        g_error("the log has no \"%s\":\n%s", text, log);
}

static void await_log(Fixture *fixture, const char *text)
{
    for (int i = 0; i < VH_LAB_TIMEOUT_MS / 100; i++) {
        g_autofree char *log = daemon_fixture_log(&fixture->daemon);

        if (strstr(log, text))
            return;
        g_usleep(100 * VH_MS);
    }
    assert_log(fixture, text);
}

/* The daemon finds out what the guest is, asks it by passes, and the balloon stays where it is. */
static void test_asked_by_plan(Fixture *fixture, gconstpointer data)
{
    g_autofree char *why = NULL;
    guint64 most_bytes = MOST_BYTES;

    if (!fixture->module)
        return;
    start_guest(fixture, fixture->module);
    free_memory(fixture);
    guint64 before_bytes = daemon_fixture_rss(fixture->guest.guest);
    guint64 balloon_kib = daemon_fixture_balloon_kib(fixture->guest.guest);
    write_policy(fixture, SHORT_BUDGET, ALLOW);
    daemon_fixture_start(&fixture->daemon, NULL);
    await(fixture, check_tier, (gpointer) "native");
    await(fixture, daemon_check_returned, &most_bytes);
    g_assert_cmpuint(daemon_fixture_rss(fixture->guest.guest) + most_bytes, <=,
                     before_bytes + 32 * VH_MIB);
    g_assert_cmpuint(daemon_fixture_balloon_kib(fixture->guest.guest), ==, balloon_kib);
    g_assert_false(daemon_fixture_has_record(fixture->guest.guest));
    assert_log(fixture, " by a pass over blocks of 64.0 KiB or more");
    assert_log(fixture, "(done)");
    g_assert_cmpuint(device_counter(&fixture->guest, "inflated"), ==, 0);
    const char *explain[] = {"explain", fixture->guest.name, NULL};
    g_assert_cmpint(daemon_fixture_run(&fixture->daemon, FALSE, explain, &why, NULL), ==, 0);
    g_assert_nonnull(strstr(why, "Its tier is native"));
    daemon_fixture_stop(&fixture->daemon);
    device_work(&fixture->guest, "verify kept\n");
}

/* Not allowed: nobody is tainted; then allowed, while it runs, and not any more. */
static void test_monitor_refused(Fixture *fixture, gconstpointer data)
{
    if (!fixture->module)
        return;
    start_guest(fixture, fixture->module);
    write_policy(fixture, AMPLE_BUDGET, "");
    daemon_fixture_start(&fixture->daemon, NULL);
    await(fixture, check_reason, (gpointer) "no-monitor");
    g_assert_false(device_is_tainted(fixture->guest.domain));
    write_policy(fixture, AMPLE_BUDGET, ALLOW);
    g_assert_cmpint(kill(fixture->daemon.daemon_pid, SIGHUP), ==, 0);
    await(fixture, check_tier, (gpointer) "native");
    g_assert_true(device_is_tainted(fixture->guest.domain));
    write_policy(fixture, AMPLE_BUDGET, "");
    g_assert_cmpint(kill(fixture->daemon.daemon_pid, SIGHUP), ==, 0);
    await(fixture, check_reason, (gpointer) "no-monitor");
}

/* A stock driver below a patched QEMU: soft, asked by a pulse, and a granule is refused. */
static void test_stock_driver(Fixture *fixture, gconstpointer data)
{
    guint64 some_bytes = FREED_MIB / 2 * VH_MIB;
    g_autofree char *error_text = NULL;

    if (!fixture->module)
        return;
    start_guest(fixture, NULL);
    free_memory(fixture);
    write_policy(fixture, SHORT_BUDGET, ALLOW);
    daemon_fixture_start(&fixture->daemon, NULL);
    await(fixture, check_tier, (gpointer) "soft");
    await(fixture, daemon_check_returned, &some_bytes);
    const char *ask[] = {"ask", fixture->guest.name, "--granule=64KiB", "--wait", NULL};
    write_policy(fixture, AMPLE_BUDGET, ALLOW);
    g_assert_cmpint(kill(fixture->daemon.daemon_pid, SIGHUP), ==, 0);
    await_log(fixture, "policy loaded");
    await(fixture, is_at_rest, NULL);
    g_assert_cmpint(daemon_fixture_run(&fixture->daemon, FALSE, ask, NULL, &error_text), ==, 1);
    g_assert_nonnull(strstr(error_text, "does not know reporting passes"));
}

static JsonObject *outcome_of(const Fixture *fixture, gboolean local, const char *const *arguments)
{
    g_autoptr(JsonObject) document = daemon_fixture_json(&fixture->daemon, local, arguments);
    return json_object_ref(json_object_get_object_member(document, "outcome"));
}

static char *to_text(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    char *text = json_to_string(node, FALSE);

    json_node_unref(node);
    return text;
}

/* For 96 MiB; returns what came back. */
static guint64 ask_for_some(Fixture *fixture, gboolean local)
{
    const char *ask[] = {"ask", fixture->guest.name, "--granule=64KiB", "--bytes=96MiB", "--wait",
                         NULL};
    guint64 before_bytes = daemon_fixture_rss(fixture->guest.guest);
    g_autoptr(JsonObject) outcome = outcome_of(fixture, local, ask);
    g_autoptr(JsonObject) told = device_query(&fixture->guest);
    JsonObject *pass = json_object_get_object_member(told, "pass");
    g_autofree char *text = to_text(outcome), *pass_text = to_text(pass);

    g_test_message("%s; its last pass: %s", text, pass_text);
    g_assert_cmpstr(json_object_get_string_member(outcome, "method"), ==, "pass");
    g_assert_cmpstr(json_object_get_string_member(outcome, "status"), ==, "done");
    gint64 returned = json_object_get_int_member(outcome, "returned_bytes");
    g_assert_cmpint(returned, >=, (gint64)(90 * VH_MIB));
    /* a batch of the driver's more, at most */
    g_assert_cmpint(returned, <=, (gint64)(224 * VH_MIB));
    g_assert_cmpuint(daemon_fixture_rss(fixture->guest.guest) + (guint64)returned, <=,
                     before_bytes + 32 * VH_MIB);
    g_assert_cmpint(json_object_get_int_member(pass, "granule"), ==, 65536);
    return (guint64)returned;
}

/* So much and no more, with and without a daemon; without --granule the policy decides. */
static void test_by_hand(Fixture *fixture, gconstpointer data)
{
    if (!fixture->module)
        return;
    start_guest(fixture, fixture->module);
    free_memory(fixture);
    guint64 sum_bytes = ask_for_some(fixture, TRUE);
    write_policy(fixture, AMPLE_BUDGET, ALLOW);
    daemon_fixture_start(&fixture->daemon, NULL);
    await(fixture, daemon_check_reason, (gpointer) "pool-idle");
    sum_bytes += ask_for_some(fixture, FALSE);
    const char *rest[] = {"ask", fixture->guest.name, "--wait", NULL};
    g_autoptr(JsonObject) outcome = outcome_of(fixture, FALSE, rest);
    g_assert_cmpstr(json_object_get_string_member(outcome, "method"), ==, "pass");
    sum_bytes += (guint64)json_object_get_int_member(outcome, "returned_bytes");
    g_assert_cmpuint(sum_bytes, >=, MOST_BYTES);
    device_work(&fixture->guest, "verify kept\n");
}

/* 0: there was none. */
static gint64 pass_id(Fixture *fixture)
{
    g_autoptr(JsonObject) told = device_query(&fixture->guest);

    if (!json_object_has_member(told, "pass"))
        return 0;
    return json_object_get_int_member(json_object_get_object_member(told, "pass"), "id");
}

static gboolean is_under_way(Fixture *fixture)
{
    g_autoptr(JsonObject) told = device_query(&fixture->guest);
    const char *status =
        json_object_get_string_member(json_object_get_object_member(told, "pass"), "status");

    return g_str_equal(status, "requested") || g_str_equal(status, "running");
}

static char *end_of(Fixture *fixture, pid_t pid, const char *log, int *ret_status)
{
    g_autofree char *path = g_build_filename(vh_lab_dir(fixture->daemon.lab), log, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    int wait_status = -1;

    g_assert_true(vh_lab_stop(pid, 0, VH_LAB_TIMEOUT_MS, &wait_status, &error));
    g_assert_true(WIFEXITED(wait_status));
    *ret_status = WEXITSTATUS(wait_status);
    g_file_get_contents(path, &text, NULL, NULL);
    return text ? text : g_strdup("");
}

/* New pieces of free memory, which take the driver a while. */
static void free_pieces(Fixture *fixture, gboolean is_first)
{
    g_autofree char *program =
        g_strdup_printf("seed 6\n%sfragment pieces 800MiB keep 8KiB of 32KiB\n",
                        is_first ? "alloc kept 50MiB\n" : "free pieces\n");

    device_work(&fixture->guest, program);
}

static pid_t start_ask(Fixture *fixture, gboolean local, const char *deadline, const char *log)
{
    g_autofree char *limit = g_strdup_printf("--deadline=%s", deadline);
    const char *argv[] = {g_getenv("VIRTHINT"),
                          local ? "--connect" : "--bus",
                          local ? vh_lab_uri(fixture->daemon.lab) : fixture->daemon.bus,
                          "ask",
                          fixture->guest.name,
                          "--granule=8KiB",
                          "--wait",
                          limit,
                          NULL};
    g_autoptr(GError) error = NULL;
    pid_t pid;

    if (!vh_lab_spawn(fixture->daemon.lab, argv, NULL, log, &pid, &error))
        g_error("virthint: %s", error->message);
    return pid;
}

/* Waits for a pass other than `old_id`, or for none any longer. */
static void await_pass(Fixture *fixture, gint64 old_id)
{
    gint64 until_us = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;

    while (pass_id(fixture) == old_id) {
        if (g_get_monotonic_time() > until_us)
            g_error("no pass was seen");
        g_usleep(LOOK_US);
    }
}

static void await_end_of_pass(Fixture *fixture)
{
    gint64 until_us = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;

    while (is_under_way(fixture)) {
        if (g_get_monotonic_time() > until_us)
            g_error("the pass does not end");
        g_usleep(LOOK_US);
    }
}

/* Starts "virthint ask" over all free memory, and stops the guest in the middle of the pass; again
 * where the guest was faster. */
static pid_t ask_and_suspend(Fixture *fixture, gboolean local, const char *deadline,
                             const char *log)
{
    for (int i = 0; i < TRIES; i++) {
        gint64 old_id = pass_id(fixture);
        pid_t pid;
        int status;

        free_pieces(fixture, old_id == 0);
        pid = start_ask(fixture, local, deadline, log);
        await_pass(fixture, old_id);
        g_assert_cmpint(virDomainSuspend(fixture->guest.domain), ==, 0);
        g_usleep(SETTLE_US);
        if (is_under_way(fixture))
            return pid;
        g_assert_cmpint(virDomainResume(fixture->guest.domain), ==, 0);
        g_free(end_of(fixture, pid, log, &status));
    }
    g_error("no pass was caught");
}

#define NO_PASS "no reporting pass is running"

static int cancel(Fixture *fixture, char **ret_said)
{
    const char *argv[] = {"ask", fixture->guest.name, "--cancel", NULL};

    return daemon_fixture_run(&fixture->daemon, TRUE, argv, NULL, ret_said);
}

/* What an ask says that is cancelled while its pass is under way; again where the pass ended of
 * itself before the command came to it. */
static char *cancel_in_the_middle(Fixture *fixture, int *ret_status)
{
    for (int i = 0; i < TRIES; i++) {
        g_autofree char *refusal = NULL;
        pid_t pid = ask_and_suspend(fixture, TRUE, "60s", "cancelled.log");

        if (cancel(fixture, &refusal) == 0)
            return end_of(fixture, pid, "cancelled.log", ret_status);
        if (!strstr(refusal, NO_PASS))
            g_error("it cannot be cancelled: %s", refusal);
        g_assert_cmpint(virDomainResume(fixture->guest.domain), ==, 0);
        g_free(end_of(fixture, pid, "cancelled.log", ret_status));
    }
    g_error("no pass was caught");
}

/* Ended from elsewhere: whoever waited is told; and by the deadline, which the device keeps. */
static void test_cancel_and_deadline(Fixture *fixture, gconstpointer data)
{
    g_autofree char *cancelled = NULL, *late = NULL, *none = NULL;
    int status;

    if (!fixture->module)
        return;
    start_guest(fixture, fixture->module);
    device_set(&fixture->guest, FALSE);
    cancelled = cancel_in_the_middle(fixture, &status);
    g_assert_cmpint(status, ==, 1);
    g_assert_nonnull(strstr(cancelled, "somebody else ended the pass"));
    g_assert_cmpint(cancel(fixture, &none), ==, 1);
    g_assert_nonnull(strstr(none, NO_PASS));

    g_assert_cmpint(virDomainResume(fixture->guest.domain), ==, 0);
    pid_t pid = ask_and_suspend(fixture, TRUE, "3s", "late.log");
    late = end_of(fixture, pid, "late.log", &status);
    g_assert_cmpint(status, ==, 1);
    g_assert_nonnull(strstr(late, "timed-out"));
    await_end_of_pass(fixture); /* the device has a clock of its own */
    g_assert_cmpint(virDomainResume(fixture->guest.domain), ==, 0);
    device_work(&fixture->guest, "verify kept\nverify pieces\n");
}

static gboolean is_asked(JsonObject *domain, gpointer data)
{
    return json_object_has_member(domain, "in_flight");
}

/* The daemon ends its own ask: nobody else's doing. */
static void test_cancel_over_the_daemon(Fixture *fixture, gconstpointer data)
{
    g_autofree char *said = NULL;
    int status;

    if (!fixture->module)
        return;
    start_guest(fixture, fixture->module);
    device_set(&fixture->guest, FALSE);
    write_policy(fixture, AMPLE_BUDGET, ALLOW);
    daemon_fixture_start(&fixture->daemon, NULL);
    await(fixture, check_tier, (gpointer) "native");
    const char *cancel[] = {"ask", fixture->guest.name, "--cancel", NULL};
    pid_t pid = ask_and_suspend(fixture, FALSE, "60s", "over-daemon.log");
    await(fixture, is_asked, NULL);
    g_assert_cmpint(daemon_fixture_run(&fixture->daemon, FALSE, cancel, NULL, NULL), ==, 0);
    said = end_of(fixture, pid, "over-daemon.log", &status);
    g_assert_cmpint(status, ==, 1);
    g_assert_nonnull(strstr(said, "cancelled: "));
    g_assert_null(strstr(said, "somebody else"));
    g_assert_cmpint(virDomainResume(fixture->guest.domain), ==, 0);
    device_work(&fixture->guest, "verify kept\nverify pieces\n");
}

/* A migration to somebody who listens, and never reads. */
static GSocketListener *start_migration(Fixture *fixture)
{
    GSocketListener *listener = g_socket_listener_new();
    g_autofree char *path = g_build_filename(vh_lab_dir(fixture->daemon.lab), "nowhere", NULL);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autofree char *command =
        g_strdup_printf("{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"unix:%s\"}}", path);
    g_autoptr(GError) error = NULL;

    g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &error);
    g_assert_no_error(error);
    device_execute(&fixture->guest, command);
    return listener;
}

/* Refused as busy, by hand and by plan; once it is over, the guest is asked again by itself. */
static void test_migration_is_in_the_way(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GSocketListener) listener = NULL;
    g_autofree char *said = NULL;
    guint64 most_bytes = MOST_BYTES;

    if (!fixture->module)
        return;
    start_guest(fixture, fixture->module);
    free_memory(fixture);
    listener = start_migration(fixture);
    const char *ask[] = {"ask", fixture->guest.name, "--granule=2MiB", NULL};
    g_assert_cmpint(daemon_fixture_run(&fixture->daemon, TRUE, ask, &said, NULL), ==, 1);
    g_assert_nonnull(strstr(said, "failed"));
    g_assert_nonnull(strstr(said, "a migration goes on"));
    write_policy(fixture, SHORT_BUDGET, ALLOW);
    daemon_fixture_start(&fixture->daemon, NULL);
    await_log(fixture, "a migration goes on");
    g_assert_cmpuint(device_counter(&fixture->guest, "inflated"), ==, 0);
    device_execute(&fixture->guest, "{\"execute\": \"migrate_cancel\"}");
    await(fixture, daemon_check_returned, &most_bytes);
    device_work(&fixture->guest, "verify kept\n");
}

/* Without a driver nobody is asked; once it is back, passes are. */
static void test_driver_comes_and_goes(Fixture *fixture, gconstpointer data)
{
    guint64 most_bytes = MOST_BYTES;
    g_autofree char *error_text = NULL;
    g_autoptr(GError) error = NULL;

    if (!fixture->module)
        return;
    start_guest(fixture, fixture->module);
    free_memory(fixture);
    write_policy(fixture, AMPLE_BUDGET, ALLOW);
    daemon_fixture_start(&fixture->daemon, NULL);
    await(fixture, check_tier, (gpointer) "native");
    if (!vh_lab_guest_unload_module(fixture->guest.guest, "virtio_balloon", &error))
        g_error("%s", error->message);
    await(fixture, check_reason, (gpointer) "no-driver");
    const char *ask[] = {"ask", fixture->guest.name, "--granule=2MiB", NULL};
    g_assert_cmpint(daemon_fixture_run(&fixture->daemon, FALSE, ask, NULL, &error_text), ==, 1);
    g_assert_nonnull(strstr(error_text, "no-driver"));
    if (!vh_lab_guest_load_module(fixture->guest.guest, "virtio_balloon", &error))
        g_error("%s", error->message);
    await(fixture, check_tier, (gpointer) "native");
    write_policy(fixture, SHORT_BUDGET, ALLOW);
    g_assert_cmpint(kill(fixture->daemon.daemon_pid, SIGHUP), ==, 0);
    await(fixture, daemon_check_returned, &most_bytes);
    device_work(&fixture->guest, "verify kept\n");
}

/* A guest that is left alone but for its reporting. */
static void write_reporting(Fixture *fixture, const char *budget, const char *mode,
                            const char *monitor)
{
    g_autofree char *text = g_strdup_printf(
        "{\"version\": 1, \"interval\": \"1s\", \"defaults\": {\"stats_period\": \"1s\"},\n"
        " \"monitor\": \"%s\", \"pool\": {\"source\": \"budget\", \"budget\": \"%s\"},\n"
        " \"classes\": {\"batch\": {\"keep_free\": \"1TiB\", \"reporting\": \"%s\"}},\n"
        " \"match\": [{\"name\": \"device-*\", \"class\": \"batch\"}]}\n",
        monitor, budget, mode);

    daemon_fixture_write_policy(&fixture->daemon, text);
}

static gboolean check_switch(JsonObject *domain, gpointer data)
{
    return g_strcmp0(json_object_get_string_member_with_default(domain, "switch", ""), data) == 0;
}

static gboolean is_reporting(Fixture *fixture)
{
    g_autoptr(JsonObject) told = device_query(&fixture->guest);
    return json_object_get_boolean_member(told, "enabled");
}

/* Starts a daemon that remembers nothing of the switches before. */
static void start_afresh(Fixture *fixture)
{
    g_autofree char *state = g_build_filename(fixture->daemon.folder, "state.json", NULL);

    g_assert_true(g_unlink(state) == 0 || errno == ENOENT);
    daemon_fixture_start(&fixture->daemon, NULL);
}

/* On while memory is short, and off in a class that says so; but not at once after each other. */
static void test_reporting_is_switched(Fixture *fixture, gconstpointer data)
{
    if (!fixture->module)
        return;
    start_guest(fixture, fixture->module);
    device_set(&fixture->guest, FALSE);
    write_reporting(fixture, AMPLE_BUDGET, "always", "refuse");
    start_afresh(fixture);
    await(fixture, check_reason, (gpointer) "no-monitor");
    g_assert_false(is_reporting(fixture));
    write_reporting(fixture, SHORT_BUDGET, "auto", "allow");
    g_assert_cmpint(kill(fixture->daemon.daemon_pid, SIGHUP), ==, 0);
    await_log(fixture, "reporting off -> on");
    assert_log(fixture, "(pressure)");
    g_assert_true(is_reporting(fixture));

    /* the class says no, but the dwell comes first */
    write_reporting(fixture, SHORT_BUDGET, "off", "allow");
    g_assert_cmpint(kill(fixture->daemon.daemon_pid, SIGHUP), ==, 0);
    await(fixture, check_switch, (gpointer) "dwell");
    g_assert_true(is_reporting(fixture));
    daemon_fixture_stop(&fixture->daemon);
    start_afresh(fixture);
    await_log(fixture, "reporting on -> off");
    assert_log(fixture, "(off)");
    g_assert_false(is_reporting(fixture));
    daemon_fixture_stop(&fixture->daemon);
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/native/asked-by-plan", test_asked_by_plan);
    add("/native/monitor-refused", test_monitor_refused);
    add("/native/stock-driver", test_stock_driver);
    add("/native/by-hand", test_by_hand);
    add("/native/cancel-and-deadline", test_cancel_and_deadline);
    add("/native/cancel-over-the-daemon", test_cancel_over_the_daemon);
    add("/native/migration-is-in-the-way", test_migration_is_in_the_way);
    add("/native/driver-comes-and-goes", test_driver_comes_and_goes);
    add("/native/reporting-is-switched", test_reporting_is_switched);
    return g_test_run();
}
