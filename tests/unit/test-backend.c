/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The backend without a daemon, over libvirt's test driver; the jobs under it; the library for
 * virsh on top. */
#include "vh-backend-direct.h"
#include "vh-job.h"
#include "vh-libvirt.h"
#include "vh-provider.h"
#include "vh-units.h"
#include "vh-virsh.h"

#include <signal.h>
#include <string.h>

#define TEST_URI "test:///default"

/* A call that lasts until it is let go. */
typedef struct {
    GMutex mutex;
    GCond changed;
    gboolean may_end;
    int n_freed; /* atomic: of data and results */
} Gate;

static void gate_open(Gate *gate)
{
    g_mutex_lock(&gate->mutex);
    gate->may_end = TRUE;
    g_cond_broadcast(&gate->changed);
    g_mutex_unlock(&gate->mutex);
}

static void gate_await_freed(Gate *gate, int n)
{
    while (g_atomic_int_get(&gate->n_freed) < n)
        g_usleep(VH_MS);
}

static gpointer wait_at(gpointer data, GError **error)
{
    Gate *gate = data;

    g_mutex_lock(&gate->mutex);
    while (!gate->may_end)
        g_cond_wait(&gate->changed, &gate->mutex);
    g_mutex_unlock(&gate->mutex);
    return gate;
}

static void count_freed(gpointer data)
{
    g_atomic_int_inc(&((Gate *)data)->n_freed);
}

static gpointer fail(gpointer data, GError **error)
{
    g_set_error_literal(error, VH_ERROR, VH_ERROR_STALE, "told");
    return NULL;
}

static void test_job_result(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GError) error = NULL;
    Gate gate = {.may_end = TRUE};

    g_main_context_push_thread_default(context); /* nobody runs the default one */
    g_assert_true(vh_job_run(wait_at, &gate, count_freed, NULL, 0, NULL, &error) == &gate);
    g_assert_no_error(error);
    g_assert_cmpint(g_atomic_int_get(&gate.n_freed), ==, 1); /* before it returned */
    g_assert_null(vh_job_run(fail, NULL, NULL, NULL, VH_HOUR, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_STALE);
    g_main_context_pop_thread_default(context);
}

