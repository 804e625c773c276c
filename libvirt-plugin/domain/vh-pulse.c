/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pulse from end to end: prepare, down, back, and the figures of what it brought. Must not know
 * about threads, handles and waiting callers.
 */
#include "vh-pulse-state.h"

#include "vh-balloon.h"
#include "vh-host-memory.h"
#include "vh-libvirt.h"

#include <stdlib.h>
#include <string.h>

/* Resident memory may have been falling by itself; that part is not the ask's doing. One that was
 * growing would have grown on, but how far is a guess, so that nothing is claimed for it. */
static guint64 slope_share(const VhPulseState *state)
{
    gint64 span_us = g_get_monotonic_time() - state->measured_us;

    if (state->slope_bytes_per_s >= 0)
        return 0;
    return (guint64)((gdouble)-state->slope_bytes_per_s * (gdouble)span_us / G_USEC_PER_SEC);
}

static void measure_after(VhPulseState *state, VhAskOutcome *outcome)
{
    guint64 memfree;

    outcome->taken_bytes = vh_sub(state->record.old_kib, state->lowest_kib) * VH_KIB;
    outcome->slope_bytes_per_s = state->slope_bytes_per_s;
    if (!vh_balloon_look(state->domain, &state->stats, NULL) ||
        !(state->stats.figures & VH_HAS_RSS))
        return;
    outcome->source = VH_ASK_SOURCE_RSS;
    outcome->before_bytes = state->before_bytes;
    outcome->after_bytes = state->stats.rss_bytes;
    outcome->returned_bytes =
        vh_sub(vh_sub(outcome->before_bytes, outcome->after_bytes), slope_share(state));
    memfree = state->is_local ? vh_host_memory_free_bytes() : 0;
    if (memfree > 0 && state->memfree_bytes > 0) {
        outcome->has_memfree = TRUE;
        outcome->memfree_delta_bytes = (gint64)memfree - (gint64)state->memfree_bytes;
    }
}

static void state_init(VhPulseState *state, const VhPulse *pulse)
{
    char *uri = virConnectGetURI(virDomainGetConnect(pulse->domain));

    memset(state, 0, sizeof *state);
    state->pulse = pulse;
    state->domain = pulse->domain;
    virDomainRef(state->domain);
    state->uri = g_strdup(uri ? uri : "");
    state->uuid = vh_libvirt_uuid(pulse->domain);
    free(uri);
}

static void state_clear(VhPulseState *state)
{
    if (state->period_was_set)
        (void)virDomainSetMemoryStatsPeriod(state->domain, 0, VIR_DOMAIN_AFFECT_LIVE);
    virDomainFree(state->domain);
    if (state->connection)
        virConnectClose(state->connection);
    g_free(state->uri);
}

gboolean vh_pulse_run(const VhPulse *pulse, VhAskOutcome *outcome, GError **error)
{
    g_autoptr(GError) failure = NULL;
    VhAskStatus status = VH_ASK_FAILED;
    VhPulseState state;
    gboolean prepared;

    state_init(&state, pulse);
    prepared = vh_pulse_prepare(&state, &failure);
    if (!prepared && g_atomic_int_get(pulse->cancelled)) {
        status = VH_ASK_CANCELLED;
        g_clear_error(&failure);
    } else if (!prepared && g_get_monotonic_time() >= pulse->back_us) {
        status = VH_ASK_TIMED_OUT;
    } else if (prepared) {
        status = vh_pulse_go_down(&state, &failure);
    }
    status = vh_pulse_go_back(&state, status, &failure);
    if (prepared)
        measure_after(&state, outcome);
    if (status == VH_ASK_RUNNING)
        status = VH_ASK_DONE;
    if (status == VH_ASK_TIMED_OUT && !failure)
        g_set_error(&failure, VH_ERROR, VH_ERROR_TIMEOUT,
                    "the deadline passed before the balloon was where it should go");
    outcome->status = status;
    state_clear(&state);
    if (status != VH_ASK_FAILED && status != VH_ASK_TIMED_OUT)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}
