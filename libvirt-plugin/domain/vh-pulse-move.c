/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The balloon's way down and back. Owns the guard (when to back off, whose target it is) and the
 * insistence on putting back; must not know whether the pulse was allowed.
 */
#include "vh-pulse-state.h"

#include "vh-balloon.h"
#include "vh-libvirt.h"

/* A driver that finds no page waits 200 ms and tries again: no way made for this long, and the
 * guest has none to spare. The first move takes longer: the guest may be asleep, or the host slow.
 */
#define STALL_US (500 * VH_MS)
#define FIRST_MOVE_US (1500 * VH_MS)
/* On its way back a guest is in no danger, only slow. */
#define BACK_STALL_US (2 * VH_SEC)
/* One batch of the kernel's autodeflate. */
#define AUTODEFLATE_KIB 1024
/* Until a balloon that moved by itself has shown whether it stops at somebody else's target. */
#define JUDGE_US (300 * VH_MS)
#define RETRY_US (500 * VH_MS)
#define MAX_STEPS 6
#define STEP_MIN_BYTES (4 * VH_MIB)

static guint64 returned_so_far(const VhPulseState *state)
{
    return vh_sub(state->before_bytes, state->stats.rss_bytes);
}

static void tell_progress(const VhPulseState *state)
{
    guint64 taken_kib = vh_sub(state->record.old_kib, state->lowest_kib);

    state->pulse->progress(taken_kib * VH_KIB, returned_so_far(state), state->pulse->data);
}

/* How far it may go on, in bytes: not below what must stay free, by the older and by the newer
 * figures. */
static guint64 room_bytes(const VhPulseState *state, gint64 fresh_since_us)
{
    guint64 taken = vh_sub(state->record.old_kib, state->lowest_kib) * VH_KIB;
    guint64 free_bytes = vh_sub(state->free_bytes, taken);

    /* last_update is whole seconds. */
    if (state->stats.last_update_us > fresh_since_us + VH_SEC)
        free_bytes = MIN(free_bytes, state->stats.unused_bytes);
    return vh_sub(free_bytes, state->reserve_bytes);
}

/* The next target in KiB, marked; 0 where there is no room, or no need, for another step. `factor`:
 * for each byte that is wanted, so many are taken. */
static guint64 next_target(const VhPulseState *state, gint64 step_us, guint64 factor)
{
    guint64 asked = state->pulse->request.bytes;
    guint64 wanted = asked ? vh_sub(asked, returned_so_far(state)) : G_MAXUINT64;
    guint64 bytes = MIN(vh_mul(wanted, factor), vh_sub(room_bytes(state, step_us), VH_MIB));
    guint64 from_kib = state->lowest_kib, target_kib;

    /* The rest is noise: a twentieth of what was asked for. */
    if (bytes < STEP_MIN_BYTES || (asked && wanted < asked / 20))
        return 0;
    target_kib = vh_sub(from_kib, bytes / VH_KIB);
    if (target_kib < 2 * 1024)
        return 0;
    /* Down to the mark: at most 1 MiB, which was left above. */
    return target_kib - (target_kib + 1024 - VH_TARGET_MARK_KIB) % 1024;
}

/* The way down of one step. Monotonic, but for step_wall_us. */
typedef struct {
    gint64 step_wall_us; /* when it began */
    gint64 moved_us;     /* when it last made way */
    gint64 looked_us;
    gint64 patience_us;
} VhPulseWay;

/* The balloon is not where it should be: ours to put back, or somebody else's? */
static VhAskStatus judge(VhPulseState *state, GError **error)
{
    gint64 until_us = g_get_monotonic_time() + JUDGE_US;
    g_autoptr(GError) failure = NULL;
    guint64 kib;

    if (!vh_balloon_wait(state->domain, state->record.old_kib, JUDGE_US / 3, until_us, &kib,
                         &failure)) {
        /* Autodeflate under pressure does not rest; a target reached does. */
        if (failure->code == VH_ERROR_TIMEOUT)
            return VH_ASK_BACKED_OFF;
        g_propagate_error(error, g_steal_pointer(&failure));
        return VH_ASK_FAILED;
    }
    return vh_in_flight_judge(&state->record, kib) == VH_BALLOON_OURS ? VH_ASK_BACKED_OFF
                                                                      : VH_ASK_OVERTAKEN;
}

