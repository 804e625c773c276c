/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's calls on a guest of tier native: what a domain is marked with and by which of them,
 * what a job keeps from being begun, and what becomes of a call when QEMU hangs.
 */
#include "driver-fixture.h"

#include "vh-ask.h"
#include "vh-call.h"
#include "vh-counters.h"
#include "vh-events.h"
#include "vh-libvirt.h"
#include "vh-metadata.h"
#include "vh-reporting.h"
#include "vh-watch.h"

#include <string.h>

#define LOOK_US (2 * VH_MS)
#define TICK_MS 10
#define DEADLINE_US (500 * VH_MS)
/* What hangs at once on the connection: libvirtd takes five calls of one. */
#define CALLS 3

typedef struct {
    Device guest;
    virConnectPtr connection, reader;
    virDomainPtr domain; /* of the connection */
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    const DeviceOptions options = {.memory_bytes = VH_GIB, .stats_period_s = 1};
    g_autoptr(GError) error = NULL;

    if (driver_is_skipped())
        return;
    vh_watch_init();
    driver_start_whole(&f->guest, "6.1", options);
    f->connection = vh_libvirt_open(vh_lab_uri(f->guest.lab), FALSE, &error);
    g_assert_no_error(error);
    f->reader = vh_libvirt_open(vh_lab_uri(f->guest.lab), TRUE, &error);
    g_assert_no_error(error);
    f->domain = vh_libvirt_find_domain(f->connection, f->guest.name, &error);
    g_assert_no_error(error);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    if (!f->domain)
        return;
    virDomainFree(f->domain);
    virConnectClose(f->connection);
    virConnectClose(f->reader);
    device_stop(&f->guest);
}

/* ---- Refused, allowed ---- */

static void assert_refuses(Fixture *f)
{
    const VhReportingPassRequest request = {0};
    GError *errors[4] = {NULL};
    VhReportingInfo info;
    guint32 id;

    g_assert_false(vh_reporting_query(f->domain, VH_MONITOR_REFUSE, &info, &errors[0]));
    g_assert_false(vh_reporting_set(f->domain, VH_MONITOR_REFUSE, TRUE, &errors[1]));
    g_assert_false(
        vh_reporting_pass_start(f->domain, VH_MONITOR_REFUSE, &request, &id, &errors[2]));
    g_assert_false(vh_reporting_pass_cancel(f->domain, VH_MONITOR_REFUSE, &errors[3]));
    for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
        g_assert_error(errors[i], VH_ERROR, VH_ERROR_DENIED);
        g_assert_nonnull(strstr(errors[i]->message, "of tier pulse"));
        g_error_free(errors[i]);
    }
}

static void assert_looks(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    VhCounters counters;
    VhProbe probe;

    g_assert_true(vh_probe_domain(f->domain, VH_MONITOR_REFUSE, &probe, &error));
    g_assert_true(probe.has_passes);
    g_assert_cmpint(probe.tier, ==, VH_TIER_PULSE);
    g_assert_cmphex(probe.reasons, ==, VH_TIER_REASON_NO_MONITOR);
    g_assert_true(vh_counters_read(f->domain, VH_MONITOR_REFUSE, &counters, &error));
    g_assert_false(counters.has_reporting);
    g_assert_cmpint(counters.why_not, ==, VH_TIER_REASON_NO_MONITOR);
    g_assert_cmphex(counters.stats.figures & VH_HAS_RSS, ==, VH_HAS_RSS);
}

