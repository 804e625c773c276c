/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control groups of both versions, on trees of the test's own (mocks: no real kernel is asked). */
#include "tree.h"
#include "vh-cgroup.h"
#include "vh-units.h"

#include <string.h>
#include <unistd.h>

#define STAT2 "anon 5\nfile 900\ninactive_file 200\nactive_file 700\n"
#define PSI "some avg10=7.50 avg60=0 avg300=0 total=0\nfull avg10=2.25 avg60=0 avg300=0 total=0\n"
/* What version 1 shows where there is no limit. */
#define NO_LIMIT1 "9223372036854771712\n"

static void write_group2(const Root *root, const char *group, const char *max, const char *high)
{
    const struct {
        const char *name, *text;
    } files[] = {
        {"memory.max", max},    {"memory.high", high},    {"memory.current", "1000\n"},
        {"memory.stat", STAT2}, {"memory.pressure", PSI},
    };

    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(group, files[i].name, NULL);
        write_file(root, path, files[i].text, -1);
    }
}

static void write_group1(const Root *root, const char *group, const char *limit)
{
    g_autofree char *limit_path = g_build_filename("memory", group, "memory.limit_in_bytes", NULL);
    g_autofree char *usage_path = g_build_filename("memory", group, "memory.usage_in_bytes", NULL);
    g_autofree char *stat_path = g_build_filename("memory", group, "memory.stat", NULL);

    write_file(root, limit_path, limit, -1);
    write_file(root, usage_path, "1000\n", -1);
    write_file(root, stat_path, "inactive_file 1\nswap 0\ntotal_inactive_file 300\n", -1);
}

static void write_top2(const Root *root)
{
    write_file(root, "cgroup.controllers", "cpu memory\n", -1);
    write_file(root, "memory.stat", STAT2, -1);
}

static void read_well(const Root *root, const char *path, VhGroup *ret_group,
                      VhPressure *ret_pressure)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_cgroup_read(root->path, path, ret_group, ret_pressure, &error));
    g_assert_no_error(error);
}

static void refuse(const Root *root, const char *path, int code, const char *phrase)
{
    VhGroup group = {.limit_bytes = 12345};
    VhPressure pressure;
    g_autoptr(GError) error = NULL;

    g_assert_false(vh_cgroup_read(root->path, path, &group, &pressure, &error));
    g_assert_error(error, VH_ERROR, code);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, phrase));
    g_assert_cmpuint(group.limit_bytes, ==, 12345);
}

static void test_version2(Root *root, gconstpointer data)
{
    VhGroup group;
    VhPressure pressure;

    write_top2(root);
    write_group2(root, "machine.slice", "4096\n", "max\n");
    read_well(root, "/machine.slice", &group, &pressure);
    g_assert_cmpuint(group.limit_bytes, ==, 4096);
    g_assert_cmpuint(group.current_bytes, ==, 1000);
    g_assert_cmpuint(group.inactive_file_bytes, ==, 200);
    g_assert_true(pressure.has_psi);
    g_assert_cmpuint(pressure.psi_some_bp, ==, 750);
    g_assert_cmpuint(pressure.psi_full_bp, ==, 225);
    g_assert_false(pressure.has_swap_out);
}

static void test_version2_of_a_newer_kernel(Root *root, gconstpointer data)
{
    VhGroup group;
    VhPressure pressure;

    write_top2(root);
    write_group2(root, "machine.slice", "4096\n", "max\n");
    write_file(root, "machine.slice/memory.stat", STAT2 "pswpout 3\n", -1);
    read_well(root, "machine.slice/", &group, &pressure);
    g_assert_true(pressure.has_swap_out);
    g_assert_cmpuint(pressure.swap_out_bytes, ==, 3 * (guint64)sysconf(_SC_PAGESIZE));
}

