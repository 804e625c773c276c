/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fleet under one engine after another, side by side. See bench-fleet.h. */
#include <math.h>
#include <string.h>

#include "bench-fleet.h"
#include "child-daemon.h"
#include "vh-config.h"
#include "vh-units.h"

#define INTERVAL_S 2
#define LOOK_US (VH_SEC / 2)
#define LOOP_US (20 * VH_MS)
/* Of all peaks together, what the pool holds. */
#define POOL_OF_PEAKS(bytes) ((bytes) / 3 * 2)
/* Below this share of the pool it is short; the policy's `low` begins there. */
#define LOW_BP 1200
/* And from below this on, till it has been above for a dwell, guests of the class perf may be
 * asked: the exit bound of `critical`. */
#define CRITICAL_EXIT_BP 300
#define DWELL_S 5
/* An ask that returns less than this share of what it was for is wasted. */
#define WASTED_BP 1000
#define NOBODY "none"

const char *const bench_fleet_parts[] = {NULL};

/* Of one engine. */
typedef struct {
    double deficit_gib_s; /* what was missing below `low`, over time */
    double over_gib_s;    /* and beyond the whole pool */
    double short_s;       /* how long it was below `low` */
    double worst_mib;     /* the most that was missing below `low` */
    double bother_ms;     /* of asks, at the built-in prices, by the class's weight */
    guint asks, perf_asks, wasted_asks;
    guint early_asks; /* of perf guests, where the pool was far from critical */
} Figures;

typedef struct {
    guint64 id;
    guint guest;
    guint64 asked_bytes;
} Ask;

typedef struct {
    const BenchConfig *config;
    const char *engine;
    GArray *guests;
    guint64 pool_bytes;
    GArray *asks;       /* Ask, not ended */
    gint64 critical_us; /* when the pool last looked critical; 0: never */
    VhConfig *builtin;
    Figures figures;
} Run;

/* Guests of minutes want to be looked at more often than those of weeks; else it is the built-in
 * policy. It is the same for each engine; which keys it goes by is the engine's matter. Single
 * quotes for the sake of readers; percentages are those above. */
static const char policy[] =
    "{'version': 1, 'interval': '%us', 'monitor': 'allow',\n"
    " 'pool': {'source': 'budget', 'budget': '%" G_GUINT64_FORMAT "MiB', 'dwell': '%us',\n"
    "  'levels': {'proactive': {'enter': '20%%', 'exit': '24%%'},\n"
    "             'low': {'enter': '%u%%', 'exit': '16%%'},\n"
    "             'high': {'enter': '6%%', 'exit': '8%%'},\n"
    "             'critical': {'enter': '1%%', 'exit': '%u%%'}}},\n"
    " 'defaults': {'stats_period': '2s', 'max_stats_age': '8s', 'min_yield': '16MiB'},\n"
    " 'classes': {'batch': {'granule': '64KiB'}},\n"
    " 'match': [";

static char *policy_text(guint64 pool_bytes)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, policy, INTERVAL_S, pool_bytes / VH_MIB, DWELL_S, LOW_BP / 100,
                           CRITICAL_EXIT_BP / 100);
    for (guint f = 0; f < bench_fleet_n_families; f++)
        g_string_append_printf(text, "%s{'name': '%s-*', 'class': '%s'}", f ? ", " : "",
                               bench_fleet_families[f].name, bench_fleet_families[f].class);
    g_string_append(text, "]}\n");
    return g_strdelimit(g_string_free(text, FALSE), "'", '"');
}

/* ---- What the daemon tells ---- */

static guint64 lookup_bytes(GVariant *dict, const char *key)
{
    guint64 bytes = 0;

    g_variant_lookup(dict, key, "t", &bytes);
    return bytes;
}

/* Whether nobody can say that the pool was critical: it has not looked so for longer than a level
 * lasts, and than it takes to see it. */
static gboolean is_early(const Run *run)
{
    gint64 age_us = g_get_monotonic_time() - run->critical_us;

    return run->critical_us == 0 || age_us > (DWELL_S + 2 * INTERVAL_S) * VH_SEC;
}

static void ask_started(guint64 id, GVariant *doc, gpointer data)
{
    Run *run = data;
    const char *name = NULL;
    BenchFleetGuest *guest;

    g_variant_lookup(doc, "name", "&s", &name);
    if ((guest = bench_fleet_find(run->guests, name))) {
        const Ask ask = {id, guest->number, lookup_bytes(doc, "bytes")};

        g_array_append_val(run->asks, ask);
        if (g_str_equal(guest->family->class, "perf") && is_early(run))
            run->figures.early_asks++;
    }
}

