/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pool: where its size comes from, its trend, its level, and what pressure does to that. */
#include "fixture.h"
#include "vh-pool.h"

/* What one look at a pool is made of: a budget of 100 GiB, so that a GiB is a percent of it. */
typedef struct {
    VhConfig *config;
    VhState *state;
    VhPlan *plan;
    VhPool pool;
    gint64 seconds; /* since the start, of the last look */
} Fixture;

static void set_up(Fixture *fixture, gconstpointer unused)
{
    fixture->config = fixture_config(100 * VH_GIB);
    fixture->state = vh_state_new();
    fixture->plan = vh_plan_new();
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
    vh_config_free(fixture->config);
    vh_state_free(fixture->state);
    vh_plan_free(fixture->plan);
}

static VhSnapshot *snapshot_with(gint64 seconds, guint64 available_bytes)
{
    VhDomain guest = fixture_guest(1, "one");

    guest.rss_bytes = 100 * VH_GIB - available_bytes;
    return fixture_snapshot(&guest, 1, seconds);
}

static void see_snapshot(Fixture *fixture, const VhSnapshot *snapshot)
{
    vh_plan_clear(fixture->plan);
    vh_pool_see(fixture->config, snapshot, fixture->state, fixture->plan, &fixture->pool);
}

/* A look `after_s` seconds after the last one. */
static void see(Fixture *fixture, gint64 after_s, guint64 available_bytes)
{
    fixture->seconds += after_s;
    g_autoptr(VhSnapshot) snapshot = snapshot_with(fixture->seconds, available_bytes);
    see_snapshot(fixture, snapshot);
}

static void test_sources(void)
{
    static const struct {
        const char *what;
        VhPoolConfig pool;
        guint64 total_bytes;
        gint64 available_bytes;
    } table[] = {
        {"host", {.source = VH_POOL_HOST}, 64 * VH_GIB, 32 * (gint64)VH_GIB},
        {"host less a reserve",
         {.source = VH_POOL_HOST, .reserve_bytes = 40 * VH_GIB},
         24 * VH_GIB,
         -8 * (gint64)VH_GIB},
        {"budget",
         {.source = VH_POOL_BUDGET, .budget_bytes = VH_GIB},
         VH_GIB,
         -(2100 - 1024) * (gint64)VH_MIB},
        {"group", {.source = VH_POOL_CGROUP}, 16 * VH_GIB, 5 * (gint64)VH_GIB},
        {"node", {.source = VH_POOL_NUMA, .node = 1}, 32 * VH_GIB, 10 * (gint64)VH_GIB},
        {"node less a reserve",
         {.source = VH_POOL_NUMA, .node = 1, .reserve_bytes = VH_GIB},
         31 * VH_GIB,
         9 * (gint64)VH_GIB},
    };
    const VhDomain guest = fixture_guest(1, "one");
    const VhNode nodes[] = {{0, 32 * VH_GIB, 22 * VH_GIB}, {1, 32 * VH_GIB, 10 * VH_GIB}};
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(&guest, 1, 0);

    g_array_append_vals(snapshot->nodes, nodes, G_N_ELEMENTS(nodes));
    snapshot->has_group = TRUE;
    snapshot->group = (VhGroup){16 * VH_GIB, 12 * VH_GIB, VH_GIB};
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        VhPool pool;
        g_test_message("%s", table[i].what);
        vh_pool_measure(&table[i].pool, snapshot, &pool);
        g_assert_true(pool.is_known);
        g_assert_cmpuint(pool.total_bytes, ==, table[i].total_bytes);
        g_assert_cmpint(pool.available_bytes, ==, table[i].available_bytes);
        g_assert_cmpint(pool.headed_bytes, ==, table[i].available_bytes);
        g_assert_cmpuint(pool.resident_bytes, ==, 2100 * VH_MIB);
    }
}

static void test_group_over_its_limit(void)
{
    const VhPoolConfig config = {.source = VH_POOL_CGROUP};
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(NULL, 0, 0);
    VhPool pool;

    snapshot->has_group = TRUE;
    snapshot->group = (VhGroup){4 * VH_GIB, 6 * VH_GIB, VH_GIB};
    vh_pool_measure(&config, snapshot, &pool);
    g_assert_cmpint(pool.available_bytes, ==, -(gint64)VH_GIB);
}

