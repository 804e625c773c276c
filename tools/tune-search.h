/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A search for better constants, one after the other: knows numbers, ranges and a score, and
 * nothing of what they mean.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
    const char *name;
    double value; /* the starting point, then the best so far */
    double minimum;
    double maximum;
    gboolean is_whole; /* no fractions */
} TuneConstant;

/* What the constants as they are now are worth: less is better. */
typedef double (*TuneScore)(const TuneConstant *constants, guint n, gpointer data);
/* Told of each value tried: its score, and whether it is kept. */
typedef void (*TuneTold)(const TuneConstant *tried, double score, gboolean is_kept, gpointer data);

/*
 * Each constant in turn, in an order by chance, is doubled or halved as long as that makes the
 * score better by more than `least`, and then tried at 1.4 times less and more; this until a whole
 * pass changes nothing, or `passes` times. Values are kept in `constants`. Returns the best score.
 * Equal arguments give equal results.
 */
double tune_search(TuneConstant *constants, guint n, guint passes, double least, guint32 seed,
                   TuneScore score, TuneTold told, gpointer data);

G_END_DECLS
