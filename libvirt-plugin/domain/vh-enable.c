/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a wish to the definition that fulfils it. Owns which tier needs what of a definition, and
 * the way of it to libvirt and back; must not know policy, nor what others do with the balloon.
 */
#include "vh-enable.h"

#include "vh-enable-xml.h"
#include "vh-libvirt.h"
#include "vh-probe.h"
#include "vh-text.h"
#include "vh-units.h"

/* These hold whatever the balloon is like. */
#define HOPELESS_REASONS \
    ((guint)(VH_TIER_REASON_VFIO | VH_TIER_REASON_LOCKED | VH_TIER_REASON_HUGEPAGES))

/* The first with qemu:override. */
#define OVERRIDE_VERSION 8002000ul

#define TARGET_BYTES 32

typedef struct {
    const char *what;
    const char *why;
    VhTier from_tier;  /* needed from this tier on */
    gboolean is_now;   /* libvirt changes it in a running guest */
    const char *value; /* NULL: said by the wish */
    gboolean (*is_met)(const char *value, const char *wanted);
    char *(*get)(const xmlNode *root);
    void (*set)(xmlNode *root, const char *value);
} Need;

static gboolean is_virtio(const char *value, const char *wanted)
{
    return value && g_str_has_prefix(value, "virtio");
}

static gboolean is_the_same(const char *value, const char *wanted)
{
    return g_strcmp0(value, wanted) == 0;
}

/* Any period: another one's is left alone, whether it is shorter or longer. */
static gboolean is_period(const char *value, const char *wanted)
{
    guint64 period_s;

    return value && g_ascii_string_to_unsigned(value, 10, 1, G_MAXINT, &period_s, NULL);
}

static gboolean is_true(const char *value, const char *wanted)
{
    return g_strcmp0(value, "true") == 0 || g_strcmp0(value, "on") == 0 ||
           g_strcmp0(value, "yes") == 0;
}

/* In the order in which the XML is changed: the balloon has to be there first. */
static const Need needs[] = {
    {"model", "the balloon is the way to the guest's free memory", VH_TIER_PULSE, FALSE, "virtio",
     is_virtio, vh_enable_xml_get_model, vh_enable_xml_set_model},
    {"autodeflate", "a guest that wants memory while it is asked gets it from the balloon",
     VH_TIER_PULSE, FALSE, "on", is_the_same, vh_enable_xml_get_autodeflate,
     vh_enable_xml_set_autodeflate},
    {"stats-period", "the guest's driver tells how much is free only where it is asked",
     VH_TIER_PULSE, TRUE, NULL, is_period, vh_enable_xml_get_period, vh_enable_xml_set_period},
    {"reporting", "the guest's driver reports free memory without any balloon", VH_TIER_SOFT, FALSE,
     "on", is_the_same, vh_enable_xml_get_reporting, vh_enable_xml_set_reporting},
    {"emulator", "only a patched QEMU can switch reporting, and pass over what is free",
     VH_TIER_SOFT, FALSE, NULL, is_the_same, vh_enable_xml_get_emulator,
     vh_enable_xml_set_emulator},
    {"passes", "the balloon offers passes, and shows that its QEMU is a patched one", VH_TIER_SOFT,
     FALSE, "true", is_true, vh_enable_xml_get_passes, vh_enable_xml_set_passes},
};

static void change_free(gpointer data)
{
    VhEnableChange *change = data;

    g_free(change->from);
    g_free(change->to);
    g_free(change);
}

void vh_enable_plan_free(VhEnablePlan *plan)
{
    if (!plan)
        return;
    g_free(plan->before);
    g_free(plan->after);
    g_ptr_array_unref(plan->changes);
    g_free(plan);
}

static gboolean check_wish(const VhEnableWish *wish, GError **error)
{
    const char *wrong = NULL;

    if (wish->tier < VH_TIER_PULSE || wish->tier > VH_TIER_NATIVE)
        wrong = "a guest can be made one of tier pulse, soft or native";
    else if (wish->emulator && wish->tier == VH_TIER_PULSE)
        wrong = "tier pulse works with any QEMU; an emulator is for soft and native";
    else if (wish->emulator && !g_path_is_absolute(wish->emulator))
        wrong = "the emulator has to be an absolute path";
    else if (wish->emulator && !g_utf8_validate(wish->emulator, -1, NULL))
        wrong = "the emulator's path has to be UTF-8, as all of a definition";
    else if (wish->stats_period_us < 0 || wish->stats_period_us > VH_ENABLE_PERIOD_MAX_US ||
             wish->stats_period_us % VH_SEC != 0)
        wrong = "the stats period has to be whole seconds, from 1s to 1d";
    if (wrong)
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID, wrong);
    return !wrong;
}

