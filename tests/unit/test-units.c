/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Quantities as people write them, and foreign text inside messages. */
#include "vh-text.h"
#include "vh-units.h"

#include <string.h>

static void test_sizes(void)
{
    static const struct {
        const char *text;
        guint64 bytes;
    } cases[] = {
        {"0", 0},
        {"4096", 4096},
        {"7B", 7},
        {"1KiB", 1024},
        {"512MiB", 512 * VH_MIB},
        {"2 GiB", 2 * VH_GIB},
        {"1.5GiB", 1536 * VH_MIB},
        {"0.000000001KiB", 0},
        {"3T", 3072 * VH_GIB},
        {"16K", 16 * VH_KIB},
        {"9223372036854775807", G_MAXINT64},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        guint64 bytes = 1;
        g_assert_true(vh_parse_size(cases[i].text, &bytes, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(bytes, ==, cases[i].bytes);
    }
}

typedef gboolean (*Parser)(const char *text, GError **error);

static gboolean parse_size(const char *text, GError **error)
{
    guint64 bytes;
    return vh_parse_size(text, &bytes, error);
}

static gboolean parse_duration(const char *text, GError **error)
{
    gint64 us;
    return vh_parse_duration(text, &us, error);
}

static gboolean parse_percent(const char *text, GError **error)
{
    guint bp;
    return vh_parse_percent(text, &bp, error);
}

static gboolean parse_rate(const char *text, GError **error)
{
    guint64 rate;
    return vh_parse_rate(text, &rate, error);
}

static void test_refused(void)
{
    static const struct {
        Parser parse;
        const char *text;
        const char *phrase;
    } cases[] = {
        {parse_size, "", "begin with a digit"},
        {parse_size, "-1MiB", "negative"},
        {parse_size, "+1MiB", "begin with a digit"},
        {parse_size, "nan", "begin with a digit"},
        {parse_size, "inf", "begin with a digit"},
        {parse_size, "1e3MiB", "unit is unknown"},
        {parse_size, "1MB", "KiB, MiB, GiB"},
        {parse_size, "1mib", "unit is unknown"},
        {parse_size, "0x10", "unit is unknown"},
        {parse_size, "1.5.5GiB", "unit is unknown"},
        {parse_size, "1.GiB", "digit follows the point"},
        {parse_size, "1,5GiB", "unit is unknown"},
        {parse_size, "1 ", "ends with a blank"},
        {parse_size, " 1", "begin with a digit"},
        {parse_size, "1GiB ", "unit is unknown"},
        {parse_size, "9223372036854775808", "more than 2^63-1"},
        {parse_size, "8388608TiB", "more than 2^63-1"},
        {parse_size, "99999999999999999999", "too many digits"},
        {parse_size, "0.1234567890GiB", "more than 9 digits"},
        {parse_size, "5s", "as in \"512MiB\""},
        {parse_duration, "5", "no unit"},
        {parse_duration, "5m", "as in \"30s\""},
        {parse_duration, "-5s", "negative"},
        {parse_duration, "300000000000h", "more than"},
        {parse_percent, "25", "no unit"},
        {parse_percent, "101%", "more than 100%"},
        {parse_percent, "0.001%", "finer than 0.01%"},
        {parse_percent, "-1%", "negative"},
        {parse_rate, "1MiB", "end in /s"},
        {parse_rate, "/s", "begin with a digit"},
        {parse_rate, "s", "end in /s"},
        {parse_rate, "1MB/s", "unit is unknown"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("\"%s\"", cases[i].text);
        g_assert_false(cases[i].parse(cases[i].text, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        if (!strstr(error->message, cases[i].phrase)) {
            g_error("\"%s\" lacks \"%s\"", error->message, cases[i].phrase);
        }
    }
}

static void test_other_quantities(void)
{
    gint64 us;
    guint bp;
    guint64 rate;
    g_assert_true(vh_parse_duration("250ms", &us, NULL));
    g_assert_cmpint(us, ==, 250000);
    g_assert_true(vh_parse_duration("1.5 min", &us, NULL));
    g_assert_cmpint(us, ==, 90 * VH_SEC);
    g_assert_true(vh_parse_duration("2d", &us, NULL));
    g_assert_cmpint(us, ==, 48 * VH_HOUR);
    g_assert_true(vh_parse_percent("25%", &bp, NULL));
    g_assert_cmpuint(bp, ==, 2500);
    g_assert_true(vh_parse_percent("0.05 %", &bp, NULL));
    g_assert_cmpuint(bp, ==, 5);
    g_assert_true(vh_parse_percent("100%", &bp, NULL));
    g_assert_cmpuint(bp, ==, 10000);
    g_assert_true(vh_parse_rate("1MiB/s", &rate, NULL));
    g_assert_cmpuint(rate, ==, VH_MIB);
}

static void test_format_size(void)
{
    static const struct {
        guint64 bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {512, "512 B"},
        {999, "999 B"},
        {1000, "1.0 KiB"},
        {260 * VH_MIB, "260 MiB"},
        {1434 * VH_MIB, "1.4 GiB"},
        {999 * VH_MIB + 512 * VH_KIB, "1.0 GiB"},
        {999 * VH_MIB, "999 MiB"},
        {10 * VH_GIB, "10.0 GiB"},
        {G_MAXUINT64, "16.0 EiB"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = vh_format_size(cases[i].bytes);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void test_format_duration(void)
{
    static const struct {
        gint64 us;
        const char *text;
    } cases[] = {
        {0, "0 ms"},
        {850, "850 us"},
        {250 * VH_MS, "250 ms"},
        {5 * VH_SEC, "5.0 s"},
        {59 * VH_SEC + 999 * VH_MS, "59.9 s"},
        {2 * VH_MIN + 5 * VH_SEC, "2 min 5 s"},
        {2 * VH_MIN, "2 min"},
        {VH_HOUR + 3 * VH_MIN + 59 * VH_SEC, "1 h 3 min"},
        {49 * VH_HOUR, "2 d 1 h"},
        {-2 * VH_SEC, "-2.0 s"},
        {G_MININT64, "-106751991 d 4 h"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = vh_format_duration(cases[i].us);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void test_arithmetic(void)
{
    g_assert_cmpuint(vh_sub(3, 5), ==, 0);
    g_assert_cmpuint(vh_sub(5, 3), ==, 2);
    g_assert_cmpuint(vh_add(G_MAXUINT64, 1), ==, G_MAXUINT64);
    g_assert_cmpuint(vh_mul(G_MAXUINT64 / 2, 3), ==, G_MAXUINT64);
    g_assert_cmpuint(vh_share(G_MAXUINT64, 10000), ==, G_MAXUINT64);
    g_assert_cmpuint(vh_share(VH_GIB, 2500), ==, VH_GIB / 4);
}

static void test_quote(void)
{
    g_autofree char *forged = vh_text_quote("a\nb\x1b[31m\"");
    g_assert_cmpstr(forged, ==, "\"a\\nb\\033[31m\\\"\"");
    g_autofree char *none = vh_text_quote(NULL);
    g_assert_cmpstr(none, ==, "(none)");
    g_autofree char *flood = g_strnfill(5000, 'x');
    g_autofree char *cut = vh_text_quote(flood);
    g_assert_cmpuint(strlen(cut), ==, VH_TEXT_QUOTE_MAX + 5);
    g_assert_true(g_str_has_suffix(cut, "x...\""));
}

static void test_nearest(void)
{
    static const char *const words[] = {"interval", "class", "classes", NULL};
    g_assert_cmpstr(vh_text_nearest("intervall", words), ==, "interval");
    g_assert_cmpstr(vh_text_nearest("Class", words), ==, "class");
    g_assert_cmpstr(vh_text_nearest("calss", words), ==, "class");
    g_assert_cmpstr(vh_text_nearest("classses", words), ==, "classes");
    g_assert_null(vh_text_nearest("quux", words));
    g_assert_null(vh_text_nearest("", words));
    g_autofree char *joined = vh_text_join_or(words);
    g_assert_cmpstr(joined, ==, "interval, class or classes");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/units/sizes", test_sizes);
    g_test_add_func("/units/other-quantities", test_other_quantities);
    g_test_add_func("/units/refused", test_refused);
    g_test_add_func("/units/format-size", test_format_size);
    g_test_add_func("/units/format-duration", test_format_duration);
    g_test_add_func("/units/arithmetic", test_arithmetic);
    g_test_add_func("/text/quote", test_quote);
    g_test_add_func("/text/nearest", test_nearest);
    return g_test_run();
}
