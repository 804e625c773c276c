/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The programs themselves, virthint and virthintd, over libvirt's built-in test driver and a
 * message bus of the test's own. No guest is asked: the test driver's cannot be.
 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define URI "test:///default"
#define TIMEOUT_US (30 * G_USEC_PER_SEC)
#define GOOD_POLICY "{\"version\": 1}\n"

typedef struct {
    GTestDBus *bus;
    char *folder;
    char *policy;
    char *record; /* NULL: the daemon records nothing */
    GSubprocess *daemon;
} Bench;

typedef struct {
    int status;
    char *out, *err;
} Result;

static void result_clear(Result *result)
{
    g_free(result->out);
    g_free(result->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

static const char *program(const char *variable)
{
    const char *path = g_getenv(variable);

    if (path == NULL)
        g_error("%s: not set; run this by 'meson test'", variable);
    return path;
}

/* Runs `virthint LINE`, words split at blanks. */
static Result run(const char *line)
{
    g_autofree char *whole = g_strdup_printf("%s %s", program("VIRTHINT"), line);
    g_auto(GStrv) argv = g_strsplit(whole, " ", -1);
    g_autoptr(GError) error = NULL;
    Result result = {0};
    int wait_status = 0;

    g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &result.out, &result.err,
                 &wait_status, &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(wait_status));
    result.status = WEXITSTATUS(wait_status);
    g_test_message("virthint %s: %d\n%s%s", line, result.status, result.out, result.err);
    return result;
}

static void assert_run(const char *line, int status, const char *out_has, const char *err_has)
{
    g_auto(Result) result = run(line);

    g_assert_cmpint(result.status, ==, status);
    g_assert_nonnull(strstr(result.out, out_has));
    g_assert_nonnull(strstr(result.err, err_has));
}

static void write_policy(const Bench *bench, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_file_set_contents(bench->policy, text, -1, &error);
    g_assert_no_error(error);
}

static void set_up(Bench *bench, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    bench->bus = (GTestDBus *)data;
    bench->folder = g_dir_make_tmp("virthint-test-XXXXXX", &error);
    g_assert_no_error(error);
    bench->policy = g_build_filename(bench->folder, "policy.json", NULL);
    write_policy(bench, GOOD_POLICY);
    g_setenv("VIRTHINT_BUS_ADDRESS", g_test_dbus_get_bus_address(bench->bus), TRUE);
}

static void start_daemon(Bench *bench)
{
    gint64 end_us = g_get_monotonic_time() + TIMEOUT_US;
    g_autoptr(GError) error = NULL;

    const char *argv[] = {program("VIRTHINTD"),
                          "--bus",
                          g_test_dbus_get_bus_address(bench->bus),
                          "--connect",
                          URI,
                          "--policy",
                          bench->policy,
                          bench->record != NULL ? "--record" : NULL,
                          bench->record,
                          NULL};
    bench->daemon = g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error);
    g_assert_no_error(error);
    for (;;) { /* on the bus, and after its first cycle */
        g_auto(Result) result = run("list");
        if (strstr(result.err, "the daemon") != NULL && strstr(result.out, "test") != NULL)
            return;
        g_assert_cmpint(g_get_monotonic_time(), <, end_us);
        g_usleep(20000);
    }
}

static void tear_down(Bench *bench, gconstpointer data)
{
    if (bench->daemon != NULL) {
        g_subprocess_send_signal(bench->daemon, SIGTERM);
        g_subprocess_wait(bench->daemon, NULL, NULL);
        g_assert_true(g_subprocess_get_successful(bench->daemon));
        g_object_unref(bench->daemon);
    }
    if (bench->record != NULL)
        g_remove(bench->record);
    g_remove(bench->policy);
    g_rmdir(bench->folder);
    g_free(bench->policy);
    g_free(bench->record);
    g_free(bench->folder);
}

static void test_own_connection(Bench *bench, gconstpointer data)
{
    g_autofree char *check = g_strdup_printf("check %s", bench->policy);
    g_autofree char *with_policy =
        g_strdup_printf("-c " URI " --policy %s explain test", bench->policy);

    assert_run("-c " URI " list", 0, "test ", "an own read-only connection (" URI ")");
    assert_run("-c " URI " -q info test", 0, "no-autodeflate", "");
    assert_run("-c " URI " plan", 0, "Not asked:", "read-only");
    assert_run(with_policy, 0, "So it is not asked", "policy ");
    assert_run("-c " URI " ask test", 1, "", "pulse_reserve");
    assert_run("-c " URI " ask nobody", 1, "", "'nobody'");
    assert_run("-c " URI " reporting test", 1, "", "domain 'test': ");
    assert_run("-c " URI " reporting test off", 1, "", "not supported");
    assert_run("-c " URI " reporting nobody", 1, "", "no domain 'nobody' is known");
    assert_run("-c " URI " -r reporting test", 2, "", "leave --readonly out");
    assert_run("-c test:///no/such/file reporting test", 1, "", "connection test:///no/such/file");
    assert_run("-c " URI " info --monitor test", 0, "no-autodeflate", "not supported");
    assert_run("-c " URI " reload", 1, "", "no virthintd runs");
    assert_run(check, 0, "good", "");
    assert_run("-c " URI " -c test:///no/such/file -q list", 1, "", "cannot connect to libvirt");
}

