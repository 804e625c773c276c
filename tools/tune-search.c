/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Coordinate search by factors. */
#include "tune-search.h"

#include <math.h>

typedef struct {
    TuneConstant *constants;
    guint n;
    double least;
    double best;
    TuneScore score;
    TuneTold told;
    gpointer data;
} Search;

/* Tries one constant at `value`, and keeps it where that is better. */
static gboolean try_value(Search *search, TuneConstant *constant, double value)
{
    double kept = constant->value;
    double wanted = CLAMP(value, constant->minimum, constant->maximum);

    if (constant->is_whole)
        wanted = round(wanted);
    if (wanted == kept)
        return FALSE;
    constant->value = wanted;
    double score = search->score(search->constants, search->n, search->data);
    gboolean is_better = score < search->best - search->least;
    search->told(constant, score, is_better, search->data);
    if (is_better)
        search->best = score;
    else
        constant->value = kept;
    return is_better;
}

/* In one direction as far as it pays. */
static gboolean go_on(Search *search, TuneConstant *constant, double factor)
{
    gboolean has_moved = FALSE;

    while (try_value(search, constant, constant->value * factor))
        has_moved = TRUE;
    return has_moved;
}

static gboolean tune_one(Search *search, TuneConstant *constant)
{
    gboolean has_moved = go_on(search, constant, 0.5);

    if (!has_moved)
        has_moved = go_on(search, constant, 2);
    if (try_value(search, constant, constant->value * G_SQRT2))
        return TRUE;
    return try_value(search, constant, constant->value / G_SQRT2) || has_moved;
}

static void shuffle(GRand *rand, guint *order, guint n)
{
    for (guint i = 0; i < n; i++)
        order[i] = i;
    for (guint i = n; i > 1; i--) {
        guint other = (guint)g_rand_int_range(rand, 0, (gint32)i);
        guint kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

double tune_search(TuneConstant *constants, guint n, guint passes, double least, guint32 seed,
                   TuneScore score, TuneTold told, gpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autofree guint *order = g_new(guint, n);
    Search search = {constants, n, least, score(constants, n, data), score, told, data};
    gboolean has_moved = TRUE;

    for (guint pass = 0; pass < passes && has_moved; pass++) {
        has_moved = FALSE;
        shuffle(rand, order, n);
        for (guint i = 0; i < n; i++)
            has_moved = tune_one(&search, &constants[order[i]]) || has_moved;
    }
    return search.best;
}
