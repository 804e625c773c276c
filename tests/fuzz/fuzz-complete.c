/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a command line can go on with: words, one a line, in virthint or (first byte odd) in virsh.
 * A candidate begins as the last word does, nothing else is written, no guest's QEMU is asked, and
 * nothing is changed.
 */
#include "commands-fake.h"

#include "vh-complete.h"

#include "fuzz.h"

#include <string.h>

/* The quote that is open at the end of a word, and the word without quotes. */
static const char *open_quote_of(const char *word, char **ret_plain)
{
    static const char *const ends[] = {"", "'", "\""};

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *closed = g_strconcat(word, ends[i], NULL);
        *ret_plain = g_shell_unquote(closed, NULL);
        if (*ret_plain)
            return ends[i];
    }
    *ret_plain = g_strdup(word);
    return "";
}

/* virsh's are put in where no quote is open. */
static void check_candidates(const char *out, const char *last, gboolean is_virsh)
{
    g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
    g_autofree char *prefix = NULL;
    const char *quote = open_quote_of(last, &prefix);

    for (guint i = 0; lines[i] && *lines[i]; i++) {
        g_autofree char *quoted =
            is_virsh ? g_strdup(lines[i]) : g_strconcat(quote, lines[i], quote, NULL);
        g_auto(GStrv) words = NULL;
        int n_words = 0;
        g_assert_true(g_shell_parse_argv(quoted, &n_words, &words, NULL));
        g_assert_cmpint(n_words, ==, 1);
        const char *plain = words[0];
        if (!g_str_equal(plain, VH_COMPLETE_FILES))
            g_assert_true(g_str_has_prefix(plain, prefix));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    gboolean is_virsh = data[0] % 2 == 1;
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
    g_autofree char *line =
        g_strconcat(is_virsh ? "virsh" : "virthint", "\ncomplete\n--\n", text, NULL);
    g_auto(GStrv) words = g_strsplit(line, "\n", 64);
    guint n = g_strv_length(words);
    g_autoptr(Bench) bench = bench_new();

    bench->fake.has_odd_name = data[0] % 4 >= 2;
    if (is_virsh) {
        bench->program.program = "virsh";
        bench->program.prefix = "hint-";
    }
    VhExit code = vh_command_main(&bench->program, (int)n, words);
    if (code == VH_EXIT_OK) {
        g_assert_cmpuint(bench->err->len, ==, 0);
        check_candidates(bench->out->str, words[n - 1], is_virsh);
    }
    g_assert_true(code == VH_EXIT_OK || bench->err->len > 0);
    g_assert_cmpuint(bench->fake.n_told, ==, 0);
    g_assert_null(bench->fake.policy);
    g_assert_null(bench->fake.events);
    if (bench->fake.n_opened > 0)
        g_assert_cmpint(bench->fake.access, ==, VH_ACCESS_READ);
    return 0;
}
