/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virsh built with the commands (tools/virsh-build), beside the dispatcher in front of stock virsh
 * and virthint: each version that VH_VIRSH and VH_VIRSH_11 name says the same as they do.
 */
#include "virsh-fixture.h"

#include <gio/gio.h>
#include <signal.h>
#include <string.h>

#define POLICY                                                                           \
    "{\"version\": 1, \"interval\": \"1s\", \"defaults\": {\"stats_period\": \"1s\"},\n" \
    " \"pool\": {\"source\": \"budget\", \"budget\": \"64GiB\"},\n"                      \
    " \"match\": [{\"name\": \"ci-*\", \"class\": \"batch\"}]}\n"

#define TRIES 20
#define WORDS_MAX 10

#define DISPATCHER "virsh"

static const char *const hint_commands[] = {"hint-list",      "hint-info",   "hint-ask",
                                            "hint-reporting", "hint-policy", "hint-plan",
                                            "hint-explain",   "hint-events"};

/* The virsh that a test is about. */
static const char *native(gconstpointer data)
{
    return virsh_fixture_variable(data);
}

static VirshResult run_native(DaemonFixture *fixture, gconstpointer data, gboolean with_daemon,
                              const char *const *arguments)
{
    return virsh_fixture_run(fixture, native(data), with_daemon, arguments);
}

static VirshResult dispatch(DaemonFixture *fixture, gboolean with_daemon,
                            const char *const *arguments)
{
    return virsh_fixture_run(fixture, DISPATCHER, with_daemon, arguments);
}

/* How long an ask took, and what it brought, is another time another number. */
static void result_normalize(VirshResult *result)
{
    g_autoptr(GRegex) figures = g_regex_new("\\b[0-9.]+ ([um]?s|[KMG]iB)\\b", 0, 0, NULL);
    char *out = g_regex_replace_literal(figures, result->out, -1, 0, "SO MUCH", 0, NULL);

    g_free(result->out);
    result->out = out;
}

static gboolean result_is_same(const VirshResult *a, const VirshResult *b)
{
    return a->status == b->status && g_str_equal(a->out, b->out) && g_str_equal(a->err, b->err);
}

/* All of it: the exit status, both outputs, and the empty lines. What the dispatcher says before
 * and after must be the same, or something has changed in between. */
static void assert_like_dispatcher(DaemonFixture *fixture, gconstpointer data, gboolean with_daemon,
                                   const char *const *arguments)
{
    g_autofree char *words = g_strjoinv(" ", (char **)arguments);

    for (guint i = 0; i < TRIES; i++) {
        g_auto(VirshResult) before = dispatch(fixture, with_daemon, arguments);
        g_auto(VirshResult) shown = run_native(fixture, data, with_daemon, arguments);
        g_auto(VirshResult) after = dispatch(fixture, with_daemon, arguments);
        if (!result_is_same(&before, &after))
            continue;
        if (!result_is_same(&shown, &before))
            g_error("native virsh %s: status %d\n%s%s\ndispatcher: status %d\n%s%s", words,
                    shown.status, shown.out, shown.err, before.status, before.out, before.err);
        return;
    }
    g_error("the dispatcher never said the same twice of: %s", words);
}

/* The words of the commands are virthint's, with "hint-" in front of the first. */
static void assert_like_virthint(DaemonFixture *fixture, gconstpointer data,
                                 const char *const *arguments)
{
    const char *words[WORDS_MAX + 1] = {NULL};

    for (guint i = 0; arguments[i] != NULL; i++)
        words[i] = arguments[i];
    words[0] = arguments[0] + strlen("hint-");
    for (guint i = 0; i < TRIES; i++) {
        g_auto(VirshResult) before = virsh_fixture_virthint(fixture, words);
        g_auto(VirshResult) shown = run_native(fixture, data, TRUE, arguments);
        g_auto(VirshResult) after = virsh_fixture_virthint(fixture, words);
        if (!g_str_equal(before.out, after.out))
            continue;
        g_assert_cmpint(shown.status, ==, before.status);
        if (!virsh_fixture_is_same(shown.out, before.out))
            g_error("native virsh %s:\n%s%s\nvirthint:\n%s%s", arguments[0], shown.out, shown.err,
                    before.out, before.err);
        return;
    }
    g_error("virthint never said the same twice of: %s", arguments[0]);
}

