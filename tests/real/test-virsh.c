/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hint- commands in front of stock virsh, on real guests, with the daemon and without. */
#include "device-fixture.h"
#include "virsh-fixture.h"

#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* Where the figures do not change, two looks are the same. */
#define POLICY                                                                           \
    "{\"version\": 1, \"interval\": \"1s\", \"defaults\": {\"stats_period\": \"1s\"},\n" \
    " \"pool\": {\"source\": \"budget\", \"budget\": \"64GiB\"},\n"                      \
    " \"match\": [{\"name\": \"ci-*\", \"class\": \"batch\"}]}\n"

#define TRIES 20

static VirshResult dispatch(const DaemonFixture *fixture, gboolean with_daemon,
                            const char *const *arguments)
{
    return virsh_fixture_run(fixture, "virsh", with_daemon, arguments);
}

static VirshResult virthint(const DaemonFixture *fixture, const char *const *arguments)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();

    g_ptr_array_add(argv, "--connect");
    g_ptr_array_add(argv, (gpointer)vh_lab_uri(fixture->lab));
    for (guint i = 0; arguments[i] != NULL; i++)
        g_ptr_array_add(argv, (gpointer)arguments[i]);
    g_ptr_array_add(argv, NULL);
    return virsh_fixture_virthint(fixture, (const char *const *)argv->pdata);
}

/*
 * The same command by both. What virthint prints before and after must be the same, or the daemon
 * has seen something new in between.
 */
static void assert_same(const DaemonFixture *fixture, const char *const *arguments)
{
    g_autofree char *name = g_strconcat("hint-", arguments[0], NULL);
    g_autofree const char **of_virsh = (const char **)g_memdup2(
        arguments, (g_strv_length((char **)arguments) + 1) * sizeof(*arguments));

    of_virsh[0] = name;
    for (guint i = 0; i < TRIES; i++) {
        g_auto(VirshResult) before = virthint(fixture, arguments);
        g_auto(VirshResult) shown = dispatch(fixture, TRUE, of_virsh);
        g_auto(VirshResult) after = virthint(fixture, arguments);
        if (!g_str_equal(before.out, after.out))
            continue;
        if (shown.status != before.status)
            g_error("%s: %d\n%s\nvirthint: %d\n%s", name, shown.status, shown.err, before.status,
                    before.err);
        if (!virsh_fixture_is_same(shown.out, before.out))
            g_error("%s:\n%s\nvirthint:\n%s\n%s", name, shown.out, before.out, shown.err);
        if (before.status == 0)
            g_assert_cmpstr(shown.err, ==, "");
        return;
    }
    g_error("virthint %s never printed the same twice", arguments[0]);
}

static gboolean is_paused(JsonObject *domain, gpointer data)
{
    return !json_object_get_boolean_member(domain, "is_running") &&
           json_object_has_member(domain, "resident_bytes");
}

static void suspend(VhLabGuest *guest)
{
    g_autoptr(GError) error = NULL;
    virDomainPtr domain = vh_lab_guest_domain(guest, &error);

    g_assert_no_error(error);
    g_assert_cmpint(virDomainSuspend(domain), ==, 0);
    virDomainFree(domain);
}

static void test_same_as_virthint(DaemonFixture *fixture, gconstpointer data)
{
    static const char *const commands[][5] = {
        {"list", NULL},
        {"list", "--all", NULL},
        {"list", "--raw", NULL},
        {"list", "--json", NULL},
        {"info", "ci-1", NULL},
        {"info", "ci-1", "--json", NULL},
        {"info", "--domain", "ci-1", "--raw", NULL},
        {"plan", NULL},
        {"explain", "ci-1", NULL},
        {"explain", "ci-1", "--json", NULL},
        {"policy", "ci-1", NULL},
        {"policy", "ci-1", "--json", NULL},
        {"events", "--timeout", "1s", NULL},
    };
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 512, NULL);

    daemon_fixture_work(guest, "seed 3\nalloc kept 50MiB\nalloc gone 200MiB\nfree gone\n");
    daemon_fixture_write_policy(fixture, POLICY);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "ci-1", daemon_check_reason, "pool-idle");
    suspend(guest);
    daemon_fixture_await(fixture, "ci-1", is_paused, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        assert_same(fixture, commands[i]);
    vh_lab_guest_free(guest);
}

