/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host does to the guest under stress. */
#include <string.h>

#include "lab-stress.h"
#include "vh-units.h"

#define DRIVER "virtio_balloon"
#define SMALLEST_GRANULE_SHIFT 12
#define LARGEST_GRANULE_SHIFT 22
#define MAX_LIMIT_SHIFT 30
#define MAX_PASS_TIMEOUT_MS 5000
#define MAX_PASS_MS 20 /* in which a pass can be caught at work */
#define MAX_UNLOADED_MS 150
#define MAX_SQUEEZED_MS 1500
#define SQUEEZED_PART 4     /* of what its threads use, for all of it */
#define MAX_PRECOPY_MS 1500 /* in which a migration can be caught at work */
#define LOOK_US (5 * VH_MS)

/* What the guest's kernel and programs need beside what the stress uses. */
#define GUEST_RESERVE_BYTES (192 * VH_MIB)

static gulong draw_us(Stress *s, gint most_ms)
{
    return (gulong)g_rand_int_range(s->rand, 0, most_ms * 1000 + 1);
}

/* Reasons for which QEMU may refuse a command at a moment that is drawn. */
static gboolean may_refuse(const char *why)
{
    static const char *const reasons[] = {
        "is busy: migration",           "no balloon driver running",
        "No reporting pass is running", "is inhibited",
        "The guest is not running",     "does not know reporting passes",
        "hasn't updated any stats yet",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (strstr(why, reasons[i]))
            return TRUE;
    }
    return FALSE;
}

