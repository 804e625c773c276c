/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unpacks the kernel proper out of a bzImage, since QEMU starts an uncompressed one much faster
 * under TCG than the guest can unpack itself. The layout is that of the x86 boot protocol, 2.08 and
 * later (Documentation/arch/x86/boot.rst): sector count at 0x1f1, "HdrS" at 0x202, payload offset
 * and length at 0x248.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vh-error.h"
#include "vh-lab-images.h"

#define MAX_KERNEL_BYTES (512u << 20)

static guint32 le32(const guint8 *at)
{
    return (guint32)at[0] | (guint32)at[1] << 8 | (guint32)at[2] << 16 | (guint32)at[3] << 24;
}

static gboolean refuse(GError **error, const char *what)
{
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s", what);
    return FALSE;
}

typedef struct {
    const guint8 *at, *end;
    GByteArray *out;
} Lz4;

/* A length goes on over bytes of 255. */
static gboolean lz4_length(Lz4 *z, gsize *length)
{
    guint8 more = 255;

    if (*length != 15)
        return TRUE;
    while (more == 255) {
        if (z->at >= z->end)
            return FALSE;
        more = *z->at++;
        *length += more;
    }
    return *length <= MAX_KERNEL_BYTES;
}

static gboolean lz4_sequence(Lz4 *z)
{
    guint8 token = *z->at++;
    gsize literals = token >> 4, match = token & 15, offset;
    guint start;

    if (!lz4_length(z, &literals) || literals > (gsize)(z->end - z->at))
        return FALSE;
    g_byte_array_append(z->out, z->at, (guint)literals);
    z->at += literals;
    /* The last sequence has no match. */
    if (z->at == z->end)
        return TRUE;
    if (z->end - z->at < 2)
        return FALSE;
    offset = (gsize)z->at[0] | (gsize)z->at[1] << 8;
    z->at += 2;
    if (!lz4_length(z, &match) || offset == 0 || offset > z->out->len ||
        z->out->len + match + 4 > MAX_KERNEL_BYTES)
        return FALSE;
    start = z->out->len;
    g_byte_array_set_size(z->out, start + (guint)match + 4);
    /* Byte by byte: source and destination may overlap, and that is how runs are coded. */
    for (gsize i = 0; i < match + 4; i++)
        z->out->data[start + i] = z->out->data[start + i - offset];
    return TRUE;
}

/* The legacy frame: a magic number, then blocks with their length in front. */
static GBytes *lz4_unpack(const guint8 *data, gsize length, GError **error)
{
    g_autoptr(GByteArray) out = g_byte_array_sized_new(64u << 20);
    const guint8 *at = data + 4, *end = data + length;

    /* The last four bytes of a payload are its unpacked size, not a block. */
    while (end - at > 4 && out->len < MAX_KERNEL_BYTES) {
        guint32 n = le32(at);
        Lz4 z = {.at = at + 4, .out = out};

        if (n == 0 || n > (gsize)(end - z.at))
            break;
        z.end = z.at + n;
        while (z.at < z.end) {
            if (!lz4_sequence(&z)) {
                refuse(error, "the LZ4 payload is damaged");
                return NULL;
            }
        }
        at = z.end;
    }
    if (end - at < 4 || le32(end - 4) != out->len) {
        refuse(error, "the LZ4 payload does not unpack to the size it says");
        return NULL;
    }
    return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

typedef struct {
    const char *magic;
    gsize length;
    const char *tool;
    const char *arguments;
} Format;

static const Format formats[] = {
    {"\x1f\x8b", 2, "gzip", "-dcq"},
    {"\xfd"
     "7zXZ",
     5, "xz", "-dcq --single-stream"},
    {"\x28\xb5\x2f\xfd", 4, "zstd", "-dcq"},
};

/* These tools complain of the size behind the stream, so that their status means nothing. */
static GBytes *unpack_by_tool(const Format *format, const guint8 *data, gsize length,
                              GError **error)
{
    g_autofree char *file = NULL, *quoted = NULL, *script = NULL;
    char *out = NULL;
    gsize n = 0;
    int fd = g_file_open_tmp("virthint-kernel-XXXXXX", &file, error);

    if (fd < 0)
        return NULL;
    close(fd);
    quoted = g_shell_quote(file);
    script = g_strdup_printf("%s %s < %s > %s.out; true", format->tool, format->arguments, quoted,
                             quoted);
    if (g_file_set_contents(file, (const char *)data, (gssize)length, error)) {
        const char *argv[] = {"sh", "-c", script, NULL};
        g_autofree char *result = g_strconcat(file, ".out", NULL);

        if (vh_lab_run_tool(NULL, argv, NULL, error) &&
            g_file_get_contents(result, &out, &n, error) &&
            (n < 4 || memcmp(out, "\177ELF", 4) != 0)) {
            g_clear_pointer(&out, g_free);
            g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                        "the payload is packed with %s; install it, or the file is damaged",
                        format->tool);
        }
        unlink(result);
    }
    unlink(file);
    return out ? g_bytes_new_take(out, n) : NULL;
}

static GBytes *unpack_payload(const guint8 *data, gsize length, GError **error)
{
    if (length > 8 && memcmp(data, "\x02\x21\x4c\x18", 4) == 0)
        return lz4_unpack(data, length, error);
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (length > formats[i].length && memcmp(data, formats[i].magic, formats[i].length) == 0)
            return unpack_by_tool(&formats[i], data, length, error);
    }
    refuse(error, "its payload is in no known format; there are lz4, gzip, xz and zstd");
    return NULL;
}

GBytes *vh_lab_kernel_unpack(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    const guint8 *data;
    gsize length, start, payload;
    GBytes *unpacked;

    if (!g_file_get_contents(path, &text, &length, error))
        return NULL;
    data = (const guint8 *)text;
    if (length < 0x250 || memcmp(data + 0x202, "HdrS", 4) != 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s: is no bzImage", path);
        return NULL;
    }
    start = (gsize)((data[0x1f1] ? data[0x1f1] : 4) + 1) * 512 + le32(data + 0x248);
    payload = le32(data + 0x24c);
    if (start > length || payload > length - start) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s: is cut short", path);
        return NULL;
    }
    unpacked = unpack_payload(data + start, payload, error);
    if (!unpacked)
        g_prefix_error(error, "%s: ", path);
    return unpacked;
}
