/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulator's models of guests against recordings of real ones (tests/sim/recordings): a
 * simulated guest is given what could be seen of a real one before it was asked, and what its
 * workload had done to its memory, and has to predict what came back. The engine's own formula is
 * shown beside.
 */
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "bench-figures.h"
#include "vh-outcome.h"
#include "vh-sim-guest.h"
#include "vh-workload.h"
#include "vh-yield.h"

#define RECORDING VH_SOURCE_ROOT "/tests/sim/recordings/models.jsonl"
/* How far a prediction may be off: the median over the runs of one ask. */
#define TOLERANCE 0.15
#define MIB ((double)VH_MIB)

typedef struct {
    char *family, *way;
    double part;
    double granule_kib; /* 0: a pulse */
    double asked_mib;   /* 0: all */
    double measured_mib;
    double pieces_mib, piece_kib;
    VhDomain before;
    double booted_idle_mib; /* R - (A - F) at rest after boot */
    double left_idle_mib;   /* and at the end, where it was left in peace */
} Line;

static guint64 member(JsonObject *object, const char *key)
{
    g_assert_true(json_object_has_member(object, key));
    return (guint64)json_object_get_int_member(object, key);
}

static double idle_mib(JsonObject *seen)
{
    double used = (double)(member(seen, "available_bytes") - member(seen, "unused_bytes"));

    return ((double)member(seen, "rss_bytes") - used) / MIB;
}

static JsonObject *last_look(JsonObject *root, const char *key)
{
    JsonArray *looks = json_object_get_array_member(root, key);

    return json_array_get_object_element(looks, json_array_get_length(looks) - 1);
}

static void read_figures(JsonObject *seen, VhDomain *domain)
{
    domain->figures = VH_YIELD_FIGURES;
    domain->has_autodeflate = TRUE;
    domain->current_bytes = member(seen, "current_bytes");
    domain->maximum_bytes = member(seen, "maximum_bytes");
    domain->unused_bytes = member(seen, "unused_bytes");
    domain->available_bytes = member(seen, "available_bytes");
    domain->rss_bytes = member(seen, "rss_bytes");
    domain->caches_bytes = member(seen, "caches_bytes");
}

/* What the program has left in pieces, and the largest block in each of them. */
static void read_pieces(const char *program, Line *line)
{
    VhWorkload workload;
    char why[200];

    g_assert_cmpint(vh_workload_parse(program, strlen(program), &workload, why, sizeof(why)), ==,
                    0);
    for (size_t i = 0; i < workload.count; i++) {
        const VhWorkloadOp *op = &workload.ops[i];
        guint64 hole = op->granule_bytes - op->keep_bytes;

        if (op->kind != VH_WORKLOAD_FRAGMENT)
            continue;
        line->pieces_mib += (double)(op->bytes / op->granule_bytes * hole) / MIB;
        line->piece_kib = exp2(floor(log2((double)hole))) / (double)VH_KIB;
    }
    vh_workload_clear(&workload);
}

static Line *read_line(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = json_from_string(text, &error);
    Line *line = g_new0(Line, 1);

    g_assert_no_error(error);
    JsonObject *root = json_node_get_object(node);
    JsonObject *outcome = json_object_get_object_member(root, "outcome");
    JsonObject *booted = json_object_get_object_member(root, "booted");
    g_assert_cmpint(json_object_get_int_member(root, "version"), ==, 1);
    g_assert_cmpstr(json_object_get_string_member(outcome, "status"), ==, "done");
    line->family = g_strdup(json_object_get_string_member(root, "family"));
    line->way = g_strdup(json_object_get_string_member(root, "way"));
    line->part = (double)json_object_get_int_member(root, "part_bp") / 10000;
    line->granule_kib = (double)member(root, "granule_bytes") / (double)VH_KIB;
    line->asked_mib = (double)member(outcome, "asked_bytes") / MIB;
    line->measured_mib = (double)member(outcome, "returned_bytes") / MIB;
    line->booted_idle_mib = idle_mib(booted);
    line->left_idle_mib = json_object_has_member(root, "busy") ? line->booted_idle_mib
                                                               : idle_mib(last_look(root, "after"));
    read_figures(last_look(root, "before"), &line->before);
    read_pieces(json_object_get_string_member(root, "work"), line);
    return line;
}

static void line_free(gpointer data)
{
    Line *line = data;

    g_free(line->family);
    g_free(line->way);
    g_free(line);
}

static GPtrArray *read_recording(void)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(line_free);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) rows = NULL;

    g_file_get_contents(RECORDING, &text, NULL, &error);
    g_assert_no_error(error);
    rows = g_strsplit(text, "\n", -1);
    for (char **row = rows; *row; row++) {
        if (**row)
            g_ptr_array_add(lines, read_line(*row));
    }
    return lines;
}

/* O of the machine that was recorded: of QEMU under TCG, nobody ever got a guest below. */
static double overhead_mib(const GPtrArray *lines)
{
    double least = G_MAXDOUBLE;

    for (guint i = 0; i < lines->len; i++)
        least = MIN(least, ((Line *)lines->pdata[i])->left_idle_mib);
    return least;
}

