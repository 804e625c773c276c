/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a call that blocks becomes one that does not: the machinery of vh-async.h. Private to the
 * library. */
#pragma once

#include "vh-async.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* The call that blocks, on a thread of its own. `args` are its arguments, and take its results. */
typedef gboolean (*VhCallWork)(gpointer handle, gpointer args, GError **error);

/* What the caller of X_async() said. Borrowed for the call. */
typedef struct {
    gint64 timeout_us;
    GCancellable *cancellable;
    GAsyncReadyCallback callback;
    gpointer data;
} VhCallOptions;

/*
 * Starts one. The handle is referenced until the work has ended, and let go of on its thread: the
 * last reference closes a connection, which takes a round trip. `args` is copied (`size` bytes),
 * and freed after `clear` (NULL: nothing to do) once nobody needs it any more, on whatever thread.
 */
void vh_call_on_domain(virDomainPtr domain, VhCallWork work, gconstpointer args, gsize size,
                       GDestroyNotify clear, const VhCallOptions *options);
void vh_call_on_connection(virConnectPtr connection, VhCallWork work, gconstpointer args,
                           gsize size, GDestroyNotify clear, const VhCallOptions *options);

/* The arguments as the work has left them, borrowed from the result; NULL with the error. `work`
 * tells whose result it must be. */
gpointer vh_call_finish(GAsyncResult *result, VhCallWork work, GError **error);

/* How many threads there are now. */
guint vh_call_count(void);

G_END_DECLS