/* What it cost the guest, by the policy's own prices, which are the same for each engine. */
static double bother_ms(const Run *run, const BenchFleetGuest *guest, guint64 returned_bytes)
{
    const VhModel *model = &run->builtin->model;
    int index = vh_config_find_class(run->builtin, guest->family->class);
    guint weight = run->builtin->classes[index].weight;
    double us = (double)model->cost_fixed_us +
                (double)model->cost_per_gib_us * (double)returned_bytes / VH_GIB;

    return weight * us / VH_MS;
}

static void ask_ended(guint64 id, GVariant *outcome, gpointer data)
{
    Run *run = data;
    guint64 returned_bytes = lookup_bytes(outcome, "returned_bytes");

    for (guint i = 0; i < run->asks->len; i++) {
        const Ask ask = g_array_index(run->asks, Ask, i);
        BenchFleetGuest *guest = &g_array_index(run->guests, BenchFleetGuest, ask.guest);

        if (ask.id != id)
            continue;
        guest->tally.asks++;
        guest->tally.returned_bytes += returned_bytes;
        run->figures.asks++;
        run->figures.perf_asks += g_str_equal(guest->family->class, "perf");
        run->figures.wasted_asks += returned_bytes < vh_share(ask.asked_bytes, WASTED_BP);
        run->figures.bother_ms += bother_ms(run, guest, returned_bytes);
        g_array_remove_index_fast(run->asks, i);
        return;
    }
}

static void planned(GVariant *plan, gpointer data)
{
    /* Nobody asks for plans here. */
}

static VhChildDaemon *start_daemon(VhLab *lab, Run *run)
{
    static const VhChildDaemonCallbacks callbacks = {ask_started, ask_ended, planned};
    g_autofree char *folder = g_build_filename(vh_lab_dir(lab), run->engine, NULL);
    g_autofree char *text = policy_text(run->pool_bytes);
    g_autoptr(GError) error = NULL;
    VhChildDaemon *daemon;
    const VhChildDaemonOptions options = {
        .program = run->config->daemon,
        .uri = vh_lab_uri(lab),
        .folder = folder,
        .policy = text,
        .engine = run->engine,
    };

    if (g_mkdir_with_parents(folder, 0700) < 0)
        g_error("%s: cannot be made", folder);
    if (!(daemon = vh_child_daemon_start(&options, &callbacks, run, &error)))
        g_error("%s: %s", run->engine, error->message);
    return daemon;
}

/* Its log lies in the lab, which is gone at the end. */
static void stop_daemon(const Run *run, VhChildDaemon *daemon)
{
    g_autofree char *name = g_strdup_printf("virthintd-%s.log", run->engine);
    g_autofree char *path = NULL, *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!vh_child_daemon_stop(daemon, &error))
        g_error("%s: %s", run->engine, error->message);
    if (run->config->logs) {
        path = g_build_filename(run->config->logs, name, NULL);
        if (!g_file_get_contents(vh_child_daemon_log(daemon), &text, NULL, &error) ||
            !g_file_set_contents(path, text, -1, &error))
            g_error("%s", error->message);
    }
    vh_child_daemon_free(daemon);
}

/* ---- A run ---- */

static void add_look(Run *run, guint64 resident_bytes, double seconds)
{
    double free_bytes = (double)run->pool_bytes - (double)resident_bytes;
    double missing = (double)vh_share(run->pool_bytes, LOW_BP) - free_bytes;

    if (missing > 0) {
        run->figures.deficit_gib_s += missing / VH_GIB * seconds;
        run->figures.short_s += seconds;
        run->figures.worst_mib = MAX(run->figures.worst_mib, missing / VH_MIB);
    }
    if (free_bytes < (double)vh_share(run->pool_bytes, CRITICAL_EXIT_BP))
        run->critical_us = g_get_monotonic_time();
    if (free_bytes < 0)
        run->figures.over_gib_s += -free_bytes / VH_GIB * seconds;
}

static void iterate(VhChildDaemon *daemon)
{
    while (daemon && g_main_context_iteration(NULL, FALSE))
        continue;
    g_usleep(LOOP_US);
}

