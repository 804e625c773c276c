/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why one guest is or is not asked, as sentences for people, each with the numbers behind it and in
 * the order in which the decision looks at them. The words may change from version to version;
 * programs read vh_report_domain().
 */
#include "vh-report-parts.h"

#include "vh-units.h"

static void say(GVariantBuilder *lines, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void say(GVariantBuilder *lines, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *valid = g_utf8_make_valid(line, -1);
    g_variant_builder_add(lines, "s", valid);
}

static void say_pool(GVariantBuilder *lines, const VhReportInput *input)
{
    const VhPlan *plan = input->plan;
    g_autofree char *total = vh_format_size(plan->pool_total_bytes);
    g_autofree char *available = vh_format_size((guint64)ABS(plan->pool_available_bytes));
    g_autofree char *need = vh_format_size(plan->need_bytes);

    say(lines, "The pool (%s) of %s has %s %s: level %s.",
        vh_report_pool_source_name(input->config->pool.source), total, available,
        plan->pool_available_bytes < 0 ? "too little" : "available", vh_level_name(plan->level));
    if (plan->need_bytes != 0)
        say(lines, "It needs %s back.", need);
    if (!input->config->enforce)
        say(lines, "The policy does not enforce: plans are made, but nobody is asked.");
}

static void say_tier(GVariantBuilder *lines, const VhDomain *domain)
{
    say(lines, "Its tier is %s, %s autodeflate.", vh_tier_name(domain->tier),
        domain->has_autodeflate ? "with" : "without");
    if (domain->tier == VH_TIER_NATIVE)
        say(lines,
            "It is asked by passes, which take nothing away from it and need no autodeflate.");
    for (guint bit = 1; bit <= VH_TIER_REASON_LAST; bit <<= 1) {
        if (domain->tier_reasons & bit)
            say(lines, "Tier: %s.", vh_tier_reason_text((VhTierReason)bit));
    }
}

static void say_class(GVariantBuilder *lines, const VhReportInput *input, const VhVerdict *verdict)
{
    const char *class_name = vh_report_class_name(input, verdict);

    if (class_name != NULL)
        say(lines, "Its class is %s: rank %u, weight %u, asked from level %s on.", class_name,
            verdict->rank, verdict->weight, vh_level_name(verdict->unlock));
}

static void say_yield(GVariantBuilder *lines, const VhDomain *domain, const VhYield *yield)
{
    g_autofree char *resident = vh_format_size(domain->rss_bytes);
    g_autofree char *unused = vh_format_size(domain->unused_bytes);
    g_autofree char *overhead = vh_format_size(yield->overhead_bytes);
    g_autofree char *backed = vh_format_size(yield->backed_free_bytes);
    g_autofree char *in_ram = vh_format_size(yield->in_ram_bytes);
    g_autofree char *residue = vh_format_size(yield->residue_bytes);
    g_autofree char *expected = vh_format_size(yield->expected_bytes);
    g_autofree char *counted = vh_format_size(yield->counted_bytes);

    say(lines, "It is resident with %s, of which QEMU itself takes about %s.", resident, overhead);
    say(lines, "Free inside it: %s; of that the host still backs %s, %s of it in RAM.", unused,
        backed, in_ram);
    if (yield->residue_bytes != 0)
        say(lines, "Earlier asks could not reach %s of that.", residue);
    say(lines, "An ask is expected to bring %s; %s is counted on.", expected, counted);
}

static void say_history(GVariantBuilder *lines, const VhReportInput *input,
                        const VhGuestState *guest)
{
    if (guest == NULL || guest->last_ended_wall_us == 0) {
        say(lines, "No earlier ask of it is remembered.");
        return;
    }
    gint64 ago_us = MAX(input->snapshot->wall_us - guest->last_ended_wall_us, 0);
    g_autofree char *ago = vh_format_duration(ago_us);
    g_autofree char *asked = vh_format_size(guest->last_asked_bytes);
    g_autofree char *returned = vh_format_size(guest->last_returned_bytes);
    say(lines, "Its last ask ended %s ago (%s): %s of %s came back.", ago,
        vh_ask_status_name((VhAskStatus)guest->last_status), returned, asked);
}

static void say_verdict(GVariantBuilder *lines, const VhReportInput *input,
                        const VhVerdict *verdict)
{
    int index = vh_report_action_index(input, verdict->domain);

    if (index >= 0) {
        const VhAction *action = &g_array_index(input->plan->actions, VhAction, index);
        g_autofree char *bytes = vh_format_size(action->bytes);
        g_autofree char *granule = vh_format_size(action->granule_bytes);
        say(lines, "So it is asked for %s, as number %d of %u, by a %s%s%s%s.", bytes, index + 1,
            input->plan->actions->len, action->method == VH_ASK_PASS ? "pass" : "pulse",
            action->granule_bytes ? " over blocks of " : "", action->granule_bytes ? granule : "",
            action->granule_bytes ? " or more" : "");
        return;
    }
    say(lines, "So it is not asked: %s (%s).", vh_reason_text(verdict->reason),
        vh_reason_name(verdict->reason));
    if (verdict->wait_until_us > input->snapshot->wall_us) {
        g_autofree char *wait =
            vh_format_duration(verdict->wait_until_us - input->snapshot->wall_us);
        say(lines, "It can be asked again in %s.", wait);
    }
}

GVariant *vh_report_explain(const VhReportInput *input, guint index)
{
    const VhDomain *domain = vh_snapshot_domain(input->snapshot, index);
    const VhVerdict *verdict = vh_report_verdict(input, index);
    GVariantBuilder doc, lines;

    g_variant_builder_init(&lines, G_VARIANT_TYPE_STRING_ARRAY);
    say_pool(&lines, input);
    say_tier(&lines, domain);
    if (verdict != NULL) {
        say_class(&lines, input, verdict);
        if (verdict->has_yield)
            say_yield(&lines, domain, &verdict->yield);
        say_history(&lines, input, vh_state_find(input->state, &domain->uuid));
        say_verdict(&lines, input, verdict);
    }
    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_report_add_identity(&doc, domain);
    if (verdict != NULL)
        vh_report_add_text(&doc, "reason", vh_reason_name(verdict->reason));
    vh_report_add(&doc, "lines", g_variant_builder_end(&lines));
    return g_variant_builder_end(&doc);
}
