/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stock guest's balloon driver sees of the device, and what the monitor sees of the driver.
 */
#include <stdio.h>

#include "bench-device.h"
#include "vh-units.h"

#define LOOK_US (2 * VH_MS)
#define BURST_TIMEOUT_US (180 * VH_SEC)
#define IDLE_US (2 * VH_SEC)
/* What a guest needs for itself, out of what is not in its balloon. */
#define SPARE_BYTES (600 * VH_MIB)

typedef struct {
    VhLabGuest *guest;
    virDomainPtr domain;
    BenchMonitor *monitor;
} Guest;

typedef struct {
    const char *emulator;
    BenchMemory memory;
    gboolean init_on_alloc;
    gboolean reporting;
} Kind;

static void work(Guest *g, const char *program)
{
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;

    if (!vh_lab_guest_work(g->guest, program, 3 * VH_LAB_TIMEOUT_MS, &report, &error))
        g_error("%s", error->message);
    if (report->status != VH_LAB_WORK_OK)
        g_error("%s", report->message);
}

/* A fresh guest each time: inflating tears the host's huge pages for good. */
static void start(VhLab *lab, const BenchConfig *config, const Kind *kind, Guest *g)
{
    static guint serial;
    g_autofree char *name = g_strdup_printf("bench-%u", serial++);
    g_autofree char *socket = g_build_filename(vh_lab_dir(lab), name, NULL);
    g_autofree char *xml =
        g_strdup_printf("<qemu:commandline><qemu:arg value='-qmp'/>"
                        "<qemu:arg value='unix:%s,server=on,wait=off'/></qemu:commandline>",
                        socket);
    const VhLabGuestSpec spec = {
        .name = name,
        .memory_bytes = config->guest_bytes,
        .emulator = kind->emulator,
        .kernel_args = kind->init_on_alloc ? "init_on_alloc=1" : NULL,
        .reporting = kind->reporting,
        .memfd = kind->memory == BENCH_MEMFD,
        .no_thp = kind->memory == BENCH_ANON_4KIB,
        .extra_xml = xml,
    };
    g_autoptr(GError) error = NULL;

    if (!(g->guest = vh_lab_guest_start(lab, &spec, &error)) ||
        !(g->domain = vh_lab_guest_domain(g->guest, &error)))
        g_error("%s", error->message);
    g->monitor = bench_monitor_open(socket, vh_lab_guest_pid(g->guest));
}

static void stop(Guest *g)
{
    bench_monitor_close(g->monitor);
    virDomainFree(g->domain);
    vh_lab_guest_free(g->guest);
}

static void touch(Guest *g, const BenchConfig *config, gboolean leave)
{
    g_autofree char *program =
        g_strdup_printf("alloc all %" G_GUINT64_FORMAT "MiB\n%s",
                        (config->guest_bytes - SPARE_BYTES) / VH_MIB, leave ? "" : "free all\n");

    work(g, program);
}

static guint64 balloon_bytes(Guest *g)
{
    virDomainMemoryStatStruct items[VIR_DOMAIN_MEMORY_STAT_NR];
    int n = virDomainMemoryStats(g->domain, items, G_N_ELEMENTS(items), 0);

    for (int i = 0; i < n; i++) {
        if (items[i].tag == VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON)
            return items[i].val * VH_KIB;
    }
    return 0;
}

static double inflate(Guest *g, const BenchConfig *config)
{
    guint64 target = config->guest_bytes - config->burst_bytes;
    gint64 start_us = g_get_monotonic_time();

    if (virDomainSetMemoryFlags(g->domain, target / VH_KIB, VIR_DOMAIN_AFFECT_LIVE) < 0)
        g_error("the balloon does not move");
    while (balloon_bytes(g) != target) {
        if (g_get_monotonic_time() - start_us > BURST_TIMEOUT_US)
            g_error("the balloon stays at %" G_GUINT64_FORMAT " MiB", balloon_bytes(g) / VH_MIB);
        g_usleep(LOOK_US);
    }
    return (double)(g_get_monotonic_time() - start_us) / VH_SEC;
}

typedef struct {
    double wall_s;
    double cpu_s; /* of QEMU: less blurred by what else the machine does */
} Took;

static Took run_inflate(VhLab *lab, const BenchConfig *config, const Kind *kind)
{
    gint64 cpu_us;
    Guest g = {0};
    Took took;

    start(lab, config, kind, &g);
    touch(&g, config, FALSE);
    cpu_us = vh_lab_guest_cpu_us(g.guest);
    took.wall_s = inflate(&g, config);
    took.cpu_s = (double)(vh_lab_guest_cpu_us(g.guest) - cpu_us) / VH_SEC;
    stop(&g);
    return took;
}

