/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy in a domain's metadata, written by stock virsh and by virthint, and what a running
 * daemon makes of it; and what it makes of metadata that is there to do harm.
 */
#include "driver-fixture.h"
#include "virsh-fixture.h"

#include "vh-metadata.h"

#include <gio/gio.h>
#include <libvirt/virterror.h>
#include <string.h>

#define URI VH_OVERRIDE_URI
#define LOOK_US (20 * VH_MS)
/* How often the daemon looks at everything, whatever it is told. */
#define LOOKS 4
#define INTERVAL_US VH_SEC

/* Nothing is asked or switched but for what metadata says. */
#define POLICY                                                                         \
    "{\"version\": 1, \"interval\": \"1s\", \"monitor\": \"allow\",\n"                 \
    " \"defaults\": {\"stats_period\": \"1s\"},\n"                                     \
    " \"pool\": {\"source\": \"budget\", \"budget\": \"64GiB\"},\n"                    \
    " \"classes\": {\"batch\": {\"reporting\": \"leave\"}, \"perf\": {\"reporting\": " \
    "\"leave\"}},\n"                                                                   \
    " \"match\": [{\"name\": \"*\", \"class\": \"batch\"}]}\n"

typedef struct {
    DaemonFixture daemon;
    VhLabGuest *guest;
    virDomainPtr domain;
    gsize log_length; /* what is in the daemon's log of the tests before */
} Fixture;

static void start(Fixture *f, const VhLabGuestSpec *spec)
{
    g_autoptr(GError) error = NULL;

    f->guest = vh_lab_guest_start(f->daemon.lab, spec, &error);
    g_assert_no_error(error);
    f->domain = vh_lab_guest_domain(f->guest, &error);
    g_assert_no_error(error);
    g_autofree char *log = daemon_fixture_log(&f->daemon);
    f->log_length = strlen(log);
    daemon_fixture_write_policy(&f->daemon, POLICY);
    daemon_fixture_start(&f->daemon, NULL);
}

static void set_up(Fixture *f, gconstpointer data)
{
    const VhLabGuestSpec spec = {.name = "web", .memory_bytes = 256 * VH_MIB};

    daemon_fixture_set_up(&f->daemon, NULL);
    start(f, &spec);
}

static void set_up_native(Fixture *f, gconstpointer data)
{
    g_autofree char *module = NULL;

    if (driver_is_skipped())
        return;
    module = driver_module("6.1");
    const VhLabGuestSpec spec = {.name = "web",
                                 .memory_bytes = 256 * VH_MIB,
                                 .emulator = device_patched_qemu(),
                                 .reporting = TRUE,
                                 .extra_xml = VH_LAB_PASSES_XML,
                                 .kernel = "6.1",
                                 .balloon_module = module};
    daemon_fixture_set_up(&f->daemon, NULL);
    start(f, &spec);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    if (!f->guest)
        return;
    daemon_fixture_stop(&f->daemon);
    virDomainFree(f->domain);
    vh_lab_guest_free(f->guest);
    daemon_fixture_tear_down(&f->daemon, NULL);
}

/* ---- Writing it ---- */

/* `virsh metadata`, as it is installed; NULL takes it away. Whether libvirt takes it. */
static gboolean virsh_metadata(Fixture *f, const char *xml)
{
    const char *set[] = {"metadata", "web", URI, "--live", "--key", "virthint", "--set", xml, NULL};
    const char *remove[] = {"metadata", "web", URI, "--live", "--remove", NULL};
    g_autofree char *virsh = g_find_program_in_path("virsh");
    g_auto(VirshResult) result = {0};

    g_assert_nonnull(virsh);
    result = virsh_fixture_run(&f->daemon, virsh, FALSE, xml ? set : remove);
    if (result.status != 0)
        g_test_message("%.200s: %.400s", xml, result.err);
    return result.status == 0;
}

