/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the guest's agent share. The agent is PID 1 of a lab guest: it loads the virtio
 * modules, serves the host over a virtio-serial port, and has every workload done by a child, the
 * worker, so that an out-of-memory kill ends a worker and is reported. It knows nothing of
 * libvirt, and nothing of what the host makes of a report.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../vh-workload.h"

#define AGENT_PORT_NAME "org.virthint.lab"
#define AGENT_MAX_REPORT_BYTES (1u << 20)
#define AGENT_MAX_WORKERS 8
#define AGENT_STOP_SIGNAL SIGUSR1 /* to a worker: its stress is to end now */
#define AGENT_DISK_DEVICE "/dev/vda"
#define AGENT_DISK_PATH "/disk"

/* Text that grows up to AGENT_MAX_REPORT_BYTES and then says that it was cut. */
typedef struct {
    char *data;
    size_t length;
    size_t capacity;
    bool cut;
} Text;

__attribute__((format(printf, 2, 3))) void text_add(Text *text, const char *format, ...);
void text_append(Text *text, const char *data, size_t length);
void text_clear(Text *text);

/* Appends the guest's own memory numbers as "key value" lines: /proc/meminfo and vmstat. */
void report_guest(Text *text);

/* What a program has done so far; every number counts from the program's start. */
typedef struct {
    uint64_t touched_pages;
    uint64_t verified_pages;
    uint64_t corrupt_pages;
    uint64_t corrupt_bytes;
    uint64_t churned_bytes;
    uint64_t cached_bytes;
    uint64_t alloc_failures;
    uint64_t stall_max_us;
} Tally;

/* One piece of memory with a pattern in it. keep_pages of every granule_pages are used. */
typedef struct {
    char name[VH_WORKLOAD_NAME_BYTES];
    uint8_t *base;
    uint64_t seed;
    size_t mapped_pages;
    size_t keep_pages, granule_pages;
} Region;

/* The pattern of one page that begins with `value`; and how many bytes of a page are not of it. */
void pattern_fill(uint64_t *page, uint64_t value);
uint64_t pattern_check(const uint64_t *page, uint64_t value);

/* Maps a region, and writes the pattern of its seed to what is in use of it: _alloc does both. */
bool region_map(Region *region, size_t pages, VhWorkloadThp thp, uint64_t seed, Tally *tally);
void region_fill(Region *region, Tally *tally);

/* Maps and fills a region; false, with alloc_failures counted, where the kernel refuses. */
bool region_alloc(Region *region, size_t pages, VhWorkloadThp thp, uint64_t seed, Tally *tally);

/* Gives back all but keep_pages of every granule_pages. */
void region_thin(Region *region, size_t keep_pages, size_t granule_pages);

/* Checks every byte of every page in use against the pattern. */
void region_verify(const Region *region, Tally *tally);

/* Writes to each page of a region that is only mapped; whether all else of it reads as zero. */
bool region_is_zero(const Region *region, Tally *tally);

/* Says where the first byte is that is not of the pattern; false where there is none (any more). */
bool region_describe_bad(const Region *region, char *text, size_t bytes);

/* Gives back the last `pages` pages of the mapping; all of it where there are not more. */
void region_shrink(Region *region, size_t pages);

void region_free(Region *region);

/* Pages that hold the pattern. */
size_t region_used_pages(const Region *region);

/* Appends "range PHYSICAL LENGTH" lines for up to `bytes` of pages in use. */
bool region_locate(const Region *region, uint64_t bytes, Text *text);

/* Makes the disk's file system accessible, where it is not yet. */
bool cache_mount(char *error, size_t error_bytes);

/* Makes the file on the disk `bytes` long and reads it whole, so that the page cache holds it. */
bool cache_fill(uint64_t bytes, Tally *tally, char *error, size_t error_bytes);
bool cache_drop(void);

/* Appends what a file has to say now; one that would make its reader wait, such as /dev/kmsg, ends
 * there. *error is what the kernel says of it. */
bool file_read(const char *path, Text *text, char *error, size_t error_bytes);
/* Writes all of `data` in one call, as files of /proc and /sys want it. Makes no file. */
bool file_write(const char *path, const char *data, size_t length, char *error, size_t error_bytes);

/* Loads the image's kernel modules but those in `skip` (commas between their names). */
bool modules_load(const char *skip, char *error, size_t error_bytes);
/* Loads one of them again, by its name; unloads one that is loaded. */
bool module_load(const char *name, char *error, size_t error_bytes);
bool module_unload(const char *name, char *error, size_t error_bytes);

/*
 * Executes a stress operation (stress.h) in threads of this process, and calls `progress` from this
 * one about once a second with *tally brought up to date. Appends how often each action was done to
 * `text`. False, with the reason, where something was corrupted, or could not be done at all.
 */
bool stress_run(const VhWorkloadOp *op, uint64_t seed, Tally *tally, void (*progress)(void *data),
                void *data, Text *text, char *error, size_t error_bytes);

/* The frames between PID 1 and a worker: a header, and then length bytes. */
typedef enum { FRAME_PROGRAM, FRAME_INTERIM, FRAME_REPORT } FrameKind;
typedef struct {
    uint32_t kind;
    uint32_t length;
} FrameHeader;

bool frame_write(int fd, FrameKind kind, const char *data, size_t length);

/* Reads one frame; *ret_data has a NUL after it and is freed by the caller. */
bool frame_read(int fd, FrameHeader *ret_header, char **ret_data);

/* Reads or writes all of it; false at an error or the end. */
bool io_write_all(int fd, const void *data, size_t length);
bool io_read_all(int fd, void *data, size_t length);

/* The child's whole life: programs come over fd, reports go back. */
_Noreturn void worker_main(int fd);

/* PID 1's loop over the port: never returns. */
_Noreturn void serve(int port);

uint64_t now_us(void);
