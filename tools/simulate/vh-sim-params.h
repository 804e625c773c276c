/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What makes one simulated guest behave as it does: every constant of the guest model, in one
 * struct. A family of guests is a set of defaults for it; a scenario may change each. What the
 * constants mean is in the key table (vh-scenario-keys.c) and in docs/simulator.md.
 */
#pragma once

#include "vh-units.h"

G_BEGIN_DECLS

typedef enum {
    VH_FAMILY_IDLE,
    VH_FAMILY_CACHE,
    VH_FAMILY_SAWTOOTH,
    VH_FAMILY_JVM,
    VH_FAMILY_DATABASE,
    VH_FAMILY_CRON,
    VH_FAMILY_BOOT,
    VH_FAMILY_LEAKER,
    VH_FAMILY_FRAGMENTED,
    VH_FAMILY_SWAPPED,
    VH_FAMILY_NO_DRIVER,
    VH_FAMILY_NO_STATS,
    VH_FAMILY_LIAR,
    VH_FAMILY_HUNG,
    VH_FAMILIES,
} VhSimFamily;

/* How its use of memory moves. */
typedef enum {
    VH_SHAPE_STEADY, /* stays at `base` */
    VH_SHAPE_BURST,  /* jobs: up to `peak` for `duty` of each `period`, then down to `base` */
    VH_SHAPE_RAMP,   /* climbs from `base` to `peak` over a `period`, then falls at once */
    VH_SHAPE_BOOT,   /* one burst at its start, then it stays at `base` */
} VhSimShape;

/* Shares are in 1/10000, of the guest's memory where nothing else is said. */
typedef struct {
    int shape; /* VhSimShape */
    guint base_bp;
    guint peak_bp;
    gint64 period_us;
    guint duty_bp;
    guint jitter_bp;                /* of the period */
    guint spread_bp;                /* by which base, peak and period differ from guest to guest */
    guint64 grow_bytes_per_s;       /* how fast it takes memory */
    guint64 churn_bytes_per_s;      /* freed and taken again while its use stays the same */
    guint cache_bp;                 /* its page cache grows up to this */
    guint64 cache_fill_bytes_per_s; /* so fast */
    guint cache_drop_bp;            /* of the cache is dropped at the end of each period */
    guint touched_bp;               /* of its free memory that is backed at the start */
    guint swapped_bp;               /* of its backed memory that is swapped out at the start */
    guint locality_bp;              /* of what it takes comes from memory that is still backed */
    guint fragmented_bp;            /* of what it frees that is free in pieces only */
    guint64 fragment_bytes;         /* how large half of these pieces are */
    gint64 fragment_halflife_us;    /* how fast pieces grow together again */
    guint activity_bp;              /* how busy its CPUs are at work */
    guint rest_activity_bp;         /* and at rest */
    guint64 overhead_bytes;         /* resident memory of its QEMU itself */
    guint lie_bp;                   /* of the memory in use that it claims to be free */
    guint noise_bp;                 /* of the figures of resident memory, either way */
    gint64 stats_period_us;         /* 0: as the policy sets it */
    gint64 start_us;                /* runs from then on */
    gint64 start_spread_us;         /* or up to so much later */
    gint64 hang_us;                 /* its QEMU answers nobody from then on; 0: never */
    gint64 pulse_latency_us;        /* how long a pulse takes at least */
    gint64 pulse_per_gib_us;        /* and for each GiB */
    gint64 pass_latency_us;         /* a pass, likewise */
    gint64 pass_per_gib_us;
    guint ask_noise_bp; /* by which what an ask reaches differs, either way */
} VhSimParams;

/* "idle", "cache-heavy", ...; static. */
const char *vh_sim_family_name(VhSimFamily family);

/* What a guest of the family is without any change; static. */
const VhSimParams *vh_sim_family_params(VhSimFamily family);

G_END_DECLS
