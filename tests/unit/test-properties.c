/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must hold of any decision, over generated fleets: 10 000 snapshots, good, odd and hostile,
 * each decided over several turns. g_test's --seed repeats a run; VH_TEST_LONG makes it forty times
 * as many.
 */
#include "fixture.h"

#include <string.h>

#define N_FLEETS 2500
#define N_TURNS 4 /* snapshots per fleet */
#define MAX_GUESTS 24

static guint64 random_bytes(guint64 most)
{
    guint64 value = ((guint64)g_test_rand_int() << 32) | (guint32)g_test_rand_int();

    return most ? value % most : 0;
}

static gboolean chance(int percent)
{
    return g_test_rand_int_range(0, 100) < percent;
}

/* One field of a guest goes wrong. */
static void spoil(VhDomain *guest)
{
    switch (g_test_rand_int_range(0, 9)) {
    case 0:
        guest->is_running = FALSE;
        break;
    case 1:
        guest->is_hung = TRUE;
        break;
    case 2:
        guest->has_job = TRUE;
        break;
    case 3:
        guest->tier = VH_TIER_NONE;
        break;
    case 4:
        guest->figures = (guint)g_test_rand_int();
        break;
    case 5:
        guest->unused_bytes = random_bytes(G_MAXUINT64);
        break;
    case 6:
        guest->stats_time_us = g_test_rand_int_range(-1, 2) * FIXTURE_WALL_US;
        break;
    case 7:
        guest->rss_bytes = random_bytes(G_MAXUINT64);
        break;
    default:
        guest->has_autodeflate = FALSE;
        break;
    }
}

static VhDomain random_guest(guint number)
{
    static const char *const names[] = {"batch-1", "perf-1", "web", "exempt-1"};
    VhDomain guest = fixture_guest(number, names[g_test_rand_int_range(0, 4)]);

    guest.maximum_bytes = (guint64)g_test_rand_int_range(128, 16384) * VH_MIB;
    guest.current_bytes = guest.maximum_bytes - (chance(20) ? guest.maximum_bytes / 4 : 0);
    guest.available_bytes = guest.current_bytes - guest.current_bytes / 32;
    guest.unused_bytes = random_bytes(guest.available_bytes);
    guest.rss_bytes = random_bytes(guest.maximum_bytes + 300 * VH_MIB);
    guest.swapped_bytes = chance(20) ? random_bytes(VH_GIB) : 0;
    guest.tier = (VhTier)g_test_rand_int_range(VH_TIER_PULSE, VH_TIER_NATIVE + 1);
    guest.has_autodeflate = chance(80);
    if (chance(20))
        guest.override = (VhOverride){.keys = (guint)g_test_rand_int_range(0, 32),
                                      .class_name = "batch",
                                      .weight = 7,
                                      .ask_never = chance(50),
                                      .cooldown_us = VH_SEC,
                                      .max_per_ask_bytes = 64 * VH_MIB};
    if (chance(15))
        spoil(&guest);
    return guest;
}

static VhConfig *random_config(void)
{
    static const char *const names[] = {"batch", "perf", "exempt"};
    VhConfig *config = fixture_config((guint64)g_test_rand_int_range(1, 128) * VH_GIB);

    config->matches = g_renew(VhMatch, config->matches, G_N_ELEMENTS(names));
    config->n_matches = G_N_ELEMENTS(names);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        config->matches[i] =
            (VhMatch){.kind = VH_MATCH_NAME,
                      .name_glob = g_strconcat(names[i], "*", NULL),
                      .class_index = (guint)vh_config_find_class(config, names[i])};
    config->max_in_flight = (guint)g_test_rand_int_range(1, 6);
    config->pulse_reserve_bytes = chance(50) ? 512 * VH_MIB : 0;
    config->allows_monitor = chance(50);
    for (guint i = 0; i < config->n_classes; i++)
        config->classes[i].granule_bytes = chance(50) ? VH_MIB : 0;
    if (chance(20))
        config->pool.source = VH_POOL_HOST;
    return config;
}

static void append_figures(GString *text, const VhVerdict *verdict)
{
    g_string_append_printf(text,
                           "%u %s class=%u rank=%u weight=%u yield=%d %" G_GUINT64_FORMAT
                           " %" G_GUINT64_FORMAT " %a wait=%" G_GINT64_FORMAT "\n",
                           verdict->domain, vh_reason_name(verdict->reason), verdict->class_index,
                           verdict->rank, verdict->weight, verdict->has_yield,
                           verdict->yield.expected_bytes, verdict->yield.counted_bytes,
                           verdict->cost.price, verdict->wait_until_us);
}

