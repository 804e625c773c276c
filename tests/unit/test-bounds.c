/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounds that always hold (docs/policy.md), each by a test of its own over generated fleets,
 * with books kept here and not by the engine. tests/mutation breaks each bound in the engine, and
 * demands that its test fails. g_test's --seed repeats a run; VH_TEST_LONG makes more of them.
 */
#include "fleet.h"

#define HOUR_TURNS ((guint)(VH_HOUR / FLEET_TURN_US))
#define MIN_TURNS ((guint)(VH_MIN / FLEET_TURN_US))

static guint n_fleets(guint n)
{
    return g_getenv("VH_TEST_LONG") ? 10 * n : n;
}

static const FleetAsk *ask_at(const Fleet *fleet, guint index)
{
    return &g_array_index(fleet->asks, FleetAsk, index);
}

/* The actions of the last turn are the last of the asks. */
static guint first_of_turn(const Fleet *fleet)
{
    return fleet->asks->len - fleet->plan->actions->len;
}

/* An hour of good and bad times for the pool. */
static void vary_need(Fleet *fleet, guint turn)
{
    if (turn % (5 * MIN_TURNS) == 0)
        fleet_set_available(fleet, g_test_rand_int_range(1, 40));
}

typedef void (*TurnCheck)(Fleet *fleet, gpointer data);

/* Runs fleets of varying need for a time, and checks each turn. At least so many asks must have
 * been made, or nothing was tested. */
static void run_fleets(guint n, guint n_turns, guint least_asks, void (*prepare)(Fleet *fleet),
                       TurnCheck check, gpointer data)
{
    guint n_asks = 0;

    for (guint i = 0; i < n_fleets(n); i++) {
        g_autoptr(Fleet) fleet = fleet_new((guint)g_test_rand_int_range(4, 25));

        fleet->turns_per_ask = (guint)g_test_rand_int_range(1, 4);
        if (prepare)
            prepare(fleet);
        for (guint turn = 0; turn < n_turns; turn++) {
            vary_need(fleet, turn);
            fleet_turn(fleet);
            check(fleet, data);
        }
        n_asks += fleet->asks->len;
    }
    g_test_message("%u asks", n_asks);
    g_assert_cmpuint(n_asks, >=, least_asks);
}

/* 1. Never below keep_free. */

static void keep_some(Fleet *fleet)
{
    for (guint i = 0; i < fleet->config->n_classes; i++) {
        VhAmount *keep = &fleet->config->classes[i].keep_free;
        *keep = fleet_chance(50) ? (VhAmount){.is_share = TRUE,
                                              .share_bp = (guint)g_test_rand_int_range(1000, 6000)}
                                 : (VhAmount){.bytes = fleet_random_bytes(2 * VH_GIB)};
    }
}

static void check_keep_free(Fleet *fleet, gpointer data)
{
    for (guint i = 0; i < fleet->plan->actions->len; i++) {
        const VhAction *action = &g_array_index(fleet->plan->actions, VhAction, i);
        const VhDomain *domain = vh_snapshot_domain(fleet->snapshot, action->domain);
        const VhVerdict *verdict = &g_array_index(fleet->plan->verdicts, VhVerdict, action->domain);
        const VhClass *class = &fleet->config->classes[verdict->class_index];
        guint64 keep = vh_amount_bytes(&class->keep_free, domain->current_bytes);

        g_assert_cmpuint(action->bytes + keep, <=, domain->unused_bytes);
        g_assert_cmpuint(action->reserve_bytes, >=, keep);
    }
}

static void test_keep_free(void)
{
    run_fleets(40, 10 * MIN_TURNS, 500, keep_some, check_keep_free, NULL);
}

/* 2. Never a guest whose class's level is not reached. */

