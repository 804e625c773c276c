/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest's QEMU without libvirt, for what libvirt cannot do with it: to migrate on the same host,
 * there and back again. The guest is like one of vh_lab_guest_launch(), but for the XML of its
 * spec.
 */
#pragma once

#include "vh-lab-private.h"

G_BEGIN_DECLS

typedef struct {
    pid_t pid;               /* 0: none */
    char *monitor, *channel; /* the sockets of QMP and of the guest's agent */
} VhLabQemu;

typedef struct {
    const VhLabGuestSpec *spec;
    const VhLabDisk *disk;          /* both sides of a migration use the same */
    const char *balloon_properties; /* appended to the balloon's, with a comma; or NULL */
    const char *incoming;           /* the URI to wait for a migration on, or NULL */
} VhLabQemuStart;

/* Starts it as a child of this process; its sockets may not be there yet. VH_ERROR_INVALID where
 * the spec cannot be right. Free with vh_lab_qemu_free(). */
VhLabQemu *vh_lab_qemu_start(VhLab *lab, const VhLabQemuStart *start,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether it still runs. */
gboolean vh_lab_qemu_is_alive(const VhLabQemu *qemu);

/* Ends it, whatever it does, and frees it. */
void vh_lab_qemu_free(VhLabQemu *qemu);

/* What its guest's console and QEMU itself printed, all QEMUs of this guest's. Free with g_free().
 */
char *vh_lab_qemu_log(const VhLab *lab, const char *name);

/* Whether the emulator's virtio-balloon has a property. VH_ERROR_FAILED where it does not say. */
gboolean vh_lab_qemu_balloon_has(const VhLabGuestSpec *spec, const char *property,
                                 gboolean *ret_has, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
