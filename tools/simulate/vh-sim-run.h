/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run: one engine over one of the fleets that a scenario describes, and what it came to. */
#pragma once

#include "vh-cycle.h"
#include "vh-scenario.h"

G_BEGIN_DECLS

/* What a run is judged by. */
typedef enum {
    VH_METRIC_COST,
    VH_METRIC_DEFICIT,
    VH_METRIC_CRITICAL,
    VH_METRIC_BOTHER,
    VH_METRIC_REFAULT,
    VH_METRIC_SWAP_IN,
    VH_METRIC_STALL,
    VH_METRIC_LOST,
    VH_METRIC_MISSED,
    VH_METRIC_ASKS,
    VH_METRIC_RETURNED,
    VH_METRIC_MIB_PER_ASK,
    VH_METRIC_DURABLE_SHARE,
    VH_METRIC_PROTECTED,
    VH_METRIC_WASTED,
    VH_METRIC_REGRET, /* against the reference on the same fleet; set by who has both */
    VH_METRIC_COVERAGE,
    VH_METRIC_FAIRNESS,
    VH_METRIC_TOGGLES,
    VH_METRIC_LEVELS,
    VH_METRIC_TARGET_P50,
    VH_METRIC_TARGET_P95,
    VH_METRICS,
} VhMetric;

/* The key in documents ("deficit_gib_s"), and a sentence for people; static. */
const char *vh_sim_metric_name(VhMetric metric);
const char *vh_sim_metric_text(VhMetric metric);

/* Who decides in a run. */
typedef struct {
    char *name;
    const VhEngine *engine; /* NULL: the reference, which is told the truth */
    guint without;          /* VhTerm that virthint's own engine does without */
    gboolean without_psi;
} VhContender;

/*
 * Runs it for `horizon_us`. `config` is the policy in force, borrowed; `run` counts from 0.
 * ret_metrics has VH_METRICS places; NAN: not known, or never happened. Returns the seconds that
 * were simulated, times the guests; 0 where `cancel` was set meanwhile. Any thread.
 */
guint64 vh_sim_run(const VhScenario *scenario, const VhConfig *config, const VhContender *contender,
                   guint run, gint64 horizon_us, gint *cancel, double *ret_metrics);

G_END_DECLS
