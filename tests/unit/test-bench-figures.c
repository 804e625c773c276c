/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures of a benchmark over its runs. */
#include "bench-figures.h"

#include <math.h>

typedef struct {
    int other;
    double value;
} Sample;

static JsonObject *spread_of(const Sample *samples, guint n)
{
    JsonObject *object = json_object_new();

    BENCH_SET_SPREAD(object, samples, n, value);
    return object;
}

static void test_median(void)
{
    static const struct {
        Sample samples[4];
        guint n;
        double median, min, max;
    } cases[] = {
        {{{1, 7}}, 1, 7, 7, 7},
        {{{1, 9}, {2, 1}, {3, 4}}, 3, 4, 1, 9},
        {{{1, 8}, {2, 1}, {3, 4}, {4, 2}}, 4, 3, 1, 8},
        {{{1, NAN}, {2, 5}, {3, 3}}, 3, 4, 3, 5},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonObject) object = spread_of(cases[i].samples, cases[i].n);
        JsonObject *spread = json_object_get_object_member(object, "value");

        g_assert_cmpfloat(bench_median(object, "value"), ==, cases[i].median);
        g_assert_cmpfloat(json_object_get_double_member(spread, "min"), ==, cases[i].min);
        g_assert_cmpfloat(json_object_get_double_member(spread, "max"), ==, cases[i].max);
    }
}

/* The runs stay in their order: drift over time is to be seen. */
static void test_order(void)
{
    static const Sample samples[] = {{0, 3}, {0, 1}, {0, 2}};
    g_autoptr(JsonObject) object = spread_of(samples, G_N_ELEMENTS(samples));
    JsonArray *runs =
        json_object_get_array_member(json_object_get_object_member(object, "value"), "runs");

    g_assert_cmpuint(json_array_get_length(runs), ==, G_N_ELEMENTS(samples));
    for (guint i = 0; i < G_N_ELEMENTS(samples); i++)
        g_assert_cmpfloat(json_array_get_double_element(runs, i), ==, samples[i].value);
}

/* What is unknown is null, and never 0. */
static void test_unknown(void)
{
    static const Sample samples[] = {{0, NAN}, {0, INFINITY}};
    g_autoptr(JsonObject) object = spread_of(samples, G_N_ELEMENTS(samples));

    g_assert_true(json_object_get_null_member(object, "value"));
    g_assert_true(isnan(bench_median(object, "value")));
    g_assert_true(isnan(bench_median(object, "nothing")));
    g_assert_true(isnan(bench_median(NULL, "value")));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bench-figures/median", test_median);
    g_test_add_func("/bench-figures/order", test_order);
    g_test_add_func("/bench-figures/unknown", test_unknown);
    return g_test_run();
}
