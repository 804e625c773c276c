/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest can be asked for, as words that the library (which finds it out) and the engine
 * (which decides by it) share.
 */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

/* From the least to the most capable. */
typedef enum {
    VH_TIER_NONE,   /* never asked: no balloon, or the host cannot discard its memory */
    VH_TIER_PULSE,  /* stock device and driver: a short inflate over free memory, then deflate */
    VH_TIER_SOFT,   /* our device, stock driver: reporting switched on the device's side */
    VH_TIER_NATIVE, /* our device and driver: passes on request */
} VhTier;

/* Why a guest is not of a higher tier, or cannot be asked now. One bit each; VH_TIER_NONE has at
 * least one. */
typedef enum {
    VH_TIER_REASON_NO_BALLOON = 1 << 0,     /* no virtio memory balloon device in the domain */
    VH_TIER_REASON_NO_DRIVER = 1 << 1,      /* the device is there, but no driver ever answered */
    VH_TIER_REASON_VFIO = 1 << 2,           /* a passed-through device pins guest memory */
    VH_TIER_REASON_LOCKED = 1 << 3,         /* <memoryBacking><locked/> */
    VH_TIER_REASON_HUGEPAGES = 1 << 4,      /* hugetlb pages: a 4 KiB balloon page frees nothing */
    VH_TIER_REASON_NO_AUTODEFLATE = 1 << 5, /* a pulse needs a reserve, or processes get killed */
    VH_TIER_REASON_STOCK_DEVICE = 1 << 6,   /* the QEMU device cannot be switched or asked */
    VH_TIER_REASON_FILE_BACKED = 1 << 7,    /* memory of a named file: discards may not free it */
    VH_TIER_REASON_NO_MONITOR = 1 << 8,     /* the XML shows our device; QEMU was not asked */
    VH_TIER_REASON_NO_REPORTING = 1 << 9,   /* device or driver have it switched off */
    VH_TIER_REASON_NO_PASSES = 1 << 10,     /* our device, its property for passes off */
    VH_TIER_REASON_STOCK_DRIVER = 1 << 11,  /* the driver knows no passes */
    VH_TIER_REASON_INHIBITED = 1 << 12,     /* the device may not discard what is reported now */
    VH_TIER_REASON_NO_DISCARD = 1 << 13,    /* QEMU may not discard any of the guest's memory */
    VH_TIER_REASON_LAST = 1 << 13,
} VhTierReason;

/* "none", "pulse", ...; static. */
VH_PUBLIC const char *vh_tier_name(VhTier tier);

/* One reason (a single bit) as a stable word, "no-balloon", and as a sentence for people; both
 * static. */
VH_PUBLIC const char *vh_tier_reason_name(VhTierReason reason);
VH_PUBLIC const char *vh_tier_reason_text(VhTierReason reason);

/* The words of all bits set, joined by ","; "" for none. Free with g_free(). */
VH_PUBLIC char *vh_tier_reasons_format(guint reasons);

/* The sentences of all bits set, joined by "; ". Free with g_free(). */
VH_PUBLIC char *vh_tier_reasons_explain(guint reasons);

/* What `say` (vh_tier_reason_name or vh_tier_reason_text) has for all bits set, from the lowest on,
 * as a floating list of texts ("as"). */
VH_PUBLIC GVariant *vh_tier_reasons_list(guint reasons, const char *(*say)(VhTierReason reason));

G_END_DECLS
