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
/* A pass over some GiB takes a few milliseconds; one that takes longer is looked at less often. */
#define FIRST_LOOK_US (2 * VH_MS)
/* What lacks of the bytes asked for, below this share of them, is not worth another pass. */
#define ENOUGH_SHARE 32
/* What a driver reports at once, at most. Of such a batch that was cut off by the limit nothing
 * counts as reported: the next pass begins with it again. */
#define BATCH_BYTES (128 * VH_MIB)
/* A pass of which less than this share came back met memory that was never backed. */
#define FRUITLESS_SHARE 8
/* A guest that takes memory meanwhile could keep it going; the deadline is not the only bound. */
#define PASSES_MAX 4096

typedef struct {
    const VhPass *pass;
    guint32 id;
    gint64 look_us;
    guint64 reported_bytes; /* by the passes before this one */
    guint64 returned_bytes; /* and really back by them */
    guint64 before_bytes;   /* resident; 0: unknown */
    gboolean is_corrected;  /* less came back than the device dropped */
    VhAskOutcome *outcome;
} Run;

static gboolean is_cancelled(const Run *run)
{
    return g_atomic_int_get(run->pass->cancelled) != 0;
}

/* Until the next look, the deadline, or a change of mind. */
static void wait_for_look(Run *run)
{
    gint64 until_us = MIN(g_get_monotonic_time() + run->look_us, run->pass->end_us);
    gint64 left_us;

    while (!is_cancelled(run) && (left_us = until_us - g_get_monotonic_time()) > 0)
        g_usleep((gulong)MIN(left_us, NOTICE_US));
    run->look_us = MIN(2 * run->look_us, run->pass->look_us);
}

static gboolean start(Run *run, guint64 limit_bytes, GError **error)
{
    gint64 left_us = run->pass->end_us - g_get_monotonic_time();
    const VhReportingPassRequest request = {
        .limit_bytes = limit_bytes,
        .granule_bytes = run->pass->request.granule_bytes,
        .timeout_us = CLAMP(left_us, VH_MS, VH_HOUR),
    };

    run->look_us = MIN(FIRST_LOOK_US, run->pass->look_us);
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
    run->outcome->source = run->is_corrected ? VH_ASK_SOURCE_RSS : VH_ASK_SOURCE_COUNTER;
    run->outcome->taken_bytes = vh_add(run->reported_bytes, info->pass.reported_bytes);
    run->outcome->returned_bytes = vh_add(run->returned_bytes, info->pass.discarded_bytes);
    /* Once it is known that the counter tells too much, what was measured last. */
    if (run->pass->progress)
        run->pass->progress(run->outcome->taken_bytes,
                            run->is_corrected ? run->returned_bytes : run->outcome->returned_bytes,
                            run->pass->data);
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

/* One pass, to its end. *ret_status: how the device says that it ended; RUNNING where it did not
 * say, and all is said already. */
static gboolean run_one(Run *run, guint64 limit_bytes, VhPassStatus *ret_status, GError **error)
{
    g_autoptr(GError) failure = NULL;
    VhReportingInfo info = {.pass = {.status = VH_PASS_RUNNING}};

    run->outcome->status = VH_ASK_FAILED;
    if (!start(run, limit_bytes, error))
        return FALSE;
    for (;;) {
        wait_for_look(run);
        if (is_cancelled(run) || g_get_monotonic_time() >= run->pass->end_us) {
            end_early(run, &failure);
            info.pass.status = VH_PASS_RUNNING;
            break;
        }
        if (!vh_reporting_monitor_query(run->pass->monitor, &info, &failure) ||
            !take(run, &info, &failure)) {
            info.pass.status = VH_PASS_RUNNING;
            break;
        }
        if (vh_pass_has_ended(info.pass.status)) {
            set_ended(run, info.pass.status, &failure);
            break;
        }
    }
    *ret_status = info.pass.status;
    if (!failure)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

static guint64 resident_bytes(const Run *run)
{
    return run->pass->resident ? run->pass->resident(run->pass->data) : 0;
}

/* Corrects what the device dropped by what that really freed. */
static void measure(Run *run)
{
    VhAskOutcome *outcome = run->outcome;
    guint64 now_bytes = run->before_bytes > 0 ? resident_bytes(run) : 0;

    if (now_bytes == 0)
        return;
    outcome->before_bytes = run->before_bytes;
    outcome->after_bytes = now_bytes;
    if (vh_sub(run->before_bytes, now_bytes) >= outcome->returned_bytes)
        return;
    outcome->returned_bytes = vh_sub(run->before_bytes, now_bytes);
    outcome->source = VH_ASK_SOURCE_RSS;
    run->is_corrected = TRUE;
}

/* The limit of another pass, after one at `limit_bytes` that has brought `gained_bytes`; 0: it is
 * enough. */
static guint64 next_limit_bytes(const Run *run, VhPassStatus status, guint64 limit_bytes,
                                guint64 gained_bytes)
{
    guint64 wanted_bytes = run->pass->request.bytes;
    guint64 lacking = vh_sub(wanted_bytes, run->outcome->returned_bytes);

    if (status != VH_PASS_LIMIT || run->outcome->source != VH_ASK_SOURCE_RSS ||
        lacking <= wanted_bytes / ENOUGH_SHARE)
        return 0;
    if (gained_bytes >= limit_bytes / FRUITLESS_SHARE)
        return lacking;
    /* What it begins with again, where batches are full, and as much of what is new as lacks. */
    return vh_add(limit_bytes % BATCH_BYTES, lacking);
}

gboolean vh_pass_run(const VhPass *pass, VhAskOutcome *outcome, GError **error)
{
    Run run = {.pass = pass, .outcome = outcome};
    guint64 limit_bytes = pass->request.bytes, gained_bytes;
    VhPassStatus status;
    gboolean is_good;

    outcome->status = VH_ASK_FAILED;
    outcome->source = VH_ASK_SOURCE_NONE;
    if (is_cancelled(&run)) {
        outcome->status = VH_ASK_CANCELLED;
        return TRUE;
    }
    run.before_bytes = resident_bytes(&run);
    for (guint n = 0; n < PASSES_MAX; n++) {
        is_good = run_one(&run, limit_bytes, &status, error);
        run.reported_bytes = outcome->taken_bytes;
        gained_bytes = run.returned_bytes;
        if (outcome->source != VH_ASK_SOURCE_NONE)
            measure(&run);
        run.returned_bytes = outcome->returned_bytes;
        gained_bytes = vh_sub(run.returned_bytes, gained_bytes);
        limit_bytes = is_good ? next_limit_bytes(&run, status, limit_bytes, gained_bytes) : 0;
        if (limit_bytes == 0)
            break;
    }
    return is_good;
}
