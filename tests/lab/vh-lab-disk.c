/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sparse disks of lab guests: files that have no name, or lose it before anybody could. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "vh-lab-images.h"
#include "vh-lab-private.h"
#include "vh-units.h"

#define MIN_DISK_BYTES (16 * VH_MIB)

static gboolean fail(GError **error, const char *what)
{
    int saved = errno;

    g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", what, g_strerror(saved));
    return FALSE;
}

static gboolean open_file(const VhLab *lab, const char *name, VhLabDisk *disk, GError **error)
{
    g_autofree char *images = vh_lab_images_dir();

    disk->fd = open(images, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
    if (disk->fd >= 0) {
        disk->path = g_strdup_printf("/proc/%d/fd/%d", (int)getpid(), disk->fd);
        disk->cache = "none";
        return TRUE;
    }
    disk->path = vh_lab_guest_path(lab, name, ".disk");
    disk->cache = "unsafe";
    disk->unlink = TRUE;
    disk->fd = open(disk->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return disk->fd >= 0 || fail(error, disk->path);
}

static gboolean format(const VhLabDisk *disk, GError **error)
{
    g_autofree char *found = g_find_program_in_path("mke2fs");
    /* What is lazy here is never needed: the guest uses an empty file system once. */
    const char *argv[] = {found ? found : "/usr/sbin/mke2fs",
                          "-q",
                          "-F",
                          "-t",
                          "ext4",
                          "-m",
                          "0",
                          "-O",
                          "^has_journal",
                          "-E",
                          "lazy_itable_init=1,nodiscard",
                          disk->path,
                          NULL};

    return vh_lab_run_tool(NULL, argv, NULL, error);
}

gboolean vh_lab_disk_make(const VhLab *lab, const VhLabGuestSpec *spec, VhLabDisk *ret_disk,
                          GError **error)
{
    gboolean ok;

    *ret_disk = (VhLabDisk){.fd = -1};
    if (spec->disk_bytes == 0)
        return TRUE;
    if (spec->disk_bytes < MIN_DISK_BYTES) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "guest '%s': a disk has at least 16 MiB",
                    spec->name);
        return FALSE;
    }
    ok = open_file(lab, spec->name, ret_disk, error) &&
         (ftruncate(ret_disk->fd, (off_t)spec->disk_bytes) == 0 || fail(error, ret_disk->path)) &&
         format(ret_disk, error);
    if (!ok)
        vh_lab_disk_clear(ret_disk);
    return ok;
}

void vh_lab_disk_clear(VhLabDisk *disk)
{
    if (disk->unlink)
        unlink(disk->path);
    if (disk->fd >= 0)
        close(disk->fd);
    g_free(disk->path);
    *disk = (VhLabDisk){.fd = -1};
}
