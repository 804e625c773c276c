/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which figures of a guest are known: bits that the library, which reads them, and the engine,
 * which decides by them, share. What is missing is unknown, never zero.
 */
#pragma once

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
