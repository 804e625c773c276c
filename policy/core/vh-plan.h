/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a decision decided, as data: the pool as it was seen, the asks in the order in which they
 * are to be made, and for each guest one verdict with the numbers behind it.
 */
#pragma once

#include "vh-level.h"
#include "vh-outcome.h"
#include "vh-reason.h"
#include "vh-uuid.h"

G_BEGIN_DECLS

/* The yield of one guest, and what leads to it. Bytes; docs/policy.md has the formula. */
typedef struct {
    guint64 overhead_bytes;    /* O */
    guint64 backed_free_bytes; /* Z: free in the guest, backed by the host */
    guint64 in_ram_bytes;      /* X: the part of it in RAM */
    guint64 residue_bytes;     /* Q now: what asks did not reach lately */
    guint64 expected_bytes;    /* Y */
    guint64 counted_bytes;     /* LCB: what is counted on */
} VhYield;

/* One guest's part in a plan. */
typedef struct {
    guint domain; /* index into the snapshot's domains */
    VhReason reason;
    guint class_index; /* of the configuration */
    guint rank;        /* with metadata applied, as are the next */
    guint weight;
    VhLevel unlock;
    gboolean has_yield; /* the figures sufficed to compute it */
    VhYield yield;
    double price;         /* weighted microseconds per MiB that comes back durably */
    gint64 wait_until_us; /* UTC: end of the cooldown or hour; 0: none */
} VhVerdict;

typedef struct {
    guint domain; /* index into the snapshot's domains */
    VhUuid uuid;
    VhAskMethod method;
    guint64 granule_bytes;  /* of a pass; 0: the driver's default */
    guint64 bytes;          /* wanted */
    guint64 expected_bytes; /* Y, at most bytes */
    guint64 counted_bytes;  /* of it counted on */
    guint64 reserve_bytes;  /* what must stay free in the guest all the while */
} VhAction;

typedef struct VhPlan VhPlan;
struct VhPlan {
    VhLevel level;
    guint64 pool_total_bytes;
    gint64 pool_available_bytes; /* negative: over the budget */
    guint64 need_bytes;          /* to get back, before what is in flight */
    guint64 in_flight_bytes;     /* counted on from asks under way */
    guint64 resident_bytes;      /* of all guests */
    GArray *actions;             /* VhAction, first to be asked first */
    GArray *verdicts; /* VhVerdict, one for each of the snapshot's domains, in its order */
};

VhPlan *vh_plan_new(void);
void vh_plan_free(VhPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhPlan, vh_plan_free)

/* Empties it, keeping its storage. */
void vh_plan_clear(VhPlan *plan);

G_END_DECLS
