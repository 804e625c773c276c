/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Documents as JSON text. Knows no document: it turns any a{sv}, list or plain value into text. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

/*
 * One JSON value, the keys in the document's order; `is_pretty`: over several lines, indented by
 * two, with a final newline. Integers beyond 2^63-1, which JSON readers cannot be trusted with, are
 * written as 2^63-1; what is not finite is null. Sinks a floating reference. Free with g_free().
 */
char *vh_json_format(GVariant *document, gboolean is_pretty);

G_END_DECLS
