/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's free memory from the texts of /proc. */
#include "vh-host-memory.h"
#include "vh-units.h"

#include <unistd.h>

#define ZONEINFO                                                                                   \
    "Node 0, zone      DMA\n  pages free     3840\n  pagesets\n    cpu: 0\n              count:  " \
    "  "                                                                                           \
    "2\n              high:     0\n    cpu: 1\n              count:    3\n              high:    " \
    " "                                                                                            \
    "9\nNode 0, zone    DMA32\n  pagesets\n    cpu: 0\n              count:    5\n"

static void test_lists(void)
{
    g_assert_cmpuint(vh_host_memory_lists_bytes(ZONEINFO), ==,
                     (guint64)(2 + 3 + 5) * (guint64)sysconf(_SC_PAGESIZE));
    g_assert_cmpuint(vh_host_memory_lists_bytes(""), ==, 0);
}

/* The kernel's own text: at least MemFree, and no more than there is. */
static void test_this_host(void)
{
    g_assert_cmpuint(vh_host_memory_free_bytes(), >, VH_MIB);
    g_assert_cmpuint(vh_host_memory_free_bytes(), <, (guint64)1 << 50);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host-memory/lists", test_lists);
    g_test_add_func("/host-memory/this-host", test_this_host);
    return g_test_run();
}
