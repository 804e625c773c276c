/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two stages of learning from an ask. */
#include "vh-learn-ask.h"
#include "vh-cost.h"
#include "vh-learn.h"
#include "vh-yield.h"

#include <string.h>

/* gamma is never written off altogether: a twentieth is still tried. */
#define GAMMA_MIN_BP 500
/* An ask that returned this share of what was expected may have found less than there was. */
#define FULL_SHARE_BP 9000
/* sigma moves by SIGMA_UP where an ask kept less than was counted on, else down by SIGMA_DOWN: it
 * stays where that happens to one in UP / DOWN + 1. */
#define SIGMA_UP_BP 950
#define SIGMA_DOWN_BP 50
#define SIGMA_MAX_BP 9000
/* By which part of it O is lowered at a time. */
#define OVERHEAD_STEP 4
/* A rebound may be looked at after half its time, when another ask cuts it short; what is looked at
 * after several times its time is no rebound. */
#define REBOUND_SHORTEST 2
#define REBOUND_LONGEST 3

/* One more value: `weight` of it, and the rest of what was known. */
static guint average(guint known_bp, guint seen_bp, guint weight_bp)
{
    return (known_bp * (10000 - weight_bp) + seen_bp * weight_bp + 5000) / 10000;
}

/* What applies now becomes what is known now, before the time of the last ask changes. */
static void draw_to_now(const VhModel *model, gint64 wall_us, VhGuestState *guest)
{
    VhLearned learned;

    vh_yield_learned(model, guest, wall_us, &learned);
    guest->gamma_bp = guest->n_returns ? learned.gamma_bp : 0;
    guest->sigma_bp = guest->n_returns ? learned.sigma_bp : 0;
    guest->retouch_bp = guest->n_rebounds ? learned.retouch_bp : 0;
}

/* A pass that was refused at the door bothered nobody. */
static gboolean was_refused(const VhAskOutcome *outcome)
{
    return outcome->status == VH_ASK_FAILED && outcome->method == VH_ASK_PASS &&
           outcome->taken_bytes == 0 &&
           (outcome->error_code == VH_ERROR_BUSY || outcome->error_code == VH_ERROR_UNSUPPORTED);
}

/* Whether the guest should be left in peace for longer: it gave much less than expected, or needed
 * its memory. */
static gboolean was_poor(const VhModel *model, const VhEnded *ended)
{
    const VhAskOutcome *outcome = &ended->outcome;

    switch (outcome->status) {
    case VH_ASK_CANCELLED:
    case VH_ASK_OVERTAKEN:
        return FALSE;
    case VH_ASK_FAILED:
        return !was_refused(outcome);
    case VH_ASK_DONE:
        return outcome->returned_bytes < vh_share(ended->expected_bytes, model->poor_bp);
    default:
        return TRUE;
    }
}

/* Whether what came back says how much can: somebody expected something, and nobody but the guest
 * ended it. */
static gboolean teaches(const VhEnded *ended)
{
    VhAskStatus status = ended->outcome.status;

    return ended->expected_bytes > 0 &&
           (status == VH_ASK_DONE || status == VH_ASK_BACKED_OFF || status == VH_ASK_TIMED_OUT);
}

/* Those of the last hour, and never more than there is room for. */
static void remember_ask_time(VhGuestState *guest, gint64 wall_us)
{
    guint old = guest->n_recent == VH_ASKS_PER_HOUR_MAX ? 1 : 0;

    while (old < guest->n_recent && wall_us - guest->recent_wall_us[old] >= VH_HOUR)
        old++;
    guest->n_recent -= old;
    memmove(guest->recent_wall_us, guest->recent_wall_us + old,
            guest->n_recent * sizeof(guest->recent_wall_us[0]));
    guest->recent_wall_us[guest->n_recent++] = wall_us;
}

static void bear(const VhModel *model, gint64 wall_us, double cost_us, VhGuestState *guest)
{
    double known = vh_cost_inflicted_us(model, guest, wall_us);

    guest->inflicted_us = (gint64)MIN(known + cost_us, (double)(G_MAXINT64 / 2));
    guest->inflicted_wall_us = wall_us;
}

/*
 * gamma as this ask shows it: as much smaller than it was as the ask fell short. One that was for
 * all of Y and brought it does not show how much more there was; half way to everything, then.
 */
