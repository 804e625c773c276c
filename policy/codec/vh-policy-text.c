/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements vh_policy_parse(): each text is scanned, then walked by the tables of vh-policy-keys.h
 * into one draft, which is finished when all are read.
 */
#include "vh-policy-text.h"

#include "vh-policy-draft.h"
#include "vh-text.h"

#include <string.h>

static const VhPolicyReader key_readers[VH_KEY_KINDS];

static gboolean refuse_unknown(const VhPolicyDraft *draft, const VhPolicySection *section,
                               const char *name, const char *path, GError **error)
{
    g_autofree char *quoted = vh_text_quote(name);
    const char *nearest = vh_policy_section_nearest(section, name);
    if (nearest) {
        return vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error,
                                      "unknown key %s; did you mean \"%s\"?", quoted, nearest);
    }
    g_autofree char *names = vh_policy_section_names(section);
    return vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error,
                                  "unknown key %s; known here are %s", quoted, names);
}

gboolean vh_policy_read_members(VhPolicyDraft *draft, const VhPolicySection *section,
                                JsonNode *node, const char *path, gpointer base, GError **error)
{
    if (!vh_policy_draft_require_type(draft, path, node, JSON_NODE_OBJECT, error)) {
        return FALSE;
    }
    vh_policy_draft_remember(draft, path);
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        g_autofree char *member_path = vh_policy_draft_path(path, name);
        const VhPolicyKey *key = vh_policy_section_find(section, name);
        if (!key) {
            return refuse_unknown(draft, section, name, member_path, error);
        }
        if (!key_readers[key->kind](draft, key, member, member_path, base, error)) {
            return FALSE;
        }
        vh_policy_draft_remember(draft, member_path);
    }
    return TRUE;
}

static gboolean read_value(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                           const char *path, gpointer base, GError **error)
{
    if (vh_policy_value_read(key, node, base, error)) {
        return TRUE;
    }
    g_autofree char *place = vh_policy_draft_place(draft, path);
    g_prefix_error(error, "%s: ", place);
    return FALSE;
}

static gboolean read_section(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                             const char *path, gpointer base, GError **error)
{
    return vh_policy_read_members(draft, key->section, node, path, (guint8 *)base + key->offset,
                                  error);
}

static const VhPolicyReader key_readers[VH_KEY_KINDS] = {
    [VH_KEY_BOOL] = read_value,
    [VH_KEY_COUNT] = read_value,
    [VH_KEY_SIZE] = read_value,
    [VH_KEY_DURATION] = read_value,
    [VH_KEY_SHARE] = read_value,
    [VH_KEY_AMOUNT] = read_value,
    [VH_KEY_WORD] = read_value,
    [VH_KEY_VERSION] = read_value,
    [VH_KEY_SECTION] = read_section,
    [VH_KEY_CLASSES] = vh_policy_read_classes,
    [VH_KEY_MATCHES] = vh_policy_read_matches,
    [VH_KEY_CLASS] = vh_policy_read_class_name,
    [VH_KEY_GLOB] = vh_policy_read_glob,
    [VH_KEY_UUID] = vh_policy_read_uuid,
    [VH_KEY_ALLOW] = vh_policy_read_allow,
    [VH_KEY_FORBID] = vh_policy_read_forbid,
    [VH_KEY_RATE] = read_value,
    [VH_KEY_PATH] = read_value,
    [VH_KEY_XPATH] = vh_policy_read_xpath,
    [VH_KEY_FACTS] = vh_policy_read_facts,
    [VH_KEY_NAMESPACES] = vh_policy_read_namespaces,
    [VH_KEY_SCHEDULES] = vh_policy_read_schedules,
    [VH_KEY_WHEN] = vh_policy_read_when,
    [VH_KEY_SET] = vh_policy_read_set,
};

/* Before any other key: what a key of another version means, nobody here can know. */
static gboolean read_first_version(VhPolicyDraft *draft, JsonNode *root, GError **error)
{
    if (!vh_policy_draft_require_type(draft, "", root, JSON_NODE_OBJECT, error)) {
        return FALSE;
    }
    JsonNode *version = json_object_get_member(json_node_get_object(root), "version");
    if (!version) {
        return vh_policy_draft_refuse(draft, "", VH_ERROR_INVALID, error,
                                      "no version is given; begin the file with \"version\": 1");
    }
    const VhPolicyKey *key = vh_policy_section_find(&vh_policy_top, "version");
    return read_value(draft, key, version, "/version", draft->config, error);
}

static gboolean read_scanned(VhPolicyDraft *draft, const VhPolicyText *text, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) parser_error = NULL;
    if (!json_parser_load_from_data(parser, text->text, (gssize)text->length, &parser_error)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s:1: %s; check the file with another tool",
                    text->name, parser_error->message);
        return FALSE;
    }
    JsonNode *root = json_parser_get_root(parser);
    return read_first_version(draft, root, error) &&
           vh_policy_read_members(draft, &vh_policy_top, root, "", draft->config, error);
}

static gboolean read_text(VhPolicyDraft *draft, const VhPolicyText *text, GError **error)
{
    g_autoptr(VhJsonLines) lines = NULL;
    g_autoptr(GError) scan_error = NULL;
    if (!vh_json_scan(text->text, text->length, &lines, &scan_error)) {
        /* "line N: what" becomes "FILE:N: what" */
        const char *what = scan_error->message;
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s:%s", text->name,
                    g_str_has_prefix(what, "line ") ? what + strlen("line ") : what);
        return FALSE;
    }
    draft->file = text->name;
    draft->lines = lines;
    gboolean is_valid = read_scanned(draft, text, error);
    draft->lines = NULL;
    return is_valid;
}

VhConfig *vh_policy_parse_checked(const VhPolicyText *texts, guint n_texts,
                                  VhPolicyXPathCheck check_xpath, GError **error)
{
    g_auto(VhPolicyDraft) draft;
    vh_policy_draft_init(&draft);
    for (guint i = 0; i < n_texts; i++) {
        if (!read_text(&draft, &texts[i], error)) {
            return NULL;
        }
    }
    return vh_policy_draft_finish(&draft, check_xpath, error) ? g_steal_pointer(&draft.config)
                                                              : NULL;
}

VhConfig *vh_policy_parse(const VhPolicyText *texts, guint n_texts, GError **error)
{
    return vh_policy_parse_checked(texts, n_texts, NULL, error);
}
