/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looks at domains. Owns the tier that each was last found to be of, and the threads that find it
 * out: a domain has one at most, which stays until libvirt lets go of it, so that one that hangs
 * costs one and no more. Must not know what libvirt told, or who listens.
 */
#include "vh-events-look.h"

#include "vh-libvirt.h"
#include "vh-probe.h"
#include "vh-ready.h"
#include "vh-reporting.h"
#include "vh-units.h"

/* libvirtd serves five calls of a connection at once: two remain for others. */
#define MAX_THREADS 3
#define BUSY_AGAIN_MS 2000
#define DRIVER_AGAIN_MS 5000
#define COMPLETE_MS 2000

struct VhLooks {
    int references;        /* atomic: threads hold one each */
    GMainContext *context; /* referenced */
    VhMonitorRule monitor;
    VhLooksFunc func;
    gpointer data;

    gboolean is_closed;
    GHashTable *entries; /* VhUuid -> Entry */
    GQueue waiting;      /* of Entry, borrowed: until a thread is free */
    guint n_threads;
};

/* One domain. */
typedef struct {
    VhLooks *looks; /* borrowed */
    VhUuid uuid;
    virDomainPtr domain; /* the last handle, referenced */
    gboolean has_tier;
    VhTier tier;
    gboolean wants_tier;
    gboolean is_waiting;
    gboolean is_looking;
    GQueue passes;  /* of VhEvent: to be completed */
    GSource *again; /* a look later; NULL: none */
    GSource *limit; /* of the first of `passes`; NULL: none */
} Entry;

/* One look, on a thread of its own. */
typedef struct {
    VhLooks *looks; /* referenced */
    VhUuid uuid;
    virDomainPtr domain; /* referenced */
    gboolean wants_tier, wants_pass;

    VhProbe probe;
    VhReportingInfo info;
    GError *probe_error; /* NULL: there is a probe, where one was wanted */
    gboolean has_info;
} Look;

static void unref_looks(VhLooks *looks)
{
    if (!g_atomic_int_dec_and_test(&looks->references))
        return;
    g_main_context_unref(looks->context);
    g_free(looks);
}

static void drop_source(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void entry_free(gpointer data)
{
    Entry *entry = data;

    drop_source(&entry->again);
    drop_source(&entry->limit);
    g_queue_clear_full(&entry->passes, g_free);
    virDomainFree(entry->domain);
    g_free(entry);
}

static void look_free(gpointer data)
{
    Look *look = data;

    virDomainFree(look->domain);
    g_clear_error(&look->probe_error);
    unref_looks(look->looks);
    g_free(look);
}

static gboolean on_looked(gpointer data);

static gpointer look_main(gpointer data)
{
    Look *look = data;
    g_autoptr(GSource) source = g_idle_source_new();
    GMainContext *context = g_main_context_ref(look->looks->context);

    if (vh_ready_is_occupied(look->domain))
        g_set_error_literal(&look->probe_error, VH_ERROR, VH_ERROR_BUSY, "its QEMU is busy");
    else {
        VhMonitorRule monitor = look->looks->monitor;

        look->has_info =
            look->wants_pass && vh_reporting_query(look->domain, monitor, &look->info, NULL);
        if (look->wants_tier)
            (void)!vh_probe_domain(look->domain, monitor, &look->probe, &look->probe_error);
    }
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_looked, look, look_free);
    g_source_attach(source, context);
    g_main_context_unref(context);
    return NULL;
}

/* Starts looks for those that wait, as many as may be under way. */
static void pump(VhLooks *looks)
{
    while (looks->n_threads < MAX_THREADS && !g_queue_is_empty(&looks->waiting)) {
        Entry *entry = g_queue_pop_head(&looks->waiting);
        Look *look = g_new0(Look, 1);

        g_atomic_int_inc(&looks->references);
        look->looks = looks;
        look->uuid = entry->uuid;
        look->domain = entry->domain;
        virDomainRef(entry->domain);
        look->wants_tier = entry->wants_tier;
        look->wants_pass = !g_queue_is_empty(&entry->passes);
        entry->wants_tier = FALSE;
        entry->is_waiting = FALSE;
        entry->is_looking = TRUE;
        looks->n_threads++;
        g_thread_unref(g_thread_new("vh-events", look_main, look));
    }
}

static void want(Entry *entry)
{
    if (!entry->is_waiting && !entry->is_looking) {
        entry->is_waiting = TRUE;
        g_queue_push_tail(&entry->looks->waiting, entry);
    }
    pump(entry->looks);
}

static gboolean on_again(gpointer data)
{
    Entry *entry = data;

    g_clear_pointer(&entry->again, g_source_unref);
    entry->wants_tier = TRUE;
    want(entry);
    return G_SOURCE_REMOVE;
}

static GSource *start_timer(Entry *entry, guint ms, GSourceFunc func)
{
    GSource *source = g_timeout_source_new(ms);

    g_source_set_callback(source, func, entry, NULL);
    g_source_attach(source, entry->looks->context);
    return source;
}

static void look_again_in(Entry *entry, guint ms)
{
    drop_source(&entry->again);
    entry->again = start_timer(entry, ms, on_again);
}

/* Callers hold a reference on `looks`, and do not touch the entry afterwards: who is told may free
 * all of it. */
