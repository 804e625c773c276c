/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engines to compare with: each rule's arithmetic on numbers worked by hand, and what all of
 * them leave alone. */
#include "fixture.h"
#include "vh-cycle.h"
#include "vh-rule.h"

/* Guests of a list, in MiB. */
typedef struct {
    guint64 maximum, used, idle, spare;
    guint weight;
    guint64 ask; /* expected */
} Row;

static GArray *list_of(const Row *rows, guint n)
{
    GArray *guests = g_array_new(FALSE, FALSE, sizeof(VhRuleGuest));

    for (guint i = 0; i < n; i++) {
        const VhRuleGuest guest = {
            .domain = i,
            .weight = rows[i].weight,
            .maximum_bytes = rows[i].maximum * VH_MIB,
            .used_bytes = rows[i].used * VH_MIB,
            .idle_bytes = rows[i].idle * VH_MIB,
            .spare_bytes = rows[i].spare * VH_MIB,
            .target_bytes = rows[i].used * VH_MIB, /* the mean of what it uses: it has not moved */
        };
        g_array_append_val(guests, guest);
    }
    return guests;
}

/* Within half a MiB: the rules count in bytes, the tables in MiB. */
static void assert_asks(const GArray *guests, const Row *rows)
{
    for (guint i = 0; i < guests->len; i++) {
        double asked = (double)g_array_index(guests, VhRuleGuest, i).ask_bytes / (double)VH_MIB;
        g_assert_cmpfloat(asked, >=, (double)rows[i].ask - 0.5);
        g_assert_cmpfloat(asked, <=, (double)rows[i].ask + 0.5);
    }
}

static void test_uniform(void)
{
    /* 900 of three: 300 each, but the first has 100 only, so that the others give 400 */
    const Row rows[] = {{2048, 400, 100, 900, 4, 100},
                        {2048, 400, 500, 900, 4, 400},
                        {2048, 400, 900, 800, 4, 400}};
    g_autoptr(GArray) guests = list_of(rows, G_N_ELEMENTS(rows));

    vh_rule_uniform(guests, 900 * VH_MIB);
    assert_asks(guests, rows);
    /* more than there is: everybody gives all, as far as the reserve lets it */
    const Row all[] = {
        {.ask = 100},
        {.ask = 500},
        {.ask = 800},
    };
    vh_rule_uniform(guests, 5000 * VH_MIB);
    assert_asks(guests, all);
    /* nothing needed */
    const Row none[3] = {{0}};
    vh_rule_uniform(guests, 0);
    assert_asks(guests, none);
}

static void test_proportional(void)
{
    /* 300 of 1200: a quarter of what each has */
    const Row rows[] = {{2048, 400, 200, 900, 4, 50}, {2048, 400, 1000, 900, 4, 250}};
    g_autoptr(GArray) guests = list_of(rows, G_N_ELEMENTS(rows));

    vh_rule_proportional(guests, 300 * VH_MIB);
    assert_asks(guests, rows);
}

static void test_largest(void)
{
    /* the third first, then the second, for the 200 that are left */
    const Row rows[] = {
        {2048, 400, 100, 900, 4, 0}, {2048, 400, 500, 900, 4, 200}, {2048, 400, 900, 700, 4, 700}};
    g_autoptr(GArray) guests = list_of(rows, G_N_ELEMENTS(rows));

    vh_rule_largest(guests, 900 * VH_MIB);
    assert_asks(guests, rows);
}

static void test_proxmox_shares(void)
{
    /*
     * Minima are a quarter: 512 each. Above them: 488 + 88 = 576; 150 less makes 426, for 1000 and
     * 3000 shares: parts of 106.5 and 319.5. The first is to go to 618.5, by 100 at most: 900. The
     * second has 600, less than its part: it is left. The 50 that are left over are nobody's.
     */
    const Row rows[] = {{2048, 600, 400, 2048, 4, 100}, {2048, 200, 400, 2048, 12, 0}};
    g_autoptr(GArray) guests = list_of(rows, G_N_ELEMENTS(rows));

    vh_rule_proxmox(guests, -150 * (gint64)VH_MIB);
    assert_asks(guests, rows);
}

