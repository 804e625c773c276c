/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virsh as a child of a test: the dispatcher, stock virsh, or one that was built. For programs that
 * run inside the lab.
 */
#pragma once

#include "daemon-fixture.h"

G_BEGIN_DECLS

/* How a program went. */
typedef struct {
    char *out, *err;
    int status;
} VirshResult;

void virsh_result_clear(VirshResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VirshResult, virsh_result_clear)

/* The value of a variable that meson sets; fails where it is not. */
const char *virsh_fixture_variable(const char *name);

/* The dispatcher is the first virsh in PATH; with the fixture's daemon, or with a bus that nobody
 * is on. Free with g_strfreev(). */
char **virsh_fixture_environment(const DaemonFixture *fixture, gboolean with_daemon);

/* `VIRSH -c LAB ARGUMENT...`; VIRSH is a path, or "virsh" for the dispatcher. `input` NULL: nothing
 * is there to be read. */
VirshResult virsh_fixture_run(const DaemonFixture *fixture, const char *virsh, gboolean with_daemon,
                              const char *const *arguments);
VirshResult virsh_fixture_feed(const DaemonFixture *fixture, const char *virsh,
                               gboolean with_daemon, const char *const *arguments,
                               const char *input);

/* `virthint ARGUMENT...` over the fixture's bus. */
VirshResult virsh_fixture_virthint(const DaemonFixture *fixture, const char *const *arguments);

/* Empty lines at the end aside, which virsh prints behind each command. */
gboolean virsh_fixture_is_same(const char *a, const char *b);

/* Whether one of the lines of a text is this one, blanks around it aside. */
gboolean virsh_fixture_has_line(const char *text, const char *line);

G_END_DECLS
