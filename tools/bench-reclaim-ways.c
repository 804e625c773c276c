/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ways by which memory comes back, and the measurement of one. */
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench-reclaim.h"
#include "vh-reporting-info.h"
#include "vh-units.h"

#define LOOK_US (20 * VH_MS)
#define DRAIN_TIMEOUT_US (300 * VH_SEC)
/* After the guest has freed its memory, so that this is over when the clock starts. */
#define REST_US (VH_SEC / 2)
/* The largest block that a guest reports with pages of 4 KiB, and so the fewest calls. */
#define BARE_CALL_BYTES (4 * VH_MIB)
#define HUGE_BYTES (2 * VH_MIB)

static double run_pass(BenchGuest *guest, guint64 burst_bytes)
{
    gint64 start_us = g_get_monotonic_time(), end_us;
    g_autoptr(JsonObject) end = NULL;

    bench_socket_execute(guest->qmp, "{\"execute\": \"balloon-reporting-pass\"}");
    end = bench_socket_await_event(guest->qmp, "BALLOON_REPORTING_PASS");
    end_us = g_get_monotonic_time();
    if (!g_str_equal(json_object_get_string_member(end, "status"), "done"))
        g_error("a pass ended as '%s'", json_object_get_string_member(end, "status"));
    return (double)(end_us - start_us) / VH_SEC;
}

static double run_balloon(BenchGuest *guest, guint64 burst_bytes)
{
    return bench_guest_set_balloon(guest, guest->kind.memory_bytes - burst_bytes);
}

/* Nothing tells its end: it is when so much has come back. */
static double run_reporting(BenchGuest *guest, guint64 burst_bytes)
{
    guint64 before = bench_resident_bytes(bench_guest_pid(guest));
    gint64 start_us = g_get_monotonic_time();

    bench_guest_free_touched(guest);
    while (vh_sub(before, bench_resident_bytes(bench_guest_pid(guest))) < burst_bytes) {
        if (g_get_monotonic_time() - start_us > DRAIN_TIMEOUT_US)
            g_error("the guest reports too little");
        g_usleep(LOOK_US);
    }
    return (double)(g_get_monotonic_time() - start_us) / VH_SEC;
}

const BenchWay bench_ways[] = {
    {.name = "pass",
     .driver = "virthint",
     .qemu = "patched",
     .is_ours = TRUE,
     .is_patched = TRUE,
     .keeps_huge = TRUE,
     .zeroes = TRUE, /* it does not, which is to be seen */
     .run = run_pass},
    {.name = "chunked",
     .driver = "virthint",
     .qemu = "patched",
     .is_ours = TRUE,
     .is_patched = TRUE,
     .zeroes = TRUE,
     .run = run_balloon},
    {.name = "coalesced",
     .driver = "stock",
     .qemu = "patched",
     .is_patched = TRUE,
     .run = run_balloon},
    {.name = "stock", .driver = "stock", .qemu = "stock", .zeroes = TRUE, .run = run_balloon},
    {.name = "reporting",
     .driver = "stock",
     .qemu = "stock",
     .is_reporting = TRUE,
     .run = run_reporting},
    {.name = "bare", .driver = "none", .qemu = "none"},
};
const guint bench_n_ways = G_N_ELEMENTS(bench_ways);

static VhReportingInfo query(BenchGuest *guest)
{
    g_autofree char *line =
        bench_socket_call(guest->qmp, "{\"execute\": \"query-balloon-reporting\"}");
    g_autoptr(GError) error = NULL;
    VhReportingInfo info;

    if (!vh_reporting_info_parse(line, &info, &error))
        g_error("%s", error->message);
    return info;
}

static void check_driver(BenchGuest *guest)
{
    guint wanted = VH_REPORTING_CTRL | VH_REPORTING_PAGE_CHUNKS;

    if ((query(guest).negotiated & wanted) != wanted)
        g_error("the guest's driver, %s, does not know passes and ranges", guest->kind.module);
}

BenchGuest *bench_reclaim_start(VhLab *lab, const BenchConfig *config, const BenchWay *way,
                                gboolean init_on_alloc)
{
    const BenchGuestKind kind = {
        .emulator = way->is_patched ? config->patched : config->stock,
        .kernel = config->kernel,
        .module = way->is_ours ? config->module : NULL,
        .memory_bytes = config->guest_bytes,
        .vcpus = config->vcpus,
        .init_on_alloc = init_on_alloc,
        .reporting = way->is_ours || way->is_reporting,
        .properties = way->is_ours,
    };
    BenchGuest *guest = bench_guest_start(lab, &kind);

    if (way->is_ours) {
        check_driver(guest);
        bench_socket_execute(
            guest->qmp,
            "{\"execute\": \"balloon-reporting-set\", \"arguments\": {\"enabled\": false}}");
    }
    return guest;
}

