/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls are asynchronous underneath and waited for on the main loop, so that Ctrl-C gets through.
 * Knows the interface of org.virthint.Daemon1.xml and nothing of how the daemon works.
 */
#include "vh-backend-daemon.h"

#include "vh-dbus-error.h"
#include "vh-loop.h"

#include <string.h>

#define CALL_TIMEOUT_MS 10000
#define DEFAULT_URI "qemu:///system"

typedef struct {
    VhBackend backend; /* first */
    GDBusConnection *connection;
    char *owner; /* the daemon's unique name: calls go to this one only */
    char *version;
    char *connection_error;
    char **only_uris;      /* none: all */
    gboolean is_only_some; /* it watches others, too */
    gboolean dry_run;
    GCancellable *cancel;
    guint subscriptions[2];
    gboolean is_gone;
    guint64 id; /* of the ask that is waited for */
    VhBackendProgress progress;
    gboolean has_progress;
    GHashTable *ended;          /* id -> outcome */
    GHashTable *ended_requests; /* id -> its last document */
    guint64 request_id;         /* of the request that is waited for */
    guint64 request_bytes, request_returned_bytes;
    guint request_asks;
    gboolean has_request_progress;
} Daemon;

static Daemon *daemon_of(VhBackend *backend)
{
    return (Daemon *)(gpointer)backend;
}

typedef struct {
    GVariant *reply;
    GError *error;
    gboolean is_done;
} Call;

static void on_called(GObject *source, GAsyncResult *result, gpointer data)
{
    Call *call = data;

    call->reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &call->error);
    call->is_done = TRUE;
}

/* The bus's own refusals in our words; ours came over as they were. */
static void take_error(GError **error, GError *cause)
{
    g_dbus_error_strip_remote_error(cause);
    if (g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED)) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_DENIED,
                            "the bus lets only root change what virthintd does");
        g_error_free(cause);
        return;
    }
    if (g_error_matches(cause, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
        g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_TIMEOUT, "virthintd does not answer");
        g_error_free(cause);
        return;
    }
    g_propagate_error(error, cause);
}

/* Waits on the main loop; `cancel` may be NULL. A full reference. */
static GVariant *call(GDBusConnection *connection, const char *name, const char *path,
                      const char *interface, const char *method, GVariant *arguments,
                      const char *reply_type, GCancellable *cancel, GError **error)
{
    Call state = {0};

    g_dbus_connection_call(connection, name, path, interface, method, arguments,
                           G_VARIANT_TYPE(reply_type), G_DBUS_CALL_FLAGS_NO_AUTO_START,
                           CALL_TIMEOUT_MS, cancel, on_called, &state);
    while (!state.is_done)
        vh_loop_iterate(NULL);
    if (state.reply == NULL)
        take_error(error, state.error);
    return state.reply;
}

static GVariant *call_daemon(const Daemon *daemon, const char *method, GVariant *arguments,
                             const char *reply_type, GError **error)
{
    return call(daemon->connection, daemon->owner, VH_DBUS_PATH, VH_DBUS_INTERFACE, method,
                arguments, reply_type, daemon->cancel, error);
}

/* The one document of a reply. */
static GVariant *call_for_document(const Daemon *daemon, const char *method, GVariant *arguments,
                                   const char *reply_type, GError **error)
{
    g_autoptr(GVariant) reply = call_daemon(daemon, method, arguments, reply_type, error);
    return reply != NULL ? g_variant_get_child_value(reply, 0) : NULL;
}

static void daemon_free(VhBackend *backend)
{
    Daemon *daemon = daemon_of(backend);

    for (guint i = 0; i < G_N_ELEMENTS(daemon->subscriptions); i++) {
        if (daemon->subscriptions[i] != 0)
            g_dbus_connection_signal_unsubscribe(daemon->connection, daemon->subscriptions[i]);
    }
    g_clear_object(&daemon->connection);
    g_clear_object(&daemon->cancel);
    g_hash_table_unref(daemon->ended);
    g_hash_table_unref(daemon->ended_requests);
    g_strfreev(daemon->only_uris);
    g_free(daemon->owner);
    g_free(daemon->version);
    g_free(daemon->connection_error);
    g_free(daemon);
}

