/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our driver in real guests: it is a whole balloon driver, leaves memory for others, and with each
 * QEMU it does what both can and no more. Reporting when the host wants it is in
 * test-driver-pass.c; how the driver comes and goes, in test-driver-life.c.
 */

#include "driver-fixture.h"

/* Feature bits of the balloon. */
#define BIT_REPORTING 5
#define BIT_CTRL 22
#define BIT_CHUNKS 23

#define TRIES 6

#define MEMORY_BLOCK "/sys/devices/system/memory/memory%u/state" /* 128 MiB each */

/* ---- A whole balloon driver ---- */

static void accepts_what_is_offered(gconstpointer kernel)
{
    static const char *const wanted[] = {"free-page-reporting", "reporting-ctrl", "page-chunks"};
    g_autoptr(JsonObject) info = NULL;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++)
        g_assert_true(device_has_feature(&device, "negotiated", wanted[i]));
    g_assert_true(driver_has_bit(&device, BIT_CTRL));
    info = device_query(&device);
    g_assert_true(json_object_get_boolean_member(info, "driver"));
    g_assert_true(json_object_get_boolean_member(info, "active"));
    g_assert_cmpuint(driver_counter(&device, "mode"), ==, 1);
    device_work(&device, DRIVER_KEEP);
    driver_assert_intact(&device);
    device_stop(&device);
}

static void makes_statistics(gconstpointer kernel)
{
    static const int tags[] = {
        VIR_DOMAIN_MEMORY_STAT_SWAP_IN,         VIR_DOMAIN_MEMORY_STAT_SWAP_OUT,
        VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT,     VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT,
        VIR_DOMAIN_MEMORY_STAT_UNUSED,          VIR_DOMAIN_MEMORY_STAT_AVAILABLE,
        VIR_DOMAIN_MEMORY_STAT_USABLE,          VIR_DOMAIN_MEMORY_STAT_DISK_CACHES,
        VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL,
    };
    virDomainMemoryStatStruct items[VIR_DOMAIN_MEMORY_STAT_NR];
    guint64 values[VIR_DOMAIN_MEMORY_STAT_NR] = {0};
    gboolean is_there[VIR_DOMAIN_MEMORY_STAT_NR] = {0};
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;
    Device device;
    int n;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){.stats_period_s = 1});
    device_work(&device, DRIVER_ALLOC);
    g_assert_true(vh_lab_guest_wait_fresh_stats(device.guest, VH_LAB_TIMEOUT_MS, &error));
    report = device_work_report(&device, "verify big\n");
    n = virDomainMemoryStats(device.domain, items, G_N_ELEMENTS(items), 0);
    for (int i = 0; i < n; i++) {
        is_there[items[i].tag] = TRUE;
        values[items[i].tag] = items[i].val * VH_KIB;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(tags); i++) {
        if (!is_there[tags[i]])
            g_error("statistic %d is not there", tags[i]);
    }
    g_assert_cmpuint(values[VIR_DOMAIN_MEMORY_STAT_AVAILABLE], ==, report->mem_total_bytes);
    g_assert_cmpuint(values[VIR_DOMAIN_MEMORY_STAT_UNUSED], <,
                     report->mem_free_bytes + 32 * VH_MIB);
    g_assert_cmpuint(values[VIR_DOMAIN_MEMORY_STAT_UNUSED] + 32 * VH_MIB, >,
                     report->mem_free_bytes);
    g_assert_cmpuint(values[VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT], >, 0);
    driver_assert_quiet(&device);
    device_stop(&device);
}

/* The first half of the guest's free memory in one piece, and single pages all over the rest: the
 * one is best told as extents, the other as a bitmap. */
