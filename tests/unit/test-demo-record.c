/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The demo's judgement: what counts as a pool that held, and why a guest was left alone. */
#include "demo-record.h"

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define BUDGET (1000 * MIB)
#define INTERVAL_US (2 * G_USEC_PER_SEC)

static const char *const names[] = {"a", "b", "c", "d", NULL};

static VhDemoRecord *record_new(void)
{
    return vh_demo_record_new(names, TRUE, BUDGET, INTERVAL_US);
}

/* One look, all of it resident in the first guest. */
static void add_sample(VhDemoRecord *record, double seconds, guint64 mib)
{
    const VhDemoSample sample = {.at_us = (gint64)(seconds * G_USEC_PER_SEC),
                                 .resident_bytes = {mib * MIB}};

    vh_demo_record_sample(record, &sample);
}

typedef struct {
    double at_s;
    guint64 mib;
} Look;

static const struct {
    const char *what;
    Look looks[8]; /* up to the first without memory */
    gboolean held;
    double over_s;
} runs[] = {
    {"never over", {{0, 900}, {10, 1000}, {20, 900}}, TRUE, 0},
    {"over for two intervals", {{0, 900}, {1, 1001}, {3, 1001}, {5, 900}}, TRUE, 4},
    {"over for longer", {{0, 900}, {1, 1001}, {3, 1001}, {5.1, 1001}, {6, 900}}, FALSE, 5},
    {"over twice, for a short time each", {{0, 1001}, {3, 900}, {4, 1001}, {7, 900}}, TRUE, 3},
    {"over till the end", {{0, 900}, {1, 1001}, {9, 1001}}, FALSE, 8},
};

static void test_held(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(runs); i++) {
        g_autoptr(VhDemoRecord) record = record_new();

        g_test_message("%s", runs[i].what);
        for (const Look *look = runs[i].looks; look->mib; look++)
            add_sample(record, look->at_s, look->mib);
        g_assert_cmpint(vh_demo_record_longest_over_us(record), ==,
                        (gint64)(runs[i].over_s * G_USEC_PER_SEC));
        g_assert_cmpint(vh_demo_record_held(record), ==, runs[i].held);
    }
}

static void test_peaks(void)
{
    g_autoptr(VhDemoRecord) record = record_new();
    const VhDemoSample first = {.resident_bytes = {1 * MIB, 5 * MIB}};
    const VhDemoSample second = {.at_us = 1, .resident_bytes = {4 * MIB, 1 * MIB}};

    vh_demo_record_sample(record, &first);
    vh_demo_record_sample(record, &second);
    g_assert_cmpuint(record->peak_bytes[0], ==, 4 * MIB);
    g_assert_cmpuint(record->peak_bytes[1], ==, 5 * MIB);
    g_assert_cmpuint(record->peak_total_bytes, ==, 6 * MIB);
}

static void test_sums_of_ended_asks(void)
{
    g_autoptr(VhDemoRecord) record = record_new();
    guint n;
    guint64 asked, returned;
    VhDemoAsk *ask = vh_demo_record_ask(record, 7, 0, 1);

    ask->asked_bytes = 100;
    ask->returned_bytes = 90;
    ask->ended_us = 2;
    vh_demo_record_ask(record, 8, 0, 3)->asked_bytes = 50; /* never ends */
    g_assert_cmpuint(vh_demo_record_ask(record, 7, 0, 9)->returned_bytes, ==, 90);
    vh_demo_record_sums(record, -1, &n, &asked, &returned);
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpuint(asked, ==, 100);
    g_assert_cmpuint(returned, ==, 90);
    vh_demo_record_sums(record, 1, &n, &asked, &returned);
    g_assert_cmpuint(n, ==, 0);
}

static void test_main_verdict(void)
{
    g_autoptr(VhDemoRecord) record = record_new();

    g_assert_null(vh_demo_record_main_verdict(record, 3, 0));
    vh_demo_record_verdict(record, 3, "unstable", "it moves", 10);
    vh_demo_record_verdict(record, 3, "protected", "its class", 200);
    vh_demo_record_verdict(record, 3, "protected", "its class", 100);
    const VhDemoVerdict *verdict = vh_demo_record_main_verdict(record, 3, 150);
    g_assert_cmpstr(verdict->reason, ==, "protected");
    g_assert_cmpuint(verdict->plans, ==, 2);
    g_assert_cmpuint(verdict->most_expected_bytes, ==, 200);
    g_assert_null(vh_demo_record_main_verdict(record, 3, 201));
}

/* Only what has ended, each under its own method. */
static void add_ended(VhDemoRecord *record, guint64 id, const char *method, gint64 took_us)
{
    VhDemoAsk *ask = vh_demo_record_ask(record, id, 0, 1);

    ask->ended_us = 2;
    ask->took_us = took_us;
    g_strlcpy(ask->method, method, sizeof(ask->method));
}

static void test_counts_methods(void)
{
    g_autoptr(VhDemoRecord) record = vh_demo_record_new(names, TRUE, 1000, 100);
    gint64 slowest_us;

    add_ended(record, 1, "pass", 30);
    add_ended(record, 2, "pass", 20);
    add_ended(record, 3, "pulse", 900);
    vh_demo_record_ask(record, 4, 0, 1); /* goes on */
    g_assert_cmpuint(vh_demo_record_count(record, "pass", &slowest_us), ==, 2);
    g_assert_cmpint(slowest_us, ==, 30);
    g_assert_cmpuint(vh_demo_record_count(record, "pulse", &slowest_us), ==, 1);
    g_assert_cmpint(slowest_us, ==, 900);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/demo-record/held", test_held);
    g_test_add_func("/demo-record/peaks", test_peaks);
    g_test_add_func("/demo-record/sums-of-ended-asks", test_sums_of_ended_asks);
    g_test_add_func("/demo-record/counts-methods", test_counts_methods);
    g_test_add_func("/demo-record/main-verdict", test_main_verdict);
    return g_test_run();
}
