/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands over a fake backend: what is understood, what is printed, how they exit. */
#include "json-doc.h"
#include "vh-command.h"
#include "vh-context.h"
#include "vh-doc-reporting.h"
#include "vh-json.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Fake: two guests, one plan, an ask that comes half way and then ends as told. */
typedef struct {
    VhBackend backend;
    GCancellable *cancel;
    const char *outcome_status;
    gboolean is_cancelled_by_user;
    VhAskWish asked;
    gboolean has_ask; /* one of web1 that can be cancelled */
    guint n_opened;
    VhAccess access;
    char *uris;
    gboolean must_wait;
    gboolean is_absent;
    const char *uuid; /* in place of web1's own; NULL */
    VhReportingInfo reporting;
    VhReportingWish wish;
    guint n_told; /* how often QEMU was asked */
} Fake;

typedef struct {
    Fake fake;
    GString *out, *err;
    VhOutput output;
    VhBackendProvider provider;
    GCancellable *cancel;
    VhProgram program;
} Bench;

static Fake *fake_of(VhBackend *backend)
{
    return (Fake *)(gpointer)backend;
}

static void fake_free(VhBackend *backend)
{
    g_clear_pointer(&fake_of(backend)->cancel, g_object_unref);
}

static char *fake_describe(VhBackend *backend)
{
    return g_strdup("a fake");
}

static gboolean fake_refresh(VhBackend *backend, gboolean settle, GError **error)
{
    return TRUE;
}

static GVariant *parsed(const char *type, const char *text)
{
    g_autoptr(GError) error = NULL;
    GVariant *value = g_variant_parse(G_VARIANT_TYPE(type), text, NULL, NULL, &error);

    g_assert_no_error(error);
    return value;
}

#define WEB1                                                                                     \
    "{'name': <'web1'>, 'uuid': <'11111111-1111-1111-1111-111111111111'>, "                      \
    "'uri': <'test:///default'>, 'is_running': <true>, 'is_hung': <false>, 'tier': <'pulse'>, "  \
    "'tier_reasons': <['stock-device']>, 'class': <'batch'>, "                                   \
    "'resident_bytes': <uint64 3221225472>, 'used_bytes': <uint64 1073741824>, "                 \
    "'free_bytes': <uint64 2147483648>, 'reason': <'ask'>, 'text': <'it is asked now'>, "        \
    "'expected_bytes': <uint64 1610612736>, 'counted_bytes': <uint64 1073741824>, "              \
    "'last_ask': <{'ended_time_us': <int64 1700000000000000>, 'asked_bytes': <uint64 1048576>, " \
    "'returned_bytes': <uint64 524288>, 'status': <'done'>}>}"
#define OFF                                                                             \
    "{'name': <'off-with-a-very-long-name-that-goes-on'>, 'uri': <'test:///default'>, " \
    "'is_running': <false>, 'tier': <'none'>}"

static GVariant *fake_list(VhBackend *backend, GError **error)
{
    return parsed("aa{sv}", "[" WEB1 ", " OFF "]");
}

static GVariant *fake_info(VhBackend *backend, const char *domain, GError **error)
{
    const char *uuid = fake_of(backend)->uuid;

    if (uuid != NULL)
        return g_variant_ref_sink(g_variant_new_parsed(
            "{'name': <'web1'>, 'uuid': <%s>, 'tier_reasons': <['stock-device']>}", uuid));
    if (g_str_equal(domain, "web1"))
        return parsed("a{sv}", WEB1);
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no domain '%s'", domain);
    return NULL;
}

static GVariant *fake_plan(VhBackend *backend, GError **error)
{
    return parsed(
        "a{sv}",
        "{'seen_time_us': <int64 1700000000000000>, 'is_enforced': <true>, 'level': <'low'>, "
        "'pool': <{'source': <'host'>, 'total_bytes': <uint64 34359738368>, "
        "'available_bytes': <int64 1073741824>}>, 'need_bytes': <uint64 2147483648>, "
        "'asks': <[{'name': <'web1'>, 'class': <'batch'>, 'method': <'pulse'>, "
        "'bytes': <uint64 1610612736>, 'expected_bytes': <uint64 1610612736>}]>, "
        "'refusals': <[{'name': <'db'>, 'class': <'perf'>, 'reason': <'protected'>, "
        "'text': <'its class is asked at a higher level only'>}]>}");
}

