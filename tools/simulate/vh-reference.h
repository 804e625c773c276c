/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The best decision at one moment, by somebody who is told the truth: which guests to ask, and for
 * how much, so that what the asks cost and what is left missing cost least together. No rule that
 * could be used; it shows how far the ones that can are from it.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* So many guests at most, and every set of them is tried. */
#define VH_REFERENCE_EXACT_MAX 12

/* One guest, as it truly is. Prices in milliseconds, its weight included. */
typedef struct {
    gboolean is_allowed;       /* may be asked now */
    guint64 reachable_bytes;   /* so much comes back when it is asked for as much or more */
    double retouch;            /* of that, the share that is touched again: foresight; 0 to 1 */
    double ask_ms;             /* that it is asked at all */
    double ask_ms_per_gib;     /* and each GiB that comes back */
    double refault_ms_per_gib; /* and each GiB that is touched again */
    guint64 bytes;             /* the solution: what to ask for; 0: nothing */
} VhReferenceGuest;

typedef struct {
    guint64 need_bytes;        /* that are to come back and stay */
    guint slots;               /* asks that can be made now */
    double missing_ms_per_gib; /* what each GiB costs that is then still missing */
} VhReferenceNeed;

typedef struct {
    double cost_ms;      /* of the solution */
    double bound_ms;     /* no choice costs less */
    gboolean is_optimum; /* every set was tried: the two are equal */
} VhReferenceResult;

/* What asking each guest for its `bytes` costs, and what is then missing. */
double vh_reference_cost(const VhReferenceNeed *need, const VhReferenceGuest *guests, guint n);

/*
 * Sets each guest's `bytes`. Exhaustive where at most VH_REFERENCE_EXACT_MAX may be asked; beyond
 * that the relaxed problem, in which an ask may be made in part, gives the order and the bound.
 */
void vh_reference_solve(const VhReferenceNeed *need, VhReferenceGuest *guests, guint n,
                        VhReferenceResult *ret_result);

G_END_DECLS
