/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Searches for the model's constants: runs the tuning scenarios with one changed after the other,
 * and keeps what lowers the cost. Knows the simulator by its command line and JSON only, so that
 * what it found can be run by hand. Never looks at a held-out scenario.
 */
#include "tune-search.h"
#include "vh-config.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* What the figures that are promised weigh: a share that a goal is missed by counts like so many
 * times as much of the cost. */
#define MISSED_GOAL 5.0
#define GOAL_COVERED 0.90
#define GOAL_WASTED 0.05
/* A constant is left where it is unless a change lowers the cost by this share. */
#define LEAST_GAIN 0.004
/* By so much it may end above or below where it began. */
#define WIDEST 32
/* Asks at a time: what each takes of the host's CPUs is not simulated, so more always looks better.
 */
#define MOST_IN_FLIGHT 8

typedef enum { SHARE, DURATION, SIZE, COUNT } Kind;

/* Where a constant is in a policy file and in the built-in policy. */
typedef struct {
    const char *section; /* "model", "defaults", "" or the name of a class */
    const char *key;
    Kind kind;
    goffset offset; /* in VhModel, VhConfig or VhClass */
} Place;

#define MODEL(key, kind, member)                             \
    {                                                        \
        "model", key, kind, G_STRUCT_OFFSET(VhModel, member) \
    }
static const Place places[] = {
    MODEL("overhead", SIZE, overhead_bytes),
    MODEL("gamma", SHARE, gamma_bp),
    MODEL("sigma", SHARE, sigma_bp),
    MODEL("retouch", SHARE, retouch_bp),
    MODEL("residue_halflife", DURATION, residue_halflife_us),
    MODEL("cost_fixed", DURATION, cost_fixed_us),
    MODEL("cost_per_gib", DURATION, cost_per_gib_us),
    MODEL("cost_refault", DURATION, cost_refault_per_gib_us),
    MODEL("lambda", SHARE, lambda_bp),
    MODEL("fair_halflife", DURATION, fair_halflife_us),
    MODEL("horizon", DURATION, horizon_us),
    MODEL("learn", SHARE, learn_bp),
    MODEL("explore", DURATION, explore_us),
    MODEL("rebound", DURATION, rebound_us),
    MODEL("proactive_per_min", SHARE, proactive_bp_per_min),
    MODEL("cooldown_max", DURATION, cooldown_max_us),
    MODEL("poor", SHARE, poor_bp),
    MODEL("stable", SHARE, stable_bp),
    {"", "max_in_flight", COUNT, G_STRUCT_OFFSET(VhConfig, max_in_flight)},
    {"defaults", "min_yield", SIZE, G_STRUCT_OFFSET(VhConfig, min_yield_bytes)},
    {"batch", "cooldown", DURATION, G_STRUCT_OFFSET(VhClass, cooldown_us)},
    {"standard", "cooldown", DURATION, G_STRUCT_OFFSET(VhClass, cooldown_us)},
    {"standard", "max_per_ask", SIZE, G_STRUCT_OFFSET(VhClass, max_per_ask_bytes)},
};
#define N_PLACES G_N_ELEMENTS(places)

/* One run of all tuning scenarios. */
typedef struct {
    guint n;
    double cost[256]; /* by scenario, in the order of the output */
    double covered;   /* the mean of all */
    double wasted;
    double protected_asks; /* the sum */
} Figures;

typedef struct {
    char *virthint;
    char *directory; /* of the policy that is tried */
    char *horizon;
    int seeds, seed, passes;
    char **only; /* constants by name; NULL: all */
    Figures start;
    Figures last;
    guint n_runs;
} Tuner;

static gconstpointer base_of(const VhConfig *config, const Place *place)
{
    if (g_str_equal(place->section, "model"))
        return &config->model;
    if (g_str_equal(place->section, "") || g_str_equal(place->section, "defaults"))
        return config;
    return &config->classes[vh_config_find_class(config, place->section)];
}

static double read_builtin(const VhConfig *config, const Place *place)
{
    gconstpointer base = base_of(config, place);

    switch (place->kind) {
    case DURATION:
        return (double)G_STRUCT_MEMBER(gint64, base, place->offset) / (double)VH_MS;
    case SIZE:
        return (double)(G_STRUCT_MEMBER(guint64, base, place->offset) / VH_MIB);
    case SHARE:
        return G_STRUCT_MEMBER(guint, base, place->offset) / 100.0;
    default:
        return G_STRUCT_MEMBER(guint, base, place->offset);
    }
}

static char *format_value(const Place *place, double value)
{
    static const char *const formats[] = {
        [SHARE] = "%.2f%%", [DURATION] = "%.0fms", [SIZE] = "%.0fMiB", [COUNT] = "%.0f"};
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree char *format =
        g_strndup(formats[place->kind], strcspn(formats[place->kind], "f") + 1);

    g_ascii_formatd(number, sizeof number, format, value);
    const char *unit = formats[place->kind] + strcspn(formats[place->kind], "f") + 1;
    return g_strconcat(number, g_str_equal(unit, "%%") ? "%" : unit, NULL);
}

