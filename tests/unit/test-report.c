/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The documents: complete, documented, and silent about what is unknown. */
#include "json-doc.h"
#include "vh-document.h"
#include "vh-report.h"

#include <math.h>

typedef struct {
    VhConfig *config;
    VhState *state;
    VhSnapshot *snapshot;
    VhPlan *plan;
} Fixture;

#define ALL_FIGURES (VH_HAS_VCPUS * 2 - 1)

static const VhUuid rich_uuid = {{0x11, 0x22, 0x33, 0x44, 1}};
static const VhUuid bare_uuid = {{0x55, 0x66, 0x77, 0x88, 2}};

static void add_rich_domain(VhSnapshot *snapshot)
{
    VhDomain *domain = vh_snapshot_add_domain(snapshot, &rich_uuid, "qemu:///system", "web1");

    domain->id = 3;
    domain->is_running = TRUE;
    domain->has_autodeflate = TRUE;
    domain->tier = VH_TIER_PULSE;
    domain->tier_reasons = VH_TIER_REASON_STOCK_DEVICE;
    domain->figures = ALL_FIGURES;
    domain->current_bytes = domain->maximum_bytes = 4 * VH_GIB;
    domain->unused_bytes = 2 * VH_GIB;
    domain->available_bytes = 4 * VH_GIB - 64 * VH_MIB;
    domain->usable_bytes = 3 * VH_GIB;
    domain->caches_bytes = 512 * VH_MIB;
    domain->rss_bytes = 3 * VH_GIB;
    domain->swapped_bytes = 16 * VH_MIB;
    domain->cpu_time_us = 12 * VH_SEC;
    domain->stats_time_us = 1700000000 * VH_SEC;
    domain->stats_period_us = 5 * VH_SEC;
    domain->n_vcpus = 4;
    domain->minor_faults = 1000;
    domain->major_faults = 10;
    domain->swap_in_bytes = VH_MIB;
    domain->reports = VH_REPORTS_ON;
    domain->facts = VH_FACT_SHARED_MEMORY;
    domain->node_mask = 5;
    domain->override = (VhOverride){
        .keys = VH_OVERRIDE_CLASS | VH_OVERRIDE_WEIGHT | VH_OVERRIDE_ASK | VH_OVERRIDE_COOLDOWN |
                VH_OVERRIDE_MAX_PER_ASK | VH_OVERRIDE_REPORTING,
        .class_name = "perf",
        .weight = 7,
        .cooldown_us = VH_MIN,
        .max_per_ask_bytes = VH_GIB,
        .reporting = VH_REPORTING_AUTO,
        .until_us = 1800000000 * VH_SEC,
    };
}

static void add_rich_state(VhState *state)
{
    VhGuestState *guest = vh_state_get(state, &rich_uuid);

    guest->is_stable = TRUE;
    guest->overhead_bytes = 150 * VH_MIB;
    guest->residue_bytes = 20 * VH_MIB;
    guest->residue_wall_us = 1699999000 * VH_SEC;
    guest->last_ended_wall_us = 1699999000 * VH_SEC;
    guest->last_asked_bytes = VH_GIB;
    guest->last_returned_bytes = 900 * VH_MIB;
    guest->last_status = VH_ASK_BACKED_OFF;
    guest->cooldown_doublings = 1;
    guest->n_recent = 2;
    guest->recent_wall_us[0] = guest->recent_wall_us[1] = 1699999000 * VH_SEC;
    guest->n_returns = 3;
    guest->gamma_bp = 8100;
    guest->sigma_bp = 1900;
    guest->n_rebounds = 2;
    guest->retouch_bp = 700;
    guest->rebound_wall_us = 1700000050 * VH_SEC;
    guest->inflicted_us = 30 * VH_MS;
    guest->inflicted_wall_us = 1699999000 * VH_SEC;
    guest->n_toggles = 1;
    guest->toggles_wall_us[0] = 1699999001 * VH_SEC;
    state->swap_out_rate_bytes_per_s = 3 * VH_MIB;
}

