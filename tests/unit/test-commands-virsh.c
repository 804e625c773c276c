/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands as virsh has them: in its words, under its names, with its ways of helping. */
#include "commands-fake.h"
#include "json-doc.h"
#include "vh-complete.h"
#include "vh-events.h"
#include "vh-override.h"

#include <json-glib/json-glib.h>
#include <string.h>

static void test_own_policy(void)
{
    static const struct {
        const char *line, *wish;
    } cases[] = {
        {"policy web1", "get none"},
        {"-r policy web1 --config", "get none config"},
        {"policy web1 --current", "get none"},
        {"policy --domain web1 --set class=batch --set cooldown=15min",
         "set class=batch,cooldown=15min"},
        {"policy web1 --set until= --live --config", "set until= live config"},
        {"policy web1 --clear", "clear none"},
        {"policy web1 --unset class --unset until --live", "clear class,until live"},
    };
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpint(run(bench, cases[i].line), ==, VH_EXIT_OK);
        g_assert_cmpstr(bench->fake.policy, ==, cases[i].wish);
    }
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
    g_assert_cmpint(run(bench, "policy web1"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->out->str, ==,
                    " Key        Value\n"
                    "-------------------\n"
                    " class      batch\n"
                    " cooldown   15min\n\n");
    g_assert_cmpint(run(bench, "policy web1 --raw"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->out->str, ==, "class\tbatch\ncooldown\t15min\n");
    g_assert_cmpint(run(bench, "policy web1 --clear"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->err->str, ==, "virthint: web1 has no policy of its own\n");
    g_assert_cmpint(run(bench, "policy nobody"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no domain 'nobody'");
    bench->provider.policy = NULL;
    g_assert_cmpint(run(bench, "policy web1"), ==, VH_EXIT_FAILURE);
}

static void test_events(void)
{
    static const char *const all =
        "event 'pass-ended' for domain 'web1': done: 512 MiB reported, 500 MiB of it discarded\n"
        "event 'reporting-changed' for domain 'web1': on, but inhibited (postcopy)\n"
        "event 'tier-changed' for domain 'web1': pulse, was native: It is stock.\n"
        "event loop timed out\n"
        "events received: 3\n";
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "events --loop --timeout 2min"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.events, ==, "all none loop 120000000");
    g_assert_cmpstr(bench->out->str, ==, all);
    g_assert_cmpint(run(bench, "events web1 -e tier-changed -e pass-ended -T"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.events, ==, "web1 tier-changed,pass-ended 0");
    g_assert_true(g_str_has_prefix(bench->out->str, "2023-11-14 22:13:20.123+0000: event 'pass"));
    g_assert_true(g_str_has_suffix(bench->out->str, " discarded\nevents received: 1\n"));
    g_assert_cmpint(run(bench, "events --raw"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->out->str, ==,
                    "pass-ended\tweb1\t11111111-1111-1111-1111-111111111111\t1700000000123456\t"
                    "uri=test:///default\tpass.id=3\tpass.status=done\t"
                    "pass.reported_bytes=536870912\tpass.discarded_bytes=524288000\n");
    g_assert_cmpint(run(bench, "events --list"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->out->str, ==, "pass-ended\nreporting-changed\ntier-changed\n");
    g_assert_cmpint(run(bench, "events nobody"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no domain 'nobody'");
    bench->fake.n_events = 0;
    g_assert_cmpint(run(bench, "events"), ==, VH_EXIT_FAILURE);
    g_assert_cmpstr(bench->out->str, ==, "event loop timed out\nevents received: 0\n");
    bench->fake.is_cancelled_by_user = TRUE;
    g_assert_cmpint(run(bench, "events --loop"), ==, VH_EXIT_FAILURE);
    g_assert_cmpstr(bench->out->str, ==, "event loop interrupted\nevents received: 0\n");
    bench->provider.events = NULL;
    g_assert_cmpint(run(bench, "events"), ==, VH_EXIT_FAILURE);
}

/* Each a document of its own, on a line of its own, with documented keys only. */
static gboolean is_lost(gpointer data)
{
    return TRUE;
}

/* `events --loop | head -1` ends with its reader. */
static void test_events_lost(void)
{
    g_autoptr(Bench) bench = bench_new();
    VhOutput output = *bench->program.output;

    output.is_lost = is_lost;
    bench->program.output = &output;
    g_assert_cmpint(run(bench, "events --loop"), ==, VH_EXIT_OK);
    g_assert_true(g_str_has_suffix(bench->out->str, "events received: 1\n"));
}

static void test_events_json(void)
{
    static const char *const plain = "event";
    g_autoptr(JsonDoc) docs = json_doc_new();
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "events --loop --json"), ==, VH_EXIT_OK);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(bench->out->str), "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_autoptr(JsonNode) node = json_from_string(lines[i], NULL);
        g_assert_nonnull(node);
        g_autoptr(GList) keys = json_object_get_members(json_node_get_object(node));
        for (GList *l = keys; l != NULL; l = l->next)
            json_doc_check_key(docs, plain, l->data);
    }
}

/* What the table offers for completion is what the library knows. */
static void test_words(void)
{
    const VhCommand *policy = vh_command_find("policy");
    const VhCommand *events = vh_command_find("events");
    const char *const *keys = policy->options[1].words.list;
    const char *const *settings = policy->options[0].words.list;
    const char *const *names = events->options[0].words.list;

    g_assert_true(g_strv_equal(keys, vh_override_names()));
    for (guint i = 0, j = 0; settings[i] != NULL; i++) {
        VhOverride override = {0};
        g_auto(GStrv) parts = g_strsplit(settings[i], "=", 2);
        j += g_str_equal(keys[j], parts[0]) ? 0 : 1; /* one or more for each key, in their order */
        g_assert_cmpstr(parts[0], ==, keys[j]);
        g_assert_true(*parts[1] == '\0' || vh_override_set(&override, keys[j], parts[1], NULL));
        g_assert_true(settings[i + 1] != NULL || keys[j + 1] == NULL);
    }
    for (guint i = 0; i < 3; i++)
        g_assert_cmpstr(names[i], ==, vh_event_kind_name((VhEventKind)(1 << i)));
    g_assert_cmpuint(VH_EVENT_KINDS, ==, 7);
    g_assert_null(names[3]);
}

static Bench *virsh_new(void)
{
    Bench *bench = bench_new();

    bench->program.program = "virsh";
    bench->program.prefix = "hint-";
    return bench;
}

/* What is not understood reads as if virsh said it, and ends as virsh does. */
static void test_errors(void)
{
    static const struct {
        const char *line, *says;
        VhExit code; /* USAGE: virsh's own parser would say so */
    } cases[] = {
        {"hint-lst", "error: unknown command: 'hint-lst'\n", VH_EXIT_USAGE},
        {"list", "error: unknown command: 'list'\n", VH_EXIT_USAGE},
        {"hint-top", "error: unknown command: 'hint-top'\n", VH_EXIT_USAGE},
        {"hint-help", "error: unknown command: 'hint-help'\n", VH_EXIT_USAGE},
        {"hint-list --jsom", "error: command 'hint-list' doesn't support option --jsom\n",
         VH_EXIT_USAGE},
        {"hint-list --connect x", "error: command 'hint-list' doesn't support option --connect\n",
         VH_EXIT_USAGE},
        {"hint-info", "error: command 'hint-info' requires <domain> option\n", VH_EXIT_USAGE},
        {"hint-info a b", "error: unexpected data 'b'\n", VH_EXIT_USAGE},
        {"hint-list --all=yes", "error: invalid '=' after option --all\n", VH_EXIT_USAGE},
        {"hint-list --all --all", "error: option --all already seen\n", VH_EXIT_USAGE},
        {"hint-info --domain a --domain b", "error: option --domain already seen\n", VH_EXIT_USAGE},
        {"hint-ask web1 --bytes", "error: expected syntax: --bytes <string>\n", VH_EXIT_USAGE},
        {"hint-ask --bytes 12parsecs", "error: command 'hint-ask' requires <domain> option\n",
         VH_EXIT_USAGE},
        {"hint-ask web1 --bytes 12parsecs", "error: --bytes: ", VH_EXIT_FAILURE},
        {"hint-ask web1 --bytes 0", "error: --bytes: 0 asks for nothing", VH_EXIT_FAILURE},
        {"hint-reporting web1 maybe", "error: MODE: \"maybe\" is none", VH_EXIT_FAILURE},
        {"hint-info nobody", "error: no domain 'nobody'\n", VH_EXIT_FAILURE},
        {"help nothing", "error: command or command group 'nothing' doesn't exist\n",
         VH_EXIT_FAILURE},
    };
    g_autoptr(Bench) bench = virsh_new();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpint(run(bench, cases[i].line), ==, cases[i].code);
        g_assert_cmpstr(bench->out->str, ==, "");
        g_assert_true(g_str_has_prefix(bench->err->str, cases[i].says));
        g_assert_cmpuint(bench->n_errors, ==, 1);
    }
}

/* No notices, no empty line behind a table, no letters; -q takes titles away. */
static void test_output(void)
{
    g_autoptr(Bench) bench = virsh_new();

    g_assert_cmpint(run(bench, "hint-list"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->err->str, ==, "");
    g_assert_true(g_str_has_prefix(bench->out->str, " Domain   Class"));
    g_assert_true(g_str_has_suffix(bench->out->str, "524288\n"));
    g_assert_cmpint(run(bench, "hint-list -a"), ==, VH_EXIT_USAGE);
    g_assert_cmpint(run(bench, "hint-ask web1 --wait"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->err->str, ==, "");
    bench->program.is_quiet = TRUE;
    g_assert_cmpint(run(bench, "hint-list"), ==, VH_EXIT_OK);
    g_assert_true(g_str_has_prefix(bench->out->str, " web1"));
}

/* What the program was told before the command holds for it. */
static void test_program_options(void)
{
    static const char *const uris[] = {"a:///x", NULL};
    g_autoptr(Bench) bench = virsh_new();
    char *words[] = {"hint-policy", "--domain=web1", "--clear", NULL};

    bench->program.uris = uris;
    g_assert_cmpint(run(bench, "hint-list"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.uris, ==, "a:///x");
    bench->program.connection = (struct _virConnect *)(gpointer)bench;
    const VhCommand *policy = vh_program_find(&bench->program, "hint-policy");
    g_assert_cmpint(vh_command_run(&bench->program, policy, 3, words), ==, VH_EXIT_OK);
    g_assert_true(bench->fake.connection == bench->program.connection);
    bench->program.is_read_only = TRUE;
    g_assert_cmpint(vh_command_run(&bench->program, policy, 3, words), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "error: --clear changes a domain; leave --readonly out\n");
}

static void test_help(void)
{
    g_autoptr(Bench) bench = virsh_new();
    g_autoptr(Bench) own = bench_new();
    guint n = 0;

    g_assert_cmpint(run(bench, "hint-ask --help"), ==, VH_EXIT_OK);
    g_autofree char *of_command = g_strdup(bench->out->str);
    g_assert_true(g_str_has_prefix(of_command, "  NAME\n    hint-ask - ask one guest"));
    assert_has(bench->out, "\n  SYNOPSIS\n    hint-ask <domain> [--bytes <string>] ");
    assert_has(bench->out, "\n    [--domain] <string>  a domain's name");
    assert_has(bench->out, "\n    --wait           wait for the end");
    g_assert_null(strstr(of_command, "--connect"));
    g_assert_cmpint(run(bench, "help hint-ask"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->out->str, ==, of_command);
    g_assert_cmpint(run(bench, "help hint"), ==, VH_EXIT_OK);
    assert_has(bench->out, " Free page hinting (help keyword 'hint'):\n    hint-list    ");
    for (const char *at = bench->out->str; (at = strstr(at, "\n    hint-")) != NULL; at++)
        n++;
    g_assert_cmpuint(n, ==, 8);
    g_assert_null(strstr(bench->out->str, "complete"));

    g_assert_cmpint(run(own, "help"), ==, VH_EXIT_OK);
    g_autofree char *all = g_strdup(own->out->str);
    g_assert_null(strstr(all, "complete"));
    assert_has(own->out, "help [COMMAND]");
    run(own, "--help");
    g_assert_cmpstr(own->out->str, ==, all);
    run(own, "help ask");
    g_autofree char *one = g_strdup(own->out->str);
    run(own, "ask --help");
    g_assert_cmpstr(own->out->str, ==, one);
    g_assert_cmpint(run(own, "help frobnicate"), ==, VH_EXIT_USAGE);
    assert_has(own->err, "'virthint help' lists them");
}

/* But for the synopsis, which virsh does not break either. */
static void test_help_width(void)
{
    g_autoptr(Bench) bench = virsh_new();

    for (guint i = 0; vh_commands()[i] != NULL; i++) {
        const VhCommand *command = vh_commands()[i];
        if (!command->is_for_virsh)
            continue;
        g_autofree char *text = vh_command_help(&bench->program, command);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        for (guint j = 0; lines[j] != NULL; j++) {
            if (j > 0 && g_str_equal(lines[j - 1], "  SYNOPSIS"))
                continue;
            if (strlen(lines[j]) >= 80)
                g_error("hint-%s: too wide: %s", command->name, lines[j]);
        }
    }
}

static void assert_offers(Bench *bench, const char *line, const char *word)
{
    g_autofree char *row = g_strconcat("\n", word, "\n", NULL);

    g_assert_cmpint(run(bench, line), ==, VH_EXIT_OK);
    g_string_prepend_c(bench->out, '\n');
    assert_has(bench->out, row);
    g_assert_cmpstr(bench->err->str, ==, "");
}

/* Each command and each of its options is offered, in both programs. */
static void check_all_offered(Bench *bench)
{
    const VhProgram *program = &bench->program;
    const VhCommand *command;
    const VhOption *option;

    for (guint i = 0; (command = vh_program_command(program, i)) != NULL; i++) {
        g_autofree char *name = vh_program_name_of(program, command);
        if (command->is_hidden || (vh_program_is_virsh(program) && !command->is_for_virsh))
            continue;
        g_autofree char *start = g_strdup_printf("complete -- %.*s", (int)strlen(name) - 1, name);
        assert_offers(bench, start, name);
        for (guint j = 0; (option = vh_program_option(program, command, j)) != NULL; j++) {
            g_autofree char *line = g_strdup_printf("complete -- %s --", name);
            g_autofree char *dashed = g_strconcat("--", option->name, NULL);
            assert_offers(bench, line, dashed);
        }
        for (guint j = 0; command->operands != NULL && command->operands[j].name; j++) {
            g_autofree char *line = g_strdup_printf("complete -- %s --", name);
            g_autofree char *dashed = g_strconcat("--", command->operands[j].name, NULL);
            assert_offers(bench, line, dashed);
        }
    }
}

static void test_complete_all(void)
{
    g_autoptr(Bench) own = bench_new();
    g_autoptr(Bench) virsh = virsh_new();

    check_all_offered(own);
    check_all_offered(virsh);
    g_assert_cmpuint(own->fake.n_opened, ==, 0);
}

/* What is offered, all of it, for a line; "|" is the end of each. */
static void test_complete(void)
{
    static const struct {
        const char *line, *offered;
    } cases[] = {
        {"re", "request|reporting|reload|"},
        {"zz ", ""},
        {"info w", "web1|"},
        {"info ", "web1|off-with-a-very-long-name-that-goes-on|b\\ \\'c\\'|"},
        {"info 'b", "b '\\''c'\\''|"},
        {"info \"b", "b 'c'|"},
        {"-c x:///y info w", "web1|"},
        {"info --domain w", "web1|"},
        {"info --domain=w", "--domain=web1|"},
        {"info --m", "--monitor|"},
        {"info web1 --m --m", "--monitor|"},
        {"info --monitor --m", ""},
        {"info -m --m", ""},
        {"info -jm --m", ""},
        {"info web1 --d", ""},
        {"info -- --", ""},
        {"info -- w", "web1|"},
        {"reporting web1 o", "on|off|"},
        {"reporting --domain web1 o", "on|off|"},
        {"reporting --mode on w", "web1|"},
        {"reporting web1 --m", "--mode|"},
        {"request --urgency h", "high|"},
        {"request -u h", "high|"},
        {"request -uhi --ur", ""},
        {"request --urgency=",
         "--urgency=proactive|--urgency=low|--urgency=high|--urgency=critical|"},
        {"request 5GiB --deadline ", ""},
        {"policy web1 --set class=x --set cl", "class=|"},
        {"policy web1 --set class=x --se", "--set|"},
        {"policy web1 --set ask=", "ask=auto|ask=never|"},
        {"policy web1 --set=reporting=a", "--set=reporting=auto|--set=reporting=always|"},
        {"events --event p", "pass-ended|"},
        {"check ", ":files|"},
        {"check a b", ":files|"},
        {"check --file=", ":files|"},
        {"list --policy ", ":files|"},
        {"-c q", "qemu:///system|qemu:///session|"},
        {"help as", "ask|"},
        {"list --a", "--all|"},
    };
    g_autoptr(Bench) bench = bench_new();

    bench->fake.has_odd_name = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = g_strdup_printf("complete -- %s", cases[i].line);
        g_assert_cmpint(run(bench, line), ==, VH_EXIT_OK);
        g_strdelimit(bench->out->str, "\n", '|');
        g_assert_cmpstr(bench->out->str, ==, cases[i].offered);
    }
    g_assert_cmpint(run(bench, "complete -- -c x:///y info w"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.uris, ==, "x:///y");
    bench->fake.is_absent = TRUE;
    g_assert_cmpint(run(bench, "complete -- info w"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->err->str, ==, "");
}

/* bash undoes one level of quoting before libvirt's script hands it on, with a quote open or not.
 */
static void test_complete_virsh(void)
{
    static const char *const lines[] = {"hint-info b", "hint-info 'b", "hint-info \"b"};
    g_autoptr(Bench) bench = virsh_new();

    bench->fake.has_odd_name = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *line = g_strdup_printf("complete -- %s", lines[i]);
        g_assert_cmpint(run(bench, line), ==, VH_EXIT_OK);
        g_assert_cmpstr(bench->out->str, ==, "b\\ \\'c\\'\n");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/commands-virsh/own-policy", test_own_policy);
    g_test_add_func("/commands-virsh/events", test_events);
    g_test_add_func("/commands-virsh/events-json", test_events_json);
    g_test_add_func("/commands-virsh/events-lost", test_events_lost);
    g_test_add_func("/commands-virsh/words", test_words);
    g_test_add_func("/commands-virsh/errors", test_errors);
    g_test_add_func("/commands-virsh/output", test_output);
    g_test_add_func("/commands-virsh/program-options", test_program_options);
    g_test_add_func("/commands-virsh/help", test_help);
    g_test_add_func("/commands-virsh/help-width", test_help_width);
    g_test_add_func("/commands-virsh/complete-all", test_complete_all);
    g_test_add_func("/commands-virsh/complete", test_complete);
    g_test_add_func("/commands-virsh/complete-virsh", test_complete_virsh);
    return g_test_run();
}
