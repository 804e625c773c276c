/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has most free and backed gives all of it, then the next, until the need is met. */
#include "vh-rule.h"

static int compare_largest(gconstpointer a, gconstpointer b)
{
    const VhRuleGuest *left = *(VhRuleGuest *const *)a, *right = *(VhRuleGuest *const *)b;

    if (left->idle_bytes != right->idle_bytes)
        return left->idle_bytes > right->idle_bytes ? -1 : 1;
    return left->domain < right->domain ? -1 : 1;
}

void vh_rule_largest(GArray *guests, guint64 need_bytes)
{
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    guint64 left = need_bytes;

    for (guint i = 0; i < guests->len; i++)
        g_ptr_array_add(order, &g_array_index(guests, VhRuleGuest, i));
    g_ptr_array_sort(order, compare_largest);
    for (guint i = 0; i < order->len; i++) {
        VhRuleGuest *guest = order->pdata[i];
        guest->ask_bytes = MIN(MIN(guest->idle_bytes, guest->spare_bytes), left);
        left -= guest->ask_bytes;
    }
}

void vh_engine_largest(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                       VhState *next, VhPlan *plan)
{
    VhRule rule;

    vh_rule_begin(&rule, config, state, snapshot, next, plan);
    if (vh_rule_is_due(&rule, config->interval_us))
        vh_rule_largest(rule.guests, rule.need_bytes);
    vh_rule_end(&rule);
}
