/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cost model. */
#include "vh-cost.h"
#include "vh-yield.h"

#include <math.h>

/* Per second, what a guest as busy as can be shows: a compile on a few cores faults pages in at the
 * first rate, a disk answers faults at the second, and a guest that thrashes swaps in at the third.
 */
#define FULL_MINOR_FAULTS 50000.0
#define FULL_MAJOR_FAULTS 500.0
#define FULL_SWAP_IN_BYTES (32.0 * (double)VH_MIB)
/* Within so many times the floor, what it could free is close to it. */
#define CLOSE_FLOORS 3.0

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

static guint share_of_full(double value, double full)
{
    return (guint)CLAMP(value / full * 10000, 0, 10000);
}

static guint rate_bp(guint64 now, guint64 before, gint64 elapsed_us, double full_per_s)
{
    return share_of_full((double)vh_sub(now, before),
                         full_per_s * (double)elapsed_us / (double)VH_SEC);
}

guint vh_cost_cpu_bp(const VhDomain *domain, const VhGuestState *guest, gint64 wall_us)
{
    guint known = domain->figures & guest->sample_figures;
    gint64 seen_us = wall_us - guest->sample_wall_us;

    if (guest->sample_stats_time_us == 0 || seen_us <= 0 || !(known & VH_HAS_CPU_TIME) ||
        !(known & VH_HAS_VCPUS) || domain->n_vcpus == 0)
        return 0;
    return share_of_full((double)(domain->cpu_time_us - guest->sample_cpu_time_us),
                         (double)seen_us * domain->n_vcpus);
}

guint vh_cost_sampled_activity_bp(const VhDomain *domain, const VhGuestState *guest, gint64 wall_us)
{
    guint known = domain->figures & guest->sample_figures;
    guint busiest = vh_cost_cpu_bp(domain, guest, wall_us);
    gint64 told_us = domain->stats_time_us - guest->sample_stats_time_us;

    if (guest->sample_stats_time_us == 0 || told_us <= 0)
        return busiest;
    if (known & VH_HAS_FAULTS) {
        busiest = MAX(busiest, rate_bp(domain->minor_faults, guest->sample_minor_faults, told_us,
                                       FULL_MINOR_FAULTS));
        busiest = MAX(busiest, rate_bp(domain->major_faults, guest->sample_major_faults, told_us,
                                       FULL_MAJOR_FAULTS));
    }
    if (known & VH_HAS_SWAP_IN)
        busiest = MAX(busiest, rate_bp(domain->swap_in_bytes, guest->sample_swap_in_bytes, told_us,
                                       FULL_SWAP_IN_BYTES));
    return busiest;
}

/* 0 where it could free CLOSE_FLOORS times the floor beyond the floor itself, 10000 at the floor.
 */
static guint closeness_bp(const VhDomain *domain, guint64 floor_bytes)
{
    if (!(domain->figures & VH_HAS_USABLE) || floor_bytes == 0)
        return 0;
    double beyond = (double)vh_sub(domain->usable_bytes, floor_bytes);
    return 10000 - share_of_full(beyond, CLOSE_FLOORS * (double)floor_bytes);
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

void vh_cost_compute(const VhModel *model, const VhDomain *domain, const VhGuestState *guest,
                     const VhClass *treatment, const VhYield *yield, guint64 floor_bytes,
                     gint64 wall_us, VhCost *ret_cost)
{
    guint64 bytes = vh_cost_ask_bytes(yield, treatment);
    guint64 durable = vh_yield_durable_bytes(yield, bytes);

    *ret_cost = (VhCost){.fairness = 1};
    if (!(model->without & VH_TERM_ACTIVITY))
        ret_cost->activity_bp =
            MAX(guest ? guest->activity_bp : 0, closeness_bp(domain, floor_bytes));
    ret_cost->cost_us = treatment->weight *
                        (vh_cost_ask_us(model, bytes) + vh_cost_refault_us(model, bytes - durable) +
                         (double)model->cost_activity_us * ret_cost->activity_bp / 10000);
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
