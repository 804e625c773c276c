/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory of a simulated guest. See vh-sim-guest.h. */
#include "vh-sim-guest.h"

#include "vh-sim-random.h"

#include <math.h>

#define SECOND_SWAP_IN 0.02    /* of what is swapped out of its used memory, at full activity */
#define REPORT_SHARE 0.03      /* of its free list a second: 1/16 every two seconds */
#define PASS_LEAVES_MIB 8.0    /* per-CPU lists, and what moved meanwhile */
#define PULSE_LEAVES_SHARE 0.8 /* of the reserve that stays free is backed */
#define RAM_SHARE_MIN 0.05     /* with less in RAM it is not tried to make up for what is not */
#define DEFAULT_GRANULE_KIB 2048.0
#define PIECE_POWER 3 /* how sharply the size of pieces decides what a granule reaches */

static double share(guint bp)
{
    return bp / 10000.0;
}

static double seconds(gint64 us)
{
    return (double)us / (double)VH_SEC;
}

/* Free memory that it keeps for itself rather than use it for a cache, or give it to a job. */
static double watermark(const VhSimGuest *guest)
{
    return guest->managed_mib * 0.01 + 8;
}

static void clamp_parts(VhSimGuest *guest)
{
    guest->pieces_mib = MIN(guest->pieces_mib, guest->backed_mib);
    guest->swapped_free_mib = MIN(guest->swapped_free_mib, guest->backed_mib);
}

/* Uses so much of what is free. Returns how much more is resident then. */
static double use_free(VhSimGuest *guest, double mib)
{
    double unbacked = guest->given_mib + guest->untouched_mib;
    double from_backed = MIN(guest->backed_mib, mib * guest->locality);
    double from_unbacked = MIN(mib - from_backed, unbacked);

    from_backed = MIN(mib - from_unbacked, guest->backed_mib);
    double grown = from_unbacked;
    if (from_unbacked > 0) {
        double again = from_unbacked * guest->given_mib / unbacked;
        guest->given_mib -= again;
        guest->untouched_mib = MAX(0, guest->untouched_mib - (from_unbacked - again));
        guest->tally.refault_mib += again;
    }
    if (from_backed > 0) {
        double part = from_backed / guest->backed_mib;
        double swapped = guest->swapped_free_mib * part;
        guest->pieces_mib -= guest->pieces_mib * part;
        guest->swapped_free_mib -= swapped;
        guest->backed_mib -= from_backed;
        guest->tally.swap_in_mib += swapped;
        grown += swapped;
    }
    return grown;
}

/* So much of what was in use is free from now on. */
static void release(VhSimGuest *guest, double mib, double in_pieces)
{
    double in_use = guest->used_mib + guest->cache_mib + mib; /* as before */
    double swapped = in_use > 0 ? guest->swapped_used_mib * mib / in_use : 0;

    guest->backed_mib += mib;
    guest->pieces_mib += mib * in_pieces;
    guest->swapped_used_mib -= swapped;
    guest->swapped_free_mib += swapped;
}

/* How much of `mib` more it can have; what the balloon holds it must wait for. */
static double meet_balloon(VhSimGuest *guest, double mib)
{
    double free = vh_sim_guest_free(guest);
    double usable = MAX(0, free - guest->held_mib - watermark(guest) / 2);

    if (mib <= usable || guest->held_mib <= 0)
        return MIN(mib, usable);
    guest->wants_back = TRUE;
    if (!guest->has_autodeflate) {
        guest->tally.lost_s += 1; /* something of it was killed */
        return usable;
    }
    guest->tally.stall_s += 0.3;
    guest->held_mib = 0;
    return MIN(mib, MAX(0, free - watermark(guest) / 2));
}

/* Its jobs take memory: what is free, and else its own cache. */
static double grow(VhSimGuest *guest, double wanted_mib, double room_mib)
{
    double mib = MIN(wanted_mib, guest->grow_mib);
    double got = meet_balloon(guest, mib);
    double resident = 0;

    if (got > 0 && room_mib < got * 0.01 && guest->backed_mib < got) {
        guest->tally.lost_s += 1; /* nothing is left on the host, swap included */
        return 0;
    }
    resident = use_free(guest, got);
    guest->used_mib += got;
    double from_cache = MIN(mib - got, guest->cache_mib);
    guest->cache_mib -= from_cache;
    guest->used_mib += from_cache;
    return resident;
}

