/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The acting connection. Owns its registrations and the handles on domains, which are kept so that
 * finding one later takes no round trip; must not know what is watched, or when to try again.
 */
#include "vh-link.h"

#include "vh-reporting-info.h"
#include "vh-units.h"

#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>

/* Of its domains libvirt tells these. */
static const int event_ids[] = {
    VIR_DOMAIN_EVENT_ID_LIFECYCLE,
    VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
    VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
    VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
};

struct VhLink {
    int references; /* atomic */
    guint serial;
    VhSocket *socket; /* NULL: by the URI */
    char *uri;
    gboolean read_only;
    VhPort *port;
    VhLinkFuncs funcs;

    GError *error;
    virConnectPtr connection;
    GHashTable *domains;                    /* VhUuid -> virDomainPtr */
    void *close_tag;                        /* of the close callback; NULL: not registered */
    int callbacks[G_N_ELEMENTS(event_ids)]; /* -1: not registered */
    int monitor_callback;                   /* the same */
};

/*
 * A libvirtd (of 9.0 at least) crashes now and then when a client is gone while its registrations
 * are being taken back, so a process that ends lets its connections close before. That takes some
 * round trips, and no QEMU; where libvirtd itself hangs it has to do without.
 */
#define FAREWELL_US (2 * VH_SEC)

static GMutex closing_lock;
static GCond closing_changed;
static guint n_closing; /* guarded by the lock */

static void add_closing(int change)
{
    g_mutex_lock(&closing_lock);
    n_closing += (guint)change;
    g_cond_broadcast(&closing_changed);
    g_mutex_unlock(&closing_lock);
}

static void await_closing(void)
{
    gint64 until_us = g_get_monotonic_time() + FAREWELL_US;

    g_mutex_lock(&closing_lock);
    while (n_closing > 0 && g_cond_wait_until(&closing_changed, &closing_lock, until_us))
        continue;
    g_mutex_unlock(&closing_lock);
}

static gpointer register_farewell(gpointer data)
{
    atexit(await_closing);
    return NULL;
}

/* What a libvirt callback holds: not the link itself, which would never end then. */
typedef struct {
    VhPort *port;
    VhLinkFuncs funcs;
    guint serial;
} Tag;

static Tag *tag_new(const VhLink *link)
{
    Tag *tag = g_new(Tag, 1);

    *tag = (Tag){vh_port_ref(link->port), link->funcs, link->serial};
    return tag;
}

static void tag_free(void *data)
{
    Tag *tag = data;

    vh_port_unref(tag->port);
    g_free(tag);
}

static void news_free(gpointer data)
{
    VhLinkNews *news = data;

    if (news->domain)
        virDomainFree(news->domain);
    g_free(news);
}

static void tell(const Tag *tag, VhPortFunc func, virDomainPtr domain, const char *text)
{
    VhLinkNews *news = g_new0(VhLinkNews, 1);

    news->serial = tag->serial;
    news->text = text;
    if (domain && virDomainRef(domain) == 0)
        news->domain = domain;
    vh_port_post(tag->port, func, news, news_free);
}

/* Lost by a keepalive, an end of file or an error: all the same to us, but for the log. */
static void on_close(virConnectPtr connection, int reason, void *data)
{
    static const char *const texts[] = {
        [VIR_CONNECT_CLOSE_REASON_ERROR] = "the connection broke",
        [VIR_CONNECT_CLOSE_REASON_EOF] = "libvirtd closed the connection, or ended",
        [VIR_CONNECT_CLOSE_REASON_KEEPALIVE] = "libvirtd does not answer any more",
        [VIR_CONNECT_CLOSE_REASON_CLIENT] = "closed from this side",
    };
    Tag *tag = data;

    if (reason < 0 || reason >= (int)G_N_ELEMENTS(texts))
        reason = VIR_CONNECT_CLOSE_REASON_ERROR;
    tell(tag, tag->funcs.closed, NULL, texts[reason]);
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
                        void *data)
{
    Tag *tag = data;

    tell(tag, tag->funcs.changed, domain, NULL);
    return 0;
}

static void on_metadata(virConnectPtr connection, virDomainPtr domain, int type, const char *uri,
                        void *data)
{
    Tag *tag = data;

    tell(tag, tag->funcs.changed, domain, NULL);
}

static void on_device(virConnectPtr connection, virDomainPtr domain, const char *alias, void *data)
{
    Tag *tag = data;

    tell(tag, tag->funcs.changed, domain, NULL);
}

static void on_monitor_event(virConnectPtr connection, virDomainPtr domain, const char *event,
                             long long seconds, unsigned int micros, const char *details,
                             void *data)
{
    Tag *tag = data;

    tell(tag, tag->funcs.changed, domain, NULL);
}

static virConnectDomainEventGenericCallback callback_of(int id)
{
    switch (id) {
    case VIR_DOMAIN_EVENT_ID_LIFECYCLE:
        return VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle);
    case VIR_DOMAIN_EVENT_ID_METADATA_CHANGE:
        return VIR_DOMAIN_EVENT_CALLBACK(on_metadata);
    default:
        return VIR_DOMAIN_EVENT_CALLBACK(on_device);
    }
}

/* Drivers without an event (test:///default has no metadata events) are watched all the same: each
 * poll lists the domains. */
static void register_events(VhLink *link)
{
    for (guint i = 0; i < G_N_ELEMENTS(event_ids); i++) {
        Tag *tag = tag_new(link);

        link->callbacks[i] = virConnectDomainEventRegisterAny(
            link->connection, NULL, event_ids[i], callback_of(event_ids[i]), tag, tag_free);
        if (link->callbacks[i] < 0)
            tag_free(tag);
    }
}