static void test_proxmox_repeats(void)
{
    /*
     * Above the minima 288 each, 864; 60 less: 804 / 3 = 268 each, so that each loses 20. With
     * equal parts one round does it.
     */
    const Row even[] = {{2048, 400, 400, 2048, 4, 20},
                        {2048, 400, 400, 2048, 4, 20},
                        {2048, 400, 400, 2048, 4, 20}};
    g_autoptr(GArray) guests = list_of(even, G_N_ELEMENTS(even));

    vh_rule_proxmox(guests, -60 * (gint64)VH_MIB);
    assert_asks(guests, even);

    /*
     * 288 and 88 above the minima: 376, less 60: 158 each. The second is below that and is done
     * with; the first would go to 670, and goes to 700: 40 too far. In the next round its part is
     * 188 + 40 above the minimum: 740.
     */
    const Row uneven[] = {{2048, 400, 400, 2048, 4, 60}, {2048, 200, 400, 2048, 4, 0}};
    g_autoptr(GArray) others = list_of(uneven, G_N_ELEMENTS(uneven));
    vh_rule_proxmox(others, -60 * (gint64)VH_MIB);
    assert_asks(others, uneven);
}

static void test_proxmox_whom_first(void)
{
    /* only the second has more than 128 MiB free, a quarter of its minimum */
    const Row rows[] = {{2048, 900, 100, 2048, 4, 0}, {2048, 600, 400, 2048, 4, 50}};
    g_autoptr(GArray) guests = list_of(rows, G_N_ELEMENTS(rows));

    vh_rule_proxmox(guests, -50 * (gint64)VH_MIB);
    assert_asks(guests, rows);

    /* nobody has: everybody's turn, 25 each of equal parts */
    const Row all[] = {{2048, 900, 100, 2048, 4, 25}, {2048, 900, 100, 2048, 4, 25}};
    g_autoptr(GArray) pressed = list_of(all, G_N_ELEMENTS(all));
    vh_rule_proxmox(pressed, -50 * (gint64)VH_MIB);
    assert_asks(pressed, all);

    /* 10 MiB do not matter; growing needs no ask */
    const Row none[2] = {{0}};
    vh_rule_proxmox(pressed, -10 * (gint64)VH_MIB);
    assert_asks(pressed, none);
    vh_rule_proxmox(pressed, 500 * (gint64)VH_MIB);
    assert_asks(pressed, none);
}

static void test_mom(void)
{
    /*
     * At 10 % of the host free a guest is to keep 10 % of its size free. The first, of 1000, has
     * 500 and could go to 600, but moves by 5 % only: 50. The second has 120 of 1000 free, 20 too
     * many. The third has 2 of 1000 too many, less than the dead band of 2.5; the fourth too few.
     */
    const Row rows[] = {{2000, 500, 500, 2000, 4, 50},
                        {2000, 880, 120, 2000, 4, 20},
                        {2000, 898, 102, 2000, 4, 0},
                        {2000, 950, 50, 2000, 4, 0}};
    g_autoptr(GArray) guests = list_of(rows, G_N_ELEMENTS(rows));

    vh_rule_mom(guests, 0.10);
    assert_asks(guests, rows);
    /* at 3 %: a guest is to have 2 % less than it uses: the fourth moves by its 5 % too */
    const Row critical[] = {{.ask = 50}, {.ask = 50}, {.ask = 50}, {.ask = 50}};
    vh_rule_mom(guests, 0.03);
    assert_asks(guests, critical);
    /* no pressure from 20 % on */
    const Row none[4] = {{0}};
    vh_rule_mom(guests, 0.20);
    assert_asks(guests, none);
}

