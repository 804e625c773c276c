/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two guests, one plan, one request, and an ask that comes half way and then ends as told. */
#include "commands-fake.h"

#include "vh-doc-reporting.h"

#include <string.h>

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
    "'resident_bytes': <uint64 3221225472>, 'yield': <{'gamma_bp': <uint32 8150>}>, "            \
    "'used_bytes': <uint64 1073741824>, "                                                        \
    "'free_bytes': <uint64 2147483648>, 'reason': <'ask'>, 'text': <'it is asked now'>, "        \
    "'expected_bytes': <uint64 1610612736>, 'counted_bytes': <uint64 1073741824>, "              \
    "'last_ask': <{'ended_time_us': <int64 1700000000000000>, 'asked_bytes': <uint64 1048576>, " \
    "'returned_bytes': <uint64 524288>, 'status': <'done'>}>}"
#define OFF                                                                             \
    "{'name': <'off-with-a-very-long-name-that-goes-on'>, 'uri': <'test:///default'>, " \
    "'is_running': <false>, 'tier': <'none'>}"

static GVariant *fake_list(VhBackend *backend, GError **error)
{
    return parsed("aa{sv}", fake_of(backend)->has_odd_name ? "[" WEB1 ", " OFF
                                                             ", {'name': <\"b 'c'\">}]"
                                                           : "[" WEB1 ", " OFF "]");
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
        "'level_by_bounds': <'proactive'>, "
        "'pool': <{'source': <'host'>, 'total_bytes': <uint64 34359738368>, "
        "'available_bytes': <int64 1073741824>, 'trend_bytes_per_s': <int64 -20971520>, "
        "'pressure': <['psi-some']>}>, 'need_bytes': <uint64 2147483648>, "
        "'requested_bytes': <uint64 1073741824>, "
        "'switches': <[{'name': <'soft1'>, 'is_on': <true>, 'text': <'memory is short'>}]>, "
        "'requests': <[{'id': <uint64 3>, 'bytes': <uint64 4294967296>, "
        "'returned_bytes': <uint64 3221225472>, 'urgency': <'high'>}]>, "
        "'asks': <[{'name': <'web1'>, 'class': <'batch'>, 'method': <'pulse'>, "
        "'bytes': <uint64 1610612736>, 'expected_bytes': <uint64 1610612736>}]>, "
        "'refusals': <[{'name': <'db'>, 'class': <'perf'>, 'reason': <'protected'>, "
        "'text': <'its class is asked at a higher level only'>}]>}");
}

static GVariant *fake_explain(VhBackend *backend, const char *domain, GError **error)
{
    return parsed("a{sv}", "{'name': <'web1'>, 'lines': <['First.', 'So it is asked.']>}");
}

static GVariant *fake_explain_all(VhBackend *backend, GError **error)
{
    return parsed(
        "aa{sv}",
        "[{'name': <'web1'>, 'class': <'batch'>, 'rank': <uint32 1>, 'place': <uint32 2>, "
        "'price_us_per_mib': <12.25>, 'reason': <'ask'>, "
        "'durable_bytes': <uint64 1073741824>, 'lines': <['The pool.', 'First.']>}, "
        "{'name': <'db'>, 'lines': <['The pool.', 'Second.', 'Last.']>}]");
}

static guint64 fake_request(VhBackend *backend, const VhRequestWish *wish, GError **error)
{
    Fake *fake = fake_of(backend);

    fake->requested = *wish;
    g_free(fake->urgency);
    fake->urgency = g_strdup(wish->urgency);
    return 3;
}

static gboolean fake_cancel_request(VhBackend *backend, guint64 id, GError **error)
{
    if (id == 3)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no such request is open");
    return FALSE;
}

static GVariant *request_document(const char *status)
{
    return g_variant_ref_sink(g_variant_new_parsed(
        "{'id': <uint64 3>, 'bytes': <uint64 4294967296>, 'returned_bytes': <uint64 1073741824>, "
        "'urgency': <'high'>, 'status': <%s>, 'age_us': <int64 12000000>, "
        "'asks_made': <uint32 2>, 'asks_in_flight': <uint32 1>}",
        status));
}

