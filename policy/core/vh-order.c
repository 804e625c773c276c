/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order in which guests are asked: by rank, and within a rank by price, as far as that is fair.
 */
#include "vh-cost.h"
#include "vh-decision.h"

#include <math.h>

/* Nobody bears more than twice its share while another could give. Some of that is kept back: what
 * was borne more than an hour ago still counts a little here, and does not in that hour. */
#define SHARE_MOST 1.7

/* Of what an ask costs at least, so small a part is no longer worth remembering. */
#define FORGOTTEN_PART 8

/* The guests of one rank that share what it bears. */
typedef struct {
    guint rank;
    guint n;
    double inflicted_us; /* weighted, of all */
} Rank;

/* Ranks are few: classes have them. */
static Rank *find_rank(GArray *ranks, guint rank)
{
    for (guint i = 0; i < ranks->len; i++) {
        Rank *known = &g_array_index(ranks, Rank, i);
        if (known->rank == rank)
            return known;
    }
    Rank fresh = {.rank = rank};
    g_array_append_val(ranks, fresh);
    return &g_array_index(ranks, Rank, ranks->len - 1);
}

/* Whether a guest has a share in what its rank bears: it could be asked, or it was lately, and only
 * waits for its next turn. */
static gboolean has_share(const VhModel *model, const VhVerdict *verdict)
{
    double least_us = (double)model->cost_fixed_us * verdict->weight / FORGOTTEN_PART;

    return verdict->reason == VH_REASON_ASK ||
           (verdict->has_yield && verdict->cost.inflicted_us > least_us);
}

static void sum_ranks(const VhDecision *decision, GArray *ranks)
{
    for (guint i = 0; i < decision->plan->verdicts->len; i++) {
        const VhVerdict *verdict = vh_decision_verdict(decision, i);
        if (!has_share(&decision->config->model, verdict))
            continue;
        Rank *rank = find_rank(ranks, verdict->rank);
        rank->n++;
        rank->inflicted_us += verdict->cost.inflicted_us;
    }
}

/* Also of guests that are not up for it, so that people see what it would be. */
static void correct_prices(const VhDecision *decision, GArray *ranks)
{
    for (guint i = 0; i < decision->plan->verdicts->len; i++) {
        VhVerdict *verdict = vh_decision_verdict(decision, i);
        const Rank *rank = verdict->has_yield ? find_rank(ranks, verdict->rank) : NULL;
        if (rank && rank->n > 0)
            vh_cost_correct(&decision->config->model, rank->inflicted_us / rank->n, &verdict->cost);
    }
}

/* Whether an ask for all it can give would take it above its bound, in a rank that bears what it
 * bears and that ask. */
static gboolean is_over(const VhDecision *decision, const VhContender *contender, const Rank *rank)
{
    const VhModel *model = &decision->config->model;
    const VhVerdict *verdict = vh_decision_verdict(decision, contender->domain);
    const VhClass *treatment = vh_decision_treatment(decision, contender->domain);
    double more =
        verdict->weight * vh_cost_ask_us(model, vh_cost_ask_bytes(&verdict->yield, treatment));

    if (model->without & VH_TERM_FAIRNESS)
        return FALSE;
    return contender->inflicted_us + more > SHARE_MOST * (rank->inflicted_us + more) / rank->n;
}

/* At CRITICAL those come first that were not asked since that began, and then who was asked longest
 * ago: whoever is up for it waits for each other one at most once. */
static int compare_turn(const VhContender *left, const VhContender *right)
{
    if (left->was_reached != right->was_reached)
        return left->was_reached ? 1 : -1;
    if (left->was_reached && left->last_ended_us != right->last_ended_us)
        return left->last_ended_us < right->last_ended_us ? -1 : 1;
    return 0;
}

/* Within a rank: who can bear more, by price; then the others, who has borne least first. */
static int compare_cost(const VhContender *left, const VhContender *right)
{
    if (left->is_over != right->is_over)
        return left->is_over ? 1 : -1;
    if (left->is_over && left->inflicted_us != right->inflicted_us)
        return left->inflicted_us < right->inflicted_us ? -1 : 1;
    if (left->price != right->price)
        return left->price < right->price ? -1 : 1;
    return 0;
}

static int compare_contenders(gconstpointer a, gconstpointer b)
{
    const VhContender *left = a, *right = b;
    int order = compare_turn(left, right);

    if (order == 0 && left->rank != right->rank)
        order = left->rank < right->rank ? -1 : 1;
    if (order == 0)
        order = compare_cost(left, right);
    /* by a hash, so that no guest is always the first */
    if (order == 0 && left->hash != right->hash)
        order = left->hash < right->hash ? -1 : 1;
    return order != 0 ? order : (left->domain > right->domain) - (left->domain < right->domain);
}

void vh_order_sort(VhDecision *decision)
{
    g_autoptr(GArray) ranks = g_array_new(FALSE, FALSE, sizeof(Rank));

    sum_ranks(decision, ranks);
    correct_prices(decision, ranks);
    for (guint i = 0; i < decision->order->len; i++) {
        VhContender *contender = &g_array_index(decision->order, VhContender, i);
        contender->price = vh_decision_verdict(decision, contender->domain)->cost.price;
        contender->is_over = is_over(decision, contender, find_rank(ranks, contender->rank));
    }
    g_array_sort(decision->order, compare_contenders);
    for (guint i = 0; i < decision->order->len; i++)
        vh_decision_verdict(decision, g_array_index(decision->order, VhContender, i).domain)
            ->place = i + 1;
}
