/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in flight, written where it survives: before an ask moves a balloon, the old target goes
 * into the domain's live metadata; whoever finds it later puts the balloon back.
 */
#pragma once

#include "vh-error.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/*
 * In flight: an ask moved this domain's balloon, and must put it back. The record lives in the
 * domain's live metadata (VH_IN_FLIGHT_URI), so it outlives the asker, libvirtd and a migration.
 *
 *     <virthint:inflight xmlns:virthint="urn:virthint:inflight:1" method="pulse" old="1048576"
 *                        target="524980" owner="BOOT-ID/PID-NAMESPACE/PID/START"
 *                        host="HOST NAME" expires="UTC seconds"/>
 *
 * Sizes in KiB, as libvirt counts balloons. The host is the one that libvirt gives as its own: two
 * between which a guest migrates have different names.
 */
#define VH_IN_FLIGHT_URI "urn:virthint:inflight:1"

typedef struct {
    guint64 old_kib;    /* where the balloon was */
    guint64 target_kib; /* where this ask sent it */
    gint64 expires_us;  /* UTC since 1970: later than this nobody can be at it any more */
    char owner[128];    /* who: boot id, PID namespace, process, its start time */
    gboolean has_moved; /* as read: the guest has migrated since to another host, where the asker
                           cannot reach it any more */
} VhInFlightRecord;

/*
 * TRUE with *ret_found unset where there is none. A record that cannot be read is
 * VH_ERROR_PROTOCOL, a domain that does not run UNSUPPORTED: here as below. One round trip, and a
 * second one to libvirt alone where there is one. Writing it waits up to 30 s (TIMEOUT) where a
 * call or a job, such as a migration, holds the domain.
 */
VH_PUBLIC gboolean vh_in_flight_get(virDomainPtr domain, VhInFlightRecord *ret_record,
                                    gboolean *ret_found, GError **error) G_GNUC_WARN_UNUSED_RESULT;
VH_PUBLIC gboolean vh_in_flight_set(virDomainPtr domain, const VhInFlightRecord *record,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
VH_PUBLIC gboolean vh_in_flight_clear(virDomainPtr domain,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Fills in `owner` with this process. */
VH_PUBLIC void vh_in_flight_own(VhInFlightRecord *record);

/* Whether whoever wrote it may still be at it: it has not expired, the guest is where it was, and
 * its process lives or cannot be looked at from here (another host, another PID namespace). Does
 * not block. */
VH_PUBLIC gboolean vh_in_flight_is_live(const VhInFlightRecord *record, gint64 now_wall_us);

/* Whose doing it is that the balloon rests where it is. */
typedef enum {
    VH_BALLOON_OLD,     /* where it was before the ask */
    VH_BALLOON_OURS,    /* where the ask sent it, or stuck on its way there, or pushed up by
                           autodeflate */
    VH_BALLOON_FOREIGN, /* somebody else has set a target since */
} VhBalloonOwner;

/*
 * libvirt cannot read a balloon's target, only where it is. So an ask's target is marked: its KiB
 * are VH_TARGET_MARK_KIB modulo 1024. The kernel's autodeflate moves in whole MiB, so the mark
 * survives it; other tools set whole MiB. Judges a balloon that has come to rest. One that got
 * stuck on its way exactly at a whole MiB (a chance of 1 in 256) is taken for somebody else's: to
 * leave a guest short is bad, to undo an admin's order is worse. Does not block.
 */
#define VH_TARGET_MARK_KIB 692
VH_PUBLIC VhBalloonOwner vh_in_flight_judge(const VhInFlightRecord *record, guint64 current_kib);

/*
 * Puts back what an interrupted ask left: waits until the balloon rests, judges it, restores the
 * old target where it is ours, leaves it alone where it is not, and clears the record. Blocks up to
 * `timeout_us`, and beyond that as long as its QEMU does not answer: call it on a thread that can
 * be left behind. *ret_restored says whether it was put back. A record whose owner lives, or a
 * domain that is migrating or saved just now (at either end): VH_ERROR_BUSY, nothing is touched.
 */
VH_PUBLIC gboolean vh_in_flight_recover(virDomainPtr domain, gint64 timeout_us,
                                        gboolean *ret_restored,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