static GVariant *fake_explain(VhBackend *backend, const char *domain, GError **error)
{
    return parsed("a{sv}", "{'name': <'web1'>, 'lines': <['First.', 'So it is asked.']>}");
}

static guint64 fake_ask(VhBackend *backend, const char *domain, const VhAskWish *wish,
                        GError **error)
{
    Fake *fake = fake_of(backend);

    if (!g_str_equal(domain, "web1")) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no domain '%s'", domain);
        return 0;
    }
    fake->asked = *wish;
    return 7;
}

static gboolean fake_cancel(VhBackend *backend, const char *domain, GError **error)
{
    Fake *fake = fake_of(backend);

    if (g_str_equal(domain, "root's")) {
        g_set_error(error, VH_ERROR, VH_ERROR_DENIED, "only root may");
        return FALSE;
    }
    if (fake->has_ask && g_str_equal(domain, "web1"))
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no ask of '%s' is under way", domain);
    return FALSE;
}

static GVariant *fake_wait(VhBackend *backend, guint64 id, VhAskProgressFunc progress,
                           gpointer data, GError **error)
{
    Fake *fake = fake_of(backend);
    VhAskProgress at = {
        .asked_bytes = 100 << 20, .taken_bytes = 60 << 20, .returned_bytes = 50 << 20};
    GVariantBuilder doc;

    g_assert_cmpuint(id, ==, 7);
    progress(&at, data);
    progress(&at, data);
    if (fake->is_cancelled_by_user) {
        g_cancellable_cancel(fake->cancel);
        progress(&at, data);
    }
    at.taken_bytes = at.returned_bytes = 100 << 20;
    progress(&at, data);
    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&doc, "{sv}", "status", g_variant_new_string(fake->outcome_status));
    g_variant_builder_add(&doc, "{sv}", "asked_bytes", g_variant_new_uint64(100 << 20));
    g_variant_builder_add(&doc, "{sv}", "returned_bytes", g_variant_new_uint64(90 << 20));
    g_variant_builder_add(&doc, "{sv}", "duration_us", g_variant_new_int64(2100000));
    return g_variant_ref_sink(g_variant_builder_end(&doc));
}

static gboolean fake_reload(VhBackend *backend, GError **error)
{
    return TRUE;
}

static const VhBackendOps fake_ops = {
    .free = fake_free,
    .describe = fake_describe,
    .refresh = fake_refresh,
    .list = fake_list,
    .info = fake_info,
    .plan = fake_plan,
    .explain = fake_explain,
    .ask = fake_ask,
    .cancel = fake_cancel,
    .wait = fake_wait,
    .reload = fake_reload,
};

static VhBackend *fake_open(const VhBackendRequest *request, gpointer data, GError **error)
{
    Fake *fake = data;

    if (fake->is_absent) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "nobody is there");
        return NULL;
    }
    fake->backend = (VhBackend){.ops = &fake_ops, .must_wait = fake->must_wait};
    fake->cancel = g_object_ref(request->cancel);
    fake->access = request->access;
    fake->n_opened++;
    g_free(fake->uris);
    fake->uris = request->uris != NULL ? g_strjoinv(",", (char **)request->uris) : NULL;
    return &fake->backend;
}

static GVariant *fake_check(const char *const *paths, gpointer data, GError **error)
{
    if (g_str_equal(paths[0], "good.json"))
        return parsed("a{sv}", "{'version': <int64 1>}");
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s:3: /pool: no such key", paths[0]);
    return NULL;
}

