/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as text, by the tables. */
#include "vh-trace.h"

#include "vh-policy-text.h"
#include "vh-trace-keys.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

static const char *const kind_names[VH_TRACE_KINDS] = {
    [VH_TRACE_HEADER] = "header",   [VH_TRACE_CYCLE] = "cycle",   [VH_TRACE_LEARNED] = "learned",
    [VH_TRACE_OUTCOME] = "outcome", [VH_TRACE_TOGGLE] = "toggle",
};

static const char *const cause_names[VH_TRACE_CAUSES] = {
    [VH_TRACE_START] = "start",
    [VH_TRACE_FILE] = "file",
    [VH_TRACE_POLICY] = "policy",
    [VH_TRACE_GAP] = "gap",
};

const char *vh_trace_kind_name(VhTraceKind kind)
{
    g_return_val_if_fail((guint)kind < VH_TRACE_KINDS, "unknown");
    return kind_names[kind];
}

const char *vh_trace_cause_name(VhTraceCause cause)
{
    g_return_val_if_fail((guint)cause < VH_TRACE_CAUSES, "unknown");
    return cause_names[cause];
}

/* What the values of a record refer to. */
typedef struct {
    const VhConfig *config;  /* for names of classes and for expressions; may be NULL */
    gboolean leaves_samples; /* of a guest's memory, what changes with every sample */
} Writer;

static JsonObject *write_section(const Writer *writer, const VhTraceSection *section,
                                 gconstpointer base);

static void set_text(JsonObject *object, const char *key, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    json_object_set_string_member(object, key, valid);
}

/* JSON readers, ours included, have 64 bits with a sign. */
static void set_bytes(JsonObject *object, const char *key, guint64 bytes)
{
    char digits[24];

    if (bytes <= (guint64)G_MAXINT64) {
        json_object_set_int_member(object, key, (gint64)bytes);
        return;
    }
    g_snprintf(digits, sizeof(digits), "%" G_GUINT64_FORMAT, bytes);
    json_object_set_string_member(object, key, digits);
}

static void set_double(JsonObject *object, const char *key, double value)
{
    if (isfinite(value))
        json_object_set_double_member(object, key, value);
    else
        json_object_set_string_member(object, key,
                                      isnan(value) ? "nan"
                                      : value > 0  ? "inf"
                                                   : "-inf");
}

static void take_array(JsonObject *object, const char *key, JsonArray *array)
{
    if (json_array_get_length(array) > 0)
        json_object_set_array_member(object, key, array);
    else
        json_array_unref(array);
}

static void take_object(JsonObject *object, const char *key, JsonObject *member)
{
    if (json_object_get_size(member) > 0)
        json_object_set_object_member(object, key, member);
    else
        json_object_unref(member);
}

static void set_words(JsonObject *object, const VhTraceField *field, guint bits)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < field->words->n; i++) {
        if (bits & 1u << i)
            json_array_add_string_element(array, field->words->name(i));
    }
    take_array(object, field->key, array);
}

static void set_xpaths(const Writer *writer, JsonObject *object, const char *key, guint64 hits)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; hits != 0 && writer->config && i < writer->config->n_matches; i++) {
        const VhMatch *match = &writer->config->matches[i];
        if (match->kind == VH_MATCH_XPATH && hits & G_GUINT64_CONSTANT(1) << match->xpath_index)
            json_array_add_string_element(array, match->xpath);
    }
    take_array(object, key, array);
}

static void set_times(JsonObject *object, const VhTraceField *field, gconstpointer base)
{
    guint n = *(const guint *)vh_trace_at(base, field->count_offset);
    const gint64 *times = vh_trace_at(base, field->offset);
    JsonArray *array = json_array_new();

    for (guint i = 0; i < MIN(n, field->maximum); i++)
        json_array_add_int_element(array,
                                   CLAMP(times[i], -VH_TRACE_SIGNED_MAX, VH_TRACE_SIGNED_MAX));
    take_array(object, field->key, array);
}

static void set_list(const Writer *writer, JsonObject *object, const VhTraceField *field,
                     const GArray *list)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < list->len; i++)
        json_array_add_object_element(
            array, write_section(writer, field->section, list->data + i * field->section->size));
    take_array(object, field->key, array);
}

static void set_integer(JsonObject *object, const VhTraceField *field, gboolean must, gint64 value)
{
    if (must || value != field->otherwise)
        json_object_set_int_member(object, field->key,
                                   CLAMP(value, -VH_TRACE_SIGNED_MAX, VH_TRACE_SIGNED_MAX));
}

