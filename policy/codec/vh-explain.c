/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why one guest is or is not asked, as sentences for people, each with the numbers behind it and in
 * the order in which the decision looks at them. The words may change from version to version;
 * programs read vh_report_domain(). Here: the pool, and the document as a whole.
 */
#include "vh-explain-parts.h"

#include "vh-treatment.h"
#include "vh-units.h"

#include <math.h>

void vh_explain_say(VhExplain *explain, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *valid = g_utf8_make_valid(line, -1);
    g_variant_builder_add(&explain->lines, "s", valid);
}

char *vh_explain_percent(guint bp)
{
    return g_strdup_printf("%.3g %%", bp / 100.0);
}

/* The sign of pressure with its figure and the bound that it is beyond. */
static char *sign_text(const VhReportInput *input, guint sign)
{
    const VhPressure *pressure = &input->snapshot->pressure;
    const VhPoolConfig *config = &input->config->pool;
    gboolean is_full = sign == VH_REPORT_STALLS_FULL;

    if (sign == VH_REPORT_SWAP_OUT) {
        g_autofree char *rate = vh_format_size((guint64)input->state->swap_out_rate_bytes_per_s);
        g_autofree char *bound = vh_format_size(config->swap_out_bytes_per_s);
        return g_strdup_printf("%s are swapped out in a second (bound: %s)", rate, bound);
    }
    g_autofree char *share =
        vh_explain_percent(is_full ? pressure->psi_full_bp : pressure->psi_some_bp);
    g_autofree char *bound =
        vh_explain_percent(is_full ? config->psi_full_bp : config->psi_some_bp);
    return g_strdup_printf("%s for memory %s of the time (bound: %s)",
                           is_full ? "everything waits" : "something waits", share, bound);
}

static void say_level(VhExplain *explain)
{
    const VhPlan *plan = explain->input->plan;
    guint signs = vh_report_pressure(explain->input);

    if (plan->level == plan->level_by_bounds) {
        vh_explain_say(explain, "Its level is %s.", vh_level_name(plan->level));
        return;
    }
    vh_explain_say(explain, "Its level is %s by its bounds, and raised to %s by pressure.",
                   vh_level_name(plan->level_by_bounds), vh_level_name(plan->level));
    for (guint sign = 1; sign <= signs; sign <<= 1) {
        if (!(signs & sign))
            continue;
        g_autofree char *text = sign_text(explain->input, sign);
        vh_explain_say(explain, "Pressure: %s.", text);
    }
}

static void say_size(VhExplain *explain)
{
    const VhReportInput *input = explain->input;
    const VhPlan *plan = input->plan;
    gint64 trend = plan->pool_trend_bytes_per_s;
    g_autofree char *total = vh_format_size(plan->pool_total_bytes);
    g_autofree char *available = vh_format_size((guint64)ABS(plan->pool_available_bytes));
    g_autofree char *rate = vh_format_size((guint64)ABS(trend));
    g_autofree char *horizon = vh_format_duration(input->config->model.horizon_us);
    const char *source = vh_report_pool_source_name(input->config->pool.source);

    vh_explain_say(explain, "The pool (%s) of %s %s %s%s.", source, total,
                   plan->pool_available_bytes < 0 ? "is short of" : "has", available,
                   plan->pool_available_bytes < 0 ? "" : " available");
    if (trend < 0)
        vh_explain_say(explain, "It loses %s a second, which is followed %s ahead.", rate, horizon);
}

static void say_requests(VhExplain *explain)
{
    const VhSnapshot *snapshot = explain->input->snapshot;

    for (guint i = 0; i < snapshot->requests->len; i++) {
        const VhRequest *request = &g_array_index(snapshot->requests, VhRequest, i);
        g_autofree char *bytes = vh_format_size(request->bytes);
        g_autofree char *returned = vh_format_size(request->returned_bytes);
        g_autofree char *left = vh_format_duration(MAX(request->deadline_us - snapshot->now_us, 0));
        vh_explain_say(explain,
                       "Request %" G_GUINT64_FORMAT " wants %s from guests unlocked at level %s: "
                       "%s came back so far%s%s%s.",
                       request->id, bytes, vh_level_name(request->urgency), returned,
                       request->deadline_us != 0 ? ", and it has " : "",
                       request->deadline_us != 0 ? left : "",
                       request->deadline_us != 0 ? " left" : "");
    }
}

