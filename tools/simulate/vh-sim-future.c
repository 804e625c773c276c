/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reference: the best choice of each moment, by the truth of now and of the next minutes. */
#include "vh-sim-future.h"

#include "vh-reference.h"
#include "vh-treatment.h"

#include <math.h>

#define STEP_S 10    /* how fine the future is kept */
#define NEAR_STEPS 6 /* what is needed within a minute is asked for now */
#define FAR_STEPS 60 /* what is touched again within ten minutes counts as touched again */
#define AGAIN_S 60.0 /* what is missing now is missing for about so long */
#define MIB ((double)VH_MIB)

struct VhSimFuture {
    guint n_members, n_steps;
    float *wanted_mib; /* by member, then by step */
    GArray *guests;    /* VhReferenceGuest */
};

VhSimFuture *vh_sim_future_new(const VhSimWorld *world, gint64 horizon_us)
{
    VhSimFuture *future = g_new0(VhSimFuture, 1);

    future->n_members = vh_sim_world_n_members(world);
    future->n_steps = (guint)(horizon_us / VH_SEC / STEP_S) + FAR_STEPS + 2;
    future->wanted_mib = g_new0(float, (gsize)future->n_members * future->n_steps);
    future->guests = g_array_new(FALSE, TRUE, sizeof(VhReferenceGuest));
    for (guint i = 0; i < future->n_members; i++) {
        VhSimGuest guest = vh_sim_world_member(world, i)->memory;
        for (guint step = 0; step < future->n_steps; step++) {
            for (guint s = 0; s < STEP_S; s++) {
                double now_s = step * STEP_S + s + 1;
                if (now_s >= guest.start_s)
                    vh_sim_work_step(&guest.work, guest.params, now_s);
            }
            gboolean runs = step * STEP_S >= guest.start_s;
            future->wanted_mib[(gsize)i * future->n_steps + step] =
                runs ? (float)guest.work.used_mib : 0;
        }
    }
    return future;
}

void vh_sim_future_free(VhSimFuture *future)
{
    if (!future)
        return;
    g_free(future->wanted_mib);
    g_array_unref(future->guests);
    g_free(future);
}

/* The most that it wants within so many steps. */
static double peak_mib(const VhSimFuture *future, guint index, double now_s, guint steps)
{
    const float *wanted = future->wanted_mib + (gsize)index * future->n_steps;
    guint first = (guint)(now_s / STEP_S);
    double peak = 0;

    for (guint i = first; i < MIN(first + steps + 1, future->n_steps); i++)
        peak = MAX(peak, (double)wanted[i]);
    return peak;
}

/* By how much it will grow on the host soon, if nobody asks. */
static double growth_mib(const VhSimFuture *future, const VhSimWorld *world, guint index)
{
    const VhSimGuest *guest = &vh_sim_world_member(world, index)->memory;
    double grows = peak_mib(future, index, vh_sim_world_now_s(world), NEAR_STEPS) - guest->used_mib;

    if (grows <= 0)
        return 0;
    return MAX(grows * (1 - guest->locality), grows - guest->backed_mib);
}

static gboolean is_allowed(const VhConfig *config, const VhSimWorld *world,
                           const VhSnapshot *snapshot, guint index)
{
    const VhDomain *domain = vh_snapshot_domain(snapshot, index);
    VhClass treatment;

    if (!domain->is_running || domain->is_hung || domain->tier == VH_TIER_NONE ||
        !(domain->figures & VH_HAS_UNUSED))
        return FALSE;
    if (!domain->has_autodeflate && domain->tier != VH_TIER_NATIVE &&
        config->pulse_reserve_bytes == 0)
        return FALSE;
    for (guint i = 0; i < snapshot->in_flight->len; i++) {
        if (vh_uuid_equal(&g_array_index(snapshot->in_flight, VhInFlight, i).uuid, &domain->uuid))
            return FALSE;
    }
    vh_treatment_of(config, snapshot, domain, &treatment);
    return !treatment.ask_never && vh_sim_world_level(world) >= treatment.unlock;
}

