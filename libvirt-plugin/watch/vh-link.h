/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The acting connection of a watch: opened, registered for events and closed on threads that may
 * get stuck. Private to watch/.
 */
#pragma once

#include "vh-libvirt.h"
#include "vh-port.h"
#include "vh-socket.h"

G_BEGIN_DECLS

/* An open connection with handles on its domains, or the reason why there is none. Used in the
 * thread of the watch only. */
typedef struct VhLink VhLink;

/* What libvirt tells. All are posted to the port; `link_serial` says which connection it was. */
typedef struct {
    VhPortFunc opened;  /* payload: VhLink; take it with vh_link_ref() */
    VhPortFunc closed;  /* payload: VhLinkNews */
    VhPortFunc changed; /* payload: VhLinkNews: the domain is to be looked at anew */
} VhLinkFuncs;

typedef struct {
    guint serial;
    virDomainPtr domain; /* on the link's connection; NULL for `closed` */
    const char *text;    /* why it closed; static */
} VhLinkNews;

/* Opens in the background (see vh_socket_open()); `opened` follows unless the call never returns.
 */
void vh_link_open(VhSocket *socket, const char *uri, gboolean read_only, guint serial, VhPort *port,
                  const VhLinkFuncs *funcs);

VhLink *vh_link_ref(VhLink *link);
/* The last one closes the connection, in the background. NULL-safe. */
void vh_link_unref(VhLink *link);

guint vh_link_serial(const VhLink *link);
/* NULL where it is open. */
const GError *vh_link_error(const VhLink *link);
virConnectPtr vh_link_connection(const VhLink *link);

/* Remembers a handle, by UUID. */
void vh_link_put(VhLink *link, virDomainPtr domain);
/* NULL where it is not known; borrowed. */
virDomainPtr vh_link_get(const VhLink *link, const VhUuid *uuid);
/* Forgets the handles for which `is_wanted` says FALSE. */
void vh_link_prune(VhLink *link, gboolean (*is_wanted)(const VhUuid *uuid, gpointer data),
                   gpointer data);

G_END_DECLS
