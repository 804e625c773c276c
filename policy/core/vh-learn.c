/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is remembered, samples, and what they teach of overhead and residue. */
#include "vh-learn.h"
#include "vh-eligible.h"
#include "vh-learn-ask.h"
#include "vh-yield.h"

#include <string.h>

/* Busier than it was by this much of its CPUs: something has begun. */
#define BECOMES_BUSY_BP 2500
/* last-update is in whole seconds of the host's clock; this much ahead of it is a lie. */
#define CLOCK_SLACK_US (5 * VH_SEC)
gboolean vh_learn_is_absurd(const VhDomain *domain, gint64 wall_us)
{
    return domain->maximum_bytes == 0 || domain->maximum_bytes > VH_ABSURD_BYTES ||
           domain->available_bytes > domain->maximum_bytes ||
           domain->current_bytes > domain->maximum_bytes ||
           domain->unused_bytes > domain->available_bytes ||
           domain->unused_bytes > domain->current_bytes || domain->rss_bytes > VH_ABSURD_BYTES ||
           domain->stats_time_us > wall_us + CLOCK_SLACK_US;
}

/* One more at the end, without clearing it first: it is large, and there are many. */
static VhGuestState *append_guest(VhState *next)
{
    guint n = next->guests->len;

    g_array_set_size(next->guests, n + 1);
    return &g_array_index(next->guests, VhGuestState, n);
}

static void end_at(gint64 *time_us, gint64 wall_us)
{
    *time_us = MIN(*time_us, wall_us);
}

/* What a clock that was set back has left in the future was just now: else it would hold, or stand
 * still, until the clock is there again. Rebounds and toggles see to it themselves. */
static void end_future(gint64 wall_us, VhGuestState *guest)
{
    end_at(&guest->last_ended_wall_us, wall_us);
    end_at(&guest->residue_wall_us, wall_us);
    end_at(&guest->inflicted_wall_us, wall_us);
    end_at(&guest->last_seen_wall_us, wall_us);
    for (guint i = guest->n_recent; i > 0 && guest->recent_wall_us[i - 1] > wall_us; i--)
        guest->recent_wall_us[i - 1] = wall_us;
}

/* Carries over who is still known, and adds who is seen for the first time; both lists are sorted
 * by UUID. */
static void merge_guests(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                         VhState *next)
{
    guint n_domains = vh_snapshot_n_domains(snapshot), d = 0;

    for (guint g = 0; g < state->guests->len || d < n_domains;) {
        const VhGuestState *old =
            g < state->guests->len ? &g_array_index(state->guests, VhGuestState, g) : NULL;
        const VhDomain *domain = d < n_domains ? vh_snapshot_domain(snapshot, d) : NULL;
        int order = !old ? 1 : !domain ? -1 : vh_uuid_compare(&old->uuid, &domain->uuid);

        if (order < 0) {
            if (snapshot->wall_us - old->last_seen_wall_us <= config->forget_us) {
                VhGuestState *kept = append_guest(next);
                *kept = *old;
                end_future(snapshot->wall_us, kept);
            }
            g++;
            continue;
        }
        VhGuestState *guest = append_guest(next);
        if (order == 0)
            *guest = *old;
        else
            *guest = (VhGuestState){.uuid = domain->uuid};
        end_future(snapshot->wall_us, guest);
        g += order == 0;
        guest->last_seen_wall_us = snapshot->wall_us;
        while (d < n_domains &&
               vh_uuid_compare(&guest->uuid, &vh_snapshot_domain(snapshot, d)->uuid) == 0)
            d++; /* copies of a domain share one memory */
    }
}

static guint64 distance(guint64 a, guint64 b)
{
    return MAX(a, b) - MIN(a, b);
}

/* Resident memory that falls while what is free stays is given back or swapped out, and no use of
 * it: what is left of it is live, and says how much there still is. */
static gboolean samples_agree(const VhModel *model, const VhDomain *domain,
                              const VhGuestState *guest)
{
    guint64 tolerance = vh_share(domain->maximum_bytes, model->stable_bp);

    return distance(domain->unused_bytes, guest->sample_unused_bytes) <= tolerance &&
           vh_sub(domain->rss_bytes, guest->sample_rss_bytes) <= tolerance;
}

