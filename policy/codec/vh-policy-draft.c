/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-policy-draft.h. Which text said what is kept for the errors that show only over all
 * of them. */
#include "vh-policy-draft.h"

#include "vh-text.h"

#include <string.h>

#define POINTER_SHOWN_MAX 120 /* bytes of a path that a message shows */

static void class_ref_free(gpointer data)
{
    VhClassRef *ref = data;
    g_free(ref->name);
    g_free(ref->place);
    g_free(ref);
}

static void match_free(gpointer data)
{
    VhMatch *match = data;
    g_free(match->name_glob);
    g_free(match->xpath);
    g_free(match);
}

void vh_policy_draft_init(VhPolicyDraft *draft)
{
    draft->config = vh_config_new();
    draft->new_class = draft->config->classes[draft->config->default_class];
    draft->matches = g_ptr_array_new_with_free_func(match_free);
    draft->schedules = g_ptr_array_new_with_free_func(g_free);
    draft->xpath_places = g_ptr_array_new_with_free_func(g_free);
    draft->refs = g_ptr_array_new_with_free_func(class_ref_free);
    draft->forbid = NULL;
    draft->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    draft->file = NULL;
    draft->lines = NULL;
}

void vh_policy_draft_clear(VhPolicyDraft *draft)
{
    vh_config_free(draft->config);
    g_ptr_array_unref(draft->matches);
    g_ptr_array_unref(draft->schedules);
    g_ptr_array_unref(draft->xpath_places);
    g_ptr_array_unref(draft->refs);
    g_clear_pointer(&draft->forbid, g_ptr_array_unref);
    g_hash_table_unref(draft->places);
}

char *vh_policy_draft_path(const char *path, const char *name)
{
    GString *joined = g_string_new(name);
    g_string_replace(joined, "~", "~0", 0);
    g_string_replace(joined, "/", "~1", 0);
    g_string_prepend_c(joined, '/');
    g_string_prepend(joined, path);
    return g_string_free(joined, FALSE);
}

char *vh_policy_draft_place(const VhPolicyDraft *draft, const char *path)
{
    guint line = vh_json_lines_get(draft->lines, path);
    g_autofree char *escaped = g_strescape(path, NULL);
    gboolean is_long = strlen(escaped) > POINTER_SHOWN_MAX;
    return g_strdup_printf("%s:%u: %.*s%s", draft->file, line, POINTER_SHOWN_MAX,
                           *path ? escaped : "/", is_long ? "..." : "");
}

gboolean vh_policy_draft_refuse(const VhPolicyDraft *draft, const char *path, int code,
                                GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *place = vh_policy_draft_place(draft, path);
    g_set_error(error, VH_ERROR, code, "%s: %s", place, what);
    return FALSE;
}

void vh_policy_draft_remember(VhPolicyDraft *draft, const char *path)
{
    g_hash_table_replace(draft->places, g_strdup(path), vh_policy_draft_place(draft, path));
}

gboolean vh_policy_draft_require_type(const VhPolicyDraft *draft, const char *path, JsonNode *node,
                                      JsonNodeType type, GError **error)
{
    if (json_node_get_node_type(node) == type) {
        return TRUE;
    }
    return vh_policy_draft_refuse(
        draft, path, VH_ERROR_INVALID, error, "found %s; write %s", vh_policy_value_found(node),
        type == JSON_NODE_OBJECT ? "an object in braces" : "an array in brackets");
}

const char *vh_policy_draft_require_string(const VhPolicyDraft *draft, const char *path,
                                           JsonNode *node, const char *wanted, GError **error)
{
    if (json_node_get_value_type(node) == G_TYPE_STRING) {
        return json_node_get_string(node);
    }
    vh_policy_draft_refuse(draft, path, VH_ERROR_INVALID, error, "found %s; write %s in quotes",
                           vh_policy_value_found(node), wanted);
    return NULL;
}

guint vh_policy_draft_class(VhPolicyDraft *draft, const char *name)
{
    VhConfig *config = draft->config;
    int found = vh_config_find_class(config, name);
    if (found >= 0) {
        return (guint)found;
    }
    guint index = config->n_classes++;
    config->classes = g_renew(VhClass, config->classes, config->n_classes);
    config->override_forbidden = g_renew(guint8, config->override_forbidden, config->n_classes);
    config->classes[index] = draft->new_class;
    g_strlcpy(config->classes[index].name, name, VH_CLASS_NAME_MAX);
    config->override_forbidden[index] = 0;
    return index;
}

VhClassRef *vh_policy_draft_refer(VhPolicyDraft *draft, const char *name, const char *path,
                                  guint *target)
{
    VhClassRef *ref = g_new0(VhClassRef, 1);
    ref->name = g_strdup(name);
    ref->place = vh_policy_draft_place(draft, path);
    ref->target = target;
    g_ptr_array_add(draft->refs, ref);
    return ref;
}

