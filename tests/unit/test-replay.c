/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recordings decided again: exactly as they were, or by another policy. */
#include "json-doc.h"
#include "recording.h"
#include "vh-policy-text.h"
#include "vh-replay-report.h"

#include <string.h>

#define N_HOSTS 20
#define N_TURNS 60

static VhReplay *replay_new(const char *path, const VhConfig *config)
{
    const VhReplayOptions options = {.path = path, .config = config};
    g_autoptr(GError) error = NULL;
    VhReplay *replay = vh_replay_new(&options, &error);

    g_assert_no_error(error);
    return replay;
}

static const VhReplayCycle *next(VhReplay *replay)
{
    g_autoptr(GError) error = NULL;
    const VhReplayCycle *cycle = vh_replay_next(replay, &error);

    g_assert_no_error(error);
    return cycle;
}

static VhConfig *parse(const char *text)
{
    const VhPolicyText policy = {"test", text, strlen(text)};
    g_autoptr(GError) error = NULL;
    VhConfig *config = vh_policy_parse(&policy, 1, &error);

    g_assert_no_error(error);
    return config;
}

/* Every number of every verdict, as text. */
static void assert_exact(const VhReplayCycle *cycle)
{
    g_autoptr(VhState) none = vh_state_new();
    g_autofree char *recorded =
        vh_trace_format_cycle(cycle->recorded_config, cycle->snapshot, cycle->recorded, none);
    g_autofree char *replayed =
        vh_trace_format_cycle(cycle->config, cycle->snapshot, cycle->replayed, none);

    g_assert_cmpstr(recorded, ==, replayed);
    g_assert_false(cycle->differs);
}

/* From the first cycle of a daemon on, and from the middle of its life. */
static void test_exact(void)
{
    guint64 n_asks = 0;

    for (guint seed = 0; seed < N_HOSTS; seed++) {
        g_autoptr(Recording) recording = recording_new(NULL, seed);
        guint n = 0;
        recording_run(recording, seed * 3);
        recording_open(recording, NULL);
        g_assert_cmpuint(recording_run(recording, N_TURNS), ==, N_TURNS);
        recording_close(recording);
        g_autoptr(VhReplay) replay = replay_new(recording_path(recording), NULL);
        for (const VhReplayCycle *cycle; (cycle = next(replay)) != NULL; n++)
            assert_exact(cycle);
        g_assert_cmpuint(n, ==, N_TURNS);
        const VhReplaySummary *summary = vh_replay_summary(replay);
        g_assert_cmpuint(summary->n_cycles, ==, N_TURNS);
        g_assert_cmpuint(summary->n_differ, ==, 0);
        g_assert_cmpuint(summary->n_reasons_differ, ==, 0);
        g_assert_cmpuint(summary->recorded.n_asks, ==, summary->replayed.n_asks);
        g_assert_cmpuint(summary->recorded.bytes, ==, summary->replayed.bytes);
        g_assert_cmpint(summary->end_wall_us - summary->start_wall_us, ==,
                        (N_TURNS - 1) * 5 * VH_SEC);
        g_assert_cmpuint(vh_replay_warnings(replay)->len, ==, 0);
        n_asks += summary->recorded.n_asks;
    }
    g_assert_cmpuint(n_asks, >, N_HOSTS); /* else nothing was compared */
}

/* Neither rotation, nor another policy, nor a daemon that is started again puts it out of step. */
static void test_exact_across(void)
{
    static const char other[] = "{\"version\": 1, \"pool\": {\"source\": \"budget\","
                                "\"budget\": \"11GiB\"}, \"interval\": \"5s\"}";
    const VhRecorderOptions small = {.size_bytes = VH_RECORDER_SIZE_MIN_BYTES, .n_files = 60};
    g_autoptr(Recording) recording = recording_new(NULL, 7);
    guint n = 0;

    recording_open(recording, &small);
    recording_run(recording, N_TURNS);
    recording_set_policy(recording, other);
    recording_run(recording, N_TURNS);
    recording_close(recording);
    recording_run(recording, 3); /* nobody records these */
    recording_open(recording, &small);
    recording_run(recording, N_TURNS);
    g_autofree char *rotated = g_strconcat(recording_path(recording), ".1", NULL);
    g_assert_true(g_file_test(rotated, G_FILE_TEST_EXISTS));

    g_autoptr(VhReplay) replay = replay_new(recording_path(recording), NULL);
    for (const VhReplayCycle *cycle; (cycle = next(replay)) != NULL; n++)
        assert_exact(cycle);
    g_assert_cmpuint(n, ==, 3 * N_TURNS);
    g_assert_cmpuint(vh_replay_summary(replay)->n_gaps, ==, 1);
}

