/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watch: when to poll, when to lose patience, when to connect again. Owns all time limits; all
 * of it runs in the watch's main context, and nothing here calls libvirt but for a lookup that no
 * guest can hold up.
 */
#include "vh-watch.h"

#include "vh-discover.h"
#include "vh-entries.h"
#include "vh-libvirt.h"
#include "vh-link.h"
#include "vh-mender.h"
#include "vh-poller.h"
#include "vh-units.h"

#define POLL_DEADLINE_US (1 * VH_SEC)
/* Bulk stats take about 2 ms for each guest; reading what is new about one, some calls more. */
#define POLL_EACH_US (10 * VH_MS)
/* A call that began less than this ago is not held against its domain. */
#define PATIENCE_US (150 * VH_MS)
#define LOOK_AGAIN_US (100 * VH_MS)
#define RETRY_MIN_US (200 * VH_MS)
#define RETRY_MAX_US (2 * VH_SEC)
#define CONNECT_DEADLINE_US (10 * VH_SEC)
/* Each holds one of libvirtd's 20 workers. Beyond that, only calls that no guest can hold up; and
 * where even those pile up, because libvirtd itself hangs, none. */
#define STRAYS_MAX 8
#define STRAYS_LIMIT 12
/* Of all watches: each socket that somebody makes is a new one to us, and he may let each hang. */
#define STRAYS_OF_SOCKETS_MAX 1024

struct VhWatch {
    VhSocket *socket; /* NULL: by the URI */
    char *uri;        /* NULL: libvirt's default */
    gboolean read_only;
    gint64 poll_deadline_us;
    gint64 stats_period_us;
    VhMonitorRule monitor;
    gboolean keeps_xml;
    GMainContext *context;
    VhWatchCallbacks callbacks;
    gpointer data;

    VhPort *port;
    VhEntries *entries;
    VhWatchView *view;

    VhLink *link; /* NULL: not connected */
    guint link_serial;
    gint64 retry_us; /* the next pause */
    GSource *retry;  /* at most one of the two runs, and none while connected */
    GSource *connect_limit;
    char *error;

    gboolean is_polling; /* asked for, not delivered */
    VhPoller *poller;    /* NULL: started with the next poll */
    VhPoll *poll;        /* the one under way; NULL: none */
    GSource *soft;       /* half of the time is over: is anybody hanging? */
    GSource *hard;
    char *trouble; /* the last one told */
};

static void start_connecting(VhWatch *watch);
static void start_poll(VhWatch *watch, VhPollMode mode);

static void timer_stop(GSource **timer)
{
    if (!*timer)
        return;
    g_source_destroy(*timer);
    g_clear_pointer(timer, g_source_unref);
}

static void timer_start(VhWatch *watch, GSource **timer, gint64 delay_us, GSourceFunc func)
{
    timer_stop(timer);
    *timer = g_timeout_source_new((guint)(MAX(delay_us, 0) / VH_MS));
    g_source_set_callback(*timer, func, watch, NULL);
    g_source_attach(*timer, watch->context);
}

static void tell(VhWatch *watch, VhWatchEvent event, const char *text)
{
    if (watch->callbacks.event)
        watch->callbacks.event(watch, event, NULL, NULL, text, watch->data);
}

static void on_entry_event(VhWatchEvent event, const char *name, const VhUuid *uuid,
                           const char *text, gpointer data)
{
    VhWatch *watch = data;

    if (watch->callbacks.event)
        watch->callbacks.event(watch, event, name, uuid, text, watch->data);
}

/* Told once, until it is another or has passed. */
static void tell_trouble(VhWatch *watch, const char *text)
{
    if (g_strcmp0(watch->trouble, text) == 0)
        return;
    g_free(watch->trouble);
    watch->trouble = g_strdup(text);
    if (text)
        tell(watch, VH_WATCH_TROUBLE, text);
}

/* ---- the connection that acts ---- */

static gboolean on_retry(gpointer data)
{
    VhWatch *watch = data;

    timer_stop(&watch->retry);
    start_connecting(watch);
    return G_SOURCE_REMOVE;
}

static void retry_later(VhWatch *watch)
{
    timer_start(watch, &watch->retry, watch->retry_us, on_retry);
    watch->retry_us = MIN(watch->retry_us * 2, RETRY_MAX_US);
}

static void drop_poll(VhWatch *watch)
{
    timer_stop(&watch->soft);
    g_clear_pointer(&watch->poll, vh_poll_unref);
    g_clear_pointer(&watch->poller, vh_poller_abandon);
}

