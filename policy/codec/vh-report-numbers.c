/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers behind a verdict, as dictionaries: what an ask would bring, what it would cost, and
 * how the policy treats the guest.
 */
#include "vh-report-parts.h"

#include "vh-schedule.h"
#include "vh-treatment.h"

#include <math.h>

GVariant *vh_report_yield(const VhYield *yield)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_bytes(&doc, "overhead_bytes", yield->overhead_bytes);
    vh_document_add_bytes(&doc, "backed_free_bytes", yield->backed_free_bytes);
    vh_document_add_bytes(&doc, "in_ram_bytes", yield->in_ram_bytes);
    vh_document_add_bytes(&doc, "residue_bytes", yield->residue_bytes);
    vh_document_add_bytes(&doc, "left_bytes", yield->left_bytes);
    vh_document_add_count(&doc, "gamma_bp", yield->gamma_bp);
    vh_document_add_bytes(&doc, "expected_bytes", yield->expected_bytes);
    vh_document_add_bytes(&doc, "doubtful_bytes", yield->doubtful_bytes);
    vh_document_add_count(&doc, "retouch_bp", yield->retouch_bp);
    vh_document_add_bytes(&doc, "durable_bytes", yield->durable_bytes);
    vh_document_add_count(&doc, "sigma_bp", yield->sigma_bp);
    vh_document_add_bytes(&doc, "counted_bytes", yield->counted_bytes);
    return g_variant_builder_end(&doc);
}

/* JSON knows no infinity: what nothing is known of has no price. */
static void add_number(GVariantBuilder *doc, const char *key, double number)
{
    if (isfinite(number))
        vh_document_add(doc, key, g_variant_new_double(number));
}

GVariant *vh_report_cost(const VhCost *cost)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    add_number(&doc, "weighted_us", cost->cost_us);
    add_number(&doc, "inflicted_weighted_us", cost->inflicted_us);
    add_number(&doc, "fairness", cost->fairness);
    add_number(&doc, "price_us_per_mib", cost->price);
    return g_variant_builder_end(&doc);
}

char *vh_report_facts_text(guint facts)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint bit = 1; bit <= VH_FACT_LAST; bit <<= 1) {
        if (facts & bit)
            g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "",
                                   vh_fact_name((VhFact)bit));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *vh_report_match_text(const VhConfig *config, const VhDomain *domain)
{
    char uuid[VH_UUID_TEXT];
    int index = vh_treatment_match(config, domain);

    if (index < 0)
        return NULL;
    const VhMatch *match = &config->matches[index];
    switch (match->kind) {
    case VH_MATCH_NAME:
        return g_strdup_printf("name %s", match->name_glob);
    case VH_MATCH_UUID:
        return g_strdup_printf("uuid %s", vh_uuid_format(&match->uuid, uuid));
    case VH_MATCH_XPATH:
        return g_strdup_printf("xpath %s", match->xpath);
    case VH_MATCH_FACTS:
        break;
    }
    g_autofree char *facts = vh_report_facts_text(match->facts);
    return g_strdup_printf("if %s", facts);
}

char *vh_report_schedule_text(const VhSchedule *schedule)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(days) && schedule->days != VH_DAYS_ALL; i++) {
        if (schedule->days >> i & 1)
            g_string_append_printf(text, "%s%s", text->len > 0 ? "," : "", days[i]);
    }
    g_string_append_printf(text, "%s%02u:%02u-%02u:%02u", text->len > 0 ? " " : "",
                           schedule->start_min / 60, schedule->start_min % 60,
                           schedule->end_min / 60, schedule->end_min % 60);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

gboolean vh_report_schedule_holds(const VhReportInput *input, const VhSchedule *schedule,
                                  guint class_index)
{
    return schedule->class_index == class_index &&
           vh_schedule_is_active(schedule, input->snapshot->wall_us,
                                 input->snapshot->utc_offset_us);
}

