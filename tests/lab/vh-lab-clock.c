/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast the clock of a guest under TCG runs: its time stamp counter is the host's. A guest that
 * measures it for itself, against an emulated timer, fails on a busy host; it then counts ticks, of
 * which it loses many, and its time has the resolution of one.
 */
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "vh-lab-private.h"
#include "vh-units.h"

#define MEASURE_US (20 * VH_MS)
#define READS 8

typedef struct {
    gint64 ns;
    guint64 ticks;
} Moment;

static gint64 now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (gint64)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Both clocks at once: of several tries the one that nothing came in between of. */
static Moment moment(void)
{
    gint64 best_ns = G_MAXINT64;
    Moment best = {0};

    for (guint i = 0; i < READS; i++) {
        gint64 before = now_ns();
        guint64 ticks = __rdtsc();
        gint64 after = now_ns();

        if (after - before < best_ns) {
            best_ns = after - before;
            best = (Moment){.ns = before + (after - before) / 2, .ticks = ticks};
        }
    }
    return best;
}

static gboolean is_steady(void)
{
    g_autofree char *cpu = NULL;

    return g_file_get_contents("/proc/cpuinfo", &cpu, NULL, NULL) && strstr(cpu, " constant_tsc");
}

guint64 vh_lab_clock_tsc_khz(void)
{
    static guint64 khz;
    static gsize measured;

    if (g_once_init_enter(&measured)) {
        if (is_steady()) {
            Moment from = moment(), to;

            g_usleep(MEASURE_US);
            to = moment();
            khz = (guint64)((double)(to.ticks - from.ticks) * 1e6 / (double)(to.ns - from.ns));
        }
        g_once_init_leave(&measured, 1);
    }
    return khz;
}
