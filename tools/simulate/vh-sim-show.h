/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a batch came to, as a document, and as sentences. Knows no terminal and no file. */
#pragma once

#include "vh-sim-batch.h"

G_BEGIN_DECLS

/* {"scenarios": [{"name", "set", "guests", "seeds", "horizon_s", "engines": [{"engine", "cost":
 * {"mean", "lo", "hi"}, ...}], "verdict": {...}}]}; floating. */
GVariant *vh_sim_show_document(const VhSimBatch *batch);

/* How virthint does by what is asked of it: a line for each, with its figures. Free with
 * g_strfreev(). */
char **vh_sim_show_verdict(const VhSimBatch *batch, const VhSimSheet *sheet);

/* "1.23M ± 0.05M" with as many digits as are worth reading, in thousands (k) or millions (M) where
 * it is large; "-" where it is not known. Free with g_free(). */
char *vh_sim_show_spread(const VhSpread *spread);

/* The whole as a page, with pictures that gnuplot draws: Markdown where `path` ends in ".md", else
 * HTML. */
gboolean vh_sim_show_write(const VhSimBatch *batch, const char *path,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
