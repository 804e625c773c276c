/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The virthint command on real guests: over the daemon, and without one on a connection of its own.
 */
#include "daemon-fixture.h"

#include <string.h>

#define IDLE_POLICY                                                                      \
    "{\"version\": 1, \"interval\": \"1s\", \"defaults\": {\"stats_period\": \"1s\"},\n" \
    " \"pool\": {\"source\": \"budget\", \"budget\": \"64GiB\"},\n"                      \
    " \"match\": [{\"name\": \"ci-*\", \"class\": \"batch\"}]}\n"

static VhLabGuest *guest_with_freed_memory(DaemonFixture *fixture)
{
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 1024, NULL);

    daemon_fixture_work(guest, "seed 3\nalloc kept 50MiB\nalloc gone 600MiB\nfree gone\n");
    return guest;
}

static JsonObject *only_domain(JsonObject *document)
{
    JsonArray *domains = json_object_get_array_member(document, "domains");

    g_assert_cmpuint(json_array_get_length(domains), ==, 1);
    return json_array_get_object_element(domains, 0);
}

/* The figures of a list are the guest's own, by whichever way they came. */
static void assert_list(const DaemonFixture *fixture, gboolean local, VhLabGuest *guest)
{
    const char *list[] = {"list", NULL};
    g_autoptr(JsonObject) document = daemon_fixture_json(fixture, local, list);
    JsonObject *domain = only_domain(document);

    g_assert_cmpstr(json_object_get_string_member(domain, "name"), ==, "ci-1");
    g_assert_cmpstr(json_object_get_string_member(domain, "uuid"), ==, vh_lab_guest_uuid(guest));
    g_assert_cmpstr(json_object_get_string_member(domain, "tier"), ==, "pulse");
    g_assert_true(json_object_get_boolean_member(domain, "is_running"));
    g_assert_cmpint(json_object_get_int_member(domain, "resident_bytes"), >,
                    (gint64)(500 * VH_MIB));
    g_assert_cmpint(json_object_get_int_member(domain, "maximum_bytes"), ==, (gint64)VH_GIB);
}

static void assert_ask_returns(const DaemonFixture *fixture, gboolean local, VhLabGuest *guest)
{
    const char *ask[] = {"ask", "ci-1", "--bytes", "300MiB", "--wait", NULL};
    guint64 before = daemon_fixture_rss(guest);
    g_autoptr(JsonObject) document = daemon_fixture_json(fixture, local, ask);
    JsonObject *outcome = json_object_get_object_member(document, "outcome");

    g_assert_cmpstr(json_object_get_string_member(outcome, "status"), ==, "done");
    gint64 returned = json_object_get_int_member(outcome, "returned_bytes");
    g_assert_cmpint(returned, >=, (gint64)(270 * VH_MIB));
    /* what it says is what the host sees */
    g_assert_cmpuint(daemon_fixture_rss(guest) + (guint64)returned, <=, before + 32 * VH_MIB);
}

static void test_over_the_daemon(DaemonFixture *fixture, gconstpointer data)
{
    const char *list[] = {"list", NULL};
    const char *plan[] = {"plan", NULL};
    g_autofree char *out = NULL, *err = NULL, *plan_out = NULL;
    VhLabGuest *guest = guest_with_freed_memory(fixture);

    daemon_fixture_write_policy(fixture, IDLE_POLICY);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "ci-1", daemon_check_reason, "pool-idle");
    assert_list(fixture, FALSE, guest);
    g_assert_cmpint(daemon_fixture_run(fixture, FALSE, list, &out, &err), ==, 0);
    g_assert_nonnull(strstr(out, "ci-1"));
    g_assert_nonnull(strstr(out, "batch"));
    g_assert_nonnull(strstr(err, "daemon"));
    g_assert_cmpint(daemon_fixture_run(fixture, FALSE, plan, &plan_out, NULL), ==, 0);
    g_assert_nonnull(strstr(plan_out, "ci-1"));
    assert_ask_returns(fixture, FALSE, guest);
    daemon_fixture_work(guest, "verify kept\n");
    vh_lab_guest_free(guest);
}

static void test_without_a_daemon(DaemonFixture *fixture, gconstpointer data)
{
    const char *list[] = {"list", NULL};
    const char *top[] = {"top", "--once", NULL};
    g_autofree char *err = NULL, *top_out = NULL;
    VhLabGuest *guest = guest_with_freed_memory(fixture);

    assert_ask_returns(fixture, TRUE, guest);
    assert_list(fixture, TRUE, guest);
    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, list, NULL, &err), ==, 0);
    g_assert_nonnull(strstr(err, "read-only"));
    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, top, &top_out, NULL), ==, 0);
    g_assert_nonnull(strstr(top_out, "ci-1"));
    daemon_fixture_work(guest, "verify kept\n");
    vh_lab_guest_free(guest);
}

static gboolean is_of_class(JsonObject *domain, gpointer data)
{
    return g_strcmp0(json_object_get_string_member(domain, "class"), data) == 0;
}

