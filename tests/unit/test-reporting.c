/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is sent to QEMU, and what its answers come to, over a scripted monitor and the test driver.
 */
#include "vh-libvirt.h"
#include "vh-reporting-monitor.h"
#include "vh-units.h"

#include <string.h>

typedef struct {
    const char *expects; /* the command */
    const char *answers; /* NULL: none comes back, with the error below */
    VhErrorCode code;
} Line;

typedef struct {
    const Line *lines;
    guint n, at;
} Script;

static gboolean play(const char *command, char **ret_reply, gpointer data, GError **error)
{
    Script *script = data;

    g_assert_cmpuint(script->at, <, script->n);
    const Line *line = &script->lines[script->at++];
    g_assert_cmpstr(command, ==, line->expects);
    if (line->answers) {
        *ret_reply = strdup(line->answers);
        return TRUE;
    }
    g_set_error_literal(error, VH_ERROR, (int)line->code, "scripted");
    return FALSE;
}

#define QUERY "{\"execute\":\"query-balloon-reporting\"}"
#define SET(word) "{\"execute\":\"balloon-reporting-set\",\"arguments\":{\"enabled\":" word "}}"
#define START(arguments) "{\"execute\":\"balloon-reporting-pass\",\"arguments\":{" arguments "}}"
#define CANCEL "{\"execute\":\"balloon-reporting-cancel\"}"
#define NO_PASS "{\"error\":{\"class\":\"GenericError\",\"desc\":\"No reporting pass is running\"}}"

static void test_commands(void)
{
    static const Line lines[] = {
        {SET("true"), "{\"return\":{}}"}, {SET("false"), "{\"return\":{}}"},
        {CANCEL, "{\"return\":{}}"},      {CANCEL, NO_PASS},
        {QUERY, NULL, VH_ERROR_DENIED},   {SET("true"), NULL, VH_ERROR_TIMEOUT},
        {QUERY, "{\"return\":{}}"},
    };
    Script script = {lines, G_N_ELEMENTS(lines), 0};
    const VhReportingMonitor monitor = {VH_MONITOR_ALLOW, play, &script};
    g_autoptr(GError) gone = NULL, denied = NULL, late = NULL, nonsense = NULL;
    VhReportingInfo info;

    g_assert_true(vh_reporting_monitor_set(&monitor, TRUE, NULL));
    g_assert_true(vh_reporting_monitor_set(&monitor, FALSE, NULL));
    g_assert_true(vh_reporting_monitor_cancel(&monitor, NULL));
    g_assert_false(vh_reporting_monitor_cancel(&monitor, &gone));
    g_assert_error(gone, VH_ERROR, VH_ERROR_GONE);
    g_assert_false(vh_reporting_monitor_query(&monitor, &info, &denied));
    g_assert_error(denied, VH_ERROR, VH_ERROR_DENIED);
    g_assert_false(vh_reporting_monitor_set(&monitor, TRUE, &late));
    g_assert_error(late, VH_ERROR, VH_ERROR_TIMEOUT);
    g_assert_false(vh_reporting_monitor_query(&monitor, &info, &nonsense));
    g_assert_error(nonsense, VH_ERROR, VH_ERROR_PROTOCOL);
    g_assert_cmpuint(script.at, ==, script.n);
}

/* What is 0 is left to the device; times are rounded up to what it counts in. */
static void test_pass(void)
{
    static const Line lines[] = {
        {START(""), "{\"return\":{\"id\":1}}"},
        {START("\"limit\":1048576,\"granule\":4096,\"timeout\":1500"), "{\"return\":{\"id\":2}}"},
        {START("\"timeout\":1"), "{\"return\":{\"id\":3}}"},
        {START("\"granule\":1073741824,\"timeout\":3600000"), "{\"return\":{\"id\":4}}"},
    };
    static const VhReportingPassRequest requests[] = {
        {0},
        {VH_MIB, 4096, 1500 * VH_MS},
        {.timeout_us = 1},
        {.granule_bytes = VH_GIB, .timeout_us = VH_HOUR},
    };
    Script script = {lines, G_N_ELEMENTS(lines), 0};
    const VhReportingMonitor monitor = {VH_MONITOR_ALLOW, play, &script};

    for (guint32 i = 0; i < G_N_ELEMENTS(requests); i++) {
        guint32 id = 0;

        g_assert_true(vh_reporting_monitor_start(&monitor, &requests[i], &id, NULL));
        g_assert_cmpuint(id, ==, i + 1);
    }
    g_assert_cmpuint(script.at, ==, script.n);
}

