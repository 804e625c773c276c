/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the order to asks: who serves what is needed, and for how much. */
#include "vh-decision.h"
#include "vh-eligible.h"
#include "vh-yield.h"

#define NODES_MAX 64

/* Memory that is wanted: by the pool, or by a request. */
typedef struct {
    guint64 request_id; /* 0: the pool */
    VhLevel unlock;     /* guests that are unlocked at this level may serve it */
    guint64 open_bytes; /* not covered yet */
} Demand;

typedef struct {
    VhDecision *decision;
    GArray *demands; /* Demand, the pool's first, then the most urgent */
    guint free_slots;
    guint on_node[NODES_MAX]; /* asks under way */
    guint cheapest_rank;      /* of those that may be asked ahead of need */
} Walk;

/* A bucket holds one minute's worth, but enough for one ask that is worth it; where nothing comes
 * in, nothing is in it. */
static void refill(VhBucket *bucket, guint64 per_minute, guint64 least, gint64 now_us)
{
    guint64 capacity = per_minute > 0 ? MAX(per_minute, least) : 0;
    gint64 elapsed_us = now_us - bucket->time_us;

    if (bucket->time_us == 0 || elapsed_us >= VH_MIN) {
        bucket->tokens_bytes = capacity;
    } else if (elapsed_us > 0) {
        guint64 gained =
            (guint64)((unsigned __int128)per_minute * (guint64)elapsed_us / (guint64)VH_MIN);
        bucket->tokens_bytes = MIN(vh_add(bucket->tokens_bytes, gained), capacity);
    }
    bucket->time_us = now_us;
}

static void refill_all(const VhDecision *decision)
{
    const VhConfig *config = decision->config;
    VhState *next = decision->next;

    refill(&next->proactive,
           vh_share(decision->pool.total_bytes, config->model.proactive_bp_per_min),
           config->min_yield_bytes, decision->snapshot->now_us);
    g_array_set_size(next->buckets, config->n_classes);
    for (guint i = 0; i < config->n_classes; i++)
        refill(&g_array_index(next->buckets, VhBucket, i), config->classes[i].max_per_min_bytes,
               config->min_yield_bytes, decision->snapshot->now_us);
}

/* Oldest first stays so among requests of one urgency. */
static void add_demand(Walk *walk, const Demand *demand)
{
    guint at = walk->demands->len;

    while (at > 1 && g_array_index(walk->demands, Demand, at - 1).unlock < demand->unlock)
        at--;
    g_array_insert_vals(walk->demands, at, demand, 1);
}

static void collect_demands(Walk *walk)
{
    const VhDecision *decision = walk->decision;
    const VhSnapshot *snapshot = decision->snapshot;
    VhPlan *plan = decision->plan;
    Demand pool = {.unlock = plan->level, .open_bytes = plan->need_bytes};

    g_array_append_val(walk->demands, pool);
    for (guint i = 0; i < snapshot->requests->len; i++) {
        const VhRequest *request = &g_array_index(snapshot->requests, VhRequest, i);
        guint64 left = vh_sub(request->bytes, request->returned_bytes);
        if (request->deadline_us != 0 && request->deadline_us <= snapshot->now_us)
            continue;
        Demand demand = {request->id, MAX(plan->level, request->urgency), left};
        add_demand(walk, &demand);
        plan->requested_bytes = vh_add(plan->requested_bytes, left);
    }
    plan->need_bytes = vh_add(plan->need_bytes, plan->requested_bytes);
}

/* Whose an ask under way is; the pool's where its request is there no more. */
static Demand *demand_of(const Walk *walk, guint64 request_id)
{
    for (guint i = 1; i < walk->demands->len; i++) {
        Demand *demand = &g_array_index(walk->demands, Demand, i);
        if (demand->request_id == request_id)
            return demand;
    }
    return &g_array_index(walk->demands, Demand, 0);
}

static void count_on_nodes(Walk *walk, guint64 node_mask)
{
    for (guint node = 0; node_mask != 0; node++, node_mask >>= 1)
        walk->on_node[node] += (guint)(node_mask & 1);
}

/* Takes off what asks under way are still counted on for; what has come back already shows in
 * resident memory. Asks and domains are both sorted by UUID. */
