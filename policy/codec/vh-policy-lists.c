/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy's classes and overrides: what is more than a value at a fixed place. */
#include "vh-policy-draft.h"

#include "vh-text.h"

#include <string.h>

gboolean vh_policy_read_classes(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                const char *path, gpointer base, GError **error)
{
    if (!vh_policy_draft_require_type(draft, path, node, JSON_NODE_OBJECT, error)) {
        return FALSE;
    }
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        g_autofree char *class_path = vh_policy_draft_path(path, name);
        if (!vh_class_name_is_valid(name)) {
            g_autofree char *quoted = vh_text_quote(name);
            return vh_policy_draft_refuse(draft, class_path, VH_ERROR_INVALID, error,
                                          "%s is not a class name; write 1 to %d of a-z, 0-9 and -",
                                          quoted, VH_CLASS_NAME_MAX - 1);
        }
        guint index = vh_policy_draft_class(draft, name); /* may move the array */
        VhClass *class = &draft->config->classes[index];
        if (!vh_policy_read_members(draft, key->section, member, class_path, class, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean vh_policy_read_class_name(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                   const char *path, gpointer base, GError **error)
{
    const char *name =
        vh_policy_draft_require_string(draft, path, node, "the name of a class", error);
    if (!name) {
        return FALSE;
    }
    vh_policy_draft_refer(draft, name, path, (guint *)(gpointer)((guint8 *)base + key->offset));
    return TRUE;
}

static gboolean refuse_override_key(const VhPolicyDraft *draft, const char *name, const char *path,
                                    GError **error)
{
    g_autofree char *quoted = vh_text_quote(name);
    return vh_policy_draft_refuse(
        draft, path, VH_ERROR_INVALID, error,
        "%s is not an attribute that can be allowed; write class, weight, ask, "
        "cooldown, max_per_ask or reporting",
        quoted);
}

gboolean vh_policy_read_allow(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                              const char *path, gpointer base, GError **error)
{
    if (!vh_policy_draft_require_type(draft, path, node, JSON_NODE_ARRAY, error)) {
        return FALSE;
    }
    JsonArray *array = json_node_get_array(node);
    guint keys = 0;
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element_path = g_strdup_printf("%s/%u", path, i);
        const char *name =
            vh_policy_draft_require_string(draft, element_path, json_array_get_element(array, i),
                                           "the name of an attribute", error);
        if (!name) {
            return FALSE;
        }
        guint found = vh_override_key_from_name(name);
        if (found == 0) {
            return refuse_override_key(draft, name, element_path, error);
        }
        if (keys & found) {
            return vh_policy_draft_refuse(draft, element_path, VH_ERROR_INVALID, error,
                                          "\"%s\" is there twice; leave one out", name);
        }
        keys |= found;
    }
    *(guint *)(gpointer)((guint8 *)base + key->offset) = keys;
    return TRUE;
}

gboolean vh_policy_read_forbid(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                               const char *path, gpointer base, GError **error)
{
    if (!vh_policy_draft_require_type(draft, path, node, JSON_NODE_ARRAY, error)) {
        return FALSE;
    }
    g_clear_pointer(&draft->forbid, g_ptr_array_unref);
    draft->forbid = g_ptr_array_new();
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element_path = g_strdup_printf("%s/%u", path, i);
        const char *name = vh_policy_draft_require_string(
            draft, element_path, json_array_get_element(array, i), "the name of a class", error);
        if (!name) {
            return FALSE;
        }
        g_ptr_array_add(draft->forbid, vh_policy_draft_refer(draft, name, element_path, NULL));
    }
    return TRUE;
}
