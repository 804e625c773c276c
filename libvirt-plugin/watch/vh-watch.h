/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches the domains of one libvirt connection: polls their figures on threads that may be
 * sacrificed, sets hung domains aside and takes them back, survives the loss of libvirtd. Its
 * results are plain structs. Knows nothing of policy.
 */
#pragma once

#include "vh-override.h"
#include "vh-probe.h"
#include "vh-stats.h"
#include "vh-uuid.h"

G_BEGIN_DECLS

typedef struct {
    const char *uri;         /* as given; copied. NULL: libvirt's default */
    gboolean read_only;      /* never writes: sets no stats period, recovers nothing */
    gint64 poll_deadline_us; /* a poll that takes longer, and 10 ms longer for each running domain,
                                is abandoned; 0: 1 s */
    gint64 stats_period_us;  /* set on guests that have none; 0: leave them */
    VhMonitorRule monitor;   /* ALLOW: asks the QEMU of guests whose XML shows one of ours what it
                                can, which taints the domain. Not where read_only. */
    gboolean keeps_xml;      /* views have the domains' XML, too */
    GMainContext *context;   /* where callbacks arrive; NULL: the default one */
} VhWatchOptions;

/* One domain in a view. */
typedef struct {
    VhUuid uuid;
    const char *name; /* of the view */
    int id;           /* libvirt's, while it runs; -1 */
    VhStats stats;    /* while hung: the last ones known */
    VhProbe probe;
    VhOverride override;        /* keys 0: none, or invalid */
    const char *override_error; /* of the view: why the metadata was ignored; NULL: fine */
    gboolean is_hung;           /* its QEMU does not answer; figures are old */
    gint64 hung_since_us;       /* monotonic */
    gboolean has_job;           /* migration, save, dump... */
    gboolean has_in_flight;     /* an in-flight record is in its metadata */
    char *xml; /* a GRefString of the view: the same one as long as the XML is the same; NULL: not
                  kept, or not read yet */
    gboolean knows_reporting; /* its QEMU told, when it was last asked... */
    gboolean is_reporting;    /* ... that continuous reporting is switched on */
} VhWatchDomain;

/* What one poll saw, immutable, counted. */
typedef struct VhWatchView VhWatchView;

/* Domains that are defined and active, in no particular order. */
VH_PUBLIC const VhWatchDomain *vh_watch_view_domains(const VhWatchView *view, guint *ret_n);
VH_PUBLIC gint64 vh_watch_view_time_us(const VhWatchView *view); /* monotonic, of its end */
VH_PUBLIC VhWatchView *vh_watch_view_ref(VhWatchView *view);
VH_PUBLIC void vh_watch_view_unref(VhWatchView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhWatchView, vh_watch_view_unref)

/* What happened, for the log; `name` and `text` are borrowed for the call. */
typedef enum {
    VH_WATCH_CONNECTED,
    VH_WATCH_LOST, /* text: why. It tries again by itself, with a growing pause of at most 2 s */
    VH_WATCH_HUNG, /* a domain was set aside */
    VH_WATCH_RETURNED,     /* it answers again */
    VH_WATCH_BAD_OVERRIDE, /* once per change of the metadata */
    VH_WATCH_PERIOD_SET,   /* a stats period was set where there was none */
    VH_WATCH_RECOVERED,    /* an interrupted ask was put back; text: what was done */
    VH_WATCH_TROUBLE,      /* anything else worth a line */
    VH_WATCH_ENDED,        /* told by who discovers: the daemon is gone for good; text: why */
} VhWatchEvent;

typedef struct VhWatch VhWatch;

typedef struct {
    /* A poll asked for with vh_watch_poll() has ended, or its deadline has passed: the view is as
     * fresh as it gets. */
    void (*polled)(VhWatch *watch, gpointer data);
    void (*event)(VhWatch *watch, VhWatchEvent event, const char *name, const VhUuid *uuid,
                  const char *text, gpointer data);
} VhWatchCallbacks;

/*
 * Starts watching: connects in the background, registers for lifecycle, metadata and close events.
 * vh_watch_init() must have been called before the first connection of the process. Both callbacks
 * arrive in options->context, never from within a call.
 */
VH_PUBLIC VhWatch *vh_watch_new(const VhWatchOptions *options, const VhWatchCallbacks *callbacks,
                                gpointer data);

/* Registers libvirt's default event loop (which is GLib's) and silences its own error printing.
 * Once per process, before any connection; idempotent. */
VH_PUBLIC void vh_watch_init(void);

VH_PUBLIC const char *vh_watch_uri(const VhWatch *watch); /* "" for libvirt's default */
VH_PUBLIC gboolean vh_watch_is_connected(const VhWatch *watch);

/* Asks for a poll; `polled` follows within the deadline, connected or not. Asking again before it
 * came changes nothing. Does not block. */
VH_PUBLIC void vh_watch_poll(VhWatch *watch);

/* The stats period to set on guests that have none, from the next poll on; 0: leave them. */
VH_PUBLIC void vh_watch_set_stats_period(VhWatch *watch, gint64 stats_period_us);

/* Whether QEMUs are asked, from the next poll on. */
VH_PUBLIC void vh_watch_set_monitor(VhWatch *watch, VhMonitorRule monitor);

/* Whether the XML of domains is kept for views; it is read with the next poll. */
VH_PUBLIC void vh_watch_set_keeps_xml(VhWatch *watch, gboolean keeps_xml);

/* All that is known of a domain is read again with the next poll: it did not act like it. */
VH_PUBLIC void vh_watch_renew(VhWatch *watch, const VhUuid *uuid);

/* The last view; NULL before the first, or while the connection is lost. Unref it. Does not block.
 */
VH_PUBLIC VhWatchView *vh_watch_get_view(VhWatch *watch);

/* Whether libvirt has said which domains there are, and of each what it is, or that it hangs: what
 * is not in the view is not there. */
VH_PUBLIC gboolean vh_watch_has_seen_all(const VhWatch *watch);

/* Whether a poll failed for good, and why: the message of the last failure to connect; NULL while
 * connected. Borrowed until the main loop runs on. */
VH_PUBLIC const char *vh_watch_error(const VhWatch *watch);

/*
 * A handle on the connection that acts (read-write, never polled on), for vh_ask_start(). Free it
 * with virDomainFree(). VH_ERROR_GONE while the connection is lost or the domain is unknown,
 * VH_ERROR_DENIED on a read-only watch. Takes no round trip for domains that libvirt has told of;
 * one quick lookup by UUID otherwise.
 */
VH_PUBLIC virDomainPtr vh_watch_lookup(VhWatch *watch, const VhUuid *uuid,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Stops, without waiting for what hangs. In the thread of options->context; may be called from
 * `polled`, but not from `event`. NULL-safe. */
VH_PUBLIC void vh_watch_free(VhWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhWatch, vh_watch_free)

G_END_DECLS
