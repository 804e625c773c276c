/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy's matches: whom an entry is for, by each of its ways; and the namespaces that XPath
 * expressions use. What an expression means is not known here. */
#include "vh-policy-draft.h"

#include "vh-text.h"

#include <string.h>

#define XPATH_BYTES_MAX 4000
#define PREFIX_BYTES_MAX 63
#define URI_BYTES_MAX 1000
#define NAMESPACES_MAX 64

gboolean vh_policy_read_glob(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                             const char *path, gpointer base, GError **error)
{
    VhMatch *match = base;
    const char *glob =
        vh_policy_draft_require_string(draft, path, node, "a name or pattern", error);
    if (!glob) {
        return FALSE;
    }
    if (!*glob) {
        return vh_policy_draft_refuse(
            draft, path, VH_ERROR_INVALID, error,
            "an empty pattern matches nobody; write \"*\" for every guest");
    }
    match->kind = VH_MATCH_NAME;
    match->name_glob = g_strdup(glob);
    return TRUE;
}

gboolean vh_policy_read_uuid(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                             const char *path, gpointer base, GError **error)
{
    VhMatch *match = base;
    const char *text = vh_policy_draft_require_string(draft, path, node, "a UUID", error);
    if (!text) {
        return FALSE;
    }
    if (!vh_uuid_parse(text, &match->uuid, error)) {
        g_autofree char *place = vh_policy_draft_place(draft, path);
        g_prefix_error(error, "%s: ", place);
        return FALSE;
    }
    match->kind = VH_MATCH_UUID;
    return TRUE;
}

/* Its syntax is looked at when all namespaces are known. */
gboolean vh_policy_read_xpath(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                              const char *path, gpointer base, GError **error)
{
    VhMatch *match = base;
    const char *text =
        vh_policy_draft_require_string(draft, path, node, "an XPath expression", error);
    if (!text) {
        return FALSE;
    }
    if (!*text || strlen(text) > XPATH_BYTES_MAX) {
        return vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error,
                                      "the expression is %s; write 1 to %d bytes",
                                      *text ? "too long" : "empty", XPATH_BYTES_MAX);
    }
    if (draft->xpath_places->len >= VH_XPATHS_MAX) {
        return vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error,
                                      "there are too many matches by XPath; write at most %d, and "
                                      "join those of one class with \"or\" or |",
                                      VH_XPATHS_MAX);
    }
    match->kind = VH_MATCH_XPATH;
    match->xpath = g_strdup(text);
    match->xpath_index = draft->xpath_places->len;
    g_ptr_array_add(draft->xpath_places, vh_policy_draft_place(draft, path));
    return TRUE;
}

static guint read_fact(const VhPolicyDraft *draft, JsonNode *node, const char *path, guint known,
                       GError **error)
{
    const char *name = vh_policy_draft_require_string(draft, path, node, "a fact", error);
    if (!name) {
        return 0;
    }
    guint fact = vh_fact_from_name(name);
    g_autofree char *quoted = vh_text_quote(name);
    if (fact == 0) {
        g_autofree const char **names = vh_policy_fact_names();
        g_autofree char *right = vh_text_join_or(names);
        vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error, "%s is not a fact; write %s",
                               quoted, right);
    } else if (fact & known) {
        vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error,
                               "%s is there twice; leave one out", quoted);
        return 0;
    }
    return fact;
}

gboolean vh_policy_read_facts(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                              const char *path, gpointer base, GError **error)
{
    VhMatch *match = base;
    guint facts = 0;
    if (!vh_policy_draft_require_type(draft, path, node, JSON_NODE_ARRAY, error)) {
        return FALSE;
    }
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element_path = g_strdup_printf("%s/%u", path, i);
        guint fact = read_fact(draft, json_array_get_element(array, i), element_path, facts, error);
        if (fact == 0) {
            return FALSE;
        }
        facts |= fact;
    }
    if (key->offset != VH_KEY_NOWHERE) {
        *(guint *)(gpointer)((guint8 *)base + key->offset) = facts;
        return TRUE;
    }
    if (facts == 0) {
        return vh_policy_draft_refuse(
            draft, path, VH_ERROR_INVALID, error,
            "no fact is named, so that nobody would match; write some, as in [\"vfio\"]");
    }
    match->kind = VH_MATCH_FACTS;
    match->facts = facts;
    return TRUE;
}

