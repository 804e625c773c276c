/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attributes of a domain's own policy. */
#include "vh-override.h"
#include "vh-units.h"

#include <string.h>

static void test_all_set(void)
{
    VhOverride override = {0};
    g_assert_true(vh_override_set(&override, "class", "perf", NULL));
    g_assert_true(vh_override_set(&override, "weight", "200", NULL));
    g_assert_true(vh_override_set(&override, "ask", "never", NULL));
    g_assert_true(vh_override_set(&override, "cooldown", "15min", NULL));
    g_assert_true(vh_override_set(&override, "max_per_ask", "256MiB", NULL));
    g_assert_true(vh_override_set(&override, "reporting", "always", NULL));
    g_assert_true(vh_override_set(&override, "until", "2026-12-31T06:00:00Z", NULL));
    g_assert_cmpuint(override.keys, ==, 63);
    g_assert_cmpstr(override.class_name, ==, "perf");
    g_assert_cmpuint(override.weight, ==, 200);
    g_assert_true(override.ask_never);
    g_assert_cmpint(override.cooldown_us, ==, 15 * VH_MIN);
    g_assert_cmpuint(override.max_per_ask_bytes, ==, 256 * VH_MIB);
    g_assert_cmpint(override.reporting, ==, VH_REPORTING_ALWAYS);
    g_assert_cmpint(override.until_us, ==, 1798696800 * VH_SEC);
    g_assert_true(vh_override_set(&override, "ask", "auto", NULL));
    g_assert_false(override.ask_never);
}

static void test_until_alone_sets_nothing(void)
{
    VhOverride override = {0};
    g_assert_true(vh_override_set(&override, "until", "2027-01-01T00:00:00Z", NULL));
    g_assert_cmpuint(override.keys, ==, 0);
}

#define NAME_64 "0123456789012345678901234567890123456789012345678901234567890123"

