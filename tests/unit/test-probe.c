/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What domain XML says about a guest; hostile XML too. */
#include "vh-facts.h"
#include "vh-probe.h"
#include "vh-units.h"

#include <string.h>

#define DOMAIN(inside) "<domain type='kvm'><name>x</name>" inside "</domain>"
#define BALLOON_ON "<memballoon model='virtio' autodeflate='on'/>"
#define STOCK ((guint)VH_TIER_REASON_STOCK_DEVICE)
#define PLAIN (STOCK | VH_TIER_REASON_NO_AUTODEFLATE)
#define OURS ((guint)VH_TIER_REASON_NO_MONITOR)
#define QEMU_DOMAIN(inside)                                                                  \
    "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" inside     \
    "<devices><memballoon model='virtio' autodeflate='on'><alias name='ua-b'/></memballoon>" \
    "</devices></domain>"
#define OVERRIDE(alias, property)                                                   \
    "<qemu:override><qemu:device alias='other'/><qemu:device alias='" alias         \
    "'><qemu:frontend><qemu:property name='page-chunks' type='bool' value='true'/>" \
    "<qemu:property " property "/></qemu:frontend></qemu:device></qemu:override>"
#define ARGUMENTS(first, second)                                                     \
    "<qemu:commandline><qemu:arg value='-nodefaults'/><qemu:arg value='" first "'/>" \
    "<qemu:arg value='" second "'/></qemu:commandline>"

