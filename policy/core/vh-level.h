/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How short the pool is, in five steps, as a word that configuration, state and plan share. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

/* In the order of need. Each level but IDLE has an enter bound and a higher exit bound of available
 * memory. */
typedef enum {
    VH_LEVEL_IDLE,
    VH_LEVEL_PROACTIVE,
    VH_LEVEL_LOW,
    VH_LEVEL_HIGH,
    VH_LEVEL_CRITICAL,
    VH_LEVELS,
} VhLevel;

/* "idle", "proactive", ...; static. */
const char *vh_level_name(VhLevel level);

/* The reverse; -1 where there is no such word. */
int vh_level_from_name(const char *name);

G_END_DECLS
