/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What it costs to migrate an idle guest most of whose memory was used and is free again, which the
 * host has never been told: with our driver, which is asked for a pass at the start, with the stock
 * driver and its hints, and with neither.
 */

#include "device-migrate.h"
#include "driver-fixture.h"

#define MEMORY_BYTES (2 * VH_GIB)
#define PREPARE "seed 7\nalloc keep 100MiB\nalloc big 1536MiB\nfree big\n"
#define FREED_BYTES (1536 * VH_MIB)

typedef enum { NOTHING, HINTS, PASS, WAYS } Way;

static const char *const way_names[WAYS] = {"nothing", "stock hints", "a pass of ours"};

static void start(Device *device, Way way, gboolean memfd)
{
    DeviceOptions options = {.memory_bytes = MEMORY_BYTES, .memfd = memfd};

    if (way == HINTS) {
        options.kernel = "6.1";
        options.hint = TRUE;
        device_start(device, &options);
        return;
    }
    options.migration_pass = way == PASS;
    driver_start_whole(device, "6.1", options);
    driver_set(device, FALSE);
}

static void assert_arrived(VhLabGuest *guest)
{
    static const char *const programs[] = {"verify keep\n", "alloc x 1GiB\nverify x\n"};

    for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autoptr(VhLabReport) report = NULL;
        g_autoptr(GError) error = NULL;

        if (!vh_lab_guest_work(guest, programs[i], VH_LAB_TIMEOUT_MS, &report, &error))
            g_error("%s", error->message);
        g_assert_true(vh_lab_report_is_intact(report));
    }
}

static DeviceMigration migrate(Way way, gboolean memfd)
{
    DeviceDestination destination;
    DeviceMigration migration;
    guint64 before, after;
    Device device;

    start(&device, way, memfd);
    device_work(&device, PREPARE);
    before = device_settle(&device);
    migration = device_migrate(&device, NULL, &destination);
    after = vh_lab_guest_rss_bytes(device.guest);
    g_test_message(
        "%s, %s: %" G_GUINT64_FORMAT " MiB sent in %.2f s (%" G_GUINT64_FORMAT
        " MiB as pages, %" G_GUINT64_FORMAT " MiB of zeros); the source had %" G_GUINT64_FORMAT
        " MiB before and %" G_GUINT64_FORMAT " MiB after",
        way_names[way], memfd ? "memfd" : "anonymous", migration.transferred_bytes / VH_MIB,
        (double)migration.total_us / VH_SEC, migration.copied_bytes / VH_MIB,
        migration.zero_bytes / VH_MIB, before / VH_MIB, after / VH_MIB);
    if (way == PASS) {
        DriverPass pass = driver_last_pass(&device);

        g_test_message("the device's own pass: %s, %" G_GUINT64_FORMAT " MiB", pass.status,
                       pass.reported_bytes / VH_MIB);
        g_assert_cmpstr(pass.status, ==, "done");
        g_assert_cmpuint(device_counter(&device, "hinted"), >=, DRIVER_MOST(FREED_BYTES));
    }
    /* What was never used, or is free, need not be read: with a memfd, reading takes memory. */
    if (way == PASS)
        g_assert_cmpuint(after, <=, before - DRIVER_MOST(FREED_BYTES));
    assert_arrived(destination.guest);
    device_destination_stop(&destination);
    device_stop(&device);
    return migration;
}

static void sends_less(gboolean memfd)
{
    DeviceMigration nothing, pass;

    nothing = migrate(NOTHING, memfd);
    g_assert_cmpuint(nothing.transferred_bytes, >=, FREED_BYTES);
    if (g_getenv("VH_TEST_LONG"))
        migrate(HINTS, memfd);
    pass = migrate(PASS, memfd);
    g_assert_cmpuint(pass.transferred_bytes, <=, nothing.transferred_bytes / 3);
}

static void sends_less_of_anonymous_memory(void)
{
    if (!driver_is_skipped())
        sends_less(FALSE);
}

static void sends_less_of_a_memfd(void)
{
    if (driver_is_skipped())
        return;
    if (g_getenv("VH_TEST_LONG"))
        sends_less(TRUE);
    else
        g_test_skip("takes long: tools/test --long");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/driver-migrate/sends-less-of-anonymous-memory",
                    sends_less_of_anonymous_memory);
    g_test_add_func("/driver-migrate/sends-less-of-a-memfd", sends_less_of_a_memfd);
    return g_test_run();
}
