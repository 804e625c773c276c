/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ask-one URI DOMAIN: gets back what one guest has free, and shows how far it is meanwhile. */
#include <virthint/virthint.h>

static void on_progress(const VhAskProgress *progress, gpointer data)
{
    g_print("%" G_GUINT64_FORMAT " bytes so far\n", progress->returned_bytes);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    VhAskRequest request = {.deadline_us = 30 * VH_SEC};
    VhAskOutcome outcome;

    vh_libvirt_init();
    g_autoptr(virConnect) connection = vh_libvirt_open(argv[1], FALSE, &error);
    g_autoptr(virDomain) domain =
        connection ? vh_libvirt_find_domain(connection, argv[2], &error) : NULL;
    if (domain == NULL ||
        !vh_ask_run(domain, &request, on_progress, NULL, NULL, &outcome, &error)) {
        g_printerr("%s: %s\n", vh_error_code_name(error->code), error->message);
        return 1;
    }
    g_print("%s: %" G_GUINT64_FORMAT " bytes came back\n", vh_ask_status_name(outcome.status),
            outcome.returned_bytes);
    return 0;
}