static void count_in_flight(Walk *walk)
{
    const VhSnapshot *snapshot = walk->decision->snapshot;
    guint n_domains = vh_snapshot_n_domains(snapshot), d = 0;

    for (guint i = 0; i < snapshot->in_flight->len; i++) {
        const VhInFlight *ask = &g_array_index(snapshot->in_flight, VhInFlight, i);
        guint64 left = vh_sub(ask->expected_bytes, ask->returned_bytes);
        Demand *demand = demand_of(walk, ask->request_id);
        VhPlan *plan = walk->decision->plan;

        plan->in_flight_bytes = vh_add(plan->in_flight_bytes, left);
        demand->open_bytes = vh_sub(demand->open_bytes, left);
        while (d < n_domains &&
               vh_uuid_compare(&vh_snapshot_domain(snapshot, d)->uuid, &ask->uuid) < 0)
            d++;
        if (d < n_domains &&
            vh_uuid_compare(&vh_snapshot_domain(snapshot, d)->uuid, &ask->uuid) == 0)
            count_on_nodes(walk, vh_snapshot_domain(snapshot, d)->node_mask);
    }
    walk->free_slots = walk->decision->config->max_in_flight > snapshot->in_flight->len
                           ? walk->decision->config->max_in_flight - snapshot->in_flight->len
                           : 0;
}

static gboolean is_ahead_of_need(const VhDecision *decision, const Demand *demand)
{
    return demand->request_id == 0 && decision->plan->level == VH_LEVEL_PROACTIVE;
}

/* What is left in the class's bucket; at CRITICAL any amount. */
static guint64 class_tokens(const VhDecision *decision, const VhVerdict *verdict)
{
    if (vh_decision_treatment(decision, verdict->domain)->max_per_min_bytes == 0 ||
        decision->plan->level == VH_LEVEL_CRITICAL)
        return G_MAXUINT64;
    return g_array_index(decision->next->buckets, VhBucket, verdict->class_index).tokens_bytes;
}

static gboolean node_is_full(const Walk *walk, guint64 node_mask)
{
    guint most = walk->decision->config->max_in_flight_per_node;

    for (guint node = 0; most != 0 && node_mask != 0; node++, node_mask >>= 1) {
        if (node_mask & 1 && walk->on_node[node] >= most)
            return TRUE;
    }
    return FALSE;
}

/* What one demand says to a guest that could be asked, in the order of reasons. */
static VhReason check_demand(const Walk *walk, const Demand *demand, const VhVerdict *verdict)
{
    const VhDecision *decision = walk->decision;
    guint64 least = decision->config->min_yield_bytes;
    gboolean is_ahead = is_ahead_of_need(decision, demand);

    if (demand->unlock == VH_LEVEL_IDLE)
        return VH_REASON_POOL_IDLE;
    if (demand->unlock < verdict->unlock)
        return VH_REASON_PROTECTED;
    if (is_ahead && verdict->rank != walk->cheapest_rank)
        return VH_REASON_PROACTIVE_RANK;
    if (is_ahead && decision->next->proactive.tokens_bytes < least)
        return VH_REASON_PROACTIVE_BUDGET;
    if (class_tokens(decision, verdict) < least)
        return VH_REASON_CLASS_BUDGET;
    if (demand->open_bytes == 0)
        return VH_REASON_NEED_MET;
    if (walk->free_slots == 0)
        return VH_REASON_MAX_IN_FLIGHT;
    if (node_is_full(walk, vh_snapshot_domain(decision->snapshot, verdict->domain)->node_mask))
        return VH_REASON_NODE_IN_FLIGHT;
    return VH_REASON_ASK;
}

/* The first demand that the guest is asked for; NULL, and the reason that came closest. */
static Demand *find_demand(const Walk *walk, const VhVerdict *verdict, VhReason *ret_reason)
{
    *ret_reason = VH_REASON_ASK;
    for (guint i = 0; i < walk->demands->len; i++) {
        Demand *demand = &g_array_index(walk->demands, Demand, i);
        VhReason reason = check_demand(walk, demand, verdict);
        if (reason == VH_REASON_ASK) {
            *ret_reason = VH_REASON_ASK;
            return demand;
        }
        *ret_reason = MAX(*ret_reason, reason);
    }
    return NULL;
}

/* What to ask for, so that what is counted on of it covers what is still open: asked for less, a
 * guest would leave a small rest for the next one, who may be of a higher rank. */