/* Who hangs is left behind, and cleans up behind himself; not too many of them. */
static void test_job_left_behind(void)
{
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    Gate gate = {0};
    GError *error = NULL;
    int n = 0;

    g_cancellable_cancel(cancel);
    g_assert_null(vh_job_run(wait_at, &gate, count_freed, count_freed, 0, cancel, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_clear_error(&error);
    do {
        n++;
        g_assert_cmpint(n, <, 64);
        g_clear_error(&error);
        g_assert_null(vh_job_run(wait_at, &gate, count_freed, count_freed, VH_MS, NULL, &error));
    } while (g_error_matches(error, VH_ERROR, VH_ERROR_TIMEOUT));
    g_assert_error(error, VH_ERROR, VH_ERROR_BUSY);
    g_clear_error(&error);
    g_assert_cmpint(g_atomic_int_get(&gate.n_freed), ==, 1); /* the refused one's data */
    gate_open(&gate);
    gate_await_freed(&gate, 1 + 2 * n); /* data and result of n that were left behind */
    g_assert_true(vh_job_run(wait_at, &gate, NULL, NULL, 0, NULL, &error) == &gate);
}

static void ignore_notice(const char *text, gpointer data)
{
}

static VhBackendRequest request_on(virConnectPtr connection, GCancellable *cancel)
{
    return (VhBackendRequest){.access = VH_ACCESS_ASK,
                              .connection = connection,
                              .cancel = cancel,
                              .notice = ignore_notice};
}

typedef struct {
    virConnectPtr connection;
    GCancellable *cancel;
    VhBackendRequest request;
    VhBackend *backend;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    vh_libvirt_init();
    fixture->connection = vh_libvirt_open(TEST_URI, FALSE, &error);
    g_assert_no_error(error);
    fixture->cancel = g_cancellable_new();
    fixture->request = request_on(fixture->connection, fixture->cancel);
    fixture->backend = vh_backend_direct_open(&fixture->request, "it is elsewhere", &error);
    g_assert_no_error(error);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    vh_backend_free(fixture->backend);
    g_object_unref(fixture->cancel);
    g_assert_cmpint(virConnectClose(fixture->connection), ==, 0); /* ours was the last reference */
}

static const char *text_of(GVariant *doc, const char *key)
{
    const char *text = "";

    g_variant_lookup(doc, key, "&s", &text);
    return text;
}

static void test_documents(Fixture *fixture, gconstpointer data)
{
    const VhBackendOps *ops = fixture->backend->ops;
    g_autoptr(GError) error = NULL;
    gboolean flag = FALSE;
    guint32 vcpus = 0;

    g_assert_true(ops->refresh(fixture->backend, FALSE, &error));
    g_autoptr(GVariant) list = ops->list(fixture->backend, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_variant_n_children(list), ==, 1);
    g_autoptr(GVariant) first = g_variant_get_child_value(list, 0);
    g_assert_cmpstr(text_of(first, "name"), ==, "test");
    g_assert_cmpstr(text_of(first, "uri"), ==, TEST_URI);
    g_assert_cmpstr(text_of(first, "tier"), ==, "pulse");
    g_assert_true(g_variant_lookup(first, "is_running", "b", &flag) && flag);
    g_assert_false(g_variant_lookup(first, "vcpus", "u", &vcpus)); /* of info */
    g_autoptr(GVariant) info = ops->info(fixture->backend, "1", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(text_of(info, "name"), ==, "test");
    g_assert_true(g_variant_lookup(info, "vcpus", "u", &vcpus));
    g_assert_null(ops->info(fixture->backend, "nobody", &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
}

/* What needs an engine is refused, with the reason why there is none. */
static void test_refusals(Fixture *fixture, gconstpointer data)
{
    const VhBackendOps *ops = fixture->backend->ops;
    const VhRequestWish wish = {.bytes = VH_GIB, .urgency = "low"};
    GError *errors[7] = {NULL};

    g_assert_null(ops->plan(fixture->backend, &errors[0]));
    g_assert_null(ops->explain(fixture->backend, "test", &errors[1]));
    g_assert_null(ops->explain_all(fixture->backend, &errors[2]));
    g_assert_cmpuint(ops->request(fixture->backend, &wish, &errors[3]), ==, 0);
    g_assert_null(ops->requests(fixture->backend, &errors[4]));
    g_assert_false(ops->cancel_request(fixture->backend, 1, &errors[5]));
    g_assert_false(ops->reload(fixture->backend, &errors[6]));
    for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
        g_assert_error(errors[i], VH_ERROR, VH_ERROR_UNSUPPORTED);
        g_assert_nonnull(strstr(errors[i]->message, "virthintd: it is elsewhere"));
        g_error_free(errors[i]);
    }
}

static void ignore_progress(const VhBackendProgress *progress, gpointer data)
{
}

static void test_asks(Fixture *fixture, gconstpointer data)
{
    const VhBackendOps *ops = fixture->backend->ops;
    const VhAskWish wish = {.bytes = VH_MIB, .deadline_us = 5 * VH_SEC};
    const char *const two[] = {TEST_URI, "test:///other", NULL};
    VhBackendRequest read_only = fixture->request;
    const VhBackendRequest many = {.uris = two, .cancel = fixture->cancel};
    GError *error = NULL;

    guint64 id = ops->ask(fixture->backend, "test", &wish, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(id, !=, 0);
    g_autoptr(GVariant) outcome = ops->wait(fixture->backend, id, ignore_progress, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(text_of(outcome, "status"), ==, "failed"); /* no such balloon there */
    g_assert_cmpstr(text_of(outcome, "method"), ==, "pulse");
    g_assert_null(ops->wait(fixture->backend, id + 1, ignore_progress, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
    g_clear_error(&error);

    read_only.read_only = TRUE;
    g_autoptr(VhBackend) backend = vh_backend_direct_open(&read_only, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(backend->ops->ask(backend, "test", &wish, &error), ==, 0);
    g_assert_error(error, VH_ERROR, VH_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_null(vh_backend_direct_open(&many, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_clear_error(&error);
}

static GVariant *apply(Fixture *fixture, VhPolicyAction action, const char *setting, GError **error)
{
    const char *const settings[] = {setting, NULL};
    const VhPolicyWish wish = {.action = action, .settings = settings};

    return vh_provider_for_virsh()->policy(&fixture->request, "test", &wish, NULL, error);
}

static void assert_class(Fixture *fixture, const char *class)
{
    g_autoptr(GVariant) info = fixture->backend->ops->info(fixture->backend, "test", NULL);

    g_assert_cmpstr(text_of(info, "class"), ==, class);
}

static void test_policy(Fixture *fixture, gconstpointer data)
{
    GError *error = NULL;

    g_autoptr(GVariant) set = apply(fixture, VH_POLICY_SET, "class=perf", &error);
    g_assert_no_error(error);
    g_autofree char *text = g_variant_print(set, FALSE);
    g_test_message("%s", text);
    g_assert_nonnull(strstr(text, "'class=perf'"));
    g_assert_cmpstr(text_of(set, "uri"), ==, TEST_URI);
    assert_class(fixture, "perf");
    /* what has ended says nothing of the class */
    g_autoptr(GVariant) ended = apply(fixture, VH_POLICY_SET, "until=2001-01-01T00:00:00Z", &error);
    g_assert_no_error(error);
    assert_class(fixture, "");
    g_assert_null(apply(fixture, VH_POLICY_SET, "class=Not One", &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(apply(fixture, VH_POLICY_SET, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_clear_error(&error);
    g_autoptr(GVariant) cleared = apply(fixture, VH_POLICY_CLEAR, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GVariant) empty = apply(fixture, VH_POLICY_GET, NULL, &error);
    g_assert_no_error(error);
    g_autofree const char **left = NULL;
    g_assert_true(g_variant_lookup(empty, "settings", "^a&s", &left));
    g_assert_null(left[0]);
}

static void ignore_event(GVariant *event, gpointer data)
{
}

static void test_events(Fixture *fixture, gconstpointer data)
{
    const char *const kinds[] = {"pass-started", NULL};
    const VhEventsWish wrong = {.kinds = kinds, .timeout_us = VH_SEC};
    const VhEventsWish missing = {.domain = "nobody", .timeout_us = VH_SEC};
    const VhBackendProvider *provider = vh_provider_for_virsh();
    GError *error = NULL;
    guint n;

    g_assert_false(
        provider->events(&fixture->request, &wrong, ignore_event, NULL, &n, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "pass-ended"));
    g_clear_error(&error);
    g_assert_false(
        provider->events(&fixture->request, &missing, ignore_event, NULL, &n, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
    g_clear_error(&error);
}

/* The table that a patched virsh builds its own from. */
static void test_virsh_commands(void)
{
    static const char *const names[] = {"hint-list",    "hint-info",   "hint-plan",
                                        "hint-explain", "hint-ask",    "hint-reporting",
                                        "hint-policy",  "hint-events", NULL};
    guint n = 0;

    for (const VhVirshCommand *command = vh_virsh_commands(); command->name != NULL; command++) {
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        gboolean is_behind = FALSE;

        g_assert_true(g_strv_contains(names, command->name));
        g_assert_nonnull(command->summary);
        for (const VhVirshOption *option = command->options; option->name != NULL; option++) {
            g_assert_true(g_hash_table_add(seen, (gpointer)option->name));
            g_assert_false(option->is_operand && is_behind); /* operands come first */
            g_assert_true((option->content == VH_VIRSH_WORD) == (option->words != NULL));
            is_behind = is_behind || !option->is_operand;
        }
        g_assert_true(g_hash_table_contains(seen, "json"));
        g_assert_false(g_hash_table_contains(seen, "connect"));
        n++;
    }
    g_assert_cmpuint(n, ==, G_N_ELEMENTS(names) - 1);
}

typedef struct {
    GString *streams[3];
} Texts;

static void take_text(VhVirshStream stream, const char *text, void *data)
{
    g_string_append(((Texts *)data)->streams[stream], text);
}

static int run(Fixture *fixture, const char *name, const char *argument, Texts *texts)
{
    const VhVirshOutput output = {take_text, texts};

    for (guint i = 0; i < G_N_ELEMENTS(texts->streams); i++)
        g_string_truncate(texts->streams[i], 0);
    return vh_virsh_run(fixture->connection, 0, name, argument != NULL, &argument, &output);
}

static void own_handler(int signal)
{
}

static void test_virsh_run(Fixture *fixture, gconstpointer data)
{
    const struct sigaction own = {.sa_handler = own_handler};
    const char *const words[] = {"hint-info", "t"};
    struct sigaction before, after;
    Texts texts;

    for (guint i = 0; i < G_N_ELEMENTS(texts.streams); i++)
        texts.streams[i] = g_string_new(NULL);
    sigaction(SIGINT, &own, &before);
    g_assert_cmpint(run(fixture, "hint-list", NULL, &texts), ==, 0);
    g_assert_nonnull(strstr(texts.streams[VH_VIRSH_OUT]->str, "test"));
    g_assert_false(g_str_has_suffix(texts.streams[VH_VIRSH_OUT]->str, "\n\n")); /* virsh's */
    g_assert_cmpint(run(fixture, "hint-info", "--domain=nobody", &texts), ==, 1);
    g_assert_cmpstr(texts.streams[VH_VIRSH_ERROR]->str, ==, "no domain 'nobody' is known");
    g_assert_cmpstr(texts.streams[VH_VIRSH_OUT]->str, ==, "");
    g_assert_cmpint(run(fixture, "hint-info", "--no-such-option", &texts), ==, 2);
    g_assert_cmpint(run(fixture, "hint-nothing", NULL, &texts), ==, 2);
    g_assert_cmpstr(texts.streams[VH_VIRSH_ERROR]->str, ==, "unknown command: 'hint-nothing'");
    sigaction(SIGINT, &before, &after);
    g_assert_true(after.sa_handler == own_handler); /* put back */
    char *candidates = vh_virsh_complete(fixture->connection, G_N_ELEMENTS(words), words);
    g_assert_cmpstr(candidates, ==, "test\n");
    free(candidates);
    for (guint i = 0; i < G_N_ELEMENTS(texts.streams); i++)
        g_string_free(texts.streams[i], TRUE);
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_unsetenv("VIRTHINT_BUS_ADDRESS"); /* a daemon on the system bus watches no test driver */
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/backend/job/result", test_job_result);
    g_test_add_func("/backend/job/left-behind", test_job_left_behind);
    add("/backend/documents", test_documents);
    add("/backend/refusals", test_refusals);
    add("/backend/asks", test_asks);
    add("/backend/policy", test_policy);
    add("/backend/events", test_events);
    g_test_add_func("/backend/virsh-commands", test_virsh_commands);
    add("/backend/virsh-run", test_virsh_run);
    return g_test_run();
}
