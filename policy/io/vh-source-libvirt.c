/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From watch views and /proc to a snapshot. */
#include "vh-source-libvirt.h"
#include "vh-proc.h"

#include <string.h>

/* Looking for QEMU processes reads every command line of the host: no more often than this. */
#define FIND_INTERVAL_US (30 * VH_SEC)

typedef struct {
    VhSource source; /* first: what the cycle sees */
    GPtrArray *watches;
    char *proc_root;
    GHashTable *qemus; /* VhUuid to pid; NULL: never looked */
    gint64 found_us;
} LibvirtSource;

static void copy_figures(const VhStats *stats, VhDomain *domain)
{
    domain->figures = stats->figures;
    domain->current_bytes = stats->current_bytes;
    domain->maximum_bytes = stats->maximum_bytes;
    domain->unused_bytes = stats->unused_bytes;
    domain->available_bytes = stats->available_bytes;
    domain->usable_bytes = stats->usable_bytes;
    domain->caches_bytes = stats->caches_bytes;
    domain->rss_bytes = stats->rss_bytes;
    domain->cpu_time_us = stats->cpu_time_us;
    domain->stats_time_us = stats->last_update_us;
}

static void add_domain(VhSnapshot *snapshot, const char *uri, const VhWatchDomain *seen)
{
    VhDomain *domain = vh_snapshot_add_domain(snapshot, &seen->uuid, uri, seen->name);

    domain->id = seen->id;
    domain->is_running = seen->stats.state == VIR_DOMAIN_RUNNING;
    domain->is_hung = seen->is_hung;
    domain->has_job = seen->has_job;
    domain->is_recovering = seen->has_in_flight;
    domain->tier = seen->probe.tier;
    domain->tier_reasons = seen->probe.reasons;
    domain->has_autodeflate = seen->probe.has_autodeflate;
    domain->stats_period_us = seen->probe.stats_period_us;
    domain->override = seen->override;
    copy_figures(&seen->stats, domain);
}

static void add_watch(VhSnapshot *snapshot, VhWatch *watch)
{
    g_autoptr(VhWatchView) view = vh_watch_get_view(watch);
    guint n = 0;
    const VhWatchDomain *domains = view ? vh_watch_view_domains(view, &n) : NULL;

    for (guint i = 0; i < n; i++)
        add_domain(snapshot, vh_watch_uri(watch), &domains[i]);
}

static gboolean pid_of(LibvirtSource *source, const VhUuid *uuid, gint64 now_us, pid_t *ret_pid)
{
    gpointer pid;

    if (source->qemus && g_hash_table_lookup_extended(source->qemus, uuid, NULL, &pid)) {
        *ret_pid = GPOINTER_TO_INT(pid);
        return TRUE;
    }
    if (source->qemus && now_us - source->found_us < FIND_INTERVAL_US)
        return FALSE;
    g_clear_pointer(&source->qemus, g_hash_table_unref);
    source->qemus = vh_proc_find_qemus(source->proc_root);
    source->found_us = now_us;
    return pid_of(source, uuid, now_us, ret_pid);
}

/* Whether the guests of a connection are processes of this host: it names no other one. */
static gboolean is_local(const char *uri)
{
    return uri[0] == '\0' || strstr(uri, ":///");
}

/* S is known where the host has no swap, or the QEMU process can be looked at. */
static void add_swapped(LibvirtSource *source, VhSnapshot *snapshot, gboolean host_has_swap)
{
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        VhDomain *domain = &g_array_index(snapshot->domains, VhDomain, i);
        pid_t pid;

        if (!is_local(domain->uri))
            continue;
        if (!host_has_swap) {
            domain->figures |= VH_HAS_SWAPPED;
            continue;
        }
        if (!domain->is_running || !pid_of(source, &domain->uuid, snapshot->now_us, &pid))
            continue;
        if (vh_proc_read_swapped(source->proc_root, pid, &domain->swapped_bytes))
            domain->figures |= VH_HAS_SWAPPED;
        else
            g_hash_table_remove(source->qemus, &domain->uuid);
    }
}

/* One connection that is there is enough; none is an error that names the reason. */
static gboolean check_connected(const LibvirtSource *source, GError **error)
{
    const char *message = NULL;

    for (guint i = 0; i < source->watches->len; i++) {
        VhWatch *watch = source->watches->pdata[i];
        if (vh_watch_is_connected(watch))
            return TRUE;
        message = vh_watch_error(watch) ? vh_watch_error(watch) : message;
    }
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "not connected to libvirt: %s",
                message ? message : "still connecting");
    return FALSE;
}

static gboolean read_snapshot(VhSource *base, const VhConfig *config, VhSnapshot *snapshot,
                              GError **error)
{
    LibvirtSource *source = (LibvirtSource *)base;
    VhMeminfo meminfo;

    if (!check_connected(source, error) ||
        !vh_proc_read_meminfo(source->proc_root, &meminfo, error))
        return FALSE;
    snapshot->now_us = g_get_monotonic_time();
    snapshot->wall_us = g_get_real_time();
    snapshot->mem_total_bytes = meminfo.total_bytes;
    snapshot->mem_available_bytes = vh_add(meminfo.available_bytes, meminfo.per_cpu_bytes);
    for (guint i = 0; i < source->watches->len; i++)
        add_watch(snapshot, source->watches->pdata[i]);
    add_swapped(source, snapshot, meminfo.swap_total_bytes > 0);
    return TRUE;
}

VhSource *vh_source_libvirt_new(GPtrArray *watches, const char *proc_root)
{
    LibvirtSource *source = g_new0(LibvirtSource, 1);

    source->source.read = read_snapshot;
    source->watches = watches;
    source->proc_root = g_strdup(proc_root);
    return &source->source;
}

void vh_source_libvirt_free(VhSource *base)
{
    LibvirtSource *source = (LibvirtSource *)base;

    if (!source)
        return;
    g_clear_pointer(&source->qemus, g_hash_table_unref);
    g_free(source->proc_root);
    g_free(source);
}