static gboolean is_paused(JsonObject *domain, gpointer data)
{
    return !json_object_get_boolean_member(domain, "is_running") &&
           json_object_has_member(domain, "resident_bytes");
}

/* A guest that holds memory, whose figures stand still. */
static VhLabGuest *paused_guest(DaemonFixture *fixture)
{
    g_autoptr(GError) error = NULL;
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 512, NULL);

    daemon_fixture_work(guest, "seed 3\nalloc kept 50MiB\nalloc gone 200MiB\nfree gone\n");
    virDomainPtr domain = vh_lab_guest_domain(guest, &error);
    g_assert_no_error(error);
    g_usleep(2 * G_USEC_PER_SEC); /* figures of after the work */
    g_assert_cmpint(virDomainSuspend(domain), ==, 0);
    virDomainFree(domain);
    return guest;
}

/* Each command in several forms. With the daemon, which keeps what it has seen last. */
static const char *const forms[][WORDS_MAX] = {
    {"hint-list", NULL},
    {"hint-list", "--all", NULL},
    {"hint-list", "--raw", NULL},
    {"hint-list", "--json", NULL},
    {"hint-info", "ci-1", NULL},
    {"hint-info", "--domain", "ci-1", "--json", NULL},
    {"hint-info", "--raw", "--domain=ci-1", NULL},
    {"hint-reporting", "ci-1", NULL},
    {"hint-policy", "ci-1", "--set", "class=perf", "--set", "weight=7", "--live", NULL},
    {"hint-policy", "ci-1", "--json", NULL},
    {"hint-policy", "ci-1", "--unset", "class", "--unset", "weight", NULL},
    {"hint-policy", "ci-1", NULL},
    {"hint-plan", NULL},
    {"hint-plan", "--json", NULL},
    {"hint-explain", "ci-1", NULL},
    {"hint-explain", "ci-1", "--json", NULL},
    {"hint-events", "--list", NULL},
    {"hint-events", "ci-1", "--event", "pass-ended", "--event", "tier-changed", "--timeout", "1s",
     NULL},
};

static void test_with_daemon(DaemonFixture *fixture, gconstpointer data)
{
    VhLabGuest *guest;

    daemon_fixture_write_policy(fixture, POLICY);
    daemon_fixture_start(fixture, NULL);
    guest = paused_guest(fixture);
    daemon_fixture_await(fixture, "ci-1", is_paused, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_test_message("%s %s", forms[i][0], forms[i][1] != NULL ? forms[i][1] : "");
        assert_like_dispatcher(fixture, data, TRUE, forms[i]);
        assert_like_virthint(fixture, data, forms[i]);
    }
    vh_lab_guest_free(guest);
}

static void test_without_daemon(DaemonFixture *fixture, gconstpointer data)
{
    VhLabGuest *guest = paused_guest(fixture);

    for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_test_message("%s %s", forms[i][0], forms[i][1] != NULL ? forms[i][1] : "");
        assert_like_dispatcher(fixture, data, FALSE, forms[i]);
    }
    vh_lab_guest_free(guest);
}

/* An ask that is waited for, by each of the three. */
static void test_ask(DaemonFixture *fixture, gconstpointer data)
{
    const char *ask[] = {"hint-ask", "ci-1", "--bytes", "60MiB", "--wait", NULL};
    const char *of_virthint[] = {"ask", "ci-1", "--bytes", "60MiB", "--wait", NULL};
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 1024, NULL);
    guint64 before;

    daemon_fixture_work(guest, "seed 3\nalloc kept 50MiB\nalloc gone 600MiB\nfree gone\n");
    daemon_fixture_write_policy(fixture, POLICY);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "ci-1", daemon_check_reason, "pool-idle");
    before = daemon_fixture_rss(guest);
    g_auto(VirshResult) shown = run_native(fixture, data, TRUE, ask);
    g_assert_cmpuint(daemon_fixture_rss(guest) + 30 * VH_MIB, <, before);
    g_auto(VirshResult) dispatched = dispatch(fixture, TRUE, ask);
    g_auto(VirshResult) of_program = virsh_fixture_virthint(fixture, of_virthint);
    g_test_message("%s%s", shown.out, shown.err);
    g_assert_cmpint(shown.status, ==, 0);
    g_assert_nonnull(strstr(shown.out, "MiB"));
    result_normalize(&shown);
    result_normalize(&dispatched);
    result_normalize(&of_program);
    g_assert_cmpstr(shown.out, ==, dispatched.out);
    g_assert_cmpstr(shown.err, ==, dispatched.err);
    g_assert_cmpint(of_program.status, ==, 0);
    if (!virsh_fixture_is_same(shown.out, of_program.out))
        g_error("native virsh: %s\nvirthint: %s", shown.out, of_program.out);
    daemon_fixture_work(guest, "verify kept\n");
    vh_lab_guest_free(guest);
}

