/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records how real guests answer asks, for the simulator's models of guests to be checked against:
 * guests that idle, churn, are fragmented, or hold page cache; what an engine sees of them second
 * by second; one ask of each; what came back, and what the guest took again later. It writes one
 * JSON document a line, and judges nothing. Runs inside of the lab; docs/lab.md has the command.
 */
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "vh-ask.h"
#include "vh-lab.h"
#include "vh-libvirt.h"
#include "vh-reporting.h"
#include "vh-stats.h"
#include "vh-units.h"

#define GUEST_BYTES VH_GIB
#define DISK_BYTES (2 * VH_GIB)
#define LOOKS_BEFORE 5
#define LOOKS_AFTER 4
#define LOOK_US VH_SEC
#define WHOLE_BP 10000
/* What the build takes for a test that cannot run here. */
#define SKIPPED 77

/* What a guest has done when it is asked; SIZE is of the run, and HALF half of it. */
typedef struct {
    const char *name;
    const char *program;
    const char *busy; /* NULL: nothing; else what it does beside, from then on */
    gboolean has_disk;
} Family;

static const Family families[] = {
    {"idle", "alloc kept 64MiB\nalloc gone SIZE\nfree gone\n"},
    {"churn", "alloc kept 64MiB\nalloc gone SIZE\nfree gone\n",
     "churn HALF for 10min rate 100MiB/s\n"},
    {"fragmented", "alloc kept 64MiB\nalloc whole HALF\nfragment gone HALF keep 4KiB of 128KiB\n"
                   "free whole\n"},
    {"cache-heavy", "alloc kept 64MiB\nalloc gone SIZE\nfree gone\ncache 256MiB\n", NULL, TRUE},
};

/* Of the runs in turn. */
static const guint sizes_mib[] = {640, 480, 560};

typedef struct {
    const char *name;
    VhAskMethod method;
    guint64 granule_bytes;
} Way;

static const Way ways[] = {
    {"pass-2MiB", VH_ASK_PASS, 2 * VH_MIB},
    {"pass-64KiB", VH_ASK_PASS, 64 * VH_KIB},
    {"pulse", VH_ASK_PULSE, 0},
};

static const guint parts_bp[] = {WHOLE_BP, WHOLE_BP / 2};

typedef struct {
    char *out, *emulator, *module;
    int runs, rest_s;
} Options;

typedef struct {
    VhLab *lab;
    const Options *options;
    virConnectPtr connection; /* the asker's own */
    FILE *out;
} Recorder;

/* One guest of a round, and the line that it makes. */
typedef struct {
    const Family *family;
    const Way *way;
    guint part_bp, run;
    VhLabGuest *guest;
    VhLabWork *busy;
    virDomainPtr domain;
    JsonObject *line;
    JsonArray *before, *after; /* of the line */
    gint64 start_us;           /* of its looks */
} Subject;

static _Noreturn void refuse(const char *format, ...) G_GNUC_PRINTF(1, 2);
static _Noreturn void refuse(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("record-models: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n", stderr);
    exit(1);
}

/* ---- What is seen ---- */

static void set_bytes(JsonObject *object, const char *key, guint64 bytes)
{
    json_object_set_int_member(object, key, (gint64)bytes);
}

/* The figures of one moment, as a watch reads them; those that are not there are left out. */
static JsonObject *look(const Subject *subject)
{
    JsonObject *seen = json_object_new();
    g_autoptr(GError) error = NULL;
    VhStats stats;

    if (!vh_stats_read(subject->domain, &stats, &error))
        refuse("%s: %s", subject->family->name, error->message);
    const struct {
        const char *key;
        guint figure;
        guint64 bytes;
    } figures[] = {
        {"current_bytes", VH_HAS_CURRENT, stats.current_bytes},
        {"maximum_bytes", VH_HAS_MAXIMUM, stats.maximum_bytes},
        {"unused_bytes", VH_HAS_UNUSED, stats.unused_bytes},
        {"available_bytes", VH_HAS_AVAILABLE, stats.available_bytes},
        {"usable_bytes", VH_HAS_USABLE, stats.usable_bytes},
        {"caches_bytes", VH_HAS_CACHES, stats.caches_bytes},
        {"rss_bytes", VH_HAS_RSS, stats.rss_bytes},
    };

    json_object_set_int_member(seen, "at_ms", (g_get_monotonic_time() - subject->start_us) / VH_MS);
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++) {
        if (stats.figures & figures[i].figure)
            set_bytes(seen, figures[i].key, figures[i].bytes);
    }
    json_object_set_int_member(seen, "cpu_time_us", stats.cpu_time_us);
    json_object_set_int_member(seen, "stats_age_ms",
                               (g_get_real_time() - stats.last_update_us) / VH_MS);
    return seen;
}

