/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The patched QEMU's balloon under a stock Linux guest and a stock libvirt: all that a stock device
 * does still works, and the runtime switch does what it says. That no byte of the guest's is lost
 * when all comes together is test-stress.c's.
 */
#include <libvirt/libvirt-qemu.h>
#include <string.h>

#include "device-fixture.h"
#include "device-migrate.h"

#define KEEP "seed 7\nalloc keep 200MiB\n"
#define VERIFY_KEEP "verify keep\n"
#define FREED_BYTES (1500 * VH_MIB)
#define FREE_MUCH "alloc big 1500MiB\nfree big\n"
#define TRIES 4

/* Of what went away, what has to be seen coming back: the guest goes on using a little of it. */
#define MOST(bytes) ((bytes) / 10 * 9)
/* The same where the whole host's free memory has to show it, which others use meanwhile. */
#define MUCH(bytes) ((bytes) / 10 * 8)

typedef struct {
    const char *name;
    gboolean properties;
} Variant;

static const Variant off = {"off", FALSE}, on = {"on", TRUE};

static gboolean is_skipped(void)
{
    if (device_patched_qemu())
        return FALSE;
    g_test_skip("no patched QEMU: tools/qemu-build makes one, and VH_QEMU names it");
    return TRUE;
}

static void start(Device *device, const Variant *variant, DeviceOptions options)
{
    options.properties = variant->properties;
    options.reporting = options.reporting || variant->properties;
    device_start(device, &options);
}

/* ---- What a stock device does ---- */

static guint64 memory_stat(Device *device, int tag)
{
    virDomainMemoryStatStruct items[VIR_DOMAIN_MEMORY_STAT_NR];
    int n = virDomainMemoryStats(device->domain, items, G_N_ELEMENTS(items), 0);

    for (int i = 0; i < n; i++) {
        if (items[i].tag == tag)
            return items[i].val * VH_KIB;
    }
    g_error("libvirt has no memory statistic %d", tag);
}

static void assert_near(guint64 a, guint64 b, guint64 slack)
{
    g_assert_cmpuint(a > b ? a - b : b - a, <=, slack);
}

static void makes_statistics(gconstpointer data)
{
    g_autoptr(VhLabReport) before = NULL, after = NULL;
    g_autoptr(JsonObject) balloon = NULL;
    g_autoptr(GError) error = NULL;
    Device device;

    if (is_skipped())
        return;
    start(&device, data, (DeviceOptions){.memory_bytes = VH_GIB, .stats_period_s = 1});
    g_assert_true(vh_lab_guest_wait_fresh_stats(device.guest, VH_LAB_TIMEOUT_MS, &error));
    before = device_work_report(&device, "wait 1ms\n");
    assert_near(memory_stat(&device, VIR_DOMAIN_MEMORY_STAT_AVAILABLE), before->mem_total_bytes,
                VH_MIB);
    assert_near(memory_stat(&device, VIR_DOMAIN_MEMORY_STAT_UNUSED), before->mem_free_bytes,
                32 * VH_MIB);
    device_work(&device, "alloc x 500MiB\n");
    g_assert_true(vh_lab_guest_wait_fresh_stats(device.guest, VH_LAB_TIMEOUT_MS, &error));
    after = device_work_report(&device, "verify x\n");
    assert_near(memory_stat(&device, VIR_DOMAIN_MEMORY_STAT_UNUSED), after->mem_free_bytes,
                32 * VH_MIB);
    g_assert_cmpuint(after->mem_free_bytes + 450 * VH_MIB, <, before->mem_free_bytes);
    balloon = device_command(&device, "{\"execute\": \"query-balloon\"}");
    g_assert_cmpint(json_object_get_int_member(balloon, "actual"), ==, (gint64)VH_GIB);
    device_stop(&device);
}

