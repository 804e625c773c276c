/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a pulse may begin, and from where: refusals, the claim, and the figures before. Must not
 * move the balloon (but for what an earlier, interrupted ask left).
 */
#include "vh-pulse-state.h"

#include "vh-balloon.h"
#include "vh-host-memory.h"
#include "vh-libvirt.h"
#include "vh-ready.h"

#include <stdlib.h>
#include <string.h>

/* How long a driver may take to answer after its stats period was set. */
#define FIRST_STATS_US (6 * VH_SEC)
#define STATS_LOOK_US (100 * VH_MS)
/* Between the samples of the slope; long enough for whoever raced us to the claim to show. */
#define SLOPE_US (200 * VH_MS)
#define RECOVER_US (10 * VH_SEC)

static gboolean check_guest(VhPulseState *state, GError **error)
{
    const VhAskRequest *request = &state->pulse->request;
    g_autofree char *reasons = NULL;

    if (!vh_probe_domain(state->domain, VH_MONITOR_REFUSE, &state->probe, error) ||
        !vh_stats_read(state->domain, &state->stats, error))
        return FALSE;
    if (state->stats.state != VIR_DOMAIN_RUNNING && state->stats.state != VIR_DOMAIN_BLOCKED) {
        g_set_error(error, VH_ERROR,
                    state->stats.state == VIR_DOMAIN_SHUTOFF ? VH_ERROR_GONE : VH_ERROR_BUSY,
                    state->stats.state == VIR_DOMAIN_PAUSED
                        ? "the guest is paused: resume it first"
                        : "the guest is not running, so that it cannot give anything back");
        return FALSE;
    }
    if (state->probe.tier == VH_TIER_NONE) {
        reasons = vh_tier_reasons_format(state->probe.reasons);
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED, "this guest cannot be asked: %s",
                    reasons);
        return FALSE;
    }
    if (!state->probe.has_autodeflate && !request->without_autodeflate) {
        g_set_error(
            error, VH_ERROR, VH_ERROR_UNSUPPORTED,
            "a pulse could get processes killed, because the balloon has no autodeflate='on'; "
            "set that (needs a restart of the guest), or vouch for a reserve");
        return FALSE;
    }
    return TRUE;
}

/* Sets a period where nobody has, and waits for the first figures; refreshes them where they are
 * old. Clocks of two hosts may differ, so that what counts as fresh in the end is that they move.
 */
static gboolean await_fresh(VhPulseState *state, gboolean must_move, GError **error)
{
    gint64 period_us = state->probe.stats_period_us;
    gint64 first = state->stats.last_update_us;
    gint64 age_us = g_get_real_time() - first;
    gint64 until_us =
        MIN(g_get_monotonic_time() + FIRST_STATS_US + period_us, state->pulse->back_us);

    if (!must_move && period_us > 0 && first > 0 && age_us >= -2 * VH_SEC &&
        age_us <= 3 * period_us + VH_SEC)
        return TRUE;
    if (period_us == 0) {
        if (virDomainSetMemoryStatsPeriod(state->domain, 1, VIR_DOMAIN_AFFECT_LIVE) < 0) {
            vh_libvirt_set_error(error, "setting the stats period: ");
            return FALSE;
        }
        state->period_was_set = TRUE;
    }
    while (g_get_monotonic_time() < until_us && !g_atomic_int_get(state->pulse->cancelled)) {
        g_usleep(STATS_LOOK_US);
        if (!vh_balloon_look(state->domain, &state->stats, error))
            return FALSE;
        if (state->stats.last_update_us != first)
            return TRUE;
    }
    if (first == 0)
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "no balloon driver answers in the guest: load virtio_balloon there");
    else
        g_set_error(
            error, VH_ERROR, VH_ERROR_STALE,
            "the balloon driver has not told anything new: the guest hangs, or is very busy");
    return FALSE;
}