/* Errors of virsh's own parser, too, are those of the dispatcher. */
static void test_errors(DaemonFixture *fixture, gconstpointer data)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *says;
    } cases[] = {
        {{"hint-info", NULL}, "command 'hint-info' requires <domain> option"},
        {{"hint-info", "a", "--nope", NULL}, "doesn't support option --nope"},
        {{"hint-list", "--nope", NULL}, "command 'hint-list' doesn't support option --nope"},
        {{"hint-list", "x", NULL}, "unexpected data 'x'"},
        {{"hint-list", "--json=1", NULL}, "invalid '=' after option --json"},
        {{"hint-ask", "a", "--bytes", NULL}, "expected syntax: --bytes <string>"},
        {{"hint-ask", "a", "--bytes", "12parsecs", NULL}, "12parsecs"},
        {{"hint-lst", NULL}, "unknown command: 'hint-lst'"},
        {{"hint-info", "no-such-guest", NULL}, "no-such-guest"},
        {{"hint-ask", "no-such-guest", NULL}, "no-such-guest"},
        {{"hint-policy", "no-such-guest", NULL}, "no-such-guest"},
        {{"hint-reporting", "no-such-guest", NULL}, "no-such-guest"},
        {{"hint-events", "no-such-guest", "--timeout", "1s", NULL}, "no-such-guest"},
        {{"hint-events", "--event", "no-such-event", NULL}, "no-such-event"},
        {{"hint-explain", "no-such-guest", NULL}, "virthintd"},
        {{"hint-plan", NULL}, "virthintd"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(VirshResult) shown = run_native(fixture, data, FALSE, cases[i].words);

        g_test_message("%s: %s", cases[i].words[0], shown.err);
        g_assert_cmpint(shown.status, ==, 1);
        g_assert_true(g_str_has_prefix(shown.err, "error: "));
        g_assert_nonnull(strstr(shown.err, cases[i].says));
        assert_like_dispatcher(fixture, data, FALSE, cases[i].words);
    }
}

/* What a read-only virsh, and a quiet one, make of a command. */
static void test_options_of_virsh(DaemonFixture *fixture, gconstpointer data)
{
    static const char *const calls[][WORDS_MAX] = {
        {"-q", "hint-list", "--all", NULL},
        {"-r", "hint-list", "--all", NULL},
        {"-r", "hint-ask", "ci-1", NULL},
        {"-r", "hint-policy", "ci-1", "--set", "class=perf", NULL},
        {"-q", "-r", "hint-info", "ci-1", NULL},
        {"hint-list --all; hint-list --json", NULL},
    };
    VhLabGuest *guest = paused_guest(fixture);

    for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_test_message("%s %s", calls[i][0], calls[i][1] != NULL ? calls[i][1] : "");
        assert_like_dispatcher(fixture, data, FALSE, calls[i]);
    }
    g_auto(VirshResult) asked = run_native(fixture, data, FALSE, calls[2]);
    g_assert_cmpint(asked.status, ==, 1);
    g_assert_nonnull(strstr(asked.err, "read"));
    vh_lab_guest_free(guest);
}

/* The options of a command are those that can be completed; help knows each, and nothing of the
 * definitions is what libvirt's own check of them refuses. */
