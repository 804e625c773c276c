/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One ask of the direct backend: the library's, in the words of backends. */
#pragma once

#include "vh-backend.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

typedef struct VhDirectAsk VhDirectAsk;

/* Starts it: with a granule a pass, by monitor commands, else a pulse. 0: see VhAskWish. When it
 * ends, the context that is the caller's thread-default is woken up. INVALID: makes no sense. */
VhDirectAsk *vh_direct_ask_start(virDomainPtr domain, guint64 bytes, guint64 granule_bytes,
                                 gint64 deadline_us, GError **error);

void vh_direct_ask_cancel(VhDirectAsk *ask);

/* NULL while it runs; else its outcome, a full reference. */
GVariant *vh_direct_ask_outcome(VhDirectAsk *ask);

void vh_direct_ask_progress(VhDirectAsk *ask, VhBackendProgress *ret_progress);

/* Where it still runs it goes on to its end. NULL-safe. */
void vh_direct_ask_free(VhDirectAsk *ask);

G_END_DECLS
