/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reference: nothing beats it where it says that it is the optimum, and its bound holds. */
#include "fixture.h"
#include "vh-cycle.h"
#include "vh-reference.h"

/* Sums of doubles, and whole bytes. */
#define TOLERANCE_MS 1e-3
#define INSTANCES 3000

static guint64 any_bytes(GRand *rand, guint most_mib)
{
    return (guint64)g_rand_int_range(rand, 0, (gint32)most_mib + 1) * VH_MIB;
}

static void any_guests(GRand *rand, VhReferenceGuest *guests, guint n)
{
    static const double weights[] = {1, 4, 20};

    for (guint i = 0; i < n; i++) {
        double weight = weights[g_rand_int_range(rand, 0, G_N_ELEMENTS(weights))];
        guests[i] = (VhReferenceGuest){
            .is_allowed = g_rand_int_range(rand, 0, 8) != 0,
            .reachable_bytes = any_bytes(rand, 2048),
            .retouch = g_rand_int_range(rand, 0, 5) == 0 ? 1 : g_rand_double(rand),
            .ask_ms = weight * g_rand_double_range(rand, 0, 100),
            .ask_ms_per_gib = weight * g_rand_double_range(rand, 0, 1000),
            .refault_ms_per_gib = weight * g_rand_double_range(rand, 0, 500),
        };
    }
}

static VhReferenceNeed any_need(GRand *rand, guint most_slots)
{
    return (VhReferenceNeed){
        .need_bytes = any_bytes(rand, 4096),
        .slots = (guint)g_rand_int_range(rand, 0, (gint32)most_slots + 1),
        .missing_ms_per_gib = g_rand_double_range(rand, 0, 5000),
    };
}

static void assert_possible(const VhReferenceNeed *need, const VhReferenceGuest *guests, guint n)
{
    guint asked = 0;

    for (guint i = 0; i < n; i++) {
        g_assert_cmpuint(guests[i].bytes, <=, guests[i].reachable_bytes);
        g_assert_true(guests[i].is_allowed || guests[i].bytes == 0);
        asked += guests[i].bytes != 0;
    }
    g_assert_cmpuint(asked, <=, need->slots);
}

static void test_by_hand(void)
{
    const VhReferenceNeed need = {.need_bytes = VH_GIB, .slots = 2, .missing_ms_per_gib = 1000};
    VhReferenceGuest guests[] = {
        /* half of it is touched again: 2 GiB for one that stays, at 2 * 100 + 1 * 400 = 600 */
        {TRUE, 4 * VH_GIB, 0.5, 10, 100, 400, 0},
        /* 300 a GiB, but it has half a GiB only: 150, and 300 for the rest of the first */
        {TRUE, VH_GIB / 2, 0, 10, 300, 400, 0},
        /* not allowed, else it would be the best */
        {FALSE, 4 * VH_GIB, 0, 0, 1, 0, 0},
        /* dearer than going without */
        {TRUE, 4 * VH_GIB, 0, 0, 1001, 0, 0},
    };
    VhReferenceResult result;

    vh_reference_solve(&need, guests, G_N_ELEMENTS(guests), &result);
    g_assert_true(result.is_optimum);
    g_assert_cmpfloat_with_epsilon(result.cost_ms, 10 + 150 + 10 + 300, TOLERANCE_MS);
    g_assert_cmpuint(guests[0].bytes, ==, VH_GIB);
    g_assert_cmpuint(guests[1].bytes, ==, VH_GIB / 2);
    g_assert_cmpuint(guests[2].bytes, ==, 0);
    g_assert_cmpuint(guests[3].bytes, ==, 0);
}

/* Every allocation of a grid: each guest's amount in so many equal parts, over up to four guests.
 */
