/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pulses that a migration catches with the balloon down: who puts it back, who does not, and what
 * the asker is told. Run as "test-migrate-pulse --ask NAME" it is the asker.
 */
#include "daemon-fixture.h"
#include "migrate-fixture.h"

#include "vh-ask.h"
#include "vh-in-flight.h"
#include "vh-libvirt.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP "seed 7\nalloc keep 100MiB\n"
#define FREE_MUCH "alloc big 600MiB\nfree big\n"
#define VERIFY "verify keep\n"
#define FULL_BYTES VH_GIB
#define AUTODEFLATE_BYTES (64 * VH_MIB)
#define LOOK_US (5 * VH_MS)
#define REST_US (500 * VH_MS)
/* For what must not happen to show. */
#define ALONE_US (3 * VH_SEC)
#define BOUND_US (60 * VH_SEC)
#define ASKER_LOG "asker.log"

static const char *self;

/* Moves are stopped ones with Debian's QEMU, and live ones with one that can do it under TCG. */
static const MovingKind stock = {"stock", MOVING_STOCK, FALSE, FALSE};
static const MovingKind live = {"live", MOVING_LIVE, FALSE, FALSE};

typedef struct {
    Moving m;
    pid_t asker;
    guint64 down_bytes; /* where the balloon was when the asker was stopped */
} Caught;

/* ---- The asker ---- */

static int be_the_asker(const char *name)
{
    g_autoptr(virConnect) connection = vh_libvirt_open(g_getenv("VH_LAB_URI"), FALSE, NULL);
    virDomainPtr domain = connection ? virDomainLookupByName(connection, name) : NULL;
    VhAskRequest request = {.deadline_us = 20 * VH_SEC};
    VhAsk *running = domain ? vh_ask_start(domain, &request, NULL) : NULL;
    VhAskOutcome outcome;
    const char *why;

    if (!running)
        return EXIT_FAILURE;
    (void)vh_ask_wait(running, -1);
    vh_ask_get_outcome(running, &outcome, &why);
    printf("%s: %d: %s\n", vh_ask_status_name(outcome.status), outcome.error_code, why ? why : "");
    fflush(stdout);
    vh_ask_free(running);
    virDomainFree(domain);
    return EXIT_SUCCESS;
}

/* An asker with the balloon well on its way down, and stopped there. */
static gboolean catch_one(Caught *c, const MovingKind *kind)
{
    gint64 until_us = g_get_monotonic_time() + BOUND_US;
    g_autoptr(GError) error = NULL;
    guint64 before = 0;

    if (!moving_start(&c->m, kind, FALSE, (DeviceOptions){0}))
        return FALSE;
    device_work(&c->m.device, KEEP FREE_MUCH);
    const char *argv[] = {self, "--ask", c->m.device.name, NULL};
    g_assert_true(vh_lab_spawn(c->m.device.lab, argv, NULL, ASKER_LOG, &c->asker, &error));
    while (device_balloon_bytes(&c->m.device) == FULL_BYTES && g_get_monotonic_time() < until_us)
        g_usleep(LOOK_US);
    g_assert_cmpint(kill(c->asker, SIGSTOP), ==, 0);
    while (before != c->down_bytes || before == 0) {
        before = c->down_bytes;
        g_usleep(REST_US);
        c->down_bytes = device_balloon_bytes(&c->m.device);
    }
    g_assert_cmpuint(c->down_bytes, <, FULL_BYTES);
    return TRUE;
}

/* What it says at its end; NULL where it was killed. */
static char *end_asker(Caught *c, int sig)
{
    g_autofree char *path = g_build_filename(vh_lab_dir(c->m.device.lab), ASKER_LOG, NULL);
    g_autoptr(GError) error = NULL;
    char *said = NULL;
    int status;

    g_assert_true(vh_lab_stop(c->asker, sig, VH_LAB_TIMEOUT_MS, &status, &error));
    if (sig == SIGKILL)
        return NULL;
    g_assert_true(g_file_get_contents(path, &said, NULL, &error));
    g_assert_cmpint(remove(path), ==, 0);
    g_test_message("the asker: %s", g_strchomp(said));
    return said;
}

/* ---- Looking ---- */

/* But for what autodeflate may have taken meanwhile. */
static void assert_down(Caught *c)
{
    g_assert_cmpuint(device_balloon_bytes(&c->m.device), <=, c->down_bytes + AUTODEFLATE_BYTES);
}

static VhInFlightRecord record_of(virDomainPtr domain)
{
    g_autoptr(GError) error = NULL;
    VhInFlightRecord record;
    gboolean found = FALSE;

    g_assert_true(vh_in_flight_get(domain, &record, &found, &error));
    g_assert_true(found);
    return record;
}

static gboolean has_record(virDomainPtr domain)
{
    g_autoptr(GError) error = NULL;
    VhInFlightRecord record;
    gboolean found = FALSE;

    g_assert_true(vh_in_flight_get(domain, &record, &found, &error));
    return found;
}

