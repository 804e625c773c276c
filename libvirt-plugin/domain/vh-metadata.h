/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What virthint keeps in a domain's own metadata: the policy override that an admin or a management
 * layer wrote.
 */
#pragma once

#include "vh-override.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/*
 * The override of a domain, from metadata element VH_OVERRIDE_URI. None: TRUE, with keys 0.
 * Invalid: VH_ERROR_INVALID naming the attribute; the caller warns, and treats the domain as having
 * none. Blocks for one round trip.
 */
VH_PUBLIC gboolean vh_metadata_get_override(virDomainPtr domain, VhOverride *ret_override,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same from the element's XML text; hostile input. Does not block. */
VH_PUBLIC gboolean vh_metadata_parse_override(const char *xml, VhOverride *ret_override,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
