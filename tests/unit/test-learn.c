/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What asks and samples teach, and when that is forgotten. */
#include "fixture.h"
#include "vh-cost.h"
#include "vh-learn.h"
#include "vh-yield.h"

/* One guest, whose snapshots follow each other. */
typedef struct {
    VhConfig *config;
    VhState *state;
    VhState *next;
    VhDomain domain;
    gint64 seconds;
    gboolean in_flight;
} Bench;

static void set_up(Bench *bench, gconstpointer data)
{
    *bench = (Bench){.config = vh_config_new(),
                     .state = vh_state_new(),
                     .next = vh_state_new(),
                     .domain = fixture_guest(1, "a")};
    bench->domain.figures |= VH_HAS_CPU_TIME | VH_HAS_FAULTS | VH_HAS_SWAP_IN;
    bench->domain.cpu_time_us = 100 * VH_SEC;
    bench->domain.minor_faults = 1000;
    fixture_pin(bench->config);
    bench->config->model.without = VH_TERM_EXPLORATION; /* but where it is tested */
}

static void tear_down(Bench *bench, gconstpointer data)
{
    vh_config_free(bench->config);
    vh_state_free(bench->state);
    vh_state_free(bench->next);
}

/* One turn, `after_s` seconds after the one before; with an ask that ended, or NULL. */
static void turn(Bench *bench, gint64 after_s, const VhEnded *ended)
{
    bench->seconds += after_s;
    g_autoptr(VhSnapshot) snapshot = fixture_snapshot(&bench->domain, 1, bench->seconds);
    VhState *kept = bench->state;
    const VhInFlight ask = {.uuid = bench->domain.uuid, .uri = "test", .id = 1};

    if (ended)
        g_array_append_val(snapshot->ended, *ended);
    if (bench->in_flight)
        g_array_append_val(snapshot->in_flight, ask);
    vh_learn(bench->config, bench->state, snapshot, bench->next);
    bench->state = bench->next;
    bench->next = kept;
}

static VhGuestState *guest_of(const Bench *bench)
{
    return &g_array_index(bench->state->guests, VhGuestState, 0);
}

/* An ask of 1000 MiB, expected to be all of Y; resident memory afterwards is where it is. */
static VhEnded ended_with(const Bench *bench, guint64 returned_mib)
{
    return (VhEnded){.uuid = bench->domain.uuid,
                     .uri = "test",
                     .expected_bytes = 1000 * VH_MIB,
                     .outcome = {.method = VH_ASK_PULSE,
                                 .status = VH_ASK_DONE,
                                 .source = VH_ASK_SOURCE_RSS,
                                 .asked_bytes = 1000 * VH_MIB,
                                 .returned_bytes = returned_mib * VH_MIB,
                                 .before_bytes = bench->domain.rss_bytes + returned_mib * VH_MIB,
                                 .after_bytes = bench->domain.rss_bytes,
                                 .error_code = -1}};
}

static void end_ask(Bench *bench, guint64 returned_mib)
{
    VhEnded ended = ended_with(bench, returned_mib);

    turn(bench, 5, &ended);
}

static guint average(guint known_bp, guint seen_bp, guint weight_bp)
{
    return (known_bp * (10000 - weight_bp) + seen_bp * weight_bp + 5000) / 10000;
}

static void test_gamma(Bench *bench, gconstpointer data)
{
    VhModel *model = &bench->config->model;

    turn(bench, 5, NULL);
    end_ask(bench, 400);
    guint expected = average(9500, 3800, model->learn_bp);
    g_assert_cmpuint(guest_of(bench)->n_returns, ==, 1);
    g_assert_cmpuint(guest_of(bench)->gamma_bp, ==, expected);
    end_ask(bench, 500);
    expected = average(expected, expected / 2, model->learn_bp);
    g_assert_cmpuint(guest_of(bench)->gamma_bp, ==, expected);
    /* brought what it should, but was asked for a part of Y only: nothing new */
    end_ask(bench, 950);
    g_assert_cmpuint(guest_of(bench)->gamma_bp, ==, expected);
    /* for all of it: there may be more, half way to all */
    guest_of(bench)->asked_for_all = TRUE;
    end_ask(bench, 1000);
    expected = average(expected, expected + (10000 - expected) / 2, model->learn_bp);
    g_assert_cmpuint(guest_of(bench)->gamma_bp, ==, expected);
    /* never to nothing */
    for (int i = 0; i < 100; i++)
        end_ask(bench, 0);
    g_assert_cmpuint(guest_of(bench)->gamma_bp, >=, 500);
    g_assert_cmpuint(guest_of(bench)->gamma_bp, <=, 502); /* it is rounded */
    for (int i = 0; i < 100; i++) {
        guest_of(bench)->asked_for_all = TRUE;
        end_ask(bench, 1000);
    }
    g_assert_cmpuint(guest_of(bench)->gamma_bp, >, 9900);
    g_assert_cmpuint(guest_of(bench)->gamma_bp, <=, 10000);
}

