/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks by balloon pulse, on real guests: what comes back, whom it must not hurt, and all the ways
 * in which it can be interrupted. Run as "test-pulse --ask NAME" it is the asker that gets killed.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "vh-ask.h"
#include "vh-in-flight.h"
#include "vh-lab.h"
#include "vh-libvirt.h"
#include "vh-probe.h"
#include "vh-units.h"

#define KEEP "seed 7\nalloc keep 200MiB\n"
#define VERIFY_KEEP "verify keep\n"
#define FREED_BYTES (1500 * VH_MIB)
#define LOOK_US (5 * VH_MS)
#define BOUND_US (60 * VH_SEC)

static const char *self;

typedef struct {
    char name[32]; /* a guest that has just been killed may keep its name for a while */
    VhLab *lab;
    VhLabGuest *guest;
    virConnectPtr connection; /* the asker's own */
    virDomainPtr domain;
} Fixture;

static void start_guest(Fixture *f, VhLabGuestSpec *spec)
{
    static guint serial;
    g_autoptr(GError) error = NULL;

    g_snprintf(f->name, sizeof f->name, "pulse-%u", serial++);
    spec->name = f->name;

    f->lab = vh_lab_open(&error);
    g_assert_no_error(error);
    f->guest = vh_lab_guest_start(f->lab, spec, &error);
    g_assert_no_error(error);
    f->connection = vh_libvirt_open(vh_lab_uri(f->lab), FALSE, &error);
    g_assert_no_error(error);
    f->domain = virDomainLookupByName(f->connection, f->name);
    g_assert_nonnull(f->domain);
}

static void set_up(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.memory_bytes = 2 * VH_GIB};

    start_guest(f, &spec);
}

static void set_up_without_autodeflate(Fixture *f, gconstpointer data)
{
    VhLabGuestSpec spec = {.memory_bytes = 2 * VH_GIB, .no_autodeflate = TRUE, .stats_period_s = 1};

    start_guest(f, &spec);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    virDomainFree(f->domain);
    virConnectClose(f->connection);
    vh_lab_guest_free(f->guest);
    vh_lab_free(f->lab);
}