/* The way in which an entry says whom it is for; NULL with an error where it is not one. */
static gboolean check_subject(const VhPolicyDraft *draft, JsonObject *object, const char *path,
                              GError **error)
{
    static const char *const ways[] = {"name", "uuid", "xpath", "if", NULL};
    const char *first = NULL;
    for (guint i = 0; ways[i]; i++) {
        if (!json_object_has_member(object, ways[i])) {
            continue;
        }
        if (first) {
            return vh_policy_draft_refuse(
                draft, path, VH_ERROR_INVALID, error,
                "a match has both \"%s\" and \"%s\"; write one entry for each", first, ways[i]);
        }
        first = ways[i];
    }
    return first ? TRUE
                 : vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error,
                                          "a match of nothing; write one of \"name\", \"uuid\", "
                                          "\"xpath\" and \"if\"");
}

static gboolean read_match(VhPolicyDraft *draft, const VhPolicySection *section, JsonNode *node,
                           const char *path, GError **error)
{
    if (!vh_policy_draft_require_type(draft, path, node, JSON_NODE_OBJECT, error)) {
        return FALSE;
    }
    VhMatch *match = g_new0(VhMatch, 1);
    g_ptr_array_add(draft->matches, match);
    if (!vh_policy_read_members(draft, section, node, path, match, error) ||
        !check_subject(draft, json_node_get_object(node), path, error)) {
        return FALSE;
    }
    if (!json_object_has_member(json_node_get_object(node), "class")) {
        return vh_policy_draft_refuse(
            draft, path, VH_ERROR_INVALID, error,
            "a match without a class; add \"class\", as in \"class\": \"batch\"");
    }
    return TRUE;
}

gboolean vh_policy_read_matches(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                const char *path, gpointer base, GError **error)
{
    return vh_policy_draft_read_elements(draft, key->section, node, path, read_match, error);
}

/* A name without a colon, of ASCII: that is all that anybody uses. */
static gboolean is_prefix(const char *name)
{
    gsize length =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
    return name[length] == '\0' && length <= PREFIX_BYTES_MAX &&
           (g_ascii_isalpha(name[0]) || name[0] == '_') && !g_str_has_prefix(name, "xml");
}

static gboolean is_uri(const char *text)
{
    gsize length = strlen(text);
    for (const char *at = text; *at; at++) {
        if (!g_ascii_isgraph(*at)) {
            return FALSE;
        }
    }
    return length > 0 && length <= URI_BYTES_MAX;
}

/* A prefix that is there already gets the new URI. */
static void set_namespace(VhConfig *config, const char *prefix, const char *uri)
{
    for (guint i = 0; i < config->n_namespaces; i++) {
        if (strcmp(config->namespaces[i].prefix, prefix) == 0) {
            g_free(config->namespaces[i].uri);
            config->namespaces[i].uri = g_strdup(uri);
            return;
        }
    }
    config->namespaces = g_renew(VhNamespace, config->namespaces, config->n_namespaces + 1);
    config->namespaces[config->n_namespaces++] = (VhNamespace){g_strdup(prefix), g_strdup(uri)};
}

static gboolean read_namespace(VhPolicyDraft *draft, const char *prefix, JsonNode *node,
                               const char *path, GError **error)
{
    if (!is_prefix(prefix)) {
        g_autofree char *quoted = vh_text_quote(prefix);
        return vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error,
                                      "%s cannot be a prefix; write 1 to %d letters, digits, _, - "
                                      "and ., a letter or _ first, and not xml",
                                      quoted, PREFIX_BYTES_MAX);
    }
    const char *uri = vh_policy_draft_require_string(draft, path, node, "a URI", error);
    if (!uri) {
        return FALSE;
    }
    if (!is_uri(uri)) {
        g_autofree char *quoted = vh_text_quote(uri);
        return vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error,
                                      "%s is not a URI; write 1 to %d letters and signs of ASCII "
                                      "without blanks, just as the XML has it",
                                      quoted, URI_BYTES_MAX);
    }
    set_namespace(draft->config, prefix, uri);
    if (draft->config->n_namespaces > NAMESPACES_MAX) {
        return vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error,
                                      "there are too many namespaces; write at most %d",
                                      NAMESPACES_MAX);
    }
    return TRUE;
}

gboolean vh_policy_read_namespaces(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                   const char *path, gpointer base, GError **error)
{
    if (!vh_policy_draft_require_type(draft, path, node, JSON_NODE_OBJECT, error)) {
        return FALSE;
    }
    JsonObjectIter iter;
    const char *prefix;
    JsonNode *member;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &prefix, &member)) {
        g_autofree char *member_path = vh_policy_draft_path(path, prefix);
        if (!read_namespace(draft, prefix, member, member_path, error)) {
            return FALSE;
        }
    }
    return TRUE;
}