static void add_schedules(GVariantBuilder *doc, const VhReportInput *input, guint class_index)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint i = 0; i < input->config->n_schedules; i++) {
        const VhSchedule *schedule = &input->config->schedules[i];
        if (!vh_report_schedule_holds(input, schedule, class_index))
            continue;
        g_autofree char *text = vh_report_schedule_text(schedule);
        g_variant_builder_add(&list, "s", text);
    }
    vh_document_add(doc, "schedules", g_variant_builder_end(&list));
}

/* The class's own keys: they keep their names from when nothing could change them. */
static void add_class(GVariantBuilder *doc, const VhClass *class)
{
    vh_document_add_us(doc, "class_cooldown_us", class->cooldown_us);
    if (class->max_per_ask_bytes != 0)
        vh_document_add_bytes(doc, "class_max_per_ask_bytes", class->max_per_ask_bytes);
    if (class->max_per_min_bytes != 0)
        vh_document_add_bytes(doc, "class_max_per_min_bytes", class->max_per_min_bytes);
    if (class->asks_per_hour != 0)
        vh_document_add_count(doc, "class_asks_per_hour", class->asks_per_hour);
    if (class->granule_bytes != 0)
        vh_document_add_bytes(doc, "class_granule_bytes", class->granule_bytes);
}

GVariant *vh_report_treatment(const VhReportInput *input, const VhDomain *domain,
                              const VhVerdict *verdict)
{
    const VhClass *class = &input->config->classes[verdict->class_index];
    g_autofree char *match = vh_report_match_text(input->config, domain);
    VhClass now;
    GVariantBuilder doc;

    vh_treatment_of(input->config, input->snapshot, domain, &now);
    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_text(&doc, "class", class->name);
    if (match != NULL)
        vh_document_add_text(&doc, "match", match);
    add_schedules(&doc, input, verdict->class_index);
    vh_document_add_flag(&doc, "is_class_never_asked", class->ask_never);
    vh_document_add_flag(&doc, "is_never_asked", now.ask_never);
    vh_document_add_count(&doc, "rank", verdict->rank);
    vh_document_add_count(&doc, "weight", verdict->weight);
    vh_document_add_text(&doc, "unlock", vh_level_name(verdict->unlock));
    vh_document_add_us(&doc, "cooldown_us", now.cooldown_us);
    if (now.max_per_ask_bytes != 0)
        vh_document_add_bytes(&doc, "max_per_ask_bytes", now.max_per_ask_bytes);
    vh_document_add_text(&doc, "reporting", vh_reporting_mode_name(now.reporting));
    add_class(&doc, class);
    if (domain->figures & VH_HAS_CURRENT)
        vh_document_add_bytes(&doc, "keep_free_bytes",
                              vh_amount_bytes(&now.keep_free, domain->current_bytes));
    return g_variant_builder_end(&doc);
}

static gboolean exceeds(guint bound_bp, gboolean is_known, guint value_bp)
{
    return bound_bp != 0 && is_known && value_bp >= bound_bp;
}

guint vh_report_pressure(const VhReportInput *input)
{
    const VhPoolConfig *config = &input->config->pool;
    const VhPressure *pressure = &input->snapshot->pressure;
    gint64 swap_out_per_s = input->state->swap_out_rate_bytes_per_s;
    guint signs = 0;

    if (exceeds(config->psi_some_bp, pressure->has_psi, pressure->psi_some_bp))
        signs |= VH_REPORT_STALLS_SOME;
    if (exceeds(config->psi_full_bp, pressure->has_psi, pressure->psi_full_bp))
        signs |= VH_REPORT_STALLS_FULL;
    if (config->swap_out_bytes_per_s != 0 && swap_out_per_s > 0 &&
        (guint64)swap_out_per_s >= config->swap_out_bytes_per_s)
        signs |= VH_REPORT_SWAP_OUT;
    return signs;
}

const char *vh_report_pressure_name(guint sign)
{
    return sign == VH_REPORT_STALLS_SOME   ? "psi-some"
           : sign == VH_REPORT_STALLS_FULL ? "psi-full"
                                           : "swap-out";
}