static guint64 member_bytes(JsonObject *object, const char *key)
{
    if (!json_object_has_member(object, key))
        refuse("a guest does not tell its %s", key);
    return (guint64)json_object_get_int_member(object, key);
}

/* R - (A - F): what is resident and not in use by the guest's own account. */
static guint64 idle_bytes(JsonObject *seen)
{
    guint64 used =
        vh_sub(member_bytes(seen, "available_bytes"), member_bytes(seen, "unused_bytes"));

    return vh_sub(member_bytes(seen, "rss_bytes"), used);
}

static guint64 host_free_bytes(void)
{
    g_autoptr(GError) error = NULL;
    VhLabHostMemory host;

    if (!vh_lab_host_memory(&host, &error))
        refuse("%s", error->message);
    return host.free_bytes + host.per_cpu_bytes;
}

/* ---- A guest, and its work ---- */

static void launch(const Recorder *recorder, Subject *subject)
{
    g_autofree char *name = g_strdup_printf("model-%s", subject->family->name);
    gboolean is_native = subject->way->method == VH_ASK_PASS;
    g_autoptr(GError) error = NULL;
    const VhLabGuestSpec spec = {
        .name = name,
        .memory_bytes = GUEST_BYTES,
        .emulator = is_native ? recorder->options->emulator : NULL,
        .balloon_module = is_native ? recorder->options->module : NULL,
        .reporting = is_native,
        .extra_xml = is_native ? VH_LAB_PASSES_XML : NULL,
        .disk_bytes = subject->family->has_disk ? DISK_BYTES : 0,
        .stats_period_s = 1,
    };

    if (!(subject->guest = vh_lab_guest_launch(recorder->lab, &spec, &error)))
        refuse("%s", error->message);
}

/* SIZE in a program is so many MiB. */
static char *fill_in(const char *program, guint mib)
{
    g_autofree char *size = g_strdup_printf("%uMiB", mib);
    g_autofree char *half = g_strdup_printf("%uMiB", mib / 2);
    GString *text = g_string_new(program);

    g_string_replace(text, "SIZE", size, 0);
    g_string_replace(text, "HALF", half, 0);
    return g_string_free(text, FALSE);
}

static void work(Subject *subject, guint mib)
{
    g_autofree char *body = fill_in(subject->family->program, mib);
    g_autofree char *program = g_strdup_printf("seed %u\n%s", subject->run + 1, body);
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;

    if (!vh_lab_guest_work(subject->guest, program, VH_LAB_TIMEOUT_MS, &report, &error))
        refuse("%s", error->message);
    if (report->status != VH_LAB_WORK_OK)
        refuse("%s: %s", subject->family->name, report->message);
    json_object_set_string_member(subject->line, "work", program);
}

static void begin_busy(Subject *subject, guint mib)
{
    g_autofree char *program = NULL;
    g_autoptr(GError) error = NULL;

    if (!subject->family->busy)
        return;
    program = fill_in(subject->family->busy, mib);
    if (!(subject->busy = vh_lab_guest_work_start(subject->guest, "busy", program, &error)))
        refuse("%s", error->message);
    json_object_set_string_member(subject->line, "busy", program);
}

/* Reporting off, at rest, looked at once; then its work. */
static void prepare(const Recorder *recorder, Subject *subject)
{
    guint mib = sizes_mib[subject->run % G_N_ELEMENTS(sizes_mib)];
    g_autoptr(GError) error = NULL;

    if (!vh_lab_guest_wait_ready(subject->guest, VH_LAB_TIMEOUT_MS, &error))
        refuse("%s", error->message);
    subject->domain =
        virDomainLookupByName(recorder->connection, vh_lab_guest_name(subject->guest));
    if (!subject->domain)
        refuse("%s: %s", subject->family->name, virGetLastErrorMessage());
    if (subject->way->method == VH_ASK_PASS &&
        !vh_reporting_set(subject->domain, VH_MONITOR_ALLOW, FALSE, &error))
        refuse("%s", error->message);
    if (!vh_lab_guest_wait_fresh_stats(subject->guest, VH_LAB_TIMEOUT_MS, &error))
        refuse("%s", error->message);
    subject->start_us = g_get_monotonic_time();
    json_object_set_object_member(subject->line, "booted", look(subject));
    work(subject, mib);
    begin_busy(subject, mib);
    if (!vh_lab_guest_wait_fresh_stats(subject->guest, VH_LAB_TIMEOUT_MS, &error))
        refuse("%s", error->message);
}

