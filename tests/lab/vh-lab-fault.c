/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults: hung guests, and memory thrown away under a guest that uses it. For the latter the agent
 * says which guest-physical ranges a region has, and holes are punched there into the memfd that
 * is the guest's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vh-lab-private.h"
#include "vh-units.h"

/*
 * Where machine "pc" puts memory (hw/i386/pc_piix.c): all of it from 0 where it is below 3.5 GiB;
 * otherwise 3 GiB there, and the rest from 4 GiB on. The memfd has no such hole.
 */
#define LOW_MEMORY_LIMIT (3584 * VH_MIB)
#define LOW_MEMORY_SPLIT (3 * VH_GIB)
#define HIGH_MEMORY_START (4 * VH_GIB)

static gboolean send_signal(const VhLabGuest *guest, int sig, GError **error)
{
    if (kill(guest->pid, sig) == 0)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "guest '%s': %s", guest->name, g_strerror(errno));
    return FALSE;
}

gboolean vh_lab_guest_hang(VhLabGuest *guest, GError **error)
{
    return send_signal(guest, SIGSTOP, error);
}

gboolean vh_lab_guest_unhang(VhLabGuest *guest, GError **error)
{
    return send_signal(guest, SIGCONT, error);
}

/* The descriptor of QEMU's that is the guest's memory: its largest memfd. */
static int open_memory(const VhLabGuest *guest, guint64 *ret_bytes, GError **error)
{
    g_autofree char *folder = g_strdup_printf("/proc/%d/fd", (int)guest->pid);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    int best = -1;

    *ret_bytes = 0;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *target = g_file_read_link(path, NULL);
        struct stat st;
        int fd;

        if (!target || !g_str_has_prefix(target, "/memfd:") || stat(path, &st) < 0 ||
            (guint64)st.st_size <= *ret_bytes || (fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
            continue;
        if (best >= 0)
            close(best);
        best = fd;
        *ret_bytes = (guint64)st.st_size;
    }
    if (best < 0)
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "guest '%s': its memory is no memfd; start it with memfd", guest->name);
    return best;
}

static guint64 file_offset(guint64 physical, guint64 memory_bytes)
{
    if (memory_bytes >= LOW_MEMORY_LIMIT && physical >= HIGH_MEMORY_START)
        return physical - HIGH_MEMORY_START + LOW_MEMORY_SPLIT;
    return physical;
}

static gboolean punch(const VhLabGuest *guest, int fd, guint64 memory_bytes, const GArray *ranges,
                      guint64 *ret_bytes, GError **error)
{
    *ret_bytes = 0;
    for (guint i = 0; i < ranges->len; i++) {
        const VhLabRange *range = &g_array_index(ranges, VhLabRange, i);
        guint64 offset = file_offset(range->start, memory_bytes);

        if (offset > memory_bytes || range->bytes > memory_bytes - offset ||
            fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                      (off_t)range->bytes) < 0) {
            g_set_error(error, VH_ERROR, VH_ERROR_FAILED,
                        "guest '%s': cannot discard %" G_GUINT64_FORMAT
                        " bytes at 0x%" G_GINT64_MODIFIER "x",
                        guest->name, range->bytes, range->start);
            return FALSE;
        }
        *ret_bytes += range->bytes;
    }
    return TRUE;
}

gboolean vh_lab_guest_discard_used(VhLabGuest *guest, const char *region, guint64 bytes,
                                   guint64 *ret_bytes, GError **error)
{
    g_autofree char *size =
        bytes ? g_strdup_printf(" %" G_GUINT64_FORMAT "B", bytes) : g_strdup("");
    g_autofree char *program = g_strdup_printf("locate %s%s", region, size);
    g_autoptr(VhLabReport) report = NULL;
    guint64 memory_bytes;
    int fd = open_memory(guest, &memory_bytes, error);
    gboolean ok;

    if (fd < 0)
        return FALSE;
    ok = vh_lab_guest_work(guest, program, VH_LAB_TIMEOUT_MS, &report, error);
    if (ok && report->status != VH_LAB_WORK_OK) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "guest '%s': %s", guest->name,
                    report->message);
        ok = FALSE;
    }
    ok = ok && punch(guest, fd, memory_bytes, report->ranges, ret_bytes, error);
    close(fd);
    return ok;
}
