/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The decision on struct literals: who is asked, for how much, and why the others are not. */
#include "run.h"

#include <string.h>

static void test_short_pool_asks_batch_first(void)
{
    const VhDomain guests[] = {fixture_guest(1, "perf-db"), fixture_guest(2, "web"),
                               fixture_guest(3, "batch-1"), fixture_guest(4, "batch-2")};
    g_auto(Run) run = run_new(config_with_classes(8400 * VH_MIB)); /* none available: critical */

    run.config->max_in_flight = 4;
    run.config->model.sigma_bp = 0;
    run.config->pool.levels[VH_LEVEL_CRITICAL].enter = (VhAmount){.bytes = 0};
    run.config->pool.levels[VH_LEVEL_HIGH].exit = (VhAmount){.bytes = 1 * VH_MIB};
    run_twice(&run, guests, G_N_ELEMENTS(guests));

    g_assert_cmpint(run.plan->level, ==, VH_LEVEL_HIGH);
    g_assert_cmpuint(run.plan->actions->len, ==, 2);
    g_assert_cmpuint(action_of(&run, 0)->domain, >=, 2);
    g_assert_cmpuint(action_of(&run, 1)->domain, >=, 2);
    assert_reason(&run, 0, VH_REASON_PROTECTED);
    assert_reason(&run, 1, VH_REASON_NEED_MET);
}

static void test_perf_is_asked_at_its_level(void)
{
    const VhDomain guests[] = {fixture_guest(1, "perf-db")};
    g_auto(Run) run = run_new(config_with_classes(2100 * VH_MIB));

    run_twice(&run, guests, 1);
    g_assert_cmpint(run.plan->level, ==, VH_LEVEL_CRITICAL);
    assert_reason(&run, 0, VH_REASON_ASK);
    g_assert_cmpuint(action_of(&run, 0)->bytes, ==, 256 * VH_MIB); /* its cap */
    /* keep_free of the class: 10 % of 2 GiB */
    g_assert_cmpuint(action_of(&run, 0)->reserve_bytes, ==, 2048 * VH_MIB / 10);
}

static void test_need_is_shared_in_order(void)
{
    const VhDomain guests[] = {fixture_guest(1, "batch-1"), fixture_guest(2, "batch-2"),
                               fixture_guest(3, "batch-3")};
    g_auto(Run) run = run_new(config_with_classes(6000 * VH_MIB));

    /* 300 MiB over; to the exit of low (18 %) 1380 are missing */
    run.config->model.retouch_bp = 0;
    run_twice(&run, guests, G_N_ELEMENTS(guests));
    g_assert_cmpuint(run.plan->need_bytes, ==, 1380 * VH_MIB);
    g_assert_cmpuint(run.plan->actions->len, ==, 2);
    /* all that the first can give; 90 % of it are counted on */
    guint64 all = verdict_of(&run, action_of(&run, 0)->domain)->yield.expected_bytes;
    g_assert_cmpuint(action_of(&run, 0)->bytes, ==, all);
    guint64 counted = action_of(&run, 0)->counted_bytes;
    g_assert_cmpuint(counted, ==, all - vh_share(all, 1000));
    /* the next is asked for as much as makes 90 % of it cover the rest, and no byte more */
    guint64 rest = 1380 * VH_MIB - counted, asked = action_of(&run, 1)->bytes;
    g_assert_cmpuint(action_of(&run, 1)->counted_bytes, >=, rest);
    g_assert_cmpuint(asked - 2 - vh_share(asked - 2, 1000), <, rest);
}

/* One guest that can cover the need is asked for it alone, uncertainty included. */
static void test_one_that_suffices_is_asked_alone(void)
{
    const VhDomain guests[] = {fixture_guest(1, "batch-1"), fixture_guest(2, "web")};
    g_auto(Run) run = run_new(config_with_classes(4300 * VH_MIB));

    /* available 100 of 4300 MiB; 674 are missing */
    run_twice(&run, guests, 2);
    g_assert_cmpuint(run.plan->actions->len, ==, 1);
    g_assert_cmpuint(action_of(&run, 0)->counted_bytes, >=, run.plan->need_bytes);
    assert_reason(&run, 1, VH_REASON_NEED_MET);
}

