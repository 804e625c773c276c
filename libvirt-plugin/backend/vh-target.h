/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which domain a request is about, and the way to it over libvirt. */
#pragma once

#include "vh-backend.h"
#include "vh-libvirt.h"

G_BEGIN_DECLS

/* A copy of what the request says, for another thread. */
typedef struct {
    virConnectPtr connection; /* a reference to the program's own; NULL: there is none */
    char **uris;
    char *domain; /* name, id or UUID; NULL: all */
    gboolean may_write;
} VhTarget;

VhTarget *vh_target_new(const VhBackendRequest *request, const char *domain, gboolean may_write);
void vh_target_free(VhTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhTarget, vh_target_free)

/* The connection at `index` of those that are meant: the program's own, else of the URIs, else
 * libvirt's default. NULL without an error beyond the last. Blocks. */
virConnectPtr vh_target_open(const VhTarget *target, guint index, GError **error);

/* The domain on the first of them that has it, with the URI by which it was found (of the
 * target's, else what libvirt calls the connection; to be freed with g_free()). GONE: none
 * has. Blocks. */
virDomainPtr vh_target_find(const VhTarget *target, char **ret_uri, GError **error);

/* What libvirt calls the connection; "" where it does not tell. Free with g_free(). */
char *vh_target_uri(virConnectPtr connection);

G_END_DECLS
