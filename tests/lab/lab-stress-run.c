/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One stress from the guest's start to the last look at it. */
#include <stdio.h>
#include <string.h>

#include "lab-stress.h"
#include "vh-units.h"

#define MAX_REST_MS 150
#define PROGRESS_US (10 * VH_SEC)
#define SILENCE_US (60 * VH_SEC)
#define MAX_VIRTIO_DEVICES 16
#define MAX_LOG_BYTES 6000

/* Of the guest's memory, what its threads use together. */
#define STRESS_SHARE_BP 4500

void stress_note(Stress *s, StressOutcome outcome, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    if (s->outcome == STRESS_WELL || outcome < s->outcome)
        s->outcome = outcome;
    for (guint i = 0; i < s->problems->len; i++) {
        if (g_str_equal(s->problems->pdata[i], text))
            return;
    }
    g_ptr_array_add(s->problems, g_steal_pointer(&text));
}

/* How often each comes in a round. */
static const guint shares[STRESS_ACTIONS] = {
    [STRESS_PASS] = 14,   [STRESS_CANCEL] = 8,  [STRESS_TOGGLE] = 4,
    [STRESS_BALLOON] = 8, [STRESS_SQUEEZE] = 2, [STRESS_STATS] = 2,
    [STRESS_RELOAD] = 2,  [STRESS_MIGRATE] = 1, [STRESS_ABANDON] = 1,
};

/* Every action comes in each round, in an order that is drawn. */
static StressAction next_action(Stress *s)
{
    StressAction action;

    if (s->deck->len == 0) {
        for (guint i = 0; i < STRESS_ACTIONS; i++) {
            StressAction card = (StressAction)i;

            for (guint j = 0; (s->actions & (1u << i)) && j < shares[i]; j++)
                g_array_append_val(s->deck, card);
        }
        for (guint i = s->deck->len - 1; i > 0; i--) {
            StressAction *cards = &g_array_index(s->deck, StressAction, 0);
            guint j = (guint)g_rand_int_range(s->rand, 0, (gint32)i + 1);
            StressAction kept = cards[i];

            cards[i] = cards[j];
            cards[j] = kept;
        }
    }
    action = g_array_index(s->deck, StressAction, s->deck->len - 1);
    g_array_set_size(s->deck, s->deck->len - 1);
    return action;
}

static gboolean has_feature(JsonObject *info, const char *feature)
{
    JsonArray *all = json_object_get_array_member(info, "negotiated");

    for (guint i = 0; i < json_array_get_length(all); i++) {
        if (g_str_equal(json_array_get_string_element(all, i), feature))
            return TRUE;
    }
    return FALSE;
}

/* What this QEMU and this driver cannot do is not asked for. */
static gboolean find_actions(Stress *s, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(JsonObject) info = stress_query(s, &reason);

    if (reason) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    s->actions = s->options->actions;
    if (!info)
        s->actions &= ~(1u << STRESS_TOGGLE);
    if (!info || !has_feature(info, "reporting-ctrl"))
        s->actions &= ~(1u << STRESS_PASS | 1u << STRESS_CANCEL);
    if (s->actions)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                "this QEMU with this driver can do nothing of what was asked for");
    return FALSE;
}

static gboolean start_guest(Stress *s, GError **error)
{
    gboolean has_control;

    if (!vh_lab_qemu_balloon_has(&s->options->spec, "reporting-ctrl", &has_control, error))
        return FALSE;
    if (has_control)
        s->balloon_properties =
            g_strdup_printf("reporting-ctrl=on,page-chunks=on,reporting-migration-pass=%s",
                            g_rand_boolean(s->rand) ? "on" : "off");
    if (!vh_lab_disk_make(s->lab, &s->options->spec, &s->disk, error) ||
        !stress_side_open(s, NULL, &s->here, error))
        return FALSE;
    s->guest =
        vh_lab_guest_adopt(s->lab, s->options->spec.name, s->here.qemu->pid, s->here.qemu->channel);
    return vh_lab_guest_wait_ready(s->guest, VH_LAB_TIMEOUT_MS, error);
}

static gboolean start_work(Stress *s, GError **error)
{
    GString *program = g_string_new(NULL);
    guint64 bytes = vh_share(vh_lab_spec_memory(&s->options->spec), STRESS_SHARE_BP);

    s->stress_bytes = bytes / VH_MIB * VH_MIB;
    g_string_append_printf(program,
                           "seed %u\nstress %" G_GUINT64_FORMAT "MiB for 1440min threads %u",
                           s->options->seed, s->stress_bytes / VH_MIB, s->options->threads);
    for (guint i = 0, n = 0; i < VH_WORKLOAD_STRESS_KINDS; i++) {
        if (s->options->stress_without & (1u << i))
            g_string_append_printf(program, "%s%s", n++ ? "," : " without ",
                                   vh_workload_stress_name((VhWorkloadStress)i));
    }
    s->work = vh_lab_guest_work_start(s->guest, NULL, program->str, error);
    s->began_us = s->heard_us = g_get_monotonic_time();
    g_string_free(program, TRUE);
    return s->work != NULL;
}

