/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From watch views and /proc to a snapshot. */
#include "vh-source-libvirt.h"
#include "vh-host.h"
#include "vh-proc.h"
#include "vh-xpath-cache.h"

#include <string.h>

/* Looking for QEMU processes reads every command line of the host: no more often than this. */
#define FIND_INTERVAL_US (30 * VH_SEC)

/* So is adding up what is swapped out of shared memory: no more often for one guest, and for one
 * guest at a time. */
#define SHARED_INTERVAL_US (30 * VH_SEC)

/* The QEMU process of a guest. */
typedef struct {
    pid_t pid;
    gint64 swapped_us; /* when what follows was read, of shared memory; 0: never */
    guint64 swapped_bytes;
} Qemu;

typedef struct {
    VhSource source; /* first: what the cycle sees */
    GPtrArray *watches;
    char *proc_root;
    char *sys_root;
    char *cgroup_root;
    GHashTable *qemus; /* VhUuid to Qemu; NULL: never looked */
    gint64 found_us;
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

static void find_qemus(LibvirtSource *source)
{
    g_autoptr(GHashTable) pids = vh_proc_find_qemus(source->proc_root);
    GHashTable *qemus = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, g_free);
    GHashTableIter iter;
    gpointer uuid, pid;

    g_hash_table_iter_init(&iter, pids);
    while (g_hash_table_iter_next(&iter, &uuid, &pid)) {
        const Qemu *before = source->qemus ? g_hash_table_lookup(source->qemus, uuid) : NULL;
        Qemu qemu = {.pid = GPOINTER_TO_INT(pid)};
        if (before && before->pid == qemu.pid)
            qemu = *before;
        g_hash_table_insert(qemus, g_memdup2(uuid, sizeof(VhUuid)), g_memdup2(&qemu, sizeof(qemu)));
    }
    g_clear_pointer(&source->qemus, g_hash_table_unref);
    source->qemus = qemus;
}

static Qemu *qemu_of(LibvirtSource *source, const VhUuid *uuid, gint64 now_us)
{
    Qemu *qemu = source->qemus ? g_hash_table_lookup(source->qemus, uuid) : NULL;

    if (qemu || (source->qemus && now_us - source->found_us < FIND_INTERVAL_US))
        return qemu;
    find_qemus(source);
    source->found_us = now_us;
    return g_hash_table_lookup(source->qemus, uuid);
}

/* Whether the guests of a connection are processes of this host: it names no other one. */
static gboolean is_local(const char *uri)
{
    return uri[0] == '\0' || strstr(uri, ":///");
}

/* FALSE where the process is gone. */
static gboolean read_private(const LibvirtSource *source, const Qemu *qemu, VhDomain *domain)
{
    if (!vh_proc_read_swapped(source->proc_root, qemu->pid, &domain->swapped_bytes))
        return FALSE;
    domain->figures |= VH_HAS_SWAPPED;
    return TRUE;
}

/* FALSE where the process is gone. *may_read: nobody else was read in this turn. */
static gboolean read_shared(const LibvirtSource *source, gint64 now_us, Qemu *qemu,
                            VhDomain *domain, gboolean *may_read)
{
    /* the walk takes a lock that a QEMU which hangs may hold */
    if (*may_read && !domain->is_hung &&
        (qemu->swapped_us == 0 || now_us - qemu->swapped_us >= SHARED_INTERVAL_US)) {
        *may_read = FALSE;
        if (!vh_proc_read_swapped_shared(source->proc_root, qemu->pid, &qemu->swapped_bytes))
            return FALSE;
        qemu->swapped_us = now_us;
    }
    if (qemu->swapped_us != 0) {
        domain->swapped_bytes = qemu->swapped_bytes;
        domain->figures |= VH_HAS_SWAPPED;
    }
    return TRUE;
}

/*
 * S is known where the host has no swap, or the QEMU process can be looked at. Not of memory that
 * is a named file: on a disk's file system it goes back to the file, which no counter tells.
 */
static void add_swapped(LibvirtSource *source, VhSnapshot *snapshot, gboolean host_has_swap)
{
    gboolean may_read = TRUE;

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        VhDomain *domain = &g_array_index(snapshot->domains, VhDomain, i);
        gboolean is_shared = (domain->facts & VH_FACT_SHARED_MEMORY) != 0;

        if (!is_local(domain->uri) ||
            (is_shared && domain->tier_reasons & VH_TIER_REASON_FILE_BACKED))
            continue;
        if (!host_has_swap) {
            domain->figures |= VH_HAS_SWAPPED;
            continue;
        }
        Qemu *qemu = domain->is_running ? qemu_of(source, &domain->uuid, snapshot->now_us) : NULL;
        if (!qemu)
            continue;
        gboolean is_there = is_shared
                                ? read_shared(source, snapshot->now_us, qemu, domain, &may_read)
                                : read_private(source, qemu, domain);
        if (!is_there)
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
    add_swapped(source, snapshot, has_swap);
    return TRUE;
}

VhSource *vh_source_libvirt_new(GPtrArray *watches, const VhHostRoots *roots)
{
    LibvirtSource *source = g_new0(LibvirtSource, 1);

    source->source.read = read_snapshot;
    source->watches = watches;
    source->proc_root = g_strdup(roots->proc);
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
    g_clear_pointer(&source->qemus, g_hash_table_unref);
    vh_xpath_cache_free(source->xpaths);
    g_free(source->proc_root);
    g_free(source->sys_root);
    g_free(source->cgroup_root);
    g_free(source);
}
