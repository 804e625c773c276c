/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Request, CancelRequest, ListRequests, and what is told of each request. */
#include "vh-dbus-requests.h"

#include "vh-dbus-options.h"
#include "vh-report.h"

#define PROGRESS_INTERVAL_MS 200

/* What was last told of a request. */
typedef struct {
    guint64 id;
    guint64 returned_bytes;
    guint n_in_flight;
} Told;

struct VhDbusRequests {
    VhDbusDaemon1 *skeleton;
    VhSession *session;
    GArray *told; /* Told */
    guint timer;  /* while there are any */
};

static GVariant *document_of(const VhDbusRequests *requests, const VhRequestRecord *record)
{
    gint64 now_us = g_get_monotonic_time();
    VhRequest request = record->request;
    GVariantDict doc;

    request.returned_bytes = vh_session_request_returned(requests->session, record);
    g_autoptr(GVariant) whole =
        g_variant_ref_sink(vh_report_request(&request, now_us, g_get_real_time()));
    g_variant_dict_init(&doc, whole);
    g_variant_dict_insert(&doc, "status", "s", vh_request_status_name(record->status));
    g_variant_dict_insert(&doc, "age_us", "x", now_us - record->started_us);
    g_variant_dict_insert(&doc, "asks_made", "u", record->n_asks);
    g_variant_dict_insert(&doc, "asks_in_flight", "u", record->n_in_flight);
    return g_variant_dict_end(&doc);
}

static gboolean take_urgency(GVariant *value, gpointer target, GError **error)
{
    VhSessionRequest *request = target;
    int level = g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)
                    ? vh_level_from_name(g_variant_get_string(value, NULL))
                    : -1;

    if (level <= VH_LEVEL_IDLE) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "urgency: 'proactive', 'low', 'high' or 'critical', as text (s)");
        return FALSE;
    }
    request->urgency = (VhLevel)level;
    return TRUE;
}

static gboolean take_deadline(GVariant *value, gpointer target, GError **error)
{
    VhSessionRequest *request = target;
    return vh_dbus_options_take_deadline(value, &request->deadline_us, error);
}

static const VhDbusOption request_options[] = {
    {"urgency", take_urgency}, {"deadline_us", take_deadline}, {NULL, NULL}};

static gboolean on_request(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                           guint64 bytes, GVariant *options, VhDbusRequests *requests)
{
    VhSessionRequest request = {.bytes = bytes, .urgency = VH_LEVEL_LOW};
    g_autoptr(GError) error = NULL;
    guint64 id = 0;

    if (vh_dbus_options_read(options, request_options, &request, &error))
        id = vh_session_request(requests->session, &request, &error);
    if (id != 0)
        vh_dbus_daemon1_complete_request(skeleton, invocation, id);
    else
        g_dbus_method_invocation_return_gerror(invocation, error);
    return TRUE;
}

static gboolean on_cancel_request(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                                  guint64 id, VhDbusRequests *requests)
{
    if (vh_session_cancel_request(requests->session, id))
        vh_dbus_daemon1_complete_cancel_request(skeleton, invocation);
    else
        g_dbus_method_invocation_return_error(invocation, VH_ERROR, VH_ERROR_GONE,
                                              "no request %" G_GUINT64_FORMAT " is open", id);
    return TRUE;
}

static gboolean on_list_requests(VhDbusDaemon1 *skeleton, GDBusMethodInvocation *invocation,
                                 VhDbusRequests *requests)
{
    const VhRequests *open = vh_session_requests(requests->session);
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < vh_requests_count(open); i++)
        g_variant_builder_add_value(&list, document_of(requests, vh_requests_get(open, i)));
    vh_dbus_daemon1_complete_list_requests(skeleton, invocation, g_variant_builder_end(&list));
    return TRUE;
}

/* Only what has changed. */
static gboolean send_progress(gpointer data)
{
    VhDbusRequests *requests = data;

    for (guint i = 0; i < requests->told->len; i++) {
        Told *told = &g_array_index(requests->told, Told, i);
        const VhRequestRecord *record =
            vh_requests_find(vh_session_requests(requests->session), told->id);
        if (record == NULL)
            continue; /* its end is told elsewhere */
        const Told now = {told->id, vh_session_request_returned(requests->session, record),
                          record->n_in_flight};
        if (now.returned_bytes == told->returned_bytes && now.n_in_flight == told->n_in_flight)
            continue;
        *told = now;
        vh_dbus_daemon1_emit_request_progress(requests->skeleton, now.id, record->request.bytes,
                                              now.returned_bytes, now.n_in_flight);
    }
    return G_SOURCE_CONTINUE;
}

void vh_dbus_requests_started(VhDbusRequests *requests, const VhRequestRecord *request)
{
    const Told told = {.id = request->request.id};

    g_array_append_val(requests->told, told);
    if (requests->timer == 0)
        requests->timer = g_timeout_add(PROGRESS_INTERVAL_MS, send_progress, requests);
    vh_dbus_daemon1_emit_request_started(requests->skeleton, request->request.id,
                                         document_of(requests, request));
}

void vh_dbus_requests_ended(VhDbusRequests *requests, const VhRequestRecord *request)
{
    for (guint i = requests->told->len; i > 0; i--) {
        if (g_array_index(requests->told, Told, i - 1).id == request->request.id)
            g_array_remove_index_fast(requests->told, i - 1);
    }
    if (requests->told->len == 0)
        g_clear_handle_id(&requests->timer, g_source_remove);
    vh_dbus_daemon1_emit_request_ended(requests->skeleton, request->request.id,
                                       document_of(requests, request));
}

VhDbusRequests *vh_dbus_requests_new(VhDbusDaemon1 *skeleton, VhSession *session)
{
    VhDbusRequests *requests = g_new0(VhDbusRequests, 1);

    requests->skeleton = skeleton;
    requests->session = session;
    requests->told = g_array_new(FALSE, FALSE, sizeof(Told));
    g_signal_connect(skeleton, "handle-request", G_CALLBACK(on_request), requests);
    g_signal_connect(skeleton, "handle-cancel-request", G_CALLBACK(on_cancel_request), requests);
    g_signal_connect(skeleton, "handle-list-requests", G_CALLBACK(on_list_requests), requests);
    return requests;
}

void vh_dbus_requests_free(VhDbusRequests *requests)
{
    if (requests == NULL)
        return;
    g_clear_handle_id(&requests->timer, g_source_remove);
    g_signal_handlers_disconnect_by_data(requests->skeleton, requests);
    g_array_unref(requests->told);
    g_free(requests);
}