static void sizes_in_ranges(gconstpointer kernel)
{
    guint64 rss, all = 1024 * VH_MIB, half = 800 * VH_MIB, low = 620 * VH_MIB;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    driver_set(&device, FALSE);
    /* All of it was used once, so that the host has it. */
    device_work(&device, DRIVER_KEEP "alloc all 820MiB\nfree all\n"
                                     "fragment f 600MiB keep 4KiB of 8KiB\n");
    rss = device_settle(&device);
    device_set_balloon(&device, low);
    g_assert_cmpuint(driver_counter(&device, "balloon_bytes"), ==, all - low);
    g_assert_cmpuint(driver_counter(&device, "inflate_bytes"), >=, all - low);
    g_assert_cmpuint(driver_counter(&device, "extents_messages"), >, 0);
    g_assert_cmpuint(driver_counter(&device, "bitmap_messages"), >, 0);
    g_assert_cmpuint(vh_sub(rss, vh_lab_guest_rss_bytes(device.guest)), >=, 300 * VH_MIB);
    device_work(&device, "verify f\n"
                         "verify keep\n");
    device_set_balloon(&device, half);
    g_assert_cmpuint(driver_counter(&device, "balloon_bytes"), ==, all - half);
    device_set_balloon(&device, low);
    device_set_balloon(&device, all);
    g_assert_cmpuint(driver_counter(&device, "balloon_bytes"), ==, 0);
    g_assert_cmpuint(driver_counter(&device, "deflate_bytes"), ==,
                     driver_counter(&device, "inflate_bytes"));
    g_test_message("%" G_GUINT64_FORMAT " MiB in %" G_GUINT64_FORMAT " messages, %" G_GUINT64_FORMAT
                   " of extents and %" G_GUINT64_FORMAT " bitmaps, both ways",
                   driver_counter(&device, "inflate_bytes") / VH_MIB,
                   driver_counter(&device, "inflate_messages"),
                   driver_counter(&device, "extents_messages"),
                   driver_counter(&device, "bitmap_messages"));
    g_assert_cmpuint(device_counter(&device, "messages"), ==,
                     driver_counter(&device, "extents_messages") +
                         driver_counter(&device, "bitmap_messages"));
    g_assert_cmpuint(device_counter(&device, "malformed"), ==, 0);
    device_work(&device, "verify f\nfree f\n" DRIVER_ALLOC "verify big\n" DRIVER_FREE);
    driver_assert_intact(&device);
    device_stop(&device);
}

static void deflates_when_memory_is_short(gconstpointer kernel)
{
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, DRIVER_KEEP);
    device_set_balloon(&device, 300 * VH_MIB);
    device_work(&device, DRIVER_ALLOC "verify big\n");
    g_assert_cmpuint(device_balloon_bytes(&device), >, DRIVER_FREED_BYTES);
    g_assert_cmpuint(driver_counter(&device, "oom_deflated_bytes"), >, 0);
    g_assert_cmpuint(driver_counter(&device, "balloon_bytes"), ==,
                     VH_GIB - device_balloon_bytes(&device));
    device_work(&device, DRIVER_FREE);
    driver_assert_intact(&device);
    device_stop(&device);
}

/* Leaves single pages of the balloon in between what is free, and has the kernel make large blocks
 * of that. Which end of memory they are at is the kernel's choice, and it may leave them there. */
static guint64 compact_around_balloon(Device *device)
{
    guint64 rss;

    device_set_balloon(device, VH_GIB);
    device_work(device, "fragment f 500MiB keep 4KiB of 8KiB\n");
    device_set_balloon(device, 480 * VH_MIB);
    device_work(device, "free f\n");
    rss = device_settle(device);
    driver_write(device, "/proc/sys/vm/compact_memory", "1\n");
    g_assert_cmpuint(driver_counter(device, "balloon_bytes"), ==, VH_GIB - 480 * VH_MIB);
    /* What a page was moved to was taken from the host, and where it had been given back. */
    g_assert_cmpuint(device_settle(device), <, rss + 64 * VH_MIB);
    return driver_counter(device, "compacted_pages");
}

