/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The backend that needs no daemon: the engine in this process, over connections of its own. */
#pragma once

#include "vh-backend.h"
#include "vh-config.h"

G_BEGIN_DECLS

/* The policy where the user names none; the built-in one where it is not there. */
#define VH_BACKEND_DEFAULT_POLICY VH_SYSCONFDIR "/virthint/policy.d"

/*
 * Loads the policy and starts to connect, read-only where the request only reads. The plan is never
 * carried out: only what vh_backend's ask() asks for is. Errors: the policy's.
 */
VhBackend *vh_backend_local_open(const VhBackendRequest *request, GError **error);

/* The policy at `path`; NULL: the host's, or the built-in one where there is none. */
VhConfig *vh_backend_local_policy(const char *path, GError **error);

G_END_DECLS
