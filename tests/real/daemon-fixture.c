/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon under test, and how tests look at it. */
#include "daemon-fixture.h"

#include "vh-in-flight.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#define LOOK_US (100 * VH_MS)

static const char *program(const char *variable)
{
    const char *path = g_getenv(variable);

    if (!path)
        g_error("%s is not set: run this test by 'meson test'", variable);
    return path;
}

static void start_bus(DaemonFixture *fixture)
{
    g_autofree char *address = g_strdup_printf("--address=%s", fixture->bus);
    const char *argv[] = {"dbus-daemon", "--session", "--nofork", "--nopidfile", address, NULL};
    g_autoptr(GError) error = NULL;

    if (!vh_lab_spawn(fixture->lab, argv, NULL, "bus.log", &fixture->bus_pid, &error))
        g_error("bus: %s", error->message);
}

void daemon_fixture_set_up(DaemonFixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    fixture->lab = vh_lab_open(&error);
    g_assert_no_error(error);
    g_autofree char *template = g_build_filename(vh_lab_dir(fixture->lab), "daemon-XXXXXX", NULL);
    fixture->folder = g_strdup(g_mkdtemp(template));
    fixture->bus = g_strdup_printf("unix:path=%s/bus", fixture->folder);
    start_bus(fixture);
}

static void stop_child(pid_t *pid, int sig, int *ret_wait_status)
{
    g_autoptr(GError) error = NULL;
    int wait_status;

    if (*pid == 0)
        return;
    gboolean ended = vh_lab_stop(*pid, sig, VH_LAB_TIMEOUT_MS, &wait_status, &error);
    g_assert_no_error(error);
    g_assert_true(ended);
    *pid = 0;
    if (ret_wait_status)
        *ret_wait_status = wait_status;
}

void daemon_fixture_tear_down(DaemonFixture *fixture, gconstpointer data)
{
    stop_child(&fixture->daemon_pid, SIGTERM, NULL);
    stop_child(&fixture->bus_pid, SIGTERM, NULL);
    g_free(fixture->folder);
    g_free(fixture->bus);
    vh_lab_free(fixture->lab);
}

