/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A monitor's latency, one command after the other. */
#include "bench-monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OPEN_TIMEOUT_US (60 * G_USEC_PER_SEC)
#define BETWEEN_US 500

struct BenchMonitor {
    BenchSocket *socket;
    GThread *thread;
    gint end;
    GArray *answers_ms; /* of double */
};

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

/* Blocks for the answer; events come in between. */
static void call(BenchSocket *socket, const char *command)
{
    gboolean answered = FALSE;

    bench_socket_send(socket, command);
    while (!answered) {
        g_autofree char *line = bench_socket_receive(socket);

        if (strstr(line, "\"error\""))
            g_error("%s: %s", command, line);
        answered = strstr(line, "\"return\"") != NULL;
    }
}

static gpointer ask(gpointer data)
{
    BenchMonitor *monitor = data;

    while (!g_atomic_int_get(&monitor->end)) {
        gint64 start = g_get_monotonic_time();
        double ms;

        call(monitor->socket, "{\"execute\": \"query-status\"}");
        ms = (double)(g_get_monotonic_time() - start) / 1000;
        g_array_append_val(monitor->answers_ms, ms);
        g_usleep(BETWEEN_US);
    }
    return NULL;
}

BenchMonitor *bench_monitor_open(const char *path, pid_t pid)
{
    BenchMonitor *monitor = g_new0(BenchMonitor, 1);

    monitor->socket = bench_socket_open(path, pid);
    g_free(bench_socket_receive(monitor->socket)); /* the greeting */
    call(monitor->socket, "{\"execute\": \"qmp_capabilities\"}");
    monitor->answers_ms = g_array_new(FALSE, FALSE, sizeof(double));
    return monitor;
}

void bench_monitor_begin(BenchMonitor *monitor)
{
    g_array_set_size(monitor->answers_ms, 0);
    monitor->end = FALSE;
    monitor->thread = g_thread_new("monitor", ask, monitor);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

BenchLatency bench_monitor_end(BenchMonitor *monitor)
{
    GArray *all = monitor->answers_ms;
    BenchLatency latency = {0};

    g_atomic_int_set(&monitor->end, TRUE);
    g_thread_join(g_steal_pointer(&monitor->thread));
    g_array_sort(all, compare);
    latency.answers = all->len;
    if (all->len > 0) {
        latency.p50_ms = g_array_index(all, double, all->len / 2);
        latency.p99_ms = g_array_index(all, double, (gsize)all->len * 99 / 100);
        latency.max_ms = g_array_index(all, double, all->len - 1);
    }
    return latency;
}

void bench_monitor_close(BenchMonitor *monitor)
{
    if (!monitor)
        return;
    bench_socket_close(monitor->socket);
    g_array_unref(monitor->answers_ms);
    g_free(monitor);
}

guint64 bench_resident_bytes(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", (int)pid);
    g_autofree char *text = NULL;
    guint64 pages;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        sscanf(text, "%*u %" G_GUINT64_FORMAT, &pages) != 1)
        g_error("%s: cannot be read", path);
    return pages * (guint64)sysconf(_SC_PAGESIZE);
}

double bench_median(double *values, guint n)
{
    qsort(values, n, sizeof(*values), compare);
    return n == 0 ? 0 : n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