/* Only what the guest itself ended, or had to end, says what it can give. */
static void test_what_teaches_gamma(Bench *bench, gconstpointer data)
{
    static const struct {
        VhAskStatus status;
        guint64 expected_mib;
        guint n_returns;
    } cases[] = {
        {VH_ASK_DONE, 0, 0},       {VH_ASK_CANCELLED, 1000, 0},  {VH_ASK_OVERTAKEN, 1000, 0},
        {VH_ASK_FAILED, 1000, 0},  {VH_ASK_BACKED_OFF, 1000, 1}, {VH_ASK_TIMED_OUT, 1000, 1},
        {VH_ASK_BACKED_OFF, 0, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhEnded ended = ended_with(bench, 100);

        ended.expected_bytes = cases[i].expected_mib * VH_MIB;
        ended.outcome.status = cases[i].status;
        g_array_set_size(bench->state->guests, 0);
        turn(bench, 5, &ended);
        g_test_message("case %u", i);
        g_assert_cmpuint(guest_of(bench)->n_returns, ==, cases[i].n_returns);
    }
}

/* What it took back in the minute after, of what came. */
static void test_retouch(Bench *bench, gconstpointer data)
{
    static const struct {
        gint64 grown_mib;
        gint64 slope_mib_per_min;
        guint seen_bp;
    } cases[] = {
        {0, 0, 0},    {250, 0, 2500},   {1000, 0, 10000}, {1500, 0, 10000},
        {-300, 0, 0}, {400, 300, 1000}, {400, 600, 0},    {100, -300, 4000},
    };
    VhModel *model = &bench->config->model;
    guint64 rss = bench->domain.rss_bytes;

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        bench->domain.rss_bytes = rss;
        VhEnded ended = ended_with(bench, 1000);
        ended.outcome.slope_bytes_per_s = cases[i].slope_mib_per_min * (gint64)VH_MIB / 60;
        g_array_set_size(bench->state->guests, 0);
        turn(bench, 5, &ended);
        bench->domain.rss_bytes = rss + (guint64)(cases[i].grown_mib * (gint64)VH_MIB);
        turn(bench, 55, NULL);
        g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 0); /* not yet */
        turn(bench, 5, NULL);
        g_test_message("case %u", i);
        g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 1);
        g_assert_cmpuint(guest_of(bench)->retouch_bp, ==,
                         average(model->retouch_bp, cases[i].seen_bp, model->learn_bp));
        turn(bench, 60, NULL); /* once */
        g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 1);
    }
}

/* What cannot be measured teaches nothing. */
static void test_rebound_is_dropped(Bench *bench, gconstpointer data)
{
    VhEnded again = ended_with(bench, 500);

    /* asked again after a few seconds */
    end_ask(bench, 1000);
    turn(bench, 5, &again);
    g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 0);
    /* in flight when it is due: resident memory is not its own */
    bench->in_flight = TRUE;
    turn(bench, 70, NULL);
    g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 0);
    bench->in_flight = FALSE;
    /* gone for long */
    turn(bench, 3600, NULL);
    g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 0);
    g_assert_cmpint(guest_of(bench)->rebound_wall_us, ==, 0);
    /* nothing came back */
    end_ask(bench, 0);
    turn(bench, 70, NULL);
    g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 0);
    /* rebooted */
    end_ask(bench, 1000);
    bench->domain.cpu_time_us = 1;
    turn(bench, 10, NULL);
    turn(bench, 60, NULL);
    g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 0);
}

