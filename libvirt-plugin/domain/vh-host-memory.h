/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much memory of this host nobody uses. Not of the public library; knows nothing of guests. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

/*
 * MemFree, and the free pages that the kernel keeps on its per-CPU lists, in bytes. MemFree leaves
 * those out, and since Linux 6.7 the lists grow with what is freed at once: 600 MiB were seen on a
 * host of 24 GiB right after a guest had given 1460 MiB back. 0 where MemFree cannot be read.
 */
guint64 vh_host_memory_free_bytes(void);

/* What is on the per-CPU lists, in bytes, from the text of /proc/zoneinfo. */
guint64 vh_host_memory_lists_bytes(const char *zoneinfo);

G_END_DECLS
