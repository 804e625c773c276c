/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An ask as a reporting pass: the guest's driver reports what is free, and QEMU drops it. Private
 * to the library. */
#pragma once

#include "vh-ask.h"
#include "vh-reporting-monitor.h"

G_BEGIN_DECLS

typedef struct {
    const VhReportingMonitor *monitor; /* borrowed; blocks as long as QEMU does */
    VhAskRequest request;
    gint64 end_us;        /* monotonic: the caller's deadline; the device's own, too */
    gint64 look_us;       /* between two looks at it, once it has run for a while */
    const int *cancelled; /* atomic; other than 0: end it now */
    /* What the guest holds of the host's memory now; 0: unknown. NULL: nobody can tell. */
    guint64 (*resident)(gpointer data);
    void (*progress)(guint64 taken_bytes, guint64 returned_bytes, gpointer data);
    gpointer data;
} VhPass;

#define VH_PASS_LOOK_US (200 * 1000)

/*
 * Runs one to its end, on the calling thread. Fills in status, source, taken_bytes, returned_bytes
 * and, as far as they are known, before_bytes and after_bytes of *outcome.
 *
 * What a guest reports, and the device drops, may never have been backed: what came back is no more
 * than the guest's resident memory went down by. And the device's limit counts what is reported; so
 * where bytes are asked for and a pass ends at its limit, another one asks for what still lacks. By
 * up to 128 MiB, a batch of the driver's, more may come back then.
 *
 * FALSE with an error where the status is FAILED or TIMED_OUT. A pass
 * holds nothing of the guest's: where nobody can end it, the device does at the deadline.
 */
gboolean vh_pass_run(const VhPass *pass, VhAskOutcome *outcome, GError **error);

G_END_DECLS
