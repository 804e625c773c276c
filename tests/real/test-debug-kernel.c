/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's driver under a kernel that checks itself (docs/lab.md), through what a guest does to
 * it besides work: suspends, takes memory away from it, compacts it, unloads it. What the kernel
 * has to say about that must be nothing. `virthint-lab stress` does the rest, on the same kernel.
 */
#include "device-fixture.h"

#include <string.h>

#define KERNEL "6.1-debug"
#define MEMORY "/sys/devices/system/memory"
#define KERN_ERR 3
#define SUSPENDS 5

static char *module_path(void)
{
    const char *dir = g_getenv("VH_GUEST_MODULES");

    return dir && *dir ? g_build_filename(dir, KERNEL, "virtio_balloon.ko", NULL) : NULL;
}

static gboolean is_possible(void)
{
    g_autofree char *module = module_path();

    if (!device_patched_qemu())
        g_test_skip("VH_QEMU is not set: tools/qemu-build makes a patched QEMU");
    else if (!module || !g_file_test(module, G_FILE_TEST_EXISTS))
        g_test_skip("VH_GUEST_MODULES has no driver for " KERNEL
                    ": tools/kernel-build, then tools/guest-build --kernel " KERNEL);
    else
        return TRUE;
    return FALSE;
}

static char *read_file(Device *device, const char *path)
{
    g_autoptr(GError) error = NULL;
    char *text = vh_lab_guest_read_file(device->guest, path, &error);

    g_assert_no_error(error);
    return text;
}

static void write_file(Device *device, const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (!vh_lab_guest_write_file(device->guest, path, text, &error))
        g_error("%s: %s", path, error->message);
}

/* A number in a file of "KEY VALUE" lines; the file may be one number. */
static guint64 read_number(Device *device, const char *path, const char *key)
{
    g_autofree char *text = read_file(device, path);
    g_autofree char *pattern = g_strdup_printf("^%s *([0-9]+)$", key);
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_autofree char *number = NULL;

    if (!g_regex_match(regex, text, 0, &match))
        g_error("%s has no %s: %s", path, key, text);
    number = g_match_info_fetch(match, 1);
    return g_ascii_strtoull(number, NULL, 10);
}

/* A record of /dev/kmsg is "PRIORITY,NUMBER,TIME,FLAGS;TEXT": the facility is in the priority's
 * upper bits, and lockdep speaks no louder than a warning. */
static gboolean is_splat(const char *record)
{
    guint64 priority = g_ascii_strtoull(record, NULL, 10);
    const char *text = strchr(record, ';');

    return text && ((priority & 7) <= KERN_ERR || g_str_has_prefix(text + 1, "WARNING:") ||
                    g_str_has_prefix(text + 1, "INFO: "));
}

/* Lockdep holds its tongue after the first thing that it finds: then a silent log is worth nothing.
 */
static void assert_silent(Device *device)
{
    g_autofree char *log = read_file(device, "/dev/kmsg");
    g_auto(GStrv) records = g_strsplit(log, "\n", -1);

    for (char **record = records; *record; record++) {
        if (g_ascii_isdigit(**record) && is_splat(*record))
            g_error("the guest's kernel: %s\n%s", *record, log);
    }
    g_assert_cmpuint(read_number(device, "/proc/lockdep_stats", " debug_locks:"), ==, 1);
}

static void start(Device *device, const char *kernel_args)
{
    g_autofree char *module = module_path();
    const DeviceOptions options = {
        .memory_bytes = VH_GIB,
        .reporting = TRUE,
        .properties = TRUE,
        .kernel = KERNEL,
        .kernel_args = kernel_args,
        .balloon_module = module,
        .stats_period_s = 1,
    };

    device_start(device, &options);
}

/* One that will not be at its end when what follows begins: the driver has not even seen it. */
static void begin_pass(Device *device)
{
    device_execute(device, "{\"execute\": \"balloon-reporting-pass\", "
                           "\"arguments\": {\"granule\": 4096}}");
}

/* The driver of before and that of after the test are the same to the host: it gets memory back. */
static void assert_works(Device *device)
{
    guint64 before;

    device_work(device, "alloc again 128MiB\nverify again\nfree again");
    before = device_counter(device, "discarded");
    begin_pass(device);
    device_await_counter(device, "discarded", before + 64 * VH_MIB);
    device_set_balloon(device, 512 * VH_MIB);
    device_set_balloon(device, VH_GIB);
    device_work(device, "verify kept");
    assert_silent(device);
}

/* What is kept is scattered, so that there is something to compact, and to walk past. */
static const char prepare[] =
    "fragment kept 200MiB keep 4KiB of 16KiB\nalloc gone 200MiB\nfree gone";

