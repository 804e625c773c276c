/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checks, in the order in which they are told to people. */
#include "vh-eligible.h"
#include "vh-learn.h"
#include "vh-treatment.h"
#include "vh-yield.h"

/* What is expected only because O is guessed to be small is worth an ask from this share of the
 * balloon's maximum on. */
#define GUESS_WORTH_BP 200

gboolean vh_eligible_takes_pass(const VhConfig *config, const VhDomain *domain)
{
    return config->allows_monitor && domain->tier == VH_TIER_NATIVE;
}

guint64 vh_eligible_reserve_bytes(const VhConfig *config, const VhDomain *domain,
                                  const VhClass *treatment)
{
    guint64 keep = vh_amount_bytes(&treatment->keep_free, domain->current_bytes);
    guint64 reserve = vh_ask_default_reserve_bytes(domain->maximum_bytes);

    if (vh_eligible_takes_pass(config, domain))
        return keep; /* it takes nothing away from the guest */
    if (!domain->has_autodeflate)
        reserve = MAX(reserve, config->pulse_reserve_bytes);
    return MAX(keep, reserve);
}

/* Is it there, and is nobody at it? */
static VhReason check_presence(const VhCandidate *candidate)
{
    const VhDomain *domain = candidate->domain, *previous = candidate->previous;

    if (previous && vh_uuid_compare(&previous->uuid, &domain->uuid) == 0)
        return VH_REASON_OTHER_COPY;
    if (domain->is_hung)
        return VH_REASON_HUNG;
    if (!domain->is_running)
        return VH_REASON_NOT_RUNNING;
    if (candidate->in_flight)
        return VH_REASON_IN_FLIGHT;
    if (domain->is_recovering)
        return VH_REASON_RECOVERING;
    return domain->has_job ? VH_REASON_JOB : VH_REASON_ASK;
}

static VhReason why_never(const VhCandidate *candidate)
{
    if (!vh_treatment_is_known(candidate->config, candidate->domain))
        return VH_REASON_UNMATCHED;
    return vh_treatment_exempts(candidate->config, candidate->domain, candidate->snapshot->wall_us)
               ? VH_REASON_EXEMPT
               : VH_REASON_NEVER;
}

/* May it be asked, by what it is and by what the admin says? */
static VhReason check_permission(const VhCandidate *candidate)
{
    const VhDomain *domain = candidate->domain;

    if (candidate->treatment->ask_never)
        return why_never(candidate);
    if (domain->tier == VH_TIER_NONE)
        return VH_REASON_TIER_NONE;
    if (!domain->has_autodeflate && candidate->config->pulse_reserve_bytes == 0 &&
        !vh_eligible_takes_pass(candidate->config, domain))
        return VH_REASON_NO_AUTODEFLATE;
    return VH_REASON_ASK;
}

/* Is what it says fit to act on? */
static VhReason check_figures(const VhCandidate *candidate)
{
    const VhDomain *domain = candidate->domain;
    gint64 wall_us = candidate->snapshot->wall_us;

    if ((domain->figures & VH_YIELD_FIGURES) != VH_YIELD_FIGURES || domain->stats_time_us == 0)
        return VH_REASON_NO_STATS;
    if (vh_learn_is_absurd(domain, wall_us))
        return VH_REASON_ABSURD;
    if (wall_us - domain->stats_time_us > candidate->config->max_stats_age_us)
        return VH_REASON_STALE;
    return VH_REASON_ASK;
}

static gboolean is_elsewhere(const VhPoolConfig *pool, const VhDomain *domain)
{
    return pool->source == VH_POOL_NUMA && pool->node < 64 && domain->node_mask != 0 &&
           !(domain->node_mask >> pool->node & 1);
}

/* Hardly anything is known to be there, and what is guessed is too little of so large a guest. */
static gboolean is_guesswork(const VhCandidate *candidate, const VhYield *yield)
{
    guint64 firm = vh_sub(yield->expected_bytes, yield->doubtful_bytes);

    return firm < candidate->config->min_yield_bytes &&
           yield->expected_bytes < vh_share(candidate->domain->maximum_bytes, GUESS_WORTH_BP);
}

/* Is it worth it? `whole` is the yield before what the guest must keep was taken out of it. */
static VhReason check_yield(const VhCandidate *candidate, const VhYield *whole,
                            const VhYield *yield)
{
    guint64 least = candidate->config->min_yield_bytes;

    if (!candidate->guest || !candidate->guest->is_stable)
        return VH_REASON_UNSTABLE;
    if (is_elsewhere(&candidate->config->pool, candidate->domain))
        return VH_REASON_OTHER_NODE;
    if (whole->expected_bytes < least || is_guesswork(candidate, whole))
        return VH_REASON_SMALL_YIELD;
    if (whole->durable_bytes < least)
        return VH_REASON_SHORT_LIVED;
    return yield->durable_bytes < least ? VH_REASON_KEEP_FREE : VH_REASON_ASK;
}

/* Is it its turn? At CRITICAL the cooldown yields; asks per hour never do. */
static VhReason check_pace(const VhCandidate *candidate, VhVerdict *verdict)
{
    const VhClass *treatment = candidate->treatment;
    gint64 wall_us = candidate->snapshot->wall_us, until_us = 0;

    if (treatment->asks_per_hour != 0 &&
        vh_learn_asks_within_hour(candidate->guest, wall_us, &until_us) >=
            treatment->asks_per_hour) {
        verdict->wait_until_us = until_us;
        return VH_REASON_ASKS_PER_HOUR;
    }
    until_us = vh_learn_cooldown_until_us(candidate->guest, wall_us, treatment->cooldown_us,
                                          candidate->config->model.cooldown_max_us);
    if (candidate->level != VH_LEVEL_CRITICAL && until_us > wall_us) {
        verdict->wait_until_us = until_us;
        return VH_REASON_COOLDOWN;
    }
    return VH_REASON_ASK;
}

static VhYield compute_yield(const VhCandidate *candidate, VhVerdict *verdict)
{
    guint64 reserve =
        vh_eligible_reserve_bytes(candidate->config, candidate->domain, candidate->treatment);

    verdict->has_yield = TRUE;
    vh_yield_compute(&candidate->config->model, candidate->domain, candidate->guest,
                     candidate->snapshot->wall_us, &verdict->yield);
    if (!vh_eligible_takes_pass(candidate->config, candidate->domain))
        vh_yield_leave(&verdict->yield, reserve);
    VhYield whole = verdict->yield;
    vh_yield_cap(&verdict->yield, vh_sub(candidate->domain->unused_bytes, reserve));
    return whole;
}

VhReason vh_eligible_check(const VhCandidate *candidate, VhVerdict *verdict)
{
    VhReason presence = check_presence(candidate);
    VhReason permission = check_permission(candidate);
    VhReason figures = check_figures(candidate);
    VhYield whole = {0};

    if (figures == VH_REASON_ASK) /* shown also for guests that are left alone */
        whole = compute_yield(candidate, verdict);
    if (presence != VH_REASON_ASK)
        return presence;
    if (permission != VH_REASON_ASK)
        return permission;
    if (figures != VH_REASON_ASK)
        return figures;
    VhReason worth = check_yield(candidate, &whole, &verdict->yield);
    return worth != VH_REASON_ASK ? worth : check_pace(candidate, verdict);
}