static void test_refused(void)
{
    static const struct {
        const char *name;
        const char *value;
        int code;
        const char *phrase;
    } cases[] = {
        {"class", "", VH_ERROR_INVALID, "a-z, 0-9 and -"},
        {"class", "Perf", VH_ERROR_INVALID, "a-z, 0-9 and -"},
        {"class", "a b", VH_ERROR_INVALID, "\"a b\""},
        {"class", "p\nforged", VH_ERROR_INVALID, "p\\nforged"},
        {"class", NAME_64, VH_ERROR_INVALID, "1 to 63"},
        {"weight", "0", VH_ERROR_INVALID, "from 1 to 1000"},
        {"weight", "1001", VH_ERROR_INVALID, "from 1 to 1000"},
        {"weight", "-1", VH_ERROR_INVALID, "from 1 to 1000"},
        {"weight", "1.5", VH_ERROR_INVALID, "whole number"},
        {"weight", "99999999999999999999999", VH_ERROR_INVALID, "from 1 to 1000"},
        {"ask", "always", VH_ERROR_INVALID, "auto or never"},
        {"ask", "", VH_ERROR_INVALID, "auto or never"},
        {"cooldown", "15", VH_ERROR_INVALID, "no unit"},
        {"cooldown", "8d", VH_ERROR_INVALID, "at most 7d"},
        {"max_per_ask", "1KiB", VH_ERROR_INVALID, "at least 1MiB"},
        {"max_per_ask", "0", VH_ERROR_INVALID, "ask=\"never\""},
        {"max_per_ask", "lots", VH_ERROR_INVALID, "as in \"512MiB\""},
        {"until", "2026-12-31", VH_ERROR_INVALID, "2026-12-31T06:00:00Z"},
        {"until", "2026-02-30T06:00:00Z", VH_ERROR_INVALID, "UTC"},
        {"until", "2026-12-31T06:00:00+01", VH_ERROR_INVALID, "UTC"},
        {"until", "2026-12-31T25:00:00Z", VH_ERROR_INVALID, "UTC"},
        {"until", "1969-12-31T06:00:00Z", VH_ERROR_INVALID, "after 1970"},
        {"reporting", "on", VH_ERROR_INVALID, "auto, always, off or leave"},
        {"reporting", "", VH_ERROR_INVALID, "auto, always, off or leave"},
        {"clas", "perf", VH_ERROR_INVALID, "known are class"},
        {"", "", VH_ERROR_INVALID, "known are class"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        VhOverride override = {0};
        VhOverride untouched = {0};
        g_test_message("case %u: %s", i, cases[i].name);
        g_assert_false(vh_override_set(&override, cases[i].name, cases[i].value, &error));
        g_assert_error(error, VH_ERROR, cases[i].code);
        g_assert_true(g_str_has_prefix(error->message, "attribute "));
        if (!strstr(error->message, cases[i].phrase)) {
            g_error("\"%s\" lacks \"%s\"", error->message, cases[i].phrase);
        }
        g_assert_cmpmem(&override, sizeof override, &untouched, sizeof untouched);
    }
}

static void test_key_names(void)
{
    static const char *const names[] = {"class",    "weight",      "ask",
                                        "cooldown", "max_per_ask", "reporting"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        guint key = vh_override_key_from_name(names[i]);
        g_assert_cmpuint(key, !=, 0);
        g_assert_cmpstr(vh_override_key_name((VhOverrideKey)key), ==, names[i]);
    }
    g_assert_cmpuint(vh_override_key_from_name("until"), ==, 0);
    g_assert_cmpuint(vh_override_key_from_name("granule"), ==, 0);
}

static void test_reporting_names(void)
{
    VhReportingMode mode;

    for (guint i = VH_REPORTING_LEAVE; i <= VH_REPORTING_OFF; i++) {
        g_assert_true(
            vh_reporting_mode_from_name(vh_reporting_mode_name((VhReportingMode)i), &mode));
        g_assert_cmpuint(mode, ==, i);
    }
    g_assert_false(vh_reporting_mode_from_name("Off", &mode));
    g_assert_false(vh_reporting_mode_from_name(NULL, &mode));
}

/* What is written is what is read, for values that people write and those that programs do. */
static void test_round_trip(void)
{
    static const char *const values[][2] = {
        {"class", "perf"},
        {"weight", "1"},
        {"weight", "1000"},
        {"ask", "never"},
        {"ask", "auto"},
        {"cooldown", "15min"},
        {"cooldown", "0s"},
        {"cooldown", "90s"},
        {"cooldown", "0.001ms"},
        {"cooldown", "7d"},
        {"max_per_ask", "1536KiB"},
        {"max_per_ask", "1048577B"},
        {"max_per_ask", "8191PiB"},
        {"reporting", "leave"},
        {"reporting", "always"},
        {"until", "2026-12-31T06:00:00Z"},
        {"until", "9999-12-31T23:59:59Z"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
        VhOverride override = {0}, cleared = {0};
        const char *name = values[i][0];

        g_assert_null(vh_override_get(&override, name));
        if (g_str_has_suffix(values[i][1], "PiB")) {
            override.max_per_ask_bytes = G_MAXINT64;
            override.keys = VH_OVERRIDE_MAX_PER_ASK;
        } else {
            g_assert_true(vh_override_set(&override, name, values[i][1], NULL));
            g_autofree char *text = vh_override_get(&override, name);
            g_assert_cmpstr(text, ==, values[i][1]);
        }
        g_assert_true(vh_override_check(&override, NULL));
        g_assert_true(vh_override_unset(&override, name, NULL));
        g_assert_cmpmem(&override, sizeof override, &cleared, sizeof cleared);
    }
}

static void test_unknown_names(void)
{
    g_autoptr(GError) error = NULL;
    VhOverride override = {0};

    g_assert_false(vh_override_unset(&override, "colour", &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "known are class"));
    g_assert_null(vh_override_get(&override, "colour"));
    g_assert_cmpuint(g_strv_length((char **)vh_override_names()), ==, 7);
    g_assert_cmpstr(vh_override_names()[6], ==, "until");
}

/* What no text could say. */
static void test_check(void)
{
    static const struct {
        VhOverride override;
        const char *phrase;
    } cases[] = {
        {{.keys = VH_OVERRIDE_CLASS}, "class"},
        {{.keys = VH_OVERRIDE_CLASS, .class_name = NAME_64}, "class"},
        {{.keys = VH_OVERRIDE_CLASS, .class_name = "<x>"}, "class"},
        {{.keys = VH_OVERRIDE_WEIGHT}, "weight"},
        {{.keys = VH_OVERRIDE_WEIGHT, .weight = 1001}, "weight"},
        {{.keys = VH_OVERRIDE_COOLDOWN, .cooldown_us = -1}, "cooldown"},
        {{.keys = VH_OVERRIDE_COOLDOWN, .cooldown_us = G_MININT64}, "cooldown"},
        {{.keys = VH_OVERRIDE_COOLDOWN, .cooldown_us = VH_COOLDOWN_MAX_US + 1}, "cooldown"},
        {{.keys = VH_OVERRIDE_MAX_PER_ASK, .max_per_ask_bytes = VH_MIB - 1}, "max_per_ask"},
        {{.keys = VH_OVERRIDE_MAX_PER_ASK, .max_per_ask_bytes = G_MAXUINT64}, "max_per_ask"},
        {{.keys = VH_OVERRIDE_REPORTING, .reporting = (VhReportingMode)77}, "reporting"},
        {{.until_us = -VH_SEC}, "until"},
        {{.until_us = VH_SEC + 1}, "until"},
        {{.until_us = G_MAXINT64 / VH_SEC * VH_SEC}, "until"},
        {{.keys = 1 << 20}, "0x100000"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("case %u", i);
        g_assert_false(vh_override_check(&cases[i].override, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, cases[i].phrase));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/override/all-set", test_all_set);
    g_test_add_func("/override/until-alone-sets-nothing", test_until_alone_sets_nothing);
    g_test_add_func("/override/refused", test_refused);
    g_test_add_func("/override/key-names", test_key_names);
    g_test_add_func("/override/reporting-names", test_reporting_names);
    g_test_add_func("/override/round-trip", test_round_trip);
    g_test_add_func("/override/unknown-names", test_unknown_names);
    g_test_add_func("/override/check", test_check);
    return g_test_run();
}
