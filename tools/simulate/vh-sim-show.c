/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document and the verdicts. */
#include "vh-sim-show.h"

#include <math.h>
#include <string.h>

#define DEFICIT_TOLERANCE 1.02 /* times the best baseline's */
#define REGRET_MAX 0.15
#define COVERAGE_MIN 0.9
#define WASTED_MAX 0.05

static GVariant *spread_variant(const VhSpread *spread)
{
    GVariantDict dict;

    g_variant_dict_init(&dict, NULL);
    g_variant_dict_insert(&dict, "mean", "d", spread->mean);
    g_variant_dict_insert(&dict, "lo", "d", spread->lo);
    g_variant_dict_insert(&dict, "hi", "d", spread->hi);
    return g_variant_dict_end(&dict);
}

/* What the engine is measured against: neither itself in another form nor who knows the truth. */
static gboolean is_baseline(const VhContender *contender)
{
    return contender->engine && strcmp(contender->engine->name, "virthint") != 0 &&
           strcmp(contender->name, "none") != 0;
}

typedef struct {
    GPtrArray *cheaper_than, *not_cheaper_than; /* names, borrowed */
    double best_deficit;                        /* of the baselines; NAN: there is none */
    double rival_deficit;                       /* of those that ask no protected guest */
    gboolean is_deficit_good;
    const VhSimResult *own;
} Verdict;

static void verdict_clear(Verdict *verdict)
{
    g_ptr_array_unref(verdict->cheaper_than);
    g_ptr_array_unref(verdict->not_cheaper_than);
}

static gboolean judge(const VhSimBatch *batch, const VhSimSheet *sheet, Verdict *verdict)
{
    int own = vh_sim_batch_find(batch, "virthint");

    *verdict = (Verdict){.best_deficit = NAN,
                         .rival_deficit = NAN,
                         .cheaper_than = g_ptr_array_new(),
                         .not_cheaper_than = g_ptr_array_new()};
    if (own < 0)
        return FALSE;
    verdict->own = &sheet->results[own];
    const VhSpread *cost = &verdict->own->spreads[VH_METRIC_COST];
    for (guint i = 0; i < batch->contenders->len; i++) {
        const VhSimResult *other = &sheet->results[i];
        double deficit = other->spreads[VH_METRIC_DEFICIT].mean;

        if (!is_baseline(other->contender))
            continue;
        g_ptr_array_add(cost->hi < other->spreads[VH_METRIC_COST].lo ? verdict->cheaper_than
                                                                     : verdict->not_cheaper_than,
                        other->contender->name);
        if (!(verdict->best_deficit <= deficit))
            verdict->best_deficit = deficit;
        if (other->spreads[VH_METRIC_PROTECTED].mean == 0 && !(verdict->rival_deficit <= deficit))
            verdict->rival_deficit = deficit;
    }
    verdict->is_deficit_good = !(verdict->own->spreads[VH_METRIC_DEFICIT].mean >
                                 verdict->best_deficit * DEFICIT_TOLERANCE);
    return TRUE;
}

static GVariant *names_variant(GPtrArray *names)
{
    return g_variant_new_strv((const char *const *)names->pdata, names->len);
}

