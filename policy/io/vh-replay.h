/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recording decided again, by the same or another policy or engine: each recorded snapshot goes
 * through the cycle, and what is decided now stands beside what was decided then. Nobody is asked:
 * the guests' memory is as it was recorded, whatever is decided now, so that what other asks would
 * have brought stays unknown.
 */
#pragma once

#include "vh-cycle.h"
#include "vh-trace-file.h"

G_BEGIN_DECLS

typedef struct {
    const char *path;
    const VhConfig *config; /* borrowed; NULL: as recorded, with its changes */
    const VhEngine *engine; /* NULL: as recorded */
} VhReplayOptions;

/* One side's asks of a guest, or of all. An ask that is decided again and again in successive
 * cycles, as it does not come about, counts once. */
typedef struct {
    guint64 n_asks;
    guint64 bytes;          /* asked for */
    guint64 expected_bytes; /* Y of these */
} VhReplaySide;

/* One guest of one cycle that is newly asked on one side at least. */
typedef struct {
    guint domain;             /* index into the snapshot's domains */
    const VhAction *recorded; /* NULL: not asked there */
    const VhAction *replayed;
    gboolean is_new_recorded; /* it was not asked in the cycle before */
    gboolean is_new_replayed;
} VhReplayAsk;

typedef struct {
    const VhSnapshot *snapshot;
    const VhPlan *recorded;
    const VhPlan *replayed;
    const VhConfig *recorded_config;
    const VhConfig *config;
    const VhState *state; /* the replay's, after the cycle */
    const GArray *asks;   /* VhReplayAsk, by domain */
    gboolean differs;     /* other guests are asked, or for other amounts, or at another level */
} VhReplayCycle;

typedef struct {
    char *name; /* owned */
    VhUuid uuid;
    VhReplaySide recorded, replayed;
} VhReplayGuest;

typedef struct {
    gint64 start_wall_us, end_wall_us; /* of the first and the last cycle */
    guint64 n_cycles;
    guint64 n_differ;         /* of them */
    guint64 n_levels_differ;  /* of them at another level */
    guint64 n_reasons_differ; /* verdicts of single guests with another reason */
    VhReplaySide recorded, replayed;
    guint64 n_only_recorded; /* asks that the other side does not make in that cycle */
    guint64 n_only_replayed;
    guint64 n_gaps; /* the recording begins anew: the daemon was started, or could not write */
} VhReplaySummary;

typedef struct VhReplay VhReplay;

VhReplay *vh_replay_new(const VhReplayOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_replay_free(VhReplay *replay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhReplay, vh_replay_free)

/* The next cycle, borrowed until the next call; NULL without an error at the end. */
const VhReplayCycle *vh_replay_next(VhReplay *replay, GError **error);

/* What there is so far. Borrowed. */
const VhReplaySummary *vh_replay_summary(const VhReplay *replay);
const GPtrArray *vh_replay_guests(const VhReplay *replay); /* VhReplayGuest, by name */

/* Sentences of what the replay cannot take into account, or had to leave out (char *). Borrowed. */
const GPtrArray *vh_replay_warnings(const VhReplay *replay);

/* The engine that decides; NULL before the first cycle. */
const char *vh_replay_engine(const VhReplay *replay);

void vh_replay_progress(const VhReplay *replay, guint64 *ret_done, guint64 *ret_all);

G_END_DECLS
