/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands over a fake backend: what is understood, what is printed, how they exit. */
#include "commands-fake.h"
#include "json-doc.h"
#include "vh-command.h"
#include "vh-context.h"
#include "vh-doc-reporting.h"
#include "vh-json.h"

#include <json-glib/json-glib.h>
#include <string.h>

static const struct {
    const char *line, *says;
} mistakes[] = {
    {"", "no command was given"},
    {"lst", "unknown command 'lst'; did you mean 'list'?"},
    {"frobnicate", "unknown command 'frobnicate'"},
    {"list --jsom", "unknown option --jsom; did you mean --json?"},
    {"--conect x list", "did you mean --connect?"},
    {"list --wait", "unknown option --wait"},
    {"list extra", "list does not take 'extra'"},
    {"info", "info needs DOMAIN"},
    {"info a b", "info does not take 'b'"},
    {"check", "check needs FILE..."},
    {"ask web1 --bytes", "--bytes"},
    {"ask web1 --bytes 12parsecs", "--bytes: "},
    {"ask web1 --bytes 0", "leave it out"},
    {"ask web1 --deadline 5", "--deadline: "},
    {"ask web1 --granule 48KiB", "not a power of two from 4KiB"},
    {"ask web1 --granule 2KiB", "not a power of two from 4KiB"},
    {"ask web1 --granule 2GiB", "to 1GiB"},
    {"ask web1 --granule 0", "leave it out"},
    {"ask web1 --cancel --wait", "--wait is for a new one"},
    {"ask web1 --cancel --bytes 1MiB", "--bytes is for a new one"},
    {"-r ask web1 --cancel", "leave --readonly out"},
    {"-r ask web1", "leave --readonly out"},
    {"reload -r", "leave --readonly out"},
    {"reporting", "reporting needs DOMAIN [MODE]"},
    {"reporting web1 maybe", "MODE: \"maybe\" is none; right would be on or off"},
    {"reporting --mode on", "reporting needs DOMAIN [MODE]"},
    {"reporting --domain web1 --domain web2", "--domain was given twice"},
    {"reporting --domain web1 on off", "reporting does not take 'off'"},
    {"info --domian web1", "did you mean --domain?"},
    {"ask web1 --bytes 1GiB -b 2GiB", "--bytes was given twice"},
    {"list --all=yes", "--all takes no value"},
    {"list --json --raw", "leave one out"},
    {"top --raw", "top is for people"},
    {"info web\xff", "domain is not UTF-8"},
    {"ask web1 --deadline \xff", "--deadline is not UTF-8"},
    {"list web\xff", "an argument is not UTF-8"},
    {"reporting web1 on off", "reporting does not take 'off'"},
    {"-r reporting web1", "leave --readonly"},
    {"reporting web1 off -r", "leave --readonly"},
    {"info -r -m web1", "leave --readonly or --monitor out"},
    {"top --interval 1ms", "at least 200ms"},
    {"request 4parsecs", "SIZE: "},
    {"request 0", "say how much"},
    {"request 1GiB 2GiB", "request does not take '2GiB'"},
    {"request 1GiB --urgency soon",
     "\"soon\" is none; right would be proactive, low, high or critical"},
    {"request 1GiB --urgency idle", "right would be"},
    {"request 1GiB --deadline 0s", "leave it out"},
    {"request 1GiB --cancel 3", "leave one out"},
    {"request --cancel first", "'virthint request' lists them"},
    {"request --cancel 0", "'virthint request' lists them"},
    {"request --wait", "say its SIZE"},
    {"request --cancel 3 --urgency low", "say its SIZE"},
    {"-r request 1GiB", "leave --readonly out"},
    {"-r request --cancel 3", "leave --readonly out"},
    {"explain web1 --trace x.jsonl", "--at"},
    {"policy", "policy needs DOMAIN"},
    {"policy web1 --set class", "right would be 'class=batch'"},
    {"policy web1 --set class=batch --clear", "--set and --clear are two changes"},
    {"policy web1 --unset class --clear", "--unset and --clear are two changes"},
    {"policy web1 --set a=1 --unset class", "--set and --unset are two changes"},
    {"policy web1 --current --live", "leave it out beside"},
    {"policy web1 --config --current", "leave it out beside"},
    {"-r policy web1 --clear", "leave --readonly out"},
    {"events --event pass", "right would be pass-ended, reporting-changed or tier-changed"},
    {"events --timeout 0s", "leave it out"},
    {"events web1 web2", "events does not take 'web2'"},
    {"explain web1 --at yesterday", "'10min' (ago)"},
    {"explain web1 --at 2026-13-31T14:05", "is no moment"},
    {"explain web1 --at 2026-02-30T14:05", "is no moment"},
    {"explain web1 --at 2026-01-31T25:05", "is no moment"},
};

