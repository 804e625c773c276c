/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other side of a migration: a QEMU like the one that libvirt started for a guest, started
 * without libvirt, whose daemon would not migrate to itself.
 */
#pragma once

#include "device-fixture.h"

G_BEGIN_DECLS

typedef struct {
    pid_t pid;
    VhLabGuest *guest; /* the agent answers once the guest runs there */
} DeviceDestination;

typedef struct {
    guint64 transferred_bytes; /* as query-migrate says at the end */
    guint64 zero_bytes;        /* pages of zeros: sent as a few bytes each */
    guint64 copied_bytes;      /* pages sent whole */
    gint64 total_us;
} DeviceMigration;

/*
 * Migrates the running guest, with `emulator` (NULL: the source's) on the other side, and blocks
 * till it runs there; the source stays paused. The destination has no monitor: what it knows of
 * its device shows in the guest alone.
 */
DeviceMigration device_migrate(Device *device, const char *emulator,
                               DeviceDestination *ret_destination);
void device_destination_stop(DeviceDestination *destination);

G_END_DECLS
