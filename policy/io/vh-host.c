/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-host.h: which of the kernel's files which pool needs. */
#include "vh-host.h"
#include "vh-cgroup.h"
#include "vh-proc.h"
#include "vh-units.h"

#include <time.h>

static gint64 utc_offset_us(gint64 wall_us)
{
    time_t seconds = (time_t)(wall_us / VH_SEC);
    struct tm local;

    tzset(); /* the administrator may have moved the host's zone since the start */
    return localtime_r(&seconds, &local) ? local.tm_gmtoff * VH_SEC : 0;
}

/*
 * Free pages, page cache that was not used lately, and slab that can be given back. That is less
 * than MemAvailable counts for the whole host (which takes in cache that is in use), and it is what
 * a control group's memory goes by, too.
 */
static gboolean read_node(const VhHostRoots *roots, guint id, VhNode *ret_node, GError **error)
{
    g_autofree char *path =
        g_strdup_printf("%s/devices/system/node/node%u/meminfo", roots->sys, id);
    g_autofree char *text = NULL;
    g_autoptr(GError) cause = NULL;
    guint64 sizes[4];
    static const char *const names[] = {"MemTotal", "MemFree", "Inactive(file)", "SReclaimable"};

    if (!g_file_get_contents(path, &text, NULL, &cause)) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                    "the pool is NUMA node %u, which this host does not have (%s); 'numactl "
                    "--hardware' shows its nodes",
                    id, cause->message);
        return FALSE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *name = g_strdup_printf("Node %u %s", id, names[i]);
        if (!vh_proc_find_kib(text, name, &sizes[i])) {
            g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL, "%s: no line '%s: ... kB'", path, name);
            return FALSE;
        }
    }
    *ret_node = (VhNode){.id = id,
                         .total_bytes = sizes[0],
                         .available_bytes = vh_add(vh_add(sizes[1], sizes[2]), sizes[3])};
    return TRUE;
}

static void read_pressure(const VhHostRoots *roots, const VhPoolConfig *pool,
                          VhPressure *ret_pressure)
{
    g_autofree char *path = g_build_filename(roots->proc, "pressure", "memory", NULL);

    if (pool->psi_some_bp || pool->psi_full_bp)
        ret_pressure->has_psi =
            vh_proc_read_pressure(path, &ret_pressure->psi_some_bp, &ret_pressure->psi_full_bp);
    if (pool->swap_out_bytes_per_s)
        ret_pressure->has_swap_out =
            vh_proc_read_swap_out(roots->proc, &ret_pressure->swap_out_bytes);
}

static gboolean read_group(const VhHostRoots *roots, const VhPoolConfig *pool, VhSnapshot *snapshot,
                           GError **error)
{
    if (!vh_cgroup_read(roots->cgroup, pool->cgroup ? pool->cgroup : "/", &snapshot->group,
                        &snapshot->pressure, error))
        return FALSE;
    snapshot->has_group = TRUE;
    return TRUE;
}

gboolean vh_host_read(const VhHostRoots *roots, const VhPoolConfig *pool, VhSnapshot *snapshot,
                      gboolean *ret_has_swap, GError **error)
{
    VhMeminfo meminfo;
    VhNode node;

    if (!vh_proc_read_meminfo(roots->proc, &meminfo, error))
        return FALSE;
    if (pool->source == VH_POOL_CGROUP) {
        if (!read_group(roots, pool, snapshot, error))
            return FALSE;
    } else {
        read_pressure(roots, pool, &snapshot->pressure);
    }
    if (pool->source == VH_POOL_NUMA) {
        if (!read_node(roots, pool->node, &node, error))
            return FALSE;
        g_array_append_val(snapshot->nodes, node);
    }
    snapshot->mem_total_bytes = meminfo.total_bytes;
    snapshot->mem_available_bytes = vh_add(meminfo.available_bytes, meminfo.per_cpu_bytes);
    snapshot->utc_offset_us = utc_offset_us(snapshot->wall_us);
    *ret_has_swap = meminfo.swap_total_bytes > 0;
    return TRUE;
}
