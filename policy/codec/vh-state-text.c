/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements vh-state-text.h, by one table of fields. The file is ours, but a disk or an editor may
 * have had it since: whatever it says is checked as if it were foreign.
 */
#include "vh-state-text.h"

#include "vh-json-scan.h"
#include "vh-outcome.h"
#include "vh-text.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Version 1 had no learned shares, rebounds, costs and toggles. It is still read: it is a subset.
 */
#define STATE_VERSION 2
#define STATE_VERSION_OLDEST 1
#define DOUBLINGS_MAX 63
#define SHARE_MAX 10000

typedef enum {
    FIELD_BYTES,     /* guint64 */
    FIELD_TIME,      /* gint64, UTC in microseconds, or a duration */
    FIELD_RATE,      /* gint64, of either sign */
    FIELD_BOOL,      /* gboolean */
    FIELD_DOUBLINGS, /* guint, at most DOUBLINGS_MAX */
    FIELD_COUNT,     /* guint */
    FIELD_SHARE,     /* guint, in basis points */
    FIELD_STATUS,    /* int, a VhAskStatus by name */
    FIELD_TIMES,     /* gint64[], oldest first, and how many */
} FieldKind;

typedef struct {
    const char *name;
    FieldKind kind;
    guint since;        /* version */
    gsize offset;       /* in VhGuestState */
    gsize count_offset; /* TIMES: of how many there are */
    guint most;         /* TIMES: how many there can be */
} Field;

#define FIELD(kind, since, name)                                      \
    {                                                                 \
#name, kind, since, G_STRUCT_OFFSET(VhGuestState, name), 0, 0 \
    }

static const Field fields[] = {
    FIELD(FIELD_BYTES, 1, overhead_bytes),
    FIELD(FIELD_BYTES, 1, residue_bytes),
    FIELD(FIELD_TIME, 1, residue_wall_us),
    FIELD(FIELD_BOOL, 2, was_drained),
    FIELD(FIELD_BOOL, 1, awaits_drained_sample),
    FIELD(FIELD_BOOL, 2, asked_for_all),
    FIELD(FIELD_BYTES, 2, left_bytes),
    FIELD(FIELD_COUNT, 2, n_returns),
    FIELD(FIELD_SHARE, 2, gamma_bp),
    FIELD(FIELD_SHARE, 2, sigma_bp),
    FIELD(FIELD_COUNT, 2, n_rebounds),
    FIELD(FIELD_SHARE, 2, retouch_bp),
    FIELD(FIELD_TIME, 2, rebound_wall_us),
    FIELD(FIELD_BYTES, 2, rebound_rss_bytes),
    FIELD(FIELD_BYTES, 2, rebound_returned_bytes),
    FIELD(FIELD_BYTES, 2, rebound_promised_bytes),
    FIELD(FIELD_RATE, 2, rebound_slope_bytes_per_s),
    FIELD(FIELD_TIME, 1, last_ended_wall_us),
    FIELD(FIELD_BYTES, 1, last_asked_bytes),
    FIELD(FIELD_BYTES, 1, last_returned_bytes),
    FIELD(FIELD_STATUS, 1, last_status),
    FIELD(FIELD_DOUBLINGS, 1, cooldown_doublings),
    {"recent_wall_us", FIELD_TIMES, 1, G_STRUCT_OFFSET(VhGuestState, recent_wall_us),
     G_STRUCT_OFFSET(VhGuestState, n_recent), VH_ASKS_PER_HOUR_MAX},
    FIELD(FIELD_TIME, 2, inflicted_us),
    FIELD(FIELD_TIME, 2, inflicted_wall_us),
    {"toggles_wall_us", FIELD_TIMES, 2, G_STRUCT_OFFSET(VhGuestState, toggles_wall_us),
     G_STRUCT_OFFSET(VhGuestState, n_toggles), VH_TOGGLES_PER_HOUR_MAX},
    FIELD(FIELD_TIME, 1, last_seen_wall_us),
};

static gint64 clamp_bytes(guint64 bytes)
{
    return (gint64)MIN(bytes, (guint64)G_MAXINT64);
}