/* Half way from what is known of O to what a sample shows, within bounds. */
static void learn_overhead(const VhModel *model, guint64 seen_bytes, VhGuestState *guest)
{
    guint64 known = guest->overhead_bytes ? guest->overhead_bytes : model->overhead_bytes;

    guest->overhead_bytes =
        CLAMP(known / 2 + seen_bytes / 2, VH_LEARN_OVERHEAD_MIN, VH_LEARN_OVERHEAD_MAX);
}

/* O cannot be more than all that is backed and that the guest does not use: least of all early in
 * its life, when it has freed little yet. By so much as the figures move they may be wrong. */
static void learn_overhead_bound(const VhModel *model, const VhDomain *domain, VhGuestState *guest)
{
    guint64 known = guest->overhead_bytes ? guest->overhead_bytes : model->overhead_bytes;
    guint64 moved = distance(domain->unused_bytes, guest->sample_unused_bytes) +
                    distance(domain->rss_bytes, guest->sample_rss_bytes);
    guint64 most =
        vh_sub(vh_add(domain->rss_bytes, domain->swapped_bytes), vh_yield_used_bytes(domain)) +
        moved;

    if (domain->figures & VH_HAS_SWAPPED && most < known)
        learn_overhead(model, most, guest);
}

/*
 * What an ask that went to the bottom left: QEMU's own part, what a pulse had to leave, and what
 * could not be reached, Q. A pass leaves much that is in pieces, and says nothing of O.
 */
static void learn_drained(const VhConfig *config, const VhDomain *domain, gint64 wall_us,
                          VhGuestState *guest)
{
    guint64 unused_mine = vh_sub(domain->rss_bytes, vh_yield_used_bytes(domain));
    VhYield yield;

    guest->awaits_drained_sample = FALSE;
    if (!vh_eligible_takes_pass(config, domain))
        learn_overhead(&config->model, vh_sub(unused_mine, guest->left_bytes), guest);
    vh_yield_compute(&config->model, domain, guest, wall_us, &yield);
    guest->residue_bytes = MIN(guest->residue_bytes, vh_sub(yield.in_ram_bytes, guest->left_bytes));
}

/* A counter that went back says that the guest, or its QEMU, started anew. */
static gboolean has_rebooted(const VhDomain *domain, const VhGuestState *guest)
{
    guint known = domain->figures & guest->sample_figures;

    return (known & VH_HAS_CPU_TIME && domain->cpu_time_us < guest->sample_cpu_time_us) ||
           (known & VH_HAS_FAULTS && (domain->minor_faults < guest->sample_minor_faults ||
                                      domain->major_faults < guest->sample_major_faults)) ||
           (known & VH_HAS_SWAP_IN && domain->swap_in_bytes < guest->sample_swap_in_bytes);
}

static void keep_sample(const VhDomain *domain, gint64 wall_us, VhGuestState *guest)
{
    guest->sample_figures = domain->figures;
    guest->sample_stats_time_us = domain->stats_time_us;
    guest->sample_wall_us = wall_us;
    guest->sample_unused_bytes = domain->unused_bytes;
    guest->sample_rss_bytes = domain->rss_bytes;
    guest->sample_cpu_time_us = domain->cpu_time_us;
    guest->sample_minor_faults = domain->minor_faults;
    guest->sample_major_faults = domain->major_faults;
    guest->sample_swap_in_bytes = domain->swap_in_bytes;
}

/* The share of its CPUs that it has used since the sample before. */
static guint used_cpu_bp(const VhDomain *domain, const VhGuestState *guest, gint64 wall_us)
{
    guint known = domain->figures & guest->sample_figures;
    gint64 seen_us = wall_us - guest->sample_wall_us;

    if (guest->sample_stats_time_us == 0 || seen_us <= 0 || !(known & VH_HAS_CPU_TIME) ||
        !(known & VH_HAS_VCPUS) || domain->n_vcpus == 0)
        return 0;
    double used = (double)(domain->cpu_time_us - guest->sample_cpu_time_us) /
                  ((double)seen_us * domain->n_vcpus);
    return (guint)CLAMP(used * 10000, 0, 10000);
}

/* It has begun to work since its driver told how much is free: that figure is history. The CPU time
 * is live. */
static gboolean has_become_busy(const VhDomain *domain, const VhGuestState *guest, gint64 wall_us)
{
    return used_cpu_bp(domain, guest, wall_us) > guest->cpu_bp + BECOMES_BUSY_BP;
}

