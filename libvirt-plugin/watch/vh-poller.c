/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread that polls, and may be left behind. Owns a connection that nothing else uses and the
 * order of calls in a poll; must not know about time limits or quarantine rules.
 */
#include "vh-poller.h"

#include "vh-metadata.h"
#include "vh-poll-thread.h"
#include "vh-ready.h"
#include "vh-reporting.h"
#include "vh-units.h"

#include <stdlib.h>

/* A monitor answers within milliseconds; one that has been busy with the same command for longer
 * than this is not answering. */

struct VhPoller {
    int references; /* atomic: the watch and the thread */
    VhSocket *socket;
    char *uri;
    gboolean read_only;
    VhPort *port;
    VhPortFunc ended;

    GMutex mutex;
    GCond changed;
    VhPoll *next;
    gboolean is_abandoned;
};

/* What one poll works with; the thread's alone. */
typedef struct {
    VhPoll *poll;
    virConnectPtr connection;
    gboolean read_only;
    virDomainPtr *domains; /* NULL-terminated, owned */
    gboolean *arrives;     /* of each: it is on its way here, and was put in as that */
    int n;
} Work;

static void poller_unref(VhPoller *poller)
{
    if (!g_atomic_int_dec_and_test(&poller->references))
        return;
    if (poller->next)
        vh_poll_unref(poller->next);
    g_mutex_clear(&poller->mutex);
    g_cond_clear(&poller->changed);
    vh_port_unref(poller->port);
    vh_socket_unref(poller->socket);
    g_free(poller->uri);
    g_free(poller);
}

static const VhPollItem *item_of(const Work *work, virDomainPtr domain)
{
    VhUuid uuid = vh_libvirt_uuid(domain);

    return g_hash_table_lookup(work->poll->items, &uuid);
}

static gboolean is_active(virDomainPtr domain)
{
    return virDomainGetID(domain) != (unsigned int)-1;
}

static gboolean is_quarantined(const Work *work, virDomainPtr domain)
{
    const VhPollItem *item = item_of(work, domain);

    return item && item->is_quarantined && is_active(domain);
}

/*
 * Whether a migration is bringing it here: it is paused for one, of which the source alone can tell
 * how far it is. What is asked of such a domain waits till it has arrived, which can take hours,
 * and holds up one of our threads and of libvirtd's. One more question, to those that are new or
 * that hang.
 */
static gboolean is_arriving(const Work *work, virDomainPtr domain)
{
    const VhPollItem *item = item_of(work, domain);
    int state = VIR_DOMAIN_NOSTATE, reason = 0;
    virDomainJobInfo job;

    if (!is_active(domain) || (item && item->is_known && !item->is_quarantined) ||
        virDomainGetState(domain, &state, &reason, 0) < 0)
        return FALSE;
    return state == VIR_DOMAIN_PAUSED &&
           (reason == VIR_DOMAIN_PAUSED_MIGRATION || reason == VIR_DOMAIN_PAUSED_STARTING_UP) &&
           virDomainGetJobInfo(domain, &job) < 0 &&
           virGetLastErrorCode() == VIR_ERR_OPERATION_UNSUPPORTED;
}

static void read_record(virDomainPtr domain, VhPollFound *found)
{
    g_autoptr(GError) error = NULL;

    if (!vh_in_flight_get(domain, &found->record, &found->has_record, &error) &&
        error->code == VH_ERROR_PROTOCOL)
        found->record_error = g_strdup(error->message);
}

static void set_period(const Work *work, virDomainPtr domain, VhPollFound *found)
{
    gint64 period_s = MAX(work->poll->stats_period_us / VH_SEC, 1);

    if (work->read_only || work->poll->stats_period_us == 0 || found->probe.stats_period_us > 0 ||
        !found->probe.has_balloon || found->stats.state == VIR_DOMAIN_SHUTOFF)
        return;
    /* what one that was given up does, nobody would hear of */
    if (!vh_poll_is_wanted(work->poll))
        return;
    if (virDomainSetMemoryStatsPeriod(domain, (int)MIN(period_s, G_MAXINT),
                                      VIR_DOMAIN_AFFECT_LIVE) < 0)
        return;
    found->probe.stats_period_us = period_s * VH_SEC;
    found->period_was_set = TRUE;
}

/* FALSE where the domain went away meanwhile, or does not tell; it is new in the next poll then. */
static gboolean read_static(const Work *work, virDomainPtr domain, VhPollFound *found)
{
    g_autoptr(GError) error = NULL;
    char *xml = virDomainGetXMLDesc(domain, 0);
    gboolean parsed;

    if (!xml)
        return FALSE;
    parsed = vh_probe_parse(xml, &found->probe, NULL);
    if (parsed && work->poll->keeps_xml)
        found->xml = g_ref_string_new(xml);
    free(xml);
    if (!parsed)
        return FALSE;
    if (!vh_metadata_get_override(domain, VH_METADATA_CURRENT, &found->override, &error)) {
        if (error->code != VH_ERROR_INVALID)
            return FALSE;
        found->override_error = g_strdup(error->message);
    }
    if (is_active(domain)) {
        read_record(domain, found);
        if (!found->is_hung)
            set_period(work, domain, found);
    }
    found->has_static = TRUE;
    return TRUE;
}

