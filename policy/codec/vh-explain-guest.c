/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sentences about one guest: is it there, may it be asked, what would it give, at which cost,
 * and is it its turn. */
#include "vh-explain-parts.h"

#include "vh-eligible.h"
#include "vh-learn.h"
#include "vh-treatment.h"
#include "vh-units.h"

#include <math.h>

static void say_presence(VhExplain *explain)
{
    const VhDomain *domain = explain->domain;
    const GArray *asks = explain->input->snapshot->in_flight;

    if (domain->is_hung)
        vh_explain_say(explain, "Its QEMU does not answer; its figures are the last ones known.");
    else if (!domain->is_running)
        vh_explain_say(explain, "It is not running.");
    if (domain->has_job)
        vh_explain_say(explain, "A migration, save or other job holds it.");
    if (domain->is_recovering)
        vh_explain_say(explain, "An ask that is not ours is under way, or is being put back.");
    for (guint i = 0; i < asks->len; i++) {
        const VhInFlight *ask = &g_array_index(asks, VhInFlight, i);
        if (!vh_uuid_equal(&ask->uuid, &domain->uuid) || !g_str_equal(ask->uri, domain->uri))
            continue;
        g_autofree char *age =
            vh_format_duration(MAX(explain->input->snapshot->now_us - ask->started_us, 0));
        g_autofree char *asked = vh_format_size(ask->asked_bytes);
        g_autofree char *returned = vh_format_size(ask->returned_bytes);
        vh_explain_say(explain, "An ask for %s has been under way for %s: %s came back so far.",
                       ask->asked_bytes != 0 ? asked : "all that can be had", age, returned);
    }
}

static void say_schedules(VhExplain *explain)
{
    const VhConfig *config = explain->input->config;

    for (guint i = 0; i < config->n_schedules; i++) {
        const VhSchedule *schedule = &config->schedules[i];
        if (!vh_report_schedule_holds(explain->input, schedule, explain->verdict->class_index))
            continue;
        g_autofree char *text = vh_report_schedule_text(schedule);
        vh_explain_say(explain, "The schedule %s is in force for its class.", text);
    }
}

static void say_class(VhExplain *explain)
{
    const VhVerdict *verdict = explain->verdict;
    const VhReportInput *input = explain->input;
    const char *class_name = vh_report_class_name(input, verdict);
    g_autofree char *match = vh_report_match_text(input->config, explain->domain);
    const VhOverride *override = &explain->domain->override;
    guint exempts = vh_treatment_exempts(input->config, explain->domain, input->snapshot->wall_us);

    if (class_name == NULL)
        return;
    vh_explain_say(explain, "Its class is %s (%s%s): rank %u, weight %u, asked from level %s on.",
                   class_name, match != NULL ? "by the match of " : "the default",
                   match != NULL ? match : "", verdict->rank, verdict->weight,
                   vh_level_name(verdict->unlock));
    say_schedules(explain);
    if (override->keys & input->config->override_keys)
        vh_explain_say(explain, "Its own metadata has a say in that%s.",
                       override->until_us != 0 && input->snapshot->wall_us >= override->until_us
                           ? ", but has run out"
                           : "");
    if (exempts == 0 && explain->treatment.ask_never)
        vh_explain_say(explain, "It is never to be asked.");
    if (exempts == 0)
        return;
    g_autofree char *facts = vh_report_facts_text(exempts);
    vh_explain_say(explain,
                   "It is exempt by what its XML says (%s): where no match is for such a guest, it "
                   "is neither asked nor switched, unless its metadata says ask=\"auto\" or names "
                   "a class.",
                   facts);
}

static void say_tier(VhExplain *explain)
{
    const VhDomain *domain = explain->domain;

    vh_explain_say(explain, "Its tier is %s, %s autodeflate.", vh_tier_name(domain->tier),
                   domain->has_autodeflate ? "with" : "without");
    if (vh_eligible_takes_pass(explain->input->config, domain))
        vh_explain_say(explain, "It is asked by passes, which take nothing away from it and need "
                                "no autodeflate.");
    for (guint bit = 1; bit <= VH_TIER_REASON_LAST; bit <<= 1) {
        if (domain->tier_reasons & bit)
            vh_explain_say(explain, "Tier: %s.", vh_tier_reason_text((VhTierReason)bit));
    }
}