static VhVerdict verdict_of(const VhConfig *config, guint domain, VhReason reason)
{
    return (VhVerdict){
        .domain = domain,
        .reason = reason,
        .class_index = (guint)vh_config_find_class(config, "perf"),
        .rank = 2,
        .weight = 7,
        .unlock = VH_LEVEL_CRITICAL,
    };
}

/* The class of the rich guest: with every cap, a match and a schedule that is in force. */
static void enrich_config(VhConfig *config)
{
    guint perf = (guint)vh_config_find_class(config, "perf");

    config->classes[perf].max_per_ask_bytes = VH_GIB;
    config->classes[perf].asks_per_hour = 2;
    config->classes[perf].granule_bytes = 65536;
    config->classes[perf].max_per_min_bytes = 2 * VH_GIB;
    config->matches = g_new0(VhMatch, 1);
    config->n_matches = 1;
    config->matches[0] =
        (VhMatch){.kind = VH_MATCH_NAME, .name_glob = g_strdup("web*"), .class_index = perf};
    config->schedules = g_new0(VhSchedule, 2);
    config->n_schedules = 2;
    /* a Tuesday, 22:13 by UTC */
    config->schedules[0] = (VhSchedule){.days = 0x02,
                                        .start_min = 22 * 60,
                                        .end_min = 6 * 60,
                                        .class_index = perf,
                                        .keys = VH_CLASS_COOLDOWN,
                                        .values.cooldown_us = 7 * VH_MIN};
    config->schedules[1] = (VhSchedule){
        .days = 0x7f, .start_min = 0, .end_min = 60, .class_index = perf, .keys = VH_CLASS_RANK};
    config->override_keys |= VH_OVERRIDE_REPORTING;
    config->pool.psi_some_bp = 1000;
    config->pool.psi_full_bp = 500;
    config->pool.swap_out_bytes_per_s = VH_MIB;
}

static void add_rich_verdict(Fixture *f)
{
    VhVerdict rich = verdict_of(f->config, 0, VH_REASON_ASK);

    rich.has_yield = TRUE;
    rich.yield = (VhYield){.expected_bytes = 1800 * VH_MIB,
                           .durable_bytes = 1700 * VH_MIB,
                           .counted_bytes = 1500 * VH_MIB,
                           .residue_bytes = 20 * VH_MIB,
                           .left_bytes = 30 * VH_MIB,
                           .doubtful_bytes = 40 * VH_MIB,
                           .gamma_bp = 8000,
                           .retouch_bp = 750,
                           .sigma_bp = 2000};
    rich.cost = (VhCost){
        .cost_us = 21 * VH_MS, .inflicted_us = 35 * VH_MS, .fairness = 1.25, .price = 12.5};
    rich.place = 1;
    rich.toggle = VH_TOGGLE_PRESSURE;
    rich.wait_until_us = 1700000060 * VH_SEC;
    g_array_append_val(f->plan->verdicts, rich);
    const VhAction action = {.domain = 0,
                             .uuid = rich_uuid,
                             .method = VH_ASK_PASS,
                             .granule_bytes = 65536,
                             .bytes = VH_GIB,
                             .expected_bytes = VH_GIB,
                             .request_id = 9};
    g_array_append_val(f->plan->actions, action);
    const VhToggle toggle = {
        .domain = 0, .uuid = rich_uuid, .is_on = TRUE, .reason = VH_TOGGLE_PRESSURE};
    g_array_append_val(f->plan->toggles, toggle);
}

static void add_request(VhSnapshot *snapshot)
{
    const VhRequest request = {.id = 9,
                               .bytes = 4 * VH_GIB,
                               .returned_bytes = VH_GIB,
                               .urgency = VH_LEVEL_HIGH,
                               .deadline_us = 160 * VH_SEC};

    g_array_append_val(snapshot->requests, request);
}

