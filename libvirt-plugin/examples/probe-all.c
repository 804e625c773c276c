/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each guest of a host can be asked for, and why no more: reads only, taints nobody. */
#include <virthint/virthint.h>

#include <stdlib.h>

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    virDomainPtr *domains = NULL;
    int n;

    vh_libvirt_init();
    g_autoptr(virConnect) connection = vh_libvirt_open(argc > 1 ? argv[1] : NULL, TRUE, &error);
    if (connection == NULL || (n = virConnectListAllDomains(connection, &domains, 0)) < 0) {
        g_printerr("%s\n", error ? error->message : virGetLastErrorMessage());
        return 1;
    }
    for (int i = 0; i < n; i++) {
        g_autoptr(virDomain) domain = domains[i];
        g_autoptr(GError) failure = NULL;
        VhProbe probe;

        if (vh_probe_domain(domain, VH_MONITOR_REFUSE, &probe, &failure)) {
            g_autofree char *reasons = vh_tier_reasons_explain(probe.reasons);
            g_print("%s: %s: %s\n", virDomainGetName(domain), vh_tier_name(probe.tier), reasons);
        } else
            g_print("%s: %s\n", virDomainGetName(domain), failure->message);
    }
    free(domains);
    return 0;
}