/* The one before is lost, or a try to get one failed. */
static void set_lost(VhWatch *watch, const char *why)
{
    gboolean is_news = watch->link || g_strcmp0(watch->error, why) != 0;

    g_clear_pointer(&watch->link, vh_link_unref);
    g_clear_pointer(&watch->view, vh_watch_view_unref);
    drop_poll(watch);
    if (is_news) {
        g_free(watch->error);
        watch->error = g_strdup(why);
    }
    retry_later(watch);
    if (is_news)
        tell(watch, VH_WATCH_LOST, watch->error);
}

static gboolean on_connect_limit(gpointer data)
{
    VhWatch *watch = data;

    timer_stop(&watch->connect_limit);
    /* A late answer to this attempt is not taken any more. */
    watch->link_serial++;
    set_lost(watch, "libvirtd does not answer");
    return G_SOURCE_REMOVE;
}

static void on_opened(gpointer owner, gpointer payload)
{
    VhWatch *watch = owner;
    VhLink *link = payload;

    if (vh_link_serial(link) != watch->link_serial)
        return;
    timer_stop(&watch->connect_limit);
    if (vh_link_error(link)) {
        set_lost(watch, vh_link_error(link)->message);
        return;
    }
    watch->link = vh_link_ref(link);
    watch->retry_us = RETRY_MIN_US;
    g_clear_pointer(&watch->error, g_free);
    vh_entries_mark_dirty(watch->entries, NULL);
    tell(watch, VH_WATCH_CONNECTED, NULL);
    if (watch->is_polling)
        start_poll(watch, VH_POLL_BULK);
}

static void on_closed(gpointer owner, gpointer payload)
{
    VhWatch *watch = owner;
    const VhLinkNews *news = payload;

    if (watch->link && news->serial == watch->link_serial)
        set_lost(watch, news->text);
}

static void on_changed(gpointer owner, gpointer payload)
{
    VhWatch *watch = owner;
    const VhLinkNews *news = payload;
    VhUuid uuid;

    if (!watch->link || news->serial != watch->link_serial || !news->domain)
        return;
    uuid = vh_libvirt_uuid(news->domain);
    vh_link_put(watch->link, news->domain);
    vh_entries_mark_dirty(watch->entries, &uuid);
}

/* Others that were found hang, so many that another one is not to be tried. */
static gboolean is_crowded(const VhWatch *watch)
{
    return watch->socket && vh_port_count_all_strays() >= STRAYS_OF_SOCKETS_MAX;
}

static void start_connecting(VhWatch *watch)
{
    static const VhLinkFuncs funcs = {on_opened, on_closed, on_changed};

    /* Attempts that hang are left behind like polls, and are not to pile up either. */
    if (vh_port_count_strays(watch->port) >= STRAYS_MAX) {
        retry_later(watch);
        return;
    }
    if (is_crowded(watch)) {
        set_lost(watch, "too many sockets that were found do not answer, to try another");
        return;
    }
    vh_link_open(watch->socket, watch->uri, watch->read_only, ++watch->link_serial, watch->port,
                 &funcs);
    timer_start(watch, &watch->connect_limit, CONNECT_DEADLINE_US, on_connect_limit);
}

/* ---- polls ---- */

static void on_mended(gpointer owner, gpointer payload)
{
    VhWatch *watch = owner;
    const VhMended *mended = payload;

    vh_entries_mended(watch->entries, &mended->uuid, mended->restored, mended->error,
                      g_get_monotonic_time());
}

static void start_mending(VhWatch *watch)
{
    VhUuid uuid;

    while (
        !watch->read_only && vh_port_count_strays(watch->port) < STRAYS_MAX &&
        vh_entries_next_to_mend(watch->entries, g_get_monotonic_time(), g_get_real_time(), &uuid))
        vh_mender_start(watch->socket, watch->uri, &uuid, watch->port, on_mended);
}

static gboolean is_wanted(const VhUuid *uuid, gpointer data)
{
    return vh_entries_has(data, uuid);
}

/* Nothing of the watch may be touched after it: the callback may end it. */
static void deliver(VhWatch *watch)
{
    timer_stop(&watch->soft);
    timer_stop(&watch->hard);
    g_clear_pointer(&watch->poll, vh_poll_unref);
    g_clear_pointer(&watch->view, vh_watch_view_unref);
    watch->is_polling = FALSE;
    if (watch->link) {
        watch->view = vh_entries_view(watch->entries);
        vh_link_prune(watch->link, is_wanted, watch->entries);
        start_mending(watch);
    }
    if (watch->callbacks.polled)
        watch->callbacks.polled(watch, watch->data);
}

