/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's log: one structured line per action, refusal, switch, request and change of level,
 * to journald where stderr is its, to stderr as text elsewhere. Fields: VIRTHINT_DOMAIN,
 * VIRTHINT_UUID, VIRTHINT_DECISION, VIRTHINT_REASON, VIRTHINT_FROM, VIRTHINT_TO, VIRTHINT_REQUEST,
 * and a MESSAGE_ID per kind of line.
 */
#pragma once

#include "vh-session.h"

G_BEGIN_DECLS

/* Kinds of lines, each with a MESSAGE_ID of its own. */
typedef enum {
    VH_LOG_ASKED,
    VH_LOG_ENDED,
    VH_LOG_REFUSED,
    VH_LOG_LEVEL,
    VH_LOG_WATCH,
    VH_LOG_POLICY,
    VH_LOG_SWITCHED,
    VH_LOG_REQUEST,
    VH_LOG_KINDS,
} VhLogKind;

/* What a line is about; all optional. */
typedef struct {
    const char *domain;
    const VhUuid *uuid;
    const char *decision; /* "ask", "refuse", "returned"... */
    const char *reason;   /* reason code */
    const char *from;
    const char *to;
    guint64 request_id; /* 0: none */
} VhLogFields;

/* Takes over GLib's log: journald, or stderr, down to INFO, whatever G_MESSAGES_DEBUG says. */
void vh_log_init(void);

void vh_log(VhLogKind kind, GLogLevelFlags level, const VhLogFields *fields, const char *format,
            ...) G_GNUC_PRINTF(4, 5);

/*
 * Remembers what was last said of each guest and of the pool, so that a line is written when
 * something changes, not in every cycle.
 */
typedef struct VhLogDiff VhLogDiff;
VhLogDiff *vh_log_diff_new(void);
void vh_log_diff_free(VhLogDiff *diff);

/* The level and the refusals of the session's last plan, as far as they changed. */
void vh_log_diff_plan(VhLogDiff *diff, const VhSession *session);

/* A switch of continuous reporting that was made, or (`error`) could not be. */
void vh_log_switched(const VhSwitched *switched, const GError *error);

void vh_log_request_started(const VhRequestRecord *request);
void vh_log_request_ended(const VhRequestRecord *request);

void vh_log_ask_started(const VhSession *session, const VhInFlight *ask, const VhAction *action);
void vh_log_ask_ended(const VhSession *session, const VhEnded *ask, const char *message);
void vh_log_watch_event(const char *uri, VhWatchEvent event, const char *name, const VhUuid *uuid,
                        const char *text);

G_END_DECLS