static char *daemon_describe(VhBackend *backend)
{
    const Daemon *daemon = daemon_of(backend);
    const char *trouble = daemon->connection_error;

    return g_strdup_printf("the daemon, virthintd %s%s%s%s", daemon->version,
                           daemon->dry_run ? " (a dry run)" : "",
                           *trouble != '\0' ? ", which has lost a connection: " : "", trouble);
}

/* The daemon's unique name; NULL where there is none. */
static char *find_owner(GDBusConnection *connection, GCancellable *cancel)
{
    char *owner = NULL;
    g_autoptr(GVariant) reply =
        call(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
             "GetNameOwner", g_variant_new("(s)", VH_DBUS_NAME), "(s)", cancel, NULL);

    if (reply != NULL)
        g_variant_get(reply, "(s)", &owner);
    return owner;
}

/* It looks by itself, in its own interval; after a restart it has another unique name. */
static gboolean daemon_refresh(VhBackend *backend, gboolean settle, GError **error)
{
    Daemon *daemon = daemon_of(backend);

    if (!daemon->is_gone)
        return TRUE;
    char *owner = find_owner(daemon->connection, daemon->cancel);
    if (owner != NULL) {
        g_free(daemon->owner);
        daemon->owner = owner;
        daemon->is_gone = FALSE;
        return TRUE;
    }
    g_set_error_literal(error, VH_ERROR, VH_ERROR_GONE, "virthintd has gone away");
    return FALSE;
}

/* Only what is on the connections that the user named. */
static GVariant *filter(const Daemon *daemon, GVariant *domains)
{
    GVariantBuilder kept;

    g_variant_builder_init(&kept, G_VARIANT_TYPE("aa{sv}"));
    for (gsize i = 0; i < g_variant_n_children(domains); i++) {
        g_autoptr(GVariant) domain = g_variant_get_child_value(domains, i);
        const char *uri = "";
        g_variant_lookup(domain, "uri", "&s", &uri);
        if (g_strv_contains((const char *const *)daemon->only_uris, uri))
            g_variant_builder_add_value(&kept, domain);
    }
    return g_variant_ref_sink(g_variant_builder_end(&kept));
}

static GVariant *daemon_list(VhBackend *backend, GError **error)
{
    const Daemon *daemon = daemon_of(backend);
    g_autoptr(GVariant) domains = call_for_document(daemon, "ListDomains", NULL, "(aa{sv})", error);

    if (domains == NULL || !daemon->is_only_some)
        return g_steal_pointer(&domains);
    return filter(daemon, domains);
}

/* Whether a document is of what the user calls `domain`. */
static gboolean is_called(GVariant *doc, const char *domain)
{
    const char *name = "", *uuid = "";
    guint32 id;

    g_variant_lookup(doc, "name", "&s", &name);
    g_variant_lookup(doc, "uuid", "&s", &uuid);
    if (g_str_equal(name, domain) || g_ascii_strcasecmp(uuid, domain) == 0)
        return TRUE;
    g_autofree char *number =
        g_variant_lookup(doc, "id", "u", &id) ? g_strdup_printf("%u", id) : NULL;
    return g_strcmp0(number, domain) == 0;
}

/* The domain as the daemon is to be asked for it: where it watches more than the user means, one of
 * the same name may be on another connection. Free with g_free(); NULL: GONE. */
static char *resolve(VhBackend *backend, const char *domain, GError **error)
{
    const char *uuid;

    if (!daemon_of(backend)->is_only_some)
        return g_strdup(domain);
    g_autoptr(GVariant) domains = daemon_list(backend, error);
    for (gsize i = 0; domains != NULL && i < g_variant_n_children(domains); i++) {
        g_autoptr(GVariant) doc = g_variant_get_child_value(domains, i);
        if (is_called(doc, domain) && g_variant_lookup(doc, "uuid", "&s", &uuid))
            return g_strdup(uuid);
    }
    if (domains != NULL)
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no domain '%s' is known", domain);
    return NULL;
}

