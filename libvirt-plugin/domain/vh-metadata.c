/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy override in a domain's metadata. Owns the way between libvirt, XML and VhOverride;
 * must not know what the attributes mean (base does) or whether they count (the host's policy
 * does).
 */
#include "vh-metadata.h"

#include "vh-libvirt.h"
#include "vh-ready.h"
#include "vh-text.h"
#include "vh-xml.h"

#define ELEMENT "policy"
#define PREFIX "virthint"

/* Which namespace it is in was already libvirt's choice: metadata elements are stored by URI. */
static gboolean take_attribute(const xmlNode *node, const xmlAttr *attribute, VhOverride *override,
                               GError **error)
{
    const char *name = (const char *)attribute->name;
    g_autofree char *value = NULL;

    if (attribute->ns) {
        g_autofree char *quoted = vh_text_quote(name);

        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "attribute %s has a namespace prefix: write it without", quoted);
        return FALSE;
    }
    value = vh_xml_attribute(node, name);
    return vh_override_set(override, name, value, error);
}

/* Whatever is wrong with somebody's metadata is his to correct. */
static xmlDoc *read_document(const char *xml, GError **error)
{
    g_autoptr(GError) failure = NULL;
    xmlDoc *doc;

    if (strnlen(xml, VH_METADATA_MAX_BYTES + 1) > VH_METADATA_MAX_BYTES) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "the policy metadata is longer than %" G_GSIZE_FORMAT
                    " bytes; <policy> and its attributes take some hundred",
                    VH_METADATA_MAX_BYTES);
        return NULL;
    }
    doc = vh_xml_parse(xml, "the policy metadata", &failure);
    if (!doc)
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID, failure->message);
    return doc;
}

static gboolean take_attributes(const xmlNode *root, VhOverride *override, GError **error)
{
    for (const xmlAttr *attribute = root->properties; attribute; attribute = attribute->next) {
        if (!take_attribute(root, attribute, override, error))
            return FALSE;
    }
    return TRUE;
}

gboolean vh_metadata_parse_override(const char *xml, VhOverride *ret_override, GError **error)
{
    g_autoptr(xmlDoc) doc = read_document(xml, error);
    VhOverride override = {0};
    const xmlNode *root;

    if (!doc)
        return FALSE;
    root = xmlDocGetRootElement(doc);
    if (!vh_xml_is(root, ELEMENT)) {
        g_autofree char *quoted = vh_text_quote((const char *)root->name);

        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "metadata element %s of %s is unknown: only <" ELEMENT "> means something",
                    quoted, VH_OVERRIDE_URI);
        return FALSE;
    }
    if (!take_attributes(root, &override, error)) {
        g_prefix_error(error, "policy metadata: ");
        return FALSE;
    }
    *ret_override = override;
    return TRUE;
}

/* `head`: the element's name, with what goes before the attributes. */
static char *format_element(const char *head, const VhOverride *override)
{
    const char *const *names = vh_override_names();
    GString *xml = g_string_new("<");

    g_string_append(xml, head);
    for (guint i = 0; names[i]; i++) {
        g_autofree char *value = vh_override_get(override, names[i]);
        g_autofree char *text =
            value ? g_markup_printf_escaped(" %s=\"%s\"", names[i], value) : g_strdup("");

        g_string_append(xml, text);
    }
    g_string_append(xml, "/>");
    return g_string_free(xml, FALSE);
}

char *vh_metadata_format_override(const VhOverride *override)
{
    return format_element(PREFIX ":" ELEMENT " xmlns:" PREFIX "=\"" VH_OVERRIDE_URI "\"", override);
}

static unsigned int flags_of(VhMetadataWhere where)
{
    G_STATIC_ASSERT((int)VH_METADATA_CURRENT == (int)VIR_DOMAIN_AFFECT_CURRENT);
    G_STATIC_ASSERT((int)VH_METADATA_LIVE == (int)VIR_DOMAIN_AFFECT_LIVE);
    G_STATIC_ASSERT((int)VH_METADATA_CONFIG == (int)VIR_DOMAIN_AFFECT_CONFIG);
    return (unsigned int)where;
}

