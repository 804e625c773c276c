/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our driver reports when the host wants it: it is silent when switched off, its passes find what
 * is free, keep to their limits and granules and end as they say, and nothing is missed after them.
 */

#include "driver-fixture.h"

#define TRIES 6

/* ---- On and off ---- */

static void is_silent_when_off(gconstpointer kernel)
{
    guint64 requests, rounds, reported;
    gint64 cpu_us;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, DRIVER_KEEP DRIVER_ALLOC);
    driver_set(&device, FALSE);
    g_assert_cmpuint(driver_counter(&device, "mode"), ==, 0);
    g_assert_cmpuint(driver_counter(&device, "state"), ==, 0);
    requests = device_counter(&device, "requests");
    rounds = driver_counter(&device, "rounds");
    reported = driver_counter(&device, "reported_bytes");
    device_work(&device, DRIVER_FREE);
    cpu_us = vh_lab_guest_cpu_us(device.guest);
    g_usleep(5 * VH_SEC); /* more than twice the delay of continuous reporting */
    g_test_message("5 s idle with reporting off took %" G_GINT64_FORMAT " ms of CPU",
                   (vh_lab_guest_cpu_us(device.guest) - cpu_us) / 1000);
    g_assert_cmpuint(device_counter(&device, "requests"), ==, requests);
    g_assert_cmpuint(driver_counter(&device, "rounds"), ==, rounds);
    g_assert_cmpuint(device_counter(&device, "skipped.disabled"), ==, 0);
    /* Nothing more becomes free: what was freed meanwhile has to come all the same. */
    driver_set(&device, TRUE);
    driver_await_counter(&device, "reported_bytes", reported + DRIVER_FOUND_BYTES);
    g_assert_cmpuint(driver_counter(&device, "reported_bytes"), >=, reported + DRIVER_FOUND_BYTES);
    driver_assert_intact(&device);
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
    driver_start_whole(&device, kernel, (DeviceOptions){.vcpus = 2});
    device_work(&device, DRIVER_KEEP);
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
    device_work(&device, DRIVER_ALLOC DRIVER_FREE);
    g_assert_cmpuint(driver_await_counter(&device, "reported_bytes", reported + DRIVER_FOUND_BYTES),
                     >=, reported + DRIVER_FOUND_BYTES);
    driver_assert_intact(&device);
    device_stop(&device);
}

/* ---- Passes ---- */

/* Off, and with DRIVER_FREED_BYTES that are free and not reported. */
static void start_with_free_memory(Device *device, const char *kernel)
{
    driver_start_whole(device, kernel, (DeviceOptions){0});
    driver_set(device, FALSE);
    device_work(device, DRIVER_KEEP);
    driver_pass(device, 0, 0, "done");
    device_work(device, DRIVER_ALLOC DRIVER_FREE);
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
    g_assert_cmpuint(pass.discarded_bytes, >=, DRIVER_FOUND_BYTES);
    g_assert_cmpuint(vh_sub(rss, vh_lab_guest_rss_bytes(device.guest)), >=, DRIVER_FOUND_BYTES);
    g_assert_cmpuint(driver_counter(&device, "last_pass_id"), ==, pass.id);
    g_assert_cmpuint(driver_counter(&device, "last_pass_status"), ==, 1);
    g_assert_cmpuint(driver_counter(&device, "last_pass_bytes"), ==, pass.reported_bytes);
    g_assert_cmpuint(driver_counter(&device, "last_pass_granule"), ==, pass.granule);
    /* What is reported is not reported again, until it was used. */
    pass = driver_pass(&device, 0, 0, "done");
    g_assert_cmpuint(pass.reported_bytes, <, DRIVER_FREED_BYTES / 20);
    device_work(&device, "alloc again 300MiB\nverify again\nfree again\n");
    pass = driver_pass(&device, 0, 0, "done");
    g_assert_cmpuint(pass.reported_bytes, >=, 150 * VH_MIB);
    g_assert_cmpuint(driver_counter(&device, "passes_done"), ==, 4);
    driver_assert_intact(&device);
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
    g_assert_cmpuint(total + pass.reported_bytes, >=, DRIVER_FOUND_BYTES);
    g_assert_cmpuint(total + pass.reported_bytes, <, DRIVER_FREED_BYTES + 200 * VH_MIB);
    /* A limit below what one block has. */
    device_work(&device, DRIVER_ALLOC DRIVER_FREE);
    pass = driver_pass(&device, 4096, 0, "limit");
    g_assert_cmpuint(pass.reported_bytes, <=, DRIVER_BLOCK_BYTES);
    driver_assert_intact(&device);
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
        g_assert_cmpuint(
            driver_await_counter(&device, "reported_bytes", reported + DRIVER_FOUND_BYTES), >=,
            reported + DRIVER_FOUND_BYTES);
        g_assert_cmpuint(device_await_counter(&device, "discarded", DRIVER_FOUND_BYTES), >=,
                         DRIVER_FOUND_BYTES);
        driver_assert_intact(&device);
        device_stop(&device);
    }
}

static void start_scattered(Device *device, const char *kernel)
{
    driver_start_whole(device, kernel, (DeviceOptions){0});
    device_work(device, DRIVER_KEEP);
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
    id = driver_begin_long_pass(&device, VH_LAB_TIMEOUT_MS);
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
    driver_assert_intact(&device);
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
    first = driver_begin_long_pass(&device, VH_LAB_TIMEOUT_MS);
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
    driver_assert_intact(&device);
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
    device_work(&device, DRIVER_KEEP);
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
    driver_assert_intact(&device);
    device_stop(&device);
}

/* ---- Fragmented guests ---- */

#define FRAGMENT "alloc all 704MiB\nfree all\nseed 5\nfragment f 704MiB keep 4KiB of 128KiB\n"
#define FRAGMENTED_BYTES (704 * VH_MIB / 32 * 31)

/* How long the guest went without interrupts at most, for each granule. */
static void tell_walks(Device *device)
{
    g_autofree char *name = driver_device_name(device);
    g_autofree char *path =
        g_build_filename("/sys/kernel/debug/virtio_balloon", name, "walk", NULL);
    g_autofree char *text = driver_read(device, path);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);

    for (char **line = lines; *line; line++)
        g_test_message("%s", *line);
    g_assert_cmpuint(g_strv_length(lines), >, 1);
}

/* A pass at the smallest granule over a guest's fragments; what the host's MemFree gained. */
static guint64 reclaim_fragments(gboolean no_thp, const char *kernel)
{
    guint64 rss, host, target;
    DriverPass pass;
    Device device;

    driver_start_whole(&device, kernel, (DeviceOptions){.no_thp = no_thp});
    driver_allow_long_walks(&device);
    driver_set(&device, FALSE);
    device_work(&device, DRIVER_KEEP FRAGMENT);
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
    tell_walks(&device);
    g_assert_cmpuint(pass.granule, ==, driver_min_granule(kernel));
    g_assert_cmpuint(pass.discarded_bytes, >=, target);
    g_assert_cmpuint(vh_sub(rss, vh_lab_guest_rss_bytes(device.guest)), >=, target);
    device_work(&device, "verify f\nfree f\n" DRIVER_ALLOC "verify big\n" DRIVER_FREE);
    driver_assert_intact(&device);
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

static const DriverTest tests[] = {
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
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    return driver_run_tests("driver-pass", tests, G_N_ELEMENTS(tests));
}
