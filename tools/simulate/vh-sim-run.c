/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run, and its figures: everything from the world's truth, nothing from the engine. */
#include "vh-sim-run.h"

#include "vh-sim-figures.h"
#include "vh-sim-future.h"
#include "vh-sim-world.h"

#include <math.h>
#include <string.h>

#define CANCEL_EVERY 256 /* steps between two looks whether somebody wants it to end */

static const struct {
    const char *name, *text;
} metrics[VH_METRICS] = {
    [VH_METRIC_COST] = {"cost", "weighted milliseconds at the scenario's prices"},
    [VH_METRIC_DEFICIT] = {"deficit_gib_s", "GiB that lacked to the enter bound of low, a second"},
    [VH_METRIC_CRITICAL] = {"critical_s", "seconds below the enter bound of critical"},
    [VH_METRIC_BOTHER] = {"bother_ms", "weighted milliseconds of asks and what they led to"},
    [VH_METRIC_REFAULT] = {"refault_mib", "MiB given back and needed again"},
    [VH_METRIC_SWAP_IN] = {"swap_in_mib", "MiB that the host had to swap in"},
    [VH_METRIC_STALL] = {"stall_s", "seconds in which guests waited for memory"},
    [VH_METRIC_LOST] = {"lost_s", "seconds in which guests got no memory at all"},
    [VH_METRIC_MISSED] = {"missed_gib", "GiB that lacked to requests at their deadline"},
    [VH_METRIC_ASKS] = {"asks", "asks"},
    [VH_METRIC_RETURNED] = {"returned_mib", "MiB that came back to the host"},
    [VH_METRIC_MIB_PER_ASK] = {"mib_per_ask", "MiB that came back by an ask"},
    [VH_METRIC_DURABLE_SHARE] = {"durable_share", "of what came back, still there after a minute"},
    [VH_METRIC_PROTECTED] = {"protected_asks", "asks of guests before their class was unlocked"},
    [VH_METRIC_WASTED] = {"wasted_share", "asks that brought under 10 %, or nothing that lasted"},
    [VH_METRIC_REGRET] = {"regret", "cost above the reference's, as a share of it"},
    [VH_METRIC_COVERAGE] = {"lcb_coverage", "asks that brought what was counted on, for a minute"},
    [VH_METRIC_FAIRNESS] = {"fairness", "Jain's index of bother within each group of guests"},
    [VH_METRIC_TOGGLES] = {"toggles_per_hour", "switches of continuous reporting"},
    [VH_METRIC_LEVELS] = {"level_changes_per_hour", "changes of the pool's level"},
    [VH_METRIC_TARGET_P50] = {"target_p50_s", "from too little to enough, half of the times"},
    [VH_METRIC_TARGET_P95] = {"target_p95_s", "the same, 19 of 20 times"},
};

const char *vh_sim_metric_name(VhMetric metric)
{
    return metrics[metric].name;
}

const char *vh_sim_metric_text(VhMetric metric)
{
    return metrics[metric].text;
}

/* What asks, and what they led to, have cost the guest, without its weight. */
static double bother_ms(const VhPrices *prices, const VhSimTally *tally)
{
    return tally->pulses * prices->ask_ms + tally->taken_mib / 1024 * prices->ask_ms_per_gib +
           tally->passes * prices->pass_ms + tally->discarded_mib / 1024 * prices->pass_ms_per_gib +
           tally->refault_mib * prices->refault_ms_per_mib +
           tally->stall_s * prices->stall_ms_per_s;
}

/* Of the guests of one group, because what is fair between classes is the policy's to say. Groups
 * in which nobody was asked do not count. */
static double fairness(const VhScenario *scenario, const VhSimWorld *world)
{
    guint n = vh_sim_world_n_members(world), n_groups = 0;
    g_autofree double *borne = g_new(double, n);
    double sum = 0;

    for (guint group = 0; group < scenario->n_groups; group++) {
        guint n_borne = 0;
        for (guint i = 0; i < n; i++) {
            const VhSimMember *member = vh_sim_world_member(world, i);
            if (member->group == group)
                borne[n_borne++] = bother_ms(&scenario->prices, &member->memory.tally);
        }
        double jain = vh_sim_jain(borne, n_borne);
        if (n_borne > 1 && isfinite(jain)) {
            sum += jain;
            n_groups++;
        }
    }
    return n_groups > 0 ? sum / n_groups : NAN;
}

static void add_guests(const VhPrices *prices, const VhSimWorld *world, double *figures)
{
    for (guint i = 0; i < vh_sim_world_n_members(world); i++) {
        const VhSimMember *member = vh_sim_world_member(world, i);
        const VhSimTally *tally = &member->memory.tally;
        double bother = bother_ms(prices, tally) * member->weight;

        figures[VH_METRIC_BOTHER] += bother;
        figures[VH_METRIC_REFAULT] += tally->refault_mib;
        figures[VH_METRIC_SWAP_IN] += tally->swap_in_mib;
        figures[VH_METRIC_STALL] += tally->stall_s;
        figures[VH_METRIC_LOST] += tally->lost_s;
        figures[VH_METRIC_COST] +=
            bother + member->weight * (tally->swap_in_mib * prices->swap_in_ms_per_mib +
                                       tally->lost_s * prices->lost_ms_per_s);
    }
}

