/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How our driver comes and goes: unbound, unloaded and unplugged, reset, suspended, paused and
 * killed, always in the middle of a pass. The host is told of an end each time, the guest loses
 * nothing, and the next pass is as good as the first.
 */
#include <libvirt/libvirt-qemu.h>

#include "driver-fixture.h"

#define LOOK_US (10 * VH_MS)
#define FREED_BYTES (300 * VH_MIB)
#define FREE_MUCH "alloc big 300MiB\nfree big\n"
#define TRIES 5
#define PAUSE_TIMEOUT_MS 3000 /* long enough to be at it, short enough to wait for */
#define UNBIND "/sys/bus/virtio/drivers/virtio_balloon/unbind"
#define BIND "/sys/bus/virtio/drivers/virtio_balloon/bind"
#define NO_DRIVER "The guest has no balloon driver running"

/* A guest in a pass that goes on for a while. */
static guint64 start_in_pass(Device *device, const char *kernel, DeviceOptions options)
{
    driver_start_whole(device, kernel, options);
    device_work(device, DRIVER_KEEP);
    driver_scatter(device);
    return driver_begin_long_pass(device, VH_LAB_TIMEOUT_MS);
}

static void await_driver(Device *device, gboolean is_there)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;

    for (;;) {
        g_autoptr(JsonObject) info = device_query(device);

        if (json_object_get_boolean_member(info, "driver") == is_there)
            return;
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(LOOK_US);
    }
}

/* The guest, which has freed more by now, still works, and so do passes. */
static void assert_whole(Device *device)
{
    DriverPass pass;

    device_work(device, "verify scattered\nverify keep\n" FREE_MUCH);
    pass = driver_pass(device, 0, 0, "done");
    g_assert_cmpuint(pass.discarded_bytes, >=, FREED_BYTES / 4);
    device_work(device, "verify scattered\nverify keep\n");
    g_assert_cmpuint(device_counter(device, "malformed"), ==, 0);
    driver_assert_quiet(device);
}

static void is_unbound_and_bound(gconstpointer kernel)
{
    g_autofree char *name = NULL, *refused = NULL;
    Device device;
    guint64 id;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, DRIVER_KEEP);
    driver_scatter(&device);
    name = driver_device_name(&device); /* the pass has no time for it */
    id = driver_begin_long_pass(&device, VH_LAB_TIMEOUT_MS);
    driver_write(&device, UNBIND, name);
    g_assert_cmpstr(driver_await_pass(&device, id).status, ==, "cancelled");
    await_driver(&device, FALSE);
    refused = device_command_error(&device, "{\"execute\": \"balloon-reporting-pass\"}");
    g_assert_cmpstr(refused, ==, NO_DRIVER);
    driver_write(&device, BIND, name);
    await_driver(&device, TRUE);
    g_assert_cmpuint(driver_counter(&device, "mode"), ==, 0);
    driver_allow_long_walks(&device);
    assert_whole(&device);
    device_stop(&device);
}

/* Inflated, too: its pages go back to the guest, and are taken again. */
static void is_unloaded_and_loaded(gconstpointer kernel)
{
    static const char module[] = "virtio_balloon";
    g_autoptr(GError) error = NULL;
    Device device;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, DRIVER_KEEP);
    device_set_balloon(&device, 900 * VH_MIB);
    for (int i = 0; i < 5; i++) {
        DriverPass pass;
        guint64 id;

        if (i > 0)
            device_work(&device, "free scattered\n");
        driver_scatter(&device);
        id = driver_ask_pass(&device, 0, 4096);
        g_usleep((gulong)g_test_rand_int_range(0, 100) * VH_MS);
        if (!vh_lab_guest_unload_module(device.guest, module, &error))
            g_error("%s", error->message);
        pass = driver_await_pass(&device, id);
        g_test_message("unloaded in a pass: %s after %" G_GUINT64_FORMAT " MiB", pass.status,
                       pass.reported_bytes / VH_MIB);
        g_assert_true(g_str_equal(pass.status, "cancelled") || g_str_equal(pass.status, "done"));
        await_driver(&device, FALSE);
        if (!vh_lab_guest_load_module(device.guest, module, &error))
            g_error("%s", error->message);
        await_driver(&device, TRUE);
        g_assert_cmpuint(driver_await_counter(&device, "balloon_bytes", 124 * VH_MIB), ==,
                         124 * VH_MIB);
    }
    device_set_balloon(&device, VH_GIB);
    assert_whole(&device);
    device_stop(&device);
}

