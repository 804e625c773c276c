/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest and two hosts that it can run on, for tests of migrations: the lab's libvirtd and its
 * peer. For programs that run inside the lab.
 */
#pragma once

#include "driver-fixture.h"

G_BEGIN_DECLS

typedef struct {
    Device device; /* its domain, and its guest's handle, are those of where the guest is */
    VhLab *there;
    gboolean is_live; /* this emulator can move it while it runs */
} Moving;

/* What a guest's memory and its emulator are like. */
typedef struct {
    const char *name;
    enum {
        MOVING_STOCK,
        MOVING_PATCHED,
        MOVING_LIVE
    } emulator; /* LIVE: patched, and 9.0 or later */
    gboolean memfd;
    gboolean no_thp;
} MovingKind;

/* Boots a guest of the kind, in 1 GiB where `options` do not say; with reporting and all else that
 * a patched device offers and, where `has_module`, our driver. FALSE, and the test is skipped,
 * where its emulator is not there. */
gboolean moving_start(Moving *moving, const MovingKind *kind, gboolean has_module,
                      DeviceOptions options);
void moving_stop(Moving *moving);

/* Begins to move it, slowly, so that much can happen meanwhile; blocks till its QEMU is at it. */
VhLabMigration *moving_begin(Moving *moving, gboolean is_live);
/* Lets it end, and goes on there. */
void moving_arrive(Moving *moving, VhLabMigration *migration);
/* Gives it up. */
void moving_stay(Moving *moving, VhLabMigration *migration);
/* From beginning to end, to the other host or back. */
void moving_go(Moving *moving, VhLab *to);

/* A fresh handle on the guest, in a connection of its own to one of the hosts; NULL: there is none.
 * Free it with moving_leave(). */
virDomainPtr moving_domain(Moving *moving, VhLab *host);
void moving_leave(virDomainPtr domain);

G_END_DECLS
