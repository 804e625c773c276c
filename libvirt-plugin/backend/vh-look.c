/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread goes from domain to domain. The caller watches it: where it stays with one for too long,
 * that one hangs, the thread is left to itself, and another goes on with the next.
 */
#include "vh-look.h"

#include "vh-job.h"
#include "vh-metadata.h"
#include "vh-ready.h"
#include "vh-units.h"

#include <string.h>

#define DEADLINE_US (1 * VH_SEC)
#define STATIC_DEADLINE_US (10 * VH_SEC) /* of what libvirt answers by itself */
#define LIST_DEADLINE_US (10 * VH_SEC)
#define WATCH_US (50 * VH_MS)
#define THREADS_MAX 8 /* beyond that, QEMUs are not asked */

typedef struct {
    int references; /* atomic: the caller and each thread */
    GMutex mutex;
    GPtrArray *seen;
    guint next;
    guint turn;       /* the thread that counts */
    gint64 since_us;  /* it has been with the domain before `next` since then; 0: with none */
    gboolean is_live; /* ... whose QEMU it has asked */
    gboolean is_over; /* all have been looked at */
    GMainContext *context;
    GThread *thread; /* that counts; of the caller alone */
} Look;

typedef struct {
    Look *look;
    guint turn;
} Walk;

void vh_seen_free(VhSeen *seen)
{
    if (seen == NULL)
        return;
    if (seen->domain != NULL)
        virDomainFree(seen->domain);
    g_free(seen->name);
    g_free(seen->override_error);
    g_free(seen);
}

static void look_unref(Look *look)
{
    if (!g_atomic_int_dec_and_test(&look->references))
        return;
    g_main_context_unref(look->context);
    g_mutex_clear(&look->mutex);
    g_free(look);
}

static VhSeen *seen_new(virDomainPtr domain)
{
    VhSeen *seen = g_new0(VhSeen, 1);
    unsigned int id = virDomainGetID(domain);

    virDomainRef(domain);
    seen->domain = domain;
    seen->uuid = vh_libvirt_uuid(domain);
    seen->name = g_strdup(virDomainGetName(domain));
    seen->id = id == (unsigned int)-1 ? -1 : (int)id;
    seen->is_active = seen->id >= 0;
    return seen;
}

/* What libvirt knows by itself. */
static void read_static(virDomainPtr domain, VhSeen *seen)
{
    g_autoptr(GError) error = NULL;
    char *xml = virDomainGetXMLDesc(domain, 0);
    int state;

    if (xml != NULL)
        seen->has_probe = vh_probe_parse(xml, &seen->probe, NULL);
    free(xml);
    if (virDomainGetState(domain, &state, NULL, 0) == 0)
        seen->stats.state = state;
    if (!vh_metadata_get_override(domain, VH_METADATA_CURRENT, &seen->override, &error))
        seen->override_error = g_strdup(error->message);
    if (!seen->is_active || !vh_in_flight_get(domain, &seen->record, &seen->has_record, NULL))
        return;
    seen->is_interrupted =
        seen->has_record && !vh_in_flight_is_live(&seen->record, g_get_real_time());
}

/* What QEMU has to say. */
static void read_live(virDomainPtr domain, VhSeen *seen)
{
    g_autoptr(GError) error = NULL;

    seen->has_stats = vh_stats_read(domain, &seen->stats, NULL);
    if (seen->has_stats && seen->has_probe)
        vh_probe_apply_stats(&seen->probe, &seen->stats, 0, g_get_real_time());
    /* the destination of a migration has one, too, though libvirt cannot tell of it there */
    seen->has_job = seen->is_active && !vh_ready_check_job(domain, &error) &&
                    g_error_matches(error, VH_ERROR, VH_ERROR_BUSY);
}

static VhSeen *seen_copy(const VhSeen *seen)
{
    VhSeen *copy = g_memdup2(seen, sizeof *seen);

    virDomainRef(copy->domain);
    copy->name = g_strdup(seen->name);
    copy->override_error = g_strdup(seen->override_error);
    return copy;
}

/* Puts in a copy of what was found out. FALSE where this thread does not count any more. */
static gboolean put(const Walk *walk, guint index, const VhSeen *seen)
{
    Look *look = walk->look;

    g_mutex_lock(&look->mutex);
    gboolean counts = look->turn == walk->turn;
    if (counts) {
        vh_seen_free(look->seen->pdata[index]);
        look->seen->pdata[index] = seen_copy(seen);
    }
    g_mutex_unlock(&look->mutex);
    return counts;
}

/* From now on it is QEMU that is waited for, for a fresh while. */
static void enter_live(const Walk *walk)
{
    Look *look = walk->look;

    g_mutex_lock(&look->mutex);
    if (look->turn == walk->turn) {
        look->is_live = TRUE;
        look->since_us = g_get_monotonic_time();
    }
    g_mutex_unlock(&look->mutex);
}

/* By the given handle, which may be of another connection than that in `seen`. */
static void look_at(const Walk *walk, guint index, virDomainPtr domain, VhSeen *seen)
{
    read_static(domain, seen);
    if (!put(walk, index, seen))
        return;
    if (seen->is_active && vh_ready_is_occupied(domain)) {
        seen->is_hung = TRUE;
    } else if (walk->turn < THREADS_MAX || !seen->is_active) {
        enter_live(walk);
        read_live(domain, seen);
    }
    put(walk, index, seen);
}