static void check_unlocked(Fleet *fleet, gpointer data)
{
    for (guint i = 0; i < fleet->plan->actions->len; i++) {
        const VhAction *action = &g_array_index(fleet->plan->actions, VhAction, i);
        const VhVerdict *verdict = &g_array_index(fleet->plan->verdicts, VhVerdict, action->domain);
        const VhClass *class = &fleet->config->classes[verdict->class_index];
        VhLevel level = fleet->plan->level;

        if (action->request_id)
            level = MAX(level, fleet->request.urgency);
        g_assert_cmpint(class->unlock, <=, level);
        g_assert_cmpint(level, >, VH_LEVEL_IDLE);
    }
}

static void request_some(Fleet *fleet)
{
    fleet->request = (VhRequest){
        .id = 1, .bytes = 64 * VH_GIB, .urgency = (VhLevel)g_test_rand_int_range(1, VH_LEVELS)};
}

static void test_unlock(void)
{
    run_fleets(40, 20 * MIN_TURNS, 500, NULL, check_unlocked, NULL);
    run_fleets(40, 20 * MIN_TURNS, 500, request_some, check_unlocked, NULL);
}

/* 3. Never over asks per hour, at critical neither. */

static void limit_asks(Fleet *fleet)
{
    for (guint i = 0; i < fleet->config->n_classes; i++) {
        fleet->config->classes[i].asks_per_hour = (guint)g_test_rand_int_range(1, 6);
        fleet->config->classes[i].cooldown_us = VH_SEC;
    }
}

static void check_asks_per_hour(Fleet *fleet, gpointer data)
{
    for (guint i = first_of_turn(fleet); i < fleet->asks->len; i++) {
        const FleetAsk *ask = ask_at(fleet, i);
        const VhVerdict *verdict = fleet_verdict(fleet, ask->guest);
        guint within = 0;

        for (guint j = 0; j <= i; j++)
            within += ask_at(fleet, j)->guest == ask->guest &&
                      ask_at(fleet, j)->started_us > fleet->time_us - VH_HOUR;
        g_assert_cmpuint(within, <=, fleet->config->classes[verdict->class_index].asks_per_hour);
    }
}

static void test_asks_per_hour(void)
{
    run_fleets(6, 2 * HOUR_TURNS, 100, limit_asks, check_asks_per_hour, NULL);
}

/* 4. Between two asks of a guest lies its cooldown, but at critical. */

static void cool_down(Fleet *fleet)
{
    for (guint i = 0; i < fleet->config->n_classes; i++)
        fleet->config->classes[i].cooldown_us = g_test_rand_int_range(1, 20) * 15 * VH_SEC;
}

static void check_cooldown(Fleet *fleet, gpointer data)
{
    for (guint i = first_of_turn(fleet); i < fleet->asks->len; i++) {
        const FleetAsk *ask = ask_at(fleet, i);
        const VhVerdict *verdict = fleet_verdict(fleet, ask->guest);
        const VhClass *class = &fleet->config->classes[verdict->class_index];

        for (guint j = 0; ask->level != VH_LEVEL_CRITICAL && j < i; j++) {
            const FleetAsk *before = ask_at(fleet, j);
            if (before->guest == ask->guest)
                g_assert_cmpint(ask->started_us - before->ended_us, >=, class->cooldown_us);
        }
    }
}

static void test_cooldown(void)
{
    run_fleets(15, 30 * MIN_TURNS, 300, cool_down, check_cooldown, NULL);
}

/* 5. Stale figures mean no ask; nor are guests asked that cannot be. */

static void spoil_some(Fleet *fleet)
{
    for (guint i = 0; i < fleet->n_guests; i++) {
        FleetGuest *guest = &fleet->guests[i];
        switch (g_test_rand_int_range(0, 10)) {
        case 0:
            guest->stale_us = g_test_rand_int_range(1, 60) * VH_SEC;
            break;
        case 1:
            guest->domain.is_running = FALSE;
            break;
        case 2:
            guest->domain.is_hung = TRUE;
            break;
        case 3:
            guest->domain.has_job = TRUE;
            break;
        case 4:
            guest->domain.tier = VH_TIER_NONE;
            break;
        case 5:
            guest->domain.figures &= ~(guint)VH_HAS_UNUSED;
            break;
        default:
            break;
        }
    }
}

