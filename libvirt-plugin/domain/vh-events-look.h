/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A look at domains about which something was told: of which tier they are, and what their QEMU
 * says of a pass. On threads that may get stuck. Private to the events.
 */
#pragma once

#include "vh-events.h"

G_BEGIN_DECLS

/* Used in the thread of its context only. */
typedef struct VhLooks VhLooks;

/* Takes the event over; `domain` is borrowed. In the context. */
typedef void (*VhLooksFunc)(VhEvent *event, virDomainPtr domain, gpointer data);

VhLooks *vh_looks_new(GMainContext *context, VhMonitorRule monitor, VhLooksFunc func,
                      gpointer data);

/* Looks at its tier, and tells where that has changed. */
void vh_looks_see_tier(VhLooks *looks, virDomainPtr domain);

/* Takes over an event of a pass, and tells it completed, or as it is where QEMU does not answer. */
void vh_looks_complete(VhLooks *looks, virDomainPtr domain, VhEvent *event);

/* Whether no look is under way or waits. NULL-safe. */
gboolean vh_looks_are_done(const VhLooks *looks);

/* Those of a VhEvents, borrowed, for tests. NULL where it has lost its connection. */
VhLooks *vh_events_looks(const VhEvents *events);

/* Nothing is told any more. NULL-safe. */
void vh_looks_free(VhLooks *looks);

G_END_DECLS
