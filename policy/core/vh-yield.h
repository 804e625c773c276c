/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an ask of one guest would bring: the formula of docs/policy.md, on one sample and what was
 * learned. */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/* The figures without which there is no yield. */
#define VH_YIELD_FIGURES \
    (VH_HAS_CURRENT | VH_HAS_MAXIMUM | VH_HAS_UNUSED | VH_HAS_AVAILABLE | VH_HAS_RSS)

/*
 * What the guest itself uses, by its own account. With autodeflate the kernel does not take
 * ballooned pages out of `available`, so they are taken out here.
 */
guint64 vh_yield_used_bytes(const VhDomain *domain);

/* Shares as they apply to one guest at one moment, in basis points. */
typedef struct {
    guint gamma_bp;
    guint retouch_bp; /* r */
    guint sigma_bp;
} VhLearned;

/*
 * What was learned of the guest, drawn towards the model's starting points by the time since its
 * last ask: a guest that was written off looks worth a try again some hours later. Where nothing
 * was learned, or the model leaves the term out, the starting points. `guest` may be NULL.
 */
void vh_yield_learned(const VhModel *model, const VhGuestState *guest, gint64 wall_us,
                      VhLearned *ret_learned);

/* O, Q, what was learned, and what the formula makes of them. `guest` may be NULL: nothing learned.
 * Needs VH_YIELD_FIGURES. */
void vh_yield_compute(const VhModel *model, const VhDomain *domain, const VhGuestState *guest,
                      gint64 wall_us, VhYield *ret_yield);

/*
 * A pulse leaves so much free in the guest, and most of that is backed, because the guest's kernel
 * hands out last what it freed first: takes it out of Y, and with it out of D and LCB.
 */
void vh_yield_leave(VhYield *yield, guint64 reserve_bytes);

/* The durable part of so many expected bytes, and what is counted on of that, by the yield's own
 * shares. */
guint64 vh_yield_durable_bytes(const VhYield *yield, guint64 expected_bytes);
guint64 vh_yield_counted_bytes(const VhYield *yield, guint64 expected_bytes);

/* Lowers Y to at most so much, and with it D and LCB. */
void vh_yield_cap(VhYield *yield, guint64 most_bytes);

G_END_DECLS