/* What it would change, and what it says when it did. */
static void test_enable(Bench *bench, gconstpointer data)
{
    assert_run("-c " URI " enable test", 0, "+    <memballoon model=\"virtio\" autodeflate=\"on\">",
               "");
    assert_run("-c " URI " enable test", 0, "--apply does it", "");
    assert_run("-c " URI " enable test --apply", 0, "is not enough): autodeflate\n", "");
    assert_run("-c " URI " enable --raw test", 0, "autodeflate\t-\ton\tnext boot\t", "");
    assert_run("-c " URI " -r enable test", 0, "--apply does it", "");
    assert_run("-c " URI " -r enable test --apply", 2, "", "leave --readonly out");
    assert_run("-c " URI " enable test --tier gold", 2, "", "pulse, soft or native");
    assert_run("-c " URI " enable test --tier soft", 1, "", "takes a patched QEMU");
    assert_run("-c " URI " enable nobody", 1, "", "'nobody'");
}

static void test_check(Bench *bench, gconstpointer data)
{
    g_autofree char *json = g_strdup_printf("check --json %s", bench->policy);
    g_autofree char *show = g_strdup_printf("check --show %s", bench->policy);
    g_autofree char *shown = g_build_filename(bench->folder, "shown.json", NULL);
    g_autoptr(GError) error = NULL;

    assert_run(json, 0, "\"is_valid\" : true", "");
    /* what it shows is a policy again, and an equal one */
    g_auto(Result) first = run(show);
    g_file_set_contents(shown, first.out, -1, &error);
    g_assert_no_error(error);
    g_autofree char *again = g_strdup_printf("check --show %s", shown);
    g_auto(Result) second = run(again);
    g_remove(shown);
    g_assert_cmpstr(first.out, ==, second.out);
    write_policy(bench, "{\"version\": 1,\n \"colour\": 3}\n");
    assert_run(json, 1, "\"is_valid\" : false", ":2: /colour");
    assert_run("check /no/such/file", 1, "", "/no/such/file");
}

/* What was decided a moment ago, of which the daemon says where it is written down. */
static void test_explain_past(Bench *bench, gconstpointer data)
{
    bench->record = g_build_filename(bench->folder, "record.jsonl", NULL);
    g_autofree char *from_file = g_strdup_printf("explain test --at 1ms --trace %s", bench->record);

    assert_run("explain test --at 1ms", 1, "", "no virthintd runs on this bus; name a recording");
    assert_run(from_file, 1, "", bench->record);
    start_daemon(bench);
    assert_run("explain test --at 1ms", 0, "So it is not asked", "");
    assert_run("explain test --at 1ms --json", 0, "\"no-autodeflate\"", "");
    assert_run(from_file, 0, "So it is not asked", "");
    assert_run("explain nobody --at 1ms", 1, "", "no domain 'nobody'");
    assert_run("explain test --at 10d", 1, "", bench->record);
}

static void test_nothing_recorded(Bench *bench, gconstpointer data)
{
    start_daemon(bench);
    assert_run("explain test --at 1ms", 1, "", "virthintd records nothing");
}

/* Taken, shown, ended; and its end by itself, waited for. */
static void test_request(Bench *bench, gconstpointer data)
{
    assert_run("request 1MiB", 1, "", "no virthintd runs");
    start_daemon(bench);
    assert_run("request", 0, "", "no request is open");
    assert_run("request 1MiB --urgency critical", 0, "request 1 is open", "");
    assert_run("request --json", 0, "\"critical\"", "");
    assert_run("request --cancel 1", 0, "request 1 is cancelled", "");
    assert_run("request --cancel 1", 1, "", "no request 1 is open");
    assert_run("request 1MiB --deadline 1ms --wait", 1, "request 2: expired: 0 B of 1.0 MiB", "");
}

static void test_daemon(Bench *bench, gconstpointer data)
{
    start_daemon(bench);
    assert_run("list", 0, "test ", "the daemon, virthintd ");
    assert_run("-c " URI " list", 0, "test ", "the daemon, virthintd ");
    assert_run("plan", 0, "Not asked:", "");
    assert_run("explain test", 0, "So it is not asked", "");
    assert_run("info nobody", 1, "", "'nobody'");
    assert_run("info --monitor test", 0, "no-autodeflate", "not supported");
    assert_run("ask test", 1, "", "pulse_reserve");
    assert_run("reload", 0, "in force", "");
    write_policy(bench, "{\"version\": 1,\n \"colour\": 3}\n");
    assert_run("reload", 1, "", ":2: /colour");
    assert_run("list", 0, "test ", ""); /* the last good one stays */
    write_policy(bench, GOOD_POLICY);
    assert_run("reload", 0, "in force", "");
}

