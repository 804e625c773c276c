/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon: a session driven by a timer, with its policy, its state file, its log and its place
 * on the bus. Everything else is the session's.
 */
#pragma once

#include "vh-recorder.h"
#include "vh-session.h"

G_BEGIN_DECLS

typedef struct {
    const char *policy_path;    /* file or directory */
    gboolean policy_is_default; /* then it need not exist: the built-in policy stands in */
    const char *state_path;     /* NULL: nothing is remembered across restarts */
    const char *bus_address;    /* NULL: the system bus; "none": no D-Bus */
    VhRecorderOptions record;   /* path NULL: nothing is recorded; version, engine and notice are
                                   the daemon's own */
    gboolean once;              /* ends after one round of asks */
    VhSessionOptions session;
} VhDaemonOptions;

/*
 * Runs until SIGTERM or SIGINT, or until the one round is over. The exit status: 0; 1 with *error
 * set where it could not start; 1 without, but logged, where one round found no host.
 */
int vh_daemon_run(const VhDaemonOptions *options, GError **error);

G_END_DECLS