static GVariant *fake_requests(VhBackend *backend, GError **error)
{
    g_autoptr(GVariant) one = request_document("open");
    return g_variant_ref_sink(g_variant_new_parsed("[%@a{sv}]", one));
}

static GVariant *fake_wait_request(VhBackend *backend, guint64 id, VhRequestProgressFunc progress,
                                   gpointer data, GError **error)
{
    Fake *fake = fake_of(backend);

    g_assert_cmpuint(id, ==, 3);
    progress(4 * (G_GUINT64_CONSTANT(1) << 30), G_GUINT64_CONSTANT(1) << 30, 1, data);
    if (fake->is_cancelled_by_user) {
        g_cancellable_cancel(fake->cancel);
        progress(4 * (G_GUINT64_CONSTANT(1) << 30), G_GUINT64_CONSTANT(1) << 30, 1, data);
    }
    return request_document(fake->outcome_status);
}

static GVariant *fake_explain_at(const VhBackendRequest *request, const char *domain, gint64 at_us,
                                 const char *trace, gpointer data, GError **error)
{
    Fake *fake = data;

    fake->explained_at_us = at_us;
    g_free(fake->trace);
    fake->trace = g_strdup(trace);
    if (g_str_equal(domain, "web1"))
        return parsed("a{sv}", "{'name': <'web1'>, 'seen_time_us': <int64 1700000000000000>, "
                               "'lines': <['Then.']>}");
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no domain '%s' is known", domain);
    return NULL;
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

static GVariant *fake_wait(VhBackend *backend, guint64 id, VhBackendProgressFunc progress,
                           gpointer data, GError **error)
{
    Fake *fake = fake_of(backend);
    VhBackendProgress at = {
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
    .explain_all = fake_explain_all,
    .ask = fake_ask,
    .cancel = fake_cancel,
    .wait = fake_wait,
    .request = fake_request,
    .cancel_request = fake_cancel_request,
    .requests = fake_requests,
    .wait_request = fake_wait_request,
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
    Fake *fake = data;

    g_free(fake->checked);
    fake->checked = g_strjoinv(",", (char **)paths);
    if (g_str_equal(paths[0], "good.json"))
        return parsed("a{sv}", "{'version': <int64 1>}");
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s:3: /pool: no such key", paths[0]);
    return NULL;
}

GVariant *commands_fake_reporting(const VhBackendRequest *request, const char *domain,
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

static char *texts_of(const char *const *texts)
{
    return texts != NULL ? g_strjoinv(",", (char **)texts) : g_strdup("none");
}

static GVariant *fake_policy(const VhBackendRequest *request, const char *domain,
                             const VhPolicyWish *wish, gpointer data, GError **error)
{
    static const char *const actions[] = {"get", "set", "clear"};
    Fake *fake = data;
    g_autofree char *settings = texts_of(wish->settings);

    if (!g_str_equal(domain, "web1")) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no domain '%s'", domain);
        return NULL;
    }
    g_free(fake->policy);
    fake->policy =
        g_strdup_printf("%s %s%s%s", actions[wish->action], settings,
                        wish->affects_live ? " live" : "", wish->affects_config ? " config" : "");
    fake->connection = request->connection;
    if (wish->action == VH_POLICY_CLEAR)
        return parsed("a{sv}", "{'name': <'web1'>, 'is_live': <true>, 'settings': <@as []>, "
                               "'override': <@a{sv} {}>}");
    return parsed("a{sv}", "{'name': <'web1'>, 'uuid': <'11111111-1111-1111-1111-111111111111'>, "
                           "'uri': <'test:///default'>, 'is_live': <true>, "
                           "'settings': <['class=batch', 'cooldown=15min']>, "
                           "'override': <{'class': <'batch'>, 'cooldown_us': <int64 900000000>}>}");
}

#define EVENT(kind, rest)                                                                          \
    "{'event': <'" kind "'>, 'name': <'web1'>, 'uuid': <'11111111-1111-1111-1111-111111111111'>, " \
    "'uri': <'test:///default'>, 'time_us': <int64 1700000000123456>, " rest "}"

static gboolean fake_events(const VhBackendRequest *request, const VhEventsWish *wish,
                            VhEventSeen seen, gpointer seen_data, guint *ret_n, gpointer data,
                            GError **error)
{
    static const char *const events[] = {
        EVENT("pass-ended", "'pass': <{'id': <uint32 3>, 'status': <'done'>, 'reported_bytes': "
                            "<uint64 536870912>, 'discarded_bytes': <uint64 524288000>}>"),
        EVENT("reporting-changed", "'is_enabled': <true>, 'is_active': <false>, 'inhibitor': "
                                   "<'postcopy'>"),
        EVENT("tier-changed", "'tier': <'pulse'>, 'tier_before': <'native'>, 'tier_reasons': "
                              "<['stock-driver']>, 'tier_texts': <['It is stock.']>"),
    };
    Fake *fake = data;
    g_autofree char *names = texts_of(wish->kinds);

    g_free(fake->events);
    fake->events =
        g_strdup_printf("%s %s%s %" G_GINT64_FORMAT, wish->domain != NULL ? wish->domain : "all",
                        names, wish->is_loop ? " loop" : "", wish->timeout_us);
    if (wish->domain != NULL && !g_str_equal(wish->domain, "web1")) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "no domain '%s'", wish->domain);
        return FALSE;
    }
    guint n = wish->is_loop ? fake->n_events : MIN(fake->n_events, 1);
    for (*ret_n = 0; *ret_n < n && !g_cancellable_is_cancelled(request->cancel); (*ret_n)++) {
        g_autoptr(GVariant) event = parsed("a{sv}", events[*ret_n]);
        seen(event, seen_data);
    }
    if (fake->is_cancelled_by_user)
        g_cancellable_cancel(request->cancel);
    return TRUE;
}