static void test_usage(void)
{
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        g_assert_cmpint(run(bench, mistakes[i].line), ==, VH_EXIT_USAGE);
        assert_has(bench->err, mistakes[i].says);
        g_assert_cmpstr(bench->out->str, ==, "");
    }
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
    g_assert_cmpuint(bench->fake.n_told, ==, 0);
}

static void test_about(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "--version"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->out->str, ==, "virthint 1.2.3\n");
    g_assert_cmpint(run(bench, "--help"), ==, VH_EXIT_OK);
    for (guint i = 0; vh_commands()[i] != NULL; i++) {
        const VhCommand *command = vh_commands()[i];
        g_autofree char *line = g_strdup_printf("%s --help", command->name);
        g_assert_cmpint(run(bench, line), ==, VH_EXIT_OK);
        assert_has(bench->out, command->description);
        g_auto(GStrv) lines = g_strsplit(bench->out->str, "\n", -1);
        for (guint j = 0; lines[j] != NULL; j++)
            g_assert_cmpuint(strlen(lines[j]), <, 80);
    }
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
}

static VhExit run_own(VhContext *context)
{
    g_assert_cmpstr(context->command->name, ==, "brew");
    return VH_EXIT_FAILURE;
}

/* A command of one program only is run, shown and guessed like the others, and only there. */
static void test_extra(void)
{
    static const VhCommand own = {
        .name = "brew", .summary = "make tea", .description = "Makes tea.", .run = run_own};
    const VhCommand *const extra[] = {&own, NULL};
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "brew"), ==, VH_EXIT_USAGE);
    g_assert_cmpint(run(bench, "--help"), ==, VH_EXIT_OK);
    g_assert_null(strstr(bench->out->str, "make tea"));
    bench->program.extra = extra;
    g_assert_cmpint(run(bench, "brew"), ==, VH_EXIT_FAILURE);
    g_assert_cmpint(run(bench, "--help"), ==, VH_EXIT_OK);
    assert_has(bench->out, "make tea");
    assert_has(bench->out, vh_commands()[0]->summary);
    g_assert_cmpint(run(bench, "brw"), ==, VH_EXIT_USAGE);
    assert_has(bench->err, "did you mean 'brew'?");
    g_assert_cmpint(run(bench, "brew --help"), ==, VH_EXIT_OK);
    assert_has(bench->out, "Makes tea.");
}

