/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts together what several calls tell. Must not know what any figure is good for. */
#include "vh-counters.h"

#include "vh-call.h"
#include "vh-libvirt.h"
#include "vh-reporting-monitor.h"

#include <stdlib.h>

static gboolean read_xml(virDomainPtr domain, VhProbe *ret_probe, GError **error)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    gboolean is_read = xml && vh_probe_parse(xml, ret_probe, error);

    if (!xml)
        vh_libvirt_set_error(error, NULL);
    free(xml);
    return is_read;
}

gboolean vh_counters_read(virDomainPtr domain, VhMonitorRule monitor, VhCounters *ret_counters,
                          GError **error)
{
    VhReportingTold told = VH_REPORTING_NOT_TO_ASK;
    VhCounters counters = {0};
    VhProbe probe;

    if (!read_xml(domain, &probe, error) || !vh_stats_read(domain, &counters.stats, error))
        return FALSE;
    if (!probe.has_passes)
        told = VH_REPORTING_STOCK;
    else if (monitor == VH_MONITOR_ALLOW && counters.stats.state != VIR_DOMAIN_SHUTOFF &&
             !vh_reporting_tell(domain, &counters.reporting, &told, error))
        return FALSE;
    counters.has_reporting = told == VH_REPORTING_TOLD;
    if (!probe.has_balloon)
        counters.why_not = VH_TIER_REASON_NO_BALLOON;
    else if (told == VH_REPORTING_STOCK)
        counters.why_not = VH_TIER_REASON_STOCK_DEVICE;
    else if (told == VH_REPORTING_NOT_TO_ASK)
        counters.why_not = VH_TIER_REASON_NO_MONITOR;
    *ret_counters = counters;
    return TRUE;
}

typedef struct {
    VhMonitorRule monitor;
    VhCounters counters;
} Args;

static gboolean read_work(gpointer handle, gpointer data, GError **error)
{
    Args *args = data;

    return vh_counters_read(handle, args->monitor, &args->counters, error);
}

void vh_counters_read_async(virDomainPtr domain, VhMonitorRule monitor, gint64 timeout_us,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    const Args args = {.monitor = monitor};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, read_work, &args, sizeof args, NULL, &options);
}

gboolean vh_counters_read_finish(GAsyncResult *result, VhCounters *ret_counters, GError **error)
{
    const Args *args = vh_call_finish(result, read_work, error);

    if (args)
        *ret_counters = args->counters;
    return args != NULL;
}
