/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reference: the best choice of each moment, by the truth of now and of the next minutes. */
#include "vh-sim-future.h"

#include "vh-reference.h"
#include "vh-treatment.h"

#include <math.h>

#define STEP_S 10    /* how fine the future is kept */
#define NEAR_STEPS 6 /* what is needed within a minute is asked for now */
#define FAR_STEPS 60 /* what is touched again within ten minutes is paid for */
#define LOOKS                                                                          \
    5 /* so often it is looked how much of an ask is left in the time that it is worth \
       */
#define MIB ((double)VH_MIB)

/* How long what is missing now is thought to be missing where nobody gives it, in steps. Which is
 * best depends on the fleet, so all are tried. */
static const guint patience_steps[VH_SIM_FUTURES] = {6, 30, 90};

struct VhSimFuture {
    guint patience;
    guint n_members, n_steps;
    float *wanted_mib; /* by member, then by step */
    GArray *guests;    /* VhReferenceGuest */
    double *worth_ms;  /* scratch: of each */
    double *asked_s;   /* of each the last VH_ASKS_PER_HOUR_MAX asks, in turn */
    guint *n_asked;    /* of each, ever */
};

VhSimFuture *vh_sim_future_new(const VhSimWorld *world, gint64 horizon_us, guint variant)
{
    VhSimFuture *future = g_new0(VhSimFuture, 1);

    future->n_members = vh_sim_world_n_members(world);
    future->n_steps = (guint)(horizon_us / VH_SEC / STEP_S) + FAR_STEPS + 2;
    future->wanted_mib = g_new0(float, (gsize)future->n_members * future->n_steps);
    future->patience = patience_steps[variant];
    future->worth_ms = g_new(double, future->n_members);
    future->asked_s = g_new0(double, (gsize)future->n_members *VH_ASKS_PER_HOUR_MAX);
    future->n_asked = g_new0(guint, future->n_members);
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
    g_free(future->worth_ms);
    g_free(future->asked_s);
    g_free(future->n_asked);
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

/* Whether the hour has seen as many asks of it as its class allows. */
static gboolean is_used_up(const VhSimFuture *future, guint index, guint asks_per_hour,
                           double now_s)
{
    guint n = future->n_asked[index];
    const double *asked_s = future->asked_s + (gsize)index * VH_ASKS_PER_HOUR_MAX;

    return asks_per_hour > 0 && n >= asks_per_hour &&
           asked_s[(n - asks_per_hour) % VH_ASKS_PER_HOUR_MAX] > now_s - 3600;
}

/* The level that guests are unlocked by: the pool's, or the most urgent request's. */
static VhLevel unlocked_level(const VhSimWorld *world, const VhSnapshot *snapshot)
{
    VhLevel level = vh_sim_world_level(world);

    for (guint i = 0; i < snapshot->requests->len; i++)
        level = MAX(level, g_array_index(snapshot->requests, VhRequest, i).urgency);
    return level;
}

/* The bounds that the administrator set hold for the reference too. */
static gboolean is_allowed(const VhSimFuture *future, const VhConfig *config,
                           const VhSimWorld *world, const VhSnapshot *snapshot, guint index,
                           const VhClass *treatment)
{
    const VhDomain *domain = vh_snapshot_domain(snapshot, index);

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
    return !treatment->ask_never && unlocked_level(world, snapshot) >= treatment->unlock &&
           !is_used_up(future, index, treatment->asks_per_hour, vh_sim_world_now_s(world));
}

/* The share of what is free now that the guest will take within so many steps. */
static double touched_again(const VhSimFuture *future, const VhSimGuest *guest, guint index,
                            double now_s, guint steps)
{
    double grows = MAX(0, peak_mib(future, index, now_s, steps) - guest->used_mib) +
                   guest->churn_mib * (1 - guest->locality) * steps * STEP_S;

    return MIN(1, grows / MAX(1, vh_sim_guest_free(guest)));
}

/* What it takes again helps until then, and costs as much. */
static void describe(const VhSimFuture *future, const VhSimWorld *world, const VhPrices *prices,
                     const VhSnapshot *snapshot, guint index, const VhClass *treatment,
                     VhReferenceGuest *ret_guest)
{
    const VhSimMember *member = vh_sim_world_member(world, index);
    VhSimGuest copy = member->memory; /* planning an ask draws a random number */
    double weight = member->weight, now_s = vh_sim_world_now_s(world);
    gboolean is_pass = vh_snapshot_domain(snapshot, index)->tier == VH_TIER_NATIVE;
    guint64 keep = vh_amount_bytes(&treatment->keep_free, member->domain.maximum_bytes);
    guint64 reserve = MAX(keep, vh_ask_default_reserve_bytes(member->domain.maximum_bytes));
    double granule_kib = (double)treatment->granule_bytes / (double)VH_KIB;
    VhSimAsk all = is_pass ? vh_sim_guest_plan_pass(&copy, 0, granule_kib)
                           : vh_sim_guest_plan_pulse(&copy, 0, (double)reserve / MIB);
    guint64 reachable = (guint64)(MAX(0, all.return_mib) * MIB);
    double soon = 0;
    double later = touched_again(future, &copy, index, now_s, FAR_STEPS);
    double refault_ms = prices->refault_ms_per_mib * 1024 * weight;

    for (guint i = 1; i <= LOOKS; i++)
        soon += touched_again(future, &copy, index, now_s, future->patience * i / LOOKS) / LOOKS;

    *ret_guest = (VhReferenceGuest){
        .is_allowed = TRUE,
        .reachable_bytes = treatment->max_per_ask_bytes > 0
                               ? MIN(reachable, treatment->max_per_ask_bytes)
                               : reachable,
        .retouch = soon,
        .ask_ms = (is_pass ? prices->pass_ms : prices->ask_ms) * weight,
        .ask_ms_per_gib = (is_pass ? prices->pass_ms_per_gib : prices->ask_ms_per_gib) * weight +
                          (later - soon) * refault_ms,
        .refault_ms_per_gib = refault_ms,
    };
}

/* What an ask is for, where anything is requested; 0: the pool. */
static guint64 most_urgent(const VhSnapshot *snapshot)
{
    const VhRequest *found = NULL;

    for (guint i = 0; i < snapshot->requests->len; i++) {
        const VhRequest *request = &g_array_index(snapshot->requests, VhRequest, i);
        if (!found || request->urgency > found->urgency)
            found = request;
    }
    return found ? found->id : 0;
}

static void act(VhSimFuture *future, const VhSimWorld *world, const VhConfig *config,
                const VhSnapshot *snapshot, guint index, guint64 bytes, GArray *actions)
{
    const VhDomain *domain = vh_snapshot_domain(snapshot, index);
    guint place = future->n_asked[index]++ % VH_ASKS_PER_HOUR_MAX;
    VhClass treatment;

    vh_treatment_of(config, snapshot, domain, &treatment);
    future->asked_s[(gsize)index * VH_ASKS_PER_HOUR_MAX + place] = vh_sim_world_now_s(world);
    VhAction action = {
        .domain = index,
        .uuid = domain->uuid,
        .method = domain->tier == VH_TIER_NATIVE ? VH_ASK_PASS : VH_ASK_PULSE,
        .granule_bytes = domain->tier == VH_TIER_NATIVE ? treatment.granule_bytes : 0,
        .reserve_bytes = vh_amount_bytes(&treatment.keep_free, domain->maximum_bytes),
        .bytes = bytes,
        .expected_bytes = bytes,
        .counted_bytes = bytes,
        .request_id = most_urgent(snapshot),
    };
    g_array_append_val(actions, action);
}

/* What it is worth to ask this guest alone. */
static double worth_ms(const VhReferenceGuest *guest, const VhReferenceNeed *need)
{
    double gib = (double)MIN(guest->reachable_bytes, need->need_bytes) / (double)VH_GIB;

    return gib * (1 - guest->retouch) * need->missing_ms_per_gib - guest->ask_ms -
           gib * (guest->ask_ms_per_gib + guest->retouch * guest->refault_ms_per_gib);
}

static int compare_doubles(gconstpointer a, gconstpointer b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left < right) - (left > right);
}