/* What is set here is in force in the daemon soon after, and in the form that virsh reads. */
static void test_own_policy(DaemonFixture *fixture, gconstpointer data)
{
    const char *set[] = {"policy", "ci-1", "--set", "class=perf", "--set", "cooldown=15min", NULL};
    const char *bad[] = {"policy", "ci-1", "--set", "class=batch", "--set", "weight=none", NULL};
    const char *get[] = {"policy", "ci-1", "--raw", "--live", NULL};
    const char *clear[] = {"policy", "ci-1", "--clear", NULL};
    g_autofree char *out = NULL, *err = NULL, *after = NULL;
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 512, NULL);

    daemon_fixture_write_policy(fixture, IDLE_POLICY);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "ci-1", is_of_class, (gpointer) "batch");
    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, set, NULL, NULL), ==, 0);
    daemon_fixture_await(fixture, "ci-1", is_of_class, (gpointer) "perf");
    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, bad, NULL, &err), ==, 1);
    g_assert_nonnull(strstr(err, "weight"));
    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, get, &out, NULL), ==, 0);
    g_assert_cmpstr(out, ==, "class\tperf\ncooldown\t15min\n");
    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, clear, NULL, NULL), ==, 0);
    daemon_fixture_await(fixture, "ci-1", is_of_class, (gpointer) "batch");
    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, get, &after, NULL), ==, 0);
    g_assert_cmpstr(after, ==, "");
    vh_lab_guest_free(guest);
}

/* Scripts and shells get the same figures and names by both ways. */
static void test_raw_and_complete(DaemonFixture *fixture, gconstpointer data)
{
    const char *list[] = {"list", "--raw", NULL};
    const char *complete[] = {"complete", "--", "info", "ci", NULL};
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 512, NULL);

    daemon_fixture_write_policy(fixture, IDLE_POLICY);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "ci-1", is_of_class, (gpointer) "batch");
    for (guint local = 0; local < 2; local++) {
        g_autofree char *out = NULL, *offered = NULL, *err = NULL;
        g_assert_cmpint(daemon_fixture_run(fixture, local != 0, list, &out, NULL), ==, 0);
        g_auto(GStrv) fields = g_strsplit(g_strchomp(out), "\t", -1);
        g_assert_cmpuint(g_strv_length(fields), ==, 9);
        g_assert_cmpstr(fields[0], ==, "ci-1");
        g_assert_cmpstr(fields[2], ==, "pulse");
        g_assert_cmpuint(g_ascii_strtoull(fields[3], NULL, 10), >, 32 * VH_MIB);
        g_assert_cmpint(daemon_fixture_run(fixture, local != 0, complete, &offered, &err), ==, 0);
        g_assert_cmpstr(offered, ==, "ci-1\n");
        g_assert_cmpstr(err, ==, "");
    }
    vh_lab_guest_free(guest);
}

/* Where nothing happens, the wait ends, and says so. */
static void test_events(DaemonFixture *fixture, gconstpointer data)
{
    const char *none[] = {"events", "ci-1", "--timeout", "200ms", NULL};
    g_autofree char *out = NULL;
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 512, NULL);

    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, none, &out, NULL), ==, 1);
    g_assert_cmpstr(out, ==, "event loop timed out\nevents received: 0\n");
    vh_lab_guest_free(guest);
}

/* What cannot be: one clear line, and the exit status that tells failure from misuse. */
static void test_errors(DaemonFixture *fixture, gconstpointer data)
{
    const struct {
        const char *arguments[4];
        int status;
        const char *says;
    } cases[] = {
        {{"info", "no-such-guest", NULL}, 1, "no-such-guest"},
        {{"ask", "no-such-guest", NULL}, 1, "no-such-guest"},
        {{"ask", NULL}, 2, "DOMAIN"},
        {{"ask", "x", "--bytes=12parsecs", NULL}, 2, "12parsecs"},
        {{"lst", NULL}, 2, "list"},
        {{"policy", "no-such-guest", NULL}, 1, "no-such-guest"},
        {{"events", "no-such-guest", NULL}, 1, "no-such-guest"},
        {{"list", "--jsn", NULL}, 2, "jsn"},
        {{"check", "/no/such/policy.json", NULL}, 1, "/no/such/policy.json"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *out = NULL, *err = NULL;
        int status = daemon_fixture_run(fixture, TRUE, cases[i].arguments, &out, &err);

        g_test_message("%s: %s", cases[i].arguments[0], err);
        g_assert_cmpint(status, ==, cases[i].status);
        g_assert_nonnull(strstr(err, cases[i].says));
    }
}

static void add(const char *path, void (*test)(DaemonFixture *, gconstpointer))
{
    g_test_add(path, DaemonFixture, NULL, daemon_fixture_set_up, test, daemon_fixture_tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/cli/over-the-daemon", test_over_the_daemon);
    add("/cli/without-a-daemon", test_without_a_daemon);
    add("/cli/own-policy", test_own_policy);
    add("/cli/raw-and-complete", test_raw_and_complete);
    add("/cli/events", test_events);
    add("/cli/errors", test_errors);
    return g_test_run();
}
