/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands over a backend whose documents have values of any type under any key. What they print is
 * UTF-8 of bounded length, without a byte that a terminal would obey; with --json it is JSON.
 */
#include "vh-command.h"

#include "fuzz.h"
#include "hostile-doc.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define MAX_OUTPUT ((gsize)1 << 20)

typedef struct {
    VhBackend backend; /* first */
    HostileInput input;
    guint n_calls;
    GString *out;
} Hostile;

static Hostile *hostile_of(VhBackend *backend)
{
    return (Hostile *)(gpointer)backend;
}

static void ignore(VhBackend *backend)
{
}

static char *describe(VhBackend *backend)
{
    return g_strdup("hostile");
}

static gboolean refresh(VhBackend *backend, gboolean settle, GError **error)
{
    return TRUE;
}

static GVariant *any(VhBackend *backend, GError **error)
{
    return hostile_document(&hostile_of(backend)->input);
}

static GVariant *any_list(VhBackend *backend, GError **error)
{
    return hostile_documents(&hostile_of(backend)->input);
}

static GVariant *any_of(VhBackend *backend, const char *domain, GError **error)
{
    return any(backend, error);
}

static guint64 ask(VhBackend *backend, const char *domain, const VhAskWish *wish, GError **error)
{
    return 1;
}

static GVariant *wait_ask(VhBackend *backend, guint64 id, VhBackendProgressFunc progress,
                          gpointer data, GError **error)
{
    HostileInput *input = &hostile_of(backend)->input;
    VhBackendProgress at = {hostile_number(input), hostile_number(input), hostile_number(input)};

    progress(&at, data);
    return hostile_document(input);
}

static guint64 request(VhBackend *backend, const VhRequestWish *wish, GError **error)
{
    return 1;
}

static GVariant *wait_request(VhBackend *backend, guint64 id, VhRequestProgressFunc progress,
                              gpointer data, GError **error)
{
    HostileInput *input = &hostile_of(backend)->input;

    progress(hostile_number(input), hostile_number(input), (guint)hostile_number(input), data);
    return hostile_document(input);
}

static const VhBackendOps ops = {
    .free = ignore,
    .describe = describe,
    .refresh = refresh,
    .list = any_list,
    .info = any_of,
    .plan = any,
    .explain = any_of,
    .explain_all = any_list,
    .ask = ask,
    .wait = wait_ask,
    .request = request,
    .requests = any_list,
    .wait_request = wait_request,
};

static VhBackend *open_hostile(const VhBackendRequest *wanted, gpointer data, GError **error)
{
    Hostile *hostile = data;

    hostile->backend.ops = &ops;
    return &hostile->backend;
}

static GVariant *reporting(const VhBackendRequest *wanted, const char *domain, VhReportingWish wish,
                           gpointer data, GError **error)
{
    return any(data, error);
}

static GVariant *explain_at(const VhBackendRequest *wanted, const char *domain, gint64 at_us,
                            const char *trace, gpointer data, GError **error)
{
    return any(data, error);
}

static GVariant *policy(const VhBackendRequest *wanted, const char *domain,
                        const VhPolicyWish *wish, gpointer data, GError **error)
{
    return any(data, error);
}

static gboolean events(const VhBackendRequest *wanted, const VhEventsWish *wish, VhEventSeen seen,
                       gpointer seen_data, guint *ret_n, gpointer data, GError **error)
{
    for (*ret_n = 0; *ret_n < 3; ++*ret_n) {
        g_autoptr(GVariant) event = any(data, error);
        seen(event, seen_data);
    }
    return TRUE;
}

static void take_text(gboolean is_error, const char *text, gpointer data)
{
    Hostile *hostile = data;

    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        g_assert_false(g_unichar_iscntrl(c) && c != '\n' && c != '\t');
    }
    if (!is_error)
        g_string_append(hostile->out, text);
    g_assert_cmpuint(hostile->out->len, <, MAX_OUTPUT);
}

static void check_json(const char *text)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;

    json_parser_load_from_data(parser, text, -1, &error);
    g_assert_no_error(error);
}

static const char *const lines[] = {
    "list --all",
    "info web1",
    "plan",
    "explain web1",
    "explain --all",
    "top --once",
    "ask web1",
    "reporting web1",
    "policy web1",
    "events --loop --timestamp",
    "request 1GiB --wait",
    "request --list",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Hostile hostile = {.input = {data, size}};
    guint8 choice = hostile_byte(&hostile.input), format = hostile_byte(&hostile.input);
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    const VhOutput output = {.write = take_text,
                             .data = &hostile,
                             .out_is_tty = (format & 4) != 0,
                             .err_is_tty = (format & 4) != 0,
                             .width = (format & 8) != 0 ? 80 : 0,
                             .input_fd = -1};
    const VhBackendProvider provider = {.open = open_hostile,
                                        .reporting = reporting,
                                        .explain_at = explain_at,
                                        .policy = policy,
                                        .events = events,
                                        .data = &hostile};
    const VhProgram program = {.program = "virthint",
                               .version = "1",
                               .output = &output,
                               .provider = &provider,
                               .cancel = cancel};
    static const char *const formats[] = {"", " --json", " --raw", ""};
    g_autofree char *line = g_strconcat("virthint --quiet ", lines[choice % G_N_ELEMENTS(lines)],
                                        formats[format % 4], NULL);
    g_auto(GStrv) words = g_strsplit(line, " ", -1);

    hostile.out = out;
    VhExit code = vh_command_main(&program, (int)g_strv_length(words), words);
    if (format % 4 == 1 && code == VH_EXIT_OK && !g_str_has_prefix(line, "virthint --quiet events"))
        check_json(out->str);
    return 0;
}