static void lets_its_pages_be_moved(gconstpointer kernel)
{
    guint64 moved = 0;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, DRIVER_KEEP);
    for (int i = 0; i < TRIES && moved == 0; i++) {
        moved = compact_around_balloon(&device);
        g_test_message("%" G_GUINT64_FORMAT " pages of the balloon moved", moved);
    }
    g_assert_cmpuint(moved, >, 0);
    device_set_balloon(&device, VH_GIB);
    device_work(&device, DRIVER_ALLOC "verify big\n" DRIVER_FREE);
    g_assert_cmpuint(device_counter(&device, "malformed"), ==, 0);
    driver_assert_intact(&device);
    device_stop(&device);
}

/* Takes one block of the guest's memory offline, as for memory hot-unplug; its number, or 0. */
static guint take_offline(Device *device)
{
    for (guint block = 1; block < 8; block++) {
        g_autofree char *path = g_strdup_printf(MEMORY_BLOCK, block);

        if (vh_lab_guest_write_file(device->guest, path, "offline", NULL))
            return block;
    }
    return 0;
}

/* What the balloon has of memory that goes comes out of it, and the balloon is filled up elsewhere.
 */
static void lets_memory_go_offline(gconstpointer kernel)
{
    g_autofree char *path = NULL;
    Device device;
    guint block;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, DRIVER_KEEP);
    device_set_balloon(&device, 450 * VH_MIB);
    block = take_offline(&device);
    g_assert_cmpuint(block, >, 0);
    g_test_message("block %u, with %" G_GUINT64_FORMAT " MiB of the balloon", block,
                   driver_counter(&device, "offlined_bytes") / VH_MIB);
    g_assert_cmpuint(driver_counter(&device, "offlined_bytes"), >, 0);
    g_assert_cmpuint(driver_await_counter(&device, "balloon_bytes", VH_GIB - 450 * VH_MIB), ==,
                     VH_GIB - 450 * VH_MIB);
    path = g_strdup_printf(MEMORY_BLOCK, block);
    driver_write(&device, path, "online");
    device_set_balloon(&device, VH_GIB);
    device_work(&device, DRIVER_ALLOC "verify big\n" DRIVER_FREE);
    g_assert_cmpuint(device_counter(&device, "malformed"), ==, 0);
    driver_assert_intact(&device);
    device_stop(&device);
}

/* ---- Beside others ---- */

/* Passes while memory is short and the guest's serial port and disk, whose drivers allocate in
 * atomic context, are busy. */
static void leaves_memory_for_others(gconstpointer kernel)
{
    static const char churn[] = "churn 650MiB for 15s\n";
    static const char cache[] = "repeat 10\ncache 64MiB\ndropcache\nend\n";
    g_autoptr(VhLabReport) churned = NULL, cached = NULL;
    g_autoptr(GError) error = NULL;
    VhLabWork *churning, *caching;
    gint64 until = g_get_monotonic_time() + 15 * VH_SEC;
    guint passes = 0;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){.vcpus = 2, .disk_bytes = 256 * VH_MIB});
    device_work(&device, DRIVER_KEEP);
    churning = vh_lab_guest_work_start(device.guest, "churn", churn, &error);
    g_assert_no_error(error);
    caching = vh_lab_guest_work_start(device.guest, "cache", cache, &error);
    g_assert_no_error(error);
    for (; g_get_monotonic_time() < until; passes++) {
        guint64 id = driver_ask_pass(&device, 0, passes % 2 ? 4096 : 0);

        for (int i = 0; i < 10; i++)
            driver_assert_quiet(&device); /* some ten KiB each */
        driver_await_pass(&device, id);
    }
    if (!vh_lab_work_wait(churning, VH_LAB_TIMEOUT_MS, &churned, &error) ||
        !vh_lab_work_wait(caching, VH_LAB_TIMEOUT_MS, &cached, &error))
        g_error("%s", error->message);
    g_test_message("%u passes beside %" G_GUINT64_FORMAT " MiB of churn", passes,
                   churned->churned_bytes / VH_MIB);
    g_assert_true(vh_lab_report_is_intact(churned));
    g_assert_cmpint(cached->status, ==, VH_LAB_WORK_OK);
    g_assert_cmpuint(churned->oom_kills, ==, 0);
    vh_lab_work_free(churning);
    vh_lab_work_free(caching);
    driver_assert_intact(&device);
    device_stop(&device);
}