static GVariant *daemon_info(VhBackend *backend, const char *domain, GError **error)
{
    g_autofree char *known = resolve(backend, domain, error);

    if (known == NULL)
        return NULL;
    return call_for_document(daemon_of(backend), "GetDomain", g_variant_new("(s)", known),
                             "(a{sv})", error);
}

static GVariant *daemon_plan(VhBackend *backend, GError **error)
{
    return call_for_document(daemon_of(backend), "GetPlan", NULL, "(a{sv})", error);
}

static GVariant *daemon_explain(VhBackend *backend, const char *domain, GError **error)
{
    g_autofree char *known = resolve(backend, domain, error);

    if (known == NULL)
        return NULL;
    return call_for_document(daemon_of(backend), "Explain", g_variant_new("(s)", known), "(a{sv})",
                             error);
}

static GVariant *daemon_explain_all(VhBackend *backend, GError **error)
{
    const Daemon *daemon = daemon_of(backend);
    g_autoptr(GVariant) all = call_for_document(daemon, "ExplainAll", NULL, "(aa{sv})", error);

    if (all == NULL || !daemon->is_only_some)
        return g_steal_pointer(&all);
    return filter(daemon, all);
}

static guint64 daemon_ask(VhBackend *backend, const char *domain, const VhAskWish *wish,
                          GError **error)
{
    const Daemon *daemon = daemon_of(backend);
    g_autofree char *known = resolve(backend, domain, error);
    GVariantBuilder options;
    guint64 id = 0;

    if (known == NULL)
        return 0;
    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    if (wish->deadline_us != 0)
        g_variant_builder_add(&options, "{sv}", "deadline_us",
                              g_variant_new_int64(wish->deadline_us));
    if (wish->granule_bytes != 0)
        g_variant_builder_add(&options, "{sv}", "granule_bytes",
                              g_variant_new_uint64(wish->granule_bytes));
    g_autoptr(GVariant) reply = call_daemon(
        daemon, "Ask", g_variant_new("(sta{sv})", known, wish->bytes, &options), "(t)", error);
    if (reply != NULL)
        g_variant_get(reply, "(t)", &id);
    return id;
}

static void take_request_signal(Daemon *daemon, const char *signal, GVariant *arguments)
{
    guint64 id, bytes, returned_bytes;
    guint n_asks;

    if (g_str_equal(signal, "RequestEnded") &&
        g_variant_is_of_type(arguments, G_VARIANT_TYPE("(ta{sv})"))) {
        GVariant *document;
        g_variant_get(arguments, "(t@a{sv})", &id, &document);
        g_hash_table_insert(daemon->ended_requests, g_memdup2(&id, sizeof(id)), document);
    } else if (g_str_equal(signal, "RequestProgress") &&
               g_variant_is_of_type(arguments, G_VARIANT_TYPE("(tttu)"))) {
        g_variant_get(arguments, "(tttu)", &id, &bytes, &returned_bytes, &n_asks);
        if (id != daemon->request_id)
            return;
        daemon->request_bytes = bytes;
        daemon->request_returned_bytes = returned_bytes;
        daemon->request_asks = n_asks;
        daemon->has_request_progress = TRUE;
    }
}

static void on_daemon_signal(GDBusConnection *connection, const char *sender, const char *path,
                             const char *interface, const char *signal, GVariant *arguments,
                             gpointer data)
{
    Daemon *daemon = data;
    guint64 id;

    if (g_str_equal(signal, "AskEnded") &&
        g_variant_is_of_type(arguments, G_VARIANT_TYPE("(ta{sv})"))) {
        GVariant *outcome;
        g_variant_get(arguments, "(t@a{sv})", &id, &outcome);
        g_hash_table_insert(daemon->ended, g_memdup2(&id, sizeof(id)), outcome);
    } else if (g_str_equal(signal, "AskProgress") &&
               g_variant_is_of_type(arguments, G_VARIANT_TYPE("(tttt)"))) {
        VhBackendProgress progress;
        g_variant_get(arguments, "(tttt)", &id, &progress.asked_bytes, &progress.taken_bytes,
                      &progress.returned_bytes);
        if (id != daemon->id)
            return;
        daemon->progress = progress;
        daemon->has_progress = TRUE;
    } else {
        take_request_signal(daemon, signal, arguments);
    }
}