static gboolean recover(Caught *c)
{
    g_autoptr(GError) error = NULL;
    gboolean restored = FALSE;

    if (!vh_in_flight_recover(c->m.device.domain, BOUND_US, &restored, &error))
        g_error("%s", error->message);
    return restored;
}

/* The device's own word, since the guest may take its time. */
static void await_balloon(Caught *c, guint64 bytes)
{
    gint64 until_us = g_get_monotonic_time() + BOUND_US;

    while (device_balloon_bytes(&c->m.device) != bytes && g_get_monotonic_time() < until_us)
        g_usleep(LOOK_US);
    g_assert_cmpuint(device_balloon_bytes(&c->m.device), ==, bytes);
}

static void await_no_record(Caught *c)
{
    gint64 until_us = g_get_monotonic_time() + BOUND_US;

    while (has_record(c->m.device.domain) && g_get_monotonic_time() < until_us)
        g_usleep(LOOK_US);
    g_assert_false(has_record(c->m.device.domain));
}

static void set_target(Caught *c, guint64 bytes)
{
    g_assert_cmpint(
        virDomainSetMemoryFlags(c->m.device.domain, bytes / VH_KIB, VIR_DOMAIN_AFFECT_LIVE), ==, 0);
    await_balloon(c, bytes);
}

/* Nobody at work here any more: no record, the balloon stays, and the guest is whole. */
static void assert_at_rest(Caught *c, guint64 bytes)
{
    await_balloon(c, bytes);
    g_usleep(ALONE_US);
    g_assert_cmpuint(device_balloon_bytes(&c->m.device), ==, bytes);
    g_assert_false(has_record(c->m.device.domain));
    device_work(&c->m.device, VERIFY);
}

/* ---- The guest arrives with its balloon down ---- */

static void recover_by_library(Caught *c)
{
    g_assert_true(recover(c));
}

/* The daemon, and the commands of a process of its own, look at the other host. */
static DaemonFixture *fixture_there(Caught *c)
{
    DaemonFixture *fixture = g_new0(DaemonFixture, 1);
    g_autoptr(GError) error = NULL;

    daemon_fixture_set_up(fixture, NULL);
    vh_lab_free(fixture->lab);
    fixture->lab = vh_lab_peer_open(c->m.device.lab, &error);
    g_assert_no_error(error);
    return fixture;
}

static void recover_by_command(Caught *c)
{
    const char *list[] = {"list", NULL};
    DaemonFixture *fixture = fixture_there(c);
    g_autofree char *said = NULL;

    g_assert_cmpint(daemon_fixture_run(fixture, TRUE, list, NULL, &said), ==, 0);
    g_test_message("%s", said);
    daemon_fixture_tear_down(fixture, NULL);
    g_free(fixture);
}

static void recover_by_daemon(Caught *c)
{
    DaemonFixture *fixture = fixture_there(c);

    daemon_fixture_write_policy(fixture, "{\"version\": 1, \"pool\": {\"source\": \"budget\", "
                                         "\"budget\": \"64GiB\"}}");
    daemon_fixture_start(fixture, NULL);
    await_no_record(c);
    daemon_fixture_stop(fixture);
    daemon_fixture_tear_down(fixture, NULL);
    g_free(fixture);
}

/* Whoever finds the record puts back, once; and till somebody does, the balloon stays down. */
static void put_back_there(const MovingKind *kind, void (*by)(Caught *))
{
    const guint64 later = 800 * VH_MIB;
    Caught c = {0};

    if (!catch_one(&c, kind))
        return;
    (void)end_asker(&c, SIGKILL);
    g_assert_false(record_of(c.m.device.domain).has_moved);
    moving_go(&c.m, c.m.there);
    g_assert_true(record_of(c.m.device.domain).has_moved);
    g_usleep(ALONE_US);
    assert_down(&c);
    g_assert_true(has_record(c.m.device.domain));
    by(&c);
    await_balloon(&c, FULL_BYTES);
    g_assert_false(has_record(c.m.device.domain));
    /* Never twice: what is set now stays. */
    set_target(&c, later);
    g_assert_false(recover(&c));
    assert_at_rest(&c, later);
    moving_stop(&c.m);
}

static void library_puts_back(gconstpointer kind)
{
    put_back_there(kind, recover_by_library);
}

static void command_puts_back(gconstpointer kind)
{
    put_back_there(kind, recover_by_command);
}

static void daemon_puts_back(gconstpointer kind)
{
    put_back_there(kind, recover_by_daemon);
}

static void what_others_set_there_stays(gconstpointer kind)
{
    const guint64 foreign = 800 * VH_MIB;
    Caught c = {0};

    if (!catch_one(&c, kind))
        return;
    (void)end_asker(&c, SIGKILL);
    moving_go(&c.m, c.m.there);
    set_target(&c, foreign);
    g_assert_false(recover(&c));
    assert_at_rest(&c, foreign);
    moving_stop(&c.m);
}