/* The constants of a section as members; NULL where there is none. */
static char *format_section(const TuneConstant *constants, guint n, const char *section)
{
    g_autoptr(GPtrArray) members = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < n; i++) {
        const Place *place = &places[i];
        g_autofree char *value = format_value(place, constants[i].value);
        const char *quote = place->kind == COUNT ? "" : "\"";
        if (g_str_equal(place->section, section))
            g_ptr_array_add(members,
                            g_strconcat("\"", place->key, "\": ", quote, value, quote, NULL));
    }
    g_ptr_array_add(members, NULL);
    return g_strjoinv(",\n  ", (char **)members->pdata);
}

/* The constants as a policy file that changes nothing else. */
static char *format_policy(const TuneConstant *constants, guint n)
{
    g_autofree char *top = format_section(constants, n, "");
    g_autofree char *model = format_section(constants, n, "model");
    g_autofree char *defaults = format_section(constants, n, "defaults");
    g_autofree char *batch = format_section(constants, n, "batch");
    g_autofree char *standard = format_section(constants, n, "standard");

    return g_strdup_printf("{\"version\": 1, %s,\n \"defaults\": {%s},\n"
                           " \"classes\": {\"batch\": {%s},\n  \"standard\": {%s}},\n"
                           " \"model\": {%s}}\n",
                           top, defaults, batch, standard, model);
}

static double mean_of(JsonObject *engine, const char *figure)
{
    JsonNode *node = json_object_get_member(engine, figure);

    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
        return NAN;
    JsonNode *mean = json_object_get_member(json_node_get_object(node), "mean");
    return mean && JSON_NODE_HOLDS_VALUE(mean) ? json_node_get_double(mean) : NAN;
}

/* A figure that could not be known is not counted. */
static void add_known(double figure, double *sum, guint *n)
{
    if (!isnan(figure)) {
        *sum += figure;
        (*n)++;
    }
}

static gboolean read_figures(const char *text, Figures *ret_figures, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    guint n_covered = 0, n_wasted = 0;

    *ret_figures = (Figures){0};
    if (!json_parser_load_from_data(parser, text, -1, error))
        return FALSE;
    JsonObject *root = json_node_get_object(json_parser_get_root(parser));
    JsonArray *scenarios = json_object_get_array_member(root, "scenarios");
    for (guint i = 0; i < json_array_get_length(scenarios); i++) {
        JsonObject *scenario = json_array_get_object_element(scenarios, i);
        JsonArray *engines = json_object_get_array_member(scenario, "engines");
        JsonObject *engine = json_array_get_object_element(engines, 0);
        if (ret_figures->n == G_N_ELEMENTS(ret_figures->cost))
            break;
        ret_figures->cost[ret_figures->n++] = mean_of(engine, "cost");
        add_known(mean_of(engine, "lcb_coverage"), &ret_figures->covered, &n_covered);
        add_known(mean_of(engine, "wasted_share"), &ret_figures->wasted, &n_wasted);
        ret_figures->protected_asks += mean_of(engine, "protected_asks");
    }
    ret_figures->covered = n_covered ? ret_figures->covered / n_covered : 1;
    ret_figures->wasted = n_wasted ? ret_figures->wasted / n_wasted : 0;
    return TRUE;
}

static gboolean simulate(Tuner *tuner, const TuneConstant *constants, guint n, GError **error)
{
    g_autofree char *policy = format_policy(constants, n);
    g_autofree char *file = g_build_filename(tuner->directory, "50-tried.json", NULL);
    g_autofree char *seeds = g_strdup_printf("%d", tuner->seeds);
    g_autofree char *output = NULL;
    g_autofree char *complaint = NULL;
    const char *argv[] = {
        tuner->virthint, "simulate",       "--tuning", "--engines", "virthint",
        "--json",        "--seeds",        seeds,      "--horizon", tuner->horizon,
        "--policy",      tuner->directory, NULL};

    if (!g_file_set_contents(file, policy, -1, error))
        return FALSE;
    g_autoptr(GSubprocess) process = g_subprocess_newv(
        argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, error);
    if (!process || !g_subprocess_communicate_utf8(process, NULL, NULL, &output, &complaint, error))
        return FALSE;
    tuner->n_runs++;
    if (!g_subprocess_get_successful(process)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "virthint simulate failed: %s", complaint);
        return FALSE;
    }
    return read_figures(output, &tuner->last, error);
}

/* By how much the cost is above that at the start, as the mean of the scenarios' ratios; a goal
 * that is missed counts on top. */
static double score(const TuneConstant *constants, guint n, gpointer data)
{
    Tuner *tuner = data;
    g_autoptr(GError) error = NULL;
    double sum = 0;

    if (!simulate(tuner, constants, n, &error)) {
        g_printerr("%s\n", error->message);
        return INFINITY; /* a value that the policy refuses, say */
    }
    if (tuner->start.n == 0)
        tuner->start = tuner->last;
    for (guint i = 0; i < tuner->last.n; i++)
        sum += log((tuner->last.cost[i] + 1) / (tuner->start.cost[i] + 1));
    return (tuner->last.n ? sum / tuner->last.n : 0) + tuner->last.protected_asks +
           MISSED_GOAL * (MAX(GOAL_COVERED - tuner->last.covered, 0) +
                          MAX(tuner->last.wasted - GOAL_WASTED, 0));
}

