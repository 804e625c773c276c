/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The documents: complete, documented, and silent about what is unknown. */
#include "json-doc.h"
#include "vh-report.h"

#include <math.h>

typedef struct {
    VhConfig *config;
    VhState *state;
    VhSnapshot *snapshot;
    VhPlan *plan;
} Fixture;

#define ALL_FIGURES (VH_HAS_SWAPPED * 2 - 1)

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
    domain->override = (VhOverride){
        .keys = VH_OVERRIDE_CLASS | VH_OVERRIDE_WEIGHT | VH_OVERRIDE_ASK | VH_OVERRIDE_COOLDOWN |
                VH_OVERRIDE_MAX_PER_ASK,
        .class_name = "perf",
        .weight = 7,
        .cooldown_us = VH_MIN,
        .max_per_ask_bytes = VH_GIB,
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
                                  .started_us = 99 * VH_SEC};
    g_array_append_val(f.snapshot->in_flight, in_flight);

    int perf = vh_config_find_class(f.config, "perf");
    f.config->classes[perf].max_per_ask_bytes = VH_GIB;
    f.config->classes[perf].asks_per_hour = 2;
    f.config->classes[perf].granule_bytes = 65536;
    f.config->pool.source = VH_POOL_HOST;
    f.plan->level = VH_LEVEL_LOW;
    f.plan->pool_total_bytes = 32 * VH_GIB;
    f.plan->pool_available_bytes = -(gint64)VH_GIB;
    f.plan->need_bytes = 2 * VH_GIB;
    VhVerdict rich = verdict_of(f.config, 0, VH_REASON_ASK);
    rich.has_yield = TRUE;
    rich.yield.expected_bytes = 1800 * VH_MIB;
    rich.yield.counted_bytes = 1500 * VH_MIB;
    rich.yield.residue_bytes = 20 * VH_MIB;
    rich.cost.price = 12.5;
    rich.wait_until_us = 1700000060 * VH_SEC;
    const VhVerdict bare = verdict_of(f.config, 1, VH_REASON_NO_STATS);
    g_array_append_val(f.plan->verdicts, rich);
    g_array_append_val(f.plan->verdicts, bare);
    const VhAction action = {.domain = 0,
                             .uuid = rich_uuid,
                             .method = VH_ASK_PASS,
                             .granule_bytes = 65536,
                             .bytes = VH_GIB,
                             .expected_bytes = VH_GIB};
    g_array_append_val(f.plan->actions, action);
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
        "domain",          "domain.last_ask", "domain.in_flight", "domain.yield", "domain.policy",
        "domain.override", "domain.learned",  "domain.ask",       "plan",         "plan.pool",
        "plan.asks",       "plan.refusals",   "plan.in_flight",   "explanation",  "outcome",
    };
    g_autoptr(JsonDoc) docs = json_doc_new();
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);

    g_autoptr(GVariant) domain = g_variant_ref_sink(vh_report_domain(&input, 0));
    json_doc_check(docs, "domain", domain);
    g_autoptr(GVariant) plan = g_variant_ref_sink(vh_report_plan(&input));
    json_doc_check(docs, "plan", plan);
    g_autoptr(GVariant) explanation = g_variant_ref_sink(vh_report_explain(&input, 0));
    json_doc_check(docs, "explanation", explanation);

    g_array_index(f.plan->verdicts, VhVerdict, 0).reason = VH_REASON_COOLDOWN;
    g_autoptr(GVariant) refusing = g_variant_ref_sink(vh_report_plan(&input));
    json_doc_check(docs, "plan", refusing);

    const VhAskOutcome outcome = {.status = VH_ASK_FAILED,
                                  .source = VH_ASK_SOURCE_RSS,
                                  .has_memfree = TRUE,
                                  .error_code = VH_ERROR_TIMEOUT};
    g_autoptr(GVariant) ended = g_variant_ref_sink(vh_report_outcome(&outcome, "it took too long"));
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
    static const char *const unknown[] = {
        "resident_bytes",  "swapped_bytes", "free_bytes",      "available_bytes", "usable_bytes",
        "caches_bytes",    "current_bytes", "maximum_bytes",   "used_bytes",      "expected_bytes",
        "counted_bytes",   "last_ask",      "in_flight",       "cpu_used_us",     "stats_time_us",
        "yield",           "override",      "stats_period_us", "learned",         "ask",
        "price_us_per_mib"};
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
    g_autoptr(GVariant) doc = g_variant_ref_sink(vh_report_outcome(&outcome, NULL));
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

static void test_explain(void)
{
    g_auto(Fixture) f = setup();
    const VhReportInput input = input_of(&f);
    g_autoptr(GVariant) asked = g_variant_ref_sink(vh_report_explain(&input, 0));
    g_autoptr(GVariant) refused = g_variant_ref_sink(vh_report_explain(&input, 1));

    g_assert_true(has_line(asked, "as number 1 of 1, by a pass over blocks of 64.0 KiB or more"));
    g_assert_true(has_line(asked, "level low"));
    g_assert_true(has_line(asked, "backed-off"));
    g_assert_true(has_line(refused, "not asked"));
    g_assert_true(has_line(refused, "no-stats"));
    g_assert_true(has_line(refused, "No earlier ask"));
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
    return g_test_run();
}
