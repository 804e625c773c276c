/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts of a domain that say how it should be treated, as its libvirt XML shows them: bits that the
 * library, which reads them, and the engine, which matches by them, share.
 */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

typedef enum {
    VH_FACT_DEDICATED_CPU = 1 << 0, /* each of its vCPUs is pinned to one host CPU of its own */
    VH_FACT_REALTIME = 1 << 1,      /* a real-time scheduler for its vCPUs */
    VH_FACT_HUGEPAGES = 1 << 2,     /* backed by huge pages */
    VH_FACT_VFIO = 1 << 3,          /* a host device is passed through */
    VH_FACT_LOCKED = 1 << 4,        /* its memory is locked */
    VH_FACT_SHARED_MEMORY = 1 << 5, /* backed by a memfd or file: its pages are shared */
    VH_FACT_LAST = VH_FACT_SHARED_MEMORY,
} VhFact;

/* Stable words ("dedicated_cpu"); static. The reverse: 0 where there is no such word. */
VH_PUBLIC const char *vh_fact_name(VhFact fact);
VH_PUBLIC guint vh_fact_from_name(const char *name);

G_END_DECLS
