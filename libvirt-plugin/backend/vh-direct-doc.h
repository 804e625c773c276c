/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a look at a domain found, as the documents of docs/json.md. */
#pragma once

#include "vh-look.h"

G_BEGIN_DECLS

/* a{sv}, floating: the keys of a domain in a list, or all of them. */
GVariant *vh_direct_doc(const VhSeen *seen, const char *uri, gboolean is_whole);

G_END_DECLS