/* QEMU: of any other domain it is a stock one. */
static GVariant *fake_reporting(const VhBackendRequest *request, const char *domain,
                                VhReportingWish wish, gpointer data, GError **error)
{
    Fake *fake = data;
    GVariantBuilder doc;
    GVariantIter iter;
    const char *key;
    GVariant *value;

    fake->n_told++;
    if (!g_str_equal(domain, "web1") && !g_str_has_prefix(domain, "11111111")) {
        gboolean is_hung = g_str_equal(domain, "hung");
        g_set_error(error, VH_ERROR, is_hung ? VH_ERROR_TIMEOUT : VH_ERROR_UNSUPPORTED,
                    is_hung ? "QEMU is busy" : "this QEMU has no such commands");
        return NULL;
    }
    fake->wish = wish;
    g_free(fake->uris);
    fake->uris = request->uris != NULL ? g_strjoinv(",", (char **)request->uris) : NULL;
    if (wish == VH_WISH_ON || wish == VH_WISH_OFF)
        fake->reporting.is_enabled = wish == VH_WISH_ON;
    g_autoptr(GVariant) whose =
        parsed("a{sv}", "{'name': <'web1'>, 'uuid': <'11111111-1111-1111-1111-111111111111'>, "
                        "'uri': <'test:///default'>, 'tier': <'soft'>, "
                        "'tier_reasons': <['stock-driver']>, 'tier_texts': <['It is stock.']>}");
    g_variant_builder_init(&doc, G_VARIANT_TYPE_VARDICT);
    g_variant_iter_init(&iter, whose);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value))
        g_variant_builder_add(&doc, "{sv}", key, value);
    vh_doc_add_reporting(&doc, &fake->reporting);
    return g_variant_ref_sink(g_variant_builder_end(&doc));
}

static void take_text(gboolean is_error, const char *text, gpointer data)
{
    Bench *bench = data;
    g_string_append(is_error ? bench->err : bench->out, text);
}

static Bench *bench_new(void)
{
    Bench *bench = g_new0(Bench, 1);

    bench->fake.outcome_status = "done";
    bench->out = g_string_new(NULL);
    bench->err = g_string_new(NULL);
    bench->output = (VhOutput){.write = take_text, .data = bench, .input_fd = -1};
    bench->provider = (VhBackendProvider){
        .open = fake_open, .check = fake_check, .reporting = fake_reporting, .data = &bench->fake};
    bench->cancel = g_cancellable_new();
    bench->program = (VhProgram){.program = "virthint",
                                 .version = "1.2.3",
                                 .output = &bench->output,
                                 .provider = &bench->provider,
                                 .cancel = bench->cancel};
    return bench;
}

