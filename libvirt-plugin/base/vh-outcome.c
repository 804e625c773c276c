/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-outcome.h: the words, nothing else. */
#include "vh-outcome.h"

static const char *const method_names[] = {
    [VH_ASK_AUTO] = "auto",
    [VH_ASK_PULSE] = "pulse",
    [VH_ASK_PASS] = "pass",
};

static const char *const status_names[] = {
    [VH_ASK_RUNNING] = "running",       [VH_ASK_DONE] = "done",
    [VH_ASK_BACKED_OFF] = "backed-off", [VH_ASK_CANCELLED] = "cancelled",
    [VH_ASK_OVERTAKEN] = "overtaken",   [VH_ASK_TIMED_OUT] = "timed-out",
    [VH_ASK_FAILED] = "failed",
};

const char *vh_ask_method_name(VhAskMethod method)
{
    g_return_val_if_fail((guint)method < G_N_ELEMENTS(method_names), "auto");
    return method_names[method];
}

const char *vh_ask_status_name(VhAskStatus status)
{
    g_return_val_if_fail((guint)status < G_N_ELEMENTS(status_names), "failed");
    return status_names[status];
}

const char *vh_ask_source_name(VhAskSource source)
{
    static const char *const names[] = {
        [VH_ASK_SOURCE_NONE] = "none",
        [VH_ASK_SOURCE_RSS] = "rss",
        [VH_ASK_SOURCE_MEMFREE] = "memfree",
        [VH_ASK_SOURCE_COUNTER] = "counter",
    };
    g_return_val_if_fail((guint)source < G_N_ELEMENTS(names), "none");
    return names[source];
}

static int find_name(const char *const *names, guint n_names, const char *name)
{
    for (guint i = 0; i < n_names; i++) {
        if (g_strcmp0(name, names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int vh_ask_method_from_name(const char *name)
{
    return find_name(method_names, G_N_ELEMENTS(method_names), name);
}

int vh_ask_status_from_name(const char *name)
{
    return find_name(status_names, G_N_ELEMENTS(status_names), name);
}
