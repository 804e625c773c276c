/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy in a domain's own metadata, read and written over libvirt. */
#pragma once

#include "vh-backend.h"

G_BEGIN_DECLS

/*
 * See VhBackendProvider: the document "override" of docs/json.md, a full reference. Neither QEMU
 * nor daemon is asked. Runs the caller's thread-default main context. Errors: GONE, DENIED,
 * INVALID, BUSY, TIMEOUT, UNSUPPORTED (it does not run, or has no definition).
 */
GVariant *vh_backend_policy(const VhBackendRequest *request, const char *domain,
                            const VhPolicyWish *wish, GError **error);

G_END_DECLS