/* Half of the time is enough where the next ask shows what was resident before it. */
static void test_rebound_cut_short(Bench *bench, gconstpointer data)
{
    VhEnded again;

    end_ask(bench, 1000);
    guint64 rss_then = bench->domain.rss_bytes;
    again = ended_with(bench, 500);
    again.outcome.before_bytes = rss_then + 200 * VH_MIB;
    again.outcome.started_us = (1000 + bench->seconds + 40) * VH_SEC;
    turn(bench, 45, &again);
    g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 1);
    g_assert_cmpuint(guest_of(bench)->retouch_bp, ==,
                     average(bench->config->model.retouch_bp, 2000, bench->config->model.learn_bp));
    g_assert_cmpuint(guest_of(bench)->rebound_returned_bytes, ==, 500 * VH_MIB); /* the new one */
}

/* sigma settles where nine asks in ten, and some more, keep what was counted on. */
static void test_sigma(Bench *bench, gconstpointer data)
{
    guint n_kept = 0;
    const guint n = 2000;

    bench->config->model.retouch_bp = 0;
    for (guint i = 0; i < n; i++) {
        VhYield yield = {.expected_bytes = 1000 * VH_MIB,
                         .sigma_bp = i ? guest_of(bench)->sigma_bp : 1000};
        /* 70 to 100 % of what was promised: a triangle wave, without drift */
        guint64 returned_mib = 700 + (i * 37 % 61) * 5;

        n_kept += vh_yield_counted_bytes(&yield, 1000 * VH_MIB) <= returned_mib * VH_MIB;
        end_ask(bench, returned_mib);
        turn(bench, 60, NULL);
        g_assert_cmpuint(guest_of(bench)->rebound_wall_us, ==, 0);
    }
    g_test_message("%u of %u kept what was counted on, sigma at last %u", n_kept, n,
                   guest_of(bench)->sigma_bp);
    g_assert_cmpuint(n_kept * 100, >=, n * 90);
    g_assert_cmpuint(n_kept * 100, <=, n * 99);
}

/* What asks cost it: c0, c1 for what came back, c2 for what it touched again. */
static void test_inflicted(Bench *bench, gconstpointer data)
{
    const VhModel *model = &bench->config->model;
    double at_once = vh_cost_ask_us(model, 1000 * VH_MIB);

    end_ask(bench, 1000);
    g_assert_cmpint(guest_of(bench)->inflicted_us, ==, (gint64)at_once);
    bench->domain.rss_bytes += 250 * VH_MIB;
    turn(bench, 60, NULL);
    double expected =
        vh_cost_inflicted_us(model, &(VhGuestState){.inflicted_us = (gint64)at_once}, VH_MIN) +
        vh_cost_refault_us(model, 250 * VH_MIB);
    g_assert_cmpfloat_with_epsilon((double)guest_of(bench)->inflicted_us, expected, 2);
    /* refused at the door: no bother */
    VhEnded refused = ended_with(bench, 0);
    refused.outcome.method = VH_ASK_PASS;
    refused.outcome.status = VH_ASK_FAILED;
    refused.outcome.error_code = VH_ERROR_BUSY;
    gint64 before = guest_of(bench)->inflicted_us;
    turn(bench, 1, &refused);
    g_assert_cmpint(guest_of(bench)->inflicted_us, ==, before);
}

/* Only asks of the last hour are remembered by their time, and of those as many as may be. */
static void test_recent(Bench *bench, gconstpointer data)
{
    for (guint i = 0; i < VH_ASKS_PER_HOUR_MAX + 5; i++)
        end_ask(bench, 1000); /* each 5 s */
    g_assert_cmpuint(guest_of(bench)->n_recent, ==, VH_ASKS_PER_HOUR_MAX);
    bench->seconds += 3600 - 30 * 5;
    end_ask(bench, 1000);
    g_assert_cmpuint(guest_of(bench)->n_recent, ==, 30);
    g_assert_cmpint(guest_of(bench)->recent_wall_us[29], ==,
                    FIXTURE_WALL_US + bench->seconds * VH_SEC);
}