/* What no change of the balloon can help. */
static gboolean check_guest(const VhProbe *probe, const xmlNode *root, const VhEnableWish *wish,
                            GError **error)
{
    g_autofree char *model = vh_enable_xml_get_model(root);

    if (probe->reasons & HOPELESS_REASONS) {
        g_autofree char *why = vh_tier_reasons_explain(probe->reasons & HOPELESS_REASONS);

        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "it stays at tier none, whatever its balloon is like: %s", why);
        return FALSE;
    }
    if (model && !g_str_equal(model, "none") && !is_virtio(model, NULL)) {
        g_autofree char *quoted = vh_text_quote(model);

        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "its balloon is of the model %s, which stays at tier none; a virtio one "
                    "would do",
                    quoted);
        return FALSE;
    }
    /* The prefix would come to stand for libvirt's namespace, and what it is in front of with it.
     */
    if (vh_enable_xml_is_ambiguous(root)) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_PROTOCOL,
                            "the definition uses the prefix 'qemu' without saying what it stands "
                            "for; declare its namespace, or take it out");
        return FALSE;
    }
    if (wish->tier >= VH_TIER_SOFT && !wish->emulator && !probe->has_passes) {
        g_set_error(
            error, VH_ERROR, VH_ERROR_INVALID,
            "tier %s takes a patched QEMU, and the definition does not show that its own is "
            "one; name it",
            vh_tier_name(wish->tier));
        return FALSE;
    }
    return TRUE;
}

/* What a need comes to; NULL: the wish leaves it as it is. */
static const char *value_of(const Need *need, const VhEnableWish *wish, char *buffer)
{
    gint64 period_us = wish->stats_period_us ? wish->stats_period_us : VH_ENABLE_PERIOD_US;

    if (need->value)
        return need->value;
    if (need->get == vh_enable_xml_get_emulator)
        return wish->emulator;
    g_snprintf(buffer, TARGET_BYTES, "%" G_GINT64_FORMAT, period_us / VH_SEC);
    return buffer;
}

/* qemu:commandline can give the balloon its property, too: then no override is needed. */
static gboolean is_met(const Need *need, const xmlNode *root, const VhProbe *probe,
                       const char *wanted)
{
    g_autofree char *value = need->get(root);

    if (need->get == vh_enable_xml_get_passes && probe->has_passes)
        return TRUE;
    return need->is_met(value, wanted);
}

/* The running guest; root NULL: there is none. */
typedef struct {
    const xmlNode *root;
    VhProbe probe;
} Live;

static void take_need(VhEnablePlan *plan, const Need *need, xmlNode *root, const VhProbe *probe,
                      const Live *live, const VhEnableWish *wish)
{
    char buffer[TARGET_BYTES];
    const char *wanted = value_of(need, wish, buffer);
    gboolean is_defined = !wanted || is_met(need, root, probe, wanted);
    gboolean is_live = !wanted || !live->root || is_met(need, live->root, &live->probe, wanted);
    g_autofree char *from = need->get(root);
    VhEnableChange *change;

    if (is_defined && is_live)
        return;
    change = g_new0(VhEnableChange, 1);
    change->what = need->what;
    change->why = need->why;
    change->is_defined = is_defined;
    change->is_now = live->root && (need->is_now || is_live);
    /* What is defined and not in force yet is what the guest will get. */
    change->to = g_strdup(is_defined && from ? from : wanted);
    change->from = g_steal_pointer(&from);
    if (need->is_now && !is_live)
        plan->live_period_s = (guint)g_ascii_strtoull(change->to, NULL, 10);
    if (!is_defined) {
        need->set(root, wanted);
        plan->has_definition = TRUE;
        plan->needs_override = plan->needs_override || need->get == vh_enable_xml_get_passes;
    }
    g_ptr_array_add(plan->changes, change);
}

/* What was promised has to be what a probe finds. */
static gboolean check_promise(const VhEnablePlan *plan, const VhEnableWish *wish, GError **error)
{
    VhProbe probe;

    if (!vh_probe_parse(plan->after, &probe, error))
        return FALSE;
    if (!probe.has_autodeflate || probe.stats_period_us == 0 || probe.tier == VH_TIER_NONE ||
        (wish->tier >= VH_TIER_SOFT && (!probe.has_reporting || !probe.has_passes))) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_PROTOCOL,
                            "the definition has parts that contradict each other: two balloons, "
                            "say, or a prefix 'qemu' that is not libvirt's");
        return FALSE;
    }
    return TRUE;
}

VhEnablePlan *vh_enable_plan(const char *inactive_xml, const char *live_xml,
                             const VhEnableWish *wish, GError **error)
{
    g_autoptr(VhEnablePlan) plan = g_new0(VhEnablePlan, 1);
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlDoc) live_doc = NULL;
    Live live = {NULL};
    VhProbe probe;
    xmlNode *root;

    plan->changes = g_ptr_array_new_with_free_func(change_free);
    if (!check_wish(wish, error) || !vh_probe_parse(inactive_xml, &probe, error))
        return NULL;
    doc = vh_xml_parse(inactive_xml, "the domain XML", error);
    if (!doc || !check_guest(&probe, xmlDocGetRootElement(doc), wish, error))
        return NULL;
    if (live_xml) {
        if (!vh_probe_parse(live_xml, &live.probe, error))
            return NULL;
        live_doc = vh_xml_parse(live_xml, "the live XML", error);
        if (!live_doc)
            return NULL;
        live.root = xmlDocGetRootElement(live_doc);
    }
    plan->is_running = live_xml != NULL;
    root = xmlDocGetRootElement(doc);
    plan->before = vh_enable_xml_print(doc);
    for (guint i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (wish->tier >= needs[i].from_tier)
            take_need(plan, &needs[i], root, &probe, &live, wish);
    }
    plan->after = vh_enable_xml_print(doc);
    if (!check_promise(plan, wish, error))
        return NULL;
    return g_steal_pointer(&plan);
}