/* Nothing is sent that could not be right. */
static void test_bad_requests(void)
{
    static const VhReportingPassRequest requests[] = {
        {.granule_bytes = 1},          {.granule_bytes = 2048}, {.granule_bytes = 12288},
        {.granule_bytes = 2 * VH_GIB}, {.timeout_us = -1},      {.timeout_us = VH_HOUR + 1},
        {.limit_bytes = G_MAXUINT64},
    };
    Script script = {NULL, 0, 0};
    const VhReportingMonitor monitor = {VH_MONITOR_ALLOW, play, &script};

    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GError) error = NULL;
        guint32 id;

        g_assert_false(vh_reporting_monitor_start(&monitor, &requests[i], &id, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    }
}

static gboolean count(const char *command, char **ret_reply, gpointer data, GError **error)
{
    *(guint *)data += 1;
    *ret_reply = strdup("{\"return\":{}}");
    return TRUE;
}

/* Whatever the call: what is not allowed does not get to QEMU. A zeroed rule allows nothing. */
static void test_refused(void)
{
    const VhReportingPassRequest request = {.limit_bytes = VH_MIB};
    VhReportingMonitor monitor = {.send = count};
    GError *errors[4] = {NULL};
    guint n_sent = 0;
    VhReportingInfo info;
    guint32 id;

    monitor.data = &n_sent;
    g_assert_false(vh_reporting_monitor_query(&monitor, &info, &errors[0]));
    g_assert_false(vh_reporting_monitor_set(&monitor, TRUE, &errors[1]));
    g_assert_false(vh_reporting_monitor_start(&monitor, &request, &id, &errors[2]));
    g_assert_false(vh_reporting_monitor_cancel(&monitor, &errors[3]));
    for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
        g_assert_error(errors[i], VH_ERROR, VH_ERROR_DENIED);
        g_error_free(errors[i]);
    }
    g_assert_cmpuint(n_sent, ==, 0);
    monitor.rule = VH_MONITOR_ALLOW;
    g_assert_true(vh_reporting_monitor_cancel(&monitor, NULL));
    g_assert_cmpuint(n_sent, ==, 1);
}

/* A hypervisor without a monitor, and a connection that may not write. */
static void test_over_libvirt(void)
{
    static const struct {
        gboolean read_only;
        VhMonitorRule rule;
        VhErrorCode code;
        const char *says;
    } cases[] = {
        {FALSE, VH_MONITOR_ALLOW, VH_ERROR_UNSUPPORTED, ""},
        {TRUE, VH_MONITOR_ALLOW, VH_ERROR_DENIED, "read"},
        {FALSE, VH_MONITOR_REFUSE, VH_ERROR_DENIED, "of tier pulse"},
        {TRUE, VH_MONITOR_REFUSE, VH_ERROR_DENIED, "of tier pulse"},
    };

    vh_libvirt_init();
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(virConnect) connection =
            vh_libvirt_open("test:///default", cases[i].read_only, NULL);
        g_autoptr(virDomain) domain = virDomainLookupByName(connection, "test");
        g_autoptr(GError) by_query = NULL, by_set = NULL, by_pass = NULL, by_cancel = NULL;
        const VhReportingPassRequest request = {0};
        VhReportingInfo info;
        guint32 id;

        g_assert_nonnull(domain);
        g_assert_false(vh_reporting_query(domain, cases[i].rule, &info, &by_query));
        g_assert_error(by_query, VH_ERROR, (int)cases[i].code);
        g_test_message("%s", by_query->message);
        g_assert_nonnull(strstr(by_query->message, cases[i].says));
        g_assert_false(vh_reporting_set(domain, cases[i].rule, TRUE, &by_set));
        g_assert_error(by_set, VH_ERROR, (int)cases[i].code);
        g_assert_false(vh_reporting_pass_start(domain, cases[i].rule, &request, &id, &by_pass));
        g_assert_error(by_pass, VH_ERROR, (int)cases[i].code);
        g_assert_false(vh_reporting_pass_cancel(domain, cases[i].rule, &by_cancel));
        g_assert_error(by_cancel, VH_ERROR, (int)cases[i].code);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reporting/commands", test_commands);
    g_test_add_func("/reporting/pass", test_pass);
    g_test_add_func("/reporting/bad-requests", test_bad_requests);
    g_test_add_func("/reporting/refused", test_refused);
    g_test_add_func("/reporting/over-libvirt", test_over_libvirt);
    return g_test_run();
}
