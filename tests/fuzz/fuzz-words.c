/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of a command line, one a line, in virthint or (first byte odd) in virsh; behind a NUL
 * byte a string of virsh's commands. Every line ends in an exit code; what is refused is said in
 * virsh's manner there, and a string is taken apart without a byte lost.
 */
#include "commands-fake.h"

#include "fuzz.h"

#define main virsh_hint_main
int virsh_hint_main(int argc, char **argv);
#include "virsh-hint.c"
#undef main

/* Nothing is run here. */
int vh_virsh_run(virConnectPtr connection, unsigned int flags, const char *name, int n,
                 const char *const *arguments, const VhVirshOutput *output)
{
    g_assert_not_reached();
}

char *vh_virsh_complete(virConnectPtr connection, int n, const char *const *words)
{
    g_assert_not_reached();
}

static void check_texts(const Bench *bench, gboolean is_virsh, VhExit code)
{
    g_assert_true(g_utf8_validate(bench->out->str, -1, NULL));
    g_assert_cmpint(code, >=, VH_EXIT_OK);
    g_assert_cmpint(code, <=, VH_EXIT_USAGE);
    if (code == VH_EXIT_USAGE)
        g_assert_cmpuint(bench->err->len, >, 0);
    if (!is_virsh || bench->err->len == 0)
        return;
    g_assert_true(g_str_has_prefix(bench->err->str, "error: "));
    g_assert_cmpint(bench->err->str[bench->err->len - 1], ==, '\n');
    if (code == VH_EXIT_USAGE)
        g_assert_cmpuint(bench->n_errors, ==, 1);
}

static void run_line(const char *text, gboolean is_virsh)
{
    g_autoptr(Bench) bench = bench_new();
    g_autofree char *line = g_strconcat(is_virsh ? "virsh\n" : "virthint\n", text, NULL);
    g_auto(GStrv) words = g_strsplit(line, "\n", 64);

    if (is_virsh) {
        bench->program.program = "virsh";
        bench->program.prefix = "hint-";
    }
    VhExit code = vh_command_main(&bench->program, (int)g_strv_length(words), words);
    check_texts(bench, is_virsh, code);
}

static void check_string(const char *string)
{
    g_auto(GStrv) parts = split_string(string);
    gsize length = g_strv_length(parts) - 1; /* what stood between them */
    gboolean is_mixed = TRUE;
    guint n_ours = 0;

    for (guint i = 0; parts[i]; i++)
        length += strlen(parts[i]);
    g_assert_cmpuint(length, ==, strlen(string));
    g_autoptr(GPtrArray) lists = read_string(string, &is_mixed);
    for (guint i = 0; lists && i < lists->len; i++) {
        char **words = lists->pdata[i];
        g_assert_nonnull(words[0]);
        n_ours += is_ours(words[0]);
        (void)is_about((int)g_strv_length(words), words);
    }
    if (!lists)
        return;
    g_assert_cmpuint(n_ours, >, 0);
    g_assert_cmpint(is_mixed, ==, n_ours != lists->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
    gsize end = strlen(text) + 2;

    run_line(text, data[0] % 2 == 1);
    if (end < size) {
        g_autofree char *string = g_strndup((const char *)data + end, size - end);
        check_string(string);
    }
    return 0;
}
