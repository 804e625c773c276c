/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values from text, by the tables. A recording may come from anywhere: each key is checked, what is
 * not known is refused, and nothing is taken for granted but what the scanner has seen.
 */
#include "vh-trace-value.h"

#include "vh-text.h"
#include "vh-trace.h"

#include <math.h>
#include <string.h>

#define TEXT_MAX 4096 /* bytes of a name, an address or a message */

static void add_place(GString *text, const VhTracePlace *place)
{
    if (!place)
        return;
    add_place(text, place->parent);
    if (!place->key) {
        g_string_append_printf(text, "/%u", place->index);
        return;
    }
    g_autofree char *quoted = vh_text_quote(place->key);
    g_string_append_printf(text, "/%.*s", (int)strlen(quoted) - 2, quoted + 1);
}

gboolean vh_trace_refuse(const VhTracePlace *place, GError **error, const char *format, ...)
{
    g_autoptr(GString) path = g_string_new(NULL);
    va_list arguments;

    add_place(path, place);
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s%s%s", path->str, path->len ? ": " : "",
                what);
    return FALSE;
}

static const char *text_of(JsonNode *node)
{
    return json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

JsonArray *vh_trace_read_array(JsonNode *node, const VhTracePlace *place, GError **error)
{
    if (json_node_get_node_type(node) == JSON_NODE_ARRAY)
        return json_node_get_array(node);
    vh_trace_refuse(place, error, "not an array; write one");
    return NULL;
}

JsonObject *vh_trace_read_object(JsonNode *node, const VhTracePlace *place, GError **error)
{
    if (json_node_get_node_type(node) == JSON_NODE_OBJECT)
        return json_node_get_object(node);
    vh_trace_refuse(place, error, "not an object; write one");
    return NULL;
}

gboolean vh_trace_read_integer(JsonNode *node, const VhTracePlace *place, gint64 least, gint64 most,
                               gint64 *ret_value, GError **error)
{
    gboolean is_integer = json_node_get_value_type(node) == G_TYPE_INT64;
    gint64 value = is_integer ? json_node_get_int(node) : 0;

    if (!is_integer || value < least || value > most)
        return vh_trace_refuse(place, error,
                               "not a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                               least, most);
    *ret_value = value;
    return TRUE;
}

static gboolean read_bytes(JsonNode *node, const VhTracePlace *place, guint64 *ret_bytes,
                           GError **error)
{
    const char *text = text_of(node);
    gint64 value;

    if (text) {
        if (g_ascii_string_to_unsigned(text, 10, (guint64)G_MAXINT64 + 1, G_MAXUINT64, ret_bytes,
                                       NULL))
            return TRUE;
        return vh_trace_refuse(place, error,
                               "not a string of digits; only numbers from 2^63 on are one");
    }
    if (!vh_trace_read_integer(node, place, 0, G_MAXINT64, &value, error))
        return FALSE;
    *ret_bytes = (guint64)value;
    return TRUE;
}

static gboolean read_double(JsonNode *node, const VhTracePlace *place, double *ret_value,
                            GError **error)
{
    const char *text = text_of(node);

    if (json_node_get_value_type(node) == G_TYPE_DOUBLE ||
        json_node_get_value_type(node) == G_TYPE_INT64)
        *ret_value = json_node_get_double(node);
    else if (g_strcmp0(text, "inf") == 0)
        *ret_value = (double)INFINITY;
    else if (g_strcmp0(text, "-inf") == 0)
        *ret_value = (double)-INFINITY;
    else if (g_strcmp0(text, "nan") == 0)
        *ret_value = (double)NAN;
    else
        return vh_trace_refuse(place, error, "not a number, \"inf\", \"-inf\" or \"nan\"");
    return TRUE;
}

gboolean vh_trace_read_text(VhTraceContext *context, JsonNode *node, const VhTracePlace *place,
                            const char **ret_text, GError **error)
{
    const char *text = text_of(node);

    if (!text || strlen(text) > TEXT_MAX)
        return vh_trace_refuse(place, error, "not a string of at most %d bytes", TEXT_MAX);
    *ret_text = vh_snapshot_string(context->snapshot, text);
    return TRUE;
}

/* Which of the words it is; -1 with an error. */
int vh_trace_read_word(JsonNode *node, const VhTraceWords *words, const VhTracePlace *place,
                       GError **error)
{
    const char *text = text_of(node);

    for (guint i = 0; text && i < words->n; i++) {
        if (g_str_equal(words->name(i), text))
            return (int)i;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < words->n; i++)
        g_ptr_array_add(names, (gpointer)words->name(i));
    g_ptr_array_add(names, NULL);
    g_autofree char *quoted = vh_text_quote(text);
    g_autofree char *right = vh_text_join_or((const char *const *)names->pdata);
    vh_trace_refuse(place, error, "%s is not known; write %s", text ? quoted : "this", right);
    return -1;
}

static gboolean read_words(JsonNode *node, const VhTraceWords *words, const VhTracePlace *place,
                           guint *ret_bits, GError **error)
{
    JsonArray *array = vh_trace_read_array(node, place, error);
    guint bits = 0;

    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        const VhTracePlace at = {place, NULL, i};
        int word = vh_trace_read_word(json_array_get_element(array, i), words, &at, error);
        if (word < 0)
            return FALSE;
        bits |= 1u << word;
    }
    *ret_bits = bits;
    return array != NULL;
}

/* An expression that the policy does not have is of no use to it, and no error. */
static gboolean read_xpaths(const VhTraceContext *context, JsonNode *node,
                            const VhTracePlace *place, guint64 *ret_hits, GError **error)
{
    const VhConfig *config = context->target ? context->target : context->config;
    JsonArray *array = vh_trace_read_array(node, place, error);
    guint64 hits = 0;

    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        const VhTracePlace at = {place, NULL, i};
        const char *text = text_of(json_array_get_element(array, i));
        if (!text)
            return vh_trace_refuse(&at, error, "not an XPath expression; write a string");
        for (guint j = 0; j < config->n_matches; j++) {
            const VhMatch *match = &config->matches[j];
            if (match->kind == VH_MATCH_XPATH && g_str_equal(match->xpath, text))
                hits |= G_GUINT64_CONSTANT(1) << match->xpath_index;
        }
    }
    *ret_hits = hits;
    return array != NULL;
}

