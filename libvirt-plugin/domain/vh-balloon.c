/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The balloon itself. Owns the calls and the waiting; must not know why it is moved, or whose
 * target it has.
 */
#include "vh-balloon.h"

#include "vh-libvirt.h"
#include "vh-units.h"

#include <stddef.h>

static const struct {
    int tag;
    VhFigures figure;
    size_t offset; /* of a guint64 in VhStats */
} figures[] = {
    {VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, VH_HAS_CURRENT, offsetof(VhStats, current_bytes)},
    {VIR_DOMAIN_MEMORY_STAT_UNUSED, VH_HAS_UNUSED, offsetof(VhStats, unused_bytes)},
    {VIR_DOMAIN_MEMORY_STAT_AVAILABLE, VH_HAS_AVAILABLE, offsetof(VhStats, available_bytes)},
    {VIR_DOMAIN_MEMORY_STAT_RSS, VH_HAS_RSS, offsetof(VhStats, rss_bytes)},
};

static void take(const virDomainMemoryStatStruct *item, VhStats *stats)
{
    if (item->tag == VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE &&
        item->val <= (guint64)(G_MAXINT64 / VH_SEC))
        stats->last_update_us = (gint64)item->val * VH_SEC;
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++) {
        if (item->tag != figures[i].tag || item->val > G_MAXUINT64 / VH_KIB)
            continue;
        *(guint64 *)(gpointer)((char *)stats + figures[i].offset) = item->val * VH_KIB;
        stats->figures |= figures[i].figure;
    }
}

gboolean vh_balloon_look(virDomainPtr domain, VhStats *stats, GError **error)
{
    virDomainMemoryStatStruct items[VIR_DOMAIN_MEMORY_STAT_NR];
    int n = virDomainMemoryStats(domain, items, G_N_ELEMENTS(items), 0);

    if (n < 0) {
        g_autoptr(GError) failure = NULL;

        vh_libvirt_set_error(&failure, NULL);
        /* A connection that broke and a guest that ended look much the same. */
        if (virDomainIsActive(domain) == 0)
            failure->code = VH_ERROR_GONE;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        stats->figures &= ~(guint)figures[i].figure;
    for (int i = 0; i < n; i++)
        take(&items[i], stats);
    if (!(stats->figures & VH_HAS_CURRENT)) {
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "QEMU does not tell where the balloon is");
        return FALSE;
    }
    return TRUE;
}

gboolean vh_balloon_set(virDomainPtr domain, guint64 kib, GError **error)
{
    if (virDomainSetMemoryFlags(domain, (unsigned long)kib, VIR_DOMAIN_AFFECT_LIVE) < 0) {
        vh_libvirt_set_error(error, "balloon target: ");
        return FALSE;
    }
    return TRUE;
}

gboolean vh_balloon_wait(virDomainPtr domain, guint64 wanted_kib, gint64 rest_us, gint64 until_us,
                         guint64 *ret_kib, GError **error)
{
    gint64 moved_us = g_get_monotonic_time();
    VhStats stats = {0};
    guint64 last = 0, kib;

    for (;;) {
        gint64 now;

        if (!vh_balloon_look(domain, &stats, error))
            return FALSE;
        kib = stats.current_bytes / VH_KIB;
        now = g_get_monotonic_time();
        if (kib != last)
            moved_us = now;
        last = kib;
        if (kib == wanted_kib || now - moved_us >= rest_us) {
            *ret_kib = kib;
            return TRUE;
        }
        if (now >= until_us) {
            g_set_error_literal(error, VH_ERROR, VH_ERROR_TIMEOUT,
                                "the balloon is still moving; it goes on by itself");
            return FALSE;
        }
        g_usleep(VH_BALLOON_LOOK_US);
    }
}
