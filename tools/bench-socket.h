/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The line-wise talk to QEMU's sockets (a monitor, or qtest) that benchmarks need: a client of
 * their own sees when something ends without asking through libvirt. Fails by ending the program:
 * it is for benchmarks only.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* A socket of QEMU's, and what has been read of it. */
typedef struct {
    int fd;
    GString *input;
} BenchSocket;

/* Connects, again and again till there is somebody or `pid` (0: nobody's) has ended. */
BenchSocket *bench_socket_open(const char *path, pid_t pid);
/* The same for a monitor, whose greeting it answers. */
BenchSocket *bench_socket_open_monitor(const char *path, pid_t pid);
void bench_socket_close(BenchSocket *socket);

/* Sends a line; blocks for the next line. Free with g_free(). */
void bench_socket_send(BenchSocket *socket, const char *line);
char *bench_socket_receive(BenchSocket *socket);

/* Of a monitor: blocks for a command's answer, past events; an error ends the program. The line, to
 * be freed with g_free(). */
char *bench_socket_call(BenchSocket *socket, const char *command);
/* The same, for its effect alone. */
void bench_socket_execute(BenchSocket *socket, const char *command);

/* Of a monitor: blocks for an event of this name; its data. Free with json_object_unref(). */
JsonObject *bench_socket_await_event(BenchSocket *socket, const char *name);

/* The object under `member` of a line; NULL where there is none. Free with json_object_unref(). */
JsonObject *bench_socket_parse(const char *line, const char *member);

G_END_DECLS
