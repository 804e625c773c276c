/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The benchmarks that tools/bench runs inside of a lab: options, and what is said of every run.
 * They print figures, and judge nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench-device.h"
#include "bench-figures.h"
#include "bench-fleet.h"
#include "bench-reclaim.h"
#include "vh-units.h"

/* Of the guests' kernel: Debian 12's. */
#define KERNEL "6.1"
/* Two use the memory in half of the time that one needs. */
#define VCPUS 2
#define MEMORY_BYTES (8 * VH_GIB)
#define LEAST_BYTES (2 * VH_GIB)
/* What a guest keeps when it gives back a burst. */
#define KEPT_BYTES VH_GIB
/* Of the fleet, where nobody says otherwise. */
#define FLEET_MINUTES 5
#define FLEET_ENGINES "virthint,uniform,proxmox"
#define FLEET_SEED 1

static const struct {
    const char *name;
    guint runs; /* where nobody says how many */
    gboolean has_memory, is_fleet;
    const char *const *parts;
    void (*run)(VhLab *lab, const BenchConfig *config, char *const *parts, BenchReport *report);
} benchmarks[] = {
    {"device", 3, FALSE, FALSE, bench_device_parts, bench_device},
    {"reclaim", 5, TRUE, FALSE, bench_reclaim_parts, bench_reclaim},
    {"fleet", 1, FALSE, TRUE, bench_fleet_parts, bench_fleet},
};

/* Says what would be right, and ends. */
static _Noreturn void refuse(const char *format, ...) G_GNUC_PRINTF(1, 2);
static _Noreturn void refuse(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("tools/bench: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n", stderr);
    exit(2);
}

static guint find_benchmark(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(benchmarks); i++) {
        if (g_strcmp0(name, benchmarks[i].name) == 0)
            return i;
    }
    refuse("no benchmark '%s'; there are: device, reclaim, fleet", name ? name : "");
}

static void check_parts(guint which, char **parts)
{
    for (char **part = parts; *part; part++) {
        if (!g_strv_contains(benchmarks[which].parts, *part)) {
            g_autofree char *there = g_strjoinv(", ", (char **)benchmarks[which].parts);

            refuse("%s has no part '%s'; there are: %s", benchmarks[which].name, *part, there);
        }
    }
}

static guint64 parse_memory(guint which, const char *text)
{
    g_autoptr(GError) error = NULL;
    guint64 bytes = MEMORY_BYTES;

    if (text && !benchmarks[which].has_memory)
        refuse("%s has guests of a fixed size; leave --memory out", benchmarks[which].name);
    if (benchmarks[which].is_fleet)
        return bench_fleet_memory_bytes();
    if (text && !vh_parse_size(text, &bytes, &error))
        refuse("--memory: %s", error->message);
    if (bytes < LEAST_BYTES)
        refuse("--memory %s is too little; 2GiB is the least", text);
    return bytes;
}

static void check_host(guint64 guest_bytes)
{
    g_autoptr(GError) error = NULL;
    VhLabHostMemory host;

    if (!vh_lab_host_memory(&host, &error))
        refuse("%s", error->message);
    /* QEMU, and a rest for the host that none of it is swapped or killed. */
    if (host.available_bytes < guest_bytes + VH_GIB)
        refuse("guests of %.1f GiB want %.1f GiB of this host, which has %.1f GiB to give; "
               "where --memory is an option, use it",
               (double)guest_bytes / VH_GIB, (double)(guest_bytes + VH_GIB) / VH_GIB,
               (double)host.available_bytes / VH_GIB);
}

static char *find_module(const char *kernel)
{
    const char *dir = g_getenv("VH_GUEST_MODULES");
    char *path;

    if (!dir || !*dir)
        return NULL;
    path = g_build_filename(dir, kernel, "virtio_balloon.ko", NULL);
    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
        refuse("%s: no such module; VH_GUEST_MODULES is a directory with %s/virtio_balloon.ko",
               path, kernel);
    return path;
}

