/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How one guest is treated: its class, found by precedence, with its metadata applied where the
 * policy allows. */
#pragma once

#include "vh-config.h"
#include "vh-snapshot.h"

G_BEGIN_DECLS

/*
 * The configuration as it is at the snapshot's time: a copy that shares all but its classes, which
 * are written to `storage` (of VhClass; kept between calls, so that nothing is allocated) with the
 * schedules applied. Once per decision; both must outlive the copy, which is not to be freed.
 */
VhConfig vh_treatment_at(const VhConfig *config, const VhSnapshot *snapshot, GArray *storage);

/*
 * The precedence: a matching (or default) class that says never; then the metadata, for the keys
 * that the policy lets it set; then the first match; then the policy's exempt facts; then the
 * default. An override that has run out, or names a class that does not exist or is forbidden,
 * changes nothing. Where nobody knows
 * whether a match applies that would come before all others, the guest is not to be asked. The
 * classes are taken as `config` has them: schedules are vh_treatment_at()'s. Returns the class's
 * index; the class as it applies is copied to *ret_class.
 */
guint vh_treatment_resolve(const VhConfig *config, const VhDomain *domain, gint64 wall_us,
                           VhClass *ret_class);

/* Both, for a single guest of the snapshot. */
guint vh_treatment_of(const VhConfig *config, const VhSnapshot *snapshot, const VhDomain *domain,
                      VhClass *ret_class);

/* Whether it is known which match applies; where it is not, the guest is not to be asked. */
gboolean vh_treatment_is_known(const VhConfig *config, const VhDomain *domain);

/*
 * The facts (VhFact) by which the guest is left alone, neither asked nor switched; 0: it is not.
 * They count where no match is for the guest, and its metadata neither chooses a class nor says
 * ask="auto".
 */
guint vh_treatment_exempts(const VhConfig *config, const VhDomain *domain, gint64 wall_us);

/* The match that put the guest into its class, before metadata: its index; -1 where none applied,
 * so that it is the default's. */
int vh_treatment_match(const VhConfig *config, const VhDomain *domain);

G_END_DECLS