static void print_took(const char *of, const Took *stock, const Took *patched, guint n)
{
    g_autofree double *a = g_new0(double, n);
    g_autofree double *b = g_new0(double, n);
    gboolean cpu = g_str_equal(of, "CPU");
    double x, y;

    for (guint i = 0; i < n; i++) {
        a[i] = cpu ? stock[i].cpu_s : stock[i].wall_s;
        b[i] = cpu ? patched[i].cpu_s : patched[i].wall_s;
    }
    x = bench_median(a, n);
    y = bench_median(b, n);
    printf(
        "    %-4s  stock %6.2f s (%.2f to %.2f)  patched %6.2f s (%.2f to %.2f)  %.2f x as fast\n",
        of, x, a[0], a[n - 1], y, b[0], b[n - 1], x / y);
}

static void compare_inflate(VhLab *lab, const BenchConfig *config, Kind kind)
{
    g_autofree Took *stock = g_new0(Took, config->runs);
    g_autofree Took *patched = g_new0(Took, config->runs);

    /* In turn, so that what else the machine does falls on both. */
    for (guint i = 0; i < config->runs; i++) {
        kind.emulator = config->stock;
        stock[i] = run_inflate(lab, config, &kind);
        kind.emulator = config->patched;
        patched[i] = run_inflate(lab, config, &kind);
    }
    printf("guest inflates by %.1f GiB, %s, init_on_alloc=%d:\n",
           (double)config->burst_bytes / VH_GIB, bench_memory_name(kind.memory),
           kind.init_on_alloc ? 1 : 0);
    print_took("wall", stock, patched, config->runs);
    print_took("CPU", stock, patched, config->runs);
    fflush(stdout);
}

void bench_inflate(VhLab *lab, const BenchConfig *config)
{
    compare_inflate(lab, config, (Kind){.memory = BENCH_ANON});
    compare_inflate(lab, config, (Kind){.memory = BENCH_ANON, .init_on_alloc = TRUE});
    compare_inflate(lab, config, (Kind){.memory = BENCH_ANON_4KIB});
    compare_inflate(lab, config, (Kind){.memory = BENCH_MEMFD});
}

/* Till the guest has reported what it freed; reports have gaps, so it is by what came back. */
static double report(Guest *g, const BenchConfig *config)
{
    guint64 before = bench_resident_bytes(vh_lab_guest_pid(g->guest));
    gint64 start_us = g_get_monotonic_time();

    work(g, "free all\n");
    while (vh_sub(before, bench_resident_bytes(vh_lab_guest_pid(g->guest))) <
           config->burst_bytes / 10 * 9) {
        if (g_get_monotonic_time() - start_us > BURST_TIMEOUT_US)
            g_error("the guest reports too little");
        g_usleep(50 * VH_MS);
    }
    return (double)(g_get_monotonic_time() - start_us) / VH_SEC;
}

static BenchLoad run_monitor(VhLab *lab, const BenchConfig *config, const Kind *kind)
{
    BenchLoad load;
    Guest g = {0};

    start(lab, config, kind, &g);
    touch(&g, config, kind->reporting);
    bench_monitor_begin(g.monitor);
    g_usleep(IDLE_US);
    load.idle = bench_monitor_end(g.monitor);
    bench_monitor_begin(g.monitor);
    load.seconds = kind->reporting ? report(&g, config) : inflate(&g, config);
    load.busy = bench_monitor_end(g.monitor);
    stop(&g);
    return load;
}

static void print_monitor(VhLab *lab, const BenchConfig *config, const Kind *kind)
{
    g_autofree BenchLoad *loads = g_new0(BenchLoad, config->runs);
    g_autofree char *what =
        g_strdup_printf("guest %s %.1f GiB, %s, %s", kind->reporting ? "reports" : "inflates by",
                        (double)config->burst_bytes / VH_GIB, bench_memory_name(kind->memory),
                        kind->emulator == config->patched ? "patched" : "stock");

    for (guint i = 0; i < config->runs; i++)
        loads[i] = run_monitor(lab, config, kind);
    bench_print_loads(what, loads, config->runs);
}

void bench_guest_monitor(VhLab *lab, const BenchConfig *config)
{
    static const BenchMemory memories[] = {BENCH_ANON, BENCH_MEMFD};

    for (guint m = 0; m < G_N_ELEMENTS(memories); m++) {
        for (int reporting = 0; reporting < 2; reporting++) {
            Kind kind = {.memory = memories[m], .reporting = reporting};

            kind.emulator = config->stock;
            print_monitor(lab, config, &kind);
            kind.emulator = config->patched;
            print_monitor(lab, config, &kind);
        }
    }
}
