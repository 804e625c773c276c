/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests of each tier, booted once, and the states through which the one of tier native is put:
 * what the tables of states (test-states.c, states-calls.c) are about. For programs that run inside
 * the lab.
 */
#pragma once

#include "daemon-fixture.h"

G_BEGIN_DECLS

/* The columns of the tables. The first ones are of a guest of tier native. */
typedef enum {
    STATE_RUNNING,
    STATE_PAUSED,
    STATE_OFF, /* defined as that guest is, and never started */
    STATE_MIGRATING,
    STATE_HUNG,
    STATE_READ_ONLY, /* running; over a read-only connection */
    STATE_NONE,      /* running, of this tier: so are the next */
    STATE_PULSE,
    STATE_SOFT,
    N_STATES,
} State;

typedef struct {
    DaemonFixture daemon;
    VhLab *there; /* where the guest migrates to; NULL: it has not yet */
    VhLabGuest *native, *none, *pulse, *soft;
    VhLabMigration *migration;
} States;

/* Boots the guests; FALSE, and the test is skipped, where there is no patched QEMU or no driver. */
gboolean states_set_up(States *states);
void states_tear_down(States *states);

const char *states_name(State state);
/* The domain that a column is about. */
const char *states_domain(State state);

/* Puts the guest into a state, and out of it again. */
void states_enter(States *states, State state);
void states_leave(States *states, State state);

/* A word of a row of a table: its columns stand in the order of State, blanks between them. Fails
 * where there are more or fewer of them. Free with g_strfreev(). */
char **states_split_row(const char *row);

/* ---- The library's calls (states-calls.c) ---- */

/* Each call in one state; fails the test, with all that differs. */
void states_check_calls(States *states, State state);

G_END_DECLS
