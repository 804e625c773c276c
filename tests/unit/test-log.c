/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's lines: which fields they have, and when they are due. */
#include "tree.h"
#include "vh-log.h"

#include <string.h>

#define TIMEOUT_S 30

static GPtrArray *lines; /* of GHashTable: field to text */

static GLogWriterOutput take_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                  gpointer data)
{
    GHashTable *line = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR))
        return g_log_writer_default(level, fields, n_fields, data);
    for (gsize i = 0; i < n_fields; i++)
        g_hash_table_insert(line, g_strdup(fields[i].key), g_strdup(fields[i].value));
    g_ptr_array_add(lines, line);
    return G_LOG_WRITER_HANDLED;
}

static void forget_lines(void)
{
    g_ptr_array_set_size(lines, 0);
}

static void assert_field(guint line, const char *key, const char *text)
{
    g_assert_cmpuint(line, <, lines->len);
    g_assert_cmpstr(g_hash_table_lookup(lines->pdata[line], key), ==, text);
}

static void assert_message_has(guint line, const char *part)
{
    g_assert_cmpuint(line, <, lines->len);
    const char *message = g_hash_table_lookup(lines->pdata[line], "MESSAGE");
    if (strstr(message, part) == NULL)
        g_error("'%s' lacks '%s'", message, part);
}

static void test_request(void)
{
    VhRequestRecord record = {
        .request = {.id = 7, .bytes = VH_GIB, .urgency = VH_LEVEL_HIGH},
        .started_us = g_get_monotonic_time(),
    };

    forget_lines();
    vh_log_request_started(&record);
    assert_field(0, "MESSAGE", "request 7: 1.0 GiB wanted, urgency high");
    assert_field(0, "VIRTHINT_DECISION", "request");
    assert_field(0, "VIRTHINT_REASON", "high");
    assert_field(0, "VIRTHINT_REQUEST", "7");
    assert_field(0, "VIRTHINT_DOMAIN", NULL);
    record.request.deadline_us = record.started_us + 2 * VH_MIN;
    vh_log_request_started(&record);
    assert_field(1, "MESSAGE", "request 7: 1.0 GiB wanted, urgency high, within 2 min");
    record.status = VH_REQUEST_EXPIRED;
    record.n_asks = 1;
    record.request.returned_bytes = 512 * VH_MIB;
    vh_log_request_ended(&record);
    assert_message_has(2, "request 7: 512 MiB of 1.0 GiB came back in ");
    assert_message_has(2, "by 1 ask (expired)");
    assert_field(2, "VIRTHINT_DECISION", "request-ended");
    assert_field(2, "VIRTHINT_REASON", "expired");
}

static void test_switched(void)
{
    const VhSwitched switched = {
        .name = "web1", .is_on = TRUE, .reason = VH_TOGGLE_PRESSURE, .uuid = {{1}}};
    g_autoptr(GError) error = g_error_new(VH_ERROR, VH_ERROR_TIMEOUT, "QEMU is busy");

    forget_lines();
    vh_log_switched(&switched, NULL);
    assert_message_has(0, "web1: reporting off -> on: ");
    assert_field(0, "VIRTHINT_DECISION", "switch");
    assert_field(0, "VIRTHINT_REASON", "pressure");
    assert_field(0, "VIRTHINT_DOMAIN", "web1");
    assert_field(0, "VIRTHINT_TO", "on");
    assert_field(0, "VIRTHINT_REQUEST", NULL);
    vh_log_switched(&switched, error);
    assert_message_has(1, "QEMU is busy");
    assert_field(1, "PRIORITY", "4");
}

static void on_cycled(VhSession *session, const GError *error, gpointer data)
{
    guint *n_cycles = data;

    g_assert_no_error(error);
    (*n_cycles)++;
}

static gboolean on_too_late(gpointer data)
{
    g_error("no cycle within %d s", TIMEOUT_S);
    return G_SOURCE_REMOVE;
}

/* Half of the memory is available, but half of the time something waits for it. */
static VhSession *session_under_pressure(Root *root, guint *n_cycles)
{
    static const char *const uris[] = {"test:///default", NULL};
    const VhSessionOptions options = {.uris = uris, .read_only = TRUE, .proc_root = root->path};
    const VhSessionCallbacks callbacks = {.cycled = on_cycled};
    VhConfig *config = vh_config_new();

    write_file(root, "meminfo",
               "MemTotal: 8388608 kB\nMemFree: 4194304 kB\nMemAvailable: 4194304 kB\n"
               "SwapTotal: 0 kB\n",
               -1);
    write_file(root, "pressure/memory",
               "some avg10=50.00 avg60=0.00 avg300=0.00 total=0\n"
               "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
               -1);
    config->pool.psi_some_bp = 1000;
    config->pool.psi_full_bp = 1000;
    return vh_session_new(&options, config, NULL, &callbacks, n_cycles);
}

/* The level with what raised it, and each refusal: once, and not again while nothing changes. */
static void test_level_and_refusal(Root *root, gconstpointer data)
{
    guint n_cycles = 0, late = g_timeout_add_seconds(TIMEOUT_S, on_too_late, NULL);
    g_autoptr(VhSession) session = session_under_pressure(root, &n_cycles);
    VhLogDiff *diff = vh_log_diff_new();

    while (vh_snapshot_n_domains(vh_session_snapshot(session)) == 0) {
        guint before = n_cycles;
        vh_session_poll(session);
        while (n_cycles == before)
            g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(late);
    forget_lines();
    vh_log_diff_plan(diff, session);
    vh_log_diff_plan(diff, session);
    g_assert_cmpuint(lines->len, ==, 2);
    assert_message_has(0, "level idle -> proactive: 4.0 GiB available of ");
    assert_message_has(0, ", raised from idle by psi-some");
    assert_field(0, "VIRTHINT_DECISION", "level");
    assert_field(0, "VIRTHINT_TO", "proactive");
    assert_message_has(1, "test: not asked: ");
    assert_field(1, "VIRTHINT_REASON", "no-autodeflate");
    vh_log_diff_free(diff);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    lines = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
    g_log_set_writer_func(take_line, NULL, NULL);
    g_test_add_func("/log/request", test_request);
    g_test_add_func("/log/switched", test_switched);
    g_test_add("/log/level-and-refusal", Root, NULL, root_set_up, test_level_and_refusal,
               root_tear_down);
    int status = g_test_run();
    g_ptr_array_unref(lines);
    return status;
}
