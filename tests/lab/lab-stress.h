/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `virthint-lab stress`: one guest that checks each byte of its memory, while the host does to its
 * balloon all that it can, in an order that the seed gives. What the parts of it share.
 */
#pragma once

#include "vh-lab-monitor.h"
#include "vh-lab-qemu.h"
#include "vh-workload.h"

G_BEGIN_DECLS

typedef enum {
    STRESS_PASS,
    STRESS_CANCEL,
    STRESS_TOGGLE,
    STRESS_BALLOON,
    STRESS_SQUEEZE,
    STRESS_STATS,
    STRESS_RELOAD,
    STRESS_MIGRATE,
    STRESS_ABANDON,
    STRESS_ACTIONS,
} StressAction;

typedef enum {
    STRESS_PASS_DONE,
    STRESS_PASS_LIMIT,
    STRESS_PASS_CANCELLED,
    STRESS_PASS_FAILED,
    STRESS_PASS_TIMEOUT,
    STRESS_PASS_ENDS,
} StressPassEnd;

/* What came of it; the exit status. */
typedef enum {
    STRESS_WELL,
    STRESS_CORRUPTED, /* a byte of the guest's memory was not what it should be */
    STRESS_BROKEN,    /* the guest, its driver or QEMU did what it must not do */
    STRESS_MISSED,    /* an action that was wanted never came to its end: nothing was tested */
} StressOutcome;

typedef struct {
    VhLabGuestSpec spec;
    guint32 seed;
    guint time_s;
    guint threads;
    gboolean json;
    guint32 actions;        /* bits of StressAction */
    guint32 stress_without; /* bits of VhWorkloadStress */
} StressOptions;

/* One side of a migration, or all there is. */
typedef struct {
    VhLabQemu *qemu;
    VhLabMonitor *monitor;
} StressSide;

typedef struct {
    const StressOptions *options;
    GRand *rand;
    VhLab *lab;
    VhLabDisk disk;
    char *balloon_properties;
    guint64 stress_bytes; /* what the guest's threads use together */
    StressSide here;
    StressSide there; /* qemu NULL: no migration goes on */
    gboolean migrates_paused;
    gint64 migration_us;
    gint64 abandon_us; /* when this migration is to be cancelled; 0: it is not */
    VhLabGuest *guest;
    VhLabWork *work;
    VhLabReport *report;    /* the last that was sent */
    gboolean has_ended;     /* it is the last of all */
    guint64 verified_bytes; /* as far as is known: a worker that is killed says nothing */
    gint64 heard_us;        /* when it came */
    GArray *deck;           /* of StressAction, shuffled */
    guint32 actions;        /* of options->actions those that this guest can be asked for */
    guint64 done[STRESS_ACTIONS];
    guint64 refused; /* commands, for a reason that may be */
    guint64 passes_asked, passes_ended;
    guint64 passes[STRESS_PASS_ENDS];
    guint64 pass_bytes;   /* discarded during passes */
    JsonObject *counters; /* QEMU's, at the end */
    char *driver;         /* the driver's, at the end */
    gint64 began_us;
    StressOutcome outcome;
    GPtrArray *problems;
} Stress;

/* The word for an action ("pass"), and for a pass's end ("done"). */
const char *stress_action_name(StressAction action);
const char *stress_pass_end_name(StressPassEnd end);

/* Runs it all inside of the lab; what came of it is in *stress. To be cleared by the caller. */
void stress_run_all(Stress *stress);
void stress_clear(Stress *stress);

/* Notes what is wrong. The worst counts: what is corrupted before what is broken. */
void stress_note(Stress *stress, StressOutcome outcome, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Does an action. FALSE where the guest or its QEMU is lost. */
gboolean stress_act(Stress *stress, StressAction action, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Executes a monitor command; `arguments` is what stands between the braces, or "". Where QEMU
 * refuses for a reason that may be, such as a migration, this counts as done, with *ret_value NULL;
 * another refusal is noted. ret_value may be NULL. FALSE where QEMU is lost.
 */
gboolean stress_command(Stress *stress, const char *command, const char *arguments,
                        JsonNode **ret_value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes an event of either side's monitor; user_data is the Stress. */
void stress_take_event(const char *name, JsonObject *data, gpointer stress);

/* query-balloon-reporting; NULL without an error where this QEMU has no such command. */
JsonObject *stress_query(Stress *stress, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Starts a QEMU, incoming or not, and its monitor. */
gboolean stress_side_open(Stress *stress, const char *incoming, StressSide *ret_side,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void stress_side_close(StressSide *side);

/*
 * Finds out whether this QEMU can migrate a guest that runs. Before 9.0 its TCG forgets to watch
 * pages again that it has asked about, so that what the guest writes then is lost, with a stock
 * balloon as with ours. There the guest is stopped for the time of each migration.
 */
gboolean stress_migration_probe(Stress *stress, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Begins a migration, which `abandon_us` later is cancelled unless that is 0; looks after one. */
gboolean stress_migration_begin(Stress *stress, gint64 abandon_us,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean stress_migration_poll(Stress *stress, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
