/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-facts.h: the words, nothing else. */
#include "vh-facts.h"

static const char *const names[] = {"dedicated_cpu", "realtime", "hugepages",
                                    "vfio",          "locked",   "shared_memory"};
G_STATIC_ASSERT(VH_FACT_LAST == 1 << (G_N_ELEMENTS(names) - 1));

const char *vh_fact_name(VhFact fact)
{
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (fact == (VhFact)(1 << i))
            return names[i];
    }
    g_return_val_if_reached("unknown");
}

guint vh_fact_from_name(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i], name))
            return 1u << i;
    }
    return 0;
}
