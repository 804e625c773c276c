/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host has swapped out of each guest, from the guests' QEMU processes, which it finds by
 * the UUIDs on their command lines. */
#pragma once

#include "vh-snapshot.h"

G_BEGIN_DECLS

typedef struct VhSwapped VhSwapped;

/* `proc_root`: "/proc", or another one in tests. Copied. */
VhSwapped *vh_swapped_new(const char *proc_root);
void vh_swapped_free(VhSwapped *swapped);

/*
 * Fills in swapped_bytes and VH_HAS_SWAPPED of the snapshot's guests. Known where the host has no
 * swap, or the process can be looked at; unknown for guests of other hosts, and for memory that is
 * a named file: on a disk's file system it goes back to the file, which no counter tells. Looks for
 * processes, and adds up what is swapped out of shared memory, twice a minute at most.
 */
void vh_swapped_fill(VhSwapped *swapped, VhSnapshot *snapshot, gboolean host_has_swap);

G_END_DECLS
