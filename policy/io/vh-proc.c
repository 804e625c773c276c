/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsers of /proc. */
#include "vh-proc.h"
#include "vh-host-memory.h"
#include "vh-units.h"

#include <string.h>
#include <unistd.h>

/* What follows `name` and `mark` at the start of a line. */
static const char *find_line(const char *text, const char *name, char mark)
{
    gsize length = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == mark)
            return line + length + 1;
    }
    return NULL;
}

gboolean vh_proc_find_kib(const char *text, const char *name, guint64 *ret_bytes)
{
    const char *value = find_line(text, name, ':');
    char *end = NULL;
    guint64 kib = value ? g_ascii_strtoull(value, &end, 10) : 0;

    if (!value || end == value || !g_str_has_prefix(end, " kB"))
        return FALSE;
    *ret_bytes = vh_mul(kib, VH_KIB);
    return TRUE;
}

gboolean vh_proc_find_number(const char *text, const char *name, guint64 *ret_number)
{
    const char *value = find_line(text, name, ' ');
    char *end = NULL;
    guint64 number = value && g_ascii_isdigit(*value) ? g_ascii_strtoull(value, &end, 10) : 0;

    if (!end || (*end != '\n' && *end != '\0'))
        return FALSE;
    *ret_number = number;
    return TRUE;
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
        if (!vh_proc_find_kib(text, fields[i].name, fields[i].bytes)) {
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

static gboolean read_swap_of(const char *root, pid_t pid, const char *file, const char *name,
                             guint64 *ret_bytes)
{
    g_autofree char *path = g_strdup_printf("%s/%d/%s", root, (int)pid, file);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && vh_proc_find_kib(text, name, ret_bytes);
}

gboolean vh_proc_read_swapped(const char *root, pid_t pid, guint64 *ret_bytes)
{
    return read_swap_of(root, pid, "status", "VmSwap", ret_bytes);
}

gboolean vh_proc_read_swapped_shared(const char *root, pid_t pid, guint64 *ret_bytes)
{
    return read_swap_of(root, pid, "smaps_rollup", "Swap", ret_bytes);
}

/* "some avg10=12.34 avg60=..." */
static gboolean find_avg10(const char *text, const char *who, guint *ret_bp)
{
    const char *line = find_line(text, who, ' ');
    char *end;

    if (!line || !g_str_has_prefix(line, "avg10="))
        return FALSE;
    line += strlen("avg10=");
    double percent = g_ascii_strtod(line, &end);
    if (end == line || !(percent >= 0 && percent <= 100))
        return FALSE;
    *ret_bp = (guint)(percent * 100 + 0.5);
    return TRUE;
}

gboolean vh_proc_read_pressure(const char *path, guint *ret_some_bp, guint *ret_full_bp)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && find_avg10(text, "some", ret_some_bp) &&
           find_avg10(text, "full", ret_full_bp);
}

gboolean vh_proc_read_swap_out(const char *root, guint64 *ret_bytes)
{
    g_autofree char *path = g_build_filename(root, "vmstat", NULL);
    g_autofree char *text = NULL;
    guint64 pages;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        !vh_proc_find_number(text, "pswpout", &pages))
        return FALSE;
    *ret_bytes = vh_mul(pages, (guint64)sysconf(_SC_PAGESIZE));
    return TRUE;
}