/* The limit that counts: the lower of the group's two, else that of the nearest group above. */
static void test_limits(Root *root, gconstpointer data)
{
    static const struct {
        const char *top_max, *top_high, *max, *high;
        guint64 limit_bytes; /* 0: refused */
    } table[] = {
        {"max", "max", "8192", "max", 8192}, {"max", "max", "8192", "4096", 4096},
        {"max", "max", "max", "4096", 4096}, {"2048", "max", "8192", "max", 8192},
        {"2048", "max", "max", "max", 2048}, {"max", "1024", "max", "max", 1024},
        {"max", "max", "max", "max", 0},     {"max", "max", "nonsense", "max", 0},
    };

    write_top2(root);
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        VhGroup group;
        VhPressure pressure;
        g_test_message("row %u", i);
        write_group2(root, "tenants.slice", table[i].top_max, table[i].top_high);
        write_group2(root, "tenants.slice/one", table[i].max, table[i].high);
        if (table[i].limit_bytes == 0) {
            refuse(root, "/tenants.slice/one", VH_ERROR_INVALID, "memory limit");
            continue;
        }
        read_well(root, "/tenants.slice/one", &group, &pressure);
        g_assert_cmpuint(group.limit_bytes, ==, table[i].limit_bytes);
    }
}

/* The group above it is what is measured then, not the one that was named. */
static void test_ancestor_is_measured(Root *root, gconstpointer data)
{
    VhGroup group;
    VhPressure pressure;

    write_top2(root);
    write_group2(root, "tenants.slice", "8192", "max");
    write_file(root, "tenants.slice/memory.current", "5000\n", -1);
    write_group2(root, "tenants.slice/one", "max", "max");
    read_well(root, "/tenants.slice/one", &group, &pressure);
    g_assert_cmpuint(group.current_bytes, ==, 5000);
}

static void test_version1(Root *root, gconstpointer data)
{
    VhGroup group;
    VhPressure pressure;

    /* the other version's hierarchy beside it, without memory, as in hybrid mounts */
    write_file(root, "unified/cgroup.controllers", "", -1);
    write_group1(root, "", NO_LIMIT1);
    write_group1(root, "machine", "4096\n");
    write_group1(root, "machine/one", NO_LIMIT1);
    read_well(root, "/machine/one", &group, &pressure);
    g_assert_cmpuint(group.limit_bytes, ==, 4096);
    g_assert_cmpuint(group.current_bytes, ==, 1000);
    g_assert_cmpuint(group.inactive_file_bytes, ==, 300);
    g_assert_false(pressure.has_psi);
    g_assert_false(pressure.has_swap_out);
    refuse(root, "/", VH_ERROR_INVALID, "memory.limit_in_bytes");
}

static void test_refused(Root *root, gconstpointer data)
{
    refuse(root, "/machine.slice", VH_ERROR_GONE, "no hierarchy");
    write_top2(root);
    refuse(root, "/machine.slice", VH_ERROR_GONE, "no control group '/machine.slice'");
    write_group2(root, "machine.slice", "4096\n", "max\n");
    refuse(root, "/machine.slice/../machine.slice", VH_ERROR_GONE, "no control group");
    refuse(root, "/", VH_ERROR_INVALID, "memory.max");
    write_file(root, "machine.slice/memory.current", "many\n", -1);
    refuse(root, "/machine.slice", VH_ERROR_PROTOCOL, "memory.current");
    write_file(root, "machine.slice/memory.current", "1\n", -1);
    write_file(root, "machine.slice/memory.stat", "anon 1\n", -1);
    refuse(root, "/machine.slice", VH_ERROR_PROTOCOL, "inactive_file");
}

static void add(const char *path, void (*function)(Root *, gconstpointer))
{
    g_test_add(path, Root, NULL, root_set_up, function, root_tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/cgroup/version-2", test_version2);
    add("/cgroup/version-2-of-a-newer-kernel", test_version2_of_a_newer_kernel);
    add("/cgroup/limits", test_limits);
    add("/cgroup/ancestor-is-measured", test_ancestor_is_measured);
    add("/cgroup/version-1", test_version1);
    add("/cgroup/refused", test_refused);
    return g_test_run();
}
