/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reference: sets of guests, and what each byte of them costs. */
#include "vh-reference.h"
#include "vh-units.h"

/* Halvings of the price of a slot until as few guests are asked as fit. */
#define SLOT_PRICE_HALVINGS 40

/* A guest that may be asked, in GiB that stay. */
typedef struct {
    VhReferenceGuest *guest;
    double durable_gib; /* at most */
    double ms_per_gib;  /* each of them, without what the ask costs in itself */
    double relaxed_ms;  /* the same with that, and its slot, spread over all of them */
} Candidate;

static double in_gib(guint64 bytes)
{
    return (double)bytes / (double)VH_GIB;
}

static double durable_gib(const VhReferenceGuest *guest)
{
    return in_gib(MIN(guest->bytes, guest->reachable_bytes)) * (1 - guest->retouch);
}

double vh_reference_cost(const VhReferenceNeed *need, const VhReferenceGuest *guests, guint n)
{
    double missing = in_gib(need->need_bytes), cost = 0;

    for (guint i = 0; i < n; i++) {
        const VhReferenceGuest *guest = &guests[i];
        double gib = in_gib(MIN(guest->bytes, guest->reachable_bytes));
        if (guest->bytes == 0)
            continue;
        cost += guest->ask_ms + gib * guest->ask_ms_per_gib +
                gib * guest->retouch * guest->refault_ms_per_gib;
        missing -= durable_gib(guest);
    }
    return cost + MAX(missing, 0) * need->missing_ms_per_gib;
}

static int compare_marginal(gconstpointer a, gconstpointer b)
{
    const Candidate *left = a, *right = b;

    if (left->ms_per_gib != right->ms_per_gib)
        return left->ms_per_gib < right->ms_per_gib ? -1 : 1;
    return left->guest < right->guest ? -1 : 1;
}

static int compare_relaxed(gconstpointer a, gconstpointer b)
{
    const Candidate *left = a, *right = b;

    if (left->relaxed_ms != right->relaxed_ms)
        return left->relaxed_ms < right->relaxed_ms ? -1 : 1;
    return left->guest < right->guest ? -1 : 1;
}

/* Who may be asked and whose bytes cost less than their lack: no other is in a best choice. */
static GArray *find_candidates(const VhReferenceNeed *need, VhReferenceGuest *guests, guint n)
{
    GArray *candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));

    for (guint i = 0; i < n; i++) {
        VhReferenceGuest *guest = &guests[i];
        double kept = 1 - guest->retouch;
        guest->bytes = 0;
        if (!guest->is_allowed || kept <= 0 || guest->reachable_bytes == 0)
            continue;
        Candidate candidate = {
            .guest = guest,
            .durable_gib = in_gib(guest->reachable_bytes) * kept,
            .ms_per_gib =
                (guest->ask_ms_per_gib + guest->retouch * guest->refault_ms_per_gib) / kept,
        };
        if (candidate.ms_per_gib < need->missing_ms_per_gib)
            g_array_append_val(candidates, candidate);
    }
    return candidates;
}

/* What the cheapest amounts of one set cost. `candidates` in the order of their marginal cost, so
 * that whoever comes first gives first. */
static double cost_of_set(const VhReferenceNeed *need, const GArray *candidates, guint set)
{
    double missing = in_gib(need->need_bytes), cost = 0;

    for (guint i = 0; i < candidates->len; i++) {
        const Candidate *candidate = &g_array_index(candidates, Candidate, i);
        if (!(set >> i & 1))
            continue;
        double given = MIN(candidate->durable_gib, missing);
        cost += candidate->guest->ask_ms + given * candidate->ms_per_gib;
        missing -= given;
    }
    return cost + missing * need->missing_ms_per_gib;
}

/* So many bytes that `durable` of them stay. */
static guint64 bytes_for(const Candidate *candidate, double durable)
{
    double bytes = durable / (1 - candidate->guest->retouch) * (double)VH_GIB + 0.5;

    return bytes < (double)candidate->guest->reachable_bytes ? (guint64)bytes
                                                             : candidate->guest->reachable_bytes;
}

static void take_set(const VhReferenceNeed *need, const GArray *candidates, guint set)
{
    double missing = in_gib(need->need_bytes);

    for (guint i = 0; i < candidates->len; i++) {
        const Candidate *candidate = &g_array_index(candidates, Candidate, i);
        if (!(set >> i & 1) || missing <= 0)
            continue;
        double given = MIN(candidate->durable_gib, missing);
        candidate->guest->bytes = bytes_for(candidate, given);
        missing -= given;
    }
}

