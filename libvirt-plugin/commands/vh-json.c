/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk from GVariant to json-glib's nodes. */
#include "vh-json.h"

#include <json-glib/json-glib.h>
#include <math.h>

static JsonNode *node_of(GVariant *value);

static JsonNode *integer_node(guint64 value)
{
    return json_node_init_int(json_node_alloc(), (gint64)MIN(value, (guint64)G_MAXINT64));
}

static JsonNode *double_node(double value)
{
    JsonNode *node = json_node_alloc();
    return isfinite(value) ? json_node_init_double(node, value) : json_node_init_null(node);
}

static JsonNode *object_node(GVariant *value)
{
    g_autoptr(JsonObject) object = json_object_new();
    GVariantIter iter;
    const char *key;
    GVariant *member;

    g_variant_iter_init(&iter, value);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &member))
        json_object_set_member(object, key, node_of(member));
    return json_node_init_object(json_node_alloc(), object);
}

static JsonNode *array_node(GVariant *value)
{
    g_autoptr(JsonArray) array = json_array_new();

    for (gsize i = 0; i < g_variant_n_children(value); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(value, i);
        json_array_add_element(array, node_of(child));
    }
    return json_node_init_array(json_node_alloc(), array);
}

static JsonNode *node_of(GVariant *value)
{
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_BOOLEAN:
        return json_node_init_boolean(json_node_alloc(), g_variant_get_boolean(value));
    case G_VARIANT_CLASS_INT32:
        return json_node_init_int(json_node_alloc(), g_variant_get_int32(value));
    case G_VARIANT_CLASS_INT64:
        return json_node_init_int(json_node_alloc(), g_variant_get_int64(value));
    case G_VARIANT_CLASS_UINT32:
        return integer_node(g_variant_get_uint32(value));
    case G_VARIANT_CLASS_UINT64:
        return integer_node(g_variant_get_uint64(value));
    case G_VARIANT_CLASS_DOUBLE:
        return double_node(g_variant_get_double(value));
    case G_VARIANT_CLASS_STRING:
        return json_node_init_string(json_node_alloc(), g_variant_get_string(value, NULL));
    case G_VARIANT_CLASS_VARIANT: {
        g_autoptr(GVariant) inner = g_variant_get_variant(value);
        return node_of(inner);
    }
    case G_VARIANT_CLASS_ARRAY:
        return g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT) ? object_node(value)
                                                                   : array_node(value);
    default: /* documents hold nothing else; a reader sees that it was there */
        return json_node_init_null(json_node_alloc());
    }
}

char *vh_json_format(GVariant *document, gboolean is_pretty)
{
    g_autoptr(GVariant) held = g_variant_ref_sink(document);
    g_autoptr(JsonNode) root = node_of(held);
    g_autoptr(JsonGenerator) generator = json_generator_new();

    json_generator_set_root(generator, root);
    json_generator_set_pretty(generator, is_pretty);
    g_autofree char *text = json_generator_to_data(generator, NULL);
    return is_pretty ? g_strconcat(text, "\n", NULL) : g_steal_pointer(&text);
}
