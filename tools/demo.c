/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The demo: the same four guests and the same bursts twice, without virthintd and with it, and a
 * judgement. Runs inside of the guest lab (tools/demo starts it there). It owns the order of
 * things; guests, daemon, record and picture are the other demo files'.
 */
#include "demo-daemon.h"
#include "demo-plot.h"
#include "demo-record.h"
#include "demo-stage.h"
#include "demo-view.h"

#include <locale.h>
#include <stdio.h>

#define INTERVAL_S 2
#define SAMPLE_US (250 * 1000)
#define LOOP_US (50 * 1000)
#define VIEW_US (500 * 1000)

typedef struct {
    char *daemon;
    char *out;
    char *json;
    char *emulator; /* NULL, like the next: stock guests */
    char *module;
} Options;

typedef struct {
    VhLab *lab;
    VhDemoView *view;
    const Options *options;
    guint64 budget_bytes; /* 0: not known before the first guests have booted */
} Demo;

/* The demo's host is its pool, so the classes are asked sooner and more often than on a real one;
 * who is protected until when is as by default. */
static char *policy_text(guint64 budget_bytes, gboolean is_native)
{
    return g_strdup_printf(
        "{\"version\": 1, \"interval\": \"%us\", \"monitor\": \"%s\",\n"
        " \"pool\": {\"source\": \"budget\", \"budget\": \"%" G_GUINT64_FORMAT "MiB\",\n"
        "  \"levels\": {\"proactive\": {\"enter\": \"40%%\", \"exit\": \"45%%\"},\n"
        "              \"low\": {\"enter\": \"30%%\", \"exit\": \"35%%\"},\n"
        "              \"high\": {\"enter\": \"10%%\", \"exit\": \"14%%\"},\n"
        "              \"critical\": {\"enter\": \"2%%\", \"exit\": \"4%%\"}}},\n"
        " \"defaults\": {\"stats_period\": \"1s\", \"max_stats_age\": \"6s\"},\n"
        " \"classes\": {\"batch\": {\"cooldown\": \"4s\"},\n"
        "             \"standard\": {\"cooldown\": \"8s\"}}}\n",
        INTERVAL_S, is_native ? "allow" : "refuse", budget_bytes >> 20);
}

static gboolean is_native(const Demo *demo)
{
    return demo->options->emulator != NULL;
}

/* Lets the main context run for a while. */
static void iterate(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_usleep(LOOP_US);
}

static VhDemoDaemon *start_daemon(Demo *demo, VhDemoRecord *record, gint64 start_us, GError **error)
{
    g_autofree char *folder = g_build_filename(vh_lab_dir(demo->lab), "virthintd", NULL);
    g_autofree char *policy = policy_text(demo->budget_bytes, is_native(demo));
    const VhChildDaemonOptions options = {
        .program = demo->options->daemon,
        .uri = vh_lab_uri(demo->lab),
        .folder = folder,
        .policy = policy,
    };

    if (g_mkdir_with_parents(folder, 0700) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot make %s", folder);
        return NULL;
    }
    return vh_demo_daemon_start(&options, record, start_us, error);
}

/* Looks at the guests until the run's time is over. */
static gboolean watch(Demo *demo, VhDemoStage *stage, VhDemoDaemon *daemon, VhDemoRecord *record,
                      gint64 start_us, GError **error)
{
    gint64 next_sample_us = 0, next_view_us = 0, next_poll_us = 0, now_us;

    while ((now_us = g_get_monotonic_time() - start_us) < VH_DEMO_STAGE_RUN_US) {
        VhDemoSample sample = {.at_us = now_us};

        iterate();
        if (daemon && !vh_demo_daemon_is_running(daemon))
            return vh_demo_daemon_stop(daemon, error);
        if (daemon && now_us >= next_poll_us) {
            vh_demo_daemon_poll(daemon);
            next_poll_us = now_us + record->interval_us;
        }
        if (now_us < next_sample_us)
            continue;
        next_sample_us = now_us + SAMPLE_US;
        if (!vh_demo_stage_measure(stage, &sample, error))
            return FALSE;
        if (daemon)
            g_strlcpy(sample.level, vh_demo_daemon_level(daemon), sizeof(sample.level));
        vh_demo_record_sample(record, &sample);
        if (now_us >= next_view_us) {
            vh_demo_view_update(demo->view, record, VH_DEMO_STAGE_RUN_US);
            next_view_us = now_us + VIEW_US;
        }
    }
    vh_demo_view_end(demo->view);
    return TRUE;
}

