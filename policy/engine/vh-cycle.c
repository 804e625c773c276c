/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cycle, and the table of engines. */
#include "vh-cycle.h"
#include "vh-decide.h"
#include "vh-learn.h"
#include "vh-rule.h"

static const VhEngine engines[] = {
    {"virthint", vh_decide},
    {"uniform", vh_engine_uniform},
    {"proportional", vh_engine_proportional},
    {"largest", vh_engine_largest},
    {"proxmox", vh_engine_proxmox},
    {"mom", vh_engine_mom},
    {"esx", vh_engine_esx},
};

const VhEngine *vh_engine_find(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(engines); i++) {
        if (g_str_equal(engines[i].name, name))
            return &engines[i];
    }
    return NULL;
}

const char *const *vh_engine_names(void)
{
    static const char *names[G_N_ELEMENTS(engines) + 1];

    for (guint i = 0; i < G_N_ELEMENTS(engines); i++)
        names[i] = engines[i].name;
    return names;
}

struct VhCycle {
    const VhEngine *engine;
    VhSource *source;
    VhActuator *actuator;
    VhSnapshot *snapshot; /* of the last turn */
    VhSnapshot *reading;  /* storage for the next one */
    VhState *state;
    VhState *next;
    VhPlan *plan;
};

VhCycle *vh_cycle_new(const VhEngine *engine, VhSource *source, VhActuator *actuator,
                      VhState *state)
{
    VhCycle *cycle = g_new0(VhCycle, 1);

    cycle->engine = engine;
    cycle->source = source;
    cycle->actuator = actuator;
    cycle->snapshot = vh_snapshot_new();
    cycle->reading = vh_snapshot_new();
    cycle->state = state ? state : vh_state_new();
    cycle->next = vh_state_new();
    cycle->plan = vh_plan_new();
    return cycle;
}

void vh_cycle_free(VhCycle *cycle)
{
    if (!cycle)
        return;
    vh_snapshot_free(cycle->snapshot);
    vh_snapshot_free(cycle->reading);
    vh_state_free(cycle->state);
    vh_state_free(cycle->next);
    vh_plan_free(cycle->plan);
    g_free(cycle);
}

gboolean vh_cycle_run(VhCycle *cycle, const VhConfig *config, GError **error)
{
    vh_snapshot_clear(cycle->reading);
    if (!cycle->source->read(cycle->source, config, cycle->reading, error))
        return FALSE;
    cycle->actuator->report(cycle->actuator, cycle->reading);
    vh_snapshot_sort(cycle->reading);
    VhSnapshot *read = cycle->reading;
    cycle->reading = cycle->snapshot;
    cycle->snapshot = read;

    cycle->engine->decide(config, cycle->state, cycle->snapshot, cycle->next, cycle->plan);
    VhState *decided = cycle->next;
    cycle->next = cycle->state;
    cycle->state = decided;

    for (guint i = 0; i < cycle->plan->actions->len; i++)
        cycle->actuator->act(cycle->actuator, cycle->snapshot,
                             &g_array_index(cycle->plan->actions, VhAction, i));
    for (guint i = 0; cycle->actuator->toggle && i < cycle->plan->toggles->len; i++)
        cycle->actuator->toggle(cycle->actuator, cycle->snapshot,
                                &g_array_index(cycle->plan->toggles, VhToggle, i));
    return TRUE;
}

/* Of guests that are not in the snapshot everything else is kept as it is. */
void vh_cycle_learn(VhCycle *cycle, const VhConfig *config, gint64 now_us, gint64 wall_us)
{
    vh_snapshot_clear(cycle->reading);
    cycle->reading->now_us = now_us;
    cycle->reading->wall_us = wall_us;
    cycle->actuator->report(cycle->actuator, cycle->reading);
    vh_snapshot_sort(cycle->reading);
    vh_learn(config, cycle->state, cycle->reading, cycle->next);
    VhState *learned = cycle->next;
    cycle->next = cycle->state;
    cycle->state = learned;
}

const VhSnapshot *vh_cycle_snapshot(const VhCycle *cycle)
{
    return cycle->snapshot;
}

const VhPlan *vh_cycle_plan(const VhCycle *cycle)
{
    return cycle->plan;
}

const VhState *vh_cycle_state(const VhCycle *cycle)
{
    return cycle->state;
}

const VhState *vh_cycle_state_before(const VhCycle *cycle)
{
    return cycle->next; /* until the next turn writes to it */
}
