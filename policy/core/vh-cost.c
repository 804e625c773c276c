/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cost model. */
#include "vh-cost.h"
#include "vh-yield.h"

#include <math.h>

#define FAIRNESS_MIN 0.5
#define FAIRNESS_MAX 2.0

static double gib(guint64 bytes)
{
    return (double)bytes / (double)VH_GIB;
}

double vh_cost_ask_us(const VhModel *model, guint64 bytes)
{
    return (double)model->cost_fixed_us + (double)model->cost_per_gib_us * gib(bytes);
}

double vh_cost_refault_us(const VhModel *model, guint64 bytes)
{
    return (double)model->cost_refault_per_gib_us * gib(bytes);
}

double vh_cost_inflicted_us(const VhModel *model, const VhGuestState *guest, gint64 wall_us)
{
    gint64 age_us = MAX(wall_us - guest->inflicted_wall_us, 0);

    if (guest->inflicted_us <= 0)
        return 0;
    return (double)guest->inflicted_us * exp2(-(double)age_us / (double)model->fair_halflife_us);
}

guint64 vh_cost_ask_bytes(const VhYield *yield, const VhClass *treatment)
{
    return treatment->max_per_ask_bytes ? MIN(yield->expected_bytes, treatment->max_per_ask_bytes)
                                        : yield->expected_bytes;
}

void vh_cost_compute(const VhModel *model, const VhGuestState *guest, const VhClass *treatment,
                     const VhYield *yield, gint64 wall_us, VhCost *ret_cost)
{
    guint64 bytes = vh_cost_ask_bytes(yield, treatment);
    guint64 durable = vh_yield_durable_bytes(yield, bytes);

    *ret_cost = (VhCost){.fairness = 1};
    ret_cost->cost_us = treatment->weight *
                        (vh_cost_ask_us(model, bytes) + vh_cost_refault_us(model, bytes - durable));
    if (guest)
        ret_cost->inflicted_us = treatment->weight * vh_cost_inflicted_us(model, guest, wall_us);
    if (durable > 0)
        ret_cost->price = ret_cost->cost_us / ((double)durable / (double)VH_MIB);
}

void vh_cost_correct(const VhModel *model, double mean_inflicted_us, VhCost *cost)
{
    if (mean_inflicted_us <= 0 || model->without & VH_TERM_FAIRNESS)
        return;
    double burden = cost->inflicted_us / mean_inflicted_us - 1;
    double fairness = CLAMP(1 + model->lambda_bp / 10000.0 * burden, FAIRNESS_MIN, FAIRNESS_MAX);
    cost->price *= fairness / cost->fairness;
    cost->fairness = fairness;
}