/* By ACPI, as a host would. */
static void is_unplugged_and_plugged(gconstpointer kernel)
{
    static const char plug[] =
        "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"virtio-balloon-pci\", "
        "\"id\": \"balloon0\", \"bus\": \"pci.0\", \"addr\": \"0x8\", \"deflate-on-oom\": true, "
        "\"free-page-reporting\": true, \"reporting-ctrl\": true, \"page-chunks\": true}}";
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;
    g_autofree char *gone = NULL;
    Device device;

    if (driver_is_skipped())
        return;
    start_in_pass(&device, kernel, (DeviceOptions){.acpi = TRUE});
    device_execute(&device, "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"balloon0\"}}");
    while (!(gone = device_command_error(&device, "{\"execute\": \"query-balloon-reporting\"}"))) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(LOOK_US);
    }
    g_assert_cmpstr(gone, ==, "No balloon device has been activated");
    g_assert_null(driver_device_name(&device));
    device_work(&device, "verify scattered\nverify keep\n" FREE_MUCH);
    device_execute(&device, plug);
    await_driver(&device, TRUE);
    driver_set(&device, FALSE);
    assert_whole(&device);
    device_stop(&device);
}

static void is_reset(gconstpointer kernel)
{
    g_autoptr(GError) error = NULL;
    DriverPass pass;
    Device device;
    guint64 id;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){.restarts = TRUE});
    device_work(&device, DRIVER_KEEP);
    device_set_balloon(&device, 900 * VH_MIB);
    driver_scatter(&device);
    id = driver_begin_long_pass(&device, VH_LAB_TIMEOUT_MS);
    device_execute(&device, "{\"execute\": \"system_reset\"}");
    g_assert_cmpstr(driver_await_pass(&device, id).status, ==, "cancelled");
    if (!vh_lab_guest_wait_ready(device.guest, VH_LAB_TIMEOUT_MS, &error))
        g_error("%s", error->message);
    await_driver(&device, TRUE);
    /* The host's wishes outlive the guest; ids go on. */
    g_assert_cmpuint(driver_counter(&device, "mode"), ==, 0);
    g_assert_cmpuint(driver_await_counter(&device, "balloon_bytes", 124 * VH_MIB), ==,
                     124 * VH_MIB);
    device_set_balloon(&device, VH_GIB);
    device_work(&device, "alloc keep 60MiB\nalloc scattered 60MiB\n");
    pass = driver_pass(&device, 0, 0, "done");
    g_assert_cmpuint(pass.id, >, id);
    assert_whole(&device);
    device_stop(&device);
}

/* An image of the memory is made, which freezes all drivers; there is no swap to write it to, and
 * the guest goes on. */
static void is_frozen_for_an_image(gconstpointer kernel)
{
    g_autoptr(GError) error = NULL;
    DriverPass pass;
    Device device;
    guint64 id;

    if (driver_is_skipped())
        return;
    id = start_in_pass(&device, kernel, (DeviceOptions){0});
    g_assert_false(vh_lab_guest_write_file(device.guest, "/sys/power/state", "disk", &error));
    g_test_message("%s", error->message);
    if (driver_log_lines(&device, "PM: hibernation: Creating image") == 0)
        g_error("the guest made no image: %s", error->message);
    pass = driver_await_pass(&device, id);
    g_assert_cmpstr(pass.status, ==, "cancelled");
    /* By the driver, in time: not by the reset of its device. */
    g_assert_cmpuint(driver_counter(&device, "passes_cancelled"), ==, 1);
    g_assert_cmpuint(driver_counter(&device, "last_pass_id"), ==, id);
    await_driver(&device, TRUE);
    assert_whole(&device);
    device_stop(&device);
}

/* The agent would answer when the guest is awake again. Meanwhile others leave its handle alone. */
static gpointer fall_asleep(gpointer data)
{
    Device *device = data;
    g_autoptr(GError) error = NULL;

    if (!vh_lab_guest_write_file(device->guest, "/sys/power/state", "mem", &error))
        g_debug("%s", error->message);
    return NULL;
}

