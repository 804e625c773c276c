/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virthintd over real guests: who is asked, who is not, and what happens when things break. */
#include "daemon-fixture.h"

#include <signal.h>
#include <string.h>

/* Bounds in bytes, so that the level follows from the budget alone. */
static char *policy_text(guint64 budget_bytes, guint64 low_exit_mib, const char *more)
{
    return g_strdup_printf("{\"version\": 1, \"interval\": \"1s\", \"max_in_flight\": 4,\n"
                           " \"defaults\": {\"stats_period\": \"1s\"},\n"
                           " \"pool\": {\"source\": \"budget\", \"budget\": \"%" G_GUINT64_FORMAT
                           "\",\n"
                           "  \"dwell\": \"1s\", \"levels\": {\n"
                           "  \"proactive\": {\"enter\": \"%uMiB\", \"exit\": \"%uMiB\"},\n"
                           "  \"low\": {\"enter\": \"%uMiB\", \"exit\": \"%uMiB\"},\n"
                           "  \"high\": {\"enter\": \"20MiB\", \"exit\": \"25MiB\"},\n"
                           "  \"critical\": {\"enter\": \"10MiB\", \"exit\": \"15MiB\"}}},\n"
                           " \"classes\": {\"batch\": {\"cooldown\": \"1s\"}},\n"
                           " \"match\": [{\"name\": \"ci-*\", \"class\": \"batch\"},\n"
                           "            {\"name\": \"db*\", \"class\": \"perf\"}]%s}\n",
                           budget_bytes, (guint)low_exit_mib + 1, (guint)low_exit_mib + 2,
                           (guint)low_exit_mib - 5, (guint)low_exit_mib, more);
}

static void write_policy(DaemonFixture *fixture, guint64 budget_bytes, guint64 low_exit_mib)
{
    g_autofree char *text = policy_text(budget_bytes, low_exit_mib, "");

    daemon_fixture_write_policy(fixture, text);
}

static guint64 sum_of_rss(VhLabGuest *const *guests, guint n)
{
    guint64 sum = 0;

    for (guint i = 0; i < n; i++)
        sum += daemon_fixture_rss(guests[i]);
    return sum;
}

static void free_guests(VhLabGuest **guests, guint n)
{
    for (guint i = 0; i < n; i++)
        vh_lab_guest_free(guests[i]);
}

/* A guest of 768 MiB that has freed 400 of them, and keeps 50 that must stay as they are. */
static VhLabGuest *guest_with_freed_memory(DaemonFixture *fixture, const char *name)
{
    VhLabGuest *guest = daemon_fixture_guest(fixture, name, 768, NULL);

    daemon_fixture_work(guest, "seed 1\nalloc kept 50MiB\nalloc gone 400MiB\nfree gone\n");
    return guest;
}

static gboolean was_never_asked(JsonObject *domain, gpointer data)
{
    return !json_object_has_member(domain, "last_ask") &&
           !json_object_has_member(domain, "in_flight");
}

static void test_order(DaemonFixture *fixture, gconstpointer data)
{
    VhLabGuest *guests[] = {guest_with_freed_memory(fixture, "ci-1"),
                            guest_with_freed_memory(fixture, "ci-2"),
                            guest_with_freed_memory(fixture, "db")};
    guint64 some = 10 * VH_MIB, most = 150 * VH_MIB;

    /* 60 MiB are left, 400 wanted: low, but far from critical */
    write_policy(fixture, sum_of_rss(guests, 3) + 60 * VH_MIB, 400);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "ci-1", daemon_check_returned, &some);
    daemon_fixture_await(fixture, "ci-2", daemon_check_returned, &some);
    daemon_fixture_await(fixture, "db", was_never_asked, NULL);
    g_autofree char *log = daemon_fixture_log(fixture);
    g_assert_nonnull(strstr(log, "db: not asked: its class is asked at a higher level only"));

    /* now nothing is left, and its level is reached */
    write_policy(fixture, VH_GIB / 2, 400);
    g_assert_cmpint(kill(fixture->daemon_pid, SIGHUP), ==, 0);
    daemon_fixture_await(fixture, "db", daemon_check_returned, &most);
    daemon_fixture_stop(fixture);
    for (guint i = 0; i < 3; i++)
        daemon_fixture_work(guests[i], "verify kept\n");
    free_guests(guests, 3);
}