static void virthint(Fixture *f, const char *const *arguments)
{
    g_autofree char *err = NULL;

    if (daemon_fixture_run(&f->daemon, FALSE, arguments, NULL, &err) != 0)
        g_error("%s", err);
}

/* ---- What comes of it ---- */

static const char *class_of(JsonObject *domain)
{
    return json_object_get_string_member_with_default(domain, "class", "");
}

static gboolean has_class(JsonObject *domain, gpointer name)
{
    return g_str_equal(class_of(domain), name);
}

static gboolean reports(JsonObject *domain, gpointer data)
{
    return json_object_has_member(domain, "is_reporting") &&
           json_object_get_boolean_member(domain, "is_reporting") == GPOINTER_TO_INT(data);
}

static gboolean has_override(JsonObject *domain, gpointer data)
{
    return json_object_has_member(domain, "override") == GPOINTER_TO_INT(data);
}

static gboolean is_native(JsonObject *domain, gpointer data)
{
    return g_str_equal(json_object_get_string_member(domain, "tier"), "native");
}

static guint count(Fixture *f, const char *word)
{
    g_autofree char *log = daemon_fixture_log(&f->daemon);
    guint n = 0;

    for (const char *at = strstr(log + f->log_length, word); at; at = strstr(at + 1, word))
        n++;
    return n;
}

#define WARNING "its metadata is ignored"

static void await_warnings(Fixture *f, guint n)
{
    for (int i = 0; i < VH_LAB_TIMEOUT_MS * VH_MS / LOOK_US; i++) {
        if (count(f, WARNING) >= n)
            return;
        g_usleep(LOOK_US);
    }
    g_autofree char *log = daemon_fixture_log(&f->daemon);
    g_error("the daemon has not warned %u times:\n%s", n, log);
}

/* ---- Tests ---- */

/* By virsh, by virthint, and its removal by both. */
static void is_followed(Fixture *f, gconstpointer data)
{
    const char *set[] = {"policy", "web", "--live", "--set", "class=perf", NULL};
    const char *clear[] = {"policy", "web", "--live", "--clear", NULL};

    daemon_fixture_await(&f->daemon, "web", has_class, "batch");
    g_assert_true(virsh_metadata(f, "<policy class='perf' weight='7'/>"));
    daemon_fixture_await(&f->daemon, "web", has_class, "perf");
    g_assert_true(virsh_metadata(f, "<policy ask='never'/>"));
    daemon_fixture_await(&f->daemon, "web", daemon_check_reason, "never");
    daemon_fixture_await(&f->daemon, "web", has_class, "batch");
    g_assert_true(virsh_metadata(f, NULL));
    daemon_fixture_await(&f->daemon, "web", has_override, GINT_TO_POINTER(FALSE));
    virthint(f, set);
    daemon_fixture_await(&f->daemon, "web", has_class, "perf");
    virthint(f, clear);
    daemon_fixture_await(&f->daemon, "web", has_class, "batch");
    g_assert_cmpuint(count(f, WARNING), ==, 0);
}

/* QEMU itself says so. */
static void assert_reports(Fixture *f, gboolean expected)
{
    const char *query[] = {"reporting", "web", NULL};

    daemon_fixture_await(&f->daemon, "web", reports, GINT_TO_POINTER(expected));
    g_autoptr(JsonObject) now = daemon_fixture_json(&f->daemon, FALSE, query);
    g_assert_cmpint(json_object_get_boolean_member(now, "is_enabled"), ==, expected);
}

static void switches_reporting_off(Fixture *f, gconstpointer data)
{
    if (!f->guest)
        return;
    daemon_fixture_await(&f->daemon, "web", is_native, NULL);
    assert_reports(f, TRUE);
    g_assert_true(virsh_metadata(f, "<policy reporting='off'/>"));
    assert_reports(f, FALSE);
}

