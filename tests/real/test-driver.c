/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our driver in real guests: it is a whole balloon driver, it is silent when told so, its passes
 * find what is free and end as they say, and with each QEMU it does what both can and no more.
 * How it comes and goes is in test-driver-life.c.
 */
#include <string.h>

#include "driver-fixture.h"

#define FREED_BYTES (600 * VH_MIB)
/* Of it, what is free in large blocks then: a part came from small ones, and goes back to them. */
#define FOUND_BYTES (500 * VH_MIB)
#define ALLOC_MUCH "alloc big 600MiB\n"
#define FREE_MUCH "free big\n"
#define KEEP "seed 7\nalloc keep 100MiB\n"
#define VERIFY_KEEP "verify keep\n"
#define TRIES 4

/* Feature bits of the balloon. */
#define BIT_REPORTING 5
#define BIT_CTRL 22
#define BIT_CHUNKS 23

static void assert_intact(Device *device)
{
    device_work(device, VERIFY_KEEP);
    driver_assert_quiet(device);
    g_assert_cmpuint(driver_log_lines(device, "virtio_balloon virtio"), ==, 1);
}

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
    device_work(&device, KEEP);
    assert_intact(&device);
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
    device_work(&device, ALLOC_MUCH);
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
    device_work(&device, KEEP ALLOC_MUCH FREE_MUCH "fragment f 600MiB keep 4KiB of 8KiB\n");
    rss = device_settle(&device);
    device_set_balloon(&device, low);
    g_assert_cmpuint(driver_counter(&device, "balloon_bytes"), ==, all - low);
    g_assert_cmpuint(driver_counter(&device, "inflate_bytes"), >=, all - low);
    g_assert_cmpuint(driver_counter(&device, "extents_messages"), >, 0);
    g_assert_cmpuint(driver_counter(&device, "bitmap_messages"), >, 0);
    g_assert_cmpuint(vh_sub(rss, vh_lab_guest_rss_bytes(device.guest)), >=, 200 * VH_MIB);
    device_work(&device, "verify f\n" VERIFY_KEEP);
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
    device_work(&device, "verify f\nfree f\n" ALLOC_MUCH "verify big\n" FREE_MUCH);
    assert_intact(&device);
    device_stop(&device);
}

static void deflates_when_memory_is_short(gconstpointer kernel)
{
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, KEEP);
    device_set_balloon(&device, 300 * VH_MIB);
    device_work(&device, ALLOC_MUCH "verify big\n");
    g_assert_cmpuint(device_balloon_bytes(&device), >, FREED_BYTES);
    g_assert_cmpuint(driver_counter(&device, "oom_deflated_bytes"), >, 0);
    g_assert_cmpuint(driver_counter(&device, "balloon_bytes"), ==,
                     VH_GIB - device_balloon_bytes(&device));
    device_work(&device, FREE_MUCH);
    assert_intact(&device);
    device_stop(&device);
}

/* Single pages of the balloon in between what is free: the kernel moves them to make large blocks.
 */
static void lets_its_pages_be_moved(gconstpointer kernel)
{
    Device device;
    guint64 rss;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, KEEP "fragment f 500MiB keep 4KiB of 8KiB\n");
    device_set_balloon(&device, 550 * VH_MIB);
    device_work(&device, "free f\n");
    rss = device_settle(&device);
    driver_write(&device, "/proc/sys/vm/compact_memory", "1\n");
    g_test_message("%" G_GUINT64_FORMAT " pages of the balloon moved",
                   driver_counter(&device, "compacted_pages"));
    g_assert_cmpuint(driver_counter(&device, "compacted_pages"), >, 0);
    g_assert_cmpuint(driver_counter(&device, "balloon_bytes"), ==, VH_GIB - 550 * VH_MIB);
    /* What a page was moved to was taken from the host, and where it had been given back. */
    g_assert_cmpuint(device_settle(&device), <, rss + 64 * VH_MIB);
    device_set_balloon(&device, VH_GIB);
    device_work(&device, ALLOC_MUCH "verify big\n" FREE_MUCH);
    g_assert_cmpuint(device_counter(&device, "malformed"), ==, 0);
    assert_intact(&device);
    device_stop(&device);
}

/* ---- On and off ---- */

