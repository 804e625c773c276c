/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters to figures: what is there, what is not, what cannot be. */
#include "vh-stats.h"
#include "vh-units.h"

#define ULLONG(name, number)                                              \
    {                                                                     \
        .field = name, .type = VIR_TYPED_PARAM_ULLONG, .value.ul = number \
    }
#define INT(name, number)                                             \
    {                                                                 \
        .field = name, .type = VIR_TYPED_PARAM_INT, .value.i = number \
    }
#define LLONG(name, number)                                             \
    {                                                                   \
        .field = name, .type = VIR_TYPED_PARAM_LLONG, .value.l = number \
    }

static VhStats stats_of(virTypedParameter *params, int n)
{
    virDomainStatsRecord record = {.params = params, .nparams = n};
    VhStats stats;

    vh_stats_from_record(&record, &stats);
    return stats;
}

static void test_all(void)
{
    virTypedParameter params[] = {
        INT("state.state", VIR_DOMAIN_RUNNING),
        INT("state.reason", 1),
        ULLONG("cpu.time", 3870000000),
        ULLONG("balloon.current", 1048576),
        ULLONG("balloon.maximum", 2097152),
        ULLONG("balloon.unused", 1000),
        ULLONG("balloon.available", 2000),
        ULLONG("balloon.usable", 1500),
        ULLONG("balloon.disk_caches", 300),
        ULLONG("balloon.rss", 400),
        ULLONG("balloon.last-update", 1795226858),
        ULLONG("balloon.swap_in", 12),
        ULLONG("balloon.swap_out", 99),
        ULLONG("balloon.major_fault", 7),
        ULLONG("balloon.minor_fault", 900),
        ULLONG("balloon.some_day_more", 5),
    };
    VhStats stats = stats_of(params, G_N_ELEMENTS(params));

    g_assert_cmphex(stats.figures, ==, 0xff | VH_HAS_FAULTS | VH_HAS_SWAP_IN);
    g_assert_cmpint(stats.state, ==, VIR_DOMAIN_RUNNING);
    g_assert_cmpint(stats.cpu_time_us, ==, 3870000);
    g_assert_cmpuint(stats.current_bytes, ==, VH_GIB);
    g_assert_cmpuint(stats.maximum_bytes, ==, 2 * VH_GIB);
    g_assert_cmpuint(stats.unused_bytes, ==, 1000 * VH_KIB);
    g_assert_cmpuint(stats.available_bytes, ==, 2000 * VH_KIB);
    g_assert_cmpuint(stats.usable_bytes, ==, 1500 * VH_KIB);
    g_assert_cmpuint(stats.caches_bytes, ==, 300 * VH_KIB);
    g_assert_cmpuint(stats.rss_bytes, ==, 400 * VH_KIB);
    g_assert_cmpuint(stats.swap_in_bytes, ==, 12 * VH_KIB);
    g_assert_cmpuint(stats.minor_faults, ==, 900);
    g_assert_cmpuint(stats.major_faults, ==, 7);
    g_assert_cmpint(stats.last_update_us, ==, 1795226858 * VH_SEC);
}

/* One kind of fault says nothing without the other. */
static void test_faults_come_together(void)
{
    virTypedParameter minor[] = {ULLONG("balloon.minor_fault", 900)};
    virTypedParameter major[] = {ULLONG("balloon.major_fault", 7), INT("balloon.minor_fault", 8)};

    g_assert_cmphex(stats_of(minor, G_N_ELEMENTS(minor)).figures, ==, 0);
    g_assert_cmphex(stats_of(major, G_N_ELEMENTS(major)).figures, ==, 0);
}

/* A shut-off domain, or one whose driver never spoke. */
static void test_missing_is_unknown(void)
{
    virTypedParameter params[] = {
        INT("state.state", VIR_DOMAIN_SHUTOFF),
        ULLONG("balloon.maximum", 2097152),
        ULLONG("balloon.unused", 0),
    };
    VhStats none = stats_of(NULL, 0);
    VhStats few = stats_of(params, G_N_ELEMENTS(params));

    g_assert_cmphex(none.figures, ==, 0);
    g_assert_cmpint(none.last_update_us, ==, 0);
    g_assert_cmphex(few.figures, ==, VH_HAS_MAXIMUM | VH_HAS_UNUSED);
    g_assert_cmpuint(few.unused_bytes, ==, 0);
}

static void test_absurd_is_left_out(void)
{
    virTypedParameter params[] = {
        ULLONG("balloon.unused", G_MAXUINT64),
        ULLONG("balloon.available", G_MAXUINT64 / 1024 + 1),
        ULLONG("balloon.rss", G_MAXUINT64 / 1024),
        LLONG("balloon.current", -1),
        INT("balloon.usable", 7),
        LLONG("cpu.time", -5),
        ULLONG("state.state", 1),
        ULLONG("balloon.last-update", G_MAXUINT64),
    };
    VhStats stats = stats_of(params, G_N_ELEMENTS(params));

    g_assert_cmphex(stats.figures, ==, VH_HAS_RSS);
    g_assert_cmpuint(stats.rss_bytes, ==, G_MAXUINT64 / 1024 * 1024);
    g_assert_cmpint(stats.state, ==, 0);
    g_assert_cmpint(stats.last_update_us, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stats/all", test_all);
    g_test_add_func("/stats/faults-come-together", test_faults_come_together);
    g_test_add_func("/stats/missing-is-unknown", test_missing_is_unknown);
    g_test_add_func("/stats/absurd-is-left-out", test_absurd_is_left_out);
    return g_test_run();
}