static void test_metadata_changes_class(DaemonFixture *fixture, gconstpointer data)
{
    VhLabGuest *guest = guest_with_freed_memory(fixture, "web");
    g_autoptr(GError) error = NULL;
    guint64 least = 150 * VH_MIB;

    write_policy(fixture, VH_GIB / 2, 400);
    virDomainPtr domain = vh_lab_guest_domain(guest, &error);
    g_assert_no_error(error);
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                         "<policy class='exempt'/>", "virthint",
                                         "urn:virthint:policy:1", VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    daemon_fixture_start(fixture, NULL);
    /* the built-in policy does not let metadata choose "exempt" */
    daemon_fixture_await(fixture, "web", daemon_check_returned, &least);
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                         "<policy ask='never'/>", "virthint",
                                         "urn:virthint:policy:1", VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    daemon_fixture_await(fixture, "web", daemon_check_reason, "never");
    virDomainFree(domain);
    vh_lab_guest_free(guest);
}

static void test_hung_guest(DaemonFixture *fixture, gconstpointer data)
{
    const char *names[] = {"ci-1", "ci-2", "ci-3", "ci-4"};
    VhLabGuest *guests[4];
    g_autoptr(GError) error = NULL;
    guint64 least = 150 * VH_MIB;

    for (guint i = 0; i < 4; i++)
        guests[i] = guest_with_freed_memory(fixture, names[i]);
    write_policy(fixture, sum_of_rss(guests, 4) + 2 * VH_GIB, 400); /* idle */
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "ci-4", daemon_check_reason, "pool-idle");
    g_assert_true(vh_lab_guest_hang(guests[3], &error));
    daemon_fixture_await(fixture, "ci-4", daemon_check_hung, NULL);

    write_policy(fixture, VH_GIB / 2, 400);
    g_assert_cmpint(kill(fixture->daemon_pid, SIGHUP), ==, 0);
    for (guint i = 0; i < 3; i++)
        daemon_fixture_await(fixture, names[i], daemon_check_returned, &least);
    daemon_fixture_await(fixture, "ci-4", daemon_check_reason, "hung");

    g_assert_true(vh_lab_guest_unhang(guests[3], &error));
    daemon_fixture_await(fixture, "ci-4", daemon_check_answers, NULL);
    daemon_fixture_await(fixture, "ci-4", daemon_check_returned, &least);
    for (guint i = 0; i < 4; i++)
        daemon_fixture_work(guests[i], "verify kept\n");
    free_guests(guests, 4);
}

static void test_libvirtd_restarts(DaemonFixture *fixture, gconstpointer data)
{
    VhLabGuest *guest = guest_with_freed_memory(fixture, "ci-1");
    g_autoptr(GError) error = NULL;
    guint64 least = 150 * VH_MIB;

    write_policy(fixture, 64 * VH_GIB, 400); /* idle */
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "ci-1", daemon_check_reason, "pool-idle");
    g_assert_true(vh_lab_libvirtd_kill9(fixture->lab, &error));
    write_policy(fixture, VH_GIB / 2, 400);
    g_assert_cmpint(kill(fixture->daemon_pid, SIGHUP), ==, 0);
    g_assert_true(vh_lab_libvirtd_start(fixture->lab, &error));
    daemon_fixture_await(fixture, "ci-1", daemon_check_returned, &least);
    daemon_fixture_work(guest, "verify kept\n");
    vh_lab_guest_free(guest);
}