/* Neither empty nor full: the level stays, whatever it is, and nobody is asked. */
static void test_unknown(Fixture *fixture, gconstpointer unused)
{
    static const VhPoolSource sources[] = {VH_POOL_CGROUP, VH_POOL_NUMA};

    for (guint i = 0; i < G_N_ELEMENTS(sources); i++) {
        for (guint level = VH_LEVEL_IDLE; level < VH_LEVELS; level++) {
            fixture->config->pool.source = sources[i];
            fixture->config->pool.node = 7;
            fixture->state->level = (VhLevel)level;
            see(fixture, 3600, 50 * VH_GIB);
            g_assert_false(fixture->pool.is_known);
            g_assert_cmpint(fixture->plan->level, ==, level);
            g_assert_cmpuint(fixture->plan->need_bytes, ==, 0);
            g_assert_cmpint(fixture->state->pool_time_us, ==, 0);
        }
    }
}

/* The same size of step, the same slope, however far the looks are apart. */
static void test_trend_follows_a_fall(Fixture *fixture, gconstpointer unused)
{
    guint64 available = 90 * VH_GIB;

    see(fixture, 0, available);
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, ==, 0);
    for (guint i = 0; i < 20; i++) {
        gint64 step = 1 + i % 7;
        available -= 100 * VH_MIB * step;
        see(fixture, step, available);
    }
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, <, -95 * (gint64)VH_MIB);
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, >=, -100 * (gint64)VH_MIB);
    g_assert_cmpint(fixture->pool.headed_bytes, ==,
                    fixture->pool.available_bytes + 10 * fixture->pool.trend_bytes_per_s);
    g_assert_cmpint(fixture->plan->pool_trend_bytes_per_s, ==, fixture->pool.trend_bytes_per_s);
}

static void test_trend_can_be_left_out(Fixture *fixture, gconstpointer unused)
{
    fixture->config->model.without = VH_TERM_TREND;
    see(fixture, 0, 90 * VH_GIB);
    see(fixture, 5, 80 * VH_GIB);
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, <, 0);
    g_assert_cmpint(fixture->pool.headed_bytes, ==, fixture->pool.available_bytes);
}

/* The bound is reached ahead of time, and the need covers what is going to be missing. */
static void test_trend_raises_level_and_need(Fixture *fixture, gconstpointer unused)
{
    see(fixture, 0, 40 * VH_GIB);
    see(fixture, 10, 20 * VH_GIB);
    /* half of the 2 GiB a second; ten seconds of it */
    g_assert_cmpint(fixture->pool.headed_bytes, ==, 10 * (gint64)VH_GIB);
    g_assert_cmpint(fixture->plan->level, ==, VH_LEVEL_LOW);
    g_assert_cmpuint(fixture->plan->need_bytes, ==, 8 * VH_GIB);
}

static void test_rise_is_no_trend(Fixture *fixture, gconstpointer unused)
{
    see(fixture, 0, 30 * VH_GIB);
    see(fixture, 5, 80 * VH_GIB);
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, ==, 0);
    /* and delays nobody's seeing the next fall */
    see(fixture, 5, 70 * VH_GIB);
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, <, -600 * (gint64)VH_MIB);
}

/* A pool that is used up by 200 MiB/s, and held by asks: with and without them the trend is the
 * same. */
static void test_asks_do_not_hide_a_fall(Fixture *fixture, gconstpointer unused)
{
    see(fixture, 0, 50 * VH_GIB);
    for (guint step = 1; step <= 10; step++) {
        g_autoptr(VhSnapshot) snapshot = snapshot_with(5 * step, 50 * VH_GIB);
        /* one ask over two looks: 400 MiB seen while it is under way, the rest at its end */
        VhInFlight in_flight = {.returned_bytes = 1000 * VH_MIB};
        VhEnded ended = {.outcome = {.returned_bytes = 2000 * VH_MIB}};
        if (step % 2)
            g_array_append_val(snapshot->in_flight, in_flight);
        else
            g_array_append_val(snapshot->ended, ended);
        see_snapshot(fixture, snapshot);
    }
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, <, -190 * (gint64)VH_MIB);
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, >=, -200 * (gint64)VH_MIB);
}

/* An ask whose end shows less than was seen on the way returned that less, and no memory is used up
 * by it. */
