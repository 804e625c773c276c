/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The session on a message bus of the test's own, over libvirt's built-in test driver: its one
 * domain has a balloon, but without autodeflate: it cannot be asked.
 */
#include "json-doc.h"
#include "vh-dbus-error.h"
#include "vh-dbus.h"

#define TIMEOUT_S 30

typedef struct {
    GTestDBus *bus; /* borrowed: one for all tests */
    VhSession *session;
    VhDbus *dbus;
    GDBusConnection *client;
    guint n_cycles;
    gboolean is_policy_bad;
    GString *signals; /* their names, each with a blank behind it */
    GVariant *last_signal;
} Bench;

static void on_cycled(VhSession *session, const GError *error, gpointer data)
{
    Bench *bench = data;
    bench->n_cycles++;
}

static void on_request_started(VhSession *session, const VhRequestRecord *request, gpointer data)
{
    const Bench *bench = data;
    vh_dbus_request_started(bench->dbus, request);
}

static void on_request_ended(VhSession *session, const VhRequestRecord *request, gpointer data)
{
    const Bench *bench = data;
    vh_dbus_request_ended(bench->dbus, request);
}

static gboolean reload(gpointer data, GError **error)
{
    const Bench *bench = data;

    if (bench->is_policy_bad)
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "a.json:1: no");
    return !bench->is_policy_bad;
}

static void on_signal(GDBusConnection *connection, const char *sender, const char *path,
                      const char *interface, const char *signal, GVariant *arguments, gpointer data)
{
    Bench *bench = data;

    g_string_append_printf(bench->signals, "%s ", signal);
    g_clear_pointer(&bench->last_signal, g_variant_unref);
    bench->last_signal = g_variant_ref(arguments);
}

static gboolean on_too_late(gpointer data)
{
    g_error("nothing came within %d s", TIMEOUT_S);
    return G_SOURCE_REMOVE;
}

/* Runs the main loop until *flag is not 0. */
static void await(const guint *flag)
{
    guint source = g_timeout_add_seconds(TIMEOUT_S, on_too_late, NULL);

    while (*flag == 0)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(source);
}

static void poll_until_seen(Bench *bench)
{
    do {
        bench->n_cycles = 0;
        vh_session_poll(bench->session);
        await(&bench->n_cycles);
    } while (vh_snapshot_n_domains(vh_session_snapshot(bench->session)) == 0);
}

static GDBusConnection *connect_to(GTestDBus *bus)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *connection =
        g_dbus_connection_new_for_address_sync(g_test_dbus_get_bus_address(bus),
                                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                   G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                               NULL, NULL, &error);

    g_assert_no_error(error);
    return connection;
}

/* From any sender, because GDBus drops signals of a name until it has looked up its owner; the
 * round trip is there so that the bus knows of the match before anything is sent. */
static void subscribe(Bench *bench)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) id = NULL;

    g_dbus_connection_signal_subscribe(bench->client, NULL, VH_DBUS_INTERFACE, NULL, VH_DBUS_PATH,
                                       NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, bench, NULL);
    id = g_dbus_connection_call_sync(bench->client, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus", "GetId", NULL, NULL,
                                     G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
    g_assert_no_error(error);
}

static void set_up(Bench *bench, gconstpointer data)
{
    static const char *const uris[] = {"test:///default", NULL};
    const VhSessionOptions options = {.uris = uris, .read_only = FALSE};
    const VhSessionCallbacks callbacks = {.cycled = on_cycled,
                                          .request_started = on_request_started,
                                          .request_ended = on_request_ended};
    const VhDbusHooks hooks = {
        .reload = reload, .dry_run = FALSE, .record_file = "/var/lib/virthint/record.jsonl"};
    g_autoptr(GError) error = NULL;

    bench->bus = (GTestDBus *)data;
    bench->signals = g_string_new(NULL);
    bench->session = vh_session_new(&options, NULL, NULL, &callbacks, bench);
    poll_until_seen(bench);
    bench->dbus =
        vh_dbus_new(g_test_dbus_get_bus_address(bench->bus), bench->session, &hooks, bench, &error);
    g_assert_no_error(error);
    bench->client = connect_to(bench->bus);
    subscribe(bench);
}