static Fixture setup(void)
{
    Fixture f = {vh_config_new(), vh_state_new(), vh_snapshot_new(), vh_plan_new()};

    f.snapshot->now_us = 100 * VH_SEC;
    f.snapshot->wall_us = 1700000001 * VH_SEC;
    add_rich_domain(f.snapshot);
    vh_snapshot_add_domain(f.snapshot, &bare_uuid, "qemu:///system", "bare");
    add_rich_state(f.state);
    const VhInFlight in_flight = {.uuid = rich_uuid,
                                  .uri = "qemu:///system",
                                  .id = 42,
                                  .method = VH_ASK_PASS,
                                  .granule_bytes = 65536,
                                  .asked_bytes = VH_GIB,
                                  .request_id = 9,
                                  .started_us = 99 * VH_SEC};
    g_array_append_val(f.snapshot->in_flight, in_flight);
    f.snapshot->pressure = (VhPressure){
        .has_psi = TRUE, .psi_some_bp = 1500, .psi_full_bp = 100, .has_swap_out = TRUE};
    add_request(f.snapshot);
    enrich_config(f.config);
    f.config->pool.source = VH_POOL_HOST;
    f.plan->level = VH_LEVEL_HIGH;
    f.plan->level_by_bounds = VH_LEVEL_LOW;
    f.plan->pool_trend_bytes_per_s = -(gint64)(20 * VH_MIB);
    f.plan->requested_bytes = VH_GIB;
    f.plan->pool_total_bytes = 32 * VH_GIB;
    f.plan->pool_available_bytes = -(gint64)VH_GIB;
    f.plan->need_bytes = 2 * VH_GIB;
    add_rich_verdict(&f);
    const VhVerdict bare = verdict_of(f.config, 1, VH_REASON_NO_STATS);
    g_array_append_val(f.plan->verdicts, bare);
    return f;
}

static VhReportInput input_of(const Fixture *f)
{
    return (VhReportInput){f->config, f->state, f->snapshot, f->plan};
}

static void teardown(Fixture *f)
{
    vh_config_free(f->config);
    vh_state_free(f->state);
    vh_snapshot_free(f->snapshot);
    vh_plan_free(f->plan);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fixture, teardown)

/* A rich guest and one that is refused with all its numbers have every key there is. */
static void test_documented(void)
{
    static const char *const sections[] = {
        "domain",        "domain.last_ask", "domain.in_flight", "domain.yield",   "domain.cost",
        "domain.policy", "domain.override", "domain.learned",   "domain.ask",     "plan",
        "plan.pool",     "plan.asks",       "plan.refusals",    "plan.in_flight", "plan.switches",
        "plan.requests", "explanation",     "outcome",
    };
    g_autoptr(JsonDoc) docs = json_doc_new();
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);

    g_autoptr(GVariant) domain = g_variant_ref_sink(vh_report_domain(&input, 0));
    json_doc_check(docs, "domain", domain);
    g_autoptr(GVariant) plan = g_variant_ref_sink(vh_report_plan(&input));
    json_doc_check(docs, "plan", plan);
    static const VhPoolSource sources[] = {VH_POOL_CGROUP, VH_POOL_NUMA};
    f.config->pool.cgroup = g_strdup("/machine.slice");
    for (guint i = 0; i < G_N_ELEMENTS(sources); i++) {
        f.config->pool.source = sources[i];
        g_autoptr(GVariant) other = g_variant_ref_sink(vh_report_plan(&input));
        json_doc_check(docs, "plan", other);
    }
    g_autoptr(GVariant) explanation = g_variant_ref_sink(vh_report_explain(&input, 0));
    json_doc_check(docs, "explanation", explanation);

    g_array_index(f.plan->verdicts, VhVerdict, 0).reason = VH_REASON_COOLDOWN;
    g_autoptr(GVariant) refusing = g_variant_ref_sink(vh_report_plan(&input));
    json_doc_check(docs, "plan", refusing);

    const VhAskOutcome outcome = {.status = VH_ASK_FAILED,
                                  .source = VH_ASK_SOURCE_RSS,
                                  .has_memfree = TRUE,
                                  .error_code = VH_ERROR_TIMEOUT};
    g_autoptr(GVariant) ended =
        g_variant_ref_sink(vh_document_outcome(&outcome, "it took too long"));
    json_doc_check(docs, "outcome", ended);
    for (guint i = 0; i < G_N_ELEMENTS(sections); i++)
        json_doc_check_all_seen(docs, sections[i]);
}

