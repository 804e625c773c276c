/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every key of a trace, as tables: what can be written can be read, and a test holds the
 * documentation against the same tables. Private to the trace.
 */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

/* How the text of a key and its field in the struct correspond. */
typedef enum {
    VH_TRACE_BOOL,       /* gboolean */
    VH_TRACE_UINT,       /* guint */
    VH_TRACE_INT,        /* int */
    VH_TRACE_BYTES,      /* guint64; in text a string of digits from 2^63 on */
    VH_TRACE_SIGNED,     /* gint64, within +-VH_TRACE_SIGNED_MAX: what is beyond is cut to it */
    VH_TRACE_DOUBLE,     /* double; in text "inf", "-inf" or "nan" where it is none */
    VH_TRACE_UUID,       /* VhUuid */
    VH_TRACE_TEXT,       /* const char *, of the snapshot's string store */
    VH_TRACE_CLASS_TEXT, /* char[VH_CLASS_NAME_MAX] */
    VH_TRACE_WORD,       /* an enum, by `words` */
    VH_TRACE_WORDS,      /* guint, bit i by word i: an array */
    VH_TRACE_CLASS,      /* guint, index of a class: its name */
    VH_TRACE_XPATHS, /* guint64, bit i for the policy's XPath match i: an array of expressions */
    VH_TRACE_TIMES,  /* guint at `count_offset`, and an array of `maximum` gint64 */
    VH_TRACE_STRUCT, /* a struct within, by `section` */
    VH_TRACE_LIST,   /* GArray * of structs, by `section` */
} VhTraceType;

#define VH_TRACE_SIGNED_MAX ((gint64)1 << 61)

typedef struct {
    guint n;
    const char *(*name)(guint value);
} VhTraceWords;

typedef struct VhTraceSection VhTraceSection;

typedef struct {
    const char *key;
    VhTraceType type;
    gsize offset;
    gint64 otherwise; /* integers: the value of a key that is left out */
    gboolean is_required;
    gboolean is_fleeting; /* of a guest's memory: changes with every sample */
    guint figure;         /* VhFigures: there if and only if the bit is set */
    const VhTraceWords *words;
    const VhTraceSection *section;
    gsize count_offset;
    guint maximum;
} VhTraceField;

struct VhTraceSection {
    const char *name; /* its heading in docs/trace.md */
    gsize size;       /* of the struct */
    const VhTraceField *fields;
    guint n_fields;
};

extern const VhTraceSection vh_trace_snapshot, vh_trace_domain, vh_trace_verdict, vh_trace_plan,
    vh_trace_state, vh_trace_guest, vh_trace_ended, vh_trace_toggle;

/* NULL-terminated: these, and all within them. */
extern const VhTraceSection *const vh_trace_sections[];

/* Bytes of the struct that the field's own value takes; a count aside. */
gsize vh_trace_field_size(const VhTraceField *field);

static inline gconstpointer vh_trace_at(gconstpointer base, gsize offset)
{
    return (const guint8 *)base + offset;
}

G_END_DECLS
