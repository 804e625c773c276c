/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How one guest is treated: its class, found by precedence, with its metadata applied where the
 * policy allows. */
#pragma once

#include "vh-config.h"
#include "vh-snapshot.h"

G_BEGIN_DECLS

/*
 * The precedence: a matching (or default) class that says never; then the metadata, for the keys
 * that the policy lets it set; then the first match; then the default. An override that has run
 * out, or names a class that does not exist or is forbidden, changes nothing. Returns the class's
 * index; the class as it applies is copied to *ret_class.
 */
guint vh_treatment_resolve(const VhConfig *config, const VhDomain *domain, gint64 wall_us,
                           VhClass *ret_class);

G_END_DECLS
