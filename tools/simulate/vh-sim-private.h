/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of a simulated world, for the files that it is made of: the host (vh-sim-world.c),
 * what is told of it (vh-sim-tell.c), and the asks (vh-sim-asks.c). */
#pragma once

#include "vh-pool.h"
#include "vh-sim-world.h"

G_BEGIN_DECLS

#define VH_SIM_WALL_US ((gint64)1800230400 * VH_SEC) /* it begins on a Monday, at midnight UTC */
#define VH_SIM_REBOUND_S 60.0 /* after so long it is seen what of an ask has lasted */

/* An ask under way. */
typedef struct {
    guint member;
    VhAction action;
    guint64 id;
    VhSimAsk plan;
    double started_s, apply_s, end_s;
    double resident_mib; /* before */
    double done_mib;     /* dropped so far, in RAM */
    gboolean is_applied;
    gboolean never_ends; /* its QEMU hangs */
} VhSimFlight;

/* An ask that ended, and is not judged yet. */
typedef struct {
    guint member;
    double due_s;
    double asked_mib, returned_mib, counted_mib;
    double share;       /* of what the guest has given back so far */
    double refault_mib; /* of its tally when the ask ended */
} VhSimJudge;

typedef struct {
    VhScenarioRequest wish;
    double returned_mib; /* by asks for it, as measured */
    double truly_mib;    /* by all asks since it was made */
    gboolean is_open;
} VhSimRequest;

struct VhSimWorld {
    VhSource source;
    VhActuator actuator;
    const VhScenario *scenario;
    const VhConfig *config;
    double now_s;
    double total_mib, overhead_mib, swap_mib, group_mib;
    double resident_mib; /* of all guests */
    double node_resident_mib[VH_SCENARIO_NODES_MAX];
    double swapped_mib, swapped_out_mib; /* now; and ever */
    double psi;                          /* avg10 */
    double pool_total_mib, enter_mib, exit_mib, critical_mib;
    double below_since_s; /* 0: the pool is not short */
    VhSimMember *members; /* sorted by UUID */
    guint n_members;
    GPtrArray *names;
    GArray *flights; /* VhSimFlight */
    GArray *judges;  /* VhSimJudge, by due_s */
    GArray *ended;   /* VhEnded */
    VhSimRequest *requests;
    guint64 next_id;
    VhState *pool_state; /* of the truth's own look at the pool */
    VhState *pool_next;
    VhPlan *pool_plan;
    VhSimTruth truth;
};

/* vh-sim-tell.c */
gboolean vh_sim_tell(VhSource *source, const VhConfig *config, VhSnapshot *snapshot,
                     GError **error);
void vh_sim_tell_init(VhSimWorld *world, guint64 seed);
void vh_sim_tell_stats(VhSimWorld *world, VhSimMember *member, double grown_mib);

/* vh-sim-asks.c */
void vh_sim_asks_report(VhActuator *actuator, VhSnapshot *snapshot);
void vh_sim_asks_act(VhActuator *actuator, const VhSnapshot *snapshot, const VhAction *action);
void vh_sim_asks_toggle(VhActuator *actuator, const VhSnapshot *snapshot, const VhToggle *toggle);
gboolean vh_sim_asks_step(VhSimWorld *world);
void vh_sim_asks_judge(VhSimWorld *world, double until_s);

G_END_DECLS
