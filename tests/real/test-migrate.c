/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests that migrate between two libvirtds: their memory arrives whole, whatever is asked of them
 * meanwhile; reporting, its passes and counters follow; and nothing is started while it goes on.
 */
#include "migrate-fixture.h"

#include "vh-ask.h"
#include "vh-in-flight.h"
#include "vh-libvirt.h"
#include "vh-reporting.h"

#include <libvirt/virterror.h>

#define KEEP "seed 7\nalloc keep 150MiB\n"
#define FREE_MUCH "alloc big 500MiB\nfree big\n"
#define VERIFY "verify keep\n"
#define MOST_BYTES (300 * VH_MIB)
#define TRIES 8
/* A guest that is stopped only now may still have had a moment for the pass. */
#define SETTLE_US (300 * VH_MS)

static const MovingKind stock = {"stock", MOVING_STOCK, FALSE, FALSE};
static const MovingKind stock_memfd = {"stock-memfd", MOVING_STOCK, TRUE, FALSE};
static const MovingKind patched = {"patched", MOVING_PATCHED, FALSE, FALSE};
static const MovingKind patched_memfd = {"patched-memfd", MOVING_PATCHED, TRUE, FALSE};
static const MovingKind patched_nothp = {"patched-no-thp", MOVING_PATCHED, FALSE, TRUE};
static const MovingKind live = {"live", MOVING_LIVE, FALSE, FALSE};
static const MovingKind live_memfd = {"live-memfd", MOVING_LIVE, TRUE, FALSE};

static VhAskOutcome ask(virDomainPtr domain, VhAskMethod method)
{
    const VhAskRequest request = {
        .method = method, .monitor = method == VH_ASK_PULSE ? VH_MONITOR_REFUSE : VH_MONITOR_ALLOW};
    g_autoptr(GError) error = NULL;
    g_autoptr(VhAsk) running = vh_ask_start(domain, &request, &error);
    VhAskOutcome outcome;
    const char *why;

    g_assert_no_error(error);
    g_assert_true(vh_ask_wait(running, -1));
    vh_ask_get_outcome(running, &outcome, &why);
    g_test_message("ask: status %d, error %d, %" G_GUINT64_FORMAT " MiB back%s%s", outcome.status,
                   outcome.error_code, outcome.returned_bytes / VH_MIB, why ? ": " : "",
                   why ? why : "");
    return outcome;
}

static VhReportingInfo query(virDomainPtr domain)
{
    g_autoptr(GError) error = NULL;
    VhReportingInfo info = {0};

    if (!vh_reporting_query(domain, VH_MONITOR_ALLOW, &info, &error))
        g_error("%s", error->message);
    return info;
}

static void set(virDomainPtr domain, gboolean is_enabled)
{
    g_autoptr(GError) error = NULL;

    if (!vh_reporting_set(domain, VH_MONITOR_ALLOW, is_enabled, &error))
        g_error("%s", error->message);
}

static VhLabWork *start_churn(Moving *m, const char *program)
{
    g_autoptr(GError) error = NULL;
    VhLabWork *work = vh_lab_guest_work_start(m->device.guest, "churn", program, &error);

    g_assert_no_error(error);
    return work;
}

static void end_churn(VhLabWork *work)
{
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;

    if (!vh_lab_work_wait(work, VH_LAB_TIMEOUT_MS, &report, &error))
        g_error("%s", error->message);
    g_assert_true(vh_lab_report_is_intact(report));
    vh_lab_work_free(work);
}

/* ---- What arrives ---- */

/* There and back, while the guest writes; asked by pulse on either side. */
static void memory_arrives(gconstpointer kind)
{
    VhLabWork *churn;
    Moving m;

    if (!moving_start(&m, kind, FALSE, (DeviceOptions){0}))
        return;
    device_work(&m.device, KEEP FREE_MUCH);
    churn = start_churn(&m, "churn 100MiB for 4s\n");
    moving_go(&m, m.there);
    end_churn(churn);
    device_work(&m.device, VERIFY FREE_MUCH);
    VhAskOutcome there = ask(m.device.domain, VH_ASK_PULSE);
    g_assert_cmpint(there.status, ==, VH_ASK_DONE);
    device_work(&m.device, VERIFY);
    moving_go(&m, m.device.lab);
    device_work(&m.device, VERIFY FREE_MUCH);
    VhAskOutcome back = ask(m.device.domain, VH_ASK_PULSE);
    g_assert_cmpint(back.status, ==, VH_ASK_DONE);
    device_work(&m.device, VERIFY);
    moving_stop(&m);
}

