/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether something may be begun on a domain at all. Private to the library. */
#pragma once

#include "vh-error.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* VH_ERROR_DENIED where the domain's connection is a read-only one. No round trip. */
gboolean vh_ready_check_writable(virDomainPtr domain, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * VH_ERROR_BUSY while a job runs on the domain (a migration in either direction, save, dump,
 * backup, snapshot), naming it. One that does not run has none, nor has one of a driver that knows
 * no jobs. One round trip; in a migration libvirt asks QEMU how far it is.
 */
gboolean vh_ready_check_job(virDomainPtr domain, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether the domain's monitor has been waiting for QEMU for so long (200 ms) that the next
 * question would wait, too. One quick call, which no guest can hold up. */
gboolean vh_ready_is_occupied(virDomainPtr domain);

G_END_DECLS
