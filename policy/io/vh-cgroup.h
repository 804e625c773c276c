/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory of a control group, of version 1 or 2 of the hierarchy. Reads and parses; knows
 * nothing of policy. */
#pragma once

#include "vh-snapshot.h"

G_BEGIN_DECLS

/*
 * The limit that a group of that path (below the root of the hierarchy, as "/machine.slice") is
 * under: its own, or that of its nearest ancestor with one; what that group uses; and its pressure,
 * as far as the kernel tells it of a group: not in version 1. `root` is where the hierarchies are
 * mounted ("/sys/fs/cgroup").
 *
 * GONE: there is no such group, or no hierarchy for memory. INVALID: there is, but no limit at all.
 * PROTOCOL: the kernel's files are not as they should be.
 */
gboolean vh_cgroup_read(const char *root, const char *path, VhGroup *ret_group,
                        VhPressure *ret_pressure, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
