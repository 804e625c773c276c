/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that is counted of one guest: what libvirt tells of any, and what a device that counts tells
 * of itself.
 */
#pragma once

#include "vh-probe.h"

G_BEGIN_DECLS

typedef struct {
    VhStats stats; /* sizes, faults and swap-ins, as the guest's driver told them last */
    gboolean has_reporting;
    VhReportingInfo reporting; /* with has_reporting: the device's counters, its last pass, and how
                                  its reporting stands */
    VhTierReason why_not; /* without: NO_BALLOON, STOCK_DEVICE (it counts nothing), or NO_MONITOR
                             (`monitor` refuses, the connection is read-only, or the domain does not
                             run) */
} VhCounters;

/*
 * Reads them, now. VH_MONITOR_ALLOW: a QEMU that its domain's XML says to be able to tell is asked,
 * which taints the domain; no other is. Errors: GONE, DENIED, PROTOCOL, TIMEOUT, FAILED. Up to
 * three round trips; blocks as long as its QEMU does. Any thread; a read-only connection will do
 * for what libvirt tells.
 */
VH_PUBLIC gboolean vh_counters_read(virDomainPtr domain, VhMonitorRule monitor,
                                    VhCounters *ret_counters,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same without blocking: vh-async.h. */
VH_PUBLIC void vh_counters_read_async(virDomainPtr domain, VhMonitorRule monitor, gint64 timeout_us,
                                      GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer data);
VH_PUBLIC gboolean vh_counters_read_finish(GAsyncResult *result, VhCounters *ret_counters,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
