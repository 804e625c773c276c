/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was learned, as JSON text, versioned. Works on buffers. */
#pragma once

#include "vh-state.h"

G_BEGIN_DECLS

/* Learned values by UUID; what only makes sense within one run (monotonic times, samples) is left
 * out. Free with g_free(). */
char *vh_state_format(const VhState *state);

/* Untrusted text. VH_ERROR_INVALID with the line; a version from the future: VH_ERROR_UNSUPPORTED.
 */
VhState *vh_state_parse(const char *text, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