/* The switch, the last pass and the counters are those that it left with. */
static void reporting_follows(gconstpointer kind)
{
    VhReportingInfo before, after;
    Moving m;

    if (!moving_start(&m, kind, TRUE, (DeviceOptions){0}))
        return;
    set(m.device.domain, FALSE);
    device_work(&m.device, KEEP FREE_MUCH);
    g_assert_cmpint(ask(m.device.domain, VH_ASK_PASS).status, ==, VH_ASK_DONE);
    before = query(m.device.domain);
    g_assert_cmpuint(before.counters.discarded_bytes, >=, MOST_BYTES);
    moving_go(&m, m.there);
    after = query(m.device.domain);
    g_assert_false(after.is_enabled);
    g_assert_false(after.is_active);
    g_assert_true(after.has_pass);
    g_assert_cmpuint(after.pass.id, ==, before.pass.id);
    g_assert_cmpint(after.pass.status, ==, VH_PASS_DONE);
    g_assert_cmpuint(after.pass.discarded_bytes, ==, before.pass.discarded_bytes);
    g_assert_cmpuint(after.counters.requests, >=, before.counters.requests);
    g_assert_cmpuint(after.counters.discarded_bytes, >=, before.counters.discarded_bytes);
    device_work(&m.device, VERIFY FREE_MUCH);
    VhAskOutcome there = ask(m.device.domain, VH_ASK_AUTO);
    g_assert_cmpint(there.status, ==, VH_ASK_DONE);
    g_assert_cmpint(there.method, ==, VH_ASK_PASS);
    g_assert_cmpuint(there.returned_bytes, >=, MOST_BYTES);
    g_assert_cmpuint(query(m.device.domain).pass.id, >, before.pass.id);
    set(m.device.domain, TRUE);
    moving_go(&m, m.device.lab);
    g_assert_true(query(m.device.domain).is_enabled);
    device_work(&m.device, VERIFY);
    moving_stop(&m);
}

/* ---- What is refused meanwhile ---- */

static void assert_busy(gboolean is_done, GError **error)
{
    g_assert_false(is_done);
    g_assert_error(*error, VH_ERROR, VH_ERROR_BUSY);
    g_test_message("%s", (*error)->message);
    g_clear_error(error);
}

static void assert_nothing_starts(Moving *m, virDomainPtr domain)
{
    static const VhAskMethod methods[] = {VH_ASK_AUTO, VH_ASK_PULSE, VH_ASK_PASS};
    const VhReportingPassRequest request = {0};
    g_autofree char *said =
        device_command_error(&m->device, "{\"execute\": \"balloon-reporting-pass\"}");
    g_autoptr(GError) error = NULL;
    guint32 id;

    /* The device itself, whoever asks it. */
    g_assert_cmpstr(said, ==, "Free page reporting is busy: migration");
    for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
        VhAskOutcome outcome = ask(domain, methods[i]);

        g_assert_cmpint(outcome.status, ==, VH_ASK_FAILED);
        g_assert_cmpint(outcome.error_code, ==, VH_ERROR_BUSY);
    }
    gboolean is_done = vh_reporting_pass_start(domain, VH_MONITOR_ALLOW, &request, &id, &error);
    assert_busy(is_done, &error);
    is_done = vh_reporting_set(domain, VH_MONITOR_ALLOW, TRUE, &error);
    assert_busy(is_done, &error);
}

static void nothing_starts_meanwhile(gconstpointer kind)
{
    VhReportingInfo before, after;
    VhLabMigration *migration;
    virDomainPtr domain;
    VhInFlightRecord record;
    gboolean found;
    Moving m;

    if (!moving_start(&m, kind, TRUE, (DeviceOptions){0}))
        return;
    set(m.device.domain, FALSE);
    device_work(&m.device, KEEP FREE_MUCH);
    g_assert_cmpint(ask(m.device.domain, VH_ASK_PASS).status, ==, VH_ASK_DONE);
    before = query(m.device.domain);
    /* Live with any QEMU: the guest stays where nothing of it is lost. */
    migration = moving_begin(&m, TRUE);
    domain = moving_domain(&m, m.device.lab);
    assert_nothing_starts(&m, domain);
    g_assert_true(vh_in_flight_get(domain, &record, &found, NULL));
    g_assert_false(found);
    g_assert_cmpuint(device_balloon_bytes(&m.device), ==, VH_GIB);
    g_assert_false(vh_lab_migration_has_ended(migration));
    moving_stay(&m, migration);
    after = query(domain);
    g_assert_cmpuint(after.pass.id, ==, before.pass.id);
    g_assert_cmpuint(after.counters.inflated_bytes, ==, before.counters.inflated_bytes);
    g_assert_false(after.is_enabled);
    /* It goes on where it is. */
    device_work(&m.device, VERIFY FREE_MUCH);
    g_assert_cmpint(ask(domain, VH_ASK_AUTO).status, ==, VH_ASK_DONE);
    set(domain, TRUE);
    device_work(&m.device, VERIFY);
    moving_leave(domain);
    moving_stop(&m);
}

/* ---- Passes that a migration meets ---- */

