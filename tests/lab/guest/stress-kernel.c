/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that is the kernel's: page cache, which goes to the disk and comes back from it, and what
 * lies in a pipe. Each page has the pattern of its file's or pipe's seed.
 */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE VH_WORKLOAD_PAGE_BYTES
#define MAX_FILE_PAGES 4096u /* 16 MiB */
#define MAX_PIPE_PAGES 256u  /* what a pipe may have of anybody: 1 MiB */

static void file_path(const StressThread *t, char *path, size_t bytes)
{
    snprintf(path, bytes, AGENT_DISK_PATH "/stress-%u", t->number);
}

/* Both: one page after the other, through a page of the caller's stack. */
static bool write_pages(int fd, uint64_t seed, size_t pages)
{
    uint64_t page[PAGE / 8];

    for (size_t i = 0; i < pages; i++) {
        pattern_fill(page, vh_workload_mix(seed, i));
        if (!io_write_all(fd, page, sizeof(page)))
            return false;
    }
    return true;
}

static bool verify_pages(StressThread *t, int fd, uint64_t seed, size_t pages, const char *what)
{
    uint64_t page[PAGE / 8];

    for (size_t i = 0; i < pages; i++) {
        uint64_t bad;

        if (!io_read_all(fd, page, sizeof(page))) {
            stress_found(t->stress, "thread %u: page %zu of %s cannot be read: %s", t->number, i,
                         what, strerror(errno));
            return false;
        }
        bad = pattern_check(page, vh_workload_mix(seed, i));
        t->tally.verified_pages++;
        if (bad == 0)
            continue;
        t->tally.corrupt_pages++;
        t->tally.corrupt_bytes += bad;
        stress_found(t->stress, "thread %u: %llu bytes corrupted in page %zu of %zu of %s",
                     t->number, (unsigned long long)bad, i, pages, what);
        return false;
    }
    return true;
}

/* From the disk, or from the page cache, whichever the draw says. */
static void verify_file(StressThread *t, int fd)
{
    if (t->file_pages == 0)
        return;
    if (stress_draw(t, 2)) {
        fsync(fd);
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    if (lseek(fd, 0, SEEK_SET) == 0 && verify_pages(t, fd, t->file_seed, t->file_pages, "a file"))
        t->tally.cached_bytes += t->file_pages * PAGE;
}

void stress_cache(StressThread *t)
{
    char path[64];
    int fd;

    file_path(t, path, sizeof(path));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        t->tally.alloc_failures++;
        return;
    }
    verify_file(t, fd);
    /* A new file, or the old one once more at the next turn. */
    if (stress_draw(t, 2) && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0) {
        size_t pages = 1 + (size_t)stress_draw(t, MAX_FILE_PAGES);

        t->file_seed = vh_workload_mix(t->seed ^ 0xf11e, t->drawn);
        t->file_pages = write_pages(fd, t->file_seed, pages) ? pages : 0;
        t->tally.touched_pages += t->file_pages;
    }
    close(fd);
}

void stress_cache_end(StressThread *t)
{
    char path[64];
    int fd;

    if (t->file_pages == 0)
        return;
    file_path(t, path, sizeof(path));
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        verify_file(t, fd);
        close(fd);
    }
    unlink(path);
}

void stress_pipe(StressThread *t)
{
    size_t pages = 1 + (size_t)stress_draw(t, MAX_PIPE_PAGES);
    uint64_t seed = vh_workload_mix(t->seed ^ 0x919e, t->drawn);
    int ends[2], room;

    if (pipe2(ends, O_CLOEXEC) < 0) {
        t->tally.alloc_failures++;
        return;
    }
    room = fcntl(ends[1], F_SETPIPE_SZ, (int)(pages * PAGE));
    /* Never more than it holds: nobody else reads it. */
    if (room > 0 && (size_t)room / PAGE < pages)
        pages = (size_t)room / PAGE;
    if (room > 0 && write_pages(ends[1], seed, pages)) {
        t->tally.touched_pages += pages;
        verify_pages(t, ends[0], seed, pages, "a pipe");
    }
    close(ends[0]);
    close(ends[1]);
}
