/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a definition needs for a tier, and that nothing else of it changes. */
#include "vh-enable.h"
#include "vh-libvirt.h"
#include "vh-probe.h"
#include "vh-units.h"

#include <string.h>

#define QEMU_URI "http://libvirt.org/schemas/domain/qemu/1.0"
#define EMULATOR "/opt/qemu/bin/qemu-system-x86_64"

/* As libvirt prints a definition, but with the quotes of libxml2, which also writes
 * namespaces before attributes. */
#define DOMAIN(attributes, devices, more)                                                  \
    "<domain" attributes " type=\"kvm\">\n"                                                \
    "  <name>web1</name>\n"                                                                \
    "  <memory unit=\"KiB\">1048576</memory>\n"                                            \
    "  <!-- a note & nothing else -->\n"                                                   \
    "  <metadata>\n"                                                                       \
    "    <x:y xmlns:x=\"urn:x\">\xc3\xa4 &lt;b&gt;</x:y>\n"                                \
    "  </metadata>\n"                                                                      \
    "  <devices>\n"                                                                        \
    "    <emulator>/usr/bin/qemu-system-x86_64</emulator>\n" devices "  </devices>\n" more \
    "</domain>\n"

#define PLAIN                                       \
    "    <memballoon model=\"virtio\">\n"           \
    "      <address type=\"pci\" slot=\"0x05\"/>\n" \
    "    </memballoon>\n"
#define PULSE                                                \
    "    <memballoon model=\"virtio\" autodeflate=\"on\">\n" \
    "      <address type=\"pci\" slot=\"0x05\"/>\n"          \
    "      <stats period=\"5\"/>\n"                          \
    "    </memballoon>\n"
#define OVERRIDE(alias)                                                               \
    "  <qemu:override>\n"                                                             \
    "    <qemu:device alias=\"" alias "\">\n"                                         \
    "      <qemu:frontend>\n"                                                         \
    "        <qemu:property name=\"reporting-ctrl\" type=\"bool\" value=\"true\"/>\n" \
    "      </qemu:frontend>\n"                                                        \
    "    </qemu:device>\n"                                                            \
    "  </qemu:override>\n"

static VhEnablePlan *plan_for(const char *inactive, const char *live, VhTier tier,
                              const char *emulator, gint64 period_us)
{
    const VhEnableWish wish = {.tier = tier, .emulator = emulator, .stats_period_us = period_us};
    g_autoptr(GError) error = NULL;
    VhEnablePlan *plan = vh_enable_plan(inactive, live, &wish, &error);

    g_assert_no_error(error);
    return plan;
}

static char *summary(const VhEnablePlan *plan)
{
    g_autoptr(GString) text = g_string_new("");

    for (guint i = 0; i < plan->changes->len; i++) {
        const VhEnableChange *change = g_ptr_array_index(plan->changes, i);

        g_assert_nonnull(change->why);
        g_string_append_printf(text, "%s%s:%s>%s%s%s", i ? " " : "", change->what,
                               change->from ? change->from : "", change->to,
                               change->is_now ? "!" : "", change->is_defined ? "=" : "");
    }
    return g_strdup(text->str);
}

/* What was planned, is text for text what is expected; planned again, there is nothing left. */
static void assert_plan(const char *inactive, VhTier tier, const char *emulator,
                        const char *changes, const char *after)
{
    g_autoptr(VhEnablePlan) plan = plan_for(inactive, NULL, tier, emulator, 0);
    g_autoptr(VhEnablePlan) again = plan_for(plan->after, NULL, tier, emulator, 0);
    g_autofree char *said = summary(plan);

    g_assert_cmpstr(said, ==, changes);
    g_assert_cmpstr(plan->before, ==, inactive);
    g_assert_cmpstr(plan->after, ==, after);
    g_assert_cmpint(plan->has_definition, ==, *changes != '\0');
    g_assert_cmpuint(again->changes->len, ==, 0);
    g_assert_false(again->has_definition);
    g_assert_cmpstr(again->after, ==, after);
}

