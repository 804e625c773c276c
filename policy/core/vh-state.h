/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the decision remembers from one cycle to the next: the pool's level, and what was learned of
 * each guest, by UUID. Plain data; the decision reads one and writes the next, and the codec keeps
 * it in a file.
 */
#pragma once

#include "vh-config.h"
#include "vh-uuid.h"

G_BEGIN_DECLS

#define VH_TOGGLES_PER_HOUR_MAX 6

/* One guest's memory. Shares of what was learned are 0 where the matching count is. */
typedef struct {
    VhUuid uuid;

    /* the sample before the last one, to see whether two agree, and how busy it is */
    guint sample_figures;        /* VhFigures that were in it */
    gint64 sample_stats_time_us; /* its last-update; 0: none yet */
    gint64 sample_wall_us;       /* when it was seen */
    guint64 sample_unused_bytes;
    guint64 sample_rss_bytes;
    gint64 sample_cpu_time_us; /* of its QEMU; less than before: a new one */
    guint64 sample_minor_faults;
    guint64 sample_major_faults;
    guint64 sample_swap_in_bytes;
    gboolean is_stable; /* the last two distinct samples agreed */
    guint cpu_bp;       /* the share of its CPUs that it used between them; 0: nobody knows */

    /* learned at once when an ask ends */
    guint64 overhead_bytes;         /* O; 0: not yet */
    guint64 residue_bytes;          /* Q, as of residue_wall_us */
    gint64 residue_wall_us;         /* UTC */
    gboolean was_drained;           /* an ask went to the bottom: O was seen there */
    gboolean awaits_drained_sample; /* an ask ended well: the next stable samples teach O and Q */
    gboolean asked_for_all;         /* the last plan that asked it was for all of its Y, */
    guint64 left_bytes;             /* and was to leave so much: its K */
    guint n_returns;                /* asks that gamma and sigma were learned from */
    guint gamma_bp;
    guint sigma_bp;

    /* learned a while later, from what it took back */
    guint n_rebounds;          /* asks that r was learned from */
    guint retouch_bp;          /* r */
    gint64 rebound_wall_us;    /* UTC, when to look; 0: nothing to look at */
    guint64 rebound_rss_bytes; /* resident when the ask had ended */
    guint64 rebound_returned_bytes;
    guint64 rebound_promised_bytes;   /* D of that ask; 0: nothing was promised, or sigma has been
                                         learned from it */
    gint64 rebound_slope_bytes_per_s; /* how resident memory moved before it */

    /* its last asks */
    gint64 last_ended_wall_us; /* UTC; 0: never */
    guint64 last_asked_bytes;
    guint64 last_returned_bytes;
    int last_status; /* VhAskStatus, meaningful where last_ended_wall_us is not 0 */
    guint cooldown_doublings;
    guint n_recent; /* of recent_wall_us, oldest first, all within the last hour */
    gint64 recent_wall_us[VH_ASKS_PER_HOUR_MAX]; /* when asks began or ended, UTC */
    gint64 inflicted_us;      /* what asks have cost it, unweighted, as of inflicted_wall_us */
    gint64 inflicted_wall_us; /* UTC */

    /* its continuous reporting */
    guint n_toggles; /* of toggles_wall_us, oldest first, all within the last hour */
    gint64 toggles_wall_us[VH_TOGGLES_PER_HOUR_MAX]; /* when it was switched, UTC */

    guint64 engine_bytes; /* an engine to compare with keeps its own figure of the guest here; never
                             in the file */
    gint64 last_seen_wall_us;
} VhGuestState;

/* What one class may still be asked for within the minute. */
typedef struct {
    guint64 tokens_bytes;
    gint64 time_us; /* monotonic, of the last refill; 0: never */
} VhBucket;

typedef struct VhState VhState;
struct VhState {
    VhLevel level;            /* by the bounds */
    gint64 better_since_us;   /* monotonic; 0: the pool does not look better than the level */
    gint64 low_since_us;      /* monotonic: at LOW or worse since; 0: it is not */
    gint64 quiet_since_us;    /* monotonic: below LOW since; 0: it is not */
    gint64 critical_since_us; /* monotonic: at CRITICAL since; 0: it is not */

    /* the pool as of the last snapshot, for its trend */
    gint64 pool_time_us; /* monotonic; 0: none yet */
    guint64 pool_total_bytes;
    gint64 pool_available_bytes;
    guint pool_n_resident;       /* guests whose resident memory was in it */
    guint64 pool_returned_bytes; /* by the asks that were in flight then, so far */
    gint64 pool_trend_bytes_per_s;
    gboolean has_pool_swap_out;
    guint64 pool_swap_out_bytes; /* the counter */
    gint64 swap_out_rate_bytes_per_s;

    /* of an engine to compare with, never in the file: when it last acted and when it last took a
     * sample, monotonic, and a figure of its own */
    gint64 engine_time_us;
    gint64 engine_sampled_us;
    gint64 engine_bytes;

    VhBucket proactive; /* what asks ahead of need may still move */
    GArray *buckets;    /* VhBucket, by class index */
    GArray *guests;     /* VhGuestState, sorted by UUID */
};

VhState *vh_state_new(void);
void vh_state_free(VhState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhState, vh_state_free)

/* Makes `to` equal to `from`, reusing its storage; the second, all but its guests. */
void vh_state_copy(VhState *to, const VhState *from);
void vh_state_copy_pool(VhState *to, const VhState *from);

/* The guest's memory; NULL where nothing is remembered. */
const VhGuestState *vh_state_find(const VhState *state, const VhUuid *uuid);

/* The same, adding a fresh one (all zero but its UUID) where there was none. Valid until the next
 * call. */
VhGuestState *vh_state_get(VhState *state, const VhUuid *uuid);

G_END_DECLS
