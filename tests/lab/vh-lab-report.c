/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports: lines of "key value" from the agent into VhLabReport. Unknown keys are passed over, so
 * that an agent may say more than this library knows.
 */
#include <string.h>

#include "vh-lab-private.h"

#define NUMBER(key)                             \
    {                                           \
#key, G_STRUCT_OFFSET(VhLabReport, key) \
    }

static const struct {
    const char *key;
    glong offset; /* of a 64-bit member */
} numbers[] = {
    NUMBER(elapsed_us),          NUMBER(mem_total_bytes),  NUMBER(mem_free_bytes),
    NUMBER(mem_available_bytes), NUMBER(mem_cached_bytes), NUMBER(mem_anon_bytes),
    NUMBER(mem_anon_huge_bytes), NUMBER(oom_kills),        NUMBER(touched_pages),
    NUMBER(verified_pages),      NUMBER(corrupt_pages),    NUMBER(corrupt_bytes),
    NUMBER(churned_bytes),       NUMBER(cached_bytes),     NUMBER(alloc_failures),
    NUMBER(stall_max_us),
};

static gboolean refuse(GError **error, const char *line)
{
    g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL, "the guest's report has '%.80s'", line);
    return FALSE;
}

static gboolean parse_status(VhLabReport *report, const char *value)
{
    static const char *const names[] = {
        [VH_LAB_WORK_OK] = "ok", [VH_LAB_WORK_ERROR] = "error", [VH_LAB_WORK_KILLED] = "killed"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i], value)) {
            report->status = (VhLabWorkStatus)i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean parse_pair(const char *value, const char **ret_first_end, guint64 *ret_second)
{
    const char *blank = strchr(value, ' ');

    *ret_first_end = blank;
    return blank && g_ascii_string_to_unsigned(blank + 1, 10, 0, G_MAXUINT64, ret_second, NULL);
}

static gboolean parse_region(VhLabReport *report, const char *value)
{
    VhLabRegion region;
    const char *end;

    if (!parse_pair(value, &end, &region.bytes))
        return FALSE;
    region.name = g_strndup(value, (gsize)(end - value));
    g_array_append_val(report->regions, region);
    return TRUE;
}

static gboolean parse_range(VhLabReport *report, const char *value)
{
    g_autofree char *start = NULL;
    VhLabRange range;
    const char *end;

    if (!parse_pair(value, &end, &range.bytes))
        return FALSE;
    start = g_strndup(value, (gsize)(end - value));
    if (!g_ascii_string_to_unsigned(start, 10, 0, G_MAXUINT64, &range.start, NULL))
        return FALSE;
    g_array_append_val(report->ranges, range);
    return TRUE;
}

static gboolean parse_number(VhLabReport *report, const char *key, const char *value)
{
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        guint64 *member = G_STRUCT_MEMBER_P(report, numbers[i].offset);

        if (g_str_equal(numbers[i].key, key))
            return g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT64, member, NULL);
    }
    return TRUE;
}

static gboolean parse_line(VhLabReport *report, const char *line)
{
    const char *blank = strchr(line, ' ');
    g_autofree char *key = blank ? g_strndup(line, (gsize)(blank - line)) : NULL;

    if (!blank)
        return FALSE;
    if (g_str_equal(key, "status"))
        return parse_status(report, blank + 1);
    if (g_str_equal(key, "region"))
        return parse_region(report, blank + 1);
    if (g_str_equal(key, "range"))
        return parse_range(report, blank + 1);
    if (g_str_equal(key, "error")) {
        g_free(report->message);
        report->message = g_strdup(blank + 1);
        return TRUE;
    }
    return parse_number(report, key, blank + 1);
}

static void clear_region(gpointer region)
{
    g_free(((VhLabRegion *)region)->name);
}

VhLabReport *vh_lab_report_parse(const char *text, GError **error)
{
    g_autoptr(VhLabReport) report = g_new0(VhLabReport, 1);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    report->regions = g_array_new(FALSE, FALSE, sizeof(VhLabRegion));
    g_array_set_clear_func(report->regions, clear_region);
    report->ranges = g_array_new(FALSE, FALSE, sizeof(VhLabRange));
    report->text = g_strdup(text);
    if (!g_str_has_prefix(text, "status ")) {
        refuse(error, lines[0] ? lines[0] : "");
        return NULL;
    }
    for (char **line = lines; *line; line++) {
        if (**line && !parse_line(report, *line)) {
            refuse(error, *line);
            return NULL;
        }
    }
    return g_steal_pointer(&report);
}

void vh_lab_report_free(VhLabReport *report)
{
    if (!report)
        return;
    g_free(report->message);
    g_free(report->text);
    g_array_unref(report->regions);
    g_array_unref(report->ranges);
    g_free(report);
}

gboolean vh_lab_report_is_intact(const VhLabReport *report)
{
    return report->status == VH_LAB_WORK_OK && report->verified_pages > 0 &&
           report->corrupt_bytes == 0;
}
