/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-tier.h: the words, nothing else. */
#include "vh-tier.h"

static const struct {
    VhTierReason reason;
    const char *name;
    const char *text;
} reason_words[] = {
    {VH_TIER_REASON_NO_BALLOON, "no-balloon", "the domain has no virtio memory balloon"},
    {VH_TIER_REASON_NO_DRIVER, "no-driver",
     "the guest's balloon driver has never answered: it is not loaded, or not up yet"},
    {VH_TIER_REASON_VFIO, "vfio", "a passed-through device pins the guest's memory"},
    {VH_TIER_REASON_LOCKED, "locked", "the guest's memory is locked on the host"},
    {VH_TIER_REASON_HUGEPAGES, "hugepages",
     "the guest's memory is made of hugetlb pages, which a balloon cannot free"},
    {VH_TIER_REASON_NO_AUTODEFLATE, "no-autodeflate",
     "the balloon has no autodeflate='on': a pulse could get the guest's processes killed"},
    {VH_TIER_REASON_STOCK_DEVICE, "stock-device",
     "this QEMU's balloon device cannot be switched or asked while the guest runs"},
    {VH_TIER_REASON_FILE_BACKED, "file-backed",
     "the guest's memory is a named file: discarding may not free it"},
    {VH_TIER_REASON_NO_MONITOR, "no-monitor",
     "its balloon may be able to do more, but QEMU was not asked: a monitor command would taint "
     "the "
     "domain ('virthint info --monitor' sends it, the daemon where the policy's 'monitor' allows "
     "it)"},
    {VH_TIER_REASON_NO_REPORTING, "no-reporting",
     "free page reporting is off on the balloon, or the guest's driver takes no part in it"},
    {VH_TIER_REASON_NO_PASSES, "no-passes",
     "the balloon's property 'reporting-ctrl' is off, so that it cannot be asked for passes"},
    {VH_TIER_REASON_STOCK_DRIVER, "stock-driver",
     "the guest's balloon driver does not know reporting passes"},
    {VH_TIER_REASON_INHIBITED, "inhibited",
     "a migration, a snapshot or the guest's page poisoning keeps reported pages from being "
     "discarded"},
    {VH_TIER_REASON_NO_DISCARD, "no-discard",
     "QEMU may not discard this guest's memory: a device needs it to stay where it is"},
};

const char *vh_tier_name(VhTier tier)
{
    static const char *const names[] = {
        [VH_TIER_NONE] = "none",
        [VH_TIER_PULSE] = "pulse",
        [VH_TIER_SOFT] = "soft",
        [VH_TIER_NATIVE] = "native",
    };
    g_return_val_if_fail((guint)tier < G_N_ELEMENTS(names), "none");
    return names[tier];
}

const char *vh_tier_reason_name(VhTierReason reason)
{
    for (guint i = 0; i < G_N_ELEMENTS(reason_words); i++) {
        if (reason_words[i].reason == reason) {
            return reason_words[i].name;
        }
    }
    g_return_val_if_reached("unknown");
}

const char *vh_tier_reason_text(VhTierReason reason)
{
    for (guint i = 0; i < G_N_ELEMENTS(reason_words); i++) {
        if (reason_words[i].reason == reason) {
            return reason_words[i].text;
        }
    }
    g_return_val_if_reached("unknown");
}

static char *join(guint reasons, const char *separator, const char *(*say)(VhTierReason reason))
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(reason_words); i++) {
        if (reasons & reason_words[i].reason)
            g_string_append_printf(text, "%s%s", text->len > 0 ? separator : "",
                                   say(reason_words[i].reason));
    }
    return g_string_free(text, FALSE);
}

char *vh_tier_reasons_format(guint reasons)
{
    return join(reasons, ",", vh_tier_reason_name);
}

char *vh_tier_reasons_explain(guint reasons)
{
    return join(reasons, "; ", vh_tier_reason_text);
}

GVariant *vh_tier_reasons_list(guint reasons, const char *(*say)(VhTierReason reason))
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint bit = 1; bit <= VH_TIER_REASON_LAST; bit <<= 1) {
        if (reasons & bit)
            g_variant_builder_add(&list, "s", say((VhTierReason)bit));
    }
    return g_variant_builder_end(&list);
}
