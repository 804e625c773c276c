/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of the guest's, read and written for the host: those in which the kernel shows its counters
 * and takes its orders. What is in them is the host's business.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* /dev/kmsg gives a record at a time, and refuses a buffer that cannot hold the longest. */
#define PIECE_BYTES 16384

static bool fail(const char *path, char *error, size_t error_bytes)
{
    snprintf(error, error_bytes, "%.200s: %s", path, strerror(errno));
    return false;
}

bool file_read(const char *path, Text *text, char *error, size_t error_bytes)
{
    static char piece[PIECE_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = 0;

    if (fd < 0)
        return fail(path, error, error_bytes);
    do {
        n = read(fd, piece, sizeof(piece));
        if (n > 0)
            text_append(text, piece, (size_t)n);
        /* EPIPE: records of the log were overwritten before they were read; there are others. */
    } while (!text->cut && (n > 0 || (n < 0 && (errno == EINTR || errno == EPIPE))));
    if (n < 0 && errno != EAGAIN) {
        fail(path, error, error_bytes);
        close(fd);
        return false;
    }
    close(fd);
    if (text->cut)
        snprintf(error, error_bytes, "%.200s: is longer than a report may be", path);
    return !text->cut;
}

bool file_write(const char *path, const char *data, size_t length, char *error, size_t error_bytes)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return fail(path, error, error_bytes);
    n = write(fd, data, length);
    if (n < 0)
        fail(path, error, error_bytes);
    else if ((size_t)n != length)
        snprintf(error, error_bytes, "%.200s: took only a part of it", path);
    close(fd);
    return n >= 0 && (size_t)n == length;
}