/* What the poll under way has found so far; it is over after that. */
static void take_results(VhWatch *watch, VhPollResults *ret_results)
{
    vh_poll_take(watch->poll, ret_results);
    g_clear_pointer(&watch->poll, vh_poll_unref);
    vh_entries_merge(watch->entries, ret_results, g_get_monotonic_time(), g_get_real_time());
}

static void on_poll_ended(gpointer owner, gpointer payload)
{
    g_autoptr(GError) error = NULL;
    VhWatch *watch = owner;
    VhPollResults results;
    gboolean is_lost;

    if (payload != watch->poll)
        return;
    take_results(watch, &results);
    error = g_steal_pointer(&results.error);
    is_lost = results.is_lost;
    vh_poll_results_clear(&results);
    if (is_lost && watch->link && virConnectIsAlive(vh_link_connection(watch->link)) != 1) {
        /* The poll waits for the next connection, as long as it has time. */
        set_lost(watch, error->message);
        return;
    }
    tell_trouble(watch, error ? error->message : NULL);
    deliver(watch);
}

/* Blames the domain in whose call the thread is stuck. */
static void accuse(VhWatch *watch, const VhPollResults *results)
{
    gint64 now_us = g_get_monotonic_time();

    if (results->has_culprit && now_us - results->culprit_us >= PATIENCE_US)
        vh_entries_mark_hung(watch->entries, &results->culprit, now_us);
}

static gboolean on_soft(gpointer data)
{
    VhWatch *watch = data;
    VhPollResults results;
    VhPollPeek peek;
    gboolean is_returning;

    timer_stop(&watch->soft);
    vh_poll_peek(watch->poll, &peek);
    /* Making its way, or libvirtd itself is slow: no guest's fault yet. */
    if (!peek.has_list ||
        (peek.has_culprit && g_get_monotonic_time() - peek.culprit_us < PATIENCE_US)) {
        timer_start(watch, &watch->soft, LOOK_AGAIN_US, on_soft);
        return G_SOURCE_REMOVE;
    }
    take_results(watch, &results);
    g_clear_pointer(&watch->poller, vh_poller_abandon);
    accuse(watch, &results);
    is_returning = results.is_returning;
    vh_poll_results_clear(&results);
    if (is_returning)
        deliver(watch);
    else
        start_poll(watch, VH_POLL_CAREFUL);
    return G_SOURCE_REMOVE;
}

static gboolean on_hard(gpointer data)
{
    VhWatch *watch = data;
    VhPollResults results;

    timer_stop(&watch->hard);
    if (watch->poll) {
        take_results(watch, &results);
        g_clear_pointer(&watch->poller, vh_poller_abandon);
        accuse(watch, &results);
        if (!results.listed)
            tell_trouble(watch, "libvirt did not answer within the poll's deadline");
        vh_poll_results_clear(&results);
    }
    deliver(watch);
    return G_SOURCE_REMOVE;
}

static gint64 deadline_us(const VhWatch *watch)
{
    return watch->poll_deadline_us +
           (gint64)vh_entries_count_running(watch->entries) * POLL_EACH_US;
}

static void start_poll(VhWatch *watch, VhPollMode mode)
{
    g_autoptr(GArray) plan = vh_entries_plan(watch->entries, g_get_monotonic_time());
    int strays = vh_port_count_strays(watch->port);

    /* The poll is then delivered at its deadline, with what is known. */
    if (!watch->poller && strays >= STRAYS_LIMIT) {
        tell_trouble(watch, "too many calls into libvirt have not returned: waiting for them");
        return;
    }
    if (strays >= STRAYS_MAX)
        mode = VH_POLL_CONTROL;
    watch->poll = vh_poll_new(mode, (const VhPollItem *)(gconstpointer)plan->data, plan->len,
                              watch->stats_period_us, watch->monitor, watch->keeps_xml);
    if (!watch->poller)
        watch->poller =
            vh_poller_new(watch->socket, watch->uri, watch->read_only, watch->port, on_poll_ended);
    vh_poller_submit(watch->poller, watch->poll);
    if (mode == VH_POLL_BULK)
        timer_start(watch, &watch->soft, deadline_us(watch) / 2, on_soft);
}

/* ---- what callers call ---- */

void vh_watch_init(void)
{
    static gsize is_done;

    if (!g_once_init_enter(&is_done))
        return;
    (void)virEventRegisterDefaultImpl();
    vh_libvirt_init();
    g_once_init_leave(&is_done, 1);
}

VhWatch *vh_watch_new(const VhWatchOptions *options, const VhWatchCallbacks *callbacks,
                      gpointer data)
{
    return vh_watch_new_at(NULL, options, callbacks, data);
}

