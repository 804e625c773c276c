/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `tools/bench device`, inside of a lab: prints figures, and judges nothing. */
#include "bench-device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vh-units.h"

static const char usage[] =
    "Usage: virthint-bench-device RUNS [inflate|guest|alone]...\n"
    "Run by tools/bench, inside of a lab, with VH_QEMU (and VH_QEMU_STOCK) set.\n";

const char *bench_memory_name(BenchMemory memory)
{
    static const char *const names[] = {"anonymous memory", "anonymous memory without huge pages",
                                        "memfd"};

    return names[memory];
}

static void print_latency(const char *when, const BenchLoad *loads, guint n, gboolean busy)
{
    g_autofree double *p50 = g_new0(double, n);
    g_autofree double *p99 = g_new0(double, n);
    g_autofree double *max = g_new0(double, n);
    double worst = 0;

    for (guint i = 0; i < n; i++) {
        const BenchLatency *latency = busy ? &loads[i].busy : &loads[i].idle;

        p50[i] = latency->p50_ms;
        p99[i] = latency->p99_ms;
        max[i] = latency->max_ms;
        worst = MAX(worst, latency->max_ms);
    }
    printf("    %-5s p50 %6.2f  p99 %7.2f  max %8.2f ms, at worst %.2f\n", when,
           bench_median(p50, n), bench_median(p99, n), bench_median(max, n), worst);
}

void bench_print_loads(const char *what, const BenchLoad *loads, guint n)
{
    g_autofree double *seconds = g_new0(double, n);

    for (guint i = 0; i < n; i++)
        seconds[i] = loads[i].seconds;
    printf("%s: %.3f s\n", what, bench_median(seconds, n));
    print_latency("idle", loads, n, FALSE);
    print_latency("busy", loads, n, TRUE);
    fflush(stdout);
}

static char *first_line(const char *path)
{
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return g_strdup("unknown");
    return g_strdelimit(g_strstrip(text), "\n", ' ');
}

static void print_machine(const BenchConfig *config)
{
    g_autofree char *huge = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
    g_autofree char *shmem = first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    g_autoptr(GError) error = NULL;
    VhLabHostMemory memory = {0};
    struct utsname name;

    if (uname(&name) < 0 || !vh_lab_host_memory(&memory, &error))
        g_error("this machine cannot be described");
    printf("%ld CPUs, %.0f GiB, Linux %s, pages of %ld bytes, huge pages %s, of memfd %s, TCG\n"
           "patched %s, stock %s; %.0f GiB guests, medians of %u runs\n",
           sysconf(_SC_NPROCESSORS_ONLN), (double)memory.total_bytes / VH_GIB, name.release,
           sysconf(_SC_PAGESIZE), huge, shmem, config->patched, config->stock,
           (double)config->guest_bytes / VH_GIB, config->runs);
    fflush(stdout);
}

static const struct {
    const char *name;
    void (*run)(VhLab *lab, const BenchConfig *config);
} parts[] = {
    {"inflate", bench_inflate},
    {"guest", bench_guest_monitor},
    {"alone", bench_qtest_monitor},
};

static gboolean is_wanted(const char *part, char **wanted)
{
    return !wanted[0] || g_strv_contains((const char *const *)wanted, part);
}

int main(int argc, char **argv)
{
    const char *stock = g_getenv("VH_QEMU_STOCK");
    BenchConfig config = {
        .patched = g_getenv("VH_QEMU"),
        .stock = stock && *stock ? stock : "/usr/bin/qemu-system-x86_64",
        .guest_bytes = 8 * VH_GIB,
        .burst_bytes = 7 * VH_GIB,
        .runs = argc > 1 ? (guint)strtoul(argv[1], NULL, 10) : 0,
    };
    g_autoptr(VhLab) lab = NULL;
    g_autoptr(GError) error = NULL;

    if (config.runs == 0 || !config.patched) {
        fputs(usage, stderr);
        return 2;
    }
    if (!(lab = vh_lab_open(&error)))
        g_error("%s", error->message);
    print_machine(&config);
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (is_wanted(parts[i].name, argv + 2))
            parts[i].run(lab, &config);
    }
    return 0;
}
