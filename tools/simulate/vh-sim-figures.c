/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-sim-figures.h. */
#include "vh-sim-figures.h"

#include <math.h>

double vh_sim_student(guint freedom)
{
    /* the two-sided 95 % points, as in any table of the distribution */
    static const double points[] = {NAN,   12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                                    2.306, 2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
                                    2.120, 2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069,
                                    2.064, 2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
    const double normal = 1.959964;

    if (freedom < G_N_ELEMENTS(points))
        return points[freedom];
    /* the first terms of its expansion around the normal distribution's */
    double cubic = (normal * normal * normal + normal) / 4;
    return normal + cubic / freedom;
}

VhSpread vh_sim_spread(const double *values, guint n)
{
    VhSpread spread = {.mean = NAN, .lo = NAN, .hi = NAN};
    double sum = 0, squares = 0;

    for (guint i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            continue;
        sum += values[i];
        spread.n++;
    }
    if (spread.n == 0)
        return spread;
    spread.mean = sum / spread.n;
    if (spread.n < 2)
        return spread;
    for (guint i = 0; i < n; i++) {
        if (isfinite(values[i]))
            squares += (values[i] - spread.mean) * (values[i] - spread.mean);
    }
    double error = sqrt(squares / (spread.n - 1) / spread.n);
    double half = vh_sim_student(spread.n - 1) * error;
    spread.lo = spread.mean - half;
    spread.hi = spread.mean + half;
    return spread;
}

double vh_sim_jain(const double *values, guint n)
{
    double sum = 0, squares = 0;

    for (guint i = 0; i < n; i++) {
        sum += values[i];
        squares += values[i] * values[i];
    }
    return squares > 0 ? sum * sum / (n * squares) : NAN;
}

double vh_sim_percentile(const double *sorted, guint n, double share)
{
    if (n == 0)
        return NAN;
    double place = ceil(share * n) - 1;
    return sorted[(guint)CLAMP(place, 0, n - 1)];
}
