/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all calls X_async() and X_finish() have in common. A call into libvirt cannot be
 * interrupted, and one about a QEMU that does not answer lasts as long as that does; so these make
 * it on a thread of their own, and answer in time, whatever becomes of that.
 *
 *     X_async(domain, ..., timeout_us, cancellable, callback, data)
 *
 * returns at once. `callback` (source object NULL) comes exactly once, from the caller's
 * thread-default main context, and never from within the call; X_finish(result, ..., &error) gives
 * it what X() would have returned, and is to be called there, once. Any thread that runs a main
 * context; of the arguments nothing is borrowed beyond the call, the domain is referenced.
 *
 * timeout_us: from now; 0: VH_ASYNC_TIMEOUT_DEFAULT_US. After that VH_ERROR_TIMEOUT, and after
 * g_cancellable_cancel() G_IO_ERROR_CANCELLED: the thread stays behind until libvirt lets go of it,
 * so that a change that was to be made may still be made then. Such threads keep a reference on the
 * domain. One call that hangs on a connection may hold up others on it: libvirtd answers five of a
 * connection at once.
 *
 * No more than VH_ASYNC_MAX threads at a time in a process, those that stayed behind included:
 * beyond that VH_ERROR_BUSY, and nothing was tried.
 */
#pragma once

#include "vh-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define VH_ASYNC_TIMEOUT_DEFAULT_US (30 * G_USEC_PER_SEC)
#define VH_ASYNC_MAX 32

G_END_DECLS
