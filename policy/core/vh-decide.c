/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The decision: judge each guest, order those who could be asked, walk the order until the need is
 * met. */
#include "vh-decide.h"
#include "vh-eligible.h"
#include "vh-learn.h"
#include "vh-pool.h"
#include "vh-toggle.h"
#include "vh-treatment.h"

/* What the steps of one decision share. */
typedef struct {
    const VhConfig *config;
    const VhSnapshot *snapshot;
    VhState *next;
    VhPlan *plan;
    VhPool pool;
    GArray *order; /* guint: verdicts that could be asked */
    guint64 open_bytes;
    guint free_slots;
} Decision;

static VhVerdict *verdict_at(const Decision *decision, guint index)
{
    return &g_array_index(decision->plan->verdicts, VhVerdict, index);
}

static gboolean is_in_flight(const VhSnapshot *snapshot, const VhUuid *uuid)
{
    for (guint i = 0; i < snapshot->in_flight->len; i++) {
        if (vh_uuid_compare(&g_array_index(snapshot->in_flight, VhInFlight, i).uuid, uuid) == 0)
            return TRUE;
    }
    return FALSE;
}

/* Still counted on from asks under way; what has come back already shows in resident memory. */
static guint64 in_flight_bytes(const VhSnapshot *snapshot)
{
    guint64 sum = 0;

    for (guint i = 0; i < snapshot->in_flight->len; i++) {
        const VhInFlight *ask = &g_array_index(snapshot->in_flight, VhInFlight, i);
        sum = vh_add(sum, vh_sub(ask->expected_bytes, ask->returned_bytes));
    }
    return sum;
}

/* Proactive asks move at most a share of the pool a minute: a bucket that holds one minute's worth.
 */
static void refill_tokens(const Decision *decision)
{
    VhState *next = decision->next;
    guint64 per_minute =
        vh_share(decision->pool.total_bytes, decision->config->model.proactive_bp_per_min);
    guint64 capacity = MAX(per_minute, decision->config->min_yield_bytes);
    gint64 elapsed_us = decision->snapshot->now_us - next->proactive.time_us;

    if (next->proactive.time_us == 0 || elapsed_us >= VH_MIN) {
        next->proactive.tokens_bytes = capacity;
    } else if (elapsed_us > 0) {
        guint64 gained =
            (guint64)((unsigned __int128)per_minute * (guint64)elapsed_us / (guint64)VH_MIN);
        next->proactive.tokens_bytes = MIN(vh_add(next->proactive.tokens_bytes, gained), capacity);
    }
    next->proactive.time_us = decision->snapshot->now_us;
}

static void see_pool(Decision *decision)
{
    VhPlan *plan = decision->plan;

    vh_pool_see(decision->config, decision->snapshot, decision->next, plan, &decision->pool);
    refill_tokens(decision);
    plan->in_flight_bytes = in_flight_bytes(decision->snapshot);
    decision->open_bytes = vh_sub(plan->need_bytes, plan->in_flight_bytes);
    decision->free_slots =
        decision->config->max_in_flight > decision->snapshot->in_flight->len
            ? decision->config->max_in_flight - decision->snapshot->in_flight->len
            : 0;
}

/* p = c / D: weighted microseconds per MiB (docs/policy.md, "Whom first"). */
static double price_of(const VhModel *model, guint weight, guint64 expected_bytes)
{
    double gib = (double)expected_bytes / (double)VH_GIB;
    double cost_us = (double)model->cost_fixed_us + (double)model->cost_per_gib_us * gib;

    return expected_bytes ? weight * cost_us / ((double)expected_bytes / (double)VH_MIB) : 0;
}

static void judge_domain(Decision *decision, guint index)
{
    const VhSnapshot *snapshot = decision->snapshot;
    const VhDomain *domain = vh_snapshot_domain(snapshot, index);
    VhVerdict verdict = {.domain = index};
    VhClass treatment;

    verdict.class_index =
        vh_treatment_resolve(decision->config, domain, snapshot->wall_us, &treatment);
    verdict.rank = treatment.rank;
    verdict.weight = treatment.weight;
    verdict.unlock = treatment.unlock;
    VhCandidate candidate = {
        .config = decision->config,
        .snapshot = snapshot,
        .domain = domain,
        .previous = index > 0 ? vh_snapshot_domain(snapshot, index - 1) : NULL,
        .guest = vh_state_find(decision->next, &domain->uuid),
        .treatment = &treatment,
        .level = decision->plan->level,
        .in_flight = is_in_flight(snapshot, &domain->uuid),
    };
    verdict.reason = vh_eligible_check(&candidate, &verdict);
    if (verdict.has_yield)
        verdict.cost.price =
            price_of(&decision->config->model, verdict.weight, verdict.yield.expected_bytes);
    vh_toggle_plan(decision->config, snapshot, candidate.guest, &treatment, decision->next,
                   decision->plan, &verdict);
    g_array_append_val(decision->plan->verdicts, verdict);
    if (verdict.reason == VH_REASON_ASK)
        g_array_append_val(decision->order, index);
}

