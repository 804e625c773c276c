/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virthintd as the demo's child, on a message bus of its own, and what it tells over D-Bus, written
 * into the record of the run. It must not know what the guests do.
 */
#pragma once

#include "child-daemon.h"
#include "demo-record.h"

G_BEGIN_DECLS

typedef struct VhDemoDaemon VhDemoDaemon;

/*
 * Starts a bus and the daemon on it, and waits until the daemon has answered. Signals and replies
 * come on the default main context and go into `record` (borrowed), whose time started at
 * `start_us` (monotonic). NULL with what went wrong, the daemon's last lines included.
 */
VhDemoDaemon *vh_demo_daemon_start(const VhChildDaemonOptions *options, VhDemoRecord *record,
                                   gint64 start_us, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Asks for the plan of the last cycle; its verdicts are in the record once the main loop ran. */
void vh_demo_daemon_poll(VhDemoDaemon *daemon);

/* The level of the last plan; "" before the first. Borrowed. */
const char *vh_demo_daemon_level(const VhDemoDaemon *daemon);

/* Whether it still runs. */
gboolean vh_demo_daemon_is_running(const VhDemoDaemon *daemon);

/* SIGTERM, and waits until it has put back what it moved and is gone (30 s at most). FALSE where it
 * did not exit by itself with code 0. */
gboolean vh_demo_daemon_stop(VhDemoDaemon *daemon, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Kills what still runs. NULL-safe. */
void vh_demo_daemon_free(VhDemoDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhDemoDaemon, vh_demo_daemon_free)

G_END_DECLS
