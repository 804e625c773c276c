/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls into the host's kernel, counted by strace in a small guest. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench-reclaim.h"
#include "vh-units.h"

#define GUEST_BYTES (2 * VH_GIB)
#define BURST_BYTES VH_GIB
#define LOOK_US (20 * VH_MS)
#define ATTACH_TIMEOUT_US (30 * VH_SEC)

/* All threads have a tracer. */
static gboolean is_traced(pid_t pid)
{
    g_autofree char *tasks = g_strdup_printf("/proc/%d/task", (int)pid);
    g_autoptr(GDir) dir = g_dir_open(tasks, 0, NULL);
    gboolean all = dir != NULL;
    const char *name;

    while (all && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(tasks, name, "status", NULL);
        g_autofree char *text = NULL;

        all = g_file_get_contents(path, &text, NULL, NULL) && !strstr(text, "TracerPid:\t0");
    }
    return all;
}

static pid_t attach(VhLab *lab, const char *strace, const char *output, pid_t pid)
{
    gint64 until_us = g_get_monotonic_time() + ATTACH_TIMEOUT_US;
    g_autofree char *process = g_strdup_printf("%d", (int)pid);
    const char *argv[] = {strace, "-q",   "-f", "-c",    "-e", "trace=madvise,fallocate",
                          "-o",   output, "-p", process, NULL};
    g_autoptr(GError) error = NULL;
    pid_t tracer;

    if (!vh_lab_spawn(lab, argv, NULL, "strace.log", &tracer, &error))
        g_error("%s", error->message);
    while (!is_traced(pid)) {
        if (g_get_monotonic_time() > until_us)
            g_error("strace does not get at QEMU");
        g_usleep(LOOK_US);
    }
    return tracer;
}

/* The fourth column of the lines that name a call: "% time, seconds, usecs/call, calls, ...". */
static guint64 sum_calls(const char *output)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(GError) error = NULL;
    guint64 sum = 0, calls;

    if (!g_file_get_contents(output, &text, NULL, &error))
        g_error("%s", error->message);
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_strchomp(*line);
        if ((g_str_has_suffix(*line, " madvise") || g_str_has_suffix(*line, " fallocate")) &&
            sscanf(*line, "%*s %*s %*s %" G_GUINT64_FORMAT, &calls) == 1)
            sum += calls;
    }
    return sum;
}

double bench_reclaim_count_calls(VhLab *lab, const BenchConfig *config, const BenchWay *way)
{
    g_autofree char *strace = g_find_program_in_path("strace");
    g_autofree char *output = g_build_filename(vh_lab_dir(lab), "strace.out", NULL);
    BenchConfig small = *config;
    g_autoptr(GError) error = NULL;
    BenchGuest *guest;
    pid_t tracer;
    int status;

    if (!strace)
        return NAN;
    small.guest_bytes = GUEST_BYTES;
    guest = bench_reclaim_start(lab, &small, way, FALSE);
    bench_guest_touch(guest);
    if (!way->is_reporting)
        bench_guest_free_touched(guest);
    tracer = attach(lab, strace, output, bench_guest_pid(guest));
    guint64 before = bench_resident_bytes(bench_guest_pid(guest));
    (void)way->run(guest, BURST_BYTES);
    guint64 returned = vh_sub(before, bench_resident_bytes(bench_guest_pid(guest)));
    /* It lets go of QEMU and writes its summary when it is interrupted. */
    if (!vh_lab_stop(tracer, SIGINT, VH_LAB_TIMEOUT_MS, &status, &error))
        g_error("strace: %s", error->message);
    bench_guest_stop(guest);
    return returned ? (double)sum_calls(output) * VH_GIB / (double)returned : NAN;
}
