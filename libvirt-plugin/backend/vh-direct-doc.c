/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of a domain as far as they can be known without an engine. Those that need a policy, or
 * what was learned, are left out.
 */
#include "vh-direct-doc.h"

#include "vh-document.h"

/* What a live record says. Whose ask it is, and how far, only the asker knows. */
static void add_in_flight(GVariantBuilder *doc, const VhSeen *seen, const char *uri)
{
    char text[VH_UUID_TEXT];
    GVariantBuilder ask;

    if (!seen->has_record || seen->is_interrupted)
        return;
    g_variant_builder_init(&ask, G_VARIANT_TYPE_VARDICT);
    vh_document_add_text(&ask, "uuid", vh_uuid_format(&seen->uuid, text));
    vh_document_add_text(&ask, "uri", uri);
    vh_document_add_method(&ask, VH_ASK_PULSE, 0);
    vh_document_add(doc, "in_flight", g_variant_builder_end(&ask));
}

static void add_figures(GVariantBuilder *doc, const VhSeen *seen)
{
    const VhStats *stats = &seen->stats;
    const struct {
        VhFigures figure;
        guint64 bytes;
    } figures[] = {
        {VH_HAS_RSS, stats->rss_bytes},
        {VH_HAS_UNUSED, stats->unused_bytes},
        {VH_HAS_AVAILABLE, stats->available_bytes},
        {VH_HAS_USABLE, stats->usable_bytes},
        {VH_HAS_CACHES, stats->caches_bytes},
        {VH_HAS_CURRENT, stats->current_bytes},
        {VH_HAS_MAXIMUM, stats->maximum_bytes},
    };

    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        vh_document_add_figure(doc, stats->figures, figures[i].figure, figures[i].bytes);
    if (seen->has_probe && (stats->figures & VH_FIGURES_OF_USE) == VH_FIGURES_OF_USE)
        vh_document_add_bytes(doc, "used_bytes",
                              vh_figures_used_bytes(seen->probe.has_autodeflate,
                                                    stats->maximum_bytes, stats->current_bytes,
                                                    stats->available_bytes, stats->unused_bytes));
}

/* It asks for one, and still does. Whether a policy listens to that is not known here. */
static gboolean has_class(const VhSeen *seen)
{
    return (seen->override.keys & VH_OVERRIDE_CLASS) &&
           (seen->override.until_us == 0 || seen->override.until_us > g_get_real_time());
}

static void add_counters(GVariantBuilder *doc, const VhSeen *seen)
{
    const VhStats *stats = &seen->stats;

    if (stats->figures & VH_HAS_CPU_TIME)
        vh_document_add_us(doc, "cpu_used_us", stats->cpu_time_us);
    if (seen->probe.n_vcpus != 0)
        vh_document_add_count(doc, "vcpus", seen->probe.n_vcpus);
    if (stats->figures & VH_HAS_FAULTS) {
        vh_document_add_bytes(doc, "minor_faults", stats->minor_faults);
        vh_document_add_bytes(doc, "major_faults", stats->major_faults);
    }
    vh_document_add_figure(doc, stats->figures, VH_HAS_SWAP_IN, stats->swap_in_bytes);
    if (stats->last_update_us != 0)
        vh_document_add_us(doc, "stats_time_us", stats->last_update_us);
    if (seen->probe.stats_period_us != 0)
        vh_document_add_us(doc, "stats_period_us", seen->probe.stats_period_us);
}

static void add_details(GVariantBuilder *doc, const VhSeen *seen)
{
    if (seen->has_probe) {
        vh_document_add(doc, "tier_texts",
                        vh_tier_reasons_list(seen->probe.reasons, vh_tier_reason_text));
        add_counters(doc, seen);
        vh_document_add(doc, "facts", vh_document_facts(seen->probe.facts));
        vh_document_add_nodes(doc, seen->probe.node_mask);
    }
    if (seen->override.keys != 0)
        vh_document_add(doc, "override", vh_document_override(&seen->override));
}

GVariant *vh_direct_doc(const VhSeen *seen, const char *uri, gboolean is_whole)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_identity(&doc, seen->name, &seen->uuid, uri);
    if (seen->id >= 0)
        vh_document_add_count(&doc, "id", (guint)seen->id);
    vh_document_add_flag(&doc, "is_running", seen->stats.state == VIR_DOMAIN_RUNNING);
    vh_document_add_flag(&doc, "is_hung", seen->is_hung);
    vh_document_add_flag(&doc, "has_job", seen->has_job);
    vh_document_add_flag(&doc, "is_recovering", seen->is_interrupted);
    if (seen->has_probe) {
        vh_document_add_flag(&doc, "has_autodeflate", seen->probe.has_autodeflate);
        vh_document_add_tier(&doc, seen->probe.tier, seen->probe.reasons);
    }
    add_figures(&doc, seen);
    if (has_class(seen))
        vh_document_add_text(&doc, "class", seen->override.class_name);
    add_in_flight(&doc, seen, uri);
    if (is_whole)
        add_details(&doc, seen);
    return g_variant_builder_end(&doc);
}
