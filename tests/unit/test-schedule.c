/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a schedule applies, by a calendar that is reckoned here in another way. */
#include "vh-schedule.h"

#define MONDAY G_GINT64_CONSTANT(1767571200) /* 2026-01-05T00:00:00Z */

static gint64 at(guint day, guint hour, guint minute)
{
    return (MONDAY + day * 86400 + hour * 3600 + minute * 60) * VH_SEC;
}

static void test_days(void)
{
    const VhSchedule office = {.days = 0x1f, .start_min = 8 * 60, .end_min = 18 * 60};

    for (guint day = 0; day < 14; day++) {
        gboolean is_working = day % 7 < 5;
        g_assert_false(vh_schedule_is_active(&office, at(day, 7, 59), 0));
        g_assert_cmpint(vh_schedule_is_active(&office, at(day, 8, 0), 0), ==, is_working);
        g_assert_cmpint(vh_schedule_is_active(&office, at(day, 17, 59), 0), ==, is_working);
        g_assert_false(vh_schedule_is_active(&office, at(day, 18, 0), 0));
        g_assert_false(vh_schedule_is_active(&office, at(day, 23, 59), 0));
    }
}

static void test_whole_day(void)
{
    const VhSchedule sunday = {.days = 0x40, .start_min = 0, .end_min = VH_DAY_MINUTES};

    g_assert_false(vh_schedule_is_active(&sunday, at(5, 23, 59), 0));
    g_assert_true(vh_schedule_is_active(&sunday, at(6, 0, 0), 0));
    g_assert_true(vh_schedule_is_active(&sunday, at(6, 23, 59), 0));
    g_assert_false(vh_schedule_is_active(&sunday, at(7, 0, 0), 0));
}

/* The days are those on which it begins. */
static void test_over_midnight(void)
{
    const VhSchedule friday = {.days = 0x10, .start_min = 22 * 60, .end_min = 6 * 60};

    g_assert_false(vh_schedule_is_active(&friday, at(4, 5, 0), 0));
    g_assert_false(vh_schedule_is_active(&friday, at(4, 21, 59), 0));
    g_assert_true(vh_schedule_is_active(&friday, at(4, 22, 0), 0));
    g_assert_true(vh_schedule_is_active(&friday, at(5, 5, 59), 0));
    g_assert_false(vh_schedule_is_active(&friday, at(5, 6, 0), 0));
    g_assert_false(vh_schedule_is_active(&friday, at(5, 22, 0), 0));
}

/* From Sunday to Monday the week wraps, too. */
static void test_over_the_week(void)
{
    const VhSchedule sunday = {.days = 0x40, .start_min = 23 * 60, .end_min = 60};

    g_assert_true(vh_schedule_is_active(&sunday, at(6, 23, 30), 0));
    g_assert_true(vh_schedule_is_active(&sunday, at(7, 0, 59), 0));
    g_assert_false(vh_schedule_is_active(&sunday, at(7, 1, 0), 0));
}

static void test_local_time(void)
{
    const VhSchedule monday = {.days = 0x01, .start_min = 0, .end_min = 60};

    g_assert_true(vh_schedule_is_active(&monday, at(0, 0, 30), 0));
    g_assert_false(vh_schedule_is_active(&monday, at(0, 0, 30), 2 * VH_HOUR));
    g_assert_true(vh_schedule_is_active(&monday, at(0, 0, 30) - 2 * VH_HOUR, 2 * VH_HOUR));
    g_assert_true(vh_schedule_is_active(&monday, at(0, 5, 30), -5 * VH_HOUR));
}

/* GLib's calendar says the same of any moment, also before 1970. */
static void test_against_calendar(void)
{
    for (guint i = 0; i < 2000; i++) {
        gint64 second = g_test_rand_int_range(G_MININT32, G_MAXINT32);
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(second);
        guint minute = (guint)(g_date_time_get_hour(time) * 60 + g_date_time_get_minute(time));
        VhSchedule schedule = {.days = (guint8)(1u << (g_date_time_get_day_of_week(time) - 1)),
                               .start_min = minute,
                               .end_min = minute + 1};

        g_assert_true(vh_schedule_is_active(&schedule, second * VH_SEC, 0));
        schedule.days ^= VH_DAYS_ALL;
        g_assert_false(vh_schedule_is_active(&schedule, second * VH_SEC, 0));
    }
}

#define OTHER                                                                                  \
    {                                                                                          \
        .ask_never = TRUE, .rank = 7, .unlock = VH_LEVEL_HIGH, .weight = 70, .cooldown_us = 7, \
        .max_per_ask_bytes = 77, .asks_per_hour = 17, .granule_bytes = 4096,                   \
        .keep_free = {.bytes = 777}, .reporting = VH_REPORTING_OFF, .max_per_min_bytes = 7777, \
    }

static gboolean is_same(const VhClass *a, const VhClass *b, guint key)
{
    switch (key) {
    case VH_CLASS_ASK:
        return a->ask_never == b->ask_never;
    case VH_CLASS_RANK:
        return a->rank == b->rank;
    case VH_CLASS_UNLOCK:
        return a->unlock == b->unlock;
    case VH_CLASS_WEIGHT:
        return a->weight == b->weight;
    case VH_CLASS_COOLDOWN:
        return a->cooldown_us == b->cooldown_us;
    case VH_CLASS_MAX_PER_ASK:
        return a->max_per_ask_bytes == b->max_per_ask_bytes;
    case VH_CLASS_ASKS_PER_HOUR:
        return a->asks_per_hour == b->asks_per_hour;
    case VH_CLASS_GRANULE:
        return a->granule_bytes == b->granule_bytes;
    case VH_CLASS_KEEP_FREE:
        return a->keep_free.bytes == b->keep_free.bytes;
    case VH_CLASS_REPORTING:
        return a->reporting == b->reporting;
    default:
        return a->max_per_min_bytes == b->max_per_min_bytes;
    }
}

static void test_apply_each_key(void)
{
    const VhClass before = {.name = "standard"};

    for (guint key = 1; key <= VH_CLASS_MAX_PER_MIN; key <<= 1) {
        const VhSchedule schedule = {.keys = key, .values = OTHER};
        VhClass class = before;

        vh_schedule_apply(&schedule, &class);
        g_assert_cmpstr(class.name, ==, "standard");
        for (guint other = 1; other <= VH_CLASS_MAX_PER_MIN; other <<= 1)
            g_assert_true(is_same(&class, other == key ? &schedule.values : &before, other));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/schedule/days", test_days);
    g_test_add_func("/schedule/whole-day", test_whole_day);
    g_test_add_func("/schedule/over-midnight", test_over_midnight);
    g_test_add_func("/schedule/over-the-week", test_over_the_week);
    g_test_add_func("/schedule/local-time", test_local_time);
    g_test_add_func("/schedule/against-calendar", test_against_calendar);
    g_test_add_func("/schedule/apply-each-key", test_apply_each_key);
    return g_test_run();
}
