/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy as text, and the documentation's tables, both by the tables of vh-policy-keys.h: what
 * can be read can be written, and is documented.
 */
#include "vh-policy-text.h"

#include "vh-policy-value.h"

#include <string.h>

static JsonNode *write_key(const VhConfig *config, const VhPolicyKey *key, gconstpointer base);

static JsonNode *take_object(JsonObject *object)
{
    return json_node_init_object(json_node_alloc(), object);
}

static JsonNode *take_array(JsonArray *array)
{
    JsonNode *node = json_node_init_array(json_node_alloc(), array);
    json_array_unref(array);
    return node;
}

static JsonNode *write_section(const VhConfig *config, const VhPolicySection *section,
                               gconstpointer base)
{
    g_autoptr(JsonObject) object = json_object_new();
    for (guint i = 0; i < section->n_keys; i++) {
        JsonNode *node = write_key(config, &section->keys[i], base);
        if (node) {
            json_object_set_member(object, section->keys[i].name, node);
        }
    }
    return take_object(object);
}

static JsonNode *write_classes(const VhConfig *config, const VhPolicySection *section)
{
    g_autoptr(JsonObject) object = json_object_new();
    for (guint i = 0; i < config->n_classes; i++) {
        json_object_set_member(object, config->classes[i].name,
                               write_section(config, section, &config->classes[i]));
    }
    return take_object(object);
}

static JsonNode *write_matches(const VhConfig *config, const VhPolicySection *section)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < config->n_matches; i++) {
        json_array_add_element(array, write_section(config, section, &config->matches[i]));
    }
    return take_array(array);
}

static JsonNode *write_schedules(const VhConfig *config, const VhPolicySection *section)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < config->n_schedules; i++) {
        json_array_add_element(array, write_section(config, section, &config->schedules[i]));
    }
    return take_array(array);
}

static JsonNode *write_set(const VhConfig *config, const VhPolicySection *section,
                           const VhSchedule *schedule)
{
    g_autoptr(JsonObject) object = json_object_new();
    for (guint i = 0; i < section->n_keys; i++) {
        if (schedule->keys & section->keys[i].flag) {
            json_object_set_member(object, section->keys[i].name,
                                   write_key(config, &section->keys[i], &schedule->values));
        }
    }
    return take_object(object);
}

static JsonNode *write_namespaces(const VhConfig *config)
{
    g_autoptr(JsonObject) object = json_object_new();
    for (guint i = 0; i < config->n_namespaces; i++) {
        json_object_set_string_member(object, config->namespaces[i].prefix,
                                      config->namespaces[i].uri);
    }
    return take_object(object);
}

static JsonNode *write_facts(guint facts)
{
    JsonArray *array = json_array_new();
    for (guint fact = 1; fact <= VH_FACT_LAST; fact <<= 1) {
        if (facts & fact) {
            json_array_add_string_element(array, vh_fact_name((VhFact)fact));
        }
    }
    return take_array(array);
}

static JsonNode *write_allow(const VhConfig *config)
{
    JsonArray *array = json_array_new();
    for (guint key = 1; key <= config->override_keys; key <<= 1) {
        if (config->override_keys & key) {
            json_array_add_string_element(array, vh_override_key_name((VhOverrideKey)key));
        }
    }
    return take_array(array);
}

static JsonNode *write_forbid(const VhConfig *config)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < config->n_classes; i++) {
        if (config->override_forbidden[i]) {
            json_array_add_string_element(array, config->classes[i].name);
        }
    }
    return take_array(array);
}

static JsonNode *string_node(const char *text)
{
    return json_node_init_string(json_node_alloc(), text);
}

/* Whom a match is for; NULL where the key is another way than its own. */
static JsonNode *write_subject(const VhPolicyKey *key, const VhMatch *match)
{
    char uuid[VH_UUID_TEXT];
    switch (key->kind) {
    case VH_KEY_GLOB:
        return match->kind == VH_MATCH_NAME ? string_node(match->name_glob) : NULL;
    case VH_KEY_UUID:
        return match->kind == VH_MATCH_UUID ? string_node(vh_uuid_format(&match->uuid, uuid))
                                            : NULL;
    case VH_KEY_XPATH:
        return match->kind == VH_MATCH_XPATH ? string_node(match->xpath) : NULL;
    default:
        return match->kind == VH_MATCH_FACTS ? write_facts(match->facts) : NULL;
    }
}

