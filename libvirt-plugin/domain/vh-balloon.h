/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a balloon is, moving it, and waiting until it rests. Private to the library. All block, as
 * long as the domain's QEMU does. */
#pragma once

#include "vh-stats.h"

G_BEGIN_DECLS

/* How often a moving balloon is looked at: a look costs QEMU's main loop about a millisecond, and a
 * guest moves 50 to 100 MiB meanwhile. */
#define VH_BALLOON_LOOK_US (50 * G_TIME_SPAN_MILLISECOND)

/* It rests when it has not moved for this long: a driver that waits for memory tries again every
 * 200 ms. */
#define VH_BALLOON_REST_US (300 * G_TIME_SPAN_MILLISECOND)

/*
 * Reads the figures of *stats that move during an ask: current, unused, available, rss, last
 * update; leaves the others as they are. Bulk stats would not do: their balloon.current is what
 * libvirt heard in QEMU's last event, of which there is one a second at most; this call asks QEMU.
 * VH_ERROR_GONE where the guest has ended.
 */
gboolean vh_balloon_look(virDomainPtr domain, VhStats *stats,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean vh_balloon_set(virDomainPtr domain, guint64 kib, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Looks until it is at `wanted_kib`, or has not moved for `rest_us`, or until_us (monotonic) has
 * passed (VH_ERROR_TIMEOUT). *ret_kib: where it rests. */
gboolean vh_balloon_wait(virDomainPtr domain, guint64 wanted_kib, gint64 rest_us, gint64 until_us,
                         guint64 *ret_kib, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
