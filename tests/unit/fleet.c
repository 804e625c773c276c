/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fleet of fleet.h. */
#include "fleet.h"
#include "fixture.h"

#define OVERHEAD (200 * VH_MIB)
/* Turns in which a guest takes back what it will. */
#define RETOUCH_TURNS 12

guint64 fleet_random_bytes(guint64 most)
{
    guint64 value = ((guint64)g_test_rand_int() << 32) | (guint32)g_test_rand_int();

    return most ? value % most : 0;
}

gboolean fleet_chance(int percent)
{
    return g_test_rand_int_range(0, 100) < percent;
}

static const struct {
    const char *name; /* by which the policy knows its class */
    const char *class_name;
} kinds[] = {{"batch", "batch"}, {"web", "standard"}, {"perf", "perf"}};

static void add_matches(VhConfig *config)
{
    config->matches = g_new0(VhMatch, G_N_ELEMENTS(kinds));
    config->n_matches = G_N_ELEMENTS(kinds);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        config->matches[i] =
            (VhMatch){.kind = VH_MATCH_NAME,
                      .name_glob = g_strdup(kinds[i].name),
                      .class_index = (guint)vh_config_find_class(config, kinds[i].class_name)};
}

static void init_guest(FleetGuest *guest, guint number)
{
    guint64 maximum = (guint64)g_test_rand_int_range(2, 17) * 512 * VH_MIB;

    guest->domain = fixture_guest(number, kinds[number % G_N_ELEMENTS(kinds)].name);
    guest->domain.maximum_bytes = guest->domain.current_bytes = maximum;
    guest->domain.available_bytes = maximum - maximum / 40;
    guest->domain.n_vcpus = 2;
    guest->domain.figures |= VH_HAS_VCPUS | VH_HAS_CPU_TIME;
    if (fleet_chance(50)) {
        guest->domain.tier = VH_TIER_NATIVE;
        guest->domain.reports = VH_REPORTS_OFF;
    }
    guest->used_bytes = fleet_random_bytes(guest->domain.available_bytes / 2);
    guest->free_bytes = guest->domain.available_bytes - guest->used_bytes;
    guest->backed_bytes = guest->free_bytes / 2 + fleet_random_bytes(guest->free_bytes / 2);
    guest->reach_percent = g_test_rand_int_range(60, 101);
    guest->retouch_percent = g_test_rand_int_range(0, 40);
}

Fleet *fleet_new(guint n)
{
    Fleet *fleet = g_new0(Fleet, 1);

    g_assert_cmpuint(n, <=, FLEET_GUESTS_MAX);
    fleet->config = vh_config_new();
    fleet->config->allows_monitor = TRUE;
    add_matches(fleet->config);
    fleet->state = vh_state_new();
    fleet->next = vh_state_new();
    fleet->plan = vh_plan_new();
    fleet->asks = g_array_new(FALSE, TRUE, sizeof(FleetAsk));
    fleet->n_guests = n;
    fleet->turns_per_ask = 1;
    for (guint i = 0; i < n; i++)
        init_guest(&fleet->guests[i], i);
    fleet_set_available(fleet, 50);
    return fleet;
}

void fleet_free(Fleet *fleet)
{
    if (!fleet)
        return;
    vh_config_free(fleet->config);
    vh_state_free(fleet->state);
    vh_state_free(fleet->next);
    vh_plan_free(fleet->plan);
    vh_snapshot_free(fleet->snapshot);
    g_array_unref(fleet->asks);
    g_free(fleet);
}

static guint64 resident_bytes(const FleetGuest *guest)
{
    return OVERHEAD + guest->used_bytes + guest->backed_bytes;
}

static guint64 resident_of_all(const Fleet *fleet)
{
    guint64 sum = 0;

    for (guint i = 0; i < fleet->n_guests; i++)
        sum += resident_bytes(&fleet->guests[i]);
    return sum;
}

gint64 fleet_available_bytes(const Fleet *fleet)
{
    return (gint64)fleet->total_bytes - (gint64)resident_of_all(fleet);
}

void fleet_set_available(Fleet *fleet, int percent)
{
    fleet->total_bytes = resident_of_all(fleet) * 100 / (guint64)(100 - percent);
}

const VhVerdict *fleet_verdict(const Fleet *fleet, guint guest)
{
    for (guint i = 0; i < fleet->plan->verdicts->len; i++) {
        const VhVerdict *verdict = &g_array_index(fleet->plan->verdicts, VhVerdict, i);
        if (vh_uuid_compare(&vh_snapshot_domain(fleet->snapshot, verdict->domain)->uuid,
                            &fleet->guests[guest].domain.uuid) == 0)
            return verdict;
    }
    g_assert_not_reached();
}

/* The guest goes on working: it takes back what it will, and some of them move. */
static void live(FleetGuest *guest)
{
    guint64 back = MIN(guest->debt_bytes / RETOUCH_TURNS + VH_MIB, guest->debt_bytes);

    back = MIN(back, guest->free_bytes - guest->backed_bytes);
    guest->backed_bytes += back;
    guest->debt_bytes -= back;
    guest->domain.cpu_time_us += FLEET_TURN_US / 10;
    if (guest->is_busy) {
        guest->used_bytes = fleet_random_bytes(guest->domain.available_bytes / 2);
        guest->free_bytes = guest->domain.available_bytes - guest->used_bytes;
        guest->backed_bytes = MIN(guest->backed_bytes, guest->free_bytes);
    }
}