static gboolean read_times(const VhTraceField *field, JsonNode *node, const VhTracePlace *place,
                           gpointer base, GError **error)
{
    JsonArray *array = vh_trace_read_array(node, place, error);
    gint64 *times = (gint64 *)vh_trace_at(base, field->offset);

    if (!array)
        return FALSE;
    if (json_array_get_length(array) > field->maximum)
        return vh_trace_refuse(place, error, "more than %u times; leave out the oldest",
                               field->maximum);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        const VhTracePlace at = {place, NULL, i};
        if (!vh_trace_read_integer(json_array_get_element(array, i), &at, -VH_TRACE_SIGNED_MAX,
                                   VH_TRACE_SIGNED_MAX, &times[i], error))
            return FALSE;
    }
    *(guint *)vh_trace_at(base, field->count_offset) = json_array_get_length(array);
    return TRUE;
}

gboolean vh_trace_read_list(VhTraceContext *context, const VhTraceSection *section, JsonNode *node,
                            const VhTracePlace *place, GArray *list, GError **error)
{
    JsonArray *array = vh_trace_read_array(node, place, error);

    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        const VhTracePlace at = {place, NULL, i};
        JsonObject *object = vh_trace_read_object(json_array_get_element(array, i), &at, error);
        if (!object)
            return FALSE;
        g_array_set_size(list, i + 1);
        if (!vh_trace_read_section(context, section, object, NULL, &at,
                                   list->data + i * section->size, error))
            return FALSE;
    }
    return array != NULL;
}

static gboolean read_class(const VhTraceContext *context, JsonNode *node, const VhTracePlace *place,
                           guint *ret_class, GError **error)
{
    const char *text = text_of(node);
    int index = text ? vh_config_find_class(context->config, text) : -1;

    if (index < 0)
        return vh_trace_refuse(place, error, "not a class of the recorded policy");
    *ret_class = (guint)index;
    return TRUE;
}

static gboolean read_class_text(JsonNode *node, const VhTracePlace *place, char *ret_text,
                                GError **error)
{
    const char *text = text_of(node);

    if (!text || !vh_class_name_is_valid(text))
        return vh_trace_refuse(place, error, "not the name of a class: 1 to 63 of a-z, 0-9 and -");
    g_strlcpy(ret_text, text, VH_CLASS_NAME_MAX);
    return TRUE;
}

static gboolean read_uuid(JsonNode *node, const VhTracePlace *place, VhUuid *ret_uuid,
                          GError **error)
{
    const char *text = text_of(node);

    if (!text || !vh_uuid_parse(text, ret_uuid, NULL))
        return vh_trace_refuse(place, error, "not a UUID");
    return TRUE;
}

