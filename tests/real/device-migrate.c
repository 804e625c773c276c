/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Migration over a UNIX socket, driven by the source's monitor. */
#include "device-migrate.h"

#include <signal.h>
#include <string.h>

#define LOOK_US (20 * VH_MS)
#define PAGE_BYTES 4096 /* of the guest: what query-migrate counts in */

/* The arguments of the source's process; with nothing in them that only libvirt's child has. */
static char **source_arguments(const Device *device)
{
    g_autofree char *path =
        g_strdup_printf("/proc/%d/cmdline", (int)vh_lab_guest_pid(device->guest));
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize length = 0;

    g_file_get_contents(path, &text, &length, &error);
    g_assert_no_error(error);
    for (gsize at = 0; at < length; at += strlen(text + at) + 1)
        g_ptr_array_add(arguments, g_strdup(text + at));
    g_ptr_array_add(arguments, NULL);
    return (char **)g_ptr_array_steal(arguments, NULL);
}

/* One argument for the destination; NULL: it and the option before it are left out. */
static char *destination_argument(const char *argument, const char *socket)
{
    if (g_str_has_prefix(argument, "socket,id=charchannel0,"))
        return g_strdup_printf("socket,id=charchannel0,path=%s,server=on,wait=off", socket);
    if (g_str_has_prefix(argument, "socket,id=charmonitor,"))
        return g_strdup("null,id=charmonitor");
    if (g_str_has_prefix(argument, "file,id=charserial0,"))
        return g_strdup("null,id=charserial0");
    if (g_str_has_prefix(argument, "set=0,fd="))
        return NULL;
    return g_strdup(argument);
}

static GPtrArray *destination_arguments(const Device *device, const char *emulator,
                                        const char *socket, const char *incoming)
{
    g_auto(GStrv) source = source_arguments(device);
    GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(arguments, g_strdup(emulator ? emulator : source[0]));
    for (char **argument = source + 1; *argument; argument++) {
        char *changed = destination_argument(*argument, socket);

        if (g_str_equal(*argument, "-S"))
            g_free(changed);
        else if (changed)
            g_ptr_array_add(arguments, changed);
        else
            g_ptr_array_remove_index(arguments, arguments->len - 1);
    }
    g_ptr_array_add(arguments, g_strdup("-incoming"));
    g_ptr_array_add(arguments, g_strdup(incoming));
    g_ptr_array_add(arguments, NULL);
    return arguments;
}

static void await_file(const char *path)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;

    while (!g_file_test(path, G_FILE_TEST_EXISTS) && g_get_monotonic_time() < until)
        g_usleep(LOOK_US);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
}

static DeviceMigration await_end(Device *device)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;
    DeviceMigration result = {0};

    for (;;) {
        g_autoptr(JsonObject) info = device_command(device, "{\"execute\": \"query-migrate\"}");
        const char *status = json_object_get_string_member_with_default(info, "status", "");

        g_assert_cmpstr(status, !=, "failed");
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        if (g_str_equal(status, "completed")) {
            JsonObject *ram = json_object_get_object_member(info, "ram");

            result.transferred_bytes = (guint64)json_object_get_int_member(ram, "transferred");
            result.zero_bytes = (guint64)json_object_get_int_member(ram, "duplicate") * PAGE_BYTES;
            result.copied_bytes = (guint64)json_object_get_int_member(ram, "normal-bytes");
            return result;
        }
        g_usleep(LOOK_US);
    }
}

DeviceMigration device_migrate(Device *device, const char *emulator,
                               DeviceDestination *ret_destination)
{
    g_autofree char *base = g_build_filename(vh_lab_dir(device->lab), "guests", NULL);
    g_autofree char *socket = g_strdup_printf("%s/%s-there.sock", base, device->name);
    g_autofree char *stream = g_strdup_printf("%s/%s-stream.sock", base, device->name);
    g_autofree char *uri = g_strdup_printf("unix:%s", stream);
    g_autofree char *command =
        g_strdup_printf("{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"%s\"}}", uri);
    g_autoptr(GPtrArray) arguments = destination_arguments(device, emulator, socket, uri);
    g_autoptr(GError) error = NULL;
    DeviceMigration result;
    gint64 start;

    if (!vh_lab_spawn(device->lab, (const char *const *)arguments->pdata, NULL, "destination.log",
                      &ret_destination->pid, &error))
        g_error("destination: %s", error->message);
    await_file(stream);
    /* Slow enough for the guest to say meanwhile what is free. */
    device_execute(device,
                   "{\"execute\": \"migrate-set-parameters\", "
                   "\"arguments\": {\"max-bandwidth\": 268435456, \"downtime-limit\": 1000}}");
    device_execute(device, command);
    start = g_get_monotonic_time();
    result = await_end(device);
    result.total_us = g_get_monotonic_time() - start;
    ret_destination->guest =
        vh_lab_guest_adopt(device->lab, device->name, ret_destination->pid, socket);
    if (!vh_lab_guest_wait_ready(ret_destination->guest, VH_LAB_TIMEOUT_MS, &error))
        g_error("destination: %s", error->message);
    return result;
}

void device_destination_stop(DeviceDestination *destination)
{
    g_autoptr(GError) error = NULL;
    int status;

    vh_lab_guest_leave(destination->guest);
    if (!vh_lab_stop(destination->pid, SIGTERM, VH_LAB_TIMEOUT_MS, &status, &error))
        g_error("destination: %s", error->message);
    memset(destination, 0, sizeof(*destination));
}