/* Options count wherever they stand, and the nearer one wins. */
static void test_options_anywhere(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "-c a:///x -c b:///y --json list"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.uris, ==, "a:///x,b:///y");
    g_assert_true(g_str_has_prefix(bench->out->str, "{"));
    g_assert_cmpint(run(bench, "-c a:///x list -c b:///y"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.uris, ==, "b:///y");
    g_assert_cmpint(run(bench, "info -- web1"), ==, VH_EXIT_OK);
    g_assert_cmpint(run(bench, "info -- --web1"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no domain '--web1'");
    g_assert_cmpint(run(bench, "ask --bytes=1GiB --domain web1 --deadline 5s"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.asked.bytes, ==, 1 << 30);
    g_assert_cmpint(bench->fake.asked.deadline_us, ==, 5000000);
    g_assert_cmpuint(bench->fake.asked.granule_bytes, ==, 0);
    g_assert_cmpint(run(bench, "ask web1 --granule 64KiB"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.asked.granule_bytes, ==, 65536);
    g_assert_cmpuint(bench->fake.asked.bytes, ==, 0);
    g_assert_cmpint(bench->fake.access, ==, VH_ACCESS_ASK);
}

/* An operand has its place, and its name. */
static void test_operands(void)
{
    static const char *const lines[] = {
        "reporting web1 on",           "reporting --domain web1 on",
        "reporting --domain=web1 on",  "reporting --mode on web1",
        "reporting on --domain web1",  "reporting --mode=on --domain=web1",
        "reporting web1 -q --mode on", "reporting -- web1 on",
    };
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        bench->fake.wish = VH_WISH_SHOW;
        g_assert_cmpint(run(bench, lines[i]), ==, VH_EXIT_OK);
        g_assert_cmpint(bench->fake.wish, ==, VH_WISH_ON);
    }
    g_assert_cmpint(run(bench, "check --file good.json other.json --file more.json"), ==,
                    VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.checked, ==, "good.json,more.json,other.json");
}

static void test_says_what_it_uses(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "list"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->err->str, ==, "virthint: using a fake\n");
    g_assert_cmpint(run(bench, "list -q"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->err->str, ==, "");
    bench->fake.is_absent = TRUE;
    g_assert_cmpint(run(bench, "list -q"), ==, VH_EXIT_FAILURE);
    g_assert_cmpstr(bench->err->str, ==, "virthint: nobody is there\n");
}

static void test_list(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "list"), ==, VH_EXIT_OK);
    assert_has(bench->out, " Domain   Class");
    assert_has(bench->out, "3221225472");
    assert_has(bench->out, "524288");
    g_assert_null(strstr(bench->out->str, "off-with"));
    g_assert_cmpint(run(bench, "list --all"), ==, VH_EXIT_OK);
    assert_has(bench->out, "off-with-a-very-long-name-that-goes-on");
    assert_has(bench->out, "(stopped)");

    bench->output.out_is_tty = TRUE;
    bench->output.width = 78;
    g_assert_cmpint(run(bench, "list -a"), ==, VH_EXIT_OK);
    assert_has(bench->out, "3.0 GiB");
    assert_has(bench->out, " ago");
    g_assert_null(strstr(bench->out->str, "goes-on"));
    g_auto(GStrv) lines = g_strsplit(bench->out->str, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++)
        g_assert_cmpint(g_utf8_strlen(lines[i], -1), <=, 78);
}

static void test_info_and_explain(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "info web1"), ==, VH_EXIT_OK);
    assert_has(bench->out, "resident_bytes");
    assert_has(bench->out, "stock-device");
    assert_has(bench->out, "  gamma_bp                 8150\n");
    bench->output.out_is_tty = TRUE;
    g_assert_cmpint(run(bench, "info web1"), ==, VH_EXIT_OK);
    assert_has(bench->out, "  gamma_bp                 81.5 %\n");
    bench->output.out_is_tty = FALSE;
    g_assert_cmpint(run(bench, "info nobody"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no domain 'nobody'");
    g_assert_cmpint(run(bench, "explain web1"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->out->str, ==, "First.\nSo it is asked.\n");
}

static void test_plan(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "plan"), ==, VH_EXIT_OK);
    assert_has(bench->out, "2.0 GiB needed");
    assert_has(bench->out, "1610612736");
    assert_has(bench->out, "its class is asked at a higher level only");
    g_assert_true(strstr(bench->out->str, "web1") < strstr(bench->out->str, "protected"));
    g_assert_cmpint(run(bench, "top"), ==, VH_EXIT_OK);
    assert_has(bench->out, "Asked next:");
    assert_has(bench->out, "Requests:\n Request   ");
    assert_has(bench->out, "raised from proactive by psi-some");
    g_assert_null(strstr(bench->out->str, "\033"));
}

static void test_plan_explained(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "plan"), ==, VH_EXIT_OK);
    assert_has(bench->out,
               ", falling by 20.0 MiB/s, level low (raised from proactive by psi-some)");
    assert_has(bench->out, "2.0 GiB needed (1.0 GiB by requests)");
    assert_has(bench->out, "Reporting is switched:");
    assert_has(bench->out, "soft1");
    assert_has(bench->out, "Requests:");
    assert_has(bench->out, "4294967296");
    g_assert_null(strstr(bench->out->str, "First."));
    g_assert_cmpint(run(bench, "plan --explain"), ==, VH_EXIT_OK);
    assert_has(bench->out, "us/MiB");
    assert_has(bench->out, "12.25");
    /* what all have in common, once */
    assert_has(bench->out,
               "\nThe pool:\n  The pool.\n\nweb1:\n  First.\n\ndb:\n  Second.\n  Last.\n");
}

