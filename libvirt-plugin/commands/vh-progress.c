/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line that is written over, or lines at each tenth of the way. */
#include "vh-progress.h"

#define BAR_CELLS 30
#define LINE_STEPS 10

static guint part_of(guint64 done, guint64 total, guint parts)
{
    if (total == 0)
        return 0;
    gdouble share = (gdouble)done / (gdouble)total;
    return (guint)(CLAMP(share, 0.0, 1.0) * parts);
}

static void write_error(const VhContext *context, const char *text)
{
    const VhOutput *output = context->program->output;
    output->write(TRUE, text, output->data);
}

void vh_progress_end(VhProgress *progress)
{
    if (progress->has_bar)
        write_error(progress->context, "\n");
    progress->has_bar = FALSE;
}

static void draw_bar(VhProgress *progress, guint full, const char *text)
{
    char bar[BAR_CELLS + 1];

    for (guint i = 0; i < BAR_CELLS; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_CELLS] = '\0';
    g_autofree char *line = g_strdup_printf("\r[%s] %s\033[K", bar, text);
    write_error(progress->context, line);
    progress->has_bar = TRUE;
}

void vh_progress_show(VhProgress *progress, guint64 done, guint64 total, const char *text)
{
    const VhProgram *program = progress->context->program;

    if (!progress->has_told_cancel && g_cancellable_is_cancelled(program->cancel)) {
        vh_progress_end(progress);
        vh_context_say(progress->context, "%s", progress->cancelling);
        progress->has_told_cancel = TRUE;
    }
    if (vh_context_flag(progress->context, "quiet"))
        return;
    if (program->output->err_is_tty) {
        draw_bar(progress, part_of(done, total, BAR_CELLS), text);
        return;
    }
    guint step = part_of(done, total, LINE_STEPS) + 1;
    if (step == progress->last_step)
        return;
    progress->last_step = step;
    vh_context_notice(progress->context, "%s", text);
}