/* Integers of all kinds, as JSON has them. */
static gint64 integer_of(const Field *field, gconstpointer value)
{
    switch (field->kind) {
    case FIELD_BYTES:
        return clamp_bytes(*(const guint64 *)value);
    case FIELD_DOUBLINGS:
        return MIN(*(const guint *)value, DOUBLINGS_MAX);
    case FIELD_SHARE:
        return MIN(*(const guint *)value, SHARE_MAX);
    case FIELD_COUNT:
        return MIN(*(const guint *)value, G_MAXINT32);
    default:
        return *(const gint64 *)value;
    }
}

static void write_times(JsonBuilder *builder, const Field *field, const VhGuestState *guest)
{
    const gint64 *times = (gconstpointer)((const guint8 *)guest + field->offset);
    guint n = *(const guint *)(gconstpointer)((const guint8 *)guest + field->count_offset);

    json_builder_begin_array(builder);
    for (guint i = 0; i < MIN(n, field->most); i++)
        json_builder_add_int_value(builder, times[i]);
    json_builder_end_array(builder);
}

static void write_field(JsonBuilder *builder, const Field *field, const VhGuestState *guest)
{
    gconstpointer value = (const guint8 *)guest + field->offset;

    if (field->kind == FIELD_TIMES)
        write_times(builder, field, guest);
    else if (field->kind == FIELD_BOOL)
        json_builder_add_boolean_value(builder, *(const gboolean *)value);
    else if (field->kind == FIELD_STATUS)
        json_builder_add_string_value(builder, vh_ask_status_name(*(const VhAskStatus *)value));
    else
        json_builder_add_int_value(builder, integer_of(field, value));
}

/* What is left out reads as 0: most of a guest that was never asked is, and there may be 10 000. */
static gboolean is_default(const Field *field, const VhGuestState *guest)
{
    gconstpointer value = (const guint8 *)guest + field->offset;

    switch (field->kind) {
    case FIELD_TIMES:
        return *(const guint *)(gconstpointer)((const guint8 *)guest + field->count_offset) == 0;
    case FIELD_BOOL:
    case FIELD_STATUS:
        return *(const int *)value == 0;
    default:
        return integer_of(field, value) == 0;
    }
}

static void write_guest(JsonBuilder *builder, const VhGuestState *guest)
{
    char uuid[VH_UUID_TEXT];
    json_builder_set_member_name(builder, vh_uuid_format(&guest->uuid, uuid));
    json_builder_begin_object(builder);
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (is_default(&fields[i], guest)) {
            continue;
        }
        json_builder_set_member_name(builder, fields[i].name);
        write_field(builder, &fields[i], guest);
    }
    json_builder_end_object(builder);
}

char *vh_state_format(const VhState *state)
{
    g_autoptr(JsonBuilder) builder = json_builder_new_immutable();
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "version");
    json_builder_add_int_value(builder, STATE_VERSION);
    json_builder_set_member_name(builder, "guests");
    json_builder_begin_object(builder);
    for (guint i = 0; i < state->guests->len; i++) {
        write_guest(builder, &g_array_index(state->guests, VhGuestState, i));
    }
    json_builder_end_object(builder);
    json_builder_end_object(builder);

    g_autoptr(JsonGenerator) generator = json_generator_new();
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    json_generator_set_root(generator, root);
    json_generator_set_pretty(generator, TRUE);
    json_generator_set_indent(generator, 0); /* a value a line, and no megabytes of blanks */
    g_autofree char *text = json_generator_to_data(generator, NULL);
    return g_strconcat(text, "\n", NULL);
}

/* Where the reader is, for messages. */
typedef struct {
    const VhJsonLines *lines;
    char *path; /* of the value being read; owned */
    guint version;
} Reader;

static void reader_clear(Reader *reader)
{
    g_clear_pointer(&reader->path, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reader, reader_clear)

static void reader_move(Reader *reader, const char *guest, const char *field)
{
    g_free(reader->path);
    reader->path =
        g_strconcat("/guests", guest ? "/" : "", guest ? guest : "", field ? "/" : "", field, NULL);
}

static gboolean refuse(const Reader *reader, GError **error, const char *what)
{
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "line %u: %s: %s",
                vh_json_lines_get(reader->lines, reader->path), reader->path, what);
    return FALSE;
}

