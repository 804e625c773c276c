/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs over a pool of threads. Each job writes to places of its own, so that the result does not
 * depend on their order. */
#include "vh-sim-batch.h"

#include "vh-text.h"

#include <math.h>
#include <string.h>

#define OWN "virthint"
#define REFERENCE "reference"
#define WITHOUT OWN "-without-"
#define PROGRESS_US (100 * VH_MS)

static const struct {
    const char *name;
    guint term; /* VhTerm; 0: pressure */
} terms[] = {
    {"swap", VH_TERM_SWAP},
    {"residue", VH_TERM_RESIDUE},
    {"gamma", VH_TERM_GAMMA},
    {"sigma", VH_TERM_SIGMA},
    {"retouch", VH_TERM_RETOUCH},
    {"fairness", VH_TERM_FAIRNESS},
    {"exploration", VH_TERM_EXPLORATION},
    {"trend", VH_TERM_TREND},
    {"psi", 0},
};

/* Nobody is asked: what happens without any of this. */
static void decide_nothing(const VhConfig *config, const VhState *state, const VhSnapshot *snapshot,
                           VhState *next, VhPlan *plan)
{
    vh_state_copy(next, state);
    vh_plan_clear(plan);
}

static const VhEngine nobody = {.name = "none", .decide = decide_nothing};

const char *const *vh_sim_engine_names(void)
{
    static const char *names[32];
    static gsize is_made;

    if (g_once_init_enter(&is_made)) {
        guint n = 0;
        const char *const *engines = vh_engine_names();
        for (guint i = 0; engines[i] && n < G_N_ELEMENTS(names) - 3; i++)
            names[n++] = engines[i];
        names[n++] = nobody.name;
        names[n++] = REFERENCE;
        g_once_init_leave(&is_made, 1);
    }
    return names;
}

static void free_contender(gpointer data)
{
    VhContender *contender = data;

    g_free(contender->name);
    g_free(contender);
}

static void free_sheet(gpointer data)
{
    VhSimSheet *sheet = data;
    for (guint i = 0; sheet->results && sheet->results[i].contender; i++) {
        vh_config_free(sheet->results[i].config);
        g_free(sheet->results[i].values);
    }
    g_free(sheet->results);
    vh_scenario_free(sheet->scenario);
    g_free(sheet);
}

VhSimBatch *vh_sim_batch_new(void)
{
    VhSimBatch *batch = g_new0(VhSimBatch, 1);

    batch->sheets = g_ptr_array_new_with_free_func(free_sheet);
    batch->contenders = g_ptr_array_new_with_free_func(free_contender);
    batch->n_seeds = 1;
    batch->n_threads = g_get_num_processors();
    return batch;
}

void vh_sim_batch_free(VhSimBatch *batch)
{
    if (!batch)
        return;
    g_ptr_array_unref(batch->sheets);
    g_ptr_array_unref(batch->contenders);
    g_free(batch);
}

int vh_sim_batch_find(const VhSimBatch *batch, const char *name)
{
    for (guint i = 0; i < batch->contenders->len; i++) {
        const VhContender *contender = g_ptr_array_index(batch->contenders, i);
        if (strcmp(contender->name, name) == 0)
            return (int)i;
    }
    return -1;
}

/* "virthint-without-TERM"; FALSE where that is no such name. */
static gboolean find_ablation(const char *name, VhContender *contender)
{
    if (!g_str_has_prefix(name, WITHOUT))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(terms); i++) {
        if (strcmp(name + strlen(WITHOUT), terms[i].name) != 0)
            continue;
        contender->engine = vh_engine_find(OWN);
        contender->without = terms[i].term;
        contender->without_psi = terms[i].term == 0;
        return TRUE;
    }
    return FALSE;
}

gboolean vh_sim_batch_add_engine(VhSimBatch *batch, const char *name, GError **error)
{
    VhContender found = {0};

    if (vh_sim_batch_find(batch, name) >= 0)
        return TRUE;
    if (strcmp(name, nobody.name) == 0)
        found.engine = &nobody;
    else if (!find_ablation(name, &found))
        found.engine = vh_engine_find(name);
    if (!found.engine && strcmp(name, REFERENCE) != 0) {
        g_autofree char *quoted = vh_text_quote(name);
        g_autofree char *known = vh_text_join_or(vh_sim_engine_names());
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "there is no engine %s; write %s, or " WITHOUT "TERM", quoted, known);
        return FALSE;
    }
    found.name = g_strdup(name);
    g_ptr_array_add(batch->contenders, g_memdup2(&found, sizeof(found)));
    return TRUE;
}

void vh_sim_batch_add_ablations(VhSimBatch *batch)
{
    for (guint i = 0; i < G_N_ELEMENTS(terms); i++) {
        g_autofree char *name = g_strconcat(WITHOUT, terms[i].name, NULL);

        if (!vh_sim_batch_add_engine(batch, name, NULL))
            g_return_if_reached();
    }
}

static VhConfig *make_config(const VhContender *contender, const VhScenario *scenario,
                             const char *file, const VhPolicyText *texts, guint n_texts,
                             GError **error)
{
    g_autofree VhPolicyText *all = g_new(VhPolicyText, n_texts + 1);
    guint n = 0;

    if (scenario->policy)
        all[n++] = (VhPolicyText){file, scenario->policy, strlen(scenario->policy)};
    for (guint i = 0; i < n_texts; i++)
        all[n++] = texts[i];
    g_autoptr(VhConfig) config = vh_policy_parse(all, n, error);
    if (!config)
        return NULL;
    if (!vh_scenario_has_pool(scenario, &config->pool, error)) {
        g_prefix_error(error, "%s: /host: ", file);
        return NULL;
    }
    config->model.without |= contender->without;
    if (contender->without_psi)
        config->pool.psi_some_bp = config->pool.psi_full_bp = 0;
    return g_steal_pointer(&config);
}