/* ---- With other devices ---- */

/* The balloon, by page numbers alone. */
static void assert_moves_by_pages(Device *device)
{
    device_set_balloon(device, 500 * VH_MIB);
    device_set_balloon(device, VH_GIB);
    g_assert_cmpuint(driver_counter(device, "inflate_bytes"), ==, VH_GIB - 500 * VH_MIB);
    g_assert_cmpuint(driver_counter(device, "extents_messages"), ==, 0);
    g_assert_cmpuint(driver_counter(device, "bitmap_messages"), ==, 0);
    device_work(device, DRIVER_ALLOC "verify big\n" DRIVER_FREE);
    driver_assert_intact(device);
}

/* A stock QEMU has continuous reporting and page numbers, and that is what it gets. */
static void serves_a_stock_qemu(gconstpointer kernel)
{
    const DeviceOptions options = {.emulator = device_stock_qemu(), .reporting = TRUE};
    guint64 rss;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start(&device, kernel, options);
    g_assert_true(driver_has_bit(&device, BIT_REPORTING));
    g_assert_false(driver_has_bit(&device, BIT_CTRL));
    g_assert_false(driver_has_bit(&device, BIT_CHUNKS));
    device_work(&device, DRIVER_KEEP DRIVER_ALLOC);
    rss = vh_lab_guest_rss_bytes(device.guest);
    device_work(&device, DRIVER_FREE);
    g_assert_cmpuint(device_await_rss_below(&device, rss - DRIVER_FOUND_BYTES), <=,
                     rss - DRIVER_FOUND_BYTES);
    assert_moves_by_pages(&device);
    device_stop(&device);
}

/* Our QEMU with neither property, nor reporting. */
static void serves_a_plain_balloon(gconstpointer kernel)
{
    Device device;
    guint64 rss;

    if (driver_is_skipped())
        return;
    driver_start(&device, kernel, (DeviceOptions){0});
    g_assert_false(driver_has_bit(&device, BIT_REPORTING));
    g_assert_false(driver_has_bit(&device, BIT_CTRL));
    g_assert_false(driver_has_bit(&device, BIT_CHUNKS));
    device_work(&device, DRIVER_KEEP DRIVER_ALLOC DRIVER_FREE);
    rss = device_settle(&device);
    device_set_balloon(&device, 500 * VH_MIB);
    g_assert_cmpuint(vh_sub(rss, vh_lab_guest_rss_bytes(device.guest)), >=, 400 * VH_MIB);
    g_assert_cmpuint(driver_counter(&device, "requests"), ==, 0);
    device_set_balloon(&device, VH_GIB);
    device_work(&device, DRIVER_ALLOC "verify big\n" DRIVER_FREE);
    driver_assert_intact(&device);
    device_stop(&device);
}

/* What the host shows through the legacy interface is not to be used there. */
static void leaves_a_legacy_device_as_it_is(gconstpointer kernel)
{
    g_autofree char *refused = NULL;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){.legacy = TRUE});
    g_assert_true(driver_has_bit(&device, BIT_REPORTING));
    g_assert_false(driver_has_bit(&device, BIT_CTRL));
    g_assert_false(driver_has_bit(&device, BIT_CHUNKS));
    refused = device_command_error(&device, "{\"execute\": \"balloon-reporting-pass\"}");
    g_assert_cmpstr(refused, ==, "The guest's balloon driver does not know reporting passes");
    device_work(&device, DRIVER_KEEP DRIVER_ALLOC DRIVER_FREE);
    g_assert_cmpuint(device_await_counter(&device, "discarded", DRIVER_FOUND_BYTES), >=,
                     DRIVER_FOUND_BYTES);
    assert_moves_by_pages(&device);
    device_stop(&device);
}

