/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ask: get back from one guest the memory that it has freed and the host still backs. One
 * handle whatever the method; more methods change nothing here. Any thread, and several at once,
 * may use a handle until it is freed. Sizes in bytes, times in microseconds.
 */
#pragma once

#include "vh-monitor.h"
#include "vh-outcome.h"

#include <gio/gio.h>
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

typedef struct {
    VhAskMethod method;    /* AUTO: a pass where `monitor` allows it and the guest is of tier
                              native, else a pulse. PASS with REFUSE is DENIED. */
    VhMonitorRule monitor; /* REFUSE: no method but the pulse, and no domain is tainted */
    guint64 bytes;         /* wanted; 0: all that can be had */
    guint64 granule_bytes; /* smallest block worth it; 0: the method's default. A pulse works in 4
                              KiB pages and takes 0 or 4096, a pass a power of two; AUTO with one
                              that only a pass takes is UNSUPPORTED where the guest takes none. */
    gint64 deadline_us;    /* from the start; 0: VH_ASK_DEADLINE_DEFAULT_US. The way back begins a
                              quarter of it, at most 2 s, earlier. */
    guint64 reserve_bytes; /* stays free in the guest all the while; 0: the method's default (5 % of
                              its memory, at least 64 MiB) */
    gboolean without_autodeflate; /* the caller vouches that reserve_bytes is large enough for a
                                     guest without autodeflate */
} VhAskRequest;

#define VH_ASK_DEADLINE_DEFAULT_US (60 * G_USEC_PER_SEC)

typedef struct {
    VhAskStatus status;
    guint64 asked_bytes;
    guint64 taken_bytes;    /* the balloon's way so far */
    guint64 returned_bytes; /* so far */
    gint64 elapsed_us;
} VhAskProgress;

typedef struct VhAsk VhAsk;

/*
 * Starts an ask on a thread of its own and returns at once, without a round trip; what is wrong
 * with the guest shows in the outcome. `domain` is referenced until the work has ended; its
 * connection must be read-write and must not be the one that polls: a hung guest holds up what
 * shares its connection. NULL only for a request that makes no sense (VH_ERROR_INVALID). Any
 * thread.
 *
 * Nothing is sent or moved where the outcome is DENIED (the connection is read-only, or a pass is
 * refused by `monitor`), GONE (the domain does not run), or BUSY because a job (migration, save,
 * dump...) runs on it. A paused guest is BUSY.
 *
 * A pass sends QEMU monitor commands, which taint the domain (vh-reporting.h); a guest of another
 * tier than native refuses it (UNSUPPORTED). AUTO with ALLOW asks the QEMU of domains whose XML
 * shows one of ours, and of no others, which of the two it is to be. A pass moves no balloon, needs
 * no autodeflate, and what is left of it ends at the deadline by itself.
 */
VH_PUBLIC VhAsk *vh_ask_start(virDomainPtr domain, const VhAskRequest *request,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How far it is. Any thread, does not block. */
VH_PUBLIC void vh_ask_get_progress(VhAsk *ask, VhAskProgress *ret_progress);

/*
 * Waits at most `timeout_us` (0: only looks; -1: until it ends, which the deadline bounds) and
 * returns whether it has ended. An ask whose QEMU hangs ends at its deadline all the same
 * (TIMED_OUT); its thread stays behind until libvirt lets go of it, then puts the balloon back.
 */
VH_PUBLIC gboolean vh_ask_wait(VhAsk *ask, gint64 timeout_us);

/* The outcome of an ask that has ended; of one that has not, the status RUNNING. *ret_message (may
 * be NULL): why it failed; borrowed from the ask, NULL where it did not. Does not block. */
VH_PUBLIC void vh_ask_get_outcome(VhAsk *ask, VhAskOutcome *ret_outcome, const char **ret_message);

/* Asks it to end early and give back what it holds; returns at once. It has ended when
 * vh_ask_wait() says so, with the status CANCELLED unless it was quicker. */
VH_PUBLIC void vh_ask_cancel(VhAsk *ask);

/* Called once on the ask's own thread when it ends (or from the call itself, where it has).
 * Replaces the one before; NULL for none. For a wake-up, not for work. */
typedef void (*VhAskNotify)(VhAsk *ask, gpointer data);
VH_PUBLIC void vh_ask_set_notify(VhAsk *ask, VhAskNotify notify, gpointer data);

/* Lets go of the handle. A running ask goes on to its end, and gives all back, without it.
 * NULL-safe. */
VH_PUBLIC void vh_ask_free(VhAsk *ask);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhAsk, vh_ask_free)

/* How far an ask is: a few times a second, and once when it has ended. `progress` is borrowed. */
typedef void (*VhAskProgressFunc)(const VhAskProgress *progress, gpointer data);

/*
 * The whole of it for who can wait: starts an ask, tells `progress` (NULL: nobody) on the calling
 * thread, and returns when it has ended, which its deadline bounds. `cancellable` (may be NULL)
 * ends it early, from any thread; it returns when the guest has its memory back, with the status
 * CANCELLED and what came back until then. Any thread.
 *
 * FALSE with an error where the ask FAILED or TIMED_OUT: INVALID (the request makes no sense),
 * DENIED (read-only connection, access control, a pass without VH_MONITOR_ALLOW), GONE (the domain
 * does not run, or is not there), BUSY (a job, another ask, or somebody else moves the balloon; a
 * paused guest), UNSUPPORTED (this guest cannot be asked, and why), STALE, TIMEOUT, PROTOCOL,
 * FAILED. *ret_outcome (may be NULL) is set then, too, unless the request was INVALID, or cancelled
 * before (G_IO_ERROR_CANCELLED): nothing was begun.
 */
VH_PUBLIC gboolean vh_ask_run(virDomainPtr domain, const VhAskRequest *request,
                              VhAskProgressFunc progress, gpointer data, GCancellable *cancellable,
                              VhAskOutcome *ret_outcome, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
