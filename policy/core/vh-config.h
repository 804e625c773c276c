/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy as the decision reads it: plain data, all defaults filled in. How it is written in
 * files is the codec's.
 */
#pragma once

#include "vh-facts.h"
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
    VH_POOL_CGROUP, /* up to the limit of a control group, or of its nearest ancestor with one */
    VH_POOL_NUMA,   /* what is available on one NUMA node, less the reserve */
} VhPoolSource;

typedef struct {
    VhAmount enter; /* available memory below this: the level is entered, at once */
    VhAmount exit;  /* above this, for `dwell`: it is left */
} VhLevelBounds;

typedef struct {
    VhPoolSource source;
    guint64 reserve_bytes; /* HOST, NUMA: kept out of the pool altogether */
    guint64 budget_bytes;  /* BUDGET: the pool's size */
    char *cgroup; /* CGROUP: its path below the root of the hierarchy, as "/machine.slice"; owned */
    guint node;   /* NUMA: which */
    VhLevelBounds levels[VH_LEVELS]; /* [VH_LEVEL_IDLE] is unused */
    gint64 dwell_us;                 /* how long the pool must look better before a level is left */
    guint psi_some_bp; /* the level is raised by one from this memory pressure (PSI, avg10) on; */
    guint psi_full_bp; /* the same for the share of time in which all tasks stall; 0: not looked at
                        */
    guint64 swap_out_bytes_per_s; /* and from this rate of swapping out on; 0: not looked at */
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
    VhReportingMode reporting;
    guint64 max_per_min_bytes; /* what all asks of the class together may move in a minute (at
                                  CRITICAL: any amount); 0: no cap */
} VhClass;

/* Keys of a class, as bits: which of them a schedule sets. In the order of VhClass. */
typedef enum {
    VH_CLASS_ASK = 1 << 0,
    VH_CLASS_RANK = 1 << 1,
    VH_CLASS_UNLOCK = 1 << 2,
    VH_CLASS_WEIGHT = 1 << 3,
    VH_CLASS_COOLDOWN = 1 << 4,
    VH_CLASS_MAX_PER_ASK = 1 << 5,
    VH_CLASS_ASKS_PER_HOUR = 1 << 6,
    VH_CLASS_GRANULE = 1 << 7,
    VH_CLASS_KEEP_FREE = 1 << 8,
    VH_CLASS_REPORTING = 1 << 9,
    VH_CLASS_MAX_PER_MIN = 1 << 10,
} VhClassKey;

#define VH_ASKS_PER_HOUR_MAX 60

typedef enum {
    VH_MATCH_NAME, /* glob over the domain's name: * and ? */
    VH_MATCH_UUID,
    VH_MATCH_XPATH, /* an expression over the domain's libvirt XML that is true, or not empty */
    VH_MATCH_FACTS, /* one of these facts holds */
} VhMatchKind;

/* At most so many matches of a policy are by XPath: VhDomain.xpath_hits has a bit for each. */
#define VH_XPATHS_MAX 64

/* The first match in the list wins. */
typedef struct {
    VhMatchKind kind;
    char *name_glob;   /* NAME; owned */
    VhUuid uuid;       /* UUID */
    char *xpath;       /* XPATH; owned */
    guint xpath_index; /* XPATH: its bit, counted over the policy's XPath matches in their order */
    guint facts;       /* FACTS: VhFact */
    guint class_index;
} VhMatch;

/* An XML namespace that XPath expressions may use, beside the built-in ones. */
typedef struct {
    char *prefix; /* owned */
    char *uri;    /* owned */
} VhNamespace;

/* Values of a class that apply at certain times of the week, by the host's local time. Of several
 * that apply the later one in the list wins, key by key. */
typedef struct {
    guint8 days;     /* bit 0: Monday, ... bit 6: Sunday; of the day it begins on */
    guint start_min; /* minutes since midnight, 0 to 1439 */
    guint end_min;   /* 1 to 1440; not above start_min: it ends on the next day */
    guint class_index;
    guint keys; /* VhClassKey: which of `values` count */
    VhClass values;
} VhSchedule;

/* Terms of the model that can be left out, to see what each is worth (a simulation does; no policy
 * can). */
