/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs in guests: checked here, sent, and their reports waited for. */
#include <string.h>

#include "vh-lab-private.h"
#include "vh-workload.h"

struct VhLabWork {
    VhLabGuest *guest;
    guint64 id;
    VhLabReport *final; /* came while an interim one was waited for */
};

static gint64 deadline_after(guint timeout_ms)
{
    return g_get_monotonic_time() + (gint64)timeout_ms * 1000;
}

static gboolean check_program(const VhLabGuest *guest, const char *worker, const char *program,
                              GError **error)
{
    VhWorkload parsed;
    char why[256];

    if (!*worker || strlen(worker) >= VH_WORKLOAD_NAME_BYTES || strpbrk(worker, " \n\t")) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "guest '%s': '%s' is no name for a worker; use at most %u letters", guest->name,
                    worker, VH_WORKLOAD_NAME_BYTES - 1);
        return FALSE;
    }
    if (vh_workload_parse(program, strlen(program), &parsed, why, sizeof(why)) < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "guest '%s': %s", guest->name, why);
        return FALSE;
    }
    vh_workload_clear(&parsed);
    return TRUE;
}

VhLabWork *vh_lab_guest_work_start(VhLabGuest *guest, const char *worker, const char *program,
                                   GError **error)
{
    VhLabWork *work;
    guint64 id;

    if (!worker)
        worker = VH_LAB_DEFAULT_WORKER;
    if (!check_program(guest, worker, program, error) || !vh_lab_guest_connect(guest, error))
        return NULL;
    id = vh_lab_channel_send(guest->channel, "work", worker, program, error);
    if (!id)
        return NULL;
    work = g_new0(VhLabWork, 1);
    work->guest = guest;
    work->id = id;
    return work;
}

void vh_lab_work_free(VhLabWork *work)
{
    if (!work)
        return;
    vh_lab_channel_forget(work->guest->channel, work->id);
    vh_lab_report_free(work->final);
    g_free(work);
}

/* One answer to a request as a report, or as the error that it is. */
static VhLabReport *take_report(VhLabGuest *guest, guint64 id, gboolean want_interim,
                                guint timeout_ms, char **ret_verb, GError **error)
{
    g_autofree char *verb = NULL, *text = NULL;
    VhLabReport *report = NULL;

    if (vh_lab_channel_take(guest->channel, id, want_interim, deadline_after(timeout_ms), &verb,
                            &text, error)) {
        if (g_str_equal(verb, "refused"))
            g_set_error(error, VH_ERROR, VH_ERROR_BUSY, "%s", text);
        else
            report = vh_lab_report_parse(text, error);
    }
    if (!report)
        g_prefix_error(error, "guest '%s': ", guest->name);
    *ret_verb = g_steal_pointer(&verb);
    return report;
}

gboolean vh_lab_work_wait(VhLabWork *work, guint timeout_ms, VhLabReport **ret_report,
                          GError **error)
{
    g_autofree char *verb = NULL;
    VhLabReport *report = g_steal_pointer(&work->final);

    if (!report)
        report = take_report(work->guest, work->id, FALSE, timeout_ms, &verb, error);
    if (!report)
        return FALSE;
    *ret_report = report;
    return TRUE;
}

gboolean vh_lab_work_wait_interim(VhLabWork *work, guint timeout_ms, VhLabReport **ret_report,
                                  GError **error)
{
    g_autofree char *verb = NULL;
    VhLabReport *report = take_report(work->guest, work->id, TRUE, timeout_ms, &verb, error);
    VhLabReport *copy;

    if (!report)
        return FALSE;
    if (g_str_equal(verb, "report")) {
        copy = vh_lab_report_parse(report->text, error);
        if (!copy) {
            vh_lab_report_free(report);
            return FALSE;
        }
        work->final = copy;
    }
    *ret_report = report;
    return TRUE;
}

gboolean vh_lab_guest_work(VhLabGuest *guest, const char *program, guint timeout_ms,
                           VhLabReport **ret_report, GError **error)
{
    g_autoptr(VhLabWork) work = vh_lab_guest_work_start(guest, NULL, program, error);

    return work && vh_lab_work_wait(work, timeout_ms, ret_report, error);
}

gboolean vh_lab_guest_status(VhLabGuest *guest, guint timeout_ms, VhLabReport **ret_report,
                             GError **error)
{
    g_autofree char *verb = NULL;
    VhLabReport *report = NULL;
    guint64 id;

    if (!vh_lab_guest_connect(guest, error))
        return FALSE;
    id = vh_lab_channel_send(guest->channel, "hello", "-", "", error);
    if (!id)
        return FALSE;
    report = take_report(guest, id, FALSE, timeout_ms, &verb, error);
    if (!report) {
        vh_lab_channel_forget(guest->channel, id);
        return FALSE;
    }
    *ret_report = report;
    return TRUE;
}