/* Values that are not plain integers. */
static gboolean read_other(VhTraceContext *context, const VhTraceField *field, JsonNode *node,
                           const VhTracePlace *place, gpointer base, GError **error)
{
    gpointer target = (gpointer)vh_trace_at(base, field->offset);
    JsonObject *object;

    switch (field->type) {
    case VH_TRACE_UUID:
        return read_uuid(node, place, target, error);
    case VH_TRACE_TEXT:
        return vh_trace_read_text(context, node, place, target, error);
    case VH_TRACE_CLASS_TEXT:
        return read_class_text(node, place, target, error);
    case VH_TRACE_WORDS:
        return read_words(node, field->words, place, target, error);
    case VH_TRACE_CLASS:
        return read_class(context, node, place, target, error);
    case VH_TRACE_XPATHS:
        return read_xpaths(context, node, place, target, error);
    case VH_TRACE_TIMES:
        return read_times(field, node, place, base, error);
    case VH_TRACE_STRUCT:
        object = vh_trace_read_object(node, place, error);
        return object &&
               vh_trace_read_section(context, field->section, object, NULL, place, target, error);
    default:
        return vh_trace_read_list(context, field->section, node, place, *(GArray **)target, error);
    }
}

static gboolean read_field(VhTraceContext *context, const VhTraceField *field, JsonNode *node,
                           const VhTracePlace *place, gpointer base, GError **error)
{
    gpointer target = (gpointer)vh_trace_at(base, field->offset);
    gint64 value;

    switch (field->type) {
    case VH_TRACE_BOOL:
        if (json_node_get_value_type(node) != G_TYPE_BOOLEAN)
            return vh_trace_refuse(place, error, "not true or false");
        *(gboolean *)target = json_node_get_boolean(node);
        return TRUE;
    case VH_TRACE_UINT:
        if (!vh_trace_read_integer(node, place, 0, G_MAXUINT, &value, error))
            return FALSE;
        *(guint *)target = (guint)value;
        return TRUE;
    case VH_TRACE_INT:
        if (!vh_trace_read_integer(node, place, G_MININT, G_MAXINT, &value, error))
            return FALSE;
        *(int *)target = (int)value;
        return TRUE;
    case VH_TRACE_SIGNED:
        return vh_trace_read_integer(node, place, -VH_TRACE_SIGNED_MAX, VH_TRACE_SIGNED_MAX, target,
                                     error);
    case VH_TRACE_BYTES:
        return read_bytes(node, place, target, error);
    case VH_TRACE_DOUBLE:
        return read_double(node, place, target, error);
    case VH_TRACE_WORD:
        *(int *)target = vh_trace_read_word(node, field->words, place, error);
        return *(int *)target >= 0;
    default:
        return read_other(context, field, node, place, base, error);
    }
}

static void set_otherwise(const VhTraceField *field, gpointer base)
{
    gpointer target = (gpointer)vh_trace_at(base, field->offset);

    for (guint i = 0; field->type == VH_TRACE_STRUCT && i < field->section->n_fields; i++)
        set_otherwise(&field->section->fields[i], target);
    if (field->otherwise != 0) /* integers only, all of them narrow */
        *(int *)target = (int)field->otherwise;
}

guint vh_trace_count_members(JsonObject *object, const char *const *names)
{
    guint n = 0;

    for (; names && *names; names++)
        n += json_object_has_member(object, *names) ? 1 : 0;
    return n;
}

/* Some key of the object is no field; which? */
gboolean vh_trace_refuse_unknown(const VhTraceSection *section, JsonObject *object,
                                 const char *const *others, const VhTracePlace *place,
                                 GError **error)
{
    JsonObjectIter iter;
    const char *name;

    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, NULL)) {
        gboolean is_known = others && g_strv_contains(others, name);
        for (guint i = 0; !is_known && section && i < section->n_fields; i++)
            is_known = g_str_equal(section->fields[i].key, name);
        const VhTracePlace at = {place, name, 0};
        if (!is_known)
            return vh_trace_refuse(&at, error, "unknown key; format %d does not have it",
                                   VH_TRACE_FORMAT);
    }
    g_return_val_if_reached(FALSE);
}

/* The members of an object into the struct at `base`, whose bytes are zero. `others` are keys
 * beside the section's, which the caller reads. */
gboolean vh_trace_read_section(VhTraceContext *context, const VhTraceSection *section,
                               JsonObject *object, const char *const *others,
                               const VhTracePlace *place, gpointer base, GError **error)
{
    guint n_read = 0, figures = 0;

    for (guint i = 0; i < section->n_fields; i++) {
        const VhTraceField *field = &section->fields[i];
        JsonNode *node = json_object_get_member(object, field->key);
        const VhTracePlace at = {place, field->key, 0};
        if (!node) {
            if (field->is_required)
                return vh_trace_refuse(&at, error, "missing; it must be given");
            set_otherwise(field, base);
            continue;
        }
        if (!read_field(context, field, node, &at, base, error))
            return FALSE;
        n_read++;
        figures |= field->figure;
    }
    if (section == &vh_trace_domain)
        ((VhDomain *)base)->figures = figures;
    if (n_read + vh_trace_count_members(object, others) == json_object_get_size(object))
        return TRUE;
    return vh_trace_refuse_unknown(section, object, others, place, error);
}