static void check_fit(Fleet *fleet, gpointer data)
{
    for (guint i = 0; i < fleet->plan->actions->len; i++) {
        const VhAction *action = &g_array_index(fleet->plan->actions, VhAction, i);
        const VhDomain *domain = vh_snapshot_domain(fleet->snapshot, action->domain);

        g_assert_cmpint(fleet->snapshot->wall_us - domain->stats_time_us, <=,
                        fleet->config->max_stats_age_us);
        g_assert_true(domain->is_running && !domain->is_hung && !domain->has_job);
        g_assert_cmpint(domain->tier, !=, VH_TIER_NONE);
        g_assert_true(domain->figures & VH_HAS_UNUSED);
    }
}

static void test_stale(void)
{
    run_fleets(60, 5 * MIN_TURNS, 300, spoil_some, check_fit, NULL);
}

/* 6. Never more asks at once than allowed, on each NUMA node neither. */

static void place_on_nodes(Fleet *fleet)
{
    fleet->config->max_in_flight = (guint)g_test_rand_int_range(1, 8);
    fleet->config->max_in_flight_per_node = (guint)g_test_rand_int_range(0, 3);
    for (guint i = 0; i < fleet->n_guests; i++)
        fleet->guests[i].domain.node_mask = (guint64)g_test_rand_int_range(0, 4);
}

static void check_in_flight(Fleet *fleet, gpointer data)
{
    guint per_node[2] = {0}, n = 0;

    for (guint i = 0; i < fleet->asks->len; i++) {
        const FleetAsk *ask = ask_at(fleet, i);
        guint64 mask = fleet->guests[ask->guest].domain.node_mask;
        if (ask->ended_us != 0)
            continue;
        n++;
        per_node[0] += mask & 1;
        per_node[1] += mask >> 1 & 1;
    }
    g_assert_cmpuint(n, <=, fleet->config->max_in_flight);
    for (guint node = 0; fleet->config->max_in_flight_per_node && node < 2; node++)
        g_assert_cmpuint(per_node[node], <=, fleet->config->max_in_flight_per_node);
}

static void test_in_flight(void)
{
    run_fleets(60, 5 * MIN_TURNS, 300, place_on_nodes, check_in_flight, NULL);
}

/* 7. Ahead of need only so much a minute, and of the cheapest rank; of a class with a bucket only
 * what that holds, but at critical. */

static void limit_classes(Fleet *fleet)
{
    for (guint i = 0; i < fleet->config->n_classes; i++) {
        fleet->config->classes[i].max_per_min_bytes =
            fleet_chance(50) ? 64 * VH_MIB + fleet_random_bytes(VH_GIB) : 0;
        fleet->config->classes[i].cooldown_us = VH_SEC;
    }
}

/* What asks of the last minute moved, of a class or (-1) all, at the levels from least to most. */
static guint64 moved_in_minute(const Fleet *fleet, int class_index, VhLevel least, VhLevel most)
{
    guint64 sum = 0;

    for (guint i = fleet->asks->len; i > 0; i--) {
        const FleetAsk *ask = ask_at(fleet, i - 1);
        if (ask->started_us <= fleet->time_us - VH_MIN)
            break;
        if (ask->level >= least && ask->level <= most &&
            (class_index < 0 ||
             (guint)class_index == fleet_verdict(fleet, ask->guest)->class_index))
            sum += ask->bytes;
    }
    return sum;
}

