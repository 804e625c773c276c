/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pattern of sockets, and behind a NUL byte the path of one that fits, whatever bytes it has. A
 * pattern that is taken is an absolute path without a way up; a socket's URI has its path whole,
 * and nothing in it that ends the path or adds to the URI.
 */
#include "vh-discover.c"

#include "guard.h"

static void check_pattern(const char *text, const Pattern *pattern)
{
    g_autofree char *rest = g_strjoinv("/", pattern->names);
    g_autofree char *path = g_build_filename(pattern->prefix, rest, NULL);

    g_assert_true(g_str_has_suffix(text, path));
    g_assert_true(g_path_is_absolute(pattern->prefix));
    g_assert_null(strpbrk(pattern->prefix, WILDCARDS));
    g_assert_true(g_str_has_suffix(pattern->uri_before, "socket="));
    g_assert_cmpuint(g_strv_length(pattern->names), >, 0);
    for (guint i = 0; pattern->names[i]; i++) {
        g_assert_false(g_str_equal(pattern->names[i], ".."));
        g_assert_false(g_str_equal(pattern->names[i], ""));
    }
}

static void check_socket(const Pattern *pattern, const char *way)
{
    g_autoptr(VhSocket) socket =
        vh_socket_new(pattern->uri_before, pattern->prefix, way, FALSE, 1, 2);
    const char *part = socket->uri + strlen(pattern->uri_before);

    g_assert_true(g_str_has_prefix(socket->uri, pattern->uri_before));
    g_autofree char *path = g_uri_unescape_string(part, NULL);
    g_assert_cmpstr(path, ==, socket->path);
    g_assert_null(strpbrk(part, "?#&;= +\"<>\n\r\t\033"));
    for (const char *c = part; *c; c++)
        g_assert_true(g_ascii_isgraph(*c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    gsize end = strlen(text) + 1;
    g_autofree char *way = end < size ? g_strndup((const char *)data + end, size - end) : NULL;
    g_autoptr(GError) error = NULL;

    fuzz_guard_up(size);
    Pattern *pattern = parse_pattern(text, &error);
    fuzz_guard_down();
    if (!pattern) {
        g_assert_null(strpbrk(error->message, "\n\033"));
        return 0;
    }
    check_pattern(text, pattern);
    if (way && *way)
        check_socket(pattern, way);
    pattern_free(pattern);
    return 0;
}