/* One way down and up again over memory that was used; what the host's MemFree gained. */
static guint64 pulse(Device *device, guint64 low_bytes)
{
    guint64 rss, host;

    device_work(device, FREE_MUCH);
    rss = device_settle(device);
    host = device_host_free();
    device_set_balloon(device, low_bytes);
    host = vh_sub(device_host_free(), host);
    g_test_message("balloon at %" G_GUINT64_FORMAT " MiB: RSS %" G_GUINT64_FORMAT
                   " MiB less, host's free memory %" G_GUINT64_FORMAT " MiB more",
                   low_bytes / VH_MIB, vh_sub(rss, vh_lab_guest_rss_bytes(device->guest)) / VH_MIB,
                   host / VH_MIB);
    g_assert_cmpuint(vh_sub(rss, vh_lab_guest_rss_bytes(device->guest)), >=, MOST(1200 * VH_MIB));
    return host;
}

/* MemFree is the whole host's, so one clear view of several is enough; RSS has to be right each
 * time. */
static void inflates_and_deflates(gconstpointer data)
{
    g_autoptr(VhLabReport) small = NULL, large = NULL;
    gboolean host_shows_it = FALSE;
    Device device;

    if (is_skipped())
        return;
    start(&device, data, (DeviceOptions){0});
    device_work(&device, KEEP);
    for (int i = 0; i < TRIES && !host_shows_it; i++) {
        host_shows_it = pulse(&device, 600 * VH_MIB) >= MUCH(1200 * VH_MIB);
        if (!host_shows_it)
            device_set_balloon(&device, 2 * VH_GIB);
    }
    g_assert_true(host_shows_it);
    small = device_work_report(&device, VERIFY_KEEP);
    device_set_balloon(&device, 2 * VH_GIB);
    large =
        device_work_report(&device, "alloc again 1500MiB\nverify again\nfree again\n" VERIFY_KEEP);
    /* With autodeflate the guest counts the balloon as used memory, not as memory it has not. */
    assert_near(vh_sub(large->mem_free_bytes, small->mem_free_bytes), 2 * VH_GIB - 600 * VH_MIB,
                64 * VH_MIB);
    device_stop(&device);
}

static void deflates_by_itself(gconstpointer data)
{
    Device device;

    if (is_skipped())
        return;
    start(&device, data, (DeviceOptions){.memory_bytes = VH_GIB});
    device_set_balloon(&device, 300 * VH_MIB);
    device_work(&device, "alloc x 600MiB\nverify x\n");
    g_assert_cmpuint(device_balloon_bytes(&device), >, 600 * VH_MIB);
    device_stop(&device);
}

/* Frees, and waits till the guest has reported it; what the host's MemFree gained. */
static guint64 free_and_await_reports(Device *device)
{
    guint64 rss, host, after;

    /* One operation at a time, or a part would be reported before it is counted. */
    device_work(device, "alloc big 1500MiB\n");
    rss = vh_lab_guest_rss_bytes(device->guest);
    host = device_host_free();
    device_work(device, "free big\n");
    after = device_await_rss_below(device, rss - MOST(FREED_BYTES));
    host = vh_sub(device_host_free(), host);
    g_test_message("reporting: RSS %" G_GUINT64_FORMAT
                   " MiB less, host's free memory %" G_GUINT64_FORMAT " MiB more",
                   vh_sub(rss, after) / VH_MIB, host / VH_MIB);
    g_assert_cmpuint(vh_sub(rss, after), >=, MOST(FREED_BYTES));
    return host;
}

static void discards_what_is_reported(gconstpointer data)
{
    gboolean host_shows_it = FALSE;
    Device device;

    if (is_skipped())
        return;
    start(&device, data, (DeviceOptions){.reporting = TRUE});
    device_work(&device, KEEP);
    for (int i = 0; i < TRIES && !host_shows_it; i++)
        host_shows_it = free_and_await_reports(&device) >= MUCH(FREED_BYTES);
    g_assert_true(host_shows_it);
    g_assert_cmpuint(device_counter(&device, "discarded"), >=, MOST(FREED_BYTES));
    g_assert_cmpuint(device_counter(&device, "reported"), >=, device_counter(&device, "discarded"));
    device_work(&device, "alloc again 1500MiB\nverify again\nfree again\n" VERIFY_KEEP);
    device_stop(&device);
}

/* ---- The switch ---- */

