/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The backend that asks virthintd over D-Bus. */
#pragma once

#include "vh-backend.h"

G_BEGIN_DECLS

/*
 * Connects to the bus and to the daemon on it. NULL without an error: no daemon runs there, or
 * (said by a notice) it does not watch the URIs that were asked for. NULL with one: the bus that
 * the user named cannot be reached (VH_ERROR_GONE), or the daemon does not answer.
 */
VhBackend *vh_backend_daemon_open(const VhBackendRequest *request, GError **error);

/* The file that it records in, "" where it does not; NULL where none runs, with *error set only
 * where its bus cannot be reached. Free with g_free(). */
char *vh_backend_daemon_record_file(const VhBackendRequest *request, GError **error);

G_END_DECLS
