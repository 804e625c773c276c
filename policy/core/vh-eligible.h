/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a guest could be asked at all, before anybody's need is looked at. */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/* What is looked at, for one guest. All borrowed. */
typedef struct {
    const VhConfig *config;
    const VhSnapshot *snapshot;
    const VhDomain *domain;
    const VhDomain *previous;  /* the domain before it in the snapshot; NULL for the first */
    const VhGuestState *guest; /* as of this snapshot; NULL: nothing known */
    const VhClass *treatment;  /* its class as it applies */
    VhLevel level;
    gboolean in_flight;
} VhCandidate;

/*
 * VH_REASON_ASK where it could be asked, else the first reason why not, from "is not there" over
 * "must not" and "cannot be known" to "not worth it" and "not yet". Fills in has_yield, yield and
 * wait_until_us of the verdict as far as they are known. The yield is capped by what the guest must
 * keep free.
 */
VhReason vh_eligible_check(const VhCandidate *candidate, VhVerdict *verdict);

/* Whether it is asked by a pass, not by a pulse: its QEMU and driver know them, and the policy lets
 * QEMU be told. */
gboolean vh_eligible_takes_pass(const VhConfig *config, const VhDomain *domain);

/* What must stay free in the guest while it is asked: its class's keep_free, and of a pulse the
 * method's own reserve and the policy's for guests without autodeflate. */
guint64 vh_eligible_reserve_bytes(const VhConfig *config, const VhDomain *domain,
                                  const VhClass *treatment);

G_END_DECLS
