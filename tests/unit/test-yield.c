/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The yield formula and the cost model, figure by figure. */
#include "fixture.h"
#include "vh-cost.h"
#include "vh-yield.h"

#include <math.h>

#define HOURS(n) (FIXTURE_WALL_US + (n)*VH_HOUR)

/* 200 MiB of QEMU, 400 MiB used, 1500 MiB free and backed (fixture.h). */
static VhYield yield_of(const VhModel *model, const VhDomain *domain, const VhGuestState *guest)
{
    VhYield yield;

    vh_yield_compute(model, domain, guest, FIXTURE_WALL_US, &yield);
    return yield;
}

static VhModel plain_model(void)
{
    g_autoptr(VhConfig) config = vh_config_new();

    fixture_pin(config);
    return config->model;
}

static void test_formula(void)
{
    static const struct {
        const char *what;
        guint64 overhead_mib, used_mib, free_mib, rss_mib, swapped_mib; /* O, A - F, F, R, S */
        guint64 backed_mib, in_ram_mib;                                 /* Z, X */
    } cases[] = {
        {"all is backed", 200, 400, 1600, 2100, 0, 1500, 1500},
        {"more is free than backed", 200, 400, 1600, 1000, 0, 400, 400},
        {"more is backed than free", 200, 400, 100, 2100, 0, 100, 100},
        {"nothing is backed", 200, 400, 1600, 600, 0, 0, 0},
        {"QEMU alone is resident", 200, 400, 1600, 150, 0, 0, 0},
        {"half of it swapped out", 200, 400, 1600, 1200, 1000, 1600, 800},
        {"all of it swapped out", 200, 400, 1600, 200, 2000, 1600, 0},
    };
    VhModel model = plain_model();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhDomain domain = fixture_guest(1, "a");

        g_test_message("%s", cases[i].what);
        model.overhead_bytes = cases[i].overhead_mib * VH_MIB;
        domain.unused_bytes = cases[i].free_mib * VH_MIB;
        domain.available_bytes = (cases[i].free_mib + cases[i].used_mib) * VH_MIB;
        domain.rss_bytes = cases[i].rss_mib * VH_MIB;
        domain.swapped_bytes = cases[i].swapped_mib * VH_MIB;
        VhYield yield = yield_of(&model, &domain, NULL);
        g_assert_cmpuint(yield.backed_free_bytes, ==, cases[i].backed_mib * VH_MIB);
        g_assert_cmpuint(yield.in_ram_bytes, ==, cases[i].in_ram_mib * VH_MIB);
        g_assert_cmpuint(yield.expected_bytes, ==, vh_share(yield.in_ram_bytes, model.gamma_bp));
    }
}

/* Y, then D, then LCB: each a share of the one before. */
static void test_chain(void)
{
    VhModel model = plain_model();
    VhDomain domain = fixture_guest(1, "a");

    model.gamma_bp = 8000;
    model.retouch_bp = 2500;
    model.sigma_bp = 1000;
    VhYield yield = yield_of(&model, &domain, NULL);
    g_assert_cmpuint(yield.expected_bytes, ==, 1200 * VH_MIB);
    g_assert_cmpuint(yield.durable_bytes, ==, 900 * VH_MIB);
    g_assert_cmpuint(yield.counted_bytes, ==, 810 * VH_MIB);
    vh_yield_cap(&yield, 400 * VH_MIB);
    g_assert_cmpuint(yield.expected_bytes, ==, 400 * VH_MIB);
    g_assert_cmpuint(yield.durable_bytes, ==, 300 * VH_MIB);
    g_assert_cmpuint(yield.counted_bytes, ==, 270 * VH_MIB);
    vh_yield_cap(&yield, VH_GIB);
    g_assert_cmpuint(yield.expected_bytes, ==, 400 * VH_MIB);
}

/* What stays free in the guest is mostly backed: a pulse does not bring it. */
static void test_leave(void)
{
    VhModel model = plain_model();
    VhDomain domain = fixture_guest(1, "a");

    model.gamma_bp = 5000;
    VhYield yield = yield_of(&model, &domain, NULL);
    vh_yield_leave(&yield, 500 * VH_MIB);
    g_assert_cmpuint(yield.left_bytes, ==, 400 * VH_MIB);
    g_assert_cmpuint(yield.expected_bytes, ==, 550 * VH_MIB);
    g_assert_cmpuint(yield.durable_bytes, ==, 495 * VH_MIB);
    vh_yield_leave(&yield, 4 * VH_GIB);
    g_assert_cmpuint(yield.left_bytes, ==, 1500 * VH_MIB);
    g_assert_cmpuint(yield.counted_bytes, ==, 0);
}

