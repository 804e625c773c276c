/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report: one page that needs no other file (HTML), or a text with pictures beside it
 * (Markdown). gnuplot draws. */
#include "vh-sim-show.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

static void append_number(GString *script, double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(script, g_ascii_formatd(buffer, sizeof(buffer), "%.6g", value));
    g_string_append_c(script, ' ');
}

/* Where the scale ends: what happens with nobody asked is often so much worse that the others could
 * not be told apart beside it. */
static double scale_top(const VhSimBatch *batch, const VhSimSheet *sheet, VhMetric metric)
{
    double top = 0, top_of_all = 0;

    for (guint i = 0; i < batch->contenders->len; i++) {
        const VhSpread *spread = &sheet->results[i].spreads[metric];
        double end = isfinite(spread->hi) ? spread->hi : spread->mean;

        if (!isfinite(end))
            continue;
        top_of_all = MAX(top_of_all, end);
        if (strcmp(sheet->results[i].contender->name, "none") != 0)
            top = MAX(top, end);
    }
    return (top > 0 ? top : MAX(top_of_all, 1)) * 1.1;
}

/* Rows of place, mean, half of the interval and name. */
static char *make_script(const VhSimBatch *batch, const VhSimSheet *sheet, VhMetric metric)
{
    GString *script = g_string_new("$data << END\n");
    guint shown = 0;

    for (guint i = 0; i < batch->contenders->len; i++) {
        const VhSpread *spread = &sheet->results[i].spreads[metric];

        if (!isfinite(spread->mean))
            continue;
        append_number(script, shown++);
        append_number(script, spread->mean);
        append_number(script, isfinite(spread->lo) ? (spread->hi - spread->lo) / 2 : 0);
        g_string_append_printf(script, "\"%s\"\n", sheet->results[i].contender->name);
    }
    g_string_append_printf(
        script,
        "END\n"
        "set terminal svg size 720,300 font 'sans,11' background '#ffffff'\n"
        "set style fill solid 0.85 noborder\nset boxwidth 0.7\nunset key\n"
        "set grid y lc rgb '#cccccc'\nset format y '%%.1s%%c'\nset xrange [-0.6:%u.6]\n"
        "set xtics rotate by -30 noenhanced\nset title \"%s\" noenhanced\n"
        "set yrange [0:",
        MAX(shown, 1) - 1, vh_sim_metric_text(metric));
    append_number(script, scale_top(batch, sheet, metric));
    g_string_append(script, "]\n"
                            "plot $data using 1:2:xtic(4) with boxes lc rgb '#0072B2', \\\n"
                            "     $data using 1:2:3 with yerrorbars lc rgb 'black' pt 0\n");
    return g_string_free(script, FALSE);
}

static char *draw(const VhSimBatch *batch, const VhSimSheet *sheet, VhMetric metric, GError **error)
{
    g_autofree char *script = make_script(batch, sheet, metric);
    g_autofree char *program = g_find_program_in_path("gnuplot");
    g_autofree char *picture = NULL;
    g_autofree char *said = NULL;

    if (!program) {
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "the pictures of a report need gnuplot; install the package gnuplot-nox");
        return NULL;
    }
    g_autoptr(GSubprocess) gnuplot =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                             G_SUBPROCESS_FLAGS_STDERR_PIPE,
                         error, program, "-", NULL);
    if (!gnuplot || !g_subprocess_communicate_utf8(gnuplot, script, NULL, &picture, &said, error))
        return NULL;
    const char *start = picture ? strstr(picture, "<svg") : NULL;
    if (!g_subprocess_get_successful(gnuplot) || !start) {
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "gnuplot failed: %s", said);
        return NULL;
    }
    return g_strdup(start);
}

/* How a page is written in its language. */
typedef struct {
    gboolean is_html;
    const char *path;
    GString *text;
} Page;

/* Markdown shows names and sentences as they are. */
static void add_text(Page *page, const char *html, const char *markdown, const char *text)
{
    g_autofree char *escaped = g_markup_escape_text(text, -1);
    g_auto(GStrv) parts = g_strsplit(page->is_html ? html : markdown, "%s", 2);

    g_string_append_printf(page->text, "%s%s%s", parts[0], page->is_html ? escaped : text,
                           parts[1]);
}

static void add_heading(Page *page, const char *text)
{
    add_text(page, "<h2>%s</h2>\n", "\n## %s\n\n", text);
}

static void add_paragraph(Page *page, const char *text)
{
    add_text(page, "<p>%s</p>\n", "%s\n\n", text);
}

static void add_item(Page *page, const char *text)
{
    add_text(page, "<li>%s</li>\n", "- %s\n", text);
}

static gboolean add_picture(Page *page, const char *svg, const char *name, GError **error)
{
    if (page->is_html) {
        /* as an image of its own, because pictures on one page would share their names */
        g_autofree char *data = g_base64_encode((const guchar *)svg, strlen(svg));
        g_string_append_printf(
            page->text, "<img alt=\"%s\" src=\"data:image/svg+xml;base64,%s\">\n", name, data);
        return TRUE;
    }
    g_autofree char *stem = g_strndup(page->path, strlen(page->path) - strlen(".md"));
    g_autofree char *path = g_strdup_printf("%s-%s.svg", stem, name);
    g_autofree char *base = g_path_get_basename(path);

    g_string_append_printf(page->text, "![%s](%s)\n\n", name, base);
    return g_file_set_contents(path, svg, -1, error);
}

