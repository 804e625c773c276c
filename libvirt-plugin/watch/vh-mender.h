/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts back, in the background, what an interrupted ask left behind. Private to watch/. */
#pragma once

#include "vh-port.h"
#include "vh-socket.h"
#include "vh-uuid.h"

G_BEGIN_DECLS

typedef struct {
    VhUuid uuid;
    gboolean restored; /* FALSE without an error: there was nothing of ours to put back */
    GError *error;     /* NULL: it is settled */
} VhMended;

/* On a thread and a connection of its own; `mended` is posted with a VhMended unless a call never
 * returns. */
void vh_mender_start(VhSocket *socket, const char *uri, const VhUuid *uuid, VhPort *port,
                     VhPortFunc mended);

G_END_DECLS
