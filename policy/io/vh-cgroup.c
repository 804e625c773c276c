/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-cgroup.h: what is called what in which version. */
#include "vh-cgroup.h"
#include "vh-proc.h"
#include "vh-units.h"

#include <string.h>
#include <unistd.h>

typedef struct {
    const char *below; /* the root: where the hierarchy with memory is */
    const char *mark;  /* a file that its top has */
    const char *limits[2];
    const char *current;
    const char *inactive_file; /* of memory.stat; with those of the groups below */
    const char *pressure;      /* NULL: it has none */
} Version;

/* In version 2 a group that passes memory.high is slowed down as much as the kernel can: what is
 * defended ends there, where it is below memory.max. */
static const Version versions[] = {
    {"memory",
     "memory.limit_in_bytes",
     {"memory.limit_in_bytes", NULL},
     "memory.usage_in_bytes",
     "total_inactive_file",
     NULL},
    {"",
     "cgroup.controllers",
     {"memory.max", "memory.high"},
     "memory.current",
     "inactive_file",
     "memory.pressure"},
};

static char *read_text(const char *group, const char *name)
{
    g_autofree char *path = g_build_filename(group, name, NULL);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

/* A number of bytes on a line of its own. */
static gboolean read_bytes(const char *group, const char *name, guint64 *ret_bytes)
{
    g_autofree char *text = read_text(group, name);

    return text &&
           g_ascii_string_to_unsigned(g_strchomp(text), 10, 0, G_MAXUINT64, ret_bytes, NULL);
}

/* The lowest; FALSE where there is none: no such file, as at the top of version 2, "max", or a
 * number that no memory has, as in version 1. */
static gboolean read_limit(const Version *version, const char *group, guint64 *ret_bytes)
{
    guint64 lowest = G_MAXUINT64, bytes;

    for (guint i = 0; i < G_N_ELEMENTS(version->limits) && version->limits[i]; i++) {
        if (read_bytes(group, version->limits[i], &bytes))
            lowest = MIN(lowest, bytes);
    }
    *ret_bytes = lowest;
    return lowest < VH_ABSURD_BYTES;
}

static gboolean read_group(const Version *version, const char *group, VhGroup *ret_group,
                           VhPressure *ret_pressure, GError **error)
{
    g_autofree char *stat = read_text(group, "memory.stat");
    guint64 pages;

    if (!read_bytes(group, version->current, &ret_group->current_bytes) || !stat ||
        !vh_proc_find_number(stat, version->inactive_file, &ret_group->inactive_file_bytes)) {
        g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL,
                    "%s: no number of bytes in %s, or no line '%s ...' in memory.stat", group,
                    version->current, version->inactive_file);
        return FALSE;
    }
    *ret_pressure = (VhPressure){0};
    if (version->pressure) {
        g_autofree char *path = g_build_filename(group, version->pressure, NULL);
        ret_pressure->has_psi =
            vh_proc_read_pressure(path, &ret_pressure->psi_some_bp, &ret_pressure->psi_full_bp);
    }
    /* since Linux 6.13 */
    ret_pressure->has_swap_out = vh_proc_find_number(stat, "pswpout", &pages);
    if (ret_pressure->has_swap_out)
        ret_pressure->swap_out_bytes = vh_mul(pages, (guint64)sysconf(_SC_PAGESIZE));
    return TRUE;
}

static const Version *find_version(const char *root, char **ret_top)
{
    for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
        g_autofree char *top = g_build_filename(root, versions[i].below, NULL);
        g_autofree char *mark = g_build_filename(top, versions[i].mark, NULL);
        if (g_file_test(mark, G_FILE_TEST_EXISTS)) {
            *ret_top = g_steal_pointer(&top);
            return &versions[i];
        }
    }
    return NULL;
}

/* The names on the way down, without empty ones; NULL where one of them leads up. */
static GPtrArray *split_path(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; parts[i]; i++) {
        if (g_str_equal(parts[i], ".."))
            return NULL;
        if (parts[i][0] != '\0' && !g_str_equal(parts[i], "."))
            g_ptr_array_add(names, g_strdup(parts[i]));
    }
    return g_steal_pointer(&names);
}

static char *join(const char *top, const GPtrArray *names, guint n)
{
    g_autoptr(GString) path = g_string_new(top);

    for (guint i = 0; i < n; i++)
        g_string_append_printf(path, "/%s", (const char *)names->pdata[i]);
    return g_strdup(path->str);
}

gboolean vh_cgroup_read(const char *root, const char *path, VhGroup *ret_group,
                        VhPressure *ret_pressure, GError **error)
{
    g_autofree char *top = NULL;
    g_autoptr(GPtrArray) names = split_path(path);
    const Version *version = find_version(root, &top);

    if (!version) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                    "no hierarchy of control groups for memory is mounted below %s; choose another "
                    "source for the pool",
                    root);
        return FALSE;
    }
    g_autofree char *whole = names ? join(top, names, names->len) : NULL;
    if (!whole || !g_file_test(whole, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                    "there is no control group '%s' below %s; write the path of one that is there, "
                    "as in \"/machine.slice\"",
                    path, top);
        return FALSE;
    }
    for (guint depth = names->len + 1; depth-- > 0;) {
        g_autofree char *group = join(top, names, depth);
        VhGroup found;
        if (!read_limit(version, group, &found.limit_bytes))
            continue;
        if (!read_group(version, group, &found, ret_pressure, error))
            return FALSE;
        *ret_group = found;
        return TRUE;
    }
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                "neither the control group '%s' nor one above it has a memory limit, so that "
                "nothing says how large the pool is; set one (%s), or choose another source",
                path, version->limits[0]);
    return FALSE;
}