static void on_owner_changed(GDBusConnection *connection, const char *sender, const char *path,
                             const char *interface, const char *signal, GVariant *arguments,
                             gpointer data)
{
    daemon_of(data)->is_gone = TRUE;
}

static gboolean call_cancel(const Daemon *daemon, guint64 id, GError **error)
{
    g_autoptr(GVariant) reply =
        call(daemon->connection, daemon->owner, VH_DBUS_PATH, VH_DBUS_INTERFACE, "CancelAsk",
             g_variant_new("(t)", id), "()", NULL, error);
    return reply != NULL;
}

static gboolean daemon_cancel(VhBackend *backend, const char *domain, GError **error)
{
    g_autoptr(GVariant) doc = daemon_info(backend, domain, error);
    guint64 id = 0;

    if (doc == NULL)
        return FALSE;
    g_autoptr(GVariant) ask = g_variant_lookup_value(doc, "in_flight", G_VARIANT_TYPE_VARDICT);
    if (ask != NULL && g_variant_lookup(ask, "id", "t", &id))
        return call_cancel(daemon_of(backend), id, error);
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "virthintd has no ask of '%s' under way", domain);
    return FALSE;
}

static GVariant *daemon_wait(VhBackend *backend, guint64 id, VhBackendProgressFunc progress,
                             gpointer data, GError **error)
{
    Daemon *daemon = daemon_of(backend);
    gboolean has_cancelled = FALSE;
    GVariant *outcome;

    daemon->id = id;
    while ((outcome = g_hash_table_lookup(daemon->ended, &id)) == NULL && !daemon->is_gone) {
        if (!has_cancelled && g_cancellable_is_cancelled(daemon->cancel)) {
            has_cancelled = TRUE;
            /* that it may have ended meanwhile is no trouble: its end is on its way */
            (void)call_cancel(daemon, id, NULL);
            progress(&daemon->progress, data);
            continue; /* the main loop has run: it may have ended */
        }
        vh_loop_iterate(NULL);
        if (daemon->has_progress)
            progress(&daemon->progress, data);
        daemon->has_progress = FALSE;
    }
    if (outcome != NULL)
        return g_variant_ref(outcome);
    g_set_error_literal(error, VH_ERROR, VH_ERROR_GONE,
                        "virthintd went away during the ask; the next virthintd or virthint "
                        "command sees to it that the guest gets its memory back");
    return NULL;
}

static guint64 daemon_request(VhBackend *backend, const VhRequestWish *wish, GError **error)
{
    Daemon *daemon = daemon_of(backend);
    GVariantBuilder options;
    guint64 id = 0;

    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&options, "{sv}", "urgency", g_variant_new_string(wish->urgency));
    if (wish->deadline_us != 0)
        g_variant_builder_add(&options, "{sv}", "deadline_us",
                              g_variant_new_int64(wish->deadline_us));
    g_autoptr(GVariant) reply = call_daemon(
        daemon, "Request", g_variant_new("(ta{sv})", wish->bytes, &options), "(t)", error);
    if (reply != NULL)
        g_variant_get(reply, "(t)", &id);
    daemon->request_bytes = wish->bytes;
    return id;
}

/* Not to be cut short itself: it is what follows when the user has cancelled. */
static gboolean daemon_cancel_request(VhBackend *backend, guint64 id, GError **error)
{
    const Daemon *daemon = daemon_of(backend);
    g_autoptr(GVariant) reply =
        call(daemon->connection, daemon->owner, VH_DBUS_PATH, VH_DBUS_INTERFACE, "CancelRequest",
             g_variant_new("(t)", id), "()", NULL, error);
    return reply != NULL;
}