/* The guests' part of a run, with or without a daemon beside it. */
static gboolean run_guests(Demo *demo, VhDemoStage *stage, VhDemoRecord *record, GError **error)
{
    g_autoptr(VhDemoDaemon) daemon = NULL;
    gint64 start_us = g_get_monotonic_time();

    if (record->has_daemon) {
        daemon = start_daemon(demo, record, start_us, error);
        if (!daemon)
            return FALSE;
        vh_demo_view_say(demo->view, "==> virthintd watches them; its log goes to %s",
                         demo->options->out);
    }
    if (!vh_demo_stage_start(stage, error) || !watch(demo, stage, daemon, record, start_us, error))
        return FALSE;
    vh_demo_view_say(demo->view, "==> Verifying the guests' data");
    if (!vh_demo_stage_finish(stage, record, error))
        return FALSE;
    return !daemon || vh_demo_daemon_stop(daemon, error);
}

static VhDemoRecord *run(Demo *demo, gboolean has_daemon, GError **error)
{
    const VhDemoStageOptions options = {
        .emulator = demo->options->emulator,
        .balloon_module = demo->options->module,
    };
    g_autoptr(VhDemoStage) stage = NULL;
    g_autoptr(VhDemoRecord) record = NULL;

    vh_demo_view_say(demo->view, "\n==> Booting %d guests of 1 GiB, %s virthintd", VH_DEMO_GUESTS,
                     has_daemon ? "with" : "without");
    stage = vh_demo_stage_new(demo->lab, &options, error);
    if (!stage)
        return NULL;
    if (demo->budget_bytes == 0 && !vh_demo_stage_budget(stage, &demo->budget_bytes, error))
        return NULL;
    vh_demo_view_say(demo->view, "==> Bursts begin; the pool is %ld MiB",
                     (long)(demo->budget_bytes >> 20));
    record = vh_demo_record_new(vh_demo_stage_names, has_daemon, demo->budget_bytes,
                                INTERVAL_S * G_USEC_PER_SEC);
    if (!run_guests(demo, stage, record, error))
        return NULL;
    return g_steal_pointer(&record);
}

static gboolean expect(gboolean is_so, const char *what)
{
    printf("  %s  %s\n", is_so ? "yes" : "NO ", what);
    return is_so;
}

/* What the demo promises. */
static gboolean judge(const Demo *demo, const VhDemoRecord *without, const VhDemoRecord *with)
{
    const VhDemoVerdict *verdict =
        vh_demo_record_main_verdict(with, VH_DEMO_STAGE_PERF, G_GUINT64_CONSTANT(64) << 20);
    guint64 corrupted =
        vh_demo_record_corrupted_bytes(without) + vh_demo_record_corrupted_bytes(with);
    guint64 asked, returned;
    gboolean is_good = TRUE;
    gint64 slowest_us;
    guint asks;

    vh_demo_record_sums(with, VH_DEMO_STAGE_PERF, &asks, &asked, &returned);
    printf("\n");
    is_good &= expect(!vh_demo_record_held(without), "without virthintd the pool was exceeded");
    is_good &= expect(vh_demo_record_held(with), "with virthintd it held (over it for at most "
                                                 "two intervals in a row)");
    is_good &= expect(asks == 0 && verdict, "the perf guest was left alone, with memory to be had");
    if (is_native(demo))
        is_good &= expect(vh_demo_record_count(with, "pass", &slowest_us) > 0 &&
                              vh_demo_record_count(with, "pulse", &slowest_us) == 0,
                          "every ask was a pass");
    is_good &= expect(corrupted == 0, "no byte of the guests' data was lost");
    return is_good;
}

