/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one error domain of virthint. Its codes say what a caller can do about a failure; its
 * messages say what happened and what would be right. Knows nothing of libvirt or of the engine.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Symbols of the public library; everything else stays hidden. */
#define VH_PUBLIC __attribute__((visibility("default")))

#define VH_ERROR (vh_error_quark())

typedef enum {
    VH_ERROR_UNSUPPORTED, /* this guest, host or version cannot do it: do not retry */
    VH_ERROR_STALE,       /* the data is too old to act on: ask again when it is fresh */
    VH_ERROR_DENIED,      /* not allowed: read-only connection, access control, policy */
    VH_ERROR_GONE,        /* the domain, connection or file is not there (any more) */
    VH_ERROR_BUSY,        /* somebody else is at it (job, migration, another ask): retry later */
    VH_ERROR_TIMEOUT,     /* no answer within the deadline; it may still happen later */
    VH_ERROR_PROTOCOL,    /* the other side answered something that makes no sense */
    VH_ERROR_INVALID,     /* the caller's input is wrong: correct it */
    VH_ERROR_FAILED,      /* anything else; the message is all there is */
} VhErrorCode;

VH_PUBLIC GQuark vh_error_quark(void);

/* The lower-case name of a code ("timeout"), static; "failed" for codes that are not ours. */
VH_PUBLIC const char *vh_error_code_name(int code);

/* The reverse; -1 where there is no such name. */
VH_PUBLIC int vh_error_code_from_name(const char *name);

G_END_DECLS