static GVariant *daemon_requests(VhBackend *backend, GError **error)
{
    return call_for_document(daemon_of(backend), "ListRequests", NULL, "(aa{sv})", error);
}

static GVariant *daemon_wait_request(VhBackend *backend, guint64 id, VhRequestProgressFunc progress,
                                     gpointer data, GError **error)
{
    Daemon *daemon = daemon_of(backend);
    gboolean has_cancelled = FALSE;
    GVariant *document;

    daemon->request_id = id;
    while ((document = g_hash_table_lookup(daemon->ended_requests, &id)) == NULL &&
           !daemon->is_gone) {
        gboolean cancels = !has_cancelled && g_cancellable_is_cancelled(daemon->cancel);
        if (cancels) {
            has_cancelled = TRUE;
            /* that it may be over already is no trouble: its end is on its way */
            (void)daemon_cancel_request(backend, id, NULL);
        } else {
            vh_loop_iterate(NULL);
        }
        if (cancels || daemon->has_request_progress)
            progress(daemon->request_bytes, daemon->request_returned_bytes, daemon->request_asks,
                     data);
        daemon->has_request_progress = FALSE;
    }
    if (document != NULL)
        return g_variant_ref(document);
    g_set_error_literal(error, VH_ERROR, VH_ERROR_GONE,
                        "virthintd went away, and the request with it; guests get back what they "
                        "lent");
    return NULL;
}

static gboolean daemon_reload(VhBackend *backend, GError **error)
{
    g_autoptr(GVariant) reply = call_daemon(daemon_of(backend), "Reload", NULL, "()", error);
    return reply != NULL;
}

static const VhBackendOps daemon_ops = {
    .free = daemon_free,
    .describe = daemon_describe,
    .refresh = daemon_refresh,
    .list = daemon_list,
    .info = daemon_info,
    .plan = daemon_plan,
    .explain = daemon_explain,
    .explain_all = daemon_explain_all,
    .ask = daemon_ask,
    .cancel = daemon_cancel,
    .wait = daemon_wait,
    .request = daemon_request,
    .cancel_request = daemon_cancel_request,
    .requests = daemon_requests,
    .wait_request = daemon_wait_request,
    .reload = daemon_reload,
};

/* NULL without an error where there is no bus, and none was named, by the request or in
 * VIRTHINT_BUS_ADDRESS. */
static GDBusConnection *open_bus(const VhBackendRequest *request, GError **error)
{
    const char *address =
        request->bus_address != NULL ? request->bus_address : g_getenv("VIRTHINT_BUS_ADDRESS");
    g_autoptr(GError) cause = NULL;
    GDBusConnection *connection;

    if (address == NULL)
        return g_bus_get_sync(G_BUS_TYPE_SYSTEM, request->cancel, NULL);
    connection =
        g_dbus_connection_new_for_address_sync(address,
                                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                   G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                               NULL, request->cancel, &cause);
    if (connection == NULL)
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "bus %s: %s", address, cause->message);
    return connection;
}

static gboolean read_properties(Daemon *daemon, char ***ret_uris, GError **error)
{
    g_autoptr(GVariant) reply =
        call(daemon->connection, daemon->owner, VH_DBUS_PATH, "org.freedesktop.DBus.Properties",
             "GetAll", g_variant_new("(s)", VH_DBUS_INTERFACE), "(a{sv})", daemon->cancel, error);
    const char *version = "", *trouble = "";
    char **uris = NULL;

    if (reply == NULL)
        return FALSE;
    g_autoptr(GVariant) properties = g_variant_get_child_value(reply, 0);
    g_variant_lookup(properties, "Version", "&s", &version);
    g_variant_lookup(properties, "ConnectionError", "&s", &trouble);
    g_variant_lookup(properties, "DryRun", "b", &daemon->dry_run);
    g_variant_lookup(properties, "Connections", "^as", &uris);
    daemon->version = g_strdup(version);
    daemon->connection_error = g_strdup(trouble);
    *ret_uris = uris != NULL ? uris : g_new0(char *, 1);
    return TRUE;
}