void daemon_fixture_write_policy(DaemonFixture *fixture, const char *text)
{
    g_autofree char *folder = g_build_filename(fixture->folder, "policy.d", NULL);
    g_autofree char *path = g_build_filename(folder, "10-test.json", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
}

char *daemon_fixture_log(const DaemonFixture *fixture)
{
    g_autofree char *path = g_build_filename(vh_lab_dir(fixture->lab), "virthintd.log", NULL);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text ? text : g_strdup("");
}

void daemon_fixture_start(DaemonFixture *fixture, const char *const *options)
{
    g_autofree char *policy = g_build_filename(fixture->folder, "policy.d", NULL);
    g_autofree char *state = g_build_filename(fixture->folder, "state.json", NULL);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    const char *fixed[] = {
        program("VIRTHINTD"), "--policy", policy, "--connect", vh_lab_uri(fixture->lab), "--bus",
        fixture->bus,         "--state",  state};
    const char *plan[] = {"plan", NULL};

    for (guint i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(argv, (gpointer)fixed[i]);
    for (guint i = 0; options && options[i]; i++)
        g_ptr_array_add(argv, (gpointer)options[i]);
    g_ptr_array_add(argv, NULL);
    if (!vh_lab_spawn(fixture->lab, (const char *const *)argv->pdata, NULL, "virthintd.log",
                      &fixture->daemon_pid, &error))
        g_error("virthintd: %s", error->message);
    for (int i = 0; i < VH_LAB_TIMEOUT_MS * VH_MS / LOOK_US; i++) {
        g_usleep(LOOK_US);
        if (daemon_fixture_run(fixture, FALSE, plan, NULL, NULL) == 0)
            return;
    }
    g_autofree char *log = daemon_fixture_log(fixture);
    g_error("virthintd did not come onto the bus:\n%s", log);
}

void daemon_fixture_stop(DaemonFixture *fixture)
{
    int wait_status = -1;

    stop_child(&fixture->daemon_pid, SIGTERM, &wait_status);
    g_assert_cmpint(wait_status, ==, 0);
}

void daemon_fixture_kill(DaemonFixture *fixture)
{
    stop_child(&fixture->daemon_pid, SIGKILL, NULL);
}

int daemon_fixture_run(const DaemonFixture *fixture, gboolean local, const char *const *arguments,
                       char **ret_stdout, char **ret_stderr)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autofree char *ignored_out = NULL, *ignored_err = NULL;
    g_autoptr(GError) error = NULL;
    int wait_status = -1;

    g_ptr_array_add(argv, (gpointer)program("VIRTHINT"));
    g_ptr_array_add(argv, local ? "--connect" : "--bus");
    g_ptr_array_add(argv, local ? (gpointer)vh_lab_uri(fixture->lab) : fixture->bus);
    for (guint i = 0; arguments[i]; i++)
        g_ptr_array_add(argv, (gpointer)arguments[i]);
    g_ptr_array_add(argv, NULL);
    g_spawn_sync(NULL, (char **)argv->pdata, NULL, 0, NULL, NULL,
                 ret_stdout ? ret_stdout : &ignored_out, ret_stderr ? ret_stderr : &ignored_err,
                 &wait_status, &error);
    g_assert_no_error(error);
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

JsonObject *daemon_fixture_json(const DaemonFixture *fixture, gboolean local,
                                const char *const *arguments)
{
    g_autofree char *out = NULL, *err = NULL;
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) error = NULL;

    for (guint i = 0; arguments[i]; i++)
        g_ptr_array_add(argv, (gpointer)arguments[i]);
    g_ptr_array_add(argv, "--json");
    g_ptr_array_add(argv, NULL);
    int status = daemon_fixture_run(fixture, local, (const char *const *)argv->pdata, &out, &err);
    if (status != 0)
        g_error("virthint %s: exit status %d: %s", arguments[0], status, err);
    g_autoptr(JsonNode) node = json_from_string(out, &error);
    g_assert_no_error(error);
    return json_object_ref(json_node_get_object(node));
}

void daemon_fixture_await(const DaemonFixture *fixture, const char *name, DaemonCheck check,
                          gpointer data)
{
    const char *arguments[] = {"info", name, "--json", NULL};
    g_autofree char *out = NULL, *err = NULL;

    for (int i = 0; i < VH_LAB_TIMEOUT_MS * VH_MS / LOOK_US; i++) {
        g_clear_pointer(&out, g_free);
        g_clear_pointer(&err, g_free);
        if (daemon_fixture_run(fixture, FALSE, arguments, &out, &err) == 0) {
            g_autoptr(JsonNode) node = json_from_string(out, NULL);
            if (node && check(json_node_get_object(node), data))
                return;
        }
        g_usleep(LOOK_US);
    }
    g_autofree char *log = daemon_fixture_log(fixture);
    g_error("%s never came to that; last:\n%s%s\nlog:\n%s", name, out, err, log);
}

gboolean daemon_check_returned(JsonObject *domain, gpointer data)
{
    if (!json_object_has_member(domain, "last_ask"))
        return FALSE;
    JsonObject *ask = json_object_get_object_member(domain, "last_ask");
    return json_object_get_int_member(ask, "returned_bytes") >= (gint64) * (guint64 *)data;
}

gboolean daemon_check_reason(JsonObject *domain, gpointer data)
{
    return g_strcmp0(json_object_get_string_member(domain, "reason"), data) == 0;
}

gboolean daemon_check_hung(JsonObject *domain, gpointer data)
{
    return json_object_get_boolean_member(domain, "is_hung");
}

gboolean daemon_check_answers(JsonObject *domain, gpointer data)
{
    return !json_object_get_boolean_member(domain, "is_hung");
}

VhLabGuest *daemon_fixture_guest(DaemonFixture *fixture, const char *name, guint mib,
                                 const char *metadata_xml)
{
    const VhLabGuestSpec spec = {
        .name = name, .memory_bytes = mib * VH_MIB, .metadata_xml = metadata_xml};
    g_autoptr(GError) error = NULL;
    VhLabGuest *guest = vh_lab_guest_start(fixture->lab, &spec, &error);

    if (!guest)
        g_error("guest %s: %s", name, error->message);
    return guest;
}

void daemon_fixture_work(VhLabGuest *guest, const char *text)
{
    g_autoptr(VhLabReport) report = NULL;
    g_autoptr(GError) error = NULL;

    gboolean answered = vh_lab_guest_work(guest, text, VH_LAB_TIMEOUT_MS, &report, &error);
    g_assert_no_error(error);
    g_assert_true(answered);
    if (report->status != VH_LAB_WORK_OK)
        g_error("guest %s: %s", vh_lab_guest_name(guest), report->message);
    g_assert_cmpuint(report->corrupt_bytes, ==, 0);
    g_assert_cmpuint(report->oom_kills, ==, 0);
}

static guint64 memory_stat(VhLabGuest *guest, int tag)
{
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    g_autoptr(GError) error = NULL;
    virDomainPtr domain = vh_lab_guest_domain(guest, &error);
    guint64 value = 0;

    g_assert_no_error(error);
    int n = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
    for (int i = 0; i < n; i++) {
        if (stats[i].tag == tag)
            value = stats[i].val;
    }
    virDomainFree(domain);
    return value;
}

guint64 daemon_fixture_rss(VhLabGuest *guest)
{
    return memory_stat(guest, VIR_DOMAIN_MEMORY_STAT_RSS) * VH_KIB;
}

guint64 daemon_fixture_balloon_kib(VhLabGuest *guest)
{
    return memory_stat(guest, VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON);
}

void daemon_fixture_await_balloon(VhLabGuest *guest, guint64 kib, gboolean below)
{
    guint64 now = 0;

    for (int i = 0; i < VH_LAB_TIMEOUT_MS / 20; i++) {
        now = daemon_fixture_balloon_kib(guest);
        if (below ? now < kib : now == kib)
            return;
        g_usleep(20 * VH_MS);
    }
    g_error("the balloon of %s is at %" G_GUINT64_FORMAT " KiB, not %s %" G_GUINT64_FORMAT,
            vh_lab_guest_name(guest), now, below ? "below" : "at", kib);
}

gboolean daemon_fixture_has_record(VhLabGuest *guest)
{
    g_autoptr(GError) error = NULL;
    virDomainPtr domain = vh_lab_guest_domain(guest, &error);
    VhInFlightRecord record;
    gboolean found = FALSE;

    g_assert_no_error(error);
    gboolean read = vh_in_flight_get(domain, &record, &found, &error);
    g_assert_no_error(error);
    g_assert_true(read);
    virDomainFree(domain);
    return found;
}
