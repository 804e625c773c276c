/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The main loop of whoever runs a command: always the thread-default main context of the calling
 * thread, as another thread may own the default one (in virsh it does). For commands and backends.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Runs the loop until something has been dispatched, or `cancel` fires in whatever thread; NULL, or
 * one that has fired already, wakes nobody. */
void vh_loop_iterate(GCancellable *cancel);

/* Runs the loop for a while. FALSE where `cancel` (NULL: nothing) fires, or has fired, before. */
gboolean vh_loop_wait(gint64 us, GCancellable *cancel);

/* As g_timeout_add() and g_unix_fd_add(), on that context; owned by the caller. */
GSource *vh_loop_add_timeout(guint ms, GSourceFunc function,
                             gpointer data) G_GNUC_WARN_UNUSED_RESULT;
GSource *vh_loop_add_fd(int fd, GIOCondition condition,
                        gboolean (*function)(int fd, GIOCondition condition, gpointer data),
                        gpointer data) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the source where there is one (it may have removed itself), and sets it to NULL. */
void vh_loop_remove(GSource **source);

G_END_DECLS
