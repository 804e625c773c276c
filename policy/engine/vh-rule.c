/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engines to compare with share. */
#include "vh-rule.h"
#include "vh-eligible.h"
#include "vh-learn.h"
#include "vh-treatment.h"
#include "vh-yield.h"

#include <math.h>

/* A balloon counts in whole MiB for everybody who sets one. */
#define RULE_STEP_BYTES VH_MIB
/* Halvings of an interval until it is as narrow as a double can tell. */
#define RULE_HALVINGS 64

static guint64 open_requests(const VhSnapshot *snapshot)
{
    guint64 sum = 0;

    for (guint i = 0; i < snapshot->requests->len; i++) {
        const VhRequest *request = &g_array_index(snapshot->requests, VhRequest, i);
        if (request->deadline_us == 0 || request->deadline_us > snapshot->now_us)
            sum = vh_add(sum, vh_sub(request->bytes, request->returned_bytes));
    }
    return sum;
}

static guint64 in_flight_bytes(const VhSnapshot *snapshot)
{
    guint64 sum = 0;

    for (guint i = 0; i < snapshot->in_flight->len; i++) {
        const VhInFlight *ask = &g_array_index(snapshot->in_flight, VhInFlight, i);
        sum = vh_add(sum, vh_sub(ask->expected_bytes, ask->returned_bytes));
    }
    return sum;
}

static void see_pool(VhRule *rule)
{
    const VhPoolConfig *config = &rule->config.pool;
    VhPlan *plan = rule->plan;
    VhPool pool;

    vh_pool_measure(config, rule->snapshot, &pool);
    vh_pool_update_level(config, &pool, rule->snapshot->now_us, rule->next);
    plan->level = plan->level_by_bounds = rule->next->level;
    plan->pool_total_bytes = pool.total_bytes;
    plan->pool_available_bytes = pool.available_bytes;
    plan->resident_bytes = pool.resident_bytes;
    plan->requested_bytes = open_requests(rule->snapshot);
    plan->in_flight_bytes = in_flight_bytes(rule->snapshot);
    plan->need_bytes =
        vh_add(vh_pool_need_bytes(config, &pool, VH_LEVEL_LOW), plan->requested_bytes);

    gint64 requested = (gint64)MIN(plan->requested_bytes, (guint64)G_MAXINT64 / 4);
    rule->total_bytes = pool.total_bytes;
    rule->available_bytes = pool.available_bytes - requested;
    rule->need_bytes = vh_sub(plan->need_bytes, plan->in_flight_bytes);
}

static gboolean is_in_flight(const VhSnapshot *snapshot, const VhUuid *uuid)
{
    guint low = 0, high = snapshot->in_flight->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        int order =
            vh_uuid_compare(&g_array_index(snapshot->in_flight, VhInFlight, middle).uuid, uuid);
        if (order == 0)
            return TRUE;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return FALSE;
}

/* What stands in an engine's way whatever its rule: what the guest is, what holds it, and what the
 * admin forbids. That its yield is small or its figures move is virthint's own thought. */
static gboolean is_physical(VhReason reason)
{
    return (reason > VH_REASON_ASK && reason <= VH_REASON_ABSURD) || reason == VH_REASON_OTHER_NODE;
}

static void gather_guest(VhRule *rule, guint index)
{
    static const VhGuestState unlearned = {.is_stable = TRUE};
    const VhDomain *domain = vh_snapshot_domain(rule->snapshot, index);
    VhVerdict verdict = {.domain = index};
    VhClass treatment;

    verdict.class_index =
        vh_treatment_resolve(&rule->config, domain, rule->snapshot->wall_us, &treatment);
    verdict.rank = treatment.rank;
    verdict.weight = treatment.weight;
    verdict.unlock = treatment.unlock;
    const VhCandidate candidate = {
        .config = &rule->config,
        .snapshot = rule->snapshot,
        .domain = domain,
        .previous = index > 0 ? vh_snapshot_domain(rule->snapshot, index - 1) : NULL,
        .guest = &unlearned,
        .treatment = &treatment,
        .level = rule->plan->level,
        .in_flight = is_in_flight(rule->snapshot, &domain->uuid),
    };
    verdict.reason = vh_eligible_check(&candidate, &verdict);
    if (!is_physical(verdict.reason)) {
        guint64 reserve = vh_eligible_reserve_bytes(&rule->config, domain, &treatment);
        VhRuleGuest guest = {
            .domain = index,
            .weight = treatment.weight,
            .maximum_bytes = domain->maximum_bytes,
            .used_bytes = vh_yield_used_bytes(domain),
            .idle_bytes = verdict.yield.backed_free_bytes,
            .spare_bytes = vh_sub(domain->unused_bytes, reserve),
        };
        verdict.reason = VH_REASON_NEED_MET;
        g_array_append_val(rule->guests, guest);
    }
    g_array_append_val(rule->plan->verdicts, verdict);
}

void vh_rule_begin(VhRule *rule, const VhConfig *config, const VhState *state,
                   const VhSnapshot *snapshot, VhState *next, VhPlan *plan)
{
    *rule = (VhRule){
        .classes = g_array_new(FALSE, FALSE, sizeof(VhClass)),
        .snapshot = snapshot,
        .next = next,
        .plan = plan,
        .guests = g_array_new(FALSE, FALSE, sizeof(VhRuleGuest)),
    };
    rule->config = vh_treatment_at(config, snapshot, rule->classes);
    vh_plan_clear(plan);
    vh_learn(config, state, snapshot, next);
    see_pool(rule);
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++)
        gather_guest(rule, i);
}

