/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records from text. Their values are vh-trace-value.h's. */
#include "vh-trace.h"

#include "vh-json-scan.h"
#include "vh-policy-text.h"
#include "vh-trace-value.h"

#include <string.h>

struct VhTraceParser {
    VhTraceContext context; /* its snapshot is that of the last cycle */
    VhState *state;
    gboolean has_header;
    VhTraceRecord record;
    VhPlan *plan;
    VhEnded ended;
    VhToggle toggle;
    GStringChunk *header_strings;
};

/* A member that must be there. */
static JsonNode *member_of(JsonObject *object, const char *key, GError **error)
{
    const VhTracePlace at = {NULL, key, 0};
    JsonNode *node = json_object_get_member(object, key);

    if (!node)
        vh_trace_refuse(&at, error, "missing; it must be given");
    return node;
}

static gboolean read_guests(VhTraceParser *parser, JsonNode *node, VhState *state, GError **error)
{
    const VhTracePlace place = {NULL, "guests", 0};
    g_autoptr(GArray) guests = g_array_new(FALSE, TRUE, sizeof(VhGuestState));

    if (!vh_trace_read_list(&parser->context, &vh_trace_guest, node, &place, guests, error))
        return FALSE;
    for (guint i = 0; i < guests->len; i++) {
        const VhGuestState *guest = &g_array_index(guests, VhGuestState, i);
        *vh_state_get(state, &guest->uuid) = *guest;
    }
    return TRUE;
}

/* The pool's part; what is not said is zero. */
static gboolean read_state(VhTraceParser *parser, JsonNode *node, VhState *state, GError **error)
{
    const VhTracePlace place = {NULL, "state", 0};
    g_autoptr(VhState) fresh = vh_state_new();
    JsonObject *object = node ? vh_trace_read_object(node, &place, error) : NULL;

    if (node && (!object || !vh_trace_read_section(&parser->context, &vh_trace_state, object, NULL,
                                                   &place, fresh, error)))
        return FALSE;
    vh_state_copy_pool(state, fresh);
    return TRUE;
}

static gboolean read_policy(JsonNode *node, VhConfig **ret_config, GError **error)
{
    const VhTracePlace place = {NULL, "policy", 0};
    g_autoptr(GError) cause = NULL;

    if (!vh_trace_read_object(node, &place, error))
        return FALSE;
    g_autofree char *text = json_to_string(node, FALSE);
    const VhPolicyText policy = {"policy", text, strlen(text)};
    *ret_config = vh_policy_parse(&policy, 1, &cause);
    if (!*ret_config)
        return vh_trace_refuse(&place, error, "%s", cause->message);
    /* a policy is recorded whole: what decided had no such key yet, and exempted nobody */
    if (!json_object_has_member(json_node_get_object(node), "exempt"))
        (*ret_config)->exempt_facts = 0;
    return TRUE;
}

static gboolean check_format(JsonObject *object, GError **error)
{
    const VhTracePlace place = {NULL, "format", 0};
    JsonNode *node = member_of(object, "format", error);
    gint64 format;

    if (!node || !vh_trace_read_integer(node, &place, 1, G_MAXINT, &format, error))
        return FALSE;
    if (format == VH_TRACE_FORMAT)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                "/format: %" G_GINT64_FORMAT " is not known; this version reads %d", format,
                VH_TRACE_FORMAT);
    return FALSE;
}

static const char *cause_of(guint value)
{
    return vh_trace_cause_name((VhTraceCause)value);
}

static const VhTraceWords causes = {VH_TRACE_CAUSES, cause_of};