static void take_text(gboolean is_error, const char *text, gpointer data)
{
    Bench *bench = data;
    g_string_append(is_error ? bench->err : bench->out, text);
    bench->n_errors += is_error ? 1 : 0;
}

Bench *bench_new(void)
{
    Bench *bench = g_new0(Bench, 1);

    bench->fake.outcome_status = "done";
    bench->fake.n_events = 3;
    bench->out = g_string_new(NULL);
    bench->err = g_string_new(NULL);
    bench->output = (VhOutput){.write = take_text, .data = bench, .input_fd = -1};
    bench->provider = (VhBackendProvider){.open = fake_open,
                                          .check = fake_check,
                                          .reporting = commands_fake_reporting,
                                          .explain_at = fake_explain_at,
                                          .policy = fake_policy,
                                          .events = fake_events,
                                          .data = &bench->fake};
    bench->cancel = g_cancellable_new();
    bench->program = (VhProgram){.program = "virthint",
                                 .version = "1.2.3",
                                 .output = &bench->output,
                                 .provider = &bench->provider,
                                 .cancel = bench->cancel};
    return bench;
}

void bench_free(Bench *bench)
{
    g_string_free(bench->out, TRUE);
    g_string_free(bench->err, TRUE);
    g_object_unref(bench->cancel);
    g_free(bench->fake.uris);
    g_free(bench->fake.urgency);
    g_free(bench->fake.trace);
    g_free(bench->fake.checked);
    g_free(bench->fake.policy);
    g_free(bench->fake.events);
    g_free(bench);
}

VhExit run(Bench *bench, const char *line)
{
    g_autofree char *whole = g_strdup_printf("virthint %s", line);
    /* a blank at the end is an empty last word */
    g_auto(GStrv) argv = g_strsplit(*line != '\0' ? whole : g_strchomp(whole), " ", -1);

    g_string_truncate(bench->out, 0);
    g_string_truncate(bench->err, 0);
    bench->n_errors = 0;
    return vh_command_main(&bench->program, (int)g_strv_length(argv), argv);
}

void assert_has(const GString *text, const char *part)
{
    if (strstr(text->str, part) == NULL)
        g_error("'%s' lacks '%s'", text->str, part);
}
