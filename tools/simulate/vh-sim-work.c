/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The workloads of simulated guests: how much memory they want, second by second. */
#include "vh-sim-guest.h"
#include "vh-sim-random.h"

#include <math.h>

static double seconds(gint64 us)
{
    return (double)us / (double)VH_SEC;
}

static double share(guint bp)
{
    return bp / 10000.0;
}

static void begin_phase(VhSimWork *work, double now_s, double length_s)
{
    work->from_s = now_s;
    work->until_s = now_s + length_s * vh_sim_random_around(&work->random, work->jitter);
}

/* Rest and job in turn. */
static void step_burst(VhSimWork *work, double now_s)
{
    if (now_s < work->until_s)
        return;
    work->is_peak = !work->is_peak;
    work->is_new_period = !work->is_peak;
    begin_phase(work, now_s, work->period_s * (work->is_peak ? work->duty : 1 - work->duty));
}

static void step_ramp(VhSimWork *work, double now_s)
{
    if (now_s >= work->until_s) {
        work->is_new_period = TRUE;
        begin_phase(work, now_s, work->period_s);
    }
    double length_s = work->until_s - work->from_s;
    double done = length_s > 0 ? (now_s - work->from_s) / length_s : 0;
    work->used_mib = work->base_mib + (work->peak_mib - work->base_mib) * done;
}

static void step_boot(VhSimWork *work, double now_s)
{
    if (work->until_s == 0) {
        work->is_peak = TRUE;
        begin_phase(work, now_s, work->period_s);
    } else if (work->is_peak && now_s >= work->until_s) {
        work->is_peak = FALSE;
    }
}

void vh_sim_work_step(VhSimWork *work, const VhSimParams *params, double now_s)
{
    work->is_new_period = FALSE;
    if (params->shape == VH_SHAPE_BURST)
        step_burst(work, now_s);
    else if (params->shape == VH_SHAPE_BOOT)
        step_boot(work, now_s);
    else if (params->shape == VH_SHAPE_STEADY && now_s >= work->until_s) {
        work->is_new_period = work->until_s > 0;
        begin_phase(work, now_s, work->period_s);
    }
    if (params->shape == VH_SHAPE_RAMP)
        step_ramp(work, now_s);
    else
        work->used_mib = work->is_peak ? work->peak_mib : work->base_mib;
    gboolean is_busy = work->is_peak || params->shape == VH_SHAPE_RAMP;
    work->activity = share(is_busy ? params->activity_bp : params->rest_activity_bp);
}

static void init_work(VhSimGuest *guest, guint64 seed, guint number)
{
    const VhSimParams *params = guest->params;
    VhSimWork *work = &guest->work;
    double spread = share(params->spread_bp);

    work->random = vh_sim_random_stream(seed, 1, number);
    double scale = vh_sim_random_around(&work->random, spread);
    work->base_mib = MIN(share(params->base_bp) * scale, 0.97) * guest->managed_mib;
    work->peak_mib = MIN(share(params->peak_bp) * scale, 0.97) * guest->managed_mib;
    work->peak_mib = MAX(work->peak_mib, work->base_mib);
    work->period_s = seconds(params->period_us) * vh_sim_random_around(&work->random, spread);
    work->duty = share(params->duty_bp);
    work->jitter = share(params->jitter_bp);
    guest->start_s = seconds(params->start_us) +
                     seconds(params->start_spread_us) * vh_sim_random_unit(&work->random);
    if (params->shape != VH_SHAPE_BOOT) /* somewhere in the middle of things */
        work->until_s = guest->start_s + work->period_s * vh_sim_random_unit(&work->random);
    work->from_s = work->until_s - work->period_s;
    work->used_mib = work->base_mib;
}

void vh_sim_guest_init(VhSimGuest *guest, const VhSimParams *params, double memory_mib,
                       gboolean has_autodeflate, guint64 seed, guint number)
{
    const double mib = (double)VH_MIB;

    *guest = (VhSimGuest){
        .params = params,
        .ask_random = vh_sim_random_stream(seed, 2, number),
        .noise_random = vh_sim_random_stream(seed, 3, number),
        .has_autodeflate = has_autodeflate,
        .memory_mib = memory_mib,
        .managed_mib = memory_mib * 0.98 - 12, /* page tables, the kernel's image and struct page */
        .overhead_mib = (double)params->overhead_bytes / mib,
        .grow_mib = (double)params->grow_bytes_per_s / mib,
        .churn_mib = (double)params->churn_bytes_per_s / mib,
        .cache_fill_mib = (double)params->cache_fill_bytes_per_s / mib,
        .locality = share(params->locality_bp),
        .fragmented = share(params->fragmented_bp),
        .fragment_factor = pow(0.5, 1 / seconds(params->fragment_halflife_us)),
    };
    guest->overhead_mib *= vh_sim_random_around(&guest->noise_random, 0.15);
    guest->cache_max_mib = guest->managed_mib * share(params->cache_bp);
    init_work(guest, seed, number);
}
