/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a domain's CPUs and memory may be, as its XML has it. Private to the library. */
#pragma once

#include "vh-xml.h"

G_BEGIN_DECLS

/* How many vCPUs it has now; 0: its XML does not say so. */
guint vh_placement_n_vcpus(const xmlNode *domain);

/* Whether each of them is pinned to exactly one host CPU, and no two to the same. */
gboolean vh_placement_has_own_cpus(const xmlNode *domain);

/* Whether any of them runs under a real-time scheduler. */
gboolean vh_placement_is_realtime(const xmlNode *domain);

/* Bit n: its memory may be on the host's NUMA node n. 0: on any, as far as the XML binds it. */
guint64 vh_placement_node_mask(const xmlNode *domain);

G_END_DECLS
