/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy that a domain's own metadata asks for, as data: the attributes of
 *
 *     <virthint:policy xmlns:virthint="urn:virthint:policy:1" class="perf" weight="200" ask="auto"
 *                      cooldown="15min" max_per_ask="256MiB" reporting="off"
 *                      until="2026-12-31T06:00:00Z"/>
 *
 * Reading them out of a domain, and writing them there, is vh-metadata.h; whether they count is
 * decided by the host's policy. Nothing here blocks; any thread.
 */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

#define VH_OVERRIDE_URI "urn:virthint:policy:1"
#define VH_CLASS_NAME_MAX 64 /* bytes, with the final NUL */
#define VH_WEIGHT_MAX 1000
#define VH_COOLDOWN_MAX_US (7 * 24 * 3600 * (gint64)1000000)

/* What becomes of a guest's continuous free page reporting. */
typedef enum {
    VH_REPORTING_LEAVE,  /* nothing: it stays as somebody else set it */
    VH_REPORTING_AUTO,   /* on while memory is short and what it gives lasts; tier native only */
    VH_REPORTING_ALWAYS, /* on */
    VH_REPORTING_OFF,    /* off */
} VhReportingMode;

typedef enum {
    VH_OVERRIDE_CLASS = 1 << 0,
    VH_OVERRIDE_WEIGHT = 1 << 1,
    VH_OVERRIDE_ASK = 1 << 2,
    VH_OVERRIDE_COOLDOWN = 1 << 3,
    VH_OVERRIDE_MAX_PER_ASK = 1 << 4,
    VH_OVERRIDE_REPORTING = 1 << 5,
} VhOverrideKey;

typedef struct {
    guint keys;                         /* which VhOverrideKey are set; 0: no override */
    char class_name[VH_CLASS_NAME_MAX]; /* [a-z0-9-]+ */
    guint weight;                       /* 1 to VH_WEIGHT_MAX */
    gboolean ask_never;                 /* ask="never"; ask="auto" unsets it */
    gint64 cooldown_us;                 /* at most VH_COOLDOWN_MAX_US */
    guint64 max_per_ask_bytes;          /* at least 1 MiB */
    VhReportingMode reporting;
    gint64 until_us; /* UTC since 1970; 0: for ever */
} VhOverride;

/*
 * Sets one attribute. Unknown names and values out of range: VH_ERROR_INVALID, naming the attribute
 * and what would be right.
 */
VH_PUBLIC gboolean vh_override_set(VhOverride *override, const char *name, const char *value,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes it out again. An unknown name: VH_ERROR_INVALID. */
VH_PUBLIC gboolean vh_override_unset(VhOverride *override, const char *name,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Its value as vh_override_set() reads it; NULL where it is not set, or there is no such attribute.
 * Free with g_free(). */
VH_PUBLIC char *vh_override_get(const VhOverride *override, const char *name);

/* The names of all attributes ("class", ..., "until"), NULL-terminated, static. */
VH_PUBLIC const char *const *vh_override_names(void);

/* Whether the values of one that a program has filled in are all within their ranges, as those are
 * that vh_override_set() takes; VH_ERROR_INVALID, naming the attribute, where not. */
VH_PUBLIC gboolean vh_override_check(const VhOverride *override,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether `name` can be a class: [a-z0-9-]+, and it fits. */
VH_PUBLIC gboolean vh_class_name_is_valid(const char *name);

/* The stable words of the modes ("auto"), static; and the reverse, FALSE where there is no such
 * word. */
VH_PUBLIC const char *vh_reporting_mode_name(VhReportingMode mode);
VH_PUBLIC gboolean vh_reporting_mode_from_name(const char *name, VhReportingMode *ret_mode);

/* The key of an attribute name ("class"), 0 where there is none; and the reverse, static. */
VH_PUBLIC guint vh_override_key_from_name(const char *name);
VH_PUBLIC const char *vh_override_key_name(VhOverrideKey key);

G_END_DECLS
