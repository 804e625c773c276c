/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements vh_policy_parse(): walks each text by the tables of vh-policy-keys.h into one draft,
 * resolves class names when all texts are read, and checks the whole. Which text said what is kept
 * for the errors that show only then.
 */
#include "vh-policy-text.h"

#include "vh-json-scan.h"
#include "vh-policy-value.h"
#include "vh-text.h"

#include <string.h>

/* A class that is named before it is known whether any text defines it. */
typedef struct {
    char *name;
    char *place; /* "FILE:LINE: /pointer" */
    guint *target;
} ClassRef;

typedef struct {
    VhConfig *config;
    VhClass new_class;  /* what a class is before its keys are read */
    GPtrArray *matches; /* VhMatch, owned: at fixed addresses, for ClassRef */
    GPtrArray *refs;    /* ClassRef, owned */
    GPtrArray *forbid;  /* ClassRef of the last forbid_class, borrowed; NULL: none given */
    GHashTable *places; /* by path: "FILE:LINE: /pointer" of whoever said it last */
    const char *file;   /* the text being read */
    VhJsonLines *lines; /* of it */
} Draft;

typedef gboolean (*KeyReader)(Draft *draft, const VhPolicyKey *key, JsonNode *node,
                              const char *path, gpointer base, GError **error);

static const KeyReader key_readers[VH_KEY_KINDS];

static void class_ref_free(gpointer data)
{
    ClassRef *ref = data;
    g_free(ref->name);
    g_free(ref->place);
    g_free(ref);
}

static void match_free(gpointer data)
{
    VhMatch *match = data;
    g_free(match->name_glob);
    g_free(match);
}

static void draft_clear(Draft *draft)
{
    vh_config_free(draft->config);
    g_ptr_array_unref(draft->matches);
    g_ptr_array_unref(draft->refs);
    g_clear_pointer(&draft->forbid, g_ptr_array_unref);
    g_hash_table_unref(draft->places);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Draft, draft_clear)

static void draft_init(Draft *draft)
{
    draft->config = vh_config_new();
    draft->new_class = draft->config->classes[draft->config->default_class];
    draft->matches = g_ptr_array_new_with_free_func(match_free);
    draft->refs = g_ptr_array_new_with_free_func(class_ref_free);
    draft->forbid = NULL;
    draft->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    draft->file = NULL;
    draft->lines = NULL;
}

/* The path of a member. Free with g_free(). */
static char *path_join(const char *path, const char *name)
{
    GString *joined = g_string_new(name);
    g_string_replace(joined, "~", "~0", 0);
    g_string_replace(joined, "/", "~1", 0);
    g_string_prepend_c(joined, '/');
    g_string_prepend(joined, path);
    return g_string_free(joined, FALSE);
}

/* "FILE:LINE: /pointer". A key is foreign text: it stands in the pointer only where it is plain.
 * Free with g_free(). */
static char *place_of(const Draft *draft, const char *path)
{
    guint line = vh_json_lines_get(draft->lines, path);
    g_autofree char *escaped = g_strescape(path, NULL);
    if (strlen(escaped) > 120) {
        strcpy(escaped + 117, "...");
    }
    return g_strdup_printf("%s:%u: %s", draft->file, line, *path ? escaped : "/");
}

G_GNUC_PRINTF(5, 6)
static gboolean refuse(const Draft *draft, const char *path, int code, GError **error,
                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *place = place_of(draft, path);
    g_set_error(error, VH_ERROR, code, "%s: %s", place, what);
    return FALSE;
}

static void remember_place(Draft *draft, const char *path)
{
    g_hash_table_replace(draft->places, g_strdup(path), place_of(draft, path));
}

static gboolean require_type(const Draft *draft, const char *path, JsonNode *node,
                             JsonNodeType type, GError **error)
{
    if (json_node_get_node_type(node) == type) {
        return TRUE;
    }
    return refuse(draft, path, VH_ERROR_INVALID, error, "found %s; write %s",
                  vh_policy_value_found(node),
                  type == JSON_NODE_OBJECT ? "an object in braces" : "an array in brackets");
}

/* The text of a string; NULL with an error for anything else. Borrowed. */
static const char *require_string(const Draft *draft, const char *path, JsonNode *node,
                                  const char *wanted, GError **error)
{
    if (json_node_get_value_type(node) == G_TYPE_STRING) {
        return json_node_get_string(node);
    }
    refuse(draft, path, VH_ERROR_INVALID, error, "found %s; write %s in quotes",
           vh_policy_value_found(node), wanted);
    return NULL;
}