/* Whether its QEMU is to be asked: where the domain's XML says that it knows the question, and no
 * other is tainted. */
static gboolean is_to_tell(const Work *work, virDomainPtr domain, const VhPollItem *item,
                           const VhPollFound *found)
{
    if (work->poll->monitor != VH_MONITOR_ALLOW || work->read_only || !is_active(domain))
        return FALSE;
    return found->has_static ? found->probe.has_passes : item && item->is_due;
}

static void read_reporting(const Work *work, virDomainPtr domain, VhPollFound *found)
{
    g_autoptr(GError) error = NULL;

    if (vh_reporting_query(domain, work->poll->monitor, &found->reporting, &error)) {
        found->told = VH_POLL_TOLD;
        return;
    }
    found->told = error->code == VH_ERROR_UNSUPPORTED ? VH_POLL_STOCK : VH_POLL_NO_ANSWER;
    found->told_error = g_strdup(error->message);
}

static gboolean has_job(virDomainPtr domain)
{
    g_autoptr(GError) error = NULL;

    return is_active(domain) && !vh_ready_check_job(domain, &error) && error->code == VH_ERROR_BUSY;
}

static gboolean item_is_known(const Work *work, virDomainPtr domain)
{
    const VhPollItem *item = item_of(work, domain);

    return item && item->is_known;
}

/* All but the figures, then puts it in. */
static void complete(const Work *work, virDomainPtr domain, const VhStats *stats,
                     gboolean is_returning)
{
    const VhPollItem *item = item_of(work, domain);
    VhPollFound *found = g_new0(VhPollFound, 1);

    found->uuid = vh_libvirt_uuid(domain);
    found->stats = *stats;
    vh_poll_enter(work->poll, &found->uuid, is_returning);
    if (!item_is_known(work, domain))
        (void)read_static(work, domain, found);
    found->has_job = has_job(domain);
    if (is_to_tell(work, domain, item, found))
        read_reporting(work, domain, found);
    vh_poll_put_found(work->poll, found);
}

static void ask_one(const Work *work, virDomainPtr domain, gboolean is_returning)
{
    VhUuid uuid = vh_libvirt_uuid(domain);
    VhStats stats;

    vh_poll_enter(work->poll, &uuid, is_returning);
    if (vh_stats_read(domain, &stats, NULL))
        complete(work, domain, &stats, is_returning);
}

static void put_hung(const Work *work, virDomainPtr domain, gboolean is_arriving)
{
    VhPollFound *found = g_new0(VhPollFound, 1);

    found->uuid = vh_libvirt_uuid(domain);
    found->is_hung = TRUE;
    found->is_arriving = is_arriving;
    /* One that hung before anybody saw it is shown as what libvirt alone knows of it. */
    if (!is_arriving && !item_is_known(work, domain))
        (void)read_static(work, domain, found);
    vh_poll_put_found(work->poll, found);
}

static void set_arriving_aside(Work *work)
{
    work->arrives = g_new0(gboolean, (gsize)work->n + 1);
    for (int i = 0; i < work->n && vh_poll_is_wanted(work->poll); i++) {
        work->arrives[i] = is_arriving(work, work->domains[i]);
        if (work->arrives[i])
            put_hung(work, work->domains[i], TRUE);
    }
}

static gboolean poll_bulk(const Work *work, GError **error)
{
    g_autofree virDomainPtr *asked = g_new0(virDomainPtr, (gsize)work->n + 1);
    virDomainStatsRecordPtr *records = NULL;
    int n = 0;

    for (int i = 0; i < work->n; i++) {
        if (!work->arrives[i] && !is_quarantined(work, work->domains[i]))
            asked[n++] = work->domains[i];
    }
    /* An empty list would mean all domains, in libvirt's terms. */
    if (n == 0)
        return TRUE;
    n = virDomainListGetStats(asked, VH_STATS_GROUPS, &records, 0);
    if (n < 0) {
        vh_libvirt_set_error(error, "bulk stats: ");
        return FALSE;
    }
    for (int i = 0; i < n && vh_poll_is_wanted(work->poll); i++) {
        VhStats stats;

        vh_stats_from_record(records[i], &stats);
        complete(work, records[i]->dom, &stats, FALSE);
    }
    virDomainStatsRecordListFree(records);
    return TRUE;
}