/* ---- The asker lives ---- */

/* It slept through the migration: nothing of what it does then reaches the guest. */
static void a_late_asker_changes_nothing(gconstpointer kind)
{
    const guint64 later = 800 * VH_MIB;
    Caught c = {0};

    if (!catch_one(&c, kind))
        return;
    moving_go(&c.m, c.m.there);
    g_assert_true(recover(&c));
    set_target(&c, later);
    g_assert_cmpint(kill(c.asker, SIGCONT), ==, 0);
    g_autofree char *said = end_asker(&c, 0);
    g_assert_nonnull(strstr(said, "failed: 3: "));
    g_assert_nonnull(strstr(said, "migrated"));
    assert_at_rest(&c, later);
    moving_stop(&c.m);
}

/* It wants to put back while the guest is on its way, and is told in the end that it is gone; the
 * other side does not wait for its deadline. Till the guest has arrived nobody touches it. */
static void an_asker_is_left_behind(gconstpointer kind)
{
    g_autoptr(GError) error = NULL;
    VhLabMigration *migration;
    virDomainPtr arriving;
    gboolean restored;
    Caught c = {0};

    if (!catch_one(&c, kind))
        return;
    migration = moving_begin(&c.m, c.m.is_live);
    g_assert_cmpint(kill(c.asker, SIGCONT), ==, 0);
    arriving = moving_domain(&c.m, c.m.there);
    g_assert_nonnull(arriving);
    g_assert_true(has_record(arriving));
    g_assert_false(vh_in_flight_recover(arriving, VH_SEC, &restored, &error));
    g_test_message("there: %s", error->message);
    g_assert_error(error, VH_ERROR, VH_ERROR_BUSY);
    g_assert_true(has_record(arriving));
    g_assert_false(vh_lab_migration_has_ended(migration));
    moving_arrive(&c.m, migration);
    moving_leave(arriving);
    g_autofree char *said = end_asker(&c, 0);
    g_assert_nonnull(strstr(said, "failed: 3: "));
    g_assert_nonnull(strstr(said, "migrated"));
    assert_down(&c);
    g_assert_true(recover(&c));
    assert_at_rest(&c, FULL_BYTES);
    moving_stop(&c.m);
}

/* ---- The guest stays ---- */

static void an_asker_goes_on_where_it_stays(gconstpointer kind)
{
    g_autoptr(GError) error = NULL;
    VhLabMigration *migration;
    gboolean restored;
    Caught c = {0};

    if (!catch_one(&c, kind))
        return;
    /* Live with any QEMU: nothing is lost of a guest that stays. */
    migration = moving_begin(&c.m, TRUE);
    g_assert_cmpint(kill(c.asker, SIGCONT), ==, 0);
    g_usleep(VH_SEC);
    assert_down(&c);
    g_assert_false(vh_in_flight_recover(c.m.device.domain, VH_SEC, &restored, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_BUSY);
    moving_stay(&c.m, migration);
    g_autofree char *said = end_asker(&c, 0);
    g_assert_null(strstr(said, "failed"));
    assert_at_rest(&c, FULL_BYTES);
    moving_stop(&c.m);
}

static void what_a_killed_asker_left_where_it_stays(gconstpointer kind)
{
    VhLabMigration *migration;
    Caught c = {0};

    if (!catch_one(&c, kind))
        return;
    migration = moving_begin(&c.m, TRUE);
    (void)end_asker(&c, SIGKILL);
    moving_stay(&c.m, migration);
    g_assert_true(recover(&c));
    assert_at_rest(&c, FULL_BYTES);
    moving_stop(&c.m);
}

static const struct {
    const char *path;
    GTestDataFunc test;
} cases[] = {
    {"library-puts-back", library_puts_back},
    {"command-puts-back", command_puts_back},
    {"daemon-puts-back", daemon_puts_back},
    {"what-others-set-there-stays", what_others_set_there_stays},
    {"a-late-asker-changes-nothing", a_late_asker_changes_nothing},
    {"an-asker-is-left-behind", an_asker_is_left_behind},
    {"an-asker-goes-on-where-it-stays", an_asker_goes_on_where_it_stays},
    {"what-a-killed-asker-left-where-it-stays", what_a_killed_asker_left_where_it_stays},
};

int main(int argc, char **argv)
{
    static const MovingKind *const kinds[] = {&stock, &live};

    self = argv[0];
    vh_libvirt_init();
    if (argc == 3 && strcmp(argv[1], "--ask") == 0)
        return be_the_asker(argv[2]);
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++) {
            g_autofree char *path =
                g_strdup_printf("/migrate-pulse/%s/%s", cases[i].path, kinds[k]->name);

            g_test_add_data_func(path, kinds[k], cases[i].test);
        }
    }
    return g_test_run();
}
