/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests whose memory comes and goes at random, and asks that take some turns and then end somehow:
 * enough for every part of a cycle to have something in it.
 */
#include "recording.h"

#include "fixture.h"
#include "vh-policy-text.h"

#include <glib/gstdio.h>
#include <string.h>

#define TURN_S 5

typedef struct {
    VhInFlight ask;
    guint turns_left;
} Ask;

struct Recording {
    char *folder, *path;
    GRand *rand;
    VhConfig *config;
    VhRecorder *recorder;
    VhSource source;
    VhActuator actuator;
    VhCycle *cycle;
    VhDomain guests[RECORDING_GUESTS];
    GArray *asks; /* Ask */
    guint64 next_id;
    gint64 seconds;
};

G_STATIC_ASSERT(G_STRUCT_OFFSET(Recording, source) > 0);

static Recording *of_source(VhSource *source)
{
    return (Recording *)(gpointer)((guint8 *)source - G_STRUCT_OFFSET(Recording, source));
}

static Recording *of_actuator(VhActuator *actuator)
{
    return (Recording *)(gpointer)((guint8 *)actuator - G_STRUCT_OFFSET(Recording, actuator));
}

/* Sometimes a guest's memory moves; mostly it rests, so that samples agree. */
static void live(Recording *recording, VhDomain *guest)
{
    if (g_rand_int_range(recording->rand, 0, 8) == 0)
        guest->unused_bytes = (guint64)g_rand_int_range(recording->rand, 0, 1900) * VH_MIB;
    if (g_rand_int_range(recording->rand, 0, 8) == 0)
        guest->rss_bytes = (guint64)g_rand_int_range(recording->rand, 300, 2200) * VH_MIB;
    guest->cpu_time_us += g_rand_int_range(recording->rand, 0, 1000000);
    guest->minor_faults += (guint64)g_rand_int_range(recording->rand, 0, 1000);
}

static gboolean read_host(VhSource *source, const VhConfig *config, VhSnapshot *snapshot,
                          GError **error)
{
    Recording *recording = of_source(source);

    recording->seconds += TURN_S;
    snapshot->now_us = (1000 + recording->seconds) * VH_SEC;
    snapshot->wall_us = FIXTURE_WALL_US + recording->seconds * VH_SEC;
    snapshot->mem_total_bytes = 64 * VH_GIB;
    snapshot->mem_available_bytes = 32 * VH_GIB;
    snapshot->pressure.has_psi = TRUE;
    for (guint i = 0; i < RECORDING_GUESTS; i++) {
        VhDomain *guest = &recording->guests[i];
        live(recording, guest);
        VhDomain *seen = vh_snapshot_add_domain(snapshot, &guest->uuid, guest->uri, guest->name);
        const char *uri = seen->uri, *name = seen->name;
        *seen = *guest;
        seen->uri = uri;
        seen->name = name;
        seen->stats_time_us = snapshot->wall_us;
    }
    return TRUE;
}

static void report_asks(VhActuator *actuator, VhSnapshot *snapshot)
{
    Recording *recording = of_actuator(actuator);

    for (guint i = 0; i < recording->asks->len; i++) {
        Ask *ask = &g_array_index(recording->asks, Ask, i);
        VhInFlight shown = ask->ask;
        shown.uri = vh_snapshot_string(snapshot, shown.uri);
        if (ask->turns_left-- > 0) {
            g_array_append_val(snapshot->in_flight, shown);
            continue;
        }
        guint64 returned =
            ask->ask.asked_bytes / 100 * (guint64)g_rand_int_range(recording->rand, 0, 101);
        VhEnded ended = {.uuid = shown.uuid,
                         .uri = shown.uri,
                         .id = shown.id,
                         .expected_bytes = shown.expected_bytes,
                         .outcome = {.method = VH_ASK_PULSE,
                                     .status = VH_ASK_DONE,
                                     .source = VH_ASK_SOURCE_RSS,
                                     .asked_bytes = shown.asked_bytes,
                                     .taken_bytes = shown.asked_bytes,
                                     .returned_bytes = returned,
                                     .before_bytes = 2 * VH_GIB,
                                     .after_bytes = 2 * VH_GIB - returned,
                                     .started_us = shown.started_us,
                                     .ended_us = snapshot->now_us,
                                     .error_code = -1}};
        g_array_append_val(snapshot->ended, ended);
        if (recording->recorder)
            vh_recorder_ask_ended(recording->recorder, snapshot->wall_us, &ended,
                                  recording->guests[0].name, "as secret-db-1 said");
        g_array_remove_index(recording->asks, i--);
    }
}