/* ---- Over libvirt ---- */

static VhEnablePlan *plan_with(virDomainPtr domain, unsigned int flags, const VhEnableWish *wish,
                               GError **error)
{
    int is_active = virDomainIsActive(domain);
    char *inactive = is_active < 0 ? NULL : virDomainGetXMLDesc(domain, flags);
    char *live = inactive && is_active ? virDomainGetXMLDesc(domain, 0) : NULL;
    VhEnablePlan *plan = NULL;

    if (!inactive || (is_active && !live))
        vh_libvirt_set_error(error, NULL);
    else
        plan = vh_enable_plan(inactive, live, wish, error);
    free(inactive);
    free(live);
    return plan;
}

VhEnablePlan *vh_enable_plan_domain(virDomainPtr domain, const VhEnableWish *wish, GError **error)
{
    return plan_with(domain, VIR_DOMAIN_XML_INACTIVE, wish, error);
}

static gboolean check_persistent(virDomainPtr domain, GError **error)
{
    int is_persistent = virDomainIsPersistent(domain);

    if (is_persistent < 0)
        vh_libvirt_set_error(error, NULL);
    else if (is_persistent == 0)
        g_set_error_literal(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                            "it is transient: there is no definition to change; whoever creates it "
                            "has to put the change into the XML that it is created from");
    return is_persistent > 0;
}

static gboolean check_version(virDomainPtr domain, const VhEnablePlan *plan, GError **error)
{
    unsigned long version = 0;

    if (!plan->needs_override)
        return TRUE;
    if (virConnectGetLibVersion(virDomainGetConnect(domain), &version) < 0) {
        vh_libvirt_set_error(error, NULL);
        return FALSE;
    }
    if (version >= OVERRIDE_VERSION)
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                "this libvirt, %lu.%lu, cannot hand a property to a device (qemu:override): "
                "8.2 or later can",
                version / 1000000, version / 1000 % 1000);
    return FALSE;
}

static gboolean define(virDomainPtr domain, const VhEnablePlan *plan, GError **error)
{
    g_autoptr(virDomain) defined = NULL;

    if (!plan->has_definition)
        return TRUE;
    defined = virDomainDefineXMLFlags(virDomainGetConnect(domain), plan->after,
                                      VIR_DOMAIN_DEFINE_VALIDATE);
    if (!defined)
        vh_libvirt_set_error(error, "libvirt refuses the definition: ");
    return defined != NULL;
}

static gboolean set_live(virDomainPtr domain, const VhEnablePlan *plan, GError **error)
{
    if (plan->live_period_s == 0)
        return TRUE;
    if (virDomainSetMemoryStatsPeriod(domain, (int)plan->live_period_s, VIR_DOMAIN_AFFECT_LIVE) <
        0) {
        vh_libvirt_set_error(error, plan->has_definition
                                        ? "the definition is changed, but not the period of the "
                                          "running guest: "
                                        : "the period of the running guest: ");
        return FALSE;
    }
    return TRUE;
}

/* libvirt leaves out of a definition what it does not know. */
static gboolean check_kept(virDomainPtr domain, unsigned int flags, const VhEnableWish *wish,
                           GError **error)
{
    g_autoptr(VhEnablePlan) rest = plan_with(domain, flags, wish, error);
    const VhEnableChange *change = NULL;

    if (!rest) {
        g_prefix_error(error, "the definition is changed, but cannot be looked at: ");
        return FALSE;
    }
    for (guint i = 0; i < rest->changes->len && !change; i++) {
        const VhEnableChange *candidate = g_ptr_array_index(rest->changes, i);

        if (!candidate->is_defined)
            change = candidate;
    }
    if (change)
        g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL,
                    "libvirt took the definition, and dropped '%s' from it", change->what);
    return !change;
}

VhEnablePlan *vh_enable_apply(virDomainPtr domain, const VhEnableWish *wish, GError **error)
{
    /* Without _SECURE what is defined would have lost the passwords of its displays and disks. */
    const unsigned int flags = VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE;
    g_autoptr(VhEnablePlan) plan = NULL;

    if (!check_persistent(domain, error))
        return NULL;
    plan = plan_with(domain, flags, wish, error);
    if (!plan || !check_version(domain, plan, error) || !define(domain, plan, error) ||
        !set_live(domain, plan, error) || !check_kept(domain, flags, wish, error))
        return NULL;
    return g_steal_pointer(&plan);
}