static void say_samples(VhExplain *explain)
{
    const VhDomain *domain = explain->domain;
    g_autofree char *age =
        vh_format_duration(MAX(explain->input->snapshot->wall_us - domain->stats_time_us, 0));
    g_autofree char *period = vh_format_duration(domain->stats_period_us);
    g_autofree char *limit = vh_format_duration(explain->input->config->max_stats_age_us);
    VhReason reason = explain->verdict->reason;

    if (domain->stats_time_us == 0) {
        vh_explain_say(explain, "Its balloon driver has told no figures yet.");
        return;
    }
    vh_explain_say(explain,
                   "Its balloon driver told its figures %s ago%s%s; after %s they are too old.",
                   age, domain->stats_period_us != 0 ? ", and does every " : "",
                   domain->stats_period_us != 0 ? period : "", limit);
    /* by the verdict: a recording does not hold whether they did */
    if (reason == VH_REASON_ASK || reason >= VH_REASON_UNSTABLE)
        vh_explain_say(explain, "Its last two samples %s.",
                       reason == VH_REASON_UNSTABLE ? "do not agree yet" : "agree");
}

/* "learned from 3 asks", or where it comes from instead. */
static char *origin_text(guint n, const char *what)
{
    return n == 0 ? g_strdup("as the policy assumes")
                  : g_strdup_printf("as learned from %u %s%s", n, what, n == 1 ? "" : "s");
}

static void say_free(VhExplain *explain)
{
    const VhDomain *domain = explain->domain;
    const VhYield *yield = &explain->verdict->yield;
    g_autofree char *resident = vh_format_size(domain->rss_bytes);
    g_autofree char *unused = vh_format_size(domain->unused_bytes);
    g_autofree char *overhead = vh_format_size(yield->overhead_bytes);
    g_autofree char *backed = vh_format_size(yield->backed_free_bytes);
    g_autofree char *in_ram = vh_format_size(yield->in_ram_bytes);
    g_autofree char *residue = vh_format_size(yield->residue_bytes);
    g_autofree char *left = vh_format_size(yield->left_bytes);

    vh_explain_say(explain, "It is resident with %s, of which QEMU itself takes about %s.",
                   resident, overhead);
    vh_explain_say(explain, "Free inside it: %s; of that the host still backs %s, %s of it in RAM.",
                   unused, backed, in_ram);
    if (yield->residue_bytes != 0)
        vh_explain_say(explain, "Earlier asks could not reach %s of that.", residue);
    if (yield->left_bytes != 0)
        vh_explain_say(explain, "A pulse leaves %s of it, in what stays free.", left);
}

static void say_yield(VhExplain *explain)
{
    const VhReportInput *input = explain->input;
    const VhYield *yield = &explain->verdict->yield;
    guint n_returns = explain->guest != NULL ? explain->guest->n_returns : 0;
    guint n_rebounds = explain->guest != NULL ? explain->guest->n_rebounds : 0;
    g_autofree char *gamma = vh_explain_percent(yield->gamma_bp);
    g_autofree char *gamma_origin = origin_text(n_returns, "ask");
    g_autofree char *expected = vh_format_size(yield->expected_bytes);
    g_autofree char *doubtful = vh_format_size(yield->doubtful_bytes);
    g_autofree char *retouch = vh_explain_percent(yield->retouch_bp);
    g_autofree char *retouch_origin = origin_text(n_rebounds, "ask");
    g_autofree char *durable = vh_format_size(yield->durable_bytes);
    g_autofree char *sigma = vh_explain_percent(yield->sigma_bp);
    g_autofree char *counted = vh_format_size(yield->counted_bytes);
    g_autofree char *least = vh_format_size(input->config->min_yield_bytes);
    g_autofree char *reserve = vh_format_size(
        vh_eligible_reserve_bytes(input->config, explain->domain, &explain->treatment));

    say_free(explain);
    vh_explain_say(explain,
                   "An ask reaches %s of the rest, %s, and %s stay free in it meanwhile: "
                   "%s expected.",
                   gamma, gamma_origin, reserve, expected);
    if (yield->doubtful_bytes != 0)
        vh_explain_say(explain,
                       "%s of that are doubtful, because QEMU itself may take them: they are not "
                       "counted on.",
                       doubtful);
    vh_explain_say(explain, "Of what is expected it soon takes %s again, %s: %s last.", retouch,
                   retouch_origin, durable);
    vh_explain_say(explain,
                   "Less %s that are uncertain, %s are counted on; under %s it is not "
                   "worth an ask.",
                   sigma, counted, least);
}

static void say_cost(VhExplain *explain)
{
    const VhCost *cost = &explain->verdict->cost;

    if (!(isfinite(cost->price) && cost->price > 0))
        return;
    vh_explain_say(explain,
                   "An ask costs it %.3g ms by weight; earlier ones have cost it %.3g ms lately, "
                   "which multiplies its price by %.2f.",
                   cost->cost_us / VH_MS, cost->inflicted_us / VH_MS, cost->fairness);
    vh_explain_say(explain, "Its price is %.3g us for each MiB that lasts.", cost->price);
}

