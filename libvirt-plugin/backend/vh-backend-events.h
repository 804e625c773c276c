/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events of the guests of a connection, for the command that waits for them. */
#pragma once

#include "vh-backend.h"

G_BEGIN_DECLS

/*
 * See VhBackendProvider: tells `seen` of the documents "event" of docs/json.md. Runs the caller's
 * thread-default main context. libvirt's event loop must have been registered before the request's
 * connection was opened (or before this call), and runs in another thread, or in that context. No
 * domain is tainted. Errors: GONE (the domain, or the connection), DENIED, UNSUPPORTED, INVALID (no
 * such event).
 */
gboolean vh_backend_events(const VhBackendRequest *request, const VhEventsWish *wish,
                           VhEventSeen seen, gpointer seen_data, guint *ret_n, GError **error);

G_END_DECLS
