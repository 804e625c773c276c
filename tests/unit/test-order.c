/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order of the asks, and the walk along it: prices, shares, budgets, nodes and requests. */
#include "run.h"

static const VhVerdict *verdict_named(const Run *run, const VhSnapshot *snapshot, const char *name)
{
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        if (g_str_equal(vh_snapshot_domain(snapshot, i)->name, name))
            return verdict_of(run, i);
    }
    g_assert_not_reached();
}

/* At HIGH with four guests: 5 % are available. */
static Run run_at_high(void)
{
    return run_new(config_with_classes(8850 * VH_MIB));
}

/* At CRITICAL from the start. */
static Run run_at_critical(void)
{
    return run_new(config_with_classes(512 * VH_MIB));
}

/* Four alike; what is learned of each makes the order. */
static void four_guests(VhDomain guests[4])
{
    static const char *const names[] = {"batch-0", "batch-1", "batch-2", "batch-3"};

    for (guint i = 0; i < 4; i++)
        guests[i] = fixture_guest(i, names[i]);
}

static VhGuestState *state_of(const Run *run, guint number)
{
    VhUuid uuid = fixture_uuid(number);

    return vh_state_get(run->state, &uuid);
}

static void test_price_orders(void)
{
    VhDomain guests[4];
    g_auto(Run) run = run_at_critical();

    four_guests(guests);
    run.config->max_in_flight = 1;
    run.config->model.lambda_bp = 0;
    guests[2].rss_bytes = 900 * VH_MIB; /* who has less is dearer, as c0 is spread over less, */
    run_twice(&run, guests, 4);
    state_of(&run, 0)->n_rebounds = 1; /* so is who takes more of it back than others, */
    state_of(&run, 0)->retouch_bp = 2000;
    state_of(&run, 0)->last_ended_wall_us = FIXTURE_WALL_US;
    state_of(&run, 1)->n_rebounds = 1; /* and most of all who takes nearly all */
    state_of(&run, 1)->retouch_bp = 8000;
    state_of(&run, 1)->last_ended_wall_us = FIXTURE_WALL_US;
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, 4, run.seconds - 1); /* the same */
    run_decide(&run, snapshot);
    g_assert_cmpuint(verdict_of(&run, 3)->place, ==, 1);
    g_assert_cmpuint(verdict_of(&run, 1)->place, ==, 4);
    g_assert_cmpfloat(verdict_of(&run, 3)->cost.price, <, verdict_of(&run, 2)->cost.price);
    g_assert_cmpfloat(verdict_of(&run, 3)->cost.price, <, verdict_of(&run, 0)->cost.price);
}

static void test_short_lived(void)
{
    const VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_at_critical();

    run.config->min_yield_bytes = 300 * VH_MIB;
    run_twice(&run, &guest, 1);
    state_of(&run, 1)->n_rebounds = 1;
    state_of(&run, 1)->retouch_bp = 9000;
    state_of(&run, 1)->last_ended_wall_us = FIXTURE_WALL_US;
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_SHORT_LIVED);
    run.seconds += 6 * 3600; /* written off, but not for good */
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
}

/* What is only guessed is worth an ask where it is not too little of the guest. */
static void test_guesswork(void)
{
    VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_at_critical();

    run.config->model.gamma_bp = 10000;
    guest.rss_bytes = 720 * VH_MIB; /* 400 used, 82 that a pulse leaves */
    run_twice(&run, &guest, 1);
    state_of(&run, 1)->overhead_bytes = 200 * VH_MIB;
    run_twice(&run, &guest, 1);
    g_assert_cmpuint(verdict_of(&run, 0)->yield.expected_bytes / VH_MIB, ==, 38);
    assert_reason(&run, 0, VH_REASON_ASK);
    guest.rss_bytes = 680 * VH_MIB;
    run_twice(&run, &guest, 1);
    state_of(&run, 1)->overhead_bytes = 160 * VH_MIB; /* the same sum, on a guess */
    run_twice(&run, &guest, 1);
    g_assert_cmpuint(verdict_of(&run, 0)->yield.expected_bytes / VH_MIB, ==, 38);
    assert_reason(&run, 0, VH_REASON_SMALL_YIELD);
    state_of(&run, 1)->was_drained = TRUE; /* no guess any more */
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
}

