/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulator: that no memory is made or lost in its guests, that asks return what they can, that
 * a run is the same each time, and the arithmetic of its figures. */
#include "vh-sim-batch.h"
#include "vh-sim-figures.h"
#include "vh-sim-future.h"
#include "vh-sim-guest.h"
#include "vh-sim-random.h"
#include "vh-sim-show.h"
#include "vh-sim-world.h"

#include <math.h>
#include <string.h>

#define TINY_MIB 1e-6
#define PLENTY_MIB 1e9

static void assert_whole(const VhSimGuest *guest)
{
    double sum = guest->used_mib + guest->cache_mib + vh_sim_guest_free(guest);

    g_assert_cmpfloat(fabs(sum - guest->managed_mib), <, guest->managed_mib * 1e-9);
    const double parts[] = {guest->used_mib,   guest->cache_mib,        guest->backed_mib,
                            guest->pieces_mib, guest->given_mib,        guest->untouched_mib,
                            guest->held_mib,   guest->swapped_free_mib, guest->swapped_used_mib};
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        g_assert_cmpfloat(parts[i], >=, -TINY_MIB);
    g_assert_cmpfloat(guest->pieces_mib, <=, guest->backed_mib + TINY_MIB);
    g_assert_cmpfloat(guest->swapped_free_mib, <=, guest->backed_mib + TINY_MIB);
}

static void ask_some(VhSimGuest *guest, guint64 *random)
{
    double wanted = 1024 * vh_sim_random_unit(random);
    double reserve = 256 * vh_sim_random_unit(random);
    gboolean is_pass = vh_sim_random_unit(random) < 0.5;
    double granule = is_pass ? 64 : 4;
    double free = vh_sim_guest_free(guest), before = vh_sim_guest_resident(guest);
    VhSimAsk ask = is_pass ? vh_sim_guest_plan_pass(guest, wanted, granule)
                           : vh_sim_guest_plan_pulse(guest, wanted, reserve);

    g_assert_cmpfloat(ask.discard_mib, <=, vh_sim_guest_reachable(guest, granule) + TINY_MIB);
    g_assert_cmpfloat(ask.return_mib, <=, wanted + TINY_MIB);
    g_assert_cmpfloat(ask.held_mib, <=, is_pass ? 0 : MAX(0, free - reserve) + TINY_MIB);
    double returned = vh_sim_guest_discard(guest, ask.discard_mib);
    g_assert_cmpfloat(fabs(before - vh_sim_guest_resident(guest) - returned), <, TINY_MIB);
    if (vh_sim_random_unit(random) < 0.3)
        vh_sim_guest_swap_out(guest, 100, 0.7);
}

/* Whatever happens to a guest: what its kernel manages is in use, cache or free, and what is
 * resident changes by what it says. */
static void test_conservation(void)
{
    for (guint family = 0; family < VH_FAMILIES; family++) {
        guint64 random = vh_sim_random_stream(1, 9, family);
        VhSimGuest guest;

        vh_sim_guest_init(&guest, vh_sim_family_params((VhSimFamily)family), 4096, TRUE, 1, family);
        for (guint second = 1; second < 3 * 3600; second++) {
            double before = vh_sim_guest_resident(&guest);
            double grown = vh_sim_guest_step(&guest, second, PLENTY_MIB);

            if (!guest.has_started)
                continue;
            g_assert_cmpfloat(fabs(vh_sim_guest_resident(&guest) - before - grown), <, 1e-3);
            if (second % 97 == 0)
                ask_some(&guest, &random);
            guest.is_reporting = second % 1000 > 900;
            assert_whole(&guest);
        }
        g_assert_true(guest.has_started);
    }
}

/* What is in pieces: a default pass leaves it, one of half of the pieces' size gets most of it, a
 * pulse all. */
static void test_pieces(void)
{
    VhSimGuest guest;

    vh_sim_guest_init(&guest, vh_sim_family_params(VH_FAMILY_FRAGMENTED), 4096, TRUE, 1, 0);
    guest.backed_mib = 1000;
    guest.pieces_mib = 900;
    g_assert_cmpfloat(vh_sim_guest_reachable(&guest, 0), <, 101);
    g_assert_cmpfloat(fabs(vh_sim_guest_reachable(&guest, 64) - 550), <, 1);
    g_assert_cmpfloat(vh_sim_guest_reachable(&guest, 32), >, 850);
    g_assert_cmpfloat(vh_sim_guest_reachable(&guest, 4), >, 999);
}