/* Whether the guest has told, since the step began, that it runs short. */
static gboolean is_short(const VhPulseState *state, gint64 step_wall_us)
{
    return (state->stats.figures & VH_HAS_UNUSED) && state->stats.last_update_us > step_wall_us &&
           state->stats.unused_bytes < state->reserve_bytes / 2;
}

/* Looks once at a balloon that should go to state->record.target_kib. RUNNING: it may go on. */
static VhAskStatus follow_once(VhPulseState *state, VhPulseWay *way, GError **error)
{
    gint64 late_us, now;
    guint64 kib;

    if (!vh_balloon_look(state->domain, &state->stats, error))
        return VH_ASK_FAILED;
    now = g_get_monotonic_time();
    /* A host too busy to run this thread in time does not run the guest's either. */
    late_us = now - way->looked_us - 2 * VH_BALLOON_LOOK_US;
    way->moved_us += MAX(late_us, 0);
    way->looked_us = now;
    kib = state->stats.current_bytes / VH_KIB;
    if (kib < state->lowest_kib) {
        state->lowest_kib = kib;
        way->moved_us = now;
        way->patience_us = STALL_US;
    }
    tell_progress(state);
    if (g_atomic_int_get(state->pulse->cancelled))
        return VH_ASK_CANCELLED;
    if (kib == state->record.target_kib)
        return VH_ASK_RUNNING;
    if (now >= state->pulse->back_us)
        return VH_ASK_TIMED_OUT;
    if (kib < state->record.target_kib || kib >= state->lowest_kib + AUTODEFLATE_KIB)
        return judge(state, error);
    if (now - way->moved_us > way->patience_us || is_short(state, way->step_wall_us))
        return judge(state, error);
    return VH_ASK_RUNNING;
}

/* One step, to a target that next_target() gave. RUNNING: it got there. */
static VhAskStatus take_step(VhPulseState *state, guint64 target_kib, GError **error)
{
    gint64 now_us = g_get_monotonic_time();
    VhPulseWay way = {g_get_real_time(), now_us, now_us, FIRST_MOVE_US};
    VhAskStatus status;

    state->record.target_kib = target_kib;
    if (!vh_in_flight_set(state->domain, &state->record, error) ||
        !vh_balloon_set(state->domain, target_kib, error))
        return VH_ASK_FAILED;
    while ((status = follow_once(state, &way, error)) == VH_ASK_RUNNING &&
           state->stats.current_bytes / VH_KIB != target_kib)
        g_usleep(VH_BALLOON_LOOK_US);
    return status;
}

/*
 * The guest's allocator gives the pages that were freed last, and after an earlier pulse those are
 * the ones that nothing backs. So a step that brought little is followed by one that goes further.
 */
VhAskStatus vh_pulse_go_down(VhPulseState *state, GError **error)
{
    gint64 step_wall_us = g_get_real_time();
    guint64 factor = 1;

    for (int step = 0; step < MAX_STEPS; step++) {
        guint64 from_kib = state->lowest_kib, returned_bytes = returned_so_far(state);
        guint64 target_kib = next_target(state, step_wall_us, factor);
        VhAskStatus status;

        if (target_kib == 0)
            break;
        step_wall_us = g_get_real_time();
        status = take_step(state, target_kib, error);
        if (status != VH_ASK_RUNNING)
            return status;
        if (state->pulse->request.bytes == 0)
            break;
        if (vh_sub(returned_so_far(state), returned_bytes) <
            vh_sub(from_kib, state->lowest_kib) * VH_KIB / 2)
            factor *= 2;
    }
    return VH_ASK_RUNNING;
}

/* After libvirtd was lost: another connection of our own, once it is there again. */
static void reconnect(VhPulseState *state)
{
    g_autoptr(virConnect) connection = NULL;
    virDomainPtr domain;

    if (virConnectIsAlive(virDomainGetConnect(state->domain)) == 1)
        return;
    connection = vh_libvirt_open(state->uri, FALSE, NULL);
    if (!connection)
        return;
    domain = virDomainLookupByUUID(connection, state->uuid.bytes);
    if (!domain)
        return;
    virDomainFree(state->domain);
    state->domain = domain;
    if (state->connection)
        virConnectClose(state->connection);
    state->connection = g_steal_pointer(&connection);
}