static void is_silent_when_off(gconstpointer kernel)
{
    guint64 requests, rounds, reported;
    gint64 cpu_us;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, KEEP ALLOC_MUCH);
    driver_set(&device, FALSE);
    g_assert_cmpuint(driver_counter(&device, "mode"), ==, 0);
    g_assert_cmpuint(driver_counter(&device, "state"), ==, 0);
    requests = device_counter(&device, "requests");
    rounds = driver_counter(&device, "rounds");
    reported = driver_counter(&device, "reported_bytes");
    device_work(&device, FREE_MUCH);
    cpu_us = vh_lab_guest_cpu_us(device.guest);
    g_usleep(5 * VH_SEC); /* more than twice the delay of continuous reporting */
    g_test_message("5 s idle with reporting off took %" G_GINT64_FORMAT " ms of CPU",
                   (vh_lab_guest_cpu_us(device.guest) - cpu_us) / 1000);
    g_assert_cmpuint(device_counter(&device, "requests"), ==, requests);
    g_assert_cmpuint(driver_counter(&device, "rounds"), ==, rounds);
    g_assert_cmpuint(device_counter(&device, "skipped.disabled"), ==, 0);
    /* Nothing more becomes free: what was freed meanwhile has to come all the same. */
    driver_set(&device, TRUE);
    driver_await_counter(&device, "reported_bytes", reported + FOUND_BYTES);
    g_assert_cmpuint(driver_counter(&device, "reported_bytes"), >=, reported + FOUND_BYTES);
    assert_intact(&device);
    device_stop(&device);
}

static void is_switched_under_load(gconstpointer kernel)
{
    int times = g_getenv("VH_TEST_LONG") ? 1000 : 200;
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;
    VhLabWork *churning;
    Device device;
    guint64 reported;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, KEEP);
    churning = vh_lab_guest_work_start(device.guest, "churn", "churn 300MiB for 20s\n", &error);
    g_assert_no_error(error);
    for (int i = 0; i < times; i++) {
        device_set(&device, i % 2);
        if (i % 10 == 0)
            g_usleep((gulong)g_test_rand_int_range(0, 100) * VH_MS);
    }
    g_test_message("%d times, of which the driver saw %" G_GUINT64_FORMAT, times,
                   driver_counter(&device, "toggles"));
    g_assert_cmpuint(driver_counter(&device, "toggles"), >, 0);
    if (!vh_lab_work_wait(churning, VH_LAB_TIMEOUT_MS, &report, &error))
        g_error("%s", error->message);
    g_assert_true(vh_lab_report_is_intact(report));
    vh_lab_work_free(churning);
    /* The last word counts. */
    driver_set(&device, TRUE);
    g_assert_cmpuint(driver_counter(&device, "mode"), ==, 1);
    reported = driver_counter(&device, "reported_bytes");
    device_work(&device, ALLOC_MUCH FREE_MUCH);
    g_assert_cmpuint(driver_await_counter(&device, "reported_bytes", reported + FOUND_BYTES), >=,
                     reported + FOUND_BYTES);
    assert_intact(&device);
    device_stop(&device);
}

/* ---- Passes ---- */

/* Off, and with FREED_BYTES that are free and not reported. */
static void start_with_free_memory(Device *device, const char *kernel)
{
    driver_start_whole(device, kernel, (DeviceOptions){0});
    driver_set(device, FALSE);
    device_work(device, KEEP);
    driver_pass(device, 0, 0, "done");
    device_work(device, ALLOC_MUCH FREE_MUCH);
}

static void pass_finds_all(gconstpointer kernel)
{
    guint64 rss;
    DriverPass pass;
    Device device;

    if (driver_is_skipped())
        return;
    start_with_free_memory(&device, kernel);
    rss = device_settle(&device);
    pass = driver_pass(&device, 0, 0, "done");
    g_assert_cmpuint(pass.discarded_bytes, >=, FOUND_BYTES);
    g_assert_cmpuint(vh_sub(rss, vh_lab_guest_rss_bytes(device.guest)), >=, FOUND_BYTES);
    g_assert_cmpuint(driver_counter(&device, "last_pass_id"), ==, pass.id);
    g_assert_cmpuint(driver_counter(&device, "last_pass_status"), ==, 1);
    g_assert_cmpuint(driver_counter(&device, "last_pass_bytes"), ==, pass.reported_bytes);
    g_assert_cmpuint(driver_counter(&device, "last_pass_granule"), ==, pass.granule);
    /* What is reported is not reported again, until it was used. */
    pass = driver_pass(&device, 0, 0, "done");
    g_assert_cmpuint(pass.reported_bytes, <, FREED_BYTES / 20);
    device_work(&device, "alloc again 300MiB\nverify again\nfree again\n");
    pass = driver_pass(&device, 0, 0, "done");
    g_assert_cmpuint(pass.reported_bytes, >=, 150 * VH_MIB);
    g_assert_cmpuint(driver_counter(&device, "passes_done"), ==, 4);
    assert_intact(&device);
    device_stop(&device);
}