/* Who may only read cannot ask QEMU, whatever he allows. */
static void assert_reads(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(virDomain) domain = vh_libvirt_find_domain(f->reader, f->guest.name, &error);
    const VhAskRequest request = {.monitor = VH_MONITOR_ALLOW};
    VhOverride override;
    VhCounters counters;
    VhProbe probe;

    g_assert_no_error(error);
    g_assert_true(vh_probe_domain(domain, VH_MONITOR_ALLOW, &probe, &error));
    g_assert_cmphex(probe.reasons, ==, VH_TIER_REASON_NO_MONITOR);
    g_assert_true(vh_counters_read(domain, VH_MONITOR_ALLOW, &counters, &error));
    g_assert_cmpint(counters.why_not, ==, VH_TIER_REASON_NO_MONITOR);
    g_assert_true(vh_metadata_get_override(domain, VH_METADATA_CURRENT, &override, &error));
    g_assert_false(vh_reporting_set(domain, VH_MONITOR_ALLOW, TRUE, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_DENIED);
    g_assert_nonnull(strstr(error->message, "read-write"));
    g_clear_error(&error);
    g_assert_false(vh_ask_run(domain, &request, NULL, NULL, NULL, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_DENIED);
}

static VhAskOutcome ask(Fixture *f, const VhAskRequest *request)
{
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome;

    g_assert_true(vh_lab_guest_wait_fresh_stats(f->guest.guest, VH_LAB_TIMEOUT_MS, &error));
    g_assert_true(vh_ask_run(f->domain, request, NULL, NULL, NULL, &outcome, &error));
    g_assert_no_error(error);
    return outcome;
}

static void assert_asks_by_pulse(Fixture *f)
{
    const VhAskRequest any = {.bytes = 100 * VH_MIB}, pass = {.method = VH_ASK_PASS};
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome = ask(f, &any);

    g_assert_cmpint(outcome.method, ==, VH_ASK_PULSE);
    g_assert_cmpint(outcome.status, ==, VH_ASK_DONE);
    g_assert_false(vh_ask_run(f->domain, &pass, NULL, NULL, NULL, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_DENIED);
}

static void assert_writes_policy(Fixture *f)
{
    const VhOverride policy = {.keys = VH_OVERRIDE_CLASS, .class_name = "batch"};
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_metadata_set_override(f->domain, &policy, VH_METADATA_LIVE, &error));
    g_assert_true(vh_metadata_clear_override(f->domain, VH_METADATA_LIVE, &error));
    g_assert_no_error(error);
}

static void on_polled(VhWatch *watch, gpointer data)
{
    *(guint *)data += 1;
}

static void on_event(VhEvents *events, const VhEvent *event, gpointer data)
{
}

/* A watch and a listener, both at work until the watch has polled `n_polls` times. */
static void watch(Fixture *f, VhMonitorRule rule, guint n_polls)
{
    const VhWatchCallbacks callbacks = {.polled = on_polled};
    const VhWatchOptions options = {.uri = vh_lab_uri(f->guest.lab), .monitor = rule};
    const VhEventsOptions listening = {.domain = f->domain, .monitor = rule};
    g_autoptr(GError) error = NULL;
    guint n_polled = 0;
    g_autoptr(VhEvents) events = vh_events_new(f->connection, &listening, on_event, NULL, &error);
    g_autoptr(VhWatch) watching = vh_watch_new(&options, &callbacks, &n_polled);

    g_assert_no_error(error);
    while (n_polled < n_polls) {
        guint before = n_polled;

        vh_watch_poll(watching);
        while (n_polled == before)
            g_main_context_iteration(NULL, TRUE);
    }
}

static void taints_only_where_allowed(Fixture *f, gconstpointer data)
{
    const VhAskRequest request = {.monitor = VH_MONITOR_ALLOW};
    g_autoptr(GError) error = NULL;
    VhCounters counters;
    VhAskOutcome outcome;
    VhProbe probe;

    if (!f->domain)
        return;
    device_work(&f->guest, DRIVER_KEEP DRIVER_ALLOC DRIVER_FREE);
    assert_looks(f);
    assert_refuses(f);
    assert_reads(f);
    assert_writes_policy(f);
    assert_asks_by_pulse(f);
    watch(f, VH_MONITOR_REFUSE, 5);
    g_assert_false(device_is_tainted(f->domain));

    g_assert_true(vh_probe_domain(f->domain, VH_MONITOR_ALLOW, &probe, &error));
    g_assert_cmpint(probe.tier, ==, VH_TIER_NATIVE);
    g_assert_cmphex(probe.reasons, ==, 0);
    g_assert_true(device_is_tainted(f->domain));
    device_work(&f->guest, DRIVER_ALLOC DRIVER_FREE);
    outcome = ask(f, &request);
    g_assert_cmpint(outcome.method, ==, VH_ASK_PASS);
    g_assert_cmpint(outcome.status, ==, VH_ASK_DONE);
    g_assert_true(vh_counters_read(f->domain, VH_MONITOR_ALLOW, &counters, &error));
    g_assert_true(counters.has_reporting);
    g_assert_cmpuint(counters.reporting.counters.reported_bytes, >, 0);
    g_assert_true(counters.reporting.has_pass);
    device_work(&f->guest, "verify keep\n");
}

/* Each of those that may send a monitor command does, for itself, mark the domain. */
static void watch_taints_where_allowed(Fixture *f, gconstpointer data)
{
    if (!f->domain)
        return;
    g_assert_false(device_is_tainted(f->domain));
    watch(f, VH_MONITOR_ALLOW, 2);
    g_assert_true(device_is_tainted(f->domain));
}

static void cancel_ask(const VhAskProgress *progress, gpointer cancellable)
{
    g_assert_cmpuint(progress->asked_bytes, ==, 0);
    g_cancellable_cancel(cancellable);
}

/* An ask takes longer than the first telling of how far it is; its end is told, too. */
static void waits_for_what_is_given_back(Fixture *f, gconstpointer data)
{
    const VhAskRequest request = {0};
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome;

    if (!f->domain)
        return;
    device_work(&f->guest, DRIVER_KEEP DRIVER_ALLOC DRIVER_FREE);
    g_assert_true(
        vh_ask_run(f->domain, &request, cancel_ask, cancellable, cancellable, &outcome, &error));
    g_assert_no_error(error);
    g_assert_cmpint(outcome.status, ==, VH_ASK_CANCELLED);
    g_assert_cmpuint(device_balloon_bytes(&f->guest), ==, VH_GIB);
    device_work(&f->guest, "verify keep\n");
}

/* ---- Jobs ---- */

static gboolean has_job(Fixture *f)
{
    virDomainJobInfo job;

    g_assert_cmpint(virDomainGetJobInfo(f->domain, &job), ==, 0);
    return job.type != VIR_DOMAIN_JOB_NONE;
}

static void assert_busy(GError **error)
{
    g_assert_error(*error, VH_ERROR, VH_ERROR_BUSY);
    g_assert_nonnull(strstr((*error)->message, "a migration"));
    g_clear_error(error);
}

/* Nothing is begun, and nothing is sent that would taint the domain. */
static void begins_nothing_while_migrating(Fixture *f, gconstpointer data)
{
    static const VhAskRequest requests[] = {
        {.method = VH_ASK_PULSE},
        {.method = VH_ASK_AUTO, .monitor = VH_MONITOR_ALLOW},
        {.method = VH_ASK_PASS, .monitor = VH_MONITOR_ALLOW},
    };
    const VhLabMigrationSpec spec = {.is_live = TRUE, .bandwidth_mib_s = 1};
    const VhReportingPassRequest pass = {0};
    const VhOverride policy = {.keys = VH_OVERRIDE_WEIGHT, .weight = 5};
    g_autoptr(GError) error = NULL;
    g_autoptr(VhLab) there = NULL;
    VhLabMigration *migration;
    VhReportingInfo info;
    guint32 id;

    if (!f->domain)
        return;
    there = vh_lab_peer_open(f->guest.lab, &error);
    g_assert_no_error(error);
    migration = vh_lab_migration_start(f->guest.guest, there, &spec, &error);
    g_assert_no_error(error);
    while (!has_job(f))
        g_usleep(LOOK_US);
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_assert_false(vh_ask_run(f->domain, &requests[i], NULL, NULL, NULL, NULL, &error));
        assert_busy(&error);
    }
    g_assert_false(vh_reporting_set(f->domain, VH_MONITOR_ALLOW, FALSE, &error));
    assert_busy(&error);
    g_assert_false(vh_reporting_pass_start(f->domain, VH_MONITOR_ALLOW, &pass, &id, &error));
    assert_busy(&error);
    g_assert_false(vh_metadata_set_override(f->domain, &policy, VH_METADATA_LIVE, &error));
    assert_busy(&error);
    g_assert_false(device_is_tainted(f->domain));
    g_assert_true(has_job(f));
    /* To look is allowed. */
    g_assert_true(vh_reporting_query(f->domain, VH_MONITOR_ALLOW, &info, &error));
    g_assert_true(info.is_enabled);
    g_assert_true(vh_lab_migration_abort(migration, &error));
    g_assert_false(vh_lab_migration_wait(migration, &error));
    g_clear_error(&error);
    g_assert_true(vh_reporting_set(f->domain, VH_MONITOR_ALLOW, FALSE, &error));
    g_assert_true(vh_metadata_set_override(f->domain, &policy, VH_METADATA_LIVE, &error));
    g_assert_no_error(error);
}

/* ---- A QEMU that hangs ---- */

typedef struct {
    guint n_answers, n_timeouts, n_cancelled, n_good, n_ticks;
} Seen;

static void note(Seen *seen, gboolean is_good, const GError *error)
{
    seen->n_answers++;
    seen->n_good += is_good;
    seen->n_timeouts += g_error_matches(error, VH_ERROR, VH_ERROR_TIMEOUT);
    seen->n_cancelled += g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void on_probed(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    VhProbe probe;
    gboolean is_good = vh_probe_domain_finish(result, &probe, &error);

    note(data, is_good, error);
}

static void on_queried(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    VhReportingInfo info;
    gboolean is_good = vh_reporting_query_finish(result, &info, &error);

    note(data, is_good, error);
}

static gboolean on_tick(gpointer data)
{
    Seen *seen = data;

    seen->n_ticks++;
    return G_SOURCE_CONTINUE;
}

static gboolean on_change(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
    return G_SOURCE_REMOVE;
}

static void await(const Seen *seen, guint n)
{
    while (seen->n_answers < n)
        g_main_context_iteration(NULL, TRUE);
}

static void answers_while_qemu_hangs(Fixture *f, gconstpointer data)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    Seen seen = {0};
    guint ticking;

    if (!f->domain)
        return;
    ticking = g_timeout_add(TICK_MS, on_tick, &seen);
    g_assert_true(vh_lab_guest_hang(f->guest.guest, &error));
    /* What is libvirt's alone is answered by it. */
    assert_writes_policy(f);
    vh_probe_domain_async(f->domain, VH_MONITOR_REFUSE, DEADLINE_US, NULL, on_probed, &seen);
    vh_reporting_query_async(f->domain, VH_MONITOR_ALLOW, DEADLINE_US, NULL, on_queried, &seen);
    vh_reporting_query_async(f->domain, VH_MONITOR_ALLOW, 0, cancellable, on_queried, &seen);
    g_timeout_add((guint)(DEADLINE_US / VH_MS / 2), on_change, cancellable);
    await(&seen, CALLS);
    g_assert_cmpuint(seen.n_timeouts, ==, 2);
    g_assert_cmpuint(seen.n_cancelled, ==, 1);
    g_assert_cmpuint(vh_call_count(), ==, CALLS);
    /* It was not the main loop that hung. */
    g_assert_cmpuint(seen.n_ticks, >=, 3);
    g_assert_true(vh_lab_guest_unhang(f->guest.guest, &error));
    while (vh_call_count() > 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(seen.n_answers, ==, CALLS);
    vh_probe_domain_async(f->domain, VH_MONITOR_ALLOW, 0, NULL, on_probed, &seen);
    await(&seen, CALLS + 1);
    g_assert_cmpuint(seen.n_good, ==, 1);
    g_source_remove(ticking);
}

/* A guest that is paused, and one that ended. */
static void tells_states_apart(Fixture *f, gconstpointer data)
{
    const VhReportingPassRequest pass = {0};
    const VhAskRequest request = {.monitor = VH_MONITOR_ALLOW};
    g_autoptr(GError) error = NULL;
    VhReportingInfo info;
    guint32 id;

    if (!f->domain)
        return;
    g_assert_cmpint(virDomainSuspend(f->domain), ==, 0);
    g_assert_true(vh_reporting_set(f->domain, VH_MONITOR_ALLOW, FALSE, &error));
    g_assert_true(vh_reporting_query(f->domain, VH_MONITOR_ALLOW, &info, &error));
    g_assert_false(info.is_enabled);
    g_assert_false(vh_reporting_pass_start(f->domain, VH_MONITOR_ALLOW, &pass, &id, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_BUSY);
    g_clear_error(&error);
    g_assert_false(vh_ask_run(f->domain, &request, NULL, NULL, NULL, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_BUSY);
    g_clear_error(&error);
    g_assert_cmpint(virDomainDestroy(f->domain), ==, 0);
    /* It was transient: there is no such domain any more. */
    g_assert_false(vh_reporting_set(f->domain, VH_MONITOR_ALLOW, TRUE, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
    g_clear_error(&error);
    g_assert_false(vh_ask_run(f->domain, &request, NULL, NULL, NULL, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*run)(Fixture *f, gconstpointer data);
    } tests[] = {
        {"/calls/taints-only-where-allowed", taints_only_where_allowed},
        {"/calls/watch-taints-where-allowed", watch_taints_where_allowed},
        {"/calls/waits-for-what-is-given-back", waits_for_what_is_given_back},
        {"/calls/begins-nothing-while-migrating", begins_nothing_while_migrating},
        {"/calls/answers-while-qemu-hangs", answers_while_qemu_hangs},
        {"/calls/tells-states-apart", tells_states_apart},
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
