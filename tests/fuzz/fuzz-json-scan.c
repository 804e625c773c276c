/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever the scanner lets through, json-glib must take as well: it is the promise that the codecs
 * rely on.
 */
#include "vh-json-scan.h"

#include "fuzz.h"

#include <json-glib/json-glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(VhJsonLines) lines = NULL;
    g_autoptr(GError) error = NULL;
    if (!vh_json_scan((const char *)data, size, &lines, &error)) {
        g_assert_true(g_str_has_prefix(error->message, "line "));
        g_assert_null(lines);
        return 0;
    }
    g_assert_cmpuint(vh_json_lines_get(lines, ""), >=, 1);
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_assert_true(json_parser_load_from_data(parser, (const char *)data, (gssize)size, NULL));
    return 0;
}
