/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Says no before anything is sent. Must not know what would have been sent. */
#include "vh-monitor-check.h"

#include "vh-probe.h"
#include "vh-ready.h"

#include <stdlib.h>

/* "": its XML cannot be had, or read. */
static char *describe_tier(virDomainPtr domain)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    VhProbe probe;
    gboolean is_known = xml && vh_probe_parse(xml, &probe, NULL);

    free(xml);
    return is_known ? g_strdup_printf("; without them it is of tier %s", vh_tier_name(probe.tier))
                    : g_strdup("");
}

gboolean vh_monitor_check(virDomainPtr domain, VhMonitorRule rule, GError **error)
{
    g_autofree char *tier = NULL;

    if (rule == VH_MONITOR_ALLOW)
        return vh_ready_check_writable(domain, error);
    tier = describe_tier(domain);
    g_set_error(error, VH_ERROR, VH_ERROR_DENIED,
                "QEMU monitor commands, which taint a domain, were not allowed%s", tier);
    return FALSE;
}