static void test_request(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "request 4GiB"), ==, VH_EXIT_OK);
    assert_has(bench->out, "request 3 is open");
    g_assert_cmpint(bench->fake.access, ==, VH_ACCESS_DAEMON);
    g_assert_cmpuint(bench->fake.requested.bytes, ==, G_GUINT64_CONSTANT(4) << 30);
    g_assert_cmpint(bench->fake.requested.deadline_us, ==, 0);
    g_assert_cmpstr(bench->fake.urgency, ==, "low");
    g_assert_cmpint(run(bench, "request 1MiB -u critical -d 2min"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.urgency, ==, "critical");
    g_assert_cmpint(bench->fake.requested.deadline_us, ==, 120000000);
    g_assert_cmpint(run(bench, "request"), ==, VH_EXIT_OK);
    assert_has(bench->out, "2 (1 under way)");
    g_assert_cmpint(run(bench, "-r request"), ==, VH_EXIT_OK);
    g_assert_cmpint(run(bench, "request --cancel 3"), ==, VH_EXIT_OK);
    assert_has(bench->out, "request 3 is cancelled");
    g_assert_cmpint(run(bench, "request --cancel 4"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no such request");
}

static void test_request_waits(void)
{
    static const struct {
        const char *status;
        VhExit code;
    } cases[] = {{"done", VH_EXIT_OK},
                 {"expired", VH_EXIT_FAILURE},
                 {"cancelled", VH_EXIT_FAILURE},
                 {"exhausted", VH_EXIT_FAILURE}};
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *said = g_strdup_printf(
            "request 3: %s: 1.0 GiB of 4.0 GiB came back, by 2 asks in 12.0 s\n", cases[i].status);
        bench->fake.outcome_status = cases[i].status;
        g_assert_cmpint(run(bench, "request 4GiB --wait"), ==, cases[i].code);
        g_assert_cmpstr(bench->out->str, ==, said);
        assert_has(bench->err, "1.0 GiB of 4.0 GiB returned, 1 ask under way");
    }
    bench->fake.is_cancelled_by_user = TRUE;
    g_assert_cmpint(run(bench, "request 4GiB --wait"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "cancelling; waiting");
}

/* The moment in each of its spellings, and which recording. */
static void test_explain_at(void)
{
    static const struct {
        const char *text;
        gint64 us;
    } utc[] = {{"2026-01-31T14:05Z", G_GINT64_CONSTANT(1769868300000000)},
               {"2026-01-31T14:05:30Z", G_GINT64_CONSTANT(1769868330000000)},
               {"2026-01-31T14:05:30.25Z", G_GINT64_CONSTANT(1769868330250000)}};
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(utc); i++) {
        g_autofree char *line = g_strdup_printf("explain web1 --at %s", utc[i].text);
        g_assert_cmpint(run(bench, line), ==, VH_EXIT_OK);
        g_assert_cmpint(bench->fake.explained_at_us, ==, utc[i].us);
        g_assert_null(bench->fake.trace);
    }
    g_autoptr(GDateTime) local = g_date_time_new_local(2026, 1, 31, 14, 5, 0);
    g_assert_cmpint(run(bench, "explain web1 --at 2026-01-31T14:05 --trace x.jsonl"), ==,
                    VH_EXIT_OK);
    g_assert_cmpint(bench->fake.explained_at_us, ==, g_date_time_to_unix(local) * 1000000);
    g_assert_cmpstr(bench->fake.trace, ==, "x.jsonl");
    g_assert_true(g_str_has_prefix(bench->out->str, "At 2023-11-1"));
    g_assert_true(g_str_has_suffix(bench->out->str, ":\nThen.\n"));

    gint64 before_us = g_get_real_time();
    g_assert_cmpint(run(bench, "explain web1 --at 10min"), ==, VH_EXIT_OK);
    g_assert_cmpint(bench->fake.explained_at_us, >=, before_us - 600000000);
    g_assert_cmpint(bench->fake.explained_at_us, <=, g_get_real_time() - 600000000);
    g_assert_cmpint(run(bench, "explain nobody --at 10min"), ==, VH_EXIT_FAILURE);
    /* it looks at no guest */
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
}

static void test_ask(void)
{
    static const struct {
        const char *status;
        VhExit code;
    } cases[] = {{"done", VH_EXIT_OK},           {"backed-off", VH_EXIT_OK},
                 {"cancelled", VH_EXIT_FAILURE}, {"overtaken", VH_EXIT_FAILURE},
                 {"failed", VH_EXIT_FAILURE},    {"timed-out", VH_EXIT_FAILURE}};
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "ask web1"), ==, VH_EXIT_OK);
    assert_has(bench->out, "ask 7 has started");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        bench->fake.outcome_status = cases[i].status;
        g_assert_cmpint(run(bench, "ask web1 --wait"), ==, cases[i].code);
        assert_has(bench->out, cases[i].status);
    }
    bench->fake.outcome_status = "done";
    bench->fake.must_wait = TRUE;
    g_assert_cmpint(run(bench, "ask web1"), ==, VH_EXIT_OK);
    assert_has(bench->out, "90.0 MiB came back of 100 MiB");
    g_assert_cmpint(run(bench, "ask nobody"), ==, VH_EXIT_FAILURE);
}

