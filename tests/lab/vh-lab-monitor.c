/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QMP over a socket: one line out, lines in, events between the answers. */
#include "vh-lab-monitor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_US 5000

struct VhLabMonitor {
    int fd;
    GString *input;
    VhLabMonitorEvent event;
    gpointer user_data;
};

static gboolean connect_once(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return FALSE;
    }
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static gboolean connect_to(int fd, const char *path, pid_t pid, gint64 until, GError **error)
{
    while (!connect_once(fd, path)) {
        int saved = errno;

        /* An ended child that nobody has reaped yet is still there: the time is limited, too. */
        if (kill(pid, 0) < 0 || g_get_monotonic_time() > until) {
            g_set_error(error, VH_ERROR, VH_ERROR_GONE, "QEMU's monitor: %s", g_strerror(saved));
            return FALSE;
        }
        g_usleep(RETRY_US);
    }
    return TRUE;
}

/* The next line as an object; NULL without an error where none comes in time. */
static JsonObject *read_line(VhLabMonitor *monitor, gint64 until, GError **error)
{
    g_autoptr(JsonNode) node = NULL;
    g_autofree char *line = NULL;
    const char *newline;

    while (!(newline = memchr(monitor->input->str, '\n', monitor->input->len))) {
        gint64 left_us = until - g_get_monotonic_time();
        struct pollfd fd = {.fd = monitor->fd, .events = POLLIN};
        char buffer[4096];
        ssize_t n;

        if (poll(&fd, 1, left_us > 0 ? (int)(left_us / 1000 + 1) : 0) == 0)
            return NULL;
        n = recv(monitor->fd, buffer, sizeof(buffer), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            g_set_error(error, VH_ERROR, VH_ERROR_GONE, "QEMU has ended");
            return NULL;
        }
        g_string_append_len(monitor->input, buffer, n);
    }
    line = g_strndup(monitor->input->str, (gsize)(newline - monitor->input->str));
    g_string_erase(monitor->input, 0, newline - monitor->input->str + 1);
    node = json_from_string(line, NULL);
    if (node && JSON_NODE_HOLDS_OBJECT(node))
        return json_object_ref(json_node_get_object(node));
    g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL, "QEMU's monitor sent '%.100s'", line);
    return NULL;
}

static void pass_on(VhLabMonitor *monitor, JsonObject *line)
{
    JsonNode *data = json_object_get_member(line, "data");

    if (json_object_has_member(line, "event"))
        monitor->event(json_object_get_string_member(line, "event"),
                       data ? json_node_get_object(data) : NULL, monitor->user_data);
}

gboolean vh_lab_monitor_listen(VhLabMonitor *monitor, guint timeout_ms, GError **error)
{
    gint64 until = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    g_autoptr(GError) reason = NULL;

    for (;;) {
        g_autoptr(JsonObject) line = read_line(monitor, until, &reason);

        if (!line)
            break;
        pass_on(monitor, line);
    }
    if (!reason)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
}

static gboolean send_line(VhLabMonitor *monitor, const char *text, GError **error)
{
    gsize length = strlen(text);

    while (length > 0) {
        ssize_t n = send(monitor->fd, text, length, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            g_set_error(error, VH_ERROR, VH_ERROR_GONE, "QEMU has ended");
            return FALSE;
        }
        text += n;
        length -= (gsize)n;
    }
    return TRUE;
}

static JsonNode *take_answer(JsonObject *line, const char *command, GError **error)
{
    JsonNode *value = json_object_get_member(line, "return");
    JsonNode *refusal = json_object_get_member(line, "error");

    if (value)
        return json_node_copy(value);
    g_set_error(error, VH_ERROR, VH_ERROR_DENIED, "%s: %s", command,
                json_object_get_string_member_with_default(json_node_get_object(refusal), "desc",
                                                           "no reason given"));
    return NULL;
}

JsonNode *vh_lab_monitor_call(VhLabMonitor *monitor, guint timeout_ms, GError **error,
                              const char *command, const char *arguments, ...)
{
    gint64 until = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    g_autofree char *inside = NULL, *text = NULL;
    g_autoptr(GError) reason = NULL;
    va_list args;

    if (arguments) {
        va_start(args, arguments);
        inside = g_strdup_vprintf(arguments, args);
        va_end(args);
    }
    text = g_strdup_printf("{\"execute\": \"%s\", \"arguments\": {%s}}\n", command,
                           inside ? inside : "");
    if (!send_line(monitor, text, error))
        return NULL;
    for (;;) {
        g_autoptr(JsonObject) line = read_line(monitor, until, &reason);

        if (!line && !reason)
            g_set_error(&reason, VH_ERROR, VH_ERROR_TIMEOUT, "QEMU does not answer");
        if (!line) {
            g_propagate_prefixed_error(error, g_steal_pointer(&reason), "%s: ", command);
            return NULL;
        }
        if (json_object_has_member(line, "return") || json_object_has_member(line, "error"))
            return take_answer(line, command, error);
        pass_on(monitor, line);
    }
}

VhLabMonitor *vh_lab_monitor_open(const char *path, pid_t pid, guint timeout_ms,
                                  VhLabMonitorEvent event, gpointer user_data, GError **error)
{
    gint64 until = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    VhLabMonitor *monitor = g_new0(VhLabMonitor, 1);
    g_autoptr(JsonNode) answer = NULL;

    monitor->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    monitor->input = g_string_new(NULL);
    monitor->event = event;
    monitor->user_data = user_data;
    /* The greeting is a line that is neither an answer nor an event. */
    if (!connect_to(monitor->fd, path, pid, until, error) ||
        !(answer = vh_lab_monitor_call(monitor, timeout_ms, error, "qmp_capabilities", NULL)))
        g_clear_pointer(&monitor, vh_lab_monitor_free);
    return monitor;
}

void vh_lab_monitor_free(VhLabMonitor *monitor)
{
    if (!monitor)
        return;
    close(monitor->fd);
    g_string_free(monitor->input, TRUE);
    g_free(monitor);
}
