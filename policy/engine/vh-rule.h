/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the engines to compare with share: the guests as such a rule sees them, and the way from
 * what it decides to a plan. docs/baselines.md has the rules, and what was adapted.
 *
 * Each rule speaks of the size of a balloon that stays where it is put. Here a guest has its
 * balloon back after each ask, and what stays is that the host does not back the memory any more.
 * So what such a rule takes for a guest's size is here what the guest uses and what it has free
 * that is still backed (`holds`).
 */
#pragma once

#include "vh-pool.h"

G_BEGIN_DECLS

/* One guest that could be asked: it runs, its driver tells figures that can be true, nothing holds
 * it, and nobody has said never to ask it. */
typedef struct {
    guint domain; /* index into the snapshot's domains, and the plan's verdicts */
    guint weight; /* its class's: only the rules that know shares look at it */
    guint64 maximum_bytes;
    guint64 used_bytes;
    guint64 idle_bytes;   /* free in the guest and still backed, as one sample shows it */
    guint64 spare_bytes;  /* free beyond what an ask must leave: no ask goes further */
    double start;         /* for vh_rule_fill(): gives nothing up to here, */
    double rate;          /* and then so many bytes for each unit, */
    guint64 cap_bytes;    /* up to this */
    gboolean is_listed;   /* a rule's own mark */
    guint64 target_bytes; /* a rule's own figure */
    guint64 ask_bytes;    /* what the rule decides; 0: not asked */
} VhRuleGuest;

/* One decision of a rule. */
typedef struct {
    VhConfig config; /* as it is now: schedules applied */
    GArray *classes; /* of it */
    const VhSnapshot *snapshot;
    VhState *next;
    VhPlan *plan;
    guint64 total_bytes;
    gint64 available_bytes; /* of the pool; open requests count as used already */
    guint64 need_bytes;     /* to the exit of `low`, less what is in flight */
    gint64 wait_until_us;   /* monotonic: the rule's next turn; 0: it is now */
    GArray *guests;         /* VhRuleGuest, in the order of the snapshot */
} VhRule;

static inline guint64 vh_rule_guest_holds(const VhRuleGuest *guest)
{
    return vh_add(guest->used_bytes, guest->idle_bytes);
}

/* Learns what is remembered anyway, sees the pool, and gathers the guests: everything that is not
 * the rule's own. vh_rule_end() makes the plan of it and lets go of what it holds. */
void vh_rule_begin(VhRule *rule, const VhConfig *config, const VhState *state,
                   const VhSnapshot *snapshot, VhState *next, VhPlan *plan);
void vh_rule_end(VhRule *rule);

/* Whether the rule's own rhythm makes this one of its turns; if so the next one is a period away.
 */
gboolean vh_rule_is_due(VhRule *rule, gint64 period_us);

/* A mean over the last samples that come each period: n of them weigh as much as their plain mean
 * is old. `known` 0: there was none before. */
guint64 vh_rule_mean_bytes(guint64 known, guint64 seen, gint64 elapsed_us, gint64 period_us,
                           guint n);

/* Takes such a mean of the pool's available bytes, which it returns, and of what each guest uses,
 * which becomes the guests' target_bytes. In each cycle, whether the rule acts in it or not. */
gint64 vh_rule_sample(VhRule *rule, gint64 period_us, guint n);

/*
 * Shares `bytes` out: each guest's ask_bytes becomes what it gives at the one level at which all
 * together give as much, or its cap where all together have less.
 */
void vh_rule_fill(GArray *guests, guint64 bytes);

/* The rules' own arithmetic, each on the guests' list: sets ask_bytes. */
void vh_rule_uniform(GArray *guests, guint64 need_bytes);
void vh_rule_proportional(GArray *guests, guint64 need_bytes);
void vh_rule_largest(GArray *guests, guint64 need_bytes);
void vh_rule_proxmox(GArray *guests, gint64 goal_bytes); /* goal: negative to shrink */
/* host_free: 0 to 1; target_bytes of the guests: what they use, the mean. */
void vh_rule_mom(GArray *guests, double host_free);
void vh_rule_esx(GArray *guests, guint64 need_bytes);

/* The engines, as vh_decide(). */
void vh_engine_uniform(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                       VhState *next, VhPlan *plan);
void vh_engine_proportional(const VhConfig *config, const VhState *state,
                            const VhSnapshot *snapshot, VhState *next, VhPlan *plan);
void vh_engine_largest(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                       VhState *next, VhPlan *plan);
void vh_engine_proxmox(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                       VhState *next, VhPlan *plan);
void vh_engine_mom(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                   VhState *next, VhPlan *plan);
void vh_engine_esx(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                   VhState *next, VhPlan *plan);

G_END_DECLS