/* What cannot be done ends with 1 by both ways, and both say the same. */
static void test_same_errors(DaemonFixture *fixture, gconstpointer data)
{
    static const char *const commands[][3] = {
        {"info", "no-such-guest", NULL},
        {"explain", "no-such-guest", NULL},
        {"ask", "no-such-guest", NULL},
        {"policy", "no-such-guest", NULL},
    };

    daemon_fixture_write_policy(fixture, POLICY);
    daemon_fixture_start(fixture, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *name = g_strconcat("hint-", commands[i][0], NULL);
        const char *of_virsh[] = {name, commands[i][1], NULL};
        g_auto(VirshResult) shown = dispatch(fixture, TRUE, of_virsh);

        g_test_message("%s: %s", name, shown.err);
        g_assert_cmpint(shown.status, ==, 1);
        g_assert_true(g_str_has_prefix(shown.err, "error: "));
        g_assert_nonnull(strstr(shown.err, "no-such-guest"));
        g_assert_cmpstr(shown.out, ==, "\n");
    }
}

/* The daemon answers for the connections that it watches, and for no other. */
static void test_other_connection(DaemonFixture *fixture, gconstpointer data)
{
    const char *list[] = {"-c", "test:///default", "hint-list", "--raw", NULL};
    const char *plan[] = {"-c", "test:///default", "hint-plan", NULL};

    daemon_fixture_write_policy(fixture, POLICY);
    daemon_fixture_start(fixture, NULL);
    g_auto(VirshResult) listed = dispatch(fixture, TRUE, list);
    g_assert_cmpint(listed.status, ==, 0);
    g_assert_true(g_str_has_prefix(listed.out, "test\t"));
    g_auto(VirshResult) refused = dispatch(fixture, TRUE, plan);
    g_assert_cmpint(refused.status, ==, 1);
    g_assert_nonnull(strstr(refused.err, "does not watch test:///default"));
}

static JsonObject *json_of(const VirshResult *result)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = json_from_string(result->out, &error);

    if (node == NULL)
        g_error("no JSON: %s\n%s%s", error->message, result->out, result->err);
    return json_object_ref(json_node_get_object(node));
}

static JsonObject *dispatch_json(const DaemonFixture *fixture, const char *const *arguments)
{
    g_auto(VirshResult) result = dispatch(fixture, FALSE, arguments);

    if (result.status != 0)
        g_error("%s: %s", arguments[0], result.err);
    return json_of(&result);
}

static void assert_refused(const DaemonFixture *fixture, const char *const *arguments,
                           const char *says)
{
    g_auto(VirshResult) result = dispatch(fixture, FALSE, arguments);

    g_test_message("%s: %s", arguments[0], result.err);
    g_assert_cmpint(result.status, ==, 1);
    g_assert_nonnull(strstr(result.err, says));
    g_assert_true(g_str_has_prefix(result.err, "error: "));
}

static void test_without_daemon(DaemonFixture *fixture, gconstpointer data)
{
    const char *info[] = {"hint-info", "web1", "--json", NULL};
    const char *ask[] = {"hint-ask", "web1", "--bytes", "200MiB", "--json", NULL};
    const char *set[] = {"hint-policy", "web1", "--set", "class=perf", "--live", "--json", NULL};
    const char *plan[] = {"hint-plan", NULL}, *explain[] = {"hint-explain", "web1", NULL};
    const char *read_only[] = {"-r", "hint-ask", "web1", NULL};
    VhLabGuest *guest = daemon_fixture_guest(fixture, "web1", 512, NULL);

    daemon_fixture_work(guest, "seed 3\nalloc kept 50MiB\nalloc gone 300MiB\nfree gone\n");
    guint64 before = daemon_fixture_rss(guest);
    g_autoptr(JsonObject) asked = dispatch_json(fixture, ask);
    JsonObject *outcome = json_object_get_object_member(asked, "outcome");
    g_assert_cmpstr(json_object_get_string_member(outcome, "status"), ==, "done");
    g_assert_cmpint(json_object_get_int_member(outcome, "returned_bytes"), >=,
                    (gint64)(150 * VH_MIB));
    g_assert_cmpuint(daemon_fixture_rss(guest) + 150 * VH_MIB, <=, before);

    g_autoptr(JsonObject) policy = dispatch_json(fixture, set);
    JsonObject *override = json_object_get_object_member(policy, "override");
    g_assert_cmpstr(json_object_get_string_member(override, "class"), ==, "perf");
    g_autoptr(JsonObject) domain = dispatch_json(fixture, info);
    g_assert_cmpstr(json_object_get_string_member(domain, "tier"), ==, "pulse");
    g_assert_cmpstr(json_object_get_string_member(domain, "class"), ==, "perf");
    g_assert_true(json_object_get_boolean_member(domain, "is_running"));
    g_assert_cmpint(json_object_get_int_member(domain, "maximum_bytes"), ==,
                    (gint64)(512 * VH_MIB));
    g_assert_false(json_object_has_member(domain, "expected_bytes"));
    assert_refused(fixture, plan, "virthintd");
    assert_refused(fixture, explain, "virthintd");
    assert_refused(fixture, read_only, "read");
    daemon_fixture_work(guest, "verify kept\n");
    vh_lab_guest_free(guest);
}

