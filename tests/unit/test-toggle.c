/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When continuous reporting is switched: by mode, tier, pool and what comes back; and never too
 * often, whatever happens. */
#include "fixture.h"
#include "vh-toggle.h"

/* One guest and one look at it, as a literal. */
typedef struct {
    const char *what;
    VhReportingMode mode;
    gboolean ask_never, refuses_monitor;
    VhTier tier;
    VhReports reports;
    VhReason reason; /* of its verdict */
    enum { RUNS, IS_PAUSED, HANGS, HAS_JOB } state;
    VhLevel level;
    int low_s, quiet_s;   /* for so long; -1: it is not */
    guint retouch_bp;     /* as the yield has it */
    int switched_min_ago; /* -1: never */
    guint n_switched;     /* beside it, within the hour before, ten minutes apart */
    VhToggleReason expected;
} Case;

#define NATIVE .tier = VH_TIER_NATIVE, .switched_min_ago = -1
#define SHORT .level = VH_LEVEL_LOW, .low_s = 30, .quiet_s = -1
#define QUIET .level = VH_LEVEL_IDLE, .low_s = -1, .quiet_s = 900
#define OFF .reports = VH_REPORTS_OFF
#define ON .reports = VH_REPORTS_ON
#define AUTO .mode = VH_REPORTING_AUTO
#define ALWAYS .mode = VH_REPORTING_ALWAYS
#define NEVER .mode = VH_REPORTING_OFF

