/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes cycles to a recording (docs/trace.md): a file that is appended to, and rotated to FILE.1,
 * FILE.2... by size. What cannot be written is told of once; the cycles go on, and so does the
 * recording as soon as it can. Never waits for space.
 */
#pragma once

#include "vh-trace.h"

G_BEGIN_DECLS

#define VH_RECORDER_SIZE_BYTES (64 * ((guint64)1 << 20))
#define VH_RECORDER_SIZE_MIN_BYTES ((guint64)1 << 16)
#define VH_RECORDER_FILES 8

typedef struct {
    const char *path;
    guint64 size_bytes;  /* a file that would become larger is rotated; 0: the default */
    guint n_files;       /* how many there may be, with the current one; 0: the default */
    gboolean hash_names; /* names, connections and UUIDs are written as hashes, and no host */
    const char *version; /* of virthint */
    const char *engine;
    /* What somebody should know, as a sentence; NULL: nobody wants to. */
    void (*notice)(const char *text, gpointer data);
    gpointer data;
} VhRecorderOptions;

typedef struct VhRecorder VhRecorder;

/*
 * Opens or creates the file, with mode 0600; one that is there is appended to, if it is a
 * recording: anything else is refused (VH_ERROR_INVALID), and never changed.
 */
VhRecorder *vh_recorder_new(const VhRecorderOptions *options,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_recorder_free(VhRecorder *recorder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhRecorder, vh_recorder_free)

/* The next cycle is the first one under another policy. */
void vh_recorder_policy_changed(VhRecorder *recorder);

/* An ask has ended: written with the next cycle. Name and message may be NULL. */
void vh_recorder_ask_ended(VhRecorder *recorder, gint64 wall_us, const VhEnded *ended,
                           const char *name, const char *message);

/* One turn of the cycle. All borrowed. */
typedef struct {
    const VhConfig *config;
    const VhState *before; /* what was remembered before the turn, and after it */
    const VhState *after;
    const VhSnapshot *snapshot;
    const VhPlan *plan;
    gboolean is_carried_out; /* else a dry run: nobody was switched */
} VhRecorderCycle;

/* Whether it was written. */
gboolean vh_recorder_cycle(VhRecorder *recorder, const VhRecorderCycle *cycle);

/* Cycles and bytes written so far. */
guint64 vh_recorder_n_cycles(const VhRecorder *recorder);
guint64 vh_recorder_n_bytes(const VhRecorder *recorder);

G_END_DECLS
