/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements vh-units.h. Numbers are read digit by digit into integers: no locale, no rounding of
 * a double, and overflow is seen where it happens.
 */
#include "vh-units.h"

#include "vh-text.h"

#include <string.h>

#define FRACTION_DIGITS_MAX 9

/* A decimal number as digits / scale: 1.5 is 15 / 10. */
typedef struct {
    guint64 digits;
    guint64 scale;
} Decimal;

typedef struct {
    const char *name;
    guint64 factor; /* in the smallest unit: bytes, microseconds, basis points */
} Unit;

typedef struct {
    const char *what;     /* for messages: "a size" */
    const char *expected; /* what would be right */
    const Unit *units;    /* ends with a NULL name */
    guint64 maximum;      /* in the smallest unit */
    const char *maximum_text;
} UnitFamily;

static const Unit size_units[] = {
    {"", 1},         {"B", 1},
    {"KiB", VH_KIB}, {"MiB", VH_MIB},
    {"GiB", VH_GIB}, {"TiB", 1024 * VH_GIB},
    {"K", VH_KIB},   {"M", VH_MIB},
    {"G", VH_GIB},   {"T", 1024 * VH_GIB},
    {NULL, 0},
};
static const Unit duration_units[] = {
    {"ms", (guint64)VH_MS},  {"s", (guint64)VH_SEC},       {"min", (guint64)VH_MIN},
    {"h", (guint64)VH_HOUR}, {"d", 24 * (guint64)VH_HOUR}, {NULL, 0},
};
static const Unit percent_units[] = {{"%", 100}, {NULL, 0}};

static const UnitFamily size_family = {
    "a size",       "write a number and B, KiB, MiB, GiB or TiB, as in \"512MiB\"",
    size_units,     G_MAXINT64,
    "2^63-1 bytes",
};
static const UnitFamily duration_family = {
    "a duration",   "write a number and ms, s, min, h or d, as in \"30s\"",
    duration_units, G_MAXINT64,
    "292000 years",
};
static const UnitFamily percent_family = {
    "a percentage", "write a number from 0 to 100 and %, as in \"25%\"", percent_units, 10000,
    "100%",
};
static const UnitFamily rate_family = {
    "a rate", "write a size and /s, as in \"1MiB/s\"", size_units, G_MAXINT64, "2^63-1 bytes",
};

static gboolean refuse(const UnitFamily *family, const char *text, const char *why, GError **error)
{
    g_autofree char *quoted = vh_text_quote(text);
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s is not %s (%s); %s", quoted, family->what,
                why, family->expected);
    return FALSE;
}

/* Reads DIGITS[.DIGITS] and moves *cursor behind it; a reason where that fails, else NULL. */
static const char *decimal_read(const char **cursor, Decimal *ret_decimal)
{
    Decimal decimal = {0, 1};
    const char *at = *cursor;
    if (*at == '-') {
        return "it is negative";
    }
    if (!g_ascii_isdigit(*at)) {
        return "it does not begin with a digit";
    }
    gboolean in_fraction = FALSE;
    guint fraction_digits = 0;
    for (; g_ascii_isdigit(*at) || (*at == '.' && !in_fraction); at++) {
        if (*at == '.') {
            in_fraction = TRUE;
            continue;
        }
        guint64 digit = (guint64)(*at - '0');
        if (__builtin_mul_overflow(decimal.digits, (guint64)10, &decimal.digits) ||
            __builtin_add_overflow(decimal.digits, digit, &decimal.digits)) {
            return "it has too many digits";
        }
        if (in_fraction && ++fraction_digits > FRACTION_DIGITS_MAX) {
            return "it has more than 9 digits behind the point";
        }
        decimal.scale *= in_fraction ? 10 : 1;
    }
    if (in_fraction && fraction_digits == 0) {
        return "no digit follows the point";
    }
    *cursor = at;
    *ret_decimal = decimal;
    return NULL;
}

static const Unit *unit_find(const UnitFamily *family, const char *name, gsize length)
{
    for (const Unit *unit = family->units; unit->name; unit++) {
        if (strlen(unit->name) == length && memcmp(unit->name, name, length) == 0) {
            return unit;
        }
    }
    return NULL;
}

/* The first `length` bytes of `text` as a number and one of the family's units; all of `text` is
 * for messages. */
static gboolean quantity_parse(const UnitFamily *family, const char *text, gsize length,
                               guint64 *ret_value, GError **error)
{
    g_autofree char *head = g_strndup(text, length);
    const char *cursor = head;
    Decimal decimal;
    const char *why = decimal_read(&cursor, &decimal);
    if (why) {
        return refuse(family, text, why, error);
    }
    gsize blanks = strspn(cursor, " ");
    cursor += blanks;
    gsize unit_length = strlen(cursor);
    if (blanks > 0 && unit_length == 0) {
        return refuse(family, text, "it ends with a blank", error);
    }
    const Unit *unit = unit_find(family, cursor, unit_length);
    if (!unit) {
        return refuse(family, text, unit_length == 0 ? "it has no unit" : "the unit is unknown",
                      error);
    }
    unsigned __int128 value = (unsigned __int128)decimal.digits * unit->factor / decimal.scale;
    if (value > family->maximum) {
        g_autofree char *above = g_strdup_printf("it is more than %s", family->maximum_text);
        return refuse(family, text, above, error);
    }
    *ret_value = (guint64)value;
    return TRUE;
}