/* How the pool stands, what it needs, and for whom: the same for every guest. */
static void say_pool(VhExplain *explain)
{
    const VhPlan *plan = explain->input->plan;
    g_autofree char *need = vh_format_size(plan->need_bytes);
    g_autofree char *requested = vh_format_size(plan->requested_bytes);
    g_autofree char *in_flight = vh_format_size(plan->in_flight_bytes);

    say_size(explain);
    say_level(explain);
    say_requests(explain);
    if (plan->need_bytes == 0)
        vh_explain_say(explain, "Nothing is to be got back.");
    else
        vh_explain_say(explain,
                       "%s are to be got back%s%s%s; %s are counted on from asks under way.", need,
                       plan->requested_bytes ? ", " : "", plan->requested_bytes ? requested : "",
                       plan->requested_bytes ? " of it for requests" : "", in_flight);
    if (!explain->input->config->enforce)
        vh_explain_say(explain,
                       "The policy does not enforce: plans are made, but nobody is asked.");
}

/* The keys beside the sentences. */
static void add_numbers(GVariantBuilder *doc, const VhExplain *explain)
{
    const VhVerdict *verdict = explain->verdict;
    const char *class_name = vh_report_class_name(explain->input, verdict);

    vh_document_add_text(doc, "reason", vh_reason_name(verdict->reason));
    vh_document_add_text(doc, "switch", vh_toggle_reason_name(verdict->toggle));
    if (class_name != NULL)
        vh_document_add_text(doc, "class", class_name);
    vh_document_add_count(doc, "rank", verdict->rank);
    vh_document_add_text(doc, "unlock", vh_level_name(verdict->unlock));
    if (verdict->place != 0)
        vh_document_add_count(doc, "place", verdict->place);
    if (!verdict->has_yield)
        return;
    vh_document_add_bytes(doc, "expected_bytes", verdict->yield.expected_bytes);
    vh_document_add_bytes(doc, "durable_bytes", verdict->yield.durable_bytes);
    vh_document_add_bytes(doc, "counted_bytes", verdict->yield.counted_bytes);
    if (isfinite(verdict->cost.price))
        vh_document_add(doc, "price_us_per_mib", g_variant_new_double(verdict->cost.price));
}

/* `now`: the policy with its schedules applied. */
static GVariant *explain_with(const VhReportInput *input, const VhConfig *now, guint index)
{
    VhExplain explain = {
        .input = input,
        .domain = vh_snapshot_domain(input->snapshot, index),
        .verdict = vh_report_verdict(input, index),
    };
    GVariantBuilder doc;

    explain.guest = vh_state_find(input->state, &explain.domain->uuid);
    g_variant_builder_init(&explain.lines, G_VARIANT_TYPE_STRING_ARRAY);
    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_report_add_identity(&doc, explain.domain);
    vh_document_add_us(&doc, "seen_time_us", input->snapshot->wall_us);
    say_pool(&explain);
    if (explain.verdict != NULL) {
        vh_treatment_resolve(now, explain.domain, input->snapshot->wall_us, &explain.treatment);
        vh_explain_guest(&explain);
        vh_explain_reporting(&explain);
        add_numbers(&doc, &explain);
    }
    vh_document_add(&doc, "lines", g_variant_builder_end(&explain.lines));
    return g_variant_builder_end(&doc);
}

GVariant *vh_report_explain(const VhReportInput *input, guint index)
{
    g_autoptr(GArray) storage = g_array_new(FALSE, FALSE, sizeof(VhClass));
    const VhConfig now = vh_treatment_at(input->config, input->snapshot, storage);

    return explain_with(input, &now, index);
}

GVariant *vh_report_explanations(const VhReportInput *input)
{
    g_autoptr(GArray) storage = g_array_new(FALSE, FALSE, sizeof(VhClass));
    const VhConfig now = vh_treatment_at(input->config, input->snapshot, storage);
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < vh_snapshot_n_domains(input->snapshot); i++)
        g_variant_builder_add_value(&list, explain_with(input, &now, i));
    return g_variant_builder_end(&list);
}
