/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of asks, totals of guests, and the summary. */
#include "vh-replay-report.h"

#include "vh-report-parts.h"

static VhReason reason_of(const VhPlan *plan, guint domain)
{
    return domain < plan->verdicts->len ? g_array_index(plan->verdicts, VhVerdict, domain).reason
                                        : VH_REASON_ASK;
}

/* What one side did about the guest: bytes, or why it was not asked. */
static void add_side(GVariantBuilder *doc, const char *side, const VhPlan *plan,
                     const VhAction *action, guint domain)
{
    g_autofree char *level = g_strconcat(side, "_level", NULL);
    g_autofree char *bytes = g_strconcat(side, "_bytes", NULL);
    g_autofree char *reason = g_strconcat(side, "_reason", NULL);

    vh_document_add_text(doc, level, vh_level_name(plan->level));
    vh_document_add_text(doc, reason, vh_reason_name(reason_of(plan, domain)));
    if (action)
        vh_document_add_bytes(doc, bytes, action->bytes);
}

static GVariant *ask_of(const VhReplayCycle *cycle, const VhReplayAsk *ask)
{
    const VhDomain *domain = vh_snapshot_domain(cycle->snapshot, ask->domain);
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_us(&doc, "seen_time_us", cycle->snapshot->wall_us);
    vh_report_add_identity(&doc, domain);
    add_side(&doc, "recorded", cycle->recorded, ask->recorded, ask->domain);
    add_side(&doc, "replayed", cycle->replayed, ask->replayed, ask->domain);
    return g_variant_builder_end(&doc);
}

static gboolean is_alike(const VhReplayCycle *cycle, const VhReplayAsk *ask)
{
    return ask->recorded && ask->replayed && ask->recorded->bytes == ask->replayed->bytes &&
           cycle->recorded->level == cycle->replayed->level;
}

static gboolean run(VhReplay *replay, const VhReplayReportOptions *options, GVariantBuilder *asks,
                    GError **error)
{
    g_autoptr(GError) cause = NULL;
    const VhReplayCycle *cycle;

    while ((cycle = vh_replay_next(replay, &cause)) != NULL) {
        if (g_cancellable_set_error_if_cancelled(options->cancel, error))
            return FALSE;
        for (guint i = 0; i < cycle->asks->len; i++) {
            const VhReplayAsk *ask = &g_array_index(cycle->asks, VhReplayAsk, i);
            if (!options->only_different || !is_alike(cycle, ask))
                g_variant_builder_add_value(asks, ask_of(cycle, ask));
        }
        if (options->progress)
            options->progress(replay, options->data);
    }
    if (!cause)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&cause));
    return FALSE;
}

static GVariant *side_of(const VhReplaySide *side, guint64 n_only)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_bytes(&doc, "asks_made", side->n_asks);
    vh_document_add_bytes(&doc, "asks_only_here", n_only);
    vh_document_add_bytes(&doc, "asked_bytes", side->bytes);
    vh_document_add_bytes(&doc, "expected_bytes", side->expected_bytes);
    return g_variant_builder_end(&doc);
}

static GVariant *guests_of(const VhReplay *replay)
{
    const GPtrArray *guests = vh_replay_guests(replay);
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < guests->len; i++) {
        const VhReplayGuest *guest = guests->pdata[i];
        char uuid[VH_UUID_TEXT];
        g_variant_builder_open(&list, G_VARIANT_TYPE_VARDICT);
        vh_document_add_text(&list, "name", guest->name);
        vh_document_add_text(&list, "uuid", vh_uuid_format(&guest->uuid, uuid));
        vh_document_add_bytes(&list, "recorded_asks", guest->recorded.n_asks);
        vh_document_add_bytes(&list, "recorded_bytes", guest->recorded.bytes);
        vh_document_add_bytes(&list, "replayed_asks", guest->replayed.n_asks);
        vh_document_add_bytes(&list, "replayed_bytes", guest->replayed.bytes);
        g_variant_builder_close(&list);
    }
    return g_variant_builder_end(&list);
}

static GVariant *warnings_of(const VhReplay *replay)
{
    const GPtrArray *warnings = vh_replay_warnings(replay);
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("as"));
    for (guint i = 0; i < warnings->len; i++)
        g_variant_builder_add(&list, "s", warnings->pdata[i]);
    return g_variant_builder_end(&list);
}

GVariant *vh_replay_report(VhReplay *replay, const VhReplayReportOptions *options, GError **error)
{
    const VhReplaySummary *summary = vh_replay_summary(replay);
    GVariantBuilder doc, asks;

    g_variant_builder_init(&asks, G_VARIANT_TYPE("aa{sv}"));
    if (!run(replay, options, &asks, error)) {
        g_variant_builder_clear(&asks);
        return NULL;
    }
    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_text(&doc, "file", options->path);
    vh_document_add_text(&doc, "engine", vh_replay_engine(replay) ? vh_replay_engine(replay) : "");
    if (options->policy_path)
        vh_document_add_text(&doc, "policy", options->policy_path);
    vh_document_add_us(&doc, "start_time_us", summary->start_wall_us);
    vh_document_add_us(&doc, "end_time_us", summary->end_wall_us);
    vh_document_add_bytes(&doc, "cycles", summary->n_cycles);
    vh_document_add_bytes(&doc, "cycles_different", summary->n_differ);
    vh_document_add_bytes(&doc, "levels_different", summary->n_levels_differ);
    vh_document_add_bytes(&doc, "reasons_different", summary->n_reasons_differ);
    vh_document_add_bytes(&doc, "gaps", summary->n_gaps);
    vh_document_add(&doc, "recorded", side_of(&summary->recorded, summary->n_only_recorded));
    vh_document_add(&doc, "replayed", side_of(&summary->replayed, summary->n_only_replayed));
    vh_document_add(&doc, "asks", g_variant_builder_end(&asks));
    vh_document_add(&doc, "guests", guests_of(replay));
    vh_document_add(&doc, "warnings", warnings_of(replay));
    return g_variant_builder_end(&doc);
}