static void switches_reporting_on(Fixture *f, gconstpointer data)
{
    const char *set[] = {"policy", "web", "--live", "--set", "reporting=always", NULL};
    const char *off[] = {"reporting", "web", "off", NULL};

    if (!f->guest)
        return;
    daemon_fixture_await(&f->daemon, "web", is_native, NULL);
    virthint(f, off);
    assert_reports(f, FALSE);
    virthint(f, set);
    assert_reports(f, TRUE);
}

/* One line for each metadata that is wrong, however often it is looked at, and nothing of it
 * counts. */
static void warns_once(Fixture *f, gconstpointer data)
{
    static const char *const wrong[] = {
        "<policy class='perf' weight='0'/>",   "<policy class='perf' wieght='5'/>",
        "<policy class='p e r f'/>",           "<other class='perf'/>",
        "<policy class='perf' until='soon'/>",
    };

    daemon_fixture_await(&f->daemon, "web", has_class, "batch");
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_true(virsh_metadata(f, wrong[i]));
        await_warnings(f, i + 1);
        g_usleep(LOOKS * INTERVAL_US);
        g_assert_cmpuint(count(f, WARNING), ==, i + 1);
        daemon_fixture_await(&f->daemon, "web", has_class, "batch");
    }
    g_assert_true(virsh_metadata(f, "<policy class='perf'/>"));
    daemon_fixture_await(&f->daemon, "web", has_class, "perf");
    g_assert_cmpuint(count(f, WARNING), ==, G_N_ELEMENTS(wrong));
}

/* ---- Hostile metadata ---- */

static gboolean on_contact(GSocketService *service, GSocketConnection *connection, GObject *source,
                           gpointer n_contacts)
{
    *(guint *)n_contacts += 1;
    return TRUE;
}

static char *long_attribute(gsize bytes)
{
    g_autofree char *filler = g_strnfill(bytes, 'a');

    return g_strdup_printf("<policy class='perf' ask='%s'/>", filler);
}

static char *deep(guint levels)
{
    GString *xml = g_string_new("<policy class='perf'>");

    for (guint i = 0; i < levels; i++)
        g_string_append(xml, "<a>");
    for (guint i = 0; i < levels; i++)
        g_string_append(xml, "</a>");
    return g_string_free(g_string_append(xml, "</policy>"), FALSE);
}

