/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What clouds do to virthintd: libvirt daemons that come and go with their pods, and guests whose
 * XML a management system writes anew.
 */
#include "daemon-fixture.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOOK_US (100 * VH_MS)
/* More than a look of the daemon, whose interval here is a second. */
#define LOOKS_US (3 * VH_SEC)

static const char idle[] = "{\"version\": 1, \"interval\": \"1s\", \"pool\": {\"source\": "
                           "\"budget\", \"budget\": \"64GiB\"},"
                           " \"defaults\": {\"stats_period\": \"1s\"}}";

/* ---- pods ---- */

typedef struct {
    DaemonFixture *daemon;
    char *top;
    char *pattern;
    VhLab *peer; /* the libvirt daemon that is in the pods */
    VhLabGuest *guest;
    int mute;    /* a socket whose owner never answers */
    gsize begun; /* where this test's part of the log begins */
} Pods;

static char *pod_path(const Pods *pods, const char *name)
{
    return g_build_filename(pods->top, name, "sock", NULL);
}

/* A second name of the daemon's socket is the same socket. */
static void bring(const Pods *pods, const char *name)
{
    g_autofree char *path = pod_path(pods, name);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *real =
        g_build_filename(vh_lab_dir(pods->peer), "run/libvirt/libvirt-sock", NULL);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_cmpint(link(real, path), ==, 0);
}

static void take_away(const Pods *pods, const char *name)
{
    g_autofree char *path = pod_path(pods, name);
    g_autofree char *folder = g_path_get_dirname(path);

    g_assert_cmpint(unlink(path), ==, 0);
    g_assert_cmpint(rmdir(folder), ==, 0);
}

/* What a hostile pod offers: links to a daemon elsewhere, and a socket that takes connections and
 * says nothing. */
