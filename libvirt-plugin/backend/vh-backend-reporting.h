/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's page reporting, asked of its QEMU over the request's connection or an own one. */
#pragma once

#include "vh-backend.h"

G_BEGIN_DECLS

/*
 * The document "reporting" of docs/json.md, after the wish was carried out; a full reference. Sends
 * nothing where the domain does not run, or has no virtio balloon. The monitor is waited for on a
 * thread of its own, which is left behind where the request's `cancel` fires, or it does not answer
 * for 40 s (TIMEOUT). Errors: GONE, DENIED, UNSUPPORTED, BUSY, TIMEOUT, PROTOCOL.
 */
GVariant *vh_backend_reporting(const VhBackendRequest *request, const char *domain,
                               VhReportingWish wish, GError **error);

G_END_DECLS
