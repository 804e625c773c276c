/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks that come to nothing, and why, over libvirt's test driver. */
#include "vh-ask.h"
#include "vh-libvirt.h"
#include "vh-units.h"

#include <string.h>

static gboolean run(gboolean read_only, const VhAskRequest *request, GCancellable *cancellable,
                    VhAskOutcome *outcome, GError **error)
{
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", read_only, NULL);
    g_autoptr(virDomain) domain = virDomainLookupByName(connection, "test");

    g_assert_nonnull(domain);
    return vh_ask_run(domain, request, NULL, NULL, cancellable, outcome, error);
}

/* Senseless requests, before anybody is asked anything. */
static void test_invalid(void)
{
    static const VhAskRequest requests[] = {
        {.granule_bytes = 8192},
        {.granule_bytes = 5000, .monitor = VH_MONITOR_ALLOW},
        {.method = VH_ASK_PULSE, .granule_bytes = 8192, .monitor = VH_MONITOR_ALLOW},
        {.method = VH_ASK_PASS, .granule_bytes = 12288, .monitor = VH_MONITOR_ALLOW},
        {.deadline_us = -1},
        {.deadline_us = 25 * VH_HOUR},
        {.without_autodeflate = TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("request %u", i);
        g_assert_false(run(FALSE, &requests[i], NULL, NULL, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    }
}

static const struct {
    const char *name;
    gboolean read_only;
    VhAskRequest request;
    VhAskMethod method;
    VhErrorCode code;
    const char *phrase;
} refusals[] = {
    {"read-only", TRUE, {0}, VH_ASK_PULSE, VH_ERROR_DENIED, "read-write"},
    {"a pass, refused",
     FALSE,
     {.method = VH_ASK_PASS},
     VH_ASK_PASS,
     VH_ERROR_DENIED,
     "of tier pulse"},
    {"a pass without a monitor",
     FALSE,
     {.method = VH_ASK_PASS, .monitor = VH_MONITOR_ALLOW},
     VH_ASK_PASS,
     VH_ERROR_UNSUPPORTED,
     ""},
    {"no autodeflate", FALSE, {0}, VH_ASK_PULSE, VH_ERROR_UNSUPPORTED, "autodeflate"},
    {"no autodeflate, whatever there is",
     FALSE,
     {.monitor = VH_MONITOR_ALLOW},
     VH_ASK_PULSE,
     VH_ERROR_UNSUPPORTED,
     "autodeflate"},
    {"a granule where there are no passes",
     FALSE,
     {.monitor = VH_MONITOR_ALLOW, .granule_bytes = 65536},
     VH_ASK_AUTO,
     VH_ERROR_UNSUPPORTED,
     "without a granule"},
};

static void test_refused(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
        VhAskOutcome outcome = {.status = VH_ASK_RUNNING};
        g_autoptr(GError) error = NULL;

        g_test_message("%s", refusals[i].name);
        g_assert_false(run(refusals[i].read_only, &refusals[i].request, NULL, &outcome, &error));
        g_assert_error(error, VH_ERROR, (int)refusals[i].code);
        g_assert_true(g_str_has_prefix(error->message, "domain 'test': "));
        g_assert_nonnull(strstr(error->message, refusals[i].phrase));
        g_assert_cmpint(outcome.status, ==, VH_ASK_FAILED);
        g_assert_cmpint(outcome.error_code, ==, (int)refusals[i].code);
        g_assert_cmpint(outcome.method, ==, (int)refusals[i].method);
        g_assert_cmpint(outcome.source, ==, VH_ASK_SOURCE_NONE);
    }
}

static void test_not_running(void)
{
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", FALSE, NULL);
    g_autoptr(virDomain) domain = virDomainLookupByName(connection, "test");
    const VhAskRequest requests[] = {
        {0},
        {.monitor = VH_MONITOR_ALLOW},
        {.method = VH_ASK_PASS, .monitor = VH_MONITOR_ALLOW},
    };

    g_assert_cmpint(virDomainDestroy(domain), ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(vh_ask_run(domain, &requests[i], NULL, NULL, NULL, NULL, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
    }
}

/* What has ended holds neither the domain nor its connection any more. */
static void test_lets_go(void)
{
    const VhAskRequest request = {0};

    for (guint i = 0; i < 50; i++) {
        virConnectPtr connection = vh_libvirt_open("test:///default", FALSE, NULL);
        virDomainPtr domain = virDomainLookupByName(connection, "test");
        g_autoptr(VhAsk) ask = vh_ask_start(domain, &request, NULL);

        g_assert_true(vh_ask_wait(ask, i % 2 ? -1 : G_MAXINT64));
        g_assert_cmpint(virDomainFree(domain), ==, 0);
        g_assert_cmpint(virConnectClose(connection), ==, 0);
    }
}

static void count(const VhAskProgress *progress, gpointer data)
{
    guint *n = data;

    *n += 1;
}

/* Progress is told at least once; what was cancelled before is not begun. */
static void test_told(void)
{
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", FALSE, NULL);
    g_autoptr(virDomain) domain = virDomainLookupByName(connection, "test");
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    const VhAskRequest request = {0};
    g_autoptr(GError) error = NULL;
    guint n = 0;

    g_assert_false(vh_ask_run(domain, &request, count, &n, cancellable, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED);
    g_assert_cmpuint(n, >=, 1);
    g_clear_error(&error);
    n = 0;
    g_cancellable_cancel(cancellable);
    g_assert_false(vh_ask_run(domain, &request, count, &n, cancellable, NULL, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpuint(n, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vh_libvirt_init();
    g_test_add_func("/ask/invalid", test_invalid);
    g_test_add_func("/ask/refused", test_refused);
    g_test_add_func("/ask/not-running", test_not_running);
    g_test_add_func("/ask/lets-go", test_lets_go);
    g_test_add_func("/ask/told", test_told);
    return g_test_run();
}
