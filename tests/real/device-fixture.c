/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests of the device's tests, and how they are looked at. */
#include "device-fixture.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_US (10 * VH_MS)

const char *device_patched_qemu(void)
{
    const char *path = g_getenv("VH_QEMU");

    return path && *path ? path : NULL;
}

const char *device_stock_qemu(void)
{
    const char *path = g_getenv("VH_QEMU_STOCK");

    return path && *path ? path : "/usr/bin/qemu-system-x86_64";
}

/* libvirt knows none of these properties: they go through its override of the device's options. */
static char *domain_xml(const DeviceOptions *options)
{
    gboolean overrides = options->hint || options->properties || options->legacy;
    GString *xml = g_string_new(NULL);

    if (options->hint)
        g_string_append(xml, "<iothreads>1</iothreads>");
    if (overrides)
        g_string_append(xml, "<qemu:override><qemu:device alias='balloon0'><qemu:frontend>");
    /* Stock QEMU 7.2 raises the hint queue's interrupt from the iothread, which TCG takes only
     * under the big lock, and aborts; without event indices the guest's driver wants no such
     * interrupt. */
    if (options->hint)
        g_string_append(xml, "<qemu:property name='event_idx' type='bool' value='false'/>"
                             "<qemu:property name='free-page-hint' type='bool' value='true'/>"
                             "<qemu:property name='iothread' type='string' value='iothread1'/>");
    if (options->properties)
        g_string_append(xml, "<qemu:property name='reporting-ctrl' type='bool' value='true'/>"
                             "<qemu:property name='page-chunks' type='bool' value='true'/>");
    if (options->migration_pass)
        g_string_append(xml, "<qemu:property name='reporting-migration-pass' type='bool' "
                             "value='true'/>");
    if (options->legacy)
        g_string_append(xml, "<qemu:property name='disable-modern' type='bool' value='true'/>");
    if (overrides)
        g_string_append(xml, "</qemu:frontend></qemu:device></qemu:override>");
    return g_string_free(xml, FALSE);
}

void device_start(Device *device, const DeviceOptions *options)
{
    static guint serial;
    g_autofree char *xml = domain_xml(options);
    const VhLabGuestSpec spec = {
        .name = device->name,
        .memory_bytes = options->memory_bytes ? options->memory_bytes : 2 * VH_GIB,
        .emulator = options->emulator ? options->emulator : device_patched_qemu(),
        .reporting = options->reporting,
        .vcpus = options->vcpus,
        .kernel = options->kernel,
        .kernel_args = options->kernel_args,
        .balloon_module = options->balloon_module,
        .disk_bytes = options->disk_bytes,
        .no_driver = options->no_driver,
        .no_thp = options->no_thp,
        .memfd = options->memfd,
        .acpi = options->acpi,
        .restarts = options->restarts,
        .stats_period_s = options->stats_period_s,
        .extra_xml = xml,
    };
    g_autoptr(GError) error = NULL;

    g_snprintf(device->name, sizeof(device->name), "device-%u", serial++);
    device->lab = vh_lab_open(&error);
    g_assert_no_error(error);
    device->guest = vh_lab_guest_start(device->lab, &spec, &error);
    g_assert_no_error(error);
    device->domain = vh_lab_guest_domain(device->guest, &error);
    g_assert_no_error(error);
}

void device_stop(Device *device)
{
    virDomainFree(device->domain);
    vh_lab_guest_free(device->guest);
    vh_lab_free(device->lab);
    memset(device, 0, sizeof(*device));
}

VhLabReport *device_work_report(Device *device, const char *program)
{
    VhLabReport *report = NULL;
    g_autoptr(GError) error = NULL;

    if (!vh_lab_guest_work(device->guest, program, VH_LAB_TIMEOUT_MS, &report, &error))
        g_error("%s: %s", device->name, error->message);
    if (report->status != VH_LAB_WORK_OK)
        g_error("%s: %s", device->name, report->message);
    g_assert_cmpuint(report->corrupt_bytes, ==, 0);
    g_assert_cmpuint(report->oom_kills, ==, 0);
    return report;
}

void device_work(Device *device, const char *program)
{
    vh_lab_report_free(device_work_report(device, program));
}

/* libvirt calls it a success when QEMU answers, whatever it answers. */
static JsonObject *call(Device *device, const char *command)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = NULL;
    char *answer = NULL;

    if (virDomainQemuMonitorCommand(device->domain, command, &answer, 0) < 0) {
        g_autofree char *message = g_strdup(virGetLastErrorMessage());
        g_autofree char *log = vh_lab_guest_log(device->guest);

        g_error("%s: %s\n%s", command, message, log);
    }
    node = json_from_string(answer, &error);
    g_assert_no_error(error);
    free(answer);
    return json_object_ref(json_node_get_object(node));
}