/* A policy for which memory is never short asks nobody; the other side is as it was. */
static void test_other_policy(void)
{
    g_autoptr(Recording) recording = recording_new(NULL, 3);
    g_autoptr(VhConfig) config = parse("{\"version\": 1, \"pool\": {\"source\": \"budget\","
                                       "\"budget\": \"1TiB\"}, \"match\": ["
                                       "{\"xpath\": \"//a\", \"class\": \"batch\"},"
                                       "{\"xpath\": \"//a\", \"class\": \"perf\"}]}");
    guint64 n_rows = 0, n_recorded = 0;

    recording_open(recording, NULL);
    recording_run(recording, N_TURNS);
    g_autoptr(VhReplay) replay = replay_new(recording_path(recording), config);
    for (const VhReplayCycle *cycle; (cycle = next(replay)) != NULL;) {
        g_assert_cmpint(cycle->replayed->level, ==, VH_LEVEL_IDLE);
        g_assert_cmpuint(cycle->replayed->actions->len, ==, 0);
        g_assert_true(cycle->config == config);
        n_rows += cycle->asks->len;
        n_recorded += cycle->recorded->actions->len;
    }
    const VhReplaySummary *summary = vh_replay_summary(replay);
    g_assert_cmpuint(summary->replayed.n_asks, ==, 0);
    g_assert_cmpuint(summary->recorded.n_asks, ==, n_recorded);
    g_assert_cmpuint(summary->n_only_recorded, ==, n_recorded);
    g_assert_cmpuint(n_rows, ==, n_recorded);
    g_assert_cmpuint(n_recorded, >, 0);
    g_assert_cmpuint(summary->n_levels_differ, >, 0);
    guint64 sum = 0;
    const GPtrArray *guests = vh_replay_guests(replay);
    for (guint i = 0; i < guests->len; i++)
        sum += ((const VhReplayGuest *)guests->pdata[i])->recorded.bytes;
    g_assert_cmpuint(sum, ==, summary->recorded.bytes);
    g_assert_cmpuint(vh_replay_warnings(replay)->len, ==, 1); /* of //a, once */
    g_assert_nonnull(strstr(vh_replay_warnings(replay)->pdata[0], "\"//a\""));
}

/* What is decided again and again, because it does not come about, is one ask. */
static void test_counts_once(void)
{
    g_autoptr(Recording) recording =
        recording_new("{\"version\": 1, \"pool\": {\"source\": \"budget\","
                      "\"budget\": \"1TiB\"}}",
                      5);
    g_autoptr(VhConfig) config = parse("{\"version\": 1, \"max_in_flight\": 64,"
                                       "\"pool\": {\"source\": \"budget\", \"budget\": \"4GiB\"},"
                                       "\"defaults\": {\"class\": \"batch\"}}");
    guint64 n_actions = 0;

    recording_open(recording, NULL);
    recording_run(recording, N_TURNS);
    g_autoptr(VhReplay) replay = replay_new(recording_path(recording), config);
    for (const VhReplayCycle *cycle; (cycle = next(replay)) != NULL;)
        n_actions += cycle->replayed->actions->len;
    const VhReplaySummary *summary = vh_replay_summary(replay);
    g_assert_cmpuint(summary->recorded.n_asks, ==, 0);
    g_assert_cmpuint(summary->replayed.n_asks, >, 0);
    g_assert_cmpuint(summary->replayed.n_asks, <, n_actions);
    g_assert_cmpuint(summary->n_only_replayed, ==, summary->replayed.n_asks);
}

static void test_unknown_engine(void)
{
    g_autoptr(Recording) recording = recording_new(NULL, 1);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    recording_open(recording, NULL);
    recording_run(recording, 1);
    g_assert_true(g_file_get_contents(recording_path(recording), &text, NULL, NULL));
    g_auto(GStrv) parts = g_strsplit(text, "\"engine\":\"virthint\"", 2);
    g_autofree char *changed = g_strjoinv("\"engine\":\"ouija\"", parts);
    g_assert_true(g_file_set_contents(recording_path(recording), changed, -1, NULL));
    g_autoptr(VhReplay) replay = replay_new(recording_path(recording), NULL);
    g_assert_null(vh_replay_next(replay, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "\"ouija\""));
}

/* The document has what docs/json.md says, and the figures of the summary. */
static void test_report(void)
{
    g_autoptr(Recording) recording = recording_new(NULL, 3);
    g_autoptr(VhConfig) config = parse("{\"version\": 1, \"match\": ["
                                       "{\"xpath\": \"//a\", \"class\": \"batch\"}],"
                                       "\"pool\": {\"source\": \"budget\","
                                       "\"budget\": \"11GiB\"}}");
    g_autoptr(JsonDoc) json = json_doc_new();
    g_autoptr(GError) error = NULL;

    recording_open(recording, NULL);
    recording_run(recording, N_TURNS);
    const VhReplayReportOptions options = {.path = recording_path(recording),
                                           .policy_path = "policy.json"};
    g_autoptr(VhReplay) replay = replay_new(options.path, config);
    g_autoptr(GVariant) doc = g_variant_ref_sink(vh_replay_report(replay, &options, &error));
    g_assert_no_error(error);
    json_doc_check(json, "replay", doc);
    json_doc_check_all_seen(json, "replay");
    g_autoptr(GVariant) guests = g_variant_lookup_value(doc, "guests", G_VARIANT_TYPE("aa{sv}"));
    g_assert_cmpuint(g_variant_n_children(guests), ==, vh_replay_guests(replay)->len);
    g_assert_cmpuint(g_variant_n_children(guests), >, 0);

    /* the same policy: nothing is left where only differences are wanted */
    const VhReplayReportOptions same = {.path = options.path, .only_different = TRUE};
    g_autoptr(VhReplay) again = replay_new(options.path, NULL);
    g_autoptr(GVariant) none = g_variant_ref_sink(vh_replay_report(again, &same, &error));
    g_autoptr(GVariant) asks = g_variant_lookup_value(none, "asks", G_VARIANT_TYPE("aa{sv}"));
    g_assert_cmpuint(g_variant_n_children(asks), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/replay/exact", test_exact);
    g_test_add_func("/replay/exact-across", test_exact_across);
    g_test_add_func("/replay/other-policy", test_other_policy);
    g_test_add_func("/replay/counts-once", test_counts_once);
    g_test_add_func("/replay/unknown-engine", test_unknown_engine);
    g_test_add_func("/replay/report", test_report);
    return g_test_run();
}