static void test_esx(void)
{
    /*
     * Equal shares, k = 4. Taxed: 400 + 4 * 600 = 2800 and 800 + 4 * 200 = 1600. The first pays
     * less a page, so it gives first: 300 bring it to 1600, like the second. Of 400, the 100 that
     * are left come from both: 50 each.
     */
    const Row rows[] = {{2000, 400, 600, 2000, 4, 350}, {2000, 800, 200, 2000, 4, 50}};
    g_autoptr(GArray) guests = list_of(rows, G_N_ELEMENTS(rows));

    vh_rule_esx(guests, 300 * VH_MIB);
    const Row first[] = {{.ask = 300}, {.ask = 0}};
    assert_asks(guests, first);
    vh_rule_esx(guests, 400 * VH_MIB);
    assert_asks(guests, rows);
}

static void test_esx_shares(void)
{
    /*
     * The same memory, but twice the shares for the second: both taxed 2800, so 1/rho is 2800 / S
     * and 1400 / S. The first gives alone until it is at 1400: 350.
     */
    const Row rows[] = {{2000, 400, 600, 2000, 4, 350}, {2000, 400, 600, 2000, 8, 0}};
    g_autoptr(GArray) guests = list_of(rows, G_N_ELEMENTS(rows));

    vh_rule_esx(guests, 350 * VH_MIB);
    assert_asks(guests, rows);
    /* 90 more, in the ratio of the shares: 30 and 60 */
    const Row more[] = {{.ask = 380}, {.ask = 60}};
    vh_rule_esx(guests, 440 * VH_MIB);
    assert_asks(guests, more);
}

static void test_mean(void)
{
    /* of 10 samples: 9/11 of what it was are kept after one period, and 81/121 after two */
    g_assert_cmpuint(vh_rule_mean_bytes(0, 1210, 0, VH_SEC, 10), ==, 1210);
    g_assert_cmpuint(vh_rule_mean_bytes(1210, 0, VH_SEC, VH_SEC, 10), ==, 990);
    g_assert_cmpuint(vh_rule_mean_bytes(12100, 0, 2 * VH_SEC, VH_SEC, 10), ==, 8100);
    g_assert_cmpuint(vh_rule_mean_bytes(1210, 0, 0, VH_SEC, 10), ==, 1210);
}

/* All engines but our own. */
static GPtrArray *rules(void)
{
    GPtrArray *found = g_ptr_array_new();
    const char *const *names = vh_engine_names();

    for (guint i = 1; names[i]; i++)
        g_ptr_array_add(found, (gpointer)vh_engine_find(names[i]));
    g_assert_cmpuint(found->len, >=, 6);
    return found;
}

static const VhVerdict *verdict_of(const VhPlan *plan, guint index)
{
    return &g_array_index(plan->verdicts, VhVerdict, index);
}

/* Guest 1 could give; each other one is out for a reason that no rule can pass over. */
static void test_who_is_left_alone(void)
{
    VhDomain guests[] = {fixture_guest(1, "a"), fixture_guest(2, "b"), fixture_guest(3, "c"),
                         fixture_guest(4, "d"), fixture_guest(5, "e"), fixture_guest(6, "never")};
    const VhReason reasons[] = {VH_REASON_ASK,       VH_REASON_NOT_RUNNING, VH_REASON_HUNG,
                                VH_REASON_TIER_NONE, VH_REASON_NO_STATS,    VH_REASON_NEVER};
    g_autoptr(GPtrArray) engines = rules();
    g_autoptr(VhConfig) config = fixture_config(8 * VH_GIB);
    g_autoptr(VhPlan) plan = vh_plan_new();

    guests[1].is_running = FALSE;
    guests[2].is_hung = TRUE;
    guests[3].tier = VH_TIER_NONE;
    guests[4].figures &= ~VH_HAS_UNUSED;
    config->n_matches = 1;
    config->matches = g_new0(VhMatch, 1);
    config->matches[0] = (VhMatch){.kind = VH_MATCH_NAME,
                                   .name_glob = g_strdup("never"),
                                   .class_index = (guint)vh_config_find_class(config, "exempt")};
    for (guint e = 0; e < engines->len; e++) {
        const VhEngine *engine = engines->pdata[e];
        g_autoptr(VhState) state = vh_state_new();
        g_autoptr(VhState) next = vh_state_new();
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, G_N_ELEMENTS(guests), 0);
        engine->decide(config, state, snapshot, next, plan);
        g_assert_cmpuint(plan->verdicts->len, ==, G_N_ELEMENTS(guests));
        g_assert_cmpuint(plan->actions->len, ==, 1);
        for (guint i = 0; i < G_N_ELEMENTS(guests); i++)
            g_assert_cmpstr(vh_reason_name(verdict_of(plan, i)->reason), ==,
                            vh_reason_name(reasons[i]));
    }
}

