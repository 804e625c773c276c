/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML. What is accepted has no document type, and is judged within its ranges; nothing is
 * fetched for it. */
#include "vh-probe.h"

#include "guard.h"

#include "vh-facts.h"

#include <string.h>

static void check_probe(const VhProbe *probe)
{
    g_assert_cmpint(probe->tier, >=, VH_TIER_NONE);
    g_assert_cmpint(probe->tier, <=, VH_TIER_NATIVE);
    g_assert_cmpint(probe->known_tier, <=, VH_TIER_NATIVE);
    g_assert_cmpint(probe->tier, <=, probe->known_tier);
    g_assert_cmpint(probe->stats_period_us, >=, 0);
    g_assert_cmpint(probe->stats_period_us, <=, 24 * 3600 * (gint64)G_USEC_PER_SEC);
    g_assert_cmphex(probe->facts & ~(guint)(VH_FACT_LAST * 2 - 1), ==, 0);
    /* what only a balloon can have */
    if (!probe->has_balloon) {
        g_assert_cmpint(probe->tier, ==, VH_TIER_NONE);
        g_assert_false(probe->has_autodeflate || probe->has_reporting || probe->has_passes);
    }
    g_autofree char *why = vh_tier_reasons_explain(probe->reasons);
    g_assert_nonnull(why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *xml = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    VhProbe probe;

    fuzz_guard_up(size);
    gboolean is_parsed = vh_probe_parse(xml, &probe, &error);
    fuzz_guard_down();
    if (!is_parsed) {
        g_assert_true(g_error_matches(error, VH_ERROR, VH_ERROR_PROTOCOL));
        fuzz_guard_check_error(error);
        return 0;
    }
    g_assert_false(fuzz_guard_has_doctype(xml));
    check_probe(&probe);
    return 0;
}
