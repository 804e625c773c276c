/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A strict check of JSON text, run before json-glib sees it: json-glib 1.6 takes duplicate keys,
 * single quotes and leading zeroes, wraps long integers, turns large exponents into infinity, and
 * overflows the stack on deep nesting. Knows nothing of what the text means.
 */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

#define VH_JSON_MAX_DEPTH 32
#define VH_JSON_MAX_BYTES (16u << 20)
#define VH_JSON_MAX_VALUES (1u << 20)

/* Where each value of a text stands: from its path to its line. */
typedef struct VhJsonLines VhJsonLines;

/*
 * Checks `length` bytes of `text` against RFC 8259, and beyond it: UTF-8 only, at most
 * VH_JSON_MAX_BYTES, VH_JSON_MAX_VALUES and VH_JSON_MAX_DEPTH levels, no duplicate key in an
 * object, integers within 64 bits signed, finite numbers, no NUL in strings, nothing after the
 * value. VH_ERROR_INVALID with "line N: " and what would be right. ret_lines may be NULL. Does not
 * block, allocates in proportion to the number of values.
 */
gboolean vh_json_scan(const char *text, gsize length, VhJsonLines **ret_lines,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The line (from 1) on which the value at `path` starts (the key's line for a member); 0 where
 * there is no such path. Paths are JSON Pointers (RFC 6901): "", "/pool/levels/low",
 * "/match/3/name".
 */
guint vh_json_lines_get(const VhJsonLines *lines, const char *path);

/*
 * Where in the text (bytes from its start) the value at `path` stands, and how long it is; a
 * string's quotes count. FALSE where there is no such path. Values are read from there, for those
 * who need a few of them and no tree.
 */
gboolean vh_json_lines_get_place(const VhJsonLines *lines, const char *path, gsize *ret_start,
                                 gsize *ret_length);

void vh_json_lines_free(VhJsonLines *lines);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhJsonLines, vh_json_lines_free)

G_END_DECLS