static void pass_keeps_its_limit(gconstpointer kernel)
{
    guint64 limit = 100 * VH_MIB, total;
    DriverPass pass;
    Device device;

    if (driver_is_skipped())
        return;
    start_with_free_memory(&device, kernel);
    pass = driver_pass(&device, limit, 0, "limit");
    g_assert_cmpuint(pass.reported_bytes, >=, limit);
    g_assert_cmpuint(pass.reported_bytes, <, limit + DRIVER_BLOCK_BYTES);
    g_assert_cmpuint(driver_counter(&device, "last_pass_status"), ==, 2);
    g_assert_cmpuint(driver_counter(&device, "passes_limit"), ==, 1);
    total = pass.reported_bytes;
    /* Off: the rest waits for the next pass. */
    pass = driver_pass(&device, 0, 0, "done");
    g_assert_cmpuint(total + pass.reported_bytes, >=, FOUND_BYTES);
    g_assert_cmpuint(total + pass.reported_bytes, <, FREED_BYTES + 200 * VH_MIB);
    /* A limit below what one block has. */
    device_work(&device, ALLOC_MUCH FREE_MUCH);
    pass = driver_pass(&device, 4096, 0, "limit");
    g_assert_cmpuint(pass.reported_bytes, <=, DRIVER_BLOCK_BYTES);
    assert_intact(&device);
    device_stop(&device);
}

/* The guest is idle by then: no free page arms a timer. */
static void rest_comes_by_itself(gconstpointer kernel)
{
    guint64 reported;
    Device device;

    if (driver_is_skipped())
        return;
    for (int cancels = 0; cancels < 2; cancels++) {
        start_with_free_memory(&device, kernel);
        reported = driver_counter(&device, "reported_bytes");
        driver_set(&device, TRUE);
        if (cancels) {
            driver_ask_pass(&device, 0, 4096);
            driver_cancel(&device);
        } else {
            driver_await_pass(&device, driver_ask_pass(&device, 32 * VH_MIB, 0));
        }
        g_test_message("the pass ended %s", driver_last_pass(&device).status);
        g_assert_cmpuint(driver_await_counter(&device, "reported_bytes", reported + FOUND_BYTES),
                         >=, reported + FOUND_BYTES);
        g_assert_cmpuint(device_await_counter(&device, "discarded", FOUND_BYTES), >=, FOUND_BYTES);
        assert_intact(&device);
        device_stop(&device);
    }
}

static void start_scattered(Device *device, const char *kernel)
{
    driver_start_whole(device, kernel, (DeviceOptions){0});
    device_work(device, KEEP);
    driver_scatter(device);
}

static void pass_is_cancelled(gconstpointer kernel)
{
    guint64 total, id;
    DriverPass pass;
    Device device;

    if (driver_is_skipped())
        return;
    start_scattered(&device, kernel);
    total = driver_counter(&device, "reported_bytes");
    id = driver_begin_long_pass(&device);
    driver_cancel(&device);
    pass = driver_await_pass(&device, id);
    g_assert_cmpstr(pass.status, ==, "cancelled");
    g_assert_cmpuint(driver_await_counter(&device, "passes_cancelled", 1), ==, 1);
    g_assert_cmpuint(driver_counter(&device, "state"), ==, 0);
    g_assert_cmpuint(driver_counter(&device, "last_pass_status"), ==, 3);
    /* Off: the next one gets what this one left. */
    g_assert_cmpuint(driver_counter(&device, "reported_bytes") - total, <,
                     DRIVER_MOST(DRIVER_SCATTERED_BYTES));
    driver_pass(&device, 0, 4096, "done");
    g_assert_cmpuint(driver_counter(&device, "reported_bytes") - total, >=,
                     DRIVER_MOST(DRIVER_SCATTERED_BYTES));
    device_work(&device, "verify scattered\n");
    assert_intact(&device);
    device_stop(&device);
}

