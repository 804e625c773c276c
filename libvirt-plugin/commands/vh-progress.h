/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far something is that is waited for, on stderr: a bar on a terminal, else a line now and
 * then. For the files of the commands only. */
#pragma once

#include "vh-context.h"

G_BEGIN_DECLS

typedef struct {
    VhContext *context;
    const char *cancelling; /* said once when the user has cancelled */
    gboolean has_bar;
    gboolean has_told_cancel;
    guint last_step; /* 1 + the step of the last line; 0: none yet */
} VhProgress;

/* `done` of `total` (0: nobody knows), in words. Silent with --quiet. */
void vh_progress_show(VhProgress *progress, guint64 done, guint64 total, const char *text);

/* Leaves the bar as it is; what is printed next stands below it. */
void vh_progress_end(VhProgress *progress);

G_END_DECLS
