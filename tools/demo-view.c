/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live table and the summary. See demo-view.h. */
#include "demo-view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB_SHIFT 20
#define BAR_CELLS 40
#define PIPE_PERIOD_US (4 * G_USEC_PER_SEC)

struct VhDemoView {
    const char *const *classes;
    gboolean is_terminal;
    guint n_lines; /* of the table as it stands on the terminal */
    gint64 printed_us;
};

VhDemoView *vh_demo_view_new(const char *const *classes)
{
    VhDemoView *view = g_new0(VhDemoView, 1);
    const char *term = g_getenv("TERM");

    view->classes = classes;
    view->is_terminal = isatty(STDOUT_FILENO) && term && !g_str_equal(term, "dumb");
    view->printed_us = -PIPE_PERIOD_US;
    return view;
}

void vh_demo_view_free(VhDemoView *view)
{
    g_free(view);
}

static long mib(guint64 bytes)
{
    return (long)(bytes >> MIB_SHIFT);
}

/* Takes the table off the terminal, so that something else can be printed where it stood. */
static void erase(VhDemoView *view)
{
    if (view->n_lines > 0)
        printf("\033[%uA\033[J", view->n_lines);
    view->n_lines = 0;
}

static void print_bar(guint64 bytes, guint64 full_bytes, gboolean is_over)
{
    guint cells = full_bytes ? (guint)MIN(bytes * BAR_CELLS / full_bytes, BAR_CELLS) : 0;

    printf("  %s", is_over ? "\033[31m" : "");
    for (guint i = 0; i < BAR_CELLS; i++)
        putchar(i < cells ? '#' : '.');
    printf("%s", is_over ? "\033[0m" : "");
}

static gboolean is_asked_now(const VhDemoRecord *record, guint guest)
{
    for (guint i = 0; i < record->asks->len; i++) {
        const VhDemoAsk *ask = &g_array_index(record->asks, VhDemoAsk, i);

        if (ask->guest == guest && !ask->ended_us)
            return TRUE;
    }
    return FALSE;
}

static void print_guest(const VhDemoView *view, const VhDemoRecord *record,
                        const VhDemoSample *sample, guint guest)
{
    guint64 asked, returned;
    guint asks;

    vh_demo_record_sums(record, (int)guest, &asks, &asked, &returned);
    printf("  %-6s %-9s %5ld MiB", record->names[guest], view->classes[guest],
           mib(sample->resident_bytes[guest]));
    print_bar(sample->resident_bytes[guest], G_GUINT64_CONSTANT(1) << 30, FALSE);
    if (is_asked_now(record, guest))
        printf("  asked now");
    else if (asks > 0)
        printf("  %u asked, %ld MiB back", asks, mib(returned));
    printf("\033[K\n");
}

static void draw(VhDemoView *view, const VhDemoRecord *record, const VhDemoSample *sample,
                 gint64 ends_us)
{
    gboolean is_over = sample->total_bytes > record->budget_bytes;

    erase(view);
    printf("  %s virthintd, %ld of %ld s%s%s\033[K\n", record->has_daemon ? "with" : "without",
           (long)(sample->at_us / G_USEC_PER_SEC), (long)(ends_us / G_USEC_PER_SEC),
           sample->level[0] ? ", level " : "", sample->level);
    for (guint guest = 0; guest < VH_DEMO_GUESTS; guest++)
        print_guest(view, record, sample, guest);
    printf("  %-16s %5ld MiB", "pool", mib(sample->total_bytes));
    print_bar(sample->total_bytes, record->budget_bytes, is_over);
    printf("  of %ld MiB%s\033[K\n", mib(record->budget_bytes), is_over ? ": OVER" : "");
    view->n_lines = VH_DEMO_GUESTS + 2;
}

static void print_line(const VhDemoRecord *record, const VhDemoSample *sample)
{
    guint64 asked, returned;
    guint asks;

    vh_demo_record_sums(record, -1, &asks, &asked, &returned);
    printf("  %3ld s", (long)(sample->at_us / G_USEC_PER_SEC));
    for (guint guest = 0; guest < VH_DEMO_GUESTS; guest++)
        printf("  %s %4ld", record->names[guest], mib(sample->resident_bytes[guest]));
    printf("  all %4ld of %ld MiB%s", mib(sample->total_bytes), mib(record->budget_bytes),
           sample->total_bytes > record->budget_bytes ? " OVER" : "");
    if (record->has_daemon)
        printf("  level %s, %u asked, %ld MiB back", sample->level[0] ? sample->level : "unknown",
               asks, mib(returned));
    printf("\n");
}