/* The guest is stopped in the middle of a pass, or before it has begun. FALSE: it was too quick. */
static gboolean stop_at_a_pass(virDomainPtr domain, guint32 *ret_id)
{
    const VhReportingPassRequest request = {.timeout_us = VH_HOUR};
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_reporting_pass_start(domain, VH_MONITOR_ALLOW, &request, ret_id, &error));
    g_assert_cmpint(virDomainSuspend(domain), ==, 0);
    g_usleep(SETTLE_US);
    if (!vh_pass_has_ended(query(domain).pass.status))
        return TRUE;
    g_assert_cmpint(virDomainResume(domain), ==, 0);
    return FALSE;
}

static void a_pass_ends_with_it(gconstpointer kind)
{
    gboolean is_caught = FALSE;
    guint32 id = 0;
    Moving m;

    if (!moving_start(&m, kind, TRUE, (DeviceOptions){0}))
        return;
    set(m.device.domain, FALSE);
    device_work(&m.device, KEEP);
    for (int i = 0; i < TRIES && !is_caught; i++) {
        device_work(&m.device, FREE_MUCH);
        is_caught = stop_at_a_pass(m.device.domain, &id);
    }
    if (!is_caught) {
        g_test_skip("no pass could be caught at work");
        moving_stop(&m);
        return;
    }
    moving_go(&m, m.there);
    VhReportingInfo info = query(m.device.domain);
    g_assert_cmpuint(info.pass.id, ==, id);
    g_assert_cmpint(info.pass.status, ==, VH_PASS_CANCELLED);
    g_assert_cmpint(virDomainResume(m.device.domain), ==, 0);
    device_work(&m.device, VERIFY FREE_MUCH);
    g_assert_cmpint(ask(m.device.domain, VH_ASK_PASS).status, ==, VH_ASK_DONE);
    device_work(&m.device, VERIFY);
    moving_stop(&m);
}

typedef struct {
    virDomainPtr domain;
    int is_over; /* atomic */
    guint n_done, n_busy, n_gone, n_other;
} Asker;

/* One pass after the other, as a caller would who knows of no migration. */
static gpointer ask_and_ask(gpointer data)
{
    Asker *asker = data;

    while (!g_atomic_int_get(&asker->is_over)) {
        VhAskOutcome outcome = ask(asker->domain, VH_ASK_PASS);

        if (outcome.status == VH_ASK_DONE)
            asker->n_done++;
        else if (outcome.error_code == VH_ERROR_BUSY)
            asker->n_busy++;
        else if (outcome.error_code == VH_ERROR_GONE)
            asker->n_gone++;
        else
            asker->n_other++;
        g_usleep(20 * VH_MS);
    }
    return NULL;
}

static void passes_go_on_till_it_begins(gconstpointer kind)
{
    VhLabMigration *migration;
    Asker asker = {0};
    VhLabWork *churn;
    GThread *thread;
    Moving m;

    if (!moving_start(&m, kind, TRUE, (DeviceOptions){.vcpus = 2}))
        return;
    device_work(&m.device, KEEP FREE_MUCH);
    asker.domain = moving_domain(&m, m.device.lab);
    churn = start_churn(&m, "churn 200MiB for 8s\n");
    thread = g_thread_new("asker", ask_and_ask, &asker);
    g_usleep(VH_SEC);
    migration = moving_begin(&m, m.is_live);
    g_usleep(VH_SEC);
    g_assert_false(vh_lab_migration_has_ended(migration));
    moving_arrive(&m, migration);
    g_usleep(VH_SEC / 2);
    g_atomic_int_set(&asker.is_over, 1);
    g_thread_join(thread);
    end_churn(churn);
    device_work(&m.device, VERIFY);
    g_test_message("%u passes done, %u busy, %u gone, %u other", asker.n_done, asker.n_busy,
                   asker.n_gone, asker.n_other);
    g_assert_cmpuint(asker.n_done, >, 0);
    g_assert_cmpuint(asker.n_busy, >, 0);
    g_assert_cmpuint(asker.n_gone, >, 0);
    g_assert_cmpuint(asker.n_other, ==, 0);
    g_assert_cmpint(ask(m.device.domain, VH_ASK_PASS).status, ==, VH_ASK_DONE);
    device_work(&m.device, VERIFY);
    moving_leave(asker.domain);
    moving_stop(&m);
}

static void add(const char *what, const MovingKind *kind, GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("/migrate/%s/%s", what, kind->name);

    g_test_add_data_func(path, kind, test);
}

int main(int argc, char **argv)
{
    static const MovingKind *const kinds[] = {
        &stock, &stock_memfd, &patched, &patched_memfd, &patched_nothp, &live, &live_memfd};
    static const MovingKind *const ours[] = {&patched, &live};

    vh_libvirt_init();
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        add("memory-arrives", kinds[i], memory_arrives);
    for (gsize i = 0; i < G_N_ELEMENTS(ours); i++) {
        add("reporting-follows", ours[i], reporting_follows);
        add("nothing-starts-meanwhile", ours[i], nothing_starts_meanwhile);
        add("a-pass-ends-with-it", ours[i], a_pass_ends_with_it);
        add("passes-go-on-till-it-begins", ours[i], passes_go_on_till_it_begins);
    }
    return g_test_run();
}
