/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GOption does the parsing; here its entries come from the table, and its errors get better. */
#include "vh-parse.h"

#include "vh-units.h"

typedef struct {
    gboolean flag;
    char *text;
    char **texts;
} Slot;

static GOptionEntry entry_of(const VhOption *option, Slot *slot)
{
    GOptionEntry entry = {.long_name = option->name, .short_name = option->letter};

    switch (option->kind) {
    case VH_OPTION_FLAG:
        entry.arg = G_OPTION_ARG_NONE;
        entry.arg_data = &slot->flag;
        break;
    case VH_OPTION_TEXTS:
        entry.arg = G_OPTION_ARG_STRING_ARRAY;
        entry.arg_data = &slot->texts;
        break;
    case VH_OPTION_TEXT:
    case VH_OPTION_SIZE:
    case VH_OPTION_DURATION:
        entry.arg = G_OPTION_ARG_STRING;
        entry.arg_data = &slot->text;
        break;
    }
    return entry;
}

/* The first argument that looks like a long option and is none of ours. */
static char *find_unknown(const VhContext *context, int argc, char *const *argv)
{
    for (int i = 1; i < argc && !g_str_equal(argv[i], "--"); i++) {
        if (!g_str_has_prefix(argv[i], "--"))
            continue;
        g_auto(GStrv) parts = g_strsplit(argv[i] + 2, "=", 2);
        gboolean is_known = FALSE;
        for (guint j = 0; j < context->values->len; j++)
            is_known |=
                g_str_equal(g_array_index(context->values, VhValue, j).option->name, parts[0]);
        if (!is_known)
            return g_strdup(parts[0]);
    }
    return NULL;
}

/* GOption's sentence ends without a hint: the nearest option, or where to read on. */
static void explain_error(const VhContext *context, int argc, char *const *argv,
                          const GError *reason, GError **error)
{
    g_autofree char *unknown =
        g_error_matches(reason, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)
            ? find_unknown(context, argc, argv)
            : NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (unknown == NULL) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID, reason->message);
        return;
    }
    for (guint i = 0; i < context->values->len; i++)
        g_ptr_array_add(names, (char *)g_array_index(context->values, VhValue, i).option->name);
    const char *nearest =
        vh_command_nearest(unknown, (const char *const *)names->pdata, names->len);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "unknown option --%s%s%s%s", unknown,
                nearest != NULL ? "; did you mean --" : "", nearest != NULL ? nearest : "",
                nearest != NULL ? "?" : "");
}

/* Takes what GOption put into a slot over into a value, reading quantities. */
static gboolean take_slot(VhValue *value, Slot *slot, GError **error)
{
    const VhOption *option = value->option;

    if (slot->flag || slot->text != NULL || slot->texts != NULL)
        value->is_set = TRUE;
    if (slot->texts != NULL) {
        g_strfreev(value->texts);
        value->texts = g_steal_pointer(&slot->texts);
    }
    if (slot->text == NULL)
        return TRUE;
    g_free(value->text);
    value->text = g_steal_pointer(&slot->text);
    gboolean is_good = TRUE;
    if (option->kind == VH_OPTION_SIZE)
        is_good = vh_parse_size(value->text, &value->bytes, error);
    else if (option->kind == VH_OPTION_DURATION)
        is_good = vh_parse_duration(value->text, &value->us, error);
    if (!is_good)
        g_prefix_error(error, "--%s: ", option->name);
    return is_good;
}

static void clear_slot(gpointer data)
{
    Slot *slot = data;

    g_free(slot->text);
    g_strfreev(slot->texts);
}

/*
 * What is left in argv after the options. GOption leaves a "--" where an operand behind it looks
 * like an option; behind a command it is that command's, not the program's.
 */
static void take_operands(VhContext *context, char **argv, gboolean stop_at_operand)
{
    gboolean may_drop = TRUE;

    for (guint i = 1; argv[0] != NULL && argv[i] != NULL; i++) {
        if (may_drop && g_str_equal(argv[i], "--")) {
            may_drop = FALSE;
            continue;
        }
        may_drop = may_drop && !stop_at_operand;
        g_ptr_array_add(context->operands, g_strdup(argv[i]));
    }
}

gboolean vh_parse_arguments(VhContext *context, int argc, char *const *argv,
                            gboolean stop_at_operand, GError **error)
{
    guint n = context->values->len;
    g_autoptr(GArray) slots = g_array_sized_new(FALSE, TRUE, sizeof(Slot), n);
    g_autofree GOptionEntry *entries = g_new0(GOptionEntry, n + 1);
    g_autoptr(GOptionContext) parser = g_option_context_new(NULL);
    g_autoptr(GError) reason = NULL;

    g_array_set_clear_func(slots, clear_slot);
    g_array_set_size(slots, n);
    for (guint i = 0; i < n; i++)
        entries[i] = entry_of(g_array_index(context->values, VhValue, i).option,
                              &g_array_index(slots, Slot, i));
    g_option_context_add_main_entries(parser, entries, NULL);
    g_option_context_set_help_enabled(parser, FALSE);
    g_option_context_set_strict_posix(parser, stop_at_operand);

    g_auto(GStrv) rest = g_new0(char *, (gsize)argc + 1);
    for (int i = 0; i < argc; i++)
        rest[i] = g_strdup(argv[i]);
    if (!g_option_context_parse_strv(parser, &rest, &reason)) {
        explain_error(context, argc, argv, reason, error);
        return FALSE;
    }
    for (guint i = 0; i < n; i++) {
        if (!take_slot(&g_array_index(context->values, VhValue, i), &g_array_index(slots, Slot, i),
                       error))
            return FALSE;
    }
    take_operands(context, rest, stop_at_operand);
    return TRUE;
}

void vh_parse_inherit(VhContext *to, const VhContext *from)
{
    for (guint i = 0; i < from->values->len && i < to->values->len; i++) {
        const VhValue *source = &g_array_index(from->values, VhValue, i);
        VhValue *value = &g_array_index(to->values, VhValue, i);
        if (!source->is_set || value->is_set || source->option != value->option)
            continue;
        value->is_set = TRUE;
        value->text = g_strdup(source->text);
        value->texts = g_strdupv(source->texts);
        value->bytes = source->bytes;
        value->us = source->us;
    }
}
