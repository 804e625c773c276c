/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everybody gives the same: the need split evenly, and what one does not have by the others. */
#include "vh-rule.h"

void vh_rule_uniform(GArray *guests, guint64 need_bytes)
{
    for (guint i = 0; i < guests->len; i++) {
        VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        guest->start = 0;
        guest->rate = 1;
        guest->cap_bytes = MIN(guest->idle_bytes, guest->spare_bytes);
    }
    vh_rule_fill(guests, need_bytes);
}

void vh_engine_uniform(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                       VhState *next, VhPlan *plan)
{
    VhRule rule;

    vh_rule_begin(&rule, config, state, snapshot, next, plan);
    if (vh_rule_is_due(&rule, config->interval_us))
        vh_rule_uniform(rule.guests, rule.need_bytes);
    vh_rule_end(&rule);
}