/* ---- The ask ---- */

/* All that can be had, or a part of what the figures promise beyond what was idle at the start. */
static guint64 bytes_to_ask(Subject *subject, JsonObject *seen)
{
    JsonObject *booted = json_object_get_object_member(subject->line, "booted");

    if (subject->part_bp == WHOLE_BP)
        return 0;
    return vh_share(vh_sub(idle_bytes(seen), idle_bytes(booted)), subject->part_bp);
}

static JsonObject *outcome_of(const VhAskOutcome *outcome, const char *message)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "status", vh_ask_status_name(outcome->status));
    if (message)
        json_object_set_string_member(object, "message", message);
    set_bytes(object, "asked_bytes", outcome->asked_bytes);
    set_bytes(object, "taken_bytes", outcome->taken_bytes);
    set_bytes(object, "returned_bytes", outcome->returned_bytes);
    set_bytes(object, "before_bytes", outcome->before_bytes);
    set_bytes(object, "after_bytes", outcome->after_bytes);
    json_object_set_int_member(object, "slope_bytes_per_s", outcome->slope_bytes_per_s);
    json_object_set_int_member(object, "took_us", outcome->ended_us - outcome->started_us);
    return object;
}

static void ask(Subject *subject)
{
    JsonObject *seen = look(subject);
    const VhAskRequest request = {
        .method = subject->way->method,
        .monitor = VH_MONITOR_ALLOW,
        .bytes = bytes_to_ask(subject, seen),
        .granule_bytes = subject->way->granule_bytes,
    };
    guint64 free_bytes = host_free_bytes();
    guint64 resident_bytes = vh_lab_guest_rss_bytes(subject->guest);
    g_autoptr(GError) error = NULL;
    g_autoptr(VhAsk) handle = NULL;
    const char *message = NULL;
    VhAskOutcome outcome;
    JsonObject *end;

    json_array_add_object_element(subject->before, seen);
    if (!(handle = vh_ask_start(subject->domain, &request, &error)))
        refuse("%s", error->message);
    vh_ask_wait(handle, -1);
    vh_ask_get_outcome(handle, &outcome, &message);
    end = outcome_of(&outcome, message);
    json_object_set_int_member(end, "host_free_delta_bytes",
                               (gint64)host_free_bytes() - (gint64)free_bytes);
    json_object_set_int_member(end, "resident_delta_bytes",
                               (gint64)vh_lab_guest_rss_bytes(subject->guest) -
                                   (gint64)resident_bytes);
    json_object_set_object_member(subject->line, "outcome", end);
    if (outcome.status == VH_ASK_FAILED || outcome.status == VH_ASK_TIMED_OUT)
        refuse("%s, %s: %s", subject->family->name, subject->way->name, message ? message : "?");
    json_array_add_object_element(subject->after, look(subject));
    fprintf(stderr, "%s, %s, %u %%: %s, %.0f MiB came back\n", subject->family->name,
            subject->way->name, subject->part_bp / 100, vh_ask_status_name(outcome.status),
            (double)outcome.returned_bytes / VH_MIB);
}

/* ---- Rounds ---- */

static void begin_line(Subject *subject)
{
    subject->line = json_object_new();
    subject->before = json_array_new();
    subject->after = json_array_new();
    json_object_set_int_member(subject->line, "version", 1);
    json_object_set_string_member(subject->line, "family", subject->family->name);
    json_object_set_string_member(subject->line, "way", subject->way->name);
    json_object_set_string_member(subject->line, "method",
                                  vh_ask_method_name(subject->way->method));
    set_bytes(subject->line, "granule_bytes", subject->way->granule_bytes);
    json_object_set_int_member(subject->line, "part_bp", subject->part_bp);
    json_object_set_int_member(subject->line, "run", subject->run);
    json_object_set_array_member(subject->line, "before", subject->before);
    json_object_set_array_member(subject->line, "after", subject->after);
}

static void write_line(const Recorder *recorder, Subject *subject)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), subject->line);
    g_autofree char *text = json_to_string(node, FALSE);

    if (fprintf(recorder->out, "%s\n", text) < 0 || fflush(recorder->out) != 0)
        refuse("%s: cannot be written", recorder->options->out);
    json_node_unref(node);
    json_object_unref(subject->line);
}

static void end_subject(Subject *subject)
{
    g_clear_pointer(&subject->busy, vh_lab_work_free);
    virDomainFree(subject->domain);
    vh_lab_guest_free(subject->guest);
}

/* One guest of each family, side by side but for their asks, each of which has the host for
 * itself. */