VhWatch *vh_watch_new_at(VhSocket *socket, const VhWatchOptions *options,
                         const VhWatchCallbacks *callbacks, gpointer data)
{
    VhWatch *watch = g_new0(VhWatch, 1);

    watch->socket = socket ? vh_socket_ref(socket) : NULL;
    watch->uri = g_strdup(options->uri);
    watch->read_only = options->read_only;
    watch->poll_deadline_us =
        options->poll_deadline_us > 0 ? options->poll_deadline_us : POLL_DEADLINE_US;
    watch->stats_period_us = options->stats_period_us;
    watch->monitor = options->read_only ? VH_MONITOR_REFUSE : options->monitor;
    watch->keeps_xml = options->keeps_xml;
    watch->context =
        g_main_context_ref(options->context ? options->context : g_main_context_default());
    watch->callbacks = *callbacks;
    watch->data = data;
    watch->retry_us = RETRY_MIN_US;
    watch->port = vh_port_new(watch->context, watch);
    watch->entries = vh_entries_new(on_entry_event, watch);
    vh_entries_set_keeps_xml(watch->entries, watch->keeps_xml);
    if (is_crowded(watch))
        retry_later(watch); /* it is told then, when there is a watch to tell of */
    else
        start_connecting(watch);
    return watch;
}

const char *vh_watch_uri(const VhWatch *watch)
{
    return watch->uri ? watch->uri : "";
}

gboolean vh_watch_is_connected(const VhWatch *watch)
{
    return watch->link != NULL;
}

void vh_watch_poll(VhWatch *watch)
{
    if (watch->is_polling)
        return;
    watch->is_polling = TRUE;
    timer_start(watch, &watch->hard, deadline_us(watch), on_hard);
    if (watch->link)
        start_poll(watch, VH_POLL_BULK);
}

void vh_watch_set_stats_period(VhWatch *watch, gint64 stats_period_us)
{
    if (watch->stats_period_us == stats_period_us)
        return;
    watch->stats_period_us = stats_period_us;
    vh_entries_mark_dirty(watch->entries, NULL);
}

void vh_watch_set_monitor(VhWatch *watch, VhMonitorRule monitor)
{
    if (watch->read_only || watch->monitor == monitor)
        return;
    watch->monitor = monitor;
    vh_entries_forget_told(watch->entries);
}

void vh_watch_set_keeps_xml(VhWatch *watch, gboolean keeps_xml)
{
    watch->keeps_xml = keeps_xml;
    vh_entries_set_keeps_xml(watch->entries, keeps_xml);
}

void vh_watch_renew(VhWatch *watch, const VhUuid *uuid)
{
    vh_entries_mark_dirty(watch->entries, uuid);
}

VhWatchView *vh_watch_get_view(VhWatch *watch)
{
    return watch->view ? vh_watch_view_ref(watch->view) : NULL;
}

gboolean vh_watch_has_seen_all(const VhWatch *watch)
{
    return watch->link && vh_entries_are_complete(watch->entries);
}

const char *vh_watch_error(const VhWatch *watch)
{
    return watch->error;
}

virDomainPtr vh_watch_lookup(VhWatch *watch, const VhUuid *uuid, GError **error)
{
    virDomainPtr domain;

    if (watch->read_only) {
        g_set_error(error, VH_ERROR, VH_ERROR_DENIED,
                    "this connection only reads: asking a guest needs one that may write");
        return NULL;
    }
    if (!watch->link) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "not connected to libvirt: %s",
                    watch->error ? watch->error : "still connecting");
        return NULL;
    }
    domain = vh_link_get(watch->link, uuid);
    if (domain) {
        virDomainRef(domain);
        return domain;
    }
    domain = virDomainLookupByUUID(vh_link_connection(watch->link), uuid->bytes);
    if (!domain) {
        vh_libvirt_set_error(error, NULL);
        return NULL;
    }
    vh_link_put(watch->link, domain);
    return domain;
}

void vh_watch_free(VhWatch *watch)
{
    if (!watch)
        return;
    vh_port_close(watch->port);
    timer_stop(&watch->retry);
    timer_stop(&watch->connect_limit);
    timer_stop(&watch->hard);
    drop_poll(watch);
    g_clear_pointer(&watch->link, vh_link_unref);
    g_clear_pointer(&watch->view, vh_watch_view_unref);
    vh_entries_free(watch->entries);
    vh_port_unref(watch->port);
    g_main_context_unref(watch->context);
    g_free(watch->trouble);
    g_free(watch->error);
    vh_socket_unref(watch->socket);
    g_free(watch->uri);
    g_free(watch);
}
