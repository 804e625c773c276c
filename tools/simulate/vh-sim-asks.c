/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks in a simulated world: how they go, how they end, and what really became of them. */
#include "vh-sim-private.h"
#include "vh-sim-random.h"
#include "vh-treatment.h"

#include <math.h>

#define MIB ((double)VH_MIB)
#define HUNG_SECONDS 60.0  /* an ask's deadline */
#define POOR_SHARE 0.1     /* an ask that returns less of what it was for was wasted */
#define COUNTER_NOISE 0.01 /* of what is measured as returned */

static guint64 bytes_of(double mib)
{
    return mib > 0 ? (guint64)(mib * MIB) : 0;
}

static gint64 time_of(double now_s)
{
    return VH_SEC + (gint64)(now_s * (double)VH_SEC);
}

/* Whether its class is unlocked, by the policy's level, or by what a request's urgency makes of
 * it. */
static gboolean is_unlocked(const VhSimWorld *world, const VhSnapshot *snapshot,
                            const VhAction *action)
{
    VhLevel level = world->pool_plan->level;
    VhClass treatment;

    vh_treatment_of(world->config, snapshot, vh_snapshot_domain(snapshot, action->domain),
                    &treatment);
    if (action->request_id > 0 && action->request_id <= world->scenario->n_requests)
        level = MAX(level, (VhLevel)world->requests[action->request_id - 1].wish.urgency);
    return !treatment.ask_never && level >= treatment.unlock;
}

static void plan_ask(VhSimWorld *world, VhSimFlight *flight)
{
    VhSimMember *member = &world->members[flight->member];
    VhSimGuest *memory = &member->memory;
    const VhAction *action = &flight->action;
    double wanted = (double)action->bytes / MIB;

    flight->never_ends = member->hang_s > 0 && world->now_s >= member->hang_s;
    if (flight->never_ends || !memory->has_started || member->domain.tier == VH_TIER_NONE) {
        flight->plan = (VhSimAsk){.duration_s = flight->never_ends ? HUNG_SECONDS : 0};
    } else if (action->method == VH_ASK_PASS) {
        flight->plan =
            vh_sim_guest_plan_pass(memory, wanted, (double)action->granule_bytes / (double)VH_KIB);
    } else {
        guint64 reserve =
            MAX(action->reserve_bytes, vh_ask_default_reserve_bytes(member->domain.maximum_bytes));
        flight->plan = vh_sim_guest_plan_pulse(memory, wanted, (double)reserve / MIB);
    }
}

void vh_sim_asks_act(VhActuator *actuator, const VhSnapshot *snapshot, const VhAction *action)
{
    VhSimWorld *world = (VhSimWorld *)((guint8 *)actuator - G_STRUCT_OFFSET(VhSimWorld, actuator));
    VhSimFlight flight = {.member = action->domain, .action = *action, .id = ++world->next_id};
    VhSimMember *member = &world->members[flight.member];

    plan_ask(world, &flight);
    flight.started_s = world->now_s;
    flight.apply_s = world->now_s + flight.plan.duration_s / 2;
    flight.end_s = world->now_s + flight.plan.duration_s;
    flight.resident_mib = vh_sim_guest_resident(&member->memory);
    member->memory.held_mib = flight.plan.held_mib;
    member->memory.wants_back = FALSE;
    if (action->method == VH_ASK_PASS) {
        member->memory.tally.passes += 1;
    } else {
        member->memory.tally.pulses += 1;
        member->memory.tally.taken_mib += flight.plan.held_mib;
    }
    world->truth.asks++;
    world->truth.protected_asks += !is_unlocked(world, snapshot, action);
    g_array_append_val(world->flights, flight);
}

void vh_sim_asks_toggle(VhActuator *actuator, const VhSnapshot *snapshot, const VhToggle *toggle)
{
    VhSimWorld *world = (VhSimWorld *)((guint8 *)actuator - G_STRUCT_OFFSET(VhSimWorld, actuator));
    VhSimMember *member = &world->members[toggle->domain];

    if (member->domain.tier != VH_TIER_NATIVE)
        return;
    world->truth.toggles += member->memory.is_reporting != toggle->is_on;
    member->memory.is_reporting = toggle->is_on;
}