static void test_pulse(void)
{
    assert_plan(DOMAIN("", PLAIN, ""), VH_TIER_PULSE, NULL, "autodeflate:>on stats-period:>5",
                DOMAIN("", PULSE, ""));
    assert_plan(DOMAIN("", PULSE, ""), VH_TIER_PULSE, NULL, "", DOMAIN("", PULSE, ""));
    assert_plan(DOMAIN("", "    <memballoon model=\"none\"/>\n", ""), VH_TIER_PULSE, NULL,
                "model:none>virtio autodeflate:>on stats-period:>5",
                DOMAIN("",
                       "    <memballoon model=\"virtio\" autodeflate=\"on\">\n"
                       "      <stats period=\"5\"/>\n"
                       "    </memballoon>\n",
                       ""));
    assert_plan(DOMAIN("", "", ""), VH_TIER_PULSE, NULL,
                "model:>virtio autodeflate:>on stats-period:>5",
                DOMAIN("",
                       "    <memballoon model=\"virtio\" autodeflate=\"on\">\n"
                       "      <stats period=\"5\"/>\n"
                       "    </memballoon>\n",
                       ""));
    assert_plan("<domain type=\"kvm\"><devices><memballoon model=\"virtio-transitional\" "
                "autodeflate=\"off\"/></devices></domain>\n",
                VH_TIER_PULSE, NULL, "autodeflate:off>on stats-period:>5",
                "<domain type=\"kvm\"><devices><memballoon model=\"virtio-transitional\" "
                "autodeflate=\"on\"><stats period=\"5\"/></memballoon></devices></domain>\n");
}

#define NATIVE_BALLOON(alias)                                                               \
    "    <memballoon model=\"virtio\" autodeflate=\"on\" freePageReporting=\"on\">\n" alias \
    "      <stats period=\"5\"/>\n"                                                         \
    "    </memballoon>\n"
#define UA "      <alias name=\"ua-b\"/>\n"

/* The emulator of DOMAIN() replaced. */
static char *with_emulator(const char *xml)
{
    g_auto(GStrv) parts = g_strsplit(xml, "/usr/bin/qemu-system-x86_64", 2);

    return g_strjoinv(EMULATOR, parts);
}

static void test_native(void)
{
    g_autofree char *plain = with_emulator(
        DOMAIN(" xmlns:qemu=\"" QEMU_URI "\"", NATIVE_BALLOON(""), OVERRIDE("balloon0")));
    g_autofree char *named =
        with_emulator(DOMAIN(" xmlns:qemu=\"" QEMU_URI "\"", NATIVE_BALLOON(UA), OVERRIDE("ua-b")));

    assert_plan(DOMAIN("", "    <memballoon model=\"virtio\"/>\n", ""), VH_TIER_NATIVE, EMULATOR,
                "autodeflate:>on stats-period:>5 reporting:>on "
                "emulator:/usr/bin/qemu-system-x86_64>" EMULATOR " passes:>true",
                plain);
    assert_plan(DOMAIN("",
                       "    <memballoon model=\"virtio\" autodeflate=\"on\">\n" UA
                       "      <stats period=\"5\"/>\n    </memballoon>\n",
                       ""),
                VH_TIER_SOFT, EMULATOR,
                "reporting:>on emulator:/usr/bin/qemu-system-x86_64>" EMULATOR " passes:>true",
                named);
    /* with the property already there, its QEMU is a patched one, whoever put it there */
    assert_plan(named, VH_TIER_NATIVE, NULL, "", named);
    assert_plan(plain, VH_TIER_PULSE, NULL, "", plain);
}

