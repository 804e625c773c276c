/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The initramfs of a lab guest: the agent as /init and the modules, numbered in the order of
 * loading. Uncompressed, since unpacking is the guest's time. The file's name is a hash of its
 * content, so that it never has to be made anew, nor checked.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vh-error.h"
#include "vh-lab-images.h"

#define KEEP_SECONDS (7 * 24 * 3600)

typedef struct {
    GByteArray *out;
    guint inode;
} Archive;

static void pad(GByteArray *out)
{
    static const guint8 zeroes[4];

    g_byte_array_append(out, zeroes, -out->len & 3);
}

/* The "newc" format: a header of thirteen 8-digit hexadecimal fields; names and data padded to
 * four bytes. Times are zero, so that the same content is the same archive. */
static void add(Archive *a, const char *name, guint mode, const char *data, gsize length)
{
    char header[111];
    gsize name_bytes = strlen(name) + 1;

    g_snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
               ++a->inode, mode, 0u, 0u, 1u, 0u, (guint)length, 0u, 0u, 0u, 0u, (guint)name_bytes,
               0u);
    g_byte_array_append(a->out, (const guint8 *)header, 110);
    g_byte_array_append(a->out, (const guint8 *)name, (guint)name_bytes);
    pad(a->out);
    g_byte_array_append(a->out, (const guint8 *)data, (guint)length);
    pad(a->out);
}

static gboolean add_file(Archive *a, const char *name, guint mode, const char *path, GError **error)
{
    g_autofree char *data = NULL;
    gsize length;

    if (!g_file_get_contents(path, &data, &length, error))
        return FALSE;
    add(a, name, mode, data, length);
    return TRUE;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The kernel's modules lie in its directory with their numbers already. */
static gboolean add_modules(Archive *a, const char *kernel_dir, const char *balloon_module,
                            GError **error)
{
    g_autofree char *modules = g_build_filename(kernel_dir, "modules", NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(modules, 0, error);
    gboolean replaced = balloon_module == NULL;
    const char *name;

    if (!dir)
        return FALSE;
    while ((name = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *inside = g_strconcat("modules/", names->pdata[i], NULL);
        g_autofree char *path = g_build_filename(modules, names->pdata[i], NULL);
        gboolean ours = balloon_module && g_str_has_suffix(inside, "-virtio_balloon.ko");

        replaced = replaced || ours;
        if (!add_file(a, inside, 0100644, ours ? balloon_module : path, error))
            return FALSE;
    }
    if (!replaced)
        return add_file(a, "modules/90-virtio_balloon.ko", 0100644, balloon_module, error);
    return TRUE;
}

/* A changed agent leaves its old image; nobody starts a guest with one that is a week old. */
static void remove_old(const char *cache)
{
    g_autoptr(GDir) dir = g_dir_open(cache, 0, NULL);
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(cache, name, NULL);
        struct stat st;

        if (g_str_has_prefix(name, "initramfs-") && stat(path, &st) == 0 &&
            now - st.st_mtime > KEEP_SECONDS)
            unlink(path);
    }
}

char *vh_lab_images_initramfs(const char *kernel_dir, const char *balloon_module, GError **error)
{
    const char *init = g_getenv("VH_LAB_INIT");
    g_autoptr(GByteArray) out = g_byte_array_new();
    Archive archive = {.out = out};
    g_autofree char *cache = vh_lab_images_dir();
    g_autofree char *hash = NULL, *name = NULL, *path = NULL;

    add(&archive, "modules", 0040755, "", 0);
    if (!add_file(&archive, "init", 0100755, init ? init : VH_LAB_INIT_PATH, error) ||
        !add_modules(&archive, kernel_dir, balloon_module, error))
        return NULL;
    add(&archive, "TRAILER!!!", 0, "", 0);
    hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, out->data, out->len);
    name = g_strdup_printf("initramfs-%.16s.cpio", hash);
    path = g_build_filename(cache, name, NULL);
    if (access(path, R_OK) == 0)
        return g_steal_pointer(&path);
    remove_old(cache);
    /* Written beside and renamed: nobody sees half of it. */
    if (!g_file_set_contents(path, (const char *)out->data, (gssize)out->len, error))
        return NULL;
    return g_steal_pointer(&path);
}