static double fill_cache(VhSimGuest *guest)
{
    double free = vh_sim_guest_free(guest) - guest->held_mib;
    double mib = MIN(guest->cache_fill_mib * guest->work.activity * 10,
                     guest->cache_max_mib - guest->cache_mib);

    mib = MIN(MIN(mib, guest->cache_fill_mib), free - 2 * watermark(guest));
    if (mib <= 0)
        return 0;
    double resident = use_free(guest, mib);
    guest->cache_mib += mib;
    return resident;
}

/* Pages that are freed and taken again, and not always the same ones. */
static double churn(VhSimGuest *guest)
{
    double free = vh_sim_guest_free(guest);
    double unbacked = guest->given_mib + guest->untouched_mib;

    if (free <= guest->held_mib || unbacked <= 0)
        return 0;
    double mib = guest->churn_mib * (1 - guest->locality) * (unbacked / free);
    mib = MIN(mib, unbacked);
    double again = mib * guest->given_mib / unbacked;
    guest->given_mib -= again;
    guest->untouched_mib -= mib - again;
    guest->tally.refault_mib += again;
    guest->backed_mib += mib;
    return mib;
}

static double touch_swapped(VhSimGuest *guest)
{
    double mib = guest->swapped_used_mib * SECOND_SWAP_IN * guest->work.activity;

    guest->swapped_used_mib -= mib;
    guest->tally.swap_in_mib += mib;
    return mib;
}

static double report(VhSimGuest *guest)
{
    double mib = REPORT_SHARE *
                 (vh_sim_guest_reachable(guest, DEFAULT_GRANULE_KIB) - guest->pieces_mib * 0.01);

    if (mib <= 0)
        return 0;
    guest->tally.discarded_mib += mib;
    return vh_sim_guest_discard(guest, mib);
}

static double start(VhSimGuest *guest)
{
    const VhSimParams *params = guest->params;

    guest->has_started = TRUE;
    guest->used_mib = guest->work.base_mib;
    guest->cache_mib = MIN(guest->cache_max_mib / 2, (guest->managed_mib - guest->used_mib) / 2);
    double free = guest->managed_mib - guest->used_mib - guest->cache_mib;
    guest->backed_mib = free * share(params->touched_bp);
    guest->untouched_mib = free - guest->backed_mib;
    guest->pieces_mib = guest->backed_mib * guest->fragmented;
    guest->swapped_free_mib = guest->backed_mib * share(params->swapped_bp);
    guest->swapped_used_mib =
        (guest->used_mib + guest->cache_mib) * share(params->swapped_bp) * 0.5;
    return vh_sim_guest_resident(guest);
}

static void shrink(VhSimGuest *guest, double mib)
{
    guest->used_mib -= mib;
    release(guest, mib, guest->fragmented);
}

double vh_sim_guest_step(VhSimGuest *guest, double now_s, double room_mib)
{
    double grown = 0;

    if (now_s < guest->start_s)
        return 0;
    if (!guest->has_started)
        grown += start(guest);
    vh_sim_work_step(&guest->work, guest->params, now_s);
    double wanted = guest->work.used_mib - guest->used_mib;
    if (wanted > 0.01)
        grown += grow(guest, wanted, room_mib - grown);
    else if (wanted < 0)
        shrink(guest, -wanted);
    if (guest->work.is_new_period && guest->params->cache_drop_bp > 0) {
        double dropped = guest->cache_mib * share(guest->params->cache_drop_bp);
        guest->cache_mib -= dropped;
        release(guest, dropped, guest->fragmented / 2);
    }
    if (guest->cache_mib < guest->cache_max_mib)
        grown += fill_cache(guest);
    grown += churn(guest);
    if (guest->swapped_used_mib > 0)
        grown += touch_swapped(guest);
    if (guest->is_reporting)
        grown -= report(guest);
    guest->pieces_mib *= guest->fragment_factor;
    clamp_parts(guest);
    return grown;
}

