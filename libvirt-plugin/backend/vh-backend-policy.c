/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the name of a domain to its metadata, on a thread that may be left behind. */
#include "vh-backend-policy.h"

#include "vh-document.h"
#include "vh-job.h"
#include "vh-metadata.h"
#include "vh-target.h"
#include "vh-units.h"

#define TIMEOUT_US (40 * VH_SEC) /* libvirt itself waits for its turn for 30 s */

typedef struct {
    VhTarget *target;
    VhPolicyAction action;
    char **settings; /* never NULL */
    VhMetadataWhere where;
} Order;

static void order_free(gpointer data)
{
    Order *order = data;

    vh_target_free(order->target);
    g_strfreev(order->settings);
    g_free(order);
}

static gboolean change(const Order *order, virDomainPtr domain, VhOverride *override,
                       GError **error)
{
    gboolean is_set = order->action == VH_POLICY_SET;
    const VhMetadataChange settings = {
        .set = is_set ? (const char *const *)order->settings : NULL,
        .unset = is_set ? NULL : (const char *const *)order->settings,
    };

    return vh_metadata_change_override(domain, &settings, order->where, override, error);
}

static gboolean carry_out(const Order *order, virDomainPtr domain, VhOverride *override,
                          GError **error)
{
    if (order->action == VH_POLICY_GET)
        return vh_metadata_get_override(domain, order->where, override, error);
    if (order->settings[0] != NULL)
        return change(order, domain, override, error);
    if (order->action == VH_POLICY_CLEAR)
        return vh_metadata_clear_override(domain, order->where, error);
    g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                        "nothing is to be set; name what is, as KEY=VALUE");
    return FALSE;
}

/* "KEY=VALUE" of all that is set, as it would be set. */
static GVariant *settings_of(const VhOverride *override)
{
    const char *const *names = vh_override_names();
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint i = 0; names[i] != NULL; i++) {
        g_autofree char *value = vh_override_get(override, names[i]);
        if (value != NULL)
            g_variant_builder_add_value(
                &list, g_variant_new_take_string(g_strdup_printf("%s=%s", names[i], value)));
    }
    return g_variant_builder_end(&list);
}

static gboolean is_about_live(const Order *order, virDomainPtr domain)
{
    if (order->where == VH_METADATA_CURRENT)
        return virDomainIsActive(domain) == 1;
    return (order->where & VH_METADATA_LIVE) != 0;
}

static GVariant *document_of(const Order *order, virDomainPtr domain, const char *uri,
                             const VhOverride *override)
{
    VhUuid uuid = vh_libvirt_uuid(domain);
    GVariantBuilder doc;

    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    vh_document_add_identity(&doc, virDomainGetName(domain), &uuid, uri);
    vh_document_add_flag(&doc, "is_live", is_about_live(order, domain));
    vh_document_add(&doc, "settings", settings_of(override));
    vh_document_add(&doc, "override", vh_document_override(override));
    return g_variant_ref_sink(g_variant_builder_end(&doc));
}

static gpointer run(gpointer data, GError **error)
{
    const Order *order = data;
    g_autofree char *uri = NULL;
    VhOverride override = {0};

    g_autoptr(virDomain) domain = vh_target_find(order->target, &uri, error);
    if (domain == NULL)
        return NULL;
    if (carry_out(order, domain, &override, error))
        return document_of(order, domain, uri, &override);
    g_prefix_error(error, "domain '%s': ", virDomainGetName(domain));
    return NULL;
}

GVariant *vh_backend_policy(const VhBackendRequest *request, const char *domain,
                            const VhPolicyWish *wish, GError **error)
{
    Order *order = g_new0(Order, 1);

    order->target = vh_target_new(request, domain, wish->action != VH_POLICY_GET);
    order->action = wish->action;
    order->settings =
        wish->settings != NULL ? g_strdupv((char **)wish->settings) : g_new0(char *, 1);
    order->where = (wish->affects_live ? VH_METADATA_LIVE : 0) |
                   (wish->affects_config ? VH_METADATA_CONFIG : 0);
    return vh_job_run(run, order, order_free, (GDestroyNotify)g_variant_unref, TIMEOUT_US,
                      request->cancel, error);
}
