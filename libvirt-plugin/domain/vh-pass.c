/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Start, look again and again, and the figures of the device. Events would tell of the end sooner,
 * but need an event loop and a domain's handle on a connection that lives on; a look costs QEMU a
 * millisecond. Must not know about threads, handles and waiting callers.
 */
#include "vh-pass.h"

#include "vh-units.h"

/* How quickly it notices that the caller has changed his mind. */
#define NOTICE_US (20 * VH_MS)

typedef struct {
    const VhPass *pass;
    guint32 id;
    VhAskOutcome *outcome;
} Run;

static gboolean is_cancelled(const Run *run)
{
    return g_atomic_int_get(run->pass->cancelled) != 0;
}

/* Until the next look, the deadline, or a change of mind. */
static void wait_for_look(const Run *run)
{
    gint64 until_us = MIN(g_get_monotonic_time() + run->pass->look_us, run->pass->end_us);
    gint64 left_us;

    while (!is_cancelled(run) && (left_us = until_us - g_get_monotonic_time()) > 0)
        g_usleep((gulong)MIN(left_us, NOTICE_US));
}

static gboolean start(Run *run, GError **error)
{
    gint64 left_us = run->pass->end_us - g_get_monotonic_time();
    const VhReportingPassRequest request = {
        .limit_bytes = run->pass->request.bytes,
        .granule_bytes = run->pass->request.granule_bytes,
        .timeout_us = CLAMP(left_us, VH_MS, VH_HOUR),
    };

    return vh_reporting_monitor_start(run->pass->monitor, &request, &run->id, error);
}

/* Whether it is our pass that the device tells of. The figures are the outcome's from then on. */
static gboolean take(Run *run, const VhReportingInfo *info, GError **error)
{
    if (!info->has_pass || info->pass.id != run->id) {
        run->outcome->status = info->has_pass ? VH_ASK_OVERTAKEN : VH_ASK_FAILED;
        if (!info->has_pass)
            g_set_error_literal(error, VH_ERROR, VH_ERROR_GONE,
                                "the device has forgotten the pass: the guest was started anew");
        return FALSE;
    }
    run->outcome->source = VH_ASK_SOURCE_COUNTER;
    run->outcome->taken_bytes = info->pass.reported_bytes;
    run->outcome->returned_bytes = info->pass.discarded_bytes;
    if (run->pass->progress)
        run->pass->progress(info->pass.reported_bytes, info->pass.discarded_bytes, run->pass->data);
    return TRUE;
}

static void set_ended(Run *run, VhPassStatus status, GError **error)
{
    VhAskOutcome *outcome = run->outcome;

    switch (status) {
    case VH_PASS_DONE:
    case VH_PASS_LIMIT:
        outcome->status = VH_ASK_DONE;
        return;
    case VH_PASS_CANCELLED:
        if (is_cancelled(run)) {
            outcome->status = VH_ASK_CANCELLED;
            return;
        }
        outcome->status = VH_ASK_FAILED;
        g_set_error_literal(error, VH_ERROR, VH_ERROR_BUSY,
                            "somebody else ended the pass, or the guest was reset");
        return;
    case VH_PASS_TIMEOUT:
        outcome->status = VH_ASK_TIMED_OUT;
        g_set_error_literal(error, VH_ERROR, VH_ERROR_TIMEOUT,
                            "the deadline passed before the guest's driver was done");
        return;
    case VH_PASS_REQUESTED:
    case VH_PASS_RUNNING:
    case VH_PASS_FAILED:
        break;
    }
    outcome->status = VH_ASK_FAILED;
    g_set_error_literal(error, VH_ERROR, VH_ERROR_FAILED,
                        "the guest's driver gave up, or reporting became inhibited meanwhile");
}

/* Ends it on our side. That it has ended meanwhile, or cannot be told, changes nothing: what came
 * back is looked up once more, if it can be. */
static void end_early(Run *run, GError **error)
{
    VhPassStatus status = is_cancelled(run) ? VH_PASS_CANCELLED : VH_PASS_TIMEOUT;
    g_autoptr(GError) ignored = NULL;
    VhReportingInfo info;

    if (!vh_reporting_monitor_cancel(run->pass->monitor, &ignored))
        g_clear_error(&ignored);
    if (vh_reporting_monitor_query(run->pass->monitor, &info, &ignored) &&
        take(run, &info, &ignored) && vh_pass_has_ended(info.pass.status) &&
        info.pass.status != VH_PASS_CANCELLED)
        status = info.pass.status;
    set_ended(run, status, error);
}

gboolean vh_pass_run(const VhPass *pass, VhAskOutcome *outcome, GError **error)
{
    Run run = {.pass = pass, .outcome = outcome};
    g_autoptr(GError) failure = NULL;

    outcome->status = VH_ASK_FAILED;
    outcome->source = VH_ASK_SOURCE_NONE;
    if (is_cancelled(&run)) {
        outcome->status = VH_ASK_CANCELLED;
        return TRUE;
    }
    if (!start(&run, error))
        return FALSE;
    for (;;) {
        VhReportingInfo info;

        wait_for_look(&run);
        if (is_cancelled(&run) || g_get_monotonic_time() >= pass->end_us) {
            end_early(&run, &failure);
            break;
        }
        if (!vh_reporting_monitor_query(pass->monitor, &info, &failure) ||
            !take(&run, &info, &failure))
            break;
        if (vh_pass_has_ended(info.pass.status)) {
            set_ended(&run, info.pass.status, &failure);
            break;
        }
    }
    if (!failure)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}
