/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An answer of QEMU's. What is accepted must be within its range and agree with itself. */
#include "vh-reporting-info.h"

#include "fuzz.h"

#include <string.h>

static void check_info(const VhReportingInfo *info)
{
    g_assert_cmphex(info->offered, <, VH_REPORTING_FEATURE_LAST << 1);
    g_assert_cmphex(info->negotiated & ~info->offered, ==, 0);
    g_assert_nonnull(vh_reporting_inhibitor_name(info->inhibitor));
    g_assert_cmpint(info->counters.discard_us, >=, 0);
    g_assert_cmpint(info->counters.split_us, >=, 0);
    if (!info->has_pass)
        return;
    g_assert_cmpuint(info->pass.id, >, 0);
    g_assert_nonnull(vh_pass_status_name(info->pass.status));
    g_assert_cmpuint(info->pass.granule_bytes, <=, VH_REPORTING_GRANULE_MAX_BYTES);
    g_assert_cmpint(info->pass.duration_us, >=, 0);
}

static void check_error(const GError *error)
{
    g_assert_null(strpbrk(error->message, "\n\033"));
    g_assert_cmpuint(strlen(error->message), <, 1000);
}

/* An answer that ends too early is none: the last bracket closes it all. */
static void check_cut(const char *text)
{
    g_autofree char *cut = g_strchomp(g_strdup(text));
    VhReportingInfo info;

    cut[strlen(cut) / 2] = '\0';
    g_assert_false(vh_reporting_info_parse(cut, &info, NULL));
    g_autofree char *open = g_strchomp(g_strdup(text));
    open[strlen(open) - 1] = '\0';
    g_assert_false(vh_reporting_info_parse(open, &info, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) info_error = NULL;
    g_autoptr(GError) id_error = NULL;
    VhReportingInfo info;
    guint32 id;

    if (vh_reporting_info_parse(text, &info, &info_error)) {
        check_info(&info);
        check_cut(text);
    } else
        check_error(info_error);
    if (vh_reporting_info_parse_id(text, &id, &id_error))
        g_assert_cmpuint(id, >, 0);
    else
        check_error(id_error);
    return 0;
}
