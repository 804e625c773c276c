/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The workload language's parser: what it takes, what it refuses, and with which words. */
#include <glib.h>
#include <string.h>

#include "vh-workload.h"

static const struct {
    const char *program;
    unsigned line;
    const char *says; /* in the sentence: what would be right */
} bad[] = {
    {"", 1, "at least one operation"},
    {"# only a comment\n\n", 3, "at least one operation"},
    {"bogus", 1, "there are seed, alloc"},
    {"Alloc a 4KiB", 1, "no operation"},
    {"seed", 1, "seed NUMBER"},
    {"seed -1", 1, "whole number"},
    {"seed 1x", 1, "whole number"},
    {"seed 18446744073709551616", 1, "2^64-1"},
    {"seed 1 2", 1, "seed NUMBER"},
    {"alloc a", 1, "alloc NAME SIZE"},
    {"alloc a 64", 1, "B, KiB, MiB or GiB"},
    {"alloc a 64MB", 1, "64MiB"},
    {"alloc a 64 MiB", 1, "such as 64MiB"},
    {"alloc a -4KiB", 1, "whole number"},
    {"alloc a 1.5GiB", 1, "whole number"},
    {"alloc a 0MiB", 1, "4KiB"},
    {"alloc a 6KiB", 1, "multiple of the page size"},
    {"alloc a 1025GiB", 1, "at most 1024GiB"},
    {"alloc a 18014398509481984KiB", 1, "at most"},
    {"alloc a 99999999999999999999GiB", 1, "at most"},
    {"alloc a/b 4KiB", 1, "letters, digits"},
    {"alloc abcdefghijklmnopqrstuvwx 4KiB", 1, "at most 23"},
    {"alloc a 4KiB huge", 1, "thp, nothp"},
    {"alloc a 4KiB thp thp", 1, "alloc NAME SIZE [thp|nothp]"},
    {"alloc a 4KiB\nverify", 2, "verify NAME"},
    {"free a 0%", 1, "1% to 100%"},
    {"free a 101%", 1, "1% to 100%"},
    {"free a 5%%", 1, "1% to 100%"},
    {"free a %", 1, "1% to 100%"},
    {"free a half", 1, "B, KiB"},
    {"fragment a 1MiB keep 4KiB in 128KiB", 1, "'of'"},
    {"fragment a 1MiB 4KiB of 128KiB", 1, "fragment NAME SIZE keep SIZE of SIZE"},
    {"fragment a 1MiB keep 8KiB of 8KiB", 1, "keep less"},
    {"fragment a 1MiB keep 4KiB of 128KiB thp x", 1, "more than 8 words"},
    {"churn 1MiB", 1, "churn SIZE for DURATION"},
    {"churn 1MiB during 5s", 1, "'for'"},
    {"churn 1MiB for 5", 1, "ms, s or min"},
    {"churn 1MiB for 2h", 1, "ms, s or min"},
    {"churn 1MiB for 5s rate", 1, "rate SIZE/s"},
    {"churn 1MiB for 5s rate 1MiB", 1, "8MiB/s"},
    {"churn 1MiB for 5s speed 1MiB/s", 1, "'rate'"},
    {"cache", 1, "cache SIZE"},
    {"dropcache now", 1, "dropcache"},
    {"wait", 1, "wait DURATION"},
    {"wait 1441min", 1, "one day"},
    {"wait 99999999999999999999s", 1, "one day"},
    {"repeat 0\nend", 1, "from 1 to 1000000"},
    {"repeat 1000001\nend", 1, "from 1 to 1000000"},
    {"wait 1s\nrepeat 2\nwait 1s", 2, "no 'end'"},
    {"end", 1, "without a repeat"},
    {"repeat 2\nend\nend", 3, "without a repeat"},
    {"repeat 2\nrepeat 2\nrepeat 2\nrepeat 2\nrepeat 2\nrepeat 2\nrepeat 2\nrepeat 2\nrepeat 2", 9,
     "deeper than 8"},
    {"locate", 1, "locate NAME [SIZE]"},
    {"report all", 1, "report"},
    {"stress 1MiB for 5s", 1, "stress SIZE for DURATION threads N [without LIST]"},
    {"stress 1MiB for 5s workers 2", 1, "'threads'"},
    {"stress 1MiB for 5s threads 0", 1, "from 1 to 64"},
    {"stress 1MiB for 5s threads 65", 1, "from 1 to 64"},
    {"stress 8KiB for 5s threads 3", 1, "each needs a page"},
    {"stress 1MiB for 5s threads 2 without", 1, "lacks its list"},
    {"stress 1MiB for 5s threads 2 with fork", 1, "'without'"},
    {"stress 1MiB for 5s threads 2 without fork,fill", 1, "no 'fill'"},
    {"stress 1MiB for 5s threads 2 without fork,,pipe", 1, "no ''"},
    {"verify a b", 1, "verify NAME"},
    {"verify \x01", 1, "printable ASCII"},
    {"verify \xc3\xa4", 1, "printable ASCII"},
    {"verify aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1,
     "longer than 63"},
};