typedef enum {
    VH_TERM_SWAP = 1 << 0,        /* S: the share of the backed free memory that is in RAM */
    VH_TERM_RESIDUE = 1 << 1,     /* Q */
    VH_TERM_GAMMA = 1 << 2,       /* gamma as learned of each guest */
    VH_TERM_SIGMA = 1 << 3,       /* sigma as learned of each guest */
    VH_TERM_RETOUCH = 1 << 4,     /* r, in yield and cost */
    VH_TERM_FAIRNESS = 1 << 5,    /* the correction of the price */
    VH_TERM_EXPLORATION = 1 << 6, /* what was learned long ago counts less */
    VH_TERM_TREND = 1 << 7,       /* where the pool is heading */
} VhTerm;

/* The constants of the model: starting points, each measured or guessed as its comment in the
 * policy's documentation says. */
typedef struct {
    guint64 overhead_bytes; /* O: QEMU's own resident memory before anything was learned */
    guint gamma_bp;         /* share of the backed free memory that an ask is expected to reach,
                               before anything was learned */
    guint sigma_bp;         /* share of an expected yield that is not counted on (LCB), likewise */
    guint retouch_bp;       /* r: share of what came back that is touched again soon, likewise */
    gint64
        residue_halflife_us; /* Q: how fast what an ask could not reach becomes reachable again */
    guint stable_bp;      /* share of balloon.maximum that F may move and R grow between two stable
                             samples */
    gint64 cost_fixed_us; /* c0: what any ask costs the guest */
    gint64 cost_per_gib_us;         /* c1: and each GiB of it */
    gint64 cost_refault_per_gib_us; /* c2: and each GiB that it touches again */
    guint lambda_bp;                /* how strongly fairness corrects the price; 0: not at all */
    gint64 fair_halflife_us;        /* how fast the cost that a guest has borne is forgotten */
    gint64 horizon_us;              /* how far ahead the pool's trend is followed */
    guint learn_bp;                 /* weight of a new value against what was learned */
    gint64 explore_us;              /* in this time without an ask, half of what was learned of a
                                       guest is forgotten */
    gint64 rebound_us;              /* how long after an ask r is measured */
    guint proactive_bp_per_min;     /* share of the pool that proactive asks may move in a minute */
    gint64 cooldown_max_us;         /* poor asks double the cooldown up to this */
    guint poor_bp; /* an ask that returns less than this share of what was expected is poor */
    guint without; /* VhTerm that are left out */
} VhModel;

typedef struct VhConfig VhConfig;
struct VhConfig {
    gboolean enforce; /* FALSE: plans are made and logged, nobody is asked */
    gint64 interval_us;
    VhPoolConfig pool;
    guint max_in_flight;
    guint
        max_in_flight_per_node; /* of guests whose memory may be on the same NUMA node; 0: no cap */
    gboolean allows_monitor;    /* QEMU monitor commands, which taint a domain, may be sent */
    guint64 pulse_reserve_bytes; /* what a pulse leaves free in a guest without autodeflate; 0: such
                                    guests are never asked */
    guint exempt_facts; /* VhFact: where one of these holds, a guest that no match is for is left
                           alone, unless its metadata says otherwise */
    gint64 stats_period_us; /* set where a guest has none; whole seconds */
    gint64 max_stats_age_us;
    guint64 min_yield_bytes; /* less than this is not worth an ask */
    gint64 forget_us;    /* what was learned of a guest that was not seen for so long is dropped */
    guint default_class; /* index into classes */
    VhClass *classes;    /* owned */
    guint n_classes;
    VhMatch *matches; /* owned */
    guint n_matches;
    VhNamespace *namespaces; /* owned */
    guint n_namespaces;
    VhSchedule *schedules; /* owned */
    guint n_schedules;
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

/* Whether some match is by XPath, so that the domains' XML is needed. */
gboolean vh_config_has_xpath(const VhConfig *config);

/*
 * What holds between keys, whichever file each came from: levels in order (enter < exit, each level
 * below the one before), a budget where the pool is one, forbidden classes that exist...
 * VH_ERROR_INVALID with the key as a JSON Pointer in *ret_path (static or owned by config) and a
 * sentence.
 */
gboolean vh_config_check(const VhConfig *config, const char **ret_path,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
