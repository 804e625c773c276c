/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virthint simulate: which scenarios and engines, and how the result is shown. */
#include "vh-cmd-simulate.h"

#include "vh-context.h"
#include "vh-sim-files.h"
#include "vh-sim-show.h"
#include "vh-table.h"

#include <math.h>
#include <string.h>

#define DEFAULT_SEEDS 30
#define SEEDS_MAX 10000

/* Which of the shipped scenarios; files are named one by one. */
static VhExit find_scenarios(VhContext *context, GPtrArray *scenarios)
{
    const VhValue *files = vh_context_value(context, "scenario");
    gboolean is_held_out = vh_context_flag(context, "held-out");
    gboolean is_tuning = vh_context_flag(context, "tuning");
    g_autoptr(GError) error = NULL;

    for (guint i = 0; files->texts && files->texts[i]; i++) {
        if (!vh_sim_files_add(scenarios, files->texts[i], &error))
            return vh_context_fail(context, g_steal_pointer(&error));
    }
    if (scenarios->len > 0 && !is_held_out && !is_tuning)
        return VH_EXIT_OK;
    gboolean is_all = !is_held_out && !is_tuning;
    guint sets = (is_all || is_held_out ? 1u << VH_SET_HELD_OUT : 0) |
                 (is_all || is_tuning ? 1u << VH_SET_TUNING : 0) |
                 (is_all ? 1u << VH_SET_EXAMPLE : 0);
    if (!vh_sim_files_add_shipped(scenarios, sets, &error))
        return vh_context_fail(context, g_steal_pointer(&error));
    return VH_EXIT_OK;
}

static VhExit list_scenarios(VhContext *context, GPtrArray *scenarios)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < scenarios->len; i++) {
        const VhSimFile *file = g_ptr_array_index(scenarios, i);
        const VhScenario *scenario = file->scenario;

        g_variant_builder_add_parsed(
            &builder, "{'name': <%s>, 'set': <%s>, 'guests': <%u>, 'description': <%s>}",
            scenario->name, vh_scenario_set_name((VhScenarioSet)scenario->set), scenario->n_guests,
            scenario->description);
    }
    GVariant *list = g_variant_builder_end(&builder);
    if (vh_context_json(context, g_variant_new_parsed("{'scenarios': <%*>}", list)))
        return VH_EXIT_OK;
    for (guint i = 0; i < scenarios->len; i++) {
        const VhScenario *scenario = ((VhSimFile *)g_ptr_array_index(scenarios, i))->scenario;
        vh_context_print(context, "%-24s %-9s %5u guests  %s\n", scenario->name,
                         vh_scenario_set_name((VhScenarioSet)scenario->set), scenario->n_guests,
                         scenario->description);
    }
    return VH_EXIT_OK;
}

static gboolean add_engines(VhContext *context, VhSimBatch *batch, GError **error)
{
    const VhValue *engines = vh_context_value(context, "engines");
    g_auto(GStrv) names = engines->is_set ? g_strsplit(engines->text, ",", -1)
                                          : g_strdupv((char **)vh_sim_engine_names());

    for (guint i = 0; names[i]; i++) {
        if (!vh_sim_batch_add_engine(batch, g_strstrip(names[i]), error))
            return FALSE;
    }
    if (vh_context_flag(context, "ablations"))
        vh_sim_batch_add_ablations(batch);
    return TRUE;
}

static gboolean read_seeds(VhContext *context, guint *ret_seeds)
{
    const VhValue *seeds = vh_context_value(context, "seeds");
    guint64 number = DEFAULT_SEEDS;

    if (seeds->is_set &&
        !g_ascii_string_to_unsigned(seeds->text, 10, 1, SEEDS_MAX, &number, NULL)) {
        vh_context_say(context, "--seeds: \"%s\" is no number of seeds; write 1 to %d", seeds->text,
                       SEEDS_MAX);
        return FALSE;
    }
    *ret_seeds = (guint)number;
    return TRUE;
}

