/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A small made-up host whose cycles are recorded: for the tests of recordings. */
#pragma once

#include "vh-cycle.h"
#include "vh-recorder.h"

G_BEGIN_DECLS

#define RECORDING_GUESTS 6

typedef struct Recording Recording;

/* A host of its own seed, in a new folder. `policy` (JSON) may be NULL: a budget that is short. */
Recording *recording_new(const char *policy, guint32 seed);
void recording_free(Recording *recording); /* removes the folder */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recording, recording_free)

/* The file that recording_open() writes to. */
const char *recording_path(const Recording *recording);

/* Begins to write; `options` (NULL: none) without path, version and engine. */
void recording_open(Recording *recording, const VhRecorderOptions *options);
void recording_close(Recording *recording);
VhRecorder *recording_recorder(Recording *recording);

/* Turns of the cycle, each 5 s after the other; returns how many were written. */
guint recording_run(Recording *recording, guint n_turns);

/* The same host under another policy from now on. */
void recording_set_policy(Recording *recording, const char *policy);

const VhCycle *recording_cycle(const Recording *recording);
const VhConfig *recording_config(const Recording *recording);

G_END_DECLS
