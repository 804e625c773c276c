/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-toggle.h: what is wanted, whether it can be done, and whether it is too soon. */
#include "vh-toggle.h"

/* The share that it is expected to take back: as it applies now where there is a yield. */
static guint retouch_bp(const VhConfig *config, const VhGuestState *guest, const VhVerdict *verdict)
{
    if (verdict->has_yield)
        return verdict->yield.retouch_bp;
    return guest && guest->n_rebounds ? guest->retouch_bp : config->model.retouch_bp;
}

static gboolean has_lasted(gint64 since_us, gint64 now_us, gint64 how_long_us)
{
    return since_us != 0 && now_us - since_us >= how_long_us;
}

/* Which way mode auto switches a guest whose reporting is on (or off); NONE: not at all. */
static VhToggleReason want_auto(const VhState *next, VhLevel level, gint64 now_us, gboolean is_on,
                                guint retouch)
{
    if (!is_on)
        return level >= VH_LEVEL_LOW &&
                       has_lasted(next->low_since_us, now_us, VH_TOGGLE_SHORT_US) &&
                       retouch < VH_TOGGLE_RETOUCH_SMALL_BP
                   ? VH_TOGGLE_PRESSURE
                   : VH_TOGGLE_NONE;
    if (retouch > VH_TOGGLE_RETOUCH_LARGE_BP)
        return VH_TOGGLE_RETOUCH;
    return level < VH_LEVEL_LOW && has_lasted(next->quiet_since_us, now_us, VH_TOGGLE_QUIET_US)
               ? VH_TOGGLE_QUIET
               : VH_TOGGLE_NONE;
}

/* What keeps anybody from switching it; NONE: nothing. */
static VhToggleReason check_guest(const VhConfig *config, const VhSnapshot *snapshot,
                                  const VhClass *treatment, const VhVerdict *verdict)
{
    const VhDomain *domain = vh_snapshot_domain(snapshot, verdict->domain);
    gboolean is_auto = treatment->reporting == VH_REPORTING_AUTO;

    if (treatment->reporting == VH_REPORTING_LEAVE || (is_auto && treatment->ask_never))
        return VH_TOGGLE_LEAVE;
    if (!domain->is_running || domain->is_hung || domain->has_job ||
        verdict->reason == VH_REASON_OTHER_COPY)
        return VH_TOGGLE_ABSENT;
    if (!config->allows_monitor || domain->tier < (is_auto ? VH_TIER_NATIVE : VH_TIER_SOFT))
        return VH_TOGGLE_TIER;
    if (domain->reports == VH_REPORTS_UNKNOWN)
        return VH_TOGGLE_UNKNOWN;
    /* a pass is measured by the device's counters, which reporting moves too */
    return verdict->reason == VH_REASON_IN_FLIGHT ? VH_TOGGLE_IN_FLIGHT : VH_TOGGLE_NONE;
}

static VhToggleReason want(const VhConfig *config, const VhSnapshot *snapshot,
                           const VhGuestState *guest, const VhClass *treatment, const VhState *next,
                           const VhPlan *plan, const VhVerdict *verdict)
{
    gboolean is_on = vh_snapshot_domain(snapshot, verdict->domain)->reports == VH_REPORTS_ON;

    switch (treatment->reporting) {
    case VH_REPORTING_ALWAYS:
        return is_on ? VH_TOGGLE_NONE : VH_TOGGLE_ALWAYS;
    case VH_REPORTING_OFF:
        return is_on ? VH_TOGGLE_OFF : VH_TOGGLE_NONE;
    case VH_REPORTING_AUTO:
        return want_auto(next, plan->level, snapshot->now_us, is_on,
                         retouch_bp(config, guest, verdict));
    case VH_REPORTING_LEAVE:
        break;
    }
    return VH_TOGGLE_NONE;
}

/* A switch at a time that has not come yet was before the clock was set back: taken as just now. */
static gboolean is_within(gint64 switched_us, gint64 wall_us, gint64 how_long_us)
{
    return wall_us - MIN(switched_us, wall_us) < how_long_us;
}

static VhToggleReason check_pace(const VhGuestState *guest, gint64 wall_us)
{
    guint within_hour = 0;

    for (guint i = 0; guest && i < guest->n_toggles; i++) {
        if (is_within(guest->toggles_wall_us[i], wall_us, VH_TOGGLE_DWELL_US))
            return VH_TOGGLE_DWELL;
        within_hour += is_within(guest->toggles_wall_us[i], wall_us, VH_HOUR);
    }
    return within_hour >= VH_TOGGLES_PER_HOUR_MAX ? VH_TOGGLE_TOO_OFTEN : VH_TOGGLE_NONE;
}

/* Drops what is older than an hour, and brings back what a clock that was set back left in the
 * future, so that it ends. */
static void prune(VhGuestState *guest, gint64 wall_us)
{
    guint kept = 0;

    for (guint i = 0; i < guest->n_toggles; i++) {
        if (is_within(guest->toggles_wall_us[i], wall_us, VH_HOUR))
            guest->toggles_wall_us[kept++] = MIN(guest->toggles_wall_us[i], wall_us);
    }
    guest->n_toggles = kept;
}

static gboolean is_in_future(const VhGuestState *guest, gint64 wall_us)
{
    return guest && guest->n_toggles > 0 && guest->toggles_wall_us[guest->n_toggles - 1] > wall_us;
}

void vh_toggle_plan(const VhConfig *config, const VhSnapshot *snapshot, const VhGuestState *guest,
                    const VhClass *treatment, VhState *next, VhPlan *plan, VhVerdict *verdict)
{
    const VhUuid *uuid = &vh_snapshot_domain(snapshot, verdict->domain)->uuid;
    gint64 wall_us = snapshot->wall_us;

    if (is_in_future(guest, wall_us))
        prune(vh_state_get(next, uuid), wall_us);
    verdict->toggle = check_guest(config, snapshot, treatment, verdict);
    if (verdict->toggle != VH_TOGGLE_NONE)
        return;
    VhToggleReason wanted = want(config, snapshot, guest, treatment, next, plan, verdict);
    VhToggleReason too_soon = check_pace(guest, wall_us);
    verdict->toggle = wanted != VH_TOGGLE_NONE && too_soon != VH_TOGGLE_NONE ? too_soon : wanted;
    if (wanted == VH_TOGGLE_NONE || too_soon != VH_TOGGLE_NONE)
        return;

    VhGuestState *switched = vh_state_get(next, uuid);
    VhToggle toggle = {.domain = verdict->domain,
                       .uuid = *uuid,
                       .is_on = wanted == VH_TOGGLE_ALWAYS || wanted == VH_TOGGLE_PRESSURE,
                       .reason = wanted};
    g_array_append_val(plan->toggles, toggle);
    prune(switched, wall_us);
    switched->toggles_wall_us[switched->n_toggles++] = wall_us;
}
