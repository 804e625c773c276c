/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole replay as a document, for tables and for JSON (docs/json.md, section `replay`). */
#pragma once

#include "vh-replay.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
    const char *path;
    const char *policy_path; /* of the replay's policy; NULL: as recorded */
    gboolean only_different; /* leave out asks that both sides make alike */
    GCancellable *cancel;    /* NULL: nobody can */
    /* After each cycle; NULL: nobody wants to know. */
    void (*progress)(const VhReplay *replay, gpointer data);
    gpointer data;
} VhReplayReportOptions;

/* Replays to the end: blocks for as long as that takes. A floating a{sv}; NULL with an error. */
GVariant *vh_replay_report(VhReplay *replay, const VhReplayReportOptions *options, GError **error);

G_END_DECLS