/* Who has no memory on the pool's NUMA node cannot help it. */
static void test_other_node(void)
{
    VhDomain guests[] = {fixture_guest(1, "a"), fixture_guest(2, "b")};
    const VhNode node = {.id = 1, .total_bytes = 8 * VH_GIB, .available_bytes = 500 * VH_MIB};
    g_autoptr(GPtrArray) engines = rules();
    g_autoptr(VhConfig) config = fixture_config(0);
    g_autoptr(VhPlan) plan = vh_plan_new();

    config->pool.source = VH_POOL_NUMA;
    config->pool.node = 1;
    guests[0].node_mask = 1 << 1;
    guests[1].node_mask = 1 << 0;
    for (guint e = 0; e < engines->len; e++) {
        const VhEngine *engine = engines->pdata[e];
        g_autoptr(VhState) state = vh_state_new();
        g_autoptr(VhState) next = vh_state_new();
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, G_N_ELEMENTS(guests), 0);
        g_array_append_val(snapshot->nodes, node);
        engine->decide(config, state, snapshot, next, plan);
        g_assert_cmpuint(plan->actions->len, ==, 1);
        g_assert_cmpstr(vh_reason_name(verdict_of(plan, 0)->reason), ==, "ask");
        g_assert_cmpstr(vh_reason_name(verdict_of(plan, 1)->reason), ==, "other-node");
    }
}

/* An ask leaves the reserve, whatever the rule would take. */
static void test_reserve_is_left(void)
{
    const VhDomain guests[] = {fixture_guest(1, "a")};
    g_autoptr(GPtrArray) engines = rules();
    g_autoptr(VhConfig) config = fixture_config(1 * VH_GIB); /* far over */
    g_autoptr(VhPlan) plan = vh_plan_new();

    config->classes[config->default_class].keep_free = (VhAmount){.bytes = 1590 * VH_MIB};
    for (guint e = 0; e < engines->len; e++) {
        const VhEngine *engine = engines->pdata[e];
        g_autoptr(VhState) state = vh_state_new();
        g_autoptr(VhState) next = vh_state_new();
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, 1, 0);
        engine->decide(config, state, snapshot, next, plan);
        g_assert_cmpuint(plan->actions->len, ==, 1);
        const VhAction *action = &g_array_index(plan->actions, VhAction, 0);
        g_assert_cmpuint(action->bytes, ==, 10 * VH_MIB);
        g_assert_cmpuint(action->reserve_bytes, ==, 1590 * VH_MIB);
    }
}