static char *plan_text(const VhPlan *plan)
{
    GString *text = g_string_new(NULL);

    g_string_printf(text, "%s %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
                    vh_level_name(plan->level), plan->pool_available_bytes, plan->need_bytes);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VhAction *action = &g_array_index(plan->actions, VhAction, i);
        g_string_append_printf(text, "ask %u %s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
                               action->domain, vh_ask_method_name(action->method), action->bytes,
                               action->reserve_bytes);
    }
    for (guint i = 0; i < plan->verdicts->len; i++)
        append_figures(text, &g_array_index(plan->verdicts, VhVerdict, i));
    return g_string_free(text, FALSE);
}

/* The same guests and asks in another order, sorted by the snapshot itself. */
static VhSnapshot *permuted(const VhSnapshot *snapshot)
{
    VhSnapshot *copy = vh_snapshot_new();

    copy->now_us = snapshot->now_us;
    copy->wall_us = snapshot->wall_us;
    copy->mem_total_bytes = snapshot->mem_total_bytes;
    copy->mem_available_bytes = snapshot->mem_available_bytes;
    g_array_append_vals(copy->ended, snapshot->ended->data, snapshot->ended->len);
    for (guint i = 0; i < snapshot->in_flight->len; i++)
        g_array_prepend_val(copy->in_flight, g_array_index(snapshot->in_flight, VhInFlight, i));
    for (guint i = 0; i < snapshot->domains->len; i++) {
        guint at = (guint)g_test_rand_int_range(0, (gint32)copy->domains->len + 1);
        VhDomain domain = *vh_snapshot_domain(snapshot, i);
        g_array_insert_val(copy->domains, at, domain);
    }
    vh_snapshot_sort(copy);
    return copy;
}

/* Some of what was planned is under way, some has ended. */
static void add_feedback(VhSnapshot *snapshot, const VhSnapshot *before, const VhPlan *plan)
{
    for (guint i = 0; i < plan->actions->len; i++) {
        const VhAction *action = &g_array_index(plan->actions, VhAction, i);
        const char *uri = vh_snapshot_domain(before, action->domain)->uri;
        if (chance(50)) {
            VhInFlight ask = {.uuid = action->uuid,
                              .uri = uri,
                              .id = i + 1,
                              .expected_bytes = action->counted_bytes};
            g_array_append_val(snapshot->in_flight, ask);
            continue;
        }
        VhEnded ended = {.uuid = action->uuid,
                         .uri = uri,
                         .id = i + 1,
                         .expected_bytes = action->expected_bytes,
                         .outcome = {.status = (VhAskStatus)g_test_rand_int_range(1, 7),
                                     .asked_bytes = action->bytes,
                                     .returned_bytes = random_bytes(action->bytes + 1)}};
        g_array_append_val(snapshot->ended, ended);
    }
    vh_snapshot_sort(snapshot);
}

/* A pass where QEMU may be told and knows how; a pulse never where it could kill. */
static void assert_method(const VhConfig *config, const VhDomain *domain, const VhClass *class,
                          const VhAction *action)
{
    gboolean is_pass = config->allows_monitor && domain->tier == VH_TIER_NATIVE;

    g_assert_cmpint(action->method, ==, is_pass ? VH_ASK_PASS : VH_ASK_AUTO);
    g_assert_cmpuint(action->granule_bytes, ==, is_pass ? class->granule_bytes : 0);
    if (is_pass)
        return;
    g_assert_true(domain->has_autodeflate || config->pulse_reserve_bytes > 0);
    g_assert_cmpuint(action->reserve_bytes, >=,
                     vh_ask_default_reserve_bytes(domain->maximum_bytes));
}

static void assert_ask_is_within_bounds(const VhConfig *config, const VhSnapshot *snapshot,
                                        const VhState *next, const VhPlan *plan,
                                        const VhAction *action)
{
    const VhDomain *domain = vh_snapshot_domain(snapshot, action->domain);
    const VhVerdict *verdict = &g_array_index(plan->verdicts, VhVerdict, action->domain);
    const VhClass *class = &config->classes[verdict->class_index];
    const VhGuestState *guest = vh_state_find(next, &domain->uuid);
    guint within_hour = 0;

    g_assert_cmpint(verdict->reason, ==, VH_REASON_ASK);
    g_assert_true(domain->is_running && !domain->is_hung && !domain->has_job);
    g_assert_cmpint(domain->tier, !=, VH_TIER_NONE);
    assert_method(config, domain, class, action);
    g_assert_false(class->ask_never);
    g_assert_cmpint(plan->level, >=, class->unlock);
    g_assert_cmpint(snapshot->wall_us - domain->stats_time_us, <=, config->max_stats_age_us);
    g_assert_cmpuint(action->bytes, >, 0);
    g_assert_cmpuint(action->bytes, <=, G_MAXUINT64 - action->reserve_bytes);
    /* never below what the guest keeps */
    g_assert_cmpuint(action->bytes + action->reserve_bytes, <=, domain->unused_bytes);
    g_assert_cmpuint(action->reserve_bytes, >=,
                     vh_amount_bytes(&class->keep_free, domain->current_bytes));
    if (class->max_per_ask_bytes && !(domain->override.keys & VH_OVERRIDE_MAX_PER_ASK))
        g_assert_cmpuint(action->bytes, <=, class->max_per_ask_bytes);
    for (guint i = 0; i < guest->n_recent; i++)
        within_hour += guest->recent_wall_us[i] + VH_HOUR > snapshot->wall_us;
    if (class->asks_per_hour)
        g_assert_cmpuint(within_hour, <, class->asks_per_hour);
}

