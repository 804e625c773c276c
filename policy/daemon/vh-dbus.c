/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods, signals and properties; gdbus-codegen made the plumbing from the XML. */
#include "vh-dbus.h"

#include "vh-dbus-error.h"
#include "vh-dbus-generated.h"
#include "vh-dbus-options.h"
#include "vh-dbus-requests.h"
#include "vh-document.h"
#include "vh-report.h"

#define PROGRESS_INTERVAL_MS 200
#define LEAVE_TIMEOUT_MS 1000

struct VhDbus {
    GDBusConnection *connection;
    gboolean is_private; /* a connection of our own, to be closed */
    VhDbusDaemon1 *skeleton;
    VhSession *session;
    VhDbusRequests *requests;
    gboolean (*reload)(gpointer data, GError **error);
    gpointer data;
    GArray *asks; /* guint64: ids of asks started here whose end has not come */
    guint progress_timer;
    char *digest; /* of the last plan, as far as PlanChanged tells */
};

static VhReportInput report_input(const VhDbus *dbus)
{
    return (VhReportInput){
        .config = vh_session_config(dbus->session),
        .state = vh_session_state(dbus->session),
        .snapshot = vh_session_snapshot(dbus->session),
        .plan = vh_session_plan(dbus->session),
    };
}

static gboolean on_list_domains(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                                VhDbus *dbus)
{
    const VhReportInput input = report_input(dbus);

    vh_dbus_daemon1_complete_list_domains(skeleton, invocation, vh_report_domains(&input));
    return TRUE;
}

/* The domain's index; -1 where the caller has got the error already. */
static int find(const VhDbus *dbus, GDBusMethodInvocation *invocation, const char *domain)
{
    g_autoptr(GError) error = NULL;
    int index = vh_session_find(dbus->session, domain, &error);

    if (index < 0)
        g_dbus_method_invocation_return_gerror(invocation, error);
    return index;
}

static gboolean on_get_domain(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                              const char *domain, VhDbus *dbus)
{
    const VhReportInput input = report_input(dbus);
    int index = find(dbus, invocation, domain);

    if (index >= 0)
        vh_dbus_daemon1_complete_get_domain(skeleton, invocation,
                                            vh_report_domain(&input, (guint)index));
    return TRUE;
}

static gboolean on_get_plan(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                            VhDbus *dbus)
{
    const VhReportInput input = report_input(dbus);

    vh_dbus_daemon1_complete_get_plan(skeleton, invocation, vh_report_plan(&input));
    return TRUE;
}

static gboolean on_explain(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                           const char *domain, VhDbus *dbus)
{
    const VhReportInput input = report_input(dbus);
    int index = find(dbus, invocation, domain);

    if (index >= 0)
        vh_dbus_daemon1_complete_explain(skeleton, invocation,
                                         vh_report_explain(&input, (guint)index));
    return TRUE;
}

static gboolean on_explain_all(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                               VhDbus *dbus)
{
    const VhReportInput input = report_input(dbus);

    vh_dbus_daemon1_complete_explain_all(skeleton, invocation, vh_report_explanations(&input));
    return TRUE;
}

static gboolean take_deadline(GVariant *value, gpointer target, GError **error)
{
    VhSessionAsk *ask = target;
    return vh_dbus_options_take_deadline(value, &ask->deadline_us, error);
}

static gboolean take_granule(GVariant *value, gpointer target, GError **error)
{
    VhSessionAsk *ask = target;

    if (!g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64) ||
        !vh_reporting_granule_is_valid(g_variant_get_uint64(value))) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "granule_bytes: a power of two from 4096 to 2^30, as a 64-bit unsigned "
                            "integer (t)");
        return FALSE;
    }
    ask->granule_bytes = g_variant_get_uint64(value);
    return TRUE;
}

static const VhDbusOption ask_options[] = {
    {"deadline_us", take_deadline}, {"granule_bytes", take_granule}, {NULL, NULL}};