/* Of a list's document, by name. */
static JsonObject *find_domain(JsonObject *document, const char *name)
{
    JsonArray *domains = json_object_get_array_member(document, "domains");

    for (guint i = 0; i < json_array_get_length(domains); i++) {
        JsonObject *domain = json_array_get_object_element(domains, i);
        if (g_str_equal(json_object_get_string_member(domain, "name"), name))
            return domain;
    }
    g_error("%s is not in the list", name);
}

/* One that hangs is shown as such, and holds up no other. */
static void test_hung(DaemonFixture *fixture, gconstpointer data)
{
    const char *list[] = {"hint-list", "--json", NULL};
    const char *info[] = {"hint-info", "hangs", "--json", NULL};
    VhLabGuest *hung = daemon_fixture_guest(fixture, "hangs", 256, NULL);
    VhLabGuest *well = daemon_fixture_guest(fixture, "well", 256, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_lab_guest_hang(hung, &error));
    g_autoptr(JsonObject) document = dispatch_json(fixture, list);
    g_assert_true(json_object_get_boolean_member(find_domain(document, "hangs"), "is_hung"));
    g_assert_cmpstr(json_object_get_string_member(find_domain(document, "hangs"), "tier"), ==,
                    "pulse");
    g_assert_false(json_object_get_boolean_member(find_domain(document, "well"), "is_hung"));
    g_assert_true(json_object_has_member(find_domain(document, "well"), "resident_bytes"));
    g_autoptr(JsonObject) domain = dispatch_json(fixture, info);
    g_assert_true(json_object_get_boolean_member(domain, "is_hung"));
    g_assert_true(vh_lab_guest_unhang(hung, &error));
    vh_lab_guest_free(well);
    vh_lab_guest_free(hung);
}

/* An ask of all that the guest has freed, without the daemon, whose balloon is on its way down. */
static GPid start_ask(const DaemonFixture *fixture, VhLabGuest *guest)
{
    g_auto(GStrv) env = virsh_fixture_environment(fixture, FALSE);
    const char *argv[] = {
        "virsh", "-c", vh_lab_uri(fixture->lab), "hint-ask", vh_lab_guest_name(guest), NULL};
    guint64 full = daemon_fixture_balloon_kib(guest);
    g_autoptr(GError) error = NULL;
    GPid pid;

    g_spawn_async(NULL, (char **)argv, env,
                  G_SPAWN_SEARCH_PATH_FROM_ENVP | G_SPAWN_DO_NOT_REAP_CHILD |
                      G_SPAWN_STDOUT_TO_DEV_NULL,
                  NULL, NULL, &pid, &error);
    g_assert_no_error(error);
    daemon_fixture_await_balloon(guest, full, TRUE);
    return pid;
}

static int end_ask(GPid pid, int signal)
{
    int wait_status;

    g_assert_cmpint(kill(pid, signal), ==, 0);
    g_assert_cmpint(waitpid(pid, &wait_status, 0), ==, pid);
    return wait_status;
}

/* Ctrl-C: the guest has all its memory back when virsh ends. */
static void test_interrupted(DaemonFixture *fixture, gconstpointer data)
{
    VhLabGuest *guest = daemon_fixture_guest(fixture, "web1", 1024, NULL);

    daemon_fixture_work(guest, "seed 3\nalloc gone 800MiB\nfree gone\n");
    guint64 full = daemon_fixture_balloon_kib(guest);
    int wait_status = end_ask(start_ask(fixture, guest), SIGINT);
    g_assert_true(WIFEXITED(wait_status));
    g_assert_cmpint(WEXITSTATUS(wait_status), ==, 1);
    g_assert_cmpuint(daemon_fixture_balloon_kib(guest), ==, full);
    g_assert_false(daemon_fixture_has_record(guest));
    vh_lab_guest_free(guest);
}

