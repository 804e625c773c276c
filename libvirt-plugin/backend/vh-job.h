/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call that cannot be interrupted, on a thread that may be left behind, while the caller's main
 * loop runs on. Knows nothing of what is called.
 */
#pragma once

#include "vh-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* On its own thread. What it is not told of any more it finishes all the same. */
typedef gpointer (*VhJobFunc)(gpointer data, GError **error);

/*
 * Runs `func` and returns its result, running the caller's thread-default main context meanwhile.
 * `timeout_us` (0: none) and `cancel` (NULL: nobody) end the wait: NULL with VH_ERROR_TIMEOUT, or
 * G_IO_ERROR_CANCELLED; the thread stays behind, and frees its result by `free_result`. `data` is
 * freed by `free_data` on the thread, before the call returns or when the thread ends.
 * VH_ERROR_BUSY, with `data` freed: too many threads have been left behind in this process.
 */
gpointer vh_job_run(VhJobFunc func, gpointer data, GDestroyNotify free_data,
                    GDestroyNotify free_result, gint64 timeout_us, GCancellable *cancel,
                    GError **error);

/* Runs the caller's thread-default main context once: until something happens there, somebody wakes
 * it up, `until_us` (monotonic; G_MAXINT64: never) comes, or `cancel` (NULL: nobody) fires. */
void vh_job_iterate(gint64 until_us, GCancellable *cancel);

G_END_DECLS
