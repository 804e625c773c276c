/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bridge from libvirt to GLib: connections with credentials, errors by code, handles by
 * autoptr. All calls: any thread; handles that are passed in are borrowed.
 */
#pragma once

#include "vh-async.h"
#include "vh-uuid.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)

/*
 * Opens `uri` (NULL: libvirt's default), read-only or read-write, with a keepalive of 5 s x 3
 * (which needs a running event loop). Credentials come from libvirt's own auth file
 * (LIBVIRT_AUTH_FILE, ~/.config/libvirt/auth.conf, /etc/libvirt/auth.conf), never from a prompt.
 * Errors: DENIED, GONE (no daemon there), UNSUPPORTED (no such driver), FAILED. Blocks while
 * connecting. The caller's; virConnectClose().
 */
VH_PUBLIC virConnectPtr vh_libvirt_open(const char *uri, gboolean read_only,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Turns the calling thread's last libvirt error into a GError with the code a caller can act on,
 * prefixed with `what` ("domain 'web1': "; NULL: nothing). Always sets an error. Does not block.
 */
VH_PUBLIC void vh_libvirt_set_error(GError **error, const char *what);

/*
 * The domain that a person means by `text`: its UUID, its name, or else its id (running ones have
 * one). VH_ERROR_GONE where the connection has none such; else what libvirt says (DENIED, ...).
 * The caller's; virDomainFree(). Blocks for up to three round trips to libvirtd, no QEMU is asked.
 */
VH_PUBLIC virDomainPtr vh_libvirt_find_domain(virConnectPtr connection, const char *text,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same without blocking (vh-async.h), about a connection in a domain's place. */
VH_PUBLIC void vh_libvirt_find_domain_async(virConnectPtr connection, const char *text,
                                            gint64 timeout_us, GCancellable *cancellable,
                                            GAsyncReadyCallback callback, gpointer data);
VH_PUBLIC virDomainPtr vh_libvirt_find_domain_finish(GAsyncResult *result,
                                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The domain's UUID. Does not block and does not fail for a valid handle. */
VH_PUBLIC VhUuid vh_libvirt_uuid(virDomainPtr domain);

/* Whether its guests run on this host, so that what the host has free is ours to read: over a local
 * socket, and not one that was forwarded from elsewhere. One quick call to libvirtd. FALSE, too,
 * where that fails. */
VH_PUBLIC gboolean vh_libvirt_is_local(virConnectPtr connection);

/* Silences libvirt's own printing of errors to stderr; ours carry them, and some are no errors but
 * answers (that there is no policy, that a connection may write). Ignores SIGPIPE where nobody
 * handles it: a process that writes to a libvirtd that was killed would end. Call once, early; a
 * program with an error function of its own need not. */
VH_PUBLIC void vh_libvirt_init(void);

G_END_DECLS