static void describe(const VhSimFuture *future, const VhSimWorld *world, const VhPrices *prices,
                     const VhSnapshot *snapshot, guint index, VhReferenceGuest *ret_guest)
{
    const VhSimMember *member = vh_sim_world_member(world, index);
    VhSimGuest copy = member->memory; /* planning an ask draws a random number */
    double weight = member->weight, now_s = vh_sim_world_now_s(world);
    gboolean is_pass = vh_snapshot_domain(snapshot, index)->tier == VH_TIER_NATIVE;
    double reserve_mib = (double)vh_ask_default_reserve_bytes(member->domain.maximum_bytes) / MIB;
    VhSimAsk all = is_pass ? vh_sim_guest_plan_pass(&copy, 0, 0)
                           : vh_sim_guest_plan_pulse(&copy, 0, reserve_mib);
    double grows = MAX(0, peak_mib(future, index, now_s, FAR_STEPS) - copy.used_mib) +
                   copy.churn_mib * (1 - copy.locality) * AGAIN_S;
    double refault_ms = prices->refault_ms_per_mib * 1024 * weight;

    *ret_guest = (VhReferenceGuest){
        .is_allowed = TRUE,
        .reachable_bytes = (guint64)(MAX(0, all.return_mib) * MIB),
        .retouch = MIN(1, grows / MAX(1, vh_sim_guest_free(&copy))),
        .ask_ms = (is_pass ? prices->pass_ms : prices->ask_ms) * weight,
        .ask_ms_per_gib = (is_pass ? prices->pass_ms_per_gib : prices->ask_ms_per_gib) * weight,
        .refault_ms_per_gib = refault_ms,
    };
}

static void act(const VhSnapshot *snapshot, guint index, guint64 bytes, GArray *actions)
{
    const VhDomain *domain = vh_snapshot_domain(snapshot, index);
    VhAction action = {
        .domain = index,
        .uuid = domain->uuid,
        .method = domain->tier == VH_TIER_NATIVE ? VH_ASK_PASS : VH_ASK_PULSE,
        .bytes = bytes,
        .expected_bytes = bytes,
        .counted_bytes = bytes,
    };
    g_array_append_val(actions, action);
}

/* What is to come back now: what lacks to `exit`, and what will lack within the minute. */
static double need_mib(const VhSimFuture *future, const VhSimWorld *world, const VhConfig *config,
                       const VhSnapshot *snapshot)
{
    const VhLevelBounds *low = &config->pool.levels[VH_LEVEL_LOW];
    double total_mib = vh_sim_world_pool_total_mib(world);
    double exit_mib = (double)vh_amount_bytes(&low->exit, (guint64)(total_mib * MIB)) / MIB;
    double need = exit_mib - vh_sim_world_pool_mib(world);

    for (guint i = 0; i < future->n_members; i++)
        need += growth_mib(future, world, i);
    for (guint i = 0; i < snapshot->in_flight->len; i++)
        need -= (double)g_array_index(snapshot->in_flight, VhInFlight, i).asked_bytes / MIB;
    return need;
}

void vh_sim_future_decide(VhSimFuture *future, const VhSimWorld *world, const VhConfig *config,
                          const VhSnapshot *snapshot, GArray *actions)
{
    const VhPrices *prices = vh_sim_world_prices(world);
    double need = need_mib(future, world, config, snapshot);
    guint n_in_flight = snapshot->in_flight->len;

    if (need < (double)config->min_yield_bytes / MIB || n_in_flight >= config->max_in_flight)
        return;
    g_array_set_size(future->guests, future->n_members);
    for (guint i = 0; i < future->n_members; i++) {
        VhReferenceGuest *guest = &g_array_index(future->guests, VhReferenceGuest, i);
        *guest = (VhReferenceGuest){0};
        if (is_allowed(config, world, snapshot, i))
            describe(future, world, prices, snapshot, i, guest);
    }
    VhReferenceNeed wanted = {
        .need_bytes = (guint64)(need * MIB),
        .slots = config->max_in_flight - n_in_flight,
        .missing_ms_per_gib = prices->deficit_ms_per_gib_s * AGAIN_S,
    };
    VhReferenceResult result;
    vh_reference_solve(&wanted, &g_array_index(future->guests, VhReferenceGuest, 0),
                       future->n_members, &result);
    for (guint i = 0; i < future->n_members; i++) {
        guint64 bytes = g_array_index(future->guests, VhReferenceGuest, i).bytes;
        if (bytes >= VH_MIB)
            act(snapshot, i, bytes, actions);
    }
}