/* The first line of what it says of itself. */
static char *version_of(const char *emulator)
{
    const char *argv[] = {emulator, "--version", NULL};
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, NULL, NULL,
                      &error))
        refuse("%s: %s", emulator, error->message);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void describe(const BenchConfig *config, BenchReport *report)
{
    g_autofree char *patched = version_of(config->patched);
    g_autofree char *stock = version_of(config->stock);
    JsonObject *object = json_object_new();

    bench_report_machine(report);
    json_object_set_string_member(object, "patched", patched);
    json_object_set_string_member(object, "stock", stock);
    json_object_set_string_member(object, "guest_kernel", config->kernel);
    json_object_set_int_member(object, "guest_bytes", (gint64)config->guest_bytes);
    json_object_set_int_member(object, "burst_bytes", (gint64)config->burst_bytes);
    json_object_set_int_member(object, "runs", config->runs);
    if (config->engines) {
        json_object_set_int_member(object, "seconds", config->seconds);
        json_object_set_int_member(object, "seed", config->seed);
    }
    json_object_set_object_member(report->root, "config", object);
    bench_report_say(report, "patched: %s\nstock: %s", patched, stock);
    if (config->engines)
        bench_report_say(report, "%.1f GiB of guests with Linux %s; seed %u",
                         (double)config->guest_bytes / VH_GIB, config->kernel, config->seed);
    else
        bench_report_say(
            report, "guests of %.1f GiB with Linux %s; medians of %u runs (the least-the most)",
            (double)config->guest_bytes / VH_GIB, config->kernel, config->runs);
}

typedef struct {
    char *memory, *kernel, *engines, *logs, **words;
    int runs, minutes, seed, is_json;
} Options;

static void parse_options(int argc, char **argv, Options *options)
{
    const GOptionEntry entries[] = {
        {"runs", 0, 0, G_OPTION_ARG_INT, &options->runs, NULL, NULL},
        {"memory", 0, 0, G_OPTION_ARG_STRING, &options->memory, NULL, NULL},
        {"kernel", 0, 0, G_OPTION_ARG_STRING, &options->kernel, NULL, NULL},
        {"minutes", 0, 0, G_OPTION_ARG_INT, &options->minutes, NULL, NULL},
        {"engines", 0, 0, G_OPTION_ARG_STRING, &options->engines, NULL, NULL},
        {"logs", 0, 0, G_OPTION_ARG_FILENAME, &options->logs, NULL, NULL},
        {"seed", 0, 0, G_OPTION_ARG_INT, &options->seed, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options->is_json, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->words, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        refuse("%s", error->message);
    if (options->runs < 0 || options->runs > 99)
        refuse("--runs is 1 to 99");
    if (options->minutes < 1 || options->minutes > 60)
        refuse("--minutes is 1 to 60");
}

/* What only the fleet goes by. The list of engines is owned by the caller. */
static char **prepare_fleet(const Options *options, BenchConfig *config)
{
    char **engines = g_strsplit(options->engines ? options->engines : FLEET_ENGINES, ",", -1);

    config->daemon = g_getenv("VIRTHINTD");
    if (!config->daemon)
        refuse("VIRTHINTD names no virthintd; tools/bench fleet does that");
    config->logs = options->logs;
    config->engines = (const char *const *)engines;
    config->seconds = (guint)options->minutes * 60;
    config->seed = (guint)options->seed;
    return engines;
}

static void clear_options(Options *options)
{
    g_free(options->memory);
    g_free(options->kernel);
    g_free(options->engines);
    g_free(options->logs);
    g_strfreev(options->words);
}

int main(int argc, char **argv)
{
    const char *stock = g_getenv("VH_QEMU_STOCK");
    BenchConfig config = {.patched = g_getenv("VH_QEMU"), .vcpus = VCPUS};
    g_autofree char *module = NULL;
    BenchReport report = {0};
    Options options = {.minutes = FLEET_MINUTES, .seed = FLEET_SEED};
    g_auto(GStrv) engines = NULL;
    g_autoptr(VhLab) lab = NULL;
    g_autoptr(GError) error = NULL;
    guint which;

    parse_options(argc, argv, &options);
    which = find_benchmark(options.words ? options.words[0] : NULL);
    check_parts(which, options.words + 1);
    if (benchmarks[which].is_fleet)
        engines = prepare_fleet(&options, &config);
    if (!config.patched)
        refuse("VH_QEMU names no patched QEMU; tools/qemu-build makes one");
    config.stock = stock && *stock ? stock : "/usr/bin/qemu-system-x86_64";
    config.kernel = options.kernel ? options.kernel : KERNEL;
    config.module = module = find_module(config.kernel);
    config.guest_bytes = parse_memory(which, options.memory);
    config.burst_bytes = config.guest_bytes - KEPT_BYTES;
    config.runs = options.runs ? (guint)options.runs : benchmarks[which].runs;
    check_host(config.guest_bytes);
    if (!(lab = vh_lab_open(&error)))
        refuse("%s", error->message);
    report = (BenchReport){.root = json_object_new(), .is_json = options.is_json};
    json_object_set_string_member(report.root, "benchmark", benchmarks[which].name);
    describe(&config, &report);
    benchmarks[which].run(lab, &config, options.words + 1, &report);
    bench_report_end(&report);
    clear_options(&options);
    return 0;
}
