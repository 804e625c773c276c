/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The workload language: text in, an array of operations out. What the words mean is in
 * docs/lab.md. Plain C without GLib and without a system call, because the same file is compiled
 * into the guest's static agent, into the host's library and into anything else that executes
 * workloads; it must not know who does.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define VH_WORKLOAD_NAME_BYTES 24 /* with the final NUL */
#define VH_WORKLOAD_MAX_OPS 4096
#define VH_WORKLOAD_MAX_NESTING 8
#define VH_WORKLOAD_MAX_TEXT_BYTES (64u << 10)
#define VH_WORKLOAD_PAGE_BYTES 4096u
#define VH_WORKLOAD_MAX_SIZE_BYTES ((uint64_t)1 << 40)
#define VH_WORKLOAD_MAX_DURATION_US ((uint64_t)24 * 3600 * 1000000)
#define VH_WORKLOAD_MAX_REPEAT 1000000u
#define VH_WORKLOAD_STRESS_MAX_THREADS 64u

typedef enum {
    VH_WORKLOAD_SEED,      /* value */
    VH_WORKLOAD_ALLOC,     /* name, bytes, thp */
    VH_WORKLOAD_VERIFY,    /* name */
    VH_WORKLOAD_FREE,      /* name; bytes or share_bp, neither: all of it */
    VH_WORKLOAD_FRAGMENT,  /* name, bytes, keep_bytes of every granule_bytes, thp */
    VH_WORKLOAD_CHURN,     /* bytes, duration_us, rate_bytes_per_s (0: as fast as it goes) */
    VH_WORKLOAD_CACHE,     /* bytes */
    VH_WORKLOAD_DROPCACHE, /* nothing */
    VH_WORKLOAD_WAIT,      /* duration_us */
    VH_WORKLOAD_REPEAT,    /* value: how often; match: the index of its END */
    VH_WORKLOAD_END,       /* match: the index of its REPEAT */
    VH_WORKLOAD_LOCATE,    /* name, bytes (0: all) */
    VH_WORKLOAD_REPORT,    /* nothing */
    VH_WORKLOAD_STRESS,    /* bytes, duration_us, value: threads, stress_without */
    VH_WORKLOAD_KINDS,
} VhWorkloadKind;

/* What is asked of the kernel for a region; DEFAULT asks nothing. */
typedef enum {
    VH_WORKLOAD_THP_DEFAULT,
    VH_WORKLOAD_THP_WANTED,
    VH_WORKLOAD_THP_REFUSED,
} VhWorkloadThp;

/* Ways of a stress to use memory that can be left out of it. */
typedef enum {
    VH_WORKLOAD_STRESS_FRAGMENT,
    VH_WORKLOAD_STRESS_FORK,
    VH_WORKLOAD_STRESS_HUGE,
    VH_WORKLOAD_STRESS_CACHE,
    VH_WORKLOAD_STRESS_PIPE,
    VH_WORKLOAD_STRESS_KINDS,
} VhWorkloadStress;

/* One operation; which members count is said at its kind. All sizes are whole pages. */
typedef struct {
    VhWorkloadKind kind;
    unsigned line; /* from 1 */
    char name[VH_WORKLOAD_NAME_BYTES];
    VhWorkloadThp thp;
    uint64_t bytes;
    uint64_t keep_bytes;
    uint64_t granule_bytes;
    uint64_t rate_bytes_per_s;
    uint64_t duration_us;
    uint64_t value;
    uint32_t share_bp; /* 1/10000 */
    uint32_t match;
    uint32_t stress_without; /* 1 << VhWorkloadStress, of each that is left out */
} VhWorkloadOp;

typedef struct {
    VhWorkloadOp *ops;
    size_t count;
} VhWorkload;

/*
 * Parses `length` bytes of `text`. Returns 0 and fills *ret_workload (free with
 * vh_workload_clear()), or -1 with one sentence in `error`: "line N: what is wrong; what would be
 * right". On failure *ret_workload is empty. Any bytes are safe to give. Does not block.
 */
int vh_workload_parse(const char *text, size_t length, VhWorkload *ret_workload, char *error,
                      size_t error_bytes);

/* Frees the operations; may be called on an empty workload. */
void vh_workload_clear(VhWorkload *workload);

/* The word of a kind ("alloc"), static. */
const char *vh_workload_kind_name(VhWorkloadKind kind);

/* The word of a stress's kind ("fork"), static. */
const char *vh_workload_stress_name(VhWorkloadStress kind);

/*
 * A 64-bit number from two others (the finaliser of SplitMix64 over their sum): the pattern of page
 * P of a region with seed S starts with vh_workload_mix(S, P), the same wherever it is executed.
 */
static inline uint64_t vh_workload_mix(uint64_t seed, uint64_t index)
{
    uint64_t z = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