static void test_in_flight_counts(void)
{
    const VhDomain guests[] = {fixture_guest(1, "batch-1"), fixture_guest(2, "batch-2")};
    g_auto(Run) run = run_new(config_with_classes(4300 * VH_MIB));
    const VhInFlight ask = {.uuid = fixture_uuid(1),
                            .uri = "test",
                            .id = 7,
                            .expected_bytes = 2000 * VH_MIB,
                            .returned_bytes = 500 * VH_MIB};

    run_twice(&run, guests, 2);
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(guests, 2, run.seconds++);
    g_array_append_val(snapshot->in_flight, ask);
    run_decide(&run, snapshot);
    g_assert_cmpuint(run.plan->in_flight_bytes, ==, 1500 * VH_MIB);
    assert_reason(&run, 0, VH_REASON_IN_FLIGHT);
    assert_reason(&run, 1, VH_REASON_NEED_MET);
}

static void test_k_in_flight(void)
{
    VhDomain guests[6];
    g_auto(Run) run = run_new(config_with_classes(VH_GIB));

    for (guint i = 0; i < G_N_ELEMENTS(guests); i++)
        guests[i] = fixture_guest(i + 1, "batch");
    run.config->max_in_flight = 2;
    run_twice(&run, guests, G_N_ELEMENTS(guests));
    g_assert_cmpuint(run.plan->actions->len, ==, 2);
    guint held = 0;
    for (guint i = 0; i < G_N_ELEMENTS(guests); i++)
        held += verdict_of(&run, i)->reason == VH_REASON_MAX_IN_FLIGHT;
    g_assert_cmpuint(held, ==, 4);
}

/* How one field of a good guest is spoilt, and what is said of it. */
typedef struct {
    const char *what;
    VhReason reason;
    void (*spoil)(VhDomain *guest);
} Spoilt;

static void spoil_stopped(VhDomain *guest)
{
    guest->is_running = FALSE;
}

static void spoil_hung(VhDomain *guest)
{
    guest->is_hung = TRUE;
}

static void spoil_job(VhDomain *guest)
{
    guest->has_job = TRUE;
}

static void spoil_recovering(VhDomain *guest)
{
    guest->is_recovering = TRUE;
}

static void spoil_tier(VhDomain *guest)
{
    guest->tier = VH_TIER_NONE;
    guest->tier_reasons = VH_TIER_REASON_VFIO;
}

static void spoil_autodeflate(VhDomain *guest)
{
    guest->has_autodeflate = FALSE;
}

static void spoil_never(VhDomain *guest)
{
    guest->name = "exempt-1";
}

static void spoil_unused_missing(VhDomain *guest)
{
    guest->figures &= ~(guint)VH_HAS_UNUSED;
}

static void spoil_rss_missing(VhDomain *guest)
{
    guest->figures &= ~(guint)VH_HAS_RSS;
}

static void spoil_no_update(VhDomain *guest)
{
    guest->stats_time_us = 0;
}

static void spoil_stale(VhDomain *guest)
{
    guest->stats_time_us = FIXTURE_WALL_US - VH_MIN;
}

static void spoil_from_the_future(VhDomain *guest)
{
    guest->stats_time_us = FIXTURE_WALL_US + VH_HOUR;
}

static void spoil_free_above_available(VhDomain *guest)
{
    guest->unused_bytes = guest->available_bytes + VH_MIB;
}

static void spoil_free_above_balloon(VhDomain *guest)
{
    guest->current_bytes = 1024 * VH_MIB;
}

static void spoil_minus_one(VhDomain *guest)
{
    guest->unused_bytes = guest->available_bytes = G_MAXUINT64;
}