/* With a policy to try, it is merged over that of each scenario. */
static gboolean fill_batch(VhContext *context, VhSimBatch *batch, GPtrArray *scenarios,
                           GError **error)
{
    const char *policy = vh_context_value(context, "policy")->text;
    g_autoptr(GArray) texts = vh_sim_files_policy(policy, error);

    if (!texts || !add_engines(context, batch, error))
        return FALSE;
    for (guint i = 0; i < scenarios->len; i++) {
        VhSimFile *file = g_ptr_array_index(scenarios, i);
        if (!vh_sim_batch_add_scenario(batch, g_steal_pointer(&file->scenario), file->path,
                                       (const VhPolicyText *)texts->data, texts->len, error))
            return FALSE;
    }
    return TRUE;
}

typedef struct {
    VhContext *context;
    VhSimBatch *batch;
    guint shown;
} Progress;

static void show_progress(guint done, guint all, gpointer data)
{
    Progress *progress = data;
    VhContext *context = progress->context;
    const VhOutput *output = context->program->output;

    if (g_cancellable_is_cancelled(context->program->cancel))
        g_atomic_int_set(&progress->batch->cancel, 1);
    if (!output->err_is_tty || vh_context_flag(context, "quiet"))
        return;
    g_autofree char *line = g_strdup_printf("\r%u of %u runs (%u %%)", done, all, done * 100 / all);
    output->write(TRUE, line, output->data);
    progress->shown = (guint)strlen(line);
}

static void end_progress(const Progress *progress)
{
    const VhOutput *output = progress->context->program->output;

    if (progress->shown == 0)
        return;
    g_autofree char *blank = g_strdup_printf("\r%*s\r", (int)progress->shown, "");
    output->write(TRUE, blank, output->data);
}

static char *cell(GVariant *row, const char *key)
{
    g_autoptr(GVariant) value = g_variant_lookup_value(row, key, G_VARIANT_TYPE_VARDICT);
    VhSpread spread = {NAN, NAN, NAN, 0};

    if (!value)
        return NULL;
    g_variant_lookup(value, "mean", "d", &spread.mean);
    g_variant_lookup(value, "lo", "d", &spread.lo);
    g_variant_lookup(value, "hi", "d", &spread.hi);
    return isfinite(spread.mean) ? vh_sim_show_spread(&spread) : NULL;
}

static char *cell_engine(const VhContext *context, GVariant *row)
{
    char *name = NULL;

    g_variant_lookup(row, "engine", "s", &name);
    return name;
}

#define CELL(name)                                                    \
    static char *cell_##name(const VhContext *context, GVariant *row) \
    {                                                                 \
        return cell(row, #name);                                      \
    }
CELL(cost)
CELL(deficit_gib_s)
CELL(bother_ms)
CELL(refault_mib)
CELL(asks)
CELL(protected_asks)
CELL(wasted_share)
CELL(regret)
CELL(lcb_coverage)
CELL(fairness)

static const VhTableColumn columns[] = {
    {"Engine", FALSE, FALSE, cell_engine},
    {"Cost ms", TRUE, FALSE, cell_cost},
    {"Deficit GiB*s", TRUE, FALSE, cell_deficit_gib_s},
    {"Bother ms", TRUE, FALSE, cell_bother_ms},
    {"Refault MiB", TRUE, FALSE, cell_refault_mib},
    {"Asks", TRUE, FALSE, cell_asks},
    {"Protected", TRUE, FALSE, cell_protected_asks},
    {"Wasted", TRUE, FALSE, cell_wasted_share},
    {"Regret", TRUE, FALSE, cell_regret},
    {"Coverage", TRUE, FALSE, cell_lcb_coverage},
    {"Fairness", TRUE, FALSE, cell_fairness},
};

static void show_sheet(VhContext *context, const VhSimBatch *batch, const VhSimSheet *sheet,
                       GVariant *document)
{
    g_autoptr(GVariant) engines =
        g_variant_lookup_value(document, "engines", G_VARIANT_TYPE("aa{sv}"));
    g_autofree char *table = vh_table_format(context, columns, G_N_ELEMENTS(columns), engines);
    g_auto(GStrv) verdict = vh_sim_show_verdict(batch, sheet);

    vh_context_print(context, "%s (%s, %u guests, %u seeds)\n%s", sheet->scenario->name,
                     vh_scenario_set_name((VhScenarioSet)sheet->scenario->set),
                     sheet->scenario->n_guests, batch->n_seeds, table);
    vh_table_end(context);
    for (guint i = 0; verdict[i]; i++)
        vh_context_print(context, "  %s\n", verdict[i]);
    vh_context_print(context, "\n");
}

static VhExit show(VhContext *context, const VhSimBatch *batch)
{
    const char *report = vh_context_value(context, "report")->text;
    g_autoptr(GVariant) document = g_variant_ref_sink(vh_sim_show_document(batch));
    g_autoptr(GError) error = NULL;

    vh_context_notice(context, "%.1f million guest seconds in %.1f s: %.1f million a second",
                      (double)batch->steps / 1e6, batch->elapsed_s,
                      (double)batch->steps / 1e6 / MAX(batch->elapsed_s, 1e-9));
    if (report && !vh_sim_show_write(batch, report, &error))
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_json(context, document))
        return VH_EXIT_OK;
    g_autoptr(GVariant) scenarios =
        g_variant_lookup_value(document, "scenarios", G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < batch->sheets->len; i++) {
        g_autoptr(GVariant) one = g_variant_get_child_value(scenarios, i);
        show_sheet(context, batch, g_ptr_array_index(batch->sheets, i), one);
    }
    return VH_EXIT_OK;
}

