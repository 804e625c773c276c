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

#define STATE_VERSION 1
#define DOUBLINGS_MAX 63

typedef enum {
    FIELD_BYTES,  /* guint64 */
    FIELD_TIME,   /* gint64, UTC in microseconds */
    FIELD_BOOL,   /* gboolean */
    FIELD_COUNT,  /* guint, at most DOUBLINGS_MAX */
    FIELD_STATUS, /* int, a VhAskStatus by name */
    FIELD_RECENT, /* n_recent and recent_wall_us */
} FieldKind;

typedef struct {
    const char *name;
    FieldKind kind;
    gsize offset; /* in VhGuestState */
} Field;

static const Field fields[] = {
    {"overhead_bytes", FIELD_BYTES, G_STRUCT_OFFSET(VhGuestState, overhead_bytes)},
    {"residue_bytes", FIELD_BYTES, G_STRUCT_OFFSET(VhGuestState, residue_bytes)},
    {"residue_wall_us", FIELD_TIME, G_STRUCT_OFFSET(VhGuestState, residue_wall_us)},
    {"awaits_drained_sample", FIELD_BOOL, G_STRUCT_OFFSET(VhGuestState, awaits_drained_sample)},
    {"last_ended_wall_us", FIELD_TIME, G_STRUCT_OFFSET(VhGuestState, last_ended_wall_us)},
    {"last_asked_bytes", FIELD_BYTES, G_STRUCT_OFFSET(VhGuestState, last_asked_bytes)},
    {"last_returned_bytes", FIELD_BYTES, G_STRUCT_OFFSET(VhGuestState, last_returned_bytes)},
    {"last_status", FIELD_STATUS, G_STRUCT_OFFSET(VhGuestState, last_status)},
    {"cooldown_doublings", FIELD_COUNT, G_STRUCT_OFFSET(VhGuestState, cooldown_doublings)},
    {"recent_wall_us", FIELD_RECENT, 0},
    {"last_seen_wall_us", FIELD_TIME, G_STRUCT_OFFSET(VhGuestState, last_seen_wall_us)},
};

static gint64 clamp_bytes(guint64 bytes)
{
    return (gint64)MIN(bytes, (guint64)G_MAXINT64);
}

static void write_field(JsonBuilder *builder, const Field *field, const VhGuestState *guest)
{
    gconstpointer value = (const guint8 *)guest + field->offset;
    switch (field->kind) {
    case FIELD_BYTES:
        json_builder_add_int_value(builder, clamp_bytes(*(const guint64 *)value));
        break;
    case FIELD_TIME:
        json_builder_add_int_value(builder, *(const gint64 *)value);
        break;
    case FIELD_BOOL:
        json_builder_add_boolean_value(builder, *(const gboolean *)value);
        break;
    case FIELD_COUNT:
        json_builder_add_int_value(builder, MIN(*(const guint *)value, DOUBLINGS_MAX));
        break;
    case FIELD_STATUS:
        json_builder_add_string_value(builder, vh_ask_status_name(*(const VhAskStatus *)value));
        break;
    case FIELD_RECENT:
        json_builder_begin_array(builder);
        for (guint i = 0; i < MIN(guest->n_recent, VH_ASKS_PER_HOUR_MAX); i++) {
            json_builder_add_int_value(builder, guest->recent_wall_us[i]);
        }
        json_builder_end_array(builder);
        break;
    }
}

static void write_guest(JsonBuilder *builder, const VhGuestState *guest)
{
    char uuid[VH_UUID_TEXT];
    json_builder_set_member_name(builder, vh_uuid_format(&guest->uuid, uuid));
    json_builder_begin_object(builder);
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
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
    g_autofree char *text = json_generator_to_data(generator, NULL);
    return g_strconcat(text, "\n", NULL);
}

/* Where the reader is, for messages. */
typedef struct {
    const VhJsonLines *lines;
    char *path; /* of the value being read; owned */
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

static gboolean read_integer(const Reader *reader, JsonNode *node, gint64 maximum,
                             gint64 *ret_value, GError **error)
{
    gint64 value = json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node) : -1;
    if (value < 0 || value > maximum) {
        g_autofree char *what = g_strdup_printf(
            "not a whole number from 0 to %" G_GINT64_FORMAT "; correct or remove it", maximum);
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

static gboolean read_recent(const Reader *reader, JsonNode *node, VhGuestState *guest,
                            GError **error)
{
    JsonArray *array =
        json_node_get_node_type(node) == JSON_NODE_ARRAY ? json_node_get_array(node) : NULL;
    if (!array || json_array_get_length(array) > VH_ASKS_PER_HOUR_MAX) {
        return refuse(reader, error, "not an array of at most 60 times; correct or remove it");
    }
    guint n_recent = json_array_get_length(array);
    gint64 before = 0;
    for (guint i = 0; i < n_recent; i++) {
        gint64 *time = &guest->recent_wall_us[i];
        if (!read_integer(reader, json_array_get_element(array, i), G_MAXINT64, time, error)) {
            return FALSE;
        }
        if (*time < before) {
            return refuse(reader, error, "times out of order; write the oldest first");
        }
        before = *time;
    }
    guest->n_recent = n_recent;
    return TRUE;
}

static gboolean read_field(const Reader *reader, const Field *field, JsonNode *node,
                           VhGuestState *guest, GError **error)
{
    gpointer target = (guint8 *)guest + field->offset;
    if (field->kind == FIELD_STATUS) {
        return read_status(reader, node, target, error);
    }
    if (field->kind == FIELD_RECENT) {
        return read_recent(reader, node, guest, error);
    }
    if (field->kind == FIELD_BOOL) {
        if (json_node_get_value_type(node) != G_TYPE_BOOLEAN) {
            return refuse(reader, error, "not true or false; correct or remove it");
        }
        *(gboolean *)target = json_node_get_boolean(node);
        return TRUE;
    }
    gint64 value;
    gint64 maximum = field->kind == FIELD_COUNT ? DOUBLINGS_MAX : G_MAXINT64;
    if (!read_integer(reader, node, maximum, &value, error)) {
        return FALSE;
    }
    if (field->kind == FIELD_COUNT) {
        *(guint *)target = (guint)value;
    } else {
        *(gint64 *)target = value; /* guint64 of BYTES is the same below 2^63 */
    }
    return TRUE;
}

static const Field *field_find(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (strcmp(fields[i].name, name) == 0) {
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
        const Field *field = field_find(name);
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

static gboolean check_version(JsonObject *object, const VhJsonLines *lines, GError **error)
{
    JsonNode *node = json_object_get_member(object, "version");
    guint line = vh_json_lines_get(lines, "/version");
    if (!node || json_node_get_value_type(node) != G_TYPE_INT64) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "line %u: /version: a whole number must be given; write 1", MAX(line, 1));
        return FALSE;
    }
    gint64 version = json_node_get_int(node);
    if (version != STATE_VERSION) {
        g_set_error(error, VH_ERROR,
                    version > STATE_VERSION ? VH_ERROR_UNSUPPORTED : VH_ERROR_INVALID,
                    "line %u: /version: %" G_GINT64_FORMAT " is not known; this version reads %d",
                    line, version, STATE_VERSION);
        return FALSE;
    }
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
    g_auto(Reader) reader = {lines, NULL};
    g_autoptr(VhState) state = vh_state_new();
    JsonObject *object = json_node_get_object(root);
    if (!check_version(object, lines, error) || !read_guests(&reader, object, state, error)) {
        return NULL;
    }
    return g_steal_pointer(&state);
}