/* A guest of 2 GiB with 1.5 GiB freed: a pulse on it takes long enough to be interrupted. */
static VhLabGuest *guest_for_long_pulse(DaemonFixture *fixture, guint64 *ret_kib)
{
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 2048, NULL);

    daemon_fixture_work(guest, "seed 2\nalloc kept 100MiB\nalloc gone 1500MiB\nfree gone\n");
    *ret_kib = daemon_fixture_balloon_kib(guest);
    return guest;
}

static void kill_daemon_in_mid_pulse(DaemonFixture *fixture, VhLabGuest *guest, guint64 old_kib)
{
    write_policy(fixture, VH_GIB / 2, 400);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await_balloon(guest, old_kib, TRUE);
    daemon_fixture_kill(fixture);
    g_assert_true(daemon_fixture_has_record(guest));
}

static void test_killed_in_mid_pulse(DaemonFixture *fixture, gconstpointer data)
{
    guint64 old_kib;
    VhLabGuest *guest = guest_for_long_pulse(fixture, &old_kib);

    kill_daemon_in_mid_pulse(fixture, guest, old_kib);
    write_policy(fixture, 64 * VH_GIB, 400); /* idle: the next one asks nobody */
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await_balloon(guest, old_kib, FALSE);
    daemon_fixture_await(fixture, "ci-1", daemon_check_reason, "pool-idle");
    g_assert_false(daemon_fixture_has_record(guest));
    daemon_fixture_work(guest, "verify kept\n");
    vh_lab_guest_free(guest);
}

static void test_foreign_target_is_left_alone(DaemonFixture *fixture, gconstpointer data)
{
    const guint64 foreign_kib = 1900 * 1024;
    g_autoptr(GError) error = NULL;
    guint64 old_kib;
    VhLabGuest *guest = guest_for_long_pulse(fixture, &old_kib);

    kill_daemon_in_mid_pulse(fixture, guest, old_kib);
    virDomainPtr domain = vh_lab_guest_domain(guest, &error);
    g_assert_no_error(error);
    g_assert_cmpint(virDomainSetMemoryFlags(domain, foreign_kib, VIR_DOMAIN_AFFECT_LIVE), ==, 0);
    virDomainFree(domain);
    write_policy(fixture, 64 * VH_GIB, 400);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "ci-1", daemon_check_reason, "pool-idle");
    g_assert_false(daemon_fixture_has_record(guest));
    daemon_fixture_await_balloon(guest, foreign_kib, FALSE);
    vh_lab_guest_free(guest);
}

static void test_other_command_recovers(DaemonFixture *fixture, gconstpointer data)
{
    const char *list[] = {"list", NULL};
    guint64 old_kib;
    VhLabGuest *guest = guest_for_long_pulse(fixture, &old_kib);

    kill_daemon_in_mid_pulse(fixture, guest, old_kib);
    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, list, NULL, NULL), ==, 0);
    daemon_fixture_await_balloon(guest, old_kib, FALSE);
    g_assert_false(daemon_fixture_has_record(guest));
    vh_lab_guest_free(guest);
}

static void test_ask_command_killed(DaemonFixture *fixture, gconstpointer data)
{
    const char *argv[] = {
        g_getenv("VIRTHINT"), "--connect", vh_lab_uri(fixture->lab), "ask", "ci-1", "--wait", NULL};
    g_autoptr(GError) error = NULL;
    guint64 old_kib;
    int wait_status;
    pid_t pid;
    VhLabGuest *guest = guest_for_long_pulse(fixture, &old_kib);

    g_assert_true(vh_lab_spawn(fixture->lab, argv, NULL, "ask.log", &pid, &error));
    daemon_fixture_await_balloon(guest, old_kib, TRUE);
    g_assert_true(vh_lab_stop(pid, SIGKILL, VH_LAB_TIMEOUT_MS, &wait_status, &error));
    g_assert_true(daemon_fixture_has_record(guest));
    write_policy(fixture, 64 * VH_GIB, 400);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await_balloon(guest, old_kib, FALSE);
    daemon_fixture_work(guest, "verify kept\n");
    vh_lab_guest_free(guest);
}