/* A guest that needs what a pulse holds: with autodeflate it waits, without it loses something. */
static void test_balloon_in_the_way(void)
{
    for (guint i = 0; i < 2; i++) {
        VhSimGuest guest;

        vh_sim_guest_init(&guest, vh_sim_family_params(VH_FAMILY_SAWTOOTH), 4096, i == 0, 1, 0);
        vh_sim_guest_step(&guest, 1, PLENTY_MIB);
        guest.held_mib = vh_sim_guest_free(&guest) - 100;
        guest.work.is_peak = TRUE; /* a job begins */
        guest.work.until_s = 1000;
        vh_sim_guest_step(&guest, 2, PLENTY_MIB);
        g_assert_true(guest.wants_back);
        g_assert_cmpfloat(guest.tally.stall_s, ==, i == 0 ? 0.3 : 0);
        g_assert_cmpfloat(guest.tally.lost_s, ==, i == 0 ? 0 : 1);
        assert_whole(&guest);
    }
}

/* Where the host has nothing left, work is lost. */
static void test_no_room(void)
{
    VhSimGuest guest;

    vh_sim_guest_init(&guest, vh_sim_family_params(VH_FAMILY_SAWTOOTH), 4096, TRUE, 1, 0);
    vh_sim_guest_step(&guest, 1, PLENTY_MIB);
    vh_sim_guest_discard(&guest, guest.backed_mib);
    guest.work.is_peak = TRUE;
    guest.work.until_s = 1000;
    double used = guest.used_mib;
    vh_sim_guest_step(&guest, 2, 0);
    g_assert_cmpfloat(guest.tally.lost_s, ==, 1);
    g_assert_cmpfloat(guest.used_mib, ==, used);
}

static VhScenario *load(const char *name)
{
    g_autofree char *path =
        g_strdup_printf(VH_SOURCE_ROOT "/tools/simulate/scenarios/%s.json", name);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize length;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    VhScenario *scenario = vh_scenario_parse(path, text, length, &error);
    g_assert_no_error(error);
    return scenario;
}

/* By any number of threads, bit by bit; and another seed is another fleet. */
static void test_same_again(void)
{
    const char *const *names = vh_sim_engine_names();
    guint n_engines = g_strv_length((char **)names), n_seeds = 3;
    gsize n = (gsize)VH_METRICS * n_seeds;
    g_autofree double *first = g_new(double, n *n_engines);

    for (guint threads = 1; threads <= 3; threads++) {
        g_autoptr(VhSimBatch) batch = vh_sim_batch_new();

        batch->n_threads = threads;
        batch->n_seeds = n_seeds;
        batch->horizon_us = 10 * VH_MIN;
        for (guint i = 0; i < n_engines; i++)
            g_assert_true(vh_sim_batch_add_engine(batch, names[i], NULL));
        g_assert_true(vh_sim_batch_add_scenario(batch, load("example-small"), "f", NULL, 0, NULL));
        g_assert_true(vh_sim_batch_run(batch));
        g_assert_cmpuint(batch->steps, ==, (n_engines - 1 + VH_SIM_FUTURES) * n_seeds * 600 * 14);
        const VhSimSheet *sheet = g_ptr_array_index(batch->sheets, 0);
        for (guint i = 0; i < n * n_engines; i++) {
            double value = sheet->results[i / n].values[i % n];
            if (threads == 1)
                first[i] = value;
            g_assert_true(value == first[i] || (isnan(value) && isnan(first[i])));
        }
        g_assert_cmpfloat(first[VH_METRIC_COST], !=, first[VH_METRICS + VH_METRIC_COST]);
    }
}

