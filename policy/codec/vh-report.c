/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The documents: which keys each one has, and in which order. It reads one turn of the cycle and
 * knows nothing of who reads the documents, or how they travel. docs/json.md describes every key.
 */
#include "vh-report-parts.h"

#include "vh-yield.h"

#include <math.h>

/* What every mention of a verdict says. */
static void add_verdict(GVariantBuilder *doc, const VhReportInput *input, const VhVerdict *verdict)
{
    const char *class_name = vh_report_class_name(input, verdict);

    if (class_name != NULL)
        vh_document_add_text(doc, "class", class_name);
    vh_document_add_text(doc, "reason", vh_reason_name(verdict->reason));
    vh_document_add_text(doc, "text", vh_reason_text(verdict->reason));
    if (verdict->has_yield) {
        vh_document_add_bytes(doc, "expected_bytes", verdict->yield.expected_bytes);
        vh_document_add_bytes(doc, "durable_bytes", verdict->yield.durable_bytes);
        vh_document_add_bytes(doc, "counted_bytes", verdict->yield.counted_bytes);
    }
    if (verdict->place != 0)
        vh_document_add_count(doc, "place", verdict->place);
    if (verdict->wait_until_us != 0)
        vh_document_add_us(doc, "wait_until_time_us", verdict->wait_until_us);
}

/* The keys that a domain has in the list and in its own document. */
static void add_domain(GVariantBuilder *doc, const VhReportInput *input, guint index)
{
    const VhDomain *domain = vh_snapshot_domain(input->snapshot, index);
    const VhVerdict *verdict = vh_report_verdict(input, index);

    vh_report_add_identity(doc, domain);
    if (domain->id >= 0)
        vh_document_add_count(doc, "id", (guint)domain->id);
    vh_document_add_flag(doc, "is_running", domain->is_running);
    vh_document_add_flag(doc, "is_hung", domain->is_hung);
    vh_document_add_flag(doc, "has_job", domain->has_job);
    vh_document_add_flag(doc, "is_recovering", domain->is_recovering);
    vh_document_add_flag(doc, "has_autodeflate", domain->has_autodeflate);
    vh_document_add_tier(doc, domain->tier, domain->tier_reasons);
    if (domain->reports != VH_REPORTS_UNKNOWN)
        vh_document_add_flag(doc, "is_reporting", domain->reports == VH_REPORTS_ON);
    vh_report_add_figures(doc, domain);
    if ((domain->figures & VH_YIELD_FIGURES) == VH_YIELD_FIGURES)
        vh_document_add_bytes(doc, "used_bytes", vh_yield_used_bytes(domain));
    if (verdict != NULL)
        add_verdict(doc, input, verdict);
    vh_report_add_last_ask(doc, vh_state_find(input->state, &domain->uuid));
    vh_report_add_in_flight(doc, input, domain);
}

static GVariant *action_of(const VhReportInput *input, const VhAction *action)
{
    const VhDomain *domain = vh_snapshot_domain(input->snapshot, action->domain);
    const VhVerdict *verdict = vh_report_verdict(input, action->domain);
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_report_add_identity(&doc, domain);
    if (verdict != NULL) {
        const char *class_name = vh_report_class_name(input, verdict);
        if (class_name != NULL)
            vh_document_add_text(&doc, "class", class_name);
        vh_document_add_count(&doc, "rank", verdict->rank);
        if (isfinite(verdict->cost.price))
            vh_document_add(&doc, "price_us_per_mib", g_variant_new_double(verdict->cost.price));
    }
    vh_document_add_method(&doc, action->method, action->granule_bytes);
    vh_document_add_bytes(&doc, "bytes", action->bytes);
    vh_document_add_bytes(&doc, "expected_bytes", action->expected_bytes);
    vh_document_add_bytes(&doc, "counted_bytes", action->counted_bytes);
    vh_document_add_bytes(&doc, "reserve_bytes", action->reserve_bytes);
    if (action->request_id != 0)
        vh_document_add_bytes(&doc, "request_id", action->request_id);
    return g_variant_builder_end(&doc);
}

GVariant *vh_report_domains(const VhReportInput *input)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < vh_snapshot_n_domains(input->snapshot); i++) {
        g_variant_builder_open(&list, G_VARIANT_TYPE_VARDICT);
        add_domain(&list, input, i);
        g_variant_builder_close(&list);
    }
    return g_variant_builder_end(&list);
}

/* The counters by which the decision sees that it has begun to work, or has booted. */
static void add_counters(GVariantBuilder *doc, const VhDomain *domain)
{
    if (domain->figures & VH_HAS_CPU_TIME)
        vh_document_add_us(doc, "cpu_used_us", domain->cpu_time_us);
    if (domain->figures & VH_HAS_VCPUS)
        vh_document_add_count(doc, "vcpus", domain->n_vcpus);
    if (domain->figures & VH_HAS_FAULTS) {
        vh_document_add_bytes(doc, "minor_faults", domain->minor_faults);
        vh_document_add_bytes(doc, "major_faults", domain->major_faults);
    }
    if (domain->figures & VH_HAS_SWAP_IN)
        vh_document_add_bytes(doc, "swapped_in_bytes", domain->swap_in_bytes);
}

