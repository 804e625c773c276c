/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsmartcols from documents. Knows no document's keys: those are the columns'. */
#include "vh-table.h"

#include "vh-doc.h"

#include <libsmartcols.h>

typedef struct libscols_table Table;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, scols_unref_table)

/* By the value's type and the key's unit; NULL where it is missing. */
static char *cell_by_key(const VhContext *context, const char *key, GVariant *row)
{
    const char *text = vh_doc_text(row, key);
    guint64 number;

    if (*text != '\0')
        return g_strdup(text);
    if (!vh_doc_get_bytes(row, key, &number))
        return NULL;
    return g_str_has_suffix(key, "bytes") ? vh_context_size(context, number)
                                          : g_strdup_printf("%" G_GUINT64_FORMAT, number);
}

static gboolean fill_row(Table *table, const VhContext *context, const VhTableColumn *columns,
                         guint n_columns, GVariant *row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);

    if (line == NULL)
        return FALSE;
    for (guint i = 0; i < n_columns; i++) {
        g_autofree char *cell = columns[i].cell != NULL ? columns[i].cell(context, row)
                                                        : cell_by_key(context, columns[i].key, row);
        if (scols_line_set_data(line, i, cell != NULL ? cell : "-") != 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean fill(Table *table, const VhContext *context, const VhTableColumn *columns,
                     guint n_columns, GVariant *rows)
{
    for (guint i = 0; i < n_columns; i++) {
        int flags =
            (columns[i].is_right ? SCOLS_FL_RIGHT : 0) | (columns[i].may_cut ? SCOLS_FL_TRUNC : 0);
        if (scols_table_new_column(table, columns[i].title, 0, flags) == NULL)
            return FALSE;
    }
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
        if (!fill_row(table, context, columns, n_columns, row))
            return FALSE;
    }
    return TRUE;
}

/* libsmartcols cuts the columns that may be cut; where that is not enough, lines are cut. */
static char *clip(const char *text, guint width)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        if (g_utf8_validate(lines[i], -1, NULL) && g_utf8_strlen(lines[i], -1) > (glong)width)
            *g_utf8_offset_to_pointer(lines[i], (glong)width) = '\0';
        g_strchomp(lines[i]);
    }
    return g_strjoinv("\n", lines);
}

char *vh_table_format(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                      GVariant *rows)
{
    const VhOutput *output = context->program->output;
    guint width = output->out_is_tty ? output->width : 0;
    g_autoptr(Table) table = scols_new_table();
    char *text = NULL;

    if (table == NULL)
        return g_strdup("");
    scols_table_enable_minout(table, 1);
    scols_table_set_termforce(table, width != 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
    if (width != 0)
        scols_table_set_termwidth(table, width);
    if (!fill(table, context, columns, n_columns, rows) ||
        scols_print_table_to_string(table, &text) != 0 || text == NULL)
        return g_strdup("");
    g_autofree char *shown = clip(text, width != 0 ? width : G_MAXINT);
    free(text); /* libsmartcols allocates with malloc() */
    gsize length = strlen(shown);
    return length == 0 || shown[length - 1] == '\n' ? g_steal_pointer(&shown)
                                                    : g_strconcat(shown, "\n", NULL);
}

char *vh_table_format_list(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                           GVariant *document, const char *key)
{
    g_autoptr(GVariant) rows = vh_doc_list(document, key);

    if (rows == NULL || g_variant_n_children(rows) == 0)
        return g_strdup("");
    return vh_table_format(context, columns, n_columns, rows);
}
