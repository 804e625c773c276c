/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was decided at some time, from a recording. */
#pragma once

#include "vh-backend.h"

G_BEGIN_DECLS

/* As VhBackendProvider.explain_at(). Blocks while it reads. */
GVariant *vh_backend_trace_explain(const VhBackendRequest *request, const char *domain,
                                   gint64 at_us, const char *trace, GError **error);

G_END_DECLS