static const struct {
    const char *name;
    const char *xml;
    VhTier tier;
    guint reasons;
} domains[] = {
    {"no devices", DOMAIN(""), VH_TIER_NONE, VH_TIER_REASON_NO_BALLOON},
    {"balloon none", DOMAIN("<devices><memballoon model='none'/></devices>"), VH_TIER_NONE,
     VH_TIER_REASON_NO_BALLOON},
    {"balloon of xen", DOMAIN("<devices><memballoon model='xen'/></devices>"), VH_TIER_NONE,
     VH_TIER_REASON_NO_BALLOON},
    {"plain", DOMAIN("<devices><memballoon model='virtio'/></devices>"), VH_TIER_PULSE, PLAIN},
    {"off", DOMAIN("<devices><memballoon model='virtio' autodeflate='off'/></devices>"),
     VH_TIER_PULSE, PLAIN},
    {"autodeflate", DOMAIN("<devices>" BALLOON_ON "</devices>"), VH_TIER_PULSE, STOCK},
    {"transitional",
     DOMAIN("<devices><memballoon model='virtio-transitional' autodeflate='on'/></devices>"),
     VH_TIER_PULSE, STOCK},
    {"hostdev pci",
     DOMAIN("<devices><hostdev mode='subsystem' type='pci'/>" BALLOON_ON "</devices>"),
     VH_TIER_NONE, STOCK | VH_TIER_REASON_VFIO},
    {"hostdev mdev",
     DOMAIN("<devices>" BALLOON_ON "<hostdev mode='subsystem' type='mdev'/></devices>"),
     VH_TIER_NONE, STOCK | VH_TIER_REASON_VFIO},
    {"hostdev usb",
     DOMAIN("<devices><hostdev mode='subsystem' type='usb'/>" BALLOON_ON "</devices>"),
     VH_TIER_PULSE, STOCK},
    {"interface hostdev", DOMAIN("<devices><interface type='hostdev'/>" BALLOON_ON "</devices>"),
     VH_TIER_NONE, STOCK | VH_TIER_REASON_VFIO},
    {"interface bridge", DOMAIN("<devices><interface type='bridge'/>" BALLOON_ON "</devices>"),
     VH_TIER_PULSE, STOCK},
    {"disk nvme", DOMAIN("<devices><disk type='nvme'/>" BALLOON_ON "</devices>"), VH_TIER_NONE,
     STOCK | VH_TIER_REASON_VFIO},
    {"locked", DOMAIN("<memoryBacking><locked/></memoryBacking><devices>" BALLOON_ON "</devices>"),
     VH_TIER_NONE, STOCK | VH_TIER_REASON_LOCKED},
    {"hugepages",
     DOMAIN("<memoryBacking><hugepages/></memoryBacking><devices>" BALLOON_ON "</devices>"),
     VH_TIER_NONE, STOCK | VH_TIER_REASON_HUGEPAGES},
    {"file",
     DOMAIN("<memoryBacking><source type='file'/></memoryBacking><devices>" BALLOON_ON
            "</devices>"),
     VH_TIER_PULSE, STOCK | VH_TIER_REASON_FILE_BACKED},
    {"encrypted", DOMAIN("<launchSecurity type='sev'/><devices>" BALLOON_ON "</devices>"),
     VH_TIER_NONE, STOCK | VH_TIER_REASON_LOCKED},
    {"override", QEMU_DOMAIN(OVERRIDE("ua-b", "name='reporting-ctrl' type='bool' value='true'")),
     VH_TIER_PULSE, OURS},
    {"override as text",
     QEMU_DOMAIN(OVERRIDE("ua-b", "name='reporting-ctrl' type='string' value='on'")), VH_TIER_PULSE,
     OURS},
    {"override off",
     QEMU_DOMAIN(OVERRIDE("ua-b", "name='reporting-ctrl' type='bool' value='false'")),
     VH_TIER_PULSE, STOCK},
    {"override of another device",
     QEMU_DOMAIN(OVERRIDE("balloon0", "name='reporting-ctrl' type='bool' value='true'")),
     VH_TIER_PULSE, STOCK},
    {"override of another property",
     QEMU_DOMAIN(OVERRIDE("ua-b", "name='free-page-reporting' type='bool' value='true'")),
     VH_TIER_PULSE, STOCK},
    {"override of nobody's namespace",
     DOMAIN("<override><device alias='balloon0'><frontend><property name='reporting-ctrl' "
            "type='bool' value='true'/></frontend></device></override><devices>" BALLOON_ON
            "</devices>"),
     VH_TIER_PULSE, STOCK},
    {"global", QEMU_DOMAIN(ARGUMENTS("-global", "virtio-balloon-pci.reporting-ctrl=on")),
     VH_TIER_PULSE, OURS},
    {"global off", QEMU_DOMAIN(ARGUMENTS("-global", "virtio-balloon-pci.reporting-ctrl=off")),
     VH_TIER_PULSE, STOCK},
    {"global of another driver",
     QEMU_DOMAIN(ARGUMENTS("-global", "virtio-net-pci.reporting-ctrl=on")), VH_TIER_PULSE, STOCK},
    {"set", QEMU_DOMAIN(ARGUMENTS("-set", "device.ua-b.reporting-ctrl=on")), VH_TIER_PULSE, OURS},
    {"set of another device", QEMU_DOMAIN(ARGUMENTS("-set", "device.balloon0.reporting-ctrl=on")),
     VH_TIER_PULSE, STOCK},
    {"no option before it", QEMU_DOMAIN(ARGUMENTS("-name", "virtio-balloon-pci.reporting-ctrl=on")),
     VH_TIER_PULSE, STOCK},
    {"override without a balloon",
     "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" OVERRIDE(
         "balloon0", "name='reporting-ctrl' type='bool' value='true'") "</domain>",
     VH_TIER_NONE, VH_TIER_REASON_NO_BALLOON},
    {"words in the wrong place",
     DOMAIN("<description>locked hugepages</description><metadata><memoryBacking><locked/>"
            "</memoryBacking></metadata><devices>" BALLOON_ON "</devices>"),
     VH_TIER_PULSE, STOCK},
};

static void test_tiers(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(domains); i++) {
        g_autoptr(GError) error = NULL;
        VhProbe probe;

        g_test_message("%s", domains[i].name);
        g_assert_true(vh_probe_parse(domains[i].xml, &probe, &error));
        g_assert_no_error(error);
        g_assert_cmpint(probe.tier, ==, domains[i].tier);
        g_assert_cmphex(probe.reasons, ==, domains[i].reasons);
    }
}

static void test_details(void)
{
    VhProbe probe;

    g_assert_true(vh_probe_parse(
        DOMAIN("<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
               "<devices><memballoon model='virtio' autodeflate='on' freePageReporting='on'>"
               "<stats period='5'/></memballoon></devices>"),
        &probe, NULL));
    g_assert_true(probe.has_balloon && probe.has_autodeflate && probe.has_reporting &&
                  probe.is_shared);
    g_assert_cmpint(probe.stats_period_us, ==, 5 * VH_SEC);
    g_assert_true(vh_probe_parse(
        DOMAIN("<cpu><numa><cell id='0'/><cell id='1' memAccess='shared'/></numa></cpu>"), &probe,
        NULL));
    g_assert_true(probe.is_shared);
    g_assert_false(probe.has_balloon);
}

#define PINNED(n, pins) DOMAIN("<vcpu placement='static'>" n "</vcpu><cputune>" pins "</cputune>")
#define PIN(vcpu, set) "<vcpupin vcpu='" vcpu "' cpuset='" set "'/>"

