/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The search for constants, on scores whose best point is known. */
#include "tune-search.h"

#include <math.h>

typedef struct {
    double goal[3];
    guint n_scored, n_told, n_kept;
} Valley;

/* Lowest where each constant is at its goal, by factors. */
static double score_valley(const TuneConstant *constants, guint n, gpointer data)
{
    Valley *valley = data;
    double sum = 0;

    valley->n_scored++;
    for (guint i = 0; i < n; i++)
        sum += fabs(log2(constants[i].value / valley->goal[i]));
    return sum;
}

static void count_told(const TuneConstant *tried, double score, gboolean is_kept, gpointer data)
{
    Valley *valley = data;

    g_assert_cmpfloat(tried->value, >=, tried->minimum);
    g_assert_cmpfloat(tried->value, <=, tried->maximum);
    g_assert_false(isnan(score));
    valley->n_told++;
    valley->n_kept += is_kept;
}

static void test_finds_the_bottom(void)
{
    Valley valley = {.goal = {4, 1.0 / 8, 3 * G_SQRT2}};
    TuneConstant constants[] = {
        {"a", 1, 1e-6, 1e6, FALSE}, {"b", 1, 1e-6, 1e6, FALSE}, {"c", 3, 1e-6, 1e6, FALSE}};

    double best = tune_search(constants, 3, 5, 1e-6, 7, score_valley, count_told, &valley);
    g_assert_cmpfloat_with_epsilon(best, 0, 1e-6);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpfloat_with_epsilon(constants[i].value, valley.goal[i], 1e-6);
    g_assert_cmpuint(valley.n_told, ==, valley.n_scored - 1); /* all but the starting point */
}

static void test_stays_in_range(void)
{
    Valley valley = {.goal = {64, 1, 1}};
    TuneConstant constants[] = {{"a", 4, 1, 10, TRUE}};

    tune_search(constants, 1, 3, 1e-6, 7, score_valley, count_told, &valley);
    g_assert_cmpfloat(constants[0].value, ==, 10);
}

/* What is worth less than `least` is not kept: constants do not wander by chance. */
static void test_leaves_what_is_good_enough(void)
{
    Valley valley = {.goal = {1.3, 1, 1}};
    TuneConstant constants[] = {{"a", 1, 0.1, 10, FALSE}};

    tune_search(constants, 1, 3, 0.5, 7, score_valley, count_told, &valley);
    g_assert_cmpfloat(constants[0].value, ==, 1);
    g_assert_cmpuint(valley.n_kept, ==, 0);
    g_assert_cmpuint(valley.n_told, ==, 4); /* half, double, 1.4 times more and less; one pass */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tune/finds-the-bottom", test_finds_the_bottom);
    g_test_add_func("/tune/stays-in-range", test_stays_in_range);
    g_test_add_func("/tune/leaves-what-is-good-enough", test_leaves_what_is_good_enough);
    return g_test_run();
}
