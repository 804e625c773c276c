/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage of a plan, and the words of it. */
#include "vh-plan.h"

VhPlan *vh_plan_new(void)
{
    VhPlan *plan = g_new0(VhPlan, 1);
    plan->actions = g_array_new(FALSE, TRUE, sizeof(VhAction));
    plan->toggles = g_array_new(FALSE, TRUE, sizeof(VhToggle));
    plan->verdicts = g_array_new(FALSE, TRUE, sizeof(VhVerdict));
    return plan;
}

void vh_plan_free(VhPlan *plan)
{
    if (!plan)
        return;
    g_array_unref(plan->actions);
    g_array_unref(plan->toggles);
    g_array_unref(plan->verdicts);
    g_free(plan);
}

void vh_plan_clear(VhPlan *plan)
{
    VhPlan empty = {.actions = plan->actions, .toggles = plan->toggles, .verdicts = plan->verdicts};

    *plan = empty;
    g_array_set_size(plan->actions, 0);
    g_array_set_size(plan->toggles, 0);
    g_array_set_size(plan->verdicts, 0);
}

static const struct {
    const char *name;
    const char *text;
} toggle_reasons[VH_TOGGLE_REASONS] = {
    [VH_TOGGLE_NONE] = {"none", "it is as it should be"},
    [VH_TOGGLE_LEAVE] = {"leave", "its class leaves reporting alone, or it is never to be asked"},
    [VH_TOGGLE_TIER] = {"tier", "its QEMU cannot be told, or must not be"},
    [VH_TOGGLE_UNKNOWN] = {"unknown", "nobody knows yet whether it is on"},
    [VH_TOGGLE_ABSENT] = {"absent", "it is not running, does not answer, or is held by a job"},
    [VH_TOGGLE_ALWAYS] = {"always", "switched on: its class always has it on"},
    [VH_TOGGLE_PRESSURE] = {"pressure",
                            "switched on: memory has been short, and what it gives lasts"},
    [VH_TOGGLE_OFF] = {"off", "switched off: its class has it off"},
    [VH_TOGGLE_RETOUCH] = {"retouch", "switched off: it takes back at once what it gives"},
    [VH_TOGGLE_QUIET] = {"quiet", "switched off: memory has not been short for a while"},
    [VH_TOGGLE_IN_FLIGHT] = {"in-flight", "not now: an ask is under way"},
    [VH_TOGGLE_DWELL] = {"dwell", "not yet: it was switched too recently"},
    [VH_TOGGLE_TOO_OFTEN] = {"too-often", "not yet: it was switched often enough within the hour"},
};

const char *vh_toggle_reason_name(VhToggleReason reason)
{
    g_return_val_if_fail((guint)reason < VH_TOGGLE_REASONS, "unknown");
    return toggle_reasons[reason].name;
}

const char *vh_toggle_reason_text(VhToggleReason reason)
{
    g_return_val_if_fail((guint)reason < VH_TOGGLE_REASONS, "unknown");
    return toggle_reasons[reason].text;
}