static void take_report(Stress *s, VhLabReport *report, gboolean is_last)
{
    vh_lab_report_free(s->report);
    s->report = report;
    s->has_ended = is_last;
    s->verified_bytes = MAX(s->verified_bytes, report->verified_pages * VH_WORKLOAD_PAGE_BYTES);
    s->heard_us = g_get_monotonic_time();
}

/* All that the guest has sent by now. */
static gboolean hear(Stress *s, guint timeout_ms, GError **error)
{
    g_autoptr(GError) reason = NULL;
    VhLabReport *report = NULL;

    if (vh_lab_work_wait(s->work, timeout_ms, &report, &reason)) {
        take_report(s, report, TRUE);
        return TRUE;
    }
    while (g_error_matches(reason, VH_ERROR, VH_ERROR_TIMEOUT)) {
        g_clear_error(&reason);
        if (vh_lab_work_wait_interim(s->work, 0, &report, &reason)) {
            take_report(s, report, FALSE);
            g_set_error(&reason, VH_ERROR, VH_ERROR_TIMEOUT, "there may be another");
            continue;
        }
        if (g_error_matches(reason, VH_ERROR, VH_ERROR_TIMEOUT))
            break;
    }
    if (g_error_matches(reason, VH_ERROR, VH_ERROR_TIMEOUT)) {
        if (g_get_monotonic_time() - s->heard_us < SILENCE_US)
            return TRUE;
        g_set_error(error, VH_ERROR, VH_ERROR_TIMEOUT, "the guest hangs: not a word for %d s",
                    (int)(SILENCE_US / VH_SEC));
        return FALSE;
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
}

static void show_progress(const Stress *s, gint64 *shown_us)
{
    gint64 now = g_get_monotonic_time();
    g_autofree char *verified = NULL;

    if (now - *shown_us < PROGRESS_US || s->options->json)
        return;
    *shown_us = now;
    verified = vh_format_size(s->verified_bytes);
    fprintf(stderr,
            "virthint-lab: stress: %d of %u s: %s verified, %" G_GUINT64_FORMAT
            " passes, %" G_GUINT64_FORMAT " migrations, %" G_GUINT64_FORMAT " reloads\n",
            (int)((now - s->began_us) / VH_SEC), s->options->time_s, verified, s->passes_ended,
            s->done[STRESS_MIGRATE], s->done[STRESS_RELOAD]);
}

/* Where the guest's threads are that do not go on: its kernel says it in its log. */
static void show_blocked(Stress *s)
{
    g_autofree char *log = NULL;

    if (!vh_lab_guest_write_file(s->guest, "/proc/sys/kernel/sysrq", "1", NULL) ||
        !vh_lab_guest_write_file(s->guest, "/proc/sysrq-trigger", "w", NULL))
        return;
    log = vh_lab_guest_read_file(s->guest, "/dev/kmsg", NULL);
    fprintf(stderr, "%s\n", log ? log : "");
}

/* The host's clock decides, since the guest's stands still in each migration. Its threads look at
 * what is asked of them between two actions, each of which is short. */
static gboolean await_end(Stress *s, GError **error)
{
    g_autoptr(GError) reason = NULL;
    gint64 until = g_get_monotonic_time() + (gint64)VH_LAB_TIMEOUT_MS * VH_MS;

    /* Refused where it has just ended by itself: its report is on the way. */
    if (!s->has_ended && !vh_lab_guest_stop_stress(s->guest, NULL, &reason) &&
        !g_error_matches(reason, VH_ERROR, VH_ERROR_FAILED)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    while (!s->has_ended && g_get_monotonic_time() < until) {
        if (!hear(s, MAX_REST_MS, error))
            return FALSE;
    }
    if (s->has_ended)
        return TRUE;
    show_blocked(s);
    g_set_error(error, VH_ERROR, VH_ERROR_TIMEOUT, "threads of the guest are stuck");
    return FALSE;
}

static gboolean disturb(Stress *s, GError **error)
{
    gint64 until = s->began_us + s->options->time_s * VH_SEC;
    gint64 shown_us = s->began_us;

    while (!s->has_ended && g_get_monotonic_time() < until) {
        guint rest_ms = (guint)g_rand_int_range(s->rand, 0, MAX_REST_MS + 1);

        if (!stress_act(s, next_action(s), error) || !stress_migration_poll(s, error) ||
            !vh_lab_monitor_listen(s->here.monitor, rest_ms, error) || !hear(s, 0, error))
            return FALSE;
        show_progress(s, &shown_us);
    }
    while (s->there.qemu) {
        if (!stress_migration_poll(s, error) ||
            !vh_lab_monitor_listen(s->here.monitor, MAX_REST_MS, error) || !hear(s, 0, error))
            return FALSE;
    }
    return await_end(s, error);
}

/* The guest's last word. */
static void judge_report(Stress *s)
{
    const VhLabReport *report = s->report;

    if (report->corrupt_bytes > 0)
        stress_note(s, STRESS_CORRUPTED, "%s", report->message ? report->message : "corrupted");
    else if (report->status != VH_LAB_WORK_OK)
        /* Its own code is as good as its checks: only the kernel's lack of memory may end it. */
        stress_note(s,
                    strstr(report->message, "signal") && !strstr(report->message, "signal 9;")
                        ? STRESS_CORRUPTED
                        : STRESS_BROKEN,
                    "%s", report->message);
    else if (report->verified_pages == 0)
        stress_note(s, STRESS_MISSED, "the guest has verified nothing");
    if (report->oom_kills > 0)
        stress_note(s, STRESS_BROKEN,
                    "the guest's kernel has killed %" G_GUINT64_FORMAT
                    " processes for lack of memory",
                    report->oom_kills);
}

static gboolean await_passes(Stress *s, GError **error)
{
    gint64 until = g_get_monotonic_time() + (gint64)VH_LAB_TIMEOUT_MS * VH_MS;

    while (s->passes_ended < s->passes_asked && g_get_monotonic_time() < until) {
        if (!vh_lab_monitor_listen(s->here.monitor, MAX_REST_MS, error))
            return FALSE;
    }
    if (s->passes_ended != s->passes_asked)
        stress_note(s, STRESS_BROKEN,
                    "%" G_GUINT64_FORMAT " passes, but %" G_GUINT64_FORMAT " events of their end",
                    s->passes_asked, s->passes_ended);
    return TRUE;
}

/* All of its memory is the guest's again at the end. */
static gboolean await_deflated(Stress *s, GError **error)
{
    gint64 until = g_get_monotonic_time() + (gint64)VH_LAB_TIMEOUT_MS * VH_MS;
    gint64 all = (gint64)vh_lab_spec_memory(&s->options->spec), actual = 0;
    g_autofree char *arguments = g_strdup_printf("\"value\": %" G_GINT64_FORMAT, all);

    if (!stress_command(s, "balloon", arguments, NULL, error))
        return FALSE;
    while (actual != all && g_get_monotonic_time() < until) {
        g_autoptr(JsonNode) value = NULL;

        if (!stress_command(s, "query-balloon", "", &value, error) ||
            !vh_lab_monitor_listen(s->here.monitor, MAX_REST_MS, error))
            return FALSE;
        if (value)
            actual = json_object_get_int_member(json_node_get_object(value), "actual");
    }
    if (actual != all)
        stress_note(s, STRESS_BROKEN,
                    "the balloon stays at %" G_GINT64_FORMAT " bytes, though all %" G_GINT64_FORMAT
                    " were given back",
                    actual, all);
    return TRUE;
}

/* A guest that has been through it all still does what it is asked for, to the end. */
static gboolean end_well(Stress *s, GError **error)
{
    guint64 done = s->passes[STRESS_PASS_DONE];

    if (!await_passes(s, error) || !await_deflated(s, error))
        return FALSE;
    if (!(s->actions & (1u << STRESS_PASS)))
        return TRUE;
    if (!stress_command(s, "balloon-reporting-set", "\"enabled\": true", NULL, error) ||
        !stress_command(s, "balloon-reporting-pass", "", NULL, error))
        return FALSE;
    s->passes_asked++;
    if (!await_passes(s, error))
        return FALSE;
    if (s->passes[STRESS_PASS_DONE] == done)
        stress_note(s, STRESS_BROKEN, "the last pass has not come to its end");
    return TRUE;
}

/* What the guest's kernel says that it should not have to. */
static void check_log(Stress *s, const char *log)
{
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);

    for (char **line = lines; *line; line++) {
        const char *complaint = vh_lab_log_complaint(*line);

        if (complaint)
            stress_note(s, STRESS_BROKEN, "the guest's kernel: %s", complaint);
    }
}

/* The number in the device's name depends on what else there is. */
static char *read_driver(Stress *s)
{
    for (guint i = 0; i < MAX_VIRTIO_DEVICES; i++) {
        g_autofree char *path =
            g_strdup_printf("/sys/kernel/debug/virtio_balloon/virtio%u/counters", i);
        char *text = vh_lab_guest_read_file(s->guest, path, NULL);

        if (text)
            return text;
    }
    return NULL;
}

static gboolean look_inside(Stress *s, GError **error)
{
    g_autofree char *log = vh_lab_guest_read_file(s->guest, "/dev/kmsg", error);

    if (!log)
        return FALSE;
    check_log(s, log);
    s->driver = read_driver(s);
    return TRUE;
}

static gint64 count(const Stress *s, const char *name)
{
    return s->counters ? json_object_get_int_member_with_default(s->counters, name, 0) : 0;
}

static gboolean take_counters(Stress *s, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(JsonObject) info = stress_query(s, &reason);
    JsonObject *skipped;

    if (reason) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    if (!info)
        return TRUE;
    s->counters = json_object_ref(json_object_get_object_member(info, "counters"));
    skipped = json_object_get_object_member(s->counters, "skipped");
    if (count(s, "malformed") > 0)
        stress_note(s, STRESS_BROKEN, "QEMU could make no sense of %" G_GINT64_FORMAT " messages",
                    count(s, "malformed"));
    if (json_object_get_int_member_with_default(skipped, "invalid", 0) > 0)
        stress_note(s, STRESS_BROKEN, "the driver has reported what is not the guest's memory");
    return TRUE;
}

static void check_done(Stress *s)
{
    for (guint i = 0; i < STRESS_ACTIONS; i++) {
        if ((s->actions & (1u << i)) && s->done[i] == 0)
            stress_note(s, STRESS_MISSED, "no %s came to its end; give it a longer --time",
                        stress_action_name((StressAction)i));
    }
    if ((s->actions & (1u << STRESS_PASS)) && s->pass_bytes == 0)
        stress_note(s, STRESS_MISSED, "nothing was discarded during passes");
    if (s->counters && (s->actions & (1u << STRESS_BALLOON)) && count(s, "inflated") == 0)
        stress_note(s, STRESS_MISSED, "nothing was discarded for the balloon");
}

/* Where memory is corrupted nothing else that the guest says is worth anything. */
static gboolean run(Stress *s, GError **error)
{
    if (!disturb(s, error))
        return FALSE;
    judge_report(s);
    if (s->outcome == STRESS_CORRUPTED)
        return take_counters(s, error);
    return end_well(s, error) && take_counters(s, error) && look_inside(s, error);
}

/* The last line of its console is mostly why a guest is gone. */
static void note_loss(Stress *s, const GError *reason)
{
    g_autofree char *log = vh_lab_qemu_log(s->lab, s->options->spec.name);
    const char *last;

    g_strchomp(log);
    last = strrchr(log, '\n');
    stress_note(s, STRESS_BROKEN, "%s%s%s", reason->message, *log ? ": " : "",
                last ? last + 1 : log);
    check_log(s, log);
    /* What comes last says most. */
    fprintf(stderr, "%s\n", strlen(log) > MAX_LOG_BYTES ? log + strlen(log) - MAX_LOG_BYTES : log);
}

void stress_run_all(Stress *s)
{
    g_autoptr(GError) error = NULL;

    s->deck = g_array_new(FALSE, FALSE, sizeof(StressAction));
    s->problems = g_ptr_array_new_with_free_func(g_free);
    s->rand = g_rand_new_with_seed(s->options->seed);
    s->disk.fd = -1;
    s->lab = vh_lab_open(&error);
    if (!s->lab) {
        stress_note(s, STRESS_BROKEN, "%s", error->message);
        return;
    }
    if (!start_guest(s, &error) || !find_actions(s, &error) || !stress_migration_probe(s, &error) ||
        !start_work(s, &error) || !run(s, &error))
        note_loss(s, error);
    else if (s->outcome == STRESS_WELL)
        check_done(s);
}

void stress_clear(Stress *s)
{
    vh_lab_report_free(s->report);
    vh_lab_work_free(s->work);
    vh_lab_guest_leave(s->guest);
    stress_side_close(&s->there);
    stress_side_close(&s->here);
    if (s->disk.path)
        vh_lab_disk_clear(&s->disk);
    if (s->counters)
        json_object_unref(s->counters);
    vh_lab_free(s->lab);
    g_rand_free(s->rand);
    g_array_unref(s->deck);
    g_ptr_array_unref(s->problems);
    g_free(s->driver);
    g_free(s->balloon_properties);
}
