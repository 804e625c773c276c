/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Samples, learned overhead and residue, and the account of asks. */
#include "vh-learn.h"
#include "vh-yield.h"

#include <string.h>

/* last-update is in whole seconds of the host's clock; this much ahead of it is a lie. */
#define CLOCK_SLACK_US (5 * VH_SEC)
/* What a guest learned of itself may at most be, against the starting value. */
#define OVERHEAD_MIN_SHARE 4
#define OVERHEAD_MAX_FACTOR 2

gboolean vh_learn_is_absurd(const VhDomain *domain, gint64 wall_us)
{
    return domain->maximum_bytes == 0 || domain->maximum_bytes > VH_ABSURD_BYTES ||
           domain->available_bytes > domain->maximum_bytes ||
           domain->current_bytes > domain->maximum_bytes ||
           domain->unused_bytes > domain->available_bytes ||
           domain->unused_bytes > domain->current_bytes || domain->rss_bytes > VH_ABSURD_BYTES ||
           domain->stats_time_us > wall_us + CLOCK_SLACK_US;
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
        VhGuestState guest = {0};

        if (order <= 0) {
            guest = *old;
            g++;
        } else {
            guest.uuid = domain->uuid;
        }
        if (order >= 0)
            guest.last_seen_wall_us = snapshot->wall_us;
        while (d < n_domains &&
               vh_uuid_compare(&guest.uuid, &vh_snapshot_domain(snapshot, d)->uuid) == 0)
            d++; /* copies of a domain share one memory */
        if (snapshot->wall_us - guest.last_seen_wall_us <= config->forget_us)
            g_array_append_val(next->guests, guest);
    }
}

static void remember_ask_time(VhGuestState *guest, gint64 wall_us)
{
    if (guest->n_recent == VH_ASKS_PER_HOUR_MAX) {
        guest->n_recent--;
        memmove(guest->recent_wall_us, guest->recent_wall_us + 1,
                guest->n_recent * sizeof(guest->recent_wall_us[0]));
    }
    guest->recent_wall_us[guest->n_recent++] = wall_us;
}

/* Whether the guest should be left in peace for longer: it gave much less than expected, or needed
 * its memory. */
static gboolean ask_was_poor(const VhModel *model, const VhEnded *ended)
{
    const VhAskOutcome *outcome = &ended->outcome;

    switch (outcome->status) {
    case VH_ASK_CANCELLED:
    case VH_ASK_OVERTAKEN:
        return FALSE;
    case VH_ASK_FAILED: /* a pass refused at the door bothered nobody */
        return outcome->method != VH_ASK_PASS || outcome->taken_bytes > 0 ||
               (outcome->error_code != VH_ERROR_BUSY &&
                outcome->error_code != VH_ERROR_UNSUPPORTED);
    case VH_ASK_DONE:
        return outcome->returned_bytes < vh_share(ended->expected_bytes, model->poor_bp);
    default:
        return TRUE;
    }
}

static void learn_ended(const VhModel *model, const VhEnded *ended, gint64 wall_us,
                        VhGuestState *guest)
{
    const VhAskOutcome *outcome = &ended->outcome;
    gboolean all_tried = outcome->status == VH_ASK_DONE;

    guest->last_ended_wall_us = wall_us;
    guest->last_asked_bytes = outcome->asked_bytes;
    guest->last_returned_bytes = outcome->returned_bytes;
    guest->last_status = (int)outcome->status;
    guest->cooldown_doublings =
        ask_was_poor(model, ended) ? MIN(guest->cooldown_doublings + 1, 16u) : 0;
    remember_ask_time(guest, wall_us);

    if (all_tried) { /* what it did not reach, nobody reaches for a while */
        guest->residue_bytes = outcome->asked_bytes
                                   ? vh_sub(outcome->asked_bytes, outcome->returned_bytes)
                                   : G_MAXINT64;
        guest->residue_wall_us = wall_us;
    }
    guest->awaits_drained_sample = all_tried;
    guest->sample_stats_time_us = 0; /* the samples before it say nothing about after it */
    guest->is_stable = FALSE;
}