static VhGuestState *learn_much(Bench *bench)
{
    turn(bench, 5, NULL);
    VhGuestState *guest = guest_of(bench);
    guest->n_returns = guest->n_rebounds = 9;
    guest->gamma_bp = 5500;
    guest->sigma_bp = 3000;
    guest->retouch_bp = 7000;
    guest->overhead_bytes = 300 * VH_MIB;
    guest->residue_bytes = 100 * VH_MIB;
    return guest;
}

/* Any counter that goes back is a new boot: half trust, and the samples say nothing any more. */
static void test_reboot(Bench *bench, gconstpointer data)
{
    static const struct {
        const char *what;
        gint64 cpu, minor, major, swap_in; /* from one sample to the next */
        gboolean is_reboot;
    } cases[] = {
        {"all goes on", 1, 1, 1, 1, FALSE},  {"all stands still", 0, 0, 0, 0, FALSE},
        {"a new QEMU", -1, 1, 1, 1, TRUE},   {"minor faults", 1, -1, 1, 1, TRUE},
        {"major faults", 1, 1, -1, 1, TRUE}, {"swapped in", 1, 1, 1, -1, TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhDomain *domain = &bench->domain;

        g_test_message("%s", cases[i].what);
        g_array_set_size(bench->state->guests, 0);
        domain->major_faults = domain->swap_in_bytes = 1000;
        learn_much(bench);
        turn(bench, 5, NULL);
        g_assert_true(guest_of(bench)->is_stable);
        domain->cpu_time_us += cases[i].cpu;
        domain->minor_faults += (guint64)cases[i].minor;
        domain->major_faults += (guint64)cases[i].major;
        domain->swap_in_bytes += (guint64)cases[i].swap_in;
        turn(bench, 5, NULL);
        const VhGuestState *guest = guest_of(bench);
        gboolean is_reboot = cases[i].is_reboot;
        g_assert_cmpint(guest->is_stable, !=, is_reboot);
        g_assert_cmpuint(guest->gamma_bp, ==, is_reboot ? 7500 : 5500);
        g_assert_cmpuint(guest->sigma_bp, ==, is_reboot ? 2000 : 3000);
        g_assert_cmpuint(guest->retouch_bp, ==, is_reboot ? 4000 : 7000);
        g_assert_cmpuint(guest->overhead_bytes, ==, (is_reboot ? 250 : 300) * VH_MIB);
        g_assert_cmpuint(guest->residue_bytes, ==, (is_reboot ? 0 : 100) * VH_MIB);
    }
}

/* A guest that begins to work between two samples of its driver has outdated the last one. */
static void test_becomes_busy(Bench *bench, gconstpointer data)
{
    bench->domain.figures |= VH_HAS_VCPUS;
    bench->domain.n_vcpus = 2;
    turn(bench, 5, NULL);
    turn(bench, 5, NULL);
    bench->domain.stats_time_us = FIXTURE_WALL_US + bench->seconds * VH_SEC; /* not told again */
    bench->domain.cpu_time_us += VH_SEC; /* a quarter of two seconds of two CPUs */
    turn(bench, 2, NULL);
    g_assert_true(guest_of(bench)->is_stable);
    bench->domain.cpu_time_us += VH_SEC;
    turn(bench, 1, NULL); /* a third of three */
    g_assert_false(guest_of(bench)->is_stable);
    bench->domain.stats_time_us = FIXTURE_WALL_US; /* as told now */
    turn(bench, 1, NULL);
    g_assert_true(guest_of(bench)->is_stable);
    /* a guest that is always busy is no news */
    g_assert_cmpuint(guest_of(bench)->cpu_bp, ==, 2500); /* two of eight seconds */
    bench->domain.stats_time_us = FIXTURE_WALL_US + bench->seconds * VH_SEC;
    bench->domain.cpu_time_us += VH_SEC;
    turn(bench, 1, NULL);
    g_assert_true(guest_of(bench)->is_stable);
}

/* Where nobody tells the CPU time, or how many CPUs there are, no guest is ever seen to begin. */
static void test_busy_unknown(Bench *bench, gconstpointer data)
{
    static const guint missing[] = {VH_HAS_CPU_TIME, VH_HAS_VCPUS, 0};

    bench->domain.n_vcpus = 2;
    for (guint i = 0; i < G_N_ELEMENTS(missing); i++) {
        bench->domain.figures |= VH_HAS_CPU_TIME | VH_HAS_VCPUS;
        bench->domain.figures &= ~missing[i];
        turn(bench, 5, NULL);
        turn(bench, 5, NULL);
        g_assert_true(guest_of(bench)->is_stable);
        bench->domain.stats_time_us =
            FIXTURE_WALL_US + bench->seconds * VH_SEC; /* not told again */
        bench->domain.cpu_time_us += 100 * VH_SEC;
        turn(bench, 1, NULL);
        g_assert_cmpint(guest_of(bench)->is_stable, ==, missing[i] != 0);
        bench->domain.stats_time_us = FIXTURE_WALL_US; /* as told now */
        turn(bench, 5, NULL);                          /* at most all of its CPUs */
        g_assert_cmpuint(guest_of(bench)->cpu_bp, ==, missing[i] != 0 ? 0 : 10000);
    }
}

/* A figure that is missing for a while did not go back. */
static void test_missing_figure_is_no_reboot(Bench *bench, gconstpointer data)
{
    learn_much(bench);
    bench->domain.figures &= ~(guint)(VH_HAS_CPU_TIME | VH_HAS_FAULTS);
    bench->domain.cpu_time_us = 0;
    bench->domain.minor_faults = 0;
    turn(bench, 5, NULL);
    g_assert_cmpuint(guest_of(bench)->gamma_bp, ==, 5500);
    g_assert_true(guest_of(bench)->is_stable);
}

/* An ask after a long time begins where trust has gone by then. */
static void test_fading_is_kept(Bench *bench, gconstpointer data)
{
    VhLearned before;

    bench->config->model.without = 0;
    end_ask(bench, 300);
    VhGuestState *guest = guest_of(bench);
    vh_yield_learned(&bench->config->model, guest,
                     FIXTURE_WALL_US + bench->seconds * VH_SEC + VH_HOUR, &before);
    g_assert_cmpuint(before.gamma_bp, >, guest->gamma_bp);
    VhEnded by_hand = ended_with(bench, 300);
    by_hand.expected_bytes = 0; /* nothing was expected of it, and nothing is learned */
    turn(bench, 3600, &by_hand);
    g_assert_cmpuint(guest_of(bench)->gamma_bp, ==, before.gamma_bp);
    g_assert_cmpuint(guest_of(bench)->n_returns, ==, 1);
}

static guint64 overhead_mib(const Bench *bench)
{
    return guest_of(bench)->overhead_bytes / VH_MIB;
}

/* Two samples that agree, of a guest of which so much is backed beyond what it uses itself. */
static void show_backed(Bench *bench, guint64 mib)
{
    bench->domain.rss_bytes = vh_yield_used_bytes(&bench->domain) + mib * VH_MIB;
    turn(bench, 5, NULL);
    turn(bench, 5, NULL);
}

/* O is not more than all that is backed and not in use. */
static void test_overhead_bound(Bench *bench, gconstpointer data)
{
    show_backed(bench, 1700);
    g_assert_cmpuint(overhead_mib(bench), ==, 0); /* nothing learned: it starts at 200 */
    show_backed(bench, 100);
    g_assert_cmpuint(overhead_mib(bench), ==, 150);
    show_backed(bench, 100);
    g_assert_cmpuint(overhead_mib(bench), <, 120);
    for (int i = 0; i < 20; i++)
        show_backed(bench, 1);
    g_assert_cmpuint(overhead_mib(bench), ==, 16); /* at least */
    /* where nobody knows what is swapped out, it may be that */
    tear_down(bench, NULL);
    set_up(bench, NULL);
    bench->domain.figures &= ~(guint)VH_HAS_SWAPPED;
    show_backed(bench, 100);
    g_assert_cmpuint(overhead_mib(bench), ==, 0);
}

/* As long as asks for all bring all, there may be more; what the first short one leaves is O, and
 * what the pulse had to leave. */
static void test_overhead_is_probed(Bench *bench, gconstpointer data)
{
    turn(bench, 5, NULL);
    guest_of(bench)->asked_for_all = TRUE;
    end_ask(bench, 1000);
    g_assert_cmpuint(overhead_mib(bench), ==, 150);
    guest_of(bench)->asked_for_all = FALSE;
    end_ask(bench, 1000);
    g_assert_cmpuint(overhead_mib(bench), ==, 150);
    guest_of(bench)->asked_for_all = TRUE;
    guest_of(bench)->left_bytes = 80 * VH_MIB;
    end_ask(bench, 850);
    g_assert_true(guest_of(bench)->was_drained);
    show_backed(bench, 300);
    g_assert_cmpuint(overhead_mib(bench), ==, (150 + 300 - 80) / 2);
    guest_of(bench)->asked_for_all = TRUE;
    end_ask(bench, 1000); /* now it is known */
    g_assert_cmpuint(overhead_mib(bench), ==, (150 + 300 - 80) / 2);
}

static void test_forget(Bench *bench, gconstpointer data)
{
    end_ask(bench, 300);
    VhDomain other = fixture_guest(2, "b");
    bench->domain = other; /* the first is gone */
    turn(bench, bench->config->forget_us / VH_SEC, NULL);
    g_assert_cmpuint(bench->state->guests->len, ==, 2);
    turn(bench, 1, NULL);
    g_assert_cmpuint(bench->state->guests->len, ==, 1);
    g_assert_cmpint(vh_uuid_compare(&guest_of(bench)->uuid, &other.uuid), ==, 0);
}

/* A clock that goes back a week does not make anything last for a week. */
static void test_clock_set_back(Bench *bench, gconstpointer data)
{
    const gint64 week_s = 7 * 24 * 3600;
    gint64 next_us = 0;

    turn(bench, week_s, NULL);
    end_ask(bench, 300);
    turn(bench, 5, NULL);
    turn(bench, -week_s, NULL);
    gint64 back_us = FIXTURE_WALL_US + bench->seconds * VH_SEC;
    g_assert_cmpint(guest_of(bench)->last_ended_wall_us, ==, back_us);
    g_assert_cmpint(guest_of(bench)->residue_wall_us, ==, back_us);
    g_assert_cmpint(guest_of(bench)->inflicted_wall_us, ==, back_us);
    g_assert_cmpuint(vh_learn_asks_within_hour(guest_of(bench), back_us, &next_us), ==, 1);
    turn(bench, 3600, NULL);
    back_us += VH_HOUR;
    g_assert_cmpuint(vh_learn_asks_within_hour(guest_of(bench), back_us, &next_us), ==, 0);
    g_assert_cmpint(vh_learn_cooldown_until_us(guest_of(bench), back_us, VH_MIN, 10 * VH_MIN), <,
                    back_us);
}

/* As a state file may have it that somebody has edited: a rebound of nothing. */
static void test_rebound_of_nothing(Bench *bench, gconstpointer data)
{
    turn(bench, 5, NULL);
    guest_of(bench)->rebound_wall_us = FIXTURE_WALL_US + (bench->seconds + 5) * VH_SEC;
    turn(bench, 5, NULL);
    g_assert_cmpint(guest_of(bench)->rebound_wall_us, ==, 0);
    g_assert_cmpuint(guest_of(bench)->n_rebounds, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/learn/" path, Bench, NULL, set_up, func, tear_down)
    ADD("gamma", test_gamma);
    ADD("what-teaches-gamma", test_what_teaches_gamma);
    ADD("retouch", test_retouch);
    ADD("rebound-is-dropped", test_rebound_is_dropped);
    ADD("rebound-cut-short", test_rebound_cut_short);
    ADD("sigma", test_sigma);
    ADD("inflicted", test_inflicted);
    ADD("recent", test_recent);
    ADD("reboot", test_reboot);
    ADD("becomes-busy", test_becomes_busy);
    ADD("busy-unknown", test_busy_unknown);
    ADD("missing-figure-is-no-reboot", test_missing_figure_is_no_reboot);
    ADD("fading-is-kept", test_fading_is_kept);
    ADD("overhead-bound", test_overhead_bound);
    ADD("overhead-is-probed", test_overhead_is_probed);
    ADD("forget", test_forget);
    ADD("clock-set-back", test_clock_set_back);
    ADD("rebound-of-nothing", test_rebound_of_nothing);
    return g_test_run();
}
