/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the pool stands: its size, what is available in it, and the level that this amounts to. */
#pragma once

#include "vh-config.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

typedef struct {
    guint64 total_bytes;
    gint64 available_bytes; /* negative: over the budget, or into the reserve */
    guint64 resident_bytes; /* of all guests, hung ones as last seen */
} VhPool;

void vh_pool_measure(const VhPoolConfig *config, const VhSnapshot *snapshot, VhPool *ret_pool);

/*
 * The level by the bounds: up at once when available memory is below a level's `enter`; down when
 * it has been above `exit` for the dwell, to the lowest level whose own `exit` it is not above.
 * Writes level and better_since_us of `state`.
 */
void vh_pool_update_level(const VhPoolConfig *config, const VhPool *pool, gint64 now_us,
                          VhState *state);

/*
 * Bytes to get back at a level: from LOW on up to the exit of LOW, at PROACTIVE up to its own; 0 at
 * IDLE. What is in flight is not deducted.
 */
guint64 vh_pool_need_bytes(const VhPoolConfig *config, const VhPool *pool, VhLevel level);

G_END_DECLS