gboolean vh_parse_size(const char *text, guint64 *ret_bytes, GError **error)
{
    return quantity_parse(&size_family, text, strlen(text), ret_bytes, error);
}

gboolean vh_parse_duration(const char *text, gint64 *ret_us, GError **error)
{
    guint64 value;
    if (!quantity_parse(&duration_family, text, strlen(text), &value, error)) {
        return FALSE;
    }
    *ret_us = (gint64)value;
    return TRUE;
}

gboolean vh_parse_percent(const char *text, guint *ret_bp, GError **error)
{
    const char *cursor = text;
    Decimal decimal;
    /* a finer share would silently become another one, or none at all */
    if (!decimal_read(&cursor, &decimal) && decimal.scale > 100) {
        return refuse(&percent_family, text, "it is finer than 0.01%", error);
    }
    guint64 value;
    if (!quantity_parse(&percent_family, text, strlen(text), &value, error)) {
        return FALSE;
    }
    *ret_bp = (guint)value;
    return TRUE;
}

gboolean vh_parse_rate(const char *text, guint64 *ret_bytes_per_s, GError **error)
{
    gsize length = strlen(text);
    if (length < 2 || strcmp(text + length - 2, "/s") != 0) {
        return refuse(&rate_family, text, "it does not end in /s", error);
    }
    return quantity_parse(&rate_family, text, length - 2, ret_bytes_per_s, error);
}

char *vh_format_size(guint64 bytes)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1000) {
        return g_strdup_printf("%" G_GUINT64_FORMAT " B", bytes);
    }
    guint unit = 1;
    unsigned __int128 factor = VH_KIB;
    /* 999.5 and more would be shown with four digits */
    while (unit + 1 < G_N_ELEMENTS(names) && (unsigned __int128)bytes * 10 >= factor * 9995) {
        factor *= 1024;
        unit++;
    }
    guint64 tenths = (guint64)(((unsigned __int128)bytes * 10 + factor / 2) / factor);
    if (tenths < 1000) {
        return g_strdup_printf("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " %s", tenths / 10,
                               tenths % 10, names[unit]);
    }
    guint64 whole = (guint64)((bytes + factor / 2) / factor);
    return g_strdup_printf("%" G_GUINT64_FORMAT " %s", whole, names[unit]);
}

/* "2 min 5 s": a whole number of `major`, and what is left in `minor` units unless that is 0. */
static char *two_units(guint64 us, gint64 major, const char *major_name, gint64 minor,
                       const char *minor_name)
{
    guint64 rest = us % (guint64)major / (guint64)minor;
    if (rest == 0) {
        return g_strdup_printf("%" G_GUINT64_FORMAT " %s", us / (guint64)major, major_name);
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT " %s %" G_GUINT64_FORMAT " %s", us / (guint64)major,
                           major_name, rest, minor_name);
}

static char *duration_format(guint64 us)
{
    if (us < (guint64)VH_MS && us > 0) {
        return g_strdup_printf("%" G_GUINT64_FORMAT " us", us);
    }
    if (us < (guint64)VH_SEC) {
        return g_strdup_printf("%" G_GUINT64_FORMAT " ms", us / (guint64)VH_MS);
    }
    if (us < (guint64)VH_MIN) {
        guint64 tenths = us / (guint64)(100 * VH_MS);
        return g_strdup_printf("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " s", tenths / 10,
                               tenths % 10);
    }
    if (us < (guint64)VH_HOUR) {
        return two_units(us, VH_MIN, "min", VH_SEC, "s");
    }
    if (us < 24 * (guint64)VH_HOUR) {
        return two_units(us, VH_HOUR, "h", VH_MIN, "min");
    }
    return two_units(us, 24 * VH_HOUR, "d", VH_HOUR, "h");
}

char *vh_format_duration(gint64 us)
{
    if (us >= 0) {
        return duration_format((guint64)us);
    }
    g_autofree char *positive = duration_format(-(guint64)us);
    return g_strdup_printf("-%s", positive);
}

/* From the largest on; each can be read again. */
static const Unit exact_size_units[] = {
    {"TiB", 1024 * VH_GIB}, {"GiB", VH_GIB}, {"MiB", VH_MIB}, {"KiB", VH_KIB}, {"B", 1}, {NULL, 0},
};
static const Unit exact_duration_units[] = {
    {"d", 24 * (guint64)VH_HOUR}, {"h", (guint64)VH_HOUR}, {"min", (guint64)VH_MIN},
    {"s", (guint64)VH_SEC},       {"ms", (guint64)VH_MS},  {NULL, 0},
};

/* NULL where none divides it. */
static char *format_exact(const Unit *units, guint64 value)
{
    for (const Unit *unit = units; unit->name; unit++) {
        if (value % unit->factor == 0) {
            return g_strdup_printf("%" G_GUINT64_FORMAT "%s", value / unit->factor, unit->name);
        }
    }
    return NULL;
}

char *vh_format_exact_size(guint64 bytes)
{
    return bytes == 0 ? g_strdup("0B") : format_exact(exact_size_units, bytes);
}

char *vh_format_exact_duration(gint64 us)
{
    g_return_val_if_fail(us >= 0, NULL);
    char *text = us == 0 ? g_strdup("0s") : format_exact(exact_duration_units, (guint64)us);
    if (text) {
        return text;
    }
    return g_strdup_printf("%" G_GINT64_FORMAT ".%03dms", us / VH_MS, (int)(us % VH_MS));
}