/* What guests want is the same whoever decides. */
static void test_same_workload(void)
{
    g_autoptr(VhScenario) scenario = load("example-small");
    g_autoptr(VhSimWorld) left = vh_sim_world_new(scenario, scenario->config, 0);
    g_autoptr(VhSimWorld) right = vh_sim_world_new(scenario, scenario->config, 0);
    g_autoptr(VhCycle) cycle = vh_cycle_new(vh_engine_find("virthint"), vh_sim_world_source(right),
                                            vh_sim_world_actuator(right), NULL);

    for (guint second = 0; second < 3600; second++) {
        vh_sim_world_step(left);
        vh_sim_world_step(right);
        if (second % 5 == 0)
            g_assert_true(vh_cycle_run(cycle, scenario->config, NULL));
    }
    g_assert_cmpuint(vh_sim_world_truth(right)->asks, >, 0);
    for (guint i = 0; i < vh_sim_world_n_members(left); i++)
        g_assert_cmpfloat(vh_sim_world_member(left, i)->memory.work.used_mib, ==,
                          vh_sim_world_member(right, i)->memory.work.used_mib);
}

/* Each of the odd families: nobody without a driver or figures, and no hung one, is ever asked. */
static void test_odd_guests(void)
{
    g_autoptr(VhScenario) scenario = load("odd-guests");
    g_autoptr(VhSimWorld) world = vh_sim_world_new(scenario, scenario->config, 0);
    g_autoptr(VhCycle) cycle = vh_cycle_new(vh_engine_find("virthint"), vh_sim_world_source(world),
                                            vh_sim_world_actuator(world), NULL);
    guint n_odd = 0;

    for (guint second = 0; second < 1800; second++) {
        vh_sim_world_step(world);
        if (second % 5 == 0)
            g_assert_true(vh_cycle_run(cycle, scenario->config, NULL));
    }
    for (guint i = 0; i < vh_sim_world_n_members(world); i++) {
        const VhSimMember *member = vh_sim_world_member(world, i);
        int family = scenario->guests[member->group].family;

        if (family == VH_FAMILY_NO_DRIVER || family == VH_FAMILY_NO_STATS) {
            g_assert_cmpfloat(member->memory.tally.pulses + member->memory.tally.passes, ==, 0);
            n_odd++;
        }
    }
    g_assert_cmpuint(n_odd, >, 0);
    g_assert_cmpuint(vh_sim_world_truth(world)->asks, >, 0);
    g_assert_cmpuint(vh_sim_world_truth(world)->protected_asks, ==, 0);
}

static void test_figures(void)
{
    const double values[] = {2, 4, NAN, 4, 6};
    VhSpread spread = vh_sim_spread(values, 5);

    /* mean 4, variance 8/3, standard error sqrt(8/3/4), 3.182 of which to either side */
    g_assert_cmpuint(spread.n, ==, 4);
    g_assert_cmpfloat(spread.mean, ==, 4);
    g_assert_cmpfloat(fabs(spread.hi - 4 - 3.182 * sqrt(8.0 / 12)), <, 1e-9);
    g_assert_cmpfloat(fabs(spread.hi + spread.lo - 8), <, 1e-9);
    g_assert_true(isnan(vh_sim_spread(values, 1).hi));
    g_assert_true(isnan(vh_sim_spread(values + 2, 1).mean));
    g_assert_cmpfloat(fabs(vh_sim_student(60) - 2.000), <, 0.001);
    g_assert_cmpfloat(fabs(vh_sim_student(120) - 1.980), <, 0.001);
    g_assert_cmpfloat(vh_sim_student(29), ==, 2.045);

    const double even[] = {3, 3, 3}, one[] = {0, 9, 0}, none[] = {0, 0};
    g_assert_cmpfloat(fabs(vh_sim_jain(even, 3) - 1), <, 1e-12);
    g_assert_cmpfloat(fabs(vh_sim_jain(one, 3) - 1.0 / 3), <, 1e-12);
    g_assert_true(isnan(vh_sim_jain(none, 2)));

    const double sorted[] = {1, 2, 3, 4};
    g_assert_cmpfloat(vh_sim_percentile(sorted, 4, 0.5), ==, 2);
    g_assert_cmpfloat(vh_sim_percentile(sorted, 4, 0.95), ==, 4);
    g_assert_true(isnan(vh_sim_percentile(sorted, 0, 0.5)));
}

