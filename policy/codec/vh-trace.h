/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recording of cycles as text: one JSON object a line (docs/trace.md has every key). What a
 * snapshot and a plan hold comes back exactly as it was, so that another policy, or an explanation,
 * can look at them later. Works on lines; files are policy/io's.
 */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

#define VH_TRACE_FORMAT 1

typedef enum {
    VH_TRACE_HEADER,  /* the policy and what was remembered, from here on */
    VH_TRACE_CYCLE,   /* a snapshot, and what was decided */
    VH_TRACE_LEARNED, /* what the cycle before it changed in the guests' memory, samples aside */
    VH_TRACE_OUTCOME, /* an ask that ended: also in the snapshot of the next cycle */
    VH_TRACE_TOGGLE,  /* a guest's continuous reporting was switched */
    VH_TRACE_KINDS,
} VhTraceKind;

/* Why there is a header. */
typedef enum {
    VH_TRACE_START,  /* a recording begins */
    VH_TRACE_FILE,   /* it goes on in another file */
    VH_TRACE_POLICY, /* the policy has changed */
    VH_TRACE_GAP,    /* cycles before this could not be written */
    VH_TRACE_CAUSES,
} VhTraceCause;

/* "header", "cycle"...; "start", "file"...; static. */
const char *vh_trace_kind_name(VhTraceKind kind);
const char *vh_trace_cause_name(VhTraceCause cause);

typedef struct {
    gint64 wall_us; /* of the cycle that follows */
    VhTraceCause cause;
    const char *version;    /* of virthint */
    const char *engine;     /* what decided */
    const char *host;       /* NULL: not told */
    gboolean is_hashed;     /* names, connections and UUIDs are hashes */
    const VhConfig *config; /* as it was for the cycles that follow */
    const VhState *state;   /* before the first of them */
} VhTraceHeader;

/* All return one line with its end, to be freed with g_free(). Signed figures beyond 2^61 are cut
 * to that; text that is not UTF-8 is made so. */
char *vh_trace_format_header(const VhTraceHeader *header);
char *vh_trace_format_cycle(const VhConfig *config, const VhSnapshot *snapshot, const VhPlan *plan,
                            const VhState *state_after);

/* Guests of which `state` knows other things than `written` does, samples aside; NULL: none. */
char *vh_trace_format_learned(gint64 wall_us, const VhState *state, const VhState *written);

/* `name` may be NULL (the guest is gone), `message` too. */
char *vh_trace_format_outcome(gint64 wall_us, const VhEnded *ended, const char *name,
                              const char *message);
char *vh_trace_format_toggle(gint64 wall_us, const VhToggle *toggle, const VhDomain *domain);

/* One record, as read. All borrowed from the parser, until it reads the next line. */
typedef struct {
    VhTraceKind kind;
    gint64 wall_us;
    VhTraceHeader header;       /* of the last header, which is this record or an earlier one */
    const VhSnapshot *snapshot; /* CYCLE */
    const VhPlan *plan;         /* CYCLE */
    const VhState *state;       /* what is known so far: the header's guests, as far as LEARNED
                                   has brought them; the pool as after the last cycle */
    const VhEnded *ended;       /* OUTCOME */
    const VhToggle *toggle;     /* TOGGLE */
    const char *uri;            /* OUTCOME, TOGGLE */
    const char *name;           /* OUTCOME, TOGGLE; NULL: not told */
    const char *message;        /* OUTCOME; NULL: none */
} VhTraceRecord;

typedef struct VhTraceParser VhTraceParser;

VhTraceParser *vh_trace_parser_new(void);
void vh_trace_parser_free(VhTraceParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhTraceParser, vh_trace_parser_free)

/*
 * The policy whose XPath matches a snapshot's bits stand for, instead of the recorded one: an
 * expression counts as matching where the recording says that it held. Borrowed; NULL: the
 * recorded one.
 */
void vh_trace_parser_set_target(VhTraceParser *parser, const VhConfig *target);

/*
 * Untrusted text, without its line end. The first record must be a header. VH_ERROR_INVALID with
 * the place in the record and what would be right; another format: VH_ERROR_UNSUPPORTED.
 */
const VhTraceRecord *vh_trace_parse(VhTraceParser *parser, const char *line, gsize length,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The kind and time of a line as it is written, without parsing it; FALSE where it does not begin
 * like one: then only vh_trace_parse() can tell. */
gboolean vh_trace_peek(const char *line, gsize length, VhTraceKind *ret_kind, gint64 *ret_wall_us);

G_END_DECLS
