/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One simulated guest: its memory, what its workload does to it, and how it answers an ask. Plain
 * numbers in MiB and seconds; a step allocates nothing. Knows no host, engine or price.
 *
 * All memory that the guest's kernel manages is in use, page cache, or free; what is free is backed
 * by the host or not, and of what is not backed a part was given back by asks. Of the backed free
 * memory some is in pieces, which a pass reaches only by a small granule.
 */
#pragma once

#include "vh-sim-params.h"

G_BEGIN_DECLS

/* What the workload does, whatever the memory is like: the same for every engine. */
typedef struct {
    guint64 random;
    double base_mib, peak_mib, period_s, duty, jitter;
    double used_mib;        /* wanted now */
    double activity;        /* 0 to 1 */
    double from_s;          /* when the phase began */
    double until_s;         /* and when it ends */
    gboolean is_peak;       /* of a burst, or booting */
    gboolean is_new_period; /* the last step began one */
} VhSimWork;

/* What has happened to the guest since its start: the truth that is paid for. */
typedef struct {
    double pulses, passes;
    double taken_mib;     /* by pulses, for a while */
    double discarded_mib; /* by passes and continuous reporting */
    double refault_mib;
    double swap_in_mib;
    double stall_s;
    double lost_s;
} VhSimTally;

typedef struct {
    const VhSimParams *params;
    guint64 ask_random, noise_random;
    gboolean has_autodeflate;
    double memory_mib;   /* M */
    double managed_mib;  /* A: what its kernel manages */
    double overhead_mib; /* O: of its QEMU */
    double start_s;
    double grow_mib, churn_mib, cache_max_mib, cache_fill_mib;
    double locality, fragmented, fragment_factor; /* the last: what is left after a second */
    gboolean has_started;

    VhSimWork work;
    double used_mib, cache_mib;
    double backed_mib;                         /* free and backed */
    double pieces_mib;                         /* of it, in pieces */
    double given_mib;                          /* free and not backed: given back by asks */
    double untouched_mib;                      /* free and not backed: never touched */
    double swapped_free_mib, swapped_used_mib; /* of backed; of used and cache */
    double held_mib; /* by the balloon now; free for the kernel, but not to be had */
    gboolean is_reporting;
    gboolean wants_back; /* it met the balloon: whoever asks must stop */
    VhSimTally tally;
} VhSimGuest;

/* Of a guest's number `number`; `seed` is the run's. */
void vh_sim_guest_init(VhSimGuest *guest, const VhSimParams *params, double memory_mib,
                       gboolean has_autodeflate, guint64 seed, guint number);

/* Only what it wants, one second on: for those who look ahead. */
void vh_sim_work_step(VhSimWork *work, const VhSimParams *params, double now_s);

/* One second on, up to `now_s`. It takes at most `room_mib` of more memory from the host. Returns
 * by how much its resident memory has grown. */
double vh_sim_guest_step(VhSimGuest *guest, double now_s, double room_mib);

static inline double vh_sim_guest_free(const VhSimGuest *guest)
{
    return guest->backed_mib + guest->given_mib + guest->untouched_mib;
}

static inline double vh_sim_guest_swapped(const VhSimGuest *guest)
{
    return guest->swapped_free_mib + guest->swapped_used_mib;
}

static inline double vh_sim_guest_resident(const VhSimGuest *guest)
{
    return guest->has_started ? guest->overhead_mib + guest->used_mib + guest->cache_mib +
                                    guest->backed_mib - vh_sim_guest_swapped(guest)
                              : 0;
}

/* The free and backed memory that an ask can reach at this granule (MiB); a pulse works in 4 KiB.
 * 0: the driver's default, 2 MiB. */
double vh_sim_guest_reachable(const VhSimGuest *guest, double granule_kib);

/* What an ask will do. */
typedef struct {
    double discard_mib; /* backed pages that it drops */
    double return_mib;  /* of them in RAM */
    double held_mib;    /* taken out of the guest for it */
    double duration_s;
} VhSimAsk;

/* `bytes` and the reserve in MiB. */
VhSimAsk vh_sim_guest_plan_pulse(VhSimGuest *guest, double wanted_mib, double reserve_mib);
VhSimAsk vh_sim_guest_plan_pass(VhSimGuest *guest, double wanted_mib, double granule_kib);

/* Drops so much of what is free and backed, at most what is there. Returns how much RAM that
 * was. */
double vh_sim_guest_discard(VhSimGuest *guest, double mib);

/* The host swaps out so much, first what is free (`share_free` of it), at most what is there.
 * Returns how much. */
double vh_sim_guest_swap_out(VhSimGuest *guest, double mib, double share_free);

G_END_DECLS