static const Case cases[] = {
    {"leave", .mode = VH_REPORTING_LEAVE, NATIVE, ON, QUIET, .expected = VH_TOGGLE_LEAVE},
    {"auto, never asked", AUTO, NATIVE, OFF, SHORT, .ask_never = TRUE, .expected = VH_TOGGLE_LEAVE},
    {"off, never asked", NEVER, NATIVE, ON, SHORT, .ask_never = TRUE, .expected = VH_TOGGLE_OFF},
    {"paused", AUTO, NATIVE, OFF, SHORT, .state = IS_PAUSED, .expected = VH_TOGGLE_ABSENT},
    {"hangs", ALWAYS, NATIVE, OFF, SHORT, .state = HANGS, .expected = VH_TOGGLE_ABSENT},
    {"migrates", NEVER, NATIVE, ON, SHORT, .state = HAS_JOB, .expected = VH_TOGGLE_ABSENT},
    {"other copy", AUTO, NATIVE, OFF, SHORT, .reason = VH_REASON_OTHER_COPY,
     .expected = VH_TOGGLE_ABSENT},
    {"no monitor", ALWAYS, NATIVE, OFF, SHORT, .refuses_monitor = TRUE, .expected = VH_TOGGLE_TIER},
    {"auto, soft", AUTO, OFF, SHORT, .tier = VH_TIER_SOFT, .switched_min_ago = -1,
     .expected = VH_TOGGLE_TIER},
    {"always, soft", ALWAYS, OFF, QUIET, .tier = VH_TIER_SOFT, .switched_min_ago = -1,
     .expected = VH_TOGGLE_ALWAYS},
    {"off, soft", NEVER, ON, SHORT, .tier = VH_TIER_SOFT, .switched_min_ago = -1,
     .expected = VH_TOGGLE_OFF},
    {"always, pulse", ALWAYS, OFF, SHORT, .tier = VH_TIER_PULSE, .switched_min_ago = -1,
     .expected = VH_TOGGLE_TIER},
    {"nobody knows", ALWAYS, NATIVE, SHORT, .expected = VH_TOGGLE_UNKNOWN},
    {"an ask is under way", AUTO, NATIVE, OFF, SHORT, .reason = VH_REASON_IN_FLIGHT,
     .expected = VH_TOGGLE_IN_FLIGHT},
    {"always is", ALWAYS, NATIVE, ON, QUIET, .expected = VH_TOGGLE_NONE},
    {"always is not", ALWAYS, NATIVE, OFF, QUIET, .expected = VH_TOGGLE_ALWAYS},
    {"always, whatever r", ALWAYS, NATIVE, OFF, QUIET, .retouch_bp = 10000,
     .expected = VH_TOGGLE_ALWAYS},
    {"off is", NEVER, NATIVE, OFF, SHORT, .expected = VH_TOGGLE_NONE},
    {"off is not", NEVER, NATIVE, ON, SHORT, .expected = VH_TOGGLE_OFF},

    {"short", AUTO, NATIVE, OFF, SHORT, .expected = VH_TOGGLE_PRESSURE},
    {"critical", AUTO, NATIVE, OFF, .level = VH_LEVEL_CRITICAL, .low_s = 30, .quiet_s = -1,
     .expected = VH_TOGGLE_PRESSURE},
    {"not for long enough", AUTO, NATIVE, OFF, .level = VH_LEVEL_LOW, .low_s = 29, .quiet_s = -1,
     .expected = VH_TOGGLE_NONE},
    {"proactive is not short", AUTO, NATIVE, OFF, .level = VH_LEVEL_PROACTIVE, .low_s = -1,
     .quiet_s = 60, .expected = VH_TOGGLE_NONE},
    {"short, r just small", AUTO, NATIVE, OFF, SHORT, .retouch_bp = 2999,
     .expected = VH_TOGGLE_PRESSURE},
    {"short, r in between", AUTO, NATIVE, OFF, SHORT, .retouch_bp = 3000,
     .expected = VH_TOGGLE_NONE},
    {"on, r in between", AUTO, NATIVE, ON, SHORT, .retouch_bp = 6000, .expected = VH_TOGGLE_NONE},
    {"on, r large", AUTO, NATIVE, ON, SHORT, .retouch_bp = 6001, .expected = VH_TOGGLE_RETOUCH},
    {"on, quiet", AUTO, NATIVE, ON, QUIET, .expected = VH_TOGGLE_QUIET},
    {"on, not quiet for long enough", AUTO, NATIVE, ON, .level = VH_LEVEL_IDLE, .low_s = -1,
     .quiet_s = 899, .expected = VH_TOGGLE_NONE},
    {"off, quiet", AUTO, NATIVE, OFF, QUIET, .expected = VH_TOGGLE_NONE},

    {"too soon", AUTO, OFF, SHORT, .tier = VH_TIER_NATIVE, .switched_min_ago = 4,
     .expected = VH_TOGGLE_DWELL},
    {"always, too soon", ALWAYS, OFF, SHORT, .tier = VH_TIER_NATIVE, .switched_min_ago = 4,
     .expected = VH_TOGGLE_DWELL},
    {"nothing to do, so not too soon", ALWAYS, ON, SHORT, .tier = VH_TIER_NATIVE,
     .switched_min_ago = 4, .expected = VH_TOGGLE_NONE},
    {"late enough", AUTO, OFF, SHORT, .tier = VH_TIER_NATIVE, .switched_min_ago = 5,
     .expected = VH_TOGGLE_PRESSURE},
    {"the sixth", NEVER, ON, SHORT, .tier = VH_TIER_NATIVE, .switched_min_ago = 5, .n_switched = 4,
     .expected = VH_TOGGLE_OFF},
    {"the seventh", NEVER, ON, SHORT, .tier = VH_TIER_NATIVE, .switched_min_ago = 5,
     .n_switched = 5, .expected = VH_TOGGLE_TOO_OFTEN},
    {"the first of six is an hour ago", NEVER, ON, SHORT, .tier = VH_TIER_NATIVE,
     .switched_min_ago = 10, .n_switched = 5, .expected = VH_TOGGLE_OFF},
    {"a clock that was set back", NEVER, ON, SHORT, .tier = VH_TIER_NATIVE,
     .switched_min_ago = -600, .expected = VH_TOGGLE_DWELL},
};