static void check_buckets(Fleet *fleet, gpointer data)
{
    const VhConfig *config = fleet->config;
    guint64 proactive = vh_share(fleet->plan->pool_total_bytes, config->model.proactive_bp_per_min);

    if (fleet->plan->actions->len == 0)
        return;
    /* a bucket holds a minute's worth and gains as much within it; the pool changes its size */
    if (fleet->plan->level == VH_LEVEL_PROACTIVE)
        g_assert_cmpuint(moved_in_minute(fleet, -1, VH_LEVEL_PROACTIVE, VH_LEVEL_PROACTIVE), <=,
                         4 * MAX(proactive, config->min_yield_bytes));
    if (fleet->plan->level == VH_LEVEL_CRITICAL)
        return;
    for (guint i = 0; i < config->n_classes; i++) {
        guint64 most = MAX(config->classes[i].max_per_min_bytes, config->min_yield_bytes);
        if (config->classes[i].max_per_min_bytes)
            g_assert_cmpuint(moved_in_minute(fleet, (int)i, VH_LEVEL_PROACTIVE, VH_LEVEL_HIGH), <=,
                             2 * most);
    }
}

static void test_buckets(void)
{
    run_fleets(40, 20 * MIN_TURNS, 500, limit_classes, check_buckets, NULL);
}

/* 8. Fair shares: over an hour and after some asks each, nobody of a rank bears more than twice its
 * weighted share while another could give. */

#define FAIR_ASKS_EACH 4

/* What its asks of the last hour have cost a guest, by the model, times its weight: equal for all
 * where all bear their share. */
static double borne(const Fleet *fleet, guint guest, guint weight)
{
    const VhModel *model = &fleet->config->model;
    double sum = 0;

    for (guint i = 0; i < fleet->asks->len; i++) {
        const FleetAsk *ask = ask_at(fleet, i);
        if (ask->guest == guest && ask->ended_us && ask->ended_us > fleet->time_us - VH_HOUR)
            sum += (double)model->cost_fixed_us +
                   (double)model->cost_per_gib_us * (double)ask->returned_bytes / (double)VH_GIB;
    }
    return sum * weight;
}

/* All of one class, but of different weights; alike in what they have. */
static void make_alike(Fleet *fleet)
{
    guint batch = (guint)vh_config_find_class(fleet->config, "batch");

    fleet->turns_per_ask = 1;
    fleet->config->model.cost_refault_per_gib_us = 0; /* refill() is no fault of an ask */
    /* or refill() would make some look as if they gave nothing for long, so that others had to */
    fleet->config->model.without = VH_TERM_RETOUCH;
    fleet->config->model.cost_refault_per_gib_us = 0;
    fleet->config->classes[batch].cooldown_us = VH_SEC;
    fleet->config->classes[batch].max_per_ask_bytes = 256 * VH_MIB;
    for (guint i = 0; i < fleet->n_guests; i++) {
        FleetGuest *guest = &fleet->guests[i];
        guest->domain.name = "batch";
        guest->domain.override = (VhOverride){.keys = VH_OVERRIDE_WEIGHT, .weight = i % 2 ? 1 : 3};
        guest->reach_percent = 95;
        guest->retouch_percent = 0;
        guest->used_bytes = VH_GIB / 4;
        guest->domain.maximum_bytes = guest->domain.current_bytes =
            (guint64)g_test_rand_int_range(2, 9) * VH_GIB;
        guest->domain.available_bytes =
            guest->domain.maximum_bytes - guest->domain.maximum_bytes / 40;
        guest->free_bytes = guest->domain.available_bytes - guest->used_bytes;
        guest->backed_bytes = guest->free_bytes;
    }
}

