/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows no document: it turns any a{sv} into lines. */
#include "vh-raw.h"

#include "vh-json.h"

char *vh_raw_field(const char *text)
{
    GString *field = g_string_new(NULL);

    for (const char *c = text != NULL && *text != '\0' ? text : "-"; *c != '\0'; c++) {
        if (*c == '\\')
            g_string_append(field, "\\\\");
        else if (g_ascii_iscntrl(*c))
            g_string_append_printf(field, "\\x%02x", (guint)*c);
        else
            g_string_append_c(field, *c);
    }
    return g_string_free(field, FALSE);
}

char *vh_raw_value(GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
        return g_strdup(g_variant_get_boolean(value) ? "yes" : "no");
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        return g_variant_dup_string(value, NULL);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY)) {
        g_autofree const char **texts = g_variant_get_strv(value, NULL);
        return g_strjoinv("; ", (char **)texts);
    }
    return vh_json_format(value, FALSE);
}

static void add(GString *text, const char *prefix, GVariant *document)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_iter_init(&iter, document);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT)) {
            g_autofree char *longer = g_strconcat(prefix, key, ".", NULL);
            add(text, longer, value);
        } else if (!g_variant_is_of_type(value, G_VARIANT_TYPE("aa{sv}"))) {
            g_autofree char *plain = vh_raw_value(value);
            g_autofree char *field = vh_raw_field(plain);
            g_string_append_printf(text, "%s%s\t%s\n", prefix, key, field);
        }
    }
}

char *vh_raw_format(GVariant *document)
{
    GString *text = g_string_new(NULL);

    add(text, "", document);
    return g_string_free(text, FALSE);
}