/* Values that are not plain integers. */
static void set_other(const Writer *writer, JsonObject *object, const VhTraceField *field,
                      gconstpointer base, gconstpointer value)
{
    char uuid[VH_UUID_TEXT];

    switch (field->type) {
    case VH_TRACE_UUID:
        json_object_set_string_member(object, field->key, vh_uuid_format(value, uuid));
        break;
    case VH_TRACE_TEXT:
        set_text(object, field->key, *(const char *const *)value);
        break;
    case VH_TRACE_CLASS_TEXT:
        if (*(const char *)value)
            set_text(object, field->key, value);
        break;
    case VH_TRACE_WORDS:
        set_words(object, field, *(const guint *)value);
        break;
    case VH_TRACE_CLASS:
        if (writer->config && *(const guint *)value < writer->config->n_classes)
            json_object_set_string_member(object, field->key,
                                          writer->config->classes[*(const guint *)value].name);
        break;
    case VH_TRACE_XPATHS:
        set_xpaths(writer, object, field->key, *(const guint64 *)value);
        break;
    case VH_TRACE_TIMES:
        set_times(object, field, base);
        break;
    case VH_TRACE_STRUCT:
        take_object(object, field->key, write_section(writer, field->section, value));
        break;
    default:
        set_list(writer, object, field, *(GArray *const *)value);
        break;
    }
}

static void set_field(const Writer *writer, JsonObject *object, const VhTraceField *field,
                      gboolean must, gconstpointer base)
{
    gconstpointer value = vh_trace_at(base, field->offset);

    switch (field->type) {
    case VH_TRACE_BOOL:
        if (must || *(const gboolean *)value)
            json_object_set_boolean_member(object, field->key, *(const gboolean *)value);
        break;
    case VH_TRACE_UINT:
        set_integer(object, field, must, *(const guint *)value);
        break;
    case VH_TRACE_INT:
        set_integer(object, field, must, *(const int *)value);
        break;
    case VH_TRACE_SIGNED:
        set_integer(object, field, must, *(const gint64 *)value);
        break;
    case VH_TRACE_BYTES:
        if (must || *(const guint64 *)value != 0)
            set_bytes(object, field->key, *(const guint64 *)value);
        break;
    case VH_TRACE_DOUBLE:
        if (must || *(const double *)value != 0 || signbit(*(const double *)value))
            set_double(object, field->key, *(const double *)value);
        break;
    case VH_TRACE_WORD:
        if ((must || *(const int *)value != field->otherwise) &&
            *(const guint *)value < field->words->n)
            json_object_set_string_member(object, field->key,
                                          field->words->name(*(const guint *)value));
        break;
    default:
        set_other(writer, object, field, base, value);
        break;
    }
}

static JsonObject *write_section(const Writer *writer, const VhTraceSection *section,
                                 gconstpointer base)
{
    JsonObject *object = json_object_new();
    guint figures = section == &vh_trace_domain ? ((const VhDomain *)base)->figures : 0;

    for (guint i = 0; i < section->n_fields; i++) {
        const VhTraceField *field = &section->fields[i];
        if (field->is_fleeting && writer->leaves_samples)
            continue;
        if (field->figure && !(figures & field->figure))
            continue;
        set_field(writer, object, field, field->is_required || field->figure != 0, base);
    }
    return object;
}

static JsonObject *begin_record(VhTraceKind kind)
{
    JsonObject *record = json_object_new();

    json_object_set_string_member(record, "record", kind_names[kind]);
    return record;
}

static void add_members(JsonObject *to, JsonObject *from)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;

    json_object_iter_init_ordered(&iter, from);
    while (json_object_iter_next_ordered(&iter, &name, &node))
        json_object_set_member(to, name, json_node_copy(node));
    json_object_unref(from);
}

static char *end_record(JsonObject *record)
{
    g_autoptr(JsonNode) root = json_node_init_object(json_node_alloc(), record);
    g_autoptr(JsonGenerator) generator = json_generator_new();

    json_object_unref(record);
    json_generator_set_root(generator, root);
    GString *text = json_generator_to_gstring(generator, g_string_new(NULL));
    g_string_append_c(text, '\n');
    return g_string_free(text, FALSE);
}

/* Whether both are the same, samples aside. */
static gboolean knows_the_same(const VhGuestState *a, const VhGuestState *b)
{
    for (guint i = 0; i < vh_trace_guest.n_fields; i++) {
        const VhTraceField *field = &vh_trace_guest.fields[i];
        if (!field->is_fleeting &&
            memcmp(vh_trace_at(a, field->offset), vh_trace_at(b, field->offset),
                   vh_trace_field_size(field)) != 0)
            return FALSE;
    }
    return a->n_recent == b->n_recent && a->n_toggles == b->n_toggles;
}

static JsonArray *write_guests(const Writer *writer, const VhState *state, const VhState *written)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < state->guests->len; i++) {
        const VhGuestState *guest = &g_array_index(state->guests, VhGuestState, i);
        const VhGuestState *before = written ? vh_state_find(written, &guest->uuid) : NULL;
        if (!before || !knows_the_same(guest, before))
            json_array_add_object_element(array, write_section(writer, &vh_trace_guest, guest));
    }
    return array;
}