static void check_fair(Fleet *fleet, gpointer data)
{
    guint *n_checked = data;
    double mean = 0, own[FLEET_GUESTS_MAX];

    if (fleet->asks->len < FAIR_ASKS_EACH * fleet->n_guests)
        return;
    for (guint i = 0; i < fleet->n_guests; i++) {
        own[i] = borne(fleet, i, fleet_verdict(fleet, i)->weight);
        mean += own[i] / fleet->n_guests;
    }
    for (guint i = first_of_turn(fleet); i < fleet->asks->len; i++) {
        const FleetAsk *ask = ask_at(fleet, i);
        if (own[ask->guest] <= 2.0 * mean)
            continue;
        for (guint other = 0; other < fleet->n_guests; other++) {
            const VhVerdict *verdict = fleet_verdict(fleet, other);
            gboolean could_give =
                verdict->rank == ask->rank && (verdict->reason == VH_REASON_NEED_MET ||
                                               verdict->reason == VH_REASON_MAX_IN_FLIGHT);
            if (could_give && own[other] < mean)
                g_error("guest %u bears %.0f (mean %.0f) and is asked before guest %u with %.0f",
                        ask->guest, own[ask->guest], mean, other, own[other]);
        }
        (*n_checked)++;
    }
}

/* The memory that came back is needed again at once, so that need goes on. */
static void refill(Fleet *fleet, gpointer data)
{
    check_fair(fleet, data);
    for (guint i = 0; i < fleet->n_guests; i++) {
        FleetGuest *guest = &fleet->guests[i];
        guest->backed_bytes += MIN(guest->free_bytes - guest->backed_bytes, 32 * VH_MIB);
    }
}

static void test_fair_share(void)
{
    guint n_checked = 0;

    for (guint i = 0; i < n_fleets(8); i++) {
        g_autoptr(Fleet) fleet = fleet_new((guint)g_test_rand_int_range(4, 13));
        double most = 0, mean = 0;

        make_alike(fleet);
        for (guint turn = 0; turn < HOUR_TURNS; turn++) {
            fleet_set_available(fleet, turn ? 17 : 13); /* low, with need for some, not for all */
            fleet_turn(fleet);
            refill(fleet, &n_checked);
        }
        for (guint g = 0; g < fleet->n_guests; g++) {
            double own = borne(fleet, g, fleet_verdict(fleet, g)->weight);
            most = MAX(most, own);
            mean += own / fleet->n_guests;
        }
        g_assert_cmpuint(fleet->asks->len, >, FAIR_ASKS_EACH * fleet->n_guests);
        g_assert_cmpfloat(most, <=, 2.0 * mean);
    }
    g_test_message("%u asks of somebody above twice the share, with nobody else to ask", n_checked);
}

/* 9. At critical, while need remains, every eligible guest is reached within ceil(n / K) rounds:
 * the cooldown yields, and so do buckets. */

/* If neither its cooldown nor a bucket keeps it from it. */
static gboolean could_be_asked(const VhVerdict *verdict)
{
    return verdict->reason == VH_REASON_ASK || verdict->reason == VH_REASON_NEED_MET ||
           verdict->reason == VH_REASON_MAX_IN_FLIGHT || verdict->reason == VH_REASON_IN_FLIGHT ||
           verdict->reason == VH_REASON_COOLDOWN || verdict->reason == VH_REASON_CLASS_BUDGET;
}

/* Many have been asked lately, so that a cooldown would keep them from it; all have something to
 * give again, and their figures are still. */
static void ask_all_lately(Fleet *fleet)
{
    for (guint turn = 0; turn < MIN_TURNS; turn++) {
        fleet_set_available(fleet, 6);
        fleet_turn(fleet);
    }
    for (guint g = 0; g < fleet->n_guests; g++)
        fleet->guests[g].backed_bytes = fleet->guests[g].free_bytes;
    for (guint turn = 0; turn < MIN_TURNS; turn++) {
        fleet_set_available(fleet, 90);
        fleet_turn(fleet);
    }
}

static void set_classes(Fleet *fleet, gint64 cooldown_us)
{
    for (guint c = 0; c < fleet->config->n_classes; c++) {
        fleet->config->classes[c].max_per_min_bytes = 64 * VH_MIB;
        fleet->config->classes[c].max_per_ask_bytes = 128 * VH_MIB;
        fleet->config->classes[c].asks_per_hour = 0;
        fleet->config->classes[c].cooldown_us = cooldown_us;
    }
}

