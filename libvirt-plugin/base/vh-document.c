/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys, one function per group of them. */
#include "vh-document.h"

#include "vh-facts.h"

void vh_document_add(GVariantBuilder *doc, const char *key, GVariant *value)
{
    g_variant_builder_add(doc, "{sv}", key, value);
}

void vh_document_add_text(GVariantBuilder *doc, const char *key, const char *text)
{
    /* D-Bus takes UTF-8 only, and libvirt's messages and names may hold anything */
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    vh_document_add(doc, key, g_variant_new_string(valid));
}

void vh_document_add_flag(GVariantBuilder *doc, const char *key, gboolean flag)
{
    vh_document_add(doc, key, g_variant_new_boolean(flag));
}

void vh_document_add_bytes(GVariantBuilder *doc, const char *key, guint64 bytes)
{
    vh_document_add(doc, key, g_variant_new_uint64(bytes));
}

void vh_document_add_us(GVariantBuilder *doc, const char *key, gint64 us)
{
    vh_document_add(doc, key, g_variant_new_int64(us));
}

void vh_document_add_count(GVariantBuilder *doc, const char *key, guint count)
{
    vh_document_add(doc, key, g_variant_new_uint32(count));
}

void vh_document_add_method(GVariantBuilder *doc, VhAskMethod method, guint64 granule_bytes)
{
    vh_document_add_text(doc, "method", vh_ask_method_name(method));
    if (granule_bytes != 0)
        vh_document_add_bytes(doc, "granule_bytes", granule_bytes);
}

void vh_document_add_identity(GVariantBuilder *doc, const char *name, const VhUuid *uuid,
                              const char *uri)
{
    char text[VH_UUID_TEXT];

    vh_document_add_text(doc, "name", name);
    vh_document_add_text(doc, "uuid", vh_uuid_format(uuid, text));
    vh_document_add_text(doc, "uri", uri);
}

void vh_document_add_tier(GVariantBuilder *doc, VhTier tier, guint reasons)
{
    vh_document_add_text(doc, "tier", vh_tier_name(tier));
    vh_document_add(doc, "tier_reasons", vh_tier_reasons_list(reasons, vh_tier_reason_name));
}

void vh_document_add_figure(GVariantBuilder *doc, guint figures, VhFigures figure, guint64 bytes)
{
    static const struct {
        VhFigures figure;
        const char *key;
    } keys[] = {
        {VH_HAS_RSS, "resident_bytes"},       {VH_HAS_SWAPPED, "swapped_bytes"},
        {VH_HAS_UNUSED, "free_bytes"},        {VH_HAS_AVAILABLE, "available_bytes"},
        {VH_HAS_USABLE, "usable_bytes"},      {VH_HAS_CACHES, "caches_bytes"},
        {VH_HAS_CURRENT, "current_bytes"},    {VH_HAS_MAXIMUM, "maximum_bytes"},
        {VH_HAS_SWAP_IN, "swapped_in_bytes"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].figure == figure && (figures & figure))
            vh_document_add_bytes(doc, keys[i].key, bytes);
    }
}

void vh_document_add_nodes(GVariantBuilder *doc, guint64 node_mask)
{
    GVariantBuilder list;

    if (node_mask == 0)
        return;
    g_variant_builder_init(&list, G_VARIANT_TYPE("au"));
    for (guint32 node = 0; node < 64; node++) {
        if (node_mask >> node & 1)
            g_variant_builder_add(&list, "u", node);
    }
    vh_document_add(doc, "nodes", g_variant_builder_end(&list));
}

GVariant *vh_document_override(const VhOverride *override)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    if (override->keys & VH_OVERRIDE_CLASS)
        vh_document_add_text(&doc, "class", override->class_name);
    if (override->keys & VH_OVERRIDE_WEIGHT)
        vh_document_add_count(&doc, "weight", override->weight);
    if (override->keys & VH_OVERRIDE_ASK)
        vh_document_add_text(&doc, "ask", override->ask_never ? "never" : "auto");
    if (override->keys & VH_OVERRIDE_COOLDOWN)
        vh_document_add_us(&doc, "cooldown_us", override->cooldown_us);
    if (override->keys & VH_OVERRIDE_MAX_PER_ASK)
        vh_document_add_bytes(&doc, "max_per_ask_bytes", override->max_per_ask_bytes);
    if (override->keys & VH_OVERRIDE_REPORTING)
        vh_document_add_text(&doc, "reporting", vh_reporting_mode_name(override->reporting));
    if (override->until_us != 0)
        vh_document_add_us(&doc, "until_time_us", override->until_us);
    return g_variant_builder_end(&doc);
}

GVariant *vh_document_facts(guint facts)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint bit = 1; bit <= VH_FACT_LAST; bit <<= 1) {
        if (facts & bit)
            g_variant_builder_add(&list, "s", vh_fact_name((VhFact)bit));
    }
    return g_variant_builder_end(&list);
}

GVariant *vh_document_outcome(const VhAskOutcome *outcome, const char *message)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_text(&doc, "method", vh_ask_method_name(outcome->method));
    vh_document_add_text(&doc, "status", vh_ask_status_name(outcome->status));
    vh_document_add_text(&doc, "source", vh_ask_source_name(outcome->source));
    vh_document_add_bytes(&doc, "asked_bytes", outcome->asked_bytes);
    vh_document_add_bytes(&doc, "taken_bytes", outcome->taken_bytes);
    if (outcome->source != VH_ASK_SOURCE_NONE) {
        vh_document_add_bytes(&doc, "returned_bytes", outcome->returned_bytes);
        vh_document_add_bytes(&doc, "before_bytes", outcome->before_bytes);
        vh_document_add_bytes(&doc, "after_bytes", outcome->after_bytes);
        vh_document_add(&doc, "slope_bytes_per_s", g_variant_new_int64(outcome->slope_bytes_per_s));
    }
    if (outcome->has_memfree)
        vh_document_add(&doc, "memfree_delta_bytes",
                        g_variant_new_int64(outcome->memfree_delta_bytes));
    vh_document_add_us(&doc, "duration_us", MAX(outcome->ended_us - outcome->started_us, 0));
    if (outcome->error_code >= 0)
        vh_document_add_text(&doc, "error", vh_error_code_name(outcome->error_code));
    if (message != NULL && *message != '\0')
        vh_document_add_text(&doc, "message", message);
    return g_variant_builder_end(&doc);
}