static void pass_is_replaced(gconstpointer kernel)
{
    guint64 total, first, second;
    DriverPass pass;
    Device device;

    if (driver_is_skipped())
        return;
    start_scattered(&device, kernel);
    total = driver_counter(&device, "reported_bytes");
    first = driver_begin_long_pass(&device);
    second = driver_ask_pass(&device, 0, 4096);
    g_assert_cmpuint(second, >, first);
    pass = driver_await_pass(&device, second);
    g_assert_cmpstr(pass.status, ==, "done");
    g_assert_cmpuint(driver_counter(&device, "last_pass_id"), ==, second);
    g_assert_cmpuint(driver_counter(&device, "reported_bytes") - total, >=,
                     DRIVER_MOST(DRIVER_SCATTERED_BYTES));
    /* Many at once: each id counts, and the last one is done. */
    device_work(&device, "free scattered\n");
    for (int i = 0; i < 20; i++)
        second = driver_ask_pass(&device, 0, 0);
    pass = driver_await_pass(&device, second);
    g_assert_cmpstr(pass.status, ==, "done");
    assert_intact(&device);
    device_stop(&device);
}

static void pass_says_its_granule(gconstpointer kernel)
{
    const guint64 granules[] = {driver_min_granule(kernel), 64 * VH_KIB, 2 * VH_MIB, 4 * VH_MIB};
    DriverPass pass;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    driver_allow_long_walks(&device);
    driver_set(&device, FALSE);
    device_work(&device, KEEP);
    pass = driver_pass(&device, 0, 0, "done");
    g_assert_cmpuint(pass.granule, >, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(granules); i++) {
        pass = driver_pass(&device, 0, granules[i], "done");
        g_assert_cmpuint(pass.granule, ==, granules[i]);
        g_assert_cmpuint(driver_counter(&device, "last_pass_granule"), ==, granules[i]);
    }
    /* Below what it can do: the smallest one that is not below. */
    pass = driver_pass(&device, 0, 4096, "done");
    g_assert_cmpuint(pass.granule, ==, driver_min_granule(kernel));
    /* Above what the guest's kernel keeps in one piece: the largest that there is. */
    pass = driver_pass(&device, 0, VH_GIB, "done");
    g_assert_cmpuint(pass.granule, ==, DRIVER_BLOCK_BYTES);
    assert_intact(&device);
    device_stop(&device);
}

/* ---- Fragmented guests ---- */

#define FRAGMENT "alloc all 704MiB\nfree all\nseed 5\nfragment f 704MiB keep 4KiB of 128KiB\n"
#define FRAGMENTED_BYTES (704 * VH_MIB / 32 * 31)

/* A pass at the smallest granule over a guest's fragments; what the host's MemFree gained. */
static guint64 reclaim_fragments(gboolean no_thp, const char *kernel)
{
    guint64 rss, host, target;
    DriverPass pass;
    Device device;

    driver_start_whole(&device, kernel, (DeviceOptions){.no_thp = no_thp});
    driver_allow_long_walks(&device);
    driver_set(&device, FALSE);
    device_work(&device, KEEP FRAGMENT);
    /* At 2 MiB there is nothing to be had of it, and the driver says so. */
    driver_pass(&device, 0, 2 * VH_MIB, "done");
    pass = driver_pass(&device, 0, 2 * VH_MIB, "done");
    g_assert_cmpuint(pass.reported_bytes, <=, FRAGMENTED_BYTES / 50);
    rss = device_settle(&device);
    host = device_host_free();
    pass = driver_pass(&device, 0, 4096, "done");
    host = vh_sub(device_host_free(), host);
    target = DRIVER_MOST(FRAGMENTED_BYTES);
    g_test_message("fragments, huge pages %s: %" G_GUINT64_FORMAT
                   " MiB free, RSS %" G_GUINT64_FORMAT
                   " MiB less, host's free memory %" G_GUINT64_FORMAT " MiB more",
                   no_thp ? "off" : "on", FRAGMENTED_BYTES / VH_MIB,
                   vh_sub(rss, vh_lab_guest_rss_bytes(device.guest)) / VH_MIB, host / VH_MIB);
    g_assert_cmpuint(pass.granule, ==, driver_min_granule(kernel));
    g_assert_cmpuint(pass.discarded_bytes, >=, target);
    g_assert_cmpuint(vh_sub(rss, vh_lab_guest_rss_bytes(device.guest)), >=, target);
    device_work(&device, "verify f\nfree f\n" ALLOC_MUCH "verify big\n" FREE_MUCH);
    assert_intact(&device);
    device_stop(&device);
    return host;
}

/* MemFree is the whole host's, so one clear view of several is enough. */
static void fragments_come_back(const char *kernel, gboolean no_thp)
{
    guint64 host = 0;

    if (driver_is_skipped())
        return;
    for (int i = 0; i < TRIES && host < DRIVER_MOST(FRAGMENTED_BYTES); i++)
        host = reclaim_fragments(no_thp, kernel);
    g_assert_cmpuint(host, >=, DRIVER_MOST(FRAGMENTED_BYTES));
}

