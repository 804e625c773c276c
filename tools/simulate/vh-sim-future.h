/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guests of a world will want: workloads are the same whatever an engine does, so they
 * can be run ahead. For the reference, and for nobody who is judged.
 */
#pragma once

#include "vh-sim-world.h"

G_BEGIN_DECLS

typedef struct VhSimFuture VhSimFuture;

/* So many variants of the reference there are; the best of them on a fleet counts. */
#define VH_SIM_FUTURES 3

VhSimFuture *vh_sim_future_new(const VhSimWorld *world, gint64 horizon_us, guint variant);
void vh_sim_future_free(VhSimFuture *future);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhSimFuture, vh_sim_future_free)

/* The reference's decision: its asks, as actions of a plan. `snapshot` is the world's own, read
 * just now. */
void vh_sim_future_decide(VhSimFuture *future, const VhSimWorld *world, const VhConfig *config,
                          const VhSnapshot *snapshot, GArray *actions);

G_END_DECLS
