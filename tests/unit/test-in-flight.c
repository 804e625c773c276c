/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The in-flight record: whose balloon it is, who is alive, and what stands in the metadata. */
#include "vh-in-flight.h"
#include "vh-libvirt.h"
#include "vh-units.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB_KIB ((guint64)1024)
#define OLD (2048 * MIB_KIB)
#define TARGET (500 * MIB_KIB + VH_TARGET_MARK_KIB)

static void test_judge(void)
{
    static const VhInFlightRecord record = {.old_kib = OLD, .target_kib = TARGET};
    static const struct {
        const char *name;
        guint64 current_kib;
        VhBalloonOwner owner;
    } cases[] = {
        {"never moved, or put back", OLD, VH_BALLOON_OLD},
        {"where it was sent", TARGET, VH_BALLOON_OURS},
        {"autodeflated", TARGET + 37 * MIB_KIB, VH_BALLOON_OURS},
        {"autodeflated beyond the old target", TARGET + 1600 * MIB_KIB, VH_BALLOON_OURS},
        {"stuck in a batch of pages", OLD - 300 * MIB_KIB - 4, VH_BALLOON_OURS},
        {"set to whole MiB above", 1536 * MIB_KIB, VH_BALLOON_FOREIGN},
        {"set to whole MiB beyond the old one", 3072 * MIB_KIB, VH_BALLOON_FOREIGN},
        {"set to an odd size beyond the old one", OLD + 4, VH_BALLOON_FOREIGN},
        {"set below", 400 * MIB_KIB, VH_BALLOON_FOREIGN},
        {"set below, and odd", TARGET - 4, VH_BALLOON_FOREIGN},
        {"set below, with the mark", TARGET - 10 * MIB_KIB, VH_BALLOON_FOREIGN},
        {"nothing left", 0, VH_BALLOON_FOREIGN},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].name);
        g_assert_cmpint(vh_in_flight_judge(&record, cases[i].current_kib), ==, cases[i].owner);
    }
}

/* A process that is there, and then is not: not even its number's next user counts. */
static void test_owner_dies(void)
{
    gint64 now_us = g_get_real_time();
    VhInFlightRecord record = {.expires_us = now_us + VH_MIN};
    int pipe_fds[2], status;
    pid_t pid;

    vh_in_flight_own(&record);
    g_assert_true(vh_in_flight_is_live(&record, now_us));
    g_assert_true(vh_in_flight_is_live(&record, record.expires_us - 1));
    g_assert_false(vh_in_flight_is_live(&record, record.expires_us));

    g_assert_cmpint(pipe(pipe_fds), ==, 0);
    pid = fork();
    if (pid == 0) {
        vh_in_flight_own(&record);
        _exit(write(pipe_fds[1], record.owner, sizeof record.owner) < 0);
    }
    g_assert_cmpint(read(pipe_fds[0], record.owner, sizeof record.owner), ==,
                    (gssize)sizeof record.owner);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_false(vh_in_flight_is_live(&record, now_us));
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void test_owner_elsewhere(void)
{
    static const char *const owners[] = {
        "",
        "somebody",
        "0a0b0c0d-0000-4000-8000-000000000000/4026531836/1/1",
        "0a0b0c0d-0000-4000-8000-000000000000/x/y/z",
    };
    gint64 now_us = g_get_real_time();

    for (guint i = 0; i < G_N_ELEMENTS(owners); i++) {
        VhInFlightRecord record = {.expires_us = now_us + VH_MIN};

        g_strlcpy(record.owner, owners[i], sizeof record.owner);
        g_assert_true(vh_in_flight_is_live(&record, now_us));
        g_assert_false(vh_in_flight_is_live(&record, now_us + VH_HOUR));
    }
}

/* The same process and boot, seen from another PID namespace: its number means nothing here. */
static void test_owner_in_another_namespace(void)
{
    gint64 now_us = g_get_real_time();
    VhInFlightRecord record = {.expires_us = now_us + VH_MIN};
    g_auto(GStrv) parts = NULL;

    vh_in_flight_own(&record);
    parts = g_strsplit(record.owner, "/", -1);
    g_assert_cmpuint(g_strv_length(parts), ==, 4);
    g_snprintf(record.owner, sizeof record.owner, "%s/1/%s/1", parts[0], parts[2]);
    g_assert_true(vh_in_flight_is_live(&record, now_us));
    g_snprintf(record.owner, sizeof record.owner, "%s/%s/%s/1", parts[0], parts[1], parts[2]);
    g_assert_false(vh_in_flight_is_live(&record, now_us));
}

static virDomainPtr test_domain(virConnectPtr connection)
{
    virDomainPtr domain = virDomainLookupByName(connection, "test");

    g_assert_nonnull(domain);
    return domain;
}

static void test_round_trip(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", FALSE, &error);
    virDomainPtr domain = test_domain(connection);
    VhInFlightRecord out = {
        .old_kib = OLD, .target_kib = TARGET, .expires_us = 1795226858 * VH_SEC + 1};
    VhInFlightRecord in = {0};
    gboolean found = TRUE;

    vh_in_flight_own(&out);
    g_assert_true(vh_in_flight_get(domain, &in, &found, &error));
    g_assert_false(found);
    g_assert_true(vh_in_flight_set(domain, &out, &error));
    g_assert_true(vh_in_flight_get(domain, &in, &found, &error));
    g_assert_true(found);
    g_assert_cmpuint(in.old_kib, ==, out.old_kib);
    g_assert_cmpuint(in.target_kib, ==, out.target_kib);
    g_assert_cmpstr(in.owner, ==, out.owner);
    g_assert_cmpint(in.expires_us, ==, 1795226859 * VH_SEC);
    g_assert_false(in.has_moved);
    g_assert_true(vh_in_flight_clear(domain, &error));
    g_assert_true(vh_in_flight_get(domain, &in, &found, &error));
    g_assert_false(found);
    virDomainFree(domain);
}

/* What came along with a migration: whoever wrote it cannot be at it any more, alive or not. */
/* The latest that a record can say, rounded up as all are. */
static void test_latest(void)
{
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", FALSE, NULL);
    virDomainPtr domain = test_domain(connection);
    const VhInFlightRecord out = {
        .old_kib = OLD, .target_kib = TARGET, .expires_us = G_MAXINT64 / VH_SEC * VH_SEC};
    g_autoptr(GError) error = NULL;
    VhInFlightRecord in;
    gboolean found;

    g_assert_true(vh_in_flight_set(domain, &out, &error));
    g_assert_true(vh_in_flight_get(domain, &in, &found, &error));
    g_assert_cmpint(in.expires_us, ==, out.expires_us);
    virDomainFree(domain);
}

static void test_moved(void)
{
    static const struct {
        const char *host;
        gboolean has_moved;
    } cases[] = {
        {"", FALSE},
        {" host='another.example.org'", TRUE},
        {" host=''", TRUE},
    };
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", FALSE, NULL);
    virDomainPtr domain = test_domain(connection);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhInFlightRecord record = {0};
        g_autoptr(GError) error = NULL;
        gboolean found;

        vh_in_flight_own(&record);
        g_autofree char *xml =
            g_strdup_printf("<inflight method='pulse' old='1024' target='512' owner='%s' "
                            "expires='4000000000'%s/>",
                            record.owner, cases[i].host);
        g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, xml, "virthint",
                                             VH_IN_FLIGHT_URI, VIR_DOMAIN_AFFECT_LIVE),
                        ==, 0);
        g_assert_true(vh_in_flight_get(domain, &record, &found, &error));
        g_assert_cmpint(record.has_moved, ==, cases[i].has_moved);
        g_assert_cmpint(vh_in_flight_is_live(&record, g_get_real_time()), !=, cases[i].has_moved);
    }
    virDomainFree(domain);
}