static char *laughs(void)
{
    GString *xml = g_string_new("<!DOCTYPE policy [<!ENTITY e0 'ha'>");

    for (guint i = 1; i < 10; i++)
        g_string_append_printf(xml, "<!ENTITY e%u '&e%u;&e%u;&e%u;&e%u;&e%u;&e%u;&e%u;&e%u;'>", i,
                               i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    return g_string_free(g_string_append(xml, "]><policy class='perf'>&e9;</policy>"), FALSE);
}

/* Of virDomainSetMetadata(), as no command line is as long. Whether libvirt takes it. */
static gboolean set_metadata(Fixture *f, const char *xml)
{
    return virDomainSetMetadata(f->domain, VIR_DOMAIN_METADATA_ELEMENT, xml, "virthint", URI,
                                VIR_DOMAIN_AFFECT_LIVE) == 0;
}

/* What libvirt takes of it, the daemon survives, fetches nothing for, and does not follow. */
static void attack(Fixture *f, const char *what, const char *xml, guint *n_warnings)
{
    if (!set_metadata(f, xml)) {
        g_test_message("%s: libvirt refuses it: %s", what, virGetLastErrorMessage());
        return;
    }
    g_autofree char *kept =
        virDomainGetMetadata(f->domain, VIR_DOMAIN_METADATA_ELEMENT, URI, VIR_DOMAIN_AFFECT_LIVE);
    g_test_message("%s: libvirt keeps %" G_GSIZE_FORMAT " bytes", what, kept ? strlen(kept) : 0);
    VhOverride override;
    g_autoptr(GError) error = NULL;
    if (vh_metadata_get_override(f->domain, VH_METADATA_LIVE, &override, &error)) {
        /* What is not in attributes means nothing. */
        daemon_fixture_await(&f->daemon, "web", has_class,
                             override.keys & VH_OVERRIDE_CLASS ? override.class_name : "batch");
    } else {
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        await_warnings(f, ++*n_warnings);
        daemon_fixture_await(&f->daemon, "web", has_class, "batch");
        g_test_message("%s", error->message);
    }
    g_assert_true(virsh_metadata(f, "<policy weight='9'/>"));
    daemon_fixture_await(&f->daemon, "web", has_class, "batch");
    g_assert_cmpuint(count(f, WARNING), ==, *n_warnings);
}

static void survives_hostile_ones(Fixture *f, gconstpointer data)
{
    g_autoptr(GSocketService) service = g_socket_service_new();
    g_autoptr(GError) error = NULL;
    guint n_contacts = 0, n_warnings = 0;
    guint16 port = g_socket_listener_add_any_inet_port(G_SOCKET_LISTENER(service), NULL, &error);

    g_assert_no_error(error);
    g_signal_connect(service, "incoming", G_CALLBACK(on_contact), &n_contacts);
    g_autofree char *file = g_strdup("<!DOCTYPE policy [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"
                                     "<policy class='perf'>&f;</policy>");
    g_autofree char *http =
        g_strdup_printf("<!DOCTYPE policy [<!ENTITY h SYSTEM 'http://127.0.0.1:%u/x'>]>"
                        "<policy class='perf'>&h;</policy>",
                        port);
    g_autofree char *dtd = g_strdup_printf(
        "<!DOCTYPE policy SYSTEM 'http://127.0.0.1:%u/x.dtd'><policy class='perf'/>", port);
    g_autofree char *include =
        g_strdup_printf("<policy><i:include xmlns:i='http://www.w3.org/2001/XInclude' "
                        "href='http://127.0.0.1:%u/x'/></policy>",
                        port);
    g_autofree char *million = laughs(), *mebibyte = long_attribute(VH_MIB), *nested = deep(200),
                    *deeper = deep(5000);
    const struct {
        const char *what, *xml;
    } attacks[] = {
        {"a file's entity", file},
        {"an entity from the network", http},
        {"a document type from the network", dtd},
        {"an inclusion", include},
        {"a billion laughs", million},
        {"1 MiB", mebibyte},
        {"200 levels", nested},
        {"5000 levels", deeper},
        {"Latin-1", "<policy class='\xe9'/>"},
        {"UTF-16, so it says", "<?xml version='1.0' encoding='UTF-16'?><policy class='perf'/>"},
        {"an encoding that nobody knows", "<?xml version='1.0' encoding='x-no'?><policy/>"},
        {"cut off in a character", "<policy class='\xe2\x82'/>"},
    };

    daemon_fixture_await(&f->daemon, "web", has_class, "batch");
    for (guint i = 0; i < G_N_ELEMENTS(attacks); i++)
        attack(f, attacks[i].what, attacks[i].xml, &n_warnings);
    /* Some of them reach the daemon: it is not libvirt alone that is tried. */
    g_assert_cmpuint(n_warnings, >=, 1);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_assert_cmpuint(n_contacts, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/daemon-metadata/is-followed", Fixture, NULL, set_up, is_followed, tear_down);
    g_test_add("/daemon-metadata/switches-reporting-off", Fixture, NULL, set_up_native,
               switches_reporting_off, tear_down);
    g_test_add("/daemon-metadata/switches-reporting-on", Fixture, NULL, set_up_native,
               switches_reporting_on, tear_down);
    g_test_add("/daemon-metadata/warns-once", Fixture, NULL, set_up, warns_once, tear_down);
    g_test_add("/daemon-metadata/survives-hostile-ones", Fixture, NULL, set_up,
               survives_hostile_ones, tear_down);
    return g_test_run();
}