static guint seen_gamma(const VhEnded *ended, const VhGuestState *guest)
{
    guint64 expected = ended->expected_bytes;
    guint64 returned = MIN(ended->outcome.returned_bytes, expected);
    guint seen_bp = (guint)((unsigned __int128)guest->gamma_bp * returned / expected);

    if (returned >= vh_share(expected, FULL_SHARE_BP))
        seen_bp = guest->asked_for_all ? seen_bp + (10000 - guest->gamma_bp) / 2 : guest->gamma_bp;
    return CLAMP(seen_bp, GAMMA_MIN_BP, 10000);
}

static void learn_sigma(guint64 durable_bytes, guint64 promised_bytes, VhGuestState *guest)
{
    guint64 counted = vh_sub(promised_bytes, vh_share(promised_bytes, guest->sigma_bp));

    guest->sigma_bp = durable_bytes < counted
                          ? MIN(guest->sigma_bp + SIGMA_UP_BP, SIGMA_MAX_BP)
                          : guest->sigma_bp - MIN(guest->sigma_bp, (guint)SIGMA_DOWN_BP);
}

static void put_down_rebound(const VhModel *model, const VhEnded *ended, gint64 wall_us,
                             VhGuestState *guest)
{
    const VhAskOutcome *outcome = &ended->outcome;

    guest->rebound_wall_us = wall_us + model->rebound_us;
    guest->rebound_rss_bytes = outcome->after_bytes; /* 0: as the next sample has it */
    guest->rebound_returned_bytes = outcome->returned_bytes;
    guest->rebound_slope_bytes_per_s = outcome->slope_bytes_per_s;
}

static void drop_rebound(VhGuestState *guest)
{
    guest->rebound_wall_us = 0;
    guest->rebound_rss_bytes = 0;
    guest->rebound_returned_bytes = 0;
    guest->rebound_promised_bytes = 0;
    guest->rebound_slope_bytes_per_s = 0;
}

/* It came back short, because there was no more: or it was for all that can be had. */
static gboolean went_to_bottom(const VhAskOutcome *outcome)
{
    return outcome->status == VH_ASK_DONE &&
           (outcome->asked_bytes == 0 ||
            outcome->returned_bytes < vh_share(outcome->asked_bytes, FULL_SHARE_BP));
}

/* An ask for all that it seemed to have brought all of it: there may be more, because O may be less
 * than it is taken for. Until an ask has shown the bottom, that is tried. */
static void lower_overhead(const VhModel *model, VhGuestState *guest)
{
    guint64 known = guest->overhead_bytes ? guest->overhead_bytes : model->overhead_bytes;

    guest->overhead_bytes = MAX(known - known / OVERHEAD_STEP, VH_LEARN_OVERHEAD_MIN);
}

/* What came back at once, and with it how much that was against what was promised. */
static void learn_return(const VhModel *model, const VhEnded *ended, gint64 wall_us,
                         VhGuestState *guest)
{
    guint64 returned = ended->outcome.returned_bytes;
    VhLearned before;

    vh_yield_learned(model, guest, wall_us, &before);
    guest->gamma_bp = before.gamma_bp;
    guest->sigma_bp = before.sigma_bp;
    guest->gamma_bp = average(guest->gamma_bp, seen_gamma(ended, guest), model->learn_bp);
    guest->n_returns = MIN(guest->n_returns, (guint)G_MAXINT32 - 1) + 1;

    guint64 promised =
        vh_sub(ended->expected_bytes, vh_share(ended->expected_bytes, before.retouch_bp));
    if (returned < vh_sub(promised, vh_share(promised, guest->sigma_bp)))
        learn_sigma(returned, promised, guest); /* nothing that it keeps could change that */
    else
        guest->rebound_promised_bytes = promised;
}

/* What the guest took back, of what the slope before the ask does not explain. */
static void learn_retouch(const VhModel *model, guint64 rss_bytes, gint64 elapsed_us,
                          gint64 wall_us, VhGuestState *guest)
{
    guint64 returned = guest->rebound_returned_bytes;
    double grown = (double)rss_bytes - (double)guest->rebound_rss_bytes -
                   (double)guest->rebound_slope_bytes_per_s * (double)elapsed_us / (double)VH_SEC;
    guint64 touched = (guint64)CLAMP(grown, 0, (double)returned);
    guint seen_bp = (guint)((unsigned __int128)touched * 10000 / returned);
    guint known_bp = guest->n_rebounds ? guest->retouch_bp : model->retouch_bp;

    guest->retouch_bp = average(known_bp, seen_bp, model->learn_bp);
    guest->n_rebounds = MIN(guest->n_rebounds, (guint)G_MAXINT32 - 1) + 1;
    if (guest->rebound_promised_bytes > 0 && guest->n_returns)
        learn_sigma(returned - touched, guest->rebound_promised_bytes, guest);
    bear(model, wall_us, vh_cost_refault_us(model, touched), guest);
}

