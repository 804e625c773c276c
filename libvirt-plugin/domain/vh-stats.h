/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's memory figures as libvirt tells them, typed, in bytes, and checked for what cannot be.
 */
#pragma once

#include "vh-async.h"
#include "vh-figures.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* Sizes in bytes, times in microseconds. A figure that is not in `figures` is 0, and unknown. */
typedef struct {
    guint figures; /* VhFigures that are there; libvirt leaves out what the guest reports as -1 */
    int state;     /* virDomainState */
    guint64 current_bytes, maximum_bytes, unused_bytes, available_bytes, usable_bytes, caches_bytes,
        rss_bytes;
    guint64 minor_faults, major_faults; /* in the guest, since its boot */
    guint64 swap_in_bytes;              /* what the guest itself swapped in, since its boot */
    gint64 cpu_time_us;
    gint64 last_update_us; /* UTC since 1970, whole seconds; 0: the driver has told nothing yet */
} VhStats;

/* The groups to ask virConnectGetAllDomainStats() and virDomainListGetStats() for. */
#define VH_STATS_GROUPS \
    (VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_CPU_TOTAL)

/* From one record of a bulk call. KiB that would not fit 64 bits as bytes are left out, as are
 * types that make no sense. Does not block; any thread. */
VH_PUBLIC void vh_stats_from_record(const virDomainStatsRecord *record, VhStats *ret_stats);

/*
 * One domain's figures, now. A domain that does not run has a state and its balloon's sizes. GONE,
 * DENIED, FAILED. Blocks as long as its QEMU does: one round trip. Any thread; a read-only
 * connection will do.
 */
VH_PUBLIC gboolean vh_stats_read(virDomainPtr domain, VhStats *ret_stats,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same without blocking: vh-async.h. */
VH_PUBLIC void vh_stats_read_async(virDomainPtr domain, gint64 timeout_us,
                                   GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer data);
VH_PUBLIC gboolean vh_stats_read_finish(GAsyncResult *result, VhStats *ret_stats,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
