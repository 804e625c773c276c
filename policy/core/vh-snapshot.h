/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that one decision may know, at one moment: the host, the guests, what is in flight and what
 * came back since the last one. Plain data; time is a field of it. Filled by a source, read by the
 * decision; the arrays keep their storage from cycle to cycle.
 */
#pragma once

#include "vh-facts.h"
#include "vh-figures.h"
#include "vh-level.h"
#include "vh-outcome.h"
#include "vh-override.h"
#include "vh-tier.h"
#include "vh-uuid.h"

G_BEGIN_DECLS

/* A size that no guest has: what is above it is a counter that wrapped, or -1. */
#define VH_ABSURD_BYTES ((guint64)1 << 56)

/* How continuous reporting stands. */
typedef enum {
    VH_REPORTS_UNKNOWN, /* nobody may ask, or nobody has asked yet */
    VH_REPORTS_OFF,
    VH_REPORTS_ON,
} VhReports;

/* One guest. Sizes in bytes; the letters are those of the yield formula (docs/policy.md). */
typedef struct {
    VhUuid uuid;
    const char *uri;  /* the connection it was seen on; of the snapshot's string store */
    const char *name; /* the same */
    int id;           /* libvirt's, while it runs; else -1 */

    gboolean is_running;    /* else paused, shut off, crashed... */
    gboolean is_hung;       /* its QEMU does not answer: nothing below is fresh */
    gboolean has_job;       /* a migration, save, dump or other job holds it */
    gboolean is_recovering; /* an interrupted ask is being put back */

    VhTier tier;
    guint tier_reasons; /* VhTierReason */
    gboolean has_autodeflate;
    VhReports reports;
    guint facts;           /* VhFact */
    guint64 xpath_hits;    /* bit i: the policy's XPath match of index i applies */
    guint64 xpath_unknown; /* bit i: nobody knows yet, or it could not be found out */
    guint64 node_mask;     /* bit n: its memory may be on NUMA node n; 0: on any */

    guint figures;           /* VhFigures that are there */
    guint64 current_bytes;   /* B: balloon.current */
    guint64 maximum_bytes;   /* M: balloon.maximum */
    guint64 unused_bytes;    /* F: free in the guest */
    guint64 available_bytes; /* A: all the guest's kernel manages */
    guint64 usable_bytes;    /* U: what it could free without swapping */
    guint64 caches_bytes;    /* C: its page cache */
    guint64 rss_bytes;       /* R: resident on the host */
    guint64 swapped_bytes;   /* S: swapped out by the host */
    gint64 cpu_time_us;      /* of QEMU, since its start */
    guint n_vcpus;           /* 0: unknown */
    guint64 minor_faults;    /* in the guest, since its boot */
    guint64 major_faults;    /* the same, those that read from a disk */
    guint64 swap_in_bytes;   /* what the guest itself swapped in, since its boot */
    gint64 stats_time_us;    /* last-update, UTC since 1970; 0: the driver has never answered */
    gint64 stats_period_us;  /* 0: nobody asks the driver */

    VhOverride override; /* keys 0: none */
} VhDomain;

/* An ask that has not ended. */
typedef struct {
    VhUuid uuid;
    const char *uri;
    guint64 id;
    VhAskMethod method;    /* pulse or pass */
    guint64 granule_bytes; /* of a pass; 0: the driver's default */
    guint64 asked_bytes;
    guint64 expected_bytes; /* counted on: the LCB of the plan that started it */
    guint64 returned_bytes; /* so far: already in the guest's rss */
    guint64 request_id;     /* whose request it is for; 0: the pool's own need, or by hand */
    gint64 started_us;
} VhInFlight;

/* An ask that ended since the last snapshot. */
typedef struct {
    VhUuid uuid;
    const char *uri;
    guint64 id;
    guint64 expected_bytes; /* Y of the plan that started it; 0: asked by hand */
    guint64 request_id;     /* as of VhInFlight */
    VhAskOutcome outcome;
} VhEnded;

