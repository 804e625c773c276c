/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one decision costs, with 10 to 10 000 domains: time, instructions (under callgrind, which
 * starts this program again) and allocations. Needs no guests, no libvirt and no lab. Prints
 * figures, and judges nothing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench-figures.h"
#include "vh-decide.h"

#define RUNS 9
#define LEAST_RUN_US (50 * VH_MS)
#define WARM_TURNS 6

static const guint sizes[] = {10, 100, 1000, 10000};

/* Counts what the decision allocates, in GLib too: these stand in for the C library's. */
static gulong n_allocations;

VH_PUBLIC void *malloc(size_t size);
VH_PUBLIC void *realloc(void *old, size_t size);
extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
    n_allocations++;
    return __libc_malloc(size);
}

void *realloc(void *old, size_t size)
{
    n_allocations++;
    return __libc_realloc(old, size);
}

/* A fleet that is short of memory, so that all of the decision is done: three classes, each guest
 * of another size, a tenth of them busy or mute. */
typedef struct {
    VhConfig *config;
    VhState *state, *next;
    VhSnapshot *snapshot;
    VhPlan *plan;
    guint n;
} Fleet;

static guint64 mix(guint64 value) /* splitmix64: the same fleet in every run */
{
    value += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void add_guest(Fleet *fleet, guint number)
{
    static const char *const names[] = {"batch", "web", "perf"};
    guint64 seed = mix(number);
    VhUuid uuid;
    guint64 high = mix(seed), low = mix(high);

    memcpy(uuid.bytes, &high, sizeof(high));
    memcpy(uuid.bytes + sizeof(high), &low, sizeof(low));
    VhDomain *guest = vh_snapshot_add_domain(fleet->snapshot, &uuid, "bench",
                                             names[number % G_N_ELEMENTS(names)]);
    guest->id = (int)number;
    guest->is_running = seed % 10 != 0;
    guest->tier = seed & 64 ? VH_TIER_NATIVE : VH_TIER_PULSE;
    guest->has_autodeflate = TRUE;
    guest->n_vcpus = 2;
    guest->figures = VH_HAS_CURRENT | VH_HAS_MAXIMUM | VH_HAS_UNUSED | VH_HAS_AVAILABLE |
                     VH_HAS_RSS | VH_HAS_SWAPPED | VH_HAS_CPU_TIME | VH_HAS_VCPUS;
    guest->maximum_bytes = guest->current_bytes = (1 + seed % 16) * VH_GIB;
    guest->available_bytes = guest->maximum_bytes - guest->maximum_bytes / 40;
    guest->unused_bytes = guest->available_bytes / 100 * (seed >> 8 & 63);
    guest->rss_bytes = guest->available_bytes / 100 * 80;
    guest->stats_period_us = VH_SEC;
}

static VhConfig *new_config(void)
{
    static const char *const classes[] = {"batch", "perf"};
    VhConfig *config = vh_config_new();

    config->matches = g_new0(VhMatch, G_N_ELEMENTS(classes));
    config->n_matches = G_N_ELEMENTS(classes);
    for (guint i = 0; i < G_N_ELEMENTS(classes); i++)
        config->matches[i] =
            (VhMatch){.kind = VH_MATCH_NAME,
                      .name_glob = g_strdup(classes[i]),
                      .class_index = (guint)vh_config_find_class(config, classes[i])};
    return config;
}

/* A cycle later, with fresh figures. */
static void advance(Fleet *fleet)
{
    VhSnapshot *snapshot = fleet->snapshot;

    snapshot->now_us += 5 * VH_SEC;
    snapshot->wall_us += 5 * VH_SEC;
    for (guint i = 0; i < snapshot->domains->len; i++)
        g_array_index(snapshot->domains, VhDomain, i).stats_time_us = snapshot->wall_us;
}

static void decide(Fleet *fleet)
{
    VhState *decided = fleet->next;

    vh_decide(fleet->config, fleet->state, fleet->snapshot, fleet->next, fleet->plan);
    fleet->next = fleet->state;
    fleet->state = decided;
}

static Fleet *fleet_new(guint n)
{
    Fleet *fleet = g_new0(Fleet, 1);

    fleet->n = n;
    fleet->config = new_config();
    fleet->state = vh_state_new();
    fleet->next = vh_state_new();
    fleet->plan = vh_plan_new();
    fleet->snapshot = vh_snapshot_new();
    for (guint i = 0; i < n; i++)
        add_guest(fleet, i);
    fleet->snapshot->wall_us = G_GINT64_CONSTANT(1767225600) * VH_SEC;
    fleet->snapshot->mem_total_bytes = (guint64)n * 8 * VH_GIB;
    fleet->snapshot->mem_available_bytes = (guint64)n * 8 * VH_GIB / 10;
    vh_snapshot_sort(fleet->snapshot);
    for (guint i = 0; i < WARM_TURNS; i++) {
        advance(fleet);
        decide(fleet);
    }
    return fleet;
}

static void fleet_free(Fleet *fleet)
{
    vh_config_free(fleet->config);
    vh_state_free(fleet->state);
    vh_state_free(fleet->next);
    vh_plan_free(fleet->plan);
    vh_snapshot_free(fleet->snapshot);
    g_free(fleet);
}

typedef struct {
    double decision_us;
    double n_allocations; /* of one decision */
} Sample;

static Sample measure(Fleet *fleet)
{
    gint64 started_us = g_get_monotonic_time(), spent_us = 0;
    gulong before, allocated = 0;
    guint n = 0;

    while (spent_us == 0 || g_get_monotonic_time() - started_us < LEAST_RUN_US) {
        advance(fleet);
        before = n_allocations;
        gint64 begun_us = g_get_monotonic_time();
        decide(fleet);
        spent_us += MAX(g_get_monotonic_time() - begun_us, 1);
        allocated += n_allocations - before;
        n++;
    }
    return (Sample){.decision_us = (double)spent_us / n, .n_allocations = (double)allocated / n};
}

/* Instructions of one decision, as callgrind counts them in another process; NAN where it is not
 * there. */
static double count_instructions(const char *self, guint n)
{
    g_autofree char *size = g_strdup_printf("%u", n);
    g_autofree char *valgrind = g_find_program_in_path("valgrind");
    g_autofree char *errors = NULL;
    const char *argv[] = {valgrind,
                          "--tool=callgrind",
                          "--toggle-collect=vh_decide",
                          "--callgrind-out-file=/dev/null",
                          self,
                          "--decide-once",
                          size,
                          NULL};
    g_autoptr(GError) error = NULL;

    if (!valgrind)
        return NAN;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, &errors, NULL, &error)) {
        fprintf(stderr, "tools/bench: %s\n", error->message);
        return NAN;
    }
    const char *collected = strstr(errors, "Collected : ");
    return collected ? g_ascii_strtod(collected + strlen("Collected : "), NULL) / (WARM_TURNS + 1)
                     : NAN;
}

