/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cycle's end: what the last asks taught is kept, although nobody looks or decides any more. */
#include "fixture.h"
#include "vh-cycle.h"

/* A host of two guests, one of whose asks ends now and then. */
typedef struct {
    VhSource source; /* first: what the cycle sees */
    VhActuator actuator;
    VhDomain guests[2];
    guint n_reads, n_acts;
    gboolean has_ended; /* the next report tells of an ask of the first guest */
} Host;

static gboolean read_host(VhSource *source, const VhConfig *config, VhSnapshot *snapshot,
                          GError **error)
{
    Host *host = (Host *)source;
    g_autoptr(VhSnapshot) seen =
        fixture_snapshot(host->guests, G_N_ELEMENTS(host->guests), ++host->n_reads);

    vh_snapshot_copy(snapshot, seen);
    return TRUE;
}

static void report_ended(VhActuator *actuator, VhSnapshot *snapshot)
{
    Host *host = (Host *)((guint8 *)actuator - G_STRUCT_OFFSET(Host, actuator));
    const VhEnded ended = {.uuid = host->guests[0].uuid,
                           .uri = "test",
                           .expected_bytes = VH_GIB,
                           .outcome = {.method = VH_ASK_PULSE,
                                       .status = VH_ASK_DONE,
                                       .source = VH_ASK_SOURCE_RSS,
                                       .asked_bytes = VH_GIB,
                                       .returned_bytes = VH_GIB / 4,
                                       .error_code = -1}};

    if (host->has_ended)
        g_array_append_val(snapshot->ended, ended);
    host->has_ended = FALSE;
}

static void count_act(VhActuator *actuator, const VhSnapshot *snapshot, const VhAction *action)
{
    ((Host *)((guint8 *)actuator - G_STRUCT_OFFSET(Host, actuator)))->n_acts++;
}

static void test_learn_at_the_end(void)
{
    Host host = {.source.read = read_host,
                 .actuator = {.report = report_ended, .act = count_act},
                 .guests = {fixture_guest(1, "a"), fixture_guest(2, "b")}};
    g_autoptr(VhConfig) config = vh_config_new();
    g_autoptr(VhCycle) cycle =
        vh_cycle_new(vh_engine_find("virthint"), &host.source, &host.actuator, NULL);

    g_assert_true(vh_cycle_run(cycle, config, NULL));
    const VhSnapshot *last = vh_cycle_snapshot(cycle);
    gint64 sampled_us = last->wall_us, wall_us = sampled_us + VH_SEC;
    host.has_ended = TRUE;
    vh_cycle_learn(cycle, config, last->now_us + VH_SEC, wall_us);

    const VhGuestState *asked = vh_state_find(vh_cycle_state(cycle), &host.guests[0].uuid);
    g_assert_nonnull(asked);
    g_assert_cmpint(asked->last_ended_wall_us, ==, wall_us);
    g_assert_cmpuint(asked->n_recent, ==, 1);
    g_assert_cmpuint(asked->cooldown_doublings, ==, 1);
    /* nobody else has lost anything, nobody was looked at or asked, and the last plan stands */
    const VhGuestState *other = vh_state_find(vh_cycle_state(cycle), &host.guests[1].uuid);
    g_assert_nonnull(other);
    g_assert_cmpint(other->sample_stats_time_us, ==, sampled_us);
    g_assert_cmpuint(host.n_reads, ==, 1);
    g_assert_cmpuint(host.n_acts, ==, 0);
    g_assert_cmpuint(vh_snapshot_n_domains(vh_cycle_snapshot(cycle)), ==, 2);
    g_assert_cmpuint(vh_cycle_plan(cycle)->verdicts->len, ==, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cycle/learn-at-the-end", test_learn_at_the_end);
    return g_test_run();
}