/* The most worthwhile remain, as many as every set of them can be tried: with few asks at a time
 * the best choice is among them. Whoever is not worth an ask alone is not worth it with others. */
static void keep_best(VhSimFuture *future, const VhReferenceNeed *need)
{
    VhReferenceGuest *guests = &g_array_index(future->guests, VhReferenceGuest, 0);
    double least_ms = 0;
    guint n = 0;

    for (guint i = 0; i < future->n_members; i++) {
        double worth = guests[i].is_allowed ? worth_ms(&guests[i], need) : 0;
        guests[i].is_allowed = worth > 0;
        if (worth > 0)
            future->worth_ms[n++] = worth;
    }
    if (n > VH_REFERENCE_EXACT_MAX) {
        qsort(future->worth_ms, n, sizeof(double), compare_doubles);
        least_ms = future->worth_ms[VH_REFERENCE_EXACT_MAX - 1];
    }
    for (guint i = 0; i < future->n_members; i++) {
        if (guests[i].is_allowed && worth_ms(&guests[i], need) < least_ms)
            guests[i].is_allowed = FALSE;
    }
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
    for (guint i = 0; i < snapshot->requests->len; i++) {
        const VhRequest *request = &g_array_index(snapshot->requests, VhRequest, i);
        need += (double)vh_sub(request->bytes, request->returned_bytes) / MIB;
    }
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
        VhClass treatment;
        *guest = (VhReferenceGuest){0};
        vh_treatment_of(config, snapshot, vh_snapshot_domain(snapshot, i), &treatment);
        if (is_allowed(future, config, world, snapshot, i, &treatment))
            describe(future, world, prices, snapshot, i, &treatment, guest);
    }
    VhReferenceNeed wanted = {
        .need_bytes = (guint64)(need * MIB),
        .slots = config->max_in_flight - n_in_flight,
        .missing_ms_per_gib = prices->deficit_ms_per_gib_s * future->patience * STEP_S,
    };
    keep_best(future, &wanted);
    VhReferenceResult result;
    vh_reference_solve(&wanted, &g_array_index(future->guests, VhReferenceGuest, 0),
                       future->n_members, &result);
    for (guint i = 0; i < future->n_members; i++) {
        guint64 bytes = g_array_index(future->guests, VhReferenceGuest, i).bytes;
        if (bytes >= VH_MIB)
            act(future, world, config, snapshot, i, bytes, actions);
    }
}
