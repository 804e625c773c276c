/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements hostile-doc.h: each byte of the input chooses the next key, type or value. */
#include "hostile-doc.h"

#define MAX_DEPTH 4
#define MAX_ENTRIES 24

static const char *const keys[] = {
    "name",
    "uuid",
    "uri",
    "id",
    "is_running",
    "is_hung",
    "is_recovering",
    "is_shared",
    "is_on",
    "tier",
    "tier_before",
    "tier_reasons",
    "tier_texts",
    "class",
    "text",
    "reason",
    "rank",
    "place",
    "lines",
    "price_us_per_mib",
    "resident_bytes",
    "used_bytes",
    "free_bytes",
    "expected_bytes",
    "counted_bytes",
    "durable_bytes",
    "yield",
    "gamma_bp",
    "last_ask",
    "in_flight",
    "ended_time_us",
    "wait_until_time_us",
    "seen_time_us",
    "time_us",
    "asked_bytes",
    "taken_bytes",
    "returned_bytes",
    "duration_us",
    "status",
    "method",
    "message",
    "error",
    "pool",
    "source",
    "total_bytes",
    "available_bytes",
    "trend_bytes_per_s",
    "pressure",
    "level",
    "level_by_bounds",
    "need_bytes",
    "requested_bytes",
    "switches",
    "requests",
    "asks",
    "refusals",
    "is_enforced",
    "bytes",
    "urgency",
    "age_us",
    "asks_made",
    "asks_in_flight",
    "deadline_us",
    "is_enabled",
    "is_active",
    "inhibitor",
    "offered",
    "negotiated",
    "has_driver",
    "pass",
    "reported_bytes",
    "discarded_bytes",
    "granule_bytes",
    "counters",
    "event",
    "settings",
    "override",
    "is_live",
    "weight",
    "ask",
    "cooldown_us",
    "until_time_us",
    "facts",
    "nodes",
};

static const char *const texts[] = {
    "",
    "web1",
    "done",
    "open",
    "pulse",
    "native",
    "high",
    "pass-ended",
    "reporting-changed",
    "tier-changed",
    "\033[2J\033]0;x\a",
    "two\nlines",
    "a\ttab",
    "\302\205",
    "\342\200\256evil",
    "11111111-1111-1111-1111-111111111111",
    "%s%n%s",
};

guint8 hostile_byte(HostileInput *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

guint64 hostile_number(HostileInput *input)
{
    static const guint64 odd[] = {0,
                                  1,
                                  G_MAXUINT64,
                                  G_MAXINT64,
                                  (guint64)G_MININT64,
                                  G_MAXUINT32,
                                  G_GUINT64_CONSTANT(1) << 30,
                                  1700000000000000};
    guint8 choice = hostile_byte(input);
    guint64 number = 0;

    if (choice < 128)
        return odd[choice % G_N_ELEMENTS(odd)];
    for (guint i = 0; i < 8; i++)
        number = number << 8 | hostile_byte(input);
    return number;
}

static const char *hostile_text(HostileInput *input)
{
    return texts[hostile_byte(input) % G_N_ELEMENTS(texts)];
}

static GVariant *floating_document(HostileInput *input, guint depth);

static GVariant *floating_documents(HostileInput *input, guint depth)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
    for (guint n = hostile_byte(input) % 5; n > 0; n--)
        g_variant_builder_add_value(&list, floating_document(input, depth + 1));
    return g_variant_builder_end(&list);
}

static GVariant *floating_texts(HostileInput *input)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint n = hostile_byte(input) % 4; n > 0; n--)
        g_variant_builder_add(&list, "s", hostile_text(input));
    return g_variant_builder_end(&list);
}

static GVariant *floating_value(HostileInput *input, guint depth)
{
    union {
        guint64 bits;
        gdouble number;
    } real;

    switch (hostile_byte(input) % 14) {
    case 0:
        return g_variant_new_boolean(hostile_byte(input) % 2);
    case 1:
        return g_variant_new_uint32((guint32)hostile_number(input));
    case 2:
    case 3:
        return g_variant_new_uint64(hostile_number(input));
    case 4:
    case 5:
        return g_variant_new_int64((gint64)hostile_number(input));
    case 6:
        real.bits = hostile_number(input);
        return g_variant_new_double(real.number);
    case 7:
        return floating_texts(input);
    case 8:
        return depth < MAX_DEPTH ? floating_document(input, depth + 1) : g_variant_new_byte(7);
    case 9:
        return depth < MAX_DEPTH ? floating_documents(input, depth + 1) : g_variant_new_byte(7);
    case 10:
        return g_variant_new_variant(g_variant_new_int32(-1));
    case 11:
        return g_variant_new_parsed("[byte 1, 2]");
    default:
        return g_variant_new_string(hostile_text(input));
    }
}

static GVariant *floating_document(HostileInput *input, guint depth)
{
    GVariantBuilder document;

    g_variant_builder_init(&document, G_VARIANT_TYPE_VARDICT);
    for (guint n = hostile_byte(input) % MAX_ENTRIES; n > 0 && input->size > 0; n--) {
        const char *key = keys[hostile_byte(input) % G_N_ELEMENTS(keys)];
        g_variant_builder_add(&document, "{sv}", key, floating_value(input, depth));
    }
    return g_variant_builder_end(&document);
}

GVariant *hostile_document(HostileInput *input)
{
    return g_variant_ref_sink(floating_document(input, 0));
}

GVariant *hostile_documents(HostileInput *input)
{
    return g_variant_ref_sink(floating_documents(input, 0));
}