JsonObject *device_command(Device *device, const char *command)
{
    g_autoptr(JsonObject) answer = call(device, command);
    JsonNode *value;

    if (json_object_has_member(answer, "error"))
        g_error(
            "%s: %s", command,
            json_object_get_string_member(json_object_get_object_member(answer, "error"), "desc"));
    value = json_object_get_member(answer, "return");
    g_assert_nonnull(value);
    return JSON_NODE_HOLDS_OBJECT(value) ? json_object_ref(json_node_get_object(value)) : NULL;
}

void device_execute(Device *device, const char *command)
{
    JsonObject *value = device_command(device, command);

    if (value)
        json_object_unref(value);
}

char *device_command_error(Device *device, const char *command)
{
    g_autoptr(JsonObject) answer = call(device, command);

    if (!json_object_has_member(answer, "error"))
        return NULL;
    return g_strdup(
        json_object_get_string_member(json_object_get_object_member(answer, "error"), "desc"));
}

JsonObject *device_query(Device *device)
{
    return device_command(device, "{\"execute\": \"query-balloon-reporting\"}");
}

guint64 device_counter(Device *device, const char *name)
{
    g_autoptr(JsonObject) info = device_query(device);
    JsonObject *counters = json_object_get_object_member(info, "counters");
    g_auto(GStrv) parts = g_strsplit(name, ".", 2);

    if (parts[1])
        counters = json_object_get_object_member(counters, parts[0]);
    g_assert_true(json_object_has_member(counters, parts[1] ? parts[1] : parts[0]));
    return (guint64)json_object_get_int_member(counters, parts[1] ? parts[1] : parts[0]);
}

gboolean device_has_feature(Device *device, const char *list, const char *feature)
{
    g_autoptr(JsonObject) info = device_query(device);
    JsonArray *features = json_object_get_array_member(info, list);

    for (guint i = 0; i < json_array_get_length(features); i++) {
        if (g_str_equal(json_array_get_string_element(features, i), feature))
            return TRUE;
    }
    return FALSE;
}

void device_set(Device *device, gboolean enabled)
{
    g_autofree char *command = g_strdup_printf("{\"execute\": \"balloon-reporting-set\", "
                                               "\"arguments\": {\"enabled\": %s}}",
                                               enabled ? "true" : "false");

    device_execute(device, command);
}

guint64 device_balloon_bytes(Device *device)
{
    virDomainMemoryStatStruct items[VIR_DOMAIN_MEMORY_STAT_NR];
    int n = virDomainMemoryStats(device->domain, items, G_N_ELEMENTS(items), 0);

    for (int i = 0; i < n; i++) {
        if (items[i].tag == VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON)
            return items[i].val * VH_KIB;
    }
    return 0;
}

void device_ask_balloon(Device *device, guint64 bytes)
{
    g_assert_cmpint(virDomainSetMemoryFlags(device->domain, bytes / VH_KIB, VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
}

gint64 device_set_balloon(Device *device, guint64 bytes)
{
    gint64 start = g_get_monotonic_time();

    device_ask_balloon(device, bytes);
    while (device_balloon_bytes(device) != bytes &&
           g_get_monotonic_time() - start < VH_LAB_TIMEOUT_MS * VH_MS)
        g_usleep(LOOK_US);
    g_assert_cmpuint(device_balloon_bytes(device), ==, bytes);
    return g_get_monotonic_time() - start;
}

gboolean device_is_tainted(virDomainPtr domain)
{
    char **messages = NULL;
    int n = virDomainGetMessages(domain, &messages, VIR_DOMAIN_MESSAGE_TAINTING);
    gboolean found = FALSE;

    g_assert_cmpint(n, >=, 0);
    for (int i = 0; i < n; i++) {
        found = found || strstr(messages[i], "monitor");
        free(messages[i]);
    }
    free(messages);
    return found;
}

guint64 device_host_free(void)
{
    g_autoptr(GError) error = NULL;
    VhLabHostMemory memory;

    if (!vh_lab_host_memory(&memory, &error))
        g_error("%s", error->message);
    return memory.free_bytes + memory.per_cpu_bytes;
}

guint64 device_await_rss_below(Device *device, guint64 bytes)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;
    guint64 now = vh_lab_guest_rss_bytes(device->guest);

    while (now > bytes && g_get_monotonic_time() < until) {
        g_usleep(LOOK_US);
        now = vh_lab_guest_rss_bytes(device->guest);
    }
    return now;
}

guint64 device_settle(Device *device)
{
    g_autoptr(GError) error = NULL;
    guint64 bytes = 0;

    if (!vh_lab_guest_settle(device->guest, 8 * VH_MIB, 500, VH_LAB_TIMEOUT_MS, &bytes, &error))
        g_error("%s: %s", device->name, error->message);
    return bytes;
}

guint64 device_await(Device *device, DeviceRead read, const char *name, guint64 least)
{
    gint64 until = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;
    guint64 now = read(device, name);

    while (now < least && g_get_monotonic_time() < until) {
        g_usleep(LOOK_US);
        now = read(device, name);
    }
    return now;
}

guint64 device_await_counter(Device *device, const char *name, guint64 least)
{
    return device_await(device, device_counter, name, least);
}
