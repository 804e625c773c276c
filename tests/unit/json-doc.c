/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of docs/json.md: under headings with section names in backquotes, rows of a key and
 * its type in backquotes. */
#include "json-doc.h"

#include <string.h>

struct JsonDoc {
    GHashTable *types; /* "section key" -> type */
    GHashTable *seen;  /* "section key" */
};

/* The words in backquotes of a line; free with g_ptr_array_unref(). */
static GPtrArray *quoted_words(const char *line)
{
    g_auto(GStrv) parts = g_strsplit(line, "`", -1);
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 1; parts[i] != NULL && parts[i + 1] != NULL; i += 2)
        g_ptr_array_add(words, g_strdup(parts[i]));
    return words;
}

static void take_row(JsonDoc *doc, const GPtrArray *sections, const char *line)
{
    g_autoptr(GPtrArray) words = quoted_words(line);

    for (guint i = 0; words->len >= 2 && i < sections->len; i++)
        g_hash_table_insert(doc->types,
                            g_strdup_printf("%s %s", (char *)g_ptr_array_index(sections, i),
                                            (char *)g_ptr_array_index(words, 0)),
                            g_strdup(g_ptr_array_index(words, 1)));
}

JsonDoc *json_doc_new(void)
{
    JsonDoc *doc = g_new0(JsonDoc, 1);
    g_autoptr(GPtrArray) sections = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    g_file_get_contents(VH_SOURCE_ROOT "/docs/json.md", &text, NULL, &error);
    g_assert_no_error(error);
    doc->types = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    doc->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] == '#') {
            g_ptr_array_unref(sections);
            sections = quoted_words(lines[i]);
        } else if (g_str_has_prefix(lines[i], "| `")) {
            take_row(doc, sections, lines[i]);
        }
    }
    return doc;
}

void json_doc_free(JsonDoc *doc)
{
    if (doc == NULL)
        return;
    g_hash_table_unref(doc->types);
    g_hash_table_unref(doc->seen);
    g_free(doc);
}

void json_doc_check(JsonDoc *doc, const char *section, GVariant *document)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_iter_init(&iter, document);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
        char *path = g_strdup_printf("%s %s", section, key);
        const char *type = g_hash_table_lookup(doc->types, path);
        if (type == NULL)
            g_error("docs/json.md: section '%s' lacks the key '%s'", section, key);
        if (!g_str_equal(type, g_variant_get_type_string(value)))
            g_error("docs/json.md: %s.%s is of type %s, not %s", section, key,
                    g_variant_get_type_string(value), type);
        g_hash_table_add(doc->seen, path);
        g_autofree char *inner = g_strdup_printf("%s.%s", section, key);
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT)) {
            json_doc_check(doc, inner, value);
        } else if (g_variant_is_of_type(value, G_VARIANT_TYPE("aa{sv}"))) {
            for (gsize i = 0; i < g_variant_n_children(value); i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);
                json_doc_check(doc, inner, child);
            }
        }
    }
}

void json_doc_check_key(JsonDoc *doc, const char *section, const char *key)
{
    g_autofree char *path = g_strdup_printf("%s %s", section, key);

    if (!g_hash_table_contains(doc->types, path))
        g_error("docs/json.md: section '%s' lacks the key '%s'", section, key);
}

void json_doc_check_all_seen(JsonDoc *doc, const char *section)
{
    g_autofree char *prefix = g_strdup_printf("%s ", section);
    GHashTableIter iter;
    gpointer path;
    guint n = 0;

    g_hash_table_iter_init(&iter, doc->types);
    while (g_hash_table_iter_next(&iter, &path, NULL)) {
        if (!g_str_has_prefix(path, prefix))
            continue;
        n++;
        if (!g_hash_table_contains(doc->seen, path))
            g_error("docs/json.md lists '%s', which no document has", (char *)path);
    }
    g_assert_cmpuint(n, >, 0);
}
