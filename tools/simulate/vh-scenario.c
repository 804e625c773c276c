/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads scenario files, by the tables of vh-scenario-keys.h and with the errors of the policy's
 * parser. */
#include "vh-scenario.h"

#include "vh-policy-draft.h"
#include "vh-policy-text.h"
#include "vh-scenario-keys.h"
#include "vh-text.h"

#include <math.h>
#include <string.h>

#define NAME_MAX_BYTES 200

typedef struct {
    VhPolicyDraft draft; /* for the places of errors */
    VhScenario *scenario;
    const char *file;
    const char *text;
} Reader;

static gboolean read_members(Reader *reader, const VhScenarioSection *section, JsonNode *node,
                             const char *path, gpointer base, GError **error);

static gboolean refuse_unknown(Reader *reader, const VhScenarioSection *section, const char *name,
                               const char *path, GError **error)
{
    g_autofree char *quoted = vh_text_quote(name);
    g_autofree const char **names = g_new0(const char *, section->n_keys + 1);

    for (guint i = 0; i < section->n_keys; i++)
        names[i] = section->keys[i].key.name;
    const char *nearest = vh_text_nearest(name, names);
    if (nearest)
        return vh_policy_draft_refuse(&reader->draft, path, VH_ERROR_INVALID, error,
                                      "unknown key %s; did you mean \"%s\"?", quoted, nearest);
    g_autofree char *known = vh_text_join_or(names);
    return vh_policy_draft_refuse(&reader->draft, path, VH_ERROR_INVALID, error,
                                  "unknown key %s; known here are %s", quoted, known);
}

static gboolean read_number(Reader *reader, JsonNode *node, const char *path, double *target,
                            GError **error)
{
    GType type = json_node_get_value_type(node);

    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
        return vh_policy_draft_refuse(&reader->draft, path, VH_ERROR_INVALID, error,
                                      "found %s; write a number of milliseconds, without quotes",
                                      vh_policy_value_found(node));
    double value = json_node_get_double(node);
    if (!(value >= 0 && value <= VH_SCENARIO_NUMBER_MAX))
        return vh_policy_draft_refuse(&reader->draft, path, VH_ERROR_INVALID, error,
                                      "%g is out of range; write 0 to %g", value,
                                      VH_SCENARIO_NUMBER_MAX);
    *target = value;
    return TRUE;
}

static gboolean read_text(Reader *reader, JsonNode *node, const char *path, char **target,
                          GError **error)
{
    const char *text = vh_policy_draft_require_string(&reader->draft, path, node, "a text", error);

    if (!text)
        return FALSE;
    g_free(*target);
    *target = g_strdup(text);
    return TRUE;
}

/* The policy's parser wants a text of its own. It gets one in which each line stands where it
 * stands in the scenario, so that its errors name the right one. */
static gboolean read_policy(Reader *reader, const char *path, GError **error)
{
    gsize start, length;
    g_autoptr(GError) cause = NULL;

    if (!vh_json_lines_get_place(reader->draft.lines, path, &start, &length))
        g_return_val_if_reached(FALSE);
    GString *padded = g_string_new(NULL);
    for (gsize i = 0; i < start; i++) {
        if (reader->text[i] == '\n')
            g_string_append_c(padded, '\n');
    }
    g_string_append_len(padded, reader->text + start, (gssize)length);
    VhPolicyText text = {reader->file, padded->str, padded->len};
    VhConfig *config = vh_policy_parse(&text, 1, &cause);
    g_free(reader->scenario->policy);
    reader->scenario->policy = g_string_free(padded, FALSE);
    if (!config) {
        /* "FILE:LINE: /pointer..." of the policy becomes one of the scenario */
        const char *pointer = strstr(cause->message, ": /");
        int shown = pointer ? (int)(pointer - cause->message) + 2 : 0;
        gboolean is_top = pointer && pointer[3] == ':';
        g_set_error(error, VH_ERROR, cause->code, "%.*s%s%s", shown, cause->message,
                    pointer ? "/policy" : "", cause->message + shown + (is_top ? 1 : 0));
        return FALSE;
    }
    vh_config_free(reader->scenario->config);
    reader->scenario->config = config;
    return TRUE;
}

