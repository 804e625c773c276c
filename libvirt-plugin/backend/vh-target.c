/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections that a request means, one after the other. */
#include "vh-target.h"

VhTarget *vh_target_new(const VhBackendRequest *request, const char *domain, gboolean may_write)
{
    VhTarget *target = g_new0(VhTarget, 1);

    vh_libvirt_init();
    if (request->connection != NULL && virConnectRef(request->connection) == 0)
        target->connection = request->connection;
    target->uris = g_strdupv((char **)request->uris);
    target->domain = g_strdup(domain);
    target->may_write = may_write && !request->read_only;
    return target;
}

void vh_target_free(VhTarget *target)
{
    if (target == NULL)
        return;
    if (target->connection != NULL)
        virConnectClose(target->connection);
    g_strfreev(target->uris);
    g_free(target->domain);
    g_free(target);
}

static gboolean has_uris(const VhTarget *target)
{
    return target->uris != NULL && target->uris[0] != NULL;
}

virConnectPtr vh_target_open(const VhTarget *target, guint index, GError **error)
{
    if (target->connection != NULL) {
        if (index > 0)
            return NULL;
        if (virConnectRef(target->connection) == 0)
            return target->connection;
        vh_libvirt_set_error(error, NULL);
        return NULL;
    }
    if (index >= (has_uris(target) ? g_strv_length(target->uris) : 1))
        return NULL;
    return vh_libvirt_open(has_uris(target) ? target->uris[index] : NULL, !target->may_write,
                           error);
}

char *vh_target_uri(virConnectPtr connection)
{
    char *uri = virConnectGetURI(connection);
    char *copy = g_strdup(uri != NULL ? uri : "");
    free(uri);
    return copy;
}

/* What it is called in documents: as the user did, where that was with a URI. */
static char *uri_of(const VhTarget *target, virConnectPtr connection, guint index)
{
    return target->connection == NULL && has_uris(target) ? g_strdup(target->uris[index])
                                                          : vh_target_uri(connection);
}

virDomainPtr vh_target_find(const VhTarget *target, char **ret_uri, GError **error)
{
    for (guint i = 0;; i++) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(virConnect) connection = vh_target_open(target, i, &failure);
        if (connection == NULL && failure == NULL)
            break;
        virDomainPtr domain = connection != NULL
                                  ? vh_libvirt_find_domain(connection, target->domain, &failure)
                                  : NULL;
        if (domain != NULL) {
            *ret_uri = uri_of(target, connection, i);
            return domain;
        }
        if (connection == NULL || !g_error_matches(failure, VH_ERROR, VH_ERROR_GONE)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return NULL;
        }
    }
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no domain '%s' is known%s", target->domain,
                target->connection != NULL ? "" : "; 'virthint list --all' shows which are");
    return NULL;
}
