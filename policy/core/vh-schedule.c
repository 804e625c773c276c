/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-schedule.h: the calendar of a week, and nothing of time zones. */
#include "vh-schedule.h"

#define DAY_US (24 * VH_HOUR)
#define EPOCH_DAY 3 /* 1970-01-01 was a Thursday, counted from Monday */

static gboolean has_day(const VhSchedule *schedule, gint64 day)
{
    return (schedule->days >> day) & 1;
}

gboolean vh_schedule_is_active(const VhSchedule *schedule, gint64 wall_us, gint64 utc_offset_us)
{
    gint64 local_us = wall_us + utc_offset_us;
    gint64 since_us = (local_us % DAY_US + DAY_US) % DAY_US;
    gint64 n_days = (local_us - since_us) / DAY_US;
    gint64 today = ((n_days + EPOCH_DAY) % 7 + 7) % 7;
    gint64 yesterday = (today + 6) % 7;
    guint minute = (guint)(since_us / VH_MIN);

    if (schedule->end_min > schedule->start_min)
        return has_day(schedule, today) && minute >= schedule->start_min &&
               minute < schedule->end_min;
    return (has_day(schedule, today) && minute >= schedule->start_min) ||
           (has_day(schedule, yesterday) && minute < schedule->end_min);
}

void vh_schedule_apply(const VhSchedule *schedule, VhClass *class)
{
    const VhClass *values = &schedule->values;
    guint keys = schedule->keys;

    if (keys & VH_CLASS_ASK)
        class->ask_never = values->ask_never;
    if (keys & VH_CLASS_RANK)
        class->rank = values->rank;
    if (keys & VH_CLASS_UNLOCK)
        class->unlock = values->unlock;
    if (keys & VH_CLASS_WEIGHT)
        class->weight = values->weight;
    if (keys & VH_CLASS_COOLDOWN)
        class->cooldown_us = values->cooldown_us;
    if (keys & VH_CLASS_MAX_PER_ASK)
        class->max_per_ask_bytes = values->max_per_ask_bytes;
    if (keys & VH_CLASS_ASKS_PER_HOUR)
        class->asks_per_hour = values->asks_per_hour;
    if (keys & VH_CLASS_GRANULE)
        class->granule_bytes = values->granule_bytes;
    if (keys & VH_CLASS_KEEP_FREE)
        class->keep_free = values->keep_free;
    if (keys & VH_CLASS_REPORTING)
        class->reporting = values->reporting;
    if (keys & VH_CLASS_MAX_PER_MIN)
        class->max_per_min_bytes = values->max_per_min_bytes;
}
