/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest can be asked for, found out from its domain XML and stats, so that nothing is
 * tainted; and, where the caller allows a monitor command, from what its QEMU tells.
 */
#pragma once

#include "vh-async.h"
#include "vh-monitor.h"
#include "vh-reporting-info.h"
#include "vh-stats.h"
#include "vh-tier.h"

G_BEGIN_DECLS

typedef struct {
    VhTier tier;
    guint reasons;     /* VhTierReason: why not a higher tier, or why it needs a reserve */
    VhTier known_tier; /* the tier, were it not for reasons that forbid any ask */
    gboolean has_balloon;
    gboolean has_autodeflate;
    gboolean has_reporting; /* freePageReporting='on' */
    gboolean has_passes; /* <qemu:override> or <qemu:commandline> set the balloon's reporting-ctrl:
                            its QEMU is a patched one, or it would not have started */
    gboolean is_shared;  /* memfd or file with shared access: RSS is not anonymous memory */
    gint64 stats_period_us; /* 0: nobody asks the driver for stats */
    guint facts;            /* VhFact */
    guint n_vcpus;          /* 0: unknown */
    guint64 node_mask;      /* bit n: its memory may be on NUMA node n; 0: on any */
} VhProbe;

/*
 * From live domain XML. Broken XML: VH_ERROR_PROTOCOL. Entities are not expanded and nothing is
 * fetched. Whether the driver ever answered is not in the XML: vh_probe_apply_stats(). Does not
 * block; any thread.
 */
VH_PUBLIC gboolean vh_probe_parse(const char *domain_xml, VhProbe *ret_probe,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Corrects the tier by what the driver told: where a stats period has been set (since
 * `period_since_us`, UTC; 0: unknown, then nothing is concluded) for longer than VH_PROBE_GRACE_US
 * and three periods and it never answered, there is no driver. A late answer lifts that again. Safe
 * to call again and again. Does not block; any thread.
 */
#define VH_PROBE_GRACE_US (20 * G_USEC_PER_SEC) /* a guest boots meanwhile */
VH_PUBLIC void vh_probe_apply_stats(VhProbe *probe, const VhStats *stats, gint64 period_since_us,
                                    gint64 now_wall_us);

/*
 * Corrects the tier by what QEMU itself told: soft where device and driver have free page
 * reporting, native where they have passes, too. `info` NULL: its QEMU knows no such commands. To
 * be called again after vh_probe_apply_stats(), which knows less. Does not block; any thread.
 */
VH_PUBLIC void vh_probe_apply_reporting(VhProbe *probe, const VhReportingInfo *info);

/*
 * All of that for a domain, now. VH_MONITOR_ALLOW: where the domain runs, and has_passes says that
 * its QEMU knows the question, it is asked, which taints it; no other domain is. On a read-only
 * connection it cannot be, and the reason no-monitor stays. A domain that does not run is judged by
 * the XML that it would start with.
 *
 * Errors: GONE, PROTOCOL (XML or an answer of QEMU's that makes no sense), TIMEOUT, FAILED. Blocks
 * as long as its QEMU does. Any thread.
 */
VH_PUBLIC gboolean vh_probe_domain(virDomainPtr domain, VhMonitorRule monitor, VhProbe *ret_probe,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same without blocking: vh-async.h. */
VH_PUBLIC void vh_probe_domain_async(virDomainPtr domain, VhMonitorRule monitor, gint64 timeout_us,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer data);
VH_PUBLIC gboolean vh_probe_domain_finish(GAsyncResult *result, VhProbe *ret_probe,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