static void fill_guest(const Case *row, const VhSnapshot *snapshot, VhState *state)
{
    VhGuestState *guest = vh_state_get(state, &vh_snapshot_domain(snapshot, 0)->uuid);

    state->low_since_us = row->low_s < 0 ? 0 : snapshot->now_us - row->low_s * VH_SEC;
    state->quiet_since_us = row->quiet_s < 0 ? 0 : snapshot->now_us - row->quiet_s * VH_SEC;
    if (row->switched_min_ago == -1)
        return;
    for (int i = (int)row->n_switched; i >= 0; i--)
        guest->toggles_wall_us[guest->n_toggles++] =
            snapshot->wall_us - (row->switched_min_ago + 10 * i) * VH_MIN;
}

static VhDomain guest_of(const Case *row)
{
    VhDomain domain = fixture_guest(1, "one");

    domain.tier = row->tier;
    domain.reports = row->reports;
    domain.is_running = row->state != IS_PAUSED;
    domain.is_hung = row->state == HANGS;
    domain.has_job = row->state == HAS_JOB;
    return domain;
}

static void test_case(gconstpointer data)
{
    const Case *row = data;
    VhDomain domain = guest_of(row);
    g_autoptr(VhConfig) config = vh_config_new();
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(&domain, 1, 7200);
    g_autoptr(VhState) state = vh_state_new();
    g_autoptr(VhPlan) plan = vh_plan_new();
    VhClass treatment = config->classes[config->default_class];
    VhVerdict verdict = {.reason = row->reason, .has_yield = TRUE};

    fill_guest(row, snapshot, state);
    const VhGuestState *guest = vh_state_find(state, &domain.uuid);
    guint n_before = guest->n_toggles;
    config->allows_monitor = !row->refuses_monitor;
    treatment.reporting = row->mode;
    treatment.ask_never = row->ask_never;
    verdict.yield.retouch_bp = row->retouch_bp;
    plan->level = row->level;
    vh_toggle_plan(config, snapshot, guest, &treatment, state, plan, &verdict);

    gboolean is_on = row->expected == VH_TOGGLE_ALWAYS || row->expected == VH_TOGGLE_PRESSURE;
    gboolean is_off = row->expected == VH_TOGGLE_OFF || row->expected == VH_TOGGLE_RETOUCH ||
                      row->expected == VH_TOGGLE_QUIET;
    g_assert_cmpstr(vh_toggle_reason_name(verdict.toggle), ==,
                    vh_toggle_reason_name(row->expected));
    g_assert_cmpuint(plan->toggles->len, ==, is_on || is_off);
    guest = vh_state_find(state, &domain.uuid);
    if (!is_on && !is_off) {
        g_assert_cmpuint(guest->n_toggles, ==, n_before);
        return;
    }
    const VhToggle *toggle = &g_array_index(plan->toggles, VhToggle, 0);
    g_assert_cmpint(toggle->is_on, ==, is_on);
    g_assert_cmpint(toggle->reason, ==, row->expected);
    g_assert_true(vh_uuid_equal(&toggle->uuid, &domain.uuid));
    g_assert_cmpint(guest->toggles_wall_us[guest->n_toggles - 1], ==, snapshot->wall_us);
}

/* Where there is no yield, by what was learned; where nothing was, by what the policy expects. */
static void test_retouch_without_yield(void)
{
    static const struct {
        guint prior_bp, n_rebounds, learned_bp;
        VhToggleReason expected;
    } table[] = {
        {1000, 0, 9000, VH_TOGGLE_NONE},
        {9000, 0, 1000, VH_TOGGLE_RETOUCH},
        {1000, 1, 9000, VH_TOGGLE_RETOUCH},
        {9000, 1, 1000, VH_TOGGLE_NONE},
    };
    const Case on = {"", AUTO, NATIVE, ON, SHORT};
    VhDomain domain = guest_of(&on);
    g_autoptr(VhConfig) config = vh_config_new();
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(&domain, 1, 0);
    g_autoptr(VhPlan) plan = vh_plan_new();

    config->allows_monitor = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(VhState) state = vh_state_new();
        VhClass treatment = {.reporting = VH_REPORTING_AUTO};
        VhVerdict verdict = {0};
        VhGuestState guest = {.uuid = domain.uuid,
                              .n_rebounds = table[i].n_rebounds,
                              .retouch_bp = table[i].learned_bp};
        g_test_message("row %u", i);
        fill_guest(&on, snapshot, state);
        config->model.retouch_bp = table[i].prior_bp;
        plan->level = VH_LEVEL_LOW;
        vh_toggle_plan(config, snapshot, &guest, &treatment, state, plan, &verdict);
        g_assert_cmpint(verdict.toggle, ==, table[i].expected);
    }
}