static void test_ask_that_ends_with_less(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(VhSnapshot) before = snapshot_with(0, 50 * VH_GIB);
    g_autoptr(VhSnapshot) after = snapshot_with(5, 50 * VH_GIB);
    VhInFlight in_flight = {.returned_bytes = VH_GIB};
    VhEnded ended = {.outcome = {.returned_bytes = 0}};

    g_array_append_val(before->in_flight, in_flight);
    g_array_append_val(after->ended, ended);
    see_snapshot(fixture, before);
    see_snapshot(fixture, after);
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, ==, 0);
}

static void test_another_size_is_no_trend(Fixture *fixture, gconstpointer unused)
{
    see(fixture, 0, 60 * VH_GIB);
    fixture->config->pool.budget_bytes = 80 * VH_GIB;
    see(fixture, 5, 60 * VH_GIB);
    g_assert_cmpint(fixture->pool.available_bytes, ==, 40 * (gint64)VH_GIB);
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, ==, 0);
}

/* What a guest had before it was seen was not used up since. */
static void test_new_guest_is_no_trend(Fixture *fixture, gconstpointer unused)
{
    VhDomain guests[] = {fixture_guest(1, "one"), fixture_guest(2, "two")};

    guests[0].rss_bytes = 10 * VH_GIB;
    guests[1].rss_bytes = 70 * VH_GIB;
    for (guint n = 1; n <= G_N_ELEMENTS(guests); n++) {
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, n, 5 * n);
        see_snapshot(fixture, snapshot);
    }
    g_assert_cmpint(fixture->pool.available_bytes, ==, 20 * (gint64)VH_GIB);
    g_assert_cmpint(fixture->pool.trend_bytes_per_s, ==, 0);
    g_assert_cmpint(fixture->plan->level, ==, VH_LEVEL_PROACTIVE);
}

/* However steep: by one level, and CRITICAL is only what is there. */
static void test_trend_raises_by_one(Fixture *fixture, gconstpointer unused)
{
    static const struct {
        guint available_gib;
        VhLevel level;
    } table[] = {{90, VH_LEVEL_IDLE}, {40, VH_LEVEL_PROACTIVE}, {20, VH_LEVEL_LOW},
                 {14, VH_LEVEL_HIGH}, {5, VH_LEVEL_HIGH},       {3, VH_LEVEL_CRITICAL}};

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        see(fixture, 1, table[i].available_gib * VH_GIB);
        g_assert_cmpint(fixture->plan->level, ==, table[i].level);
        /* a fall that leaves nothing, from the next look on */
        fixture->state->pool_trend_bytes_per_s = -90 * (gint64)VH_GIB;
    }
    g_assert_cmpint(fixture->pool.headed_bytes, <, 0);
}

/* Clocks that stand still or go back, and figures at the ends of their range. */
static void test_trend_of_nonsense(Fixture *fixture, gconstpointer unused)
{
    static const guint64 sizes[] = {0, VH_GIB, G_MAXINT64, G_MAXUINT64};

    fixture->config->pool = (VhPoolConfig){.source = VH_POOL_NUMA};
    fixture->config->model.horizon_us = G_MAXINT64;
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        for (guint j = 0; j < G_N_ELEMENTS(sizes); j++) {
            g_autoptr(VhSnapshot) snapshot = fixture_snapshot(NULL, 0, 1 - (int)(j % 3));
            VhNode node = {.total_bytes = sizes[i], .available_bytes = sizes[j]};
            g_array_append_val(snapshot->nodes, node);
            see_snapshot(fixture, snapshot);
            g_assert_cmpint(fixture->pool.trend_bytes_per_s, <=, 0);
            g_assert_cmpint(fixture->pool.headed_bytes, <=, fixture->pool.available_bytes);
            g_assert_cmpint(fixture->pool.headed_bytes, >=, -(G_MAXINT64 / 2));
        }
    }
}