static void tear_down(Bench *bench, gconstpointer data)
{
    vh_dbus_free(bench->dbus);
    vh_session_free(bench->session);
    g_dbus_connection_close_sync(bench->client, NULL, NULL);
    g_object_unref(bench->client);
    g_string_free(bench->signals, TRUE);
    g_clear_pointer(&bench->last_signal, g_variant_unref);
}

typedef struct {
    GVariant *reply;
    GError *error;
    guint is_done;
} Call;

static void on_called(GObject *source, GAsyncResult *result, gpointer data)
{
    Call *call = data;

    call->reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &call->error);
    call->is_done = 1;
}

/* Server and client share the main loop. NULL with *ret_error (owned) set. */
static GVariant *call_interface(Bench *bench, const char *interface, const char *method,
                                GVariant *arguments, GError **ret_error)
{
    Call call = {0};

    g_dbus_connection_call(bench->client, VH_DBUS_NAME, VH_DBUS_PATH, interface, method, arguments,
                           NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_called, &call);
    await(&call.is_done);
    if (call.error != NULL)
        g_propagate_error(ret_error, call.error);
    return call.reply;
}

/* The one value of a reply that must come. */
static GVariant *get(Bench *bench, const char *method, GVariant *arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = call_interface(bench, VH_DBUS_INTERFACE, method, arguments, &error);

    g_assert_no_error(error);
    return g_variant_n_children(reply) > 0 ? g_variant_get_child_value(reply, 0) : NULL;
}

static void assert_refused(Bench *bench, const char *method, GVariant *arguments, VhErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = call_interface(bench, VH_DBUS_INTERFACE, method, arguments, &error);

    g_assert_null(reply);
    g_assert_error(error, VH_ERROR, (int)code);
}

static GVariant *property(Bench *bench, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        call_interface(bench, "org.freedesktop.DBus.Properties", "Get",
                       g_variant_new("(ss)", VH_DBUS_INTERFACE, name), &error);
    GVariant *value = NULL;

    g_assert_no_error(error);
    g_variant_get(reply, "(v)", &value);
    return value;
}

static void assert_text_property(Bench *bench, const char *name, const char *text)
{
    g_autoptr(GVariant) value = property(bench, name);
    g_assert_cmpstr(g_variant_get_string(value, NULL), ==, text);
}

static void test_reads(Bench *bench, gconstpointer data)
{
    g_autoptr(JsonDoc) docs = json_doc_new();
    g_autoptr(GVariant) domains = get(bench, "ListDomains", NULL);
    g_autoptr(GVariant) domain = get(bench, "GetDomain", g_variant_new("(s)", "test"));
    g_autoptr(GVariant) plan = get(bench, "GetPlan", NULL);
    g_autoptr(GVariant) explanation = get(bench, "Explain", g_variant_new("(s)", "test"));
    g_autoptr(GVariant) first = g_variant_get_child_value(domains, 0);
    const char *name = NULL;

    g_assert_cmpuint(g_variant_n_children(domains), ==, 1);
    json_doc_check(docs, "domain", first);
    json_doc_check(docs, "domain", domain);
    json_doc_check(docs, "plan", plan);
    json_doc_check(docs, "explanation", explanation);
    g_autoptr(GVariant) all = get(bench, "ExplainAll", NULL);
    g_assert_cmpuint(g_variant_n_children(all), ==, 1);
    g_autoptr(GVariant) only = g_variant_get_child_value(all, 0);
    g_assert_true(g_variant_equal(only, explanation));
    g_assert_true(g_variant_lookup(domain, "name", "&s", &name));
    g_assert_cmpstr(name, ==, "test");
}

static void test_properties(Bench *bench, gconstpointer data)
{
    g_autoptr(GVariant) connections = property(bench, "Connections");
    g_autoptr(GVariant) dry_run = property(bench, "DryRun");
    g_autofree const char **uris = g_variant_get_strv(connections, NULL);

    g_assert_cmpstr(uris[0], ==, "test:///default");
    g_assert_null(uris[1]);
    g_assert_false(g_variant_get_boolean(dry_run));
    assert_text_property(bench, "Version", VH_VERSION);
    assert_text_property(bench, "Engine", "virthint");
    assert_text_property(bench, "PolicyError", "");
    assert_text_property(bench, "RecordFile", "/var/lib/virthint/record.jsonl");
    assert_text_property(bench, "ConnectionError", "");
    assert_text_property(bench, "Level", "idle");
}