/* Others' overrides stay, and a property that is off is switched on in place. */
static void test_override(void)
{
#define OTHERS(value)                                                                          \
    "  <qemu:override>\n"                                                                      \
    "    <qemu:device alias=\"net0\">\n"                                                       \
    "      <qemu:frontend><qemu:property name=\"a\" type=\"bool\" "                            \
    "value=\"true\"/></qemu:frontend>\n"                                                       \
    "    </qemu:device>\n"                                                                     \
    "    <qemu:device alias=\"balloon0\">\n"                                                   \
    "      <qemu:frontend><qemu:property name=\"reporting-ctrl\" type=\"bool\" value=\"" value \
    "\"/></qemu:frontend>\n"                                                                   \
    "    </qemu:device>\n"                                                                     \
    "  </qemu:override>\n"
#define COMMAND_LINE                                    \
    "  <qemu:commandline><qemu:arg value=\"-global\"/>" \
    "<qemu:arg value=\"virtio-balloon-pci.reporting-ctrl=on\"/></qemu:commandline>\n"
    g_autofree char *off =
        with_emulator(DOMAIN(" xmlns:qemu=\"" QEMU_URI "\"", NATIVE_BALLOON(""), OTHERS("false")));
    g_autofree char *on =
        with_emulator(DOMAIN(" xmlns:qemu=\"" QEMU_URI "\"", NATIVE_BALLOON(""), OTHERS("true")));
    g_autofree char *line =
        with_emulator(DOMAIN(" xmlns:qemu=\"" QEMU_URI "\"", NATIVE_BALLOON(""), COMMAND_LINE));

    assert_plan(off, VH_TIER_NATIVE, EMULATOR, "passes:false>true", on);
    assert_plan(line, VH_TIER_NATIVE, EMULATOR, "", line);
}