/* Asks whose end came unseen (they failed while they started) drop out here. */
static gboolean send_progress(gpointer data)
{
    VhDbus *dbus = data;
    VhInFlight ask;
    guint64 taken_bytes;

    for (guint i = dbus->asks->len; i > 0; i--) {
        guint64 id = g_array_index(dbus->asks, guint64, i - 1);
        if (vh_session_get_progress(dbus->session, id, &ask, &taken_bytes))
            vh_dbus_daemon1_emit_ask_progress(dbus->skeleton, id, ask.asked_bytes, taken_bytes,
                                              ask.returned_bytes);
        else
            g_array_remove_index_fast(dbus->asks, i - 1);
    }
    if (dbus->asks->len > 0)
        return G_SOURCE_CONTINUE;
    dbus->progress_timer = 0;
    return G_SOURCE_REMOVE;
}

static gboolean on_ask(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                       const char *domain, guint64 bytes, GVariant *options, VhDbus *dbus)
{
    VhSessionAsk ask = {.bytes = bytes};
    g_autoptr(GError) error = NULL;

    if (!vh_dbus_options_read(options, ask_options, &ask, &error)) {
        g_dbus_method_invocation_return_gerror(invocation, error);
        return TRUE;
    }
    int index = find(dbus, invocation, domain);
    if (index < 0)
        return TRUE;
    guint64 id = vh_session_ask(dbus->session, (guint)index, &ask, &error);
    if (id == 0) {
        g_dbus_method_invocation_return_gerror(invocation, error);
        return TRUE;
    }
    g_array_append_val(dbus->asks, id);
    if (dbus->progress_timer == 0)
        dbus->progress_timer = g_timeout_add(PROGRESS_INTERVAL_MS, send_progress, dbus);
    vh_dbus_daemon1_complete_ask(skeleton, invocation, id);
    return TRUE;
}

static gboolean on_cancel_ask(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                              guint64 id, VhDbus *dbus)
{
    if (vh_session_cancel(dbus->session, id))
        vh_dbus_daemon1_complete_cancel_ask(skeleton, invocation);
    else
        g_dbus_method_invocation_return_error(invocation, VH_ERROR, VH_ERROR_GONE,
                                              "no ask %" G_GUINT64_FORMAT " is under way", id);
    return TRUE;
}

static gboolean on_reload(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation, VhDbus *dbus)
{
    g_autoptr(GError) error = NULL;

    if (dbus->reload(dbus->data, &error)) {
        vh_dbus_set_policy_error(dbus, NULL);
        vh_dbus_daemon1_complete_reload(skeleton, invocation);
        return TRUE;
    }
    vh_dbus_set_policy_error(dbus, error->message);
    g_dbus_method_invocation_return_gerror(invocation, error);
    return TRUE;
}

static void connect_methods(VhDbus *dbus)
{
    const struct {
        const char *signal;
        GCallback handler;
    } methods[] = {
        {"handle-list-domains", G_CALLBACK(on_list_domains)},
        {"handle-get-domain", G_CALLBACK(on_get_domain)},
        {"handle-get-plan", G_CALLBACK(on_get_plan)},
        {"handle-explain", G_CALLBACK(on_explain)},
        {"handle-explain-all", G_CALLBACK(on_explain_all)},
        {"handle-ask", G_CALLBACK(on_ask)},
        {"handle-cancel-ask", G_CALLBACK(on_cancel_ask)},
        {"handle-reload", G_CALLBACK(on_reload)},
    };
    for (guint i = 0; i < G_N_ELEMENTS(methods); i++)
        g_signal_connect(dbus->skeleton, methods[i].signal, methods[i].handler, dbus);
}

static void set_connections(VhDbus *dbus)
{
    g_auto(GStrv) uris = vh_session_connections(dbus->session);

    vh_dbus_daemon1_set_connections(dbus->skeleton, (const char *const *)uris);
}

static void set_constants(VhDbus *dbus, const VhDbusHooks *hooks)
{
    vh_dbus_daemon1_set_version(dbus->skeleton, VH_VERSION);
    vh_dbus_daemon1_set_engine(dbus->skeleton,
                               hooks->engine != NULL ? hooks->engine : vh_engine_names()[0]);
    set_connections(dbus);
    vh_dbus_daemon1_set_dry_run(dbus->skeleton, hooks->dry_run);
    vh_dbus_daemon1_set_record_file(dbus->skeleton,
                                    hooks->record_file != NULL ? hooks->record_file : "");
    vh_dbus_daemon1_set_policy_error(dbus->skeleton, "");
    vh_dbus_daemon1_set_connection_error(dbus->skeleton, "");
    vh_dbus_daemon1_set_level(dbus->skeleton, vh_level_name(vh_session_plan(dbus->session)->level));
}

