/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and units of the document; docs/json.md lists them. */
#include "vh-doc-reporting.h"

#include <stddef.h>

static void add(GVariantBuilder *doc, const char *key, GVariant *value)
{
    g_variant_builder_add(doc, "{sv}", key, value);
}

static GVariant *features(guint bits)
{
    GVariantBuilder words;

    g_variant_builder_init(&words, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint bit = 1; bit <= VH_REPORTING_FEATURE_LAST; bit <<= 1) {
        if (bits & bit)
            g_variant_builder_add(&words, "s", vh_reporting_feature_name((VhReportingFeature)bit));
    }
    return g_variant_builder_end(&words);
}

/* What is 0 for "none" is not there. */
static void add_known(GVariantBuilder *doc, const char *key, guint64 bytes)
{
    if (bytes != 0)
        add(doc, key, g_variant_new_uint64(bytes));
}

GVariant *vh_doc_pass(const VhReportingPass *pass)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    add(&doc, "id", g_variant_new_uint32(pass->id));
    add(&doc, "status", g_variant_new_string(vh_pass_status_name(pass->status)));
    add(&doc, "is_migration", g_variant_new_boolean(pass->is_migration));
    add_known(&doc, "limit_bytes", pass->limit_bytes);
    add_known(&doc, "granule_bytes", pass->granule_bytes);
    add_known(&doc, "granule_in_force_bytes", pass->granule_in_force_bytes);
    add(&doc, "reported_bytes", g_variant_new_uint64(pass->reported_bytes));
    add(&doc, "discarded_bytes", g_variant_new_uint64(pass->discarded_bytes));
    add(&doc, "duration_us", g_variant_new_int64(pass->duration_us));
    return g_variant_builder_end(&doc);
}

static GVariant *counters_of(const VhReportingCounters *counters)
{
    static const struct {
        const char *key;
        size_t offset; /* of a guint64 */
    } figures[] = {
        {"requests", offsetof(VhReportingCounters, requests)},
        {"blocks", offsetof(VhReportingCounters, blocks)},
        {"reported_bytes", offsetof(VhReportingCounters, reported_bytes)},
        {"discarded_bytes", offsetof(VhReportingCounters, discarded_bytes)},
        {"skipped_disabled_bytes", offsetof(VhReportingCounters, skipped_disabled_bytes)},
        {"skipped_inhibited_bytes", offsetof(VhReportingCounters, skipped_inhibited_bytes)},
        {"skipped_invalid_bytes", offsetof(VhReportingCounters, skipped_invalid_bytes)},
        {"skipped_unaligned_bytes", offsetof(VhReportingCounters, skipped_unaligned_bytes)},
        {"skipped_failed_bytes", offsetof(VhReportingCounters, skipped_failed_bytes)},
        {"hinted_bytes", offsetof(VhReportingCounters, hinted_bytes)},
        {"inflated_bytes", offsetof(VhReportingCounters, inflated_bytes)},
        {"messages", offsetof(VhReportingCounters, messages)},
        {"malformed", offsetof(VhReportingCounters, malformed)},
        {"split_bytes", offsetof(VhReportingCounters, split_bytes)},
    };
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++) {
        gconstpointer at = (const char *)counters + figures[i].offset;
        add(&doc, figures[i].key, g_variant_new_uint64(*(const guint64 *)at));
    }
    add(&doc, "discard_us", g_variant_new_int64(counters->discard_us));
    add(&doc, "split_us", g_variant_new_int64(counters->split_us));
    return g_variant_builder_end(&doc);
}

void vh_doc_add_reporting(GVariantBuilder *doc, const VhReportingInfo *info)
{
    add(doc, "is_enabled", g_variant_new_boolean(info->is_enabled));
    add(doc, "is_active", g_variant_new_boolean(info->is_active));
    if (info->inhibitor != VH_REPORTING_INHIBITOR_NONE)
        add(doc, "inhibitor", g_variant_new_string(vh_reporting_inhibitor_name(info->inhibitor)));
    add(doc, "has_driver", g_variant_new_boolean(info->has_driver));
    add(doc, "offered", features(info->offered));
    add(doc, "negotiated", features(info->negotiated));
    if (info->has_pass)
        add(doc, "pass", vh_doc_pass(&info->pass));
    add(doc, "counters", counters_of(&info->counters));
}