static const struct {
    const char *name;
    const char *xml;
    guint facts;
    guint n_vcpus;
} treated[] = {
    {"nothing", DOMAIN(""), 0, 0},
    {"vcpus", DOMAIN("<vcpu>4</vcpu>"), 0, 4},
    {"vcpus, some not there", DOMAIN("<vcpu current='2'>4</vcpu>"), 0, 2},
    {"vcpus, nonsense", DOMAIN("<vcpu current='-2'>many</vcpu>"), 0, 0},
    {"each its own", PINNED("2", PIN("0", "4") PIN("1", "5")), VH_FACT_DEDICATED_CPU, 2},
    {"one without", PINNED("2", PIN("0", "4")), 0, 2},
    {"one on two", PINNED("2", PIN("0", "4") PIN("1", "5-6")), 0, 2},
    {"one on two, apart", PINNED("2", PIN("0", "4") PIN("1", "5,7")), 0, 2},
    {"two on one", PINNED("2", PIN("0", "4") PIN("1", "4")), 0, 2},
    {"no vcpu", DOMAIN("<cputune>" PIN("0", "4") "</cputune>"), 0, 0},
    {"the emulator only", PINNED("1", "<emulatorpin cpuset='3'/>"), 0, 1},
    {"one vcpu on one", DOMAIN("<vcpu cpuset='3'>1</vcpu>"), VH_FACT_DEDICATED_CPU, 1},
    {"one vcpu on two", DOMAIN("<vcpu cpuset='2-3'>1</vcpu>"), 0, 1},
    {"two vcpus on one", DOMAIN("<vcpu cpuset='3'>2</vcpu>"), 0, 2},
    {"fifo", PINNED("1", "<vcpusched vcpus='0' scheduler='fifo' priority='1'/>"), VH_FACT_REALTIME,
     1},
    {"rr", PINNED("1", "<vcpusched vcpus='0' scheduler='rr' priority='1'/>"), VH_FACT_REALTIME, 1},
    {"batch", PINNED("1", "<vcpusched vcpus='0' scheduler='batch'/>"), 0, 1},
    {"the emulator's threads", PINNED("1", "<emulatorsched scheduler='fifo' priority='1'/>"), 0, 1},
    {"hugepages", DOMAIN("<memoryBacking><hugepages/></memoryBacking>"), VH_FACT_HUGEPAGES, 0},
    {"locked", DOMAIN("<memoryBacking><locked/></memoryBacking>"), VH_FACT_LOCKED, 0},
    {"encrypted", DOMAIN("<launchSecurity type='sev'/>"), VH_FACT_LOCKED, 0},
    {"a device of the host", DOMAIN("<devices><hostdev mode='subsystem' type='pci'/></devices>"),
     VH_FACT_VFIO, 0},
    {"a USB device", DOMAIN("<devices><hostdev mode='subsystem' type='usb'/></devices>"), 0, 0},
    {"shared",
     DOMAIN("<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"),
     VH_FACT_SHARED_MEMORY, 0},
    {"memfd of its own", DOMAIN("<memoryBacking><source type='memfd'/></memoryBacking>"), 0, 0},
};

static void test_facts(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(treated); i++) {
        VhProbe probe;

        g_test_message("%s", treated[i].name);
        g_assert_true(vh_probe_parse(treated[i].xml, &probe, NULL));
        g_assert_cmphex(probe.facts, ==, treated[i].facts);
        g_assert_cmpuint(probe.n_vcpus, ==, treated[i].n_vcpus);
    }
}

#define TUNED(inside) DOMAIN("<numatune>" inside "</numatune>")
#define CELLS "<cpu><numa><cell id='0'/><cell id='1'/></numa></cpu>"
#define MEMORY(mode, set) "<memory mode='" mode "' nodeset='" set "'/>"
#define MEMNODE(cell, mode, set) "<memnode cellid='" cell "' mode='" mode "' nodeset='" set "'/>"