/* The next ask began before the last one's rebound was due: resident memory before it tells. */
static void close_rebound(const VhModel *model, const VhSnapshot *snapshot,
                          const VhAskOutcome *outcome, VhGuestState *guest)
{
    gint64 began_us = guest->rebound_wall_us - model->rebound_us;
    gint64 started_us = snapshot->wall_us - (snapshot->now_us - outcome->started_us);
    gint64 elapsed_us = started_us - began_us;

    if (guest->rebound_wall_us != 0 && guest->rebound_rss_bytes > 0 &&
        guest->rebound_returned_bytes > 0 && outcome->started_us > 0 && outcome->before_bytes > 0 &&
        elapsed_us >= model->rebound_us / REBOUND_SHORTEST &&
        elapsed_us <= model->rebound_us * REBOUND_LONGEST)
        learn_retouch(model, outcome->before_bytes, elapsed_us, snapshot->wall_us, guest);
    drop_rebound(guest);
}

void vh_learn_ask_ended(const VhModel *model, const VhSnapshot *snapshot, const VhEnded *ended,
                        VhGuestState *guest)
{
    const VhAskOutcome *outcome = &ended->outcome;
    gint64 wall_us = snapshot->wall_us;

    draw_to_now(model, wall_us, guest);
    guest->last_ended_wall_us = wall_us;
    close_rebound(model, snapshot, outcome, guest);
    guest->last_asked_bytes = outcome->asked_bytes;
    guest->last_returned_bytes = outcome->returned_bytes;
    guest->last_status = (int)outcome->status;
    guest->cooldown_doublings =
        was_poor(model, ended) ? MIN(guest->cooldown_doublings + 1, 16u) : 0;
    remember_ask_time(guest, wall_us);
    if (!was_refused(outcome))
        bear(model, wall_us, vh_cost_ask_us(model, outcome->returned_bytes), guest);

    if (teaches(ended))
        learn_return(model, ended, wall_us, guest);
    if (outcome->returned_bytes > 0)
        put_down_rebound(model, ended, wall_us, guest);
    if (teaches(ended) && !guest->was_drained && guest->asked_for_all &&
        outcome->returned_bytes >= vh_share(ended->expected_bytes, FULL_SHARE_BP))
        lower_overhead(model, guest);
    guest->awaits_drained_sample = went_to_bottom(outcome);
    if (guest->awaits_drained_sample) { /* what is left, nobody reaches for a while */
        guest->was_drained = TRUE;
        guest->residue_bytes = G_MAXINT64; /* the next sample shows how much that is */
        guest->residue_wall_us = wall_us;
    }
    guest->sample_stats_time_us = 0; /* the samples before it say nothing about after it */
    guest->is_stable = FALSE;
}

void vh_learn_ask_rebound(const VhModel *model, const VhDomain *domain, gint64 wall_us,
                          VhGuestState *guest)
{
    if (guest->rebound_wall_us == 0)
        return;
    if (guest->rebound_rss_bytes == 0)
        guest->rebound_rss_bytes = domain->rss_bytes;
    gint64 elapsed_us = wall_us - (guest->rebound_wall_us - model->rebound_us);
    if (elapsed_us < 0 || elapsed_us > model->rebound_us * REBOUND_LONGEST ||
        guest->rebound_returned_bytes == 0) {
        drop_rebound(guest); /* the clock was set back, or the state file says so */
        return;
    }
    if (elapsed_us < model->rebound_us)
        return;
    learn_retouch(model, domain->rss_bytes, elapsed_us, wall_us, guest);
    drop_rebound(guest);
}

static guint half_way(guint known_bp, guint start_bp)
{
    return (known_bp + start_bp) / 2;
}

void vh_learn_ask_rebooted(const VhModel *model, VhGuestState *guest)
{
    if (guest->overhead_bytes)
        guest->overhead_bytes = guest->overhead_bytes / 2 + model->overhead_bytes / 2;
    if (guest->n_returns) {
        guest->gamma_bp = half_way(guest->gamma_bp, model->gamma_bp);
        guest->sigma_bp = half_way(guest->sigma_bp, model->sigma_bp);
    }
    if (guest->n_rebounds)
        guest->retouch_bp = half_way(guest->retouch_bp, model->retouch_bp);
    guest->residue_bytes = 0;
    guest->awaits_drained_sample = FALSE;
    drop_rebound(guest);
}