static void bench_free(Bench *bench)
{
    g_string_free(bench->out, TRUE);
    g_string_free(bench->err, TRUE);
    g_object_unref(bench->cancel);
    g_free(bench->fake.uris);
    g_free(bench);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

/* Runs a line, words split at blanks; the texts of the run before are dropped. */
static VhExit run(Bench *bench, const char *line)
{
    g_autofree char *whole = g_strdup_printf("virthint %s", line);
    g_auto(GStrv) argv = g_strsplit(g_strchomp(whole), " ", -1);

    g_string_truncate(bench->out, 0);
    g_string_truncate(bench->err, 0);
    return vh_command_main(&bench->program, (int)g_strv_length(argv), argv);
}

static void assert_has(const GString *text, const char *part)
{
    if (strstr(text->str, part) == NULL)
        g_error("'%s' lacks '%s'", text->str, part);
}

static void test_usage(void)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "no command was given"},
        {"lst", "unknown command 'lst'; did you mean 'list'?"},
        {"frobnicate", "unknown command 'frobnicate'"},
        {"list --jsom", "unknown option --jsom; did you mean --json?"},
        {"--conect x list", "did you mean --connect?"},
        {"list --wait", "unknown option --wait"},
        {"list extra", "list does not take 'extra'"},
        {"info", "info needs DOMAIN"},
        {"info a b", "info does not take 'b'"},
        {"check", "check needs POLICY..."},
        {"ask web1 --bytes", "--bytes"},
        {"ask web1 --bytes 12parsecs", "--bytes: "},
        {"ask web1 --bytes 0", "leave it out"},
        {"ask web1 --deadline 5", "--deadline: "},
        {"ask web1 --granule 48KiB", "not a power of two from 4KiB"},
        {"ask web1 --granule 2KiB", "not a power of two from 4KiB"},
        {"ask web1 --granule 2GiB", "to 1GiB"},
        {"ask web1 --granule 0", "leave it out"},
        {"ask web1 --cancel --wait", "--wait is for a new one"},
        {"ask web1 --cancel --bytes 1MiB", "--bytes is for a new one"},
        {"-r ask web1 --cancel", "leave --readonly out"},
        {"-r ask web1", "leave --readonly out"},
        {"reload -r", "leave --readonly out"},
        {"reporting", "reporting needs DOMAIN [MODE]"},
        {"reporting web1 maybe", "MODE is 'on' or 'off'"},
        {"reporting web1 on off", "reporting does not take 'off'"},
        {"-r reporting web1", "leave --readonly"},
        {"reporting web1 off -r", "leave --readonly"},
        {"info -r -m web1", "leave --readonly or --monitor out"},
        {"top --interval 1ms", "at least 200ms"},
    };
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpint(run(bench, cases[i].line), ==, VH_EXIT_USAGE);
        assert_has(bench->err, cases[i].says);
        g_assert_cmpstr(bench->out->str, ==, "");
    }
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
    g_assert_cmpuint(bench->fake.n_told, ==, 0);
}

static void test_about(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "--version"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->out->str, ==, "virthint 1.2.3\n");
    g_assert_cmpint(run(bench, "--help"), ==, VH_EXIT_OK);
    for (guint i = 0; vh_commands()[i] != NULL; i++) {
        const VhCommand *command = vh_commands()[i];
        g_autofree char *line = g_strdup_printf("%s --help", command->name);
        g_assert_cmpint(run(bench, line), ==, VH_EXIT_OK);
        assert_has(bench->out, command->description);
        g_auto(GStrv) lines = g_strsplit(bench->out->str, "\n", -1);
        for (guint j = 0; lines[j] != NULL; j++)
            g_assert_cmpuint(strlen(lines[j]), <, 80);
    }
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
}

static VhExit run_own(VhContext *context)
{
    g_assert_cmpstr(context->command->name, ==, "brew");
    return VH_EXIT_FAILURE;
}

/* A command of one program only is run, shown and guessed like the others, and only there. */
static void test_extra(void)
{
    static const VhCommand own = {.name = "brew",
                                  .operands = "",
                                  .summary = "make tea",
                                  .description = "Makes tea.",
                                  .run = run_own};
    const VhCommand *const extra[] = {&own, NULL};
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "brew"), ==, VH_EXIT_USAGE);
    g_assert_cmpint(run(bench, "--help"), ==, VH_EXIT_OK);
    g_assert_null(strstr(bench->out->str, "make tea"));
    bench->program.extra = extra;
    g_assert_cmpint(run(bench, "brew"), ==, VH_EXIT_FAILURE);
    g_assert_cmpint(run(bench, "--help"), ==, VH_EXIT_OK);
    assert_has(bench->out, "make tea");
    assert_has(bench->out, vh_commands()[0]->summary);
    g_assert_cmpint(run(bench, "brw"), ==, VH_EXIT_USAGE);
    assert_has(bench->err, "did you mean 'brew'?");
    g_assert_cmpint(run(bench, "brew --help"), ==, VH_EXIT_OK);
    assert_has(bench->out, "Makes tea.");
}