static void spoil_all_minus_one(VhDomain *guest)
{
    guest->unused_bytes = guest->available_bytes = guest->maximum_bytes = guest->current_bytes =
        guest->rss_bytes = G_MAXUINT64;
}

static void spoil_nothing_there(VhDomain *guest)
{
    guest->maximum_bytes = guest->available_bytes = guest->unused_bytes = guest->current_bytes = 0;
}

static void spoil_yield(VhDomain *guest)
{
    guest->rss_bytes = 620 * VH_MIB;
}

static void spoil_below_overhead(VhDomain *guest)
{
    guest->rss_bytes = 150 * VH_MIB;
}

static void spoil_keep_free(VhDomain *guest)
{
    guest->available_bytes = 520 * VH_MIB;
    guest->unused_bytes = 120 * VH_MIB;
}

static const Spoilt spoilt[] = {
    {"stopped", VH_REASON_NOT_RUNNING, spoil_stopped},
    {"hung", VH_REASON_HUNG, spoil_hung},
    {"job", VH_REASON_JOB, spoil_job},
    {"recovering", VH_REASON_RECOVERING, spoil_recovering},
    {"tier", VH_REASON_TIER_NONE, spoil_tier},
    {"autodeflate", VH_REASON_NO_AUTODEFLATE, spoil_autodeflate},
    {"never", VH_REASON_NEVER, spoil_never},
    {"unused missing", VH_REASON_NO_STATS, spoil_unused_missing},
    {"rss missing", VH_REASON_NO_STATS, spoil_rss_missing},
    {"last-update 0", VH_REASON_NO_STATS, spoil_no_update},
    {"old", VH_REASON_STALE, spoil_stale},
    {"from the future", VH_REASON_ABSURD, spoil_from_the_future},
    {"F > A", VH_REASON_ABSURD, spoil_free_above_available},
    {"F > B", VH_REASON_ABSURD, spoil_free_above_balloon},
    {"-1", VH_REASON_ABSURD, spoil_minus_one},
    {"2^64-1 everywhere", VH_REASON_ABSURD, spoil_all_minus_one},
    {"0 everywhere", VH_REASON_ABSURD, spoil_nothing_there},
    {"little to give", VH_REASON_SMALL_YIELD, spoil_yield},
    {"R <= O", VH_REASON_SMALL_YIELD, spoil_below_overhead},
    {"nothing to spare", VH_REASON_KEEP_FREE, spoil_keep_free},
};

/* At the deepest need each spoilt guest is refused, with its own reason, and the good one beside it
 * is asked. */
static void test_spoilt_guests_are_refused(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(spoilt); i++) {
        VhDomain guests[] = {fixture_guest(1, "batch-1"), fixture_guest(2, "batch-2")};
        g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

        g_test_message("%s", spoilt[i].what);
        spoilt[i].spoil(&guests[0]);
        run_twice(&run, guests, 2);
        assert_reason(&run, 0, spoilt[i].reason);
        assert_reason(&run, 1, VH_REASON_ASK);
        g_assert_cmpuint(run.plan->actions->len, ==, 1);
    }
}

static void test_autodeflate_reserve(void)
{
    VhDomain guests[] = {fixture_guest(1, "batch-1")};
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    guests[0].has_autodeflate = FALSE;
    run.config->pulse_reserve_bytes = 512 * VH_MIB;
    run_twice(&run, guests, 1);
    g_assert_cmpuint(action_of(&run, 0)->reserve_bytes, ==, 512 * VH_MIB);
    g_assert_cmpuint(action_of(&run, 0)->bytes, <=, (1600 - 512) * VH_MIB);
}

static void test_one_sample_is_not_enough(void)
{
    const VhDomain guests[] = {fixture_guest(1, "batch-1")};
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));
    g_autoptr(VhSnapshot) first = fixture_snapshot(guests, 1, 0);

    run_decide(&run, first);
    assert_reason(&run, 0, VH_REASON_UNSTABLE);
    run_decide(&run, first); /* the same sample again proves nothing */
    assert_reason(&run, 0, VH_REASON_UNSTABLE);
}

