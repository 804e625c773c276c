/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage of a plan. */
#include "vh-plan.h"

VhPlan *vh_plan_new(void)
{
    VhPlan *plan = g_new0(VhPlan, 1);
    plan->actions = g_array_new(FALSE, TRUE, sizeof(VhAction));
    plan->verdicts = g_array_new(FALSE, TRUE, sizeof(VhVerdict));
    return plan;
}

void vh_plan_free(VhPlan *plan)
{
    if (!plan)
        return;
    g_array_unref(plan->actions);
    g_array_unref(plan->verdicts);
    g_free(plan);
}

void vh_plan_clear(VhPlan *plan)
{
    GArray *actions = plan->actions, *verdicts = plan->verdicts;

    g_array_set_size(actions, 0);
    g_array_set_size(verdicts, 0);
    *plan = (VhPlan){.actions = actions, .verdicts = verdicts};
}