/* Who has borne much goes behind those who have not, however cheap. */
static void test_shares(void)
{
    VhDomain guests[4];
    g_auto(Run) run = run_at_high();

    four_guests(guests);
    guests[0].rss_bytes = 2248 * VH_MIB; /* has more, and is cheaper for it */
    guests[0].unused_bytes = 1700 * VH_MIB;
    run.config->max_in_flight = 1;
    run_twice(&run, guests, 4);
    g_assert_cmpuint(verdict_of(&run, 0)->place, ==, 1);
    for (guint i = 0; i < 4; i++) {
        state_of(&run, i)->inflicted_us = i == 0 ? 4 * VH_SEC : VH_SEC;
        state_of(&run, i)->inflicted_wall_us = FIXTURE_WALL_US;
    }
    run_twice(&run, guests, 4);
    g_assert_cmpuint(verdict_of(&run, 0)->place, ==, 4);
    g_assert_cmpfloat(verdict_of(&run, 0)->cost.fairness, >, 1);
    g_assert_cmpfloat(verdict_of(&run, 1)->cost.fairness, <, 1);
    run.config->model.without = VH_TERM_FAIRNESS;
    run_twice(&run, guests, 4);
    g_assert_cmpuint(verdict_of(&run, 0)->place, ==, 1);
}

/* At CRITICAL nobody is asked twice before all were asked once, of whatever rank. */
static void test_rounds_at_critical(void)
{
    VhDomain guests[] = {fixture_guest(1, "batch-1"), fixture_guest(2, "web"),
                         fixture_guest(3, "perf-1")};
    const guint expected[] = {0, 1, 2, 0, 1, 2};
    g_auto(Run) run = run_at_critical();

    run.config->max_in_flight = 1;
    run.config->classes[class_index(run.config, "perf")].asks_per_hour = 0;
    for (guint round = 0; round < G_N_ELEMENTS(expected); round++) {
        run_twice(&run, guests, G_N_ELEMENTS(guests));
        g_assert_cmpuint(run.plan->actions->len, ==, 1);
        g_assert_cmpuint(action_of(&run, 0)->domain, ==, expected[round]);
        VhEnded ended = ended_ask(expected[round] + 1, VH_ASK_CANCELLED, 100 * VH_MIB, 0);
        g_autoptr(VhSnapshot) snapshot =
            fixture_snapshot(guests, G_N_ELEMENTS(guests), run.seconds++);
        g_array_append_val(snapshot->ended, ended);
        run_decide(&run, snapshot);
    }
}

static void test_class_budget(void)
{
    VhDomain guests[4];
    g_auto(Run) run = run_at_high();

    four_guests(guests);
    run.config->max_in_flight = 4;
    run.config->classes[class_index(run.config, "batch")].max_per_min_bytes = 600 * VH_MIB;
    run_twice(&run, guests, 4);
    g_assert_cmpuint(run.plan->actions->len, ==, 1);
    g_assert_cmpuint(action_of(&run, 0)->bytes, ==, 600 * VH_MIB);
    for (guint i = 0; i < 4; i++) {
        if (verdict_of(&run, i)->place > 1)
            assert_reason(&run, i, VH_REASON_CLASS_BUDGET);
    }
    g_autoptr(VhSnapshot) later = fixture_snapshot(guests, 4, run.seconds + 9);
    run_decide(&run, later); /* 10 s later: a sixth of a minute's worth */
    g_assert_cmpuint(action_of(&run, 0)->bytes, ==, 100 * VH_MIB);

    g_auto(Run) critical = run_at_critical(); /* there it yields */
    critical.config->max_in_flight = 4;
    critical.config->classes[class_index(critical.config, "batch")].max_per_min_bytes =
        600 * VH_MIB;
    run_twice(&critical, guests, 4);
    g_assert_cmpuint(critical.plan->actions->len, ==, 4);
}