static void test_numbers(void)
{
    static const struct {
        VhSpread spread;
        const char *shown;
    } cases[] = {
        {{0.123456, 0.1, 0.146912, 3}, "0.123 ± 0.023"},
        {{12.34, 10.34, 14.34, 3}, "12.3 ± 2.0"},
        {{9876, 9776, 9976, 3}, "9876 ± 100"},
        {{12345, 11345, 13345, 3}, "12.3k ± 1.0k"},
        {{2500000, 2400000, 2600000, 3}, "2.50M ± 0.10M"},
        {{7, NAN, NAN, 1}, "7.00"},
        {{NAN, NAN, NAN, 0}, "-"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = vh_sim_show_spread(&cases[i].spread);
        g_assert_cmpstr(shown, ==, cases[i].shown);
    }
}

/* Names of engines: each that there is, ablations, and what is said of others. */
static void test_engines(void)
{
    g_autoptr(VhSimBatch) batch = vh_sim_batch_new();
    g_autoptr(GError) error = NULL;
    const char *const *names = vh_sim_engine_names();

    for (guint i = 0; names[i]; i++)
        g_assert_true(vh_sim_batch_add_engine(batch, names[i], NULL));
    g_assert_cmpstr(names[0], ==, "virthint");
    guint n = batch->contenders->len;
    vh_sim_batch_add_ablations(batch);
    g_assert_cmpuint(batch->contenders->len, ==, n + 9);
    g_assert_true(vh_sim_batch_add_engine(batch, "virthint", NULL)); /* once is enough */
    g_assert_cmpuint(batch->contenders->len, ==, n + 9);
    g_assert_false(vh_sim_batch_add_engine(batch, "virthint-without-luck", &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "write virthint, "));
}

/* A policy to be tried is merged over the scenario's. */
static void test_policy_on_top(void)
{
    g_autoptr(VhSimBatch) batch = vh_sim_batch_new();
    const char *text = "{\"version\": 1, \"interval\": \"7s\"}";
    VhPolicyText policy = {"p", text, strlen(text)};
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_sim_batch_add_engine(batch, "virthint", NULL));
    g_assert_true(vh_sim_batch_add_scenario(batch, load("example-small"), "f", &policy, 1, &error));
    g_assert_no_error(error);
    const VhSimSheet *sheet = g_ptr_array_index(batch->sheets, 0);
    g_assert_cmpint(sheet->results[0].config->interval_us, ==, 7 * VH_SEC);
    g_assert_cmpuint(sheet->results[0].config->n_matches, ==, 2);
    g_assert_true(sheet->results[0].config->allows_monitor);
}

/* What it defends must be on the scenario's host. */
static void test_pool_that_is_not_there(void)
{
    static const char *const texts[] = {
        "{\"version\": 1, \"pool\": {\"source\": \"numa\", \"node\": 50}}",
        "{\"version\": 1, \"pool\": {\"source\": \"cgroup\", \"cgroup\": \"/none\"}}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(VhSimBatch) batch = vh_sim_batch_new();
        VhPolicyText policy = {"p", texts[i], strlen(texts[i])};
        g_autoptr(GError) error = NULL;

        g_assert_true(vh_sim_batch_add_engine(batch, "virthint", NULL));
        g_assert_false(
            vh_sim_batch_add_scenario(batch, load("example-small"), "f", &policy, 1, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        g_assert_true(g_str_has_prefix(error->message, "f: /host: the policy's pool is "));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sim/conservation", test_conservation);
    g_test_add_func("/sim/pieces", test_pieces);
    g_test_add_func("/sim/balloon-in-the-way", test_balloon_in_the_way);
    g_test_add_func("/sim/no-room", test_no_room);
    g_test_add_func("/sim/same-again", test_same_again);
    g_test_add_func("/sim/same-workload", test_same_workload);
    g_test_add_func("/sim/odd-guests", test_odd_guests);
    g_test_add_func("/sim/figures", test_figures);
    g_test_add_func("/sim/numbers", test_numbers);
    g_test_add_func("/sim/engines", test_engines);
    g_test_add_func("/sim/policy-on-top", test_policy_on_top);
    g_test_add_func("/sim/pool-that-is-not-there", test_pool_that_is_not_there);
    return g_test_run();
}