/* The list's dictionaries are the domain's, less what only its own document has. */
static void test_list_is_part_of_domain(void)
{
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);
    g_autoptr(GVariant) list = g_variant_ref_sink(vh_report_domains(&input));
    g_autoptr(GVariant) domain = g_variant_ref_sink(vh_report_domain(&input, 0));
    g_autoptr(GVariant) first = g_variant_get_child_value(list, 0);
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_assert_cmpuint(g_variant_n_children(list), ==, 2);
    g_variant_iter_init(&iter, first);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
        g_autoptr(GVariant) other = g_variant_lookup_value(domain, key, NULL);
        g_assert_nonnull(other);
        g_assert_true(g_variant_equal(value, other));
    }
    g_assert_null(g_variant_lookup_value(first, "policy", NULL));
}

/* Nothing is known of the bare guest: no figure is made up. */
static void test_unknown_is_left_out(void)
{
    static const char *const unknown[] = {"resident_bytes",
                                          "swapped_bytes",
                                          "free_bytes",
                                          "available_bytes",
                                          "usable_bytes",
                                          "caches_bytes",
                                          "current_bytes",
                                          "maximum_bytes",
                                          "used_bytes",
                                          "expected_bytes",
                                          "counted_bytes",
                                          "last_ask",
                                          "in_flight",
                                          "cpu_used_us",
                                          "stats_time_us",
                                          "yield",
                                          "override",
                                          "stats_period_us",
                                          "learned",
                                          "ask",
                                          "price_us_per_mib",
                                          "durable_bytes",
                                          "place",
                                          "is_reporting",
                                          "nodes",
                                          "vcpus",
                                          "minor_faults",
                                          "swapped_in_bytes",
                                          "cost"};
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);
    g_autoptr(GVariant) bare = g_variant_ref_sink(vh_report_domain(&input, 1));

    for (guint i = 0; i < G_N_ELEMENTS(unknown); i++)
        g_assert_false(g_variant_lookup(bare, unknown[i], "*", NULL));
    const char *reason = NULL;
    g_assert_true(g_variant_lookup(bare, "reason", "&s", &reason));
    g_assert_cmpstr(reason, ==, "no-stats");
}

static void test_outcome_without_measure(void)
{
    const VhAskOutcome outcome = {.status = VH_ASK_CANCELLED,
                                  .source = VH_ASK_SOURCE_NONE,
                                  .started_us = 5,
                                  .ended_us = 9,
                                  .error_code = -1};
    g_autoptr(GVariant) doc = g_variant_ref_sink(vh_document_outcome(&outcome, NULL));
    gint64 duration_us = 0;

    g_assert_false(g_variant_lookup(doc, "returned_bytes", "*", NULL));
    g_assert_false(g_variant_lookup(doc, "memfree_delta_bytes", "*", NULL));
    g_assert_false(g_variant_lookup(doc, "error", "*", NULL));
    g_assert_false(g_variant_lookup(doc, "message", "*", NULL));
    g_assert_true(g_variant_lookup(doc, "duration_us", "x", &duration_us));
    g_assert_cmpint(duration_us, ==, 4);
}

/* A plan that is kept while the source fails may be of more guests than the snapshot has. */
static void test_plan_of_another_snapshot(void)
{
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);

    vh_snapshot_clear(f.snapshot);
    g_autoptr(GVariant) plan = g_variant_ref_sink(vh_report_plan(&input));
    g_autoptr(GVariant) asks = g_variant_lookup_value(plan, "asks", G_VARIANT_TYPE("aa{sv}"));
    g_autoptr(GVariant) refusals =
        g_variant_lookup_value(plan, "refusals", G_VARIANT_TYPE("aa{sv}"));
    g_assert_cmpuint(g_variant_n_children(asks), ==, 0);
    g_assert_cmpuint(g_variant_n_children(refusals), ==, 0);
}

