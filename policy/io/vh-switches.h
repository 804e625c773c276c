/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Switches continuous reporting of guests, each on a thread of its own: the call waits for QEMU,
 * for half a minute where that does not answer. Lives on the default main context.
 */
#pragma once

#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-watch.h"

G_BEGIN_DECLS

typedef struct VhSwitches VhSwitches;

/* One switch that was tried. Valid for the call. */
typedef struct {
    VhUuid uuid;
    const char *uri;
    const char *name;
    gboolean is_on; /* what it was switched to */
    VhToggleReason reason;
} VhSwitched;

/* `error` NULL: it is so now. */
typedef void (*VhSwitchesEnded)(const VhSwitched *switched, const GError *error, gpointer data);

/* `watches` (of VhWatch *) is borrowed. `ended` arrives from the main loop. */
VhSwitches *vh_switches_new(GPtrArray *watches, VhSwitchesEnded ended, gpointer data);

/* Lets go of all: what is under way ends by itself, and nobody is told. NULL-safe. */
void vh_switches_free(VhSwitches *switches);

/* Starts one, as far as the policy's rule of monitor commands lets it. `ended` follows, also where
 * it fails at once: BUSY where one of the same guest has not ended yet, GONE where its connection
 * is lost. Does not block. */
void vh_switches_start(VhSwitches *switches, const VhDomain *domain, const VhToggle *toggle,
                       VhMonitorRule monitor);

G_END_DECLS
