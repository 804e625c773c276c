/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What asking a guest costs it, by the model: the price of its turn, and the account of what it has
 * borne. Microseconds. */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/* c0 + c1 * bytes: what an ask that moves so much costs, unweighted, before anything is touched
 * again. */
double vh_cost_ask_us(const VhModel *model, guint64 bytes);

/* c2 * bytes: and what touching so much of it again costs. */
double vh_cost_refault_us(const VhModel *model, guint64 bytes);

/* What asks have cost it, unweighted, half of it forgotten in each fair_halflife. */
double vh_cost_inflicted_us(const VhModel *model, const VhGuestState *guest, gint64 wall_us);

/* What an ask of it would be for at most, as far as the guest and its class go. */
guint64 vh_cost_ask_bytes(const VhYield *yield, const VhClass *treatment);

/* All of the cost, with a fairness of 1. `guest` may be NULL: nothing known of it. */
void vh_cost_compute(const VhModel *model, const VhGuestState *guest, const VhClass *treatment,
                     const VhYield *yield, gint64 wall_us, VhCost *ret_cost);

/* Sets the fairness, against the mean of what is borne in its rank, and corrects the price by it:
 * between half and twice. */
void vh_cost_correct(const VhModel *model, double mean_inflicted_us, VhCost *cost);

G_END_DECLS