static VhExit run_simulate(VhContext *context)
{
    g_autoptr(GPtrArray) scenarios = vh_sim_files_new();
    g_autoptr(VhSimBatch) batch = vh_sim_batch_new();
    g_autoptr(GError) error = NULL;
    Progress progress = {.context = context, .batch = batch};

    if (!read_seeds(context, &batch->n_seeds))
        return VH_EXIT_USAGE;
    VhExit found = find_scenarios(context, scenarios);
    if (found != VH_EXIT_OK)
        return found;
    if (vh_context_flag(context, "list"))
        return list_scenarios(context, scenarios);
    batch->horizon_us = vh_context_value(context, "horizon")->us;
    if (!fill_batch(context, batch, scenarios, &error))
        return vh_context_fail(context, g_steal_pointer(&error));
    batch->progress = show_progress;
    batch->data = &progress;
    gboolean is_done = vh_sim_batch_run(batch);
    end_progress(&progress);
    if (!is_done) {
        vh_context_say(context, "interrupted; nothing is shown of a part");
        return VH_EXIT_FAILURE;
    }
    return show(context, batch);
}

static const VhOption options[] = {
    {"scenario",
     0,
     VH_OPTION_TEXTS,
     "FILE",
     "a scenario file, or the name of a shipped one",
     {VH_WORDS_FILES}},
    {"held-out", 0, VH_OPTION_FLAG, NULL, "the shipped scenarios that engines are judged on"},
    {"tuning", 0, VH_OPTION_FLAG, NULL, "the shipped scenarios that constants are tuned on"},
    {"engines", 0, VH_OPTION_TEXT, "A,B", "only these engines (default: all)"},
    {"ablations", 0, VH_OPTION_FLAG, NULL, "virthint's engine without each of its terms, too"},
    {"seeds", 0, VH_OPTION_TEXT, "N", "how many fleets of each scenario (default: 30)"},
    {"horizon", 0, VH_OPTION_DURATION, "TIME", "how long each run lasts (default: as it says)"},
    {"report",
     0,
     VH_OPTION_TEXT,
     "FILE",
     "write a page with pictures: FILE.html or FILE.md",
     {VH_WORDS_FILES}},
    {"list", 0, VH_OPTION_FLAG, NULL, "list the scenarios, and run nothing"},
    {NULL},
};

const VhCommand vh_cmd_simulate = {
    .name = "simulate",
    .summary = "try policies and engines on simulated guests",
    .description =
        "Runs the daemon's own decision over simulated hosts, beside other engines, and\n"
        "says what each has cost the guests. Without --scenario, --held-out or --tuning\n"
        "all shipped scenarios are run. With --policy, that policy is tried on top of\n"
        "each scenario's own. Needs no guest, no daemon and no rights.",
    .access = VH_ACCESS_NONE,
    .is_for_people = TRUE,
    .options = options,
    .run = run_simulate,
};
