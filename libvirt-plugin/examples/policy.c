/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy URI DOMAIN KEY=VALUE...: sets the policy in a domain's own metadata, and shows it. */
#include <virthint/virthint.h>

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    VhOverride override;

    vh_libvirt_init();
    g_autoptr(virConnect) connection = vh_libvirt_open(argv[1], FALSE, &error);
    g_autoptr(virDomain) domain =
        connection ? vh_libvirt_find_domain(connection, argv[2], &error) : NULL;
    VhMetadataChange change = {.set = (const char *const *)argv + 3};
    if (domain == NULL ||
        !vh_metadata_change_override(domain, &change, VH_METADATA_CURRENT, &override, &error)) {
        g_printerr("%s: %s\n", vh_error_code_name(error->code), error->message);
        return 1;
    }
    g_autofree char *element = vh_metadata_format_override(&override);
    g_print("%s\n", element);
    return 0;
}
