/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host's kernel tells under /proc, or under another root in tests. Reads and parses; knows
 * nothing of policy. */
#pragma once

#include "vh-error.h"
#include "vh-uuid.h"

#include <sys/types.h>

G_BEGIN_DECLS

/* The number of a line "NAME:   1234 kB", in bytes; of a line "NAME 1234", as it is. FALSE where
 * there is no such line, or no number in it. */
gboolean vh_proc_find_kib(const char *text, const char *name, guint64 *ret_bytes);
gboolean vh_proc_find_number(const char *text, const char *name, guint64 *ret_number);

typedef struct {
    guint64 total_bytes;      /* MemTotal */
    guint64 free_bytes;       /* MemFree */
    guint64 available_bytes;  /* MemAvailable */
    guint64 per_cpu_bytes;    /* free pages on per-CPU lists, which the two leave out; 0: unknown */
    guint64 swap_total_bytes; /* SwapTotal */
} VhMeminfo;

/* Of `root`/meminfo, and `root`/zoneinfo where there is one. A missing field: VH_ERROR_PROTOCOL. */
gboolean vh_proc_read_meminfo(const char *root, VhMeminfo *ret_meminfo,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The QEMU processes there, by the UUID on their command lines: VhUuid (owned) to pid_t in a
 * pointer. Processes that may not be looked at are left out. Reads each command line: not for every
 * cycle.
 */
GHashTable *vh_proc_find_qemus(const char *root);

/* VmSwap of a process: its private memory that the host has swapped out. FALSE where it is gone. */
gboolean vh_proc_read_swapped(const char *root, pid_t pid, guint64 *ret_bytes);

/*
 * The same with its shared memory (memfd, tmpfs), which VmSwap leaves out. The kernel walks the
 * process's page tables for it, some milliseconds for each GiB: not for every cycle.
 */
gboolean vh_proc_read_swapped_shared(const char *root, pid_t pid, guint64 *ret_bytes);

/*
 * Pressure stall information: the shares of the last ten seconds in which some task, and all tasks,
 * waited for memory. `path` is /proc/pressure/memory, or memory.pressure of a control group. FALSE
 * where the kernel does not tell it.
 */
gboolean vh_proc_read_pressure(const char *path, guint *ret_some_bp, guint *ret_full_bp);

/* What the host has swapped out since its boot, of `root`/vmstat. FALSE where it does not tell. */
gboolean vh_proc_read_swap_out(const char *root, guint64 *ret_bytes);

G_END_DECLS
