/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read of the host for which pool, on trees of the test's own (mocks: no real kernel is
 * asked). */
#include "fixture.h"
#include "tree.h"
#include "vh-host.h"

#include <string.h>

/* What all pools have in common. */
static void write_host(const Root *root)
{
    write_file(root, "proc/meminfo",
               "MemTotal: 67108864 kB\nMemFree: 1 kB\nMemAvailable: 33554432 kB\nSwapTotal: 5 kB\n",
               -1);
    write_file(root, "proc/pressure/memory", "some avg10=1.00 avg60=0\nfull avg10=0.50 avg60=0\n",
               -1);
    write_file(root, "proc/vmstat", "pswpout 0\n", -1);
    write_file(root, "sys/devices/system/node/node1/meminfo",
               "Node 1 MemTotal:       32768 kB\nNode 1 MemFree:       1000 kB\n"
               "Node 1 Active(file):   4000 kB\nNode 1 Inactive(file):  200 kB\n"
               "Node 1 SReclaimable:     30 kB\n",
               -1);
    write_file(root, "cgroup/cgroup.controllers", "memory\n", -1);
    write_file(root, "cgroup/machine.slice/memory.max", "4096\n", -1);
    write_file(root, "cgroup/machine.slice/memory.current", "1000\n", -1);
    write_file(root, "cgroup/machine.slice/memory.stat", "inactive_file 10\n", -1);
}

static gboolean read_host(const Root *root, const VhPoolConfig *pool, VhSnapshot *snapshot,
                          GError **error)
{
    g_autofree char *proc = g_build_filename(root->path, "proc", NULL);
    g_autofree char *sys = g_build_filename(root->path, "sys", NULL);
    g_autofree char *cgroup = g_build_filename(root->path, "cgroup", NULL);
    const VhHostRoots roots = {proc, sys, cgroup};
    gboolean has_swap = FALSE;

    if (!vh_host_read(&roots, pool, snapshot, &has_swap, error))
        return FALSE;
    g_assert_true(has_swap);
    g_assert_cmpuint(snapshot->mem_total_bytes, ==, 64 * VH_GIB);
    g_assert_cmpuint(snapshot->mem_available_bytes, ==, 32 * VH_GIB);
    return TRUE;
}

/* Only what the pool goes by is read: what nobody needs is not there. */
static void test_pools(Root *root, gconstpointer data)
{
    const struct {
        const char *what;
        VhPoolConfig pool;
        gboolean has_psi, has_swap_out, has_group;
        guint n_nodes;
    } table[] = {
        {"host, by its bounds", {.source = VH_POOL_HOST}, FALSE, FALSE, FALSE, 0},
        {"host, stalls", {.source = VH_POOL_HOST, .psi_some_bp = 1}, TRUE, FALSE, FALSE, 0},
        {"host, full stalls", {.source = VH_POOL_HOST, .psi_full_bp = 1}, TRUE, FALSE, FALSE, 0},
        {"host, swap", {.source = VH_POOL_HOST, .swap_out_bytes_per_s = 1}, FALSE, TRUE, FALSE, 0},
        {"budget", {.source = VH_POOL_BUDGET, .psi_some_bp = 1}, TRUE, FALSE, FALSE, 0},
        {"node", {.source = VH_POOL_NUMA, .node = 1, .psi_some_bp = 1}, TRUE, FALSE, FALSE, 1},
        /* its own pressure only, which this one does not tell */
        {"group",
         {.source = VH_POOL_CGROUP, .cgroup = (char *)"/machine.slice", .psi_some_bp = 1},
         FALSE,
         FALSE,
         TRUE,
         0},
    };

    write_host(root);
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();
        g_autoptr(GError) error = NULL;
        g_test_message("%s", table[i].what);
        g_assert_true(read_host(root, &table[i].pool, snapshot, &error));
        g_assert_no_error(error);
        g_assert_cmpint(snapshot->pressure.has_psi, ==, table[i].has_psi);
        g_assert_cmpint(snapshot->pressure.has_swap_out, ==, table[i].has_swap_out);
        g_assert_cmpint(snapshot->has_group, ==, table[i].has_group);
        g_assert_cmpuint(snapshot->nodes->len, ==, table[i].n_nodes);
    }
}

static void test_node(Root *root, gconstpointer data)
{
    const VhPoolConfig pool = {.source = VH_POOL_NUMA, .node = 1};
    g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();

    write_host(root);
    g_assert_true(read_host(root, &pool, snapshot, NULL));
    const VhNode *node = &g_array_index(snapshot->nodes, VhNode, 0);
    g_assert_cmpuint(node->id, ==, 1);
    g_assert_cmpuint(node->total_bytes, ==, 32 * VH_MIB);
    g_assert_cmpuint(node->available_bytes, ==, 1230 * VH_KIB);
}

static void test_refused(Root *root, gconstpointer data)
{
    const struct {
        VhPoolConfig pool;
        int code;
        const char *phrase;
    } table[] = {
        {{.source = VH_POOL_NUMA, .node = 7}, VH_ERROR_GONE, "NUMA node 7"},
        {{.source = VH_POOL_NUMA, .node = 2}, VH_ERROR_PROTOCOL, "Node 2 Inactive(file)"},
        {{.source = VH_POOL_CGROUP, .cgroup = (char *)"/none"}, VH_ERROR_GONE, "'/none'"},
        {{.source = VH_POOL_CGROUP, .cgroup = (char *)"/"}, VH_ERROR_INVALID, "limit"},
    };

    write_host(root);
    write_file(root, "sys/devices/system/node/node2/meminfo",
               "Node 2 MemTotal: 32768 kB\nNode 2 MemFree: 1000 kB\nNode 2 SReclaimable: 30 kB\n",
               -1);
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();
        g_autoptr(GError) error = NULL;
        g_assert_false(read_host(root, &table[i].pool, snapshot, &error));
        g_assert_error(error, VH_ERROR, table[i].code);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, table[i].phrase));
    }
}

/* Of the time that the snapshot is of, not of now: summer and winter differ. */
static void test_local_time(Root *root, gconstpointer data)
{
    static const struct {
        const char *zone;
        gint64 wall_us;
        int offset_min;
    } table[] = {
        {"UTC0", FIXTURE_WALL_US, 0},
        {"XYZ-05:30", FIXTURE_WALL_US, 330},
        {"XYZ3", FIXTURE_WALL_US, -180},
        {"CET-1CEST,M3.5.0,M10.5.0/3", FIXTURE_WALL_US, 60},
        {"CET-1CEST,M3.5.0,M10.5.0/3", FIXTURE_WALL_US + 180 * 24 * VH_HOUR, 120},
    };
    const VhPoolConfig pool = {.source = VH_POOL_HOST};
    g_autofree char *before = g_strdup(g_getenv("TZ"));

    write_host(root);
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(VhSnapshot) snapshot = vh_snapshot_new();
        g_setenv("TZ", table[i].zone, TRUE);
        snapshot->wall_us = table[i].wall_us;
        g_assert_true(read_host(root, &pool, snapshot, NULL));
        g_assert_cmpint(snapshot->utc_offset_us, ==, table[i].offset_min * VH_MIN);
    }
    if (before)
        g_setenv("TZ", before, TRUE);
    else
        g_unsetenv("TZ");
}

static void add(const char *path, void (*function)(Root *, gconstpointer))
{
    g_test_add(path, Root, NULL, root_set_up, function, root_tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/host/pools", test_pools);
    add("/host/node", test_node);
    add("/host/refused", test_refused);
    add("/host/local-time", test_local_time);
    return g_test_run();
}
