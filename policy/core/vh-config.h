/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy as the decision reads it: plain data, all defaults filled in. How it is written in
 * files is the codec's.
 */
#pragma once

#include "vh-level.h"
#include "vh-override.h"
#include "vh-units.h"
#include "vh-uuid.h"

G_BEGIN_DECLS

/* A size, or a share of some total that is known only later. */
typedef struct {
    gboolean is_share;
    guint share_bp;
    guint64 bytes;
} VhAmount;

guint64 vh_amount_bytes(const VhAmount *amount, guint64 total_bytes);

/* What memory the policy defends. */
typedef enum {
    VH_POOL_HOST,   /* MemAvailable of the host, less the reserve */
    VH_POOL_BUDGET, /* a fixed sum for the guests' resident memory */
} VhPoolSource;

typedef struct {
    VhAmount enter; /* available memory below this: the level is entered, at once */
    VhAmount exit;  /* above this, for `dwell`: it is left */
} VhLevelBounds;

typedef struct {
    VhPoolSource source;
    guint64 reserve_bytes;           /* HOST: kept out of the pool altogether */
    guint64 budget_bytes;            /* BUDGET: the pool's size */
    VhLevelBounds levels[VH_LEVELS]; /* [VH_LEVEL_IDLE] is unused */
    gint64 dwell_us;                 /* how long the pool must look better before a level is left */
} VhPoolConfig;

/* How a group of guests is treated. */
typedef struct {
    char name[VH_CLASS_NAME_MAX];
    gboolean ask_never;
    guint rank;                /* lower ranks are asked first, strictly */
    VhLevel unlock;            /* asked only from this level on */
    guint weight;              /* 1 to VH_WEIGHT_MAX: what its cost counts */
    gint64 cooldown_us;        /* between the end of one ask and the next */
    guint64 max_per_ask_bytes; /* 0: no cap */
    guint asks_per_hour;       /* 0: no cap; at most VH_ASKS_PER_HOUR_MAX */
    guint64 granule_bytes; /* a pass's smallest block, a power of two; 0: the driver's default */
    VhAmount keep_free;    /* share of balloon.current, or bytes, that stays free in the guest */
} VhClass;

#define VH_ASKS_PER_HOUR_MAX 60

typedef enum {
    VH_MATCH_NAME, /* glob over the domain's name: * and ? */
    VH_MATCH_UUID,
} VhMatchKind;

/* The first match in the list wins. */
typedef struct {
    VhMatchKind kind;
    char *name_glob; /* NAME; owned */
    VhUuid uuid;     /* UUID */
    guint class_index;
} VhMatch;

/* The constants of the model: starting points, each measured or guessed as its comment in the
 * policy's documentation says. */
typedef struct {
    guint64 overhead_bytes; /* O: QEMU's own resident memory before anything was learned */
    guint gamma_bp;         /* share of the backed free memory that an ask is expected to reach */
    guint sigma_bp;         /* share of an expected yield that is not counted on (LCB) */
    gint64
        residue_halflife_us; /* Q: how fast what an ask could not reach becomes reachable again */
    guint stable_bp; /* share of balloon.maximum that F and R may move between two stable samples */
    gint64 cost_fixed_us;       /* c0: what any ask costs the guest */
    gint64 cost_per_gib_us;     /* c1: and each GiB of it */
    guint proactive_bp_per_min; /* share of the pool that proactive asks may move in a minute */
    gint64 cooldown_max_us;     /* poor asks double the cooldown up to this */
    guint poor_bp; /* an ask that returns less than this share of what was expected is poor */
} VhModel;

typedef struct VhConfig VhConfig;
struct VhConfig {
    gboolean enforce; /* FALSE: plans are made and logged, nobody is asked */
    gint64 interval_us;
    VhPoolConfig pool;
    guint max_in_flight;
    gboolean allows_monitor;     /* QEMU monitor commands, which taint a domain, may be sent */
    guint64 pulse_reserve_bytes; /* what a pulse leaves free in a guest without autodeflate; 0: such
                                    guests are never asked */
    gint64 stats_period_us;      /* set where a guest has none; whole seconds */
    gint64 max_stats_age_us;
    guint64 min_yield_bytes; /* less than this is not worth an ask */
    guint default_class;     /* index into classes */
    VhClass *classes;        /* owned */
    guint n_classes;
    VhMatch *matches; /* owned */
    guint n_matches;
    guint override_keys;        /* VhOverrideKey that metadata may set */
    guint8 *override_forbidden; /* owned: n_classes flags: metadata may not choose this class */
    VhModel model;
};

/* The built-in policy: classes batch, standard (the default), perf, exempt; pool host; every
 * constant at its default. */
VhConfig *vh_config_new(void);
void vh_config_free(VhConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhConfig, vh_config_free)

/* Index of a class by name; -1 where there is none. */
int vh_config_find_class(const VhConfig *config, const char *name);

/*
 * What holds between keys, whichever file each came from: levels in order (enter < exit, each level
 * below the one before), a budget where the pool is one, forbidden classes that exist...
 * VH_ERROR_INVALID with the key as a JSON Pointer in *ret_path (static or owned by config) and a
 * sentence.
 */
gboolean vh_config_check(const VhConfig *config, const char **ret_path,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