/* Options count wherever they stand, and the nearer one wins. */
static void test_options_anywhere(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "-c a:///x -c b:///y --json list"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.uris, ==, "a:///x,b:///y");
    g_assert_true(g_str_has_prefix(bench->out->str, "{"));
    g_assert_cmpint(run(bench, "-c a:///x list -c b:///y"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.uris, ==, "b:///y");
    g_assert_cmpint(run(bench, "info -- web1"), ==, VH_EXIT_OK);
    g_assert_cmpint(run(bench, "info -- --web1"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no domain '--web1'");
    g_assert_cmpint(run(bench, "ask web1 --bytes=1GiB --deadline 5s"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.asked.bytes, ==, 1 << 30);
    g_assert_cmpint(bench->fake.asked.deadline_us, ==, 5000000);
    g_assert_cmpuint(bench->fake.asked.granule_bytes, ==, 0);
    g_assert_cmpint(run(bench, "ask web1 --granule 64KiB"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.asked.granule_bytes, ==, 65536);
    g_assert_cmpuint(bench->fake.asked.bytes, ==, 0);
    g_assert_cmpint(bench->fake.access, ==, VH_ACCESS_ASK);
}

static void test_says_what_it_uses(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "list"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->err->str, ==, "virthint: using a fake\n");
    g_assert_cmpint(run(bench, "list -q"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->err->str, ==, "");
    bench->fake.is_absent = TRUE;
    g_assert_cmpint(run(bench, "list -q"), ==, VH_EXIT_FAILURE);
    g_assert_cmpstr(bench->err->str, ==, "virthint: nobody is there\n");
}

static void test_list(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "list"), ==, VH_EXIT_OK);
    assert_has(bench->out, "DOMAIN");
    assert_has(bench->out, "3221225472");
    assert_has(bench->out, "524288");
    g_assert_null(strstr(bench->out->str, "off-with"));
    g_assert_cmpint(run(bench, "list --all"), ==, VH_EXIT_OK);
    assert_has(bench->out, "off-with-a-very-long-name-that-goes-on");
    assert_has(bench->out, "(stopped)");

    bench->output.out_is_tty = TRUE;
    bench->output.width = 78;
    g_assert_cmpint(run(bench, "list -a"), ==, VH_EXIT_OK);
    assert_has(bench->out, "3.0 GiB");
    assert_has(bench->out, " ago");
    g_assert_null(strstr(bench->out->str, "goes-on"));
    g_auto(GStrv) lines = g_strsplit(bench->out->str, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++)
        g_assert_cmpint(g_utf8_strlen(lines[i], -1), <=, 78);
}

static void test_info_and_explain(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "info web1"), ==, VH_EXIT_OK);
    assert_has(bench->out, "resident_bytes");
    assert_has(bench->out, "stock-device");
    g_assert_cmpint(run(bench, "info nobody"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no domain 'nobody'");
    g_assert_cmpint(run(bench, "explain web1"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->out->str, ==, "First.\nSo it is asked.\n");
}

static void test_plan(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "plan"), ==, VH_EXIT_OK);
    assert_has(bench->out, "level low, 2.0 GiB needed");
    assert_has(bench->out, "1610612736");
    assert_has(bench->out, "its class is asked at a higher level only");
    g_assert_true(strstr(bench->out->str, "web1") < strstr(bench->out->str, "protected"));
    g_assert_cmpint(run(bench, "top"), ==, VH_EXIT_OK);
    assert_has(bench->out, "Asked next:");
    g_assert_null(strstr(bench->out->str, "\033"));
}

static void test_ask(void)
{
    static const struct {
        const char *status;
        VhExit code;
    } cases[] = {{"done", VH_EXIT_OK},           {"backed-off", VH_EXIT_OK},
                 {"cancelled", VH_EXIT_FAILURE}, {"overtaken", VH_EXIT_FAILURE},
                 {"failed", VH_EXIT_FAILURE},    {"timed-out", VH_EXIT_FAILURE}};
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "ask web1"), ==, VH_EXIT_OK);
    assert_has(bench->out, "ask 7 has started");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        bench->fake.outcome_status = cases[i].status;
        g_assert_cmpint(run(bench, "ask web1 --wait"), ==, cases[i].code);
        assert_has(bench->out, cases[i].status);
    }
    bench->fake.outcome_status = "done";
    bench->fake.must_wait = TRUE;
    g_assert_cmpint(run(bench, "ask web1"), ==, VH_EXIT_OK);
    assert_has(bench->out, "90.0 MiB came back of 100 MiB");
    g_assert_cmpint(run(bench, "ask nobody"), ==, VH_EXIT_FAILURE);
}

