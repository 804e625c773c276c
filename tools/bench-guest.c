/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests of the benchmarks, through the lab, and through a monitor of their own. */
#include "bench-guest.h"

#include <stdio.h>
#include <string.h>

#include "bench-figures.h"
#include "vh-units.h"

#define BALLOON_TIMEOUT_US (180 * VH_SEC)
/* What a guest needs for itself, out of what is not in its balloon. */
#define SPARE_BYTES (600 * VH_MIB)
/* Looks at a balloon: so often that the error is small, so rarely that QEMU has time for it. */
#define LOOK_MIN_US (1 * VH_MS)
#define LOOK_MAX_US (20 * VH_MS)
#define LOOKS 50

const char *bench_memory_name(BenchMemory memory)
{
    static const char *const names[] = {"anonymous memory", "anonymous memory without huge pages",
                                        "memfd"};

    return names[memory];
}

/* libvirt knows neither the properties nor a second monitor. */
static char *extra_xml(const BenchGuestKind *kind, const char *qmp, const char *latency)
{
    const char *override = "<qemu:override><qemu:device alias='balloon0'><qemu:frontend>"
                           "<qemu:property name='reporting-ctrl' type='bool' value='true'/>"
                           "<qemu:property name='page-chunks' type='bool' value='true'/>"
                           "</qemu:frontend></qemu:device></qemu:override>";

    return g_strdup_printf(
        "<qemu:commandline><qemu:arg value='-qmp'/><qemu:arg value='unix:%s,server=on,wait=off'/>"
        "<qemu:arg value='-qmp'/><qemu:arg value='unix:%s,server=on,wait=off'/></qemu:commandline>"
        "%s",
        qmp, latency, kind->properties ? override : "");
}

BenchGuest *bench_guest_start(VhLab *lab, const BenchGuestKind *kind)
{
    static guint serial;
    g_autofree char *name = g_strdup_printf("bench-%u", serial++);
    g_autofree char *qmp = g_strdup_printf("%s/%s.qmp", vh_lab_dir(lab), name);
    g_autofree char *latency = g_strdup_printf("%s/%s.latency", vh_lab_dir(lab), name);
    g_autofree char *xml = extra_xml(kind, qmp, latency);
    BenchGuest *guest = g_new0(BenchGuest, 1);
    const VhLabGuestSpec spec = {
        .name = name,
        .memory_bytes = kind->memory_bytes,
        .vcpus = kind->vcpus,
        .emulator = kind->emulator,
        .kernel = kind->kernel,
        .kernel_args = kind->init_on_alloc ? "init_on_alloc=1" : NULL,
        .balloon_module = kind->module,
        .reporting = kind->reporting,
        .memfd = kind->memory == BENCH_MEMFD,
        .no_thp = kind->memory == BENCH_ANON_4KIB,
        .extra_xml = xml,
    };
    g_autoptr(GError) error = NULL;

    guest->kind = *kind;
    if (!(guest->lab = vh_lab_guest_start(lab, &spec, &error)))
        g_error("%s", error->message);
    guest->qmp = bench_socket_open_monitor(qmp, bench_guest_pid(guest));
    guest->monitor = bench_monitor_open(latency, bench_guest_pid(guest));
    return guest;
}

void bench_guest_stop(BenchGuest *guest)
{
    if (!guest)
        return;
    bench_monitor_close(guest->monitor);
    bench_socket_close(guest->qmp);
    vh_lab_guest_free(guest->lab);
    g_free(guest);
}

pid_t bench_guest_pid(const BenchGuest *guest)
{
    return vh_lab_guest_pid(guest->lab);
}

static VhLabReport *wait_for(VhLabWork *work)
{
    VhLabReport *report = NULL;
    g_autoptr(GError) error = NULL;

    if (!vh_lab_work_wait(work, 3 * VH_LAB_TIMEOUT_MS, &report, &error))
        g_error("%s", error->message);
    if (report->status != VH_LAB_WORK_OK)
        g_error("%s", report->message);
    return report;
}

static VhLabWork *start_work(BenchGuest *guest, const char *worker, const char *program)
{
    g_autoptr(GError) error = NULL;
    VhLabWork *work = vh_lab_guest_work_start(guest->lab, worker, program, &error);

    if (!work)
        g_error("%s", error->message);
    return work;
}