static void test_refused(void)
{
    static const char *const records[] = {
        "<other/>",
        "<inflight/>",
        "<inflight method='pass' old='1024' target='512' owner='x' expires='1'/>",
        "<inflight method='pulse' old='-1' target='512' owner='x' expires='1'/>",
        "<inflight method='pulse' old='0' target='512' owner='x' expires='1'/>",
        "<inflight method='pulse' old='1024' target='18446744073709551615' owner='x' expires='1'/>",
        "<inflight method='pulse' old='1024' target='512' owner='x' expires='9999999999999999'/>",
        "<inflight method='pulse' old='1024' target='512' expires='1'/>",
        "<inflight method='pulse' old='1024' target='512' owner='0123456789012345678901234567890"
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
        "8901234567890123456789' expires='1'/>",
    };
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", FALSE, NULL);
    virDomainPtr domain = test_domain(connection);

    for (guint i = 0; i < G_N_ELEMENTS(records); i++) {
        VhInFlightRecord record;
        g_autoptr(GError) error = NULL;
        gboolean found, restored;

        g_test_message("%s", records[i]);
        g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, records[i],
                                             "virthint", VH_IN_FLIGHT_URI, VIR_DOMAIN_AFFECT_LIVE),
                        ==, 0);
        g_assert_false(vh_in_flight_get(domain, &record, &found, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_PROTOCOL);
        g_assert_nonnull(strstr(error->message, "virsh metadata"));
        g_assert_false(vh_in_flight_recover(domain, VH_SEC, &restored, NULL));
    }
    virDomainFree(domain);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vh_libvirt_init();
    g_test_add_func("/in-flight/judge", test_judge);
    g_test_add_func("/in-flight/owner-dies", test_owner_dies);
    g_test_add_func("/in-flight/owner-elsewhere", test_owner_elsewhere);
    g_test_add_func("/in-flight/owner-in-another-namespace", test_owner_in_another_namespace);
    g_test_add_func("/in-flight/round-trip", test_round_trip);
    g_test_add_func("/in-flight/latest", test_latest);
    g_test_add_func("/in-flight/moved", test_moved);
    g_test_add_func("/in-flight/refused", test_refused);
    return g_test_run();
}
