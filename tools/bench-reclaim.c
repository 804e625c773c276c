/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rounds over the ways, and the tables of what was measured. */
#include "bench-reclaim.h"

#include <math.h>
#include <string.h>

#include "vh-units.h"

const char *const bench_reclaim_parts[] = {"pass", "chunked", "coalesced", "stock", "reporting",
                                           "bare", "calls",   "churn",     NULL};

/* The samples of each way, with init_on_alloc=0 and =1, and what the guests say of themselves. */
typedef struct {
    BenchSample *samples[2]; /* NULL: not measured */
    char *kernel[2], *command_line[2];
} Series;

static gboolean is_wanted(char *const *parts, const char *part)
{
    return !parts[0] || g_strv_contains((const char *const *)parts, part);
}

/* One guest after another; a way that leaves the host's huge pages whole leaves its guest to the
 * next way, if that wants such a guest. */
typedef struct {
    VhLab *lab;
    const BenchConfig *config;
    BenchGuest *guest;
    const BenchWay *way; /* that the guest is for */
    gboolean init_on_alloc;
} Stage;

static BenchGuest *stage_guest(Stage *stage, const BenchWay *way, gboolean init_on_alloc)
{
    if (stage->guest && stage->way->is_ours == way->is_ours &&
        stage->way->is_patched == way->is_patched &&
        stage->way->is_reporting == way->is_reporting && stage->init_on_alloc == init_on_alloc)
        return stage->guest;
    bench_guest_stop(stage->guest);
    stage->guest = bench_reclaim_start(stage->lab, stage->config, way, init_on_alloc);
    stage->way = way;
    stage->init_on_alloc = init_on_alloc;
    return stage->guest;
}

static void describe_guest(BenchGuest *guest, gboolean init_on_alloc, Series *series)
{
    g_free(series->kernel[init_on_alloc]);
    series->kernel[init_on_alloc] = bench_guest_read(guest, "/proc/sys/kernel/osrelease");
    g_free(series->command_line[init_on_alloc]);
    series->command_line[init_on_alloc] = bench_guest_read(guest, "/proc/cmdline");
}

static BenchSample measure(Stage *stage, const BenchWay *way, gboolean init_on_alloc,
                           Series *series)
{
    guint64 burst_bytes = stage->config->burst_bytes;
    BenchSample sample;

    if (!way->run) {
        g_clear_pointer(&stage->guest, bench_guest_stop);
        /* As much as a pass finds. */
        sample = bench_reclaim_measure_bare(bench_guest_usable_bytes(stage->config->guest_bytes));
    } else {
        BenchGuest *guest = stage_guest(stage, way, init_on_alloc);

        describe_guest(guest, init_on_alloc, series);
        sample = bench_reclaim_measure(guest, way, burst_bytes);
        if (!way->keeps_huge)
            g_clear_pointer(&stage->guest, bench_guest_stop);
    }
    if (sample.returned_bytes < (double)burst_bytes * 0.9)
        bench_progress("%s: only %.2f GiB came back", way->name, sample.returned_bytes / VH_GIB);
    if (sample.huge_bytes < (double)burst_bytes * 0.95)
        bench_progress("%s: only %.2f GiB were in huge pages before", way->name,
                       sample.huge_bytes / VH_GIB);
    return sample;
}

/* All of the ways in turn, so that what else the machine does falls on each. */
static void measure_round(Stage *stage, Series *series, guint round)
{
    for (gboolean init = FALSE; init <= TRUE; init++) {
        for (guint w = 0; w < bench_n_ways; w++) {
            const BenchWay *way = &bench_ways[w];
            BenchSample *samples = series[w].samples[init];

            if (!samples)
                continue;
            samples[round] = measure(stage, way, init, &series[w]);
            bench_progress("round %u of %u: %s, init_on_alloc=%d: %.3f s", round + 1,
                           stage->config->runs, way->name, init, samples[round].seconds);
        }
    }
    g_clear_pointer(&stage->guest, bench_guest_stop);
}

static JsonObject *row_of(const BenchWay *way, gboolean init, const Series *series, guint n)
{
    const BenchSample *samples = series->samples[init];
    JsonObject *row = json_object_new();

    json_object_set_string_member(row, "way", way->name);
    json_object_set_string_member(row, "driver", way->driver);
    json_object_set_string_member(row, "qemu", way->qemu);
    if (way->run) {
        json_object_set_int_member(row, "init_on_alloc", init);
        json_object_set_string_member(row, "guest_kernel", series->kernel[init]);
        json_object_set_string_member(row, "command_line", series->command_line[init]);
    }
    BENCH_SET_SPREAD(row, samples, n, seconds);
    BENCH_SET_SPREAD(row, samples, n, guest_cpu_s);
    BENCH_SET_SPREAD(row, samples, n, host_cpu_s);
    BENCH_SET_SPREAD(row, samples, n, returned_bytes);
    BENCH_SET_SPREAD(row, samples, n, host_free_bytes);
    BENCH_SET_SPREAD(row, samples, n, huge_bytes);
    BENCH_SET_SPREAD(row, samples, n, requests);
    BENCH_SET_SPREAD(row, samples, n, blocks);
    BENCH_SET_SPREAD(row, samples, n, messages);
    return row;
}