static GVariant *verdict_variant(const VhSimBatch *batch, const VhSimSheet *sheet)
{
    Verdict verdict;
    GVariantDict dict;

    g_variant_dict_init(&dict, NULL);
    if (judge(batch, sheet, &verdict)) {
        const VhSpread *spreads = verdict.own->spreads;

        g_variant_dict_insert_value(&dict, "cheaper_than", names_variant(verdict.cheaper_than));
        g_variant_dict_insert_value(&dict, "not_cheaper_than",
                                    names_variant(verdict.not_cheaper_than));
        g_variant_dict_insert(&dict, "is_deficit_good", "b", verdict.is_deficit_good);
        g_variant_dict_insert(&dict, "best_baseline_deficit_gib_s", "d", verdict.best_deficit);
        g_variant_dict_insert(&dict, "best_protecting_baseline_deficit_gib_s", "d",
                              verdict.rival_deficit);
        g_variant_dict_insert(&dict, "is_regret_good", "b",
                              !(spreads[VH_METRIC_REGRET].mean > REGRET_MAX));
        g_variant_dict_insert(&dict, "is_coverage_good", "b",
                              !(spreads[VH_METRIC_COVERAGE].mean < COVERAGE_MIN));
        g_variant_dict_insert(&dict, "is_waste_good", "b",
                              !(spreads[VH_METRIC_WASTED].mean > WASTED_MAX));
        g_variant_dict_insert(&dict, "is_protection_good", "b",
                              spreads[VH_METRIC_PROTECTED].mean == 0);
    }
    verdict_clear(&verdict);
    return g_variant_dict_end(&dict);
}

static GVariant *engine_variant(const VhSimResult *result)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&builder, "{sv}", "engine",
                          g_variant_new_string(result->contender->name));
    for (guint metric = 0; metric < VH_METRICS; metric++)
        g_variant_builder_add(&builder, "{sv}", vh_sim_metric_name((VhMetric)metric),
                              spread_variant(&result->spreads[metric]));
    g_variant_builder_add(&builder, "{sv}", "dearer_than_virthint",
                          spread_variant(&result->dearer));
    return g_variant_builder_end(&builder);
}

static GVariant *sheet_variant(const VhSimBatch *batch, const VhSimSheet *sheet)
{
    const VhScenario *scenario = sheet->scenario;
    gint64 horizon_us = batch->horizon_us > 0 ? batch->horizon_us : scenario->horizon_us;
    GVariantBuilder builder, engines;

    g_variant_builder_init(&engines, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < batch->contenders->len; i++)
        g_variant_builder_add_value(&engines, engine_variant(&sheet->results[i]));
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&builder, "{sv}", "name", g_variant_new_string(scenario->name));
    g_variant_builder_add(&builder, "{sv}", "set",
                          g_variant_new_string(vh_scenario_set_name((VhScenarioSet)scenario->set)));
    g_variant_builder_add(&builder, "{sv}", "guests", g_variant_new_uint32(scenario->n_guests));
    g_variant_builder_add(&builder, "{sv}", "seeds", g_variant_new_uint32(batch->n_seeds));
    g_variant_builder_add(&builder, "{sv}", "horizon_s", g_variant_new_int64(horizon_us / VH_SEC));
    g_variant_builder_add(&builder, "{sv}", "engines", g_variant_builder_end(&engines));
    g_variant_builder_add(&builder, "{sv}", "verdict", verdict_variant(batch, sheet));
    return g_variant_builder_end(&builder);
}

GVariant *vh_sim_show_document(const VhSimBatch *batch)
{
    GVariantBuilder builder, sheets;

    g_variant_builder_init(&sheets, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < batch->sheets->len; i++)
        g_variant_builder_add_value(&sheets,
                                    sheet_variant(batch, g_ptr_array_index(batch->sheets, i)));
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&builder, "{sv}", "scenarios", g_variant_builder_end(&sheets));
    return g_variant_builder_end(&builder);
}

/* So many decimals that three digits of the value count. */
static guint decimals_for(double value)
{
    double size = fabs(value);

    return size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
}

/* Large numbers in thousands or millions, with the letter behind. */
static double unit_of(double value, const char **ret_letter)
{
    double size = fabs(value);

    *ret_letter = size >= 1e6 ? "M" : size >= 1e4 ? "k" : "";
    return size >= 1e6 ? 1e6 : size >= 1e4 ? 1e3 : 1;
}

static char *format_number(double value)
{
    const char *letter;
    double unit = unit_of(value, &letter);

    return g_strdup_printf("%.*f%s", (int)decimals_for(value / unit), value / unit, letter);
}