static void test_moving_memory_is_unstable(void)
{
    VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    run_twice(&run, &guest, 1);
    guest.rss_bytes += 300 * VH_MIB; /* it allocates; `unused` lags */
    g_autoptr(VhSnapshot) moving = fixture_snapshot(&guest, 1, run.seconds++);
    run_decide(&run, moving);
    assert_reason(&run, 0, VH_REASON_UNSTABLE);
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
}

/* What it gives back by reporting, meanwhile, is no use of memory: what is left can be asked for.
 */
static void test_falling_memory_is_stable(void)
{
    VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    run_twice(&run, &guest, 1);
    guest.rss_bytes -= 300 * VH_MIB;
    g_autoptr(VhSnapshot) falling = fixture_snapshot(&guest, 1, run.seconds++);
    run_decide(&run, falling);
    assert_reason(&run, 0, VH_REASON_ASK);
    guest.unused_bytes -= 300 * VH_MIB; /* it begins to use it */
    g_autoptr(VhSnapshot) used = fixture_snapshot(&guest, 1, run.seconds++);
    run_decide(&run, used);
    assert_reason(&run, 0, VH_REASON_UNSTABLE);
}

static void test_cooldown(void)
{
    const VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(2200 * VH_MIB));

    /* high, not critical: there the cooldown would yield */
    run.config->pool.levels[VH_LEVEL_CRITICAL].enter = (VhAmount){.bytes = 0};
    run_with_ended(&run, &guest, ended_ask(1, VH_ASK_DONE, 100 * VH_MIB, 100 * VH_MIB));
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_COOLDOWN);
    g_assert_cmpint(verdict_of(&run, 0)->wait_until_us, ==, FIXTURE_WALL_US + 30 * VH_SEC);
    run.seconds = 31;
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
}

static void test_poor_ask_doubles_cooldown(void)
{
    const VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(2200 * VH_MIB));

    run.config->pool.levels[VH_LEVEL_CRITICAL].enter = (VhAmount){.bytes = 0};
    run_with_ended(&run, &guest, ended_ask(1, VH_ASK_BACKED_OFF, 100 * VH_MIB, 90 * VH_MIB));
    run_with_ended(&run, &guest, ended_ask(1, VH_ASK_BACKED_OFF, 1000 * VH_MIB, 100 * VH_MIB));
    run_twice(&run, &guest, 1);
    g_assert_cmpint(verdict_of(&run, 0)->wait_until_us, ==,
                    FIXTURE_WALL_US + VH_SEC + 4 * 30 * VH_SEC);
    /* however poor, never beyond the longest */
    for (int i = 0; i < 20; i++)
        run_with_ended(&run, &guest, ended_ask(1, VH_ASK_FAILED, 0, 0));
    run_twice(&run, &guest, 1);
    g_assert_cmpint(verdict_of(&run, 0)->wait_until_us, <=,
                    FIXTURE_WALL_US + run.seconds * VH_SEC + VH_HOUR);
}

static void test_cooldown_yields_at_critical(void)
{
    const VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    run_with_ended(&run, &guest, ended_ask(1, VH_ASK_CANCELLED, 100 * VH_MIB, 0));
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
}

static void test_asks_per_hour_hold_at_critical(void)
{
    const VhDomain guest = fixture_guest(1, "perf-db");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    for (int i = 0; i < 2; i++)
        run_with_ended(&run, &guest, ended_ask(1, VH_ASK_CANCELLED, 100 * VH_MIB, 0));
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASKS_PER_HOUR);
    g_assert_cmpint(verdict_of(&run, 0)->wait_until_us, ==, FIXTURE_WALL_US + VH_HOUR);
    run.seconds = 3601;
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
}

static VhDomain native_guest(const char *name)
{
    VhDomain guest = fixture_guest(1, name);

    guest.tier = VH_TIER_NATIVE;
    guest.has_autodeflate = FALSE;
    return guest;
}

