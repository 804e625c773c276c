/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsers of /proc. */
#include "vh-proc.h"
#include "vh-host-memory.h"
#include "vh-units.h"

#include <string.h>

/* Finds "NAME:   1234 kB" at the start of a line. */
static gboolean find_kib(const char *text, const char *name, guint64 *ret_bytes)
{
    gsize length = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) != 0 || line[length] != ':')
            continue;
        char *end;
        guint64 kib = g_ascii_strtoull(line + length + 1, &end, 10);
        if (end == line + length + 1 || !g_str_has_prefix(end, " kB"))
            return FALSE;
        *ret_bytes = vh_mul(kib, VH_KIB);
        return TRUE;
    }
    return FALSE;
}

static guint64 read_per_cpu(const char *root)
{
    g_autofree char *path = g_build_filename(root, "zoneinfo", NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? vh_host_memory_lists_bytes(text) : 0;
}

gboolean vh_proc_read_meminfo(const char *root, VhMeminfo *ret_meminfo, GError **error)
{
    g_autofree char *path = g_build_filename(root, "meminfo", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) cause = NULL;
    VhMeminfo info = {0};
    const struct {
        const char *name;
        guint64 *bytes;
    } fields[] = {
        {"MemTotal", &info.total_bytes},
        {"MemFree", &info.free_bytes},
        {"MemAvailable", &info.available_bytes},
        {"SwapTotal", &info.swap_total_bytes},
    };

    if (!g_file_get_contents(path, &text, NULL, &cause)) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "%s", cause->message);
        return FALSE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (!find_kib(text, fields[i].name, fields[i].bytes)) {
            g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL, "%s: no line '%s: ... kB'", path,
                        fields[i].name);
            return FALSE;
        }
    }
    info.per_cpu_bytes = read_per_cpu(root);
    *ret_meminfo = info;
    return TRUE;
}

/* The argument after "-uuid" on a NUL-separated command line of a QEMU. */
static const char *uuid_argument(const char *line, gsize length)
{
    const char *program = strrchr(line, '/');

    if (!strstr(program ? program : line, "qemu"))
        return NULL;
    for (const char *argument = line; argument < line + length; argument += strlen(argument) + 1) {
        if (g_str_equal(argument, "-uuid")) {
            argument += strlen(argument) + 1;
            return argument < line + length ? argument : NULL;
        }
    }
    return NULL;
}

static void add_if_qemu(GHashTable *qemus, const char *root, const char *pid_text)
{
    g_autofree char *path = g_build_filename(root, pid_text, "cmdline", NULL);
    g_autofree char *line = NULL;
    gsize length;
    VhUuid uuid;

    if (!g_file_get_contents(path, &line, &length, NULL))
        return;
    const char *text = uuid_argument(line, length);
    if (text && vh_uuid_parse(text, &uuid, NULL)) {
        int pid = (int)g_ascii_strtoll(pid_text, NULL, 10);
        g_hash_table_replace(qemus, g_memdup2(&uuid, sizeof(uuid)), GINT_TO_POINTER(pid));
    }
}

GHashTable *vh_proc_find_qemus(const char *root)
{
    GHashTable *qemus = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, NULL);
    g_autoptr(GDir) directory = g_dir_open(root, 0, NULL);
    const char *name;

    while (directory && (name = g_dir_read_name(directory))) {
        if (g_ascii_isdigit(name[0]))
            add_if_qemu(qemus, root, name);
    }
    return qemus;
}

gboolean vh_proc_read_swapped(const char *root, pid_t pid, guint64 *ret_bytes)
{
    g_autofree char *path = g_strdup_printf("%s/%d/status", root, (int)pid);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && find_kib(text, "VmSwap", ret_bytes);
}