/* Lines on a pipe, one a step; a bar on a terminal; nothing with --quiet. */
static void test_ask_progress(void)
{
    g_autoptr(Bench) bench = bench_new();

    run(bench, "ask web1 -w");
    g_auto(GStrv) lines = g_strsplit(bench->err->str, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 1 + 2 + 1);
    assert_has(bench->err, "60.0 MiB taken, 50.0 MiB of 100 MiB returned");
    bench->output.err_is_tty = TRUE;
    run(bench, "ask web1 -w");
    assert_has(bench->err, "\r[###############...............]");
    assert_has(bench->err, "\n");
    run(bench, "ask web1 -wq");
    g_assert_cmpstr(bench->err->str, ==, "");
}

static void test_ask_cancelled(void)
{
    g_autoptr(Bench) bench = bench_new();

    bench->fake.is_cancelled_by_user = TRUE;
    bench->fake.outcome_status = "cancelled";
    g_assert_cmpint(run(bench, "ask web1 -w"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "waiting until the guest has all its memory back");
}

/* An ask of the daemon's is ended by the daemon; what it does not know of, by QEMU. Nobody else is
 * told, and nothing is tried after a refusal. */
static void test_cancel(void)
{
    g_autoptr(Bench) bench = bench_new();

    bench->fake.has_ask = TRUE;
    g_assert_cmpint(run(bench, "ask web1 --cancel"), ==, VH_EXIT_OK);
    assert_has(bench->out, "web1: what was under way is cancelled");
    g_assert_cmpuint(bench->fake.n_told, ==, 0);
    bench->fake.has_ask = FALSE;
    g_assert_cmpint(run(bench, "ask web1 -x"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.n_told, ==, 1);
    g_assert_cmpint(bench->fake.wish, ==, VH_WISH_CANCEL);
    g_assert_cmpint(run(bench, "ask stock --cancel"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no such commands");
    g_assert_cmpuint(bench->fake.n_told, ==, 2);
    g_assert_cmpint(run(bench, "ask root's --cancel"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "only root may");
    g_assert_cmpuint(bench->fake.n_told, ==, 2);
}

static void test_policy(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "check good.json"), ==, VH_EXIT_OK);
    assert_has(bench->out, "good");
    g_assert_cmpint(run(bench, "check --show good.json"), ==, VH_EXIT_OK);
    assert_has(bench->out, "\"version\" : 1");
    g_assert_cmpint(run(bench, "check bad.json"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "bad.json:3: /pool");
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
    g_assert_cmpint(run(bench, "reload"), ==, VH_EXIT_OK);
    g_assert_cmpint(bench->fake.access, ==, VH_ACCESS_DAEMON);
}

#define ONLY_REPORTING ((guint)VH_REPORTING_FREE_PAGE_REPORTING)

static void test_reporting(void)
{
    static const struct {
        const char *line;
        VhReportingInfo info;
        const char *says;
        VhReportingWish wish;
    } cases[] = {
        {"reporting web1",
         {.is_enabled = TRUE, .is_active = TRUE, .has_driver = TRUE},
         "web1: reporting is on, and in force\n",
         VH_WISH_SHOW},
        {"reporting web1", {0}, "web1: reporting is off\n", VH_WISH_SHOW},
        {"reporting web1 off",
         {.is_enabled = TRUE, .is_active = TRUE, .has_driver = TRUE},
         "web1: reporting is off, but the guest's driver has not stopped yet\n",
         VH_WISH_OFF},
        {"reporting web1 on",
         {0},
         "not in force: no balloon driver runs in the guest\n",
         VH_WISH_ON},
        {"reporting web1 on",
         {.has_driver = TRUE},
         "the guest's driver does not report\n",
         VH_WISH_ON},
        {"reporting web1 on",
         {.has_driver = TRUE, .offered = ONLY_REPORTING, .negotiated = ONLY_REPORTING},
         "has not taken it up yet\n",
         VH_WISH_ON},
        {"reporting web1 on",
         {.has_driver = TRUE, .inhibitor = VH_REPORTING_DISCARD_DISABLED},
         "it is inhibited (discard-disabled)\n",
         VH_WISH_ON},
    };
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        bench->fake.reporting = cases[i].info;
        g_assert_cmpint(run(bench, cases[i].line), ==, VH_EXIT_OK);
        assert_has(bench->out, cases[i].says);
        g_assert_cmpint(bench->fake.wish, ==, cases[i].wish);
        g_assert_true((strstr(bench->out->str, "skipped_disabled_bytes") != NULL) ==
                      (cases[i].wish == VH_WISH_SHOW));
    }
    g_assert_cmpint(run(bench, "reporting stock"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "no such commands");
    g_assert_cmpstr(bench->out->str, ==, "");
    g_assert_cmpint(run(bench, "-c a:///x reporting web1"), ==, VH_EXIT_OK);
    g_assert_cmpstr(bench->fake.uris, ==, "a:///x");
    g_assert_cmpuint(bench->fake.n_opened, ==, 0);
}

/* QEMU is asked where the user says so, and its word on the tier counts. */
static void test_info_monitor(void)
{
    g_autoptr(Bench) bench = bench_new();

    g_assert_cmpint(run(bench, "info web1"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.n_told, ==, 0);
    g_assert_cmpint(run(bench, "info -m web1"), ==, VH_EXIT_OK);
    g_assert_cmpuint(bench->fake.n_told, ==, 1);
    g_assert_cmpstr(bench->fake.uris, ==, "test:///default");
    assert_has(bench->out, "tier                       soft\n");
    assert_has(bench->out, "stock-driver");
    g_assert_null(strstr(bench->out->str, "stock-device"));
    assert_has(bench->out, "reporting:\n  is_enabled               no\n");
    g_assert_null(strstr(bench->out->str, "  name"));
    g_assert_cmpint(run(bench, "info -m nobody"), ==, VH_EXIT_FAILURE);
    g_assert_cmpuint(bench->fake.n_told, ==, 1);
}

/* That it is a stock QEMU is an answer; that it does not answer is none. */
static void test_info_of_stock(void)
{
    g_autoptr(Bench) bench = bench_new();

    bench->fake.uuid = "stock";
    g_assert_cmpint(run(bench, "info -m web1"), ==, VH_EXIT_OK);
    assert_has(bench->err, "no such commands");
    assert_has(bench->out, "stock-device");
    g_assert_null(strstr(bench->out->str, "reporting:"));
    bench->fake.uuid = "hung";
    g_assert_cmpint(run(bench, "info -m web1"), ==, VH_EXIT_FAILURE);
    assert_has(bench->err, "QEMU is busy");
    g_assert_cmpstr(bench->out->str, ==, "");
}

/* Every key, with its type. */
static void test_reporting_documented(void)
{
    static const char *const sections[] = {"reporting", "reporting.pass", "reporting.counters"};
    g_autoptr(JsonDoc) docs = json_doc_new();
    Fake fake = {.reporting = {.inhibitor = VH_REPORTING_POSTCOPY,
                               .has_pass = TRUE,
                               .pass = {.id = 1,
                                        .limit_bytes = 1,
                                        .granule_bytes = 4096,
                                        .granule_in_force_bytes = 4096}}};
    const VhBackendRequest request = {0};
    g_autoptr(GVariant) doc = fake_reporting(&request, "web1", VH_WISH_SHOW, &fake, NULL);

    json_doc_check(docs, "reporting", doc);
    for (guint i = 0; i < G_N_ELEMENTS(sections); i++)
        json_doc_check_all_seen(docs, sections[i]);
}

/* Every command's JSON parses, with the keys that are documented. */
static void test_json(void)
{
    static const struct {
        const char *line, *key, *section;
    } cases[] = {
        {"list --json", "domains", NULL},
        {"info web1 --json", "resident_bytes", "domain"},
        {"plan --json", "refusals", "plan"},
        {"explain web1 --json", "lines", "explanation"},
        {"ask web1 --json --wait", "outcome", "ask"},
        {"ask web1 --json", "id", "ask"},
        {"ask web1 --cancel --json", "is_cancelled", "ask"},
        {"check good.json --json", "policy", "check"},
        {"check bad.json --json", "message", "check"},
        {"reload --json", "is_reloaded", NULL},
        {"reporting web1 --json", "negotiated", "reporting"},
        {"info web1 -m --json", "reporting", NULL},
        {"top --json", "domains", NULL},
    };
    g_autoptr(JsonDoc) docs = json_doc_new();
    g_autoptr(Bench) bench = bench_new();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(GError) error = NULL;
        run(bench, cases[i].line);
        g_assert_true(json_parser_load_from_data(parser, bench->out->str, -1, &error));
        g_assert_no_error(error);
        JsonObject *object = json_node_get_object(json_parser_get_root(parser));
        g_assert_true(json_object_has_member(object, cases[i].key));
        g_autoptr(GList) keys = json_object_get_members(object);
        for (GList *l = keys; l != NULL && cases[i].section != NULL; l = l->next)
            json_doc_check_key(docs, cases[i].section, l->data);
    }
}

static void test_json_values(void)
{
    g_autofree char *text = vh_json_format(
        g_variant_new_parsed("{'big': <uint64 18446744073709551615>, 'small': <int64 -5>, "
                             "'text': <'a\"\\n'>, 'list': <['x', 'y']>, 'empty': <@aa{sv} []>, "
                             "'inner': <{'b': <true>}>, 'none': <@mv nothing>}"),
        FALSE);
    g_assert_cmpstr(text, ==,
                    "{\"big\":9223372036854775807,\"small\":-5,\"text\":\"a\\\"\\n\","
                    "\"list\":[\"x\",\"y\"],\"empty\":[],\"inner\":{\"b\":true},\"none\":null}");
}

static void test_nearest(void)
{
    static const char *const words[] = {"list", "plan", "connect"};

    g_assert_cmpstr(vh_command_nearest("lits", words, 3), ==, "list");
    g_assert_cmpstr(vh_command_nearest("conn", words, 3), ==, "connect");
    g_assert_null(vh_command_nearest("x", words, 3));
    g_assert_null(vh_command_nearest("zzzzzz", words, 3));
    g_assert_null(vh_command_nearest("", words, 3));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/commands/usage", test_usage);
    g_test_add_func("/commands/about", test_about);
    g_test_add_func("/commands/extra", test_extra);
    g_test_add_func("/commands/options-anywhere", test_options_anywhere);
    g_test_add_func("/commands/says-what-it-uses", test_says_what_it_uses);
    g_test_add_func("/commands/list", test_list);
    g_test_add_func("/commands/info-and-explain", test_info_and_explain);
    g_test_add_func("/commands/plan", test_plan);
    g_test_add_func("/commands/ask", test_ask);
    g_test_add_func("/commands/ask-progress", test_ask_progress);
    g_test_add_func("/commands/ask-cancelled", test_ask_cancelled);
    g_test_add_func("/commands/cancel", test_cancel);
    g_test_add_func("/commands/reporting", test_reporting);
    g_test_add_func("/commands/info-monitor", test_info_monitor);
    g_test_add_func("/commands/info-of-stock", test_info_of_stock);
    g_test_add_func("/commands/reporting-documented", test_reporting_documented);
    g_test_add_func("/commands/policy", test_policy);
    g_test_add_func("/commands/json", test_json);
    g_test_add_func("/commands/json-values", test_json_values);
    g_test_add_func("/commands/nearest", test_nearest);
    return g_test_run();
}