VhLabReport *bench_guest_work(BenchGuest *guest, const char *program)
{
    g_autoptr(VhLabWork) work = start_work(guest, NULL, program);

    return wait_for(work);
}

char *bench_guest_read(BenchGuest *guest, const char *path)
{
    g_autoptr(GError) error = NULL;
    char *text = vh_lab_guest_read_file(guest->lab, path, &error);

    if (!text)
        g_error("%s", error->message);
    return g_strchomp(text);
}

guint64 bench_guest_usable_bytes(guint64 memory_bytes)
{
    return memory_bytes - SPARE_BYTES;
}

/* The same in as many workers as there are processors. */
static void work_everywhere(BenchGuest *guest, const char *program)
{
    guint n = MAX(guest->kind.vcpus, 1);
    g_autofree VhLabWork **works = g_new0(VhLabWork *, n);

    for (guint i = 0; i < n; i++) {
        g_autofree char *worker = g_strdup_printf("touch-%u", i);

        works[i] = start_work(guest, worker, program);
    }
    for (guint i = 0; i < n; i++) {
        vh_lab_report_free(wait_for(works[i]));
        vh_lab_work_free(works[i]);
    }
}

void bench_guest_touch(BenchGuest *guest)
{
    guint64 bytes = bench_guest_usable_bytes(guest->kind.memory_bytes);
    g_autofree char *program = g_strdup_printf("alloc all %" G_GUINT64_FORMAT "MiB thp",
                                               bytes / MAX(guest->kind.vcpus, 1) / VH_MIB);

    work_everywhere(guest, program);
}

void bench_guest_free_touched(BenchGuest *guest)
{
    work_everywhere(guest, "free all");
}

static guint64 balloon_bytes(BenchGuest *guest)
{
    g_autofree char *line = bench_socket_call(guest->qmp, "{\"execute\": \"query-balloon\"}");
    g_autoptr(JsonObject) info = bench_socket_parse(line, "return");

    return (guint64)json_object_get_int_member(info, "actual");
}

double bench_guest_set_balloon(BenchGuest *guest, guint64 bytes)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"balloon\", \"arguments\": {\"value\": %" G_GUINT64_FORMAT "}}", bytes);
    gint64 start_us = g_get_monotonic_time(), passed_us = 0;

    bench_socket_execute(guest->qmp, command);
    while (balloon_bytes(guest) != bytes) {
        if (passed_us > BALLOON_TIMEOUT_US)
            g_error("the balloon stays at %" G_GUINT64_FORMAT " MiB",
                    balloon_bytes(guest) / VH_MIB);
        g_usleep((gulong)CLAMP(passed_us / LOOKS, LOOK_MIN_US, LOOK_MAX_US));
        passed_us = g_get_monotonic_time() - start_us;
    }
    return (double)(g_get_monotonic_time() - start_us) / VH_SEC;
}

/* libvirt has QEMU name its threads. */
static gboolean is_processor(const char *task)
{
    g_autofree char *path = g_build_filename(task, "comm", NULL);
    g_autofree char *name = NULL;

    return g_file_get_contents(path, &name, NULL, NULL) && g_str_has_prefix(name, "CPU ");
}

BenchCpu bench_guest_cpu(const BenchGuest *guest)
{
    g_autofree char *tasks = g_strdup_printf("/proc/%d/task", (int)bench_guest_pid(guest));
    g_autoptr(GDir) dir = g_dir_open(tasks, 0, NULL);
    double all_s = (double)vh_lab_guest_cpu_us(guest->lab) / VH_SEC;
    const char *name;
    BenchCpu cpu = {0};

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *task = g_build_filename(tasks, name, NULL);
        g_autofree char *path = g_build_filename(task, "schedstat", NULL);
        g_autofree char *text = NULL;

        if (is_processor(task) && g_file_get_contents(path, &text, NULL, NULL))
            cpu.guest_s += (double)g_ascii_strtoull(text, NULL, 10) / 1e9;
    }
    cpu.host_s = MAX(all_s - cpu.guest_s, 0);
    return cpu;
}
