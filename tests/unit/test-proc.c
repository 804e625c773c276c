/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parsers of /proc, on a root of the test's own (a mock: no real kernel is asked). */
#include "tree.h"
#include "vh-proc.h"
#include "vh-units.h"

#include <string.h>
#include <unistd.h>

static void test_meminfo(Root *root, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    VhMeminfo info;

    write_file(root, "meminfo",
               "MemTotal:       24600000 kB\nMemFree:         1000 kB\nMemAvailable:    2000 kB\n"
               "SwapCached:            7 kB\nSwapTotal:             0 kB\n",
               -1);
    g_assert_true(vh_proc_read_meminfo(root->path, &info, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(info.total_bytes, ==, 24600000 * VH_KIB);
    g_assert_cmpuint(info.free_bytes, ==, 1000 * VH_KIB);
    g_assert_cmpuint(info.available_bytes, ==, 2000 * VH_KIB);
    g_assert_cmpuint(info.swap_total_bytes, ==, 0);
    g_assert_cmpuint(info.per_cpu_bytes, ==, 0); /* no zoneinfo there */

    write_file(root, "zoneinfo", "  pagesets\n    cpu: 0\n              count:    3\n", -1);
    g_assert_true(vh_proc_read_meminfo(root->path, &info, &error));
    g_assert_cmpuint(info.per_cpu_bytes, ==, 3 * (guint64)sysconf(_SC_PAGESIZE));
}

static void test_meminfo_that_lacks_a_line(Root *root, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    VhMeminfo info;

    write_file(root, "meminfo", "MemTotal: 1 kB\nMemFree: 1 kB\nSwapTotal: 1 kB\n", -1);
    g_assert_false(vh_proc_read_meminfo(root->path, &info, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(error->message, "MemAvailable"));
}

static void test_meminfo_that_is_not_there(Root *root, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    VhMeminfo info;

    g_assert_false(vh_proc_read_meminfo(root->path, &info, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
}

static void test_qemus_by_uuid(Root *root, gconstpointer data)
{
    static const char qemu[] = "/usr/bin/qemu-system-x86_64\0-name\0guest=a\0-uuid\0"
                               "11111111-2222-3333-4444-555555555555\0-m\0"
                               "1";
    static const char last[] = "qemu-kvm\0-uuid"; /* no argument behind it */
    static const char other[] = "/bin/editor\0-uuid\0"
                                "21111111-2222-3333-4444-555555555555";
    VhUuid uuid;

    write_file(root, "12/cmdline", qemu, sizeof(qemu));
    write_file(root, "13/cmdline", last, sizeof(last));
    write_file(root, "14/cmdline", other, sizeof(other));
    write_file(root, "self/cmdline", qemu, sizeof(qemu));
    g_autoptr(GHashTable) qemus = vh_proc_find_qemus(root->path);
    g_assert_cmpuint(g_hash_table_size(qemus), ==, 1);
    g_assert_true(vh_uuid_parse("11111111-2222-3333-4444-555555555555", &uuid, NULL));
    g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(qemus, &uuid)), ==, 12);
}

static void test_swapped(Root *root, gconstpointer data)
{
    guint64 bytes = 0;

    write_file(root, "12/status", "Name:\tqemu\nVmRSS:\t  100 kB\nVmSwap:\t  4096 kB\n", -1);
    g_assert_true(vh_proc_read_swapped(root->path, 12, &bytes));
    g_assert_cmpuint(bytes, ==, 4 * VH_MIB);
    g_assert_false(vh_proc_read_swapped(root->path, 13, &bytes));
}

static void test_swapped_shared(Root *root, gconstpointer data)
{
    guint64 bytes = 0;

    write_file(root, "12/status", "Name:\tqemu\nVmSwap:\t  0 kB\n", -1);
    g_assert_false(vh_proc_read_swapped_shared(root->path, 12, &bytes));
    write_file(root, "12/smaps_rollup",
               "55e0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:  100 kB\n"
               "Swap:              2048 kB\nSwapPss:              7 kB\n",
               -1);
    g_assert_true(vh_proc_read_swapped_shared(root->path, 12, &bytes));
    g_assert_cmpuint(bytes, ==, 2 * VH_MIB);
}

static void test_pressure(Root *root, gconstpointer data)
{
    static const struct {
        const char *text;
        gboolean is_told;
        guint some_bp, full_bp;
    } table[] = {
        {"some avg10=12.34 avg60=1.00 avg300=0.10 total=5\n"
         "full avg10=0.57 avg60=0.00 avg300=0.00 total=1\n",
         TRUE, 1234, 57},
        {"some avg10=100.00 avg60=1.00\nfull avg10=0.00 avg60=0.00\n", TRUE, 10000, 0},
        {"some avg10=12.34 avg60=1.00 avg300=0.10 total=5\n", FALSE, 0, 0},
        {"some avg10= avg60=1.00\nfull avg10=0.57\n", FALSE, 0, 0},
        {"some avg60=12.34\nfull avg60=0.57\n", FALSE, 0, 0},
        {"some avg10=nan\nfull avg10=0.57\n", FALSE, 0, 0},
        {"some avg10=-1\nfull avg10=0.57\n", FALSE, 0, 0},
        {"some avg10=100.01\nfull avg10=0.57\n", FALSE, 0, 0},
        {"", FALSE, 0, 0},
    };
    g_autofree char *path = g_build_filename(root->path, "pressure", "memory", NULL);

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        guint some_bp, full_bp;

        g_test_message("row %u", i);
        g_assert_false(i == 0 && vh_proc_read_pressure(path, &some_bp, &full_bp));
        write_file(root, "pressure/memory", table[i].text, -1);
        g_assert_cmpint(vh_proc_read_pressure(path, &some_bp, &full_bp), ==, table[i].is_told);
        if (!table[i].is_told)
            continue;
        g_assert_cmpuint(some_bp, ==, table[i].some_bp);
        g_assert_cmpuint(full_bp, ==, table[i].full_bp);
    }
}

static void test_swap_out(Root *root, gconstpointer data)
{
    guint64 bytes = 0;

    g_assert_false(vh_proc_read_swap_out(root->path, &bytes));
    write_file(root, "vmstat", "pswpin 1\nthp_pswpout 9\npswpout 1000\npswpout_zero 3\n", -1);
    g_assert_true(vh_proc_read_swap_out(root->path, &bytes));
    g_assert_cmpuint(bytes, ==, 1000 * (guint64)sysconf(_SC_PAGESIZE));
    write_file(root, "vmstat", "pswpout -5\n", -1);
    g_assert_false(vh_proc_read_swap_out(root->path, &bytes));
    write_file(root, "vmstat", "pswpout 5 6\n", -1);
    g_assert_false(vh_proc_read_swap_out(root->path, &bytes));
}

static void add(const char *path, void (*function)(Root *, gconstpointer))
{
    g_test_add(path, Root, NULL, root_set_up, function, root_tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/proc/meminfo", test_meminfo);
    add("/proc/meminfo-that-lacks-a-line", test_meminfo_that_lacks_a_line);
    add("/proc/meminfo-that-is-not-there", test_meminfo_that_is_not_there);
    add("/proc/qemus-by-uuid", test_qemus_by_uuid);
    add("/proc/swapped", test_swapped);
    add("/proc/swapped-shared", test_swapped_shared);
    add("/proc/pressure", test_pressure);
    add("/proc/swap-out", test_swap_out);
    return g_test_run();
}
