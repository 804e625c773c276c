/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The choice between the two backends, and the calls that need neither. */
#include "vh-provider.h"

#include "vh-backend-daemon.h"
#include "vh-backend-direct.h"
#include "vh-backend-events.h"
#include "vh-backend-policy.h"
#include "vh-backend-reporting.h"
#include "vh-target.h"

/* The last notice is why the daemon is not used. */
static void keep_notice(const char *text, gpointer data)
{
    char **kept = data;

    g_free(*kept);
    *kept = g_strdup(text);
}

static VhBackend *open_backend(const VhBackendRequest *request, gpointer data, GError **error)
{
    g_autofree char *uri = request->connection != NULL ? vh_target_uri(request->connection) : NULL;
    const char *const only[] = {uri, NULL};
    VhBackendRequest for_daemon = *request;
    g_autofree char *why = NULL;
    g_autoptr(GError) cause = NULL;

    if (uri != NULL && *uri != '\0')
        for_daemon.uris = only;
    for_daemon.notice = keep_notice;
    for_daemon.notice_data = &why;
    VhBackend *backend = vh_backend_daemon_open(&for_daemon, &cause);
    if (backend != NULL)
        return backend;
    if (cause != NULL) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return NULL;
    }
    return vh_backend_direct_open(request, why, error);
}

static GVariant *check(const char *const *paths, gpointer data, GError **error)
{
    g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                        "policies are checked by 'virthint check'");
    return NULL;
}

static GVariant *reporting(const VhBackendRequest *request, const char *domain,
                           VhReportingWish wish, gpointer data, GError **error)
{
    return vh_backend_reporting(request, domain, wish, error);
}

static GVariant *explain_at(const VhBackendRequest *request, const char *domain, gint64 at_us,
                            const char *trace, gpointer data, GError **error)
{
    g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                        "what has been is told by 'virthint explain --at'");
    return NULL;
}

static GVariant *policy(const VhBackendRequest *request, const char *domain,
                        const VhPolicyWish *wish, gpointer data, GError **error)
{
    return vh_backend_policy(request, domain, wish, error);
}

static gboolean events(const VhBackendRequest *request, const VhEventsWish *wish, VhEventSeen seen,
                       gpointer seen_data, guint *ret_n, gpointer data, GError **error)
{
    return vh_backend_events(request, wish, seen, seen_data, ret_n, error);
}

const VhBackendProvider *vh_provider_for_virsh(void)
{
    static const VhBackendProvider provider = {
        .open = open_backend,
        .check = check,
        .reporting = reporting,
        .explain_at = explain_at,
        .policy = policy,
        .events = events,
    };
    return &provider;
}