/* One line for each init_on_alloc: the guests of all ways have the same. */
static void say_guests(const Series *series, const BenchReport *report)
{
    for (gboolean init = FALSE; init <= TRUE; init++) {
        for (guint w = 0; w < bench_n_ways; w++) {
            if (series[w].kernel[init]) {
                bench_report_say(report, "guests with init_on_alloc=%d: Linux %s, %s", init,
                                 series[w].kernel[init], series[w].command_line[init]);
                break;
            }
        }
    }
}

static void report_ways(const Series *series, const BenchConfig *config, BenchReport *report)
{
    static const BenchColumn columns[] = {
        {"way", "way"},
        {"driver", "driver"},
        {"QEMU", "qemu"},
        {"init_on_alloc", "init_on_alloc", 1, 0},
        {"s", "seconds", 1, 4},
        {"guest CPU s", "guest_cpu_s", 1, 3},
        {"host CPU s", "host_cpu_s", 1, 3},
        {"back, RSS GiB", "returned_bytes", (double)VH_GIB, 2},
        {"host free GiB", "host_free_bytes", (double)VH_GIB, 2},
        {"huge before GiB", "huge_bytes", (double)VH_GIB, 2},
        {"reports", "requests", 1, 0},
        {"blocks", "blocks", 1, 0},
        {"messages", "messages", 1, 0},
    };
    g_autofree char *title = g_strdup_printf("Getting back %.1f GiB that a guest has freed",
                                             (double)config->burst_bytes / VH_GIB);
    JsonArray *rows = json_array_new();

    for (guint w = 0; w < bench_n_ways; w++) {
        for (gboolean init = FALSE; init <= TRUE; init++) {
            if (series[w].samples[init])
                json_array_add_object_element(
                    rows, row_of(&bench_ways[w], init, &series[w], config->runs));
        }
    }
    bench_report_rows(report, "ways", title, columns, G_N_ELEMENTS(columns), rows);
    say_guests(series, report);
}

/* What is compared with what. With `is_cost` the first is measured against a bound: how many times
 * as long it takes; otherwise how many times as fast it is. */
static const struct {
    const char *way, *beside;
    gboolean init_on_alloc;
    gboolean is_cost;
    double aim;
} ratios[] = {
    {"pass", "stock", FALSE, FALSE, 75},      {"pass", "stock", TRUE, FALSE, 75},
    {"pass", "reporting", FALSE, FALSE, 300}, {"pass", "bare", FALSE, TRUE, 2.5},
    {"chunked", "stock", FALSE, FALSE, 50},   {"chunked", "stock", TRUE, FALSE, 4.5},
    {"coalesced", "stock", FALSE, FALSE, 0},
};

static JsonObject *find_row(JsonArray *rows, const char *way, gboolean init_on_alloc)
{
    for (guint i = 0; i < json_array_get_length(rows); i++) {
        JsonObject *row = json_array_get_object_element(rows, i);

        if (g_str_equal(json_object_get_string_member(row, "way"), way) &&
            (!json_object_has_member(row, "init_on_alloc") ||
             json_object_get_int_member(row, "init_on_alloc") == init_on_alloc))
            return row;
    }
    return NULL;
}

/* "virthint's driver, patched QEMU". */
static char *config_of(JsonObject *way)
{
    const char *driver = json_object_get_string_member(way, "driver");

    if (!json_object_has_member(way, "init_on_alloc"))
        return g_strdup("no guest");
    return g_strdup_printf("%s driver, %s QEMU", driver,
                           json_object_get_string_member(way, "qemu"));
}

/* Of the guest and of QEMU together. */
static double cpu_of(JsonObject *way)
{
    double guest = bench_median(way, "guest_cpu_s");

    return (isnan(guest) ? 0 : guest) + bench_median(way, "host_cpu_s");
}

