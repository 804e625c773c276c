/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread's side of a poll. Private to vh-poll.c and vh-poller.c. */
#pragma once

#include "vh-libvirt.h"
#include "vh-poller.h"

G_BEGIN_DECLS

struct VhPoll {
    int references; /* atomic */
    VhPollMode mode;
    gint64 stats_period_us;
    VhMonitorRule monitor;
    gboolean keeps_xml;
    GHashTable *items; /* VhUuid -> VhPollItem */

    GMutex mutex; /* both below; never held across a call into libvirt */
    gboolean is_taken;
    VhPollResults results;
};

void vh_poll_put_list(VhPoll *poll, virDomainPtr *domains, int n);

/* Takes over `found`. */
void vh_poll_put_found(VhPoll *poll, VhPollFound *found);

/* From here on, should a call not return, it is this domain's fault. */
void vh_poll_enter(VhPoll *poll, const VhUuid *uuid, gboolean is_returning);

/* Takes over `error`. */
void vh_poll_fail(VhPoll *poll, gboolean is_lost, GError *error);

/* FALSE once its results were taken: then nobody waits for more. */
gboolean vh_poll_is_wanted(VhPoll *poll);

G_END_DECLS