static void start_ask(VhActuator *actuator, const VhSnapshot *snapshot, const VhAction *action)
{
    Recording *recording = of_actuator(actuator);
    Ask ask = {.ask = {.uuid = action->uuid,
                       .uri = recording->guests[0].uri,
                       .id = ++recording->next_id,
                       .method = action->method,
                       .asked_bytes = action->bytes,
                       .expected_bytes = action->counted_bytes,
                       .started_us = snapshot->now_us},
               .turns_left = (guint)g_rand_int_range(recording->rand, 0, 3)};

    g_array_append_val(recording->asks, ask);
}

static VhConfig *parse_policy(const char *text)
{
    static const char standard[] =
        "{\"version\": 1, \"pool\": {\"source\": \"budget\", \"budget\": \"8GiB\"},"
        " \"match\": [{\"name\": \"secret-ci-*\", \"class\": \"batch\"},"
        "             {\"name\": \"secret-db-*\", \"class\": \"perf\"}],"
        " \"classes\": {\"batch\": {\"cooldown\": \"10s\"}, \"standard\": {\"cooldown\": "
        "\"20s\"}}}";
    const VhPolicyText policy = {"test", text ? text : standard, strlen(text ? text : standard)};
    g_autoptr(GError) error = NULL;
    VhConfig *config = vh_policy_parse(&policy, 1, &error);

    g_assert_no_error(error);
    return config;
}

Recording *recording_new(const char *policy, guint32 seed)
{
    static const char *const names[RECORDING_GUESTS] = {"secret-ci-1",  "secret-ci-2",
                                                        "secret-db-1",  "secret-web-1",
                                                        "secret-web-2", "secret-web-3"};
    Recording *recording = g_new0(Recording, 1);
    g_autoptr(GError) error = NULL;

    recording->folder = g_dir_make_tmp("virthint-test-XXXXXX", &error);
    g_assert_no_error(error);
    recording->path = g_build_filename(recording->folder, "recording.jsonl", NULL);
    recording->rand = g_rand_new_with_seed(seed);
    recording->config = parse_policy(policy);
    recording->source.read = read_host;
    recording->actuator = (VhActuator){.report = report_asks, .act = start_ask};
    recording->cycle =
        vh_cycle_new(vh_engine_find("virthint"), &recording->source, &recording->actuator, NULL);
    recording->asks = g_array_new(FALSE, TRUE, sizeof(Ask));
    for (guint i = 0; i < RECORDING_GUESTS; i++) {
        recording->guests[i] = fixture_guest(i + 1, names[i]);
        recording->guests[i].uri = "secret:///system";
        recording->guests[i].figures |= VH_HAS_CPU_TIME | VH_HAS_FAULTS | VH_HAS_VCPUS;
        recording->guests[i].n_vcpus = 2;
    }
    return recording;
}

void recording_free(Recording *recording)
{
    recording_close(recording);
    g_autoptr(GDir) folder = g_dir_open(recording->folder, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(recording->folder, name, NULL);
        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(recording->folder), ==, 0);
    vh_cycle_free(recording->cycle);
    vh_config_free(recording->config);
    g_array_unref(recording->asks);
    g_rand_free(recording->rand);
    g_free(recording->folder);
    g_free(recording->path);
    g_free(recording);
}

const char *recording_path(const Recording *recording)
{
    return recording->path;
}

void recording_open(Recording *recording, const VhRecorderOptions *options)
{
    VhRecorderOptions all = options ? *options : (VhRecorderOptions){0};
    g_autoptr(GError) error = NULL;

    all.path = recording->path;
    all.version = "1.2.3";
    all.engine = "virthint";
    recording->recorder = vh_recorder_new(&all, &error);
    g_assert_no_error(error);
}

void recording_close(Recording *recording)
{
    g_clear_pointer(&recording->recorder, vh_recorder_free);
}

VhRecorder *recording_recorder(Recording *recording)
{
    return recording->recorder;
}

guint recording_run(Recording *recording, guint n_turns)
{
    guint n_written = 0;

    for (guint i = 0; i < n_turns; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_true(vh_cycle_run(recording->cycle, recording->config, &error));
        const VhRecorderCycle cycle = {.config = recording->config,
                                       .before = vh_cycle_state_before(recording->cycle),
                                       .after = vh_cycle_state(recording->cycle),
                                       .snapshot = vh_cycle_snapshot(recording->cycle),
                                       .plan = vh_cycle_plan(recording->cycle),
                                       .is_carried_out = TRUE};
        if (recording->recorder && vh_recorder_cycle(recording->recorder, &cycle))
            n_written++;
    }
    return n_written;
}

void recording_set_policy(Recording *recording, const char *policy)
{
    vh_config_free(recording->config);
    recording->config = parse_policy(policy);
    if (recording->recorder)
        vh_recorder_policy_changed(recording->recorder);
}

const VhCycle *recording_cycle(const Recording *recording)
{
    return recording->cycle;
}

const VhConfig *recording_config(const Recording *recording)
{
    return recording->config;
}
