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
    gint64 look_us;       /* between two looks at it */
    const int *cancelled; /* atomic; other than 0: end it now */
    void (*progress)(guint64 taken_bytes, guint64 returned_bytes, gpointer data);
    gpointer data;
} VhPass;

#define VH_PASS_LOOK_US (200 * 1000)

/*
 * Runs one to its end, on the calling thread. Fills in status, source, taken_bytes and
 * returned_bytes of *outcome. FALSE with an error where the status is FAILED or TIMED_OUT. A pass
 * holds nothing of the guest's: where nobody can end it, the device does at the deadline.
 */
gboolean vh_pass_run(const VhPass *pass, VhAskOutcome *outcome, GError **error);

G_END_DECLS