static void refuses_with_the_line_and_what_would_be_right(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *line = g_strdup_printf("line %u: ", bad[i].line);
        char error[256] = "";
        VhWorkload workload;

        g_test_message("%s", bad[i].program);
        g_assert_cmpint(vh_workload_parse(bad[i].program, strlen(bad[i].program), &workload, error,
                                          sizeof(error)),
                        ==, -1);
        g_assert_null(workload.ops);
        g_assert_cmpuint(workload.count, ==, 0);
        g_test_message("%s", error);
        g_assert_true(g_str_has_prefix(error, line));
        g_assert_nonnull(strstr(error, bad[i].says));
    }
}

static const struct {
    const char *program;
    VhWorkloadOp op; /* the first one; line and match are not looked at */
} good[] = {
    {"seed 18446744073709551615", {.kind = VH_WORKLOAD_SEED, .value = G_MAXUINT64}},
    {"alloc a 4096B", {.kind = VH_WORKLOAD_ALLOC, .name = "a", .bytes = 4096}},
    {"  alloc\ta_b-9 64MiB thp # and why\r\n",
     {.kind = VH_WORKLOAD_ALLOC,
      .name = "a_b-9",
      .bytes = 64u << 20,
      .thp = VH_WORKLOAD_THP_WANTED}},
    {"\n\nalloc a 1024GiB nothp",
     {.kind = VH_WORKLOAD_ALLOC,
      .name = "a",
      .bytes = VH_WORKLOAD_MAX_SIZE_BYTES,
      .thp = VH_WORKLOAD_THP_REFUSED}},
    {"verify a", {.kind = VH_WORKLOAD_VERIFY, .name = "a"}},
    {"free a", {.kind = VH_WORKLOAD_FREE, .name = "a"}},
    {"free a 75%", {.kind = VH_WORKLOAD_FREE, .name = "a", .share_bp = 7500}},
    {"free a 8KiB", {.kind = VH_WORKLOAD_FREE, .name = "a", .bytes = 8192}},
    {"fragment a 1GiB keep 4KiB of 128KiB",
     {.kind = VH_WORKLOAD_FRAGMENT,
      .name = "a",
      .bytes = 1u << 30,
      .keep_bytes = 4096,
      .granule_bytes = 128u << 10}},
    {"churn 64MiB for 1500ms",
     {.kind = VH_WORKLOAD_CHURN, .bytes = 64u << 20, .duration_us = 1500000}},
    {"churn 64MiB for 2min rate 8MiB/s",
     {.kind = VH_WORKLOAD_CHURN,
      .bytes = 64u << 20,
      .duration_us = 120000000,
      .rate_bytes_per_s = 8u << 20}},
    {"cache 100MiB", {.kind = VH_WORKLOAD_CACHE, .bytes = 100u << 20}},
    {"dropcache", {.kind = VH_WORKLOAD_DROPCACHE}},
    {"wait 0s", {.kind = VH_WORKLOAD_WAIT}},
    {"locate a", {.kind = VH_WORKLOAD_LOCATE, .name = "a"}},
    {"locate a 4KiB", {.kind = VH_WORKLOAD_LOCATE, .name = "a", .bytes = 4096}},
    {"report", {.kind = VH_WORKLOAD_REPORT}},
    {"stress 1GiB for 30s threads 4",
     {.kind = VH_WORKLOAD_STRESS, .bytes = 1u << 30, .duration_us = 30000000, .value = 4}},
    {"stress 1GiB for 1s threads 1 without pipe,fragment",
     {.kind = VH_WORKLOAD_STRESS,
      .bytes = 1u << 30,
      .duration_us = 1000000,
      .value = 1,
      .stress_without = 1u << VH_WORKLOAD_STRESS_PIPE | 1u << VH_WORKLOAD_STRESS_FRAGMENT}},
    {"repeat 1000000\nend", {.kind = VH_WORKLOAD_REPEAT, .value = 1000000}},
};

