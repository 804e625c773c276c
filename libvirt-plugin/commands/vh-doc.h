/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading documents: a key that is missing, or of another type, is simply not there. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

/* FALSE and untouched where there is no such figure. 32-bit counts are widened. */
gboolean vh_doc_get_bytes(GVariant *doc, const char *key, guint64 *ret_bytes);
gboolean vh_doc_get_us(GVariant *doc, const char *key, gint64 *ret_us);

/* FALSE where it is missing, too. */
gboolean vh_doc_flag(GVariant *doc, const char *key);

/* "" where it is missing. Lives as long as the document. */
const char *vh_doc_text(GVariant *doc, const char *key);

/* NULL where it is missing; otherwise a reference. */
GVariant *vh_doc_dict(GVariant *doc, const char *key);
GVariant *vh_doc_list(GVariant *doc, const char *key); /* aa{sv} */
char **vh_doc_texts(GVariant *doc, const char *key);   /* free with g_strfreev(); NULL: missing */

G_END_DECLS
