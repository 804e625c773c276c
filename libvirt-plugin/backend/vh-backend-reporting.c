/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the name of a domain to what its QEMU tells. A call into libvirt cannot be interrupted, so
 * that all of it runs on a thread while the main loop hears Ctrl-C.
 */
#include "vh-backend-reporting.h"

#include "vh-doc-reporting.h"
#include "vh-libvirt.h"
#include "vh-probe.h"
#include "vh-reporting.h"

typedef struct {
    char **uris;
    char *domain;
    VhReportingWish wish;
} Order;

static void order_free(gpointer data)
{
    Order *order = data;

    g_strfreev(order->uris);
    g_free(order->domain);
    g_free(order);
}

/* On the first of the connections that has it. *ret_uri is borrowed from the order. */
static virDomainPtr find(const Order *order, const char **ret_uri, GError **error)
{
    const char *const default_uris[] = {NULL, NULL};
    const char *const *uris = order->uris != NULL && order->uris[0] != NULL
                                  ? (const char *const *)order->uris
                                  : default_uris;

    for (guint i = 0; i == 0 || uris[i] != NULL; i++) {
        g_autoptr(virConnect) connection = vh_libvirt_open(uris[i], FALSE, error);
        if (connection == NULL)
            return NULL;
        g_autoptr(GError) failure = NULL;
        virDomainPtr domain = vh_libvirt_find_domain(connection, order->domain, &failure);
        if (domain != NULL) {
            *ret_uri = uris[i] != NULL ? uris[i] : "";
            return domain;
        }
        if (!g_error_matches(failure, VH_ERROR, VH_ERROR_GONE)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return NULL;
        }
    }
    g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                "no domain '%s' is known; 'virthint list --all' shows which are", order->domain);
    return NULL;
}

static gboolean change(VhReportingWish wish, virDomainPtr domain, GError **error)
{
    switch (wish) {
    case VH_WISH_OFF:
    case VH_WISH_ON:
        return vh_reporting_set(domain, VH_MONITOR_ALLOW, wish == VH_WISH_ON, error);
    case VH_WISH_CANCEL:
        return vh_reporting_pass_cancel(domain, VH_MONITOR_ALLOW, error);
    case VH_WISH_SHOW:
        break;
    }
    return TRUE;
}

/* What can be known without tainting the domain comes first. */
static gboolean carry_out(const Order *order, virDomainPtr domain, VhProbe *probe,
                          VhReportingInfo *info, GError **error)
{
    if (virDomainIsActive(domain) == 0) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED, "it does not run");
        return FALSE;
    }
    if (!vh_probe_domain(domain, VH_MONITOR_REFUSE, probe, error))
        return FALSE;
    if (!probe->has_balloon) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                            "it has no virtio memory balloon; its QEMU was not asked");
        return FALSE;
    }
    if (order->wish == VH_WISH_CANCEL && !probe->has_passes) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_GONE,
                            "no ask of it is known, and its balloon takes no passes, so that there "
                            "is none to cancel");
        return FALSE;
    }
    if (!change(order->wish, domain, error))
        return FALSE;
    if (!vh_reporting_query(domain, VH_MONITOR_ALLOW, info, error)) {
        if (order->wish != VH_WISH_SHOW)
            g_prefix_error(error, "that was done, but its QEMU does not tell how it is: ");
        return FALSE;
    }
    vh_probe_apply_reporting(probe, info);
    return TRUE;
}

static void add_tier(GVariantBuilder *doc, const VhProbe *probe)
{
    g_variant_builder_add(doc, "{sv}", "tier", g_variant_new_string(vh_tier_name(probe->tier)));
    g_variant_builder_add(doc, "{sv}", "tier_reasons",
                          vh_tier_reasons_list(probe->reasons, vh_tier_reason_name));
    g_variant_builder_add(doc, "{sv}", "tier_texts",
                          vh_tier_reasons_list(probe->reasons, vh_tier_reason_text));
}

static GVariant *document_of(virDomainPtr domain, const char *uri, const VhProbe *probe,
                             const VhReportingInfo *info)
{
    VhUuid uuid = vh_libvirt_uuid(domain);
    char uuid_text[VH_UUID_TEXT];
    GVariantBuilder doc;

    vh_uuid_format(&uuid, uuid_text);
    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&doc, "{sv}", "name", g_variant_new_string(virDomainGetName(domain)));
    g_variant_builder_add(&doc, "{sv}", "uuid", g_variant_new_string(uuid_text));
    g_variant_builder_add(&doc, "{sv}", "uri", g_variant_new_string(uri));
    add_tier(&doc, probe);
    vh_doc_add_reporting(&doc, info);
    return g_variant_ref_sink(g_variant_builder_end(&doc));
}

static void run(GTask *task, gpointer source, gpointer data, GCancellable *cancel)
{
    const Order *order = data;
    const char *uri = NULL;
    VhProbe probe;
    VhReportingInfo info;
    GError *error = NULL;

    g_autoptr(virDomain) domain = find(order, &uri, &error);
    if (domain != NULL && carry_out(order, domain, &probe, &info, &error)) {
        g_task_return_pointer(task, document_of(domain, uri, &probe, &info),
                              (GDestroyNotify)g_variant_unref);
        return;
    }
    if (domain != NULL)
        g_prefix_error(&error, "domain '%s': ", virDomainGetName(domain));
    g_task_return_error(task, error);
}

typedef struct {
    GVariant *doc;
    GError *error;
    gboolean is_done;
} Result;

static void on_done(GObject *source, GAsyncResult *task, gpointer data)
{
    Result *result = data;

    result->doc = g_task_propagate_pointer(G_TASK(task), &result->error);
    result->is_done = TRUE;
}

GVariant *vh_backend_reporting(const VhBackendRequest *request, const char *domain,
                               VhReportingWish wish, GError **error)
{
    Result result = {0};
    Order *order = g_new0(Order, 1);

    vh_libvirt_init();
    order->uris = g_strdupv((char **)request->uris);
    order->domain = g_strdup(domain);
    order->wish = wish;
    g_autoptr(GTask) task = g_task_new(NULL, request->cancel, on_done, &result);
    g_task_set_task_data(task, order, order_free);
    g_task_set_return_on_cancel(task, TRUE);
    g_task_run_in_thread(task, run);
    while (!result.is_done)
        g_main_context_iteration(NULL, TRUE);
    if (result.doc == NULL)
        g_propagate_error(error, result.error);
    return result.doc;
}