double vh_sim_guest_reachable(const VhSimGuest *guest, double granule_kib)
{
    double granule = granule_kib > 0 ? granule_kib : DEFAULT_GRANULE_KIB;
    double piece_kib = (double)guest->params->fragment_bytes / (double)VH_KIB;
    double reached = 1 / (1 + pow(granule / piece_kib, PIECE_POWER));

    return guest->backed_mib - guest->pieces_mib + guest->pieces_mib * reached;
}

/* What it reaches this time, and the part of it that is wanted: more pages where some of them are
 * swapped out, because only those in RAM count. */
static double pages_for(VhSimGuest *guest, double wanted_mib, double reachable_mib, double *ret_ram)
{
    double ram = guest->backed_mib > 0 ? 1 - guest->swapped_free_mib / guest->backed_mib : 0;
    double noise = vh_sim_random_unit(&guest->ask_random) * share(guest->params->ask_noise_bp);
    double reached = MAX(0, reachable_mib) * (1 - noise);

    *ret_ram = ram;
    return wanted_mib > 0 && ram > RAM_SHARE_MIN ? MIN(reached, wanted_mib / ram) : reached;
}

/* The kernel gives the balloon what it freed last, which is backed; but so is most of what stays
 * free at the end. */
VhSimAsk vh_sim_guest_plan_pulse(VhSimGuest *guest, double wanted_mib, double reserve_mib)
{
    double free = vh_sim_guest_free(guest), ram;
    double left = PULSE_LEAVES_SHARE * MIN(reserve_mib, free);
    double pages = pages_for(guest, wanted_mib, vh_sim_guest_reachable(guest, 4) - left, &ram);
    double wanted = wanted_mib > 0 && ram > RAM_SHARE_MIN ? wanted_mib / ram : free;
    VhSimAsk ask = {.held_mib = MIN(MAX(0, free - reserve_mib), wanted)};

    ask.discard_mib = MIN(pages, ask.held_mib);
    ask.return_mib = ask.discard_mib * ram;
    ask.duration_s = seconds(guest->params->pulse_latency_us) +
                     ask.held_mib / 1024 * seconds(guest->params->pulse_per_gib_us);
    return ask;
}

VhSimAsk vh_sim_guest_plan_pass(VhSimGuest *guest, double wanted_mib, double granule_kib)
{
    double ram;
    double reachable = vh_sim_guest_reachable(guest, granule_kib) - PASS_LEAVES_MIB;
    double pages = pages_for(guest, wanted_mib, reachable, &ram);
    VhSimAsk ask = {.discard_mib = pages, .return_mib = pages * ram};

    ask.duration_s = seconds(guest->params->pass_latency_us) +
                     pages / 1024 * seconds(guest->params->pass_per_gib_us);
    return ask;
}

double vh_sim_guest_discard(VhSimGuest *guest, double mib)
{
    double pages = MIN(mib, guest->backed_mib);

    if (pages <= 0)
        return 0;
    double whole = guest->backed_mib - guest->pieces_mib;
    double swapped = guest->swapped_free_mib * pages / guest->backed_mib;
    guest->backed_mib -= pages;
    guest->given_mib += pages;
    guest->swapped_free_mib -= swapped;
    if (pages > whole) /* whole blocks first */
        guest->pieces_mib -= pages - whole;
    clamp_parts(guest);
    return pages - swapped;
}

double vh_sim_guest_swap_out(VhSimGuest *guest, double mib, double share_free)
{
    double in_use = guest->used_mib + guest->cache_mib - guest->swapped_used_mib;
    double free = MIN(mib * share_free, guest->backed_mib - guest->swapped_free_mib);
    double used = MIN(mib - free, in_use * 0.9);

    guest->swapped_free_mib += MAX(0, free);
    guest->swapped_used_mib += MAX(0, used);
    return MAX(0, free) + MAX(0, used);
}