static void add_in_flight(const VhSimWorld *world, VhSnapshot *snapshot)
{
    for (guint i = 0; i < world->flights->len; i++) {
        const VhSimFlight *flight = &g_array_index(world->flights, VhSimFlight, i);
        VhInFlight told = {
            .uuid = flight->action.uuid,
            .uri = "sim:///",
            .id = flight->id,
            .method = flight->action.method,
            .granule_bytes = flight->action.granule_bytes,
            .asked_bytes = flight->action.bytes,
            .expected_bytes = flight->action.counted_bytes,
            .returned_bytes = bytes_of(flight->done_mib),
            .request_id = flight->action.request_id,
            .started_us = time_of(flight->started_s),
        };
        g_array_append_val(snapshot->in_flight, told);
    }
}

static void add_requests(const VhSimWorld *world, VhSnapshot *snapshot)
{
    for (guint i = 0; i < world->scenario->n_requests; i++) {
        const VhSimRequest *request = &world->requests[i];
        VhRequest told = {
            .id = i + 1,
            .bytes = request->wish.bytes,
            .returned_bytes = bytes_of(request->returned_mib),
            .urgency = (VhLevel)request->wish.urgency,
            .deadline_us = VH_SEC + request->wish.at_us + request->wish.deadline_us,
        };
        if (request->is_open)
            g_array_append_val(snapshot->requests, told);
    }
}

/* The truth looks at the pool whenever an engine does, by the policy's own rule, and
 * when all is told: what asks returned is no part of the pool's trend. */
static void look_at_pool(VhSimWorld *world, const VhSnapshot *snapshot)
{
    VhLevel before = world->pool_plan->level;
    VhPool pool;

    vh_state_copy_pool(world->pool_next, world->pool_state);
    vh_plan_clear(world->pool_plan);
    vh_pool_see(world->config, snapshot, world->pool_next, world->pool_plan, &pool);
    VhState *next = world->pool_next;
    world->pool_next = world->pool_state;
    world->pool_state = next;
    world->truth.level_changes += world->pool_plan->level != before;
}

void vh_sim_asks_report(VhActuator *actuator, VhSnapshot *snapshot)
{
    VhSimWorld *world = (VhSimWorld *)((guint8 *)actuator - G_STRUCT_OFFSET(VhSimWorld, actuator));

    add_in_flight(world, snapshot);
    g_array_append_vals(snapshot->ended, world->ended->data, world->ended->len);
    g_array_set_size(world->ended, 0);
    add_requests(world, snapshot);
    look_at_pool(world, snapshot);
}

/* The pages are dropped, all of them or a part. */
static void apply(VhSimWorld *world, VhSimFlight *flight, double part)
{
    VhSimGuest *memory = &world->members[flight->member].memory;
    double pages = MIN(flight->plan.discard_mib * part, memory->backed_mib);

    flight->done_mib = vh_sim_guest_discard(memory, pages);
    if (flight->action.method == VH_ASK_PASS)
        memory->tally.discarded_mib += pages;
    flight->is_applied = TRUE;
}

static void judge_later(VhSimWorld *world, const VhSimFlight *flight)
{
    const VhSimGuest *memory = &world->members[flight->member].memory;
    VhSimJudge judge = {
        .member = flight->member,
        .due_s = world->now_s + VH_SIM_REBOUND_S,
        .asked_mib = (double)flight->action.bytes / MIB,
        .returned_mib = flight->done_mib,
        .counted_mib = (double)flight->action.counted_bytes / MIB,
        .share = memory->given_mib > 0 ? MIN(1, flight->done_mib / memory->given_mib) : 0,
        .refault_mib = memory->tally.refault_mib,
    };
    g_array_append_val(world->judges, judge);
}