static JsonObject *ratio_row(JsonArray *ways, guint i)
{
    JsonObject *way = find_row(ways, ratios[i].way, ratios[i].init_on_alloc), *row;
    JsonObject *beside = find_row(ways, ratios[i].beside, ratios[i].init_on_alloc);
    double seconds = bench_median(way, "seconds"), beside_seconds = bench_median(beside, "seconds");
    double cpu = cpu_of(way) / cpu_of(beside);
    g_autofree char *aim =
        g_strdup_printf(ratios[i].is_cost ? "at most %g" : "at least %g", ratios[i].aim);
    g_autofree char *way_config = NULL, *beside_config = NULL;

    if (isnan(seconds) || isnan(beside_seconds))
        return NULL;
    way_config = config_of(way);
    beside_config = config_of(beside);
    row = json_object_new();
    json_object_set_string_member(row, "way", ratios[i].way);
    json_object_set_string_member(row, "way_config", way_config);
    json_object_set_string_member(row, "beside", ratios[i].beside);
    json_object_set_string_member(row, "beside_config", beside_config);
    json_object_set_int_member(row, "init_on_alloc", ratios[i].init_on_alloc);
    json_object_set_string_member(row, "measure",
                                  ratios[i].is_cost ? "times as long" : "times as fast");
    json_object_set_double_member(
        row, "ratio", ratios[i].is_cost ? seconds / beside_seconds : beside_seconds / seconds);
    json_object_set_double_member(row, "cpu_ratio", ratios[i].is_cost ? cpu : 1 / cpu);
    if (ratios[i].aim > 0)
        json_object_set_string_member(row, "aim", aim);
    return row;
}

static void report_ratios(BenchReport *report)
{
    static const BenchColumn columns[] = {
        {"way", "way"},
        {"with", "way_config"},
        {"beside", "beside"},
        {"with", "beside_config"},
        {"init_on_alloc", "init_on_alloc", 1, 0},
        {"ratio", "ratio", 1, 2},
        {"", "measure"},
        {"aim", "aim"},
        {"by CPU time", "cpu_ratio", 1, 2},
    };
    JsonArray *ways = json_object_get_array_member(report->root, "ways");
    JsonArray *rows = json_array_new();

    for (guint i = 0; i < G_N_ELEMENTS(ratios); i++) {
        JsonObject *row = ratio_row(ways, i);

        if (row)
            json_array_add_object_element(rows, row);
    }
    bench_report_rows(report, "ratios", "Medians of the seconds, one way beside another", columns,
                      G_N_ELEMENTS(columns), rows);
}

static void report_calls(VhLab *lab, const BenchConfig *config, char *const *parts,
                         BenchReport *report)
{
    static const BenchColumn columns[] = {
        {"way", "way"},
        {"driver", "driver"},
        {"QEMU", "qemu"},
        {"calls per GiB", "calls_per_gib", 1, 0},
    };
    JsonArray *rows = json_array_new();

    for (guint w = 0; w < bench_n_ways; w++) {
        const BenchWay *way = &bench_ways[w];
        JsonObject *row;
        double calls;

        if (way->is_ours && !config->module)
            continue;
        calls = way->run ? bench_reclaim_count_calls(lab, config, way)
                         : bench_reclaim_bare_calls_per_gib();
        row = json_object_new();
        json_object_set_string_member(row, "way", way->name);
        json_object_set_string_member(row, "driver", way->driver);
        json_object_set_string_member(row, "qemu", way->qemu);
        if (isfinite(calls))
            json_object_set_double_member(row, "calls_per_gib", calls);
        json_array_add_object_element(rows, row);
        bench_progress("calls: %s", way->name);
    }
    bench_report_rows(report, "calls",
                      "madvise() and fallocate() of QEMU, in a round that is not timed", columns,
                      G_N_ELEMENTS(columns), rows);
}

/* FALSE where no way is wanted. */
static gboolean prepare(Series *series, const BenchConfig *config, char *const *parts)
{
    gboolean any = FALSE;

    for (guint w = 0; w < bench_n_ways; w++) {
        const BenchWay *way = &bench_ways[w];

        if (!is_wanted(parts, way->name))
            continue;
        if (way->is_ours && !config->module)
            g_error("%s wants the guest driver of ours: tools/guest-build, or VH_GUEST_MODULES",
                    way->name);
        any = TRUE;
        series[w].samples[0] = g_new0(BenchSample, config->runs);
        if (way->zeroes)
            series[w].samples[1] = g_new0(BenchSample, config->runs);
    }
    return any;
}

void bench_reclaim(VhLab *lab, const BenchConfig *config, char *const *parts, BenchReport *report)
{
    g_autofree Series *series = g_new0(Series, bench_n_ways);
    Stage stage = {.lab = lab, .config = config};

    if (prepare(series, config, parts)) {
        for (guint round = 0; round < config->runs; round++)
            measure_round(&stage, series, round);
        report_ways(series, config, report);
        report_ratios(report);
    }
    if (is_wanted(parts, "calls"))
        report_calls(lab, config, parts, report);
    if (is_wanted(parts, "churn"))
        bench_reclaim_churn(lab, config, report);
    for (guint w = 0; w < bench_n_ways; w++) {
        for (guint init = 0; init < 2; init++) {
            g_free(series[w].samples[init]);
            g_free(series[w].kernel[init]);
            g_free(series[w].command_line[init]);
        }
    }
}
