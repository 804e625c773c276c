/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After what was published of VMware ESX Server: min-funding revocation with a tax on idle memory.
 * Memory is taken from whoever pays the fewest shares for each page, where an idle page is taxed so
 * that it costs as much as k active ones.
 */
#include "vh-rule.h"

#define ESX_TAX 0.75
#define ESX_K (1 / (1 - ESX_TAX))
/* Shares for each MiB of a guest's memory where its class has the default weight. */
#define ESX_SHARES_PER_MIB 10.0
#define ESX_WEIGHT 4
#define ESX_REBALANCE_US (15 * VH_SEC)
/* What a guest is active in, its target_bytes here, is a mean over this. */
#define ESX_SAMPLE_US (30 * VH_SEC)
#define ESX_SAMPLES 2

static double shares_of(const VhRuleGuest *guest)
{
    return ESX_SHARES_PER_MIB * ((double)guest->maximum_bytes / (double)VH_MIB) * guest->weight /
           ESX_WEIGHT;
}

/*
 * rho = S / (P * (f + k * (1 - f))) with P = holds and f = active / P makes the denominator active
 * + k * idle. Taking from whoever has the lowest rho until nobody has a lower one raises all that
 * give to one common rho: x = (active + k * idle - S / rho) / k. With 1/rho falling from the
 * highest there is, that is a line for each guest that begins where its own 1/rho is reached.
 */
void vh_rule_esx(GArray *guests, guint64 need_bytes)
{
    double highest = 0;

    for (guint i = 0; i < guests->len; i++) {
        VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        guint64 holds = vh_rule_guest_holds(guest);
        guint64 active = MIN(guest->target_bytes, holds);
        double taxed = (double)active + ESX_K * (double)(holds - active);
        double shares = MAX(shares_of(guest), 1);

        guest->start = taxed / shares;
        guest->rate = shares / ESX_K;
        guest->cap_bytes = MIN(holds - active, guest->spare_bytes);
        highest = MAX(highest, guest->start);
    }
    for (guint i = 0; i < guests->len; i++) {
        VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        guest->start = highest - guest->start;
    }
    vh_rule_fill(guests, need_bytes);
}

/* The states are the pool's levels: in `hard` and `low` it does not wait for the next rebalance. */
void vh_engine_esx(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                   VhState *next, VhPlan *plan)
{
    VhRule rule;

    vh_rule_begin(&rule, config, state, snapshot, next, plan);
    vh_rule_sample(&rule, ESX_SAMPLE_US, ESX_SAMPLES);
    if (vh_rule_is_due(&rule,
                       plan->level >= VH_LEVEL_HIGH ? config->interval_us : ESX_REBALANCE_US))
        vh_rule_esx(rule.guests, rule.need_bytes);
    vh_rule_end(&rule);
}
