/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has to hold before a domain's QEMU is sent anything. Private to the library. */
#pragma once

#include "vh-monitor.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/*
 * VH_ERROR_DENIED where the rule refuses monitor commands, with the tier that the domain is of
 * without them (that takes a look at its XML, one round trip), or where its connection is
 * read-only (no round trip).
 */
gboolean vh_monitor_check(virDomainPtr domain, VhMonitorRule rule,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
