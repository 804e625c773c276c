/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One listener for each connection, and the wait until there has been enough. */
#include "vh-backend-events.h"

#include "vh-doc-reporting.h"
#include "vh-document.h"
#include "vh-events.h"
#include "vh-job.h"
#include "vh-target.h"

typedef struct {
    VhEventSeen seen;
    gpointer seen_data;
    gboolean is_loop;
    guint n;
    gboolean is_lost;
} Wait;

typedef struct {
    Wait *wait; /* of all listeners */
    virConnectPtr connection;
    char *uri;
    VhEvents *events;
} Listener;

static void listener_free(gpointer data)
{
    Listener *listener = data;

    vh_events_free(listener->events);
    virConnectClose(listener->connection);
    g_free(listener->uri);
    g_free(listener);
}

/* Of a pass that QEMU was not asked about only so much is known. */
static GVariant *short_pass(const VhReportingPass *pass)
{
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_count(&doc, "id", pass->id);
    vh_document_add_text(&doc, "status", vh_pass_status_name(pass->status));
    vh_document_add_bytes(&doc, "reported_bytes", pass->reported_bytes);
    vh_document_add_bytes(&doc, "discarded_bytes", pass->discarded_bytes);
    return g_variant_builder_end(&doc);
}

static void add_what(GVariantBuilder *doc, const VhEvent *event)
{
    switch (event->kind) {
    case VH_EVENT_PASS_ENDED:
        vh_document_add(doc, "pass",
                        event->has_details ? vh_doc_pass(&event->pass) : short_pass(&event->pass));
        break;
    case VH_EVENT_REPORTING_CHANGED:
        vh_document_add_flag(doc, "is_enabled", event->is_enabled);
        vh_document_add_flag(doc, "is_active", event->is_active);
        if (event->inhibitor != VH_REPORTING_INHIBITOR_NONE)
            vh_document_add_text(doc, "inhibitor", vh_reporting_inhibitor_name(event->inhibitor));
        break;
    case VH_EVENT_TIER_CHANGED:
        vh_document_add_tier(doc, event->tier, event->reasons);
        vh_document_add(doc, "tier_texts",
                        vh_tier_reasons_list(event->reasons, vh_tier_reason_text));
        vh_document_add_text(doc, "tier_before", vh_tier_name(event->tier_before));
        break;
    case VH_EVENT_KINDS:
    case VH_EVENT_LOST:
        break;
    }
}

static void on_event(VhEvents *events, const VhEvent *event, gpointer data)
{
    const Listener *listener = data;
    Wait *wait = listener->wait;
    GVariantBuilder doc;

    if (event->kind == VH_EVENT_LOST) {
        wait->is_lost = TRUE;
        return;
    }
    if (!wait->is_loop && wait->n > 0)
        return; /* it came with the one that was waited for */
    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_text(&doc, "event", vh_event_kind_name(event->kind));
    vh_document_add_us(&doc, "time_us", event->time_us);
    vh_document_add_identity(&doc, event->name, &event->uuid, listener->uri);
    add_what(&doc, event);
    g_autoptr(GVariant) document = g_variant_ref_sink(g_variant_builder_end(&doc));
    wait->n++;
    wait->seen(document, wait->seen_data);
}

/* The kinds as bits; 0: all that can be had. */
static gboolean read_kinds(const VhEventsWish *wish, guint *ret_kinds, GError **error)
{
    guint kinds = 0;

    for (guint i = 0; wish->kinds != NULL && wish->kinds[i] != NULL; i++) {
        guint kind = vh_event_kind_from_name(wish->kinds[i]);
        if (kind == 0) {
            g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                        "there is no event '%s'; there are %s, %s and %s", wish->kinds[i],
                        vh_event_kind_name(VH_EVENT_PASS_ENDED),
                        vh_event_kind_name(VH_EVENT_REPORTING_CHANGED),
                        vh_event_kind_name(VH_EVENT_TIER_CHANGED));
            return FALSE;
        }
        kinds |= kind;
    }
    *ret_kinds = kinds;
    return TRUE;
}

/* Takes the connection. FALSE: it cannot be listened to, or has no such domain (GONE). */
static gboolean listen_on(GPtrArray *listeners, Wait *wait, virConnectPtr connection,
                          const VhTarget *target, guint kinds, GError **error)
{
    Listener *listener = g_new0(Listener, 1);
    g_autoptr(virDomain) domain = NULL;

    listener->wait = wait;
    listener->connection = connection;
    listener->uri = vh_target_uri(connection);
    g_ptr_array_add(listeners, listener);
    if (target->domain != NULL) {
        domain = vh_libvirt_find_domain(connection, target->domain, error);
        if (domain == NULL)
            return FALSE;
    }
    const VhEventsOptions options = {.domain = domain, .kinds = kinds};
    listener->events = vh_events_new(connection, &options, on_event, listener, error);
    return listener->events != NULL;
}

/* On each connection that is meant; with a domain on the first that has it. */
static gboolean listen_all(GPtrArray *listeners, Wait *wait, const VhTarget *target, guint kinds,
                           GError **error)
{
    for (guint i = 0;; i++) {
        g_autoptr(GError) failure = NULL;
        virConnectPtr connection = vh_target_open(target, i, &failure);
        if (connection == NULL && failure == NULL)
            break;
        gboolean listens =
            connection != NULL && listen_on(listeners, wait, connection, target, kinds, &failure);
        if (listens && target->domain != NULL)
            return TRUE;
        if (listens)
            continue;
        if (target->domain == NULL || !g_error_matches(failure, VH_ERROR, VH_ERROR_GONE)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
    }
    if (target->domain == NULL)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no domain '%s' is known", target->domain);
    return FALSE;
}

gboolean vh_backend_events(const VhBackendRequest *request, const VhEventsWish *wish,
                           VhEventSeen seen, gpointer seen_data, guint *ret_n, GError **error)
{
    gint64 until_us = wish->timeout_us > 0 ? g_get_monotonic_time() + wish->timeout_us : G_MAXINT64;
    g_autoptr(VhTarget) target = vh_target_new(request, wish->domain, TRUE);
    Wait wait = {.seen = seen, .seen_data = seen_data, .is_loop = wish->is_loop};
    g_autoptr(GPtrArray) listeners = g_ptr_array_new_with_free_func(listener_free);
    guint kinds;

    if (!read_kinds(wish, &kinds, error) || !listen_all(listeners, &wait, target, kinds, error))
        return FALSE;
    while ((wish->is_loop || wait.n == 0) && !wait.is_lost && g_get_monotonic_time() < until_us &&
           !g_cancellable_is_cancelled(request->cancel))
        vh_job_iterate(until_us, request->cancel);
    if (wait.is_lost) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_GONE,
                            "the connection to libvirt has closed; there are no more events");
        return FALSE;
    }
    *ret_n = wait.n;
    return TRUE;
}
