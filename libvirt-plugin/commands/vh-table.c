/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsmartcols from documents. Knows no document's keys: those are the columns'. */
#include "vh-table.h"

#include "vh-doc.h"
#include "vh-raw.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#define GAP 3 /* blanks between columns, as virsh has them; fewer where the terminal is narrow */
#define OVERHANG 2 /* cells that virsh's line of dashes is longer than the longest row */

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

static char *cell_of(const VhContext *context, const VhTableColumn *column, GVariant *row)
{
    return column->cell != NULL ? column->cell(context, row)
                                : cell_by_key(context, column->key, row);
}

/* virsh's --quiet takes the titles away. */
static gboolean has_titles(const VhContext *context)
{
    return !vh_program_is_virsh(context->program) || !vh_context_flag(context, "quiet");
}

static gboolean fill_row(Table *table, const VhContext *context, const VhTableColumn *columns,
                         guint n_columns, GVariant *row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);

    if (line == NULL)
        return FALSE;
    for (guint i = 0; i < n_columns; i++) {
        g_autofree char *cell = cell_of(context, &columns[i], row);
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
        /* a title that is not shown takes no room either */
        const char *title = has_titles(context) ? columns[i].title : "";
        if (scols_table_new_column(table, title, 0, flags) == NULL)
            return FALSE;
    }
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
        if (!fill_row(table, context, columns, n_columns, row))
            return FALSE;
    }
    return TRUE;
}

/* Titles and rows, aligned, one a line; NULL where there is no memory. */
static char *align(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                   GVariant *rows, guint gap, guint width)
{
    g_autofree char *separator = g_strnfill(gap, ' ');
    g_autoptr(Table) table = scols_new_table();
    char *text = NULL;

    if (table == NULL)
        return NULL;
    scols_table_enable_minout(table, 1);
    scols_table_enable_noheadings(table, !has_titles(context));
    scols_table_set_column_separator(table, separator);
    scols_table_set_termforce(table, width != 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
    if (width != 0)
        scols_table_set_termwidth(table, width);
    if (!fill(table, context, columns, n_columns, rows) ||
        scols_print_table_to_string(table, &text) != 0 || text == NULL)
        return NULL;
    char *copy = g_strdup(text);
    free(text); /* libsmartcols allocates with malloc() */
    return copy;
}

/* libsmartcols prints no titles where there are no rows. */
static char *only_titles(const VhContext *context, const VhTableColumn *columns, guint n_columns)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < n_columns && has_titles(context); i++)
        g_string_append_printf(text, "%s%s", i != 0 ? "   " : "", columns[i].title);
    return g_string_free(text, FALSE);
}

/* How many cells of a terminal a character takes. */
static guint cells_of(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

/* Cuts a line where it gets wider than `width` (0: nowhere); how wide it is then. */
static guint clip(char *line, guint width)
{
    guint n = 0;

    if (!g_utf8_validate(line, -1, NULL))
        return (guint)strlen(line);
    for (char *at = line; *at != '\0'; at = g_utf8_next_char(at)) {
        guint more = cells_of(g_utf8_get_char(at));
        if (width != 0 && n + more > width) {
            *at = '\0';
            break;
        }
        n += more;
    }
    return n;
}

static guint widest_of(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint widest = 0;

    for (guint i = 0; lines[i] != NULL; i++)
        widest = MAX(widest, clip(g_strchomp(lines[i]), 0));
    return widest;
}

/* With the columns as far apart as the terminal allows; `width` 0: there is none. */
static char *align_to_fit(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                          GVariant *rows, guint width)
{
    for (guint gap = GAP; gap > 0; gap--) {
        g_autofree char *text = align(context, columns, n_columns, rows, gap, 0);
        if (text == NULL || width == 0 || widest_of(text) <= width)
            return g_steal_pointer(&text);
    }
    return align(context, columns, n_columns, rows, 1, width);
}

/* A blank before each line, dashes below the first, which holds the titles. libsmartcols cuts the
 * columns that may be cut; where that is not enough, lines are cut. */
static char *dress(const char *aligned, gboolean has_titles, guint width)
{
    g_auto(GStrv) lines = g_strsplit(aligned, "\n", -1);
    g_autoptr(GPtrArray) dressed = g_ptr_array_new_with_free_func(g_free);
    GString *text = g_string_new(NULL);
    guint widest = 0;

    for (guint i = 0; lines[i] != NULL; i++) {
        if (*lines[i] == '\0')
            continue;
        char *line = g_strconcat(" ", lines[i], NULL);
        widest = MAX(widest, clip(line, width));
        g_ptr_array_add(dressed, g_strchomp(line));
    }
    for (guint i = 0; i < dressed->len; i++) {
        g_string_append_printf(text, "%s\n", (const char *)g_ptr_array_index(dressed, i));
        guint n_dashes = width != 0 ? MIN(widest + OVERHANG, width) : widest + OVERHANG;
        for (guint j = 0; i == 0 && has_titles && j < n_dashes; j++)
            g_string_append_c(text, '-');
        if (i == 0 && has_titles)
            g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

/* Each row behind `key`, where there is one. */
static char *format_raw(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                        GVariant *rows, const char *key)
{
    GString *text = g_string_new(NULL);

    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
        if (key != NULL)
            g_string_append_printf(text, "%s\t", key);
        for (guint j = 0; j < n_columns; j++) {
            g_autofree char *cell = cell_of(context, &columns[j], row);
            g_autofree char *field = vh_raw_field(cell);
            g_string_append_printf(text, "%s%c", field, j + 1 < n_columns ? '\t' : '\n');
        }
    }
    return g_string_free(text, FALSE);
}

static char *format(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                    GVariant *rows, const char *key)
{
    const VhOutput *output = context->program->output;
    guint width = output->out_is_tty ? output->width : 0;

    if (vh_context_flag(context, "raw"))
        return format_raw(context, columns, n_columns, rows, key);
    g_autofree char *aligned =
        g_variant_n_children(rows) != 0
            ? align_to_fit(context, columns, n_columns, rows, width > 1 ? width - 1 : width)
            : only_titles(context, columns, n_columns);
    return dress(aligned != NULL ? aligned : "", has_titles(context), width);
}

char *vh_table_format(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                      GVariant *rows)
{
    return format(context, columns, n_columns, rows, NULL);
}

char *vh_table_format_list(const VhContext *context, const VhTableColumn *columns, guint n_columns,
                           GVariant *document, const char *key)
{
    g_autoptr(GVariant) rows = vh_doc_list(document, key);

    if (rows == NULL || g_variant_n_children(rows) == 0)
        return g_strdup("");
    return format(context, columns, n_columns, rows, key);
}

void vh_table_end(VhContext *context)
{
    if (!vh_program_is_virsh(context->program) && !vh_context_flag(context, "raw"))
        vh_context_print(context, "\n");
}
