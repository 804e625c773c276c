/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The same calls as vh-reporting.h over anything that carries QMP text to a QEMU and back: libvirt,
 * or a script in a test. Private to the library.
 */
#pragma once

#include "vh-reporting.h"

G_BEGIN_DECLS

typedef struct {
    VhMonitorRule rule; /* REFUSE: nothing gets to `send`, whatever the call (DENIED) */
    /* Sends one command and returns its answer, whatever it says; FALSE: it did not get there, or
     * no answer came. *ret_reply is malloc()ed. */
    gboolean (*send)(const char *command, char **ret_reply, gpointer data, GError **error);
    gpointer data;
} VhReportingMonitor;

/* Over a domain, borrowed: it must outlive the monitor. */
VhReportingMonitor vh_reporting_monitor_of(virDomainPtr domain, VhMonitorRule rule);

gboolean vh_reporting_monitor_query(const VhReportingMonitor *monitor, VhReportingInfo *ret_info,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vh_reporting_monitor_set(const VhReportingMonitor *monitor, gboolean is_enabled,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vh_reporting_monitor_start(const VhReportingMonitor *monitor,
                                    const VhReportingPassRequest *request, guint32 *ret_id,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vh_reporting_monitor_cancel(const VhReportingMonitor *monitor,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What became of the question how a domain's reporting stands. */
typedef enum {
    VH_REPORTING_TOLD,
    VH_REPORTING_STOCK,      /* its QEMU knows no such question */
    VH_REPORTING_NOT_TO_ASK, /* not over this connection */
} VhReportingTold;

/* Asks; what is no answer, but says what can be known, is no error. For domains whose XML says that
 * their QEMU knows the question (VhProbe.has_passes): it is a monitor command. */
gboolean vh_reporting_tell(virDomainPtr domain, VhReportingInfo *ret_info,
                           VhReportingTold *ret_told, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