/* The daemon's log lies in the lab, which is gone when this ends. */
static void save_log(const Demo *demo)
{
    g_autofree char *from =
        g_build_filename(vh_lab_dir(demo->lab), "virthintd", "virthintd.log", NULL);
    g_autofree char *to = g_build_filename(demo->options->out, "virthintd.log", NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize length;

    if (!g_file_test(from, G_FILE_TEST_EXISTS))
        return;
    if (!g_file_get_contents(from, &text, &length, &error) ||
        !g_file_set_contents(to, text, (gssize)length, &error))
        g_printerr("virthint-demo: the daemon's log is lost: %s\n", error->message);
}

static gboolean report(const Demo *demo, const VhDemoRecord *without, const VhDemoRecord *with,
                       GError **error)
{
    g_autofree char *picture = NULL;
    g_autofree char *text = NULL;

    vh_demo_view_summary(without, with, vh_demo_stage_classes, VH_DEMO_STAGE_PERF);
    if (demo->options->json) {
        text = vh_demo_record_json(without, with);
        if (!g_file_set_contents(demo->options->json, text, -1, error))
            return FALSE;
    }
    if (!vh_demo_plot(without, with, demo->options->out, &picture, error))
        return FALSE;
    printf("\n  The picture: %s\n", picture);
    return TRUE;
}

static gboolean play(Demo *demo, gboolean *ret_is_good, GError **error)
{
    g_autoptr(VhDemoRecord) without = NULL;
    g_autoptr(VhDemoRecord) with = NULL;

    without = run(demo, FALSE, error);
    if (!without)
        return FALSE;
    with = run(demo, TRUE, error);
    if (!with || !report(demo, without, with, error))
        return FALSE;
    *ret_is_good = judge(demo, without, with);
    return TRUE;
}

static gboolean parse_options(int *argc, char ***argv, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        {"daemon", 0, 0, G_OPTION_ARG_FILENAME, &options->daemon, "virthintd to show", "PROGRAM"},
        {"out", 0, 0, G_OPTION_ARG_FILENAME, &options->out, "Where the picture and log go", "DIR"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &options->json, "Write all figures there", "FILE"},
        {"emulator", 0, 0, G_OPTION_ARG_FILENAME, &options->emulator, "A patched QEMU", "FILE"},
        {"module", 0, 0, G_OPTION_ARG_FILENAME, &options->module, "Our driver", "FILE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- what virthint does, on guests");

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc == 1 && options->daemon && options->out && !options->emulator == !options->module)
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                "takes --daemon PROGRAM and --out DIR, --emulator and --module together or not at "
                "all, and no arguments");
    return FALSE;
}

int main(int argc, char **argv)
{
    Options options = {0};
    Demo demo = {.options = &options};
    g_autoptr(GError) error = NULL;
    g_autoptr(VhLab) lab = NULL;
    g_autoptr(VhDemoView) view = NULL;
    gboolean is_good = FALSE;

    setlocale(LC_ALL, "");
    if (!parse_options(&argc, &argv, &options, &error)) {
        g_printerr("virthint-demo: %s\n", error->message);
        return 2;
    }
    demo.view = view = vh_demo_view_new(vh_demo_stage_classes);
    demo.lab = lab = vh_lab_open(&error);
    if (lab && !play(&demo, &is_good, &error))
        g_prefix_error(&error, "the demo broke off: ");
    if (lab)
        save_log(&demo);
    if (error)
        g_printerr("virthint-demo: %s\n", error->message);
    g_free(options.daemon);
    g_free(options.out);
    g_free(options.json);
    g_free(options.emulator);
    g_free(options.module);
    return is_good && !error ? 0 : 1;
}