/* A pass takes nothing away from the guest: only what its class keeps free limits it, and it needs
 * no autodeflate. */
static void test_native_is_asked_by_a_pass(void)
{
    const VhDomain batch = native_guest("batch-1"), perf = native_guest("perf-1");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    run.config->allows_monitor = TRUE;
    run.config->classes[class_index(run.config, "batch")].granule_bytes = 64 * VH_KIB;
    run_twice(&run, &batch, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
    g_assert_cmpint(action_of(&run, 0)->method, ==, VH_ASK_PASS);
    g_assert_cmpuint(action_of(&run, 0)->granule_bytes, ==, 64 * VH_KIB);
    g_assert_cmpuint(action_of(&run, 0)->reserve_bytes, ==, 0);
    g_assert_cmpuint(action_of(&run, 0)->bytes, ==, verdict_of(&run, 0)->yield.expected_bytes);

    g_auto(Run) other = run_new(config_with_classes(512 * VH_MIB));
    other.config->allows_monitor = TRUE;
    run_twice(&other, &perf, 1);
    g_assert_cmpint(action_of(&other, 0)->method, ==, VH_ASK_PASS);
    g_assert_cmpuint(action_of(&other, 0)->granule_bytes, ==, 0);
    g_assert_cmpuint(action_of(&other, 0)->reserve_bytes, ==, 2048 * VH_MIB / 10);
}

/* Without leave to tell its QEMU anything, it is a guest like any other. */
static void test_native_without_leave(void)
{
    VhDomain guest = native_guest("batch-1");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    run.config->classes[class_index(run.config, "batch")].granule_bytes = 64 * VH_KIB;
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_NO_AUTODEFLATE);
    guest.has_autodeflate = TRUE;
    run_twice(&run, &guest, 1);
    g_assert_cmpint(action_of(&run, 0)->method, ==, VH_ASK_AUTO);
    g_assert_cmpuint(action_of(&run, 0)->granule_bytes, ==, 0);
    g_assert_cmpuint(action_of(&run, 0)->reserve_bytes, ==, 2048 * VH_MIB / 20);
}

/* Of a soft guest only the device is ours: it is asked as ever. */
static void test_soft_is_asked_by_a_pulse(void)
{
    VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    guest.tier = VH_TIER_SOFT;
    run.config->allows_monitor = TRUE;
    run_twice(&run, &guest, 1);
    g_assert_cmpint(action_of(&run, 0)->method, ==, VH_ASK_AUTO);
}

/* QEMU said "busy", or "no driver": the guest waits its turn, but was not bothered. A pass that
 * broke in the middle was a bother. */
static void test_refused_pass_is_not_poor(void)
{
    static const struct {
        int error_code;
        guint64 taken_bytes;
        gint64 cooldown_s;
    } cases[] = {
        {VH_ERROR_BUSY, 0, 30},
        {VH_ERROR_UNSUPPORTED, 0, 30},
        {VH_ERROR_BUSY, VH_MIB, 60},
        {VH_ERROR_FAILED, 0, 60},
    };
    const VhDomain guest = native_guest("batch-1");

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Run) run = run_new(config_with_classes(2200 * VH_MIB));
        VhEnded ended = ended_ask(1, VH_ASK_FAILED, 100 * VH_MIB, 0);

        run.config->allows_monitor = TRUE;
        run.config->pool.levels[VH_LEVEL_CRITICAL].enter = (VhAmount){.bytes = 0};
        ended.outcome.method = VH_ASK_PASS;
        ended.outcome.error_code = cases[i].error_code;
        ended.outcome.taken_bytes = cases[i].taken_bytes;
        run_with_ended(&run, &guest, ended);
        run_twice(&run, &guest, 1);
        assert_reason(&run, 0, VH_REASON_COOLDOWN);
        g_assert_cmpint(verdict_of(&run, 0)->wait_until_us, ==,
                        FIXTURE_WALL_US + cases[i].cooldown_s * VH_SEC);
    }
}

