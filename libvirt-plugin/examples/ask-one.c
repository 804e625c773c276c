/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ask-one URI DOMAIN: gets back what one guest has free, and shows how far it is meanwhile. */
#include <virthint/virthint.h>

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    VhAskRequest request = {.deadline_us = 30 * VH_SEC};
    VhAskProgress progress;
    VhAskOutcome outcome;
    const char *why;

    vh_watch_init();
    g_autoptr(virConnect) connection = vh_libvirt_open(argv[1], FALSE, &error);
    g_autoptr(virDomain) domain =
        connection ? vh_libvirt_find_domain(connection, argv[2], &error) : NULL;
    g_autoptr(VhAsk) ask = domain ? vh_ask_start(domain, &request, &error) : NULL;
    if (ask == NULL)
        g_printerr("%s\n", error->message);
    if (ask == NULL)
        return 1;
    while (!vh_ask_wait(ask, VH_SEC)) {
        vh_ask_get_progress(ask, &progress);
        g_print("%" G_GUINT64_FORMAT " bytes so far\n", progress.returned_bytes);
    }
    vh_ask_get_outcome(ask, &outcome, &why);
    g_print("%s: %" G_GUINT64_FORMAT " bytes came back%s%s\n", vh_ask_status_name(outcome.status),
            outcome.returned_bytes, why ? ": " : "", why ? why : "");
    return outcome.status == VH_ASK_DONE ? 0 : 1;
}
