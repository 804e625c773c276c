/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who wins: a class that says never, metadata, the first match, the default; and schedules. */
#include "vh-treatment.h"

#include "vh-decide.h"

#include <string.h>

#define WALL_US (G_GINT64_CONSTANT(1767571200) * VH_SEC) /* a Monday, 00:00 UTC */

enum { BATCH, STANDARD, PERF, EXEMPT };

typedef struct {
    VhConfig *config;
    VhMatch matches[6]; /* by their kind, and lent to the configuration */
    VhDomain domain;
} Bench;

static void set_up(Bench *bench, gconstpointer data)
{
    static const VhMatch matches[] = {
        {.kind = VH_MATCH_NAME, .name_glob = (char *)"boss", .class_index = EXEMPT},
        {.kind = VH_MATCH_XPATH, .xpath_index = 0, .class_index = BATCH},
        {.kind = VH_MATCH_UUID, .uuid = {{7}}, .class_index = PERF},
        {.kind = VH_MATCH_XPATH, .xpath_index = 63, .class_index = EXEMPT},
        {.kind = VH_MATCH_FACTS,
         .facts = VH_FACT_REALTIME | VH_FACT_DEDICATED_CPU,
         .class_index = PERF},
        {.kind = VH_MATCH_NAME, .name_glob = (char *)"ci-*", .class_index = BATCH},
    };

    G_STATIC_ASSERT(sizeof matches == sizeof bench->matches);
    memcpy(bench->matches, matches, sizeof matches);
    bench->config = vh_config_new();
    bench->config->matches = bench->matches;
    bench->config->n_matches = G_N_ELEMENTS(matches);
    bench->config->override_keys = ~0u;
    bench->domain = (VhDomain){.uuid = {{1}}, .name = "web"};
}

static void tear_down(Bench *bench, gconstpointer data)
{
    bench->config->n_matches = 0;
    bench->config->matches = NULL;
    vh_config_free(bench->config);
}

static void check(Bench *bench, int match, guint class_index)
{
    VhClass class;

    g_assert_cmpint(vh_treatment_match(bench->config, &bench->domain), ==, match);
    g_assert_cmpuint(vh_treatment_resolve(bench->config, &bench->domain, WALL_US, &class), ==,
                     class_index);
    g_assert_cmpstr(class.name, ==, bench->config->classes[class_index].name);
}

static void test_match_kinds(Bench *bench, gconstpointer data)
{
    VhDomain *domain = &bench->domain;

    check(bench, -1, STANDARD);
    domain->name = "ci-9";
    check(bench, 5, BATCH);
    domain->facts = VH_FACT_HUGEPAGES;
    check(bench, 5, BATCH);
    domain->facts = VH_FACT_HUGEPAGES | VH_FACT_DEDICATED_CPU;
    check(bench, 4, PERF);
    domain->xpath_hits = G_GUINT64_CONSTANT(1) << 63;
    check(bench, 3, EXEMPT);
    domain->uuid = (VhUuid){{7}};
    check(bench, 2, PERF);
    domain->xpath_hits = 1;
    check(bench, 1, BATCH);
    domain->name = "boss";
    check(bench, 0, EXEMPT);
}

/* Where it is unknown whether an earlier match applies, nobody may ask: it might say never. */
static void test_unknown(Bench *bench, gconstpointer data)
{
    VhClass class;

    bench->domain.name = "ci-9";
    bench->domain.xpath_unknown = G_GUINT64_CONSTANT(1) << 63;
    bench->domain.override = (VhOverride){.keys = VH_OVERRIDE_ASK | VH_OVERRIDE_REPORTING,
                                          .reporting = VH_REPORTING_ALWAYS};
    g_assert_cmpint(vh_treatment_match(bench->config, &bench->domain), ==, -1);
    g_assert_cmpuint(vh_treatment_resolve(bench->config, &bench->domain, WALL_US, &class), ==,
                     STANDARD);
    g_assert_true(class.ask_never);
    g_assert_cmpint(class.reporting, ==, VH_REPORTING_LEAVE);
    g_assert_false(vh_treatment_is_known(bench->config, &bench->domain));
    /* what comes first in the list needs no other */
    bench->domain.xpath_hits = 1;
    check(bench, 1, BATCH);
    bench->domain.xpath_hits = 0;
    bench->domain.name = "boss";
    check(bench, 0, EXEMPT);
    g_assert_true(vh_treatment_is_known(bench->config, &bench->domain));
}