static const Place *place_of(const char *name)
{
    for (guint i = 0; i < N_PLACES; i++) {
        g_autofree char *whole =
            g_strconcat(places[i].section, *places[i].section ? "." : "", places[i].key, NULL);
        if (g_str_equal(whole, name))
            return &places[i];
    }
    g_assert_not_reached();
}

static void tell(const TuneConstant *tried, double value, gboolean is_kept, gpointer data)
{
    const Tuner *tuner = data;
    g_autofree char *text = format_value(place_of(tried->name), tried->value);

    g_print("| %s | %s | %+.2f %% | %.1f %% | %.1f %% | %s |\n", tried->name, text, value * 100,
            tuner->last.covered * 100, tuner->last.wasted * 100, is_kept ? "kept" : "");
}

static double highest(const Place *place, double value)
{
    switch (place->kind) {
    case SHARE:
        return MIN(value * WIDEST, 99);
    case COUNT:
        return MOST_IN_FLIGHT;
    default:
        return value * WIDEST;
    }
}

static void fill_constants(const Tuner *tuner, TuneConstant *constants)
{
    g_autoptr(VhConfig) config = vh_config_new();

    for (guint i = 0; i < N_PLACES; i++) {
        const Place *place = &places[i];
        char *name = g_strconcat(place->section, *place->section ? "." : "", place->key, NULL);
        gboolean is_wanted =
            !tuner->only || g_strv_contains((const char *const *)tuner->only, name);
        double value = read_builtin(config, place);
        constants[i] = (TuneConstant){
            .name = name,
            .value = value,
            .minimum = is_wanted ? value / WIDEST : value,
            .maximum = is_wanted ? highest(place, value) : value,
            .is_whole = place->kind != SHARE,
        };
    }
}

static gboolean parse_arguments(int *argc, char ***argv, Tuner *tuner, GError **error)
{
    const GOptionEntry entries[] = {
        {"virthint", 0, 0, G_OPTION_ARG_FILENAME, &tuner->virthint, "The program", "PATH"},
        {"seeds", 0, 0, G_OPTION_ARG_INT, &tuner->seeds, "Runs of each scenario (8)", "N"},
        {"horizon", 0, 0, G_OPTION_ARG_STRING, &tuner->horizon, "How long each lasts (2h)", "D"},
        {"passes", 0, 0, G_OPTION_ARG_INT, &tuner->passes, "At most so many passes (3)", "N"},
        {"seed", 0, 0, G_OPTION_ARG_INT, &tuner->seed, "Of the order (1)", "N"},
        {"only", 0, 0, G_OPTION_ARG_STRING_ARRAY, &tuner->only, "Only this one; repeatable",
         "NAME"},
        {NULL}};
    g_autoptr(GOptionContext) context = g_option_context_new("- search for the model's constants");

    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

static void print_result(const Tuner *tuner, const TuneConstant *constants, double best)
{
    g_autofree char *policy = format_policy(constants, N_PLACES);

    g_print("\n%u runs of %u scenarios with %d seeds over %s. Cost: %+.2f %%. The constants:\n\n%s",
            tuner->n_runs, tuner->start.n, tuner->seeds, tuner->horizon, best * 100, policy);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Tuner tuner = {.seeds = 8, .seed = 1, .passes = 3};
    TuneConstant constants[N_PLACES];

    if (!parse_arguments(&argc, &argv, &tuner, &error) ||
        !(tuner.directory = g_dir_make_tmp("virthint-tune-XXXXXX", &error))) {
        g_printerr("%s\n", error->message);
        return 2;
    }
    if (!tuner.virthint)
        tuner.virthint = g_strdup("virthint");
    if (!tuner.horizon)
        tuner.horizon = g_strdup("2h");
    fill_constants(&tuner, constants);
    setvbuf(stdout, NULL, _IOLBF, 0);
    g_print("| constant | tried | cost and goals | covered | wasted | |\n"
            "| --- | --- | --- | --- | --- | --- |\n");
    double best = tune_search(constants, N_PLACES, (guint)tuner.passes, LEAST_GAIN,
                              (guint32)tuner.seed, score, tell, &tuner);
    print_result(&tuner, constants, best);

    g_autofree char *file = g_build_filename(tuner.directory, "50-tried.json", NULL);
    g_unlink(file);
    g_rmdir(tuner.directory);
    g_free(tuner.directory);
    g_free(tuner.virthint);
    g_free(tuner.horizon);
    g_strfreev(tuner.only);
    for (guint i = 0; i < N_PLACES; i++)
        g_free((char *)constants[i].name);
    return isfinite(best) ? 0 : 1;
}