/* Listening taints nobody, but needs a connection that may write. */
static void register_monitor_event(VhLink *link)
{
    Tag *tag;

    if (link->read_only)
        return;
    tag = tag_new(link);
    link->monitor_callback = virConnectDomainQemuMonitorEventRegister(
        link->connection, NULL, VH_REPORTING_EVENT_STATE, on_monitor_event, tag, tag_free, 0);
    if (link->monitor_callback < 0)
        tag_free(tag);
}

/* The tag stays ours: drivers that tell no closing (test:///default) take it, and never free it. */
static void register_close(VhLink *link)
{
    link->close_tag = tag_new(link);
    if (virConnectRegisterCloseCallback(link->connection, on_close, link->close_tag, NULL) < 0)
        g_clear_pointer(&link->close_tag, tag_free);
}

static gboolean list_domains(VhLink *link)
{
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(link->connection, &domains, 0);

    if (n < 0) {
        vh_libvirt_set_error(&link->error, "listing domains: ");
        return FALSE;
    }
    for (int i = 0; i < n; i++) {
        vh_link_put(link, domains[i]);
        virDomainFree(domains[i]);
    }
    free(domains);
    return TRUE;
}

static void unref_link(gpointer link)
{
    vh_link_unref(link);
}

static gpointer open_main(gpointer data)
{
    VhLink *link = data;

    link->connection = vh_socket_open(link->socket, link->uri, link->read_only, &link->error);
    if (link->connection) {
        register_close(link);
        register_events(link);
        register_monitor_event(link);
        (void)list_domains(link);
    }
    vh_port_add_stray(link->port, -1);
    vh_port_post(link->port, link->funcs.opened, link, unref_link);
    return NULL;
}

static void free_domain(gpointer domain)
{
    virDomainFree(domain);
}

void vh_link_open(VhSocket *socket, const char *uri, gboolean read_only, guint serial, VhPort *port,
                  const VhLinkFuncs *funcs)
{
    VhLink *link = g_new0(VhLink, 1);

    link->references = 1;
    link->serial = serial;
    link->socket = socket ? vh_socket_ref(socket) : NULL;
    link->uri = g_strdup(uri);
    link->read_only = read_only;
    link->port = vh_port_ref(port);
    link->funcs = *funcs;
    link->domains = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, free_domain);
    for (guint i = 0; i < G_N_ELEMENTS(event_ids); i++)
        link->callbacks[i] = -1;
    link->monitor_callback = -1;
    /* Counted from the start: an attempt that never returns must not be made again and again. */
    vh_port_add_stray(port, 1);
    g_thread_unref(g_thread_new("vh-connect", open_main, link));
}

/* libvirt's registrations hold the connection, so that it would stay open without this. */
static gpointer close_main(gpointer data)
{
    VhLink *link = data;

    g_hash_table_unref(link->domains);
    for (guint i = 0; i < G_N_ELEMENTS(event_ids); i++) {
        if (link->callbacks[i] >= 0)
            (void)virConnectDomainEventDeregisterAny(link->connection, link->callbacks[i]);
    }
    if (link->monitor_callback >= 0)
        (void)virConnectDomainQemuMonitorEventDeregister(link->connection, link->monitor_callback);
    /* Once this returns, no callback is under way any more. */
    if (link->close_tag)
        (void)virConnectUnregisterCloseCallback(link->connection, on_close);
    g_clear_pointer(&link->close_tag, tag_free);
    if (link->connection) {
        virConnectClose(link->connection);
        add_closing(-1);
    }
    vh_port_add_stray(link->port, -1);
    g_clear_error(&link->error);
    vh_port_unref(link->port);
    vh_socket_unref(link->socket);
    g_free(link->uri);
    g_free(link);
    return NULL;
}

VhLink *vh_link_ref(VhLink *link)
{
    g_atomic_int_inc(&link->references);
    return link;
}

void vh_link_unref(VhLink *link)
{
    static GOnce once = G_ONCE_INIT;

    if (!link || !g_atomic_int_dec_and_test(&link->references))
        return;
    vh_port_add_stray(link->port, 1);
    if (!link->connection) {
        close_main(link);
        return;
    }
    g_once(&once, register_farewell, NULL);
    add_closing(1);
    g_thread_unref(g_thread_new("vh-disconnect", close_main, link));
}

guint vh_link_serial(const VhLink *link)
{
    return link->serial;
}

const GError *vh_link_error(const VhLink *link)
{
    return link->error;
}

virConnectPtr vh_link_connection(const VhLink *link)
{
    return link->connection;
}

void vh_link_put(VhLink *link, virDomainPtr domain)
{
    VhUuid uuid = vh_libvirt_uuid(domain);

    if (virDomainRef(domain) == 0)
        g_hash_table_replace(link->domains, g_memdup2(&uuid, sizeof uuid), domain);
}

virDomainPtr vh_link_get(const VhLink *link, const VhUuid *uuid)
{
    return g_hash_table_lookup(link->domains, uuid);
}

void vh_link_prune(VhLink *link, gboolean (*is_wanted)(const VhUuid *uuid, gpointer data),
                   gpointer data)
{
    GHashTableIter iter;
    gpointer uuid;

    g_hash_table_iter_init(&iter, link->domains);
    while (g_hash_table_iter_next(&iter, &uuid, NULL)) {
        if (!is_wanted(uuid, data))
            g_hash_table_iter_remove(&iter);
    }
}
