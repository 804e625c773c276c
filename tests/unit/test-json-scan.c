/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The strict JSON scanner: what it lets through, what not, and where values stand. */
#include "vh-json-scan.h"

#include <string.h>

static void test_accepted(void)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " null ",
        "true",
        "\"\"",
        "0",
        "-0",
        "-0.5e-3",
        "1E+10",
        "9223372036854775807",
        "-9223372036854775808",
        "1.7976931348623157e308",
        "1e-400",
        "[1,[2,{\"a\":[3]}]]",
        "{\"a\":{\"b\":1},\"b\":{\"b\":1}}",
        "{\"\":1,\"~\":2}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "\t\r\n{ \"a\" : [ 1 , 2 ] }\r\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *shown = g_strescape(texts[i], NULL);
        g_test_message("%s", shown);
        g_assert_true(vh_json_scan(texts[i], strlen(texts[i]), NULL, &error));
        g_assert_no_error(error);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *text;
        guint line;
        const char *phrase;
    } cases[] = {
        {"", 1, "ends too early"},
        {"  \n ", 2, "ends too early"},
        {"{", 1, "ends too early"},
        {"[1,", 1, "ends too early"},
        {"\"abc", 1, "at the end of a string"},
        {"{\"a\":1,\n\"a\":2}", 2, "key \"a\" is there twice"},
        {"{\"a\":1,\n\"\\u0061\":2}", 2, "key \"a\" is there twice"},
        {"{'a':1}", 1, "single quotes"},
        {"['a']", 1, "single quotes"},
        {"{a:1}", 1, "key in double quotes"},
        {"[01]", 1, "leading zeroes"},
        {"[-]", 1, "a digit"},
        {"[+1]", 1, "found \"+\""},
        {"[.5]", 1, "found \".\""},
        {"[1.]", 1, "digit behind the point"},
        {"[1e]", 1, "digit in the exponent"},
        {"[0x10]", 1, ", or ]"},
        {"[12345678901234567890]", 1, "from -2^63 to 2^63-1"},
        {"[9223372036854775808]", 1, "out of range"},
        {"[-9223372036854775809]", 1, "out of range"},
        {"[1e999]", 1, "out of range"},
        {"[NaN]", 1, "expected a value"},
        {"[Infinity]", 1, "expected a value"},
        {"[nul]", 1, "expected a value"},
        {"[TRUE]", 1, "expected a value"},
        {"{\"a\":1,}", 1, "comma before }"},
        {"[1,\n2,\n]", 3, "comma before ]"},
        {"[,1]", 1, "expected a value"},
        {"[1 2]", 1, ", or ]"},
        {"{\"a\" 1}", 1, ": behind a key"},
        {"{\"a\":1 \"b\":2}", 1, ", or }"},
        {"[1]]", 1, "nothing behind the value"},
        {"{}\n{}", 2, "nothing behind the value"},
        {"// comment\n{}", 1, "no comments"},
        {"{}\n# comment", 2, "no comments"},
        {"\"a\nb\"", 1, "does not end on its line"},
        {"\"a\tb\"", 1, "control character"},
        {"\"\\x41\"", 1, "behind a backslash"},
        {"\"\\", 1, "behind a backslash"},
        {"\"\\u12g4\"", 1, "four hexadecimal digits"},
        {"\"\\u12", 1, "four hexadecimal digits"},
        {"\"\\u0000\"", 1, "\\u0000 is not allowed"},
        {"\"\\ud800\"", 1, "half a surrogate pair"},
        {"\"\\ud800\\u0041\"", 1, "half a surrogate pair"},
        {"\"\\ude00\"", 1, "half a surrogate pair"},
        {"\xef\xbb\xbf{}", 1, "byte order mark"},
        {"[\n\"\xff\"]", 2, "not UTF-8"},
        {"[\"\xc3\"]", 1, "not UTF-8"},
        {"[\"\xed\xa0\x80\"]", 1, "not UTF-8"},
        {"{\"a\":\xe2\x80\x9c"
         "b\"}",
         1, "expected a value"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *prefix = g_strdup_printf("line %u: ", cases[i].line);
        VhJsonLines *lines = NULL;
        g_autofree char *shown = g_strescape(cases[i].text, NULL);
        g_test_message("%s", shown);
        g_assert_false(vh_json_scan(cases[i].text, strlen(cases[i].text), &lines, &error));
        g_assert_null(lines);
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        if (!g_str_has_prefix(error->message, prefix) || !strstr(error->message, cases[i].phrase)) {
            g_error("\"%s\" lacks \"%s\" or \"%s\"", error->message, prefix, cases[i].phrase);
        }
    }
}

