/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A source over the views of watches and the host's own files: converts, once, to what the decision
 * reads. */
#pragma once

#include "vh-cycle.h"
#include "vh-host.h"
#include "vh-watch.h"

G_BEGIN_DECLS

/* `watches` (of VhWatch *) is borrowed, and read at each turn; the roots are copied. With
 * `needs_connection` a turn without any is an error, else a host without guests. */
VhSource *vh_source_libvirt_new(GPtrArray *watches, const VhHostRoots *roots,
                                gboolean needs_connection);
void vh_source_libvirt_free(VhSource *source);

G_END_DECLS
