/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events URI: prints what happens to the guests of a host, until the connection is lost. */
#include <virthint/virthint.h>

static void on_event(VhEvents *events, const VhEvent *event, gpointer loop)
{
    g_print("%s %s", vh_event_kind_name(event->kind), event->name ? event->name : "-");
    if (event->kind == VH_EVENT_PASS_ENDED)
        g_print(" %s %" G_GUINT64_FORMAT, vh_pass_status_name(event->pass.status),
                event->pass.discarded_bytes);
    else if (event->kind == VH_EVENT_REPORTING_CHANGED)
        g_print(" %s", event->is_active ? "active" : "inactive");
    else if (event->kind == VH_EVENT_TIER_CHANGED)
        g_print(" %s", vh_tier_name(event->tier));
    else
        g_main_loop_quit(loop);
    g_print("\n");
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

    vh_watch_init();
    g_autoptr(virConnect) connection = vh_libvirt_open(argc > 1 ? argv[1] : NULL, FALSE, &error);
    g_autoptr(VhEvents) events =
        connection ? vh_events_new(connection, NULL, on_event, loop, &error) : NULL;
    if (events == NULL)
        g_printerr("%s\n", error->message);
    else
        g_main_loop_run(loop);
    return 1;
}
