/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the policy override out of a domain's metadata. Owns the way from libvirt and XML to
 * VhOverride; must not know what the attributes mean (base does) or whether they count (the host's
 * policy does).
 */
#include "vh-metadata.h"

#include "vh-libvirt.h"
#include "vh-xml.h"

/* Which namespace it is in was already libvirt's choice: metadata elements are stored by URI. */
static gboolean take_attribute(const xmlNode *node, const xmlAttr *attribute, VhOverride *override,
                               GError **error)
{
    const char *name = (const char *)attribute->name;
    g_autofree char *value = NULL;

    if (attribute->ns) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "attribute '%.64s' has a namespace prefix: write it without", name);
        return FALSE;
    }
    value = vh_xml_attribute(node, name);
    return vh_override_set(override, name, value, error);
}

gboolean vh_metadata_parse_override(const char *xml, VhOverride *ret_override, GError **error)
{
    g_autoptr(xmlDoc) doc = vh_xml_parse(xml, "the policy metadata", error);
    VhOverride override = {0};
    const xmlNode *root;

    if (!doc) {
        if (error)
            (*error)->code = VH_ERROR_INVALID;
        return FALSE;
    }
    root = xmlDocGetRootElement(doc);
    if (!vh_xml_is(root, "policy")) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "metadata element <%.64s> of %s is unknown: only <policy> means something",
                    (const char *)root->name, VH_OVERRIDE_URI);
        return FALSE;
    }
    for (const xmlAttr *attribute = root->properties; attribute; attribute = attribute->next) {
        if (!take_attribute(root, attribute, &override, error)) {
            g_prefix_error(error, "policy metadata: ");
            if (error)
                (*error)->code = VH_ERROR_INVALID;
            return FALSE;
        }
    }
    *ret_override = override;
    return TRUE;
}

gboolean vh_metadata_get_override(virDomainPtr domain, VhOverride *ret_override, GError **error)
{
    char *xml = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, VH_OVERRIDE_URI,
                                     VIR_DOMAIN_AFFECT_CURRENT);
    gboolean parsed;

    if (!xml) {
        if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_METADATA) {
            memset(ret_override, 0, sizeof *ret_override);
            return TRUE;
        }
        vh_libvirt_set_error(error, NULL);
        return FALSE;
    }
    parsed = vh_metadata_parse_override(xml, ret_override, error);
    free(xml);
    return parsed;
}
