/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What has to change in a domain's definition so that its guest can be asked: worked out from its
 * XML, without touching anything, and carried out through libvirt's own define. Nothing is ever
 * lowered or taken away: what the definition has beyond the wish stays.
 */
#pragma once

#include "vh-tier.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* How often the driver is asked for figures where nobody has said. Others set 2, 5 or 10 s. */
#define VH_ENABLE_PERIOD_US (5 * (gint64)G_USEC_PER_SEC)
#define VH_ENABLE_PERIOD_MAX_US (24 * 3600 * (gint64)G_USEC_PER_SEC)

typedef struct {
    VhTier tier;            /* PULSE; SOFT or NATIVE, which differ in the guest's driver only */
    const char *emulator;   /* a patched QEMU, by its absolute path, for SOFT and NATIVE; NULL: the
                               domain's own stays, which must have been given `reporting-ctrl` */
    gint64 stats_period_us; /* whole seconds up to VH_ENABLE_PERIOD_MAX_US; 0: VH_ENABLE_PERIOD_US;
                               only set where there is none */
} VhEnableWish;

typedef struct {
    const char *what; /* "model", "autodeflate", "stats-period", "reporting", "emulator", "passes";
                         static */
    const char *why;  /* a sentence; static */
    char *from;       /* as the definition has it; NULL: it says nothing */
    char *to;
    gboolean is_defined; /* the definition has it already: only the running guest has not */
    gboolean is_now;     /* libvirt can change it in the running guest; else it takes a shutdown and
                            a start */
} VhEnableChange;

typedef struct {
    char *before;            /* the definition as libxml2 writes it, so that both compare well */
    char *after;             /* the same text where there is nothing to define */
    GPtrArray *changes;      /* VhEnableChange: what is missing in the definition, or in the running
                                guest; empty: all is as wished */
    gboolean has_definition; /* `after` is to be defined */
    guint live_period_s;     /* to be set in the running guest; 0: nothing */
    gboolean is_running;
    gboolean needs_override; /* `after` sets a QEMU property: libvirt 8.2 or later */
} VhEnablePlan;

/*
 * From the inactive XML, and the live one where the guest runs (else NULL). INVALID: a wish that
 * makes no sense, or without an emulator where one is needed. UNSUPPORTED: the guest stays at tier
 * none whatever the balloon is like (a passed-through device, locked memory, huge pages), or its
 * balloon is of another kind. PROTOCOL: broken XML. Nothing but the balloon, the emulator and the
 * override of the balloon's properties is changed; white space stays. Does not block. To apply a
 * plan's own outcome changes nothing any more.
 */
VH_PUBLIC VhEnablePlan *vh_enable_plan(const char *inactive_xml, const char *live_xml,
                                       const VhEnableWish *wish,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The same for a domain as it is now, without passwords in the texts; what it would need is told of
 * a transient domain, too. A read-only connection is enough. Blocks for some round trips, none of
 * which waits for QEMU.
 */
VH_PUBLIC VhEnablePlan *vh_enable_plan_domain(virDomainPtr domain, const VhEnableWish *wish,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Works the plan out again from the domain as it is now, defines it (validated by libvirt's
 * schema), sets the stats period of a running guest, and looks whether libvirt kept what it was
 * given: then the plan that was carried out, for the caller to free. DENIED: the connection is
 * read-only. UNSUPPORTED: the domain is transient, or libvirt too old. Should libvirt accept the
 * definition and not the period, the message says so. Blocks, and for the period, which comes last,
 * as long as a running guest's QEMU does not answer: call it on a thread that can be left behind.
 */
VH_PUBLIC VhEnablePlan *vh_enable_apply(virDomainPtr domain, const VhEnableWish *wish,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

VH_PUBLIC void vh_enable_plan_free(VhEnablePlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhEnablePlan, vh_enable_plan_free)

G_END_DECLS