static VhReason decide(const Bench *bench)
{
    g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();
    g_autoptr(VhState) state = vh_state_new();
    g_autoptr(VhState) next = vh_state_new();
    g_autoptr(VhPlan) plan = vh_plan_new();
    VhDomain *domain = vh_snapshot_add_domain(snapshot, &bench->domain.uuid, "", "boss");

    domain->is_running = TRUE;
    domain->tier = VH_TIER_PULSE;
    domain->xpath_unknown = bench->domain.xpath_unknown;
    domain->facts = bench->domain.facts;
    snapshot->wall_us = WALL_US;
    vh_decide(bench->config, state, snapshot, next, plan);
    return g_array_index(plan->verdicts, VhVerdict, 0).reason;
}

/* And the reason says so, rather than that somebody said never. */
static void test_unknown_is_told(Bench *bench, gconstpointer data)
{
    g_assert_cmpstr(vh_reason_name(decide(bench)), ==, "never");
    bench->domain.xpath_unknown = 1;
    g_assert_cmpstr(vh_reason_name(decide(bench)), ==, "never");
    bench->matches[0] = bench->matches[1];
    g_assert_cmpstr(vh_reason_name(decide(bench)), ==, "unmatched");
}

static void test_exempt_is_told(Bench *bench, gconstpointer data)
{
    bench->domain.facts = VH_FACT_HUGEPAGES;
    g_assert_cmpstr(vh_reason_name(decide(bench)), ==, "never"); /* the match comes first */
    bench->matches[0] = bench->matches[2];
    g_assert_cmpstr(vh_reason_name(decide(bench)), ==, "exempt");
    bench->domain.xpath_unknown = 1;
    g_assert_cmpstr(vh_reason_name(decide(bench)), ==, "unmatched");
}

static void test_override_each_key(Bench *bench, gconstpointer data)
{
    const VhOverride all = {
        .keys = VH_OVERRIDE_CLASS | VH_OVERRIDE_WEIGHT | VH_OVERRIDE_ASK | VH_OVERRIDE_COOLDOWN |
                VH_OVERRIDE_MAX_PER_ASK | VH_OVERRIDE_REPORTING,
        .class_name = "perf",
        .weight = 77,
        .ask_never = TRUE,
        .cooldown_us = 5,
        .max_per_ask_bytes = VH_MIB,
        .reporting = VH_REPORTING_ALWAYS,
    };
    VhClass class;

    bench->domain.override = all;
    for (guint key = VH_OVERRIDE_CLASS; key <= VH_OVERRIDE_REPORTING; key <<= 1) {
        bench->config->override_keys = key;
        guint index = vh_treatment_resolve(bench->config, &bench->domain, WALL_US, &class);
        const VhClass *plain = &bench->config->classes[key == VH_OVERRIDE_CLASS ? PERF : STANDARD];
        g_assert_cmpuint(index, ==, key == VH_OVERRIDE_CLASS ? PERF : STANDARD);
        g_assert_cmpuint(class.weight, ==, key == VH_OVERRIDE_WEIGHT ? 77 : plain->weight);
        g_assert_cmpint(class.ask_never, ==, key == VH_OVERRIDE_ASK);
        g_assert_cmpint(class.cooldown_us, ==,
                        key == VH_OVERRIDE_COOLDOWN ? 5 : plain->cooldown_us);
        g_assert_cmpuint(class.max_per_ask_bytes, ==,
                         key == VH_OVERRIDE_MAX_PER_ASK ? VH_MIB : plain->max_per_ask_bytes);
        g_assert_cmpint(class.reporting, ==,
                        key == VH_OVERRIDE_REPORTING ? VH_REPORTING_ALWAYS : plain->reporting);
    }
}

static void test_override_bounds(Bench *bench, gconstpointer data)
{
    VhOverride *override = &bench->domain.override;
    VhClass class;

    /* the host's never is the last word */
    bench->domain.name = "boss";
    *override = (VhOverride){.keys = VH_OVERRIDE_CLASS | VH_OVERRIDE_ASK, .class_name = "batch"};
    check(bench, 0, EXEMPT);
    vh_treatment_resolve(bench->config, &bench->domain, WALL_US, &class);
    g_assert_true(class.ask_never);
    /* forbidden, unknown, run out */
    bench->domain.name = "web";
    g_strlcpy(override->class_name, "exempt", sizeof override->class_name);
    check(bench, -1, STANDARD);
    g_strlcpy(override->class_name, "gold", sizeof override->class_name);
    check(bench, -1, STANDARD);
    g_strlcpy(override->class_name, "batch", sizeof override->class_name);
    check(bench, -1, BATCH);
    override->until_us = WALL_US + 1;
    check(bench, -1, BATCH);
    override->until_us = WALL_US;
    check(bench, -1, STANDARD);
}

