/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-uuid.h. Knows nothing of UUID versions: libvirt takes any 16 bytes. */
#include "vh-uuid.h"

#include "vh-text.h"

#include <string.h>

static gboolean is_hyphen_place(guint place)
{
    return place == 8 || place == 13 || place == 18 || place == 23;
}

gboolean vh_uuid_parse(const char *text, VhUuid *ret_uuid, GError **error)
{
    VhUuid uuid = {{0}};
    guint digits = 0;
    gboolean is_valid = strnlen(text, VH_UUID_TEXT) == VH_UUID_TEXT - 1;
    for (guint i = 0; is_valid && i < VH_UUID_TEXT - 1; i++) {
        if (is_hyphen_place(i)) {
            is_valid = text[i] == '-';
            continue;
        }
        int digit = g_ascii_xdigit_value(text[i]);
        is_valid = digit >= 0;
        guint shift = digits % 2 == 0 ? 4 : 0;
        uuid.bytes[digits / 2] |= (guint8)((guint)MAX(digit, 0) << shift);
        digits++;
    }
    if (!is_valid) {
        g_autofree char *quoted = vh_text_quote(text);
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s is not a UUID; write 32 hexadecimal digits as in "
                    "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"",
                    quoted);
        return FALSE;
    }
    *ret_uuid = uuid;
    return TRUE;
}

const char *vh_uuid_format(const VhUuid *uuid, char text[VH_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    guint place = 0;
    for (guint i = 0; i < VH_UUID_BYTES; i++) {
        if (is_hyphen_place(place)) {
            text[place++] = '-';
        }
        text[place++] = digits[uuid->bytes[i] >> 4];
        text[place++] = digits[uuid->bytes[i] & 15];
    }
    text[place] = '\0';
    return text;
}

int vh_uuid_compare(const VhUuid *a, const VhUuid *b)
{
    return memcmp(a->bytes, b->bytes, VH_UUID_BYTES);
}

guint64 vh_uuid_hash64(const VhUuid *uuid)
{
    guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);
    for (guint i = 0; i < VH_UUID_BYTES; i++) {
        hash = (hash ^ uuid->bytes[i]) * G_GUINT64_CONSTANT(0x100000001b3);
    }
    return hash;
}

guint vh_uuid_hash(gconstpointer uuid)
{
    guint64 hash = vh_uuid_hash64(uuid);
    return (guint)(hash ^ (hash >> 32));
}

gboolean vh_uuid_equal(gconstpointer a, gconstpointer b)
{
    return vh_uuid_compare(a, b) == 0;
}