/* What a virsh that was killed has left is put back by the next one that may write. */
static void test_killed(DaemonFixture *fixture, gconstpointer data)
{
    const char *shows[] = {"-r", "hint-info", "web1", "--json", NULL};
    const char *list[] = {"hint-list", "--json", NULL};
    VhLabGuest *guest = daemon_fixture_guest(fixture, "web1", 1024, NULL);

    daemon_fixture_work(guest, "seed 3\nalloc gone 800MiB\nfree gone\n");
    guint64 full = daemon_fixture_balloon_kib(guest);
    g_assert_true(WIFSIGNALED(end_ask(start_ask(fixture, guest), SIGKILL)));
    g_assert_true(daemon_fixture_has_record(guest));
    g_autoptr(JsonObject) left = dispatch_json(fixture, shows);
    g_assert_true(json_object_get_boolean_member(left, "is_recovering"));
    g_assert_true(daemon_fixture_has_record(guest));
    g_autoptr(JsonObject) document = dispatch_json(fixture, list);
    g_assert_false(json_object_get_boolean_member(find_domain(document, "web1"), "is_recovering"));
    g_assert_cmpuint(daemon_fixture_balloon_kib(guest), ==, full);
    g_assert_false(daemon_fixture_has_record(guest));
    vh_lab_guest_free(guest);
}

/* Whatever state it is in. */
static void test_states(DaemonFixture *fixture, gconstpointer data)
{
    static const char off_xml[] =
        "<domain type='qemu'><name>off</name><memory>65536</memory>"
        "<os><type arch='x86_64'>hvm</type></os><devices><memballoon model='virtio' "
        "autodeflate='on'/></devices></domain>";
    const char *list[] = {"hint-list", "--all", "--json", NULL};
    const char *ask_off[] = {"hint-ask", "off", NULL};
    const char *ask_paused[] = {"hint-ask", "paused", "--deadline", "5s", NULL};
    VhLabGuest *guest = daemon_fixture_guest(fixture, "paused", 256, NULL);
    g_autoptr(GError) error = NULL;
    virDomainPtr paused = vh_lab_guest_domain(guest, &error);
    virConnectPtr connection = virDomainGetConnect(paused);

    virDomainPtr off = virDomainDefineXML(connection, off_xml);
    g_assert_nonnull(off);
    suspend(guest);
    g_autoptr(JsonObject) document = dispatch_json(fixture, list);
    JsonObject *domain = find_domain(document, "off");
    g_assert_false(json_object_get_boolean_member(domain, "is_running"));
    g_assert_false(json_object_get_boolean_member(domain, "is_hung"));
    g_assert_false(json_object_has_member(domain, "resident_bytes"));
    domain = find_domain(document, "paused");
    g_assert_false(json_object_get_boolean_member(domain, "is_running"));
    g_assert_false(json_object_get_boolean_member(domain, "is_hung"));
    g_assert_true(json_object_has_member(domain, "resident_bytes"));
    g_auto(VirshResult) refused = dispatch(fixture, FALSE, ask_off);
    g_test_message("off: %s%s", refused.out, refused.err);
    g_assert_cmpint(refused.status, ==, 1);
    g_assert_nonnull(strstr(refused.out, "failed"));
    g_auto(VirshResult) stopped = dispatch(fixture, FALSE, ask_paused);
    g_test_message("paused: %s%s", stopped.out, stopped.err);
    g_assert_cmpint(stopped.status, ==, 1);
    virDomainUndefine(off);
    virDomainFree(off);
    virDomainFree(paused);
    vh_lab_guest_free(guest);
}

/* NULL, having said why the test is skipped, where there is none. */
static char *find_module(void)
{
    const char *modules = g_getenv("VH_GUEST_MODULES");
    g_autofree char *path =
        g_build_filename(modules ? modules : "/nonexistent", "6.1", "virtio_balloon.ko", NULL);

    if (!device_patched_qemu())
        g_test_skip("no patched QEMU: tools/qemu-build makes one, and VH_QEMU names it");
    else if (!g_file_test(path, G_FILE_TEST_EXISTS))
        g_test_skip("no driver: tools/guest-build makes one, and VH_GUEST_MODULES names its place");
    else
        return g_steal_pointer(&path);
    return NULL;
}

