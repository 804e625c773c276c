/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns of the decision over the same guests, for its tests. */
#pragma once

#include "fixture.h"

/* Decides over snapshots 1 s apart; the second one finds stable samples. */
typedef struct {
    VhConfig *config;
    VhState *state;
    VhState *next;
    VhPlan *plan;
    gint64 seconds;
} Run;

static inline Run run_new(VhConfig *config)
{
    return (Run){config, vh_state_new(), vh_state_new(), vh_plan_new(), 0};
}

static inline void run_clear(Run *run)
{
    vh_config_free(run->config);
    vh_state_free(run->state);
    vh_state_free(run->next);
    vh_plan_free(run->plan);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

static inline void run_decide(Run *run, const VhSnapshot *snapshot)
{
    VhState *kept = run->state;

    vh_decide(run->config, run->state, snapshot, run->next, run->plan);
    run->state = run->next;
    run->next = kept;
}

/* Two turns over the same guests: the plan of the second. */
static inline void run_twice(Run *run, const VhDomain *guests, guint n)
{
    for (int i = 0; i < 2; i++) {
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, n, run->seconds++);
        run_decide(run, snapshot);
    }
}

static inline int class_index(const VhConfig *config, const char *name)
{
    int index = vh_config_find_class(config, name);

    g_assert_cmpint(index, >=, 0);
    return index;
}

/* All guests whose name starts with "batch" or "perf" are of that class. */
static inline VhConfig *config_with_classes(guint64 budget_bytes)
{
    VhConfig *config = fixture_config(budget_bytes);
    const char *names[] = {"batch", "perf", "exempt"};

    config->matches = g_renew(VhMatch, config->matches, G_N_ELEMENTS(names));
    config->n_matches = G_N_ELEMENTS(names);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        config->matches[i] = (VhMatch){.kind = VH_MATCH_NAME,
                                       .name_glob = g_strconcat(names[i], "*", NULL),
                                       .class_index = (guint)class_index(config, names[i])};
    return config;
}

static inline const VhVerdict *verdict_of(const Run *run, guint index)
{
    return &g_array_index(run->plan->verdicts, VhVerdict, index);
}

static inline const VhAction *action_of(const Run *run, guint index)
{
    g_assert_cmpuint(index, <, run->plan->actions->len);
    return &g_array_index(run->plan->actions, VhAction, index);
}

static inline void assert_reason(const Run *run, guint index, VhReason expected)
{
    g_assert_cmpstr(vh_reason_name(verdict_of(run, index)->reason), ==, vh_reason_name(expected));
}

static inline VhEnded ended_ask(guint number, VhAskStatus status, guint64 expected,
                                guint64 returned)
{
    return (VhEnded){.uuid = fixture_uuid(number),
                     .uri = "test",
                     .expected_bytes = expected,
                     .outcome = {.status = status,
                                 .asked_bytes = expected,
                                 .returned_bytes = returned,
                                 .error_code = -1}};
}

static inline void run_with_ended(Run *run, const VhDomain *guest, VhEnded ended)
{
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guest, 1, run->seconds++);

    g_array_append_val(snapshot->ended, ended);
    run_decide(run, snapshot);
}
