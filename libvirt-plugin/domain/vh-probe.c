/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds out from a domain's XML what it can be asked for. Owns which elements mean what for
 * discards; must not know policy.
 */
#include "vh-probe.h"

#include "vh-call.h"
#include "vh-facts.h"
#include "vh-libvirt.h"
#include "vh-placement.h"
#include "vh-reporting-monitor.h"
#include "vh-units.h"
#include "vh-xml.h"

/* Any of these, and a discard frees nothing or is refused. */
#define BLOCKING_REASONS                                                                  \
    ((guint)(VH_TIER_REASON_NO_BALLOON | VH_TIER_REASON_NO_DRIVER | VH_TIER_REASON_VFIO | \
             VH_TIER_REASON_LOCKED | VH_TIER_REASON_HUGEPAGES | VH_TIER_REASON_NO_DISCARD))

/* Those that QEMU's own word settles. */
#define TOLD_REASONS                                                   \
    ((guint)(VH_TIER_REASON_STOCK_DEVICE | VH_TIER_REASON_NO_MONITOR | \
             VH_TIER_REASON_NO_REPORTING | VH_TIER_REASON_NO_PASSES |  \
             VH_TIER_REASON_STOCK_DRIVER | VH_TIER_REASON_INHIBITED | VH_TIER_REASON_NO_DISCARD))

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"
#define PASSES_PROPERTY "reporting-ctrl"

#define MAX_PERIOD_S 86400

/* Devices that pin guest memory for DMA, so that QEMU disables discards. A NULL attribute: always.
 */
static const struct {
    const char *element, *attribute, *value;
} pinning[] = {
    {"hostdev", "type", "pci"},    {"hostdev", "type", "mdev"}, {"interface", "type", "hostdev"},
    {"interface", "type", "vdpa"}, {"disk", "type", "nvme"},    {"disk", "type", "vhostvdpa"},
};

static gboolean is_pinning(const xmlNode *device)
{
    for (guint i = 0; i < G_N_ELEMENTS(pinning); i++) {
        if (vh_xml_is(device, pinning[i].element) &&
            vh_xml_attribute_is(device, pinning[i].attribute, pinning[i].value))
            return TRUE;
    }
    return FALSE;
}

static void take_balloon(const xmlNode *balloon, VhProbe *probe)
{
    g_autofree char *model = vh_xml_attribute(balloon, "model");
    const xmlNode *stats = vh_xml_child(balloon, "stats");
    guint64 period_s;

    /* Its three models differ in the PCI ids only. */
    probe->has_balloon = model && g_str_has_prefix(model, "virtio");
    if (!probe->has_balloon)
        return;
    probe->has_autodeflate = vh_xml_attribute_is(balloon, "autodeflate", "on");
    probe->has_reporting = vh_xml_attribute_is(balloon, "freePageReporting", "on");
    if (stats && vh_xml_attribute_uint(stats, "period", MAX_PERIOD_S, &period_s))
        probe->stats_period_us = (gint64)period_s * VH_SEC;
}

static void take_devices(const xmlNode *devices, VhProbe *probe)
{
    for (const xmlNode *device = devices ? devices->children : NULL; device;
         device = device->next) {
        if (vh_xml_is(device, "memballoon"))
            take_balloon(device, probe);
        else if (is_pinning(device))
            probe->reasons |= VH_TIER_REASON_VFIO;
    }
}

/* An element of libvirt's own namespace for what it hands to QEMU as it is. */
static const xmlNode *qemu_child(const xmlNode *parent, const char *name)
{
    const xmlNode *node = vh_xml_child(parent, name);

    if (!node || !node->ns || strcmp((const char *)node->ns->href, QEMU_NAMESPACE) != 0)
        return NULL;
    return node;
}

static gboolean is_true(const char *value)
{
    return g_strcmp0(value, "true") == 0 || g_strcmp0(value, "on") == 0 ||
           g_strcmp0(value, "yes") == 0;
}

/* <qemu:override><qemu:device alias='balloon0'><qemu:frontend><qemu:property .../> */
static gboolean is_overridden(const xmlNode *override, const char *alias)
{
    for (const xmlNode *device = override ? override->children : NULL; device;
         device = device->next) {
        const xmlNode *frontend;

        if (!vh_xml_is(device, "device") || !vh_xml_attribute_is(device, "alias", alias))
            continue;
        frontend = vh_xml_child(device, "frontend");
        for (const xmlNode *node = frontend ? frontend->children : NULL; node; node = node->next) {
            g_autofree char *value = NULL;

            if (!vh_xml_is(node, "property") || !vh_xml_attribute_is(node, "name", PASSES_PROPERTY))
                continue;
            value = vh_xml_attribute(node, "value");
            if (is_true(value))
                return TRUE;
        }
    }
    return FALSE;
}

