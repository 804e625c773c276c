/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a balloon device that can be switched while its guest runs tells of its free page reporting,
 * as data, and the way there from the text that its QEMU answers. Must not know how the text came.
 */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

/* What device and driver can agree on. One bit each. */
typedef enum {
    VH_REPORTING_FREE_PAGE_HINT = 1 << 0,
    VH_REPORTING_PAGE_POISON = 1 << 1,
    VH_REPORTING_FREE_PAGE_REPORTING = 1 << 2,
    VH_REPORTING_CTRL = 1 << 3,        /* passes on request: a device and a driver of ours */
    VH_REPORTING_PAGE_CHUNKS = 1 << 4, /* balloon messages that carry ranges */
    VH_REPORTING_FEATURE_LAST = 1 << 4,
} VhReportingFeature;

/* What keeps the device from discarding what is reported. */
typedef enum {
    VH_REPORTING_INHIBITOR_NONE,
    VH_REPORTING_DISCARD_DISABLED,    /* the host's doing: a passed-through device, say */
    VH_REPORTING_POSTCOPY,            /* while a migration of that kind lasts */
    VH_REPORTING_BACKGROUND_SNAPSHOT, /* while it is taken */
    VH_REPORTING_POISONED,            /* the guest wants its free pages to keep a pattern */
} VhReportingInhibitor;

typedef enum {
    VH_PASS_REQUESTED, /* the driver has not taken it up yet */
    VH_PASS_RUNNING,
    VH_PASS_DONE,  /* all that is free was reported */
    VH_PASS_LIMIT, /* as much as was asked for was */
    VH_PASS_CANCELLED,
    VH_PASS_FAILED,
    VH_PASS_TIMEOUT,
} VhPassStatus;

/* The device's last pass. Sizes in bytes. */
typedef struct {
    guint32 id; /* never 0 */
    VhPassStatus status;
    gboolean is_migration;          /* the device's own, at the start of a migration */
    guint64 limit_bytes;            /* 0: none */
    guint64 granule_bytes;          /* smallest block asked for; 0: the driver's default */
    guint64 granule_in_force_bytes; /* what the driver took; 0: not told (yet), or nonsense */
    guint64 reported_bytes;
    guint64 discarded_bytes; /* may be more: of a report that the guest was stopped in, what was
                                discarded counts at once, and the report when it goes on */
    gint64 duration_us;
} VhReportingPass;

/* Counted since the device was made, but for what a migration brought along. Bytes where the name
 * says so. */
typedef struct {
    guint64 requests; /* buffers on the reporting queue */
    guint64 blocks;
    guint64 reported_bytes;
    guint64 discarded_bytes;
    guint64 hinted_bytes;   /* left out of a migration */
    guint64 inflated_bytes; /* discarded because the balloon took them */
    guint64 messages;       /* buffers on the balloon's two queues */
    guint64 malformed;
    guint64 skipped_disabled_bytes; /* reported while reporting was off */
    guint64 skipped_inhibited_bytes;
    guint64 skipped_invalid_bytes;   /* not RAM */
    guint64 skipped_unaligned_bytes; /* less than a page of the host's */
    guint64 skipped_failed_bytes;    /* the host refused */
    gint64 discard_us;
    guint64 split_bytes; /* of the host's huge pages that were discarded in part */
    gint64 split_us;
} VhReportingCounters;

typedef struct {
    guint offered;       /* VhReportingFeature: by the device */
    guint negotiated;    /* and accepted by the driver */
    gboolean has_driver; /* one runs in the guest right now */
    gboolean is_enabled; /* reporting was asked for */
    gboolean is_active;  /* and is in force */
    VhReportingInhibitor inhibitor;
    gboolean has_pass; /* there has been one */
    VhReportingPass pass;
    VhReportingCounters counters;
} VhReportingInfo;

/* Blocks of a pass: a power of two in between, in bytes. */
#define VH_REPORTING_GRANULE_MIN_BYTES ((guint64)4096)
#define VH_REPORTING_GRANULE_MAX_BYTES ((guint64)1 << 30)

static inline gboolean vh_reporting_granule_is_valid(guint64 bytes)
{
    return bytes >= VH_REPORTING_GRANULE_MIN_BYTES && bytes <= VH_REPORTING_GRANULE_MAX_BYTES &&
           (bytes & (bytes - 1)) == 0;
}

/*
 * A QMP answer says in its text whether it is one: FALSE with what QEMU's error means to a caller,
 *
 *     UNSUPPORTED  this QEMU, device or driver cannot, or is barred from it for good
 *     BUSY         a migration, a snapshot or a paused guest is in the way: later
 *     INVALID      a granule or timeout that makes no sense
 *     GONE         there is no pass to cancel
 *     FAILED       what QEMU says is not known here; its words are quoted, made harmless
 *     PROTOCOL     the text is no QMP answer
 *
 * Does not block.
 */
VH_PUBLIC gboolean vh_reporting_info_check(const char *reply,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The answer to query-balloon-reporting. Errors as above; PROTOCOL also where a value is missing,
 * of another type, out of range or at odds with another. Features that are not known here are left
 * out, keys are ignored: newer devices may tell more. Does not block.
 */
VH_PUBLIC gboolean vh_reporting_info_parse(const char *reply, VhReportingInfo *ret_info,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The answer to balloon-reporting-pass: the pass's id. The same errors. Does not block. */
VH_PUBLIC gboolean vh_reporting_info_parse_id(const char *reply, guint32 *ret_id,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What QEMU tells of its own accord when one of them has changed. */
typedef struct {
    gboolean is_enabled;
    gboolean is_active;
    VhReportingInhibitor inhibitor;
} VhReportingState;

/* Its events, as virConnectDomainQemuMonitorEventRegister() knows them. */
#define VH_REPORTING_EVENT_STATE "BALLOON_REPORTING_STATE"
#define VH_REPORTING_EVENT_PASS "BALLOON_REPORTING_PASS"

/*
 * Their data: the state, and of a pass that has ended its id, status, and bytes reported and
 * discarded; the rest of it is 0.
 * `details` is the JSON text that libvirt hands on, NULL where there was none. PROTOCOL as above.
 * Do not block.
 */
VH_PUBLIC gboolean vh_reporting_info_parse_state(const char *details, VhReportingState *ret_state,
                                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
VH_PUBLIC gboolean vh_reporting_info_parse_ended(const char *details, VhReportingPass *ret_pass,
                                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a pass goes on no more. */
static inline gboolean vh_pass_has_ended(VhPassStatus status)
{
    return status != VH_PASS_REQUESTED && status != VH_PASS_RUNNING;
}

/* Stable words, QEMU's own ("reporting-ctrl", "discard-disabled", "limit"); static. A feature is a
 * single bit; VH_REPORTING_INHIBITOR_NONE is "none". */
VH_PUBLIC const char *vh_reporting_feature_name(VhReportingFeature feature);
VH_PUBLIC const char *vh_reporting_inhibitor_name(VhReportingInhibitor inhibitor);
VH_PUBLIC const char *vh_pass_status_name(VhPassStatus status);

G_END_DECLS