static void learn_sample(const VhConfig *config, const VhDomain *domain, gint64 wall_us,
                         VhGuestState *guest)
{
    const VhModel *model = &config->model;

    if (domain->stats_time_us == guest->sample_stats_time_us) {
        /* resident memory is live between two samples of the driver */
        guest->is_stable = guest->is_stable && samples_agree(model, domain, guest) &&
                           !has_become_busy(domain, guest, wall_us);
        return;
    }
    if (has_rebooted(domain, guest)) {
        vh_learn_ask_rebooted(model, guest);
        guest->sample_stats_time_us = 0;
        guest->cpu_bp = 0;
    }
    guest->is_stable = guest->sample_stats_time_us != 0 && samples_agree(model, domain, guest);
    if (guest->sample_stats_time_us != 0)
        guest->cpu_bp = used_cpu_bp(domain, guest, wall_us);
    if (guest->is_stable)
        learn_overhead_bound(model, domain, guest);
    keep_sample(domain, wall_us, guest);
    if (guest->is_stable && guest->awaits_drained_sample)
        learn_drained(config, domain, wall_us, guest);
}

static gboolean is_live(const VhDomain *domain)
{
    return domain->is_running && !domain->is_hung && domain->figures & VH_HAS_RSS &&
           domain->rss_bytes <= VH_ABSURD_BYTES;
}

static gboolean has_sample(const VhDomain *domain, gint64 wall_us)
{
    return is_live(domain) && (domain->figures & VH_YIELD_FIGURES) == VH_YIELD_FIGURES &&
           domain->stats_time_us != 0 && !vh_learn_is_absurd(domain, wall_us);
}

/* The guests remembered, the domains and the asks under way are all sorted by UUID. */
static void learn_domains(const VhConfig *config, const VhSnapshot *snapshot, VhState *next)
{
    guint g = 0, f = 0;

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        VhGuestState *guest;

        if (i > 0 &&
            vh_uuid_compare(&vh_snapshot_domain(snapshot, i - 1)->uuid, &domain->uuid) == 0)
            continue; /* another copy */
        do
            guest = &g_array_index(next->guests, VhGuestState, g++);
        while (vh_uuid_compare(&guest->uuid, &domain->uuid) != 0);
        while (f < snapshot->in_flight->len &&
               vh_uuid_compare(&g_array_index(snapshot->in_flight, VhInFlight, f).uuid,
                               &domain->uuid) < 0)
            f++;
        gboolean in_flight =
            f < snapshot->in_flight->len &&
            vh_uuid_compare(&g_array_index(snapshot->in_flight, VhInFlight, f).uuid,
                            &domain->uuid) == 0;
        if (has_sample(domain, snapshot->wall_us))
            learn_sample(config, domain, snapshot->wall_us, guest);
        if (is_live(domain) && !in_flight)
            vh_learn_ask_rebound(&config->model, domain, snapshot->wall_us, guest);
    }
}

void vh_learn(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
              VhState *next)
{
    vh_state_copy_pool(next, state);
    g_array_set_size(next->guests, 0);
    merge_guests(config, state, snapshot, next);

    for (guint i = 0; i < snapshot->ended->len; i++) {
        const VhEnded *ended = &g_array_index(snapshot->ended, VhEnded, i);
        vh_learn_ask_ended(&config->model, snapshot, ended, vh_state_get(next, &ended->uuid));
    }
    learn_domains(config, snapshot, next);
}

gint64 vh_learn_cooldown_until_us(const VhGuestState *guest, gint64 wall_us, gint64 cooldown_us,
                                  gint64 cooldown_max_us)
{
    if (guest->last_ended_wall_us == 0 || cooldown_us == 0)
        return 0;
    gint64 longest = MAX(cooldown_us, cooldown_max_us);
    gint64 wait = cooldown_us;
    for (guint i = 0; i < guest->cooldown_doublings && wait < longest; i++)
        wait *= 2;
    /* a clock that was set back must not make it wait for longer */
    return MIN(guest->last_ended_wall_us, wall_us) + MIN(wait, longest);
}

guint vh_learn_asks_within_hour(const VhGuestState *guest, gint64 wall_us, gint64 *ret_next_us)
{
    guint count = 0;

    for (guint i = 0; i < guest->n_recent; i++) {
        gint64 leaves_us = MIN(guest->recent_wall_us[i], wall_us) + VH_HOUR;
        if (leaves_us <= wall_us)
            continue;
        if (count++ == 0)
            *ret_next_us = leaves_us;
    }
    return count;
}
