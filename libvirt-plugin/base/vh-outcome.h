/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An ask as data: what was wanted, how it went, what came back. Shared by the library, which asks,
 * and the engine, which learns from it.
 */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

typedef enum {
    VH_ASK_AUTO,  /* the best that the guest's tier offers */
    VH_ASK_PULSE, /* inflate over free memory, then deflate */
    VH_ASK_PASS,  /* an on-demand reporting pass: tier native only */
} VhAskMethod;

typedef enum {
    VH_ASK_RUNNING,    /* not ended yet */
    VH_ASK_DONE,       /* all that was asked for was tried */
    VH_ASK_BACKED_OFF, /* the guest needed its memory meanwhile: ended early, for its sake */
    VH_ASK_CANCELLED,  /* by the caller */
    VH_ASK_OVERTAKEN,  /* somebody else set a balloon target, or asked for a pass, meanwhile: theirs
                          was left alone */
    VH_ASK_TIMED_OUT,  /* the guest or its QEMU did not answer in time; what it holds is put back
                          later */
    VH_ASK_FAILED,     /* refused or broken; the error says why */
} VhAskStatus;

/* Where a figure of returned bytes comes from. */
typedef enum {
    VH_ASK_SOURCE_NONE, /* nothing could be measured */
    VH_ASK_SOURCE_RSS,  /* resident memory of the QEMU process, as the kernel or libvirt tells it */
    VH_ASK_SOURCE_MEMFREE, /* free memory of the whole host: true below the THP size, but noisy */
    VH_ASK_SOURCE_COUNTER, /* the device's own counters */
} VhAskSource;

/* How one ask ended. Sizes in bytes, times in microseconds of g_get_monotonic_time(). */
typedef struct {
    VhAskMethod method;
    VhAskStatus status;
    VhAskSource source;         /* of returned, before and after */
    guint64 asked_bytes;        /* what the caller wanted; 0: all that can be had */
    guint64 taken_bytes;        /* how far the balloon really went down, or the pass reported */
    guint64 returned_bytes;     /* before - after, less what the slope explains; 0 where it grew */
    guint64 before_bytes;       /* resident memory before */
    guint64 after_bytes;        /* and when the balloon was back */
    gint64 slope_bytes_per_s;   /* of resident memory, before the ask began */
    gint64 memfree_delta_bytes; /* host MemFree, per-CPU lists of free pages included, after
                                   less before; 0 with has_memfree unset */
    gboolean has_memfree; /* the guest runs on this host, so that its MemFree means something */
    gint64 started_us;
    gint64 ended_us;
    int error_code; /* VhErrorCode where status is FAILED or TIMED_OUT; else -1 */
} VhAskOutcome;

/*
 * What stays free in a guest all the while, at least: 5 % of its memory, but 64 MiB or more, so
 * that an allocation that comes in the middle of an ask finds free pages.
 */
static inline guint64 vh_ask_default_reserve_bytes(guint64 maximum_bytes)
{
    return MAX(maximum_bytes / 20, (guint64)64 << 20);
}

/* Stable words ("pulse", "backed-off", "rss"); static. */
VH_PUBLIC const char *vh_ask_method_name(VhAskMethod method);
VH_PUBLIC const char *vh_ask_status_name(VhAskStatus status);
VH_PUBLIC const char *vh_ask_source_name(VhAskSource source);

/* The reverse; -1 where there is no such word. */
VH_PUBLIC int vh_ask_method_from_name(const char *name);
VH_PUBLIC int vh_ask_status_from_name(const char *name);

G_END_DECLS
