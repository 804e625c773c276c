/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a snapshot says of the host and of the pool, as far as the policy's pool goes by it. */
#pragma once

#include "vh-config.h"
#include "vh-snapshot.h"

G_BEGIN_DECLS

/* Where the kernel's files are; all set. Other ones in tests. */
typedef struct {
    const char *proc;   /* "/proc" */
    const char *sys;    /* "/sys" */
    const char *cgroup; /* "/sys/fs/cgroup" */
} VhHostRoots;

/*
 * Fills in the snapshot's sizes of the host, pressure, group, nodes and utc_offset_us (of its
 * wall_us). A pool that is not there or cannot be measured is an error, and never one that looks
 * empty, or full: GONE, INVALID or PROTOCOL, and what would be right. *ret_has_swap: whether the
 * host has any.
 */
gboolean vh_host_read(const VhHostRoots *roots, const VhPoolConfig *pool, VhSnapshot *snapshot,
                      gboolean *ret_has_swap, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