/* As which of its connections the daemon watches `uri`; NULL where it does not. Without any of its
 * own it takes libvirt's default, which on a host is the system's QEMU. */
static const char *watched_as(char *const *watched, const char *uri)
{
    if (g_strv_contains((const char *const *)watched, uri))
        return uri;
    return g_str_equal(uri, DEFAULT_URI) && g_strv_contains((const char *const *)watched, "")
               ? ""
               : NULL;
}

/* The connections that the user named, as the daemon names them; no element: all. NULL, having said
 * so, where it does not watch one. */
static char **match_uris(const VhBackendRequest *request, char *const *watched)
{
    g_autoptr(GPtrArray) matched = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; request->uris != NULL && request->uris[i] != NULL; i++) {
        const char *uri = watched_as(watched, request->uris[i]);
        if (uri == NULL) {
            g_autofree char *text =
                g_strdup_printf("virthintd runs, but does not watch %s", request->uris[i]);
            request->notice(text, request->notice_data);
            return NULL;
        }
        g_ptr_array_add(matched, g_strdup(uri));
    }
    g_ptr_array_add(matched, NULL);
    return (char **)g_ptr_array_steal(matched, NULL);
}

static void subscribe(Daemon *daemon)
{
    daemon->subscriptions[0] = g_dbus_connection_signal_subscribe(
        daemon->connection, VH_DBUS_NAME, VH_DBUS_INTERFACE, NULL, VH_DBUS_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_daemon_signal, daemon, NULL);
    daemon->subscriptions[1] = g_dbus_connection_signal_subscribe(
        daemon->connection, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
        "/org/freedesktop/DBus", VH_DBUS_NAME, G_DBUS_SIGNAL_FLAGS_NONE, on_owner_changed, daemon,
        NULL);
}

VhBackend *vh_backend_daemon_open(const VhBackendRequest *request, GError **error)
{
    g_autoptr(VhBackend) backend = NULL;
    g_auto(GStrv) watched = NULL;

    vh_dbus_error_register();
    g_autoptr(GDBusConnection) connection = open_bus(request, error);
    if (connection == NULL)
        return NULL;
    g_dbus_connection_set_exit_on_close(connection, FALSE);
    g_autofree char *owner = find_owner(connection, request->cancel);
    if (owner == NULL)
        return NULL;
    Daemon *daemon = g_new0(Daemon, 1);
    backend = &daemon->backend;
    backend->ops = &daemon_ops;
    daemon->connection = g_steal_pointer(&connection);
    daemon->owner = g_steal_pointer(&owner);
    daemon->cancel = g_object_ref(request->cancel);
    daemon->ended =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_variant_unref);
    daemon->ended_requests =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_variant_unref);
    if (!read_properties(daemon, &watched, error))
        return NULL;
    daemon->only_uris = match_uris(request, watched);
    if (daemon->only_uris == NULL)
        return NULL;
    daemon->is_only_some = g_strv_length(daemon->only_uris) > 0 &&
                           g_strv_length(watched) > g_strv_length(daemon->only_uris);
    subscribe(daemon);
    return g_steal_pointer(&backend);
}

char *vh_backend_daemon_record_file(const VhBackendRequest *request, GError **error)
{
    const char *path = "";

    g_autoptr(GDBusConnection) connection = open_bus(request, error);
    if (connection == NULL)
        return NULL;
    g_dbus_connection_set_exit_on_close(connection, FALSE);
    g_autofree char *owner = find_owner(connection, request->cancel);
    if (owner == NULL)
        return NULL;
    g_autoptr(GVariant) reply =
        call(connection, owner, VH_DBUS_PATH, "org.freedesktop.DBus.Properties", "Get",
             g_variant_new("(ss)", VH_DBUS_INTERFACE, "RecordFile"), "(v)", request->cancel, error);
    if (reply == NULL)
        return NULL;
    g_autoptr(GVariant) value = NULL;
    g_variant_get(reply, "(v)", &value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        path = g_variant_get_string(value, NULL);
    return g_strdup(path);
}
