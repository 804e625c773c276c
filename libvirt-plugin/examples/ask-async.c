/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ask-async URI DOMAIN: probes a guest, then asks it, while the program's main loop goes on. */
#include <virthint/virthint.h>

static GMainLoop *loop;
static virDomainPtr domain;
static VhAsk *ask;

/* On the ask's thread: for a wake-up. */
static void on_ended(VhAsk *ended, gpointer data)
{
    g_main_loop_quit(loop);
}

static void on_probed(GObject *source, GAsyncResult *result, gpointer data)
{
    const VhAskRequest request = {.monitor = VH_MONITOR_ALLOW, .deadline_us = 30 * VH_SEC};
    g_autoptr(GError) error = NULL;
    VhProbe probe;

    if (!vh_probe_domain_finish(result, &probe, &error) ||
        !(ask = vh_ask_start(domain, &request, &error))) {
        g_printerr("%s: %s\n", vh_error_code_name(error->code), error->message);
        g_main_loop_quit(loop);
        return;
    }
    g_print("its tier is %s\n", vh_tier_name(probe.tier));
    vh_ask_set_notify(ask, on_ended, NULL);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome = {.status = VH_ASK_FAILED};

    vh_watch_init();
    g_autoptr(virConnect) connection = vh_libvirt_open(argv[1], FALSE, &error);
    domain = connection ? vh_libvirt_find_domain(connection, argv[2], &error) : NULL;
    if (domain == NULL) {
        g_printerr("%s: %s\n", vh_error_code_name(error->code), error->message);
        return 1;
    }
    loop = g_main_loop_new(NULL, FALSE);
    vh_probe_domain_async(domain, VH_MONITOR_ALLOW, 10 * VH_SEC, NULL, on_probed, NULL);
    g_main_loop_run(loop);
    if (ask)
        vh_ask_get_outcome(ask, &outcome, NULL);
    g_print("%s: %" G_GUINT64_FORMAT " bytes came back by a %s\n",
            vh_ask_status_name(outcome.status), outcome.returned_bytes,
            vh_ask_method_name(outcome.method));
    vh_ask_free(ask);
    g_main_loop_unref(loop);
    virDomainFree(domain);
    return outcome.status == VH_ASK_DONE ? 0 : 1;
}