/* What follows "-global" or "-set": DRIVER.PROPERTY=VALUE, device.ALIAS.PROPERTY=VALUE. */
static gboolean is_argument(const char *option, const char *text, const char *alias)
{
    g_auto(GStrv) sides = g_strsplit(text, "." PASSES_PROPERTY "=", 2);

    if (!sides[0] || !sides[1] || !is_true(sides[1]))
        return FALSE;
    if (g_strcmp0(option, "-global") == 0)
        return g_str_has_prefix(sides[0], "virtio-balloon");
    return g_strcmp0(option, "-set") == 0 && g_str_has_prefix(sides[0], "device.") &&
           strcmp(sides[0] + strlen("device."), alias) == 0;
}

/* <qemu:commandline><qemu:arg value='-global'/><qemu:arg value='...'/> */
static gboolean is_on_command_line(const xmlNode *commandline, const char *alias)
{
    g_autofree char *option = NULL;

    for (const xmlNode *node = commandline ? commandline->children : NULL; node;
         node = node->next) {
        char *text;

        if (!vh_xml_is(node, "arg"))
            continue;
        text = vh_xml_attribute(node, "value");
        if (text && is_argument(option, text, alias)) {
            g_free(text);
            return TRUE;
        }
        g_free(option);
        option = text;
    }
    return FALSE;
}

/* Whether the XML hands our device its property. */
static gboolean has_passes(const xmlNode *root)
{
    const xmlNode *balloon = vh_xml_child(vh_xml_child(root, "devices"), "memballoon");
    const xmlNode *name = vh_xml_child(balloon, "alias");
    g_autofree char *named = name ? vh_xml_attribute(name, "name") : NULL;
    const char *alias = named ? named : "balloon0";

    return is_overridden(qemu_child(root, "override"), alias) ||
           is_on_command_line(qemu_child(root, "commandline"), alias);
}

static void take_backing(const xmlNode *backing, VhProbe *probe)
{
    const xmlNode *source = vh_xml_child(backing, "source");
    const xmlNode *access = vh_xml_child(backing, "access");

    if (vh_xml_child(backing, "locked"))
        probe->reasons |= VH_TIER_REASON_LOCKED;
    if (vh_xml_child(backing, "hugepages"))
        probe->reasons |= VH_TIER_REASON_HUGEPAGES;
    if (source && vh_xml_attribute_is(source, "type", "file"))
        probe->reasons |= VH_TIER_REASON_FILE_BACKED;
    if (access && vh_xml_attribute_is(access, "mode", "shared"))
        probe->is_shared = TRUE;
}

static void take_numa(const xmlNode *numa, VhProbe *probe)
{
    for (const xmlNode *cell = numa ? numa->children : NULL; cell; cell = cell->next) {
        if (vh_xml_is(cell, "cell") && vh_xml_attribute_is(cell, "memAccess", "shared"))
            probe->is_shared = TRUE;
    }
}

static void take_facts(const xmlNode *root, VhProbe *probe)
{
    const struct {
        VhFact fact;
        gboolean holds;
    } facts[] = {
        {VH_FACT_DEDICATED_CPU, vh_placement_has_own_cpus(root)},
        {VH_FACT_REALTIME, vh_placement_is_realtime(root)},
        {VH_FACT_HUGEPAGES, (probe->reasons & VH_TIER_REASON_HUGEPAGES) != 0},
        {VH_FACT_VFIO, (probe->reasons & VH_TIER_REASON_VFIO) != 0},
        {VH_FACT_LOCKED, (probe->reasons & VH_TIER_REASON_LOCKED) != 0},
        {VH_FACT_SHARED_MEMORY, probe->is_shared},
    };

    for (guint i = 0; i < G_N_ELEMENTS(facts); i++)
        probe->facts |= facts[i].holds ? facts[i].fact : 0;
    probe->n_vcpus = vh_placement_n_vcpus(root);
    probe->node_mask = vh_placement_node_mask(root);
}

static void set_tier(VhProbe *probe)
{
    probe->tier = probe->reasons & BLOCKING_REASONS ? VH_TIER_NONE : probe->known_tier;
}

gboolean vh_probe_parse(const char *domain_xml, VhProbe *ret_probe, GError **error)
{
    g_autoptr(xmlDoc) doc = vh_xml_parse(domain_xml, "the domain XML", error);
    VhProbe probe = {.known_tier = VH_TIER_PULSE};
    const xmlNode *root;

    if (!doc)
        return FALSE;
    root = xmlDocGetRootElement(doc);
    if (!vh_xml_is(root, "domain")) {
        g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL,
                    "the domain XML starts with <%.64s> instead of <domain>",
                    (const char *)root->name);
        return FALSE;
    }
    take_devices(vh_xml_child(root, "devices"), &probe);
    take_backing(vh_xml_child(root, "memoryBacking"), &probe);
    take_numa(vh_xml_child(vh_xml_child(root, "cpu"), "numa"), &probe);
    /* SEV, TDX and their like pin all memory, and what is discarded would not be found again. */
    if (vh_xml_child(root, "launchSecurity"))
        probe.reasons |= VH_TIER_REASON_LOCKED;
    take_facts(root, &probe);
    if (!probe.has_balloon)
        probe.reasons |= VH_TIER_REASON_NO_BALLOON;
    else if (!probe.has_autodeflate)
        probe.reasons |= VH_TIER_REASON_NO_AUTODEFLATE;
    probe.has_passes = probe.has_balloon && has_passes(root);
    if (probe.has_balloon)
        probe.reasons |= probe.has_passes ? VH_TIER_REASON_NO_MONITOR : VH_TIER_REASON_STOCK_DEVICE;
    set_tier(&probe);
    *ret_probe = probe;
    return TRUE;
}