static void test_sigterm_puts_back(DaemonFixture *fixture, gconstpointer data)
{
    guint64 old_kib;
    VhLabGuest *guest = guest_for_long_pulse(fixture, &old_kib);

    write_policy(fixture, VH_GIB / 2, 400);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await_balloon(guest, old_kib, TRUE);
    daemon_fixture_stop(fixture);
    g_assert_cmpuint(daemon_fixture_balloon_kib(guest), ==, old_kib);
    g_assert_false(daemon_fixture_has_record(guest));
    daemon_fixture_work(guest, "verify kept\n");
    vh_lab_guest_free(guest);
}

static void test_qemu_killed_in_mid_pulse(DaemonFixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    guint64 old_kib, least = 150 * VH_MIB;
    VhLabGuest *guest = guest_for_long_pulse(fixture, &old_kib);
    VhLabGuest *other = NULL;

    write_policy(fixture, VH_GIB / 2, 400);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await_balloon(guest, old_kib, TRUE);
    g_assert_true(vh_lab_guest_kill(guest, &error));
    other = guest_with_freed_memory(fixture, "ci-2");
    daemon_fixture_await(fixture, "ci-2", daemon_check_returned, &least);
    g_autofree char *log = daemon_fixture_log(fixture);
    g_assert_nonnull(strstr(log, "ask failed"));
    vh_lab_guest_free(other);
    vh_lab_guest_free(guest);
}

static void test_broken_policy_changes_nothing(DaemonFixture *fixture, gconstpointer data)
{
    const char *reload[] = {"reload", NULL};
    const char *plan[] = {"plan", NULL};
    g_autofree char *err = NULL;

    write_policy(fixture, 64 * VH_GIB, 400);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_write_policy(fixture, "{\"version\": 1,\n \"intervall\": \"5s\"}\n");
    g_assert_cmpint(daemon_fixture_run(fixture, FALSE, reload, NULL, &err), ==, 1);
    g_assert_nonnull(strstr(err, "10-test.json:2"));
    g_assert_nonnull(strstr(err, "interval"));
    g_autoptr(JsonObject) document = daemon_fixture_json(fixture, FALSE, plan);
    JsonObject *pool = json_object_get_object_member(document, "pool");
    g_assert_cmpint(json_object_get_int_member(pool, "total_bytes"), ==, (gint64)(64 * VH_GIB));
    write_policy(fixture, 32 * VH_GIB, 400);
    g_assert_cmpint(daemon_fixture_run(fixture, FALSE, reload, NULL, NULL), ==, 0);
}

static void test_dry_run_asks_nobody(DaemonFixture *fixture, gconstpointer data)
{
    const char *options[] = {"--dry-run", NULL};
    const char *plan[] = {"plan", NULL};
    VhLabGuest *guest = guest_with_freed_memory(fixture, "ci-1");

    write_policy(fixture, VH_GIB / 2, 400);
    daemon_fixture_start(fixture, options);
    daemon_fixture_await(fixture, "ci-1", daemon_check_reason, "ask");
    daemon_fixture_await(fixture, "ci-1", was_never_asked, NULL);
    g_autoptr(JsonObject) document = daemon_fixture_json(fixture, FALSE, plan);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(document, "asks")), ==, 1);
    vh_lab_guest_free(guest);
}

#define LOG_TIME_LENGTH 23 /* "2026-01-31 14:05:30.125" */

/* The sentences of an explanation as one text. Free with g_free(). */
static char *lines_of(JsonObject *explanation)
{
    JsonArray *lines = json_object_get_array_member(explanation, "lines");
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < json_array_get_length(lines); i++)
        g_string_append_printf(text, "%s\n", json_array_get_string_element(lines, i));
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The recording tells afterwards what the request made of a guest that a pool in need of nothing
 * leaves alone. */