static void say_history(VhExplain *explain)
{
    const VhGuestState *guest = explain->guest;
    gint64 wall_us = explain->input->snapshot->wall_us;

    if (guest == NULL || guest->last_ended_wall_us == 0) {
        vh_explain_say(explain, "No earlier ask of it is remembered.");
        return;
    }
    g_autofree char *ago = vh_format_duration(MAX(wall_us - guest->last_ended_wall_us, 0));
    g_autofree char *asked = vh_format_size(guest->last_asked_bytes);
    g_autofree char *returned = vh_format_size(guest->last_returned_bytes);
    vh_explain_say(explain, "Its last ask ended %s ago (%s): %s of %s came back.", ago,
                   vh_ask_status_name((VhAskStatus)guest->last_status), returned, asked);
    if (guest->cooldown_doublings != 0)
        vh_explain_say(explain, "Poor asks have doubled its cooldown %u time%s.",
                       guest->cooldown_doublings, guest->cooldown_doublings == 1 ? "" : "s");
}

static void say_pace(VhExplain *explain)
{
    const VhClass *treatment = &explain->treatment;
    g_autofree char *cooldown = vh_format_duration(treatment->cooldown_us);
    g_autofree char *per_minute = vh_format_size(treatment->max_per_min_bytes);
    gint64 next_us = 0;
    guint n =
        explain->guest != NULL
            ? vh_learn_asks_within_hour(explain->guest, explain->input->snapshot->wall_us, &next_us)
            : 0;

    vh_explain_say(explain, "Its cooldown is %s.", cooldown);
    if (treatment->asks_per_hour != 0)
        vh_explain_say(explain, "It was asked %u of %u times within the hour.", n,
                       treatment->asks_per_hour);
    if (treatment->max_per_min_bytes != 0)
        vh_explain_say(explain,
                       "Its class is asked for %s a minute at most, but for as much as "
                       "needed at level critical.",
                       per_minute);
}

static void say_action(VhExplain *explain, const VhAction *action, guint number)
{
    g_autofree char *bytes = vh_format_size(action->bytes);
    g_autofree char *granule = vh_format_size(action->granule_bytes);
    g_autofree char *request =
        action->request_id != 0
            ? g_strdup_printf(" for request %" G_GUINT64_FORMAT, action->request_id)
            : g_strdup("");

    vh_explain_say(explain, "So it is asked for %s%s, as number %u of %u, by a %s%s%s%s.", bytes,
                   request, number, explain->input->plan->actions->len,
                   action->method == VH_ASK_PASS ? "pass" : "pulse",
                   action->granule_bytes ? " over blocks of " : "",
                   action->granule_bytes ? granule : "", action->granule_bytes ? " or more" : "");
}

static void say_verdict(VhExplain *explain)
{
    const VhReportInput *input = explain->input;
    const VhVerdict *verdict = explain->verdict;
    int index = vh_report_action_index(input, verdict->domain);

    if (verdict->place != 0)
        vh_explain_say(explain,
                       "By rank, then price, it is number %u of those that could be asked.",
                       verdict->place);
    if (index >= 0) {
        say_action(explain, &g_array_index(input->plan->actions, VhAction, index),
                   (guint)index + 1);
        return;
    }
    vh_explain_say(explain, "So it is not asked: %s (%s).", vh_reason_text(verdict->reason),
                   vh_reason_name(verdict->reason));
    if (verdict->wait_until_us > input->snapshot->wall_us) {
        g_autofree char *wait =
            vh_format_duration(verdict->wait_until_us - input->snapshot->wall_us);
        vh_explain_say(explain, "It can be asked again in %s.", wait);
    }
}

void vh_explain_guest(VhExplain *explain)
{
    say_presence(explain);
    say_class(explain);
    say_tier(explain);
    say_samples(explain);
    if (explain->verdict->has_yield) {
        say_yield(explain);
        say_cost(explain);
    }
    say_history(explain);
    if (!explain->treatment.ask_never)
        say_pace(explain);
    say_verdict(explain);
}

void vh_explain_reporting(VhExplain *explain)
{
    const VhDomain *domain = explain->domain;
    const VhGuestState *guest = explain->guest;
    VhToggleReason reason = explain->verdict->toggle;

    vh_explain_say(explain, "Its continuous reporting is %s (the policy says %s): %s (%s).",
                   domain->reports == VH_REPORTS_ON    ? "on"
                   : domain->reports == VH_REPORTS_OFF ? "off"
                                                       : "not known",
                   vh_reporting_mode_name(explain->treatment.reporting),
                   vh_toggle_reason_text(reason), vh_toggle_reason_name(reason));
    if (guest != NULL && guest->n_toggles != 0) {
        g_autofree char *ago = vh_format_duration(MAX(
            explain->input->snapshot->wall_us - guest->toggles_wall_us[guest->n_toggles - 1], 0));
        vh_explain_say(explain, "It was switched %u time%s within the hour, last %s ago.",
                       guest->n_toggles, guest->n_toggles == 1 ? "" : "s", ago);
    }
}
