/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virthint's own decision: whom to ask first, and for how much. */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/*
 * From what is configured, remembered and seen, to what is to be done and remembered. A pure
 * function: equal arguments give equal results, in whatever order the guests were found. The
 * snapshot must be sorted (vh_snapshot_sort). `next` and `plan` are overwritten, their storage
 * reused; `next` must not be `state`. Does not block; at most n log n in the number of guests.
 */
void vh_decide(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
               VhState *next, VhPlan *plan);

G_END_DECLS