static void fragments_of_huge_pages_come_back(gconstpointer kernel)
{
    fragments_come_back(kernel, FALSE);
}

static void fragments_of_small_pages_come_back(gconstpointer kernel)
{
    fragments_come_back(kernel, TRUE);
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
    driver_start_whole(&device, kernel, (DeviceOptions){.disk_bytes = 256 * VH_MIB});
    device_work(&device, KEEP);
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
    assert_intact(&device);
    device_stop(&device);
}

/* ---- With other devices ---- */

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
    device_work(&device, KEEP ALLOC_MUCH);
    rss = vh_lab_guest_rss_bytes(device.guest);
    device_work(&device, FREE_MUCH);
    g_assert_cmpuint(device_await_rss_below(&device, rss - FOUND_BYTES), <=, rss - FOUND_BYTES);
    device_set_balloon(&device, 500 * VH_MIB);
    device_set_balloon(&device, VH_GIB);
    g_assert_cmpuint(driver_counter(&device, "inflate_bytes"), ==, VH_GIB - 500 * VH_MIB);
    g_assert_cmpuint(driver_counter(&device, "extents_messages"), ==, 0);
    g_assert_cmpuint(driver_counter(&device, "bitmap_messages"), ==, 0);
    device_work(&device, ALLOC_MUCH "verify big\n" FREE_MUCH);
    assert_intact(&device);
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
    device_work(&device, KEEP ALLOC_MUCH FREE_MUCH);
    rss = device_settle(&device);
    device_set_balloon(&device, 500 * VH_MIB);
    g_assert_cmpuint(vh_sub(rss, vh_lab_guest_rss_bytes(device.guest)), >=, 400 * VH_MIB);
    g_assert_cmpuint(driver_counter(&device, "requests"), ==, 0);
    device_set_balloon(&device, VH_GIB);
    device_work(&device, ALLOC_MUCH "verify big\n" FREE_MUCH);
    assert_intact(&device);
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
    device_work(&device, KEEP ALLOC_MUCH FREE_MUCH);
    g_assert_cmpuint(device_await_counter(&device, "discarded", FOUND_BYTES), >=, FOUND_BYTES);
    device_set_balloon(&device, 500 * VH_MIB);
    device_set_balloon(&device, VH_GIB);
    g_assert_cmpuint(device_counter(&device, "malformed"), ==, 0);
    device_work(&device, VERIFY_KEEP);
    driver_assert_quiet(&device);
    device_stop(&device);
}

static const struct {
    const char *name;
    GTestDataFunc test;
    gboolean on_both; /* kernels */
} tests[] = {
    {"accepts-what-is-offered", accepts_what_is_offered, TRUE},
    {"makes-statistics", makes_statistics, TRUE},
    {"sizes-in-ranges", sizes_in_ranges, TRUE},
    {"deflates-when-memory-is-short", deflates_when_memory_is_short, TRUE},
    {"lets-its-pages-be-moved", lets_its_pages_be_moved, TRUE},
    {"is-silent-when-off", is_silent_when_off, TRUE},
    {"is-switched-under-load", is_switched_under_load, FALSE},
    {"pass-finds-all", pass_finds_all, TRUE},
    {"pass-keeps-its-limit", pass_keeps_its_limit, TRUE},
    {"rest-comes-by-itself", rest_comes_by_itself, FALSE},
    {"pass-is-cancelled", pass_is_cancelled, TRUE},
    {"pass-is-replaced", pass_is_replaced, FALSE},
    {"pass-says-its-granule", pass_says_its_granule, TRUE},
    {"fragments-of-huge-pages-come-back", fragments_of_huge_pages_come_back, TRUE},
    {"fragments-of-small-pages-come-back", fragments_of_small_pages_come_back, FALSE},
    {"leaves-memory-for-others", leaves_memory_for_others, TRUE},
    {"serves-a-stock-qemu", serves_a_stock_qemu, TRUE},
    {"serves-a-plain-balloon", serves_a_plain_balloon, FALSE},
    {"stock-driver-takes-nothing", stock_driver_takes_nothing, TRUE},
};

static void add(const char *kernel, const char *name, GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("/driver/%s/%s", kernel, name);

    g_test_add_data_func(path, kernel, test);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++) {
        add("6.1", tests[i].name, tests[i].test);
        if (tests[i].on_both)
            add("6.12", tests[i].name, tests[i].test);
    }
    return g_test_run();
}
