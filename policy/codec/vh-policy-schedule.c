/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy's schedules: when a class changes, and in what. Which moment it is, is not known here.
 */
#include "vh-policy-draft.h"

#include "vh-schedule.h"
#include "vh-text.h"

#include <string.h>

#define DAYS 7
#define TIME_TEXT 5 /* "hh:mm" */

static const char *const day_names[DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

static int find_day(const char *name, gsize length)
{
    for (int day = 0; day < DAYS; day++) {
        if (length == strlen(day_names[day]) && strncmp(day_names[day], name, length) == 0) {
            return day;
        }
    }
    return -1;
}

static gboolean refuse_when(const char *text, const char *what, GError **error)
{
    g_autofree char *quoted = vh_text_quote(text);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                "%s is not a time of the week (%s); write it as in \"Mon..Fri 08:00-18:00\", "
                "\"Sat,Sun 22:00-06:00\", or \"00:00-24:00\" for every day and all of it",
                quoted, what);
    return FALSE;
}

/* "Mon", or "Fri..Mon", which goes round the end of the week; FALSE where it is neither. */
static gboolean add_days(const char *item, guint8 *days)
{
    const char *dots = strstr(item, "..");
    int first = find_day(item, dots ? (gsize)(dots - item) : strlen(item));
    int last = dots ? find_day(dots + 2, strlen(dots + 2)) : first;
    if (first < 0 || last < 0) {
        return FALSE;
    }
    for (int day = first;; day = (day + 1) % DAYS) {
        *days |= (guint8)(1u << day);
        if (day == last) {
            return TRUE;
        }
    }
}

static gboolean parse_days(const char *text, gsize length, guint8 *ret_days)
{
    g_autofree char *list = g_strndup(text, length);
    g_auto(GStrv) items = g_strsplit(list, ",", -1);
    *ret_days = 0;
    for (guint i = 0; items[i]; i++) {
        if (!add_days(items[i], ret_days)) {
            return FALSE;
        }
    }
    return *ret_days != 0;
}

/* "hh:mm", from 00:00 to 24:00. */
static gboolean parse_time(const char *text, guint *ret_min)
{
    if (!g_ascii_isdigit(text[0]) || !g_ascii_isdigit(text[1]) || text[2] != ':' ||
        !g_ascii_isdigit(text[3]) || !g_ascii_isdigit(text[4])) {
        return FALSE;
    }
    guint hour = (guint)((text[0] - '0') * 10 + text[1] - '0');
    guint minute = (guint)((text[3] - '0') * 10 + text[4] - '0');
    *ret_min = hour * 60 + minute;
    return minute < 60 && *ret_min <= VH_DAY_MINUTES;
}

gboolean vh_policy_when_parse(const char *text, VhSchedule *schedule, GError **error)
{
    const char *blank = strchr(text, ' ');
    const char *hours = blank ? blank + 1 : text;
    guint8 days = VH_DAYS_ALL;
    guint start;
    guint end;

    if (blank && !parse_days(text, (gsize)(blank - text), &days)) {
        return refuse_when(text, "its days are not of Mon, Tue, Wed, Thu, Fri, Sat and Sun", error);
    }
    if (strlen(hours) != TIME_TEXT + 1 + TIME_TEXT || hours[TIME_TEXT] != '-' ||
        !parse_time(hours, &start) || !parse_time(hours + TIME_TEXT + 1, &end)) {
        return refuse_when(text, "its hours are not hh:mm-hh:mm", error);
    }
    if (start == VH_DAY_MINUTES || end == 0) {
        return refuse_when(text, "a day begins at 00:00 and ends at 24:00", error);
    }
    if (start == end) {
        return refuse_when(text, "it begins and ends at the same time", error);
    }
    schedule->days = days;
    schedule->start_min = start;
    schedule->end_min = end;
    return TRUE;
}

/* The first day that is not in a row with `day`. */
static guint row_end(guint8 days, guint day)
{
    while (day < DAYS && (days >> day) & 1) {
        day++;
    }
    return day;
}

/* Three days and more in a row as a range, the others one by one. */
static void append_days(GString *text, guint8 days)
{
    for (guint day = 0; day < DAYS; day++) {
        guint end = row_end(days, day);
        if (end == day) {
            continue;
        }
        g_string_append_printf(text, "%s%s", text->len > 0 ? "," : "", day_names[day]);
        if (end - day > 2) {
            g_string_append_printf(text, "..%s", day_names[end - 1]);
            day = end;
        }
    }
}

char *vh_policy_when_format(const VhSchedule *schedule)
{
    GString *text = g_string_new(NULL);
    if (schedule->days != VH_DAYS_ALL) {
        append_days(text, schedule->days);
        g_string_append_c(text, ' ');
    }
    g_string_append_printf(text, "%02u:%02u-%02u:%02u", schedule->start_min / 60,
                           schedule->start_min % 60, schedule->end_min / 60,
                           schedule->end_min % 60);
    return g_string_free(text, FALSE);
}

gboolean vh_policy_read_when(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                             const char *path, gpointer base, GError **error)
{
    const char *text = vh_policy_draft_require_string(draft, path, node, "days and hours", error);
    if (!text) {
        return FALSE;
    }
    if (!vh_policy_when_parse(text, base, error)) {
        g_autofree char *place = vh_policy_draft_place(draft, path);
        g_prefix_error(error, "%s: ", place);
        return FALSE;
    }
    return TRUE;
}

gboolean vh_policy_read_set(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                            const char *path, gpointer base, GError **error)
{
    VhSchedule *schedule = base;
    if (!vh_policy_read_members(draft, key->section, node, path, &schedule->values, error)) {
        return FALSE;
    }
    for (guint i = 0; i < key->section->n_keys; i++) {
        if (json_object_has_member(json_node_get_object(node), key->section->keys[i].name)) {
            schedule->keys |= key->section->keys[i].flag;
        }
    }
    if (schedule->keys == 0) {
        return vh_policy_draft_refuse(
            draft, path, VH_ERROR_INVALID, error,
            "nothing is set; write keys of a class, as in \"set\": {\"unlock\": \"high\"}");
    }
    return TRUE;
}

static gboolean read_schedule(VhPolicyDraft *draft, const VhPolicySection *section, JsonNode *node,
                              const char *path, GError **error)
{
    VhSchedule *schedule = g_new0(VhSchedule, 1);
    g_ptr_array_add(draft->schedules, schedule);
    if (!vh_policy_read_members(draft, section, node, path, schedule, error)) {
        return FALSE;
    }
    for (guint i = 0; i < section->n_keys; i++) {
        const char *name = section->keys[i].name;
        if (!json_object_has_member(json_node_get_object(node), name)) {
            return vh_policy_draft_refuse(
                draft, path, VH_ERROR_INVALID, error,
                "a schedule without \"%s\"; write it as in {\"when\": \"Mon..Fri 08:00-18:00\", "
                "\"class\": \"standard\", \"set\": {\"unlock\": \"high\"}}",
                name);
        }
    }
    return TRUE;
}

gboolean vh_policy_read_schedules(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                  const char *path, gpointer base, GError **error)
{
    return vh_policy_draft_read_elements(draft, key->section, node, path, read_schedule, error);
}