static void test_residue_is_not_asked_for_again(void)
{
    const VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    /* nothing of 1425 MiB came back, and the samples after it show the same figures */
    run_with_ended(&run, &guest, ended_ask(1, VH_ASK_DONE, 1425 * VH_MIB, 0));
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_SMALL_YIELD);
    run.seconds += 3600; /* six half-lives later it is worth another try */
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
}

static void test_overhead_is_learned_when_drained(void)
{
    VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    guest.rss_bytes = 660 * VH_MIB; /* 400 used, 260 not the guest's own doing */
    run_with_ended(&run, &guest, ended_ask(1, VH_ASK_DONE, 1500 * VH_MIB, 1300 * VH_MIB));
    run_twice(&run, &guest, 1);
    g_assert_cmpuint(verdict_of(&run, 0)->yield.overhead_bytes, ==, 230 * VH_MIB);
    g_assert_cmpuint(verdict_of(&run, 0)->yield.in_ram_bytes, ==, 30 * VH_MIB);
}

static void test_running_copy_wins(void)
{
    VhDomain guests[] = {fixture_guest(1, "batch-1"), fixture_guest(1, "batch-1")};
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    guests[0].uri = "a-source";
    guests[0].is_running = FALSE;
    guests[1].uri = "b-destination";
    run_twice(&run, guests, 2);
    assert_reason(&run, 0, VH_REASON_ASK); /* sorted first: the running one */
    assert_reason(&run, 1, VH_REASON_OTHER_COPY);
}

static void test_metadata(void)
{
    VhDomain guests[] = {fixture_guest(1, "web"), fixture_guest(2, "exempt-1"),
                         fixture_guest(3, "web-2"), fixture_guest(4, "web-3")};
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));

    for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
        guests[i].override.keys = VH_OVERRIDE_CLASS;
        g_strlcpy(guests[i].override.class_name, "batch", VH_CLASS_NAME_MAX);
    }
    g_strlcpy(guests[2].override.class_name, "no-such-class", VH_CLASS_NAME_MAX);
    guests[3].override.until_us = FIXTURE_WALL_US; /* has run out */
    run_twice(&run, guests, G_N_ELEMENTS(guests));

    guint batch = (guint)class_index(run.config, "batch");
    guint standard = (guint)class_index(run.config, "standard");
    g_assert_cmpuint(verdict_of(&run, 0)->class_index, ==, batch);
    assert_reason(&run, 1, VH_REASON_NEVER); /* the admin's exempt holds */
    g_assert_cmpuint(verdict_of(&run, 2)->class_index, ==, standard);
    g_assert_cmpuint(verdict_of(&run, 3)->class_index, ==, standard);
}

static void test_metadata_may_not_choose_forbidden_class(void)
{
    VhDomain guest = fixture_guest(1, "web");
    g_auto(Run) run = run_new(config_with_classes(512 * VH_MIB));
    int exempt = class_index(run.config, "exempt");

    guest.override.keys = VH_OVERRIDE_CLASS;
    g_strlcpy(guest.override.class_name, "exempt", VH_CLASS_NAME_MAX);
    run.config->override_forbidden[exempt] = 1;
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
    run.config->override_forbidden[exempt] = 0;
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_NEVER);
    run.config->override_keys &= ~(guint)VH_OVERRIDE_CLASS;
    run_twice(&run, &guest, 1);
    assert_reason(&run, 0, VH_REASON_ASK);
}

static void test_proactive(void)
{
    const VhDomain guests[] = {fixture_guest(1, "batch-1"), fixture_guest(2, "web")};
    g_auto(Run) run = run_new(config_with_classes(5250 * VH_MIB)); /* 20 % available */

    run.config->classes[class_index(run.config, "standard")].unlock = VH_LEVEL_PROACTIVE;
    run_twice(&run, guests, 2);
    g_assert_cmpint(run.plan->level, ==, VH_LEVEL_PROACTIVE);
    assert_reason(&run, 1, VH_REASON_PROACTIVE_RANK);
    /* the first turn found no stable samples and spent nothing: a minute's worth, 1 % */
    assert_reason(&run, 0, VH_REASON_ASK);
    g_assert_cmpuint(action_of(&run, 0)->bytes, ==, 5250 * VH_MIB / 100);
    run_twice(&run, guests, 2);
    assert_reason(&run, 0, VH_REASON_PROACTIVE_BUDGET);
}

