/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From watch views and /proc to a snapshot. */
#include "vh-source-libvirt.h"
#include "vh-host.h"
#include "vh-swapped.h"
#include "vh-xpath-cache.h"

#include <string.h>

typedef struct {
    VhSource source; /* first: what the cycle sees */
    GPtrArray *watches;
    gboolean needs_connection;
    char *proc_root;
    char *sys_root;
    char *cgroup_root;
    VhSwapped *swapped;
    VhXPathCache *xpaths;
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
    domain->minor_faults = stats->minor_faults;
    domain->major_faults = stats->major_faults;
    domain->swap_in_bytes = stats->swap_in_bytes;
    domain->stats_time_us = stats->last_update_us;
}

static void copy_probe(const VhProbe *probe, VhDomain *domain)
{
    domain->tier = probe->tier;
    domain->tier_reasons = probe->reasons;
    domain->has_autodeflate = probe->has_autodeflate;
    domain->stats_period_us = probe->stats_period_us;
    domain->facts = probe->facts;
    domain->node_mask = probe->node_mask;
    domain->n_vcpus = probe->n_vcpus;
    if (probe->n_vcpus > 0)
        domain->figures |= VH_HAS_VCPUS;
}

static VhReports reports_of(const VhWatchDomain *seen)
{
    if (!seen->knows_reporting)
        return VH_REPORTS_UNKNOWN;
    return seen->is_reporting ? VH_REPORTS_ON : VH_REPORTS_OFF;
}

static void add_domain(LibvirtSource *source, VhSnapshot *snapshot, const char *uri,
                       const VhWatchDomain *seen)
{
    VhDomain *domain = vh_snapshot_add_domain(snapshot, &seen->uuid, uri, seen->name);
    VhXPathBits xpaths = vh_xpath_cache_get(source->xpaths, seen->xml);

    domain->id = seen->id;
    domain->is_running = seen->stats.state == VIR_DOMAIN_RUNNING;
    domain->is_hung = seen->is_hung;
    domain->has_job = seen->has_job;
    domain->is_recovering = seen->has_in_flight;
    domain->reports = reports_of(seen);
    domain->override = seen->override;
    domain->xpath_hits = xpaths.hits;
    domain->xpath_unknown = xpaths.unknown;
    copy_figures(&seen->stats, domain);
    copy_probe(&seen->probe, domain);
}

static void add_watch(LibvirtSource *source, VhSnapshot *snapshot, VhWatch *watch)
{
    g_autoptr(VhWatchView) view = vh_watch_get_view(watch);
    guint n = 0;
    const VhWatchDomain *domains = view ? vh_watch_view_domains(view, &n) : NULL;

    for (guint i = 0; i < n; i++)
        add_domain(source, snapshot, vh_watch_uri(watch), &domains[i]);
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
    if (!source->needs_connection)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "not connected to libvirt: %s",
                message ? message : "still connecting");
    return FALSE;
}

static gboolean read_snapshot(VhSource *base, const VhConfig *config, VhSnapshot *snapshot,
                              GError **error)
{
    LibvirtSource *source = (LibvirtSource *)base;
    const VhHostRoots roots = {source->proc_root, source->sys_root, source->cgroup_root};
    gboolean has_swap;

    snapshot->now_us = g_get_monotonic_time();
    snapshot->wall_us = g_get_real_time();
    if (!check_connected(source, error) ||
        !vh_host_read(&roots, &config->pool, snapshot, &has_swap, error))
        return FALSE;
    vh_xpath_cache_begin(source->xpaths, config);
    for (guint i = 0; i < source->watches->len; i++)
        add_watch(source, snapshot, source->watches->pdata[i]);
    vh_xpath_cache_end(source->xpaths);
    vh_swapped_fill(source->swapped, snapshot, has_swap);
    return TRUE;
}

VhSource *vh_source_libvirt_new(GPtrArray *watches, const VhHostRoots *roots,
                                gboolean needs_connection)
{
    LibvirtSource *source = g_new0(LibvirtSource, 1);

    source->source.read = read_snapshot;
    source->watches = watches;
    source->needs_connection = needs_connection;
    source->proc_root = g_strdup(roots->proc);
    source->swapped = vh_swapped_new(roots->proc);
    source->sys_root = g_strdup(roots->sys);
    source->cgroup_root = g_strdup(roots->cgroup);
    source->xpaths = vh_xpath_cache_new();
    return &source->source;
}

void vh_source_libvirt_free(VhSource *base)
{
    LibvirtSource *source = (LibvirtSource *)base;

    if (!source)
        return;
    vh_swapped_free(source->swapped);
    vh_xpath_cache_free(source->xpaths);
    g_free(source->proc_root);
    g_free(source->sys_root);
    g_free(source->cgroup_root);
    g_free(source);
}