static guint64 bytes_to_cover(guint64 open_bytes, const VhYield *yield)
{
    guint64 counted_share = (guint64)(10000 - yield->retouch_bp) * (10000 - yield->sigma_bp);
    const guint64 all = 10000 * 10000;

    if (counted_share == 0)
        return G_MAXUINT64;
    unsigned __int128 exact =
        ((unsigned __int128)open_bytes * all + (counted_share - 1)) / counted_share;
    return (guint64)MIN(exact, G_MAXUINT64);
}

static guint64 bytes_to_ask(const Walk *walk, const Demand *demand, const VhVerdict *verdict)
{
    const VhDecision *decision = walk->decision;
    const VhClass *treatment = vh_decision_treatment(decision, verdict->domain);
    guint64 wanted =
        MAX(bytes_to_cover(demand->open_bytes, &verdict->yield), decision->config->min_yield_bytes);
    guint64 cap = class_tokens(decision, verdict);

    if (treatment->max_per_ask_bytes)
        cap = MIN(cap, treatment->max_per_ask_bytes);
    if (is_ahead_of_need(decision, demand))
        cap = MIN(cap, decision->next->proactive.tokens_bytes);
    return MIN(MIN(verdict->yield.expected_bytes, cap), wanted);
}

static void spend(VhBucket *bucket, guint64 bytes)
{
    bucket->tokens_bytes = vh_sub(bucket->tokens_bytes, bytes);
}

static void plan_ask(Walk *walk, Demand *demand, const VhContender *contender,
                     const VhVerdict *verdict)
{
    VhDecision *decision = walk->decision;
    const VhConfig *config = decision->config;
    const VhDomain *domain = vh_snapshot_domain(decision->snapshot, verdict->domain);
    const VhClass *treatment = vh_decision_treatment(decision, verdict->domain);
    gboolean takes_pass = vh_eligible_takes_pass(config, domain);
    guint64 bytes = bytes_to_ask(walk, demand, verdict);
    VhAction action = {
        .domain = verdict->domain,
        .uuid = domain->uuid,
        .method = takes_pass ? VH_ASK_PASS : VH_ASK_AUTO,
        .granule_bytes = takes_pass ? treatment->granule_bytes : 0,
        .bytes = bytes,
        .expected_bytes = bytes,
        .counted_bytes = vh_yield_counted_bytes(&verdict->yield, bytes),
        .reserve_bytes = vh_eligible_reserve_bytes(config, domain, treatment),
        .request_id = demand->request_id,
    };

    g_array_append_val(decision->plan->actions, action);
    VhGuestState *guest = &g_array_index(decision->next->guests, VhGuestState, contender->guest);
    guest->asked_for_all = bytes == verdict->yield.expected_bytes;
    guest->left_bytes = verdict->yield.left_bytes;
    demand->open_bytes = vh_sub(demand->open_bytes, action.counted_bytes);
    walk->free_slots--;
    count_on_nodes(walk, domain->node_mask);
    if (is_ahead_of_need(decision, demand))
        spend(&decision->next->proactive, bytes);
    spend(&g_array_index(decision->next->buckets, VhBucket, verdict->class_index), bytes);
}

static void find_cheapest_rank(Walk *walk)
{
    walk->cheapest_rank = G_MAXUINT;
    for (guint i = 0; i < walk->decision->order->len; i++) {
        const VhContender *contender = &g_array_index(walk->decision->order, VhContender, i);
        if (vh_decision_verdict(walk->decision, contender->domain)->unlock <= VH_LEVEL_PROACTIVE)
            walk->cheapest_rank = MIN(walk->cheapest_rank, contender->rank);
    }
}

void vh_walk_order(VhDecision *decision)
{
    g_autoptr(GArray) demands = g_array_new(FALSE, FALSE, sizeof(Demand));
    Walk walk = {.decision = decision, .demands = demands};

    refill_all(decision);
    collect_demands(&walk);
    count_in_flight(&walk);
    find_cheapest_rank(&walk);
    for (guint i = 0; i < decision->order->len; i++) {
        const VhContender *contender = &g_array_index(decision->order, VhContender, i);
        VhVerdict *verdict = vh_decision_verdict(decision, contender->domain);
        Demand *demand = find_demand(&walk, verdict, &verdict->reason);
        if (demand)
            plan_ask(&walk, demand, contender, verdict);
    }
}