static gboolean refuse_class(const VhPolicyDraft *draft, const VhClassRef *ref, GError **error)
{
    g_autofree const char **names = g_new0(const char *, draft->config->n_classes + 1);
    for (guint i = 0; i < draft->config->n_classes; i++) {
        names[i] = draft->config->classes[i].name;
    }
    g_autofree char *quoted = vh_text_quote(ref->name);
    const char *nearest = vh_text_nearest(ref->name, names);
    g_autofree char *known = nearest ? NULL : vh_text_join_or(names);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s: there is no class %s; %s%s%s", ref->place,
                quoted, nearest ? "did you mean \"" : "define it under \"classes\", or write ",
                nearest ? nearest : known, nearest ? "\"?" : "");
    return FALSE;
}

static gboolean resolve_classes(VhPolicyDraft *draft, GError **error)
{
    for (guint i = 0; i < draft->refs->len; i++) {
        const VhClassRef *ref = g_ptr_array_index(draft->refs, i);
        int found = vh_config_find_class(draft->config, ref->name);
        if (found < 0) {
            return refuse_class(draft, ref, error);
        }
        if (ref->target) {
            *ref->target = (guint)found;
        }
    }
    return TRUE;
}

static gboolean resolve_forbidden(VhPolicyDraft *draft, GError **error)
{
    VhConfig *config = draft->config;
    if (!draft->forbid) {
        return TRUE;
    }
    memset(config->override_forbidden, 0, config->n_classes);
    for (guint i = 0; i < draft->forbid->len; i++) {
        const VhClassRef *ref = g_ptr_array_index(draft->forbid, i);
        guint index = (guint)vh_config_find_class(config, ref->name);
        if (config->override_forbidden[index]) {
            g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                        "%s: \"%s\" is there twice; leave one out", ref->place, ref->name);
            return FALSE;
        }
        config->override_forbidden[index] = 1;
    }
    return TRUE;
}

static void move_matches(VhPolicyDraft *draft)
{
    VhConfig *config = draft->config;
    config->n_matches = draft->matches->len;
    config->matches = g_new0(VhMatch, config->n_matches);
    for (guint i = 0; i < config->n_matches; i++) {
        VhMatch *match = g_ptr_array_index(draft->matches, i);
        config->matches[i] = *match;
        match->name_glob = NULL;
        match->xpath = NULL;
    }
}

static void copy_schedules(const VhPolicyDraft *draft)
{
    VhConfig *config = draft->config;
    config->n_schedules = draft->schedules->len;
    config->schedules = g_new0(VhSchedule, config->n_schedules);
    for (guint i = 0; i < config->n_schedules; i++) {
        config->schedules[i] = *(const VhSchedule *)g_ptr_array_index(draft->schedules, i);
    }
}

static gboolean check_xpaths(const VhPolicyDraft *draft, VhPolicyXPathCheck check_xpath,
                             GError **error)
{
    const VhConfig *config = draft->config;
    for (guint i = 0; check_xpath && i < config->n_matches; i++) {
        const VhMatch *match = &config->matches[i];
        if (match->kind == VH_MATCH_XPATH && !check_xpath(config, match->xpath, error)) {
            const char *place = g_ptr_array_index(draft->xpath_places, match->xpath_index);
            g_prefix_error(error, "%s: ", place);
            return FALSE;
        }
    }
    return TRUE;
}

/* Who said what stands at `path`; where nobody did, who said what is around it. */
static const char *place_of_key(const VhPolicyDraft *draft, const char *path)
{
    g_autofree char *at = g_strdup(path);
    for (;;) {
        const char *place = g_hash_table_lookup(draft->places, at);
        char *slash = strrchr(at, '/');
        if (place || !slash) {
            return place ? place : "built-in policy";
        }
        *slash = '\0';
    }
}

static gboolean check_whole(VhPolicyDraft *draft, GError **error)
{
    const char *path = NULL;
    g_autoptr(GError) check_error = NULL;
    if (vh_config_check(draft->config, &path, &check_error)) {
        return TRUE;
    }
    const char *place = place_of_key(draft, path);
    gboolean is_same = g_str_has_suffix(place, path);
    g_set_error(error, VH_ERROR, check_error->code, "%s: %s%s%s", place, is_same ? "" : path,
                is_same ? "" : ": ", check_error->message);
    return FALSE;
}

gboolean vh_policy_draft_finish(VhPolicyDraft *draft, VhPolicyXPathCheck check_xpath,
                                GError **error)
{
    if (!resolve_classes(draft, error) || !resolve_forbidden(draft, error)) {
        return FALSE;
    }
    move_matches(draft);
    copy_schedules(draft);
    return check_xpaths(draft, check_xpath, error) && check_whole(draft, error);
}

gboolean vh_policy_draft_read_elements(VhPolicyDraft *draft, const VhPolicySection *section,
                                       JsonNode *node, const char *path, VhPolicyElementReader read,
                                       GError **error)
{
    if (!vh_policy_draft_require_type(draft, path, node, JSON_NODE_ARRAY, error)) {
        return FALSE;
    }
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element_path = g_strdup_printf("%s/%u", path, i);
        if (!read(draft, section, json_array_get_element(array, i), element_path, error)) {
            return FALSE;
        }
    }
    return TRUE;
}
