/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The operations over one connection. Each call about a guest is made on a thread that may be left
 * behind; an ask has threads of its own.
 */
#include "vh-backend-direct.h"

#include "vh-direct-ask.h"
#include "vh-direct-doc.h"
#include "vh-job.h"
#include "vh-target.h"
#include "vh-units.h"

#define CONNECT_TIMEOUT_US (30 * VH_SEC)
#define CALL_TIMEOUT_US (10 * VH_SEC)
#define RECOVER_US (5 * VH_SEC)
#define PROGRESS_PAUSE_US (200 * VH_MS)

typedef struct {
    VhBackend backend; /* first */
    virConnectPtr connection;
    char *uri; /* of documents */
    char *why; /* the daemon is not used */
    gboolean may_write;
    GCancellable *cancel;
    VhDirectAsk *ask; /* the last one; NULL: none yet */
    guint64 n_asks;
    void (*notice)(const char *text, gpointer data);
    gpointer notice_data;
} Direct;

static Direct *direct_of(VhBackend *backend)
{
    return (Direct *)(gpointer)backend;
}

static void direct_free(VhBackend *backend)
{
    Direct *direct = direct_of(backend);

    vh_direct_ask_free(direct->ask);
    if (direct->connection != NULL)
        virConnectClose(direct->connection);
    g_free(direct->uri);
    g_free(direct->why);
    g_object_unref(direct->cancel);
    g_free(direct);
}

static char *direct_describe(VhBackend *backend)
{
    const Direct *direct = direct_of(backend);

    return g_strdup_printf("no daemon, but libvirt itself (%s)", direct->uri);
}

/* Each document is read when it is wanted. */
static gboolean direct_refresh(VhBackend *backend, gboolean settle, GError **error)
{
    return !g_cancellable_set_error_if_cancelled(direct_of(backend)->cancel, error);
}

static gpointer recover(gpointer data, GError **error)
{
    gboolean is_restored;

    return GINT_TO_POINTER(vh_in_flight_recover(data, RECOVER_US, &is_restored, error));
}

static void free_domain(gpointer domain)
{
    virDomainFree(domain);
}

/* Whoever finds an interrupted ask puts its balloon back, where that is allowed. */
static void settle(Direct *direct, VhSeen *seen)
{
    g_autoptr(GError) error = NULL;

    if (!seen->is_interrupted || seen->is_hung)
        return;
    if (direct->may_write) {
        virDomainRef(seen->domain);
        if (vh_job_run(recover, seen->domain, free_domain, NULL, RECOVER_US + CALL_TIMEOUT_US,
                       direct->cancel, &error) != NULL)
            seen->is_interrupted = FALSE;
    }
    g_autofree char *text =
        seen->is_interrupted
            ? g_strdup_printf("domain '%s': an ask of it was interrupted, and its balloon is not "
                              "put back yet: %s",
                              seen->name, error != NULL ? error->message : "this is read-only")
            : g_strdup_printf("domain '%s': an ask of it was interrupted; its balloon is back",
                              seen->name);
    direct->notice(text, direct->notice_data);
}

static GVariant *direct_list(VhBackend *backend, GError **error)
{
    Direct *direct = direct_of(backend);
    g_autoptr(GPtrArray) all = vh_look(direct->connection, NULL, direct->cancel, error);
    GVariantBuilder list;

    if (all == NULL)
        return NULL;
    g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < all->len; i++) {
        settle(direct, all->pdata[i]);
        g_variant_builder_add_value(&list, vh_direct_doc(all->pdata[i], direct->uri, FALSE));
    }
    return g_variant_ref_sink(g_variant_builder_end(&list));
}

static gpointer find(gpointer data, GError **error)
{
    g_autofree char *uri = NULL;

    return vh_target_find(data, &uri, error);
}

static void free_target(gpointer target)
{
    vh_target_free(target);
}

static virDomainPtr find_domain(const Direct *direct, const char *domain, GError **error)
{
    const VhBackendRequest request = {.connection = direct->connection};

    return vh_job_run(find, vh_target_new(&request, domain, TRUE), free_target, free_domain,
                      CALL_TIMEOUT_US, direct->cancel, error);
}

static GVariant *direct_info(VhBackend *backend, const char *domain, GError **error)
{
    Direct *direct = direct_of(backend);
    g_autoptr(virDomain) found = find_domain(direct, domain, error);

    if (found == NULL)
        return NULL;
    g_autoptr(GPtrArray) seen = vh_look(direct->connection, found, direct->cancel, error);
    if (seen == NULL)
        return NULL;
    settle(direct, seen->pdata[0]);
    return g_variant_ref_sink(vh_direct_doc(seen->pdata[0], direct->uri, TRUE));
}

static void refuse(const Direct *direct, const char *what, GError **error)
{
    g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED, "%s needs virthintd: %s", what,
                direct->why != NULL ? direct->why
                                    : "none runs on this bus; start it with 'systemctl start "
                                      "virthintd'");
}

static GVariant *direct_plan(VhBackend *backend, GError **error)
{
    refuse(direct_of(backend), "a plan", error);
    return NULL;
}