static gboolean is_both(VhMetadataWhere where)
{
    return where == (VH_METADATA_LIVE | VH_METADATA_CONFIG);
}

gboolean vh_metadata_get_override(virDomainPtr domain, VhMetadataWhere where,
                                  VhOverride *ret_override, GError **error)
{
    char *xml;
    gboolean parsed;

    if (is_both(where)) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID,
                            "the policy of a running domain and that of its definition are two; "
                            "ask for one of them");
        return FALSE;
    }
    xml =
        virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, VH_OVERRIDE_URI, flags_of(where));
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

/* `xml` NULL: none. libvirt adds the namespace itself, and refuses one that is there already. */
static gboolean write_element(virDomainPtr domain, const char *xml, VhMetadataWhere where,
                              GError **error)
{
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, xml, PREFIX, VH_OVERRIDE_URI,
                             flags_of(where)) == 0)
        return TRUE;
    vh_libvirt_set_error(error, "writing the policy metadata: ");
    return FALSE;
}

/* A definition can be written while a job runs, but libvirt makes no difference. */
static gboolean check_ready(virDomainPtr domain, GError **error)
{
    return vh_ready_check_writable(domain, error) && vh_ready_check_job(domain, error);
}

static gboolean write_override(virDomainPtr domain, const VhOverride *override,
                               VhMetadataWhere where, GError **error)
{
    g_autofree char *xml =
        override->keys != 0 || override->until_us != 0 ? format_element(ELEMENT, override) : NULL;

    return write_element(domain, xml, where, error);
}

gboolean vh_metadata_set_override(virDomainPtr domain, const VhOverride *override,
                                  VhMetadataWhere where, GError **error)
{
    return vh_override_check(override, error) && check_ready(domain, error) &&
           write_override(domain, override, where, error);
}

gboolean vh_metadata_clear_override(virDomainPtr domain, VhMetadataWhere where, GError **error)
{
    return check_ready(domain, error) && write_element(domain, NULL, where, error);
}

static gboolean apply_setting(const char *setting, VhOverride *override, GError **error)
{
    const char *equals = strchr(setting, '=');
    g_autofree char *name = NULL;

    if (!equals) {
        g_autofree char *quoted = vh_text_quote(setting);

        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s sets nothing; write KEY=VALUE, as in weight=200", quoted);
        return FALSE;
    }
    name = g_strndup(setting, (gsize)(equals - setting));
    return vh_override_set(override, name, equals + 1, error);
}

static gboolean apply_change(const VhMetadataChange *change, VhOverride *override, GError **error)
{
    for (guint i = 0; change->unset && change->unset[i]; i++) {
        if (!vh_override_unset(override, change->unset[i], error))
            return FALSE;
    }
    for (guint i = 0; change->set && change->set[i]; i++) {
        if (!apply_setting(change->set[i], override, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean change_one(virDomainPtr domain, const VhMetadataChange *change,
                           VhMetadataWhere where, VhOverride *ret_override, GError **error)
{
    g_autoptr(GError) failure = NULL;

    if (vh_metadata_get_override(domain, where, ret_override, &failure))
        return apply_change(change, ret_override, error);
    if (failure->code == VH_ERROR_INVALID)
        g_prefix_error(&failure,
                       "what is there is invalid, and has to be cleared, or replaced as a "
                       "whole, first: ");
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean vh_metadata_change_override(virDomainPtr domain, const VhMetadataChange *change,
                                     VhMetadataWhere where, VhOverride *ret_override,
                                     GError **error)
{
    const VhMetadataWhere second_where = VH_METADATA_CONFIG;
    VhMetadataWhere first_where = is_both(where) ? VH_METADATA_LIVE : where;
    VhOverride first, second;

    if (!check_ready(domain, error) || !change_one(domain, change, first_where, &first, error))
        return FALSE;
    if (is_both(where) && !change_one(domain, change, second_where, &second, error))
        return FALSE;
    if (!write_override(domain, &first, first_where, error))
        return FALSE;
    if (is_both(where) && !write_override(domain, &second, second_where, error)) {
        g_prefix_error(error, "the running domain is changed, its definition is not: ");
        return FALSE;
    }
    if (ret_override)
        *ret_override = first;
    return TRUE;
}
