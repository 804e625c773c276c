/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which lines of a guest's kernel log are complaints: lines as Linux 6.1 and 6.12 write them. */
#include "vh-lab.h"

static const struct {
    const char *line;
    const char *complaint; /* NULL: it is none */
} lines[] = {
    {"", NULL},
    {"6,1,0,-;Linux version 6.1.0-56-cloud-amd64", NULL},
    {"5,208,1180000,-;random: crng init done", NULL},
    {"4,300,90,-;virtio_balloon: loading out-of-tree module taints kernel.", NULL},
    {"4,9,12,-;------------[ cut here ]------------", NULL},
    {"4,10,12,-;WARNING: CPU: 0 PID: 1 at drivers/pci/msi/msi.h:17 "
     "pci_msi_setup_msi_irqs+0x28/0x40",
     NULL},
    {"4,10,12,-;WARNING: CPU: 1 PID: 80 at mm/page_alloc.c:5534 __alloc_pages+0x1/0x2",
     "WARNING: CPU: 1 PID: 80 at mm/page_alloc.c:5534 __alloc_pages+0x1/0x2"},
    {"[    3.656173] kernel BUG at lib/list_debug.c:49!",
     "[    3.656173] kernel BUG at lib/list_debug.c:49!"},
    {"1,5,99,-;BUG: kernel NULL pointer dereference, address: 0000000000000080",
     "BUG: kernel NULL pointer dereference, address: 0000000000000080"},
    {"4,6,99,c;kworker/0:1: page allocation failure: order:0, mode:0x820(GFP_ATOMIC)",
     "kworker/0:1: page allocation failure: order:0, mode:0x820(GFP_ATOMIC)"},
    {"3,7,99,-;INFO: task init:80 blocked for more than 120 seconds.",
     "INFO: task init:80 blocked for more than 120 seconds."},
    {"4,8,99,-;WARNING: possible circular locking dependency detected",
     "WARNING: possible circular locking dependency detected"},
    {"3,9,99,-;pagealloc: memory corruption", "pagealloc: memory corruption"},
    {"3,9,99,-;Out of memory: Killed process 80 (init)", "Out of memory: Killed process 80 (init)"},
    /* A semicolon that is the text's. */
    {"init; BUG: x", "init; BUG: x"},
};

static void tells_complaints_from_the_rest(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
        g_assert_cmpstr(vh_lab_log_complaint(lines[i].line), ==, lines[i].complaint);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lab-log/tells-complaints-from-the-rest", tells_complaints_from_the_rest);
    return g_test_run();
}