static void check_explained_request(DaemonFixture *fixture, const char *at, gint64 id)
{
    const char *past[] = {"explain", "ci-1", "--at", at, NULL};
    g_autofree char *wanted = g_strdup_printf("for request %" G_GINT64_FORMAT, id);
    g_autoptr(JsonObject) explanation = daemon_fixture_json(fixture, FALSE, past);
    g_autofree char *lines = lines_of(explanation);

    if (!g_str_equal(json_object_get_string_member(explanation, "reason"), "ask") ||
        strstr(lines, wanted) == NULL || strstr(lines, "Its level is idle.") == NULL)
        g_error("at %s:\n%s", at, lines);
}

/* When the daemon logged that it asked for the request, and no more than the rest of that
 * millisecond later: local time. */
static char *time_of_ask(const DaemonFixture *fixture)
{
    g_autofree char *log = daemon_fixture_log(fixture);
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        if (g_regex_match_simple("ci-1: asked for .* \\(for request 1\\)$", lines[i], 0, 0))
            return g_strdup_printf("%.*s999", LOG_TIME_LENGTH, lines[i]);
    }
    g_error("ci-1 was not asked:\n%s", log);
}

static void test_request(DaemonFixture *fixture, gconstpointer data)
{
    g_autofree char *record = g_build_filename(fixture->folder, "record.jsonl", NULL);
    const char *options[] = {"--record", record, NULL};
    const char *ask[] = {"request", "150MiB", "--wait", "--json", NULL};
    const char *too_much[] = {"request", "60GiB", "--deadline", "3s", "--wait", NULL};
    VhLabGuest *guests[] = {guest_with_freed_memory(fixture, "ci-1"),
                            guest_with_freed_memory(fixture, "db")};
    g_autofree char *err = NULL;
    guint64 least = 140 * VH_MIB;

    write_policy(fixture, 64 * VH_GIB, 400); /* idle: nobody would be asked */
    daemon_fixture_start(fixture, options);
    daemon_fixture_await(fixture, "ci-1", daemon_check_reason, "pool-idle");
    daemon_fixture_await(fixture, "db", daemon_check_reason, "pool-idle");

    g_autoptr(JsonObject) request = daemon_fixture_json(fixture, FALSE, ask);
    g_assert_cmpstr(json_object_get_string_member(request, "status"), ==, "done");
    g_assert_cmpuint((guint64)json_object_get_int_member(request, "returned_bytes"), >=,
                     150 * VH_MIB);
    daemon_fixture_await(fixture, "ci-1", daemon_check_returned, &least);
    daemon_fixture_await(fixture, "db", was_never_asked, NULL);
    g_autofree char *at = time_of_ask(fixture);
    check_explained_request(fixture, at, json_object_get_int_member(request, "id"));

    g_assert_cmpint(daemon_fixture_run(fixture, FALSE, too_much, NULL, &err), ==, 1);
    /* a protected guest is not for a request that is not urgent */
    daemon_fixture_await(fixture, "db", was_never_asked, NULL);
    daemon_fixture_stop(fixture);
    g_autofree char *log = daemon_fixture_log(fixture);
    g_assert_nonnull(strstr(log, "request 1: 150 MiB wanted, urgency low"));
    g_assert_true(g_regex_match_simple("request 1: .* came back .*\\(done\\)", log, 0, 0));
    g_assert_true(g_regex_match_simple("request 2: .* came back .*\\(expired\\)", log, 0, 0));
    for (guint i = 0; i < 2; i++)
        daemon_fixture_work(guests[i], "verify kept\n");
    free_guests(guests, 2);
}

