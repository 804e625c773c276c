/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed look-ups in a{sv}. */
#include "vh-doc.h"

gboolean vh_doc_get_bytes(GVariant *doc, const char *key, guint64 *ret_bytes)
{
    guint32 count;

    if (g_variant_lookup(doc, key, "t", ret_bytes))
        return TRUE;
    if (!g_variant_lookup(doc, key, "u", &count))
        return FALSE;
    *ret_bytes = count;
    return TRUE;
}

gboolean vh_doc_get_us(GVariant *doc, const char *key, gint64 *ret_us)
{
    return g_variant_lookup(doc, key, "x", ret_us);
}

gboolean vh_doc_flag(GVariant *doc, const char *key)
{
    gboolean flag = FALSE;

    g_variant_lookup(doc, key, "b", &flag);
    return flag;
}

const char *vh_doc_text(GVariant *doc, const char *key)
{
    const char *text = "";

    g_variant_lookup(doc, key, "&s", &text);
    return text;
}

GVariant *vh_doc_dict(GVariant *doc, const char *key)
{
    return g_variant_lookup_value(doc, key, G_VARIANT_TYPE_VARDICT);
}

GVariant *vh_doc_list(GVariant *doc, const char *key)
{
    return g_variant_lookup_value(doc, key, G_VARIANT_TYPE("aa{sv}"));
}

char **vh_doc_texts(GVariant *doc, const char *key)
{
    char **texts = NULL;

    g_variant_lookup(doc, key, "^as", &texts);
    return texts;
}