/* Waits for one event of the guest, as a child. */
static GSubprocess *start_listening(const DaemonFixture *fixture, const char *name)
{
    g_auto(GStrv) env = virsh_fixture_environment(fixture, FALSE);
    const char *argv[] = {"virsh",       "-c",     vh_lab_uri(fixture->lab),
                          "hint-events", name,     "--event",
                          "pass-ended",  "--json", "--timeout",
                          "60s",         NULL};
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE);
    g_autoptr(GError) error = NULL;

    argv[0] = virsh_fixture_variable("VIRSH_DISPATCHER");
    g_subprocess_launcher_set_environ(launcher, env);
    GSubprocess *child = g_subprocess_launcher_spawnv(launcher, argv, &error);
    g_assert_no_error(error);
    return child;
}

static JsonObject *ask_by_pass(const DaemonFixture *fixture, const char *name)
{
    const char *ask[] = {"hint-ask", name, "--granule", "64KiB", "--json", NULL};

    return dispatch_json(fixture, ask);
}

static void on_ended(GObject *source, GAsyncResult *result, gpointer data)
{
    *(gboolean *)data = TRUE;
}

/* Passes until the child has heard of one: nobody knows when it begins to listen. */
static void assert_heard(const DaemonFixture *fixture, const char *name)
{
    g_autoptr(GSubprocess) child = start_listening(fixture, name);
    g_autofree char *out = NULL;
    gboolean has_ended = FALSE;
    g_autoptr(GError) error = NULL;

    g_subprocess_wait_async(child, NULL, on_ended, &has_ended);
    while (!has_ended) {
        json_object_unref(ask_by_pass(fixture, name));
        while (g_main_context_iteration(NULL, FALSE))
            continue;
    }
    g_assert_cmpint(g_subprocess_get_exit_status(child), ==, 0);
    g_subprocess_communicate_utf8(child, NULL, NULL, &out, NULL, &error);
    g_assert_no_error(error);
    g_test_message("%s", out);
    g_assert_nonnull(strstr(out, "pass-ended"));
    g_assert_nonnull(strstr(out, name));
}

static void assert_reporting(const DaemonFixture *fixture, const char *name, const char *mode)
{
    const char *set[] = {"hint-reporting", name, mode, NULL};
    const char *info[] = {"hint-info", name, "--monitor", "--json", NULL};
    g_auto(VirshResult) done = dispatch(fixture, FALSE, set);

    g_assert_cmpstr(done.err, ==, "");
    g_assert_cmpint(done.status, ==, 0);
    g_autoptr(JsonObject) domain = dispatch_json(fixture, info);
    g_assert_cmpstr(json_object_get_string_member(domain, "tier"), ==, "native");
    JsonObject *reporting = json_object_get_object_member(domain, "reporting");
    g_assert_true(json_object_get_boolean_member(reporting, "is_enabled") ==
                  g_str_equal(mode, "on"));
}

/* A guest of the highest tier, without the daemon. */
static void test_native(DaemonFixture *fixture, gconstpointer data)
{
    g_autofree char *module = find_module();
    const DeviceOptions options = {.memory_bytes = VH_GIB,
                                   .reporting = TRUE,
                                   .properties = TRUE,
                                   .balloon_module = module,
                                   .stats_period_s = 1};
    Device device;

    if (module == NULL)
        return;
    device_start(&device, &options);
    assert_reporting(fixture, device.name, "off");
    device_work(&device, "seed 5\nalloc kept 50MiB\nalloc gone 400MiB\nfree gone\n");
    g_autoptr(JsonObject) asked = ask_by_pass(fixture, device.name);
    JsonObject *outcome = json_object_get_object_member(asked, "outcome");
    g_assert_cmpstr(json_object_get_string_member(outcome, "method"), ==, "pass");
    g_assert_cmpstr(json_object_get_string_member(outcome, "status"), ==, "done");
    g_assert_cmpint(json_object_get_int_member(outcome, "returned_bytes"), >=,
                    (gint64)(250 * VH_MIB));
    assert_heard(fixture, device.name);
    assert_reporting(fixture, device.name, "on");
    device_work(&device, "verify kept\n");
    device_stop(&device);
}

