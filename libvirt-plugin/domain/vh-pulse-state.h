/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the three files of the pulse (prepare, move, run) share. Private to them. */
#pragma once

#include "vh-in-flight.h"
#include "vh-probe.h"
#include "vh-pulse.h"
#include "vh-units.h"
#include "vh-uuid.h"

G_BEGIN_DECLS

/* After the deadline, how long the record keeps others away while the balloon comes back. */
#define VH_PULSE_GRACE_US (30 * G_USEC_PER_SEC)

typedef struct {
    const VhPulse *pulse;
    virDomainPtr domain;      /* own reference; on another connection once the first one broke */
    virConnectPtr connection; /* own, opened after the first one broke; else NULL */
    char *uri;
    VhUuid uuid;
    VhProbe probe;
    gboolean period_was_set; /* by us: 0 again in the end */
    gboolean is_local;       /* the guest's host is this one */

    VhInFlightRecord record;
    gboolean has_record; /* written, not cleared yet */

    guint64 free_bytes; /* in the guest, before */
    guint64 reserve_bytes;
    guint64 before_bytes; /* resident */
    gint64 slope_bytes_per_s;
    guint64 memfree_bytes; /* vh_host_memory_free_bytes() */
    gint64 measured_us;    /* when before_bytes was */
    guint64 lowest_kib;    /* of the balloon */
    VhStats stats;         /* the last ones; state, maximum and CPU time are from the start */
} VhPulseState;

/* All that must hold before the balloon moves; claims the domain with a record, and measures. */
gboolean vh_pulse_prepare(VhPulseState *state, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes the balloon down, in steps. RUNNING stands for "got there"; FAILED sets the error. */
VhAskStatus vh_pulse_go_down(VhPulseState *state, GError **error);

/* Brings it back and clears the record, insisting as long as the record is good. `status` is how
 * the way down ended; returns how all ended. */
VhAskStatus vh_pulse_go_back(VhPulseState *state, VhAskStatus status, GError **error);

G_END_DECLS