/* What libvirt tells need not be UTF-8; what D-Bus takes must be. A price may be infinite. */
static void test_odd_input(void)
{
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);

    g_array_index(f.snapshot->domains, VhDomain, 0).name = "caf\xe9";
    g_array_index(f.plan->verdicts, VhVerdict, 0).cost.price = INFINITY;
    g_autoptr(GVariant) doc = g_variant_ref_sink(vh_report_domain(&input, 0));
    const char *name = NULL;
    g_assert_true(g_variant_lookup(doc, "name", "&s", &name));
    g_assert_true(g_utf8_validate(name, -1, NULL));
    g_assert_true(g_str_has_prefix(name, "caf"));
    g_assert_false(g_variant_lookup(doc, "price_us_per_mib", "*", NULL));
}

static gboolean has_line(GVariant *doc, const char *part)
{
    g_autofree const char **lines = NULL;

    g_assert_true(g_variant_lookup(doc, "lines", "^a&s", &lines));
    for (guint i = 0; lines[i] != NULL; i++) {
        if (strstr(lines[i], part) != NULL)
            return TRUE;
    }
    return FALSE;
}

/* The line that has `part`, from `from` on; fails where there is none. */
static guint line_with(GVariant *doc, const char *part, guint from)
{
    g_autofree const char **lines = NULL;

    g_assert_true(g_variant_lookup(doc, "lines", "^a&s", &lines));
    for (guint i = 0; lines[i] != NULL; i++) {
        if (i >= from && strstr(lines[i], part) != NULL)
            return i;
    }
    g_autofree char *all = g_strjoinv("\n", (char **)lines);
    g_error("no line from %u on has '%s':\n%s", from, part, all);
}

/* All numbers, in the order in which the decision looks at them. */
static void test_explain(void)
{
    static const char *const parts[] = {
        "is short of 1.0 GiB",
        "loses 20.0 MiB a second",
        "level is low by its bounds, and raised to high by pressure",
        "something waits for memory 15 % of the time (bound: 10 %)",
        "3.0 MiB are swapped out in a second (bound: 1.0 MiB)",
        "Request 9 wants 4.0 GiB from guests unlocked at level high: 1.0 GiB came back so far, and "
        "it has 1 min left",
        "2.0 GiB are to be got back, 1.0 GiB of it for requests",
        "has been under way for 1.0 s",
        "class is perf (by the match of name web*)",
        "schedule tue 22:00-06:00 is in force",
        "metadata has a say",
        "told its figures 1.0 s ago, and does every 5.0 s",
        "last two samples agree",
        "leaves 30.0 MiB of it",
        "reaches 80 % of the rest, as learned from 3 asks",
        "1.8 GiB expected",
        "40.0 MiB of that are doubtful",
        "soon takes 7.5 % again, as learned from 2 asks: 1.7 GiB last",
        "Less 20 % that are uncertain, 1.5 GiB are counted on",
        "costs it 21 ms by weight; earlier ones have cost it 35 ms lately",
        "multiplies its price by 1.25",
        "12.5 us for each MiB",
        "(backed-off)",
        "doubled its cooldown 1 time.",
        "cooldown is 1 min", /* its metadata's, not the schedule's or the class's */
        "asked 2 of 2 times within the hour",
        "2.0 GiB a minute at most",
        "it is number 1 of those",
        "asked for 1.0 GiB for request 9, as number 1 of 1, by a pass over blocks of 64.0 KiB or "
        "more",
        "reporting is on (the policy says auto): switched on: memory has been short",
        "switched 1 time within the hour",
    };
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);
    g_autoptr(GVariant) asked = g_variant_ref_sink(vh_report_explain(&input, 0));
    guint line = 0;

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        line = line_with(asked, parts[i], line);
}

