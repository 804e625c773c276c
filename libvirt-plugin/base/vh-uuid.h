/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's UUID as 16 bytes: comparison, text, and a hash that is the same in every run. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

#define VH_UUID_BYTES 16
#define VH_UUID_TEXT 37 /* with the final NUL */

typedef struct {
    guint8 bytes[VH_UUID_BYTES];
} VhUuid;

/* The 8-4-4-4-12 form (hexadecimal, either case). Anything else: VH_ERROR_INVALID. */
VH_PUBLIC gboolean vh_uuid_parse(const char *text, VhUuid *ret_uuid,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes the lower-case form into `text`, and returns it. */
VH_PUBLIC const char *vh_uuid_format(const VhUuid *uuid, char text[VH_UUID_TEXT]);

/* Byte order, as memcmp(). */
VH_PUBLIC int vh_uuid_compare(const VhUuid *a, const VhUuid *b);

/* FNV-1a over the bytes: ties are broken by it, so that no guest is always the first. Also a
 * GHashFunc with vh_uuid_equal. */
VH_PUBLIC guint64 vh_uuid_hash64(const VhUuid *uuid);
VH_PUBLIC guint vh_uuid_hash(gconstpointer uuid);
VH_PUBLIC gboolean vh_uuid_equal(gconstpointer a, gconstpointer b);

G_END_DECLS
