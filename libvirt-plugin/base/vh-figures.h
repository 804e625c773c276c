/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which figures of a guest are known: bits that the library, which reads them, and the engine,
 * which decides by them, share. What is missing is unknown, never zero.
 */
#pragma once

#include "vh-units.h"

typedef enum {
    VH_HAS_CURRENT = 1 << 0,
    VH_HAS_MAXIMUM = 1 << 1,
    VH_HAS_UNUSED = 1 << 2,
    VH_HAS_AVAILABLE = 1 << 3,
    VH_HAS_USABLE = 1 << 4,
    VH_HAS_CACHES = 1 << 5,
    VH_HAS_RSS = 1 << 6,
    VH_HAS_CPU_TIME = 1 << 7,
    VH_HAS_SWAPPED = 1 << 8, /* known to the engine only: libvirt does not tell */
    VH_HAS_FAULTS = 1 << 9,  /* minor and major faults */
    VH_HAS_SWAP_IN = 1 << 10,
    VH_HAS_VCPUS = 1 << 11,
} VhFigures;

/* The figures that vh_figures_used_bytes() is made from. */
#define VH_FIGURES_OF_USE (VH_HAS_CURRENT | VH_HAS_MAXIMUM | VH_HAS_UNUSED | VH_HAS_AVAILABLE)

/*
 * What the guest itself uses, by its own account, page cache included. With autodeflate the kernel
 * does not take ballooned pages out of "available", without it it does.
 */
static inline guint64 vh_figures_used_bytes(gboolean has_autodeflate, guint64 maximum_bytes,
                                            guint64 current_bytes, guint64 available_bytes,
                                            guint64 unused_bytes)
{
    guint64 balloon = has_autodeflate ? vh_sub(maximum_bytes, current_bytes) : 0;

    return vh_sub(vh_sub(available_bytes, balloon), unused_bytes);
}
