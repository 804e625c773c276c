/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's small tools: text that grows, whole reads and writes, frames, the clock, and the
 * guest's memory numbers as text.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void text_append(Text *text, const char *data, size_t length)
{
    if (text->length + length + 1 > text->capacity) {
        size_t wanted = text->capacity ? text->capacity * 2 : 4096;
        char *more;

        while (wanted < text->length + length + 1)
            wanted *= 2;
        more = wanted <= AGENT_MAX_REPORT_BYTES ? realloc(text->data, wanted) : NULL;
        if (!more) {
            text->cut = true;
            return;
        }
        text->data = more;
        text->capacity = wanted;
    }
    memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_add(Text *text, const char *format, ...)
{
    char line[512];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof(line))
        text_append(text, line, (size_t)length);
}

void text_clear(Text *text)
{
    free(text->data);
    *text = (Text){0};
}

uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

bool io_write_all(int fd, const void *data, size_t length)
{
    const char *at = data;

    while (length > 0) {
        ssize_t n = write(fd, at, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        length -= (size_t)n;
    }
    return true;
}

bool io_read_all(int fd, void *data, size_t length)
{
    char *at = data;

    while (length > 0) {
        ssize_t n = read(fd, at, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        length -= (size_t)n;
    }
    return true;
}

bool frame_write(int fd, FrameKind kind, const char *data, size_t length)
{
    FrameHeader header = {.kind = kind, .length = (uint32_t)length};

    return io_write_all(fd, &header, sizeof(header)) && io_write_all(fd, data, length);
}

bool frame_read(int fd, FrameHeader *ret_header, char **ret_data)
{
    char *data;

    if (!io_read_all(fd, ret_header, sizeof(*ret_header)) ||
        ret_header->length > AGENT_MAX_REPORT_BYTES)
        return false;
    data = malloc(ret_header->length + 1);
    if (!data)
        return false;
    if (!io_read_all(fd, data, ret_header->length)) {
        free(data);
        return false;
    }
    data[ret_header->length] = '\0';
    *ret_data = data;
    return true;
}

typedef struct {
    const char *file;
    const char *field; /* with the blank or colon that ends it */
    const char *key;
    uint64_t factor;
} Number;

static const Number numbers[] = {
    {"/proc/meminfo", "MemTotal:", "mem_total_bytes", 1024},
    {"/proc/meminfo", "MemFree:", "mem_free_bytes", 1024},
    {"/proc/meminfo", "MemAvailable:", "mem_available_bytes", 1024},
    {"/proc/meminfo", "Cached:", "mem_cached_bytes", 1024},
    {"/proc/meminfo", "AnonPages:", "mem_anon_bytes", 1024},
    {"/proc/meminfo", "AnonHugePages:", "mem_anon_huge_bytes", 1024},
    {"/proc/vmstat", "oom_kill ", "oom_kills", 1},
};

/* The files are small: one read gives a consistent picture of each. */
static bool read_small_file(const char *path, char *buffer, size_t bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t at = 0;
    ssize_t n = 0;

    if (fd < 0)
        return false;
    while (at + 1 < bytes && (n = read(fd, buffer + at, bytes - 1 - at)) > 0)
        at += (size_t)n;
    close(fd);
    buffer[at] = '\0';
    return n >= 0;
}

static bool find_number(const char *text, const char *field, uint64_t *ret_value)
{
    size_t length = strlen(field);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, field, length) == 0) {
            *ret_value = strtoull(line + length, NULL, 10);
            return true;
        }
    }
    return false;
}

void report_guest(Text *text)
{
    static char buffer[16384];
    const char *file = "";

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint64_t value;

        if (strcmp(file, numbers[i].file) != 0) {
            file = numbers[i].file;
            if (!read_small_file(file, buffer, sizeof(buffer)))
                buffer[0] = '\0';
        }
        if (find_number(buffer, numbers[i].field, &value))
            text_add(text, "%s %llu\n", numbers[i].key,
                     (unsigned long long)(value * numbers[i].factor));
    }
}