static void test_levels_and_dwell(Fixture *fixture, gconstpointer unused)
{
    static const struct {
        gint64 after_s;
        guint available_gib;
        VhLevel level;
    } table[] = {
        {0, 30, VH_LEVEL_IDLE},
        {5, 25, VH_LEVEL_IDLE}, /* the bound itself is not below it */
        {5, 24, VH_LEVEL_PROACTIVE},
        {5, 14, VH_LEVEL_LOW},
        {5, 3, VH_LEVEL_CRITICAL}, /* at once, and over HIGH */
        {5, 6, VH_LEVEL_CRITICAL},
        {5, 12, VH_LEVEL_CRITICAL}, /* better: the dwell begins */
        {29, 12, VH_LEVEL_CRITICAL},
        {1, 12, VH_LEVEL_LOW}, /* above the exit of HIGH, below that of LOW */
        {5, 40, VH_LEVEL_LOW},
        {10, 17, VH_LEVEL_LOW}, /* a relapse: the dwell begins anew */
        {25, 40, VH_LEVEL_LOW},
        {25, 40, VH_LEVEL_LOW},
        {5, 40, VH_LEVEL_IDLE},
    };

    fixture->config->model.without = VH_TERM_TREND;
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_test_message("row %u", i);
        see(fixture, table[i].after_s, table[i].available_gib * VH_GIB);
        g_assert_cmpint(fixture->plan->level, ==, table[i].level);
        g_assert_cmpint(fixture->plan->level_by_bounds, ==, table[i].level);
        g_assert_cmpint(fixture->state->level, ==, table[i].level);
    }
}

static void test_psi(Fixture *fixture, gconstpointer unused)
{
    static const struct {
        guint some_bound_bp, full_bound_bp;
        gboolean has_psi;
        guint some_bp, full_bp;
        guint available_gib;
        VhLevel by_bounds, level;
        guint64 need_bytes;
    } table[] = {
        {1000, 500, TRUE, 999, 499, 50, VH_LEVEL_IDLE, VH_LEVEL_IDLE, 0},
        {1000, 500, TRUE, 1000, 0, 50, VH_LEVEL_IDLE, VH_LEVEL_PROACTIVE, VH_GIB},
        {1000, 500, TRUE, 0, 500, 50, VH_LEVEL_IDLE, VH_LEVEL_PROACTIVE, VH_GIB},
        {1000, 500, FALSE, 9999, 9999, 50, VH_LEVEL_IDLE, VH_LEVEL_IDLE, 0},
        {0, 500, TRUE, 9999, 499, 50, VH_LEVEL_IDLE, VH_LEVEL_IDLE, 0},
        {1000, 0, TRUE, 999, 9999, 50, VH_LEVEL_IDLE, VH_LEVEL_IDLE, 0},
        /* where the bounds themselves make a need, that one counts */
        {1000, 500, TRUE, 1000, 0, 26, VH_LEVEL_IDLE, VH_LEVEL_PROACTIVE, 2 * VH_GIB},
        {1000, 500, TRUE, 1000, 0, 14, VH_LEVEL_LOW, VH_LEVEL_HIGH, 4 * VH_GIB},
        {1000, 500, TRUE, 1000, 0, 20, VH_LEVEL_PROACTIVE, VH_LEVEL_LOW, VH_GIB},
        {1000, 500, TRUE, 10000, 10000, 1, VH_LEVEL_CRITICAL, VH_LEVEL_CRITICAL, 17 * VH_GIB},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(VhSnapshot) snapshot = snapshot_with(1, table[i].available_gib * VH_GIB);
        g_autoptr(VhState) fresh = vh_state_new();
        g_test_message("row %u", i);
        fixture->config->pool.psi_some_bp = table[i].some_bound_bp;
        fixture->config->pool.psi_full_bp = table[i].full_bound_bp;
        vh_state_copy(fixture->state, fresh);
        snapshot->pressure = (VhPressure){.has_psi = table[i].has_psi,
                                          .psi_some_bp = table[i].some_bp,
                                          .psi_full_bp = table[i].full_bp};
        see_snapshot(fixture, snapshot);
        g_assert_cmpint(fixture->plan->level_by_bounds, ==, table[i].by_bounds);
        g_assert_cmpint(fixture->state->level, ==, table[i].by_bounds);
        g_assert_cmpint(fixture->plan->level, ==, table[i].level);
        g_assert_cmpuint(fixture->plan->need_bytes, ==, table[i].need_bytes);
    }
}

static void see_swap_out(Fixture *fixture, gint64 after_s, gboolean is_told, guint64 counter)
{
    fixture->seconds += after_s;
    g_autoptr(VhSnapshot) snapshot = snapshot_with(fixture->seconds, 50 * VH_GIB);
    snapshot->pressure = (VhPressure){.has_swap_out = is_told, .swap_out_bytes = counter};
    see_snapshot(fixture, snapshot);
}