static JsonObject *measure_size(const char *self, guint n)
{
    Fleet *fleet = fleet_new(n);
    JsonObject *row = json_object_new();
    Sample samples[RUNS];

    bench_progress("%u domains", n);
    for (guint i = 0; i < RUNS; i++)
        samples[i] = measure(fleet);
    fleet_free(fleet);
    json_object_set_int_member(row, "domains", n);
    BENCH_SET_SPREAD(row, samples, RUNS, decision_us);
    BENCH_SET_SPREAD(row, samples, RUNS, n_allocations);
    json_object_set_double_member(row, "ns_per_n_log_n",
                                  bench_median(row, "decision_us") * 1000 / (n * log2(n)));
    double instructions = count_instructions(self, n);
    if (isfinite(instructions)) {
        json_object_set_double_member(row, "instructions", instructions);
        json_object_set_double_member(row, "instructions_per_domain", instructions / n);
    }
    return row;
}

/* The part of the program that callgrind looks at: all but the decision is left out there. */
static int decide_once(const char *text)
{
    Fleet *fleet = fleet_new((guint)atoi(text));

    advance(fleet);
    decide(fleet);
    fleet_free(fleet);
    return 0;
}

int main(int argc, char **argv)
{
    static const BenchColumn columns[] = {
        {"DOMAINS", "domains", 1, 0},
        {"US A DECISION", "decision_us", 1, 1},
        {"NS / N LOG N", "ns_per_n_log_n", 1, 1},
        {"ALLOCATIONS", "n_allocations", 1, 1},
        {"INSTRUCTIONS", "instructions", 1, 0},
        {"A DOMAIN", "instructions_per_domain", 1, 0},
    };
    BenchReport report = {.root = json_object_new()};
    JsonArray *rows = json_array_new();

    if (argc == 3 && strcmp(argv[1], "--decide-once") == 0)
        return decide_once(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--json") == 0) {
        report.is_json = TRUE;
    } else if (argc > 1) {
        fprintf(stderr, "tools/bench: planner: '%s' is not understood; there is --json\n", argv[1]);
        return 2;
    }
    json_object_set_string_member(report.root, "benchmark", "planner");
    bench_report_machine(&report);
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
        json_array_add_object_element(rows, measure_size(argv[0], sizes[i]));
    bench_report_rows(&report, "sizes", "one decision", columns, G_N_ELEMENTS(columns), rows);
    bench_report_end(&report);
    return 0;
}