/* A row for each figure, a column for each engine. */
static void add_table(Page *page, const VhSimBatch *batch, const VhSimSheet *sheet)
{
    const char *row = page->is_html ? "<tr>" : "|";
    const char *end = page->is_html ? "</tr>\n" : "\n";
    const char *cell = page->is_html ? "<td>%s</td>" : " %s |";

    g_string_append(page->text, page->is_html ? "<table>\n" : "");
    g_string_append(page->text, row);
    g_string_append_printf(page->text, cell, "");
    for (guint i = 0; i < batch->contenders->len; i++)
        g_string_append_printf(page->text, page->is_html ? "<th>%s</th>" : " %s |",
                               sheet->results[i].contender->name);
    g_string_append(page->text, end);
    for (guint i = 0; !page->is_html && i <= batch->contenders->len; i++)
        g_string_append_printf(page->text, "%s", i == 0 ? "| --- |" : " --- |");
    g_string_append(page->text, page->is_html ? "" : "\n");
    for (guint metric = 0; metric < VH_METRICS; metric++) {
        g_string_append(page->text, row);
        g_string_append_printf(page->text, cell, vh_sim_metric_text((VhMetric)metric));
        for (guint i = 0; i < batch->contenders->len; i++) {
            g_autofree char *figure = vh_sim_show_spread(&sheet->results[i].spreads[metric]);
            g_string_append_printf(page->text, cell, figure);
        }
        g_string_append(page->text, end);
    }
    g_string_append(page->text, page->is_html ? "</table>\n" : "\n");
}

static gboolean add_sheet(Page *page, const VhSimBatch *batch, const VhSimSheet *sheet,
                          GError **error)
{
    static const VhMetric drawn[] = {VH_METRIC_COST, VH_METRIC_DEFICIT, VH_METRIC_BOTHER};
    const VhScenario *scenario = sheet->scenario;
    gint64 horizon_us = batch->horizon_us > 0 ? batch->horizon_us : scenario->horizon_us;
    g_autofree char *memory = vh_format_size(scenario->host.memory_bytes);
    g_autofree char *horizon = vh_format_duration(horizon_us);
    g_autofree char *facts = g_strdup_printf("%s: %u guests on a host of %s, %s, %u fleets.",
                                             vh_scenario_set_name((VhScenarioSet)scenario->set),
                                             scenario->n_guests, memory, horizon, batch->n_seeds);
    g_auto(GStrv) verdict = vh_sim_show_verdict(batch, sheet);

    add_heading(page, scenario->name);
    add_paragraph(page, scenario->description);
    add_paragraph(page, facts);
    g_string_append(page->text, page->is_html ? "<ul>\n" : "");
    for (guint i = 0; verdict[i]; i++)
        add_item(page, verdict[i]);
    g_string_append(page->text, page->is_html ? "</ul>\n" : "\n");
    for (guint i = 0; i < G_N_ELEMENTS(drawn); i++) {
        g_autofree char *name =
            g_strdup_printf("%s-%s", scenario->name, vh_sim_metric_name(drawn[i]));
        g_autofree char *svg = draw(batch, sheet, drawn[i], error);
        if (!svg || !add_picture(page, svg, name, error))
            return FALSE;
    }
    add_table(page, batch, sheet);
    return TRUE;
}

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<title>virthint simulate</title>\n<style>\n"
    "body { font-family: sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em; }\n"
    "table { border-collapse: collapse; font-size: 85%; display: block; overflow-x: auto; }\n"
    "td, th { border: 1px solid #ccc; padding: 0.2em 0.5em; text-align: right; }\n"
    "td:first-child { text-align: left; }\nimg { max-width: 100%; }\n</style></head><body>\n"
    "<h1>virthint simulate</h1>\n";

gboolean vh_sim_show_write(const VhSimBatch *batch, const char *path, GError **error)
{
    Page page = {.is_html = !g_str_has_suffix(path, ".md"), .path = path};
    gboolean is_good = TRUE;

    page.text = g_string_new(page.is_html ? head : "# virthint simulate\n\n");
    add_paragraph(&page, "Each engine has decided over the same simulated fleets. Costs are "
                         "weighted milliseconds of work that guests lost, at the prices of the "
                         "scenario; figures are means over the fleets with their 95 % "
                         "intervals.");
    for (guint i = 0; is_good && i < batch->sheets->len; i++)
        is_good = add_sheet(&page, batch, g_ptr_array_index(batch->sheets, i), error);
    g_string_append(page.text, page.is_html ? "</body></html>\n" : "");
    is_good = is_good && g_file_set_contents(path, page.text->str, -1, error);
    g_string_free(page.text, TRUE);
    return is_good;
}
