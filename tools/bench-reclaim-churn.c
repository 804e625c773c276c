/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest that allocates, fills, checks and frees as fast as it can, under each kind of reporting.
 */
#include <math.h>

#include "bench-reclaim.h"
#include "vh-reporting-info.h"
#include "vh-units.h"

#define GUEST_BYTES (2 * VH_GIB)
#define CHURN_BYTES VH_GIB
#define CHURN_S 5
/* How often an engine may ask at most; also how long a stock driver waits before it reports. */
#define PASS_EVERY_US (2 * VH_SEC)
#define LOOK_MS 100u

typedef struct {
    double bytes_per_s;
    double resident_bytes; /* on average */
    double stall_max_ms;
    double guest_cpu_s, host_cpu_s;
    double passes;
} Sample;

static const struct {
    const char *name;
    gboolean is_continuous;
    gboolean has_passes;
} modes[] = {
    {"off", FALSE, FALSE},
    {"auto", FALSE, TRUE},
    {"always", TRUE, FALSE},
};

static void set_reporting(BenchGuest *guest, gboolean enabled)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"balloon-reporting-set\", \"arguments\": {\"enabled\": %s}}",
        enabled ? "true" : "false");

    bench_socket_execute(guest->qmp, command);
}

/* Till the work is done. Its report. */
static VhLabReport *accompany(BenchGuest *guest, VhLabWork *work, gboolean has_passes,
                              Sample *sample)
{
    gint64 next_us = g_get_monotonic_time() + PASS_EVERY_US;
    gint64 until_us = next_us + (gint64)VH_LAB_TIMEOUT_MS * VH_MS;
    double sum_bytes = 0;
    VhLabReport *report = NULL;
    guint looks = 0;

    for (;; looks++) {
        g_autoptr(GError) error = NULL;

        sum_bytes += (double)bench_resident_bytes(bench_guest_pid(guest));
        if (vh_lab_work_wait(work, LOOK_MS, &report, &error))
            break;
        if (!g_error_matches(error, VH_ERROR, VH_ERROR_TIMEOUT) ||
            g_get_monotonic_time() > until_us)
            g_error("%s", error->message);
        if (has_passes && g_get_monotonic_time() >= next_us) {
            bench_socket_execute(guest->qmp, "{\"execute\": \"balloon-reporting-pass\"}");
            next_us += PASS_EVERY_US;
            sample->passes++;
        }
    }
    if (report->status != VH_LAB_WORK_OK)
        g_error("%s", report->message);
    sample->resident_bytes = sum_bytes / (looks + 1);
    return report;
}

/* What the guest has never used would be slower to use. */
static void warm_up(BenchGuest *guest)
{
    bench_guest_touch(guest);
    bench_guest_free_touched(guest);
}

static Sample run_mode(BenchGuest *guest, guint mode)
{
    g_autofree char *program =
        g_strdup_printf("churn %" G_GUINT64_FORMAT "MiB for %ds", CHURN_BYTES / VH_MIB, CHURN_S);
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(VhLabWork) work = NULL;
    g_autoptr(GError) error = NULL;
    Sample sample = {0};
    BenchCpu before, after;

    set_reporting(guest, modes[mode].is_continuous);
    before = bench_guest_cpu(guest);
    work = vh_lab_guest_work_start(guest->lab, NULL, program, &error);
    if (!work)
        g_error("%s", error->message);
    report = accompany(guest, work, modes[mode].has_passes, &sample);
    after = bench_guest_cpu(guest);
    if (report->corrupt_pages > 0)
        g_error("%s: %" G_GUINT64_FORMAT " pages of the guest are corrupt", modes[mode].name,
                report->corrupt_pages);
    sample.bytes_per_s = (double)report->churned_bytes * VH_SEC / (double)report->elapsed_us;
    sample.stall_max_ms = (double)report->stall_max_us / VH_MS;
    sample.guest_cpu_s = after.guest_s - before.guest_s;
    sample.host_cpu_s = after.host_s - before.host_s;
    return sample;
}

static void report_modes(Sample *const samples[], guint n, BenchReport *report)
{
    static const BenchColumn columns[] = {
        {"reporting", "reporting"},
        {"MiB/s", "bytes_per_s", (double)VH_MIB, 0},
        {"of off", "share_of_off", 1, 3},
        {"resident MiB", "resident_bytes", (double)VH_MIB, 0},
        {"worst stall ms", "stall_max_ms", 1, 1},
        {"guest CPU s", "guest_cpu_s", 1, 2},
        {"host CPU s", "host_cpu_s", 1, 2},
        {"passes", "passes", 1, 0},
    };
    g_autofree char *title = g_strdup_printf(
        "A guest of %.0f GiB churns %.0f GiB for %d s: 'auto' is a pass each %d s, 'always' is "
        "continuous",
        (double)GUEST_BYTES / VH_GIB, (double)CHURN_BYTES / VH_GIB, CHURN_S,
        (int)(PASS_EVERY_US / VH_SEC));
    JsonArray *rows = json_array_new();
    double off = NAN;

    for (guint mode = 0; mode < G_N_ELEMENTS(modes); mode++) {
        JsonObject *row = json_object_new();

        json_object_set_string_member(row, "reporting", modes[mode].name);
        BENCH_SET_SPREAD(row, samples[mode], n, bytes_per_s);
        BENCH_SET_SPREAD(row, samples[mode], n, resident_bytes);
        BENCH_SET_SPREAD(row, samples[mode], n, stall_max_ms);
        BENCH_SET_SPREAD(row, samples[mode], n, guest_cpu_s);
        BENCH_SET_SPREAD(row, samples[mode], n, host_cpu_s);
        BENCH_SET_SPREAD(row, samples[mode], n, passes);
        if (mode == 0)
            off = bench_median(row, "bytes_per_s");
        json_object_set_double_member(row, "share_of_off", bench_median(row, "bytes_per_s") / off);
        json_array_add_object_element(rows, row);
    }
    bench_report_rows(report, "churn", title, columns, G_N_ELEMENTS(columns), rows);
}

void bench_reclaim_churn(VhLab *lab, const BenchConfig *config, BenchReport *report)
{
    Sample *samples[G_N_ELEMENTS(modes)];
    BenchConfig small = *config;
    BenchGuest *guest;

    if (!config->module)
        g_error("churn wants the guest driver of ours: tools/guest-build, or VH_GUEST_MODULES");
    small.guest_bytes = GUEST_BYTES;
    guest = bench_reclaim_start(lab, &small, &bench_ways[0], FALSE);
    warm_up(guest);
    for (guint mode = 0; mode < G_N_ELEMENTS(modes); mode++)
        samples[mode] = g_new0(Sample, config->runs);
    for (guint run = 0; run < config->runs; run++) {
        for (guint mode = 0; mode < G_N_ELEMENTS(modes); mode++) {
            samples[mode][run] = run_mode(guest, mode);
            bench_progress("churn %u of %u: %s: %.0f MiB/s", run + 1, config->runs,
                           modes[mode].name, samples[mode][run].bytes_per_s / VH_MIB);
        }
    }
    bench_guest_stop(guest);
    report_modes(samples, config->runs, report);
    for (guint mode = 0; mode < G_N_ELEMENTS(modes); mode++)
        g_free(samples[mode]);
}
