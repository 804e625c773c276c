/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virthint enable on a real libvirtd: what is defined is what libvirt keeps, what is promised at
 * once is there at once, and after the next start the guest is of the tier that was promised.
 */
#include "daemon-fixture.h"
#include "device-fixture.h"

#include "vh-probe.h"

#include <libvirt/virterror.h>
#include <string.h>

#define NAME "plain"
#define PERIOD "3s"

typedef struct {
    DaemonFixture daemon;
    VhLabGuest *guest;
    virDomainPtr domain;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    daemon_fixture_set_up(&fixture->daemon, NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    if (fixture->domain) {
        if (virDomainIsActive(fixture->domain) == 1)
            virDomainDestroy(fixture->domain);
        if (virDomainIsPersistent(fixture->domain) == 1)
            virDomainUndefine(fixture->domain);
        virDomainFree(fixture->domain);
    }
    if (fixture->guest)
        vh_lab_guest_leave(fixture->guest);
    daemon_fixture_tear_down(&fixture->daemon, NULL);
}

/* A guest as most are: no autodeflate, no stats period, no reporting; transient. */
static void start_plain(Fixture *fixture, const char *module)
{
    const VhLabGuestSpec spec = {.name = NAME, .no_autodeflate = TRUE, .balloon_module = module};
    g_autoptr(GError) error = NULL;

    fixture->guest = vh_lab_guest_start(fixture->daemon.lab, &spec, &error);
    g_assert_no_error(error);
    fixture->domain = vh_lab_guest_domain(fixture->guest, &error);
    g_assert_no_error(error);
}

static char *xml_of(Fixture *fixture, unsigned int flags)
{
    char *xml = virDomainGetXMLDesc(fixture->domain, flags);
    char *copy = g_strdup(xml);

    g_assert_nonnull(xml);
    free(xml);
    return copy;
}

static VhProbe probe_of(Fixture *fixture, unsigned int flags)
{
    g_autofree char *xml = xml_of(fixture, flags);
    g_autoptr(GError) error = NULL;
    VhProbe probe;

    g_assert_true(vh_probe_parse(xml, &probe, &error));
    g_assert_no_error(error);
    return probe;
}

/* Gives the running transient domain a definition. */
static void make_persistent(Fixture *fixture)
{
    g_autofree char *xml = xml_of(fixture, VIR_DOMAIN_XML_INACTIVE);
    virDomainPtr defined = virDomainDefineXML(virDomainGetConnect(fixture->domain), xml);

    g_assert_nonnull(defined);
    virDomainFree(defined);
    g_assert_cmpint(virDomainIsPersistent(fixture->domain), ==, 1);
}

static JsonObject *enable(Fixture *fixture, const char *const *options)
{
    const char *arguments[12] = {"enable", NAME};

    for (guint i = 0; options && options[i]; i++) {
        g_assert_cmpuint(i + 3, <, G_N_ELEMENTS(arguments));
        arguments[i + 2] = options[i];
    }
    return daemon_fixture_json(&fixture->daemon, TRUE, arguments);
}

static void assert_refused(Fixture *fixture, const char *const *options, int status,
                           const char *says)
{
    const char *arguments[12] = {"enable", NAME};
    g_autofree char *out = NULL, *err = NULL;

    for (guint i = 0; options[i]; i++)
        arguments[i + 2] = options[i];
    g_assert_cmpint(daemon_fixture_run(&fixture->daemon, TRUE, arguments, &out, &err), ==, status);
    g_test_message("%s", err);
    g_assert_nonnull(strstr(err, says));
    g_assert_cmpstr(out, ==, "");
}

static JsonObject *change_of(JsonObject *document, const char *what)
{
    JsonArray *changes = json_object_get_array_member(document, "changes");

    for (guint i = 0; i < json_array_get_length(changes); i++) {
        JsonObject *change = json_array_get_object_element(changes, i);

        if (g_str_equal(json_object_get_string_member(change, "what"), what))
            return change;
    }
    g_error("no change of '%s' is listed", what);
}

static guint n_changes(JsonObject *document)
{
    return json_array_get_length(json_object_get_array_member(document, "changes"));
}

static void assert_change(JsonObject *document, const char *what, const char *when,
                          gboolean is_defined)
{
    JsonObject *change = change_of(document, what);

    g_assert_cmpstr(json_object_get_string_member(change, "when"), ==, when);
    g_assert_cmpint(json_object_get_boolean_member(change, "is_defined"), ==, is_defined);
}

static void restart(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(virDomainDestroy(fixture->domain), ==, 0);
    if (virDomainCreate(fixture->domain) != 0)
        g_error("start: %s", virGetLastErrorMessage());
    vh_lab_guest_leave(fixture->guest);
    fixture->guest = vh_lab_guest_find(fixture->daemon.lab, NAME, &error);
    g_assert_no_error(error);
    g_assert_true(vh_lab_guest_wait_ready(fixture->guest, VH_LAB_TIMEOUT_MS, &error));
    g_assert_no_error(error);
}

/* What a list of words says, joined. */
static char *words_of(JsonObject *document, const char *key)
{
    g_autoptr(GString) text = g_string_new("");
    JsonArray *words = json_object_get_array_member(document, key);

    for (guint i = 0; i < json_array_get_length(words); i++)
        g_string_append_printf(text, "%s ", json_array_get_string_element(words, i));
    return g_strdup(text->str);
}

static const char *const apply[] = {"--apply", "--period=" PERIOD, NULL};
static const char *const show[] = {NULL};

/* Shown, it changes nothing; a transient domain has no definition to change. */
static void test_transient(Fixture *fixture, gconstpointer data)
{
    start_plain(fixture, NULL);
    g_autofree char *before = xml_of(fixture, 0);
    g_autoptr(JsonObject) shown = enable(fixture, show);
    g_assert_false(json_object_get_boolean_member(shown, "is_persistent"));
    g_assert_cmpuint(n_changes(shown), ==, 2);
    assert_refused(fixture, apply, 1, "transient");
    g_autofree char *after = xml_of(fixture, 0);
    g_assert_cmpstr(after, ==, before);
}

static void test_pulse(Fixture *fixture, gconstpointer data)
{
    static const char *const denied[] = {"--readonly", "--apply", NULL};
    static const char *const hurried[] = {"--period=1500ms", NULL};
    static const char *const brass[] = {"--tier=brass", NULL};

    start_plain(fixture, NULL);
    make_persistent(fixture);
    g_autofree char *before = xml_of(fixture, VIR_DOMAIN_XML_INACTIVE);
    assert_refused(fixture, denied, 2, "--readonly");
    assert_refused(fixture, hurried, 1, "whole seconds");
    assert_refused(fixture, brass, 2, "brass");
    g_autoptr(JsonObject) shown = enable(fixture, show);
    g_assert_false(json_object_get_boolean_member(shown, "is_applied"));
    g_autofree char *untouched = xml_of(fixture, VIR_DOMAIN_XML_INACTIVE);
    g_assert_cmpstr(untouched, ==, before);

    g_autoptr(JsonObject) applied = enable(fixture, apply);
    g_assert_true(json_object_get_boolean_member(applied, "is_applied"));
    assert_change(applied, "autodeflate", "next-boot", FALSE);
    assert_change(applied, "stats-period", "now", FALSE);
    VhProbe live = probe_of(fixture, 0), defined = probe_of(fixture, VIR_DOMAIN_XML_INACTIVE);
    g_assert_cmpint(live.stats_period_us, ==, 3 * VH_SEC);
    g_assert_false(live.has_autodeflate);
    g_assert_cmpint(defined.stats_period_us, ==, 3 * VH_SEC);
    g_assert_true(defined.has_autodeflate);

    /* again: the definition is there, the running guest waits */
    g_autoptr(JsonObject) again = enable(fixture, apply);
    g_assert_false(json_object_get_boolean_member(again, "is_applied"));
    g_assert_cmpuint(n_changes(again), ==, 1);
    assert_change(again, "autodeflate", "next-boot", TRUE);

    restart(fixture);
    g_autoptr(JsonObject) done = enable(fixture, apply);
    g_assert_cmpuint(n_changes(done), ==, 0);
    VhProbe started = probe_of(fixture, 0);
    g_assert_cmpint(started.tier, ==, VH_TIER_PULSE);
    g_assert_true(started.has_autodeflate);
    g_assert_cmpint(started.stats_period_us, ==, 3 * VH_SEC);
}

/* Its QEMU does not answer: the definition needs it not, and what it is needed for is told. */
static void test_hung(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    start_plain(fixture, NULL);
    make_persistent(fixture);
    g_assert_true(vh_lab_guest_hang(fixture->guest, &error));
    g_autoptr(JsonObject) shown = enable(fixture, show);
    g_assert_cmpuint(n_changes(shown), ==, 2);
    assert_refused(fixture, apply, 1, "its definition has all");
    VhProbe defined = probe_of(fixture, VIR_DOMAIN_XML_INACTIVE);
    g_assert_true(defined.has_autodeflate);
    g_assert_true(vh_lab_guest_unhang(fixture->guest, &error));
    g_assert_no_error(error);
    /* and once it answers, the rest */
    g_autoptr(JsonObject) applied = enable(fixture, apply);
    assert_change(applied, "autodeflate", "next-boot", TRUE);
    VhProbe live = probe_of(fixture, 0);
    g_assert_cmpint(live.stats_period_us, ==, 3 * VH_SEC);
}

/* With a patched QEMU: QEMU itself says of which tier the guest is, by the driver that it has. */
static void test_patched(Fixture *fixture, gconstpointer data)
{
    const char *modules = g_getenv("VH_GUEST_MODULES");
    g_autofree char *module =
        g_build_filename(modules ? modules : "/nonexistent", "6.1", "virtio_balloon.ko", NULL);
    const char *qemu = device_patched_qemu();
    const char *tier = data;
    g_autofree char *wish = g_strdup_printf("--tier=%s", tier);
    const char *info[] = {"info", NAME, "--monitor", NULL};

    if (!qemu || !g_file_test(module, G_FILE_TEST_EXISTS)) {
        g_test_skip("no patched QEMU, or no driver: tools/qemu-build and tools/guest-build make "
                    "them, VH_QEMU and VH_GUEST_MODULES name them");
        return;
    }
    const char *unnamed[] = {wish, NULL};
    const char *stock[] = {wish, "--emulator", device_stock_qemu(), "--apply", NULL};
    const char *missing[] = {wish, "--emulator=/no/such/qemu", "--apply", NULL};
    const char *patched[] = {wish, "--emulator", qemu, "--apply", NULL};
    start_plain(fixture, g_str_equal(tier, "native") ? module : NULL);
    make_persistent(fixture);
    assert_refused(fixture, unnamed, 1, "patched QEMU");
    assert_refused(fixture, stock, 1, "no patched QEMU");
    assert_refused(fixture, missing, 1, "/no/such/qemu");
    g_autoptr(JsonObject) applied = enable(fixture, patched);
    g_assert_true(json_object_get_boolean_member(applied, "is_applied"));
    assert_change(applied, "emulator", "next-boot", FALSE);
    assert_change(applied, "passes", "next-boot", FALSE);
    restart(fixture);
    g_autoptr(JsonObject) done = enable(fixture, unnamed);
    g_assert_cmpuint(n_changes(done), ==, 0);
    g_autoptr(JsonObject) domain = daemon_fixture_json(&fixture->daemon, TRUE, info);
    g_autofree char *reasons = words_of(domain, "tier_reasons");
    g_test_message("tier reasons: %s", reasons);
    g_assert_cmpstr(json_object_get_string_member(domain, "tier"), ==, tier);
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer), const char *tier)
{
    g_test_add(path, Fixture, tier, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/enable-boot/transient", test_transient, NULL);
    add("/enable-boot/pulse", test_pulse, NULL);
    add("/enable-boot/hung", test_hung, NULL);
    add("/enable-boot/soft", test_patched, "soft");
    add("/enable-boot/native", test_patched, "native");
    return g_test_run();
}
