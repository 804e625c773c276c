/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pieces of the documents: one function per group of keys. What is unknown is left out: a reader
 * that finds a key may rely on its figure.
 */
#include "vh-report-parts.h"

void vh_report_add(GVariantBuilder *doc, const char *key, GVariant *value)
{
    g_variant_builder_add(doc, "{sv}", key, value);
}

void vh_report_add_text(GVariantBuilder *doc, const char *key, const char *text)
{
    /* D-Bus takes UTF-8 only, and libvirt's messages and names may hold anything */
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    vh_report_add(doc, key, g_variant_new_string(valid));
}

void vh_report_add_flag(GVariantBuilder *doc, const char *key, gboolean flag)
{
    vh_report_add(doc, key, g_variant_new_boolean(flag));
}

void vh_report_add_bytes(GVariantBuilder *doc, const char *key, guint64 bytes)
{
    vh_report_add(doc, key, g_variant_new_uint64(bytes));
}

void vh_report_add_us(GVariantBuilder *doc, const char *key, gint64 us)
{
    vh_report_add(doc, key, g_variant_new_int64(us));
}

void vh_report_add_count(GVariantBuilder *doc, const char *key, guint count)
{
    vh_report_add(doc, key, g_variant_new_uint32(count));
}

void vh_report_add_method(GVariantBuilder *doc, VhAskMethod method, guint64 granule_bytes)
{
    vh_report_add_text(doc, "method", vh_ask_method_name(method));
    if (granule_bytes != 0)
        vh_report_add_bytes(doc, "granule_bytes", granule_bytes);
}

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
    char text[VH_UUID_TEXT];

    vh_report_add_text(doc, "name", domain->name);
    vh_report_add_text(doc, "uuid", vh_uuid_format(&domain->uuid, text));
    vh_report_add_text(doc, "uri", domain->uri);
}

void vh_report_add_figures(GVariantBuilder *doc, const VhDomain *domain)
{
    const struct {
        guint figure;
        const char *key;
        guint64 bytes;
    } figures[] = {
        {VH_HAS_RSS, "resident_bytes", domain->rss_bytes},
        {VH_HAS_SWAPPED, "swapped_bytes", domain->swapped_bytes},
        {VH_HAS_UNUSED, "free_bytes", domain->unused_bytes},
        {VH_HAS_AVAILABLE, "available_bytes", domain->available_bytes},
        {VH_HAS_USABLE, "usable_bytes", domain->usable_bytes},
        {VH_HAS_CACHES, "caches_bytes", domain->caches_bytes},
        {VH_HAS_CURRENT, "current_bytes", domain->current_bytes},
        {VH_HAS_MAXIMUM, "maximum_bytes", domain->maximum_bytes},
    };
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++) {
        if (domain->figures & figures[i].figure)
            vh_report_add_bytes(doc, figures[i].key, figures[i].bytes);
    }
}

void vh_report_add_last_ask(GVariantBuilder *doc, const VhGuestState *guest)
{
    GVariantBuilder ask;

    if (guest == NULL || guest->last_ended_wall_us == 0)
        return;
    g_variant_builder_init(&ask, G_VARIANT_TYPE_VARDICT);
    vh_report_add_us(&ask, "ended_time_us", guest->last_ended_wall_us);
    vh_report_add_bytes(&ask, "asked_bytes", guest->last_asked_bytes);
    vh_report_add_bytes(&ask, "returned_bytes", guest->last_returned_bytes);
    vh_report_add_text(&ask, "status", vh_ask_status_name((VhAskStatus)guest->last_status));
    vh_report_add(doc, "last_ask", g_variant_builder_end(&ask));
}

void vh_report_add_learned(GVariantBuilder *doc, const VhGuestState *guest)
{
    GVariantBuilder learned;

    if (guest == NULL)
        return;
    g_variant_builder_init(&learned, G_VARIANT_TYPE_VARDICT);
    vh_report_add_flag(&learned, "is_stable", guest->is_stable);
    if (guest->overhead_bytes != 0) /* 0: nothing learned yet, the policy's constant holds */
        vh_report_add_bytes(&learned, "overhead_bytes", guest->overhead_bytes);
    if (guest->residue_wall_us != 0) {
        vh_report_add_bytes(&learned, "residue_bytes", guest->residue_bytes);
        vh_report_add_us(&learned, "residue_time_us", guest->residue_wall_us);
    }
    if (guest->n_returns != 0) {
        vh_report_add_count(&learned, "asks_measured", guest->n_returns);
        vh_report_add_count(&learned, "gamma_bp", guest->gamma_bp);
        vh_report_add_count(&learned, "sigma_bp", guest->sigma_bp);
    }
    if (guest->n_rebounds != 0) {
        vh_report_add_count(&learned, "rebounds_measured", guest->n_rebounds);
        vh_report_add_count(&learned, "retouch_bp", guest->retouch_bp);
    }
    if (guest->rebound_wall_us != 0)
        vh_report_add_us(&learned, "rebound_due_time_us", guest->rebound_wall_us);
    if (guest->inflicted_wall_us != 0) {
        vh_report_add_us(&learned, "inflicted_us", guest->inflicted_us);
        vh_report_add_us(&learned, "inflicted_time_us", guest->inflicted_wall_us);
    }
    vh_report_add_count(&learned, "switches_last_hour", guest->n_toggles);
    vh_report_add_count(&learned, "cooldown_doublings", guest->cooldown_doublings);
    vh_report_add_count(&learned, "asks_last_hour", guest->n_recent);
    vh_report_add(doc, "learned", g_variant_builder_end(&learned));
}

GVariant *vh_report_in_flight(const VhInFlight *ask, gint64 now_us)
{
    char text[VH_UUID_TEXT];
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_report_add_bytes(&doc, "id", ask->id);
    vh_report_add_text(&doc, "uuid", vh_uuid_format(&ask->uuid, text));
    vh_report_add_text(&doc, "uri", ask->uri);
    vh_report_add_method(&doc, ask->method, ask->granule_bytes);
    vh_report_add_bytes(&doc, "asked_bytes", ask->asked_bytes);
    vh_report_add_bytes(&doc, "counted_bytes", ask->expected_bytes);
    vh_report_add_bytes(&doc, "returned_bytes", ask->returned_bytes);
    if (ask->request_id != 0)
        vh_report_add_bytes(&doc, "request_id", ask->request_id);
    vh_report_add_us(&doc, "age_us", MAX(now_us - ask->started_us, 0));
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
        vh_report_add(doc, "in_flight", vh_report_in_flight(ask, input->snapshot->now_us));
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
