/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the stress share: threads that use memory in every way that a program can, in
 * an order that their seed gives, and check each byte that they have written. It ends early as soon
 * as one byte is not as it should be, and says where that was.
 */
#pragma once

#include <stdatomic.h>

#include "agent.h"

#define STRESS_MAX_REGIONS 24
#define STRESS_FOUND_BYTES 400

typedef struct Stress Stress;

/* One thread, and what it has. */
typedef struct {
    Stress *stress;
    unsigned number;
    uint64_t seed, drawn;
    size_t budget_pages;
    Region regions[STRESS_MAX_REGIONS];
    uint64_t file_seed; /* of the file's pattern */
    size_t file_pages;
    Tally tally;
    uint64_t *done; /* of each action, how often */
} StressThread;

struct Stress {
    uint32_t without; /* bits of actions: 1 << VhWorkloadStress */
    uint64_t end_us;
    atomic_bool stop;
    atomic_flag forking; /* one child at a time: it can need a region's memory again */
    atomic_flag has_found;
    char *found; /* shared with forked children; what was corrupted first, or empty */
};

/* A number below n, the next of the thread's own; n is not 0. */
uint64_t stress_draw(StressThread *t, uint64_t n);

/* Says what is corrupted, if nobody has before, and ends the stress. */
__attribute__((format(printf, 2, 3))) void stress_found(Stress *stress, const char *format, ...);

/* Checks a region, and ends the stress where it is not intact. */
bool stress_verify(StressThread *t, const Region *region, const char *when);

/* The kinds of memory other than regions: page cache, and the kernel's own pages. */
void stress_cache(StressThread *t);
void stress_pipe(StressThread *t);
void stress_cache_end(StressThread *t);