/* What is there only if O is less than it was ever seen to be is asked for, but not counted on. */
static void test_doubtful(void)
{
    VhModel model = plain_model();
    VhDomain domain = fixture_guest(1, "a");
    VhGuestState guest = {.overhead_bytes = 100 * VH_MIB};

    model.gamma_bp = 5000;
    model.retouch_bp = model.sigma_bp = 0;
    VhYield yield = yield_of(&model, &domain, &guest);
    g_assert_cmpuint(yield.expected_bytes, ==, 800 * VH_MIB);
    g_assert_cmpuint(yield.doubtful_bytes, ==, 50 * VH_MIB);
    g_assert_cmpuint(yield.durable_bytes, ==, 800 * VH_MIB);
    g_assert_cmpuint(yield.counted_bytes, ==, 750 * VH_MIB);
    g_assert_cmpuint(vh_yield_counted_bytes(&yield, 700 * VH_MIB), ==, 700 * VH_MIB);
    vh_yield_cap(&yield, 760 * VH_MIB); /* it would come last */
    g_assert_cmpuint(yield.doubtful_bytes, ==, 10 * VH_MIB);
    g_assert_cmpuint(yield.counted_bytes, ==, 750 * VH_MIB);
    vh_yield_leave(&yield, 4 * VH_GIB);
    g_assert_cmpuint(yield.counted_bytes, ==, 0);
    guest.was_drained = TRUE;
    yield = yield_of(&model, &domain, &guest);
    g_assert_cmpuint(yield.counted_bytes, ==, 800 * VH_MIB);
}

static VhGuestState learned_guest(void)
{
    return (VhGuestState){.n_returns = 3,
                          .gamma_bp = 2000,
                          .sigma_bp = 6000,
                          .n_rebounds = 2,
                          .retouch_bp = 9000,
                          .residue_bytes = 500 * VH_MIB,
                          .residue_wall_us = FIXTURE_WALL_US,
                          .last_ended_wall_us = FIXTURE_WALL_US};
}

/* What was learned fades: half of it each hour. */
static void test_learned_fades(void)
{
    static const struct {
        gint64 hours;
        guint gamma_bp, retouch_bp, sigma_bp;
    } cases[] = {
        {0, 2000, 9000, 6000},    {1, 5750, 5000, 3500},
        {2, 7625, 3000, 2250},    {-1, 2000, 9000, 6000} /* a clock set back */,
        {1000, 9500, 1000, 1000},
    };
    VhModel model = plain_model();
    VhGuestState guest = learned_guest();
    VhLearned learned;

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        vh_yield_learned(&model, &guest, HOURS(cases[i].hours), &learned);
        g_assert_cmpuint(learned.gamma_bp, ==, cases[i].gamma_bp);
        g_assert_cmpuint(learned.retouch_bp, ==, cases[i].retouch_bp);
        g_assert_cmpuint(learned.sigma_bp, ==, cases[i].sigma_bp);
    }
    guest.n_returns = 0; /* then the shares mean nothing */
    guest.n_rebounds = 0;
    vh_yield_learned(&model, &guest, FIXTURE_WALL_US, &learned);
    g_assert_cmpuint(learned.gamma_bp, ==, model.gamma_bp);
    g_assert_cmpuint(learned.retouch_bp, ==, model.retouch_bp);
    g_assert_cmpuint(learned.sigma_bp, ==, model.sigma_bp);
}

/* Each term left out changes what it should, and nothing else. */
static void test_without_terms(void)
{
    VhModel model = plain_model();
    VhGuestState guest = learned_guest();
    VhDomain domain = fixture_guest(1, "a");
    domain.swapped_bytes = 900 * VH_MIB;
    VhYield all = yield_of(&model, &domain, &guest), yield;
    VhLearned learned;

    model.without = VH_TERM_SWAP;
    yield = yield_of(&model, &domain, &guest);
    g_assert_cmpuint(yield.in_ram_bytes, ==, 1500 * VH_MIB);
    g_assert_cmpuint(all.in_ram_bytes, <, 1500 * VH_MIB);
    model.without = VH_TERM_RESIDUE;
    yield = yield_of(&model, &domain, &guest);
    g_assert_cmpuint(yield.residue_bytes, ==, 0);
    g_assert_cmpuint(all.residue_bytes, ==, 500 * VH_MIB);
    model.without = VH_TERM_GAMMA;
    yield = yield_of(&model, &domain, &guest);
    g_assert_cmpuint(yield.gamma_bp, ==, model.gamma_bp);
    g_assert_cmpuint(yield.sigma_bp, ==, all.sigma_bp);
    model.without = VH_TERM_SIGMA;
    yield = yield_of(&model, &domain, &guest);
    g_assert_cmpuint(yield.sigma_bp, ==, model.sigma_bp);
    g_assert_cmpuint(yield.gamma_bp, ==, all.gamma_bp);
    model.without = VH_TERM_RETOUCH;
    yield = yield_of(&model, &domain, &guest);
    g_assert_cmpuint(yield.durable_bytes, ==, yield.expected_bytes);
    g_assert_cmpuint(all.durable_bytes, <, all.expected_bytes);
    model.without = VH_TERM_EXPLORATION;
    vh_yield_learned(&model, &guest, HOURS(1000), &learned);
    g_assert_cmpuint(learned.gamma_bp, ==, guest.gamma_bp);
}

