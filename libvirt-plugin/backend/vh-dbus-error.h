/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The codes of VH_ERROR as D-Bus error names, for both ends of the bus. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

#define VH_DBUS_NAME "org.virthint.Daemon1"
#define VH_DBUS_PATH "/org/virthint/Daemon1"
#define VH_DBUS_INTERFACE "org.virthint.Daemon1"

/*
 * Makes GDBus turn VH_ERROR codes into org.virthint.Error.* when they leave, and back when they
 * arrive. Once per process, before the first call; idempotent.
 */
void vh_dbus_error_register(void);

G_END_DECLS