static void test_rounds(void)
{
    for (guint i = 0; i < n_fleets(60); i++) {
        guint n = (guint)g_test_rand_int_range(2, 25), n_rounds, first;
        g_autoptr(Fleet) fleet = fleet_new(n);
        gboolean able[FLEET_GUESTS_MAX] = {FALSE}, reached[FLEET_GUESTS_MAX] = {FALSE};

        fleet->config->max_in_flight = (guint)g_test_rand_int_range(1, 6);
        set_classes(fleet, VH_SEC);
        ask_all_lately(fleet);
        set_classes(fleet, VH_HOUR);
        first = fleet->asks->len;
        n_rounds = (n + fleet->config->max_in_flight - 1) / fleet->config->max_in_flight;
        for (guint round = 0; round < n_rounds; round++) {
            fleet_set_available(fleet, 1);
            fleet_turn(fleet);
            for (guint g = 0; round == 0 && g < n; g++)
                able[g] = could_be_asked(fleet_verdict(fleet, g));
        }
        for (guint a = first; a < fleet->asks->len; a++)
            reached[ask_at(fleet, a)->guest] = TRUE;
        for (guint g = 0; g < n; g++) {
            if (able[g] && !reached[g])
                g_error("guest %u of %u was not reached in %u rounds (%s)", g, n, n_rounds,
                        vh_reason_name(fleet_verdict(fleet, g)->reason));
        }
    }
}

/* 10. A guest that lies about what is free is corrected by what comes back: it is asked ever less,
 * and little is counted on. */

static void test_liar(void)
{
    for (guint i = 0; i < n_fleets(10); i++) {
        g_autoptr(Fleet) fleet = fleet_new(6);
        FleetGuest *liar = &fleet->guests[0]; /* of the class that is asked first */
        guint asked_first = 0, asked_last = 0;

        fleet->config->classes[0].cooldown_us = 30 * VH_SEC; /* 7 doublings to the hour */
        liar->used_bytes = liar->domain.available_bytes - 16 * VH_MIB;
        liar->free_bytes = liar->backed_bytes = 16 * VH_MIB;
        liar->lie_bytes = liar->domain.available_bytes / 2;
        for (guint turn = 0; turn < 4 * HOUR_TURNS; turn++) {
            fleet_set_available(fleet, 13);
            fleet_turn(fleet);
            for (guint a = first_of_turn(fleet); a < fleet->asks->len; a++) {
                if (ask_at(fleet, a)->guest == 0)
                    *(turn < HOUR_TURNS ? &asked_first : &asked_last) += 1;
            }
        }
        g_assert_cmpuint(asked_first, >, 0);
        g_assert_cmpuint(asked_first, <=, 8);
        g_assert_cmpuint(asked_last, <=, 3 * 2); /* of the last three hours */
    }
}

/* 11. Reporting is switched at most six times in an hour, and never within five minutes of the last
 * time, whatever the pool does. */

static void check_toggles(Fleet *fleet, GArray *times[])
{
    for (guint i = 0; i < fleet->plan->toggles->len; i++) {
        const VhToggle *toggle = &g_array_index(fleet->plan->toggles, VhToggle, i);
        GArray *own = times[toggle->domain]; /* sorted by UUID: in the order of their numbers */
        guint within = 0;

        for (guint t = 0; t < own->len; t++) {
            gint64 ago_us = fleet->time_us - g_array_index(own, gint64, t);
            g_assert_cmpint(ago_us, >=, 5 * VH_MIN);
            within += ago_us < VH_HOUR;
        }
        g_assert_cmpuint(within, <, VH_TOGGLES_PER_HOUR_MAX);
        g_array_append_val(own, fleet->time_us);
    }
}