/* Rank strictly, then price; ties by the hash of the UUID, so that no guest is always the first. */
static int compare_order(gconstpointer a, gconstpointer b, gpointer data)
{
    const Decision *decision = data;
    const VhVerdict *left = verdict_at(decision, *(const guint *)a);
    const VhVerdict *right = verdict_at(decision, *(const guint *)b);

    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    if (left->cost.price != right->cost.price)
        return left->cost.price < right->cost.price ? -1 : 1;
    guint64 left_hash = vh_uuid_hash64(&vh_snapshot_domain(decision->snapshot, left->domain)->uuid);
    guint64 right_hash =
        vh_uuid_hash64(&vh_snapshot_domain(decision->snapshot, right->domain)->uuid);
    if (left_hash != right_hash)
        return left_hash < right_hash ? -1 : 1;
    return left->domain < right->domain ? -1 : 1;
}

/* What the pool says to a guest that could be asked. */
static VhReason check_need(const Decision *decision, const VhVerdict *verdict, guint cheapest_rank)
{
    const VhPlan *plan = decision->plan;

    if (plan->level == VH_LEVEL_IDLE)
        return VH_REASON_POOL_IDLE;
    if (plan->level < verdict->unlock)
        return VH_REASON_PROTECTED;
    if (plan->level == VH_LEVEL_PROACTIVE && verdict->rank != cheapest_rank)
        return VH_REASON_PROACTIVE_RANK;
    if (decision->open_bytes == 0)
        return VH_REASON_NEED_MET;
    if (plan->level == VH_LEVEL_PROACTIVE &&
        decision->next->proactive.tokens_bytes < decision->config->min_yield_bytes)
        return VH_REASON_PROACTIVE_BUDGET;
    return decision->free_slots == 0 ? VH_REASON_MAX_IN_FLIGHT : VH_REASON_ASK;
}

/* What to ask for, so that what is counted on of it covers what is still open: asked for less, a
 * guest would leave a small rest for the next one, who may be of a higher rank. */
static guint64 bytes_to_cover(guint64 open_bytes, guint sigma_bp)
{
    if (sigma_bp >= 10000)
        return G_MAXUINT64;
    unsigned __int128 exact =
        ((unsigned __int128)open_bytes * 10000 + (9999 - sigma_bp)) / (10000 - sigma_bp);
    return (guint64)MIN(exact, G_MAXUINT64);
}

static void plan_ask(Decision *decision, const VhVerdict *verdict)
{
    const VhConfig *config = decision->config;
    const VhDomain *domain = vh_snapshot_domain(decision->snapshot, verdict->domain);
    gboolean takes_pass = vh_eligible_takes_pass(config, domain);
    VhClass treatment;

    vh_treatment_resolve(config, domain, decision->snapshot->wall_us, &treatment);
    guint64 cap = treatment.max_per_ask_bytes ? treatment.max_per_ask_bytes : G_MAXUINT64;
    if (decision->plan->level == VH_LEVEL_PROACTIVE)
        cap = MIN(cap, decision->next->proactive.tokens_bytes);
    guint64 wanted =
        MAX(bytes_to_cover(decision->open_bytes, config->model.sigma_bp), config->min_yield_bytes);
    guint64 bytes = MIN(MIN(verdict->yield.expected_bytes, cap), wanted);
    VhAction action = {
        .domain = verdict->domain,
        .uuid = domain->uuid,
        .method = takes_pass ? VH_ASK_PASS : VH_ASK_AUTO,
        .granule_bytes = takes_pass ? treatment.granule_bytes : 0,
        .bytes = bytes,
        .expected_bytes = bytes,
        .counted_bytes = vh_sub(bytes, vh_share(bytes, config->model.sigma_bp)),
        .reserve_bytes = vh_eligible_reserve_bytes(config, domain, &treatment),
    };

    g_array_append_val(decision->plan->actions, action);
    decision->open_bytes = vh_sub(decision->open_bytes, action.counted_bytes);
    decision->free_slots--;
    if (decision->plan->level == VH_LEVEL_PROACTIVE)
        decision->next->proactive.tokens_bytes =
            vh_sub(decision->next->proactive.tokens_bytes, bytes);
}

static void walk_order(Decision *decision)
{
    guint cheapest_rank = G_MAXUINT;

    for (guint i = 0; i < decision->order->len; i++) {
        const VhVerdict *verdict = verdict_at(decision, g_array_index(decision->order, guint, i));
        if (verdict->unlock <= VH_LEVEL_PROACTIVE)
            cheapest_rank = MIN(cheapest_rank, verdict->rank);
    }
    for (guint i = 0; i < decision->order->len; i++) {
        VhVerdict *verdict = verdict_at(decision, g_array_index(decision->order, guint, i));
        verdict->reason = check_need(decision, verdict, cheapest_rank);
        if (verdict->reason == VH_REASON_ASK)
            plan_ask(decision, verdict);
    }
}

void vh_decide(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
               VhState *next, VhPlan *plan)
{
    g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(guint));
    Decision decision = {
        .config = config, .snapshot = snapshot, .next = next, .plan = plan, .order = order};

    vh_plan_clear(plan);
    vh_learn(config, state, snapshot, next);
    see_pool(&decision);
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++)
        judge_domain(&decision, i);
    g_array_sort_with_data(order, compare_order, &decision);
    walk_order(&decision);
}