static gboolean samples_agree(const VhModel *model, const VhDomain *domain,
                              const VhGuestState *guest)
{
    guint64 tolerance = vh_share(domain->maximum_bytes, model->stable_bp);
    guint64 unused_moved = MAX(domain->unused_bytes, guest->sample_unused_bytes) -
                           MIN(domain->unused_bytes, guest->sample_unused_bytes);
    guint64 rss_moved = MAX(domain->rss_bytes, guest->sample_rss_bytes) -
                        MIN(domain->rss_bytes, guest->sample_rss_bytes);

    return unused_moved <= tolerance && rss_moved <= tolerance;
}

/*
 * A guest that was drained to the bottom shows QEMU's own part: what is resident and the guest does
 * not use. Half way towards each new value, within bounds, because fragments hide in it.
 */
static void learn_drained(const VhModel *model, const VhDomain *domain, gint64 wall_us,
                          VhGuestState *guest)
{
    gboolean to_the_bottom = guest->residue_bytes > 0;
    VhYield yield;

    guest->awaits_drained_sample = FALSE;
    if (to_the_bottom) {
        guint64 seen = vh_sub(domain->rss_bytes, vh_yield_used_bytes(domain));
        guint64 known = guest->overhead_bytes ? guest->overhead_bytes : model->overhead_bytes;
        guest->overhead_bytes =
            CLAMP(known / 2 + seen / 2, model->overhead_bytes / OVERHEAD_MIN_SHARE,
                  model->overhead_bytes * OVERHEAD_MAX_FACTOR);
    }
    vh_yield_compute(model, domain, guest, wall_us, &yield);
    guest->residue_bytes = MIN(guest->residue_bytes, yield.in_ram_bytes);
}

static void learn_sample(const VhModel *model, const VhDomain *domain, gint64 wall_us,
                         VhGuestState *guest)
{
    gboolean is_new = domain->stats_time_us != guest->sample_stats_time_us;

    if (!is_new) { /* resident memory is live between two samples of the driver */
        guest->is_stable = guest->is_stable && samples_agree(model, domain, guest);
        return;
    }
    if (domain->cpu_time_us < guest->sample_cpu_time_us) { /* a new QEMU: trust half of it */
        guest->overhead_bytes = (guest->overhead_bytes + model->overhead_bytes) / 2;
        guest->residue_bytes = 0;
        guest->sample_stats_time_us = 0;
    }
    guest->is_stable = guest->sample_stats_time_us != 0 && samples_agree(model, domain, guest);
    guest->sample_stats_time_us = domain->stats_time_us;
    guest->sample_unused_bytes = domain->unused_bytes;
    guest->sample_rss_bytes = domain->rss_bytes;
    guest->sample_cpu_time_us = domain->cpu_time_us;
    if (guest->is_stable && guest->awaits_drained_sample)
        learn_drained(model, domain, wall_us, guest);
}

static gboolean has_sample(const VhDomain *domain, gint64 wall_us)
{
    return domain->is_running && !domain->is_hung &&
           (domain->figures & VH_YIELD_FIGURES) == VH_YIELD_FIGURES && domain->stats_time_us != 0 &&
           !vh_learn_is_absurd(domain, wall_us);
}

void vh_learn(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
              VhState *next)
{
    vh_state_copy_pool(next, state);
    g_array_set_size(next->guests, 0);
    merge_guests(config, state, snapshot, next);

    for (guint i = 0; i < snapshot->ended->len; i++) {
        const VhEnded *ended = &g_array_index(snapshot->ended, VhEnded, i);
        learn_ended(&config->model, ended, snapshot->wall_us, vh_state_get(next, &ended->uuid));
    }
    const VhDomain *previous = NULL;
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        gboolean is_copy = previous && vh_uuid_compare(&previous->uuid, &domain->uuid) == 0;
        if (!is_copy && has_sample(domain, snapshot->wall_us))
            learn_sample(&config->model, domain, snapshot->wall_us,
                         vh_state_get(next, &domain->uuid));
        previous = domain;
    }
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
