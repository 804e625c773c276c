/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests of the driver's tests, and what they say of themselves. */
#include "driver-fixture.h"

#include <string.h>

#define LOOK_US (10 * VH_MS)
#define MAX_VIRTIO_DEVICES 16
#define BALLOON_ID "0x0005" /* of a virtio device, in sysfs */

gboolean driver_is_skipped(void)
{
    const char *modules = g_getenv("VH_GUEST_MODULES");

    if (!device_patched_qemu()) {
        g_test_skip("no patched QEMU: tools/qemu-build makes one, and VH_QEMU names it");
        return TRUE;
    }
    if (!modules || !*modules) {
        g_test_skip("no driver: tools/guest-build makes it, and VH_GUEST_MODULES names where");
        return TRUE;
    }
    return FALSE;
}

char *driver_module(const char *kernel)
{
    char *path = g_build_filename(g_getenv("VH_GUEST_MODULES"), kernel, "virtio_balloon.ko", NULL);

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        g_error("%s: is not there; tools/guest-build makes it", path);
    return path;
}

guint64 driver_min_granule(const char *kernel)
{
    return g_str_equal(kernel, "6.1") ? 8 * VH_KIB : 4 * VH_KIB;
}

void driver_start(Device *device, const char *kernel, DeviceOptions options)
{
    g_autofree char *module = driver_module(kernel);

    options.kernel = kernel;
    options.balloon_module = module;
    if (!options.memory_bytes)
        options.memory_bytes = VH_GIB;
    device_start(device, &options);
}

void driver_start_whole(Device *device, const char *kernel, DeviceOptions options)
{
    options.reporting = TRUE;
    options.properties = TRUE;
    driver_start(device, kernel, options);
}

/* ---- What the guest shows ---- */

char *driver_read(Device *device, const char *path)
{
    g_autoptr(GError) error = NULL;
    char *text = vh_lab_guest_read_file(device->guest, path, &error);

    g_assert_no_error(error);
    return text;
}

void driver_write(Device *device, const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (!vh_lab_guest_write_file(device->guest, path, text, &error))
        g_error("%s", error->message);
}

char *driver_device_name(Device *device)
{
    for (guint i = 0; i < MAX_VIRTIO_DEVICES; i++) {
        g_autofree char *path = g_strdup_printf("/sys/bus/virtio/devices/virtio%u/device", i);
        g_autofree char *id = vh_lab_guest_read_file(device->guest, path, NULL);

        if (id && g_str_has_prefix(id, BALLOON_ID))
            return g_strdup_printf("virtio%u", i);
    }
    return NULL;
}

static char *device_file(Device *device, const char *base, const char *file)
{
    g_autofree char *name = driver_device_name(device);

    g_assert_nonnull(name);
    return g_build_filename(base, name, file, NULL);
}

gboolean driver_has_bit(Device *device, guint bit)
{
    g_autofree char *path = device_file(device, "/sys/bus/virtio/devices", "features");
    g_autofree char *bits = driver_read(device, path);

    g_assert_cmpuint(bit, <, strlen(bits));
    return bits[bit] == '1';
}

guint64 driver_counter(Device *device, const char *key)
{
    g_autofree char *path = device_file(device, "/sys/kernel/debug/virtio_balloon", "counters");
    g_autofree char *text = driver_read(device, path);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gsize length = strlen(key);

    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, key) && (*line)[length] == ' ')
            return g_ascii_strtoull(*line + length, NULL, 10);
    }
    g_error("the driver has no counter %s", key);
}

guint64 driver_await_counter(Device *device, const char *key, guint64 least)
{
    return device_await(device, driver_counter, key, least);
}

void driver_allow_long_walks(Device *device)
{
    driver_write(device, "/sys/module/virtio_balloon/parameters/walk_limit_ms", "0\n");
}

guint driver_log_lines(Device *device, const char *word)
{
    g_autofree char *log = driver_read(device, "/dev/kmsg");
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
    guint n = 0;

    for (char **line = lines; *line; line++)
        n += strstr(*line, word) != NULL;
    return n;
}

void driver_assert_quiet(Device *device)
{
    g_autofree char *log = driver_read(device, "/dev/kmsg");
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);

    for (char **line = lines; *line; line++) {
        const char *complaint = vh_lab_log_complaint(*line);

        if (complaint)
            g_error("the guest's kernel says: %s", complaint);
    }
}

void driver_assert_intact(Device *device)
{
    device_work(device, "verify keep\n");
    driver_assert_quiet(device);
    g_assert_cmpuint(driver_log_lines(device, "virtio_balloon virtio"), ==, 1);
}

/* ---- Passes ---- */