static void takes_each_operation(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        const VhWorkloadOp *want = &good[i].op;
        char error[256] = "";
        VhWorkload workload;

        g_test_message("%s", good[i].program);
        vh_workload_parse(good[i].program, strlen(good[i].program), &workload, error,
                          sizeof(error));
        g_assert_cmpstr(error, ==, "");
        g_assert_cmpuint(workload.count, >=, 1);
        g_assert_cmpint(workload.ops[0].kind, ==, want->kind);
        g_assert_cmpstr(workload.ops[0].name, ==, want->name);
        g_assert_cmpint(workload.ops[0].thp, ==, want->thp);
        g_assert_cmpuint(workload.ops[0].bytes, ==, want->bytes);
        g_assert_cmpuint(workload.ops[0].keep_bytes, ==, want->keep_bytes);
        g_assert_cmpuint(workload.ops[0].granule_bytes, ==, want->granule_bytes);
        g_assert_cmpuint(workload.ops[0].rate_bytes_per_s, ==, want->rate_bytes_per_s);
        g_assert_cmpuint(workload.ops[0].duration_us, ==, want->duration_us);
        g_assert_cmpuint(workload.ops[0].value, ==, want->value);
        g_assert_cmpuint(workload.ops[0].share_bp, ==, want->share_bp);
        g_assert_cmpuint(workload.ops[0].stress_without, ==, want->stress_without);
        vh_workload_clear(&workload);
        g_assert_null(workload.ops);
    }
}

static void pairs_repeat_with_end(void)
{
    static const char program[] = "repeat 2\nrepeat 3\nend\nwait 1s\nend\nrepeat 4\nend";
    static const guint32 match[] = {4, 2, 1, 0, 0, 6, 5};
    char error[256];
    VhWorkload workload;

    g_assert_cmpint(vh_workload_parse(program, strlen(program), &workload, error, sizeof(error)),
                    ==, 0);
    g_assert_cmpuint(workload.count, ==, G_N_ELEMENTS(match));
    for (gsize i = 0; i < workload.count; i++) {
        g_assert_cmpuint(workload.ops[i].match, ==, match[i]);
        g_assert_cmpuint(workload.ops[i].line, ==, i + 1);
    }
    vh_workload_clear(&workload);
}

static void bounds_the_program(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char error[256];
    VhWorkload workload;

    for (guint i = 0; i < VH_WORKLOAD_MAX_OPS; i++)
        g_string_append(text, "report\n");
    g_assert_cmpint(vh_workload_parse(text->str, text->len, &workload, error, sizeof(error)), ==,
                    0);
    g_assert_cmpuint(workload.count, ==, VH_WORKLOAD_MAX_OPS);
    vh_workload_clear(&workload);
    g_string_append(text, "report\n");
    g_assert_cmpint(vh_workload_parse(text->str, text->len, &workload, error, sizeof(error)), ==,
                    -1);
    g_assert_nonnull(strstr(error, "use repeat"));
    while (text->len <= VH_WORKLOAD_MAX_TEXT_BYTES)
        g_string_append(text, "# longer and longer\n");
    g_assert_cmpint(vh_workload_parse(text->str, text->len, &workload, error, sizeof(error)), ==,
                    -1);
    g_assert_nonnull(strstr(error, "longer than 65536 bytes"));
}

/* Random bytes, and good programs with one byte changed: never a crash, always an answer. */
static void survives_anything(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20260101);

    for (guint round = 0; round < 20000; round++) {
        const char *program = good[g_rand_int_range(rand, 0, G_N_ELEMENTS(good))].program;
        g_autofree char *text = g_strdup(program);
        gsize length = strlen(text);
        char error[256] = "";
        VhWorkload workload;
        int result;

        text[g_rand_int_range(rand, 0, (gint)length)] = (char)g_rand_int_range(rand, 0, 256);
        result = vh_workload_parse(text, length, &workload, error, sizeof(error));
        g_assert_true(result == 0 ? workload.count > 0 : g_str_has_prefix(error, "line "));
        vh_workload_clear(&workload);
    }
}

/* The pattern is part of the contract: whoever executes workloads has to write the same. */
static void pattern_is_fixed(void)
{
    /* SplitMix64 with seed 0: its first two outputs are well known. */
    g_assert_cmpuint(vh_workload_mix(0, 0), ==, G_GUINT64_CONSTANT(0xe220a8397b1dcdaf));
    g_assert_cmpuint(vh_workload_mix(0, 1), ==, G_GUINT64_CONSTANT(0x6e789e6aa1b965f4));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/workload/refuses-with-the-line-and-what-would-be-right",
                    refuses_with_the_line_and_what_would_be_right);
    g_test_add_func("/workload/takes-each-operation", takes_each_operation);
    g_test_add_func("/workload/pairs-repeat-with-end", pairs_repeat_with_end);
    g_test_add_func("/workload/bounds-the-program", bounds_the_program);
    g_test_add_func("/workload/survives-anything", survives_anything);
    g_test_add_func("/workload/pattern-is-fixed", pattern_is_fixed);
    return g_test_run();
}
