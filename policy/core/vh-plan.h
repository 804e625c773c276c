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
    guint64 left_bytes;        /* K: what a pulse leaves, because it stays free and is backed */
    guint64 doubtful_bytes;    /* of Y: there only if O is as small as it was never seen to be */
    guint gamma_bp;            /* gamma, as it applies to this guest now */
    guint64 expected_bytes;    /* Y */
    guint retouch_bp;          /* r, likewise */
    guint64 durable_bytes;     /* D: what does not come back soon */
    guint sigma_bp;            /* sigma, likewise: a share of D */
    guint64 counted_bytes;     /* LCB: what is counted on */
} VhYield;

/* What asking one guest costs it, in weighted microseconds, and what that makes of its turn. */
typedef struct {
    double cost_us;      /* c */
    double inflicted_us; /* beta: what asks have cost it lately, weighted */
    double fairness;     /* what the price is multiplied by: 0.5 to 2 */
    double price;        /* p: weighted microseconds per MiB that comes back durably */
} VhCost;

/* Why continuous reporting of a guest is, or is not, switched. */
typedef enum {
    VH_TOGGLE_NONE,      /* it is as it should be */
    VH_TOGGLE_LEAVE,     /* its class says to leave it alone, or auto where it never is asked */
    VH_TOGGLE_TIER,      /* its QEMU cannot be told, or may not, or its driver is a stock one */
    VH_TOGGLE_UNKNOWN,   /* nobody knows yet how it stands */
    VH_TOGGLE_ABSENT,    /* it is not running, hangs, or is migrating */
    VH_TOGGLE_ALWAYS,    /* on: its class says so */
    VH_TOGGLE_PRESSURE,  /* on: memory has been short for a while, and what it gives lasts */
    VH_TOGGLE_OFF,       /* off: its class says so */
    VH_TOGGLE_RETOUCH,   /* off: it takes back at once what it gives */
    VH_TOGGLE_QUIET,     /* off: memory has not been short for a while */
    VH_TOGGLE_IN_FLIGHT, /* not now: an ask is under way */
    VH_TOGGLE_DWELL,     /* not yet: it was switched too recently */
    VH_TOGGLE_TOO_OFTEN, /* not yet: it was switched often enough within the hour */
    VH_TOGGLE_REASONS,
} VhToggleReason;

/* One guest's part in a plan. */
typedef struct {
    guint domain; /* index into the snapshot's domains */
    VhReason reason;
    guint class_index; /* of the configuration */
    guint rank;        /* with schedule and metadata applied, as are the next */
    guint weight;
    VhLevel unlock;
    gboolean has_yield; /* the figures sufficed to compute it */
    VhYield yield;
    VhCost cost;
    guint place;          /* in the order, from 1 on; 0: it was not up for it */
    gint64 wait_until_us; /* UTC: end of the cooldown or hour; 0: none */
    VhToggleReason toggle;
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
    guint64 request_id;     /* whose request it is for; 0: the pool's own need */
} VhAction;

/* Continuous reporting of one guest, to be switched. */
typedef struct {
    guint domain; /* index into the snapshot's domains */
    VhUuid uuid;
    gboolean is_on; /* from now on */
    VhToggleReason reason;
} VhToggle;

typedef struct VhPlan VhPlan;
struct VhPlan {
    VhLevel level;           /* as it applies */
    VhLevel level_by_bounds; /* before pressure raised it */
    guint64 pool_total_bytes;
    gint64 pool_available_bytes;   /* negative: over the budget */
    gint64 pool_trend_bytes_per_s; /* where that is heading; falling: negative */
    guint64 need_bytes;            /* to get back, requests included, before what is in flight */
    guint64 requested_bytes;       /* of it by requests */
    guint64 in_flight_bytes;       /* counted on from asks under way */
    guint64 resident_bytes;        /* of all guests */
    GArray *actions;               /* VhAction, first to be asked first */
    GArray *toggles;               /* VhToggle */
    GArray *verdicts; /* VhVerdict, one for each of the snapshot's domains, in its order */
};

VhPlan *vh_plan_new(void);
void vh_plan_free(VhPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhPlan, vh_plan_free)

/* Empties it, keeping its storage. */
void vh_plan_clear(VhPlan *plan);

/* The stable word ("pressure"), and a sentence for people; both static. */
const char *vh_toggle_reason_name(VhToggleReason reason);
const char *vh_toggle_reason_text(VhToggleReason reason);

G_END_DECLS