/* The plain values of a header. */
static gboolean read_about(VhTraceParser *parser, JsonObject *object, VhTraceHeader *header,
                           GError **error)
{
    static const struct {
        const char *key;
        gsize offset;
        gboolean is_required;
    } texts[] = {{"version", G_STRUCT_OFFSET(VhTraceHeader, version), TRUE},
                 {"engine", G_STRUCT_OFFSET(VhTraceHeader, engine), TRUE},
                 {"host", G_STRUCT_OFFSET(VhTraceHeader, host), FALSE}};
    const VhTracePlace cause_place = {NULL, "cause", 0}, hashed_place = {NULL, "is_hashed", 0};
    JsonNode *cause = member_of(object, "cause", error);
    JsonNode *hashed = cause ? member_of(object, "is_hashed", error) : NULL;

    if (!hashed)
        return FALSE;
    int word = vh_trace_read_word(cause, &causes, &cause_place, error);
    if (word < 0)
        return FALSE;
    header->cause = (VhTraceCause)word;
    if (json_node_get_value_type(hashed) != G_TYPE_BOOLEAN)
        return vh_trace_refuse(&hashed_place, error, "not true or false");
    header->is_hashed = json_node_get_boolean(hashed);
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        const VhTracePlace place = {NULL, texts[i].key, 0};
        JsonNode *node = texts[i].is_required ? member_of(object, texts[i].key, error)
                                              : json_object_get_member(object, texts[i].key);
        const char *text = NULL;
        if (texts[i].is_required && !node)
            return FALSE;
        if (node && !vh_trace_read_text(&parser->context, node, &place, &text, error))
            return FALSE;
        *(const char **)vh_trace_at(header, texts[i].offset) =
            text ? g_string_chunk_insert_const(parser->header_strings, text) : NULL;
    }
    return TRUE;
}

/* What the last header said stays in force where this one is wrong. */
static gboolean read_header(VhTraceParser *parser, JsonObject *object, GError **error)
{
    static const char *const keys[] = {"record", "wall_us", "format",    "cause",  "version",
                                       "engine", "host",    "is_hashed", "policy", "without",
                                       "state",  "guests",  NULL};
    const VhTracePlace without_place = {NULL, "without", 0};
    g_autoptr(VhConfig) config = NULL;
    g_autoptr(VhState) state = vh_state_new();
    VhTraceHeader header = {.wall_us = parser->record.wall_us};
    JsonNode *without = json_object_get_member(object, "without");
    JsonNode *guests = json_object_get_member(object, "guests");
    gint64 terms = 0;

    if (!check_format(object, error) || !read_about(parser, object, &header, error))
        return FALSE;
    JsonNode *policy = member_of(object, "policy", error);
    if (!policy || !read_policy(policy, &config, error) ||
        (without && !vh_trace_read_integer(without, &without_place, 0, G_MAXUINT, &terms, error)) ||
        !read_state(parser, json_object_get_member(object, "state"), state, error) ||
        (guests && !read_guests(parser, guests, state, error)))
        return FALSE;
    if (vh_trace_count_members(object, keys) != json_object_get_size(object))
        return vh_trace_refuse_unknown(NULL, object, keys, NULL, error);
    config->model.without = (guint)terms;
    vh_config_free(parser->context.config);
    parser->context.config = g_steal_pointer(&config);
    vh_state_free(parser->state);
    parser->state = g_steal_pointer(&state);
    header.config = parser->context.config;
    header.state = parser->state;
    parser->record.header = header;
    parser->has_header = TRUE;
    return TRUE;
}

/* One guest, and its verdict where there is one. */
static gboolean read_domain(VhTraceParser *parser, JsonObject *object, const VhTracePlace *place,
                            guint index, GError **error)
{
    static const char *const others[] = {"verdict", NULL};
    const VhTracePlace at = {place, "verdict", 0};
    JsonNode *node = json_object_get_member(object, "verdict");
    VhDomain domain = {0};
    VhVerdict verdict = {.domain = index};

    if (!vh_trace_read_section(&parser->context, &vh_trace_domain, object, others, place, &domain,
                               error))
        return FALSE;
    g_array_append_val(parser->context.snapshot->domains, domain);
    if (!node)
        return TRUE;
    JsonObject *inner = vh_trace_read_object(node, &at, error);
    if (!inner || !vh_trace_read_section(&parser->context, &vh_trace_verdict, inner, NULL, &at,
                                         &verdict, error))
        return FALSE;
    g_array_append_val(parser->plan->verdicts, verdict);
    return TRUE;
}

