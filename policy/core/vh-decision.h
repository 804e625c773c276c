/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the steps of one decision share: judging (vh-decide), ordering (vh-order), and walking the
 * order (vh-walk). Private to policy/core. */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-pool.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/* A guest that could be asked. */
typedef struct {
    guint domain; /* index into domains, verdicts and treatments */
    guint guest;  /* index into the guests of `next` */
    guint rank;
    gboolean was_reached; /* at CRITICAL: it was asked since that began */
    gint64 last_ended_us; /* UTC */
    gboolean is_over;     /* an ask would take it above twice its share of what its rank bears */
    double inflicted_us;
    double price;
    guint64 hash; /* of its UUID */
} VhContender;

typedef struct {
    const VhConfig *config; /* with schedules applied */
    const VhSnapshot *snapshot;
    VhState *next;
    VhPlan *plan;
    VhPool pool;
    GArray *treatments; /* VhClass, of each of the snapshot's domains */
    GArray *order;      /* VhContender */
} VhDecision;

static inline VhVerdict *vh_decision_verdict(const VhDecision *decision, guint domain)
{
    return &g_array_index(decision->plan->verdicts, VhVerdict, domain);
}

static inline const VhClass *vh_decision_treatment(const VhDecision *decision, guint domain)
{
    return &g_array_index(decision->treatments, VhClass, domain);
}

/* Corrects all prices by fairness, and sorts the order; each verdict gets its place. */
void vh_order_sort(VhDecision *decision);

/* Fills the buckets, walks the order, and plans asks until what is needed and requested is covered.
 * Every contender's verdict gets its reason. */
void vh_walk_order(VhDecision *decision);

G_END_DECLS
