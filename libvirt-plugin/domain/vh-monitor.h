/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether QEMU monitor commands may be sent. libvirt marks a domain as tainted by the first one,
 * for as long as it runs, so that a caller has to say so, call by call; what is zeroed refuses.
 */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

typedef enum {
    VH_MONITOR_REFUSE, /* none is sent, whatever the call: nothing is tainted */
    VH_MONITOR_ALLOW,
} VhMonitorRule;

G_END_DECLS