/* The next round, of another process, must know whom this one has asked. */
static void check_remembered(const char *state)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(state, &text, NULL, &error));
    g_assert_true(g_regex_match_simple("\"last_ended_wall_us\" *: *[1-9][0-9]+", text, 0, 0));
    g_assert_true(g_regex_match_simple("\"recent_wall_us\" *: *\\[\\s*[1-9]", text, 0, 0));
}

static void test_once(DaemonFixture *fixture, gconstpointer data)
{
    VhLabGuest *guest = guest_with_freed_memory(fixture, "ci-1");
    g_autofree char *policy = g_build_filename(fixture->folder, "policy.d", NULL);
    g_autofree char *state = g_build_filename(fixture->folder, "once.json", NULL);
    const char *argv[] = {g_getenv("VIRTHINTD"),    "--once",  "--policy", policy, "--connect",
                          vh_lab_uri(fixture->lab), "--state", state,      NULL};
    g_autoptr(GError) error = NULL;
    guint64 before = daemon_fixture_rss(guest);
    int wait_status;
    pid_t pid;

    write_policy(fixture, VH_GIB / 2, 400);
    g_assert_true(vh_lab_spawn(fixture->lab, argv, NULL, "virthintd.log", &pid, &error));
    g_assert_true(vh_lab_stop(pid, 0, VH_LAB_TIMEOUT_MS, &wait_status, &error));
    g_assert_cmpint(wait_status, ==, 0);
    g_assert_cmpuint(daemon_fixture_rss(guest) + 150 * VH_MIB, <, before);
    check_remembered(state);
    vh_lab_guest_free(guest);
}

static void test_once_without_a_host(DaemonFixture *fixture, gconstpointer data)
{
    g_autofree char *policy = g_build_filename(fixture->folder, "policy.d", NULL);
    g_autofree char *uri =
        g_strdup_printf("qemu:///session?socket=%s/no-such-socket", fixture->folder);
    const char *argv[] = {g_getenv("VIRTHINTD"), "--once", "--policy", policy,
                          "--connect",           uri,      NULL};
    g_autoptr(GError) error = NULL;
    int wait_status;
    pid_t pid;

    write_policy(fixture, VH_GIB, 400);
    g_assert_true(vh_lab_spawn(fixture->lab, argv, NULL, "virthintd.log", &pid, &error));
    g_assert_true(vh_lab_stop(pid, 0, VH_LAB_TIMEOUT_MS, &wait_status, &error));
    g_assert_true(WIFEXITED(wait_status));
    g_assert_cmpint(WEXITSTATUS(wait_status), ==, 1);
    g_autofree char *log = daemon_fixture_log(fixture);
    g_assert_nonnull(strstr(log, "no-such-socket"));
}

static void add(const char *path, void (*test)(DaemonFixture *, gconstpointer))
{
    g_test_add(path, DaemonFixture, NULL, daemon_fixture_set_up, test, daemon_fixture_tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/daemon/order", test_order);
    add("/daemon/metadata-changes-class", test_metadata_changes_class);
    add("/daemon/hung-guest", test_hung_guest);
    add("/daemon/libvirtd-restarts", test_libvirtd_restarts);
    add("/daemon/killed-in-mid-pulse", test_killed_in_mid_pulse);
    add("/daemon/foreign-target-is-left-alone", test_foreign_target_is_left_alone);
    add("/daemon/other-command-recovers", test_other_command_recovers);
    add("/daemon/ask-command-killed", test_ask_command_killed);
    add("/daemon/sigterm-puts-back", test_sigterm_puts_back);
    add("/daemon/qemu-killed-in-mid-pulse", test_qemu_killed_in_mid_pulse);
    add("/daemon/broken-policy-changes-nothing", test_broken_policy_changes_nothing);
    add("/daemon/dry-run-asks-nobody", test_dry_run_asks_nobody);
    add("/daemon/request", test_request);
    add("/daemon/once", test_once);
    add("/daemon/once-without-a-host", test_once_without_a_host);
    return g_test_run();
}
