/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures over several runs: means with intervals, shares, fairness. Pure arithmetic. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A mean and its 95 % interval (Student's t). NAN: not known; the interval of a single value is
 * not. */
typedef struct {
    double mean, lo, hi;
    guint n; /* values that it is of */
} VhSpread;

/* Of the values that are numbers. */
VhSpread vh_sim_spread(const double *values, guint n);

/* How far out 97.5 % of Student's distribution with so many degrees of freedom lie. */
double vh_sim_student(guint freedom);

/* Jain's index: 1 where all bear the same, 1/n where one bears all; NAN where nobody bears
 * anything. */
double vh_sim_jain(const double *values, guint n);

/* Of sorted values the one below which the share (0 to 1) lies; NAN of none. */
double vh_sim_percentile(const double *sorted, guint n, double share);

G_END_DECLS