static void tell_passes(Entry *entry, const VhReportingInfo *info)
{
    VhLooks *looks = entry->looks;
    g_autoptr(virDomain) domain = entry->domain;
    GQueue passes = entry->passes;
    VhEvent *event;

    virDomainRef(domain);
    drop_source(&entry->limit);
    g_queue_init(&entry->passes);
    while ((event = g_queue_pop_head(&passes))) {
        if (looks->is_closed) {
            g_free(event);
            continue;
        }
        event->has_details = info && info->has_pass && info->pass.id == event->pass.id &&
                             vh_pass_has_ended(info->pass.status);
        if (event->has_details)
            event->pass = info->pass;
        looks->func(event, domain, looks->data);
    }
}

static gboolean on_limit(gpointer data)
{
    Entry *entry = data;
    VhLooks *looks = entry->looks;

    g_atomic_int_inc(&looks->references);
    tell_passes(entry, NULL);
    unref_looks(looks);
    return G_SOURCE_REMOVE;
}

static void take_tier(Entry *entry, const VhProbe *probe)
{
    VhTier before = entry->tier;
    gboolean is_change = entry->has_tier && before != probe->tier;

    entry->has_tier = TRUE;
    entry->tier = probe->tier;
    /* A driver that takes up its work late tells nothing where it has no reporting. */
    if (entry->looks->monitor == VH_MONITOR_ALLOW && probe->has_passes &&
        (probe->reasons & VH_TIER_REASON_NO_DRIVER))
        look_again_in(entry, DRIVER_AGAIN_MS);
    if (!is_change)
        return;
    g_autoptr(virDomain) domain = entry->domain;
    VhEvent *event = g_new0(VhEvent, 1);

    virDomainRef(domain);
    event->kind = VH_EVENT_TIER_CHANGED;
    event->time_us = g_get_real_time();
    event->tier = probe->tier;
    event->tier_before = before;
    event->reasons = probe->reasons;
    entry->looks->func(event, domain, entry->looks->data);
}

static void take_look(VhLooks *looks, Entry *entry, const Look *look)
{
    gboolean is_gone = g_error_matches(look->probe_error, VH_ERROR, VH_ERROR_GONE);

    entry->is_looking = FALSE;
    if (g_error_matches(look->probe_error, VH_ERROR, VH_ERROR_BUSY) && look->wants_tier)
        look_again_in(entry, BUSY_AGAIN_MS);
    /* What came meanwhile is younger than this answer. */
    if (entry->wants_tier)
        want(entry);
    if (look->wants_pass || look->probe_error)
        tell_passes(entry, look->has_info ? &look->info : NULL);
    else if (!g_queue_is_empty(&entry->passes))
        want(entry);
    if (looks->is_closed)
        return;
    if (look->wants_tier && !look->probe_error)
        take_tier(entry, &look->probe);
    else if (is_gone && !entry->is_looking && !entry->is_waiting)
        g_hash_table_remove(looks->entries, &look->uuid);
}

static gboolean on_looked(gpointer data)
{
    Look *look = data;
    VhLooks *looks = look->looks;
    Entry *entry;

    looks->n_threads--;
    if (looks->is_closed)
        return G_SOURCE_REMOVE;
    entry = g_hash_table_lookup(looks->entries, &look->uuid);
    if (entry)
        take_look(looks, entry, look);
    if (!looks->is_closed)
        pump(looks);
    return G_SOURCE_REMOVE;
}

VhLooks *vh_looks_new(GMainContext *context, VhMonitorRule monitor, VhLooksFunc func, gpointer data)
{
    VhLooks *looks = g_new0(VhLooks, 1);

    looks->references = 1;
    looks->context = g_main_context_ref(context);
    looks->monitor = monitor;
    looks->func = func;
    looks->data = data;
    looks->entries = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, NULL, entry_free);
    g_queue_init(&looks->waiting);
    return looks;
}

/* The handle that came last has the id that the domain has now. */
static Entry *entry_of(VhLooks *looks, virDomainPtr domain)
{
    VhUuid uuid = vh_libvirt_uuid(domain);
    Entry *entry = g_hash_table_lookup(looks->entries, &uuid);

    virDomainRef(domain);
    if (entry) {
        virDomainFree(entry->domain);
        entry->domain = domain;
        return entry;
    }
    entry = g_new0(Entry, 1);
    entry->looks = looks;
    entry->uuid = uuid;
    entry->domain = domain;
    g_queue_init(&entry->passes);
    g_hash_table_insert(looks->entries, &entry->uuid, entry);
    return entry;
}

void vh_looks_see_tier(VhLooks *looks, virDomainPtr domain)
{
    Entry *entry = entry_of(looks, domain);

    drop_source(&entry->again);
    entry->wants_tier = TRUE;
    want(entry);
}

void vh_looks_complete(VhLooks *looks, virDomainPtr domain, VhEvent *event)
{
    Entry *entry = entry_of(looks, domain);

    g_queue_push_tail(&entry->passes, event);
    if (!entry->limit)
        entry->limit = start_timer(entry, COMPLETE_MS, on_limit);
    want(entry);
}

gboolean vh_looks_are_done(const VhLooks *looks)
{
    return !looks || (looks->n_threads == 0 && looks->waiting.length == 0);
}

void vh_looks_free(VhLooks *looks)
{
    if (!looks)
        return;
    looks->is_closed = TRUE;
    g_queue_clear(&looks->waiting);
    g_hash_table_unref(looks->entries);
    unref_looks(looks);
}
