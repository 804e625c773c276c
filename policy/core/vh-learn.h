/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what is remembered and what is seen to what is remembered next. */
#pragma once

#include "vh-config.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/* QEMU itself never takes less than this, whatever the figures of a guest seem to say, nor more. */
#define VH_LEARN_OVERHEAD_MIN (16 * VH_MIB)
#define VH_LEARN_OVERHEAD_MAX (512 * VH_MIB)

/* Whether the figures of a sample cannot be true, whatever the guest says. Needs VH_YIELD_FIGURES.
 */
gboolean vh_learn_is_absurd(const VhDomain *domain, gint64 wall_us);

/*
 * Writes `next`: all of `state`, the asks that ended, and the samples of this snapshot. A guest
 * that has not been seen for the policy's `forget` is dropped. Linear in guests remembered and
 * seen.
 */
void vh_learn(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
              VhState *next);

/* When the guest's cooldown ends, UTC; 0: it has none. */
gint64 vh_learn_cooldown_until_us(const VhGuestState *guest, gint64 wall_us, gint64 cooldown_us,
                                  gint64 cooldown_max_us);

/* Asks within the hour before wall_us; *ret_next_us: when one less will count, UTC. */
guint vh_learn_asks_within_hour(const VhGuestState *guest, gint64 wall_us, gint64 *ret_next_us);

G_END_DECLS