static void watch(Run *run, VhChildDaemon *daemon)
{
    gint64 start_us = g_get_monotonic_time(), last_us = start_us;
    gint64 end_us = start_us + run->config->seconds * VH_SEC;
    guint looks = 0;

    while (last_us < end_us) {
        gint64 now_us;

        iterate(daemon);
        now_us = g_get_monotonic_time();
        if (now_us < last_us + LOOK_US)
            continue;
        if (daemon && !vh_child_daemon_is_running(daemon))
            g_error("%s: virthintd is gone; its log: %s", run->engine, vh_child_daemon_log(daemon));
        add_look(run, bench_fleet_look(run->guests), (double)(now_us - last_us) / VH_SEC);
        bench_fleet_take_reports(run->guests);
        last_us = now_us;
        if (++looks % 60 == 0)
            bench_progress("%s: %.0f s, %u asks, %.2f GiB*s missing", run->engine,
                           (double)(now_us - start_us) / VH_SEC, run->figures.asks,
                           run->figures.deficit_gib_s);
    }
}

static JsonObject *figures_of(const Run *run, BenchFleetTally total)
{
    JsonObject *row = json_object_new();

    json_object_set_string_member(row, "engine", run->engine);
    json_object_set_double_member(row, "deficit_gib_s", run->figures.deficit_gib_s);
    json_object_set_double_member(row, "short_s", run->figures.short_s);
    json_object_set_double_member(row, "worst_mib", run->figures.worst_mib);
    json_object_set_double_member(row, "over_gib_s", run->figures.over_gib_s);
    json_object_set_int_member(row, "refault_bytes", (gint64)total.refault_bytes);
    json_object_set_int_member(row, "host_faults", (gint64)total.host_faults);
    json_object_set_int_member(row, "worked_bytes", (gint64)total.worked_bytes);
    json_object_set_int_member(row, "asks", run->figures.asks);
    json_object_set_int_member(row, "perf_asks", run->figures.perf_asks);
    json_object_set_int_member(row, "early_asks", run->figures.early_asks);
    json_object_set_int_member(row, "wasted_asks", run->figures.wasted_asks);
    json_object_set_int_member(row, "returned_bytes", (gint64)total.returned_bytes);
    json_object_set_double_member(row, "bother_ms", run->figures.bother_ms);
    json_object_set_double_member(row, "stall_max_ms", (double)total.stall_max_us / VH_MS);
    json_object_set_double_member(row, "cpu_s", (double)total.cpu_us / VH_SEC);
    json_object_set_int_member(row, "corrupt_bytes", (gint64)total.corrupt_bytes);
    json_object_set_int_member(row, "oom_kills", (gint64)total.oom_kills);
    return row;
}

static void add_tally(BenchFleetTally *total, const BenchFleetTally *tally)
{
    total->worked_bytes += tally->worked_bytes;
    total->refault_bytes += tally->refault_bytes;
    total->returned_bytes += tally->returned_bytes;
    total->host_faults += tally->host_faults;
    total->corrupt_bytes += tally->corrupt_bytes;
    total->oom_kills += tally->oom_kills;
    total->stall_max_us = MAX(total->stall_max_us, tally->stall_max_us);
    total->cpu_us += tally->cpu_us;
    total->asks += tally->asks;
}

/* Of a family, or with NULL of all. */
static BenchFleetTally sum(const GArray *guests, const BenchFleetFamily *family)
{
    BenchFleetTally total = {0};

    for (guint i = 0; i < guests->len; i++) {
        const BenchFleetGuest *guest = &g_array_index(guests, BenchFleetGuest, i);

        if (!family || guest->family == family)
            add_tally(&total, &guest->tally);
    }
    return total;
}

static void add_families(const Run *run, JsonArray *rows)
{
    for (guint f = 0; f < bench_fleet_n_families; f++) {
        const BenchFleetFamily *family = &bench_fleet_families[f];
        BenchFleetTally total = sum(run->guests, family);
        JsonObject *row = json_object_new();

        json_object_set_string_member(row, "family", family->name);
        json_object_set_string_member(row, "class", family->class);
        json_object_set_int_member(row, "guests", family->count);
        json_object_set_string_member(row, "engine", run->engine);
        json_object_set_int_member(row, "worked_bytes", (gint64)total.worked_bytes);
        json_object_set_int_member(row, "refault_bytes", (gint64)total.refault_bytes);
        json_object_set_int_member(row, "asks", total.asks);
        json_object_set_int_member(row, "returned_bytes", (gint64)total.returned_bytes);
        json_object_set_double_member(row, "stall_max_ms", (double)total.stall_max_us / VH_MS);
        json_array_add_object_element(rows, row);
    }
}

