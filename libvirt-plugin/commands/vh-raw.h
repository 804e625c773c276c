/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Documents and fields as --raw prints them: for scripts that split lines at tabs. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

/* One field: control characters (a tab among them) and backslashes are written as escapes, NULL and
 * "" as "-". Free with g_free(), as all here. */
char *vh_raw_field(const char *text);

/* A plain value (none of a list of dictionaries, or a dictionary), without its unit. */
char *vh_raw_value(GVariant *value);

/*
 * "key TAB value" for each plain value of a document (a{sv}, borrowed), in its order; the keys of a
 * dictionary within it have its own in front: "pool.total_bytes". Of lists of dictionaries nothing
 * is told: they are tables.
 */
char *vh_raw_format(GVariant *document);

G_END_DECLS