static int compare_doubles(gconstpointer a, gconstpointer b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double share_of(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

static void judge(const VhScenario *scenario, const VhSimWorld *world, double *figures)
{
    const VhSimTruth *truth = vh_sim_world_truth(world);
    const VhPrices *prices = &scenario->prices;
    double hours = vh_sim_world_now_s(world) / 3600;

    for (guint i = 0; i < VH_METRICS; i++)
        figures[i] = 0;
    add_guests(prices, world, figures);
    figures[VH_METRIC_COST] += truth->deficit_gib_s * prices->deficit_ms_per_gib_s +
                               truth->critical_s * prices->critical_ms_per_s +
                               truth->missed_gib * prices->missed_ms_per_gib;
    figures[VH_METRIC_DEFICIT] = truth->deficit_gib_s;
    figures[VH_METRIC_CRITICAL] = truth->critical_s;
    figures[VH_METRIC_MISSED] = truth->missed_gib;
    figures[VH_METRIC_ASKS] = truth->asks;
    figures[VH_METRIC_RETURNED] = truth->returned_mib;
    figures[VH_METRIC_MIB_PER_ASK] = share_of(truth->returned_mib, truth->asks);
    figures[VH_METRIC_DURABLE_SHARE] = share_of(truth->durable_mib, truth->returned_mib);
    figures[VH_METRIC_PROTECTED] = truth->protected_asks;
    figures[VH_METRIC_WASTED] = share_of(truth->wasted, truth->judged);
    figures[VH_METRIC_REGRET] = NAN;
    figures[VH_METRIC_COVERAGE] = share_of(truth->covered, truth->counted);
    figures[VH_METRIC_FAIRNESS] = fairness(scenario, world);
    figures[VH_METRIC_TOGGLES] = truth->toggles / hours;
    figures[VH_METRIC_LEVELS] = truth->level_changes / hours;
    g_array_sort(truth->episodes, compare_doubles);
    figures[VH_METRIC_TARGET_P50] =
        vh_sim_percentile((const double *)truth->episodes->data, truth->episodes->len, 0.5);
    figures[VH_METRIC_TARGET_P95] =
        vh_sim_percentile((const double *)truth->episodes->data, truth->episodes->len, 0.95);
}

/* The reference takes the cycle's place: it is told what no source tells. */
typedef struct {
    VhSimFuture *future;
    VhSnapshot *snapshot;
    GArray *actions;
} Reference;

static void reference_turn(Reference *reference, VhSimWorld *world, const VhConfig *config)
{
    VhSource *source = vh_sim_world_source(world);
    VhActuator *actuator = vh_sim_world_actuator(world);

    vh_snapshot_clear(reference->snapshot);
    if (!source->read(source, config, reference->snapshot, NULL))
        return;
    actuator->report(actuator, reference->snapshot);
    vh_snapshot_sort(reference->snapshot);
    g_array_set_size(reference->actions, 0);
    vh_sim_future_decide(reference->future, world, config, reference->snapshot, reference->actions);
    for (guint i = 0; i < reference->actions->len; i++)
        actuator->act(actuator, reference->snapshot,
                      &g_array_index(reference->actions, VhAction, i));
}

static guint64 run_once(const VhScenario *scenario, const VhConfig *config, const VhEngine *engine,
                        guint variant, guint run, gint64 horizon_us, gint *cancel,
                        double *ret_metrics)
{
    g_autoptr(VhSimWorld) world = vh_sim_world_new(scenario, config, run);
    g_autoptr(VhCycle) cycle = NULL;
    Reference reference = {0};
    guint steps = (guint)(horizon_us / VH_SEC), done = 0;
    double interval_s = (double)config->interval_us / (double)VH_SEC, due_s = 0;

    if (engine) {
        cycle =
            vh_cycle_new(engine, vh_sim_world_source(world), vh_sim_world_actuator(world), NULL);
    } else {
        reference.future = vh_sim_future_new(world, horizon_us, variant);
        reference.snapshot = vh_snapshot_new();
        reference.actions = g_array_new(FALSE, FALSE, sizeof(VhAction));
    }
    for (; done < steps; done++) {
        gboolean has_ended = vh_sim_world_step(world);

        if (done % CANCEL_EVERY == 0 && g_atomic_int_get(cancel))
            break;
        if (!has_ended && vh_sim_world_now_s(world) < due_s)
            continue;
        due_s = vh_sim_world_now_s(world) + interval_s;
        if (cycle)
            g_return_val_if_fail(vh_cycle_run(cycle, config, NULL), 0);
        else
            reference_turn(&reference, world, config);
    }
    vh_sim_world_finish(world);
    judge(scenario, world, ret_metrics);
    g_clear_pointer(&reference.future, vh_sim_future_free);
    g_clear_pointer(&reference.snapshot, vh_snapshot_free);
    g_clear_pointer(&reference.actions, g_array_unref);
    return done < steps ? 0 : (guint64)steps * scenario->n_guests;
}

/* Of the variants of the reference the one that costs least. */
guint64 vh_sim_run(const VhScenario *scenario, const VhConfig *config, const VhContender *contender,
                   guint run, gint64 horizon_us, gint *cancel, double *ret_metrics)
{
    guint64 steps =
        run_once(scenario, config, contender->engine, 0, run, horizon_us, cancel, ret_metrics);

    for (guint variant = 1; !contender->engine && variant < VH_SIM_FUTURES; variant++) {
        double figures[VH_METRICS];

        steps += run_once(scenario, config, NULL, variant, run, horizon_us, cancel, figures);
        if (figures[VH_METRIC_COST] < ret_metrics[VH_METRIC_COST])
            memcpy(ret_metrics, figures, sizeof(figures));
    }
    return steps;
}
