/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of documents: a row per dictionary, a column per function that makes its cell. */
#pragma once

#include "vh-context.h"

G_BEGIN_DECLS

typedef struct {
    const char *title;
    gboolean is_right; /* figures stand to the right */
    gboolean may_cut;  /* gives way first where the terminal is narrow */
    /* The cell's text, freed with g_free(); NULL: unknown, shown as "-". */
    char *(*cell)(const VhContext *context, GVariant *row);
    const char *key; /* where there is no function: the text, count or size under this key */
} VhTableColumn;

/*
 * The rows (aa{sv}, borrowed) under a line of titles and one of dashes, as virsh's tables are. On a
 * terminal no line is wider than it; otherwise nothing is cut. Bytes that would upset a terminal
 * are escaped. In virsh there are no titles with --quiet; with --raw the fields of a row are plain,
 * with tabs between them. Free with g_free().
 */
char *vh_table_format(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                      GVariant *rows);

/* The same of a list (aa{sv}) in a document; "" where it is missing, or empty. With --raw each row
 * begins with the key, as more than one list may be printed. */
char *vh_table_format_list(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                           GVariant *document, const char *key);

/* The empty line behind the last table of a command; where virsh prints it, or nobody wants it,
 * nothing. */
void vh_table_end(VhContext *context);

G_END_DECLS
