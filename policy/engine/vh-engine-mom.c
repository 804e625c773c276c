/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After the ballooning rules that come with MOM, oVirt's memory overcommitment manager: below 20 %
 * of free host memory every guest is to keep the less free, the less the host has; nobody moves by
 * more than 5 % at a time.
 */
#include "vh-rule.h"

#define MOM_PERIOD_US (10 * VH_SEC)
#define MOM_PRESSURE 0.20
#define MOM_CRITICAL 0.05
#define MOM_GUEST_FREE 0.20
#define MOM_STEP 0.05
#define MOM_DEAD_BAND 0.0025
/* Host and guests are judged by the mean of their last samples. */
#define MOM_SAMPLES 10
#define MOM_SAMPLE_US (5 * VH_SEC)

void vh_rule_mom(GArray *guests, double host_free)
{
    /* in need the guest's own free memory is to be less than nothing: it is made to swap */
    double guest_free = host_free <= MOM_CRITICAL ? host_free - MOM_CRITICAL
                                                  : MOM_GUEST_FREE * host_free / MOM_PRESSURE;

    for (guint i = 0; i < guests->len; i++) {
        VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        double size = (double)vh_rule_guest_holds(guest);
        double least = (double)guest->target_bytes + guest_free * size;
        double change = size - MAX(size * (1 - MOM_STEP), least);

        guest->ask_bytes = 0;
        if (host_free < MOM_PRESSURE && change > MOM_DEAD_BAND * size)
            guest->ask_bytes = (guint64)change;
    }
}

void vh_engine_mom(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                   VhState *next, VhPlan *plan)
{
    VhRule rule;

    vh_rule_begin(&rule, config, state, snapshot, next, plan);
    double available = (double)vh_rule_sample(&rule, MOM_SAMPLE_US, MOM_SAMPLES);
    if (rule.total_bytes != 0 && vh_rule_is_due(&rule, MOM_PERIOD_US))
        vh_rule_mom(rule.guests, available / (double)rule.total_bytes);
    vh_rule_end(&rule);
}
