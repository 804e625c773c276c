/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a watch knows of each domain from poll to poll. Private to watch/; in one thread only. */
#pragma once

#include "vh-poller.h"
#include "vh-watch.h"

G_BEGIN_DECLS

typedef struct VhEntries VhEntries;

typedef void (*VhEntriesEvent)(VhWatchEvent event, const char *name, const VhUuid *uuid,
                               const char *text, gpointer data);

VhEntries *vh_entries_new(VhEntriesEvent event, gpointer data);
void vh_entries_free(VhEntries *entries);

/* Takes in what a poll found, and tells what changed. `now_us` is monotonic, `now_wall_us` UTC. */
void vh_entries_merge(VhEntries *entries, const VhPollResults *results, gint64 now_us,
                      gint64 now_wall_us);

/* Sets a domain aside. */
void vh_entries_mark_hung(VhEntries *entries, const VhUuid *uuid, gint64 now_us);

/* Its XML and metadata are read again with the next poll; NULL: those of all. */
void vh_entries_mark_dirty(VhEntries *entries, const VhUuid *uuid);

/* Whether the XML of domains is kept; what there is, is read again, or dropped. */
void vh_entries_set_keeps_xml(VhEntries *entries, gboolean keeps_xml);

/* What QEMUs told counts no more: their domains are again what the XML shows. */
void vh_entries_forget_told(VhEntries *entries);

/* What the next poll, at `now_us`, needs to know. Free with g_array_unref(); of VhPollItem. */
GArray *vh_entries_plan(const VhEntries *entries, gint64 now_us);

/* All domains whose XML has been read. */
VhWatchView *vh_entries_view(const VhEntries *entries);

/* Whether every domain's XML has been read, but for those that hang; FALSE before the first list.
 */
gboolean vh_entries_are_complete(const VhEntries *entries);

/* One whose in-flight record was left by somebody who is not at it any more, and that nobody mends;
 * marks it as being mended. FALSE where there is none. */
gboolean vh_entries_next_to_mend(VhEntries *entries, gint64 now_us, gint64 now_wall_us,
                                 VhUuid *ret_uuid);

/* How that went: tells, and allows another try a while later. */
void vh_entries_mended(VhEntries *entries, const VhUuid *uuid, gboolean restored,
                       const GError *error, gint64 now_us);

guint vh_entries_count_running(const VhEntries *entries);
gboolean vh_entries_has(const VhEntries *entries, const VhUuid *uuid);

G_END_DECLS