/* Once the clock runs again, a switch that it had put in the future is forgotten in its time. */
static void test_clock_set_back(void)
{
    const Case off = {"", NEVER, ON, SHORT, .tier = VH_TIER_NATIVE, .switched_min_ago = -60000};
    VhDomain domain = guest_of(&off);
    g_autoptr(VhConfig) config = vh_config_new();
    g_autoptr(VhState) state = vh_state_new();
    VhClass treatment = {.reporting = VH_REPORTING_OFF};
    guint switched = 0;

    config->allows_monitor = TRUE;
    for (guint second = 0; second <= 300; second += 10) {
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(&domain, 1, second);
        g_autoptr(VhPlan) plan = vh_plan_new();
        VhVerdict verdict = {0};
        if (second == 0)
            fill_guest(&off, snapshot, state);
        vh_toggle_plan(config, snapshot, vh_state_find(state, &domain.uuid), &treatment, state,
                       plan, &verdict);
        switched += plan->toggles->len;
        g_assert_cmpuint(switched, ==, second == 300);
    }
}

/* A guest, a class and a pool that change at random: hours of it, and switches that the guest obeys
 * at once, late, or never. */
static void test_pace(void)
{
    VhDomain domain = fixture_guest(1, "one");
    g_autoptr(VhConfig) config = vh_config_new();
    g_autoptr(VhState) state = vh_state_new();
    g_autoptr(GArray) switched = g_array_new(FALSE, FALSE, sizeof(gint64));
    gint64 seconds = 0;

    config->allows_monitor = TRUE;
    domain.tier = VH_TIER_NATIVE;
    for (guint step = 0; step < 50000; step++) {
        VhClass treatment = {.reporting = (VhReportingMode)g_test_rand_int_range(0, 4)};
        seconds += g_test_rand_int_range(1, 60);
        domain.reports = (VhReports)g_test_rand_int_range(0, 3);
        g_autoptr(VhSnapshot) snapshot = fixture_snapshot(&domain, 1, seconds);
        g_autoptr(VhPlan) plan = vh_plan_new();
        VhVerdict verdict = {.has_yield = TRUE};

        plan->level = (VhLevel)g_test_rand_int_range(0, VH_LEVELS);
        state->low_since_us = snapshot->now_us - g_test_rand_int_range(0, 120) * VH_SEC;
        state->quiet_since_us = snapshot->now_us - g_test_rand_int_range(0, 3600) * VH_SEC;
        verdict.yield.retouch_bp = (guint)g_test_rand_int_range(0, 10001);
        vh_toggle_plan(config, snapshot, vh_state_find(state, &domain.uuid), &treatment, state,
                       plan, &verdict);
        if (plan->toggles->len == 0)
            continue;
        guint n = switched->len;
        if (n >= 1)
            g_assert_cmpint(snapshot->wall_us - g_array_index(switched, gint64, n - 1), >=,
                            5 * VH_MIN);
        if (n >= 6)
            g_assert_cmpint(snapshot->wall_us - g_array_index(switched, gint64, n - 6), >=,
                            VH_HOUR);
        g_array_append_val(switched, snapshot->wall_us);
    }
    /* both bounds were reached: six in each of more than 400 hours */
    g_assert_cmpuint(switched->len, >, (guint)(seconds / 3600) * 5);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/toggle/%s", cases[i].what);
        g_test_add_data_func(g_strdelimit(path, " ", '-'), &cases[i], test_case);
    }
    g_test_add_func("/toggle/retouch-without-yield", test_retouch_without_yield);
    g_test_add_func("/toggle/clock-set-back", test_clock_set_back);
    g_test_add_func("/toggle/pace", test_pace);
    return g_test_run();
}
