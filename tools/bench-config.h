/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What benchmarks on guests are given. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
    const char *patched; /* emulators */
    const char *stock;
    const char *kernel; /* of the guests; NULL: the lab's default */
    const char *module; /* the balloon driver of ours for it; NULL: there is none */
    guint64 guest_bytes;
    guint64 burst_bytes; /* what is inflated, freed or discarded in one go */
    guint vcpus;         /* of the guests */
    guint runs;
    /* of the fleet alone */
    const char *daemon;         /* virthintd */
    const char *logs;           /* where its logs are kept; NULL: nowhere */
    const char *const *engines; /* NULL-terminated; "none": nobody asks */
    guint seconds;              /* that each of them holds the pool */
    guint seed;
} BenchConfig;

G_END_DECLS
