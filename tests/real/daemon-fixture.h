/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virthintd as a child of a test, on a message bus of its own, and the virthint command as the way
 * to look at it. For programs that run inside the lab.
 */
#pragma once

#include "vh-lab.h"
#include "vh-units.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct {
    VhLab *lab;
    char *folder; /* policy, state, logs: in the lab's directory */
    char *bus;    /* address */
    pid_t bus_pid;
    pid_t daemon_pid; /* 0: not started, or ended */
} DaemonFixture;

void daemon_fixture_set_up(DaemonFixture *fixture, gconstpointer data);
void daemon_fixture_tear_down(DaemonFixture *fixture, gconstpointer data);

/* Writes the policy file; where the daemon runs it is not told. */
void daemon_fixture_write_policy(DaemonFixture *fixture, const char *text);

/* Starts virthintd with further options (NULL-terminated, may be NULL) and waits till it is on the
 * bus. */
void daemon_fixture_start(DaemonFixture *fixture, const char *const *options);

/* SIGTERM; asserts that it exits with 0. */
void daemon_fixture_stop(DaemonFixture *fixture);

/* SIGKILL. */
void daemon_fixture_kill(DaemonFixture *fixture);

/* All that the daemon has logged. Free with g_free(). */
char *daemon_fixture_log(const DaemonFixture *fixture);

/* Runs virthint over the fixture's bus (or, with `local`, without any daemon, on the lab's libvirt)
 * and returns its exit status. Outputs may be NULL. */
int daemon_fixture_run(const DaemonFixture *fixture, gboolean local, const char *const *arguments,
                       char **ret_stdout, char **ret_stderr);

/* The document that `virthint --json` prints for these arguments; asserts success. */
JsonObject *daemon_fixture_json(const DaemonFixture *fixture, gboolean local,
                                const char *const *arguments);

/* Looks at `info NAME` again and again till `check` holds; fails, with the last document and the
 * log, when it does not within VH_LAB_TIMEOUT_MS. */
typedef gboolean (*DaemonCheck)(JsonObject *domain, gpointer data);
void daemon_fixture_await(const DaemonFixture *fixture, const char *name, DaemonCheck check,
                          gpointer data);

/* Checks for it: the last ask returned at least *(guint64 *)data bytes; the reason is the word
 * `data`. */
gboolean daemon_check_returned(JsonObject *domain, gpointer data);
gboolean daemon_check_reason(JsonObject *domain, gpointer data);
gboolean daemon_check_hung(JsonObject *domain, gpointer data);
gboolean daemon_check_answers(JsonObject *domain, gpointer data);

/* A guest of `mib` MiB, booted. */
VhLabGuest *daemon_fixture_guest(DaemonFixture *fixture, const char *name, guint mib,
                                 const char *metadata_xml);

/* Runs a program in it; asserts that it ends well and nothing was corrupted. */
void daemon_fixture_work(VhLabGuest *guest, const char *program);

/* Resident memory of a guest, as libvirt tells it. */
guint64 daemon_fixture_rss(VhLabGuest *guest);

/* Where its balloon is, in KiB. */
guint64 daemon_fixture_balloon_kib(VhLabGuest *guest);

/* Waits till the balloon is (or, with below, is anywhere below) `kib`. */
void daemon_fixture_await_balloon(VhLabGuest *guest, guint64 kib, gboolean below);

/* Whether an in-flight record is in its metadata. */
gboolean daemon_fixture_has_record(VhLabGuest *guest);

G_END_DECLS