/* Whether its last ask ended since CRITICAL began: then it waits for those that were not asked. */
static gboolean was_reached(const VhSnapshot *snapshot, const VhState *next, const VhAction *action)
{
    gint64 since_us = snapshot->wall_us - (snapshot->now_us - next->critical_since_us);

    return next->critical_since_us != 0 &&
           vh_state_find(next, &action->uuid)->last_ended_wall_us > since_us;
}

static void assert_bounds(const VhConfig *config, const VhSnapshot *snapshot, const VhState *next,
                          const VhPlan *plan)
{
    guint n_asked = 0;
    guint last_rank = 0;
    gboolean was_last_reached = FALSE;

    g_assert_cmpuint(plan->verdicts->len, ==, snapshot->domains->len);
    if (plan->actions->len > 0)
        g_assert_cmpuint(plan->actions->len + snapshot->in_flight->len, <=, config->max_in_flight);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VhAction *action = &g_array_index(plan->actions, VhAction, i);
        guint rank = g_array_index(plan->verdicts, VhVerdict, action->domain).rank;
        assert_ask_is_within_bounds(config, snapshot, next, plan, action);
        gboolean is_reached = was_reached(snapshot, next, action);
        g_assert_cmpint(is_reached, >=, was_last_reached);
        if (!is_reached)
            g_assert_cmpuint(rank, >=, last_rank); /* rank strictly */
        last_rank = rank;
        was_last_reached = is_reached;
    }
    for (guint i = 0; i < plan->verdicts->len; i++)
        n_asked += g_array_index(plan->verdicts, VhVerdict, i).reason == VH_REASON_ASK;
    g_assert_cmpuint(n_asked, ==, plan->actions->len);
}

static void assert_same_plan(const VhConfig *config, const VhState *state,
                             const VhSnapshot *snapshot, const VhPlan *plan)
{
    g_autoptr(VhState) next = vh_state_new();
    g_autoptr(VhPlan) again = vh_plan_new();
    g_autofree char *expected = plan_text(plan);
    g_autofree char *actual = NULL;

    vh_decide(config, state, snapshot, next, again);
    actual = plan_text(again);
    g_assert_cmpstr(actual, ==, expected);
}

static void run_fleet(guint *n_asks)
{
    g_autoptr(VhConfig) config = random_config();
    g_autoptr(VhState) state = vh_state_new();
    g_autoptr(VhState) next = vh_state_new();
    g_autoptr(VhPlan) plan = vh_plan_new();
    g_autoptr(VhSnapshot) before = NULL;
    VhDomain guests[MAX_GUESTS];
    guint n = (guint)g_test_rand_int_range(0, MAX_GUESTS + 1);

    for (guint i = 0; i < n; i++) {
        gboolean is_copy = i > 0 && chance(5); /* of the one before, on another connection */
        guests[i] = random_guest(is_copy ? i - 1 : i);
        guests[i].uri = is_copy ? "other" : "test";
    }
    for (int turn = 0; turn < N_TURNS; turn++) {
        VhSnapshot *snapshot = fixture_snapshot(guests, n, 2 * turn);
        g_autoptr(VhSnapshot) other = NULL;

        if (before)
            add_feedback(snapshot, before, plan);
        other = permuted(snapshot);
        vh_decide(config, state, snapshot, next, plan);
        assert_same_plan(config, state, snapshot, plan);
        assert_same_plan(config, state, other, plan);
        assert_bounds(config, snapshot, next, plan);
        *n_asks += plan->actions->len;
        vh_state_copy(state, next);
        g_clear_pointer(&before, vh_snapshot_free);
        before = snapshot;
    }
}

static void test_bounds_and_determinism(void)
{
    guint n_asks = 0;

    guint n_fleets = g_getenv("VH_TEST_LONG") ? 40 * N_FLEETS : N_FLEETS;

    for (guint i = 0; i < n_fleets; i++)
        run_fleet(&n_asks);
    g_test_message("%u asks in %u snapshots", n_asks, n_fleets * N_TURNS);
    g_assert_cmpuint(n_asks, >, 1000); /* or nothing was tested */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/properties/bounds-and-determinism", test_bounds_and_determinism);
    return g_test_run();
}
