/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of names. */
#include "vh-dbus-error.h"

#include <gio/gio.h>

static const GDBusErrorEntry entries[] = {
    {VH_ERROR_UNSUPPORTED, "org.virthint.Error.Unsupported"},
    {VH_ERROR_STALE, "org.virthint.Error.Stale"},
    {VH_ERROR_DENIED, "org.virthint.Error.Denied"},
    {VH_ERROR_GONE, "org.virthint.Error.Gone"},
    {VH_ERROR_BUSY, "org.virthint.Error.Busy"},
    {VH_ERROR_TIMEOUT, "org.virthint.Error.Timeout"},
    {VH_ERROR_PROTOCOL, "org.virthint.Error.Protocol"},
    {VH_ERROR_INVALID, "org.virthint.Error.Invalid"},
    {VH_ERROR_FAILED, "org.virthint.Error.Failed"},
};

void vh_dbus_error_register(void)
{
    static gsize is_registered;

    if (!g_once_init_enter(&is_registered))
        return;
    for (guint i = 0; i < G_N_ELEMENTS(entries); i++)
        g_dbus_error_register_error(VH_ERROR, entries[i].error_code, entries[i].dbus_error_name);
    g_once_init_leave(&is_registered, 1);
}