static guint64 ask_pass(Device *device, guint64 limit_bytes, guint64 granule_bytes,
                        guint timeout_ms)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"balloon-reporting-pass\", \"arguments\": "
        "{\"limit\": %" G_GUINT64_FORMAT ", \"granule\": %" G_GUINT64_FORMAT ", \"timeout\": %u}}",
        limit_bytes, granule_bytes, timeout_ms);
    g_autoptr(JsonObject) answer = device_command(device, command);

    return (guint64)json_object_get_int_member(answer, "id");
}

guint64 driver_ask_pass(Device *device, guint64 limit_bytes, guint64 granule_bytes)
{
    return ask_pass(device, limit_bytes, granule_bytes, VH_LAB_TIMEOUT_MS);
}

DriverPass driver_last_pass(Device *device)
{
    g_autoptr(JsonObject) info = device_query(device);
    DriverPass result = {0};
    JsonObject *pass;

    g_assert_true(json_object_has_member(info, "pass"));
    pass = json_object_get_object_member(info, "pass");
    result.id = (guint64)json_object_get_int_member(pass, "id");
    g_strlcpy(result.status, json_object_get_string_member(pass, "status"), sizeof(result.status));
    result.granule = (guint64)json_object_get_int_member(pass, "granule-in-force");
    result.reported_bytes = (guint64)json_object_get_int_member(pass, "reported");
    result.discarded_bytes = (guint64)json_object_get_int_member(pass, "discarded");
    result.duration_us = (guint64)json_object_get_int_member(pass, "duration-ns") / 1000;
    return result;
}

DriverPass driver_await_pass(Device *device, guint64 id)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;

    for (;;) {
        DriverPass pass = driver_last_pass(device);

        g_assert_cmpuint(pass.id, ==, id);
        if (!g_str_equal(pass.status, "requested") && !g_str_equal(pass.status, "running"))
            return pass;
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(LOOK_US);
    }
}

DriverPass driver_pass(Device *device, guint64 limit_bytes, guint64 granule_bytes,
                       const char *status)
{
    DriverPass pass =
        driver_await_pass(device, driver_ask_pass(device, limit_bytes, granule_bytes));

    g_test_message("pass %" G_GUINT64_FORMAT " (limit %" G_GUINT64_FORMAT
                   " MiB, granule %" G_GUINT64_FORMAT " KiB): %s, %" G_GUINT64_FORMAT
                   " MiB reported in %" G_GUINT64_FORMAT " ms at %" G_GUINT64_FORMAT " KiB",
                   pass.id, limit_bytes / VH_MIB, granule_bytes / VH_KIB, pass.status,
                   pass.reported_bytes / VH_MIB, pass.duration_us / 1000, pass.granule / VH_KIB);
    g_assert_cmpstr(pass.status, ==, status);
    return pass;
}

void driver_cancel(Device *device)
{
    /* It may have ended just now. */
    g_autofree char *text =
        device_command_error(device, "{\"execute\": \"balloon-reporting-cancel\"}");

    if (text)
        g_assert_cmpstr(text, ==, "No reporting pass is running");
}

void driver_set(Device *device, gboolean enabled)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;
    gboolean is_active = !enabled;

    device_set(device, enabled);
    while (is_active != enabled) {
        g_autoptr(JsonObject) info = device_query(device);

        is_active = json_object_get_boolean_member(info, "active");
        g_assert_cmpint(g_get_monotonic_time(), <, until);
    }
}

void driver_scatter(Device *device)
{
    driver_allow_long_walks(device);
    driver_set(device, FALSE);
    device_work(device, "alloc all 700MiB\nfree all\nseed 3\n"
                        "fragment scattered 700MiB keep 4KiB of 16KiB\n");
}

/* The host's numbers only: to ask the guest would take the time that the pass has. */
guint64 driver_begin_long_pass(Device *device, guint timeout_ms)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;
    guint64 id = ask_pass(device, 0, 4096, timeout_ms);
    DriverPass pass = driver_last_pass(device);

    while (pass.reported_bytes == 0 && g_get_monotonic_time() < until)
        pass = driver_last_pass(device);
    g_assert_cmpuint(pass.id, ==, id);
    g_assert_cmpstr(pass.status, ==, "running");
    return id;
}

/* ---- Tests ---- */

static void add_test(const char *program, const char *kernel, const DriverTest *test)
{
    g_autofree char *path = g_strdup_printf("/%s/%s/%s", program, kernel, test->name);

    g_test_add_data_func(path, kernel, test->test);
}

int driver_run_tests(const char *program, const DriverTest *tests, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        add_test(program, "6.1", &tests[i]);
        if (tests[i].on_both)
            add_test(program, "6.12", &tests[i]);
    }
    return g_test_run();
}
