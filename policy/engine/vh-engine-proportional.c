/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everybody gives the same share of what it has free and backed. */
#include "vh-rule.h"

void vh_rule_proportional(GArray *guests, guint64 need_bytes)
{
    for (guint i = 0; i < guests->len; i++) {
        VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        guest->start = 0;
        guest->rate = (double)guest->idle_bytes;
        guest->cap_bytes = MIN(guest->idle_bytes, guest->spare_bytes);
    }
    vh_rule_fill(guests, need_bytes);
}

void vh_engine_proportional(const VhConfig *config, const VhState *state,
                            const VhSnapshot *snapshot, VhState *next, VhPlan *plan)
{
    VhRule rule;

    vh_rule_begin(&rule, config, state, snapshot, next, plan);
    if (vh_rule_is_due(&rule, config->interval_us))
        vh_rule_proportional(rule.guests, rule.need_bytes);
    vh_rule_end(&rule);
}