/* The family's defaults are what the other keys change, wherever it stands. */
static gboolean read_family(Reader *reader, JsonNode *node, const char *path,
                            VhScenarioGuests *guests, GError **error)
{
    const VhScenarioKey *key = vh_scenario_section_find(&vh_scenario_guest_keys, "family");

    if (!vh_policy_draft_require_type(&reader->draft, path, node, JSON_NODE_OBJECT, error))
        return FALSE;
    JsonNode *family = json_object_get_member(json_node_get_object(node), "family");
    if (!family)
        return vh_policy_draft_refuse(&reader->draft, path, VH_ERROR_INVALID, error,
                                      "no family is given; write for instance \"family\": "
                                      "\"idle\"");
    VhScenarioGuests read = {0};
    if (!vh_policy_value_read(&key->key, family, &read, error)) {
        g_autofree char *inner = vh_policy_draft_path(path, "family");
        g_autofree char *place = vh_policy_draft_place(&reader->draft, inner);
        g_prefix_error(error, "%s: ", place);
        return FALSE;
    }
    vh_scenario_set_guest_defaults(guests, (VhSimFamily)read.family);
    return TRUE;
}

/* "%u" or "%03u", once at most, and no other "%". */
static gboolean find_number(const char *name, const char **ret_percent, guint *ret_width,
                            const char **ret_rest)
{
    const char *percent = strchr(name, '%');
    guint width = 0;

    *ret_percent = percent;
    if (!percent)
        return TRUE;
    const char *at = percent + 1;
    if (*at == '0' && g_ascii_isdigit(at[1])) {
        width = (guint)(at[1] - '0');
        at += 2;
    }
    *ret_width = width;
    *ret_rest = at + 1;
    return *at == 'u' && !strchr(at, '%');
}

static gboolean check_guests(Reader *reader, const VhScenarioGuests *guests, const char *path,
                             GError **error)
{
    const char *percent, *rest;
    guint width;
    const VhSimParams *params = &guests->params;
    g_autofree char *name_path = vh_policy_draft_path(path, "name");

    if (!*guests->name || strlen(guests->name) > NAME_MAX_BYTES ||
        !find_number(guests->name, &percent, &width, &rest))
        return vh_policy_draft_refuse(&reader->draft, name_path, VH_ERROR_INVALID, error,
                                      "this is no name for guests; write 1 to %d bytes with one "
                                      "%%u or %%03u at most, as in \"ci-%%03u\"",
                                      NAME_MAX_BYTES);
    if (guests->count > 1 && !percent)
        return vh_policy_draft_refuse(&reader->draft, name_path, VH_ERROR_INVALID, error,
                                      "%u guests cannot have the same name; write %%u where the "
                                      "number belongs",
                                      guests->count);
    if (guests->class_name && !vh_class_name_is_valid(guests->class_name)) {
        g_autofree char *class_path = vh_policy_draft_path(path, "class");
        return vh_policy_draft_refuse(&reader->draft, class_path, VH_ERROR_INVALID, error,
                                      "this is no name of a class; write a-z, 0-9 and -");
    }
    if (params->base_bp > params->peak_bp && params->shape != VH_SHAPE_STEADY)
        return vh_policy_draft_refuse(&reader->draft, path, VH_ERROR_INVALID, error,
                                      "base is above peak; write a base of at most the peak");
    return TRUE;
}

static gboolean read_group(Reader *reader, GArray *groups, JsonNode *node, const char *path,
                           GError **error)
{
    VhScenarioGuests guests = {0};
    gboolean is_good = read_family(reader, node, path, &guests, error) &&
                       read_members(reader, &vh_scenario_guest_keys, node, path, &guests, error) &&
                       check_guests(reader, &guests, path, error);
    g_array_append_val(groups, guests); /* what was read is freed with the scenario */
    return is_good;
}

static gboolean read_request(Reader *reader, GArray *requests, JsonNode *node, const char *path,
                             GError **error)
{
    VhScenarioRequest request;

    vh_scenario_set_request_defaults(&request);
    if (!read_members(reader, &vh_scenario_request_keys, node, path, &request, error))
        return FALSE;
    g_array_append_val(requests, request);
    return TRUE;
}