/* With memory enough nobody is asked, and a request alone makes them ask. */
static void test_need(void)
{
    const VhDomain guests[] = {fixture_guest(1, "a"), fixture_guest(2, "b")};
    g_autoptr(GPtrArray) engines = rules();
    g_autoptr(VhConfig) config = fixture_config(16 * VH_GIB);
    g_autoptr(VhPlan) plan = vh_plan_new();
    /* the budget's 16384 less 4200 are available: 10 % remain beside the request */
    const VhRequest request = {.id = 1, .bytes = (12184 - 1638) * VH_MIB, .urgency = VH_LEVEL_LOW};
    const VhRequest passed = {.id = 2, .bytes = 12000 * VH_MIB, .deadline_us = VH_SEC};

    for (guint e = 0; e < engines->len; e++) {
        const VhEngine *engine = engines->pdata[e];
        g_autoptr(VhState) state = vh_state_new();
        g_autoptr(VhState) next = vh_state_new();
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, G_N_ELEMENTS(guests), 0);
        g_array_append_val(snapshot->requests, passed);
        engine->decide(config, state, snapshot, next, plan);
        g_assert_cmpuint(plan->actions->len, ==, 0);
        g_assert_cmpstr(vh_reason_name(verdict_of(plan, 0)->reason), ==, "pool-idle");

        g_autoptr(VhState) fresh = vh_state_new();
        g_array_append_val(snapshot->requests, request);
        engine->decide(config, fresh, snapshot, next, plan);
        g_assert_cmpuint(plan->actions->len, >=, 1);
    }
}

/* The published rhythms, and the policy's interval for those that have none: the next turn comes
 * after it, not before, however often an ask ends meanwhile. */
static void test_rhythm(void)
{
    static const struct {
        const char *engine;
        gint64 period_s;
    } cases[] = {{"proxmox", 10}, {"mom", 10},         {"esx", 15},
                 {"uniform", 5},  {"proportional", 5}, {"largest", 5}};
    const VhDomain guests[] = {fixture_guest(1, "a"), fixture_guest(2, "b")};
    g_autoptr(VhPlan) plan = vh_plan_new();

    for (guint c = 0; c < G_N_ELEMENTS(cases); c++) {
        g_autoptr(VhConfig) config = fixture_config(4700 * VH_MIB); /* 500 of it available: low */
        g_autoptr(VhState) state = vh_state_new();
        g_autoptr(VhState) next = vh_state_new();
        for (gint64 second = 0; second <= 2 * cases[c].period_s; second++) {
            g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, G_N_ELEMENTS(guests), second);
            vh_engine_find(cases[c].engine)->decide(config, state, snapshot, next, plan);
            VhState *kept = state;
            state = next;
            next = kept;
            if (second % cases[c].period_s == 0) {
                g_assert_cmpuint(plan->actions->len, >=, 1);
                continue;
            }
            g_assert_cmpuint(plan->actions->len, ==, 0);
            g_assert_cmpstr(vh_reason_name(verdict_of(plan, 0)->reason), ==, "cooldown");
            gint64 left_us = verdict_of(plan, 0)->wait_until_us - snapshot->wall_us;
            g_assert_cmpint(left_us, ==, (cases[c].period_s - second % cases[c].period_s) * VH_SEC);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engines/uniform", test_uniform);
    g_test_add_func("/engines/proportional", test_proportional);
    g_test_add_func("/engines/largest", test_largest);
    g_test_add_func("/engines/proxmox/shares", test_proxmox_shares);
    g_test_add_func("/engines/proxmox/repeats", test_proxmox_repeats);
    g_test_add_func("/engines/proxmox/whom-first", test_proxmox_whom_first);
    g_test_add_func("/engines/mom", test_mom);
    g_test_add_func("/engines/esx", test_esx);
    g_test_add_func("/engines/esx/shares", test_esx_shares);
    g_test_add_func("/engines/mean", test_mean);
    g_test_add_func("/engines/who-is-left-alone", test_who_is_left_alone);
    g_test_add_func("/engines/other-node", test_other_node);
    g_test_add_func("/engines/reserve-is-left", test_reserve_is_left);
    g_test_add_func("/engines/need", test_need);
    g_test_add_func("/engines/rhythm", test_rhythm);
    return g_test_run();
}