static void test_help(DaemonFixture *fixture, gconstpointer data)
{
    const char *of_group[] = {"help", "hint", NULL}, *self_test[] = {"self-test", NULL};
    g_auto(VirshResult) group = run_native(fixture, data, FALSE, of_group);
    g_auto(VirshResult) checked = run_native(fixture, data, FALSE, self_test);

    g_assert_cmpint(group.status, ==, 0);
    g_assert_nonnull(strstr(group.out, "Free page hinting (help keyword 'hint')"));
    g_assert_cmpint(checked.status, ==, 0);
    g_assert_cmpstr(checked.err, ==, "");
    for (guint i = 0; i < G_N_ELEMENTS(hint_commands); i++) {
        const char *name = hint_commands[i];
        const char *help[] = {"help", name, NULL}, *option[] = {name, "--help", NULL};
        const char *complete[] = {"complete", "--", name, "--", NULL};
        g_auto(VirshResult) text = run_native(fixture, data, FALSE, help);
        g_auto(VirshResult) same = run_native(fixture, data, FALSE, option);
        g_auto(VirshResult) words = run_native(fixture, data, FALSE, complete);
        g_auto(GStrv) options = g_strsplit(g_strchomp(words.out), "\n", -1);

        g_test_message("%s: %s", name, text.out);
        g_assert_cmpint(text.status, ==, 0);
        g_assert_cmpstr(text.out, ==, same.out);
        g_assert_nonnull(strstr(group.out, name));
        g_assert_nonnull(strstr(text.out, "DESCRIPTION"));
        g_assert_cmpuint(g_strv_length(options), >, 1);
        for (guint j = 0; options[j] != NULL; j++)
            g_assert_true(options[j][0] == '\0' || strstr(text.out, options[j]) != NULL);
    }
}

static void test_completion(DaemonFixture *fixture, gconstpointer data)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *has, *has_not;
    } cases[] = {
        {{"complete", "--", "hint-info", "c", NULL}, "ci-1", "--json"},
        {{"complete", "--", "hint-info", "--domain", "", NULL}, "ci-1", NULL},
        {{"complete", "--", "hint-reporting", "ci-1", "o", NULL}, "off", "ci-1"},
        {{"complete", "--", "hint-list", "--json", "--", NULL}, "--raw", "--json"},
        {{"complete", "--", "hint-policy", "ci-1", "--set", "class=perf", "--s", NULL},
         "--set",
         "--live"},
        {{"complete", "--", "hint-events", "--event", "p", NULL}, "pass-ended", "tier-changed"},
    };
    const char *all[] = {"complete", "--", "hint-", NULL};
    VhLabGuest *guest = daemon_fixture_guest(fixture, "ci-1", 256, NULL);
    g_auto(VirshResult) commands = run_native(fixture, data, FALSE, all);
    g_auto(GStrv) names = g_strsplit(g_strstrip(commands.out), "\n", -1);

    g_assert_cmpuint(g_strv_length(names), ==, G_N_ELEMENTS(hint_commands));
    for (guint i = 0; i < G_N_ELEMENTS(hint_commands); i++)
        g_assert_true(g_strv_contains((const char *const *)names, hint_commands[i]));
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(VirshResult) result = run_native(fixture, data, FALSE, cases[i].words);

        g_test_message("%s %s: %s", cases[i].words[2], cases[i].words[3], result.out);
        g_assert_true(virsh_fixture_has_line(result.out, cases[i].has));
        if (cases[i].has_not != NULL)
            g_assert_false(virsh_fixture_has_line(result.out, cases[i].has_not));
    }
    vh_lab_guest_free(guest);
}

/* In the shell a command that fails does not end it. */
static void test_shell(DaemonFixture *fixture, gconstpointer data)
{
    const char *quiet[] = {"-q", NULL}, *policy[] = {"-q", "hint-policy", "ci-1", "--json", NULL};
    VhLabGuest *guest = paused_guest(fixture);
    g_auto(VirshResult) alone = run_native(fixture, data, FALSE, policy);
    g_auto(VirshResult) shell =
        virsh_fixture_feed(fixture, native(data), FALSE, quiet,
                           "hint-list --nope\nhint-info no-such-guest\nhelp "
                           "hint-list\nhint-plan\nhint-policy ci-1 --json\n");

    g_test_message("%s%s", shell.out, shell.err);
    g_assert_cmpint(shell.status, ==, 0);
    g_assert_nonnull(strstr(shell.out, "SYNOPSIS"));
    g_assert_nonnull(strstr(alone.out, vh_lab_guest_uuid(guest)));
    g_assert_nonnull(strstr(shell.out, alone.out)); /* and so the connection is still good */
    g_assert_nonnull(strstr(shell.err, "--nope"));
    g_assert_nonnull(strstr(shell.err, "no-such-guest"));
    g_assert_nonnull(strstr(shell.err, "virthintd"));
    g_assert_null(strstr(shell.err, "leaked"));
    vh_lab_guest_free(guest);
}