/* What is not known is not told, and neither are signs of pressure that changed nothing. */
static void test_explain_bare(void)
{
    static const char *const absent[] = {"expected", "price",    "samples agree",
                                         "wants",    "Pressure", "loses"};
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);

    f.plan->level = f.plan->level_by_bounds;
    f.plan->pool_trend_bytes_per_s = 0;
    g_array_set_size(f.snapshot->requests, 0);
    g_autoptr(GVariant) refused = g_variant_ref_sink(vh_report_explain(&input, 1));
    for (guint i = 0; i < G_N_ELEMENTS(absent); i++)
        g_assert_false(has_line(refused, absent[i]));
    g_assert_true(has_line(refused, "level is low."));
    g_assert_true(has_line(refused, "(the default)"));
    g_assert_true(has_line(refused, "It is not running"));
    g_assert_true(has_line(refused, "has told no figures yet"));
    g_assert_true(has_line(refused, "No earlier ask"));
    g_assert_true(has_line(refused, "not asked"));
    g_assert_true(has_line(refused, "no-stats"));
    g_assert_true(has_line(refused, "reporting is not known (the policy says "));
}

static void test_explain_exempt(void)
{
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);

    g_array_index(f.snapshot->domains, VhDomain, 1).facts =
        VH_FACT_HUGEPAGES | VH_FACT_REALTIME | VH_FACT_VFIO;
    g_autoptr(GVariant) exempt = g_variant_ref_sink(vh_report_explain(&input, 1));
    g_assert_true(has_line(exempt, "exempt by what its XML says (realtime hugepages)"));
    f.config->exempt_facts = 0;
    g_autoptr(GVariant) lifted = g_variant_ref_sink(vh_report_explain(&input, 1));
    g_assert_false(has_line(lifted, "exempt"));
}

static void test_explain_all(void)
{
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);
    g_autoptr(GVariant) all = g_variant_ref_sink(vh_report_explanations(&input));

    g_assert_cmpuint(g_variant_n_children(all), ==, 2);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(GVariant) one = g_variant_ref_sink(vh_report_explain(&input, i));
        g_autoptr(GVariant) same = g_variant_get_child_value(all, i);
        g_assert_true(g_variant_equal(one, same));
    }
}

/* A deadline that is as good as none stays one. */
static void test_far_deadline(void)
{
    const VhRequest request = {.id = 1, .bytes = 1, .deadline_us = G_MAXINT64};
    g_autoptr(GVariant) doc =
        g_variant_ref_sink(vh_report_request(&request, VH_SEC, 1700000000 * VH_SEC));
    gint64 deadline_us = 0;

    g_assert_true(g_variant_lookup(doc, "deadline_time_us", "x", &deadline_us));
    g_assert_cmpint(deadline_us, ==, G_MAXINT64);
}

/* While it migrates a domain is there twice: its name stands for the one that runs. */
static void test_find_migrating(void)
{
    g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();
    g_autoptr(GError) error = NULL;

    vh_snapshot_add_domain(snapshot, &rich_uuid, "qemu:///a", "web1");
    vh_snapshot_add_domain(snapshot, &rich_uuid, "qemu:///b", "web1")->is_running = TRUE;
    vh_snapshot_add_domain(snapshot, &bare_uuid, "qemu:///a", "db");
    vh_snapshot_sort(snapshot);
    int found = vh_snapshot_find(snapshot, "web1", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(vh_snapshot_domain(snapshot, (guint)found)->uri, ==, "qemu:///b");
    /* Another one of that name is not the same. */
    vh_snapshot_add_domain(snapshot, &bare_uuid, "qemu:///b", "web1");
    vh_snapshot_sort(snapshot);
    g_assert_cmpint(vh_snapshot_find(snapshot, "web1", &error), ==, -1);
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report/documented", test_documented);
    g_test_add_func("/report/list-is-part-of-domain", test_list_is_part_of_domain);
    g_test_add_func("/report/unknown-is-left-out", test_unknown_is_left_out);
    g_test_add_func("/report/outcome-without-measure", test_outcome_without_measure);
    g_test_add_func("/report/plan-of-another-snapshot", test_plan_of_another_snapshot);
    g_test_add_func("/report/odd-input", test_odd_input);
    g_test_add_func("/report/explain", test_explain);
    g_test_add_func("/report/explain-bare", test_explain_bare);
    g_test_add_func("/report/explain-exempt", test_explain_exempt);
    g_test_add_func("/report/explain-all", test_explain_all);
    g_test_add_func("/report/far-deadline", test_far_deadline);
    g_test_add_func("/report/find-migrating", test_find_migrating);
    return g_test_run();
}