static gboolean refuse_unknown(const Draft *draft, const VhPolicySection *section, const char *name,
                               const char *path, GError **error)
{
    g_autofree char *quoted = vh_text_quote(name);
    const char *nearest = vh_policy_section_nearest(section, name);
    if (nearest) {
        return refuse(draft, path, VH_ERROR_INVALID, error, "unknown key %s; did you mean \"%s\"?",
                      quoted, nearest);
    }
    g_autofree char *names = vh_policy_section_names(section);
    return refuse(draft, path, VH_ERROR_INVALID, error, "unknown key %s; known here are %s", quoted,
                  names);
}

/* The members of an object by the section's table, into the struct at `base`. */
static gboolean read_members(Draft *draft, const VhPolicySection *section, JsonNode *node,
                             const char *path, gpointer base, GError **error)
{
    if (!require_type(draft, path, node, JSON_NODE_OBJECT, error)) {
        return FALSE;
    }
    remember_place(draft, path);
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        g_autofree char *member_path = path_join(path, name);
        const VhPolicyKey *key = vh_policy_section_find(section, name);
        if (!key) {
            return refuse_unknown(draft, section, name, member_path, error);
        }
        if (!key_readers[key->kind](draft, key, member, member_path, base, error)) {
            return FALSE;
        }
        remember_place(draft, member_path);
    }
    return TRUE;
}

static gboolean read_value(Draft *draft, const VhPolicyKey *key, JsonNode *node, const char *path,
                           gpointer base, GError **error)
{
    if (vh_policy_value_read(key, node, base, error)) {
        return TRUE;
    }
    g_autofree char *place = place_of(draft, path);
    g_prefix_error(error, "%s: ", place);
    return FALSE;
}

static gboolean read_section(Draft *draft, const VhPolicyKey *key, JsonNode *node, const char *path,
                             gpointer base, GError **error)
{
    return read_members(draft, key->section, node, path, (guint8 *)base + key->offset, error);
}

static gboolean read_later(Draft *draft, const VhPolicyKey *key, JsonNode *node, const char *path,
                           gpointer base, GError **error)
{
    return refuse(draft, path, VH_ERROR_UNSUPPORTED, error,
                  "\"%s\" is not supported yet; leave it out", key->name);
}

/* The index of a class that may be new. */
static guint draft_class(Draft *draft, const char *name)
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

