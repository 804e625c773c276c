/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the name of a domain to what its QEMU tells. A call into libvirt cannot be interrupted, so
 * that all of it runs on a thread while the main loop hears Ctrl-C.
 */
#include "vh-backend-reporting.h"

#include "vh-doc-reporting.h"
#include "vh-document.h"
#include "vh-job.h"
#include "vh-probe.h"
#include "vh-reporting.h"
#include "vh-target.h"
#include "vh-units.h"

#define TIMEOUT_US (40 * VH_SEC) /* libvirt itself waits for its turn for 30 s */

typedef struct {
    VhTarget *target;
    VhReportingWish wish;
} Order;

static void order_free(gpointer data)
{
    Order *order = data;

    vh_target_free(order->target);
    g_free(order);
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

static GVariant *document_of(virDomainPtr domain, const char *uri, const VhProbe *probe,
                             const VhReportingInfo *info)
{
    VhUuid uuid = vh_libvirt_uuid(domain);
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_identity(&doc, virDomainGetName(domain), &uuid, uri);
    vh_document_add_tier(&doc, probe->tier, probe->reasons);
    vh_document_add(&doc, "tier_texts", vh_tier_reasons_list(probe->reasons, vh_tier_reason_text));
    vh_doc_add_reporting(&doc, info);
    return g_variant_ref_sink(g_variant_builder_end(&doc));
}

static gpointer run(gpointer data, GError **error)
{
    const Order *order = data;
    g_autofree char *uri = NULL;
    VhProbe probe;
    VhReportingInfo info;

    g_autoptr(virDomain) domain = vh_target_find(order->target, &uri, error);
    if (domain == NULL)
        return NULL;
    if (carry_out(order, domain, &probe, &info, error))
        return document_of(domain, uri, &probe, &info);
    g_prefix_error(error, "domain '%s': ", virDomainGetName(domain));
    return NULL;
}

GVariant *vh_backend_reporting(const VhBackendRequest *request, const char *domain,
                               VhReportingWish wish, GError **error)
{
    Order *order = g_new0(Order, 1);

    order->target = vh_target_new(request, domain, TRUE);
    order->wish = wish;
    return vh_job_run(run, order, order_free, (GDestroyNotify)g_variant_unref, TIMEOUT_US,
                      request->cancel, error);
}