static gboolean read_list(Reader *reader, const VhScenarioKey *key, JsonNode *node,
                          const char *path, GError **error)
{
    gboolean is_guests = key->section == &vh_scenario_guest_keys;
    VhScenario *scenario = reader->scenario;
    gboolean is_good = TRUE;

    if (!vh_policy_draft_require_type(&reader->draft, path, node, JSON_NODE_ARRAY, error))
        return FALSE;
    JsonArray *list = json_node_get_array(node);
    GArray *read =
        g_array_new(FALSE, FALSE, is_guests ? sizeof(VhScenarioGuests) : sizeof(VhScenarioRequest));
    for (guint i = 0; is_good && i < json_array_get_length(list); i++) {
        g_autofree char *inner = g_strdup_printf("%s/%u", path, i);
        JsonNode *element = json_array_get_element(list, i);
        is_good = is_guests ? read_group(reader, read, element, inner, error)
                            : read_request(reader, read, element, inner, error);
    }
    if (is_guests) {
        scenario->n_groups = read->len;
        scenario->guests = (VhScenarioGuests *)g_array_free(read, FALSE);
    } else {
        scenario->n_requests = read->len;
        scenario->requests = (VhScenarioRequest *)g_array_free(read, FALSE);
    }
    return is_good;
}

static gboolean read_value(Reader *reader, const VhScenarioKey *key, JsonNode *node,
                           const char *path, gpointer base, GError **error)
{
    if (vh_policy_value_read(&key->key, node, base, error))
        return TRUE;
    g_autofree char *place = vh_policy_draft_place(&reader->draft, path);
    g_prefix_error(error, "%s: ", place);
    return FALSE;
}

static gboolean read_member(Reader *reader, const VhScenarioKey *key, JsonNode *node,
                            const char *path, gpointer base, GError **error)
{
    gpointer target = key->key.offset == VH_KEY_NOWHERE ? NULL : (guint8 *)base + key->key.offset;

    switch (key->kind) {
    case VH_SCENARIO_NUMBER:
        return read_number(reader, node, path, target, error);
    case VH_SCENARIO_TEXT:
        return read_text(reader, node, path, target, error);
    case VH_SCENARIO_PART:
        return read_members(reader, key->section, node, path, target, error);
    case VH_SCENARIO_LIST:
        return read_list(reader, key, node, path, error);
    case VH_SCENARIO_POLICY:
        return read_policy(reader, path, error);
    case VH_SCENARIO_FAMILY: /* read already */
        return TRUE;
    default:
        return read_value(reader, key, node, path, base, error);
    }
}

static gboolean read_members(Reader *reader, const VhScenarioSection *section, JsonNode *node,
                             const char *path, gpointer base, GError **error)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;

    if (!vh_policy_draft_require_type(&reader->draft, path, node, JSON_NODE_OBJECT, error))
        return FALSE;
    JsonObject *object = json_node_get_object(node);
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        g_autofree char *inner = vh_policy_draft_path(path, name);
        const VhScenarioKey *key = vh_scenario_section_find(section, name);
        if (!key)
            return refuse_unknown(reader, section, name, inner, error);
        if (!read_member(reader, key, member, inner, base, error))
            return FALSE;
    }
    for (guint i = 0; i < section->n_keys; i++) {
        const VhScenarioKey *key = &section->keys[i];
        if (key->is_required && !json_object_has_member(object, key->key.name))
            return vh_policy_draft_refuse(&reader->draft, path, VH_ERROR_INVALID, error,
                                          "no %s is given; write \"%s\": %s", key->key.name,
                                          key->key.name, key->key.doc);
    }
    return TRUE;
}

gboolean vh_scenario_has_pool(const VhScenario *scenario, const VhPoolConfig *pool, GError **error)
{
    if (pool->source == VH_POOL_CGROUP && scenario->host.group_bytes == 0) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "the policy's pool is a control group; write its limit as \"group\"");
        return FALSE;
    }
    if (pool->source == VH_POOL_NUMA && pool->node >= scenario->host.nodes) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "the policy's pool is NUMA node %u; write \"nodes\": %u or more", pool->node,
                    pool->node + 1);
        return FALSE;
    }
    return TRUE;
}