static void try_all_sets(const VhReferenceNeed *need, GArray *candidates)
{
    guint best = 0;
    double best_cost = cost_of_set(need, candidates, 0);

    g_array_sort(candidates, compare_marginal);
    for (guint set = 1; set < 1u << candidates->len; set++) {
        if ((guint)__builtin_popcount(set) > need->slots)
            continue;
        double cost = cost_of_set(need, candidates, set);
        if (cost < best_cost) {
            best_cost = cost;
            best = set;
        }
    }
    take_set(need, candidates, best);
}

/*
 * The relaxed problem: an ask may be made in part, and each costs `slot_ms` more. Returns what it
 * costs, without what the slots are worth; *ret_asked: how many guests it asks, parts counted
 * whole.
 */
static double solve_relaxed(const VhReferenceNeed *need, GArray *candidates, double slot_ms,
                            guint *ret_asked)
{
    double missing = in_gib(need->need_bytes), cost = 0;

    for (guint i = 0; i < candidates->len; i++) {
        Candidate *candidate = &g_array_index(candidates, Candidate, i);
        candidate->relaxed_ms =
            candidate->ms_per_gib + (candidate->guest->ask_ms + slot_ms) / candidate->durable_gib;
    }
    g_array_sort(candidates, compare_relaxed);
    *ret_asked = 0;
    for (guint i = 0; i < candidates->len && missing > 0; i++) {
        const Candidate *candidate = &g_array_index(candidates, Candidate, i);
        if (candidate->relaxed_ms >= need->missing_ms_per_gib)
            break;
        double given = MIN(candidate->durable_gib, missing);
        cost += given * candidate->relaxed_ms;
        missing -= given;
        (*ret_asked)++;
    }
    return cost + missing * need->missing_ms_per_gib - slot_ms * need->slots;
}

/* The least price of a slot at which as few guests are asked as there are slots; its bound is the
 * best of those that were looked at. */
static double find_slot_price(const VhReferenceNeed *need, GArray *candidates, double *ret_bound)
{
    guint asked;
    double low = 0, high = 1;

    *ret_bound = solve_relaxed(need, candidates, 0, &asked);
    if (asked <= need->slots)
        return 0;
    do {
        high *= 2;
        *ret_bound = MAX(*ret_bound, solve_relaxed(need, candidates, high, &asked));
    } while (asked > need->slots);
    for (guint i = 0; i < SLOT_PRICE_HALVINGS; i++) {
        double middle = low + (high - low) / 2;
        *ret_bound = MAX(*ret_bound, solve_relaxed(need, candidates, middle, &asked));
        if (asked > need->slots)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Takes the relaxed solution's guests, first to last, as long as each is worth its whole ask. */
static double take_relaxed(const VhReferenceNeed *need, GArray *candidates)
{
    double bound, missing = in_gib(need->need_bytes);
    guint asked, left = need->slots;

    solve_relaxed(need, candidates, find_slot_price(need, candidates, &bound), &asked);
    for (guint i = 0; i < candidates->len && left > 0 && missing > 0; i++) {
        const Candidate *candidate = &g_array_index(candidates, Candidate, i);
        double given = MIN(candidate->durable_gib, missing);
        double worth = given * (need->missing_ms_per_gib - candidate->ms_per_gib);
        if (worth <= candidate->guest->ask_ms)
            continue;
        candidate->guest->bytes = bytes_for(candidate, given);
        missing -= given;
        left--;
    }
    return bound;
}

void vh_reference_solve(const VhReferenceNeed *need, VhReferenceGuest *guests, guint n,
                        VhReferenceResult *ret_result)
{
    g_autoptr(GArray) candidates = find_candidates(need, guests, n);

    *ret_result = (VhReferenceResult){.is_optimum = TRUE};
    if (need->need_bytes > 0 && candidates->len > VH_REFERENCE_EXACT_MAX) {
        ret_result->is_optimum = FALSE;
        ret_result->bound_ms = take_relaxed(need, candidates);
    } else if (need->need_bytes > 0) {
        try_all_sets(need, candidates);
    }
    ret_result->cost_ms = vh_reference_cost(need, guests, n);
    if (ret_result->is_optimum)
        ret_result->bound_ms = ret_result->cost_ms;
}