typedef struct {
    BenchCpu cpu;
    guint64 resident_bytes;
    guint64 host_free_bytes;
    VhReportingCounters counters;
} Look;

static guint64 host_free_bytes(void)
{
    g_autoptr(GError) error = NULL;
    VhLabHostMemory host;

    if (!vh_lab_host_memory(&host, &error))
        g_error("%s", error->message);
    return host.free_bytes + host.per_cpu_bytes;
}

static Look look_at(BenchGuest *guest, const BenchWay *way)
{
    Look look = {
        .cpu = bench_guest_cpu(guest),
        .resident_bytes = bench_resident_bytes(bench_guest_pid(guest)),
        .host_free_bytes = host_free_bytes(),
    };

    if (way->is_patched)
        look.counters = query(guest).counters;
    return look;
}

static double gain(guint64 before, guint64 after)
{
    return (double)after - (double)before;
}

BenchSample bench_reclaim_measure(BenchGuest *guest, const BenchWay *way, guint64 burst_bytes)
{
    Look before, after;
    BenchSample sample = {.requests = NAN, .blocks = NAN, .messages = NAN};

    bench_guest_touch(guest);
    sample.huge_bytes = (double)bench_smaps_bytes(bench_guest_pid(guest), "AnonHugePages:");
    if (!way->is_reporting)
        bench_guest_free_touched(guest);
    g_usleep(REST_US);
    before = look_at(guest, way);
    sample.seconds = way->run(guest, burst_bytes);
    after = look_at(guest, way);
    sample.guest_cpu_s = after.cpu.guest_s - before.cpu.guest_s;
    sample.host_cpu_s = after.cpu.host_s - before.cpu.host_s;
    sample.returned_bytes = gain(after.resident_bytes, before.resident_bytes);
    sample.host_free_bytes = gain(before.host_free_bytes, after.host_free_bytes);
    if (way->is_patched) {
        sample.requests = gain(before.counters.requests, after.counters.requests);
        sample.blocks = gain(before.counters.blocks, after.counters.blocks);
        sample.messages = gain(before.counters.messages, after.counters.messages);
    }
    return sample;
}

static double own_cpu_s(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_THREAD, &usage) < 0)
        g_error("no CPU time of this thread");
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / VH_SEC;
}

guint bench_reclaim_bare_calls_per_gib(void)
{
    return VH_GIB / BARE_CALL_BYTES;
}

BenchSample bench_reclaim_measure_bare(guint64 bytes)
{
    gsize mapped = bytes + HUGE_BYTES;
    char *map = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *memory = (char *)(((guintptr)map + HUGE_BYTES - 1) & ~(guintptr)(HUGE_BYTES - 1));
    BenchSample sample = {.guest_cpu_s = NAN, .requests = NAN, .blocks = NAN, .messages = NAN};
    guint64 resident, host;
    gint64 start_us;

    /* As QEMU asks for the memory of its guests. */
    if (map == MAP_FAILED || madvise(memory, bytes, MADV_HUGEPAGE) < 0)
        g_error("no memory for a process of %.1f GiB", (double)bytes / VH_GIB);
    memset(memory, 1, bytes);
    sample.huge_bytes = (double)bench_smaps_bytes(getpid(), "AnonHugePages:");
    resident = bench_resident_bytes(getpid());
    host = host_free_bytes();
    sample.host_cpu_s = own_cpu_s();
    start_us = g_get_monotonic_time();
    for (guint64 at = 0; at < bytes; at += BARE_CALL_BYTES) {
        if (madvise(memory + at, MIN(BARE_CALL_BYTES, bytes - at), MADV_DONTNEED) < 0)
            g_error("the host refuses to discard");
    }
    sample.seconds = (double)(g_get_monotonic_time() - start_us) / VH_SEC;
    sample.host_cpu_s = own_cpu_s() - sample.host_cpu_s;
    sample.returned_bytes = gain(bench_resident_bytes(getpid()), resident);
    sample.host_free_bytes = gain(host, host_free_bytes());
    munmap(map, mapped);
    return sample;
}
