/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One turn of the loop: read a snapshot, decide, act. The daemon, a dry run, a replay and a
 * simulation are this cycle with another source and another actuator.
 */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/* A decision as plug-in data: virthint's own and, beside it, others to compare it with. */
typedef struct {
    const char *name;
    void (*decide)(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                   VhState *next, VhPlan *plan);
} VhEngine;

/* By name; NULL where there is none. vh_engine_names() is NULL-terminated, the default first. */
const VhEngine *vh_engine_find(const char *name);
const char *const *vh_engine_names(void);

/* Where snapshots come from. Embed it as the first member of the implementation. */
typedef struct VhSource VhSource;
struct VhSource {
    /* Adds the host and the guests to an empty snapshot, and what the policy's pool and matches go
     * by. Must not block on a guest. */
    gboolean (*read)(VhSource *source, const VhConfig *config, VhSnapshot *snapshot,
                     GError **error);
};

/* What carries plans out. Embed it as the first member of the implementation. */
typedef struct VhActuator VhActuator;
struct VhActuator {
    /* Adds what is in flight, what ended since it was last called, and open requests. */
    void (*report)(VhActuator *actuator, VhSnapshot *snapshot);
    /* Starts one action. Must not block; how it went is in a later report, also where it failed at
     * once. */
    void (*act)(VhActuator *actuator, const VhSnapshot *snapshot, const VhAction *action);
    /* Switches a guest's continuous reporting. Must not block; how it stands is in a later
     * snapshot. NULL: nobody is switched. */
    void (*toggle)(VhActuator *actuator, const VhSnapshot *snapshot, const VhToggle *toggle);
};

typedef struct VhCycle VhCycle;

/* Source and actuator are borrowed. `state` is taken; NULL: a fresh one. */
VhCycle *vh_cycle_new(const VhEngine *engine, VhSource *source, VhActuator *actuator,
                      VhState *state);
void vh_cycle_free(VhCycle *cycle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhCycle, vh_cycle_free)

/*
 * One turn. Where the source fails nothing is decided, and the last plan stays readable. Does not
 * block.
 */
gboolean vh_cycle_run(VhCycle *cycle, const VhConfig *config,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Learns from the asks that have ended since the last turn, and neither looks nor decides: for the
 * end, when nobody is to be asked any more.
 */
void vh_cycle_learn(VhCycle *cycle, const VhConfig *config, gint64 now_us, gint64 wall_us);

/* The last turn's; empty before the first. Borrowed until the next turn. */
const VhSnapshot *vh_cycle_snapshot(const VhCycle *cycle);
const VhPlan *vh_cycle_plan(const VhCycle *cycle);
const VhState *vh_cycle_state(const VhCycle *cycle);

/* What was remembered before the last turn. */
const VhState *vh_cycle_state_before(const VhCycle *cycle);

G_END_DECLS
