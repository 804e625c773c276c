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

/* One guest's memory. */
typedef struct {
    VhUuid uuid;

    /* the sample before the last one, to see whether two agree */
    gint64 sample_stats_time_us; /* its last-update; 0: none yet */
    guint64 sample_unused_bytes;
    guint64 sample_rss_bytes;
    gint64 sample_cpu_time_us; /* of its QEMU; less than before: a new one */
    gboolean is_stable;        /* the last two distinct samples agreed */

    /* learned */
    guint64 overhead_bytes;         /* O */
    guint64 residue_bytes;          /* Q, as of residue_time_us */
    gint64 residue_wall_us;         /* UTC */
    gboolean awaits_drained_sample; /* an ask ended well: the next stable samples teach O and Q */

    /* its last asks */
    gint64 last_ended_wall_us; /* UTC; 0: never */
    guint64 last_asked_bytes;
    guint64 last_returned_bytes;
    int last_status; /* VhAskStatus, meaningful where last_ended_wall_us is not 0 */
    guint cooldown_doublings;
    guint n_recent; /* of recent_wall_us, oldest first, all within the last hour */
    gint64 recent_wall_us[VH_ASKS_PER_HOUR_MAX]; /* when asks began or ended, UTC */

    gint64 last_seen_wall_us;
} VhGuestState;

typedef struct VhState VhState;
struct VhState {
    VhLevel level;
    gint64 better_since_us;         /* monotonic; 0: the pool does not look better than the level */
    guint64 proactive_tokens_bytes; /* what proactive asks may still move */
    gint64 tokens_time_us;          /* monotonic, of the last refill */
    GArray *guests;                 /* VhGuestState, sorted by UUID */
};

VhState *vh_state_new(void);
void vh_state_free(VhState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhState, vh_state_free)

/* Makes `to` equal to `from`, reusing its storage. */
void vh_state_copy(VhState *to, const VhState *from);

/* The guest's memory; NULL where nothing is remembered. */
const VhGuestState *vh_state_find(const VhState *state, const VhUuid *uuid);

/* The same, adding a fresh one (all zero but its UUID) where there was none. Valid until the next
 * call. */
VhGuestState *vh_state_get(VhState *state, const VhUuid *uuid);

G_END_DECLS
