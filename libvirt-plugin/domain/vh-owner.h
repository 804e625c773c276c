/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names a process so that another one can tell later whether it still lives. Private to the
 * library. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

/*
 * Writes "BOOT-ID/PID-NAMESPACE/PID/START" of this process into `text`. The namespace is there
 * because numbers of one mean nothing in another (containers); the start time, because numbers are
 * used again. Does not block.
 */
void vh_owner_write(char *text, gsize size);

typedef enum {
    VH_OWNER_ALIVE,
    VH_OWNER_DEAD,
    VH_OWNER_ELSEWHERE, /* another boot or host, another PID namespace, or not our format: cannot be
                           told from here */
} VhOwnerState;

VhOwnerState vh_owner_look(const char *text);

G_END_DECLS