/* A budget of nothing is none, not even for one small ask. */
static void test_proactive_turned_off(void)
{
    const VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(2625 * VH_MIB)); /* 20 % available */

    run.config->model.proactive_bp_per_min = 0;
    run_twice(&run, &guest, 1);
    g_assert_cmpint(run.plan->level, ==, VH_LEVEL_PROACTIVE);
    assert_reason(&run, 0, VH_REASON_PROACTIVE_BUDGET);
}

static void test_idle_pool_asks_nobody(void)
{
    const VhDomain guest = fixture_guest(1, "batch-1");
    g_auto(Run) run = run_new(config_with_classes(64 * VH_GIB));

    run_twice(&run, &guest, 1);
    g_assert_cmpint(run.plan->level, ==, VH_LEVEL_IDLE);
    assert_reason(&run, 0, VH_REASON_POOL_IDLE);
    g_assert_cmpuint(run.plan->actions->len, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decide/short-pool-asks-batch-first", test_short_pool_asks_batch_first);
    g_test_add_func("/decide/perf-is-asked-at-its-level", test_perf_is_asked_at_its_level);
    g_test_add_func("/decide/need-is-shared-in-order", test_need_is_shared_in_order);
    g_test_add_func("/decide/one-that-suffices", test_one_that_suffices_is_asked_alone);
    g_test_add_func("/decide/in-flight-counts", test_in_flight_counts);
    g_test_add_func("/decide/k-in-flight", test_k_in_flight);
    g_test_add_func("/decide/spoilt-guests-are-refused", test_spoilt_guests_are_refused);
    g_test_add_func("/decide/autodeflate-reserve", test_autodeflate_reserve);
    g_test_add_func("/decide/one-sample-is-not-enough", test_one_sample_is_not_enough);
    g_test_add_func("/decide/moving-memory-is-unstable", test_moving_memory_is_unstable);
    g_test_add_func("/decide/falling-memory-is-stable", test_falling_memory_is_stable);
    g_test_add_func("/decide/cooldown", test_cooldown);
    g_test_add_func("/decide/poor-ask-doubles-cooldown", test_poor_ask_doubles_cooldown);
    g_test_add_func("/decide/cooldown-yields-at-critical", test_cooldown_yields_at_critical);
    g_test_add_func("/decide/asks-per-hour-hold-at-critical", test_asks_per_hour_hold_at_critical);
    g_test_add_func("/decide/native-is-asked-by-a-pass", test_native_is_asked_by_a_pass);
    g_test_add_func("/decide/native-without-leave", test_native_without_leave);
    g_test_add_func("/decide/soft-is-asked-by-a-pulse", test_soft_is_asked_by_a_pulse);
    g_test_add_func("/decide/refused-pass-is-not-poor", test_refused_pass_is_not_poor);
    g_test_add_func("/decide/residue", test_residue_is_not_asked_for_again);
    g_test_add_func("/decide/overhead-is-learned", test_overhead_is_learned_when_drained);
    g_test_add_func("/decide/running-copy-wins", test_running_copy_wins);
    g_test_add_func("/decide/metadata", test_metadata);
    g_test_add_func("/decide/forbidden-class", test_metadata_may_not_choose_forbidden_class);
    g_test_add_func("/decide/proactive", test_proactive);
    g_test_add_func("/decide/proactive-turned-off", test_proactive_turned_off);
    g_test_add_func("/decide/idle-pool-asks-nobody", test_idle_pool_asks_nobody);
    return g_test_run();
}
