/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One table per method says which options there are. */
#include "vh-dbus-options.h"

#include "vh-text.h"

static const VhDbusOption *find(const VhDbusOption *table, const char *key)
{
    for (guint i = 0; table[i].key != NULL; i++) {
        if (g_str_equal(key, table[i].key))
            return &table[i];
    }
    return NULL;
}

static void refuse(const VhDbusOption *table, const char *key, GError **error)
{
    g_autofree char *quoted = vh_text_quote(key);
    g_autoptr(GString) known = g_string_new(NULL);

    for (guint i = 0; table[i].key != NULL; i++)
        g_string_append_printf(known, "%s%s", i > 0 ? ", " : "", table[i].key);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "unknown option %s; there are: %s", quoted,
                known->str);
}

gboolean vh_dbus_options_read(GVariant *options, const VhDbusOption *table, gpointer target,
                              GError **error)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_iter_init(&iter, options);
    while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
        g_autoptr(GVariant) held = value;
        const VhDbusOption *option = find(table, key);
        if (option == NULL) {
            refuse(table, key, error);
            return FALSE;
        }
        if (!option->take(held, target, error))
            return FALSE;
    }
    return TRUE;
}

gboolean vh_dbus_options_take_deadline(GVariant *value, gint64 *ret_us, GError **error)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_INT64) && g_variant_get_int64(value) > 0) {
        *ret_us = g_variant_get_int64(value);
        return TRUE;
    }
    g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                        "deadline_us: microseconds above 0, as a 64-bit signed integer (x)");
    return FALSE;
}
