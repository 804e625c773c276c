/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quantities as people write them, and arithmetic that cannot wrap. Inside virthint every size is
 * bytes (guint64) and every time microseconds (gint64); text is converted here, at the edges, once.
 */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

#define VH_KIB ((guint64)1024)
#define VH_MIB (1024 * VH_KIB)
#define VH_GIB (1024 * VH_MIB)

#define VH_MS ((gint64)1000)
#define VH_SEC (1000 * VH_MS)
#define VH_MIN (60 * VH_SEC)
#define VH_HOUR (60 * VH_MIN)

/*
 * "512MiB", "2 GiB", "1.5GiB", "4096" (bytes; "B" is allowed). Units: B, KiB, MiB, GiB, TiB, and
 * the short K, M, G, T (binary too). Negative, not finite, beyond 2^63-1 bytes, or an unknown unit:
 * VH_ERROR_INVALID with the units that would be right.
 */
VH_PUBLIC gboolean vh_parse_size(const char *text, guint64 *ret_bytes,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "250ms", "5s", "2min", "1h", "1d": a number with its unit, always. The same errors. */
VH_PUBLIC gboolean vh_parse_duration(const char *text, gint64 *ret_us,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "25%", "0.5%": from 0 to 100, in basis points (1/10000). The same errors. */
VH_PUBLIC gboolean vh_parse_percent(const char *text, guint *ret_bp,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "1MiB/s": a size per second, in bytes per second. The same errors. */
VH_PUBLIC gboolean vh_parse_rate(const char *text, guint64 *ret_bytes_per_s,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "1.4 GiB", "260 MiB", "512 B": three significant digits at most, for people. Free with g_free().
 */
VH_PUBLIC char *vh_format_size(guint64 bytes);

/* "250 ms", "5.0 s", "2 min 5 s", "1 h 3 min", for people. Free with g_free(). */
VH_PUBLIC char *vh_format_duration(gint64 us);

/* "512MiB", "1536KiB", "1B" and "15min", "90s", "0.250ms": exact, in the largest unit that divides
 * it; vh_parse_size() and vh_parse_duration() give the same value again. `us` is not negative. Free
 * with g_free(). */
VH_PUBLIC char *vh_format_exact_size(guint64 bytes);
VH_PUBLIC char *vh_format_exact_duration(gint64 us);

/* a - b, or 0 where b is larger. */
static inline guint64 vh_sub(guint64 a, guint64 b)
{
    return a > b ? a - b : 0;
}

/* a + b, or 2^64-1 where it would wrap. */
static inline guint64 vh_add(guint64 a, guint64 b)
{
    guint64 sum;
    return __builtin_add_overflow(a, b, &sum) ? G_MAXUINT64 : sum;
}

/* a * b, or 2^64-1 where it would wrap. */
static inline guint64 vh_mul(guint64 a, guint64 b)
{
    guint64 product;
    return __builtin_mul_overflow(a, b, &product) ? G_MAXUINT64 : product;
}

/* The share bp (1/10000) of bytes, without overflow. */
static inline guint64 vh_share(guint64 bytes, guint bp)
{
    return (guint64)((unsigned __int128)bytes * bp / 10000);
}

G_END_DECLS