#define XPATH_POLICY                                                              \
    "{\"version\": 1, \"match\": [\n"                                             \
    "{\"xpath\": \"//nova:flavor[@name = 'm1.batch']\", \"class\": \"batch\"},\n" \
    "{\"xpath\": \"/domain[name = 'test']\", \"class\": \"perf\"}]}\n"
#define BAD_XPATH_POLICY                                 \
    "{\"version\": 1, \"match\": [{\"class\": \"perf\"," \
    "\n \"xpath\": \"//nowa:flavor\"}]}\n"

/* By the XML that libvirt has, for a connection of one's own and for the daemon, which learns of it
 * by a reload only. */
static void test_xpath(Bench *bench, gconstpointer data)
{
    const char *node = "<node><domain type='test'><name>runner</name><metadata><nova:instance "
                       "xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:flavor "
                       "name='m1.batch'/></nova:instance></metadata><memory>1048576</memory>"
                       "<os><type>hvm</type></os></domain></node>";
    g_autofree char *file = g_build_filename(bench->folder, "node.xml", NULL);
    g_autofree char *info =
        g_strdup_printf("-c test://%s --policy %s info --json runner", file, bench->policy);
    g_autofree char *check = g_strdup_printf("check %s", bench->policy);
    g_autoptr(GError) error = NULL;
    gint64 end_us = g_get_monotonic_time() + TIMEOUT_US;

    g_file_set_contents(file, node, -1, &error);
    g_assert_no_error(error);
    assert_run(info, 0, "\"class\" : \"standard\"", "");
    start_daemon(bench);
    assert_run("info --json test", 0, "\"class\" : \"standard\"", "");
    write_policy(bench, XPATH_POLICY);
    assert_run(info, 0, "\"class\" : \"batch\"", "");
    assert_run("reload", 0, "in force", "");
    for (;;) {
        g_auto(Result) result = run("info --json test");
        if (strstr(result.out, "\"class\" : \"perf\""))
            break;
        g_assert_cmpint(g_get_monotonic_time(), <, end_us);
        g_usleep(50000);
    }
    write_policy(bench, BAD_XPATH_POLICY);
    assert_run(check, 1, "", ":2: /match/0/xpath: the prefix \"nowa\"");
    assert_run("reload", 1, "", ":2: /match/0/xpath: ");
    g_remove(file);
}

/* A URI that the daemon does not watch, and a policy that is not its own. */
static void test_around_the_daemon(Bench *bench, gconstpointer data)
{
    const char *node = "<node><domain type='test'><name>other</name><memory>1048576</memory>"
                       "<os><type>hvm</type></os></domain></node>";
    g_autofree char *file = g_build_filename(bench->folder, "node.xml", NULL);
    g_autofree char *list = g_strdup_printf("-c test://%s list", file);
    g_autofree char *with_policy = g_strdup_printf("-c " URI " --policy %s list", bench->policy);
    g_autoptr(GError) error = NULL;

    g_file_set_contents(file, node, -1, &error);
    g_assert_no_error(error);
    start_daemon(bench);
    assert_run(list, 0, "other ", "does not watch test://");
    assert_run(list, 0, "other ", "an own read-only connection");
    assert_run(with_policy, 0, "test ", "an own read-only connection");
    g_remove(file);
}

/* A node that no host has: an error that says so, not a pool that is empty, or full. */
static void test_pool_that_is_not_there(Bench *bench, gconstpointer data)
{
    g_autofree char *plan = g_strdup_printf("-c " URI " --policy %s plan", bench->policy);
    g_autoptr(GError) error = NULL;
    g_autofree char *log = NULL;
    int wait_status = 0;
    const char *argv[] = {
        program("VIRTHINTD"), "--once",      "--dry-run", "--connect", URI, "--bus", "none",
        "--policy",           bench->policy, NULL};

    write_policy(bench, "{\"version\": 1, \"pool\": {\"source\": \"numa\", \"node\": 63},\n"
                        " \"defaults\": {\"stats_period\": \"1s\"}}\n");
    assert_run(plan, 1, "", "the pool is NUMA node 63");
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &log, &wait_status,
                 &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(wait_status));
    g_assert_cmpint(WEXITSTATUS(wait_status), ==, 1);
    g_test_message("%s", log);
    char *told = strstr(log, "nobody is asked: the pool is NUMA node 63");
    g_assert_nonnull(told);
    g_assert_null(strstr(told + 1, "nobody is asked"));
}