static gboolean read_classes(Draft *draft, const VhPolicyKey *key, JsonNode *node, const char *path,
                             gpointer base, GError **error)
{
    if (!require_type(draft, path, node, JSON_NODE_OBJECT, error)) {
        return FALSE;
    }
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        g_autofree char *class_path = path_join(path, name);
        if (!vh_class_name_is_valid(name)) {
            g_autofree char *quoted = vh_text_quote(name);
            return refuse(draft, class_path, VH_ERROR_INVALID, error,
                          "%s is not a class name; write 1 to %d of a-z, 0-9 and -", quoted,
                          VH_CLASS_NAME_MAX - 1);
        }
        guint index = draft_class(draft, name); /* may move the array */
        VhClass *class = &draft->config->classes[index];
        if (!read_members(draft, key->section, member, class_path, class, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Borrowed from the draft. */
static ClassRef *draft_refer(Draft *draft, const char *name, const char *path, guint *target)
{
    ClassRef *ref = g_new0(ClassRef, 1);
    ref->name = g_strdup(name);
    ref->place = place_of(draft, path);
    ref->target = target;
    g_ptr_array_add(draft->refs, ref);
    return ref;
}

static gboolean read_class_name(Draft *draft, const VhPolicyKey *key, JsonNode *node,
                                const char *path, gpointer base, GError **error)
{
    const char *name = require_string(draft, path, node, "the name of a class", error);
    if (!name) {
        return FALSE;
    }
    draft_refer(draft, name, path, (guint *)(gpointer)((guint8 *)base + key->offset));
    return TRUE;
}

static gboolean read_glob(Draft *draft, const VhPolicyKey *key, JsonNode *node, const char *path,
                          gpointer base, GError **error)
{
    VhMatch *match = base;
    const char *glob = require_string(draft, path, node, "a name or pattern", error);
    if (!glob) {
        return FALSE;
    }
    if (!*glob) {
        return refuse(draft, path, VH_ERROR_INVALID, error,
                      "an empty pattern matches nobody; write \"*\" for every guest");
    }
    match->kind = VH_MATCH_NAME;
    match->name_glob = g_strdup(glob);
    return TRUE;
}

static gboolean read_uuid(Draft *draft, const VhPolicyKey *key, JsonNode *node, const char *path,
                          gpointer base, GError **error)
{
    VhMatch *match = base;
    const char *text = require_string(draft, path, node, "a UUID", error);
    if (!text) {
        return FALSE;
    }
    if (!vh_uuid_parse(text, &match->uuid, error)) {
        g_autofree char *place = place_of(draft, path);
        g_prefix_error(error, "%s: ", place);
        return FALSE;
    }
    match->kind = VH_MATCH_UUID;
    return TRUE;
}

static gboolean read_match(Draft *draft, const VhPolicySection *section, JsonNode *node,
                           const char *path, GError **error)
{
    VhMatch *match = g_new0(VhMatch, 1);
    g_ptr_array_add(draft->matches, match);
    if (!read_members(draft, section, node, path, match, error)) {
        return FALSE;
    }
    JsonObject *object = json_node_get_object(node);
    gboolean has_name = json_object_has_member(object, "name");
    gboolean has_uuid = json_object_has_member(object, "uuid");
    if (has_name == has_uuid) {
        return refuse(draft, path, VH_ERROR_INVALID, error,
                      "%s; write one of \"name\" and \"uuid\"",
                      has_name ? "a match has both a name and a UUID" : "a match of nothing");
    }
    if (!json_object_has_member(object, "class")) {
        return refuse(draft, path, VH_ERROR_INVALID, error,
                      "a match without a class; add \"class\", as in \"class\": \"batch\"");
    }
    return TRUE;
}

static gboolean read_matches(Draft *draft, const VhPolicyKey *key, JsonNode *node, const char *path,
                             gpointer base, GError **error)
{
    if (!require_type(draft, path, node, JSON_NODE_ARRAY, error)) {
        return FALSE;
    }
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element_path = g_strdup_printf("%s/%u", path, i);
        if (!read_match(draft, key->section, json_array_get_element(array, i), element_path,
                        error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean refuse_override_key(const Draft *draft, const char *name, const char *path,
                                    GError **error)
{
    if (strcmp(name, "reporting") == 0) {
        return refuse(draft, path, VH_ERROR_UNSUPPORTED, error,
                      "\"reporting\" is not supported yet; leave it out");
    }
    g_autofree char *quoted = vh_text_quote(name);
    return refuse(draft, path, VH_ERROR_INVALID, error,
                  "%s is not an attribute that can be allowed; write class, weight, ask, cooldown "
                  "or max_per_ask",
                  quoted);
}

static gboolean read_allow(Draft *draft, const VhPolicyKey *key, JsonNode *node, const char *path,
                           gpointer base, GError **error)
{
    if (!require_type(draft, path, node, JSON_NODE_ARRAY, error)) {
        return FALSE;
    }
    JsonArray *array = json_node_get_array(node);
    guint keys = 0;
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element_path = g_strdup_printf("%s/%u", path, i);
        const char *name = require_string(draft, element_path, json_array_get_element(array, i),
                                          "the name of an attribute", error);
        if (!name) {
            return FALSE;
        }
        guint found = vh_override_key_from_name(name);
        if (found == 0) {
            return refuse_override_key(draft, name, element_path, error);
        }
        if (keys & found) {
            return refuse(draft, element_path, VH_ERROR_INVALID, error,
                          "\"%s\" is there twice; leave one out", name);
        }
        keys |= found;
    }
    *(guint *)(gpointer)((guint8 *)base + key->offset) = keys;
    return TRUE;
}

static gboolean read_forbid(Draft *draft, const VhPolicyKey *key, JsonNode *node, const char *path,
                            gpointer base, GError **error)
{
    if (!require_type(draft, path, node, JSON_NODE_ARRAY, error)) {
        return FALSE;
    }
    g_clear_pointer(&draft->forbid, g_ptr_array_unref);
    draft->forbid = g_ptr_array_new();
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element_path = g_strdup_printf("%s/%u", path, i);
        const char *name = require_string(draft, element_path, json_array_get_element(array, i),
                                          "the name of a class", error);
        if (!name) {
            return FALSE;
        }
        g_ptr_array_add(draft->forbid, draft_refer(draft, name, element_path, NULL));
    }
    return TRUE;
}

static const KeyReader key_readers[VH_KEY_KINDS] = {
    [VH_KEY_BOOL] = read_value,      [VH_KEY_COUNT] = read_value,
    [VH_KEY_SIZE] = read_value,      [VH_KEY_DURATION] = read_value,
    [VH_KEY_SHARE] = read_value,     [VH_KEY_AMOUNT] = read_value,
    [VH_KEY_WORD] = read_value,      [VH_KEY_VERSION] = read_value,
    [VH_KEY_SECTION] = read_section, [VH_KEY_CLASSES] = read_classes,
    [VH_KEY_MATCHES] = read_matches, [VH_KEY_CLASS] = read_class_name,
    [VH_KEY_GLOB] = read_glob,       [VH_KEY_UUID] = read_uuid,
    [VH_KEY_ALLOW] = read_allow,     [VH_KEY_FORBID] = read_forbid,
    [VH_KEY_LATER] = read_later,
};

/* Before any other key: what a key of another version means, nobody here can know. */
static gboolean read_first_version(Draft *draft, JsonNode *root, GError **error)
{
    if (!require_type(draft, "", root, JSON_NODE_OBJECT, error)) {
        return FALSE;
    }
    JsonNode *version = json_object_get_member(json_node_get_object(root), "version");
    if (!version) {
        return refuse(draft, "", VH_ERROR_INVALID, error,
                      "no version is given; begin the file with \"version\": 1");
    }
    const VhPolicyKey *key = vh_policy_section_find(&vh_policy_top, "version");
    return read_value(draft, key, version, "/version", draft->config, error);
}

static gboolean read_scanned(Draft *draft, const VhPolicyText *text, GError **error)
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
           read_members(draft, &vh_policy_top, root, "", draft->config, error);
}

static gboolean read_text(Draft *draft, const VhPolicyText *text, GError **error)
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

static gboolean refuse_class(const Draft *draft, const ClassRef *ref, GError **error)
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

static gboolean resolve_classes(Draft *draft, GError **error)
{
    for (guint i = 0; i < draft->refs->len; i++) {
        const ClassRef *ref = g_ptr_array_index(draft->refs, i);
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

static gboolean resolve_forbidden(Draft *draft, GError **error)
{
    VhConfig *config = draft->config;
    if (!draft->forbid) {
        return TRUE;
    }
    memset(config->override_forbidden, 0, config->n_classes);
    for (guint i = 0; i < draft->forbid->len; i++) {
        const ClassRef *ref = g_ptr_array_index(draft->forbid, i);
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

static void move_matches(Draft *draft)
{
    VhConfig *config = draft->config;
    config->n_matches = draft->matches->len;
    config->matches = g_new0(VhMatch, config->n_matches);
    for (guint i = 0; i < config->n_matches; i++) {
        VhMatch *match = g_ptr_array_index(draft->matches, i);
        config->matches[i] = *match;
        match->name_glob = NULL;
    }
}

/* Who said what stands at `path`; where nobody did, who said what is around it. */
static const char *draft_place(const Draft *draft, const char *path)
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

static gboolean check_whole(Draft *draft, GError **error)
{
    const char *path = NULL;
    g_autoptr(GError) check_error = NULL;
    if (vh_config_check(draft->config, &path, &check_error)) {
        return TRUE;
    }
    const char *place = draft_place(draft, path);
    gboolean is_same = g_str_has_suffix(place, path);
    g_set_error(error, VH_ERROR, check_error->code, "%s: %s%s%s", place, is_same ? "" : path,
                is_same ? "" : ": ", check_error->message);
    return FALSE;
}

VhConfig *vh_policy_parse(const VhPolicyText *texts, guint n_texts, GError **error)
{
    g_auto(Draft) draft;
    draft_init(&draft);
    for (guint i = 0; i < n_texts; i++) {
        if (!read_text(&draft, &texts[i], error)) {
            return NULL;
        }
    }
    if (!resolve_classes(&draft, error) || !resolve_forbidden(&draft, error)) {
        return NULL;
    }
    move_matches(&draft);
    return check_whole(&draft, error) ? g_steal_pointer(&draft.config) : NULL;
}
