/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the demo prints: a live table (redrawn on a terminal, a line now and then on a pipe) and the
 * summary. It must not know how guests run or how a daemon is asked.
 */
#pragma once

#include "demo-record.h"

G_BEGIN_DECLS

typedef struct VhDemoView VhDemoView;

/* Prints to stdout. `classes` (VH_DEMO_GUESTS) is borrowed, as is the record of each call. */
VhDemoView *vh_demo_view_new(const char *const *classes);
void vh_demo_view_free(VhDemoView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhDemoView, vh_demo_view_free)

/* Shows the last sample. `ends_us`: how long the run will take. */
void vh_demo_view_update(VhDemoView *view, const VhDemoRecord *record, gint64 ends_us);

/* One line that stays, above the table. */
void vh_demo_view_say(VhDemoView *view, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Ends the live table: what is printed next comes below it. */
void vh_demo_view_end(VhDemoView *view);

/* Both runs in figures, and why the guest `left_alone` was left alone. */
void vh_demo_view_summary(const VhDemoRecord *without, const VhDemoRecord *with,
                          const char *const *classes, guint left_alone);

G_END_DECLS
