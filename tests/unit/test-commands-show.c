/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the commands' tables look, to people and to scripts. */
#include "commands-fake.h"
#include "vh-show.h"
#include "vh-table.h"

#include <locale.h>
#include <string.h>

/* What --raw prints for whom: fields with tabs between them, and nothing else. */
static void test_raw(void)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"list --raw",
         "web1\tbatch\tpulse\t3221225472\t1073741824\t2147483648\t1610612736\t2023-11-1"},
        {"list --raw --all", "\noff-with-a-very-long-name-that-goes-on\t-\t(stopped)\t-"},
        {"info web1 --raw", "\ntier_reasons\tstock-device\n"},
        {"info web1 --raw", "\nyield.gamma_bp\t8150\n"},
        {"plan --raw", "\npool.available_bytes\t1073741824\n"},
        {"plan --raw", "\nasks\tweb1\tbatch\t1610612736\t1610612736\t-\tpulse\n"},
        {"plan --raw", "\nrefusals\tdb\tperf\t-\tprotected\tits class"},
        {"plan --raw --explain", "\nexplanations\t2\tweb1\tbatch\t1\t"},
        {"explain web1 --raw", "lines\tFirst.; So it is asked.\n"},
        {"request --raw", "3\t4294967296\t1073741824\thigh\t-\t2 (1 under way)\n"},
        {"request 1GiB --raw", "status\topen\n"},
        {"ask web1 --raw", "id\t7\ndomain\tweb1\n"},
        {"ask web1 --raw --wait", "outcome.returned_bytes\t94371840\n"},
        {"check good.json --raw", "is_valid\tyes\npolicy.version\t1\n"},
        {"check bad.json --raw", "is_valid\tno\nerror\tinvalid\n"},
        {"reporting web1 --raw", "\ncounters.requests\t0\n"},
        {"reload --raw", "is_reloaded\tyes\n"},
    };
    g_autoptr(Bench) bench = bench_new();

    bench->output.out_is_tty = TRUE;
    bench->output.width = 40;
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        run(bench, cases[i].line);
        assert_has(bench->out, cases[i].says);
        g_assert_null(strstr(bench->out->str, "\n\n"));
        g_assert_null(strstr(bench->out->str, "---"));
    }
}

/* What others have written does not reach the terminal as what it would obey. */
static void test_control(void)
{
    g_autoptr(Bench) bench = bench_new();

    bench->fake.uuid = "a\033[2J\r\302\233b\tc\303\244";
    run(bench, "info web1");
    assert_has(bench->out, "a\\x1b[2J\\x0d\\x9bb\tc\303\244\n");
    run(bench, "no-such\033[2J");
    assert_has(bench->err, "no-such\\x1b[2J");
}

/* A path may be of any bytes; JSON may not. */
static void test_odd_path(void)
{
    g_autoptr(Bench) bench = bench_new();

    run(bench, "check \377.json --json");
    assert_has(bench->out, "\"message\"");
    assert_has(bench->out, "\357\277\275.json:3: /pool");
    run(bench, "check \377.json --raw");
    assert_has(bench->out, "\357\277\275.json:3: /pool");
}

/* Moments that nobody can have meant. */
static void test_far_moments(void)
{
    static const gint64 moments[] = {G_MININT64, G_MININT64 + 1, G_MAXINT64};

    for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
        g_autofree char *time = vh_show_time(moments[i]);
        g_autofree char *distance = vh_show_distance(moments[i]);
        g_assert_true(g_ascii_isdigit(distance[0]));
        g_assert_cmpuint(strlen(time), >, 0);
    }
}

static const VhTableColumn plain_columns[] = {{"Name", FALSE, TRUE, NULL, "name"},
                                              {"Size", TRUE, FALSE, NULL, "size_bytes"},
                                              {"Text", FALSE, FALSE, NULL, "text"}};

/* The table of rows as text, under a command's options. */
static char *table_of(Bench *bench, const char *rows)
{
    g_autoptr(VhContext) context = vh_context_new(&bench->program, vh_command_find("list"));
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = g_variant_parse(G_VARIANT_TYPE("aa{sv}"), rows, NULL, NULL, &error);

    g_assert_no_error(error);
    return vh_table_format(context, plain_columns, G_N_ELEMENTS(plain_columns), value);
}

/* As virsh's: a blank, three between columns, dashes to two beyond the longest row. */
static void test_table(void)
{
    static const struct {
        const char *rows, *table;
        guint width;
    } cases[] = {
        {"[{'name': <'web1'>, 'size_bytes': <uint64 5>}, "
         "{'name': <'a'>, 'size_bytes': <uint64 1024>, 'text': <'end'>}]",
         " Name   Size   Text\n"
         "---------------------\n"
         " web1      5   -\n"
         " a      1024   end\n"},
        {"@aa{sv} []", " Name   Size   Text\n---------------------\n"},
        /* characters that take two cells, and one that takes none */
        {"[{'name': <'\u7db2\u9801e\u0301'>, 'text': <'x'>}, {'name': <'abcd'>}]",
         " Name    Size   Text\n"
         "----------------------\n"
         " \u7db2\u9801e\u0301      -   x\n"
         " abcd       -   -\n"},
        {"[{'name': <'\033[31mred'>, 'text': <'a\\nb'>}]", " Name          Size   Text\n"
                                                           "------------------------------\n"
                                                           " \\x1b[31mred      -   a\\x0ab\n"},
        {"[{'name': <'a-long-name-that-is-cut'>, 'text': <'kept'>}]",
         " Name      Size Text\n--------------------\n a-long-na    - kept\n", 20},
        /* rather less room between columns than less in them */
        {"[{'name': <'a-name'>, 'text': <'kept'>}]",
         " Name    Size  Text\n-------------------\n a-name     -  kept\n", 19},
        {"[{'name': <'x'>, 'text': <'\u7db2\u9801'>}]", " Name Size\n----------\n x       -\n", 10},
    };
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        bench->output.out_is_tty = cases[i].width != 0;
        bench->output.width = cases[i].width;
        g_autofree char *table = table_of(bench, cases[i].rows);
        g_assert_cmpstr(table, ==, cases[i].table);
    }
    bench->output.out_is_tty = FALSE;
    bench->program.is_quiet = TRUE;
    bench->program.prefix = "hint-";
    g_autofree char *quiet = table_of(bench, "[{'name': <'a'>}]");
    g_assert_cmpstr(quiet, ==, " a   -   -\n");
    g_autofree char *empty = table_of(bench, "@aa{sv} []");
    g_assert_cmpstr(empty, ==, "");
}

int main(int argc, char **argv)
{
    g_assert_nonnull(setlocale(LC_CTYPE, "C.UTF-8")); /* libsmartcols asks it for widths */
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/commands-show/raw", test_raw);
    g_test_add_func("/commands-show/control", test_control);
    g_test_add_func("/commands-show/odd-path", test_odd_path);
    g_test_add_func("/commands-show/far-moments", test_far_moments);
    g_test_add_func("/commands-show/table", test_table);
    return g_test_run();
}
