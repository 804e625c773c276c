/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recording on disk: a file and those that were rotated away from it, read from the oldest line
 * to the newest. Reads while somebody goes on writing.
 */
#pragma once

#include "vh-trace.h"

G_BEGIN_DECLS

#define VH_TRACE_FILES_MAX 99

typedef struct VhTraceFile VhTraceFile;

/* Opens PATH and PATH.1, PATH.2..., as far as there are. GONE, DENIED, or INVALID where it is no
 * regular file. */
VhTraceFile *vh_trace_file_open(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_trace_file_free(VhTraceFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhTraceFile, vh_trace_file_free)

/* The parser of what is read, to set its target. */
VhTraceParser *vh_trace_file_parser(VhTraceFile *file);

/*
 * The next record, borrowed until the next call. NULL without an error at the end. Errors begin
 * with FILE:LINE. A last line that was cut off, as by a crash, is skipped and told of by
 * vh_trace_file_warning().
 */
const VhTraceRecord *vh_trace_file_next(VhTraceFile *file, GError **error);

/* NULL: nothing to warn of. Borrowed. */
const char *vh_trace_file_warning(const VhTraceFile *file);

/* How far it is read: bytes read, and in all. */
void vh_trace_file_progress(const VhTraceFile *file, guint64 *ret_done, guint64 *ret_all);

/* One recorded cycle, with all that led to it. */
typedef struct {
    const VhTraceHeader *header; /* its policy is `header->config` */
    const VhState *state;        /* after the cycle; without the guests' samples */
    const VhSnapshot *snapshot;
    const VhPlan *plan;
    VhTraceFile *file; /* holds all of these */
} VhTraceMoment;

void vh_trace_moment_free(VhTraceMoment *moment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhTraceMoment, vh_trace_moment_free)

/*
 * The last cycle at or before a time (UTC). VH_ERROR_GONE where the recording does not reach that
 * far, or has a gap there: the message says which times it has. Reads one file of the recording at
 * most; blocks for as long as that takes.
 */
VhTraceMoment *vh_trace_find(const char *path, gint64 wall_us,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
