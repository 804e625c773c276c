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

static char *unquoted(const char *word)
{
    static const char *const ends[] = {"", "'", "\""};

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *closed = g_strconcat(word, ends[i], NULL);
        char *plain = g_shell_unquote(closed, NULL);
        if (plain)
            return plain;
    }
    return g_strdup(word);
}

static void check_candidates(const char *out, const char *last)
{
    g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
    g_autofree char *prefix = unquoted(last);
    gboolean is_quoted = *last == '\'' || *last == '"';

    for (guint i = 0; lines[i] && *lines[i]; i++) {
        g_autofree char *plain = is_quoted ? g_strdup(lines[i]) : g_shell_unquote(lines[i], NULL);
        g_assert_nonnull(plain);
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
        check_candidates(bench->out->str, words[n - 1]);
    }
    g_assert_true(code == VH_EXIT_OK || bench->err->len > 0);
    g_assert_cmpuint(bench->fake.n_told, ==, 0);
    g_assert_null(bench->fake.policy);
    g_assert_null(bench->fake.events);
    if (bench->fake.n_opened > 0)
        g_assert_cmpint(bench->fake.access, ==, VH_ACCESS_READ);
    return 0;
}
