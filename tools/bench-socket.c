/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines over a Unix socket; each is a JSON value where the socket is a monitor's. */
#include "bench-socket.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OPEN_TIMEOUT_US (60 * G_USEC_PER_SEC)

static gboolean connect_to(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

BenchSocket *bench_socket_open(const char *path, pid_t pid)
{
    gint64 until = g_get_monotonic_time() + OPEN_TIMEOUT_US;
    BenchSocket *result = g_new0(BenchSocket, 1);

    result->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    result->input = g_string_new(NULL);
    while (!connect_to(result->fd, path)) {
        if (g_get_monotonic_time() > until || (pid && kill(pid, 0) < 0))
            g_error("%s: nobody there: %s", path, g_strerror(errno));
        g_usleep(10000);
    }
    return result;
}

BenchSocket *bench_socket_open_monitor(const char *path, pid_t pid)
{
    BenchSocket *socket = bench_socket_open(path, pid);

    g_free(bench_socket_receive(socket)); /* the greeting */
    bench_socket_execute(socket, "{\"execute\": \"qmp_capabilities\"}");
    return socket;
}

void bench_socket_close(BenchSocket *socket)
{
    if (!socket)
        return;
    close(socket->fd);
    g_string_free(socket->input, TRUE);
    g_free(socket);
}

void bench_socket_send(BenchSocket *socket, const char *line)
{
    g_autofree char *text = g_strconcat(line, "\n", NULL);
    gsize length = strlen(text);

    for (gsize done = 0; done < length;) {
        ssize_t n = send(socket->fd, text + done, length - done, MSG_NOSIGNAL);

        if (n <= 0)
            g_error("QEMU is gone: %s", g_strerror(errno));
        done += (gsize)n;
    }
}

char *bench_socket_receive(BenchSocket *socket)
{
    char buffer[4096];
    const char *newline;
    char *line;

    while (!(newline = memchr(socket->input->str, '\n', socket->input->len))) {
        ssize_t n = recv(socket->fd, buffer, sizeof(buffer), 0);

        if (n <= 0)
            g_error("QEMU is gone");
        g_string_append_len(socket->input, buffer, n);
    }
    line = g_strndup(socket->input->str, (gsize)(newline - socket->input->str));
    g_string_erase(socket->input, 0, newline - socket->input->str + 1);
    return line;
}

char *bench_socket_call(BenchSocket *socket, const char *command)
{
    bench_socket_send(socket, command);
    for (;;) {
        g_autofree char *line = bench_socket_receive(socket);

        if (strstr(line, "\"error\""))
            g_error("%s: %s", command, line);
        if (strstr(line, "\"return\""))
            return g_steal_pointer(&line);
    }
}

void bench_socket_execute(BenchSocket *socket, const char *command)
{
    g_free(bench_socket_call(socket, command));
}

JsonObject *bench_socket_parse(const char *line, const char *member)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = json_from_string(line, &error);
    JsonObject *object;

    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
        g_error("QEMU says what is no JSON object: %.80s", line);
    object = json_node_get_object(node);
    if (!json_object_has_member(object, member) ||
        !JSON_NODE_HOLDS_OBJECT(json_object_get_member(object, member)))
        return NULL;
    return json_object_ref(json_object_get_object_member(object, member));
}

JsonObject *bench_socket_await_event(BenchSocket *socket, const char *name)
{
    for (;;) {
        g_autofree char *line = bench_socket_receive(socket);
        JsonObject *data;

        if (strstr(line, name) && (data = bench_socket_parse(line, "data")))
            return data;
    }
}
