/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of vh-reporting.h on threads of their own. Must not know what they send. */
#include "vh-call.h"
#include "vh-reporting.h"

typedef struct {
    VhMonitorRule rule;
    gboolean is_enabled;
    VhReportingPassRequest request;
    VhReportingInfo info;
    guint32 id;
} Args;

static gboolean query_work(gpointer handle, gpointer data, GError **error)
{
    Args *args = data;

    return vh_reporting_query(handle, args->rule, &args->info, error);
}

void vh_reporting_query_async(virDomainPtr domain, VhMonitorRule monitor, gint64 timeout_us,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer data)
{
    const Args args = {.rule = monitor};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, query_work, &args, sizeof args, NULL, &options);
}

gboolean vh_reporting_query_finish(GAsyncResult *result, VhReportingInfo *ret_info, GError **error)
{
    const Args *args = vh_call_finish(result, query_work, error);

    if (args)
        *ret_info = args->info;
    return args != NULL;
}

static gboolean set_work(gpointer handle, gpointer data, GError **error)
{
    const Args *args = data;

    return vh_reporting_set(handle, args->rule, args->is_enabled, error);
}

void vh_reporting_set_async(virDomainPtr domain, VhMonitorRule monitor, gboolean is_enabled,
                            gint64 timeout_us, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer data)
{
    const Args args = {.rule = monitor, .is_enabled = is_enabled};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, set_work, &args, sizeof args, NULL, &options);
}

gboolean vh_reporting_set_finish(GAsyncResult *result, GError **error)
{
    return vh_call_finish(result, set_work, error) != NULL;
}

static gboolean start_work(gpointer handle, gpointer data, GError **error)
{
    Args *args = data;

    return vh_reporting_pass_start(handle, args->rule, &args->request, &args->id, error);
}

void vh_reporting_pass_start_async(virDomainPtr domain, VhMonitorRule monitor,
                                   const VhReportingPassRequest *request, gint64 timeout_us,
                                   GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer data)
{
    const Args args = {.rule = monitor, .request = *request};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, start_work, &args, sizeof args, NULL, &options);
}

gboolean vh_reporting_pass_start_finish(GAsyncResult *result, guint32 *ret_id, GError **error)
{
    const Args *args = vh_call_finish(result, start_work, error);

    if (args)
        *ret_id = args->id;
    return args != NULL;
}

static gboolean cancel_work(gpointer handle, gpointer data, GError **error)
{
    const Args *args = data;

    return vh_reporting_pass_cancel(handle, args->rule, error);
}

void vh_reporting_pass_cancel_async(virDomainPtr domain, VhMonitorRule monitor, gint64 timeout_us,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer data)
{
    const Args args = {.rule = monitor};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, cancel_work, &args, sizeof args, NULL, &options);
}

gboolean vh_reporting_pass_cancel_finish(GAsyncResult *result, GError **error)
{
    return vh_call_finish(result, cancel_work, error) != NULL;
}