static gboolean is_active(Device *device)
{
    g_autoptr(JsonObject) info = device_query(device);

    return json_object_get_boolean_member(info, "active");
}

static gboolean is_enabled(Device *device)
{
    g_autoptr(JsonObject) info = device_query(device);

    return json_object_get_boolean_member(info, "enabled");
}

static void says_what_it_can(void)
{
    g_autoptr(JsonObject) info = NULL;
    Device device;

    if (is_skipped())
        return;
    start(&device, &on, (DeviceOptions){0});
    info = device_query(&device);
    g_assert_true(json_object_get_boolean_member(info, "driver"));
    g_assert_false(json_object_has_member(info, "inhibited"));
    g_assert_false(json_object_has_member(info, "pass"));
    g_assert_true(device_has_feature(&device, "offered", "reporting-ctrl"));
    g_assert_true(device_has_feature(&device, "offered", "page-chunks"));
    g_assert_true(device_has_feature(&device, "negotiated", "free-page-reporting"));
    g_assert_false(device_has_feature(&device, "negotiated", "reporting-ctrl"));
    g_assert_false(device_has_feature(&device, "negotiated", "page-chunks"));
    g_assert_true(is_active(&device));
    device_stop(&device);
}

/* Off: acknowledged and left alone. */
static void assert_nothing_is_discarded(Device *device)
{
    guint64 discarded = device_counter(device, "discarded");
    guint64 skipped = device_counter(device, "skipped.disabled");
    guint64 rss;

    device_work(device, "alloc big 1500MiB\n");
    rss = device_settle(device);
    device_work(device, "free big\n");
    skipped =
        device_await_counter(device, "skipped.disabled", skipped + MOST(FREED_BYTES)) - skipped;
    g_test_message("off: %" G_GUINT64_FORMAT " MiB reported and left alone", skipped / VH_MIB);
    g_assert_cmpuint(skipped, >=, MOST(FREED_BYTES));
    g_assert_cmpuint(device_counter(device, "discarded"), ==, discarded);
    assert_near(device_settle(device), rss, 64 * VH_MIB);
}

static void assert_is_discarded(Device *device)
{
    guint64 discarded = device_counter(device, "discarded");

    device_work(device, FREE_MUCH);
    g_assert_cmpuint(device_await_counter(device, "discarded", discarded + MOST(FREED_BYTES)), >=,
                     discarded + MOST(FREED_BYTES));
}

static void is_switched_off_and_on(gconstpointer data)
{
    Device device;

    if (is_skipped())
        return;
    start(&device, data, (DeviceOptions){.reporting = TRUE});
    device_work(&device, KEEP);
    assert_is_discarded(&device);
    device_set(&device, FALSE);
    device_set(&device, FALSE);
    g_assert_false(is_enabled(&device));
    g_assert_false(is_active(&device));
    assert_nothing_is_discarded(&device);
    device_set(&device, TRUE);
    g_assert_true(is_active(&device));
    assert_is_discarded(&device);
    device_work(&device, VERIFY_KEEP);
    device_stop(&device);
}

static void assert_error(Device *device, const char *command, const char *expected)
{
    g_autofree char *text = device_command_error(device, command);

    g_assert_cmpstr(text, ==, expected);
}

static void refuses_passes(void)
{
    static const char pass[] = "{\"execute\": \"balloon-reporting-pass\"}";
    static const char cancel[] = "{\"execute\": \"balloon-reporting-cancel\"}";
    static const char set[] =
        "{\"execute\": \"balloon-reporting-set\", \"arguments\": {\"enabled\": false}}";
    static const char no_property[] =
        "The balloon device has no reporting passes (property 'reporting-ctrl' is off)";
    static const char unknown[] = "The guest's balloon driver does not know reporting passes";
    Device device;

    if (is_skipped())
        return;
    start(&device, &on, (DeviceOptions){0});
    assert_error(&device, pass, unknown);
    device_stop(&device);

    start(&device, &off, (DeviceOptions){0});
    assert_error(&device, pass, no_property);
    assert_error(&device, cancel, no_property);
    assert_error(
        &device, set,
        "The balloon device has no free page reporting (property 'free-page-reporting' is off)");
    device_stop(&device);

    /* A wish that is there before the driver. */
    start(&device, &on, (DeviceOptions){.no_driver = TRUE});
    assert_error(&device, pass, "The guest has no balloon driver running");
    device_set(&device, FALSE);
    g_assert_false(is_enabled(&device));
    device_stop(&device);
}