/* Whether the record is still the one that this pulse wrote. */
static gboolean is_still_ours(VhPulseState *state, gboolean *ret_ours, GError **error)
{
    VhInFlightRecord record;
    gboolean found;

    if (!vh_in_flight_get(state->domain, &record, &found, error))
        return FALSE;
    *ret_ours = found && g_str_equal(record.owner, state->record.owner) &&
                record.old_kib == state->record.old_kib;
    return TRUE;
}

/* A target that the guest has not answered yet may still be followed for a batch of pages before
 * the guest sees that it was taken back: a balloon that has not moved is no sign that all is over.
 */
static gboolean await_first_move(VhPulseState *state, GError **error)
{
    gint64 until_us = MIN(state->pulse->end_us, g_get_monotonic_time() + FIRST_MOVE_US);

    while (state->lowest_kib >= state->record.old_kib && g_get_monotonic_time() < until_us) {
        if (!vh_balloon_look(state->domain, &state->stats, error))
            return FALSE;
        state->lowest_kib = MIN(state->lowest_kib, state->stats.current_bytes / VH_KIB);
        g_usleep(VH_BALLOON_LOOK_US);
    }
    return TRUE;
}

/* Follows the balloon up to the old target, which has been set. OVERTAKEN where it stops at
 * somebody else's; DONE otherwise, also where it is only slow: it goes on by itself. */
static gboolean follow_back(VhPulseState *state, VhAskStatus *ret_status, GError **error)
{
    gint64 until_us = MAX(state->pulse->end_us, g_get_monotonic_time() + BACK_STALL_US);
    g_autoptr(GError) failure = NULL;
    guint64 kib;

    *ret_status = VH_ASK_DONE;
    if (!vh_balloon_wait(state->domain, state->record.old_kib, BACK_STALL_US, until_us, &kib,
                         &failure)) {
        if (failure->code == VH_ERROR_TIMEOUT)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (vh_in_flight_judge(&state->record, kib) == VH_BALLOON_FOREIGN)
        *ret_status = VH_ASK_OVERTAKEN;
    return TRUE;
}

/* One try to put back and clear. */
static gboolean try_back(VhPulseState *state, VhAskStatus *status, GError **error)
{
    VhAskStatus back = VH_ASK_DONE;
    gboolean ours;

    if (!is_still_ours(state, &ours, error))
        return FALSE;
    if (!ours) {
        state->has_record = FALSE;
        *status = VH_ASK_OVERTAKEN;
        return TRUE;
    }
    if (*status != VH_ASK_OVERTAKEN && state->record.target_kib != state->record.old_kib) {
        if (!vh_balloon_set(state->domain, state->record.old_kib, error) ||
            !await_first_move(state, error) || !follow_back(state, &back, error))
            return FALSE;
        if (back == VH_ASK_OVERTAKEN)
            *status = back;
    }
    if (!vh_in_flight_clear(state->domain, error))
        return FALSE;
    state->has_record = FALSE;
    return TRUE;
}

/* Whether the guest is not there any more, with the error that says where it may be. One that was
 * migrated is put back over there, where its record is: it must not be followed. */
static gboolean is_gone(virDomainPtr domain, GError **error)
{
    int state = VIR_DOMAIN_NOSTATE, reason = 0;
    int active = virDomainIsActive(domain);
    const char *what = "the guest ended during the ask";

    if (active < 0 && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
        what = "the guest ended during the ask, or was migrated: whoever finds it on the other "
               "host puts its balloon back";
    else if (active != 0)
        return FALSE;
    else if (virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_SHUTOFF &&
             reason == VIR_DOMAIN_SHUTOFF_MIGRATED)
        what = "the guest was migrated during the ask: whoever finds it on the other host puts its "
               "balloon back";
    g_clear_error(error);
    g_set_error_literal(error, VH_ERROR, VH_ERROR_GONE, what);
    return TRUE;
}

VhAskStatus vh_pulse_go_back(VhPulseState *state, VhAskStatus status, GError **error)
{
    while (state->has_record) {
        g_autoptr(GError) failure = NULL;

        if (try_back(state, &status, &failure))
            break;
        if (is_gone(state->domain, error))
            return VH_ASK_FAILED;
        /* Later than this nobody counts on us any more: whoever finds the record acts on it. */
        if (g_get_real_time() >= state->record.expires_us) {
            if (error && !*error)
                g_propagate_error(error, g_steal_pointer(&failure));
            return VH_ASK_FAILED;
        }
        g_usleep(RETRY_US);
        reconnect(state);
    }
    return status;
}