/* What is so by default gives way to whatever somebody has decided about the guest. */
static void test_exempt(Bench *bench, gconstpointer data)
{
    const VhOverride batch = {.keys = VH_OVERRIDE_CLASS, .class_name = "batch"};
    const VhOverride exempt = {.keys = VH_OVERRIDE_CLASS, .class_name = "exempt"};
    const VhOverride none = {.keys = VH_OVERRIDE_CLASS, .class_name = "no-such-class"};
    const VhOverride late = {.keys = VH_OVERRIDE_CLASS, .class_name = "batch", .until_us = WALL_US};
    const VhOverride asked = {.keys = VH_OVERRIDE_ASK};
    const VhOverride never = {.keys = VH_OVERRIDE_ASK, .ask_never = TRUE};
    const VhOverride heavy = {.keys = VH_OVERRIDE_WEIGHT, .weight = 9};
    const struct {
        const char *name;
        guint facts;
        const VhOverride *override; /* NULL: none */
        guint allowed;
        guint exempts;
        guint class_index;
    } cases[] = {
        {"web", VH_FACT_HUGEPAGES, NULL, ~0u, VH_FACT_HUGEPAGES, STANDARD},
        {"web", VH_FACT_HUGEPAGES | VH_FACT_VFIO, NULL, ~0u, VH_FACT_HUGEPAGES, STANDARD},
        {"web", VH_FACT_VFIO | VH_FACT_LOCKED, NULL, ~0u, 0, STANDARD},
        {"ci-1", VH_FACT_HUGEPAGES, NULL, ~0u, 0, BATCH},
        {"web", VH_FACT_REALTIME, NULL, ~0u, 0, PERF}, /* the match by fact */
        {"web", VH_FACT_HUGEPAGES, &batch, ~0u, 0, BATCH},
        {"web", VH_FACT_HUGEPAGES, &batch, VH_OVERRIDE_ASK, VH_FACT_HUGEPAGES, STANDARD},
        {"web", VH_FACT_HUGEPAGES, &exempt, ~0u, VH_FACT_HUGEPAGES, STANDARD},
        {"web", VH_FACT_HUGEPAGES, &none, ~0u, VH_FACT_HUGEPAGES, STANDARD},
        {"web", VH_FACT_HUGEPAGES, &late, ~0u, VH_FACT_HUGEPAGES, STANDARD},
        {"web", VH_FACT_HUGEPAGES, &asked, ~0u, 0, STANDARD},
        {"web", VH_FACT_HUGEPAGES, &asked, VH_OVERRIDE_CLASS, VH_FACT_HUGEPAGES, STANDARD},
        {"web", VH_FACT_HUGEPAGES, &never, ~0u, VH_FACT_HUGEPAGES, STANDARD},
        {"web", VH_FACT_HUGEPAGES, &heavy, ~0u, VH_FACT_HUGEPAGES, STANDARD},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhClass class;

        g_test_message("case %u", i);
        bench->domain.name = cases[i].name;
        bench->domain.facts = cases[i].facts;
        bench->domain.override = cases[i].override ? *cases[i].override : (VhOverride){0};
        bench->config->override_keys = cases[i].allowed;
        g_assert_cmpuint(vh_treatment_exempts(bench->config, &bench->domain, WALL_US), ==,
                         cases[i].exempts);
        g_assert_cmpuint(vh_treatment_resolve(bench->config, &bench->domain, WALL_US, &class), ==,
                         cases[i].class_index);
        g_assert_cmpint(class.ask_never, ==, cases[i].exempts != 0);
        if (cases[i].exempts)
            g_assert_cmpint(class.reporting, ==, VH_REPORTING_LEAVE);
        else
            g_assert_cmpint(class.reporting, ==,
                            bench->config->classes[cases[i].class_index].reporting);
    }
}

/* Reporting alone can be set by metadata; the policy can lift it all; and a default class that is
 * never asked is the reason itself. */
static void test_exempt_bounds(Bench *bench, gconstpointer data)
{
    VhClass class;

    bench->domain.facts = VH_FACT_DEDICATED_CPU;
    bench->config->n_matches = 0;
    bench->domain.override =
        (VhOverride){.keys = VH_OVERRIDE_REPORTING, .reporting = VH_REPORTING_ALWAYS};
    vh_treatment_resolve(bench->config, &bench->domain, WALL_US, &class);
    g_assert_true(class.ask_never);
    g_assert_cmpint(class.reporting, ==, VH_REPORTING_ALWAYS);
    bench->config->exempt_facts = 0;
    vh_treatment_resolve(bench->config, &bench->domain, WALL_US, &class);
    g_assert_false(class.ask_never);
    bench->config->exempt_facts = VH_FACT_DEDICATED_CPU;
    bench->config->default_class = EXEMPT;
    g_assert_cmpuint(vh_treatment_exempts(bench->config, &bench->domain, WALL_US), ==, 0);
}

static void use_schedules(Bench *bench, const VhSchedule *schedules, guint n)
{
    bench->config->schedules = g_memdup2(schedules, n * sizeof *schedules);
    bench->config->n_schedules = n;
}