static VhAskStatus status_of(const VhSimWorld *world, const VhSimFlight *flight)
{
    const VhSimMember *member = &world->members[flight->member];

    if (flight->never_ends)
        return VH_ASK_TIMED_OUT;
    if (!member->memory.has_started || member->domain.tier == VH_TIER_NONE)
        return VH_ASK_FAILED;
    return member->memory.wants_back ? VH_ASK_BACKED_OFF : VH_ASK_DONE;
}

static void end_ask(VhSimWorld *world, VhSimFlight *flight)
{
    VhSimMember *member = &world->members[flight->member];
    VhAskStatus status = status_of(world, flight);
    gboolean is_pass = flight->action.method == VH_ASK_PASS;
    double after = vh_sim_guest_resident(&member->memory);
    double measured = MAX(0, flight->resident_mib - after) *
                      vh_sim_random_around(&member->memory.noise_random, COUNTER_NOISE);
    VhEnded ended = {
        .uuid = flight->action.uuid,
        .uri = "sim:///",
        .id = flight->id,
        .expected_bytes = flight->action.expected_bytes,
        .request_id = flight->action.request_id,
        .outcome = {.method = flight->action.method,
                    .status = status,
                    .source = is_pass ? VH_ASK_SOURCE_COUNTER : VH_ASK_SOURCE_RSS,
                    .asked_bytes = flight->action.bytes,
                    .taken_bytes =
                        bytes_of(is_pass ? flight->plan.discard_mib : flight->plan.held_mib),
                    .returned_bytes = bytes_of(measured),
                    .before_bytes = bytes_of(flight->resident_mib),
                    .after_bytes = bytes_of(after),
                    .started_us = time_of(flight->started_s),
                    .ended_us = time_of(world->now_s),
                    .error_code = status == VH_ASK_TIMED_OUT ? VH_ERROR_TIMEOUT
                                  : status == VH_ASK_FAILED  ? VH_ERROR_FAILED
                                                             : -1},
    };
    member->memory.held_mib = 0;
    world->truth.returned_mib += flight->done_mib;
    for (guint i = 0; i < world->scenario->n_requests; i++) {
        if (i + 1 == flight->action.request_id)
            world->requests[i].returned_mib += measured;
        if (world->now_s * (double)VH_SEC >= (double)world->requests[i].wish.at_us)
            world->requests[i].truly_mib += flight->done_mib;
    }
    judge_later(world, flight);
    g_array_append_val(world->ended, ended);
}

gboolean vh_sim_asks_step(VhSimWorld *world)
{
    gboolean has_ended = FALSE;

    for (guint i = 0; i < world->flights->len;) {
        VhSimFlight *flight = &g_array_index(world->flights, VhSimFlight, i);
        gboolean is_cut = world->members[flight->member].memory.wants_back;

        if (!flight->is_applied && !flight->never_ends &&
            (is_cut || world->now_s >= flight->apply_s))
            apply(world, flight, is_cut ? 0.5 : 1);
        if (!is_cut && world->now_s < flight->end_s) {
            i++;
            continue;
        }
        end_ask(world, flight);
        g_array_remove_index(world->flights, i);
        has_ended = TRUE;
    }
    return has_ended;
}

void vh_sim_asks_judge(VhSimWorld *world, double until_s)
{
    VhSimTruth *truth = &world->truth;
    guint done = 0;

    for (; done < world->judges->len; done++) {
        const VhSimJudge *judge = &g_array_index(world->judges, VhSimJudge, done);
        if (judge->due_s > until_s)
            break;
        const VhSimTally *tally = &world->members[judge->member].memory.tally;
        double again = (tally->refault_mib - judge->refault_mib) * judge->share;
        double durable = judge->returned_mib - again;

        truth->judged++;
        truth->durable_mib += MAX(0, durable);
        truth->wasted += durable <= 0 || judge->returned_mib < judge->asked_mib * POOR_SHARE;
        if (judge->counted_mib > 0) {
            truth->counted++;
            truth->covered += durable >= judge->counted_mib;
        }
    }
    if (done > 0)
        g_array_remove_range(world->judges, 0, done);
}