static gboolean check_figures(const VhPulseState *state, GError **error)
{
    const guint needed =
        VH_HAS_CURRENT | VH_HAS_MAXIMUM | VH_HAS_UNUSED | VH_HAS_AVAILABLE | VH_HAS_RSS;
    const VhStats *stats = &state->stats;

    if ((stats->figures & needed) != needed) {
        g_set_error(
            error, VH_ERROR, VH_ERROR_UNSUPPORTED,
            "figures are missing: a pulse needs balloon.current, maximum, unused, available "
            "and rss");
        return FALSE;
    }
    if (stats->unused_bytes > stats->available_bytes ||
        stats->unused_bytes > stats->maximum_bytes || stats->current_bytes > stats->maximum_bytes) {
        g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL,
                    "the guest's figures contradict each other: more free than there is");
        return FALSE;
    }
    return TRUE;
}

/* The record goes in before the figures are taken: two askers at once then see each other. */
static gboolean claim(VhPulseState *state, GError **error)
{
    gint64 left_us = state->pulse->end_us - g_get_monotonic_time();

    state->record.old_kib = state->stats.current_bytes / VH_KIB;
    state->record.target_kib = state->record.old_kib;
    state->record.expires_us = g_get_real_time() + MAX(left_us, 0) + VH_PULSE_GRACE_US;
    vh_in_flight_own(&state->record);
    if (!vh_in_flight_set(state->domain, &state->record, error))
        return FALSE;
    state->has_record = TRUE;
    return TRUE;
}

static gboolean check_claim(VhPulseState *state, GError **error)
{
    VhInFlightRecord record;
    gboolean found;

    if (!vh_in_flight_get(state->domain, &record, &found, error))
        return FALSE;
    if (!found || !g_str_equal(record.owner, state->record.owner)) {
        state->has_record = FALSE;
        g_set_error(error, VH_ERROR, VH_ERROR_BUSY, "another ask began at the same time");
        return FALSE;
    }
    if (state->stats.current_bytes / VH_KIB != state->record.old_kib) {
        g_set_error(error, VH_ERROR, VH_ERROR_BUSY, "somebody else is moving the balloon");
        return FALSE;
    }
    return TRUE;
}

static gboolean measure(VhPulseState *state, GError **error)
{
    const VhAskRequest *request = &state->pulse->request;
    guint64 first_bytes;
    gint64 first_us, span_us;

    if (!vh_balloon_look(state->domain, &state->stats, error))
        return FALSE;
    first_bytes = state->stats.rss_bytes;
    first_us = g_get_monotonic_time();
    g_usleep(SLOPE_US);
    if (!vh_balloon_look(state->domain, &state->stats, error) || !check_figures(state, error))
        return FALSE;
    state->measured_us = g_get_monotonic_time();
    span_us = MAX(state->measured_us - first_us, 1);
    state->before_bytes = state->stats.rss_bytes;
    state->slope_bytes_per_s =
        (gint64)((gdouble)((gint64)state->before_bytes - (gint64)first_bytes) * VH_SEC / span_us);
    state->free_bytes = state->stats.unused_bytes;
    state->reserve_bytes = request->reserve_bytes
                               ? request->reserve_bytes
                               : vh_ask_default_reserve_bytes(state->stats.maximum_bytes);
    state->lowest_kib = state->record.old_kib;
    state->is_local = vh_libvirt_is_local(virDomainGetConnect(state->domain));
    state->memfree_bytes = state->is_local ? vh_host_memory_free_bytes() : 0;
    return TRUE;
}

gboolean vh_pulse_prepare(VhPulseState *state, GError **error)
{
    gint64 left_us = state->pulse->back_us - g_get_monotonic_time();
    gboolean restored;

    if (!check_guest(state, error) || !vh_ready_check_job(state->domain, error) ||
        !vh_in_flight_recover(state->domain, MIN(left_us, RECOVER_US), &restored, error))
        return FALSE;
    /* What was just put back is not in the figures yet. */
    return vh_balloon_look(state->domain, &state->stats, error) &&
           await_fresh(state, restored, error) && check_figures(state, error) &&
           claim(state, error) && measure(state, error) && check_claim(state, error);
}