static gboolean open_bus(VhDbus *dbus, const char *address, GError **error)
{
    g_autoptr(GError) cause = NULL;

    dbus->is_private = address != NULL;
    if (address != NULL)
        dbus->connection = g_dbus_connection_new_for_address_sync(
            address,
            G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
            NULL, NULL, &cause);
    else
        dbus->connection = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &cause);
    if (dbus->connection == NULL) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "bus %s: %s",
                    address != NULL ? address : "(system)", cause->message);
        return FALSE;
    }
    g_dbus_connection_set_exit_on_close(dbus->connection, FALSE);
    return TRUE;
}

/* In one round trip: g_bus_own_name() would tell only later whether the name is ours. */
static gboolean take_name(VhDbus *dbus, GError **error)
{
    const guint32 do_not_queue = 4, is_owner = 1;
    g_autoptr(GError) cause = NULL;
    guint32 result = 0;

    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        dbus->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "RequestName", g_variant_new("(su)", VH_DBUS_NAME, do_not_queue), G_VARIANT_TYPE("(u)"),
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, &cause);
    if (reply == NULL) {
        g_dbus_error_strip_remote_error(cause);
        g_set_error(error, VH_ERROR, VH_ERROR_DENIED, "the name %s: %s", VH_DBUS_NAME,
                    cause->message);
        return FALSE;
    }
    g_variant_get(reply, "(u)", &result);
    if (result == is_owner)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_BUSY,
                "the name %s is taken: another virthintd runs on this bus", VH_DBUS_NAME);
    return FALSE;
}

VhDbus *vh_dbus_new(const char *address, VhSession *session, const VhDbusHooks *hooks,
                    gpointer data, GError **error)
{
    g_autoptr(VhDbus) dbus = g_new0(VhDbus, 1);

    vh_dbus_error_register();
    dbus->session = session;
    dbus->reload = hooks->reload;
    dbus->data = data;
    dbus->asks = g_array_new(FALSE, FALSE, sizeof(guint64));
    dbus->skeleton = vh_dbus_daemon1_skeleton_new();
    set_constants(dbus, hooks);
    connect_methods(dbus);
    dbus->requests = vh_dbus_requests_new(dbus->skeleton, session);
    if (!open_bus(dbus, address, error))
        return NULL;
    if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(dbus->skeleton),
                                          dbus->connection, VH_DBUS_PATH, error))
        return NULL;
    if (!take_name(dbus, error))
        return NULL;
    return g_steal_pointer(&dbus);
}

/*
 * The shared system connection outlives us: the name and the object must not. The name is given up
 * in a round trip, so that a successor finds it free.
 */
static void leave_bus(VhDbus *dbus)
{
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        dbus->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "ReleaseName", g_variant_new("(s)", VH_DBUS_NAME), NULL, G_DBUS_CALL_FLAGS_NONE,
        LEAVE_TIMEOUT_MS, NULL, NULL);

    g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(dbus->skeleton));
    if (dbus->is_private)
        g_dbus_connection_close_sync(dbus->connection, NULL, NULL);
}

void vh_dbus_free(VhDbus *dbus)
{
    if (dbus == NULL)
        return;
    g_clear_handle_id(&dbus->progress_timer, g_source_remove);
    if (dbus->connection != NULL)
        leave_bus(dbus);
    g_clear_object(&dbus->connection);
    vh_dbus_requests_free(dbus->requests);
    g_signal_handlers_disconnect_by_data(dbus->skeleton, dbus);
    g_object_unref(dbus->skeleton);
    g_array_unref(dbus->asks);
    g_free(dbus->digest);
    g_free(dbus);
}