/* Lines on a pipe, one a step; a bar on a terminal; nothing with --quiet. */
static void test_ask_progress(void)
{
    g_autoptr(Bench) bench = bench_new();

    run(bench, "ask web1 -w");
    g_auto(GStrv) lines = g_strsplit(bench->err->str, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 1 + 2 + 1);
    assert_has(bench->err, "60.0 MiB taken, 50.0 MiB of 100 MiB returned");
    bench->output.err_is_tty = TRUE;
    run(bench, "ask web1 -w");
    assert_has(bench->err, "\r[###############...............]");
    assert_has(bench->err, "\n");
    run(bench, "ask web1 -wq");
    g_assert_cmpstr(bench->err->str, ==, "");
}

static void test_ask_cancelled(void)
{
    g_autoptr(Bench) bench = bench_new();

    bench->fake.is_cancelled_by_user = TRUE;
    bench->fake.outcome_status = "cancelled";
    g_assert_cmpint(run(bench, "ask web1 -w"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "waiting until the guest has all its memory back");
}

/* An ask of the daemon's is ended by the daemon; what it does not know of, by QEMU. Nobody else is
 * told, and nothing is tried after a refusal. */
static void test_cancel(void)
{
    g_autoptr(Bench) bench = bench_new();

    bench->fake.has_ask = TRUE;
    g_assert_cmpint(run(bench, "ask web1 --cancel"), ==, VH_EXIT_OK);
    assert_has(bench->out, "web1: what was under way is cancelled");
    g_assert_cmpuint(bench->fake.n_told, ==, 0);
    bench->fake.has_ask = FALSE;
    g_assert_cmpint(run(bench, "ask web1 -x"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.n_told, ==, 1);
    g_assert_cmpint(bench->fake.wish, ==, VH_WISH_CANCEL);
    g_assert_cmpint(run(bench, "ask stock --cancel"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no such commands");
    g_assert_cmpuint(bench->fake.n_told, ==, 2);
    g_assert_cmpint(run(bench, "ask root's --cancel"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "only root may");
    g_assert_cmpuint(bench->fake.n_told, ==, 2);
}

static void test_policy(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "check good.json"), ==, VH_EXIT_OK);
    assert_has(bench->out, "good");
    g_assert_cmpint(run(bench, "check --show good.json"), ==, VH_EXIT_OK);
    assert_has(bench->out, "\"version\" : 1");
    g_assert_cmpint(run(bench, "check bad.json"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "bad.json:3: /pool");
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
    g_assert_cmpint(run(bench, "reload"), ==, VH_EXIT_OK);
    g_assert_cmpint(bench->fake.access, ==, VH_ACCESS_DAEMON);
}

#define ONLY_REPORTING ((guint)VH_REPORTING_FREE_PAGE_REPORTING)

static void test_reporting(void)
{
    static const struct {
        const char *line;
        VhReportingInfo info;
        const char *says;
        VhReportingWish wish;
    } cases[] = {
        {"reporting web1",
         {.is_enabled = TRUE, .is_active = TRUE, .has_driver = TRUE},
         "web1: reporting is on, and in force\n",
         VH_WISH_SHOW},
        {"reporting web1", {0}, "web1: reporting is off\n", VH_WISH_SHOW},
        {"reporting web1 off",
         {.is_enabled = TRUE, .is_active = TRUE, .has_driver = TRUE},
         "web1: reporting is off, but the guest's driver has not stopped yet\n",
         VH_WISH_OFF},
        {"reporting web1 on",
         {0},
         "not in force: no balloon driver runs in the guest\n",
         VH_WISH_ON},
        {"reporting web1 on",
         {.has_driver = TRUE},
         "the guest's driver does not report\n",
         VH_WISH_ON},
        {"reporting web1 on",
         {.has_driver = TRUE, .offered = ONLY_REPORTING, .negotiated = ONLY_REPORTING},
         "has not taken it up yet\n",
         VH_WISH_ON},
        {"reporting web1 on",
         {.has_driver = TRUE, .inhibitor = VH_REPORTING_DISCARD_DISABLED},
         "it is inhibited (discard-disabled)\n",
         VH_WISH_ON},
    };
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        bench->fake.reporting = cases[i].info;
        g_assert_cmpint(run(bench, cases[i].line), ==, VH_EXIT_OK);
        assert_has(bench->out, cases[i].says);
        g_assert_cmpint(bench->fake.wish, ==, cases[i].wish);
        g_assert_true((strstr(bench->out->str, "skipped_disabled_bytes") != NULL) ==
                      (cases[i].wish == VH_WISH_SHOW));
    }
    g_assert_cmpint(run(bench, "reporting stock"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no such commands");
    g_assert_cmpstr(bench->out->str, ==, "");
    g_assert_cmpint(run(bench, "-c a:///x reporting web1"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.uris, ==, "a:///x");
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
}

/* QEMU is asked where the user says so, and its word on the tier counts. */
static void test_info_monitor(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "info web1"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.n_told, ==, 0);
    g_assert_cmpint(run(bench, "info -m web1"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.n_told, ==, 1);
    g_assert_cmpstr(bench->fake.uris, ==, "test:///default");
    assert_has(bench->out, "tier                       soft\n");
    assert_has(bench->out, "stock-driver");
    g_assert_null(strstr(bench->out->str, "stock-device"));
    assert_has(bench->out, "reporting:\n  is_enabled               no\n");
    g_assert_null(strstr(bench->out->str, "  name"));
    g_assert_cmpint(run(bench, "info -m nobody"), ==, VH_EXIT_FAILURE);
    g_assert_cmpuint(bench->fake.n_told, ==, 1);
}

/* That it is a stock QEMU is an answer; that it does not answer is none. */
static void test_info_of_stock(void)
{
    g_autoptr(Bench) bench = bench_new();

    bench->fake.uuid = "stock";
    g_assert_cmpint(run(bench, "info -m web1"), ==, VH_EXIT_OK);
    assert_has(bench->err, "no such commands");
    assert_has(bench->out, "stock-device");
    g_assert_null(strstr(bench->out->str, "reporting:"));
    bench->fake.uuid = "hung";
    g_assert_cmpint(run(bench, "info -m web1"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "QEMU is busy");
    g_assert_cmpstr(bench->out->str, ==, "");
}

/* Every key, with its type. */
static void test_reporting_documented(void)
{
    static const char *const sections[] = {"reporting", "reporting.pass", "reporting.counters"};
    g_autoptr(JsonDoc) docs = json_doc_new();
    Fake fake = {.reporting = {.inhibitor = VH_REPORTING_POSTCOPY,
                               .has_pass = TRUE,
                               .pass = {.id = 1,
                                        .limit_bytes = 1,
                                        .granule_bytes = 4096,
                                        .granule_in_force_bytes = 4096}}};
    const VhBackendRequest request = {0};
    g_autoptr(GVariant) doc = commands_fake_reporting(&request, "web1", VH_WISH_SHOW, &fake, NULL);

    json_doc_check(docs, "reporting", doc);
    for (guint i = 0; i < G_N_ELEMENTS(sections); i++)
        json_doc_check_all_seen(docs, sections[i]);
}

/* Every command's JSON parses, with the keys that are documented. */
static void test_json(void)
{
    static const struct {
        const char *line, *key, *section;
    } cases[] = {
        {"list --json", "domains", NULL},
        {"info web1 --json", "resident_bytes", "domain"},
        {"plan --json", "refusals", "plan"},
        {"explain web1 --json", "lines", "explanation"},
        {"plan --explain --json", "explanations", NULL},
        {"explain web1 --at 10min --json", "lines", "explanation"},
        {"request 1GiB --json", "status", "request"},
        {"request 1GiB --json --wait", "status", "request"},
        {"request --json", "requests", NULL},
        {"request --cancel 3 --json", "is_cancelled", NULL},
        {"ask web1 --json --wait", "outcome", "ask"},
        {"ask web1 --json", "id", "ask"},
        {"ask web1 --cancel --json", "is_cancelled", "ask"},
        {"check good.json --json", "policy", "check"},
        {"check bad.json --json", "message", "check"},
        {"reload --json", "is_reloaded", NULL},
        {"reporting web1 --json", "negotiated", "reporting"},
        {"info web1 -m --json", "reporting", NULL},
        {"top --json", "domains", NULL},
        {"policy web1 --json", "settings", "override"},
        {"policy web1 --clear --json", "override", "override"},
        {"events --list --json", "events", NULL},
    };
    g_autoptr(JsonDoc) docs = json_doc_new();
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(GError) error = NULL;
        run(bench, cases[i].line);
        g_assert_true(json_parser_load_from_data(parser, bench->out->str, -1, &error));
        g_assert_no_error(error);
        JsonObject *object = json_node_get_object(json_parser_get_root(parser));
        g_assert_true(json_object_has_member(object, cases[i].key));
        g_autoptr(GList) keys = json_object_get_members(object);
        for (GList *l = keys; l != NULL && cases[i].section != NULL; l = l->next)
            json_doc_check_key(docs, cases[i].section, l->data);
    }
}

static void test_json_values(void)
{
    g_autofree char *text = vh_json_format(
        g_variant_new_parsed("{'big': <uint64 18446744073709551615>, 'small': <int64 -5>, "
                             "'text': <'a\"\\n'>, 'list': <['x', 'y']>, 'empty': <@aa{sv} []>, "
                             "'inner': <{'b': <true>}>, 'none': <@mv nothing>}"),
        FALSE);
    g_assert_cmpstr(text, ==,
                    "{\"big\":9223372036854775807,\"small\":-5,\"text\":\"a\\\"\\n\","
                    "\"list\":[\"x\",\"y\"],\"empty\":[],\"inner\":{\"b\":true},\"none\":null}");
}

static void test_nearest(void)
{
    static const char *const words[] = {"list", "plan", "connect"};

    g_assert_cmpstr(vh_command_nearest("lits", words, 3), ==, "list");
    g_assert_cmpstr(vh_command_nearest("conn", words, 3), ==, "connect");
    g_assert_null(vh_command_nearest("x", words, 3));
    g_assert_null(vh_command_nearest("zzzzzz", words, 3));
    g_assert_null(vh_command_nearest("", words, 3));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/commands/usage", test_usage);
    g_test_add_func("/commands/about", test_about);
    g_test_add_func("/commands/extra", test_extra);
    g_test_add_func("/commands/options-anywhere", test_options_anywhere);
    g_test_add_func("/commands/operands", test_operands);
    g_test_add_func("/commands/says-what-it-uses", test_says_what_it_uses);
    g_test_add_func("/commands/list", test_list);
    g_test_add_func("/commands/info-and-explain", test_info_and_explain);
    g_test_add_func("/commands/plan", test_plan);
    g_test_add_func("/commands/plan-explained", test_plan_explained);
    g_test_add_func("/commands/request", test_request);
    g_test_add_func("/commands/request-waits", test_request_waits);
    g_test_add_func("/commands/explain-at", test_explain_at);
    g_test_add_func("/commands/ask", test_ask);
    g_test_add_func("/commands/ask-progress", test_ask_progress);
    g_test_add_func("/commands/ask-cancelled", test_ask_cancelled);
    g_test_add_func("/commands/cancel", test_cancel);
    g_test_add_func("/commands/reporting", test_reporting);
    g_test_add_func("/commands/info-monitor", test_info_monitor);
    g_test_add_func("/commands/info-of-stock", test_info_of_stock);
    g_test_add_func("/commands/reporting-documented", test_reporting_documented);
    g_test_add_func("/commands/policy", test_policy);
    g_test_add_func("/commands/json", test_json);
    g_test_add_func("/commands/json-values", test_json_values);
    g_test_add_func("/commands/nearest", test_nearest);
    return g_test_run();
}