/* The kernel counts on its free pages to be zeroed, which is what a discarded page is: the device
 * is told so, and nothing is held back. */
static void says_what_free_pages_hold(gconstpointer kernel)
{
    DriverPass pass;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){.kernel_args = "init_on_free=1"});
    g_assert_true(device_has_feature(&device, "negotiated", "page-poison"));
    g_assert_true(device_has_feature(&device, "negotiated", "reporting-ctrl"));
    driver_set(&device, FALSE);
    device_work(&device, DRIVER_KEEP DRIVER_ALLOC DRIVER_FREE);
    pass = driver_pass(&device, 0, 0, "done");
    g_assert_cmpuint(pass.discarded_bytes, >=, DRIVER_FOUND_BYTES);
    device_set_balloon(&device, 500 * VH_MIB);
    device_set_balloon(&device, VH_GIB);
    device_work(&device, DRIVER_ALLOC "verify big\n" DRIVER_FREE);
    driver_assert_intact(&device);
    device_stop(&device);
}

/* The stock driver on our QEMU with all that it offers: none of it is taken. */
static void stock_driver_takes_nothing(gconstpointer kernel)
{
    g_autofree char *refused = NULL;
    Device device;

    if (driver_is_skipped())
        return;
    device_start(&device, &(DeviceOptions){.memory_bytes = VH_GIB,
                                           .kernel = kernel,
                                           .reporting = TRUE,
                                           .properties = TRUE});
    g_assert_true(driver_has_bit(&device, BIT_REPORTING));
    g_assert_false(driver_has_bit(&device, BIT_CTRL));
    g_assert_false(driver_has_bit(&device, BIT_CHUNKS));
    refused = device_command_error(&device, "{\"execute\": \"balloon-reporting-pass\"}");
    g_assert_cmpstr(refused, ==, "The guest's balloon driver does not know reporting passes");
    device_work(&device, DRIVER_KEEP DRIVER_ALLOC DRIVER_FREE);
    g_assert_cmpuint(device_await_counter(&device, "discarded", DRIVER_FOUND_BYTES), >=,
                     DRIVER_FOUND_BYTES);
    device_set_balloon(&device, 500 * VH_MIB);
    device_set_balloon(&device, VH_GIB);
    g_assert_cmpuint(device_counter(&device, "malformed"), ==, 0);
    device_work(&device, "verify keep\n");
    driver_assert_quiet(&device);
    device_stop(&device);
}

static const DriverTest tests[] = {
    {"accepts-what-is-offered", accepts_what_is_offered, TRUE},
    {"makes-statistics", makes_statistics, TRUE},
    {"sizes-in-ranges", sizes_in_ranges, TRUE},
    {"deflates-when-memory-is-short", deflates_when_memory_is_short, TRUE},
    {"lets-its-pages-be-moved", lets_its_pages_be_moved, TRUE},
    {"lets-memory-go-offline", lets_memory_go_offline, TRUE},
    {"leaves-memory-for-others", leaves_memory_for_others, TRUE},
    {"serves-a-stock-qemu", serves_a_stock_qemu, TRUE},
    {"serves-a-plain-balloon", serves_a_plain_balloon, FALSE},
    {"leaves-a-legacy-device-as-it-is", leaves_a_legacy_device_as_it_is, FALSE},
    {"says-what-free-pages-hold", says_what_free_pages_hold, TRUE},
    {"stock-driver-takes-nothing", stock_driver_takes_nothing, TRUE},
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    return driver_run_tests("driver", tests, G_N_ELEMENTS(tests));
}