/* The same keys, whoever answers. */
static void test_json(Bench *bench, gconstpointer data)
{
    static const char *const lines[] = {"-c " URI " list --json", "list --json"};
    g_autofree char *own = NULL, *daemon = NULL;

    for (guint i = 0; i < 2; i++) {
        g_auto(Result) result = run(lines[i]);
        g_autoptr(JsonNode) root = json_from_string(result.out, NULL);
        g_assert_nonnull(root);
        JsonArray *domains = json_object_get_array_member(json_node_get_object(root), "domains");
        g_assert_cmpuint(json_array_get_length(domains), ==, 1);
        JsonObject *domain = json_array_get_object_element(domains, 0);
        g_autoptr(GList) keys = json_object_get_members(domain);
        g_autoptr(GString) joined = g_string_new(NULL);
        for (GList *l = keys; l != NULL; l = l->next)
            g_string_append_printf(joined, "%s ", (char *)l->data);
        *(i == 0 ? &own : &daemon) = g_strdup(joined->str);
        if (i == 0)
            start_daemon(bench);
    }
    g_assert_cmpstr(own, ==, daemon);
}

typedef struct {
    int terminal;
    pid_t child;
    GString *shown;
} Live;

/* `virthint top` on a terminal of 20 rows and 60 columns. */
static Live start_top(void)
{
    const struct winsize size = {.ws_row = 20, .ws_col = 60};
    Live live = {.shown = g_string_new(NULL)};

    live.child = forkpty(&live.terminal, NULL, NULL, &size);
    g_assert_cmpint(live.child, >=, 0);
    if (live.child == 0) {
        execl(program("VIRTHINT"), "virthint", "-q", "-c", URI, "top", "-i", "200ms", NULL);
        _exit(127);
    }
    return live;
}

/* Reads what is drawn until `text` is there `times` times, or, where it is NULL, till the end. */
static void read_until(Live *live, const char *text, guint times)
{
    gint64 end_us = g_get_monotonic_time() + TIMEOUT_US;
    char buffer[4096];

    while (g_get_monotonic_time() < end_us) {
        guint n = 0;
        for (const char *at = live->shown->str; text != NULL && (at = strstr(at, text)) != NULL;
             at++)
            n++;
        if (text != NULL && n >= times)
            return;
        gssize length = read(live->terminal, buffer, sizeof(buffer));
        if (length <= 0 && text == NULL)
            return; /* a terminal's end is EIO */
        g_assert_cmpint(length, >, 0);
        g_string_append_len(live->shown, buffer, length);
    }
    g_error("top did not show '%s': %s", text, live->shown->str);
}

/* However it is ended, the terminal is as it was. */
static void check_top(gboolean by_key)
{
    struct termios before, after;
    int wait_status = 0;
    Live live = start_top();

    tcgetattr(live.terminal, &before);
    before.c_lflag |= ICANON | ECHO; /* it may have been quicker than we */
    read_until(&live, "Domain", 3);
    if (by_key)
        g_assert_cmpint(write(live.terminal, "xq", 2), ==, 2);
    else
        kill(live.child, SIGINT);
    read_until(&live, "\033[?1049l", 1);
    tcgetattr(live.terminal, &after);
    g_assert_cmpuint(before.c_lflag, ==, after.c_lflag);
    read_until(&live, NULL, 0);
    g_assert_cmpint(waitpid(live.child, &wait_status, 0), ==, live.child);
    g_assert_true(WIFEXITED(wait_status));
    g_assert_cmpint(WEXITSTATUS(wait_status), ==, 0);
    g_assert_true(g_str_has_prefix(live.shown->str, "\033[?1049h"));
    close(live.terminal);
    g_string_free(live.shown, TRUE);
}

static void test_top(Bench *bench, gconstpointer data)
{
    check_top(TRUE);
    check_top(FALSE);
}

static void add(const char *path, const GTestDBus *bus, void (*test)(Bench *, gconstpointer))
{
    g_test_add(path, Bench, bus, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autoptr(GTestDBus) bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(bus);
    add("/virthint/own-connection", bus, test_own_connection);
    add("/virthint/enable", bus, test_enable);
    add("/virthint/check", bus, test_check);
    add("/virthint/daemon", bus, test_daemon);
    add("/virthint/explain-past", bus, test_explain_past);
    add("/virthint/nothing-recorded", bus, test_nothing_recorded);
    add("/virthint/request", bus, test_request);
    add("/virthint/xpath", bus, test_xpath);
    add("/virthint/around-the-daemon", bus, test_around_the_daemon);
    add("/virthint/pool-that-is-not-there", bus, test_pool_that_is_not_there);
    add("/virthint/json", bus, test_json);
    add("/virthint/top", bus, test_top);
    int status = g_test_run();
    g_test_dbus_down(bus);
    return status;
}
