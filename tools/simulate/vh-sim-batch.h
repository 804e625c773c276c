/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many runs at once: scenarios by engines by seeds, spread over threads; and what they come to
 * together. */
#pragma once

#include "vh-policy-text.h"
#include "vh-sim-figures.h"
#include "vh-sim-run.h"

G_BEGIN_DECLS

/* One engine over one scenario. */
typedef struct {
    const VhContender *contender;
    VhConfig *config;             /* as it applies to this engine; owned */
    double *values;               /* VH_METRICS for each seed; owned */
    VhSpread spreads[VH_METRICS]; /* over the seeds */
    VhSpread dearer;              /* its cost less virthint's, seed by seed */
} VhSimResult;

/* One scenario with all engines. */
typedef struct {
    VhScenario *scenario; /* owned */
    VhSimResult *results; /* one for each contender; owned */
} VhSimSheet;

typedef struct {
    GPtrArray *sheets;     /* VhSimSheet, owned */
    GPtrArray *contenders; /* VhContender, owned */
    guint n_seeds;
    gint64 horizon_us; /* 0: each scenario's own */
    guint n_threads;
    /* Said on the caller's thread a few times a second; NULL: nobody wants to know. */
    void (*progress)(guint done, guint all, gpointer data);
    gpointer data;
    gint cancel; /* set from anywhere: it ends soon, without results */
    double elapsed_s;
    guint64 steps; /* seconds that were simulated, times guests */
} VhSimBatch;

VhSimBatch *vh_sim_batch_new(void);
void vh_sim_batch_free(VhSimBatch *batch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhSimBatch, vh_sim_batch_free)

/* The names that vh_sim_batch_add_engine() takes: "virthint" first. NULL-terminated, static. */
const char *const *vh_sim_engine_names(void);

/* An engine by its name; an ablation is "virthint-without-TERM". VH_ERROR_INVALID with the names
 * that there are. */
gboolean vh_sim_batch_add_engine(VhSimBatch *batch, const char *name,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* virthint's own engine once more for each of its terms, without it. */
void vh_sim_batch_add_ablations(VhSimBatch *batch);

/* Takes a scenario; all engines must have been added. `texts` are policies merged over its own. */
gboolean vh_sim_batch_add_scenario(VhSimBatch *batch, VhScenario *scenario, const char *file,
                                   const VhPolicyText *texts, guint n_texts,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs all and fills in the results. FALSE where it was cancelled. Blocks. */
gboolean vh_sim_batch_run(VhSimBatch *batch);

/* The place of a contender; -1 where it does not take part. */
int vh_sim_batch_find(const VhSimBatch *batch, const char *name);

G_END_DECLS