/* The log of the boot tells that the checks are there at all. */
static void has_checks(void)
{
    g_autofree char *log = NULL, *command_line = NULL;
    Device device;

    if (!is_possible())
        return;
    start(&device, NULL);
    log = read_file(&device, "/dev/kmsg");
    g_assert_nonnull(strstr(log, "kasan: KernelAddressSanitizer initialized"));
    command_line = read_file(&device, "/proc/cmdline");
    g_assert_null(strstr(command_line, "debug_pagealloc=off"));
    assert_silent(&device);
    device_stop(&device);
}

static void suspends(void)
{
    Device device;

    if (!is_possible())
        return;
    start(&device, NULL);
    device_work(&device, prepare);
    write_file(&device, "/sys/module/suspend/parameters/pm_test_delay", "0");
    write_file(&device, "/sys/power/pm_test", "devices");
    for (guint i = 0; i < SUSPENDS; i++) {
        begin_pass(&device);
        device_ask_balloon(&device, i % 2 ? VH_GIB : 700 * VH_MIB);
        write_file(&device, "/sys/power/state", "freeze");
    }
    g_assert_cmpuint(read_number(&device, "/sys/power/suspend_stats/success", ""), ==, SUSPENDS);
    assert_works(&device);
    device_stop(&device);
}

/* Blocks of memory that the kernel refuses to give up, it refuses: enough go. */
static void gives_up_memory(void)
{
    Device device;
    guint gone = 0;

    if (!is_possible())
        return;
    start(&device, "movable_node");
    device_work(&device, prepare);
    device_set_balloon(&device, 700 * VH_MIB);
    for (guint i = 0; i < 8; i++) {
        g_autofree char *path = g_strdup_printf(MEMORY "/memory%u/state", i);
        g_autoptr(GError) error = NULL;

        begin_pass(&device);
        if (vh_lab_guest_write_file(device.guest, path, "offline", &error)) {
            gone++;
            write_file(&device, path, "online");
        }
    }
    g_assert_cmpuint(gone, >, 0);
    assert_works(&device);
    device_stop(&device);
}

/* The balloon fills the gaps between small pages that are then freed: it is what there is to move.
 */
static void compacts(void)
{
    Device device;
    guint64 before, moved;

    if (!is_possible())
        return;
    start(&device, NULL);
    device_work(&device, "alloc kept 32MiB\nfragment gaps 400MiB keep 4KiB of 16KiB");
    device_set_balloon(&device, 440 * VH_MIB);
    device_work(&device, "free gaps");
    before = read_number(&device, "/proc/vmstat", "balloon_migrate");
    for (guint i = 0; i < 5; i++) {
        device_ask_balloon(&device, i % 2 ? 440 * VH_MIB : 500 * VH_MIB);
        begin_pass(&device);
        write_file(&device, "/proc/sys/vm/compact_memory", "1");
    }
    moved = read_number(&device, "/proc/vmstat", "balloon_migrate") - before;
    g_test_message("%" G_GUINT64_FORMAT " pages of the balloon moved", moved);
    g_assert_cmpuint(moved, >, 0);
    assert_works(&device);
    device_stop(&device);
}

static void is_unloaded(void)
{
    Device device;
    g_autoptr(GError) error = NULL;

    if (!is_possible())
        return;
    start(&device, NULL);
    device_work(&device, prepare);
    for (guint i = 0; i < 5; i++) {
        device_ask_balloon(&device, 600 * VH_MIB);
        begin_pass(&device);
        g_assert_true(vh_lab_guest_unload_module(device.guest, "virtio_balloon", &error));
        g_assert_true(vh_lab_guest_load_module(device.guest, "virtio_balloon", &error));
    }
    device_set_balloon(&device, VH_GIB);
    assert_works(&device);
    device_stop(&device);
}

/* Free pages have to keep a value: QEMU takes none of them, and the kernel finds each as it was. */
static void poisons(void)
{
    Device device;

    if (!is_possible())
        return;
    start(&device, "page_poison=1");
    g_assert_true(device_has_feature(&device, "negotiated", "page-poison"));
    device_work(&device, prepare);
    for (guint i = 0; i < 3; i++) {
        g_autofree char *refusal =
            device_command_error(&device, "{\"execute\": \"balloon-reporting-pass\"}");

        g_assert_nonnull(refusal);
        g_assert_nonnull(strstr(refusal, "page-poison"));
        device_set_balloon(&device, 600 * VH_MIB);
        device_set_balloon(&device, VH_GIB);
        device_work(&device, "alloc again 200MiB\nverify again\nfree again");
    }
    g_assert_cmpuint(device_counter(&device, "discarded"), ==, 0);
    device_work(&device, "verify kept");
    assert_silent(&device);
    device_stop(&device);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/debug-kernel/has-checks", has_checks);
    g_test_add_func("/debug-kernel/suspends", suspends);
    g_test_add_func("/debug-kernel/gives-up-memory", gives_up_memory);
    g_test_add_func("/debug-kernel/compacts", compacts);
    g_test_add_func("/debug-kernel/is-unloaded", is_unloaded);
    g_test_add_func("/debug-kernel/poisons", poisons);
    return g_test_run();
}
