/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each call that does not block, over libvirt's test driver: what it brings is what its blocking
 * twin does. */
#include "vh-counters.h"
#include "vh-libvirt.h"
#include "vh-metadata.h"
#include "vh-reporting.h"
#include "vh-units.h"

#include <string.h>

typedef struct {
    virConnectPtr connection;
    virDomainPtr domain;
    GAsyncResult *result;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    f->connection = vh_libvirt_open("test:///default", FALSE, NULL);
    f->domain = virDomainLookupByName(f->connection, "test");
    g_assert_nonnull(f->domain);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    g_clear_object(&f->result);
    virDomainFree(f->domain);
    virConnectClose(f->connection);
}

static void keep(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *f = data;

    g_assert_null(f->result);
    f->result = g_object_ref(result);
}

/* The result of the call that was just made. */
static GAsyncResult *await(Fixture *f)
{
    g_clear_object(&f->result);
    while (!f->result)
        g_main_context_iteration(NULL, TRUE);
    return f->result;
}

static void test_find(Fixture *f, gconstpointer data)
{
    g_autofree char *text = g_strdup("test");
    g_autoptr(GError) error = NULL;
    g_autoptr(virDomain) found = NULL;

    vh_libvirt_find_domain_async(f->connection, text, 0, NULL, keep, f);
    memset(text, '?', strlen(text));
    found = vh_libvirt_find_domain_finish(await(f), &error);
    g_assert_no_error(error);
    g_assert_cmpstr(virDomainGetName(found), ==, "test");
    vh_libvirt_find_domain_async(f->connection, "no-such", 0, NULL, keep, f);
    g_assert_null(vh_libvirt_find_domain_finish(await(f), &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
    /* What is found and not fetched is let go of. */
    vh_libvirt_find_domain_async(f->connection, "test", 0, NULL, keep, f);
    await(f);
}

static void test_look(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    VhStats stats, stats_now;
    VhProbe probe, probe_now;
    VhCounters counters;

    g_assert_true(vh_stats_read(f->domain, &stats_now, &error));
    vh_stats_read_async(f->domain, 0, NULL, keep, f);
    g_assert_true(vh_stats_read_finish(await(f), &stats, &error));
    g_assert_cmpint(stats.state, ==, VIR_DOMAIN_RUNNING);
    g_assert_cmphex(stats.figures, ==, stats_now.figures);

    g_assert_true(vh_probe_domain(f->domain, VH_MONITOR_ALLOW, &probe_now, &error));
    vh_probe_domain_async(f->domain, VH_MONITOR_ALLOW, 0, NULL, keep, f);
    g_assert_true(vh_probe_domain_finish(await(f), &probe, &error));
    g_assert_cmpint(probe.tier, ==, probe_now.tier);
    g_assert_cmphex(probe.reasons, ==, probe_now.reasons);

    vh_counters_read_async(f->domain, VH_MONITOR_ALLOW, 0, NULL, keep, f);
    g_assert_true(vh_counters_read_finish(await(f), &counters, &error));
    g_assert_no_error(error);
    g_assert_false(counters.has_reporting);
    g_assert_cmpint(counters.why_not, ==, VH_TIER_REASON_STOCK_DEVICE);
    g_assert_cmpint(counters.stats.state, ==, VIR_DOMAIN_RUNNING);
}

static void test_reporting(Fixture *f, gconstpointer data)
{
    const VhReportingPassRequest request = {.limit_bytes = VH_MIB};
    static const struct {
        VhMonitorRule rule;
        VhErrorCode code;
    } cases[] = {
        {VH_MONITOR_REFUSE, VH_ERROR_DENIED},
        {VH_MONITOR_ALLOW, VH_ERROR_UNSUPPORTED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhMonitorRule rule = cases[i].rule;
        GError *errors[4] = {NULL};
        VhReportingInfo info;
        guint32 id;

        vh_reporting_query_async(f->domain, rule, 0, NULL, keep, f);
        g_assert_false(vh_reporting_query_finish(await(f), &info, &errors[0]));
        vh_reporting_set_async(f->domain, rule, TRUE, 0, NULL, keep, f);
        g_assert_false(vh_reporting_set_finish(await(f), &errors[1]));
        vh_reporting_pass_start_async(f->domain, rule, &request, 0, NULL, keep, f);
        g_assert_false(vh_reporting_pass_start_finish(await(f), &id, &errors[2]));
        vh_reporting_pass_cancel_async(f->domain, rule, 0, NULL, keep, f);
        g_assert_false(vh_reporting_pass_cancel_finish(await(f), &errors[3]));
        for (guint k = 0; k < G_N_ELEMENTS(errors); k++) {
            g_assert_error(errors[k], VH_ERROR, (int)cases[i].code);
            g_error_free(errors[k]);
        }
    }
}

static void test_metadata(Fixture *f, gconstpointer data)
{
    const VhOverride weight = {.keys = VH_OVERRIDE_WEIGHT, .weight = 7};
    const VhOverride bad = {.keys = VH_OVERRIDE_WEIGHT};
    g_autoptr(GError) error = NULL;
    VhOverride got;

    vh_metadata_set_override_async(f->domain, &weight, VH_METADATA_LIVE, 0, NULL, keep, f);
    g_assert_true(vh_metadata_set_override_finish(await(f), &error));
    vh_metadata_get_override_async(f->domain, VH_METADATA_CURRENT, 0, NULL, keep, f);
    g_assert_true(vh_metadata_get_override_finish(await(f), &got, &error));
    g_assert_cmphex(got.keys, ==, VH_OVERRIDE_WEIGHT);
    g_assert_cmpuint(got.weight, ==, 7);
    {
        char setting[] = "class=perf", key[] = "weight";
        const char *settings[] = {setting, NULL}, *keys[] = {key, NULL};
        const VhMetadataChange change = {settings, keys};

        vh_metadata_change_override_async(f->domain, &change, VH_METADATA_LIVE, 0, NULL, keep, f);
        memset(setting, '?', sizeof setting);
        memset(key, '?', sizeof key);
        settings[0] = keys[0] = NULL;
    }
    g_assert_true(vh_metadata_change_override_finish(await(f), &got, &error));
    g_assert_cmphex(got.keys, ==, VH_OVERRIDE_CLASS);
    g_assert_cmpstr(got.class_name, ==, "perf");
    vh_metadata_clear_override_async(f->domain, VH_METADATA_LIVE, 0, NULL, keep, f);
    g_assert_true(vh_metadata_clear_override_finish(await(f), &error));
    g_assert_true(vh_metadata_get_override(f->domain, VH_METADATA_LIVE, &got, &error));
    g_assert_cmphex(got.keys, ==, 0);
    g_assert_no_error(error);
    vh_metadata_set_override_async(f->domain, &bad, VH_METADATA_LIVE, 0, NULL, keep, f);
    g_assert_false(vh_metadata_set_override_finish(await(f), &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vh_libvirt_init();
    g_test_add("/async/find", Fixture, NULL, set_up, test_find, tear_down);
    g_test_add("/async/look", Fixture, NULL, set_up, test_look, tear_down);
    g_test_add("/async/reporting", Fixture, NULL, set_up, test_reporting, tear_down);
    g_test_add("/async/metadata", Fixture, NULL, set_up, test_metadata, tear_down);
    return g_test_run();
}