GVariant *vh_report_domain(const VhReportInput *input, guint index)
{
    const VhDomain *domain = vh_snapshot_domain(input->snapshot, index);
    const VhVerdict *verdict = vh_report_verdict(input, index);
    int action = vh_report_action_index(input, index);
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    add_domain(&doc, input, index);
    vh_document_add(&doc, "tier_texts",
                    vh_tier_reasons_list(domain->tier_reasons, vh_tier_reason_text));
    add_counters(&doc, domain);
    if (domain->stats_time_us != 0)
        vh_document_add_us(&doc, "stats_time_us", domain->stats_time_us);
    if (domain->stats_period_us != 0)
        vh_document_add_us(&doc, "stats_period_us", domain->stats_period_us);
    if (verdict != NULL && verdict->has_yield) {
        vh_document_add(&doc, "yield", vh_report_yield(&verdict->yield));
        vh_document_add(&doc, "cost", vh_report_cost(&verdict->cost));
        if (isfinite(verdict->cost.price))
            vh_document_add(&doc, "price_us_per_mib", g_variant_new_double(verdict->cost.price));
    }
    if (verdict != NULL) {
        vh_document_add_text(&doc, "switch", vh_toggle_reason_name(verdict->toggle));
        vh_document_add_text(&doc, "switch_text", vh_toggle_reason_text(verdict->toggle));
    }
    vh_document_add(&doc, "facts", vh_document_facts(domain->facts));
    vh_document_add_nodes(&doc, domain->node_mask);
    if (verdict != NULL && verdict->class_index < input->config->n_classes)
        vh_document_add(&doc, "policy", vh_report_treatment(input, domain, verdict));
    if (domain->override.keys != 0)
        vh_document_add(&doc, "override", vh_document_override(&domain->override));
    vh_report_add_learned(&doc, vh_state_find(input->state, &domain->uuid));
    if (action >= 0)
        vh_document_add(&doc, "ask",
                        action_of(input, &g_array_index(input->plan->actions, VhAction, action)));
    return g_variant_builder_end(&doc);
}

/* Signs that memory is short, and which of them count. */
static void add_pressure(GVariantBuilder *doc, const VhReportInput *input)
{
    const VhPressure *pressure = &input->snapshot->pressure;
    guint signs = vh_report_pressure(input);
    GVariantBuilder list;

    if (pressure->has_psi) {
        vh_document_add_count(doc, "psi_some_bp", pressure->psi_some_bp);
        vh_document_add_count(doc, "psi_full_bp", pressure->psi_full_bp);
    }
    if (pressure->has_swap_out)
        vh_document_add(doc, "swap_out_bytes_per_s",
                        g_variant_new_int64(input->state->swap_out_rate_bytes_per_s));
    g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint sign = 1; sign <= signs; sign <<= 1) {
        if (signs & sign)
            g_variant_builder_add(&list, "s", vh_report_pressure_name(sign));
    }
    vh_document_add(doc, "pressure", g_variant_builder_end(&list));
}

static GVariant *pool_of(const VhReportInput *input)
{
    const VhPoolConfig *config = &input->config->pool;
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_text(&doc, "source", vh_report_pool_source_name(config->source));
    vh_document_add_bytes(&doc, "total_bytes", input->plan->pool_total_bytes);
    /* signed: a pool may be over its budget */
    vh_document_add(&doc, "available_bytes",
                    g_variant_new_int64(input->plan->pool_available_bytes));
    vh_document_add(&doc, "trend_bytes_per_s",
                    g_variant_new_int64(input->plan->pool_trend_bytes_per_s));
    vh_document_add_bytes(&doc, "resident_bytes", input->plan->resident_bytes);
    if (config->source == VH_POOL_HOST || config->source == VH_POOL_NUMA)
        vh_document_add_bytes(&doc, "reserve_bytes", config->reserve_bytes);
    if (config->source == VH_POOL_CGROUP && config->cgroup != NULL)
        vh_document_add_text(&doc, "cgroup", config->cgroup);
    if (config->source == VH_POOL_NUMA)
        vh_document_add_count(&doc, "node", config->node);
    add_pressure(&doc, input);
    return g_variant_builder_end(&doc);
}

static GVariant *refusal_of(const VhReportInput *input, const VhVerdict *verdict)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_report_add_identity(&doc, vh_snapshot_domain(input->snapshot, verdict->domain));
    add_verdict(&doc, input, verdict);
    vh_document_add_count(&doc, "rank", verdict->rank);
    vh_document_add_text(&doc, "unlock", vh_level_name(verdict->unlock));
    return g_variant_builder_end(&doc);
}