static void test_toggles(void)
{
    guint n_toggles = 0;

    for (guint i = 0; i < n_fleets(4); i++) {
        g_autoptr(Fleet) fleet = fleet_new(12);
        GArray *times[12];

        for (guint g = 0; g < G_N_ELEMENTS(times); g++)
            times[g] = g_array_new(FALSE, FALSE, sizeof(gint64));
        for (guint turn = 0; turn < 3 * HOUR_TURNS; turn++) {
            /* somebody else switches it, too */
            fleet->guests[turn % 12].domain.reports =
                fleet_chance(5) ? VH_REPORTS_ON : fleet->guests[turn % 12].domain.reports;
            if (turn % MIN_TURNS == 0) /* what its class says changes with the metadata */
                fleet->config->classes[0].reporting = (VhReportingMode)g_test_rand_int_range(1, 4);
            vary_need(fleet, turn);
            fleet_turn(fleet);
            check_toggles(fleet, times);
        }
        for (guint g = 0; g < G_N_ELEMENTS(times); g++) {
            n_toggles += times[g]->len;
            g_array_unref(times[g]);
        }
    }
    g_assert_cmpuint(n_toggles, >, 20);
}

/* 12. Never, and never switched, a guest that facts exempt, unless a match is for it or its
 * metadata says otherwise. */

static void exempt_some(Fleet *fleet)
{
    fleet->config->matches[1].class_index = 0; /* so that both kinds are there: "web" is matched */
    for (guint i = 0; i < fleet->n_guests; i++) {
        VhDomain *domain = &fleet->guests[i].domain;

        if (fleet_chance(60))
            domain->facts = 1u << g_test_rand_int_range(0, 4);
        if (fleet_chance(60))
            domain->name = "nobody-knows";
        domain->override.keys = fleet_chance(20) ? VH_OVERRIDE_ASK : 0;
        domain->override.ask_never = fleet_chance(50);
    }
}

/* By the test's own reckoning. */
static gboolean is_exempt(const VhDomain *domain)
{
    gboolean is_set_aside =
        domain->facts & (VH_FACT_DEDICATED_CPU | VH_FACT_REALTIME | VH_FACT_HUGEPAGES);
    gboolean wants_to_be_asked = domain->override.keys != 0 && !domain->override.ask_never;

    return is_set_aside && g_str_equal(domain->name, "nobody-knows") && !wants_to_be_asked;
}

static void check_exempt(Fleet *fleet, gpointer data)
{
    guint *n_exempt = data;

    for (guint i = 0; i < fleet->plan->actions->len; i++) {
        const VhAction *action = &g_array_index(fleet->plan->actions, VhAction, i);
        g_assert_false(is_exempt(vh_snapshot_domain(fleet->snapshot, action->domain)));
    }
    for (guint i = 0; i < fleet->plan->toggles->len; i++) {
        const VhToggle *toggle = &g_array_index(fleet->plan->toggles, VhToggle, i);
        g_assert_false(is_exempt(vh_snapshot_domain(fleet->snapshot, toggle->domain)));
    }
    for (guint i = 0; i < fleet->plan->verdicts->len; i++)
        *n_exempt += g_array_index(fleet->plan->verdicts, VhVerdict, i).reason == VH_REASON_EXEMPT;
}

static void test_exempt(void)
{
    guint n_exempt = 0;

    run_fleets(20, 10 * MIN_TURNS, 200, exempt_some, check_exempt, &n_exempt);
    g_assert_cmpuint(n_exempt, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bounds/keep-free", test_keep_free);
    g_test_add_func("/bounds/unlock", test_unlock);
    g_test_add_func("/bounds/asks-per-hour", test_asks_per_hour);
    g_test_add_func("/bounds/cooldown", test_cooldown);
    g_test_add_func("/bounds/stale", test_stale);
    g_test_add_func("/bounds/in-flight", test_in_flight);
    g_test_add_func("/bounds/buckets", test_buckets);
    g_test_add_func("/bounds/fair-share", test_fair_share);
    g_test_add_func("/bounds/rounds", test_rounds);
    g_test_add_func("/bounds/liar", test_liar);
    g_test_add_func("/bounds/toggles", test_toggles);
    g_test_add_func("/bounds/exempt", test_exempt);
    return g_test_run();
}