static void test_nodes(void)
{
    VhDomain guests[4];
    g_auto(Run) run = run_at_critical();

    four_guests(guests);
    guests[0].node_mask = guests[1].node_mask = 1;
    guests[2].node_mask = 3; /* on both */
    guests[3].node_mask = 0; /* nobody knows: on none */
    run.config->max_in_flight = 4;
    run.config->max_in_flight_per_node = 1;
    run_twice(&run, guests, 4);
    g_assert_cmpuint(run.plan->actions->len, ==, 2);
    assert_reason(&run, 3, VH_REASON_ASK);
    guint held = 0;
    for (guint i = 0; i < 3; i++)
        held += verdict_of(&run, i)->reason == VH_REASON_NODE_IN_FLIGHT;
    g_assert_cmpuint(held, ==, 2);
    /* asks under way count */
    const VhInFlight ask = {.uuid = fixture_uuid(2), .uri = "test", .id = 1};
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, 4, run.seconds++);
    g_array_append_val(snapshot->in_flight, ask);
    run_decide(&run, snapshot);
    assert_reason(&run, 0, VH_REASON_NODE_IN_FLIGHT);
    assert_reason(&run, 1, VH_REASON_NODE_IN_FLIGHT);
    assert_reason(&run, 2, VH_REASON_IN_FLIGHT);
    assert_reason(&run, 3, VH_REASON_ASK);
}

static void test_other_node(void)
{
    VhDomain guests[4];
    g_auto(Run) run = run_at_critical();
    const VhNode node = {.id = 1, .total_bytes = 64 * VH_GIB, .available_bytes = 0};

    four_guests(guests);
    for (guint i = 0; i < 4; i++)
        guests[i].node_mask = i; /* 0: any, 1: the other, 2: this, 3: both */
    run.config->pool.source = VH_POOL_NUMA;
    run.config->pool.node = 1;
    run.config->max_in_flight = 4;
    for (int i = 0; i < 2; i++) {
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, 4, i);
        g_array_append_val(snapshot->nodes, node);
        run_decide(&run, snapshot);
    }
    for (guint i = 0; i < 4; i++)
        assert_reason(&run, i, i == 1 ? VH_REASON_OTHER_NODE : VH_REASON_ASK);
}

/* A turn with requests, over a pool that needs nothing of its own. */
static void run_requests(Run *run, const VhDomain *guests, guint n, const VhRequest *requests,
                         guint n_requests)
{
    for (int i = 0; i < 2; i++) {
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, n, run->seconds++);
        g_array_append_vals(snapshot->requests, requests, n_requests);
        run_decide(run, snapshot);
    }
}

static void test_request_at_idle(void)
{
    const VhDomain guests[] = {fixture_guest(1, "batch-1"), fixture_guest(2, "perf-1"),
                               fixture_guest(3, "web")};
    const VhRequest request = {.id = 7, .bytes = VH_GIB, .urgency = VH_LEVEL_PROACTIVE};
    g_auto(Run) run = run_new(config_with_classes(64 * VH_GIB));

    run_requests(&run, guests, 3, &request, 1);
    g_assert_cmpint(run.plan->level, ==, VH_LEVEL_IDLE);
    g_assert_cmpuint(run.plan->requested_bytes, ==, VH_GIB);
    g_assert_cmpuint(run.plan->need_bytes, ==, VH_GIB);
    g_assert_cmpuint(run.plan->actions->len, ==, 1);
    g_assert_cmpuint(action_of(&run, 0)->request_id, ==, 7);
    g_assert_cmpuint(action_of(&run, 0)->counted_bytes, >=, VH_GIB);
    assert_reason(&run, 1, VH_REASON_PROTECTED); /* not so urgent as to unlock these */
    assert_reason(&run, 2, VH_REASON_PROTECTED);
}

static void test_request_urgency(void)
{
    const VhDomain guests[] = {fixture_guest(2, "perf-1")};
    VhRequest request = {.id = 7, .bytes = VH_GIB};
    g_auto(Run) run = run_new(config_with_classes(64 * VH_GIB));

    for (int urgency = VH_LEVEL_PROACTIVE; urgency <= VH_LEVEL_CRITICAL; urgency++) {
        request.urgency = (VhLevel)urgency;
        run_requests(&run, guests, 1, &request, 1);
        assert_reason(&run, 0, urgency == VH_LEVEL_CRITICAL ? VH_REASON_ASK : VH_REASON_PROTECTED);
    }
}

