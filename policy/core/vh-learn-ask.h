/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one ask teaches about its guest: at once, when it ends, and a while later, by what the guest
 * took back. */
#pragma once

#include "vh-config.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/* At once: gamma, Q, the cooldown, the account of asks and of their cost; and the second stage is
 * put down. One that was still open is looked at now, if enough time went by before this ask. */
void vh_learn_ask_ended(const VhModel *model, const VhSnapshot *snapshot, const VhEnded *ended,
                        VhGuestState *guest);

/* A while later: r, sigma, and the cost of what was touched again; where that is due, and while no
 * other ask is under way. `domain` needs VH_HAS_RSS. */
void vh_learn_ask_rebound(const VhModel *model, const VhDomain *domain, gint64 wall_us,
                          VhGuestState *guest);

/* What came before a reboot is half as much worth: all that was learned moves half way to the
 * starting points, and what waits to be looked at is dropped. */
void vh_learn_ask_rebooted(const VhModel *model, VhGuestState *guest);

G_END_DECLS
