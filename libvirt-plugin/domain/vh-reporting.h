/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Free page reporting of a guest whose QEMU can be told about it while it runs (qemu-patches/):
 * look, switch, and ask for a pass.
 *
 * Each call here sends a QEMU monitor command over libvirt. **The first one ever taints the
 * domain** for as long as it runs (libvirt logs one warning; nothing else changes), so that
 * `monitor` has to allow it. VH_MONITOR_REFUSE: nothing is sent, and the error (DENIED) says of
 * which tier the domain is without it, as far as its XML tells.
 *
 * Each needs a read-write connection, makes one round trip to QEMU (those that change something a
 * quick one more, to look for jobs), and blocks as long as that does not answer (libvirt gives up
 * waiting for its turn after 30 s). Any thread; the domain's handle is only borrowed, and may be
 * used by several at once.
 *
 * Errors, besides those of vh_reporting_info_check(): DENIED (`monitor`, or the connection is
 * read-only), UNSUPPORTED (not a QEMU domain, or not running), TIMEOUT, GONE. Nothing is switched
 * or started while a job (migration, save, dump...) runs on the domain: BUSY, and no monitor
 * command is sent. A paused guest can be looked at and switched; its driver answers when it goes
 * on, so that a pass of it is BUSY.
 */
#pragma once

#include "vh-async.h"
#include "vh-monitor.h"
#include "vh-reporting-info.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* All there is to know. UNSUPPORTED: the domain's QEMU is a stock one. */
VH_PUBLIC gboolean vh_reporting_query(virDomainPtr domain, VhMonitorRule monitor,
                                      VhReportingInfo *ret_info,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Switches continuous reporting on or off, from now until the domain ends, a reset or a migration
 * of it included. Off with a stock driver: the guest goes on reporting, the device discards
 * nothing. Where the driver is ours it stops. Nothing happens where it is so already.
 */
VH_PUBLIC gboolean vh_reporting_set(virDomainPtr domain, VhMonitorRule monitor, gboolean is_enabled,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
    guint64 limit_bytes;   /* ends it when so much was reported; 0: none */
    guint64 granule_bytes; /* smallest block worth it, a power of two; 0: the driver's default */
    gint64 timeout_us;     /* the device gives up then; 0: its default of 30 s; at most 1 hour */
} VhReportingPassRequest;

/*
 * Asks the driver to report all that is free, once. Returns as soon as the device has taken it up:
 * vh_reporting_query() tells how far it is, and how it ended. One that runs is replaced by it.
 */
VH_PUBLIC gboolean vh_reporting_pass_start(virDomainPtr domain, VhMonitorRule monitor,
                                           const VhReportingPassRequest *request, guint32 *ret_id,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the pass that runs. GONE: there is none. */
VH_PUBLIC gboolean vh_reporting_pass_cancel(virDomainPtr domain, VhMonitorRule monitor,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same without blocking: vh-async.h. A switch or pass whose deadline passed may still come. */
VH_PUBLIC void vh_reporting_query_async(virDomainPtr domain, VhMonitorRule monitor,
                                        gint64 timeout_us, GCancellable *cancellable,
                                        GAsyncReadyCallback callback, gpointer data);
VH_PUBLIC gboolean vh_reporting_query_finish(GAsyncResult *result, VhReportingInfo *ret_info,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
VH_PUBLIC void vh_reporting_set_async(virDomainPtr domain, VhMonitorRule monitor,
                                      gboolean is_enabled, gint64 timeout_us,
                                      GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer data);
VH_PUBLIC gboolean vh_reporting_set_finish(GAsyncResult *result,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
VH_PUBLIC void vh_reporting_pass_start_async(virDomainPtr domain, VhMonitorRule monitor,
                                             const VhReportingPassRequest *request,
                                             gint64 timeout_us, GCancellable *cancellable,
                                             GAsyncReadyCallback callback, gpointer data);
VH_PUBLIC gboolean vh_reporting_pass_start_finish(GAsyncResult *result, guint32 *ret_id,
                                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
VH_PUBLIC void vh_reporting_pass_cancel_async(virDomainPtr domain, VhMonitorRule monitor,
                                              gint64 timeout_us, GCancellable *cancellable,
                                              GAsyncReadyCallback callback, gpointer data);
VH_PUBLIC gboolean vh_reporting_pass_cancel_finish(GAsyncResult *result,
                                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
