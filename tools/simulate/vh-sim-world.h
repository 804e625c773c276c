/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A simulated host with its guests, as a source and an actuator of the cycle; and what really
 * happens there, which no engine sees. One world belongs to one thread.
 */
#pragma once

#include "vh-cycle.h"
#include "vh-scenario.h"
#include "vh-sim-guest.h"

G_BEGIN_DECLS

/* What was really seen so far, beside the guests' own tallies. */
typedef struct {
    double deficit_gib_s;
    double critical_s;
    double missed_gib;
    guint asks, protected_asks, judged, wasted;
    guint counted, covered; /* asks that something was counted on of, and that brought it */
    double returned_mib, durable_mib;
    guint toggles, level_changes;
    GArray *episodes; /* double: seconds from below low's enter to above its exit */
} VhSimTruth;

/* One guest of the world. */
typedef struct {
    VhSimGuest memory;
    VhDomain domain; /* as it is told; its texts are the world's */
    guint group;     /* of the scenario */
    guint node;
    double weight;
    double stats_period_s, next_stats_s, hang_s;
} VhSimMember;

typedef struct VhSimWorld VhSimWorld;

/* `config` is the policy in force; it and the scenario are borrowed. `run` chooses one of the
 * fleets that the scenario describes. */
VhSimWorld *vh_sim_world_new(const VhScenario *scenario, const VhConfig *config, guint run);
void vh_sim_world_free(VhSimWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhSimWorld, vh_sim_world_free)

VhSource *vh_sim_world_source(VhSimWorld *world);
VhActuator *vh_sim_world_actuator(VhSimWorld *world);

/* One second on. Returns whether an ask has ended, so that the cycle is to run. */
gboolean vh_sim_world_step(VhSimWorld *world);

/* When the horizon is reached: what is not judged yet is judged as it stands. */
void vh_sim_world_finish(VhSimWorld *world);

double vh_sim_world_now_s(const VhSimWorld *world);
const VhSimTruth *vh_sim_world_truth(const VhSimWorld *world);
guint vh_sim_world_n_members(const VhSimWorld *world);
const VhSimMember *vh_sim_world_member(const VhSimWorld *world, guint index);
/* What is available in the pool that the policy defends, and on the host (MiB). */
double vh_sim_world_pool_mib(const VhSimWorld *world);
double vh_sim_world_pool_total_mib(const VhSimWorld *world);
double vh_sim_world_available_mib(const VhSimWorld *world);
const VhPrices *vh_sim_world_prices(const VhSimWorld *world);
/* The level of the pool by the policy's own rule, as of the last snapshot. */
VhLevel vh_sim_world_level(const VhSimWorld *world);

G_END_DECLS