static gboolean read_integer(const Reader *reader, JsonNode *node, gint64 minimum, gint64 maximum,
                             gint64 *ret_value, GError **error)
{
    gboolean is_integer = json_node_get_value_type(node) == G_TYPE_INT64;
    gint64 value = is_integer ? json_node_get_int(node) : 0;

    if (!is_integer || value < minimum || value > maximum) {
        g_autofree char *what = g_strdup_printf("not a whole number from %" G_GINT64_FORMAT
                                                " to %" G_GINT64_FORMAT "; correct or remove it",
                                                minimum, maximum);
        return refuse(reader, error, what);
    }
    *ret_value = value;
    return TRUE;
}

static gboolean read_status(const Reader *reader, JsonNode *node, int *ret_status, GError **error)
{
    int status = json_node_get_value_type(node) == G_TYPE_STRING
                     ? vh_ask_status_from_name(json_node_get_string(node))
                     : -1;
    if (status < 0) {
        return refuse(reader, error, "not the status of an ask; write one, as in \"done\"");
    }
    *ret_status = status;
    return TRUE;
}

static gboolean read_times(const Reader *reader, const Field *field, JsonNode *node,
                           VhGuestState *guest, GError **error)
{
    gint64 *times = (gpointer)((guint8 *)guest + field->offset), before = 0;
    guint *count = (gpointer)((guint8 *)guest + field->count_offset);
    JsonArray *array =
        json_node_get_node_type(node) == JSON_NODE_ARRAY ? json_node_get_array(node) : NULL;

    if (!array || json_array_get_length(array) > field->most) {
        g_autofree char *what =
            g_strdup_printf("not an array of at most %u times; correct or remove it", field->most);
        return refuse(reader, error, what);
    }
    *count = json_array_get_length(array);
    for (guint i = 0; i < *count; i++) {
        if (!read_integer(reader, json_array_get_element(array, i), 0, G_MAXINT64, &times[i],
                          error)) {
            return FALSE;
        }
        if (times[i] < before) {
            return refuse(reader, error, "times out of order; write the oldest first");
        }
        before = times[i];
    }
    return TRUE;
}

static gboolean read_bool(const Reader *reader, JsonNode *node, gboolean *ret_value, GError **error)
{
    if (json_node_get_value_type(node) != G_TYPE_BOOLEAN) {
        return refuse(reader, error, "not true or false; correct or remove it");
    }
    *ret_value = json_node_get_boolean(node);
    return TRUE;
}

static gint64 most_of(FieldKind kind)
{
    switch (kind) {
    case FIELD_DOUBLINGS:
        return DOUBLINGS_MAX;
    case FIELD_SHARE:
        return SHARE_MAX;
    case FIELD_COUNT:
        return G_MAXINT32;
    default:
        return G_MAXINT64;
    }
}

static gboolean read_field(const Reader *reader, const Field *field, JsonNode *node,
                           VhGuestState *guest, GError **error)
{
    gpointer target = (guint8 *)guest + field->offset;
    gint64 value, minimum = field->kind == FIELD_RATE ? -G_MAXINT64 : 0;

    if (field->kind == FIELD_STATUS) {
        return read_status(reader, node, target, error);
    }
    if (field->kind == FIELD_TIMES) {
        return read_times(reader, field, node, guest, error);
    }
    if (field->kind == FIELD_BOOL) {
        return read_bool(reader, node, target, error);
    }
    if (!read_integer(reader, node, minimum, most_of(field->kind), &value, error)) {
        return FALSE;
    }
    if (most_of(field->kind) <= G_MAXINT32) {
        *(guint *)target = (guint)value;
    } else {
        *(gint64 *)target = value; /* guint64 of BYTES is the same below 2^63 */
    }
    return TRUE;
}