/* What PlanChanged is about: the level, the order of asks, and each domain's reason. */
static char *digest_of(const VhDbus *dbus)
{
    const VhSnapshot *snapshot = vh_session_snapshot(dbus->session);
    const VhPlan *plan = vh_session_plan(dbus->session);
    g_autoptr(GString) text = g_string_new(vh_level_name(plan->level));
    char uuid[VH_UUID_TEXT];

    for (guint i = 0; i < plan->actions->len; i++)
        g_string_append_printf(
            text, ">%s", vh_uuid_format(&g_array_index(plan->actions, VhAction, i).uuid, uuid));
    for (guint i = 0; i < plan->verdicts->len; i++) {
        const VhVerdict *verdict = &g_array_index(plan->verdicts, VhVerdict, i);
        if (verdict->domain < vh_snapshot_n_domains(snapshot))
            g_string_append_printf(
                text, ";%s=%s",
                vh_uuid_format(&vh_snapshot_domain(snapshot, verdict->domain)->uuid, uuid),
                vh_reason_name(verdict->reason));
    }
    return g_compute_checksum_for_string(G_CHECKSUM_SHA1, text->str, (gssize)text->len);
}

void vh_dbus_cycled(VhDbus *dbus)
{
    const char *message = NULL;
    gboolean is_connected = vh_session_is_connected(dbus->session, &message);
    g_autofree char *digest = digest_of(dbus);

    vh_dbus_daemon1_set_level(dbus->skeleton, vh_level_name(vh_session_plan(dbus->session)->level));
    vh_dbus_daemon1_set_connection_error(dbus->skeleton,
                                         is_connected || message == NULL ? "" : message);
    set_connections(dbus);
    if (g_strcmp0(digest, dbus->digest) == 0)
        return;
    g_free(dbus->digest);
    dbus->digest = g_steal_pointer(&digest);
    vh_dbus_daemon1_emit_plan_changed(dbus->skeleton);
}

/* "started-ask": what the signal's reader needs to name it. */
static GVariant *started_ask(const VhDbus *dbus, const VhInFlight *ask)
{
    const VhSnapshot *snapshot = vh_session_snapshot(dbus->session);
    char uuid[VH_UUID_TEXT];
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        if (!vh_uuid_equal(&domain->uuid, &ask->uuid) || !g_str_equal(domain->uri, ask->uri))
            continue;
        g_autofree char *name = g_utf8_make_valid(domain->name, -1);
        g_variant_builder_add(&doc, "{sv}", "name", g_variant_new_string(name));
        break;
    }
    g_variant_builder_add(&doc, "{sv}", "uuid",
                          g_variant_new_string(vh_uuid_format(&ask->uuid, uuid)));
    g_variant_builder_add(&doc, "{sv}", "uri", g_variant_new_string(ask->uri));
    g_variant_builder_add(&doc, "{sv}", "method",
                          g_variant_new_string(vh_ask_method_name(ask->method)));
    if (ask->granule_bytes != 0)
        g_variant_builder_add(&doc, "{sv}", "granule_bytes",
                              g_variant_new_uint64(ask->granule_bytes));
    g_variant_builder_add(&doc, "{sv}", "bytes", g_variant_new_uint64(ask->asked_bytes));
    g_variant_builder_add(&doc, "{sv}", "counted_bytes", g_variant_new_uint64(ask->expected_bytes));
    return g_variant_builder_end(&doc);
}

void vh_dbus_ask_started(VhDbus *dbus, const VhInFlight *ask)
{
    vh_dbus_daemon1_emit_ask_started(dbus->skeleton, ask->id, started_ask(dbus, ask));
}

void vh_dbus_ask_ended(VhDbus *dbus, const VhEnded *ask, const char *message)
{
    for (guint i = dbus->asks->len; i > 0; i--) {
        if (g_array_index(dbus->asks, guint64, i - 1) == ask->id)
            g_array_remove_index_fast(dbus->asks, i - 1);
    }
    vh_dbus_daemon1_emit_ask_ended(dbus->skeleton, ask->id,
                                   vh_document_outcome(&ask->outcome, message));
}

void vh_dbus_request_started(VhDbus *dbus, const VhRequestRecord *request)
{
    vh_dbus_requests_started(dbus->requests, request);
}

void vh_dbus_request_ended(VhDbus *dbus, const VhRequestRecord *request)
{
    vh_dbus_requests_ended(dbus->requests, request);
}

void vh_dbus_set_policy_error(VhDbus *dbus, const char *message)
{
    g_autofree char *valid = g_utf8_make_valid(message != NULL ? message : "", -1);
    vh_dbus_daemon1_set_policy_error(dbus->skeleton, valid);
}
