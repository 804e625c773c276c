/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page cache that the guest can reclaim: a file on the sparse ext4 disk, because the initramfs's
 * own pages can never be dropped.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_PATH AGENT_DISK_PATH "/cache"

static char block[1 << 20];

static bool fail(char *error, size_t error_bytes, const char *what)
{
    snprintf(error, error_bytes, "%s: %s", what, strerror(errno));
    return false;
}

bool cache_mount(char *error, size_t error_bytes)
{
    struct stat st;

    if (access(AGENT_DISK_DEVICE, F_OK) < 0) {
        snprintf(error, error_bytes, "this guest has no disk; start it with one");
        return false;
    }
    mkdir(AGENT_DISK_PATH, 0700);
    if (stat(AGENT_DISK_PATH "/lost+found", &st) == 0)
        return true;
    if (mount(AGENT_DISK_DEVICE, AGENT_DISK_PATH, "ext4", MS_NOATIME, NULL) < 0)
        return fail(error, error_bytes, "cannot mount the disk");
    return true;
}

/* Written and flushed: dirty pages could not be reclaimed at once. */
static bool extend(int fd, off_t from, uint64_t bytes)
{
    uint64_t at = (uint64_t)from;

    if (lseek(fd, from, SEEK_SET) < 0)
        return false;
    while (at < bytes) {
        size_t n = bytes - at < sizeof(block) ? (size_t)(bytes - at) : sizeof(block);

        for (size_t i = 0; i < sizeof(block); i += VH_WORKLOAD_PAGE_BYTES)
            memcpy(block + i, &at, sizeof(at));
        if (!io_write_all(fd, block, n))
            return false;
        at += n;
    }
    return fsync(fd) == 0;
}

static bool read_whole(int fd, Tally *tally)
{
    ssize_t n;

    if (lseek(fd, 0, SEEK_SET) < 0)
        return false;
    while ((n = read(fd, block, sizeof(block))) > 0)
        tally->cached_bytes += (uint64_t)n;
    return n == 0;
}

bool cache_fill(uint64_t bytes, Tally *tally, char *error, size_t error_bytes)
{
    struct stat st;
    bool ok;
    int fd;

    if (!cache_mount(error, error_bytes))
        return false;
    fd = open(FILE_PATH, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail(error, error_bytes, "cannot open the file for the page cache");
    ok = (uint64_t)st.st_size > bytes ? ftruncate(fd, (off_t)bytes) == 0
                                      : extend(fd, st.st_size, bytes);
    ok = ok && read_whole(fd, tally);
    if (!ok)
        fail(error, error_bytes, "cannot fill the page cache");
    close(fd);
    return ok;
}

bool cache_drop(void)
{
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    bool ok;

    if (fd < 0)
        return false;
    sync();
    ok = write(fd, "3", 1) == 1;
    close(fd);
    return ok;
}
