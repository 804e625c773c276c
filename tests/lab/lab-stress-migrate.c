/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Migrations of the guest under stress, on this host: while one goes on, all else goes on too. The
 * side that the guest has left is ended, and the other one is the guest from then on.
 */
#include <string.h>

#include "lab-stress.h"
#include "vh-units.h"

/* A guest that writes faster than is copied is stopped for the rest after this time. */
#define PATIENCE_US (3 * VH_SEC)
#define SHORT_DOWNTIME_MS 300
#define LONG_DOWNTIME_MS 30000
#define MIN_BANDWIDTH_SHIFT 26 /* 64 MiB/s */
#define MAX_BANDWIDTH_SHIFT 31

#define FIRST_LIVE_QEMU 9 /* major version */
#define LOOK_MS 10

static guint serial;

gboolean stress_side_open(Stress *s, const char *incoming, StressSide *ret_side, GError **error)
{
    const VhLabQemuStart start = {.spec = &s->options->spec,
                                  .disk = &s->disk,
                                  .balloon_properties = s->balloon_properties,
                                  .incoming = incoming};

    ret_side->qemu = vh_lab_qemu_start(s->lab, &start, error);
    if (!ret_side->qemu)
        return FALSE;
    ret_side->monitor = vh_lab_monitor_open(ret_side->qemu->monitor, ret_side->qemu->pid,
                                            VH_LAB_TIMEOUT_MS, stress_take_event, s, error);
    if (!ret_side->monitor)
        stress_side_close(ret_side);
    return ret_side->monitor != NULL;
}

void stress_side_close(StressSide *side)
{
    g_clear_pointer(&side->monitor, vh_lab_monitor_free);
    g_clear_pointer(&side->qemu, vh_lab_qemu_free);
}

static gboolean set_limits(Stress *s, guint64 bandwidth, guint downtime_ms, GError **error)
{
    g_autofree char *arguments = g_strdup_printf(
        "\"max-bandwidth\": %" G_GUINT64_FORMAT ", \"downtime-limit\": %u", bandwidth, downtime_ms);

    return stress_command(s, "migrate-set-parameters", arguments, NULL, error);
}

gboolean stress_migration_probe(Stress *s, GError **error)
{
    g_autoptr(JsonNode) value = NULL;
    JsonObject *version;

    if (!stress_command(s, "query-version", "", &value, error))
        return FALSE;
    version = json_object_get_object_member(json_node_get_object(value), "qemu");
    s->migrates_paused = json_object_get_int_member(version, "major") < FIRST_LIVE_QEMU;
    return TRUE;
}

gboolean stress_migration_begin(Stress *s, gint64 abandon_us, GError **error)
{
    g_autofree char *suffix = g_strdup_printf("-%u.stream", serial++);
    g_autofree char *path = vh_lab_guest_path(s->lab, s->options->spec.name, suffix);
    g_autofree char *uri = g_strconcat("unix:", path, NULL);
    g_autofree char *arguments = g_strdup_printf("\"uri\": \"%s\"", uri);
    guint64 drawn =
        (guint64)1 << g_rand_int_range(s->rand, MIN_BANDWIDTH_SHIFT, MAX_BANDWIDTH_SHIFT + 1);
    /* One that is to be caught at work must not be over by then. */
    guint64 bandwidth = abandon_us ? (guint64)1 << MIN_BANDWIDTH_SHIFT : drawn;

    s->migration_us = g_get_monotonic_time();
    s->abandon_us = abandon_us ? s->migration_us + abandon_us : 0;
    return stress_side_open(s, uri, &s->there, error) &&
           vh_lab_guest_announce(s->guest, s->there.qemu->channel, error) &&
           set_limits(s, bandwidth, SHORT_DOWNTIME_MS, error) &&
           (!s->migrates_paused || stress_command(s, "stop", "", NULL, error)) &&
           stress_command(s, "migrate", arguments, NULL, error);
}

/* A guest that was stopped arrives stopped, at the end of what the other side has to read. */
static gboolean go_on(Stress *s, GError **error)
{
    while (s->migrates_paused) {
        g_autoptr(JsonNode) value = NULL;
        const char *status;

        if (!stress_command(s, "query-status", "", &value, error))
            return FALSE;
        status = json_object_get_string_member(json_node_get_object(value), "status");
        if (g_str_equal(status, "running"))
            return TRUE;
        if (!g_str_equal(status, "inmigrate") && !stress_command(s, "cont", "", NULL, error))
            return FALSE;
        if (!vh_lab_monitor_listen(s->here.monitor, LOOK_MS, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean arrive(Stress *s, GError **error)
{
    /* What the source still has to say: a pass that ended with it, say. */
    if (!vh_lab_monitor_listen(s->here.monitor, 0, error))
        return FALSE;
    vh_lab_guest_moved(s->guest, s->there.qemu->pid, s->there.qemu->channel);
    stress_side_close(&s->here);
    s->here = s->there;
    memset(&s->there, 0, sizeof(s->there));
    s->done[STRESS_MIGRATE]++;
    return go_on(s, error);
}

static gboolean stay(Stress *s, const char *status, GError **error)
{
    vh_lab_guest_stayed(s->guest);
    stress_side_close(&s->there);
    if (s->abandon_us && g_str_equal(status, "cancelled"))
        s->done[STRESS_ABANDON]++;
    else
        stress_note(s, STRESS_BROKEN, "a migration has ended as '%s'", status);
    return go_on(s, error);
}

static gboolean hurry(Stress *s, GError **error)
{
    gint64 now = g_get_monotonic_time();

    if (s->abandon_us && now >= s->abandon_us)
        return stress_command(s, "migrate_cancel", "", NULL, error);
    if (!s->abandon_us && now - s->migration_us > PATIENCE_US)
        return set_limits(s, (guint64)1 << MAX_BANDWIDTH_SHIFT, LONG_DOWNTIME_MS, error);
    return TRUE;
}

gboolean stress_migration_poll(Stress *s, GError **error)
{
    g_autoptr(JsonNode) value = NULL;
    const char *status;

    if (!s->there.qemu)
        return TRUE;
    if (!stress_command(s, "query-migrate", "", &value, error))
        return FALSE;
    status = json_object_get_string_member_with_default(json_node_get_object(value), "status", "");
    if (g_str_equal(status, "completed"))
        return arrive(s, error);
    if (g_str_equal(status, "failed") || g_str_equal(status, "cancelled"))
        return stay(s, status, error);
    return g_str_equal(status, "cancelling") || hurry(s, error);
}