/* NULL where the key says nothing here. */
static JsonNode *write_key(const VhConfig *config, const VhPolicyKey *key, gconstpointer base)
{
    g_autofree char *when = NULL;
    switch (key->kind) {
    case VH_KEY_SECTION:
        return write_section(config, key->section, (const guint8 *)base + key->offset);
    case VH_KEY_CLASSES:
        return write_classes(config, key->section);
    case VH_KEY_MATCHES:
        return write_matches(config, key->section);
    case VH_KEY_NAMESPACES:
        return write_namespaces(config);
    case VH_KEY_SCHEDULES:
        return write_schedules(config, key->section);
    case VH_KEY_WHEN:
        when = vh_policy_when_format(base);
        return string_node(when);
    case VH_KEY_SET:
        return write_set(config, key->section, base);
    case VH_KEY_ALLOW:
        return write_allow(config);
    case VH_KEY_FORBID:
        return write_forbid(config);
    case VH_KEY_CLASS: {
        guint index = *(const guint *)(gconstpointer)((const guint8 *)base + key->offset);
        return string_node(config->classes[index].name);
    }
    case VH_KEY_FACTS:
        if (key->offset != VH_KEY_NOWHERE) {
            return write_facts(*(const guint *)(gconstpointer)((const guint8 *)base + key->offset));
        }
        return write_subject(key, base);
    case VH_KEY_GLOB:
    case VH_KEY_UUID:
    case VH_KEY_XPATH:
        return write_subject(key, base);
    default:
        return vh_policy_value_write(key, base);
    }
}

char *vh_policy_format(const VhConfig *config)
{
    JsonNode *root = write_section(config, &vh_policy_top, config);
    g_autoptr(JsonGenerator) generator = json_generator_new();
    json_generator_set_root(generator, root);
    json_generator_set_pretty(generator, TRUE);
    g_autofree char *text = json_generator_to_data(generator, NULL);
    json_node_unref(root);
    return g_strconcat(text, "\n", NULL);
}

/* A value as a reader of the documentation would write it, quotes left out. NULL where the key says
 * nothing. Free with g_free(). */
static char *value_text(const VhConfig *config, const VhPolicyKey *key, gconstpointer base)
{
    JsonNode *node = write_key(config, key, base);
    if (!node) {
        return NULL;
    }
    char *text = json_node_get_value_type(node) == G_TYPE_STRING
                     ? g_strdup(json_node_get_string(node))
                     : json_to_string(node, FALSE);
    json_node_unref(node);
    return text;
}

/* Text of the key table, whose `words` are in backquotes, in reStructuredText. */
static char *rst_text(const char *doc)
{
    g_auto(GStrv) parts = g_strsplit(doc, "`", -1);
    return g_strjoinv("``", parts);
}

static void document_row(GPtrArray *rows, const VhConfig *config, const char *path,
                         const VhPolicyKey *key, gconstpointer base)
{
    g_autofree char *range = vh_policy_value_range(key);
    g_autofree char *value = base ? value_text(config, key, base) : NULL;
    g_autofree char *doc = rst_text(key->doc);
    GString *row = g_string_new(NULL);
    g_string_printf(row, "``%s%s`` (%s", path, key->name, vh_policy_value_type(key));
    if (*range) {
        g_string_append_printf(row, ", %s", range);
    }
    if (value) {
        g_string_append_printf(row, "; default ``%s``", value);
    }
    g_string_append_printf(row, ") %s", doc);
    g_ptr_array_add(rows, g_string_free(row, FALSE));
}

static void document_section(GPtrArray *rows, const VhConfig *config, const char *path,
                             const VhPolicySection *section, gconstpointer base)
{
    for (guint i = 0; i < section->n_keys; i++) {
        const VhPolicyKey *key = &section->keys[i];
        g_autofree char *inner = NULL;
        gconstpointer inner_base = NULL;
        if (key->kind == VH_KEY_SECTION) {
            inner = g_strdup_printf("%s%s.", path, key->name);
            inner_base = (const guint8 *)base + key->offset;
        } else if (key->kind == VH_KEY_CLASSES) {
            inner = g_strdup_printf("%s%s.NAME.", path, key->name);
            inner_base = &config->classes[config->default_class];
        } else if (key->kind == VH_KEY_MATCHES || key->kind == VH_KEY_SCHEDULES) {
            inner = g_strdup_printf("%s%s[].", path, key->name);
        } else {
            document_row(rows, config, path, key, base);
            continue;
        }
        document_section(rows, config, inner, key->section, inner_base);
    }
}

static void document_classes(GPtrArray *rows, const VhConfig *config)
{
    const VhPolicySection *section = vh_policy_section_find(&vh_policy_top, "classes")->section;
    for (guint i = 0; i < section->n_keys; i++) {
        GString *row = g_string_new(NULL);
        g_string_printf(row, "``%s``", section->keys[i].name);
        for (guint j = 0; j < config->n_classes; j++) {
            g_autofree char *value = value_text(config, &section->keys[i], &config->classes[j]);
            g_string_append_printf(row, " ``%s``", value);
        }
        g_ptr_array_add(rows, g_string_free(row, FALSE));
    }
}

char **vh_policy_document(void)
{
    g_autoptr(VhConfig) config = vh_config_new();
    GPtrArray *rows = g_ptr_array_new();
    document_section(rows, config, "", &vh_policy_top, config);
    document_classes(rows, config);
    g_ptr_array_add(rows, NULL);
    return (char **)g_ptr_array_free(rows, FALSE);
}