/* Ctrl-C while an ask is waited for: the guest gets all back, and the shell goes on. */
static void test_interrupted(DaemonFixture *fixture, gconstpointer data)
{
    VhLabGuest *guest = daemon_fixture_guest(fixture, "web1", 1024, NULL);
    g_auto(GStrv) env = virsh_fixture_environment(fixture, FALSE);
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
    const char *argv[] = {native(data), "-c", vh_lab_uri(fixture->lab), NULL};
    g_autoptr(GError) error = NULL;
    g_autofree char *out = NULL;

    daemon_fixture_work(guest, "seed 3\nalloc kept 50MiB\nalloc gone 800MiB\nfree gone\n");
    guint64 full = daemon_fixture_balloon_kib(guest);
    g_subprocess_launcher_set_environ(launcher, env);
    g_autoptr(GSubprocess) shell = g_subprocess_launcher_spawnv(launcher, argv, &error);
    g_assert_no_error(error);
    GOutputStream *input = g_subprocess_get_stdin_pipe(shell);
    g_assert_true(g_output_stream_write_all(input, "hint-ask web1\n", 14, NULL, NULL, &error));
    daemon_fixture_await_balloon(guest, full, TRUE);
    g_subprocess_send_signal(shell, SIGINT);
    g_subprocess_communicate_utf8(shell, "domstate web1\n", NULL, &out, NULL, &error);
    g_assert_no_error(error);
    g_test_message("%s", out);
    g_assert_true(g_subprocess_get_successful(shell));
    g_assert_nonnull(strstr(out, "running"));
    g_assert_cmpuint(daemon_fixture_balloon_kib(guest), ==, full);
    g_assert_false(daemon_fixture_has_record(guest));
    daemon_fixture_work(guest, "verify kept\n");
    vh_lab_guest_free(guest);
}

/* A guest whose QEMU answers nothing holds up neither the list nor the end of virsh. */
static void test_hung(DaemonFixture *fixture, gconstpointer data)
{
    const char *list[] = {"-q", "hint-list", "--raw", NULL};
    const char *info[] = {"hint-info", "hangs", "--raw", NULL};
    VhLabGuest *hung = daemon_fixture_guest(fixture, "hangs", 256, NULL);
    VhLabGuest *well = daemon_fixture_guest(fixture, "well", 256, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_lab_guest_hang(hung, &error));
    g_auto(VirshResult) listed = run_native(fixture, data, FALSE, list);
    g_test_message("%s%s", listed.out, listed.err);
    g_assert_cmpint(listed.status, ==, 0);
    g_assert_nonnull(strstr(listed.out, "hangs"));
    g_assert_nonnull(strstr(listed.out, "well"));
    assert_like_dispatcher(fixture, data, FALSE, info);
    g_assert_true(vh_lab_guest_unhang(hung, &error));
    vh_lab_guest_free(well);
    vh_lab_guest_free(hung);
}

static void add(const char *version, const char *variable)
{
    static const struct {
        const char *name;
        void (*test)(DaemonFixture *, gconstpointer);
    } tests[] = {
        {"with-daemon", test_with_daemon},
        {"without-daemon", test_without_daemon},
        {"ask", test_ask},
        {"errors", test_errors},
        {"options-of-virsh", test_options_of_virsh},
        {"help", test_help},
        {"completion", test_completion},
        {"shell", test_shell},
        {"interrupted", test_interrupted},
        {"hung", test_hung},
    };

    if (g_getenv(variable) == NULL)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/virsh-native/%s/%s", version, tests[i].name);

        g_test_add(path, DaemonFixture, variable, daemon_fixture_set_up, tests[i].test,
                   daemon_fixture_tear_down);
    }
}

static void test_not_built(void)
{
    g_test_skip("VH_VIRSH names no virsh: tools/virsh-build builds one");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("9.0", "VH_VIRSH");
    add("11.3", "VH_VIRSH_11");
    if (g_getenv("VH_VIRSH") == NULL)
        g_test_add_func("/virsh-native/9.0", test_not_built);
    if (g_getenv("VH_VIRSH_11") == NULL)
        g_test_add_func("/virsh-native/11.3", test_not_built);
    return g_test_run();
}