gboolean vh_sim_batch_add_scenario(VhSimBatch *batch, VhScenario *scenario, const char *file,
                                   const VhPolicyText *texts, guint n_texts, GError **error)
{
    VhSimSheet *sheet = g_new0(VhSimSheet, 1);

    sheet->scenario = scenario;
    sheet->results = g_new0(VhSimResult, batch->contenders->len + 1);
    g_ptr_array_add(batch->sheets, sheet);
    for (guint i = 0; i < batch->contenders->len; i++) {
        VhSimResult *result = &sheet->results[i];

        result->contender = g_ptr_array_index(batch->contenders, i);
        result->values = g_new(double, (gsize)VH_METRICS * batch->n_seeds);
        result->config = make_config(result->contender, scenario, file, texts, n_texts, error);
        if (!result->config)
            return FALSE;
    }
    return TRUE;
}

/* Jobs are numbered: seeds run fastest, so that the engines of a scenario progress together. */
typedef struct {
    VhSimBatch *batch;
    gint done;
    guint64 steps;
    GMutex mutex;
} Work;

static void run_job(gpointer data, gpointer user_data)
{
    Work *work = user_data;
    VhSimBatch *batch = work->batch;
    guint job = GPOINTER_TO_UINT(data) - 1;
    guint seed = job % batch->n_seeds, rest = job / batch->n_seeds;
    VhSimSheet *sheet = g_ptr_array_index(batch->sheets, rest / batch->contenders->len);
    VhSimResult *result = &sheet->results[rest % batch->contenders->len];
    gint64 horizon_us = batch->horizon_us > 0 ? batch->horizon_us : sheet->scenario->horizon_us;

    if (!g_atomic_int_get(&batch->cancel)) {
        guint64 steps =
            vh_sim_run(sheet->scenario, result->config, result->contender, seed, horizon_us,
                       &batch->cancel, result->values + (gsize)seed * VH_METRICS);
        g_mutex_lock(&work->mutex);
        work->steps += steps;
        g_mutex_unlock(&work->mutex);
    }
    g_atomic_int_inc(&work->done);
}

static double *value_at(const VhSimResult *result, guint seed, VhMetric metric)
{
    return &result->values[(gsize)seed * VH_METRICS + metric];
}

static VhSpread spread_of(const VhSimBatch *batch, const VhSimResult *result, VhMetric metric)
{
    g_autofree double *values = g_new(double, batch->n_seeds);

    for (guint seed = 0; seed < batch->n_seeds; seed++)
        values[seed] = *value_at(result, seed, metric);
    return vh_sim_spread(values, batch->n_seeds);
}

/* By how much it is dearer than another on the same fleets. */
static VhSpread difference(const VhSimBatch *batch, const VhSimResult *result,
                           const VhSimResult *other)
{
    g_autofree double *values = g_new(double, batch->n_seeds);

    for (guint seed = 0; seed < batch->n_seeds; seed++)
        values[seed] =
            *value_at(result, seed, VH_METRIC_COST) - *value_at(other, seed, VH_METRIC_COST);
    return vh_sim_spread(values, batch->n_seeds);
}

static void sum_up(const VhSimBatch *batch, VhSimSheet *sheet)
{
    int reference = vh_sim_batch_find(batch, REFERENCE), own = vh_sim_batch_find(batch, OWN);

    for (guint i = 0; i < batch->contenders->len; i++) {
        VhSimResult *result = &sheet->results[i];

        for (guint seed = 0; reference >= 0 && seed < batch->n_seeds; seed++) {
            double best = *value_at(&sheet->results[reference], seed, VH_METRIC_COST);
            double cost = *value_at(result, seed, VH_METRIC_COST);
            *value_at(result, seed, VH_METRIC_REGRET) = best > 0 ? cost / best - 1 : NAN;
        }
        for (guint metric = 0; metric < VH_METRICS; metric++)
            result->spreads[metric] = spread_of(batch, result, (VhMetric)metric);
        result->dearer = own >= 0 ? difference(batch, result, &sheet->results[own])
                                  : (VhSpread){NAN, NAN, NAN, 0};
    }
}

gboolean vh_sim_batch_run(VhSimBatch *batch)
{
    Work work = {.batch = batch};
    guint n_jobs = batch->sheets->len * batch->contenders->len * batch->n_seeds;
    gint64 started_us = g_get_monotonic_time();

    g_mutex_init(&work.mutex);
    GThreadPool *pool = g_thread_pool_new(run_job, &work, (gint)batch->n_threads, FALSE, NULL);
    for (guint job = 0; job < n_jobs; job++)
        g_thread_pool_push(pool, GUINT_TO_POINTER(job + 1), NULL);
    while (batch->progress && (guint)g_atomic_int_get(&work.done) < n_jobs) {
        batch->progress((guint)g_atomic_int_get(&work.done), n_jobs, batch->data);
        g_usleep(PROGRESS_US);
    }
    g_thread_pool_free(pool, FALSE, TRUE);
    g_mutex_clear(&work.mutex);
    batch->elapsed_s = (double)(g_get_monotonic_time() - started_us) / (double)VH_SEC;
    batch->steps = work.steps;
    if (g_atomic_int_get(&batch->cancel))
        return FALSE;
    for (guint i = 0; i < batch->sheets->len; i++)
        sum_up(batch, g_ptr_array_index(batch->sheets, i));
    return TRUE;
}
