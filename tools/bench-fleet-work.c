/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the guests of each family do, as programs of the lab. Everything that looks like chance is
 * drawn from the guest's seed. */
#include "bench-fleet.h"

/* How much longer than wanted a program is: a guest that gets its work done early has more. */
#define SPARE_SHARE 2

static guint between(GRand *rand, guint low, guint high)
{
    return (guint)g_rand_int_range(rand, (gint32)low, (gint32)high + 1);
}

/* Memory in steps, held, checked and freed: what a job needs. Seconds that it lasts. */
static guint write_burst(GString *text, guint mib, guint steps, guint hold_s)
{
    for (guint i = 0; i < steps; i++)
        g_string_append_printf(text, "alloc step%u %uMiB\nwait 500ms\n", i, mib / steps);
    g_string_append_printf(text, "wait %us\n", hold_s);
    for (guint i = 0; i < steps; i++)
        g_string_append_printf(text, "verify step%u\n", i);
    for (guint i = 0; i < steps; i++)
        g_string_append_printf(text, "free step%u\n", i);
    g_string_append(text, "report\n");
    return steps / 2 + hold_s;
}

static void write_wait(GString *text, guint seconds)
{
    g_string_append_printf(text, "wait %us\n", seconds);
}

/* Has worked once, and does hardly anything since. */
static void write_idle(GString *text, GRand *rand, guint mib, guint seconds)
{
    guint at_s = between(rand, 2, 150);

    write_wait(text, at_s);
    at_s += write_burst(text, mib, 4, 5);
    while (at_s < seconds) {
        guint rest_s = between(rand, 20, 40);

        write_wait(text, rest_s);
        at_s += rest_s + write_burst(text, 8, 1, 1);
    }
}

/* A job, a rest, the next job. */
static void write_ci(GString *text, GRand *rand, guint mib, guint seconds)
{
    guint at_s = between(rand, 0, 60);

    write_wait(text, at_s);
    while (at_s < seconds) {
        guint rest_s = between(rand, 30, 60);

        at_s += write_burst(text, mib, 4, between(rand, 3, 8));
        write_wait(text, rest_s);
        at_s += rest_s;
    }
}

/* A heap that fills, is collected, and fills again at once: what it frees it wants back. */
static void write_jvm(GString *text, GRand *rand, guint mib, guint seconds)
{
    guint live_mib = mib / 8, at_s = between(rand, 0, 60);

    g_string_append_printf(text, "wait %us\nalloc live %uMiB\n", at_s, live_mib);
    while (at_s < seconds) {
        guint rest_s = between(rand, 2, 4);

        at_s += write_burst(text, mib - live_mib, 12, 1);
        g_string_append(text, "verify live\n");
        write_wait(text, rest_s);
        at_s += rest_s;
    }
}

/* A buffer that stays and is read, and a little that comes and goes; what it once freed beside is
 * to be left alone. */
static void write_db(GString *text, GRand *rand, guint mib, guint seconds)
{
    guint buffer_mib = mib / 4, at_s = between(rand, 0, 40);

    g_string_append_printf(text, "wait %us\nalloc buffer %uMiB\nalloc load %uMiB\nfree load\n",
                           at_s, buffer_mib, mib - buffer_mib);
    for (; at_s < seconds; at_s += 15) {
        g_string_append(text, "verify buffer\nchurn 24MiB for 10s rate 4MiB/s\nreport\n");
        write_wait(text, 5);
    }
}

/* Files that are read again and again, and a job now and then. */
static void write_cache(GString *text, GRand *rand, guint mib, guint seconds)
{
    guint cached_mib = mib / 4, at_s = between(rand, 0, 60);

    write_wait(text, at_s);
    while (at_s < seconds) {
        guint rest_s = between(rand, 10, 20);

        g_string_append_printf(text, "cache %uMiB\n", cached_mib);
        at_s += write_burst(text, mib - cached_mib, 2, 2);
        write_wait(text, rest_s);
        at_s += rest_s;
    }
}

/* Frees nearly all of what it had, but in pieces. */
static void write_fragmented(GString *text, GRand *rand, guint mib, guint seconds)
{
    guint at_s = between(rand, 20, 80);

    write_wait(text, at_s);
    while (at_s < seconds) {
        guint rest_s = between(rand, 40, 70);

        g_string_append_printf(text, "fragment rest %uMiB keep 4KiB of 128KiB\n", mib);
        write_wait(text, rest_s);
        g_string_append(text, "verify rest\nfree rest\nreport\n");
        write_wait(text, 5);
        at_s += rest_s + 10;
    }
}

/* Grows, and never frees. */
static void write_leaker(GString *text, GRand *rand, guint mib, guint seconds)
{
    guint steps = mib / 8, pause_s = MAX(seconds / MAX(steps, 1), 1);

    for (guint i = 0; i < steps; i++)
        g_string_append_printf(text, "alloc leak%u 8MiB\nverify leak%u\nreport\nwait %us\n", i, i,
                               pause_s);
}

/* All at once, and seldom. */
static void write_cron(GString *text, GRand *rand, guint mib, guint seconds)
{
    guint at_s = between(rand, 60, 100);

    write_wait(text, at_s);
    while (at_s < seconds) {
        at_s += write_burst(text, mib, 2, 8) + 80;
        write_wait(text, 80);
    }
}

const BenchFleetFamily bench_fleet_families[] = {
    {"idle", "standard", 6, 384, FALSE, write_idle},
    {"ci", "batch", 5, 384, FALSE, write_ci},
    {"jvm", "standard", 2, 288, FALSE, write_jvm},
    {"db", "perf", 4, 320, FALSE, write_db},
    {"cache", "standard", 2, 320, TRUE, write_cache},
    {"fragmented", "batch", 2, 352, FALSE, write_fragmented},
    {"leaker", "standard", 1, 256, FALSE, write_leaker},
    {"cron", "batch", 2, 384, FALSE, write_cron},
};
const guint bench_fleet_n_families = G_N_ELEMENTS(bench_fleet_families);

char *bench_fleet_program(const BenchFleetFamily *family, guint guest, guint seed, guint seconds)
{
    const guint32 seeds[] = {seed, guest};
    GRand *rand = g_rand_new_with_seed_array(seeds, G_N_ELEMENTS(seeds));
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "seed %u\n", g_rand_int(rand) >> 1);
    family->write(text, rand, family->held_mib, seconds * SPARE_SHARE);
    g_rand_free(rand);
    return g_string_free(text, FALSE);
}