static const struct {
    const char *name;
    const char *xml;
    guint64 mask;
} bound[] = {
    {"nothing", DOMAIN(""), 0},
    {"strict", TUNED(MEMORY("strict", "1")), 0x2},
    {"restrictive", TUNED(MEMORY("restrictive", "0,2-3")), 0xd},
    {"without one", TUNED(MEMORY("strict", "1-4,^3")), 0x16},
    {"the last that there is room for", TUNED(MEMORY("strict", "63")), (guint64)1 << 63},
    {"one that there is no room for", TUNED(MEMORY("strict", "0,64")), 0},
    {"preferred", TUNED(MEMORY("preferred", "1")), 0},
    {"interleaved", TUNED(MEMORY("interleave", "0-1")), 0},
    {"chosen by numad", TUNED("<memory mode='strict' placement='auto'/>"), 0},
    {"nonsense", TUNED(MEMORY("strict", "1-,x")), 0},
    {"the wrong way round", TUNED(MEMORY("strict", "3-1")), 0},
    {"all cells",
     DOMAIN(CELLS "<numatune>" MEMNODE("0", "strict", "1")
                MEMNODE("1", "strict", "3") "</numatune>"),
     0xa},
    {"one cell, the rest anywhere",
     DOMAIN(CELLS "<numatune>" MEMNODE("0", "strict", "1") "</numatune>"), 0},
    {"one cell, the rest bound",
     DOMAIN(CELLS "<numatune>" MEMORY("strict", "2") MEMNODE("0", "strict", "1") "</numatune>"),
     0x6},
    {"one cell not strictly",
     DOMAIN(CELLS "<numatune>" MEMNODE("0", "strict", "1")
                MEMNODE("1", "preferred", "3") "</numatune>"),
     0},
};

static void test_nodes(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bound); i++) {
        VhProbe probe;

        g_test_message("%s", bound[i].name);
        g_assert_true(vh_probe_parse(bound[i].xml, &probe, NULL));
        g_assert_cmphex(probe.node_mask, ==, bound[i].mask);
    }
}

static void test_absurd_periods(void)
{
    static const char *const periods[] = {"", "0", "-1", "x", "1.5", "99999999999999999999"};

    for (guint i = 0; i < G_N_ELEMENTS(periods); i++) {
        g_autofree char *xml = g_strdup_printf(
            DOMAIN("<devices><memballoon model='virtio'><stats period='%s'/></memballoon>"
                   "</devices>"),
            periods[i]);
        VhProbe probe;

        g_assert_true(vh_probe_parse(xml, &probe, NULL));
        g_assert_cmpint(probe.stats_period_us, ==, 0);
    }
}

static void refuse(const char *xml, const char *phrase)
{
    VhProbe untouched = {.reasons = 12345}, probe = untouched;
    g_autoptr(GError) error = NULL;

    g_assert_false(vh_probe_parse(xml, &probe, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_PROTOCOL);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, phrase));
    g_assert_cmpuint(probe.reasons, ==, untouched.reasons);
}

static void test_refused(void)
{
    g_autofree char *deep = g_strnfill(400000, '\0');
    g_autofree char *huge = g_strnfill(5 << 20, ' ');

    refuse("", "not well-formed");
    refuse("domain", "not well-formed");
    refuse("<domain>", "not well-formed");
    refuse("<domain/><domain/>", "not well-formed");
    refuse("<domain>&unknown;</domain>", "not well-formed");
    refuse("<network/>", "<network>");
    refuse("<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain/>", "DOCTYPE");
    refuse("<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><domain>&a;</domain>", "DOCTYPE");
    refuse("<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
           "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]><domain>&c;</domain>",
           "the domain XML");
    for (int i = 0; i < 100000; i++)
        memcpy(deep + 3 * i, "<a>", 4);
    refuse(deep, "not well-formed");
    refuse(huge, "larger than");
}

static void test_driver(void)
{
    const gint64 since = 1000 * VH_SEC, long_after = since + 1000 * VH_SEC;
    VhProbe probe;
    VhStats silent = {0}, told = {.last_update_us = since};

    g_assert_true(vh_probe_parse(DOMAIN("<devices><memballoon model='virtio' autodeflate='on'>"
                                        "<stats period='1'/></memballoon></devices>"),
                                 &probe, NULL));
    vh_probe_apply_stats(&probe, &silent, 0, long_after);
    g_assert_cmpint(probe.tier, ==, VH_TIER_PULSE);
    vh_probe_apply_stats(&probe, &silent, since, since + VH_PROBE_GRACE_US);
    g_assert_cmpint(probe.tier, ==, VH_TIER_PULSE);
    for (int again = 0; again < 2; again++) {
        vh_probe_apply_stats(&probe, &silent, since, long_after);
        g_assert_cmpint(probe.tier, ==, VH_TIER_NONE);
        g_assert_cmphex(probe.reasons, ==, STOCK | VH_TIER_REASON_NO_DRIVER);
    }
    vh_probe_apply_stats(&probe, &told, since, long_after);
    g_assert_cmpint(probe.tier, ==, VH_TIER_PULSE);
    g_assert_cmphex(probe.reasons, ==, STOCK);
}