/*
 * Memory that somebody wants from the guests together, whatever the pool's own need: through the
 * API, before a large guest starts or a node is emptied. Whoever keeps it counts what came back,
 * and takes it out when that is enough or the deadline has passed.
 */
typedef struct {
    guint64 id;             /* not 0 */
    guint64 bytes;          /* wanted in all */
    guint64 returned_bytes; /* of it, measured so far */
    VhLevel urgency;        /* guests that are unlocked at this level may be asked for it */
    gint64 deadline_us;     /* monotonic; 0: none */
} VhRequest;

/* One NUMA node of the host. */
typedef struct {
    guint id;
    guint64 total_bytes;
    guint64 available_bytes; /* free, and page cache that can be dropped */
} VhNode;

/* A control group with a memory limit. */
typedef struct {
    guint64 limit_bytes;
    guint64 current_bytes;
    guint64 inactive_file_bytes; /* of current: dropped without harm */
} VhGroup;

/* Signs that memory is short although some seems to be there: of the pool's control group where it
 * is one, else of the host. */
typedef struct {
    gboolean has_psi;
    guint psi_some_bp; /* avg10: share of time in which some task waited for memory */
    guint psi_full_bp; /* and in which all did */
    gboolean has_swap_out;
    guint64 swap_out_bytes; /* swapped out by the host since its boot */
} VhPressure;

typedef struct VhSnapshot VhSnapshot;
struct VhSnapshot {
    gint64 now_us;               /* monotonic */
    gint64 wall_us;              /* UTC since 1970 */
    guint64 mem_total_bytes;     /* of the host */
    guint64 mem_available_bytes; /* MemAvailable, and what is free on per-CPU lists */
    gint64 utc_offset_us;        /* local time less UTC, for schedules */
    VhPressure pressure;
    gboolean has_group;
    VhGroup group; /* where the pool is a control group */

    GArray *domains;   /* VhDomain, sorted by vh_snapshot_sort() */
    GArray *in_flight; /* VhInFlight */
    GArray *ended;     /* VhEnded, in the order in which they ended */
    GArray *requests;  /* VhRequest, open ones, oldest first */
    GArray *nodes;     /* VhNode, by id; empty where nobody needs them */
    GStringChunk *strings;
};

VhSnapshot *vh_snapshot_new(void);
void vh_snapshot_free(VhSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhSnapshot, vh_snapshot_free)

/* Empties it, keeping its storage. Pointers into the string store end here. */
void vh_snapshot_clear(VhSnapshot *snapshot);

/* Makes `to` equal to `from`, texts included, reusing its storage. */
void vh_snapshot_copy(VhSnapshot *to, const VhSnapshot *from);

/* A copy of `text` that lives as long as the snapshot's content. Equal texts share one copy. */
const char *vh_snapshot_string(VhSnapshot *snapshot, const char *text);

/* Appends an all-zero guest and returns it; valid until the next append. */
VhDomain *vh_snapshot_add_domain(VhSnapshot *snapshot, const VhUuid *uuid, const char *uri,
                                 const char *name);

/*
 * The one order that the decision works in: by UUID, the running copy of a domain first (it is the
 * true one during a migration), then by URI. In-flight asks likewise. Whatever order a source
 * filled it in, the plan is the same.
 */
void vh_snapshot_sort(VhSnapshot *snapshot);

/* Index of a domain by name, id of a running one, or UUID; -1: VH_ERROR_GONE, or VH_ERROR_INVALID
 * where the name stands for several. */
int vh_snapshot_find(const VhSnapshot *snapshot, const char *text, GError **error);

static inline guint vh_snapshot_n_domains(const VhSnapshot *snapshot)
{
    return snapshot->domains->len;
}

static inline const VhDomain *vh_snapshot_domain(const VhSnapshot *snapshot, guint index)
{
    return &g_array_index(snapshot->domains, VhDomain, index);
}

G_END_DECLS