/* A guest of the simulator in the state that the figures show. */
static VhSimGuest simulate(const Line *line, double overhead, VhSimParams *params)
{
    double used = (double)vh_yield_used_bytes(&line->before) / MIB;
    double unused = (double)line->before.unused_bytes / MIB;
    VhSimGuest guest = {
        .params = params,
        .has_autodeflate = TRUE,
        .has_started = TRUE,
        .memory_mib = (double)line->before.maximum_bytes / MIB,
        .managed_mib = (double)line->before.available_bytes / MIB,
        .overhead_mib = overhead,
        .cache_mib = (double)line->before.caches_bytes / MIB,
        .locality = params->locality_bp / 10000.0,
    };

    if (line->piece_kib > 0)
        params->fragment_bytes = (guint64)line->piece_kib * VH_KIB;
    guest.used_mib = used - guest.cache_mib;
    guest.backed_mib = CLAMP((double)line->before.rss_bytes / MIB - overhead - used, 0, unused);
    guest.untouched_mib = unused - guest.backed_mib;
    /* What boot had left is where pieces are, unless the program made more, of that, too. */
    guest.pieces_mib = MAX(line->booted_idle_mib - overhead, line->pieces_mib);
    guest.pieces_mib = MIN(guest.pieces_mib, guest.backed_mib);
    return guest;
}

static double predict(const Line *line, double overhead)
{
    VhSimParams params = *vh_sim_family_params(VH_FAMILY_IDLE);
    VhSimGuest guest = simulate(line, overhead, &params);
    guint64 reserve = vh_ask_default_reserve_bytes(line->before.maximum_bytes);
    VhSimAsk ask = line->granule_kib > 0
                       ? vh_sim_guest_plan_pass(&guest, line->asked_mib, line->granule_kib)
                       : vh_sim_guest_plan_pulse(&guest, line->asked_mib, (double)reserve / MIB);

    return ask.return_mib;
}

/* What the engine would have expected: with nothing learned, and with O as after boot. */
static double expect(const Line *line, gboolean has_learned)
{
    g_autoptr(VhConfig) config = vh_config_new();
    VhGuestState learned = {.overhead_bytes = (guint64)(line->booted_idle_mib * MIB)};
    VhYield yield;

    vh_yield_compute(&config->model, &line->before, has_learned ? &learned : NULL, 0, &yield);
    if (line->granule_kib == 0)
        vh_yield_leave(&yield, vh_ask_default_reserve_bytes(line->before.maximum_bytes));
    double mib = (double)yield.expected_bytes / MIB;
    return line->asked_mib > 0 ? MIN(mib, line->asked_mib) : mib;
}

static gboolean is_same_ask(const Line *a, const Line *b)
{
    return g_str_equal(a->family, b->family) && g_str_equal(a->way, b->way) && a->part == b->part;
}

/* The medians over the runs of one ask, each beside what was measured. */
static void check_ask(const GPtrArray *lines, const Line *which, double overhead)
{
    g_autoptr(GArray) ratios = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(GString) runs = g_string_new(NULL);

    for (guint i = 0; i < lines->len; i++) {
        const Line *line = lines->pdata[i];
        double predicted, ratio;

        if (!is_same_ask(line, which))
            continue;
        predicted = predict(line, overhead);
        ratio = predicted / MAX(line->measured_mib, 1);
        g_array_append_val(ratios, ratio);
        g_string_append_printf(runs, "  %.0f for %.0f", predicted, line->measured_mib);
        g_string_append_printf(runs, " (engine %.0f, O known %.0f)", expect(line, FALSE),
                               expect(line, TRUE));
    }
    g_assert_cmpuint(ratios->len, >=, 3);
    g_array_sort(ratios, bench_compare_doubles);
    double median = g_array_index(ratios, double, ratios->len / 2);
    g_test_message("%s, %s, %.0f %%: %.2f; MiB predicted for measured:%s", which->family,
                   which->way, which->part * 100, median, runs->str);
    g_assert_cmpfloat(fabs(median - 1), <=, TOLERANCE);
}

static void test_family(gconstpointer data)
{
    g_autoptr(GPtrArray) lines = read_recording();
    double overhead = overhead_mib(lines);
    guint checked = 0;

    g_test_message("O: %.0f MiB", overhead);
    for (guint i = 0; i < lines->len; i++) {
        const Line *line = lines->pdata[i];
        gboolean is_first = TRUE;

        if (!g_str_equal(line->family, data))
            continue;
        for (guint k = 0; k < i; k++)
            is_first = is_first && !is_same_ask(lines->pdata[k], line);
        if (!is_first)
            continue;
        check_ask(lines, line, overhead);
        checked++;
    }
    /* Three ways, whole and in part. */
    g_assert_cmpuint(checked, ==, 6);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/sim-models/idle", "idle", test_family);
    g_test_add_data_func("/sim-models/churn", "churn", test_family);
    g_test_add_data_func("/sim-models/fragmented", "fragmented", test_family);
    g_test_add_data_func("/sim-models/cache-heavy", "cache-heavy", test_family);
    return g_test_run();
}