/* A copy of the next domain; NULL where there is none for this thread. */
static VhSeen *take_next(const Walk *walk, guint *ret_index)
{
    Look *look = walk->look;
    VhSeen *next = NULL;

    g_mutex_lock(&look->mutex);
    if (look->turn == walk->turn && look->next < look->seen->len) {
        *ret_index = look->next++;
        next = seen_copy(look->seen->pdata[*ret_index]);
        look->since_us = g_get_monotonic_time();
        look->is_live = FALSE;
    } else if (look->turn == walk->turn) {
        look->is_over = TRUE;
    }
    g_mutex_unlock(&look->mutex);
    return next;
}

/*
 * Where a call waits on a connection, answers to others on it may be seen late: 5 s were measured
 * with libvirt 9.0, until its keepalive looked again. So that what follows has one of its own; NULL
 * where that is not to be had, and the shared one must do.
 */
static virConnectPtr open_again(virDomainPtr domain)
{
    char *uri = virConnectGetURI(virDomainGetConnect(domain));
    virConnectPtr own = uri != NULL ? vh_libvirt_open(uri, TRUE, NULL) : NULL;

    free(uri);
    return own;
}

static gpointer walk_main(gpointer data)
{
    Walk *walk = data;
    g_autoptr(virConnect) own = NULL;
    VhSeen *seen;
    guint index;

    while ((seen = take_next(walk, &index)) != NULL) {
        if (walk->turn > 0 && own == NULL)
            own = open_again(seen->domain);
        g_autoptr(virDomain) handle =
            own != NULL ? virDomainLookupByUUID(own, seen->uuid.bytes) : NULL;
        look_at(walk, index, handle != NULL ? handle : seen->domain, seen);
        vh_seen_free(seen);
    }
    g_main_context_wakeup(walk->look->context);
    look_unref(walk->look);
    g_free(walk);
    return NULL;
}

/* A thread that counts from now on. */
static void start_walk(Look *look)
{
    Walk *walk = g_new0(Walk, 1);

    g_atomic_int_inc(&look->references);
    walk->look = look;
    walk->turn = look->turn;
    g_clear_pointer(&look->thread, g_thread_unref); /* the one that is stuck */
    look->thread = g_thread_new("vh-look", walk_main, walk);
}

/* Whether all have been looked at. A domain that has been held on to for too long hangs. */
static gboolean check(Look *look)
{
    gint64 now_us = g_get_monotonic_time();
    gboolean has_stuck = FALSE;

    g_mutex_lock(&look->mutex);
    gboolean is_over = look->is_over;
    gint64 deadline_us = look->is_live ? DEADLINE_US : STATIC_DEADLINE_US;
    if (!is_over && look->since_us != 0 && now_us - look->since_us > deadline_us) {
        VhSeen *held = look->seen->pdata[look->next - 1];
        held->is_hung = look->is_live; /* else libvirt is slow, and QEMU not to blame */
        look->turn++;
        look->since_us = 0;
        has_stuck = TRUE;
    }
    g_mutex_unlock(&look->mutex);
    if (has_stuck)
        start_walk(look);
    return is_over;
}

static Look *look_new(GPtrArray *seen)
{
    Look *look = g_new0(Look, 1);

    look->references = 1;
    g_mutex_init(&look->mutex);
    look->seen = g_ptr_array_ref(seen);
    look->context = g_main_context_ref_thread_default();
    return look;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    const VhSeen *const *first = a, *const *second = b;
    return g_strcmp0((*first)->name, (*second)->name);
}

static gpointer list_domains(gpointer data, GError **error)
{
    g_autoptr(GPtrArray) seen = g_ptr_array_new_with_free_func((GDestroyNotify)vh_seen_free);
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(data, &domains, 0);

    if (n < 0) {
        vh_libvirt_set_error(error, NULL);
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        g_ptr_array_add(seen, seen_new(domains[i]));
        virDomainFree(domains[i]);
    }
    free(domains);
    g_ptr_array_sort(seen, by_name);
    return g_steal_pointer(&seen);
}

static void close_connection(gpointer connection)
{
    virConnectClose(connection);
}

static GPtrArray *find_all(virConnectPtr connection, GCancellable *cancel, GError **error)
{
    if (virConnectRef(connection) < 0) {
        vh_libvirt_set_error(error, NULL);
        return NULL;
    }
    return vh_job_run(list_domains, connection, close_connection, (GDestroyNotify)g_ptr_array_unref,
                      LIST_DEADLINE_US, cancel, error);
}

GPtrArray *vh_look(virConnectPtr connection, virDomainPtr only, GCancellable *cancel,
                   GError **error)
{
    g_autoptr(GPtrArray) seen = NULL;

    if (only != NULL) {
        seen = g_ptr_array_new_with_free_func((GDestroyNotify)vh_seen_free);
        g_ptr_array_add(seen, seen_new(only));
    } else {
        seen = find_all(connection, cancel, error);
    }
    if (seen == NULL)
        return NULL;
    Look *look = look_new(seen);
    start_walk(look);
    gboolean is_over;
    while (!(is_over = check(look)) && !g_cancellable_is_cancelled(cancel))
        vh_job_iterate(g_get_monotonic_time() + WATCH_US, cancel);
    if (is_over)
        g_thread_join(g_steal_pointer(&look->thread));
    g_clear_pointer(&look->thread, g_thread_unref);
    g_mutex_lock(&look->mutex);
    look->turn++; /* whoever is still at it puts in nothing any more... */
    g_clear_pointer(&look->seen, g_ptr_array_unref); /* ... and keeps none of the handles */
    g_mutex_unlock(&look->mutex);
    look_unref(look);
    if (g_cancellable_set_error_if_cancelled(cancel, error))
        return NULL;
    return g_steal_pointer(&seen);
}
