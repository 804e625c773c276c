/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turns libvirt's typed parameters into VhStats. Owns which name is which figure; must not know
 * what is plausible between figures: that is for those who decide.
 */
#include "vh-stats.h"

#include "vh-call.h"
#include "vh-libvirt.h"
#include "vh-units.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    VhFigures figure;
    size_t offset; /* of a guint64 in VhStats */
} sizes[] = {
    {"balloon.current", VH_HAS_CURRENT, offsetof(VhStats, current_bytes)},
    {"balloon.maximum", VH_HAS_MAXIMUM, offsetof(VhStats, maximum_bytes)},
    {"balloon.unused", VH_HAS_UNUSED, offsetof(VhStats, unused_bytes)},
    {"balloon.available", VH_HAS_AVAILABLE, offsetof(VhStats, available_bytes)},
    {"balloon.usable", VH_HAS_USABLE, offsetof(VhStats, usable_bytes)},
    {"balloon.disk_caches", VH_HAS_CACHES, offsetof(VhStats, caches_bytes)},
    {"balloon.rss", VH_HAS_RSS, offsetof(VhStats, rss_bytes)},
    {"balloon.swap_in", VH_HAS_SWAP_IN, offsetof(VhStats, swap_in_bytes)},
};

static gboolean take_unsigned(const virTypedParameter *param, guint64 *ret_value)
{
    if (param->type != VIR_TYPED_PARAM_ULLONG)
        return FALSE;
    *ret_value = param->value.ul;
    return TRUE;
}

static void take_size(const virTypedParameter *param, VhStats *stats)
{
    guint64 kib;

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        if (strcmp(param->field, sizes[i].name) != 0)
            continue;
        if (!take_unsigned(param, &kib) || kib > G_MAXUINT64 / VH_KIB)
            return;
        *(guint64 *)(gpointer)((char *)stats + sizes[i].offset) = kib * VH_KIB;
        stats->figures |= sizes[i].figure;
        return;
    }
}

/* Both or neither: which of the guest's faults read from a disk is what matters. */
static void take_faults(const virDomainStatsRecord *record, VhStats *stats)
{
    guint n_known = 0;

    for (int i = 0; i < record->nparams; i++) {
        const virTypedParameter *param = &record->params[i];

        if (strcmp(param->field, "balloon.minor_fault") == 0)
            n_known += take_unsigned(param, &stats->minor_faults);
        else if (strcmp(param->field, "balloon.major_fault") == 0)
            n_known += take_unsigned(param, &stats->major_faults);
    }
    if (n_known == 2)
        stats->figures |= VH_HAS_FAULTS;
}

void vh_stats_from_record(const virDomainStatsRecord *record, VhStats *ret_stats)
{
    memset(ret_stats, 0, sizeof *ret_stats);
    for (int i = 0; i < record->nparams; i++) {
        const virTypedParameter *param = &record->params[i];
        guint64 value;

        if (strcmp(param->field, "state.state") == 0) {
            if (param->type == VIR_TYPED_PARAM_INT)
                ret_stats->state = param->value.i;
        } else if (strcmp(param->field, "cpu.time") == 0) {
            if (take_unsigned(param, &value)) {
                ret_stats->cpu_time_us = (gint64)(value / 1000);
                ret_stats->figures |= VH_HAS_CPU_TIME;
            }
        } else if (strcmp(param->field, "balloon.last-update") == 0) {
            if (take_unsigned(param, &value) && value <= (guint64)(G_MAXINT64 / VH_SEC))
                ret_stats->last_update_us = (gint64)value * VH_SEC;
        } else {
            take_size(param, ret_stats);
        }
    }
    take_faults(record, ret_stats);
}

gboolean vh_stats_read(virDomainPtr domain, VhStats *ret_stats, GError **error)
{
    virDomainPtr domains[] = {domain, NULL};
    virDomainStatsRecordPtr *records = NULL;
    int n = virDomainListGetStats(domains, VH_STATS_GROUPS, &records, 0);

    if (n < 0) {
        vh_libvirt_set_error(error, NULL);
        return FALSE;
    }
    /* libvirt leaves out domains that are gone. */
    if (n == 0)
        g_set_error_literal(error, VH_ERROR, VH_ERROR_GONE, "the domain is not there any more");
    else
        vh_stats_from_record(records[0], ret_stats);
    virDomainStatsRecordListFree(records);
    return n > 0;
}

static gboolean read_work(gpointer handle, gpointer data, GError **error)
{
    return vh_stats_read(handle, data, error);
}

void vh_stats_read_async(virDomainPtr domain, gint64 timeout_us, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
    const VhStats stats = {0};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, read_work, &stats, sizeof stats, NULL, &options);
}

gboolean vh_stats_read_finish(GAsyncResult *result, VhStats *ret_stats, GError **error)
{
    const VhStats *stats = vh_call_finish(result, read_work, error);

    if (stats)
        *ret_stats = *stats;
    return stats != NULL;
}