static const Field *field_find(guint version, const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (fields[i].since <= version && strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static gboolean read_guest(Reader *reader, const char *uuid_text, JsonNode *node, VhState *state,
                           GError **error)
{
    VhUuid uuid;
    if (!vh_uuid_parse(uuid_text, &uuid, error)) {
        g_prefix_error(error, "line %u: ", vh_json_lines_get(reader->lines, reader->path));
        return FALSE;
    }
    reader_move(reader, uuid_text, NULL);
    if (json_node_get_node_type(node) != JSON_NODE_OBJECT) {
        return refuse(reader, error, "not an object; correct or remove it");
    }
    if (vh_state_find(state, &uuid)) {
        return refuse(reader, error, "this guest is there twice; remove one");
    }
    VhGuestState *guest = vh_state_get(state, &uuid);
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        const Field *field = field_find(reader->version, name);
        if (!field) {
            g_autofree char *quoted = vh_text_quote(name);
            g_autofree char *what = g_strdup_printf("unknown key %s; remove it", quoted);
            return refuse(reader, error, what);
        }
        reader_move(reader, uuid_text, name);
        if (!read_field(reader, field, member, guest, error)) {
            return FALSE;
        }
        reader_move(reader, uuid_text, NULL);
    }
    return TRUE;
}

static gboolean read_version(JsonObject *object, const VhJsonLines *lines, guint *ret_version,
                             GError **error)
{
    JsonNode *node = json_object_get_member(object, "version");
    guint line = vh_json_lines_get(lines, "/version");
    if (!node || json_node_get_value_type(node) != G_TYPE_INT64) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "line %u: /version: a whole number must be given; write %d", MAX(line, 1),
                    STATE_VERSION);
        return FALSE;
    }
    gint64 version = json_node_get_int(node);
    if (version < STATE_VERSION_OLDEST || version > STATE_VERSION) {
        g_set_error(
            error, VH_ERROR, version > STATE_VERSION ? VH_ERROR_UNSUPPORTED : VH_ERROR_INVALID,
            "line %u: /version: %" G_GINT64_FORMAT " is not known; this version reads %d to %d",
            line, version, STATE_VERSION_OLDEST, STATE_VERSION);
        return FALSE;
    }
    *ret_version = (guint)version;
    return TRUE;
}

static gboolean read_guests(Reader *reader, JsonObject *object, VhState *state, GError **error)
{
    JsonNode *guests = json_object_get_member(object, "guests");
    reader_move(reader, NULL, NULL);
    if (!guests || json_node_get_node_type(guests) != JSON_NODE_OBJECT ||
        json_object_get_size(object) != 2) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "line %u: the state must be an object of \"version\" and \"guests\", which is "
                    "an object; correct or remove the file",
                    MAX(vh_json_lines_get(reader->lines, reader->path), 1));
        return FALSE;
    }
    JsonObjectIter iter;
    const char *uuid;
    JsonNode *guest;
    json_object_iter_init_ordered(&iter, json_node_get_object(guests));
    while (json_object_iter_next_ordered(&iter, &uuid, &guest)) {
        reader_move(reader, NULL, NULL);
        if (!read_guest(reader, uuid, guest, state, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

VhState *vh_state_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(VhJsonLines) lines = NULL;
    if (!vh_json_scan(text, length, &lines, error)) {
        return NULL;
    }
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) parser_error = NULL;
    if (!json_parser_load_from_data(parser, text, (gssize)length, &parser_error)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "line 1: %s", parser_error->message);
        return NULL;
    }
    JsonNode *root = json_parser_get_root(parser);
    if (json_node_get_node_type(root) != JSON_NODE_OBJECT) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "line %u: the state must be an object; correct or remove the file",
                    vh_json_lines_get(lines, ""));
        return NULL;
    }
    g_auto(Reader) reader = {lines, NULL, 0};
    g_autoptr(VhState) state = vh_state_new();
    JsonObject *object = json_node_get_object(root);
    if (!read_version(object, lines, &reader.version, error) ||
        !read_guests(&reader, object, state, error)) {
        return NULL;
    }
    return g_steal_pointer(&state);
}
