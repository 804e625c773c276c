/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reporting URI DOMAIN [on|off]: shows and switches free page reporting. Taints the domain. */
#include <virthint/virthint.h>

#include <string.h>

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    VhReportingInfo info;

    vh_libvirt_init();
    g_autoptr(virConnect) connection = vh_libvirt_open(argv[1], FALSE, &error);
    g_autoptr(virDomain) domain =
        connection ? vh_libvirt_find_domain(connection, argv[2], &error) : NULL;
    if (domain == NULL ||
        (argc > 3 &&
         !vh_reporting_set(domain, VH_MONITOR_ALLOW, strcmp(argv[3], "on") == 0, &error)) ||
        !vh_reporting_query(domain, VH_MONITOR_ALLOW, &info, &error)) {
        g_printerr("%s: %s\n", vh_error_code_name(error->code), error->message);
        return 1;
    }
    g_print("reporting is %s, and %s; %" G_GUINT64_FORMAT " bytes came back by it\n",
            info.is_enabled ? "on" : "off", info.is_active ? "in force" : "not in force",
            info.counters.discarded_bytes);
    return 0;
}
