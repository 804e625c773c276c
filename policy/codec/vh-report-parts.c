/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pieces of the documents: one function per group of keys. What is unknown is left out: a reader
 * that finds a key may rely on its figure.
 */
#include "vh-report-parts.h"

const VhVerdict *vh_report_verdict(const VhReportInput *input, guint domain)
{
    const GArray *verdicts = input->plan->verdicts;
    if (domain >= verdicts->len)
        return NULL;
    const VhVerdict *verdict = &g_array_index(verdicts, VhVerdict, domain);
    return verdict->domain == domain ? verdict : NULL;
}

int vh_report_action_index(const VhReportInput *input, guint domain)
{
    const GArray *actions = input->plan->actions;
    for (guint i = 0; i < actions->len; i++) {
        if (g_array_index(actions, VhAction, i).domain == domain)
            return (int)i;
    }
    return -1;
}

const char *vh_report_class_name(const VhReportInput *input, const VhVerdict *verdict)
{
    if (verdict->class_index >= input->config->n_classes)
        return NULL;
    return input->config->classes[verdict->class_index].name;
}

void vh_report_add_identity(GVariantBuilder *doc, const VhDomain *domain)
{
    vh_document_add_identity(doc, domain->name, &domain->uuid, domain->uri);
}

void vh_report_add_figures(GVariantBuilder *doc, const VhDomain *domain)
{
    const struct {
        VhFigures figure;
        guint64 bytes;
    } figures[] = {
        {VH_HAS_RSS, domain->rss_bytes},         {VH_HAS_SWAPPED, domain->swapped_bytes},
        {VH_HAS_UNUSED, domain->unused_bytes},   {VH_HAS_AVAILABLE, domain->available_bytes},
        {VH_HAS_USABLE, domain->usable_bytes},   {VH_HAS_CACHES, domain->caches_bytes},
        {VH_HAS_CURRENT, domain->current_bytes}, {VH_HAS_MAXIMUM, domain->maximum_bytes},
    };
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        vh_document_add_figure(doc, domain->figures, figures[i].figure, figures[i].bytes);
}

void vh_report_add_last_ask(GVariantBuilder *doc, const VhGuestState *guest)
{
    GVariantBuilder ask;

    if (guest == NULL || guest->last_ended_wall_us == 0)
        return;
    g_variant_builder_init(&ask, G_VARIANT_TYPE_VARDICT);
    vh_document_add_us(&ask, "ended_time_us", guest->last_ended_wall_us);
    vh_document_add_bytes(&ask, "asked_bytes", guest->last_asked_bytes);
    vh_document_add_bytes(&ask, "returned_bytes", guest->last_returned_bytes);
    vh_document_add_text(&ask, "status", vh_ask_status_name((VhAskStatus)guest->last_status));
    vh_document_add(doc, "last_ask", g_variant_builder_end(&ask));
}

void vh_report_add_learned(GVariantBuilder *doc, const VhGuestState *guest)
{
    GVariantBuilder learned;

    if (guest == NULL)
        return;
    g_variant_builder_init(&learned, G_VARIANT_TYPE_VARDICT);
    vh_document_add_flag(&learned, "is_stable", guest->is_stable);
    if (guest->overhead_bytes != 0) /* 0: nothing learned yet, the policy's constant holds */
        vh_document_add_bytes(&learned, "overhead_bytes", guest->overhead_bytes);
    if (guest->residue_wall_us != 0) {
        vh_document_add_bytes(&learned, "residue_bytes", guest->residue_bytes);
        vh_document_add_us(&learned, "residue_time_us", guest->residue_wall_us);
    }
    if (guest->n_returns != 0) {
        vh_document_add_count(&learned, "asks_measured", guest->n_returns);
        vh_document_add_count(&learned, "gamma_bp", guest->gamma_bp);
        vh_document_add_count(&learned, "sigma_bp", guest->sigma_bp);
    }
    if (guest->n_rebounds != 0) {
        vh_document_add_count(&learned, "rebounds_measured", guest->n_rebounds);
        vh_document_add_count(&learned, "retouch_bp", guest->retouch_bp);
    }
    if (guest->rebound_wall_us != 0)
        vh_document_add_us(&learned, "rebound_due_time_us", guest->rebound_wall_us);
    if (guest->inflicted_wall_us != 0) {
        vh_document_add_us(&learned, "inflicted_us", guest->inflicted_us);
        vh_document_add_us(&learned, "inflicted_time_us", guest->inflicted_wall_us);
    }
    vh_document_add_count(&learned, "switches_last_hour", guest->n_toggles);
    vh_document_add_count(&learned, "cooldown_doublings", guest->cooldown_doublings);
    vh_document_add_count(&learned, "asks_last_hour", guest->n_recent);
    vh_document_add(doc, "learned", g_variant_builder_end(&learned));
}

GVariant *vh_report_in_flight(const VhInFlight *ask, gint64 now_us)
{
    char text[VH_UUID_TEXT];
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_bytes(&doc, "id", ask->id);
    vh_document_add_text(&doc, "uuid", vh_uuid_format(&ask->uuid, text));
    vh_document_add_text(&doc, "uri", ask->uri);
    vh_document_add_method(&doc, ask->method, ask->granule_bytes);
    vh_document_add_bytes(&doc, "asked_bytes", ask->asked_bytes);
    vh_document_add_bytes(&doc, "counted_bytes", ask->expected_bytes);
    vh_document_add_bytes(&doc, "returned_bytes", ask->returned_bytes);
    if (ask->request_id != 0)
        vh_document_add_bytes(&doc, "request_id", ask->request_id);
    vh_document_add_us(&doc, "age_us", MAX(now_us - ask->started_us, 0));
    return g_variant_builder_end(&doc);
}

void vh_report_add_in_flight(GVariantBuilder *doc, const VhReportInput *input,
                             const VhDomain *domain)
{
    const GArray *asks = input->snapshot->in_flight;
    for (guint i = 0; i < asks->len; i++) {
        const VhInFlight *ask = &g_array_index(asks, VhInFlight, i);
        if (!vh_uuid_equal(&ask->uuid, &domain->uuid) || !g_str_equal(ask->uri, domain->uri))
            continue;
        vh_document_add(doc, "in_flight", vh_report_in_flight(ask, input->snapshot->now_us));
        return;
    }
}

const char *vh_report_pool_source_name(VhPoolSource source)
{
    static const char *const names[] = {[VH_POOL_HOST] = "host",
                                        [VH_POOL_BUDGET] = "budget",
                                        [VH_POOL_CGROUP] = "cgroup",
                                        [VH_POOL_NUMA] = "numa"};

    g_return_val_if_fail((guint)source < G_N_ELEMENTS(names), "unknown");
    return names[source];
}