static gboolean read_domains(VhTraceParser *parser, JsonNode *node, GError **error)
{
    const VhTracePlace place = {NULL, "domains", 0};
    JsonArray *array = vh_trace_read_array(node, &place, error);

    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        const VhTracePlace at = {&place, NULL, i};
        JsonObject *object = vh_trace_read_object(json_array_get_element(array, i), &at, error);
        if (!object || !read_domain(parser, object, &at, i, error))
            return FALSE;
    }
    return array != NULL;
}

/* Whoever reads a plan relies on what it points to. */
static gboolean check_plan(const VhTraceParser *parser, GError **error)
{
    const VhTracePlace plan = {NULL, "plan", 0}, asks = {&plan, "asks", 0},
                       toggles = {&plan, "toggles", 0};
    guint n_domains = vh_snapshot_n_domains(parser->context.snapshot);

    for (guint i = 0; i < parser->plan->actions->len; i++) {
        const VhTracePlace at = {&asks, NULL, i};
        if (g_array_index(parser->plan->actions, VhAction, i).domain >= n_domains)
            return vh_trace_refuse(&at, error, "not the index of one of the domains");
    }
    for (guint i = 0; i < parser->plan->toggles->len; i++) {
        const VhTracePlace at = {&toggles, NULL, i};
        if (g_array_index(parser->plan->toggles, VhToggle, i).domain >= n_domains)
            return vh_trace_refuse(&at, error, "not the index of one of the domains");
    }
    return TRUE;
}

static gboolean read_cycle(VhTraceParser *parser, JsonObject *object, GError **error)
{
    static const char *const others[] = {"record", "plan", "state", "domains", NULL};
    const VhTracePlace place = {NULL, "plan", 0};
    JsonNode *plan = json_object_get_member(object, "plan");
    JsonNode *domains = json_object_get_member(object, "domains");
    JsonObject *inner = plan ? vh_trace_read_object(plan, &place, error) : NULL;

    if (plan && !inner)
        return FALSE;
    if (!vh_trace_read_section(&parser->context, &vh_trace_snapshot, object, others, NULL,
                               parser->context.snapshot, error) ||
        (inner && !vh_trace_read_section(&parser->context, &vh_trace_plan, inner, NULL, &place,
                                         parser->plan, error)) ||
        (domains && !read_domains(parser, domains, error)) || !check_plan(parser, error) ||
        !read_state(parser, json_object_get_member(object, "state"), parser->state, error))
        return FALSE;
    parser->record.snapshot = parser->context.snapshot;
    parser->record.plan = parser->plan;
    return TRUE;
}

static gboolean read_learned(VhTraceParser *parser, JsonObject *object, GError **error)
{
    static const char *const keys[] = {"record", "wall_us", "guests", NULL};
    JsonNode *guests = member_of(object, "guests", error);

    if (!guests || !read_guests(parser, guests, parser->state, error))
        return FALSE;
    return vh_trace_count_members(object, keys) == json_object_get_size(object) ||
           vh_trace_refuse_unknown(NULL, object, keys, NULL, error);
}

/* A text that may be missing. */
static gboolean read_optional(VhTraceParser *parser, JsonObject *object, const char *key,
                              const char **ret_text, GError **error)
{
    const VhTracePlace place = {NULL, key, 0};
    JsonNode *node = json_object_get_member(object, key);

    *ret_text = NULL;
    return !node || vh_trace_read_text(&parser->context, node, &place, ret_text, error);
}

static gboolean read_outcome(VhTraceParser *parser, JsonObject *object, GError **error)
{
    static const char *const others[] = {"record", "wall_us", "name", "message", NULL};
    VhTraceRecord *record = &parser->record;

    memset(&parser->ended, 0, sizeof(parser->ended));
    if (!vh_trace_read_section(&parser->context, &vh_trace_ended, object, others, NULL,
                               &parser->ended, error) ||
        !read_optional(parser, object, "name", &record->name, error) ||
        !read_optional(parser, object, "message", &record->message, error))
        return FALSE;
    record->ended = &parser->ended;
    record->uri = parser->ended.uri;
    return TRUE;
}

