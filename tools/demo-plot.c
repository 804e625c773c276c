/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data blocks and commands for gnuplot, all in one script on its stdin. See demo-plot.h. */
#include "demo-plot.h"

#include <gio/gio.h>

#define MIB ((double)(1 << 20))

/* Told apart in print and by those who see colours differently; after Okabe and Ito. */
static const char *const colours[VH_DEMO_GUESTS] = {"#56B4E9", "#0072B2", "#009E73", "#E69F00"};

/* Stacked: column n is the sum of the first n guests. gnuplot wants points as decimal separators,
 * whatever the locale. */
static void append_number(GString *script, double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(script, g_ascii_formatd(buffer, sizeof(buffer), "%.3f", value));
    g_string_append_c(script, ' ');
}

static void append_samples(GString *script, const char *name, const VhDemoRecord *record)
{
    g_string_append_printf(script, "$%s << END\n", name);
    for (guint i = 0; i < record->samples->len; i++) {
        const VhDemoSample *sample = &g_array_index(record->samples, VhDemoSample, i);
        double sum = 0;

        append_number(script, (double)sample->at_us / G_USEC_PER_SEC);
        append_number(script, 0);
        for (guint guest = 0; guest < VH_DEMO_GUESTS; guest++) {
            sum += (double)sample->resident_bytes[guest] / MIB;
            append_number(script, sum);
        }
        g_string_append_c(script, '\n');
    }
    g_string_append(script, "END\n");
}

/* The middle of the guest's band at this time: where the mark of an ask belongs. */
static double band_middle_mib(const VhDemoRecord *record, guint guest, gint64 at_us)
{
    double middle = 0;

    for (guint i = 0; i < record->samples->len; i++) {
        const VhDemoSample *sample = &g_array_index(record->samples, VhDemoSample, i);

        if (sample->at_us > at_us && i > 0)
            break;
        middle = (double)sample->resident_bytes[guest] / MIB / 2;
        for (guint below = 0; below < guest; below++)
            middle += (double)sample->resident_bytes[below] / MIB;
    }
    return middle;
}

static void append_asks(GString *script, const VhDemoRecord *record)
{
    g_string_append(script, "$asks << END\n");
    for (guint i = 0; i < record->asks->len; i++) {
        const VhDemoAsk *ask = &g_array_index(record->asks, VhDemoAsk, i);

        append_number(script, (double)ask->started_us / G_USEC_PER_SEC);
        append_number(script, band_middle_mib(record, ask->guest, ask->started_us));
        g_string_append_c(script, '\n');
    }
    g_string_append(script, "END\n");
}

static void append_panel(GString *script, const char *data, const VhDemoRecord *record,
                         const char *title)
{
    double budget_mib = (double)record->budget_bytes / MIB;

    g_string_append_printf(script, "set title \"%s\"\nplot \\\n", title);
    for (guint guest = VH_DEMO_GUESTS; guest-- > 0;) {
        g_string_append_printf(script,
                               "  $%s using 1:%u:%u with filledcurves fc rgb '%s' "
                               "title '%s', \\\n",
                               data, guest + 2, guest + 3, colours[guest], record->names[guest]);
    }
    if (record->asks->len > 0)
        g_string_append(script, "  $asks using 1:2 with points pt 9 ps 1.6 lc rgb 'black' "
                                "title 'ask', \\\n");
    g_string_append(script, "  ");
    append_number(script, budget_mib);
    g_string_append(script, "with lines lw 2.5 lc rgb '#D55E00' title 'pool'\n");
}

static char *make_script(const VhDemoRecord *without, const VhDemoRecord *with, const char *path)
{
    GString *script = g_string_new(NULL);
    g_autofree char *quoted = g_strescape(path, NULL);
    double top_mib = (double)MAX(without->peak_total_bytes, with->peak_total_bytes) / MIB * 1.25;

    append_samples(script, "without", without);
    append_samples(script, "with", with);
    append_asks(script, with);
    g_string_append_printf(script,
                           "set terminal pngcairo size 1400,560 font 'sans,11'\n"
                           "set output \"%s\"\n"
                           "set multiplot layout 1,2\n"
                           "set style fill solid 0.85 noborder\n"
                           "set xlabel 'seconds'\n"
                           "set ylabel 'resident memory of the guests (MiB)'\n"
                           "set grid y lc rgb '#cccccc'\n"
                           "set key top left horizontal\n"
                           "set yrange [0:%ld]\n",
                           quoted, (long)top_mib);
    append_panel(script, "without", without, "without virthintd");
    append_panel(script, "with", with, "with virthintd");
    g_string_append(script, "unset multiplot\n");
    return g_string_free(script, FALSE);
}

gboolean vh_demo_plot(const VhDemoRecord *without, const VhDemoRecord *with, const char *folder,
                      char **ret_path, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "virthint-demo.png", NULL);
    g_autofree char *script = make_script(without, with, path);
    g_autofree char *said = NULL;
    g_autoptr(GSubprocess) gnuplot = NULL;

    gnuplot = g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                   G_SUBPROCESS_FLAGS_STDERR_MERGE,
                               error, "gnuplot", "-", NULL);
    if (!gnuplot)
        return FALSE;
    if (!g_subprocess_communicate_utf8(gnuplot, script, NULL, &said, NULL, error))
        return FALSE;
    if (!g_subprocess_get_if_exited(gnuplot) || g_subprocess_get_exit_status(gnuplot) != 0 ||
        !g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "gnuplot failed: %s", said);
        return FALSE;
    }
    *ret_path = g_steal_pointer(&path);
    return TRUE;
}