static void test_refusals(Bench *bench, gconstpointer data)
{
    assert_refused(bench, "GetDomain", g_variant_new("(s)", "nobody"), VH_ERROR_GONE);
    assert_refused(bench, "Explain", g_variant_new("(s)", ""), VH_ERROR_GONE);
    assert_refused(bench, "CancelAsk", g_variant_new("(t)", G_GUINT64_CONSTANT(99)), VH_ERROR_GONE);
    assert_refused(bench, "Ask", g_variant_new_parsed("('nobody', uint64 0, @a{sv} {})"),
                   VH_ERROR_GONE);
    assert_refused(bench, "Ask", g_variant_new_parsed("('test', uint64 0, {'colour': <'red'>})"),
                   VH_ERROR_INVALID);
    assert_refused(bench, "Ask", g_variant_new_parsed("('test', uint64 0, {'deadline_us': <'x'>})"),
                   VH_ERROR_INVALID);
    assert_refused(bench, "Ask",
                   g_variant_new_parsed("('test', uint64 0, {'deadline_us': <int64 -1>})"),
                   VH_ERROR_INVALID);
    assert_refused(bench, "Ask",
                   g_variant_new_parsed("('test', uint64 0, {'granule_bytes': <uint64 49152>})"),
                   VH_ERROR_INVALID);
    assert_refused(bench, "Ask",
                   g_variant_new_parsed("('test', uint64 0, {'granule_bytes': <int64 65536>})"),
                   VH_ERROR_INVALID);
    /* it is not of the kind that takes passes */
    assert_refused(bench, "Ask",
                   g_variant_new_parsed("('test', uint64 0, {'granule_bytes': <uint64 65536>})"),
                   VH_ERROR_UNSUPPORTED);
    /* it has no autodeflate, and the built-in policy sets no reserve */
    assert_refused(bench, "Ask", g_variant_new_parsed("('test', uint64 0, @a{sv} {})"),
                   VH_ERROR_UNSUPPORTED);
}

static void test_request_refusals(Bench *bench, gconstpointer data)
{
    static const char *const wrong[] = {
        "(uint64 0, @a{sv} {})",
        "(uint64 18446744073709551615, @a{sv} {})",
        "(uint64 1, {'colour': <'red'>})",
        "(uint64 1, {'urgency': <'soon'>})",
        "(uint64 1, {'urgency': <'idle'>})",
        "(uint64 1, {'urgency': <uint32 2>})",
        "(uint64 1, {'deadline_us': <int64 0>})",
        "(uint64 1, {'deadline_us': <uint64 5>})",
    };

    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++)
        assert_refused(bench, "Request", g_variant_new_parsed(wrong[i]), VH_ERROR_INVALID);
    assert_refused(bench, "CancelRequest", g_variant_new("(t)", G_GUINT64_CONSTANT(99)),
                   VH_ERROR_GONE);
    g_autoptr(GVariant) list = get(bench, "ListRequests", NULL);
    g_assert_cmpuint(g_variant_n_children(list), ==, 0);
    /* whoever only looks asks nobody */
    VhConfig *config = vh_config_new();
    config->enforce = FALSE;
    vh_session_set_config(bench->session, config);
    assert_refused(bench, "Request", g_variant_new_parsed("(uint64 1, @a{sv} {})"),
                   VH_ERROR_DENIED);
}

/* An engine to compare with does not say which of its asks are for whom. */
static void test_request_of_other_engine(void)
{
    static const char *const uris[] = {"test:///default", NULL};
    const VhSessionOptions options = {.uris = uris, .engine = vh_engine_find(vh_engine_names()[1])};
    const VhSessionCallbacks callbacks = {0};
    const VhSessionRequest wish = {.bytes = 1, .urgency = VH_LEVEL_LOW};
    g_autoptr(GError) error = NULL;
    g_autoptr(VhSession) session = vh_session_new(&options, NULL, NULL, &callbacks, NULL);

    g_assert_cmpuint(vh_session_request(session, &wish, &error), ==, 0);
    g_assert_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED);
}