/* A plan outlives its snapshot where the source fails: what is not of this one is left out. */
static gboolean is_of_snapshot(const VhReportInput *input, guint domain)
{
    return domain < vh_snapshot_n_domains(input->snapshot);
}

static GVariant *toggle_of(const VhReportInput *input, const VhToggle *toggle)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_report_add_identity(&doc, vh_snapshot_domain(input->snapshot, toggle->domain));
    vh_document_add_flag(&doc, "is_on", toggle->is_on);
    vh_document_add_text(&doc, "reason", vh_toggle_reason_name(toggle->reason));
    vh_document_add_text(&doc, "text", vh_toggle_reason_text(toggle->reason));
    return g_variant_builder_end(&doc);
}

GVariant *vh_report_request(const VhRequest *request, gint64 now_us, gint64 wall_us)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_bytes(&doc, "id", request->id);
    vh_document_add_bytes(&doc, "bytes", request->bytes);
    vh_document_add_bytes(&doc, "returned_bytes", request->returned_bytes);
    vh_document_add_text(&doc, "urgency", vh_level_name(request->urgency));
    if (request->deadline_us != 0) {
        gint64 ahead_us = request->deadline_us - now_us;
        vh_document_add_us(&doc, "deadline_time_us",
                           ahead_us > G_MAXINT64 - wall_us ? G_MAXINT64 : wall_us + ahead_us);
    }
    return g_variant_builder_end(&doc);
}

static void add_toggles_and_requests(GVariantBuilder *doc, const VhReportInput *input)
{
    const VhSnapshot *snapshot = input->snapshot;
    GVariantBuilder toggles, requests;

    g_variant_builder_init(&toggles, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < input->plan->toggles->len; i++) {
        const VhToggle *toggle = &g_array_index(input->plan->toggles, VhToggle, i);
        if (is_of_snapshot(input, toggle->domain))
            g_variant_builder_add_value(&toggles, toggle_of(input, toggle));
    }
    vh_document_add(doc, "switches", g_variant_builder_end(&toggles));

    g_variant_builder_init(&requests, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < snapshot->requests->len; i++)
        g_variant_builder_add_value(
            &requests, vh_report_request(&g_array_index(snapshot->requests, VhRequest, i),
                                         snapshot->now_us, snapshot->wall_us));
    vh_document_add(doc, "requests", g_variant_builder_end(&requests));
}

/* The three lists of guests of a plan. */
static void add_lists(GVariantBuilder *doc, const VhReportInput *input)
{
    const VhPlan *plan = input->plan;
    GVariantBuilder asks, refusals, in_flight;

    g_variant_builder_init(&asks, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < plan->actions->len; i++) {
        const VhAction *action = &g_array_index(plan->actions, VhAction, i);
        if (is_of_snapshot(input, action->domain))
            g_variant_builder_add_value(&asks, action_of(input, action));
    }
    vh_document_add(doc, "asks", g_variant_builder_end(&asks));

    g_variant_builder_init(&refusals, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < plan->verdicts->len; i++) {
        const VhVerdict *verdict = &g_array_index(plan->verdicts, VhVerdict, i);
        if (verdict->reason != VH_REASON_ASK && is_of_snapshot(input, verdict->domain))
            g_variant_builder_add_value(&refusals, refusal_of(input, verdict));
    }
    vh_document_add(doc, "refusals", g_variant_builder_end(&refusals));

    g_variant_builder_init(&in_flight, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < input->snapshot->in_flight->len; i++) {
        const VhInFlight *ask = &g_array_index(input->snapshot->in_flight, VhInFlight, i);
        g_variant_builder_add_value(&in_flight, vh_report_in_flight(ask, input->snapshot->now_us));
    }
    vh_document_add(doc, "in_flight", g_variant_builder_end(&in_flight));
}

GVariant *vh_report_plan(const VhReportInput *input)
{
    const VhPlan *plan = input->plan;
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_us(&doc, "seen_time_us", input->snapshot->wall_us);
    vh_document_add_flag(&doc, "is_enforced", input->config->enforce);
    vh_document_add_text(&doc, "level", vh_level_name(plan->level));
    vh_document_add_text(&doc, "level_by_bounds", vh_level_name(plan->level_by_bounds));
    vh_document_add(&doc, "pool", pool_of(input));
    vh_document_add_bytes(&doc, "need_bytes", plan->need_bytes);
    vh_document_add_bytes(&doc, "requested_bytes", plan->requested_bytes);
    vh_document_add_bytes(&doc, "in_flight_bytes", plan->in_flight_bytes);
    vh_document_add_count(&doc, "max_in_flight", input->config->max_in_flight);
    add_lists(&doc, input);
    add_toggles_and_requests(&doc, input);
    return g_variant_builder_end(&doc);
}
