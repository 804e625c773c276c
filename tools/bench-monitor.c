/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A monitor's latency, one command after the other. */
#include "bench-monitor.h"

#include "bench-figures.h"
#include "bench-socket.h"

#define BETWEEN_US 500

struct BenchMonitor {
    BenchSocket *socket;
    GThread *thread;
    gint end;
    GArray *answers_ms; /* of double */
};

static gpointer ask(gpointer data)
{
    BenchMonitor *monitor = data;

    while (!g_atomic_int_get(&monitor->end)) {
        gint64 start = g_get_monotonic_time();
        double ms;

        bench_socket_execute(monitor->socket, "{\"execute\": \"query-status\"}");
        ms = (double)(g_get_monotonic_time() - start) / 1000;
        g_array_append_val(monitor->answers_ms, ms);
        g_usleep(BETWEEN_US);
    }
    return NULL;
}

BenchMonitor *bench_monitor_open(const char *path, pid_t pid)
{
    BenchMonitor *monitor = g_new0(BenchMonitor, 1);

    monitor->socket = bench_socket_open_monitor(path, pid);
    monitor->answers_ms = g_array_new(FALSE, FALSE, sizeof(double));
    return monitor;
}

void bench_monitor_begin(BenchMonitor *monitor)
{
    g_array_set_size(monitor->answers_ms, 0);
    monitor->end = FALSE;
    monitor->thread = g_thread_new("monitor", ask, monitor);
}

BenchLatency bench_monitor_end(BenchMonitor *monitor)
{
    GArray *all = monitor->answers_ms;
    BenchLatency latency = {0};

    g_atomic_int_set(&monitor->end, TRUE);
    g_thread_join(g_steal_pointer(&monitor->thread));
    g_array_sort(all, bench_compare_doubles);
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