void vh_demo_view_update(VhDemoView *view, const VhDemoRecord *record, gint64 ends_us)
{
    const VhDemoSample *sample;

    if (record->samples->len == 0)
        return;
    sample = &g_array_index(record->samples, VhDemoSample, record->samples->len - 1);
    if (view->is_terminal) {
        draw(view, record, sample, ends_us);
    } else if (sample->at_us - view->printed_us >= PIPE_PERIOD_US) {
        print_line(record, sample);
        view->printed_us = sample->at_us;
    }
    fflush(stdout);
}

void vh_demo_view_say(VhDemoView *view, const char *format, ...)
{
    va_list args;

    erase(view);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void vh_demo_view_end(VhDemoView *view)
{
    view->n_lines = 0;
    view->printed_us = -PIPE_PERIOD_US;
    fflush(stdout);
}

static void print_run(const VhDemoRecord *record)
{
    printf("  %-18s peak %5ld MiB, %s; over the pool for %.1f s in a row at most\n",
           record->has_daemon ? "with virthintd" : "without virthintd",
           mib(record->peak_total_bytes),
           vh_demo_record_held(record) ? "the pool held" : "the pool did NOT hold",
           (double)vh_demo_record_longest_over_us(record) / G_USEC_PER_SEC);
}

/* guest < 0: all of them. */
static void print_guest_sums(const VhDemoRecord *without, const VhDemoRecord *with,
                             const char *class_name, int guest)
{
    guint64 asked, returned;
    guint asks;

    vh_demo_record_sums(with, guest, &asks, &asked, &returned);
    printf("  %-7s %-9s %8ld MiB %8ld MiB %6u %6ld MiB %6ld MiB\n",
           guest < 0 ? "all" : with->names[guest], class_name,
           mib(guest < 0 ? without->peak_total_bytes : without->peak_bytes[guest]),
           mib(guest < 0 ? with->peak_total_bytes : with->peak_bytes[guest]), asks, mib(asked),
           mib(returned));
}

static void print_left_alone(const VhDemoRecord *record, guint guest)
{
    const VhDemoVerdict *verdict = vh_demo_record_main_verdict(record, guest, 1);
    guint64 asked, returned;
    guint asks;

    vh_demo_record_sums(record, (int)guest, &asks, &asked, &returned);
    if (asks > 0) {
        printf("  '%s' was asked %u times: the pool reached the level that unlocks it.\n",
               record->names[guest], asks);
    } else if (verdict) {
        printf("  '%s' was left alone with %ld MiB to be had, in %u plans: %s (%s).\n",
               record->names[guest], mib(verdict->most_expected_bytes), verdict->plans,
               verdict->text, verdict->reason);
    }
}

static void print_methods(const VhDemoRecord *record)
{
    static const char *const methods[] = {"pass", "pulse"};
    static const char *const plurals[] = {"passes", "pulses"};

    for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
        gint64 slowest_us;
        guint n = vh_demo_record_count(record, methods[i], &slowest_us);

        if (n > 0)
            printf("  %u asks were %s; the slowest took %.2f s.\n", n, plurals[i],
                   (double)slowest_us / G_USEC_PER_SEC);
    }
}

static void print_data(const VhDemoRecord *without, const VhDemoRecord *with)
{
    guint64 pages = 0, kills = 0;

    for (guint i = 0; i < VH_DEMO_GUESTS; i++) {
        pages += without->verified_pages[i] + with->verified_pages[i];
        kills += without->oom_kills[i] + with->oom_kills[i];
    }
    printf("  The guests verified %ld MiB of their data: %" G_GUINT64_FORMAT " bytes corrupted, "
           "%" G_GUINT64_FORMAT " processes killed.\n",
           (long)(pages >> 8),
           vh_demo_record_corrupted_bytes(without) + vh_demo_record_corrupted_bytes(with), kills);
}

void vh_demo_view_summary(const VhDemoRecord *without, const VhDemoRecord *with,
                          const char *const *classes, guint left_alone)
{
    printf("\nSummary: a pool of %ld MiB, a look every %.1f s\n\n", mib(with->budget_bytes),
           (double)with->interval_us / G_USEC_PER_SEC);
    print_run(without);
    print_run(with);
    printf("\n  %-7s %-9s %12s %12s %6s %10s %10s\n", "guest", "class", "peak without", "peak with",
           "asks", "asked", "returned");
    for (int guest = 0; guest < VH_DEMO_GUESTS; guest++)
        print_guest_sums(without, with, classes[guest], guest);
    print_guest_sums(without, with, "", -1);
    printf("\n");
    print_methods(with);
    print_left_alone(with, left_alone);
    print_data(without, with);
}
