/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moments as people write them. For the files of the commands only. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

/*
 * "2026-01-31 14:05[:30[.5]]" (local time; a "T" may stand for the blank), the same with a "Z"
 * behind (UTC), or a duration, "10min": so long before now_us. Microseconds since 1970.
 * VH_ERROR_INVALID with what would be right.
 */
gboolean vh_moment_parse(const char *text, gint64 now_us, gint64 *ret_us,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