/* Another one's period is never touched, and zero is none. */
static void test_period(void)
{
    static const struct {
        const char *stats;
        gint64 wish_us;
        const char *after;
    } cases[] = {
        {"<stats period=\"2\"/>", 0, "<stats period=\"2\"/>"},
        {"<stats period=\"10\"/>", VH_SEC, "<stats period=\"10\"/>"},
        {"<stats period=\"0\"/>", 2 * VH_SEC, "<stats period=\"2\"/>"},
        {"<stats period=\"-1\"/>", 0, "<stats period=\"5\"/>"},
        {"", 3600 * VH_SEC, "<stats period=\"3600\"/>"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *xml = g_strdup_printf("<domain><devices><memballoon model=\"virtio\" "
                                               "autodeflate=\"on\">%s</memballoon></devices>"
                                               "</domain>\n",
                                               cases[i].stats);
        g_autoptr(VhEnablePlan) plan = plan_for(xml, NULL, VH_TIER_PULSE, NULL, cases[i].wish_us);

        g_assert_nonnull(strstr(plan->after, cases[i].after));
    }
}

#define BARE "<domain><devices><memballoon model=\"virtio\"/></devices></domain>\n"
#define DONE                                                                                 \
    "<domain><devices><memballoon model=\"virtio\" autodeflate=\"on\"><stats period=\"7\"/>" \
    "</memballoon></devices></domain>\n"

/* What a running guest gets at once, and what waits for its next boot. */
static void test_live(void)
{
    g_autoptr(VhEnablePlan) both = plan_for(BARE, BARE, VH_TIER_PULSE, NULL, 2 * VH_SEC);
    g_autoptr(VhEnablePlan) waits = plan_for(DONE, BARE, VH_TIER_PULSE, NULL, 2 * VH_SEC);
    g_autoptr(VhEnablePlan) is_live = plan_for(BARE, DONE, VH_TIER_PULSE, NULL, 2 * VH_SEC);
    g_autoptr(VhEnablePlan) done = plan_for(DONE, DONE, VH_TIER_PULSE, NULL, 0);
    g_autofree char *both_text = summary(both);
    g_autofree char *waits_text = summary(waits);
    g_autofree char *live_text = summary(is_live);

    g_assert_cmpstr(both_text, ==, "autodeflate:>on stats-period:>2!");
    g_assert_cmpuint(both->live_period_s, ==, 2);
    g_assert_true(both->is_running);
    g_assert_cmpstr(waits_text, ==, "autodeflate:on>on= stats-period:7>7!=");
    g_assert_cmpuint(waits->live_period_s, ==, 7);
    g_assert_false(waits->has_definition);
    g_assert_cmpstr(live_text, ==, "autodeflate:>on! stats-period:>2!");
    g_assert_cmpuint(is_live->live_period_s, ==, 0);
    g_assert_true(is_live->has_definition);
    g_assert_cmpuint(done->changes->len, ==, 0);
}

static void test_refused(void)
{
    static const struct {
        const char *xml;
        VhEnableWish wish;
        VhErrorCode code;
        const char *says;
    } cases[] = {
        {BARE, {VH_TIER_NONE}, VH_ERROR_INVALID, "pulse, soft or native"},
        {BARE, {VH_TIER_NATIVE + 1}, VH_ERROR_INVALID, "pulse, soft or native"},
        {BARE, {VH_TIER_PULSE, EMULATOR}, VH_ERROR_INVALID, "any QEMU"},
        {BARE, {VH_TIER_SOFT, "qemu"}, VH_ERROR_INVALID, "absolute"},
        {BARE, {VH_TIER_SOFT, "/\xff"}, VH_ERROR_INVALID, "UTF-8"},
        {BARE, {VH_TIER_PULSE, NULL, 1500 * VH_MS}, VH_ERROR_INVALID, "whole seconds"},
        {BARE, {VH_TIER_PULSE, NULL, -VH_SEC}, VH_ERROR_INVALID, "whole seconds"},
        {BARE, {VH_TIER_PULSE, NULL, 86401 * VH_SEC}, VH_ERROR_INVALID, "whole seconds"},
        {BARE, {VH_TIER_NATIVE}, VH_ERROR_INVALID, "patched QEMU"},
        {"<domain><devices><memballoon model='xen'/></devices></domain>",
         {VH_TIER_PULSE},
         VH_ERROR_UNSUPPORTED,
         "\"xen\", which stays at tier none"},
        {"<domain><devices><memballoon model='x&#10;virthint: all is well'/></devices></domain>",
         {VH_TIER_PULSE},
         VH_ERROR_UNSUPPORTED,
         "\"x\\nvirthint: all is well\""},
        {"<domain><metadata><a b='c'><qemu:x/></a></metadata><devices/></domain>",
         {VH_TIER_SOFT, EMULATOR},
         VH_ERROR_PROTOCOL,
         "declare its namespace"},
        {"<domain><devices qemu:x='y'/></domain>",
         {VH_TIER_PULSE},
         VH_ERROR_PROTOCOL,
         "declare its namespace"},
        {"<domain><memoryBacking><locked/></memoryBacking><devices/></domain>",
         {VH_TIER_PULSE},
         VH_ERROR_UNSUPPORTED,
         "stays at tier none"},
        {"<domain><memoryBacking><hugepages/></memoryBacking><devices/></domain>",
         {VH_TIER_NATIVE, EMULATOR},
         VH_ERROR_UNSUPPORTED,
         "stays at tier none"},
        {"<domain><devices><hostdev type='pci'/></devices></domain>",
         {VH_TIER_PULSE},
         VH_ERROR_UNSUPPORTED,
         "stays at tier none"},
        {"<domain><devices><memballoon model='virtio'/><memballoon model='none'/></devices>"
         "</domain>",
         {VH_TIER_PULSE},
         VH_ERROR_PROTOCOL,
         "contradict"},
        {"<domain xmlns:qemu='urn:x'><devices/></domain>",
         {VH_TIER_SOFT, EMULATOR},
         VH_ERROR_PROTOCOL,
         "contradict"},
        {"<network/>", {VH_TIER_PULSE}, VH_ERROR_PROTOCOL, "<domain>"},
        {"<domain", {VH_TIER_PULSE}, VH_ERROR_PROTOCOL, "well-formed"},
        {"<!DOCTYPE domain [<!ENTITY e SYSTEM '/etc/passwd'>]><domain>&e;</domain>",
         {VH_TIER_PULSE},
         VH_ERROR_PROTOCOL,
         "document type"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(vh_enable_plan(cases[i].xml, NULL, &cases[i].wish, &error));
        g_test_message("%s", error->message);
        g_assert_error(error, VH_ERROR, (int)cases[i].code);
        g_assert_nonnull(strstr(error->message, cases[i].says));
    }
}

/* A path is text, whatever is in it. */
static void test_escaped(void)
{
    const char *path = "/opt/<q & 'r'>\"";
    g_autoptr(VhEnablePlan) plan = plan_for(BARE, NULL, VH_TIER_SOFT, path, 0);
    g_autoptr(VhEnablePlan) again = plan_for(plan->after, NULL, VH_TIER_SOFT, path, 0);

    g_assert_nonnull(strstr(plan->after, "<emulator>/opt/&lt;q &amp; 'r'&gt;\"</emulator>"));
    g_assert_cmpuint(again->changes->len, ==, 0);
}

static virDomainPtr open_domain(gboolean read_only, virConnectPtr *ret_connection)
{
    g_autoptr(GError) error = NULL;
    virDomainPtr domain;

    *ret_connection = vh_libvirt_open("test:///default", read_only, &error);
    g_assert_no_error(error);
    domain = virDomainLookupByName(*ret_connection, "test");
    g_assert_nonnull(domain);
    return domain;
}

/* Through libvirt: its test driver keeps definitions as the real ones do. */
static void test_apply(void)
{
    const VhEnableWish wish = {.tier = VH_TIER_PULSE, .stats_period_us = 3 * VH_SEC};
    g_autoptr(virConnect) connection = NULL;
    g_autoptr(virDomain) domain = open_domain(FALSE, &connection);
    g_autoptr(GError) error = NULL;
    g_autoptr(VhEnablePlan) done = vh_enable_apply(domain, &wish, &error);
    g_autoptr(VhEnablePlan) rest = NULL;
    g_autofree char *said = NULL;

    g_assert_no_error(error);
    g_assert_true(done->has_definition);
    g_assert_cmpuint(done->live_period_s, ==, 3);
    rest = vh_enable_plan_domain(domain, &wish, &error);
    g_assert_no_error(error);
    g_assert_false(rest->has_definition);
    said = summary(rest);
    g_assert_cmpstr(said, ==, "autodeflate:on>on=");
}

static void test_read_only(void)
{
    const VhEnableWish wish = {.tier = VH_TIER_PULSE};
    g_autoptr(virConnect) connection = NULL;
    g_autoptr(virDomain) domain = open_domain(TRUE, &connection);
    g_autoptr(VhEnablePlan) plan = NULL;
    g_autoptr(GError) error = NULL;

    plan = vh_enable_plan_domain(domain, &wish, &error);
    g_assert_no_error(error);
    g_assert_true(plan->has_definition);
    g_assert_null(vh_enable_apply(domain, &wish, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_DENIED);
}

int main(int argc, char **argv)
{
    vh_libvirt_init();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/enable/pulse", test_pulse);
    g_test_add_func("/enable/native", test_native);
    g_test_add_func("/enable/override", test_override);
    g_test_add_func("/enable/period", test_period);
    g_test_add_func("/enable/live", test_live);
    g_test_add_func("/enable/refused", test_refused);
    g_test_add_func("/enable/escaped", test_escaped);
    g_test_add_func("/enable/apply", test_apply);
    g_test_add_func("/enable/read-only", test_read_only);
    return g_test_run();
}