char *vh_trace_format_header(const VhTraceHeader *header)
{
    const Writer writer = {header->config, FALSE};
    JsonObject *record = begin_record(VH_TRACE_HEADER);
    g_autofree char *text = vh_policy_format(header->config);
    g_autoptr(JsonNode) policy = json_from_string(text, NULL);

    json_object_set_int_member(record, "wall_us", header->wall_us);
    json_object_set_int_member(record, "format", VH_TRACE_FORMAT);
    json_object_set_string_member(record, "cause", cause_names[header->cause]);
    set_text(record, "version", header->version);
    set_text(record, "engine", header->engine);
    if (header->host)
        set_text(record, "host", header->host);
    json_object_set_boolean_member(record, "is_hashed", header->is_hashed);
    json_object_set_member(record, "policy", g_steal_pointer(&policy));
    if (header->config->model.without != 0)
        json_object_set_int_member(record, "without", header->config->model.without);
    take_object(record, "state", write_section(&writer, &vh_trace_state, header->state));
    take_array(record, "guests", write_guests(&writer, header->state, NULL));
    return end_record(record);
}

static const VhVerdict *verdict_of(const VhPlan *plan, guint domain)
{
    if (domain >= plan->verdicts->len)
        return NULL;
    const VhVerdict *verdict = &g_array_index(plan->verdicts, VhVerdict, domain);
    return verdict->domain == domain ? verdict : NULL;
}

char *vh_trace_format_cycle(const VhConfig *config, const VhSnapshot *snapshot, const VhPlan *plan,
                            const VhState *state_after)
{
    const Writer writer = {config, FALSE};
    JsonObject *record = begin_record(VH_TRACE_CYCLE);
    JsonArray *domains = json_array_new();

    add_members(record, write_section(&writer, &vh_trace_snapshot, snapshot));
    take_object(record, "plan", write_section(&writer, &vh_trace_plan, plan));
    take_object(record, "state", write_section(&writer, &vh_trace_state, state_after));
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhVerdict *verdict = verdict_of(plan, i);
        JsonObject *domain =
            write_section(&writer, &vh_trace_domain, vh_snapshot_domain(snapshot, i));
        if (verdict)
            json_object_set_object_member(domain, "verdict",
                                          write_section(&writer, &vh_trace_verdict, verdict));
        json_array_add_object_element(domains, domain);
    }
    take_array(record, "domains", domains);
    return end_record(record);
}

char *vh_trace_format_learned(gint64 wall_us, const VhState *state, const VhState *written)
{
    const Writer writer = {.leaves_samples = TRUE};
    g_autoptr(JsonArray) guests = write_guests(&writer, state, written);

    if (json_array_get_length(guests) == 0)
        return NULL;
    JsonObject *record = begin_record(VH_TRACE_LEARNED);
    json_object_set_int_member(record, "wall_us", wall_us);
    json_object_set_array_member(record, "guests", g_steal_pointer(&guests));
    return end_record(record);
}

char *vh_trace_format_outcome(gint64 wall_us, const VhEnded *ended, const char *name,
                              const char *message)
{
    const Writer writer = {NULL, FALSE};
    JsonObject *record = begin_record(VH_TRACE_OUTCOME);

    json_object_set_int_member(record, "wall_us", wall_us);
    if (name)
        set_text(record, "name", name);
    add_members(record, write_section(&writer, &vh_trace_ended, ended));
    if (message && *message)
        set_text(record, "message", message);
    return end_record(record);
}

char *vh_trace_format_toggle(gint64 wall_us, const VhToggle *toggle, const VhDomain *domain)
{
    const Writer writer = {NULL, FALSE};
    JsonObject *record = begin_record(VH_TRACE_TOGGLE);

    json_object_set_int_member(record, "wall_us", wall_us);
    set_text(record, "name", domain->name);
    set_text(record, "uri", domain->uri);
    add_members(record, write_section(&writer, &vh_trace_toggle, toggle));
    return end_record(record);
}

gboolean vh_trace_peek(const char *line, gsize length, VhTraceKind *ret_kind, gint64 *ret_wall_us)
{
    static const char start[] = "{\"record\":\"", middle[] = "\",\"wall_us\":";
    gsize at = strlen(start);

    if (length < at || memcmp(line, start, at) != 0)
        return FALSE;
    for (guint i = 0; i < VH_TRACE_KINDS; i++) {
        gsize name_length = strlen(kind_names[i]), digits = at + name_length + strlen(middle);
        char number[24];
        char *end;
        if (length < digits || memcmp(line + at, kind_names[i], name_length) != 0 ||
            memcmp(line + at + name_length, middle, strlen(middle)) != 0)
            continue;
        gsize n = MIN(sizeof(number) - 1, length - digits);
        memcpy(number, line + digits, n);
        number[n] = '\0';
        *ret_kind = (VhTraceKind)i;
        *ret_wall_us = g_ascii_strtoll(number, &end, 10);
        return end != number && *end == ',';
    }
    return FALSE;
}
