/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend that is the library alone, without policy: it tells what libvirt and the guests tell,
 * and asks single guests. What only an engine can know it refuses, and says that the daemon can.
 */
#pragma once

#include "vh-backend.h"

G_BEGIN_DECLS

/*
 * On the request's own connection (a reference is kept), or on the one URI that it names, NULL:
 * libvirt's default; a connection that it opens itself is read-only where nothing is to be changed.
 * `why` (NULL: none runs) says why the daemon is not used, for the refusals. Errors: GONE, DENIED,
 * and INVALID for more than one URI.
 */
VhBackend *vh_backend_direct_open(const VhBackendRequest *request, const char *why, GError **error);

G_END_DECLS
