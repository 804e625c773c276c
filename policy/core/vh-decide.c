/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The decision: learn, see how the pool stands, judge each guest, order those who could be asked,
 * and walk the order. */
#include "vh-decide.h"
#include "vh-cost.h"
#include "vh-decision.h"
#include "vh-eligible.h"
#include "vh-learn.h"
#include "vh-toggle.h"
#include "vh-treatment.h"

/* Where the lists that are sorted by UUID stand while the domains are gone through. */
typedef struct {
    guint domain;
    guint guest;     /* of `next` */
    guint in_flight; /* of the snapshot */
} Cursor;

static const VhGuestState *guest_at(const VhDecision *decision, guint index)
{
    return &g_array_index(decision->next->guests, VhGuestState, index);
}

/* Moves on to the next domain; each has its guest, because learning has added it. */
static void advance(const VhDecision *decision, Cursor *cursor)
{
    const VhUuid *uuid = &vh_snapshot_domain(decision->snapshot, cursor->domain)->uuid;
    const GArray *asks = decision->snapshot->in_flight;

    while (vh_uuid_compare(&guest_at(decision, cursor->guest)->uuid, uuid) != 0)
        cursor->guest++;
    while (cursor->in_flight < asks->len &&
           vh_uuid_compare(&g_array_index(asks, VhInFlight, cursor->in_flight).uuid, uuid) < 0)
        cursor->in_flight++;
}

static gboolean is_in_flight(const VhDecision *decision, const Cursor *cursor)
{
    const VhUuid *uuid = &vh_snapshot_domain(decision->snapshot, cursor->domain)->uuid;
    const GArray *asks = decision->snapshot->in_flight;

    return cursor->in_flight < asks->len &&
           vh_uuid_compare(&g_array_index(asks, VhInFlight, cursor->in_flight).uuid, uuid) == 0;
}

/* When CRITICAL began, UTC as the guests' times are; only meaningful at that level. */
static gint64 critical_since_wall_us(const VhDecision *decision)
{
    const VhSnapshot *snapshot = decision->snapshot;

    return snapshot->wall_us - (snapshot->now_us - decision->next->critical_since_us);
}

static void add_contender(VhDecision *decision, const Cursor *cursor, const VhVerdict *verdict)
{
    const VhGuestState *guest = guest_at(decision, cursor->guest);
    VhContender contender = {
        .domain = cursor->domain,
        .guest = cursor->guest,
        .rank = verdict->rank,
        .was_reached = decision->plan->level == VH_LEVEL_CRITICAL &&
                       guest->last_ended_wall_us > critical_since_wall_us(decision),
        .last_ended_us = guest->last_ended_wall_us,
        .inflicted_us = verdict->cost.inflicted_us,
        .hash = vh_uuid_hash64(&guest->uuid),
    };

    g_array_append_val(decision->order, contender);
}

static void judge_domain(VhDecision *decision, const Cursor *cursor)
{
    const VhConfig *config = decision->config;
    const VhSnapshot *snapshot = decision->snapshot;
    const VhDomain *domain = vh_snapshot_domain(snapshot, cursor->domain);
    const VhGuestState *guest = guest_at(decision, cursor->guest);
    VhClass *treatment = &g_array_index(decision->treatments, VhClass, cursor->domain);
    VhVerdict *verdict = vh_decision_verdict(decision, cursor->domain);

    *verdict = (VhVerdict){.domain = cursor->domain,
                           .class_index =
                               vh_treatment_resolve(config, domain, snapshot->wall_us, treatment)};
    verdict->rank = treatment->rank;
    verdict->weight = treatment->weight;
    verdict->unlock = treatment->unlock;
    VhCandidate candidate = {
        .config = config,
        .snapshot = snapshot,
        .domain = domain,
        .previous = cursor->domain > 0 ? domain - 1 : NULL,
        .guest = guest,
        .treatment = treatment,
        .level = decision->plan->level,
        .in_flight = is_in_flight(decision, cursor),
    };
    verdict->reason = vh_eligible_check(&candidate, verdict);
    if (verdict->has_yield)
        vh_cost_compute(&config->model, guest, treatment, &verdict->yield, snapshot->wall_us,
                        &verdict->cost);
    if (verdict->reason == VH_REASON_ASK)
        add_contender(decision, cursor, verdict);
}

static void judge_all(VhDecision *decision)
{
    guint n = vh_snapshot_n_domains(decision->snapshot);
    Cursor cursor = {0};

    g_array_set_size(decision->treatments, n);
    g_array_set_size(decision->plan->verdicts, n);
    for (; cursor.domain < n; cursor.domain++) {
        advance(decision, &cursor);
        judge_domain(decision, &cursor);
    }
}

static void see_pool(VhDecision *decision)
{
    VhState *next = decision->next;
    gint64 now_us = decision->snapshot->now_us;

    vh_pool_see(decision->config, decision->snapshot, next, decision->plan, &decision->pool);
    if (decision->plan->level != VH_LEVEL_CRITICAL)
        next->critical_since_us = 0;
    else if (next->critical_since_us == 0 || next->critical_since_us > now_us)
        next->critical_since_us = now_us;
}

/* After all reasons are known, which it looks at. */
static void plan_toggles(VhDecision *decision)
{
    Cursor cursor = {0};

    for (; cursor.domain < decision->plan->verdicts->len; cursor.domain++) {
        advance(decision, &cursor);
        vh_toggle_plan(decision->config, decision->snapshot, guest_at(decision, cursor.guest),
                       vh_decision_treatment(decision, cursor.domain), decision->next,
                       decision->plan, vh_decision_verdict(decision, cursor.domain));
    }
}

void vh_decide(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
               VhState *next, VhPlan *plan)
{
    g_autoptr(GArray) classes = g_array_new(FALSE, FALSE, sizeof(VhClass));
    g_autoptr(GArray) treatments = g_array_new(FALSE, FALSE, sizeof(VhClass));
    g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(VhContender));
    VhConfig now = vh_treatment_at(config, snapshot, classes);
    VhDecision decision = {.config = &now,
                           .snapshot = snapshot,
                           .next = next,
                           .plan = plan,
                           .treatments = treatments,
                           .order = order};

    vh_plan_clear(plan);
    vh_learn(&now, state, snapshot, next);
    see_pool(&decision);
    judge_all(&decision);
    vh_order_sort(&decision);
    vh_walk_order(&decision);
    plan_toggles(&decision);
}