/* The property tells what the last reload did. */
static void test_reload(Bench *bench, gconstpointer data)
{
    bench->is_policy_bad = TRUE;
    assert_refused(bench, "Reload", NULL, VH_ERROR_INVALID);
    assert_text_property(bench, "PolicyError", "a.json:1: no");
    bench->is_policy_bad = FALSE;
    g_assert_null(get(bench, "Reload", NULL));
    assert_text_property(bench, "PolicyError", "");
}

static void await_signal(Bench *bench, const char *name)
{
    guint source = g_timeout_add_seconds(TIMEOUT_S, on_too_late, NULL);

    while (strstr(bench->signals->str, name) == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(source);
}

static void check_signal(Bench *bench, JsonDoc *docs, const char *section, guint64 id)
{
    guint64 got = 0;
    g_autoptr(GVariant) doc = NULL;

    g_variant_get(bench->last_signal, "(t@a{sv})", &got, &doc);
    g_assert_cmpuint(got, ==, id);
    json_doc_check(docs, section, doc);
}

static void test_ask_signals(Bench *bench, gconstpointer data)
{
    const VhDomain *domain = vh_snapshot_domain(vh_session_snapshot(bench->session), 0);
    const VhInFlight ask = {.uuid = domain->uuid,
                            .uri = domain->uri,
                            .id = 5,
                            .method = VH_ASK_PASS,
                            .granule_bytes = 65536,
                            .asked_bytes = VH_MIB};
    const VhEnded ended = {.uuid = domain->uuid,
                           .uri = domain->uri,
                           .id = 5,
                           .outcome = {.status = VH_ASK_DONE, .error_code = -1}};
    g_autoptr(JsonDoc) docs = json_doc_new();

    vh_dbus_ask_started(bench->dbus, &ask);
    await_signal(bench, "AskStarted ");
    check_signal(bench, docs, "started-ask", 5);
    json_doc_check_all_seen(docs, "started-ask");
    vh_dbus_ask_ended(bench->dbus, &ended, "fine");
    await_signal(bench, "AskEnded ");
    check_signal(bench, docs, "outcome", 5);
}

static guint64 request(Bench *bench, const char *arguments)
{
    g_autoptr(GVariant) id = get(bench, "Request", g_variant_new_parsed(arguments));
    g_assert_cmpuint(g_variant_get_uint64(id), !=, 0);
    return g_variant_get_uint64(id);
}

static void assert_status(Bench *bench, const char *status)
{
    g_autoptr(GVariant) doc = g_variant_get_child_value(bench->last_signal, 1);
    const char *got = NULL;

    g_assert_true(g_variant_lookup(doc, "status", "&s", &got));
    g_assert_cmpstr(got, ==, status);
}

/* Taken on, shown, and ended by hand; nobody is there who could be asked. */
static void test_request(Bench *bench, gconstpointer data)
{
    g_autoptr(JsonDoc) docs = json_doc_new();
    guint64 id = request(bench, "(uint64 1048576, {'urgency': <'high'>, "
                                "'deadline_us': <int64 3600000000>})");

    await_signal(bench, "RequestStarted ");
    check_signal(bench, docs, "request", id);
    json_doc_check_all_seen(docs, "request");
    g_autoptr(GVariant) list = get(bench, "ListRequests", NULL);
    g_assert_cmpuint(g_variant_n_children(list), ==, 1);
    g_autoptr(GVariant) first = g_variant_get_child_value(list, 0);
    json_doc_check(docs, "request", first);

    do { /* until a cycle knows of it */
        bench->n_cycles = 0;
        vh_session_poll(bench->session);
        await(&bench->n_cycles);
    } while (vh_session_snapshot(bench->session)->requests->len == 0);
    g_autoptr(GVariant) plan = get(bench, "GetPlan", NULL);
    json_doc_check(docs, "plan", plan);
    g_autoptr(GVariant) requests =
        g_variant_lookup_value(plan, "requests", G_VARIANT_TYPE("aa{sv}"));
    g_assert_cmpuint(g_variant_n_children(requests), ==, 1);

    g_assert_null(get(bench, "CancelRequest", g_variant_new("(t)", id)));
    await_signal(bench, "RequestEnded ");
    check_signal(bench, docs, "request", id);
    assert_status(bench, "cancelled");
    assert_refused(bench, "CancelRequest", g_variant_new("(t)", id), VH_ERROR_GONE);
}

/* By itself, without anybody looking. */
static void test_request_expires(Bench *bench, gconstpointer data)
{
    request(bench, "(uint64 1048576, {'deadline_us': <int64 1>})");
    await_signal(bench, "RequestEnded ");
    assert_status(bench, "expired");
    g_assert_cmpuint(vh_requests_count(vh_session_requests(bench->session)), ==, 0);
}

/* Once for a plan that is new, and not again for the same. */
static void test_plan_changed(Bench *bench, gconstpointer data)
{
    const VhEnded ended = {.uri = "", .id = 6, .outcome = {.error_code = -1}};

    vh_dbus_cycled(bench->dbus);
    vh_dbus_cycled(bench->dbus);
    vh_dbus_ask_ended(bench->dbus, &ended, NULL); /* comes behind whatever was sent before */
    await_signal(bench, "AskEnded ");
    g_assert_cmpstr(bench->signals->str, ==, "PlanChanged AskEnded ");
}

static void test_name_is_taken(Bench *bench, gconstpointer data)
{
    const VhDbusHooks hooks = {.reload = reload};
    g_autoptr(GError) error = NULL;
    VhDbus *second =
        vh_dbus_new(g_test_dbus_get_bus_address(bench->bus), bench->session, &hooks, bench, &error);

    g_assert_null(second);
    g_assert_error(error, VH_ERROR, VH_ERROR_BUSY);
    assert_text_property(bench, "Version", VH_VERSION);
}

static void test_no_bus(Bench *bench, gconstpointer data)
{
    const VhDbusHooks hooks = {.reload = reload};
    g_autoptr(GError) error = NULL;
    VhDbus *dbus = vh_dbus_new("unix:path=/nonexistent/bus", bench->session, &hooks, bench, &error);

    g_assert_null(dbus);
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
}

/* Every code has a name on the bus, and comes back as itself. */
static void test_error_names(void)
{
    vh_dbus_error_register();
    vh_dbus_error_register();
    for (int code = VH_ERROR_UNSUPPORTED; code <= VH_ERROR_FAILED; code++) {
        g_autoptr(GError) error = g_error_new_literal(VH_ERROR, code, "text");
        g_autofree char *name = g_dbus_error_encode_gerror(error);
        g_assert_true(g_str_has_prefix(name, "org.virthint.Error."));
        g_autoptr(GError) back = g_dbus_error_new_for_dbus_error(name, "text");
        g_assert_error(back, VH_ERROR, code);
    }
}

static void add(const char *path, const GTestDBus *bus, void (*test)(Bench *, gconstpointer))
{
    g_test_add(path, Bench, bus, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autoptr(GTestDBus) bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(bus); /* sets the environment: before there are threads */
    g_test_add_func("/dbus/error-names", test_error_names);
    g_test_add_func("/dbus/request-of-other-engine", test_request_of_other_engine);
    add("/dbus/reads", bus, test_reads);
    add("/dbus/properties", bus, test_properties);
    add("/dbus/refusals", bus, test_refusals);
    add("/dbus/reload", bus, test_reload);
    add("/dbus/ask-signals", bus, test_ask_signals);
    add("/dbus/request", bus, test_request);
    add("/dbus/request-expires", bus, test_request_expires);
    add("/dbus/request-refusals", bus, test_request_refusals);
    add("/dbus/plan-changed", bus, test_plan_changed);
    add("/dbus/name-is-taken", bus, test_name_is_taken);
    add("/dbus/no-bus", bus, test_no_bus);
    int status = g_test_run();
    g_test_dbus_down(bus);
    return status;
}
