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

/* O, Q and what the formula makes of them. `guest` may be NULL: nothing learned. Needs
 * VH_YIELD_FIGURES. */
void vh_yield_compute(const VhModel *model, const VhDomain *domain, const VhGuestState *guest,
                      gint64 wall_us, VhYield *ret_yield);

G_END_DECLS
