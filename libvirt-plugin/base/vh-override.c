/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements vh-override.h. The values are written by whoever may edit the domain: each is checked
 * here, before anything else sees it.
 */
#include "vh-override.h"

#include "vh-text.h"
#include "vh-units.h"

#include <stddef.h>
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

static char *format_class(const VhOverride *override)
{
    return g_strndup(override->class_name, sizeof override->class_name);
}

static char *format_weight(const VhOverride *override)
{
    return g_strdup_printf("%u", override->weight);
}

static char *format_ask(const VhOverride *override)
{
    return g_strdup(override->ask_never ? "never" : "auto");
}

static char *format_cooldown(const VhOverride *override)
{
    return override->cooldown_us >= 0 ? vh_format_exact_duration(override->cooldown_us)
                                      : g_strdup("negative");
}

static char *format_max_per_ask(const VhOverride *override)
{
    return vh_format_exact_size(override->max_per_ask_bytes);
}

static char *format_reporting(const VhOverride *override)
{
    return g_strdup((guint) override->reporting < G_N_ELEMENTS(reporting_names)
                        ? reporting_names[override->reporting]
                        : "unknown");
}

static char *format_until(const VhOverride *override)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(override->until_us / VH_SEC);
    /* What is no whole second, or out of range, is no text that could be read again. */
    return time && override->until_us % VH_SEC == 0 ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ")
                                                    : g_strdup("out of range");
}

#define FIELD(member) offsetof(VhOverride, member), sizeof(((VhOverride *)NULL)->member)

static const struct {
    const char *name;
    guint key; /* VhOverrideKey; 0: not a key of its own */
    gsize offset, size;
    AttributeParser parse;
    char *(*format)(const VhOverride *override);
} attributes[] = {
    {"class", VH_OVERRIDE_CLASS, FIELD(class_name), parse_class, format_class},
    {"weight", VH_OVERRIDE_WEIGHT, FIELD(weight), parse_weight, format_weight},
    {"ask", VH_OVERRIDE_ASK, FIELD(ask_never), parse_ask, format_ask},
    {"cooldown", VH_OVERRIDE_COOLDOWN, FIELD(cooldown_us), parse_cooldown, format_cooldown},
    {"max_per_ask", VH_OVERRIDE_MAX_PER_ASK, FIELD(max_per_ask_bytes), parse_max_per_ask,
     format_max_per_ask},
    {"reporting", VH_OVERRIDE_REPORTING, FIELD(reporting), parse_reporting, format_reporting},
    {"until", 0, FIELD(until_us), parse_until, format_until},
};

#define NO_ATTRIBUTE G_N_ELEMENTS(attributes)

const char *const *vh_override_names(void)
{
    static const char *names[G_N_ELEMENTS(attributes) + 1];
    static gsize is_filled;

    if (g_once_init_enter(&is_filled)) {
        for (gsize i = 0; i < G_N_ELEMENTS(attributes); i++) {
            names[i] = attributes[i].name;
        }
        g_once_init_leave(&is_filled, 1);
    }
    return names;
}

static gsize find_attribute(const char *name)
{
    gsize i = 0;
    while (i < G_N_ELEMENTS(attributes) && g_strcmp0(name, attributes[i].name) != 0) {
        i++;
    }
    return i;
}

static gboolean is_set(const VhOverride *override, gsize i)
{
    return attributes[i].key ? (override->keys & attributes[i].key) != 0 : override->until_us != 0;
}

static void refuse_name(const char *name, GError **error)
{
    g_autofree char *quoted = vh_text_quote(name);
    g_autofree char *right = vh_text_join_or(vh_override_names());
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "attribute %s is unknown; known are %s", quoted,
                right);
}

gboolean vh_override_set(VhOverride *override, const char *name, const char *value, GError **error)
{
    gsize i = find_attribute(name);
    if (i == NO_ATTRIBUTE) {
        refuse_name(name, error);
        return FALSE;
    }
    if (!attributes[i].parse(override, value, error)) {
        g_prefix_error(error, "attribute %s: ", name);
        return FALSE;
    }
    override->keys |= attributes[i].key;
    return TRUE;
}

gboolean vh_override_unset(VhOverride *override, const char *name, GError **error)
{
    gsize i = find_attribute(name);
    if (i == NO_ATTRIBUTE) {
        refuse_name(name, error);
        return FALSE;
    }
    memset((char *) override + attributes[i].offset, 0, attributes[i].size);
    override->keys &= ~attributes[i].key;
    return TRUE;
}

char *vh_override_get(const VhOverride *override, const char *name)
{
    gsize i = find_attribute(name);
    return i != NO_ATTRIBUTE && is_set(override, i) ? attributes[i].format(override) : NULL;
}

/* What cannot be read again as it was written would not be what the caller meant. */
gboolean vh_override_check(const VhOverride *override, GError **error)
{
    VhOverride copy = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(attributes); i++) {
        g_autofree char *value = vh_override_get(override, attributes[i].name);
        if (value && !vh_override_set(&copy, attributes[i].name, value, error)) {
            return FALSE;
        }
    }
    if (copy.keys != override->keys) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "keys 0x%x of the policy are unknown; write those of VhOverrideKey",
                    override->keys & ~copy.keys);
        return FALSE;
    }
    return TRUE;
}

gboolean vh_class_name_is_valid(const char *name)
{
    gsize length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < VH_CLASS_NAME_MAX && name[length] == '\0';
}

guint vh_override_key_from_name(const char *name)
{
    gsize i = find_attribute(name);
    return i == NO_ATTRIBUTE ? 0 : attributes[i].key;
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