static void poll_careful(const Work *work)
{
    g_autofree gboolean *hung = g_new0(gboolean, (gsize)work->n + 1);

    for (int i = 0; i < work->n; i++) {
        hung[i] = work->arrives[i] || is_quarantined(work, work->domains[i]);
        if (hung[i] || !is_active(work->domains[i]) || !vh_ready_is_occupied(work->domains[i]))
            continue;
        hung[i] = TRUE;
        put_hung(work, work->domains[i], FALSE);
    }
    if (work->poll->mode == VH_POLL_CONTROL)
        return;
    for (int i = 0; i < work->n && vh_poll_is_wanted(work->poll); i++) {
        if (!hung[i])
            ask_one(work, work->domains[i], FALSE);
    }
}

/* Those in quarantine whose monitor is free again: last, because one that hangs again would keep
 * the others from their turn. */
static void poll_returning(const Work *work)
{
    if (work->poll->mode == VH_POLL_CONTROL)
        return;
    for (int i = 0; i < work->n && vh_poll_is_wanted(work->poll); i++) {
        if (!work->arrives[i] && is_quarantined(work, work->domains[i]) &&
            !vh_ready_is_occupied(work->domains[i]))
            ask_one(work, work->domains[i], TRUE);
    }
}

static gboolean carry_out(Work *work, GError **error)
{
    gboolean done = TRUE;

    work->n = virConnectListAllDomains(work->connection, &work->domains, 0);
    if (work->n < 0) {
        vh_libvirt_set_error(error, "listing domains: ");
        return FALSE;
    }
    vh_poll_put_list(work->poll, work->domains, work->n);
    set_arriving_aside(work);
    if (work->poll->mode == VH_POLL_BULK)
        done = poll_bulk(work, error);
    else
        poll_careful(work);
    if (done)
        poll_returning(work);
    for (int i = 0; i < work->n; i++)
        virDomainFree(work->domains[i]);
    free(work->domains);
    g_free(work->arrives);
    return done;
}

/* The connection is opened when needed, and opened again after it broke. */
static void run_poll(VhPoller *poller, virConnectPtr *connection, VhPoll *poll)
{
    Work work = {.poll = poll, .read_only = poller->read_only};
    GError *error = NULL;

    if (!*connection)
        *connection = vh_socket_open(poller->socket, poller->uri, poller->read_only, &error);
    work.connection = *connection;
    if (*connection && carry_out(&work, &error) && virConnectIsAlive(*connection) == 1)
        return;
    if (*connection && virConnectIsAlive(*connection) == 1) {
        vh_poll_fail(poll, FALSE, error);
        return;
    }
    if (*connection) {
        virConnectClose(*connection);
        *connection = NULL;
    }
    if (!error)
        g_set_error(&error, VH_ERROR, VH_ERROR_GONE, "the connection to libvirt was lost");
    vh_poll_fail(poll, TRUE, error);
}

static VhPoll *wait_for_poll(VhPoller *poller)
{
    VhPoll *poll;

    g_mutex_lock(&poller->mutex);
    while (!poller->next && !poller->is_abandoned)
        g_cond_wait(&poller->changed, &poller->mutex);
    poll = poller->is_abandoned ? NULL : g_steal_pointer(&poller->next);
    g_mutex_unlock(&poller->mutex);
    return poll;
}

static void unref_poll(gpointer poll)
{
    vh_poll_unref(poll);
}

static gpointer poller_main(gpointer data)
{
    VhPoller *poller = data;
    virConnectPtr connection = NULL;
    VhPoll *poll;

    while ((poll = wait_for_poll(poller))) {
        run_poll(poller, &connection, poll);
        vh_port_post(poller->port, poller->ended, poll, unref_poll);
    }
    if (connection)
        virConnectClose(connection);
    vh_port_add_stray(poller->port, -1);
    poller_unref(poller);
    return NULL;
}

VhPoller *vh_poller_new(VhSocket *socket, const char *uri, gboolean read_only, VhPort *port,
                        VhPortFunc ended)
{
    VhPoller *poller = g_new0(VhPoller, 1);

    poller->references = 2;
    poller->socket = socket ? vh_socket_ref(socket) : NULL;
    poller->uri = g_strdup(uri);
    poller->read_only = read_only;
    poller->port = vh_port_ref(port);
    poller->ended = ended;
    g_mutex_init(&poller->mutex);
    g_cond_init(&poller->changed);
    g_thread_unref(g_thread_new("vh-poller", poller_main, poller));
    return poller;
}

void vh_poller_submit(VhPoller *poller, VhPoll *poll)
{
    g_mutex_lock(&poller->mutex);
    if (poller->next)
        vh_poll_unref(poller->next);
    poller->next = vh_poll_ref(poll);
    g_cond_signal(&poller->changed);
    g_mutex_unlock(&poller->mutex);
}

void vh_poller_abandon(VhPoller *poller)
{
    if (!poller)
        return;
    vh_port_add_stray(poller->port, 1);
    g_mutex_lock(&poller->mutex);
    poller->is_abandoned = TRUE;
    g_cond_signal(&poller->changed);
    g_mutex_unlock(&poller->mutex);
    poller_unref(poller);
}