void vh_probe_apply_stats(VhProbe *probe, const VhStats *stats, gint64 period_since_us,
                          gint64 now_wall_us)
{
    gint64 grace_us = VH_PROBE_GRACE_US + 3 * probe->stats_period_us;
    gboolean waited = probe->stats_period_us > 0 && period_since_us > 0 &&
                      now_wall_us - period_since_us >= grace_us;

    if (stats->last_update_us > 0)
        probe->reasons &= ~(guint)VH_TIER_REASON_NO_DRIVER;
    else if (waited && probe->has_balloon)
        probe->reasons |= VH_TIER_REASON_NO_DRIVER;
    set_tier(probe);
}

/* The tier that device and driver allow by themselves, and why it is no higher. */
static VhTier tier_of(const VhReportingInfo *info, guint *reasons)
{
    if (!(info->negotiated & VH_REPORTING_FREE_PAGE_REPORTING)) {
        *reasons |= VH_TIER_REASON_NO_REPORTING;
        return VH_TIER_PULSE;
    }
    if (info->inhibitor == VH_REPORTING_DISCARD_DISABLED) {
        *reasons |= VH_TIER_REASON_NO_DISCARD;
        return VH_TIER_PULSE;
    }
    if (info->inhibitor != VH_REPORTING_INHIBITOR_NONE) {
        *reasons |= VH_TIER_REASON_INHIBITED;
        return VH_TIER_PULSE;
    }
    if (info->negotiated & VH_REPORTING_CTRL)
        return VH_TIER_NATIVE;
    *reasons |=
        info->offered & VH_REPORTING_CTRL ? VH_TIER_REASON_STOCK_DRIVER : VH_TIER_REASON_NO_PASSES;
    return VH_TIER_SOFT;
}

void vh_probe_apply_reporting(VhProbe *probe, const VhReportingInfo *info)
{
    probe->reasons &= ~TOLD_REASONS;
    if (!info) {
        probe->reasons |= VH_TIER_REASON_STOCK_DEVICE;
        probe->known_tier = VH_TIER_PULSE;
    } else {
        probe->known_tier = tier_of(info, &probe->reasons);
        if (info->has_driver)
            probe->reasons &= ~(guint)VH_TIER_REASON_NO_DRIVER;
        else
            probe->reasons |= VH_TIER_REASON_NO_DRIVER;
    }
    set_tier(probe);
}

/* What its QEMU adds. */
static gboolean ask_qemu(virDomainPtr domain, VhProbe *probe, GError **error)
{
    VhReportingTold told;
    VhReportingInfo info;

    if (!vh_reporting_tell(domain, &info, &told, error))
        return FALSE;
    if (told != VH_REPORTING_NOT_TO_ASK)
        vh_probe_apply_reporting(probe, told == VH_REPORTING_TOLD ? &info : NULL);
    return TRUE;
}

gboolean vh_probe_domain(virDomainPtr domain, VhMonitorRule monitor, VhProbe *ret_probe,
                         GError **error)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    VhProbe probe;
    VhStats stats;
    gboolean parsed;

    if (!xml) {
        vh_libvirt_set_error(error, NULL);
        return FALSE;
    }
    parsed = vh_probe_parse(xml, &probe, error);
    free(xml);
    if (!parsed || !vh_stats_read(domain, &stats, error))
        return FALSE;
    vh_probe_apply_stats(&probe, &stats, 0, g_get_real_time());
    if (monitor == VH_MONITOR_ALLOW && probe.has_passes && stats.state != VIR_DOMAIN_SHUTOFF &&
        !ask_qemu(domain, &probe, error))
        return FALSE;
    *ret_probe = probe;
    return TRUE;
}

typedef struct {
    VhMonitorRule monitor;
    VhProbe probe;
} Args;

static gboolean probe_work(gpointer handle, gpointer data, GError **error)
{
    Args *args = data;

    return vh_probe_domain(handle, args->monitor, &args->probe, error);
}

void vh_probe_domain_async(virDomainPtr domain, VhMonitorRule monitor, gint64 timeout_us,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    const Args args = {.monitor = monitor};
    const VhCallOptions options = {timeout_us, cancellable, callback, data};

    vh_call_on_domain(domain, probe_work, &args, sizeof args, NULL, &options);
}

gboolean vh_probe_domain_finish(GAsyncResult *result, VhProbe *ret_probe, GError **error)
{
    const Args *args = vh_call_finish(result, probe_work, error);

    if (args)
        *ret_probe = args->probe;
    return args != NULL;
}