static void test_nul_byte(void)
{
    g_autoptr(GError) error = NULL;
    static const char text[] = "[1,\n\0 2]";
    g_assert_false(vh_json_scan(text, sizeof text - 1, NULL, &error));
    g_assert_cmpstr(error->message, ==, "line 2: a NUL byte; JSON is text, leave it out");
}

/* `depth` arrays around nothing. */
static char *nested(guint depth)
{
    g_autofree char *open = g_strnfill(depth, '[');
    g_autofree char *close = g_strnfill(depth, ']');
    return g_strconcat(open, close, NULL);
}

static void test_depth(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *deepest = nested(VH_JSON_MAX_DEPTH);
    g_assert_true(vh_json_scan(deepest, strlen(deepest), NULL, NULL));
    g_autofree char *deeper = nested(VH_JSON_MAX_DEPTH + 1);
    g_assert_false(vh_json_scan(deeper, strlen(deeper), NULL, &error));
    g_assert_nonnull(strstr(error->message, "at most 32 levels"));
    g_autofree char *abyss = nested(100000);
    g_assert_false(vh_json_scan(abyss, strlen(abyss), NULL, NULL));
}

static void test_size(void)
{
    g_autoptr(GError) error = NULL;
    gsize length = VH_JSON_MAX_BYTES + 1;
    g_autofree char *blanks = g_strnfill(length, ' ');
    g_assert_false(vh_json_scan(blanks, length, NULL, &error));
    g_assert_nonnull(strstr(error->message, "too long"));
}

static void test_number_of_values(void)
{
    g_autoptr(GError) error = NULL;
    GString *text = g_string_new("[0");
    for (guint i = 0; i < VH_JSON_MAX_VALUES; i++) {
        g_string_append(text, ",0");
    }
    g_string_append_c(text, ']');
    gboolean is_valid = vh_json_scan(text->str, text->len, NULL, &error);
    g_string_free(text, TRUE);
    g_assert_false(is_valid);
    g_assert_nonnull(strstr(error->message, "too many values"));
}

/* A key of megabytes with many values below it must not be stored with each of them. */
static void test_long_key_is_not_repeated(void)
{
    GString *text = g_string_new("{\"");
    for (guint i = 0; i < 4u << 20; i++) {
        g_string_append_c(text, 'k');
    }
    g_string_append(text, "\":[0");
    for (guint i = 0; i < 200000; i++) {
        g_string_append(text, ",0");
    }
    g_string_append(text, "]}");
    gboolean is_valid = vh_json_scan(text->str, text->len, NULL, NULL);
    g_string_free(text, TRUE);
    g_assert_true(is_valid);
}

static void test_lines(void)
{
    static const char text[] = "{\n"
                               " \"a\": 1,\n"
                               " \"list\": [\n"
                               "  {\"name\":\n"
                               "    \"x\"},\n"
                               "  {},\n"
                               "  7\n"
                               " ],\n"
                               " \"a/b~c\": {\"\": 2}\n"
                               "}";
    static const struct {
        const char *path;
        guint line;
    } cases[] = {
        {"", 1},
        {"/a", 2},
        {"/list", 3},
        {"/list/0", 4},
        {"/list/0/name", 4},
        {"/list/1", 6},
        {"/list/2", 7},
        {"/a~1b~0c", 9},
        {"/a~1b~0c/", 9},
        {"/b", 0},
        {"/list/3", 0},
        {"/list/x", 0},
        {"/list/-1", 0},
        {"/a/b", 0},
        {"a", 0},
        {"/", 0},
        {"/list/0/name/0", 0},
    };
    g_autoptr(VhJsonLines) lines = NULL;
    g_assert_true(vh_json_scan(text, strlen(text), &lines, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].path);
        g_assert_cmpuint(vh_json_lines_get(lines, cases[i].path), ==, cases[i].line);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json-scan/accepted", test_accepted);
    g_test_add_func("/json-scan/refused", test_refused);
    g_test_add_func("/json-scan/nul-byte", test_nul_byte);
    g_test_add_func("/json-scan/depth", test_depth);
    g_test_add_func("/json-scan/size", test_size);
    g_test_add_func("/json-scan/number-of-values", test_number_of_values);
    g_test_add_func("/json-scan/long-key-is-not-repeated", test_long_key_is_not_repeated);
    g_test_add_func("/json-scan/lines", test_lines);
    return g_test_run();
}
