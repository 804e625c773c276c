/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens to the guests of a connection, told as it happens: passes that ended, reporting that
 * was switched or barred, tiers that changed.
 *
 * Listening taints no domain. Events are libvirt's, so its event loop has to run, in whatever
 * thread: it is registered before the connection is opened (vh_watch_init(), or
 * virEventRegisterDefaultImpl(), whose loop is the default main context).
 */
#pragma once

#include "vh-monitor.h"
#include "vh-reporting-info.h"
#include "vh-tier.h"
#include "vh-uuid.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* One bit each. */
typedef enum {
    VH_EVENT_PASS_ENDED = 1 << 0,        /* a pass that was asked for ended; the device's own, at a
                                            migration, are not told */
    VH_EVENT_REPORTING_CHANGED = 1 << 1, /* reporting is on, off, or barred; at most one a second */
    VH_EVENT_TIER_CHANGED = 1 << 2,
    VH_EVENT_KINDS = VH_EVENT_PASS_ENDED | VH_EVENT_REPORTING_CHANGED | VH_EVENT_TIER_CHANGED,
    VH_EVENT_LOST = 1 << 3, /* the connection closed: the last one. Always told, never chosen */
} VhEventKind;

/* Borrowed for the call, `name` included. */
typedef struct {
    VhEventKind kind;
    gint64 time_us;   /* UTC since 1970: QEMU's clock where it is QEMU that told */
    VhUuid uuid;      /* zero for LOST */
    const char *name; /* of the domain; NULL for LOST */

    /* PASS_ENDED: id, status, reported_bytes and discarded_bytes. The rest of it is 0 where
     * has_details is not set: that takes a query, which VH_MONITOR_ALLOW allows. */
    VhReportingPass pass;
    gboolean has_details;

    gboolean is_enabled, is_active; /* REPORTING_CHANGED */
    VhReportingInhibitor inhibitor;

    VhTier tier, tier_before; /* TIER_CHANGED */
    guint reasons;            /* VhTierReason: why it is no higher now */
} VhEvent;

typedef struct VhEvents VhEvents;

/* May free the VhEvents that it comes from. */
typedef void (*VhEventFunc)(VhEvents *events, const VhEvent *event, gpointer data);

typedef struct {
    virDomainPtr domain;   /* only of this one; NULL: of all. Referenced */
    guint kinds;           /* VhEventKind; 0: all that this connection can tell */
    VhMonitorRule monitor; /* ALLOW: QEMUs with passes are asked, which taints them, so that tiers
                              soft and native are known, and all figures of a pass */
    GMainContext *context; /* where events arrive; NULL: the calling thread's default one */
} VhEventsOptions;

/*
 * Listens from now on. `options` NULL: zeroes. Events arrive in the context, never from within this
 * call, in the order in which they came, but for PASS_ENDED with VH_MONITOR_ALLOW, which waits for
 * its details for up to 2 s; whichever thread libvirt's loop runs in. Where another thread runs the
 * context, `func` may be called before this returns, and must not free then.
 *
 * Tiers are known by probing: each domain when it is first seen, which is told to nobody, then
 * after it was started or stopped, got or lost a device, and after what its QEMU tells. A guest
 * that hangs holds up none of the others. Without VH_MONITOR_ALLOW the tier is the one that the XML
 * shows. One without a driver is looked at again every 5 s. That of a domain that does not run is
 * the one that it would start with.
 *
 * A domain that goes is told of no more; where it comes back, so do its events.
 *
 * NULL: DENIED (a kind that was asked for needs a read-write connection: all but TIER_CHANGED),
 * UNSUPPORTED (it is no QEMU connection), INVALID (no such kind), GONE. Blocks for some round trips
 * to libvirtd, never for a guest. Any thread.
 */
VH_PUBLIC VhEvents *vh_events_new(virConnectPtr connection, const VhEventsOptions *options,
                                  VhEventFunc func, gpointer data,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Which kinds (VhEventKind) it tells. Any thread, does not block. */
VH_PUBLIC guint vh_events_get_kinds(const VhEvents *events);

/* Ends it: `func` is not called any more. In the thread of its context. Blocks for some round trips
 * to libvirtd, never for a guest. NULL-safe. */
VH_PUBLIC void vh_events_free(VhEvents *events);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhEvents, vh_events_free)

/* Stable words: "pass-ended", "reporting-changed", "tier-changed", "lost"; static. The reverse, for
 * those that can be chosen: 0 where there is no such word. */
VH_PUBLIC const char *vh_event_kind_name(VhEventKind kind);
VH_PUBLIC guint vh_event_kind_from_name(const char *name);

G_END_DECLS