/* The later of two that apply wins, key by key, and only while it applies; classes that have none
 * stay as they are. */
static void test_schedules(Bench *bench, gconstpointer data)
{
    static const VhSchedule schedules[] = {
        {.days = 0x7f,
         .end_min = 1440,
         .class_index = STANDARD,
         .keys = VH_CLASS_RANK | VH_CLASS_WEIGHT,
         .values = {.rank = 5, .weight = 50}},
        {.days = 0x01,
         .end_min = 60,
         .class_index = STANDARD,
         .keys = VH_CLASS_RANK,
         .values = {.rank = 6}},
    };
    g_autoptr(GArray) storage = g_array_new(FALSE, FALSE, sizeof(VhClass));
    g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();

    use_schedules(bench, schedules, G_N_ELEMENTS(schedules));
    snapshot->wall_us = WALL_US;
    VhConfig now = vh_treatment_at(bench->config, snapshot, storage);
    g_assert_cmpuint(now.classes[STANDARD].rank, ==, 6);
    g_assert_cmpuint(now.classes[STANDARD].weight, ==, 50);
    g_assert_cmpuint(now.classes[BATCH].rank, ==, 0);
    g_assert_cmpuint(bench->config->classes[STANDARD].rank, ==, 1);
    snapshot->utc_offset_us = VH_HOUR;
    now = vh_treatment_at(bench->config, snapshot, storage);
    g_assert_cmpuint(storage->len, ==, bench->config->n_classes);
    g_assert_cmpuint(now.classes[STANDARD].rank, ==, 5);
}

/* A schedule changes the class itself, before metadata: its never holds against it, and metadata
 * holds against all else. */
static void test_schedule_and_override(Bench *bench, gconstpointer data)
{
    VhSchedule schedule = {.days = 0x7f,
                           .end_min = 1440,
                           .class_index = STANDARD,
                           .keys = VH_CLASS_WEIGHT,
                           .values = {.weight = 50}};
    g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();
    VhClass class;

    snapshot->wall_us = WALL_US;
    bench->domain.override =
        (VhOverride){.keys = VH_OVERRIDE_WEIGHT | VH_OVERRIDE_ASK, .weight = 77};
    use_schedules(bench, &schedule, 1);
    vh_treatment_of(bench->config, snapshot, &bench->domain, &class);
    g_assert_cmpuint(class.weight, ==, 77);
    g_assert_false(class.ask_never);
    bench->config->schedules[0].keys = VH_CLASS_ASK;
    bench->config->schedules[0].values.ask_never = TRUE;
    vh_treatment_of(bench->config, snapshot, &bench->domain, &class);
    g_assert_cmpuint(class.weight, ==, 4);
    g_assert_true(class.ask_never);
}

/* * stands for any letters, ? for one, of names that need not be UTF-8. */
static void test_globs(Bench *bench, gconstpointer data)
{
    static const struct {
        const char *glob;
        const char *name;
        gboolean fits;
    } cases[] = {
        {"ci-*", "ci-1", TRUE},
        {"ci-*", "ci-", TRUE},
        {"ci-*", "ci", FALSE},
        {"*-ci", "a-ci-ci", TRUE},
        {"*-ci", "a-ci-", FALSE},
        {"*", "", TRUE},
        {"a*b*c", "axbxbc", TRUE},
        {"a*b*c", "acb", FALSE},
        {"?", "", FALSE},
        {"w?b",
         "w\xc3\xa4"
         "b",
         TRUE},
        {"w?b", "wb", FALSE},
        {"w?b", "wxxb", FALSE},
        {"a?", "a\xe2", TRUE},
        {"*a?",
         "\xff"
         "a\xe2",
         TRUE},
        {"", "a", FALSE},
        {"web", "web", TRUE},
        {"web", "web1", FALSE},
        {"?*?", "ab", TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        bench->matches[5].name_glob = (char *)cases[i].glob;
        bench->domain.name = cases[i].name;
        g_test_message("case %u: %s", i, cases[i].glob);
        check(bench, cases[i].fits ? 5 : -1, cases[i].fits ? BATCH : STANDARD);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/treatment/" path, Bench, NULL, set_up, func, tear_down)
    ADD("match-kinds", test_match_kinds);
    ADD("globs", test_globs);
    ADD("unknown", test_unknown);
    ADD("unknown-is-told", test_unknown_is_told);
    ADD("override-each-key", test_override_each_key);
    ADD("override-bounds", test_override_bounds);
    ADD("exempt", test_exempt);
    ADD("exempt-bounds", test_exempt_bounds);
    ADD("exempt-is-told", test_exempt_is_told);
    ADD("schedules", test_schedules);
    ADD("schedule-and-override", test_schedule_and_override);
    return g_test_run();
}