/* What is not ours is as if we were not there. */
static void test_untouched(DaemonFixture *fixture, gconstpointer data)
{
    static const char *const commands[][5] = {
        {"list", "--all", NULL},
        {"domblklist", "a b", NULL},
        {"dominfo", "no-such-guest", NULL},
        {"list; nodeinfo", NULL},
        {"-q", "list", "--name", NULL},
        {"--no-such-option", NULL},
        {"no-such-command", NULL},
        {"echo", "hint-list  x", "--xml", NULL},
        {"help", "list", NULL},
        {"-h", NULL},
        {"--version", NULL},
        {"complete", "--", "domblkl", NULL},
    };
    g_autofree char *stock = g_find_program_in_path("virsh");

    g_assert_nonnull(stock);
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_auto(VirshResult) real = virsh_fixture_run(fixture, stock, FALSE, commands[i]);
        g_auto(VirshResult) ours = dispatch(fixture, FALSE, commands[i]);

        g_test_message("virsh %s", commands[i][0]);
        g_assert_cmpint(ours.status, ==, real.status);
        g_assert_cmpstr(ours.out, ==, real.out);
        g_assert_cmpstr(ours.err, ==, real.err);
    }
}

static void test_completion(DaemonFixture *fixture, gconstpointer data)
{
    static const struct {
        const char *words[6];
        const char *has, *has_not;
    } cases[] = {
        {{"complete", "--", "hint-l", NULL}, "hint-list", "hint-info"},
        {{"complete", "--", "", NULL}, "hint-list", NULL},
        {{"complete", "--", "", NULL}, "domblklist", NULL}, /* virsh's own stay */
        {{"complete", "--", "hint-list", "--a", NULL}, "--all", "--raw"},
        {{"complete", "--", "hint-info", "c", NULL}, "ci-1", NULL},
        {{"complete", "--", "hint-info", "--domain", "", NULL}, "ci-1", NULL},
        {{"complete", "--", "hint-reporting", "ci-1", "o", NULL}, "off", NULL},
        {{"complete", "--", "domblklist", "", NULL}, NULL, "hint-list"},
    };
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 256, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(VirshResult) result = dispatch(fixture, FALSE, cases[i].words);

        g_test_message("%s %s: %s", cases[i].words[2],
                       cases[i].words[3] != NULL ? cases[i].words[3] : "", result.out);
        if (cases[i].has != NULL)
            g_assert_true(virsh_fixture_has_line(result.out, cases[i].has));
        if (cases[i].has_not != NULL)
            g_assert_false(virsh_fixture_has_line(result.out, cases[i].has_not));
    }
    vh_lab_guest_free(guest);
}

static void test_help_and_strings(DaemonFixture *fixture, gconstpointer data)
{
    static const struct {
        const char *words[4];
        int status;
        const char *says; /* on stdout or stderr */
    } cases[] = {
        {{"help", NULL}, 0, "hint-list"},
        {{"help", "hint", NULL}, 0, "hint-events"},
        {{"help", "hint-ask", NULL}, 0, "SYNOPSIS"},
        {{"hint-ask", "--help", NULL}, 0, "SYNOPSIS"},
        {{"hint-list --all; hint-list --json", NULL}, 0, "\"domains\""},
        {{"hint-list; list", NULL}, 1, "one by one"},
        {{"list; hint-list", NULL}, 1, "one by one"},
        {{"-q", "hint-list", "--al", NULL}, 1, "--al"},
        {{"hint-lst", NULL}, 1, "unknown command: 'hint-lst'"},
        {{"hint-info", NULL}, 1, "requires <domain> option"},
        {{"hint-info", "x", "--foo", NULL}, 1, "doesn't support option --foo"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(VirshResult) result = dispatch(fixture, FALSE, cases[i].words);
        const char *text = cases[i].status == 0 ? result.out : result.err;

        g_test_message("%s: %s", cases[i].words[0], text);
        g_assert_cmpint(result.status, ==, cases[i].status);
        g_assert_nonnull(strstr(text, cases[i].says));
    }
}

static void add(const char *path, void (*test)(DaemonFixture *, gconstpointer))
{
    g_test_add(path, DaemonFixture, NULL, daemon_fixture_set_up, test, daemon_fixture_tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/virsh/same-as-virthint", test_same_as_virthint);
    add("/virsh/same-errors", test_same_errors);
    add("/virsh/other-connection", test_other_connection);
    add("/virsh/without-daemon", test_without_daemon);
    add("/virsh/hung", test_hung);
    add("/virsh/interrupted", test_interrupted);
    add("/virsh/killed", test_killed);
    add("/virsh/states", test_states);
    add("/virsh/native", test_native);
    add("/virsh/untouched", test_untouched);
    add("/virsh/completion", test_completion);
    add("/virsh/help-and-strings", test_help_and_strings);
    return g_test_run();
}
