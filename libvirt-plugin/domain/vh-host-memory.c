/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's free memory from /proc. */
#include "vh-host-memory.h"

#include "vh-units.h"

#include <string.h>
#include <unistd.h>

/* The number behind a name that may stand several times, summed up. */
static guint64 sum_of(const char *text, const char *name)
{
    guint64 sum = 0;

    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
        sum = vh_add(sum, g_ascii_strtoull(at + strlen(name), NULL, 10));
    return sum;
}

/* "count:" stands once for each CPU of each zone, and nowhere else. */
guint64 vh_host_memory_lists_bytes(const char *zoneinfo)
{
    return vh_mul(sum_of(zoneinfo, " count:"), (guint64)sysconf(_SC_PAGESIZE));
}

guint64 vh_host_memory_free_bytes(void)
{
    g_autofree char *meminfo = NULL, *zoneinfo = NULL;
    guint64 free_bytes;

    if (!g_file_get_contents("/proc/meminfo", &meminfo, NULL, NULL))
        return 0;
    free_bytes = vh_mul(sum_of(meminfo, "MemFree:"), VH_KIB);
    if (free_bytes > 0 && g_file_get_contents("/proc/zoneinfo", &zoneinfo, NULL, NULL))
        free_bytes = vh_add(free_bytes, vh_host_memory_lists_bytes(zoneinfo));
    return free_bytes;
}
