/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a guest's continuous free page reporting is to be switched. It costs a guest something
 * all the time, not once as an ask does, so it is on only while memory stays short, and only in
 * guests that do not take back at once what they give.
 */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/* Mode auto: on when memory has been short for so long, off when it has not been for so long. */
#define VH_TOGGLE_SHORT_US (30 * VH_SEC)
#define VH_TOGGLE_QUIET_US (15 * VH_MIN)

/* ... on in guests that take back less than this share soon, off in those that take back more than
 * the other; in between it stays as it is. */
#define VH_TOGGLE_RETOUCH_SMALL_BP 3000
#define VH_TOGGLE_RETOUCH_LARGE_BP 6000

/* Between two switches of one guest, whatever the mode. At most VH_TOGGLES_PER_HOUR_MAX an hour. */
#define VH_TOGGLE_DWELL_US (5 * VH_MIN)

/*
 * The switch for one guest: fills in verdict->toggle, and where it is to be switched now, adds it
 * to the plan's toggles and remembers it in `next`. To be called when the plan's level, the
 * verdict's reason and its yield are known, and before the next vh_state_get(): it may add the
 * guest to `next`. `guest` is what `next` has of it; NULL: nothing.
 */
void vh_toggle_plan(const VhConfig *config, const VhSnapshot *snapshot, const VhGuestState *guest,
                    const VhClass *treatment, VhState *next, VhPlan *plan, VhVerdict *verdict);

G_END_DECLS