static void test_swap_out(Fixture *fixture, gconstpointer unused)
{
    /* the counter of a host that has swapped before is no rate */
    see_swap_out(fixture, 0, TRUE, 100 * VH_GIB);
    g_assert_cmpint(fixture->plan->level, ==, VH_LEVEL_IDLE);
    /* 1.5 MiB/s for 10 s: half of it, and below the bound */
    see_swap_out(fixture, 10, TRUE, 100 * VH_GIB + 15 * VH_MIB);
    g_assert_cmpint(fixture->pool.swap_out_per_s, ==, 768 * (gint64)VH_KIB);
    g_assert_cmpint(fixture->plan->level, ==, VH_LEVEL_IDLE);
    see_swap_out(fixture, 10, TRUE, 100 * VH_GIB + 30 * VH_MIB);
    g_assert_cmpint(fixture->plan->level, ==, VH_LEVEL_PROACTIVE);
    g_assert_cmpint(fixture->plan->level_by_bounds, ==, VH_LEVEL_IDLE);
    /* a counter that starts anew is no rate either */
    see_swap_out(fixture, 10, TRUE, VH_MIB);
    g_assert_cmpint(fixture->pool.swap_out_per_s, <, VH_MIB);
    /* nor is one that comes back, after nobody told it for a while */
    see_swap_out(fixture, 10, FALSE, 0);
    g_assert_cmpint(fixture->pool.swap_out_per_s, ==, 0);
    see_swap_out(fixture, 10, TRUE, 100 * VH_GIB);
    g_assert_cmpint(fixture->pool.swap_out_per_s, ==, 0);
    fixture->config->pool.swap_out_bytes_per_s = 0;
    see_swap_out(fixture, 10, TRUE, 200 * VH_GIB);
    g_assert_cmpint(fixture->plan->level, ==, VH_LEVEL_IDLE);
}

static void test_since(Fixture *fixture, gconstpointer unused)
{
    const gint64 start = 1000 * VH_SEC; /* of fixture_snapshot() */

    fixture->config->model.without = VH_TERM_TREND;
    see(fixture, 0, 50 * VH_GIB);
    g_assert_cmpint(fixture->state->quiet_since_us, ==, start);
    g_assert_cmpint(fixture->state->low_since_us, ==, 0);
    see(fixture, 5, 20 * VH_GIB); /* PROACTIVE is not short */
    g_assert_cmpint(fixture->state->quiet_since_us, ==, start);
    see(fixture, 5, 14 * VH_GIB);
    see(fixture, 5, 5 * VH_GIB);
    g_assert_cmpint(fixture->state->low_since_us, ==, start + 10 * VH_SEC);
    g_assert_cmpint(fixture->state->quiet_since_us, ==, 0);
    see(fixture, 5, 50 * VH_GIB); /* the dwell holds the level */
    g_assert_cmpint(fixture->state->low_since_us, ==, start + 10 * VH_SEC);
    see(fixture, 30, 50 * VH_GIB);
    g_assert_cmpint(fixture->state->quiet_since_us, ==, start + 50 * VH_SEC);
    see(fixture, -40, 50 * VH_GIB); /* another run of the host */
    g_assert_cmpint(fixture->state->quiet_since_us, ==, start + 10 * VH_SEC);
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pool/sources", test_sources);
    g_test_add_func("/pool/group-over-its-limit", test_group_over_its_limit);
    add("/pool/unknown", test_unknown);
    add("/pool/trend/follows-a-fall", test_trend_follows_a_fall);
    add("/pool/trend/can-be-left-out", test_trend_can_be_left_out);
    add("/pool/trend/raises-level-and-need", test_trend_raises_level_and_need);
    add("/pool/trend/rise-is-none", test_rise_is_no_trend);
    add("/pool/trend/asks-do-not-hide-a-fall", test_asks_do_not_hide_a_fall);
    add("/pool/trend/ask-that-ends-with-less", test_ask_that_ends_with_less);
    add("/pool/trend/another-size-is-none", test_another_size_is_no_trend);
    add("/pool/trend/new-guest-is-none", test_new_guest_is_no_trend);
    add("/pool/trend/raises-by-one", test_trend_raises_by_one);
    add("/pool/trend/nonsense", test_trend_of_nonsense);
    add("/pool/levels-and-dwell", test_levels_and_dwell);
    add("/pool/psi", test_psi);
    add("/pool/swap-out", test_swap_out);
    add("/pool/since", test_since);
    return g_test_run();
}