typedef struct {
    gint seen; /* both: set in the thread of libvirt's events */
    gint enabled;
} Event;

static void note_event(virConnectPtr connection, virDomainPtr domain, const char *name,
                       long long seconds, unsigned int micros, const char *details, void *opaque)
{
    Event *event = opaque;

    g_atomic_int_set(&event->enabled, strstr(details, "\"enabled\":true") != NULL);
    g_atomic_int_inc(&event->seen);
}

static void await_event(const Event *event, gint seen)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;

    while (g_atomic_int_get(&event->seen) < seen && g_get_monotonic_time() < until)
        g_usleep(20 * VH_MS);
    g_assert_cmpint(g_atomic_int_get(&event->seen), >=, seen);
}

/* It has to go on all the time: libvirtd drops a client that does not answer its pings. */
static gpointer run_events(gpointer data)
{
    while (virEventRunDefaultImpl() == 0)
        continue;
    return NULL;
}

static void keep_running(int timer, void *opaque)
{
}

static void tells_of_the_switch(void)
{
    int callback;
    Event event = {0};
    Device device;

    if (is_skipped())
        return;
    start(&device, &on, (DeviceOptions){0});
    callback = virConnectDomainQemuMonitorEventRegister(virDomainGetConnect(device.domain),
                                                        device.domain, "BALLOON_REPORTING_STATE",
                                                        note_event, &event, NULL, 0);
    g_assert_cmpint(callback, >=, 0);
    device_set(&device, FALSE);
    await_event(&event, 1);
    g_assert_false(g_atomic_int_get(&event.enabled));
    device_set(&device, TRUE);
    await_event(&event, 2);
    g_assert_true(g_atomic_int_get(&event.enabled));
    virConnectDomainQemuMonitorEventDeregister(virDomainGetConnect(device.domain), callback);
    device_stop(&device);
}

/* ---- Migration ---- */

/* libvirt's own: the guest is saved and restored, in another QEMU. */
static void the_switch_survives_save_and_restore(void)
{
    g_autofree char *file = NULL;
    g_autoptr(GError) error = NULL;
    Device device;

    if (is_skipped())
        return;
    start(&device, &on, (DeviceOptions){.memory_bytes = VH_GIB});
    device_work(&device, KEEP);
    device_set(&device, FALSE);
    file = g_build_filename(vh_lab_dir(device.lab), "saved", NULL);
    g_assert_cmpint(virDomainSave(device.domain, file), ==, 0);
    vh_lab_guest_leave(device.guest);
    virDomainFree(device.domain);
    g_assert_cmpint(virDomainRestore(vh_lab_connection(device.lab, &error), file), ==, 0);
    device.guest = vh_lab_guest_find(device.lab, device.name, &error);
    g_assert_no_error(error);
    device.domain = vh_lab_guest_domain(device.guest, &error);
    g_assert_no_error(error);
    g_assert_false(is_enabled(&device));
    g_assert_false(is_active(&device));
    device_work(&device, VERIFY_KEEP "alloc x 500MiB\nverify x\nfree x\n");
    device_set(&device, TRUE);
    g_assert_true(is_active(&device));
    device_set_balloon(&device, 600 * VH_MIB);
    device_work(&device, VERIFY_KEEP);
    device_stop(&device);
}

