/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Medians, tables by libsmartcols, and the document. */
#include "bench-figures.h"

#include <libsmartcols.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vh-lab.h"
#include "vh-units.h"

typedef struct libscols_table Table;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, scols_unref_table)

int bench_compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median_of(const GArray *sorted)
{
    guint n = sorted->len;
    double high = g_array_index(sorted, double, n / 2);

    return n % 2 ? high : (g_array_index(sorted, double, n / 2 - 1) + high) / 2;
}

JsonObject *bench_spread(const void *samples, gsize stride, gsize offset, guint n)
{
    g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(JsonArray) runs = json_array_new();
    JsonObject *spread;

    for (guint i = 0; i < n; i++) {
        double value;

        memcpy(&value, (const char *)samples + i * stride + offset, sizeof(value));
        if (!isfinite(value))
            continue;
        g_array_append_val(values, value);
        json_array_add_double_element(runs, value);
    }
    if (values->len == 0)
        return NULL;
    g_array_sort(values, bench_compare_doubles);
    spread = json_object_new();
    json_object_set_double_member(spread, "median", median_of(values));
    json_object_set_double_member(spread, "min", g_array_index(values, double, 0));
    json_object_set_double_member(spread, "max", g_array_index(values, double, values->len - 1));
    json_object_set_array_member(spread, "runs", g_steal_pointer(&runs));
    return spread;
}

void bench_set_object(JsonObject *object, const char *key, JsonObject *value)
{
    if (value)
        json_object_set_object_member(object, key, value);
    else
        json_object_set_null_member(object, key);
}

double bench_median(JsonObject *object, const char *key)
{
    JsonNode *node = object ? json_object_get_member(object, key) : NULL;

    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
        return NAN;
    return json_object_get_double_member(json_node_get_object(node), "median");
}

static char *format_spread(const BenchColumn *column, JsonObject *spread)
{
    int decimals = (int)column->decimals;
    double median = json_object_get_double_member(spread, "median") / column->unit;
    double min = json_object_get_double_member(spread, "min") / column->unit;
    double max = json_object_get_double_member(spread, "max") / column->unit;

    return g_strdup_printf("%.*f (%.*f-%.*f)", decimals, median, decimals, min, decimals, max);
}

static char *format_cell(const BenchColumn *column, JsonObject *row)
{
    JsonNode *node = json_object_get_member(row, column->key);

    if (!node || JSON_NODE_HOLDS_NULL(node))
        return g_strdup("-");
    if (JSON_NODE_HOLDS_OBJECT(node))
        return format_spread(column, json_node_get_object(node));
    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
        return json_node_dup_string(node);
    case G_TYPE_BOOLEAN:
        return g_strdup(json_node_get_boolean(node) ? "yes" : "no");
    default:
        return g_strdup_printf("%.*f", (int)column->decimals,
                               json_node_get_double(node) / column->unit);
    }
}

static void add_line(Table *table, const BenchColumn *columns, guint n, JsonObject *row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);

    for (guint i = 0; line && i < n; i++) {
        g_autofree char *cell = format_cell(&columns[i], row);

        if (scols_line_set_data(line, i, cell) != 0)
            g_error("out of memory");
    }
}

static void print_table(const char *title, const BenchColumn *columns, guint n, JsonArray *rows)
{
    g_autoptr(Table) table = scols_new_table();

    for (guint i = 0; table && i < n; i++)
        scols_table_new_column(table, columns[i].title, 0,
                               columns[i].unit > 0 ? SCOLS_FL_RIGHT : 0);
    for (guint i = 0; table && i < json_array_get_length(rows); i++)
        add_line(table, columns, n, json_array_get_object_element(rows, i));
    printf("\n%s\n", title);
    fflush(stdout);
    /* A line that is wider than the terminal is still easier to read than one that is cut. */
    if (!table || scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER) != 0 ||
        scols_print_table(table) != 0)
        g_error("a table cannot be printed");
    fflush(stdout);
}

void bench_report_rows(BenchReport *report, const char *key, const char *title,
                       const BenchColumn *columns, guint n_columns, JsonArray *rows)
{
    JsonArray *all;

    if (!report->is_json)
        print_table(title, columns, n_columns, rows);
    if (!json_object_has_member(report->root, key))
        json_object_set_array_member(report->root, key, json_array_new());
    all = json_object_get_array_member(report->root, key);
    for (guint i = 0; i < json_array_get_length(rows); i++)
        json_array_add_element(all, json_array_dup_element(rows, i));
    json_array_unref(rows);
}

void bench_report_say(const BenchReport *report, const char *format, ...)
{
    va_list arguments;

    if (report->is_json)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

void bench_progress(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static char *first_line(const char *path)
{
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return g_strdup("unknown");
    return g_strdelimit(g_strstrip(text), "\n", ' ');
}

void bench_report_machine(BenchReport *report)
{
    g_autofree char *huge = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
    g_autofree char *shmem = first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    JsonObject *machine = json_object_new();
    g_autoptr(GError) error = NULL;
    VhLabHostMemory memory = {0};
    struct utsname name;

    if (uname(&name) < 0 || !vh_lab_host_memory(&memory, &error))
        g_error("this machine cannot be described");
    json_object_set_int_member(machine, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
    json_object_set_int_member(machine, "memory_bytes", (gint64)memory.total_bytes);
    json_object_set_string_member(machine, "kernel", name.release);
    json_object_set_int_member(machine, "page_bytes", sysconf(_SC_PAGESIZE));
    json_object_set_string_member(machine, "huge_pages", huge);
    json_object_set_string_member(machine, "shmem_huge_pages", shmem);
    json_object_set_string_member(machine, "accelerator", "tcg");
    json_object_set_object_member(report->root, "machine", machine);
    bench_report_say(
        report, "%ld CPUs, %.0f GiB, Linux %s, pages of %ld bytes, huge pages %s, of memfd %s, TCG",
        sysconf(_SC_NPROCESSORS_ONLN), (double)memory.total_bytes / VH_GIB, name.release,
        sysconf(_SC_PAGESIZE), huge, shmem);
}

void bench_report_end(BenchReport *report)
{
    if (report->is_json) {
        g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), report->root);
        g_autofree char *text = json_to_string(node, TRUE);

        puts(text);
    }
    json_object_unref(g_steal_pointer(&report->root));
}

guint64 bench_resident_bytes(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", (int)pid);
    g_autofree char *text = NULL;
    guint64 pages;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        sscanf(text, "%*u %" G_GUINT64_FORMAT, &pages) != 1)
        g_error("%s: cannot be read", path);
    return pages * (guint64)sysconf(_SC_PAGESIZE);
}

guint64 bench_smaps_bytes(pid_t pid, const char *field)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps_rollup", (int)pid);
    g_autofree char *text = NULL;
    const char *at;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !(at = strstr(text, field)))
        g_error("%s: has no %s", path, field);
    return g_ascii_strtoull(at + strlen(field), NULL, 10) * VH_KIB;
}