static gboolean read_toggle(VhTraceParser *parser, JsonObject *object, GError **error)
{
    static const char *const others[] = {"record", "wall_us", "name", "uri", NULL};
    VhTraceRecord *record = &parser->record;

    memset(&parser->toggle, 0, sizeof(parser->toggle));
    if (!vh_trace_read_section(&parser->context, &vh_trace_toggle, object, others, NULL,
                               &parser->toggle, error) ||
        !read_optional(parser, object, "name", &record->name, error) ||
        !read_optional(parser, object, "uri", &record->uri, error))
        return FALSE;
    record->toggle = &parser->toggle;
    return TRUE;
}

static const char *kind_of(guint value)
{
    return vh_trace_kind_name((VhTraceKind)value);
}

static gboolean read_record(VhTraceParser *parser, JsonObject *object, GError **error)
{
    static const VhTraceWords kinds = {VH_TRACE_KINDS, kind_of};
    static gboolean (*const readers[VH_TRACE_KINDS])(VhTraceParser *, JsonObject *, GError **) = {
        [VH_TRACE_HEADER] = read_header,   [VH_TRACE_CYCLE] = read_cycle,
        [VH_TRACE_LEARNED] = read_learned, [VH_TRACE_OUTCOME] = read_outcome,
        [VH_TRACE_TOGGLE] = read_toggle,
    };
    const VhTracePlace kind_place = {NULL, "record", 0}, wall_place = {NULL, "wall_us", 0};
    JsonNode *kind = member_of(object, "record", error);
    JsonNode *wall = kind ? member_of(object, "wall_us", error) : NULL;
    VhTraceRecord *record = &parser->record;

    if (!wall)
        return FALSE;
    int word = vh_trace_read_word(kind, &kinds, &kind_place, error);
    if (word < 0 || !vh_trace_read_integer(wall, &wall_place, -VH_TRACE_SIGNED_MAX,
                                           VH_TRACE_SIGNED_MAX, &record->wall_us, error))
        return FALSE;
    record->kind = (VhTraceKind)word;
    if (record->kind != VH_TRACE_HEADER && !parser->has_header)
        return vh_trace_refuse(&kind_place, error, "the first record of a recording is a header");
    return readers[word](parser, object, error);
}

VhTraceParser *vh_trace_parser_new(void)
{
    VhTraceParser *parser = g_new0(VhTraceParser, 1);

    parser->state = vh_state_new();
    parser->context.snapshot = vh_snapshot_new();
    parser->plan = vh_plan_new();
    parser->header_strings = g_string_chunk_new(256);
    return parser;
}

void vh_trace_parser_free(VhTraceParser *parser)
{
    if (!parser)
        return;
    vh_config_free(parser->context.config);
    vh_state_free(parser->state);
    vh_snapshot_free(parser->context.snapshot);
    vh_plan_free(parser->plan);
    g_string_chunk_free(parser->header_strings);
    g_free(parser);
}

void vh_trace_parser_set_target(VhTraceParser *parser, const VhConfig *target)
{
    parser->context.target = target;
}

/* The scanner counts lines, of which a record has one: the file's line is the caller's to tell. */
static gboolean scan(const char *line, gsize length, GError **error)
{
    static const char prefix[] = "line 1: ";
    g_autoptr(GError) cause = NULL;

    if (vh_json_scan(line, length, NULL, &cause))
        return TRUE;
    g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                        g_str_has_prefix(cause->message, prefix) ? cause->message + strlen(prefix)
                                                                 : cause->message);
    return FALSE;
}

const VhTraceRecord *vh_trace_parse(VhTraceParser *parser, const char *line, gsize length,
                                    GError **error)
{
    const VhTraceRecord empty = {.header = parser->record.header, .state = parser->state};
    g_autoptr(JsonParser) json = json_parser_new_immutable();

    parser->record = empty;
    vh_snapshot_clear(parser->context.snapshot);
    vh_plan_clear(parser->plan);
    if (!scan(line, length, error))
        return NULL;
    if (!json_parser_load_from_data(json, line, (gssize)length, NULL)) {
        vh_trace_refuse(NULL, error, "not JSON; write one object a line");
        return NULL;
    }
    JsonObject *object = vh_trace_read_object(json_parser_get_root(json), NULL, error);
    if (!object || !read_record(parser, object, error))
        return NULL;
    parser->record.state = parser->state;
    return &parser->record;
}