char *vh_sim_show_spread(const VhSpread *spread)
{
    const char *letter;

    if (!isfinite(spread->mean))
        return g_strdup("-");
    if (!isfinite(spread->lo))
        return format_number(spread->mean);
    double half = (spread->hi - spread->lo) / 2;
    double unit = unit_of(MAX(fabs(spread->mean), half), &letter);
    int decimals = (int)decimals_for(MAX(fabs(spread->mean), half) / unit);
    return g_strdup_printf("%.*f%s ± %.*f%s", decimals, spread->mean / unit, letter, decimals,
                           half / unit, letter);
}

static char *join(GPtrArray *names)
{
    GString *joined = g_string_new(NULL);

    for (guint i = 0; i < names->len; i++)
        g_string_append_printf(joined, "%s%s", i > 0 ? ", " : "",
                               (const char *)g_ptr_array_index(names, i));
    return g_string_free(joined, FALSE);
}

static void add_bound(GPtrArray *lines, const VhSpread *spread, gboolean is_good, const char *what,
                      const char *wanted)
{
    g_autofree char *figure = vh_sim_show_spread(spread);

    if (isfinite(spread->mean))
        g_ptr_array_add(lines, g_strdup_printf("%s: %s %s; wanted: %s", is_good ? "yes" : "NO",
                                               what, figure, wanted));
}

/* Baselines that know no protected guests have memory that virthint may not touch: those that
 * happen to ask none of them are told apart. */
static void add_deficit(GPtrArray *lines, const Verdict *verdict)
{
    if (!isfinite(verdict->best_deficit))
        return;
    g_autofree char *best = format_number(verdict->best_deficit);
    g_autofree char *rival =
        isfinite(verdict->rival_deficit) ? format_number(verdict->rival_deficit) : g_strdup("none");
    g_autofree char *wanted = g_strdup_printf(
        "at most 2 %% above the best baseline's %s (the best that asks no protected guest: %s)",
        best, rival);
    add_bound(lines, &verdict->own->spreads[VH_METRIC_DEFICIT], verdict->is_deficit_good,
              "deficit in GiB*s", wanted);
}

char **vh_sim_show_verdict(const VhSimBatch *batch, const VhSimSheet *sheet)
{
    GPtrArray *lines = g_ptr_array_new();
    Verdict verdict;

    if (judge(batch, sheet, &verdict)) {
        const VhSpread *spreads = verdict.own->spreads;
        g_autofree char *cheaper = join(verdict.cheaper_than);
        g_autofree char *not_cheaper = join(verdict.not_cheaper_than);

        if (verdict.cheaper_than->len > 0)
            g_ptr_array_add(lines, g_strdup_printf("yes: virthint costs less than %s, the "
                                                   "intervals apart",
                                                   cheaper));
        if (verdict.not_cheaper_than->len > 0)
            g_ptr_array_add(lines, g_strdup_printf("NO: it does not cost less than %s, the "
                                                   "intervals apart",
                                                   not_cheaper));
        add_deficit(lines, &verdict);
        add_bound(lines, &spreads[VH_METRIC_REGRET], spreads[VH_METRIC_REGRET].mean <= REGRET_MAX,
                  "regret", "at most 0.15");
        add_bound(lines, &spreads[VH_METRIC_COVERAGE],
                  spreads[VH_METRIC_COVERAGE].mean >= COVERAGE_MIN,
                  "asks that brought what was counted on", "at least 0.90");
        add_bound(lines, &spreads[VH_METRIC_WASTED], spreads[VH_METRIC_WASTED].mean <= WASTED_MAX,
                  "wasted asks", "under 0.05");
        add_bound(lines, &spreads[VH_METRIC_PROTECTED], spreads[VH_METRIC_PROTECTED].mean == 0,
                  "asks of protected guests", "0");
    }
    verdict_clear(&verdict);
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, FALSE);
}
