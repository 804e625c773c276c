/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-level.h: the words, nothing else. */
#include "vh-level.h"

static const char *const level_names[VH_LEVELS] = {
    [VH_LEVEL_IDLE] = "idle", [VH_LEVEL_PROACTIVE] = "proactive", [VH_LEVEL_LOW] = "low",
    [VH_LEVEL_HIGH] = "high", [VH_LEVEL_CRITICAL] = "critical",
};

const char *vh_level_name(VhLevel level)
{
    g_return_val_if_fail((guint)level < VH_LEVELS, "idle");
    return level_names[level];
}

int vh_level_from_name(const char *name)
{
    for (int i = 0; i < VH_LEVELS; i++) {
        if (g_str_equal(level_names[i], name))
            return i;
    }
    return -1;
}