static GVariant *direct_explain(VhBackend *backend, const char *domain, GError **error)
{
    refuse(direct_of(backend), "an explanation", error);
    return NULL;
}

static GVariant *direct_explain_all(VhBackend *backend, GError **error)
{
    refuse(direct_of(backend), "an explanation", error);
    return NULL;
}

static guint64 direct_ask(VhBackend *backend, const char *domain, const VhAskWish *wish,
                          GError **error)
{
    Direct *direct = direct_of(backend);
    g_autoptr(virDomain) found = find_domain(direct, domain, error);

    if (found == NULL)
        return 0;
    if (!direct->may_write) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_DENIED,
                            "an ask changes a guest, and this connection is read-only");
        return 0;
    }
    VhDirectAsk *ask =
        vh_direct_ask_start(found, wish->bytes, wish->granule_bytes, wish->deadline_us, error);
    if (ask == NULL)
        return 0;
    vh_direct_ask_free(direct->ask);
    direct->ask = ask;
    return ++direct->n_asks;
}

/* One of this process has ended with the command that began it. */
static gboolean direct_cancel(VhBackend *backend, const char *domain, GError **error)
{
    g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                "no ask of '%s' is under way here; another program's ends with Ctrl-C there",
                domain);
    return FALSE;
}

static GVariant *direct_wait(VhBackend *backend, guint64 id, VhBackendProgressFunc progress,
                             gpointer data, GError **error)
{
    Direct *direct = direct_of(backend);
    gboolean has_cancelled = FALSE;
    VhBackendProgress step;
    GVariant *outcome;

    if (direct->ask == NULL || id != direct->n_asks) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no ask %" G_GUINT64_FORMAT " is known", id);
        return NULL;
    }
    while ((outcome = vh_direct_ask_outcome(direct->ask)) == NULL) {
        if (!has_cancelled && g_cancellable_is_cancelled(direct->cancel)) {
            has_cancelled = TRUE;
            vh_direct_ask_cancel(direct->ask);
        }
        vh_direct_ask_progress(direct->ask, &step);
        progress(&step, data);
        vh_job_iterate(g_get_monotonic_time() + PROGRESS_PAUSE_US,
                       has_cancelled ? NULL : direct->cancel);
    }
    return outcome;
}

static guint64 direct_request(VhBackend *backend, const VhRequestWish *wish, GError **error)
{
    refuse(direct_of(backend), "a request", error);
    return 0;
}

static gboolean direct_cancel_request(VhBackend *backend, guint64 id, GError **error)
{
    refuse(direct_of(backend), "a request", error);
    return FALSE;
}

static GVariant *direct_requests(VhBackend *backend, GError **error)
{
    refuse(direct_of(backend), "a request", error);
    return NULL;
}

static GVariant *direct_wait_request(VhBackend *backend, guint64 id, VhRequestProgressFunc progress,
                                     gpointer data, GError **error)
{
    refuse(direct_of(backend), "a request", error);
    return NULL;
}

static gboolean direct_reload(VhBackend *backend, GError **error)
{
    refuse(direct_of(backend), "reloading", error);
    return FALSE;
}

static const VhBackendOps direct_ops = {
    .free = direct_free,
    .describe = direct_describe,
    .refresh = direct_refresh,
    .list = direct_list,
    .info = direct_info,
    .plan = direct_plan,
    .explain = direct_explain,
    .explain_all = direct_explain_all,
    .ask = direct_ask,
    .cancel = direct_cancel,
    .wait = direct_wait,
    .request = direct_request,
    .cancel_request = direct_cancel_request,
    .requests = direct_requests,
    .wait_request = direct_wait_request,
    .reload = direct_reload,
};

static gpointer open_connection(gpointer data, GError **error)
{
    return vh_target_open(data, 0, error);
}

static void close_connection(gpointer connection)
{
    virConnectClose(connection);
}

VhBackend *vh_backend_direct_open(const VhBackendRequest *request, const char *why, GError **error)
{
    gboolean wants_to_write = request->access == VH_ACCESS_ASK || request->connection != NULL;

    if (request->connection == NULL && request->uris != NULL &&
        g_strv_length((char **)request->uris) > 1) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "without virthintd one connection can be looked at: name a single one");
        return NULL;
    }
    virConnectPtr connection =
        vh_job_run(open_connection, vh_target_new(request, NULL, wants_to_write), free_target,
                   close_connection, CONNECT_TIMEOUT_US, request->cancel, error);
    if (connection == NULL)
        return NULL;
    Direct *direct = g_new0(Direct, 1);
    direct->backend.ops = &direct_ops;
    direct->backend.must_wait = TRUE;
    direct->connection = connection;
    direct->uri = vh_target_uri(connection);
    direct->why = g_strdup(why);
    direct->may_write = wants_to_write && !request->read_only;
    direct->cancel = g_object_ref(request->cancel);
    direct->notice = request->notice;
    direct->notice_data = request->notice_data;
    return &direct->backend;
}