static void record_round(const Recorder *recorder, const Way *way, guint part_bp, guint run)
{
    gulong look_us = (gulong)recorder->options->rest_s * VH_SEC / LOOKS_AFTER;
    Subject subjects[G_N_ELEMENTS(families)] = {0};

    for (guint i = 0; i < G_N_ELEMENTS(subjects); i++) {
        subjects[i] = (Subject){.family = &families[i], .way = way, .part_bp = part_bp, .run = run};
        begin_line(&subjects[i]);
        launch(recorder, &subjects[i]);
    }
    for (guint i = 0; i < G_N_ELEMENTS(subjects); i++)
        prepare(recorder, &subjects[i]);
    for (guint n = 0; n < LOOKS_BEFORE; n++) {
        for (guint i = 0; i < G_N_ELEMENTS(subjects); i++)
            json_array_add_object_element(subjects[i].before, look(&subjects[i]));
        g_usleep(LOOK_US);
    }
    for (guint i = 0; i < G_N_ELEMENTS(subjects); i++)
        ask(&subjects[i]);
    for (guint n = 0; n < LOOKS_AFTER; n++) {
        g_usleep(look_us);
        for (guint i = 0; i < G_N_ELEMENTS(subjects); i++)
            json_array_add_object_element(subjects[i].after, look(&subjects[i]));
    }
    for (guint i = 0; i < G_N_ELEMENTS(subjects); i++) {
        write_line(recorder, &subjects[i]);
        end_subject(&subjects[i]);
    }
}

static void record(const Recorder *recorder)
{
    for (guint run = 0; run < (guint)recorder->options->runs; run++) {
        for (guint w = 0; w < G_N_ELEMENTS(ways); w++) {
            for (guint p = 0; p < G_N_ELEMENTS(parts_bp); p++)
                record_round(recorder, &ways[w], parts_bp[p], run);
        }
    }
}

/* Where nobody says, as for the tests. FALSE: there is none. */
static gboolean find_programs(Options *options)
{
    const char *emulator = g_getenv("VH_QEMU"), *modules = g_getenv("VH_GUEST_MODULES");

    if (!options->emulator)
        options->emulator = g_strdup(emulator);
    if (!options->module && modules)
        options->module = g_build_filename(modules, "6.1", "virtio_balloon.ko", NULL);
    return options->emulator && options->module && g_file_test(options->module, G_FILE_TEST_EXISTS);
}

static void parse_options(int *argc, char ***argv, Options *options)
{
    const GOptionEntry entries[] = {
        {"out", 0, 0, G_OPTION_ARG_FILENAME, &options->out, "Where the lines go", "FILE"},
        {"emulator", 0, 0, G_OPTION_ARG_FILENAME, &options->emulator, "A patched QEMU", "FILE"},
        {"module", 0, 0, G_OPTION_ARG_FILENAME, &options->module, "Our driver", "FILE"},
        {"runs", 0, 0, G_OPTION_ARG_INT, &options->runs, "Of each ask (3)", "N"},
        {"rest", 0, 0, G_OPTION_ARG_INT, &options->rest_s, "Seconds after it (20)", "N"},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- records how guests answer asks");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, &error))
        refuse("%s", error->message);
    if (!options->out)
        refuse("takes --out FILE");
    if (options->runs < 1 || options->runs > 99 || options->rest_s < 1 || options->rest_s > 600)
        refuse("--runs is 1 to 99, --rest 1 to 600");
}

int main(int argc, char **argv)
{
    Options options = {.runs = 3, .rest_s = 20};
    Recorder recorder = {.options = &options};
    g_autoptr(GError) error = NULL;

    parse_options(&argc, &argv, &options);
    if (!find_programs(&options)) {
        fputs("record-models: no patched QEMU or no driver: tools/qemu-build and tools/guest-build "
              "make them, --emulator or VH_QEMU and --module or VH_GUEST_MODULES name them\n",
              stderr);
        return SKIPPED;
    }
    if (!(recorder.lab = vh_lab_open(&error)) ||
        !(recorder.connection = vh_libvirt_open(vh_lab_uri(recorder.lab), FALSE, &error)))
        refuse("%s", error->message);
    if (!(recorder.out = fopen(options.out, "w")))
        refuse("%s: cannot be written", options.out);
    record(&recorder);
    if (fclose(recorder.out) != 0)
        refuse("%s: cannot be written", options.out);
    virConnectClose(recorder.connection);
    vh_lab_free(recorder.lab);
    g_free(options.out);
    g_free(options.emulator);
    g_free(options.module);
    return 0;
}