static VhCost cost_of(const VhModel *model, const VhDomain *domain, const VhGuestState *guest,
                      const VhClass *class)
{
    VhYield yield = yield_of(model, domain, guest);
    VhCost cost;

    vh_cost_compute(model, guest, class, &yield, FIXTURE_WALL_US, &cost);
    return cost;
}

static void test_cost_and_price(void)
{
    VhModel model = plain_model();
    VhDomain domain = fixture_guest(1, "a");
    VhGuestState guest = {0};
    VhClass class = {.weight = 3, .max_per_ask_bytes = VH_GIB};
    /* c0 20 + c1 150 + c2 400 * 10 %, times the weight */
    double expected = 3 * (20 + 150 + 40) * 1000.0;

    VhCost cost = cost_of(&model, &domain, &guest, &class);
    g_assert_cmpfloat_with_epsilon(cost.cost_us, expected, 1);
    g_assert_cmpfloat_with_epsilon(cost.price, expected / (1024 * 0.9), 0.01);
    g_assert_cmpfloat(cost.fairness, ==, 1);
    domain.rss_bytes = 0; /* nothing to give: no price, and no division by it */
    cost = cost_of(&model, &domain, &guest, &class);
    g_assert_cmpfloat(cost.price, ==, 0);
}

static void test_fairness(void)
{
    static const struct {
        double inflicted_us, mean_us, fairness;
    } cases[] = {
        {0, 0, 1},       {100, 0, 1},     {100, 100, 1},   {0, 100, 0.5},
        {200, 100, 1.5}, {300, 100, 2.0}, {900, 100, 2.0}, {50, 100, 0.75},
    };
    VhModel model = plain_model();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhCost cost = {.inflicted_us = cases[i].inflicted_us, .fairness = 1, .price = 8};
        vh_cost_correct(&model, cases[i].mean_us, &cost);
        g_assert_cmpfloat(cost.fairness, ==, cases[i].fairness);
        g_assert_cmpfloat(cost.price, ==, 8 * cases[i].fairness);
    }
    model.without = VH_TERM_FAIRNESS;
    VhCost cost = {.inflicted_us = 900, .fairness = 1, .price = 8};
    vh_cost_correct(&model, 100, &cost);
    g_assert_cmpfloat(cost.price, ==, 8);
}

/* What was borne is forgotten by halves, and counts by weight. */
static void test_inflicted(void)
{
    VhModel model = plain_model();
    VhGuestState guest = {.inflicted_us = 1000, .inflicted_wall_us = FIXTURE_WALL_US};
    VhClass class = {.weight = 5};
    VhDomain domain = fixture_guest(1, "a");

    g_assert_cmpfloat(vh_cost_inflicted_us(&model, &guest, HOURS(0)), ==, 1000);
    g_assert_cmpfloat(vh_cost_inflicted_us(&model, &guest, HOURS(2)), ==, 250);
    g_assert_cmpfloat(vh_cost_inflicted_us(&model, &guest, HOURS(-2)), ==, 1000);
    g_assert_cmpfloat(cost_of(&model, &domain, &guest, &class).inflicted_us, ==, 5000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/yield/formula", test_formula);
    g_test_add_func("/yield/chain", test_chain);
    g_test_add_func("/yield/leave", test_leave);
    g_test_add_func("/yield/doubtful", test_doubtful);
    g_test_add_func("/yield/learned-fades", test_learned_fades);
    g_test_add_func("/yield/without-terms", test_without_terms);
    g_test_add_func("/cost/cost-and-price", test_cost_and_price);
    g_test_add_func("/cost/fairness", test_fairness);
    g_test_add_func("/cost/inflicted", test_inflicted);
    return g_test_run();
}