static void show_guest(const Fleet *fleet, const FleetGuest *guest, VhSnapshot *snapshot)
{
    VhDomain domain = guest->domain;

    domain.unused_bytes = MIN(guest->free_bytes + guest->lie_bytes, domain.available_bytes);
    domain.rss_bytes = resident_bytes(guest);
    domain.stats_time_us = FIXTURE_WALL_US + fleet->time_us - guest->stale_us;
    g_array_append_val(snapshot->domains, domain);
}

/* What an ask brings, when it ends. */
static void end_ask(Fleet *fleet, FleetAsk *ask, VhSnapshot *snapshot)
{
    FleetGuest *guest = &fleet->guests[ask->guest];
    guint64 reach = guest->backed_bytes / 100 * (guint64)guest->reach_percent;
    VhEnded ended = {.uuid = guest->domain.uuid,
                     .uri = guest->domain.uri,
                     .id = ask->id,
                     .request_id = ask->request_id,
                     .expected_bytes = ask->bytes};

    ask->returned_bytes = MIN(ask->bytes, reach);
    ask->ended_us = fleet->time_us;
    guest->backed_bytes -= ask->returned_bytes;
    guest->debt_bytes += ask->returned_bytes / 100 * (guint64)guest->retouch_percent;
    ended.outcome = (VhAskOutcome){
        .method = VH_ASK_PASS,
        .status = VH_ASK_DONE,
        .source = VH_ASK_SOURCE_RSS,
        .asked_bytes = ask->bytes,
        .taken_bytes = ask->returned_bytes,
        .returned_bytes = ask->returned_bytes,
        .before_bytes = resident_bytes(guest) + ask->returned_bytes,
        .after_bytes = resident_bytes(guest),
        .started_us = ask->started_us,
        .ended_us = ask->ended_us,
        .error_code = -1,
    };
    g_array_append_val(snapshot->ended, ended);
    if (ask->request_id && ask->request_id == fleet->request.id)
        fleet->request.returned_bytes += ask->returned_bytes;
}

static void show_asks(Fleet *fleet, VhSnapshot *snapshot)
{
    for (guint i = 0; i < fleet->asks->len; i++) {
        FleetAsk *ask = &g_array_index(fleet->asks, FleetAsk, i);
        if (ask->ended_us != 0)
            continue;
        if (fleet->time_us - ask->started_us >= (gint64)fleet->turns_per_ask * FLEET_TURN_US) {
            end_ask(fleet, ask, snapshot);
            continue;
        }
        VhInFlight flight = {.uuid = fleet->guests[ask->guest].domain.uuid,
                             .uri = "test",
                             .id = ask->id,
                             .asked_bytes = ask->bytes,
                             .expected_bytes = ask->bytes,
                             .request_id = ask->request_id,
                             .started_us = ask->started_us};
        g_array_append_val(snapshot->in_flight, flight);
    }
}

static VhSnapshot *see(Fleet *fleet)
{
    VhSnapshot *snapshot = vh_snapshot_new();

    show_asks(fleet, snapshot);
    snapshot->now_us = fleet->time_us;
    snapshot->wall_us = FIXTURE_WALL_US + fleet->time_us;
    snapshot->mem_total_bytes = fleet->total_bytes;
    snapshot->mem_available_bytes = (guint64)MAX(fleet_available_bytes(fleet), 0);
    for (guint i = 0; i < fleet->n_guests; i++)
        show_guest(fleet, &fleet->guests[i], snapshot);
    if (fleet->request.id)
        g_array_append_val(snapshot->requests, fleet->request);
    vh_snapshot_sort(snapshot);
    return snapshot;
}

static guint number_of(const Fleet *fleet, const VhUuid *uuid)
{
    for (guint i = 0; i < fleet->n_guests; i++) {
        if (vh_uuid_compare(&fleet->guests[i].domain.uuid, uuid) == 0)
            return i;
    }
    g_assert_not_reached();
}

static void carry_out(Fleet *fleet)
{
    for (guint i = 0; i < fleet->plan->actions->len; i++) {
        const VhAction *action = &g_array_index(fleet->plan->actions, VhAction, i);
        const VhVerdict *verdict = &g_array_index(fleet->plan->verdicts, VhVerdict, action->domain);
        FleetAsk ask = {.guest = number_of(fleet, &action->uuid),
                        .rank = verdict->rank,
                        .weight = verdict->weight,
                        .level = fleet->plan->level,
                        .request_id = action->request_id,
                        .bytes = action->bytes,
                        .started_us = fleet->time_us,
                        .id = fleet->asks->len + 1};
        g_array_append_val(fleet->asks, ask);
    }
    for (guint i = 0; i < fleet->plan->toggles->len; i++) {
        const VhToggle *toggle = &g_array_index(fleet->plan->toggles, VhToggle, i);
        fleet->guests[number_of(fleet, &toggle->uuid)].domain.reports =
            toggle->is_on ? VH_REPORTS_ON : VH_REPORTS_OFF;
    }
}

void fleet_turn(Fleet *fleet)
{
    VhState *decided;

    fleet->time_us += FLEET_TURN_US;
    g_clear_pointer(&fleet->snapshot, vh_snapshot_free);
    fleet->snapshot = see(fleet);
    vh_decide(fleet->config, fleet->state, fleet->snapshot, fleet->next, fleet->plan);
    decided = fleet->next;
    fleet->next = fleet->state;
    fleet->state = decided;
    carry_out(fleet);
    for (guint i = 0; i < fleet->n_guests; i++)
        live(&fleet->guests[i]);
}