gboolean stress_command(Stress *s, const char *command, const char *arguments, JsonNode **ret_value,
                        GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(JsonNode) value =
        vh_lab_monitor_call(s->here.monitor, VH_LAB_TIMEOUT_MS, &reason, command, "%s", arguments);

    if (reason && !g_error_matches(reason, VH_ERROR, VH_ERROR_DENIED)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    if (reason && may_refuse(reason->message))
        s->refused++;
    else if (reason)
        stress_note(s, STRESS_BROKEN, "QEMU refuses: %s", reason->message);
    if (ret_value)
        *ret_value = g_steal_pointer(&value);
    return TRUE;
}

JsonObject *stress_query(Stress *s, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(JsonNode) value = vh_lab_monitor_call(s->here.monitor, VH_LAB_TIMEOUT_MS, &reason,
                                                    "query-balloon-reporting", NULL);

    if (value)
        return json_object_ref(json_node_get_object(value));
    if (!g_error_matches(reason, VH_ERROR, VH_ERROR_DENIED))
        g_propagate_error(error, g_steal_pointer(&reason));
    return NULL;
}

const char *stress_pass_end_name(StressPassEnd end)
{
    static const char *const names[STRESS_PASS_ENDS] = {
        [STRESS_PASS_DONE] = "done",           [STRESS_PASS_LIMIT] = "limit",
        [STRESS_PASS_CANCELLED] = "cancelled", [STRESS_PASS_FAILED] = "failed",
        [STRESS_PASS_TIMEOUT] = "timeout",
    };

    return names[end];
}

void stress_take_event(const char *name, JsonObject *data, gpointer stress)
{
    Stress *s = stress;
    const char *status;

    if (!g_str_equal(name, "BALLOON_REPORTING_PASS") || !data)
        return;
    s->passes_ended++;
    s->pass_bytes += (guint64)json_object_get_int_member_with_default(data, "discarded", 0);
    status = json_object_get_string_member_with_default(data, "status", "");
    for (guint end = 0; end < STRESS_PASS_ENDS; end++) {
        if (g_str_equal(stress_pass_end_name((StressPassEnd)end), status)) {
            s->passes[end]++;
            return;
        }
    }
    stress_note(s, STRESS_BROKEN, "a pass has ended with the status '%s'", status);
}

/* Each argument as often absent, where QEMU has a default, as not. */
static char *draw_pass(Stress *s)
{
    GString *text = g_string_new(NULL);

    if (g_rand_boolean(s->rand))
        g_string_append_printf(text, "\"granule\": %" G_GUINT64_FORMAT ",",
                               (guint64)1 << g_rand_int_range(s->rand, SMALLEST_GRANULE_SHIFT,
                                                              LARGEST_GRANULE_SHIFT + 1));
    if (g_rand_boolean(s->rand))
        g_string_append_printf(
            text, "\"limit\": %" G_GUINT64_FORMAT ",",
            (guint64)1 << g_rand_int_range(s->rand, SMALLEST_GRANULE_SHIFT, MAX_LIMIT_SHIFT + 1));
    if (g_rand_boolean(s->rand))
        g_string_append_printf(text, "\"timeout\": %d,",
                               g_rand_int_range(s->rand, 1, MAX_PASS_TIMEOUT_MS + 1));
    if (text->len)
        g_string_truncate(text, text->len - 1);
    return g_string_free(text, FALSE);
}

static gboolean ask_pass(Stress *s, gboolean *ret_asked, GError **error)
{
    g_autofree char *arguments = draw_pass(s);
    g_autoptr(JsonNode) value = NULL;

    if (!stress_command(s, "balloon-reporting-pass", arguments, &value, error))
        return FALSE;
    *ret_asked = value != NULL;
    s->passes_asked += value != NULL;
    return TRUE;
}

/* Half of them have time to come to their end; the others meet what comes next. */
static gboolean act_pass(Stress *s, GError **error)
{
    gint64 until = g_get_monotonic_time() + VH_SEC;
    gboolean asked;

    if (!ask_pass(s, &asked, error))
        return FALSE;
    s->done[STRESS_PASS] += asked;
    if (g_rand_boolean(s->rand))
        return TRUE;
    while (s->passes_ended < s->passes_asked && g_get_monotonic_time() < until) {
        if (!vh_lab_monitor_listen(s->here.monitor, LOOK_US / VH_MS, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean act_cancel(Stress *s, GError **error)
{
    g_autoptr(JsonNode) value = NULL;
    gboolean asked;

    if (!ask_pass(s, &asked, error))
        return FALSE;
    g_usleep(draw_us(s, MAX_PASS_MS));
    if (!stress_command(s, "balloon-reporting-cancel", "", &value, error))
        return FALSE;
    s->done[STRESS_CANCEL] += value != NULL;
    return TRUE;
}

static gboolean act_toggle(Stress *s, GError **error)
{
    guint n = (guint)g_rand_int_range(s->rand, 1, 4);

    for (guint i = 0; i < n; i++) {
        const char *arguments =
            g_rand_boolean(s->rand) ? "\"enabled\": true" : "\"enabled\": false";

        if (!stress_command(s, "balloon-reporting-set", arguments, NULL, error))
            return FALSE;
    }
    s->done[STRESS_TOGGLE] += n;
    return TRUE;
}

/* Down to where the guest's threads have just enough, and back. */
static gboolean act_balloon(Stress *s, GError **error)
{
    guint64 all = vh_lab_spec_memory(&s->options->spec);
    guint64 least = MIN(all, s->stress_bytes + GUEST_RESERVE_BYTES);
    guint64 target = least + (guint64)(g_rand_double(s->rand) * (double)(all - least));
    g_autofree char *arguments = NULL;

    if (g_rand_int_range(s->rand, 0, 4) == 0)
        target = all;
    arguments = g_strdup_printf("\"value\": %" G_GUINT64_FORMAT, target / VH_MIB * VH_MIB);
    s->done[STRESS_BALLOON]++;
    return stress_command(s, "balloon", arguments, NULL, error);
}

/*
 * Down to where the guest's threads have not enough: the balloon gives back of itself, as
 * autodeflate has it. Not for long, or all that they do is wait for it.
 */
static gboolean act_squeeze(Stress *s, GError **error)
{
    guint64 target = s->stress_bytes / SQUEEZED_PART / VH_MIB * VH_MIB;
    g_autofree char *low = g_strdup_printf("\"value\": %" G_GUINT64_FORMAT, target);
    g_autofree char *high =
        g_strdup_printf("\"value\": %" G_GUINT64_FORMAT, vh_lab_spec_memory(&s->options->spec));

    s->done[STRESS_SQUEEZE]++;
    if (!stress_command(s, "balloon", low, NULL, error) ||
        !vh_lab_monitor_listen(s->here.monitor,
                               (guint)g_rand_int_range(s->rand, 1, MAX_SQUEEZED_MS), error))
        return FALSE;
    return stress_command(s, "balloon", high, NULL, error);
}

static gboolean act_stats(Stress *s, GError **error)
{
    g_autofree char *arguments =
        g_strdup_printf("\"path\": \"/machine/peripheral/balloon0\", "
                        "\"property\": \"guest-stats-polling-interval\", \"value\": %d",
                        g_rand_int_range(s->rand, 0, 3));

    s->done[STRESS_STATS]++;
    return stress_command(s, "qom-set", arguments, NULL, error) &&
           stress_command(s, "qom-get",
                          "\"path\": \"/machine/peripheral/balloon0\", "
                          "\"property\": \"guest-stats\"",
                          NULL, error);
}

/* The agent must have no other request while its guest moves. */
static gboolean act_reload(Stress *s, GError **error)
{
    if (s->there.qemu)
        return TRUE;
    if (!vh_lab_guest_unload_module(s->guest, DRIVER, error))
        return FALSE;
    g_usleep(draw_us(s, MAX_UNLOADED_MS));
    if (!vh_lab_guest_load_module(s->guest, DRIVER, error))
        return FALSE;
    s->done[STRESS_RELOAD]++;
    return TRUE;
}

static gboolean act_migrate(Stress *s, GError **error)
{
    return s->there.qemu || stress_migration_begin(s, 0, error);
}

static gboolean act_abandon(Stress *s, GError **error)
{
    return s->there.qemu ||
           stress_migration_begin(s, 1 + (gint64)draw_us(s, MAX_PRECOPY_MS), error);
}

static const struct {
    const char *name;
    gboolean (*act)(Stress *s, GError **error);
} actions[STRESS_ACTIONS] = {
    [STRESS_PASS] = {"pass", act_pass},          [STRESS_CANCEL] = {"cancel", act_cancel},
    [STRESS_TOGGLE] = {"toggle", act_toggle},    [STRESS_BALLOON] = {"balloon", act_balloon},
    [STRESS_SQUEEZE] = {"squeeze", act_squeeze}, [STRESS_STATS] = {"stats", act_stats},
    [STRESS_RELOAD] = {"reload", act_reload},    [STRESS_MIGRATE] = {"migrate", act_migrate},
    [STRESS_ABANDON] = {"abandon", act_abandon},
};

const char *stress_action_name(StressAction action)
{
    return actions[action].name;
}

gboolean stress_act(Stress *s, StressAction action, GError **error)
{
    return actions[action].act(s, error);
}