#define CTRL ((guint)(VH_REPORTING_FREE_PAGE_REPORTING | VH_REPORTING_CTRL))
#define REPORTING ((guint)VH_REPORTING_FREE_PAGE_REPORTING)

static const struct {
    const char *name;
    VhReportingInfo info;
    VhTier tier;
    guint reasons;
} told[] = {
    {"our driver", {.offered = CTRL, .negotiated = CTRL, .has_driver = TRUE}, VH_TIER_NATIVE, 0},
    {"stock driver",
     {.offered = CTRL, .negotiated = REPORTING, .has_driver = TRUE},
     VH_TIER_SOFT,
     VH_TIER_REASON_STOCK_DRIVER},
    {"no property",
     {.offered = REPORTING, .negotiated = REPORTING, .has_driver = TRUE},
     VH_TIER_SOFT,
     VH_TIER_REASON_NO_PASSES},
    {"reporting off", {.has_driver = TRUE}, VH_TIER_PULSE, VH_TIER_REASON_NO_REPORTING},
    {"a driver without reporting",
     {.offered = CTRL, .has_driver = TRUE},
     VH_TIER_PULSE,
     VH_TIER_REASON_NO_REPORTING},
    {"no driver",
     {.offered = CTRL},
     VH_TIER_NONE,
     VH_TIER_REASON_NO_REPORTING | VH_TIER_REASON_NO_DRIVER},
    {"pinned",
     {.offered = CTRL,
      .negotiated = CTRL,
      .has_driver = TRUE,
      .inhibitor = VH_REPORTING_DISCARD_DISABLED},
     VH_TIER_NONE,
     VH_TIER_REASON_NO_DISCARD},
    {"poisoned",
     {.offered = CTRL, .negotiated = CTRL, .has_driver = TRUE, .inhibitor = VH_REPORTING_POISONED},
     VH_TIER_PULSE,
     VH_TIER_REASON_INHIBITED},
};

/* In any order: what was told before is forgotten. */
static void test_reporting(void)
{
    VhProbe probe;
    VhStats answered = {.last_update_us = VH_SEC};

    g_assert_true(vh_probe_parse(DOMAIN("<devices>" BALLOON_ON "</devices>"), &probe, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(told); i++) {
        for (guint j = 0; j < G_N_ELEMENTS(told); j++) {
            vh_probe_apply_reporting(&probe, &told[j].info);
            vh_probe_apply_reporting(&probe, &told[i].info);
            g_test_message("%s after %s", told[i].name, told[j].name);
            g_assert_cmpint(probe.tier, ==, told[i].tier);
            g_assert_cmphex(probe.reasons, ==, told[i].reasons);
        }
    }
    vh_probe_apply_reporting(&probe, &told[0].info);
    vh_probe_apply_stats(&probe, &answered, 0, 2 * VH_SEC);
    g_assert_cmpint(probe.tier, ==, VH_TIER_NATIVE);
    vh_probe_apply_reporting(&probe, NULL);
    g_assert_cmpint(probe.tier, ==, VH_TIER_PULSE);
    g_assert_cmphex(probe.reasons, ==, STOCK);
}

/* What forbids an ask does so whatever device and driver can do. */
static void test_reporting_of_barred(void)
{
    VhProbe probe;

    g_assert_true(vh_probe_parse(
        DOMAIN("<memoryBacking><locked/></memoryBacking><devices>" BALLOON_ON "</devices>"), &probe,
        NULL));
    vh_probe_apply_reporting(&probe, &told[0].info);
    g_assert_cmpint(probe.tier, ==, VH_TIER_NONE);
    g_assert_cmpint(probe.known_tier, ==, VH_TIER_NATIVE);
    g_assert_cmphex(probe.reasons, ==, VH_TIER_REASON_LOCKED);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/probe/tiers", test_tiers);
    g_test_add_func("/probe/details", test_details);
    g_test_add_func("/probe/facts", test_facts);
    g_test_add_func("/probe/nodes", test_nodes);
    g_test_add_func("/probe/absurd-periods", test_absurd_periods);
    g_test_add_func("/probe/refused", test_refused);
    g_test_add_func("/probe/driver", test_driver);
    g_test_add_func("/probe/reporting", test_reporting);
    g_test_add_func("/probe/reporting-of-barred", test_reporting_of_barred);
    return g_test_run();
}