/* A guest whose memory has all been used; some is kept, and most is free again. */
static DeviceMigration migrate_one(const Variant *variant, gboolean hint)
{
    DeviceDestination destination;
    DeviceMigration migration;
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;
    Device device;

    start(&device, variant, (DeviceOptions){.hint = hint});
    if (variant->properties)
        device_set(&device, FALSE); /* or reporting would have freed it already */
    device_work(&device, KEEP FREE_MUCH);
    migration = device_migrate(&device, NULL, &destination);
    g_assert_true(vh_lab_guest_work(destination.guest, "seed 8\nalloc x 1GiB\nverify x\n",
                                    VH_LAB_TIMEOUT_MS, &report, &error));
    g_assert_true(vh_lab_report_is_intact(report));
    g_clear_pointer(&report, vh_lab_report_free);
    /* The worker came along, with its regions. */
    g_assert_true(
        vh_lab_guest_work(destination.guest, VERIFY_KEEP, VH_LAB_TIMEOUT_MS, &report, &error));
    g_assert_true(vh_lab_report_is_intact(report));
    g_test_message("migrated %s hinting: %" G_GUINT64_FORMAT " MiB sent in %.2f s",
                   hint ? "with" : "without", migration.transferred_bytes / VH_MIB,
                   (double)migration.total_us / VH_SEC);
    device_destination_stop(&destination);
    device_stop(&device);
    return migration;
}

static void hints_during_migration(gconstpointer data)
{
    DeviceMigration without, with;

    if (is_skipped())
        return;
    without = migrate_one(data, FALSE);
    with = migrate_one(data, TRUE);
    g_assert_cmpuint(without.transferred_bytes, >=, MOST(FREED_BYTES));
    g_assert_cmpuint(with.transferred_bytes, <=, without.transferred_bytes / 2);
}

/* What the guest frees, and reports, while it is being migrated. */
static void leaves_out_what_is_reported(void)
{
    DeviceDestination destination;
    DeviceMigration migration;
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;
    VhLabWork *freeing;
    Device device;
    guint64 hinted;

    if (is_skipped())
        return;
    start(&device, &on, (DeviceOptions){0});
    device_work(&device, KEEP "alloc big 1500MiB\n");
    freeing = vh_lab_guest_work_start(device.guest, NULL, "wait 1s\nfree big\n", &error);
    g_assert_no_error(error);
    migration = device_migrate(&device, NULL, &destination);
    vh_lab_work_free(freeing);
    hinted = device_counter(&device, "hinted");
    g_test_message("%" G_GUINT64_FORMAT " MiB left out, %" G_GUINT64_FORMAT " MiB sent in %.2f s",
                   hinted / VH_MIB, migration.transferred_bytes / VH_MIB,
                   (double)migration.total_us / VH_SEC);
    g_assert_cmpuint(hinted, >, 0);
    g_assert_true(vh_lab_guest_work(destination.guest, VERIFY_KEEP "alloc x 1GiB\nverify x\n",
                                    VH_LAB_TIMEOUT_MS, &report, &error));
    g_assert_true(vh_lab_report_is_intact(report));
    device_destination_stop(&destination);
    device_stop(&device);
}

/* ---- Parts of huge pages ---- */

#define FRAGMENTED_BYTES (1440 * VH_MIB)

typedef struct {
    guint64 rss_bytes;  /* less */
    guint64 free_bytes; /* more, on the host */
    guint64 split_bytes;
} Shattered;

static guint64 huge_bytes(const Device *device)
{
    g_autofree char *path =
        g_strdup_printf("/proc/%d/smaps_rollup", (int)vh_lab_guest_pid(device->guest));
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    const char *at;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    at = strstr(text, "AnonHugePages:");
    return at ? g_ascii_strtoull(at + strlen("AnonHugePages:"), NULL, 10) * VH_KIB : 0;
}

/* The follow-up is a worker's; its end is when the host's free memory no longer grows. */
static guint64 await_host_free(guint64 before, guint64 enough)
{
    gint64 until = g_get_monotonic_time() + 10 * VH_SEC;

    while (vh_sub(device_host_free(), before) < enough && g_get_monotonic_time() < until)
        g_usleep(50 * VH_MS);
    return vh_sub(device_host_free(), before);
}

