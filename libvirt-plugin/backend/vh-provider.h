/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the commands inside of virsh, and of its dispatcher, get their backends from: the daemon
 * where it runs and watches the connection, else the library alone.
 */
#pragma once

#include "vh-backend.h"

G_BEGIN_DECLS

/* Its functions take the program's connection from the request, and what it says of the bus;
 * policies and recordings, which need the engine, are UNSUPPORTED. Static. */
const VhBackendProvider *vh_provider_for_virsh(void);

G_END_DECLS