static void test_grid_cannot_beat_it(void)
{
    enum { PARTS = 6, MOST = 4 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(41);

    for (guint round = 0; round < INSTANCES; round++) {
        guint n = (guint)g_rand_int_range(rand, 1, MOST + 1), n_grid = 1;
        VhReferenceGuest guests[MOST], tried[MOST];
        VhReferenceResult result;
        VhReferenceNeed need = any_need(rand, MOST);

        any_guests(rand, guests, n);
        vh_reference_solve(&need, guests, n, &result);
        g_assert_true(result.is_optimum);
        assert_possible(&need, guests, n);
        for (guint i = 0; i < n; i++)
            n_grid *= PARTS + 1;
        for (guint point = 0; point < n_grid; point++) {
            guint asked = 0, rest = point;
            for (guint i = 0; i < n; i++, rest /= PARTS + 1) {
                tried[i] = guests[i];
                tried[i].bytes = guests[i].reachable_bytes / PARTS * (rest % (PARTS + 1));
                asked += tried[i].bytes != 0 ? guests[i].is_allowed ? 1 : MOST + 1 : 0;
            }
            if (asked <= need.slots)
                g_assert_cmpfloat(vh_reference_cost(&need, tried, n), >=,
                                  result.cost_ms - TOLERANCE_MS);
        }
    }
}

/* Changes a choice at random: up to `slots` of the guests that may be asked, any amount of each. */
static void choose_anything(GRand *rand, const VhReferenceNeed *need, VhReferenceGuest *guests,
                            guint n)
{
    for (guint i = 0; i < n; i++)
        guests[i].bytes = 0;
    for (guint asked = 0; asked < need->slots; asked++) {
        VhReferenceGuest *guest = &guests[g_rand_int_range(rand, 0, (gint32)n)];
        guint64 part = (guint64)g_rand_int_range(rand, 0, 5);
        if (guest->is_allowed)
            guest->bytes = guest->reachable_bytes * part / 4;
    }
}

static void test_chance_cannot_beat_it(void)
{
    enum { MOST = VH_REFERENCE_EXACT_MAX };
    g_autoptr(GRand) rand = g_rand_new_with_seed(42);

    for (guint round = 0; round < INSTANCES; round++) {
        guint n = (guint)g_rand_int_range(rand, 1, MOST + 1);
        VhReferenceGuest guests[MOST];
        VhReferenceResult result;
        VhReferenceNeed need = any_need(rand, MOST);

        any_guests(rand, guests, n);
        vh_reference_solve(&need, guests, n, &result);
        g_assert_true(result.is_optimum);
        assert_possible(&need, guests, n);
        for (guint try = 0; try < 100; try++) {
            choose_anything(rand, &need, guests, n);
            g_assert_cmpfloat(vh_reference_cost(&need, guests, n), >=,
                              result.cost_ms - TOLERANCE_MS);
        }
    }
}

/* Where it cannot try all: what it does is possible, costs no less than its bound, and no choice
 * goes below the bound; the optimum of a small instance neither. */
static void test_bound_holds(void)
{
    enum { MOST = 40 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(43);
    guint n_relaxed = 0, n_close = 0;

    for (guint round = 0; round < INSTANCES; round++) {
        guint n = (guint)g_rand_int_range(rand, 2 * VH_REFERENCE_EXACT_MAX, MOST + 1);
        VhReferenceGuest guests[MOST];
        VhReferenceResult result;
        VhReferenceNeed need = any_need(rand, 6);

        any_guests(rand, guests, n);
        need.need_bytes *= 4;
        need.missing_ms_per_gib *= 20; /* so that many are worth it */
        vh_reference_solve(&need, guests, n, &result);
        assert_possible(&need, guests, n);
        g_assert_cmpfloat(result.cost_ms, >=, result.bound_ms - TOLERANCE_MS);
        for (guint try = 0; try < 50; try++) {
            choose_anything(rand, &need, guests, n);
            g_assert_cmpfloat(vh_reference_cost(&need, guests, n), >=,
                              result.bound_ms - TOLERANCE_MS);
        }
        n_relaxed += !result.is_optimum;
        n_close += !result.is_optimum && result.cost_ms <= result.bound_ms * 1.05 + TOLERANCE_MS;
    }
    g_assert_cmpuint(n_relaxed, >=, INSTANCES / 4);
    g_test_message("%u of %u within 5 %% of the bound", n_close, n_relaxed);
    g_assert_cmpuint(n_close, >=, n_relaxed * 3 / 4); /* it is a good one, too */
}

/* The bound is also below the optimum of instances that can be tried whole: three guests that are
 * worth it, and many that are too dear to be candidates, are still a small instance. */
static void test_dear_guests_do_not_count(void)
{
    enum { N = 30 };
    const VhReferenceNeed need = {.need_bytes = VH_GIB, .slots = 2, .missing_ms_per_gib = 500};
    VhReferenceGuest guests[N];
    VhReferenceResult result;

    for (guint i = 0; i < N; i++)
        guests[i] = (VhReferenceGuest){.is_allowed = TRUE,
                                       .reachable_bytes = VH_GIB / 2,
                                       .ask_ms_per_gib = i < 3 ? 100 + i : 600};
    vh_reference_solve(&need, guests, N, &result);
    g_assert_true(result.is_optimum);
    g_assert_cmpfloat_with_epsilon(result.cost_ms, 50 + 50.5, TOLERANCE_MS);
}

/* A guest of the decision that truly is what an instance says. */
static VhDomain domain_of(guint number, const VhReferenceGuest *guest)
{
    VhDomain domain = fixture_guest(number, "guest");

    domain.maximum_bytes = domain.current_bytes = 8192 * VH_MIB;
    domain.available_bytes = 8192 * VH_MIB;
    domain.unused_bytes = 6000 * VH_MIB;
    domain.rss_bytes = 200 * VH_MIB + 2192 * VH_MIB + guest->reachable_bytes;
    return domain;
}

/* What an engine's plan costs by the truth. */
static double cost_of_plan(const VhReferenceNeed *need, VhReferenceGuest *guests, guint n,
                           const VhPlan *plan)
{
    for (guint i = 0; i < n; i++)
        guests[i].bytes = 0;
    for (guint i = 0; i < plan->actions->len; i++) {
        const VhAction *action = &g_array_index(plan->actions, VhAction, i);
        guests[action->domain].bytes = action->bytes;
    }
    return vh_reference_cost(need, guests, n);
}

/* All guests may be asked, as no engine knows who may not; the slots are those of the policy, and
 * the rules that know of no such limit are given as many as there are guests. */
static void test_engines_cannot_beat_it(void)
{
    enum { MOST = 8 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(44);
    const char *const *names = vh_engine_names();
    guint asked = 0;

    for (guint round = 0; round < INSTANCES / 5; round++) {
        guint n = (guint)g_rand_int_range(rand, 1, MOST + 1);
        VhReferenceGuest guests[MOST];
        VhDomain domains[MOST];
        VhReferenceNeed need = any_need(rand, MOST);
        g_autoptr(VhConfig) config = fixture_config(0);
        guint64 resident = 0;

        any_guests(rand, guests, n);
        for (guint i = 0; i < n; i++) {
            guests[i].is_allowed = TRUE;
            domains[i] = domain_of(i + 1, &guests[i]);
            resident += domains[i].rss_bytes;
        }
        config->pool.budget_bytes = resident + any_bytes(rand, 1024);
        config->max_in_flight = need.slots = n;
        for (guint e = 0; names[e]; e++) {
            g_autoptr(VhState) state = vh_state_new();
            g_autoptr(VhState) next = vh_state_new();
            g_autoptr(VhPlan) plan = vh_plan_new();
            for (guint turn = 0; turn < 2; turn++) { /* virthint wants two samples */
                VhState *kept = state;
                g_autoptr(VhSnapshot) snapshot = fixture_snapshot(domains, n, turn * 20);
                vh_engine_find(names[e])->decide(config, state, snapshot, next, plan);
                state = next;
                next = kept;
            }
            VhReferenceResult best;
            vh_reference_solve(&need, guests, n, &best);
            g_assert_true(best.is_optimum);
            g_assert_cmpfloat(cost_of_plan(&need, guests, n, plan), >=,
                              best.cost_ms - TOLERANCE_MS);
            asked += plan->actions->len;
        }
    }
    g_assert_cmpuint(asked, >=, INSTANCES);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reference/by-hand", test_by_hand);
    g_test_add_func("/reference/grid-cannot-beat-it", test_grid_cannot_beat_it);
    g_test_add_func("/reference/chance-cannot-beat-it", test_chance_cannot_beat_it);
    g_test_add_func("/reference/bound-holds", test_bound_holds);
    g_test_add_func("/reference/dear-guests-do-not-count", test_dear_guests_do_not_count);
    g_test_add_func("/reference/engines-cannot-beat-it", test_engines_cannot_beat_it);
    return g_test_run();
}