/* In a guest of its own: huge pages that were torn once do not come back. */
static Shattered shatter(const DeviceOptions *options, gboolean patched, gboolean *ret_huge)
{
    Shattered result = {0};
    guint64 rss, host;
    Device device;

    device_start(&device, options);
    device_work(&device, "alloc all 1440MiB\nfree all\n"
                         "seed 5\nfragment all 1440MiB keep 4KiB of 128KiB\nverify all\n");
    *ret_huge = huge_bytes(&device) >= VH_GIB;
    rss = device_settle(&device);
    host = device_host_free();
    device_set_balloon(&device, 500 * VH_MIB);
    result.rss_bytes = vh_sub(rss, vh_lab_guest_rss_bytes(device.guest));
    result.free_bytes = await_host_free(host, MOST(result.rss_bytes));
    if (patched)
        result.split_bytes = device_await_counter(&device, "split", *ret_huge ? 1 : 0);
    g_assert_true(result.split_bytes > 0 || !patched || !*ret_huge);
    device_work(&device, "verify all\n");
    device_stop(&device);
    return result;
}

static void show(const char *what, const Shattered *s)
{
    g_test_message("%s: RSS %" G_GUINT64_FORMAT " MiB less, host's free memory %" G_GUINT64_FORMAT
                   " MiB more, %" G_GUINT64_FORMAT " MiB split",
                   what, s->rss_bytes / VH_MIB, s->free_bytes / VH_MIB, s->split_bytes / VH_MIB);
}

static void frees_parts_of_huge_pages(gconstpointer data)
{
    gboolean no_thp = GPOINTER_TO_INT(data), huge = FALSE;
    const DeviceOptions patched = {.no_thp = no_thp};
    const DeviceOptions stock = {.no_thp = no_thp, .emulator = device_stock_qemu()};
    Shattered ours = {0}, theirs;

    if (is_skipped())
        return;
    theirs = shatter(&stock, FALSE, &huge);
    show("stock", &theirs);
    for (int i = 0; i < TRIES; i++) {
        ours = shatter(&patched, TRUE, &huge);
        show("patched", &ours);
        if (ours.free_bytes >= MUCH(ours.rss_bytes))
            break;
    }
    if (no_thp) {
        g_assert_false(huge);
    } else if (!huge) {
        g_test_skip("this host gives no huge pages (/sys/kernel/mm/transparent_hugepage/enabled)");
        return;
    }
    g_assert_cmpuint(ours.rss_bytes, >=, 1100 * VH_MIB);
    g_assert_cmpuint(ours.free_bytes, >=, MUCH(ours.rss_bytes));
}

static void add(const char *name, const Variant *variant, GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("/device/properties-%s/%s", variant->name, name);

    g_test_add_data_func(path, variant, test);
}

static const struct {
    const char *name;
    GTestDataFunc test;
} both[] = {
    {"makes-statistics", makes_statistics},
    {"inflates-and-deflates", inflates_and_deflates},
    {"deflates-by-itself", deflates_by_itself},
    {"discards-what-is-reported", discards_what_is_reported},
    {"is-switched-off-and-on", is_switched_off_and_on},
    {"hints-during-migration", hints_during_migration},
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    virEventRegisterDefaultImpl();
    virEventAddTimeout(1000, keep_running, NULL, NULL);
    g_thread_unref(g_thread_new("events", run_events, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(both); i++) {
        add(both[i].name, &off, both[i].test);
        add(both[i].name, &on, both[i].test);
    }
    g_test_add_func("/device/says-what-it-can", says_what_it_can);
    g_test_add_func("/device/refuses-passes", refuses_passes);
    g_test_add_func("/device/tells-of-the-switch", tells_of_the_switch);
    g_test_add_func("/device/the-switch-survives-save-and-restore",
                    the_switch_survives_save_and_restore);
    g_test_add_func("/device/leaves-out-what-is-reported", leaves_out_what_is_reported);
    g_test_add_data_func("/device/frees-parts-of-huge-pages", GINT_TO_POINTER(FALSE),
                         frees_parts_of_huge_pages);
    g_test_add_data_func("/device/frees-parts-without-huge-pages", GINT_TO_POINTER(TRUE),
                         frees_parts_of_huge_pages);
    return g_test_run();
}
