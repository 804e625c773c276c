/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GLib reads dates; here is which of them are taken. */
#include "vh-moment.h"

#include "vh-text.h"
#include "vh-units.h"

/* What GLib takes, with seconds and a "T"; NULL where it is no date. Free with g_free(). */
static char *iso_text(const char *text)
{
    g_autoptr(GRegex) regex = g_regex_new(
        "^(\\d{4}-\\d\\d-\\d\\d)[T ](\\d\\d:\\d\\d)(:\\d\\d(?:\\.\\d{1,6})?)?(Z?)$", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    if (!g_utf8_validate(text, -1, NULL) || !g_regex_match(regex, text, 0, &match))
        return NULL;
    g_autofree char *date = g_match_info_fetch(match, 1);
    g_autofree char *time = g_match_info_fetch(match, 2);
    g_autofree char *seconds = g_match_info_fetch(match, 3);
    g_autofree char *zone = g_match_info_fetch(match, 4);
    return g_strdup_printf("%sT%s%s%s", date, time, *seconds != '\0' ? seconds : ":00", zone);
}

gboolean vh_moment_parse(const char *text, gint64 now_us, gint64 *ret_us, GError **error)
{
    g_autofree char *iso = iso_text(text);
    g_autoptr(GTimeZone) local = g_time_zone_new_local();
    g_autoptr(GDateTime) moment = iso != NULL ? g_date_time_new_from_iso8601(iso, local) : NULL;
    gint64 ago_us;

    if (moment != NULL) {
        *ret_us = g_date_time_to_unix(moment) * VH_SEC + g_date_time_get_microsecond(moment);
        return TRUE;
    }
    if (iso == NULL && vh_parse_duration(text, &ago_us, NULL)) {
        *ret_us = now_us - ago_us;
        return TRUE;
    }
    g_autofree char *quoted = vh_text_quote(text);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                "%s is no moment; right would be '2026-01-31 14:05', '2026-01-31T14:05:30Z' (UTC) "
                "or '10min' (ago)",
                quoted);
    return FALSE;
}