/* The pool is that of the first run: of all, the same. */
static void run_engine(VhLab *lab, Run *run, JsonArray *engines, JsonArray *families)
{
    VhChildDaemon *daemon = NULL;

    bench_progress("%s: booting the fleet", run->engine);
    run->guests = bench_fleet_boot(lab, run->config);
    run->asks = g_array_new(FALSE, FALSE, sizeof(Ask));
    run->figures = (Figures){0};
    run->critical_us = 0;
    if (run->pool_bytes == 0)
        run->pool_bytes = POOL_OF_PEAKS(bench_fleet_peak_bytes(run->guests)) / VH_MIB * VH_MIB;
    bench_progress("%s: %u guests, a pool of %" G_GUINT64_FORMAT " MiB", run->engine,
                   run->guests->len, run->pool_bytes / VH_MIB);
    if (!g_str_equal(run->engine, NOBODY))
        daemon = start_daemon(lab, run);
    bench_fleet_start(run->guests, run->config);
    watch(run, daemon);
    if (daemon)
        stop_daemon(run, daemon);
    bench_fleet_finish(run->guests);
    json_array_add_object_element(engines, figures_of(run, sum(run->guests, NULL)));
    add_families(run, families);
    g_array_unref(run->asks);
    g_array_unref(run->guests);
}

static void report_engines(BenchReport *report, const char *title, JsonArray *rows)
{
    static const BenchColumn columns[] = {
        {"engine", "engine"},
        {"missing below low GiB*s", "deficit_gib_s", 1, 2},
        {"for s", "short_s", 1, 1},
        {"at most MiB", "worst_mib", 1, 0},
        {"over the pool GiB*s", "over_gib_s", 1, 2},
        {"refaults MiB", "refault_bytes", (double)VH_MIB, 0},
        {"host faults", "host_faults", 1, 0},
        {"work MiB", "worked_bytes", (double)VH_MIB, 0},
        {"asks", "asks", 1, 0},
        {"of perf", "perf_asks", 1, 0},
        {"early", "early_asks", 1, 0},
        {"wasted", "wasted_asks", 1, 0},
        {"returned MiB", "returned_bytes", (double)VH_MIB, 0},
        {"bother ms", "bother_ms", 1, 0},
        {"worst stall ms", "stall_max_ms", 1, 1},
        {"CPU s", "cpu_s", 1, 1},
        {"corrupt", "corrupt_bytes", 1, 0},
        {"killed", "oom_kills", 1, 0},
    };

    bench_report_rows(report, "engines", title, columns, G_N_ELEMENTS(columns), rows);
}

static void report_families(BenchReport *report, JsonArray *rows)
{
    static const BenchColumn columns[] = {
        {"family", "family"},
        {"class", "class"},
        {"guests", "guests", 1, 0},
        {"engine", "engine"},
        {"work MiB", "worked_bytes", (double)VH_MIB, 0},
        {"refaults MiB", "refault_bytes", (double)VH_MIB, 0},
        {"asks", "asks", 1, 0},
        {"returned MiB", "returned_bytes", (double)VH_MIB, 0},
        {"worst stall ms", "stall_max_ms", 1, 1},
    };

    bench_report_rows(report, "families", "The same by family", columns, G_N_ELEMENTS(columns),
                      rows);
}

void bench_fleet(VhLab *lab, const BenchConfig *config, char *const *parts, BenchReport *report)
{
    g_autoptr(VhConfig) builtin = vh_config_new();
    Run run = {.config = config, .builtin = builtin};
    JsonArray *engines = json_array_new(), *families = json_array_new();
    g_autofree char *title = NULL;

    if (!config->module)
        g_error("the fleet wants the guest driver of ours: tools/guest-build, or VH_GUEST_MODULES");
    for (guint i = 0; config->engines[i]; i++) {
        run.engine = config->engines[i];
        run_engine(lab, &run, engines, families);
    }
    json_object_set_int_member(report->root, "pool_bytes", (gint64)run.pool_bytes);
    json_object_set_int_member(report->root, "low_bytes", (gint64)vh_share(run.pool_bytes, LOW_BP));
    title = g_strdup_printf("24 guests under a pool of %" G_GUINT64_FORMAT
                            " MiB, two thirds of their peaks, for %u s each",
                            run.pool_bytes / VH_MIB, config->seconds);
    report_engines(report, title, engines);
    report_families(report, families);
}