static void test_request_ends(void)
{
    const VhDomain guests[] = {fixture_guest(1, "batch-1")};
    VhRequest request = {
        .id = 7, .bytes = VH_GIB, .returned_bytes = VH_GIB, .urgency = VH_LEVEL_CRITICAL};
    g_auto(Run) run = run_new(config_with_classes(64 * VH_GIB));

    run_requests(&run, guests, 1, &request, 1); /* all of it has come */
    assert_reason(&run, 0, VH_REASON_NEED_MET);
    request.returned_bytes = 0;
    request.deadline_us = 1001 * VH_SEC; /* has passed */
    run_requests(&run, guests, 1, &request, 1);
    assert_reason(&run, 0, VH_REASON_POOL_IDLE);
    g_assert_cmpuint(run.plan->requested_bytes, ==, 0);
    request.deadline_us = 5000 * VH_SEC;
    run_requests(&run, guests, 1, &request, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
}

/* The pool first, then the most urgent, then the oldest; each ask is for one of them, and what is
 * under way counts for its own. */
static void test_request_order(void)
{
    VhDomain guests[4];
    const VhRequest requests[] = {
        {.id = 1, .bytes = 200 * VH_MIB, .urgency = VH_LEVEL_LOW},
        {.id = 2, .bytes = 200 * VH_MIB, .urgency = VH_LEVEL_HIGH},
        {.id = 3, .bytes = 200 * VH_MIB, .urgency = VH_LEVEL_HIGH},
    };
    const guint64 expected[] = {0, 2, 3, 1};
    g_auto(Run) run = run_new(config_with_classes(9900 * VH_MIB)); /* 15.2 % available */

    four_guests(guests);
    run.config->max_in_flight = 4;
    run.config->pool.levels[VH_LEVEL_LOW].enter = (VhAmount){.is_share = TRUE, .share_bp = 1600};
    run_requests(&run, guests, 4, requests, 3);
    g_assert_cmpint(run.plan->level, ==, VH_LEVEL_LOW);
    g_assert_cmpuint(run.plan->actions->len, ==, 4);
    for (guint i = 0; i < 4; i++)
        g_assert_cmpuint(action_of(&run, i)->request_id, ==, expected[i]);

    const VhInFlight ask = {.uuid = fixture_uuid(0),
                            .uri = "test",
                            .id = 1,
                            .request_id = 2,
                            .expected_bytes = 200 * VH_MIB};
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, 4, run.seconds++);
    g_array_append_vals(snapshot->requests, requests, 3);
    g_array_append_val(snapshot->in_flight, ask);
    run_decide(&run, snapshot);
    g_assert_cmpuint(run.plan->actions->len, ==, 3);
    g_assert_cmpuint(action_of(&run, 0)->request_id, ==, 0);
    g_assert_cmpuint(action_of(&run, 1)->request_id, ==, 3);
    g_assert_cmpuint(action_of(&run, 2)->request_id, ==, 1);
}

/* Whoever has figures has a price, and a place only who could be asked. */
static void test_verdicts_are_complete(void)
{
    VhDomain guests[] = {fixture_guest(1, "batch-1"), fixture_guest(2, "exempt-1"),
                         fixture_guest(3, "web")};
    g_auto(Run) run = run_at_critical();

    guests[2].figures = 0;
    run_twice(&run, guests, 3);
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, 3, run.seconds++);
    run_decide(&run, snapshot);
    const VhVerdict *exempt = verdict_named(&run, snapshot, "exempt-1");
    g_assert_true(exempt->has_yield);
    g_assert_cmpfloat(exempt->cost.price, >, 0);
    g_assert_cmpfloat(exempt->cost.fairness, ==, 1);
    g_assert_cmpuint(exempt->place, ==, 0);
    g_assert_cmpuint(verdict_named(&run, snapshot, "batch-1")->place, ==, 1);
    g_assert_false(verdict_named(&run, snapshot, "web")->has_yield);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/order/price", test_price_orders);
    g_test_add_func("/order/short-lived", test_short_lived);
    g_test_add_func("/order/guesswork", test_guesswork);
    g_test_add_func("/order/shares", test_shares);
    g_test_add_func("/order/rounds-at-critical", test_rounds_at_critical);
    g_test_add_func("/walk/class-budget", test_class_budget);
    g_test_add_func("/walk/nodes", test_nodes);
    g_test_add_func("/walk/other-node", test_other_node);
    g_test_add_func("/walk/request-at-idle", test_request_at_idle);
    g_test_add_func("/walk/request-urgency", test_request_urgency);
    g_test_add_func("/walk/request-ends", test_request_ends);
    g_test_add_func("/walk/request-order", test_request_order);
    g_test_add_func("/walk/verdicts-are-complete", test_verdicts_are_complete);
    return g_test_run();
}