static VhLabReport *work(Fixture *f, const char *program)
{
    g_autoptr(GError) error = NULL;
    VhLabReport *report = NULL;
    gboolean ok = vh_lab_guest_work(f->guest, program, VH_LAB_TIMEOUT_MS, &report, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    return report;
}

/* A guest that has freed 1500 MiB, still resident, and keeps 200 MiB that are checked later. */
static void free_much(Fixture *f)
{
    g_autoptr(VhLabReport) report = work(f, KEEP "alloc big 1500MiB\nfree big\n");
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(report->status, ==, VH_LAB_WORK_OK);
    g_assert_true(vh_lab_guest_settle(f->guest, 8 * VH_MIB, 300, VH_LAB_TIMEOUT_MS, NULL, &error));
}

static void assert_intact(Fixture *f)
{
    g_autoptr(VhLabReport) report = work(f, VERIFY_KEEP);

    g_assert_true(vh_lab_report_is_intact(report));
    g_assert_cmpuint(report->oom_kills, ==, 0);
}

static guint64 current_bytes(virDomainPtr domain)
{
    virDomainMemoryStatStruct items[VIR_DOMAIN_MEMORY_STAT_NR];
    int n = virDomainMemoryStats(domain, items, G_N_ELEMENTS(items), 0);

    for (int i = 0; i < n; i++) {
        if (items[i].tag == VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON)
            return items[i].val * VH_KIB;
    }
    return 0;
}

static gboolean has_record(virDomainPtr domain)
{
    g_autoptr(GError) error = NULL;
    VhInFlightRecord record;
    gboolean found;

    g_assert_true(vh_in_flight_get(domain, &record, &found, &error));
    return found;
}

static void wait_for_record_gone(virDomainPtr domain)
{
    gint64 until_us = g_get_monotonic_time() + BOUND_US;

    while (has_record(domain) && g_get_monotonic_time() < until_us)
        g_usleep(20 * VH_MS);
    g_assert_false(has_record(domain));
}

static void wait_for_current(virDomainPtr domain, guint64 bytes)
{
    gint64 until_us = g_get_monotonic_time() + BOUND_US;

    while (current_bytes(domain) != bytes && g_get_monotonic_time() < until_us)
        g_usleep(20 * VH_MS);
    g_assert_cmpuint(current_bytes(domain), ==, bytes);
}

static void assert_untouched(virDomainPtr domain, guint64 bytes)
{
    g_assert_cmpuint(current_bytes(domain), ==, bytes);
    g_assert_false(has_record(domain));
}

static VhAsk *start_ask(Fixture *f, const VhAskRequest *request)
{
    g_autoptr(GError) error = NULL;
    VhAsk *ask = vh_ask_start(f->domain, request, &error);

    g_assert_no_error(error);
    g_assert_nonnull(ask);
    return ask;
}

static VhAskOutcome end_ask(VhAsk *ask)
{
    const char *message;
    VhAskOutcome outcome;

    g_assert_true(vh_ask_wait(ask, -1));
    vh_ask_get_outcome(ask, &outcome, &message);
    g_test_message("%s: taken %" G_GUINT64_FORMAT " MiB, returned %" G_GUINT64_FORMAT
                   " MiB, host MemFree %+" G_GINT64_FORMAT " MiB, %.2f s%s%s",
                   vh_ask_status_name(outcome.status), outcome.taken_bytes / VH_MIB,
                   outcome.returned_bytes / VH_MIB, outcome.memfree_delta_bytes / (gint64)VH_MIB,
                   (double)(outcome.ended_us - outcome.started_us) / VH_SEC, message ? ": " : "",
                   message ? message : "");
    vh_ask_free(ask);
    return outcome;
}

static VhAskOutcome ask(Fixture *f, const VhAskRequest *request)
{
    return end_ask(start_ask(f, request));
}

/* Until the balloon is on its way down; it has a second to go then. */
static void wait_for_way_down(VhAsk *running)
{
    VhAskProgress progress = {0};

    while (progress.taken_bytes == 0 && !vh_ask_wait(running, 0)) {
        g_usleep(LOOK_US);
        vh_ask_get_progress(running, &progress);
    }
    g_assert_false(vh_ask_wait(running, 0));
}

/* One ask for all of 1500 MiB; whether the host's MemFree shows it as well. */
static gboolean ask_for_all(Fixture *f)
{
    VhAskRequest request = {0};
    VhLabHostMemory host_before, host_after;
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome;
    guint64 rss_before;

    rss_before = vh_lab_guest_rss_bytes(f->guest);
    g_assert_true(vh_lab_host_memory(&host_before, &error));
    outcome = ask(f, &request);
    g_assert_true(vh_lab_host_memory(&host_after, &error));

    g_assert_cmpint(outcome.status, ==, VH_ASK_DONE);
    g_assert_cmpint(outcome.source, ==, VH_ASK_SOURCE_RSS);
    g_assert_cmpint(outcome.error_code, ==, -1);
    g_assert_cmpuint(outcome.returned_bytes, >=, FREED_BYTES / 10 * 9);
    g_assert_cmpuint(vh_sub(rss_before, vh_lab_guest_rss_bytes(f->guest)), >=,
                     FREED_BYTES / 10 * 9);
    g_assert_true(outcome.has_memfree);
    assert_untouched(f->domain, 2 * VH_GIB);
    return outcome.memfree_delta_bytes >= (gint64)(FREED_BYTES / 10 * 9) &&
           vh_sub(host_after.free_bytes + host_after.per_cpu_bytes,
                  host_before.free_bytes + host_before.per_cpu_bytes) >= FREED_BYTES / 10 * 9;
}

/* MemFree is the whole host's: whatever else runs there moves it. One clear view of several is
 * enough; RSS has to be right each time. The kernel's per-CPU lists count as free: see
 * vh-host-memory.h. */
static void returns_what_was_freed(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    gboolean host_shows_it = FALSE;
    VhProbe probe;

    free_much(f);
    for (int i = 0; i < 4 && !host_shows_it; i++) {
        g_autoptr(VhLabReport) report = work(f, "alloc big 1500MiB\nfree big\n");

        g_assert_cmpint(report->status, ==, VH_LAB_WORK_OK);
        host_shows_it = ask_for_all(f);
    }
    g_assert_true(host_shows_it);
    g_assert_true(vh_probe_domain(f->domain, VH_MONITOR_REFUSE, &probe, &error));
    g_assert_cmpint(probe.stats_period_us, ==, 0);
    assert_intact(f);
}

static void returns_about_as_much_as_asked(Fixture *f, gconstpointer data)
{
    VhAskRequest request = {.method = VH_ASK_PULSE, .bytes = 300 * VH_MIB};
    VhAskOutcome outcome;

    free_much(f);
    outcome = ask(f, &request);
    g_assert_cmpint(outcome.status, ==, VH_ASK_DONE);
    g_assert_cmpuint(outcome.asked_bytes, ==, request.bytes);
    g_assert_cmpuint(outcome.returned_bytes, >=, request.bytes / 10 * 9);
    g_assert_cmpuint(outcome.returned_bytes, <=, request.bytes * 2);
    assert_untouched(f->domain, 2 * VH_GIB);
    assert_intact(f);
}

/* What the guest gives first is what the pulse before had taken: nothing backs it any more. */
static void reaches_what_an_earlier_pulse_left(Fixture *f, gconstpointer data)
{
    VhAskRequest first = {.bytes = 1200 * VH_MIB}, second = {.bytes = 150 * VH_MIB};
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome;

    free_much(f);
    outcome = ask(f, &first);
    g_assert_cmpuint(outcome.returned_bytes, >=, first.bytes / 10 * 9);
    g_assert_true(vh_lab_guest_wait_fresh_stats(f->guest, VH_LAB_TIMEOUT_MS, &error));
    outcome = ask(f, &second);
    g_assert_cmpint(outcome.status, ==, VH_ASK_DONE);
    g_assert_cmpuint(outcome.returned_bytes, >=, second.bytes / 10 * 9);
    assert_intact(f);
}

/* One run of a process that allocates 1400 MiB while a pulse wants the same memory. */
static VhAskStatus ask_while_allocating(Fixture *f)
{
    VhAskRequest request = {0};
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(VhLabWork) allocating = NULL;
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome;

    g_assert_true(vh_lab_guest_wait_fresh_stats(f->guest, VH_LAB_TIMEOUT_MS, &error));
    allocating = vh_lab_guest_work_start(
        f->guest, "other", "seed 9\nwait 200ms\nalloc x 1400MiB\nverify x\nfree x\n", &error);
    g_assert_no_error(error);
    outcome = ask(f, &request);
    g_assert_true(vh_lab_work_wait(allocating, VH_LAB_TIMEOUT_MS, &report, &error));
    g_test_message("the longest stall: %.2f s", (double)report->stall_max_us / VH_SEC);
    g_assert_true(vh_lab_report_is_intact(report));
    g_assert_cmpuint(report->oom_kills, ==, 0);
    assert_untouched(f->domain, 2 * VH_GIB);
    return outcome.status;
}

/* Whether the two meet is a matter of time, so that one meeting of several tries is enough; nobody
 * may be killed in any. */
static void backs_off_from_an_allocating_process(Fixture *f, gconstpointer data)
{
    gboolean backed_off = FALSE;

    free_much(f);
    for (int i = 0; i < 6 && !backed_off; i++) {
        VhAskStatus status = ask_while_allocating(f);

        g_assert_true(status == VH_ASK_BACKED_OFF || status == VH_ASK_DONE);
        backed_off = status == VH_ASK_BACKED_OFF;
    }
    g_assert_true(backed_off);
    assert_intact(f);
}

static void wants_autodeflate_or_a_reserve(Fixture *f, gconstpointer data)
{
    VhAskRequest request = {0};
    VhAskRequest vouched = {.without_autodeflate = TRUE, .reserve_bytes = 600 * VH_MIB};
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome;

    free_much(f);
    outcome = ask(f, &request);
    g_assert_cmpint(outcome.status, ==, VH_ASK_FAILED);
    g_assert_cmpint(outcome.error_code, ==, VH_ERROR_UNSUPPORTED);
    g_assert_cmpuint(outcome.taken_bytes, ==, 0);
    assert_untouched(f->domain, 2 * VH_GIB);

    report = work(f, VERIFY_KEEP);
    g_assert_true(vh_lab_guest_wait_fresh_stats(f->guest, VH_LAB_TIMEOUT_MS, &error));
    outcome = ask(f, &vouched);
    g_assert_cmpint(outcome.status, ==, VH_ASK_DONE);
    g_assert_cmpuint(outcome.taken_bytes, >, 0);
    /* Free memory of the guest moves by a few MiB on its own. */
    g_assert_cmpuint(outcome.taken_bytes + vouched.reserve_bytes, <=,
                     report->mem_free_bytes + 16 * VH_MIB);
    assert_untouched(f->domain, 2 * VH_GIB);
    assert_intact(f);
}

static void is_cancelled(Fixture *f, gconstpointer data)
{
    VhAskRequest request = {0};
    VhAskOutcome outcome;
    VhAsk *running;

    free_much(f);
    running = start_ask(f, &request);
    wait_for_way_down(running);
    vh_ask_cancel(running);
    outcome = end_ask(running);
    g_assert_cmpint(outcome.status, ==, VH_ASK_CANCELLED);
    g_assert_cmpuint(outcome.taken_bytes, >, 0);
    assert_untouched(f->domain, 2 * VH_GIB);
    assert_intact(f);
}

static void keeps_its_deadline(Fixture *f, gconstpointer data)
{
    VhAskRequest request = {.deadline_us = 700 * VH_MS};
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome;

    free_much(f);
    g_assert_true(vh_lab_guest_wait_fresh_stats(f->guest, VH_LAB_TIMEOUT_MS, &error));
    outcome = ask(f, &request);
    g_assert_cmpint(outcome.status, ==, VH_ASK_TIMED_OUT);
    g_assert_cmpint(outcome.error_code, ==, VH_ERROR_TIMEOUT);
    wait_for_record_gone(f->domain);
    wait_for_current(f->domain, 2 * VH_GIB);
    assert_intact(f);
}

static void survives_a_hung_qemu(Fixture *f, gconstpointer data)
{
    VhAskRequest request = {.deadline_us = 4 * VH_SEC};
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome;
    VhAsk *running;

    free_much(f);
    running = start_ask(f, &request);
    wait_for_way_down(running);
    g_assert_true(vh_lab_guest_hang(f->guest, &error));
    outcome = end_ask(running);
    g_assert_cmpint(outcome.status, ==, VH_ASK_TIMED_OUT);
    g_assert_cmpint(outcome.error_code, ==, VH_ERROR_TIMEOUT);
    g_assert_true(vh_lab_guest_unhang(f->guest, &error));
    wait_for_record_gone(f->domain);
    wait_for_current(f->domain, 2 * VH_GIB);
    assert_intact(f);
}

static void notices_a_killed_qemu(Fixture *f, gconstpointer data)
{
    VhAskRequest request = {0};
    g_autoptr(GError) error = NULL;
    VhAskOutcome outcome;
    VhAsk *running;

    free_much(f);
    running = start_ask(f, &request);
    wait_for_way_down(running);
    g_assert_true(vh_lab_guest_kill(f->guest, &error));
    outcome = end_ask(running);
    g_assert_cmpint(outcome.status, ==, VH_ASK_FAILED);
    g_assert_cmpint(outcome.error_code, ==, VH_ERROR_GONE);
}

static void puts_back_after_libvirtd_was_killed(Fixture *f, gconstpointer data)
{
    VhAskRequest request = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(virConnect) connection = NULL;
    virDomainPtr domain;
    VhAsk *running;

    free_much(f);
    running = start_ask(f, &request);
    wait_for_way_down(running);
    g_assert_true(vh_lab_libvirtd_kill9(f->lab, &error));
    g_assert_true(vh_lab_libvirtd_start(f->lab, &error));
    (void)end_ask(running);
    connection = vh_libvirt_open(vh_lab_uri(f->lab), FALSE, &error);
    g_assert_no_error(error);
    domain = virDomainLookupByName(connection, f->name);
    g_assert_nonnull(domain);
    wait_for_record_gone(domain);
    wait_for_current(domain, 2 * VH_GIB);
    virDomainFree(domain);
    assert_intact(f);
}

static void leaves_a_foreign_target_alone(Fixture *f, gconstpointer data)
{
    const guint64 foreign = 1792 * VH_MIB;
    VhAskRequest request = {0};
    VhAskOutcome outcome;
    VhAsk *running;

    free_much(f);
    running = start_ask(f, &request);
    wait_for_way_down(running);
    g_assert_cmpint(virDomainSetMemoryFlags(f->domain, foreign / VH_KIB, VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    outcome = end_ask(running);
    g_assert_cmpint(outcome.status, ==, VH_ASK_OVERTAKEN);
    wait_for_current(f->domain, foreign);
    assert_untouched(f->domain, foreign);
    assert_intact(f);
}

static void one_at_a_time(Fixture *f, gconstpointer data)
{
    VhAskRequest request = {0};
    VhAskOutcome first, second;
    VhAsk *running;

    free_much(f);
    running = start_ask(f, &request);
    wait_for_way_down(running);
    second = ask(f, &request);
    first = end_ask(running);
    g_assert_cmpint(second.status, ==, VH_ASK_FAILED);
    g_assert_cmpint(second.error_code, ==, VH_ERROR_BUSY);
    g_assert_cmpint(first.status, ==, VH_ASK_DONE);
    assert_untouched(f->domain, 2 * VH_GIB);
}

/* An asker of its own, killed when the balloon is well on its way. */
static void kill_an_asker(Fixture *f)
{
    const char *argv[] = {self, "--ask", f->name, NULL};
    gint64 until_us = g_get_monotonic_time() + BOUND_US;
    g_autoptr(GError) error = NULL;
    gboolean restored;
    pid_t pid;
    int status;

    g_assert_true(vh_lab_spawn(f->lab, argv, NULL, "asker.log", &pid, &error));
    while (current_bytes(f->domain) == 2 * VH_GIB && g_get_monotonic_time() < until_us)
        g_usleep(LOOK_US);
    /* While it lives, nobody else interferes. */
    g_assert_false(vh_in_flight_recover(f->domain, BOUND_US, &restored, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_BUSY);
    g_clear_error(&error);
    g_assert_true(vh_lab_stop(pid, SIGKILL, VH_LAB_TIMEOUT_MS, &status, &error));
    g_assert_true(has_record(f->domain));
    g_assert_cmpuint(current_bytes(f->domain), <, 2 * VH_GIB);
}

static void what_a_killed_asker_left_is_put_back(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    gboolean restored = FALSE;

    free_much(f);
    kill_an_asker(f);
    g_assert_true(vh_in_flight_recover(f->domain, BOUND_US, &restored, &error));
    g_assert_true(restored);
    assert_untouched(f->domain, 2 * VH_GIB);
    assert_intact(f);
}

static void what_others_set_since_stays(Fixture *f, gconstpointer data)
{
    const guint64 foreign = 1536 * VH_MIB;
    g_autoptr(GError) error = NULL;
    gboolean restored = TRUE;

    free_much(f);
    kill_an_asker(f);
    g_assert_cmpint(virDomainSetMemoryFlags(f->domain, foreign / VH_KIB, VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    wait_for_current(f->domain, foreign);
    g_assert_true(vh_in_flight_recover(f->domain, BOUND_US, &restored, &error));
    g_assert_false(restored);
    assert_untouched(f->domain, foreign);
    assert_intact(f);
}

/* The next ask mends by itself. */
static void a_new_ask_mends_first(Fixture *f, gconstpointer data)
{
    VhAskRequest request = {0};
    VhAskOutcome outcome;

    free_much(f);
    kill_an_asker(f);
    outcome = ask(f, &request);
    g_assert_cmpint(outcome.status, ==, VH_ASK_DONE);
    assert_untouched(f->domain, 2 * VH_GIB);
    assert_intact(f);
}

static int be_the_asker(const char *name)
{
    g_autoptr(virConnect) connection = vh_libvirt_open(g_getenv("VH_LAB_URI"), FALSE, NULL);
    virDomainPtr domain = connection ? virDomainLookupByName(connection, name) : NULL;
    VhAskRequest request = {0};
    VhAsk *running = domain ? vh_ask_start(domain, &request, NULL) : NULL;

    if (!running)
        return EXIT_FAILURE;
    (void)vh_ask_wait(running, -1);
    vh_ask_free(running);
    virDomainFree(domain);
    return EXIT_SUCCESS;
}

static const struct {
    const char *path;
    void (*test)(Fixture *, gconstpointer);
} cases[] = {
    {"returns-what-was-freed", returns_what_was_freed},
    {"returns-about-as-much-as-asked", returns_about_as_much_as_asked},
    {"reaches-what-an-earlier-pulse-left", reaches_what_an_earlier_pulse_left},
    {"backs-off-from-an-allocating-process", backs_off_from_an_allocating_process},
    {"is-cancelled", is_cancelled},
    {"keeps-its-deadline", keeps_its_deadline},
    {"survives-a-hung-qemu", survives_a_hung_qemu},
    {"notices-a-killed-qemu", notices_a_killed_qemu},
    {"puts-back-after-libvirtd-was-killed", puts_back_after_libvirtd_was_killed},
    {"leaves-a-foreign-target-alone", leaves_a_foreign_target_alone},
    {"one-at-a-time", one_at_a_time},
    {"what-a-killed-asker-left-is-put-back", what_a_killed_asker_left_is_put_back},
    {"what-others-set-since-stays", what_others_set_since_stays},
    {"a-new-ask-mends-first", a_new_ask_mends_first},
};

int main(int argc, char **argv)
{
    self = argv[0];
    vh_libvirt_init();
    if (argc == 3 && strcmp(argv[1], "--ask") == 0)
        return be_the_asker(argv[2]);
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/pulse/%s", cases[i].path);

        g_test_add(path, Fixture, NULL, set_up, cases[i].test, tear_down);
    }
    g_test_add("/pulse/wants-autodeflate-or-a-reserve", Fixture, NULL, set_up_without_autodeflate,
               wants_autodeflate_or_a_reserve, tear_down);
    return g_test_run();
}
