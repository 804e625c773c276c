/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What virthint keeps in a domain's own metadata: the policy override that an admin or a management
 * layer wrote. All calls: any thread; the handle is borrowed, and may be used by several at once.
 * Those that name a domain ask libvirtd, which answers without its QEMU, but waits up to 30 s where
 * another call holds the domain up. Besides their own errors they return what libvirt says: GONE,
 * DENIED (access control, or the connection is read-only), TIMEOUT, UNSUPPORTED (the domain does
 * not run, or has no definition that stays).
 */
#pragma once

#include "vh-async.h"
#include "vh-override.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* Which of a domain's two descriptions is meant. */
typedef enum {
    VH_METADATA_CURRENT = 0,     /* as it runs, where it does; else its definition */
    VH_METADATA_LIVE = 1 << 0,   /* as it runs: gone with its next start */
    VH_METADATA_CONFIG = 1 << 1, /* its definition: for its next start */
} VhMetadataWhere;

/* The longest element that is read, in bytes: a policy has some hundred. */
#define VH_METADATA_MAX_BYTES ((gsize)64 * 1024)

/*
 * The override of a domain, from metadata element VH_OVERRIDE_URI. None: TRUE, with all 0. Invalid:
 * VH_ERROR_INVALID naming the attribute; the daemon warns then, and treats the domain as having
 * none. INVALID, too, for LIVE and CONFIG at once. One round trip.
 */
VH_PUBLIC gboolean vh_metadata_get_override(virDomainPtr domain, VhMetadataWhere where,
                                            VhOverride *ret_override,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Writes one in place of what is there, valid or not; LIVE | CONFIG for both. One that says nothing
 * takes the element away. Metadata of other namespaces is left as it is. INVALID: see
 * vh_override_check(), and nothing was written. BUSY: the domain runs, and a job on it would hold
 * the write up. Two round trips. A running daemon notices at once.
 */
VH_PUBLIC gboolean vh_metadata_set_override(virDomainPtr domain, const VhOverride *override,
                                            VhMetadataWhere where,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes it away, valid or not; there need not be one. Errors as above. */
VH_PUBLIC gboolean vh_metadata_clear_override(virDomainPtr domain, VhMetadataWhere where,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Single attributes. */
typedef struct {
    const char *const *set;   /* "KEY=VALUE", NULL-terminated; NULL: none */
    const char *const *unset; /* "KEY", NULL-terminated; NULL: none. Before what is set. */
} VhMetadataChange;

/*
 * Changes single attributes of what is there, and leaves the others. All is checked before anything
 * is written: INVALID names the attribute, or says that what is there is invalid itself and has to
 * be cleared first. With LIVE | CONFIG each of the two is changed from what it was. Who changes it
 * between the look and the write is overwritten. *ret_override (may be NULL): how it is now; as it
 * runs, where both were changed.
 */
VH_PUBLIC gboolean vh_metadata_change_override(virDomainPtr domain, const VhMetadataChange *change,
                                               VhMetadataWhere where, VhOverride *ret_override,
                                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* An override from the element's XML text; hostile input: what is longer than
 * VH_METADATA_MAX_BYTES, is not well-formed or has a document type is refused (INVALID) before
 * anything of it is looked at. No libvirt. */
VH_PUBLIC gboolean vh_metadata_parse_override(const char *xml, VhOverride *ret_override,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The reverse: the element as it stands in a domain's <metadata>, with its namespace. The override
 * must be valid (vh_override_check()). Free with g_free(). No libvirt. */
VH_PUBLIC char *vh_metadata_format_override(const VhOverride *override);

/* The same without blocking: vh-async.h. A write whose deadline passed may still come. */
VH_PUBLIC void vh_metadata_get_override_async(virDomainPtr domain, VhMetadataWhere where,
                                              gint64 timeout_us, GCancellable *cancellable,
                                              GAsyncReadyCallback callback, gpointer data);
VH_PUBLIC gboolean vh_metadata_get_override_finish(GAsyncResult *result, VhOverride *ret_override,
                                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
VH_PUBLIC void vh_metadata_set_override_async(virDomainPtr domain, const VhOverride *override,
                                              VhMetadataWhere where, gint64 timeout_us,
                                              GCancellable *cancellable,
                                              GAsyncReadyCallback callback, gpointer data);
VH_PUBLIC gboolean vh_metadata_set_override_finish(GAsyncResult *result,
                                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
VH_PUBLIC void vh_metadata_clear_override_async(virDomainPtr domain, VhMetadataWhere where,
                                                gint64 timeout_us, GCancellable *cancellable,
                                                GAsyncReadyCallback callback, gpointer data);
VH_PUBLIC gboolean vh_metadata_clear_override_finish(GAsyncResult *result,
                                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
VH_PUBLIC void vh_metadata_change_override_async(virDomainPtr domain,
                                                 const VhMetadataChange *change,
                                                 VhMetadataWhere where, gint64 timeout_us,
                                                 GCancellable *cancellable,
                                                 GAsyncReadyCallback callback, gpointer data);
VH_PUBLIC gboolean vh_metadata_change_override_finish(GAsyncResult *result,
                                                      VhOverride *ret_override,
                                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
