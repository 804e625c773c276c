/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements vh-override.h. The values are written by whoever may edit the domain: each is checked
 * here, before anything else sees it.
 */
#include "vh-override.h"

#include "vh-text.h"
#include "vh-units.h"

#include <string.h>

typedef gboolean (*AttributeParser)(VhOverride *override, const char *value, GError **error);

static gboolean parse_class(VhOverride *override, const char *value, GError **error)
{
    if (!vh_class_name_is_valid(value)) {
        g_autofree char *quoted = vh_text_quote(value);
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s is not a class name; write 1 to %d of a-z, 0-9 and -", quoted,
                    VH_CLASS_NAME_MAX - 1);
        return FALSE;
    }
    g_strlcpy(override->class_name, value, sizeof override->class_name);
    return TRUE;
}

static gboolean parse_weight(VhOverride *override, const char *value, GError **error)
{
    guint64 weight;
    if (!g_ascii_string_to_unsigned(value, 10, 1, VH_WEIGHT_MAX, &weight, NULL)) {
        g_autofree char *quoted = vh_text_quote(value);
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s is not a weight; write a whole number from 1 to %d", quoted, VH_WEIGHT_MAX);
        return FALSE;
    }
    override->weight = (guint)weight;
    return TRUE;
}

static gboolean parse_ask(VhOverride *override, const char *value, GError **error)
{
    gboolean is_never = strcmp(value, "never") == 0;
    if (!is_never && strcmp(value, "auto") != 0) {
        g_autofree char *quoted = vh_text_quote(value);
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s is unknown; write auto or never",
                    quoted);
        return FALSE;
    }
    override->ask_never = is_never;
    return TRUE;
}

static gboolean parse_cooldown(VhOverride *override, const char *value, GError **error)
{
    gint64 us;
    if (!vh_parse_duration(value, &us, error)) {
        return FALSE;
    }
    if (us > VH_COOLDOWN_MAX_US) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "it is too long; write at most 7d");
        return FALSE;
    }
    override->cooldown_us = us;
    return TRUE;
}

static gboolean parse_max_per_ask(VhOverride *override, const char *value, GError **error)
{
    guint64 bytes;
    if (!vh_parse_size(value, &bytes, error)) {
        return FALSE;
    }
    if (bytes < VH_MIB) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "it is too small; write at least 1MiB, or ask=\"never\"");
        return FALSE;
    }
    override->max_per_ask_bytes = bytes;
    return TRUE;
}

static const char *const reporting_names[] = {
    [VH_REPORTING_LEAVE] = "leave",
    [VH_REPORTING_AUTO] = "auto",
    [VH_REPORTING_ALWAYS] = "always",
    [VH_REPORTING_OFF] = "off",
};

const char *vh_reporting_mode_name(VhReportingMode mode)
{
    g_return_val_if_fail((guint)mode < G_N_ELEMENTS(reporting_names), "unknown");
    return reporting_names[mode];
}

gboolean vh_reporting_mode_from_name(const char *name, VhReportingMode *ret_mode)
{
    for (guint i = 0; i < G_N_ELEMENTS(reporting_names); i++) {
        if (g_strcmp0(name, reporting_names[i]) == 0) {
            *ret_mode = (VhReportingMode)i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean parse_reporting(VhOverride *override, const char *value, GError **error)
{
    if (!vh_reporting_mode_from_name(value, &override->reporting)) {
        g_autofree char *quoted = vh_text_quote(value);
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s is unknown; write auto, always, off or leave", quoted);
        return FALSE;
    }
    return TRUE;
}

/* Exactly "YYYY-MM-DDThh:mm:ssZ": one spelling, no time zone to get wrong. */
static gboolean parse_until(VhOverride *override, const char *value, GError **error)
{
    static const char pattern[] = "dddd-dd-ddTdd:dd:ddZ";
    gboolean is_valid = strnlen(value, sizeof pattern) == sizeof pattern - 1;
    for (guint i = 0; is_valid && pattern[i]; i++) {
        is_valid = pattern[i] == 'd' ? g_ascii_isdigit(value[i]) : value[i] == pattern[i];
    }
    g_autoptr(GDateTime) time = is_valid ? g_date_time_new_from_iso8601(value, NULL) : NULL;
    if (!time || g_date_time_to_unix(time) <= 0) {
        g_autofree char *quoted = vh_text_quote(value);
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s is not a time in UTC after 1970; write it as in \"2026-12-31T06:00:00Z\"",
                    quoted);
        return FALSE;
    }
    override->until_us = g_date_time_to_unix(time) * VH_SEC;
    return TRUE;
}

static const struct {
    const char *name;
    guint key; /* VhOverrideKey; 0: not a key of its own */
    AttributeParser parse;
} attributes[] = {
    {"class", VH_OVERRIDE_CLASS, parse_class},
    {"weight", VH_OVERRIDE_WEIGHT, parse_weight},
    {"ask", VH_OVERRIDE_ASK, parse_ask},
    {"cooldown", VH_OVERRIDE_COOLDOWN, parse_cooldown},
    {"max_per_ask", VH_OVERRIDE_MAX_PER_ASK, parse_max_per_ask},
    {"reporting", VH_OVERRIDE_REPORTING, parse_reporting},
    {"until", 0, parse_until},
};

gboolean vh_override_set(VhOverride *override, const char *name, const char *value, GError **error)
{
    const char *known[G_N_ELEMENTS(attributes) + 1] = {NULL};
    for (guint i = 0; i < G_N_ELEMENTS(attributes); i++) {
        known[i] = attributes[i].name;
        if (strcmp(name, attributes[i].name) != 0) {
            continue;
        }
        if (!attributes[i].parse(override, value, error)) {
            g_prefix_error(error, "attribute %s: ", name);
            return FALSE;
        }
        override->keys |= attributes[i].key;
        return TRUE;
    }
    g_autofree char *quoted = vh_text_quote(name);
    g_autofree char *right = vh_text_join_or(known);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "attribute %s is unknown; known are %s", quoted,
                right);
    return FALSE;
}

gboolean vh_class_name_is_valid(const char *name)
{
    gsize length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < VH_CLASS_NAME_MAX && name[length] == '\0';
}

guint vh_override_key_from_name(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(attributes); i++) {
        if (g_strcmp0(name, attributes[i].name) == 0) {
            return attributes[i].key;
        }
    }
    return 0;
}

const char *vh_override_key_name(VhOverrideKey key)
{
    for (guint i = 0; i < G_N_ELEMENTS(attributes); i++) {
        if (attributes[i].key == (guint)key) {
            return attributes[i].name;
        }
    }
    g_return_val_if_reached("unknown");
}
