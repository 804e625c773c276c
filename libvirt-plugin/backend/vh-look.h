/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One look at all domains of a connection, or at one of them, without anybody who watches: nothing
 * that hangs holds up the others. Sends no monitor command.
 */
#pragma once

#include "vh-in-flight.h"
#include "vh-libvirt.h"
#include "vh-override.h"
#include "vh-probe.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
    virDomainPtr domain;
    VhUuid uuid;
    char *name;
    int id; /* -1: it does not run */
    gboolean is_active;
    gboolean has_probe, has_stats, has_record;
    VhProbe probe;
    VhStats stats;
    VhOverride override;     /* keys 0: none, or invalid */
    char *override_error;    /* NULL: fine */
    VhInFlightRecord record; /* of an ask under way, or of one that was interrupted */
    gboolean is_interrupted; /* nobody is at it any more */
    gboolean has_job;
    gboolean is_hung; /* its QEMU does not answer; what is not known by then stays unknown */
} VhSeen;

void vh_seen_free(VhSeen *seen);

/*
 * Of the domains of the connection (`only` NULL), by name; else of this one. Runs the caller's
 * thread-default main context. A domain that does not answer for a second is hung; the thread that
 * waits for it is left behind. NULL with an error where libvirt itself fails, or `cancel` fires.
 */
GPtrArray *vh_look(virConnectPtr connection, virDomainPtr only, GCancellable *cancel,
                   GError **error); /* of VhSeen */

G_END_DECLS