static void await_asleep(Device *device)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;

    for (;;) {
        g_autoptr(JsonObject) status = device_command(device, "{\"execute\": \"query-status\"}");

        if (g_str_equal(json_object_get_string_member(status, "status"), "suspended"))
            return;
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(LOOK_US);
    }
}

/* How a pass ends when the guest is suspended in the middle of it. */
static DriverPass suspend_in_pass(const char *kernel)
{
    g_autoptr(GError) error = NULL;
    DriverPass pass;
    GThread *thread;
    Device device;
    guint64 id = start_in_pass(&device, kernel, (DeviceOptions){.acpi = TRUE});

    thread = g_thread_new("sleep", fall_asleep, &device);
    await_asleep(&device);
    pass = driver_await_pass(&device, id);
    g_assert_true(vh_lab_guest_kill(device.guest, &error));
    g_thread_join(thread);
    device_stop(&device);
    return pass;
}

/*
 * To memory, which is QEMU's run state then. It is not woken: the firmware under TCG brings no
 * guest back that was booted without a boot loader, with any driver or none. How a driver comes
 * back is shown by the image above. The guest writes its disks first, and the pass may have ended
 * by then, so there are several tries.
 */
static void is_suspended(gconstpointer kernel)
{
    DriverPass pass = {0};

    if (driver_is_skipped())
        return;
    for (int i = 0; i < TRIES && !g_str_equal(pass.status, "cancelled"); i++) {
        pass = suspend_in_pass(kernel);
        g_test_message("suspended in a pass: %s", pass.status);
    }
    g_assert_cmpstr(pass.status, ==, "cancelled");
}

/* A guest that does not get on: the host has its answer when its time is over. */
static void pass_of_a_paused_guest_ends(gconstpointer kernel)
{
    Device device;
    guint64 id;

    if (driver_is_skipped())
        return;
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, DRIVER_KEEP);
    driver_scatter(&device);
    id = driver_begin_long_pass(&device, PAUSE_TIMEOUT_MS);
    g_assert_cmpint(virDomainSuspend(device.domain), ==, 0);
    g_assert_cmpstr(driver_await_pass(&device, id).status, ==, "timeout");
    g_assert_cmpint(virDomainResume(device.domain), ==, 0);
    /* The driver learns of it, and ends its own. */
    g_assert_cmpuint(driver_await_counter(&device, "passes_cancelled", 1), ==, 1);
    driver_pass(&device, 0, 4096, "done");
    assert_whole(&device);
    device_stop(&device);
}

static void guest_is_killed(gconstpointer kernel)
{
    g_autoptr(GError) error = NULL;
    char *answer = NULL;
    Device device;

    if (driver_is_skipped())
        return;
    start_in_pass(&device, kernel, (DeviceOptions){0});
    g_assert_true(vh_lab_guest_kill(device.guest, &error));
    g_assert_cmpint(virDomainQemuMonitorCommand(
                        device.domain, "{\"execute\": \"balloon-reporting-cancel\"}", &answer, 0),
                    <, 0);
    device_stop(&device);
    driver_start_whole(&device, kernel, (DeviceOptions){0});
    device_work(&device, "alloc keep 60MiB\nalloc scattered 60MiB\n");
    driver_set(&device, FALSE);
    assert_whole(&device);
    device_stop(&device);
}

static const DriverTest tests[] = {
    {"is-unbound-and-bound", is_unbound_and_bound, TRUE},
    {"is-unloaded-and-loaded", is_unloaded_and_loaded, TRUE},
    {"is-unplugged-and-plugged", is_unplugged_and_plugged, TRUE},
    {"is-reset", is_reset, TRUE},
    {"is-frozen-for-an-image", is_frozen_for_an_image, TRUE},
    {"is-suspended", is_suspended, TRUE},
    {"pass-of-a-paused-guest-ends", pass_of_a_paused_guest_ends, FALSE},
    {"guest-is-killed", guest_is_killed, FALSE},
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    return driver_run_tests("driver-life", tests, G_N_ELEMENTS(tests));
}
