/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of a recording, behind a good header. A cycle that is accepted must survive being written
 * and read again. */
#include "vh-trace.h"

#include "fuzz.h"

#include <string.h>

static const char header[] =
    "{\"record\":\"header\",\"wall_us\":1,\"format\":1,\"cause\":\"start\",\"version\":\"1\","
    "\"engine\":\"virthint\",\"is_hashed\":false,\"policy\":{\"version\":1,\"match\":["
    "{\"xpath\":\"//a\",\"class\":\"batch\"}]}}";

static char *format(const VhTraceRecord *record)
{
    return vh_trace_format_cycle(record->header.config, record->snapshot, record->plan,
                                 record->state);
}

static void check_again(VhTraceParser *parser, const VhTraceRecord *record)
{
    g_autofree char *once = format(record);
    record = vh_trace_parse(parser, once, strlen(once) - 1, NULL);
    g_assert_nonnull(record);
    g_autofree char *twice = format(record);
    g_assert_cmpstr(once, ==, twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(VhTraceParser) parser = vh_trace_parser_new();
    const char *at = (const char *)data, *end = at + size;

    g_assert_nonnull(vh_trace_parse(parser, header, strlen(header), NULL));
    while (at < end) {
        g_autoptr(GError) error = NULL;
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        gsize length = (gsize)((stop ? stop : end) - at);
        VhTraceKind kind;
        gint64 wall_us;
        vh_trace_peek(at, length, &kind, &wall_us);
        const VhTraceRecord *record = vh_trace_parse(parser, at, length, &error);
        if (!record)
            g_assert_null(strchr(error->message, '\n'));
        else if (record->kind == VH_TRACE_CYCLE)
            check_again(parser, record);
        at += length + 1;
    }
    return 0;
}
