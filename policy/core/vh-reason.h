/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a guest was or was not asked: one code per guest and cycle, with its text. */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

typedef enum {
    VH_REASON_ASK,            /* asked in this plan */
    VH_REASON_NOT_RUNNING,    /* paused, shut off or crashed */
    VH_REASON_HUNG,           /* its QEMU does not answer */
    VH_REASON_OTHER_COPY,     /* the same domain runs on another connection: migrating */
    VH_REASON_JOB,            /* a migration, save or dump is under way */
    VH_REASON_RECOVERING,     /* an ask that is not ours is under way, or is being put back */
    VH_REASON_IN_FLIGHT,      /* an ask is under way */
    VH_REASON_TIER_NONE,      /* cannot be asked; the tier's reasons say why */
    VH_REASON_NO_AUTODEFLATE, /* a pulse could kill its processes, and the policy sets no reserve */
    VH_REASON_NEVER,          /* its class or metadata says never */
    VH_REASON_EXEMPT,         /* facts of it say so, and neither a match nor metadata otherwise */
    VH_REASON_UNMATCHED,      /* it is not known which match of the policy applies */
    VH_REASON_NO_STATS,       /* the driver has not told anything yet, or figures are missing */
    VH_REASON_STALE,          /* what it told is too old */
    VH_REASON_ABSURD,         /* what it told cannot be true */
    VH_REASON_UNSTABLE,       /* its memory is moving: two samples do not agree yet */
    VH_REASON_OTHER_NODE,     /* its memory is not on the NUMA node that is the pool */
    VH_REASON_SMALL_YIELD,    /* too little would come back */
    VH_REASON_SHORT_LIVED,    /* enough would come back, but it soon takes most of that again */
    VH_REASON_KEEP_FREE,      /* what would come back is what it must keep free */
    VH_REASON_COOLDOWN,       /* asked too recently */
    VH_REASON_ASKS_PER_HOUR,  /* asked often enough within the hour */
    VH_REASON_POOL_IDLE,      /* the pool needs nothing */
    VH_REASON_PROTECTED,      /* its class is unlocked at a higher level only */
    VH_REASON_PROACTIVE_RANK, /* ahead of need only the cheapest rank is asked */
    VH_REASON_PROACTIVE_BUDGET, /* ahead of need only so much a minute is asked */
    VH_REASON_CLASS_BUDGET,     /* its class has been asked for enough within the minute */
    VH_REASON_NEED_MET,         /* others, asked first, cover the need */
    VH_REASON_MAX_IN_FLIGHT,    /* as many asks as allowed are under way */
    VH_REASON_NODE_IN_FLIGHT,   /* as many as allowed are under way on its NUMA node */
    VH_REASONS,
} VhReason;

/* The stable word ("small-yield"), and a sentence for people; both static. */
const char *vh_reason_name(VhReason reason);
const char *vh_reason_text(VhReason reason);

G_END_DECLS
