/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the pool stands: its size, what is available in it and where that is heading, the level that
 * this amounts to, and what is to be got back. */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

typedef struct {
    gboolean is_known; /* FALSE: the snapshot lacks its group or node, and all but resident is 0 */
    guint64 total_bytes;
    gint64 available_bytes;     /* negative: over the budget, or into the reserve */
    gint64 headed_bytes;        /* A': available, less what the trend takes within the horizon */
    gint64 trend_bytes_per_s;   /* at most 0 */
    gint64 swap_out_per_s;      /* bytes that the host swaps out in a second */
    guint64 resident_bytes;     /* of all guests, hung ones as last seen */
    guint n_resident;           /* guests that are in it */
    gboolean is_under_pressure; /* stalls or swapping say that it is worse than available looks */
} VhPool;

/* Over how long the trend and the rate of swapping out are smoothed: as long as the kernel smooths
 * the pressure (avg10) that stands beside them. */
#define VH_POOL_SMOOTHING_US (10 * VH_SEC)

/*
 * All that a decision needs of the pool: measures it, follows its trend, and moves the level.
 * `next` is what was remembered, and becomes what is to be. Fills in of the plan: level,
 * level_by_bounds, the three pool_..., resident_bytes, and need_bytes without requests.
 */
void vh_pool_see(const VhConfig *config, const VhSnapshot *snapshot, VhState *next, VhPlan *plan,
                 VhPool *ret_pool);

/* The steps of it. The first fills in total, available and resident; headed is available. */
void vh_pool_measure(const VhPoolConfig *config, const VhSnapshot *snapshot, VhPool *ret_pool);

/*
 * The level by the bounds: up at once when A' is below a level's `enter`, but for a trend by no
 * more than one level, and not to CRITICAL; down when it has been above `exit` for the dwell, to
 * the lowest level whose own `exit` it is not above. A pool that is not known changes nothing.
 * Writes level and better_since_us of `state`.
 */
void vh_pool_update_level(const VhPoolConfig *config, const VhPool *pool, gint64 now_us,
                          VhState *state);

/*
 * Bytes to get back at a level: from LOW on up to the exit of LOW, at PROACTIVE up to its own; 0 at
 * IDLE, and for a pool that is not known. What is in flight is not deducted.
 */
guint64 vh_pool_need_bytes(const VhPoolConfig *config, const VhPool *pool, VhLevel level);

G_END_DECLS