static void make_hostile(Pods *pods)
{
    g_autofree char *mute = pod_path(pods, "mute");
    g_autofree char *folder = g_path_get_dirname(mute);
    g_autofree char *out = pod_path(pods, "out");
    g_autofree char *out_folder = g_path_get_dirname(out);
    g_autofree char *host =
        g_build_filename(vh_lab_dir(pods->daemon->lab), "run/libvirt/libvirt-sock", NULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(out_folder, 0700), ==, 0);
    g_assert_cmpint(symlink(host, out), ==, 0);
    pods->mute = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(address.sun_path, mute, sizeof address.sun_path);
    g_assert_cmpint(bind(pods->mute, (const struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(pods->mute, 16), ==, 0);
}

static void start_pods(Pods *pods, DaemonFixture *fixture)
{
    const VhLabGuestSpec spec = {.name = "inner", .memory_bytes = 512 * VH_MIB};
    g_autoptr(GError) error = NULL;

    g_autofree char *log = daemon_fixture_log(fixture);
    *pods = (Pods){.daemon = fixture, .mute = -1, .begun = strlen(log)};
    pods->top = g_build_filename(vh_lab_dir(fixture->lab), "pods", NULL);
    pods->pattern = g_build_filename(pods->top, "*", "sock", NULL);
    g_assert_cmpint(g_mkdir_with_parents(pods->top, 0700), ==, 0);
    pods->peer = vh_lab_peer_open(fixture->lab, &error);
    g_assert_no_error(error);
    pods->guest = vh_lab_guest_start(pods->peer, &spec, &error);
    g_assert_no_error(error);
}

static void end_pods(Pods *pods)
{
    static const char *const names[] = {"mute", "out"};

    for (guint i = 0; pods->mute >= 0 && i < G_N_ELEMENTS(names); i++)
        take_away(pods, names[i]);
    if (pods->mute >= 0)
        close(pods->mute);
    g_assert_cmpint(rmdir(pods->top), ==, 0);
    vh_lab_guest_free(pods->guest);
    vh_lab_free(pods->peer);
    g_free(pods->top);
    g_free(pods->pattern);
}

static gboolean is_listed(const Pods *pods, const char *name)
{
    const char *info[] = {"info", name, NULL};

    return daemon_fixture_run(pods->daemon, FALSE, info, NULL, NULL) == 0;
}

static void await_gone(const Pods *pods, const char *name)
{
    for (int i = 0; i < VH_LAB_TIMEOUT_MS * VH_MS / LOOK_US; i++) {
        if (!is_listed(pods, name))
            return;
        g_usleep(LOOK_US);
    }
    g_error("%s is still listed", name);
}

static gboolean is_there(JsonObject *domain, gpointer data)
{
    return g_strcmp0(json_object_get_string_member(domain, "name"), data) == 0;
}

static guint count(const char *text, const char *piece)
{
    guint n = 0;

    for (const char *at = strstr(text, piece); at; at = strstr(at + 1, piece))
        n++;
    return n;
}

static void assert_logged(const Pods *pods, const char *piece, guint n)
{
    g_autofree char *log = daemon_fixture_log(pods->daemon);

    if (count(log + pods->begun, piece) != n)
        g_error("\"%s\" is not there %u times:\n%s", piece, n, log);
}

/* A pod comes, its guest is asked; it goes, and comes back with what is known of its guest. */
static void test_pods_come_and_go(DaemonFixture *fixture, gconstpointer data)
{
    guint64 some = 100 * VH_MIB;
    const char *ask[] = {"ask", "inner", "--wait", NULL};
    Pods pods;

    start_pods(&pods, fixture);
    daemon_fixture_work(pods.guest, "alloc gone 300MiB\nfree gone\n");
    const char *options[] = {"--sockets", pods.pattern, NULL};
    daemon_fixture_write_policy(fixture, idle);
    daemon_fixture_start(fixture, options);
    g_assert_false(is_listed(&pods, "inner"));

    bring(&pods, "one");
    daemon_fixture_await(fixture, "inner", is_there, "inner");
    daemon_fixture_await(fixture, "inner", daemon_check_reason, "pool-idle");
    g_assert_cmpint(daemon_fixture_run(fixture, FALSE, ask, NULL, NULL), ==, 0);
    daemon_fixture_await(fixture, "inner", daemon_check_returned, &some);
    /* the same socket in a second place, of an odd name, is no second connection */
    bring(&pods, "o\nne");
    g_usleep(LOOKS_US);
    assert_logged(&pods, ": connected", 2);

    take_away(&pods, "o\nne");
    take_away(&pods, "one");
    await_gone(&pods, "inner");
    assert_logged(&pods, "not followed any more", 1);
    assert_logged(&pods, "connection lost", 0);
    bring(&pods, "back");
    daemon_fixture_await(fixture, "inner", daemon_check_returned, &some);
    daemon_fixture_stop(fixture);
    take_away(&pods, "back");
    end_pods(&pods);
}

static void test_hostile_pods(DaemonFixture *fixture, gconstpointer data)
{
    Pods pods;

    start_pods(&pods, fixture);
    make_hostile(&pods);
    const char *options[] = {"--sockets", pods.pattern, NULL};
    daemon_fixture_write_policy(fixture, idle);
    daemon_fixture_start(fixture, options);
    bring(&pods, "good");
    daemon_fixture_await(fixture, "inner", is_there, "inner");
    /* the fixture's own and the good one; the link out of its pod leads nowhere */
    assert_logged(&pods, ": connected", 2);
    assert_logged(&pods, "/out/", 0);
    take_away(&pods, "good");
    await_gone(&pods, "inner");
    daemon_fixture_stop(fixture);
    end_pods(&pods);
}

/* The libvirt daemon in a pod is killed: a loss while its socket is there, the end of it when that
 * goes, too; a new one has another socket. */
static void test_pod_is_killed(DaemonFixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    Pods pods;

    start_pods(&pods, fixture);
    const char *options[] = {"--sockets", pods.pattern, NULL};
    daemon_fixture_write_policy(fixture, idle);
    bring(&pods, "one");
    daemon_fixture_start(fixture, options);
    daemon_fixture_await(fixture, "inner", is_there, "inner");
    g_assert_true(vh_lab_libvirtd_kill9(pods.peer, &error));
    await_gone(&pods, "inner");
    assert_logged(&pods, "connection lost", 1);
    take_away(&pods, "one");
    g_assert_true(vh_lab_libvirtd_start(pods.peer, &error));
    bring(&pods, "one");
    daemon_fixture_await(fixture, "inner", is_there, "inner");
    assert_logged(&pods, "not followed any more", 1);

    /* and all at once, as when a pod is deleted: one line */
    take_away(&pods, "one");
    g_assert_true(vh_lab_libvirtd_kill9(pods.peer, &error));
    await_gone(&pods, "inner");
    assert_logged(&pods, "not followed any more", 2);
    assert_logged(&pods, "connection lost", 1);
    g_assert_true(vh_lab_libvirtd_start(pods.peer, &error));
    daemon_fixture_stop(fixture);
    end_pods(&pods);
}

/* One round, of which nobody knows at its beginning whom it is about. */
static void test_once(DaemonFixture *fixture, gconstpointer data)
{
    g_autofree char *policy = g_build_filename(fixture->folder, "policy.d", NULL);
    g_autofree char *err = NULL;
    g_autoptr(GError) error = NULL;
    int wait_status = -1;
    Pods pods;

    start_pods(&pods, fixture);
    daemon_fixture_work(pods.guest, "alloc gone 300MiB\nfree gone\n");
    bring(&pods, "one");
    daemon_fixture_write_policy(
        fixture, "{\"version\": 1, \"pool\": {\"source\": \"budget\", \"budget\": \"64MiB\"},"
                 " \"defaults\": {\"stats_period\": \"1s\"}}");
    const char *argv[] = {g_getenv("VIRTHINTD"), "--once",     "--policy", policy,
                          "--sockets",           pods.pattern, NULL};
    g_assert_nonnull(argv[0]);
    g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, &err, &wait_status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(wait_status, ==, 0);
    if (count(err, "inner: asked for") != 1 || count(err, "inner: returned") != 1)
        g_error("not asked once:\n%s", err);
    take_away(&pods, "one");
    end_pods(&pods);
}

/* ---- Nova ---- */

/* As policy/examples/openstack.json has it, over a pool that nothing ever fills. */
static const char by_flavor[] =
    "{\"version\": 1, \"interval\": \"1s\", \"pool\": {\"source\": \"budget\", \"budget\": "
    "\"64GiB\"}, \"defaults\": {\"stats_period\": \"1s\"},"
    " \"match\": [{\"xpath\": \"//nova:extraSpec[@name = 'virthint:class'] = 'perf'\","
    " \"class\": \"perf\"},"
    " {\"xpath\": \"//nova:flavor[starts-with(@name, 'spot.')]\", \"class\": \"batch\"}]}";

#define NOVA_XML(version, flavor, inner)                                                           \
    "<nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'>"                     \
    "<nova:package version='" version "'/><nova:name>server</nova:name><nova:flavor name='" flavor \
    "'><nova:memory>256</nova:memory>" inner                                                       \
    "</nova:flavor><nova:owner><nova:project uuid='p'>web</nova:project></nova:owner>"             \
    "</nova:instance>"

static gboolean is_of_class(JsonObject *domain, gpointer data)
{
    return g_strcmp0(json_object_get_string_member(domain, "class"), data) == 0;
}

static gboolean may_be_asked(JsonObject *domain, gpointer data)
{
    return g_strcmp0(json_object_get_string_member(domain, "reason"), "never") != 0;
}

/* Destroyed, and made again from the XML that the management system has: what was in the live
 * metadata alone is gone with the domain. */
static virDomainPtr reboot_hard(virDomainPtr domain)
{
    virConnectPtr connection = virDomainGetConnect(domain);

    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, NULL, NULL,
                                         "urn:virthint:policy:1", VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE);
    g_assert_nonnull(xml);
    g_assert_cmpint(virDomainDestroy(domain), ==, 0);
    virDomainPtr again = virDomainCreateXML(connection, xml, 0);
    g_assert_nonnull(again);
    free(xml);
    return again;
}

/* A flavor of a Nova that writes extra specs, and one of a Nova that does not. */
static void test_nova(DaemonFixture *fixture, gconstpointer data)
{
    VhLabGuest *new = daemon_fixture_guest(
        fixture, "instance-0000001", 512,
        NOVA_XML("32.0.0", "spot.small",
                 "<nova:extraSpecs><nova:extraSpec name='virthint:class'>perf</nova:extraSpec>"
                 "</nova:extraSpecs>"));
    VhLabGuest *old = daemon_fixture_guest(fixture, "instance-0000002", 512,
                                           NOVA_XML("29.2.0", "spot.small", ""));
    guint64 some = 100 * VH_MIB;
    const char *ask[] = {"ask", "instance-0000002", "--wait", NULL};
    g_autoptr(GError) error = NULL;

    daemon_fixture_work(old, "alloc gone 300MiB\nfree gone\n");
    daemon_fixture_write_policy(fixture, by_flavor);
    daemon_fixture_start(fixture, NULL);
    daemon_fixture_await(fixture, "instance-0000001", is_of_class, "perf");
    daemon_fixture_await(fixture, "instance-0000002", is_of_class, "batch");
    g_assert_cmpint(daemon_fixture_run(fixture, FALSE, ask, NULL, NULL), ==, 0);
    daemon_fixture_await(fixture, "instance-0000002", daemon_check_returned, &some);

    virDomainPtr domain = vh_lab_guest_domain(old, &error);
    g_assert_no_error(error);
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                         "<policy class='standard' ask='never'/>", "virthint",
                                         "urn:virthint:policy:1", VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    daemon_fixture_await(fixture, "instance-0000002", daemon_check_reason, "never");
    virDomainPtr again = reboot_hard(domain);
    /* the host's policy and what is known of the guest outlive it; its own metadata does not */
    daemon_fixture_await(fixture, "instance-0000002", may_be_asked, NULL);
    daemon_fixture_await(fixture, "instance-0000002", is_of_class, "batch");
    daemon_fixture_await(fixture, "instance-0000002", daemon_check_returned, &some);
    daemon_fixture_stop(fixture);
    g_assert_cmpint(virDomainDestroy(again), ==, 0);
    virDomainFree(again);
    virDomainFree(domain);
    vh_lab_guest_free(old);
    vh_lab_guest_free(new);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func)                                                           \
    g_test_add("/clouds/" path, DaemonFixture, NULL, daemon_fixture_set_up, func, \
               daemon_fixture_tear_down)
    ADD("pods-come-and-go", test_pods_come_and_go);
    ADD("hostile-pods", test_hostile_pods);
    ADD("pod-is-killed", test_pod_is_killed);
    ADD("once", test_once);
    ADD("nova", test_nova);
    return g_test_run();
}