gboolean vh_rule_is_due(VhRule *rule, gint64 period_us)
{
    gint64 now_us = rule->snapshot->now_us, last_us = rule->next->engine_time_us;

    if (last_us != 0 && last_us <= now_us && now_us - last_us < period_us) {
        rule->wait_until_us = last_us + period_us;
        return FALSE;
    }
    rule->next->engine_time_us = now_us;
    return TRUE;
}

guint64 vh_rule_mean_bytes(guint64 known, guint64 seen, gint64 elapsed_us, gint64 period_us,
                           guint n)
{
    if (known == 0 || elapsed_us <= 0)
        return known ? known : seen;
    /* the plain mean of n samples is on average (n - 1) / 2 periods old, and so is this one */
    double kept = pow((n - 1.0) / (n + 1.0), (double)elapsed_us / (double)period_us);
    return (guint64)((double)known * kept + (double)seen * (1 - kept));
}

gint64 vh_rule_sample(VhRule *rule, gint64 period_us, guint n)
{
    VhState *next = rule->next;
    gint64 elapsed_us = rule->snapshot->now_us - next->engine_sampled_us;
    guint64 available = (guint64)MAX(rule->available_bytes, 1);

    next->engine_sampled_us = rule->snapshot->now_us;
    next->engine_bytes = (gint64)vh_rule_mean_bytes((guint64)MAX(next->engine_bytes, 0), available,
                                                    elapsed_us, period_us, n);
    for (guint i = 0; i < rule->guests->len; i++) {
        VhRuleGuest *guest = &g_array_index(rule->guests, VhRuleGuest, i);
        VhGuestState *known =
            vh_state_get(next, &vh_snapshot_domain(rule->snapshot, guest->domain)->uuid);
        known->engine_bytes =
            vh_rule_mean_bytes(known->engine_bytes, guest->used_bytes, elapsed_us, period_us, n);
        guest->target_bytes = known->engine_bytes;
    }
    return next->engine_bytes;
}

static guint64 given_at(const VhRuleGuest *guest, double level)
{
    double bytes = (level - guest->start) * guest->rate;

    if (!(bytes > 0))
        return 0;
    return bytes >= (double)guest->cap_bytes ? guest->cap_bytes : (guint64)bytes;
}

static guint64 all_given_at(const GArray *guests, double level)
{
    guint64 sum = 0;

    for (guint i = 0; i < guests->len; i++)
        sum = vh_add(sum, given_at(&g_array_index(guests, VhRuleGuest, i), level));
    return sum;
}

void vh_rule_fill(GArray *guests, guint64 bytes)
{
    double low = 0, high = 0;

    for (guint i = 0; i < guests->len; i++) {
        const VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        if (guest->rate > 0)
            high = MAX(high, guest->start + ((double)guest->cap_bytes + 1) / guest->rate);
    }
    for (guint i = 0; i < RULE_HALVINGS && bytes < all_given_at(guests, high); i++) {
        double middle = low + (high - low) / 2;
        if (all_given_at(guests, middle) >= bytes)
            high = middle;
        else
            low = middle;
    }
    for (guint i = 0; i < guests->len; i++) {
        VhRuleGuest *guest = &g_array_index(guests, VhRuleGuest, i);
        guest->ask_bytes = bytes ? given_at(guest, high) : 0;
    }
}

/* Whole MiB, and nothing that the pulse or pass would leave anyway. */
static guint64 bytes_to_ask(const VhRuleGuest *guest)
{
    guint64 bytes = MIN(guest->ask_bytes, guest->spare_bytes);

    return bytes - bytes % RULE_STEP_BYTES;
}

static VhReason reason_not_asked(const VhRule *rule, const VhRuleGuest *guest)
{
    if (rule->wait_until_us != 0)
        return VH_REASON_COOLDOWN;
    if (guest->spare_bytes < RULE_STEP_BYTES)
        return VH_REASON_KEEP_FREE;
    if (guest->idle_bytes < RULE_STEP_BYTES)
        return VH_REASON_SMALL_YIELD;
    return rule->plan->need_bytes == 0 ? VH_REASON_POOL_IDLE : VH_REASON_NEED_MET;
}

static void plan_guest(VhRule *rule, const VhRuleGuest *guest)
{
    const VhConfig *config = &rule->config;
    const VhDomain *domain = vh_snapshot_domain(rule->snapshot, guest->domain);
    VhVerdict *verdict = &g_array_index(rule->plan->verdicts, VhVerdict, guest->domain);
    guint64 bytes = bytes_to_ask(guest);
    VhClass treatment;

    if (bytes == 0) {
        verdict->reason = reason_not_asked(rule, guest);
        if (verdict->reason == VH_REASON_COOLDOWN)
            verdict->wait_until_us =
                rule->snapshot->wall_us + rule->wait_until_us - rule->snapshot->now_us;
        return;
    }
    vh_treatment_resolve(config, domain, rule->snapshot->wall_us, &treatment);
    const VhAction action = {
        .domain = guest->domain,
        .uuid = domain->uuid,
        .method = vh_eligible_takes_pass(config, domain) ? VH_ASK_PASS : VH_ASK_AUTO,
        .bytes = bytes,
        .expected_bytes = bytes,
        .counted_bytes = bytes,
        .reserve_bytes = vh_eligible_reserve_bytes(config, domain, &treatment),
    };
    g_array_append_val(rule->plan->actions, action);
    verdict->reason = VH_REASON_ASK;
    verdict->place = rule->plan->actions->len;
}

void vh_rule_end(VhRule *rule)
{
    for (guint i = 0; i < rule->guests->len; i++)
        plan_guest(rule, &g_array_index(rule->guests, VhRuleGuest, i));
    g_array_unref(rule->guests);
    g_array_unref(rule->classes);
}