static gboolean check_whole(Reader *reader, GError **error)
{
    VhScenario *scenario = reader->scenario;
    const VhScenarioHost *host = &scenario->host;
    g_autoptr(GError) cause = NULL;

    if (!vh_class_name_is_valid(scenario->name))
        return vh_policy_draft_refuse(&reader->draft, "/name", VH_ERROR_INVALID, error,
                                      "this is no name; write 1 to 63 of a-z, 0-9 and -");
    for (guint i = 0; i < scenario->n_groups; i++)
        scenario->n_guests += MIN(scenario->guests[i].count, VH_SCENARIO_GUESTS_MAX);
    if (scenario->n_guests < 1 || scenario->n_guests > VH_SCENARIO_GUESTS_MAX)
        return vh_policy_draft_refuse(&reader->draft, "/guests", VH_ERROR_INVALID, error,
                                      "these are %u guests; write 1 to %d in all",
                                      scenario->n_guests, VH_SCENARIO_GUESTS_MAX);
    if (host->overhead_bytes >= host->memory_bytes)
        return vh_policy_draft_refuse(&reader->draft, "/host", VH_ERROR_INVALID, error,
                                      "the overhead is as large as the memory; write a smaller "
                                      "one");
    if (!vh_scenario_has_pool(scenario, &scenario->config->pool, &cause))
        return vh_policy_draft_refuse(&reader->draft, "/host", VH_ERROR_INVALID, error, "%s",
                                      cause->message);
    return TRUE;
}

/* The version comes first: what a key of another version means, nobody here can know. */
static gboolean read_root(Reader *reader, JsonNode *root, GError **error)
{
    if (!vh_policy_draft_require_type(&reader->draft, "", root, JSON_NODE_OBJECT, error))
        return FALSE;
    JsonNode *version = json_object_get_member(json_node_get_object(root), "version");
    if (!version)
        return vh_policy_draft_refuse(&reader->draft, "", VH_ERROR_INVALID, error,
                                      "no version is given; begin the file with \"version\": 1");
    return read_value(reader, vh_scenario_section_find(&vh_scenario_top, "version"), version,
                      "/version", NULL, error) &&
           read_members(reader, &vh_scenario_top, root, "", reader->scenario, error) &&
           check_whole(reader, error);
}

static gboolean read_scanned(Reader *reader, gsize length, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) cause = NULL;

    if (!json_parser_load_from_data(parser, reader->text, (gssize)length, &cause)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s:1: /: %s; check the file with another tool", reader->file, cause->message);
        return FALSE;
    }
    return read_root(reader, json_parser_get_root(parser), error);
}

VhScenario *vh_scenario_parse(const char *file, const char *text, gsize length, GError **error)
{
    g_autoptr(VhJsonLines) lines = NULL;
    g_autoptr(GError) cause = NULL;

    if (!vh_json_scan(text, length, &lines, &cause)) {
        /* "line N: what" becomes "FILE:N: what" */
        const char *what = cause->message;
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s:%s", file,
                    g_str_has_prefix(what, "line ") ? what + strlen("line ") : what);
        return NULL;
    }
    g_autoptr(VhScenario) scenario = g_new0(VhScenario, 1);
    vh_scenario_set_defaults(scenario);
    scenario->description = g_strdup("");
    scenario->config = vh_config_new();
    Reader reader = {.scenario = scenario, .file = file, .text = text};
    vh_policy_draft_init(&reader.draft);
    reader.draft.file = file;
    reader.draft.lines = lines;
    gboolean is_good = read_scanned(&reader, length, error);
    vh_policy_draft_clear(&reader.draft);
    return is_good ? g_steal_pointer(&scenario) : NULL;
}

void vh_scenario_free(VhScenario *scenario)
{
    if (!scenario)
        return;
    for (guint i = 0; i < scenario->n_groups; i++) {
        g_free(scenario->guests[i].name);
        g_free(scenario->guests[i].class_name);
    }
    g_free(scenario->guests);
    g_free(scenario->requests);
    vh_config_free(scenario->config);
    g_free(scenario->policy);
    g_free(scenario->name);
    g_free(scenario->description);
    g_free(scenario);
}

char *vh_scenario_guest_name(const VhScenarioGuests *guests, guint number)
{
    const char *percent, *rest = "";
    guint width = 0;

    if (!find_number(guests->name, &percent, &width, &rest) || !percent)
        return g_strdup(guests->name);
    return g_strdup_printf("%.*s%0*u%s", (int)(percent - guests->name), guests->name, (int)width,
                           number, rest);
}

const char *vh_scenario_set_name(VhScenarioSet set)
{
    static const char *const names[] = {
        [VH_SET_EXAMPLE] = "example", [VH_SET_TUNING] = "tuning", [VH_SET_HELD_OUT] = "held-out"};

    return names[set];
}
