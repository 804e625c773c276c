/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads and changes the balloon, the emulator and the override of the balloon's properties in
 * domain XML. Owns where they stand in it and how new elements are indented; must not know why
 * anything is changed.
 */
#include "vh-enable-xml.h"

#include <libxml/xmlsave.h>

#define QEMU_URI "http://libvirt.org/schemas/domain/qemu/1.0"
#define QEMU_PREFIX "qemu"
#define PASSES "reporting-ctrl"

/* ---- Indentation ---- */

/* The white space that a node stands behind; NULL where it directly follows another. */
static const char *blank_before(const xmlNode *node)
{
    const xmlNode *previous = node ? node->prev : NULL;

    if (!previous || !xmlIsBlankNode(previous))
        return NULL;
    return (const char *)previous->content;
}

static void add_text(xmlNode *parent, const char *text)
{
    if (text)
        xmlAddChild(parent, xmlNewDocText(parent->doc, (const xmlChar *)text));
}

/* As the last child of `parent`. libxml2 joins white space that is put beside white space, so that
 * the child goes in first. */
static void add_indented(xmlNode *parent, xmlNode *child)
{
    xmlNode *last = parent->last;
    const char *outer = blank_before(parent);
    g_autofree char *inner = NULL;

    if (last && xmlIsBlankNode(last)) {
        const char *sibling = blank_before(last->prev);

        inner = sibling ? g_strdup(sibling) : g_strconcat((const char *)last->content, "  ", NULL);
        xmlAddPrevSibling(last, child);
        xmlAddPrevSibling(child, xmlNewDocText(parent->doc, (const xmlChar *)inner));
        return;
    }
    if (!last && outer && strchr(outer, '\n'))
        inner = g_strconcat(strrchr(outer, '\n'), "  ", NULL);
    add_text(parent, inner);
    xmlAddChild(parent, child);
    if (inner)
        add_text(parent, strrchr(outer, '\n'));
}

static xmlNode *add_child(xmlNode *parent, xmlNs *ns, const char *name)
{
    xmlNode *child = xmlNewDocNode(parent->doc, ns, (const xmlChar *)name, NULL);

    add_indented(parent, child);
    return child;
}

static void set_attribute(xmlNode *node, const char *name, const char *value)
{
    xmlSetNsProp(node, NULL, (const xmlChar *)name, (const xmlChar *)value);
}

/* ---- The balloon ---- */

static xmlNode *balloon_of(const xmlNode *root)
{
    return vh_xml_child(vh_xml_child(root, "devices"), "memballoon");
}

static xmlNode *need_child(xmlNode *parent, const char *name)
{
    xmlNode *child = vh_xml_child(parent, name);

    return child ? child : add_child(parent, NULL, name);
}

static xmlNode *need_balloon(xmlNode *root)
{
    return need_child(need_child(root, "devices"), "memballoon");
}

static char *get_of_balloon(const xmlNode *root, const char *attribute)
{
    const xmlNode *balloon = balloon_of(root);

    return balloon ? vh_xml_attribute(balloon, attribute) : NULL;
}

char *vh_enable_xml_get_model(const xmlNode *root)
{
    return get_of_balloon(root, "model");
}

void vh_enable_xml_set_model(xmlNode *root, const char *value)
{
    set_attribute(need_balloon(root), "model", value);
}

char *vh_enable_xml_get_autodeflate(const xmlNode *root)
{
    return get_of_balloon(root, "autodeflate");
}

void vh_enable_xml_set_autodeflate(xmlNode *root, const char *value)
{
    set_attribute(need_balloon(root), "autodeflate", value);
}

char *vh_enable_xml_get_reporting(const xmlNode *root)
{
    return get_of_balloon(root, "freePageReporting");
}

void vh_enable_xml_set_reporting(xmlNode *root, const char *value)
{
    set_attribute(need_balloon(root), "freePageReporting", value);
}

char *vh_enable_xml_get_period(const xmlNode *root)
{
    const xmlNode *stats = vh_xml_child(balloon_of(root), "stats");

    return stats ? vh_xml_attribute(stats, "period") : NULL;
}

void vh_enable_xml_set_period(xmlNode *root, const char *value)
{
    set_attribute(need_child(need_balloon(root), "stats"), "period", value);
}

/* ---- The emulator ---- */

char *vh_enable_xml_get_emulator(const xmlNode *root)
{
    const xmlNode *emulator = vh_xml_child(vh_xml_child(root, "devices"), "emulator");
    xmlChar *text = emulator ? xmlNodeGetContent(emulator) : NULL;
    char *path = text ? g_strstrip(g_strdup((const char *)text)) : NULL;

    xmlFree(text);
    return path;
}

void vh_enable_xml_set_emulator(xmlNode *root, const char *value)
{
    xmlNode *emulator = need_child(need_child(root, "devices"), "emulator");

    while (emulator->children) {
        xmlNode *child = emulator->children;

        xmlUnlinkNode(child);
        xmlFreeNode(child);
    }
    add_text(emulator, value);
}

/* ---- The override ---- */

static gboolean is_qemu(const xmlNode *node, const char *name)
{
    return vh_xml_is(node, name) && node->ns && strcmp((const char *)node->ns->href, QEMU_URI) == 0;
}

/* The child of libvirt's QEMU namespace; with `attribute`, the one where it has that value. */
static xmlNode *find_qemu(const xmlNode *parent, const char *name, const char *attribute,
                          const char *value)
{
    for (xmlNode *node = parent ? parent->children : NULL; node; node = node->next) {
        if (is_qemu(node, name) && (!attribute || vh_xml_attribute_is(node, attribute, value)))
            return node;
    }
    return NULL;
}

static xmlNode *need_qemu(xmlNode *parent, xmlNs *ns, const char *name, const char *attribute,
                          const char *value)
{
    xmlNode *node = find_qemu(parent, name, attribute, value);

    if (node)
        return node;
    node = add_child(parent, ns, name);
    if (attribute)
        set_attribute(node, attribute, value);
    return node;
}

/* By the name that the user gave the balloon, else by the one that libvirt will give it. */
static char *alias_of_balloon(const xmlNode *root)
{
    const xmlNode *alias = vh_xml_child(balloon_of(root), "alias");
    char *name = alias ? vh_xml_attribute(alias, "name") : NULL;

    return name ? name : g_strdup("balloon0");
}

char *vh_enable_xml_get_passes(const xmlNode *root)
{
    g_autofree char *alias = alias_of_balloon(root);
    const xmlNode *override = find_qemu(root, "override", NULL, NULL);
    const xmlNode *device = find_qemu(override, "device", "alias", alias);
    const xmlNode *frontend = find_qemu(device, "frontend", NULL, NULL);
    const xmlNode *property = find_qemu(frontend, "property", "name", PASSES);

    return property ? vh_xml_attribute(property, "value") : NULL;
}

void vh_enable_xml_set_passes(xmlNode *root, const char *value)
{
    g_autofree char *alias = alias_of_balloon(root);
    xmlNs *ns = xmlSearchNsByHref(root->doc, root, (const xmlChar *)QEMU_URI);
    xmlNode *override, *device, *frontend, *property;

    if (!ns)
        ns = xmlNewNs(root, (const xmlChar *)QEMU_URI, (const xmlChar *)QEMU_PREFIX);
    override = need_qemu(root, ns, "override", NULL, NULL);
    device = need_qemu(override, ns, "device", "alias", alias);
    frontend = need_qemu(device, ns, "frontend", NULL, NULL);
    property = need_qemu(frontend, ns, "property", "name", PASSES);
    set_attribute(property, "type", "bool");
    set_attribute(property, "value", value);
}

/* The name as it is written, where its prefix stands for nothing. */
static gboolean is_loose(const xmlChar *name)
{
    return g_str_has_prefix((const char *)name, QEMU_PREFIX ":");
}

gboolean vh_enable_xml_is_ambiguous(const xmlNode *root)
{
    if (root->type != XML_ELEMENT_NODE)
        return FALSE;
    if (is_loose(root->name))
        return TRUE;
    for (const xmlAttr *attribute = root->properties; attribute; attribute = attribute->next) {
        if (is_loose(attribute->name))
            return TRUE;
    }
    for (const xmlNode *child = root->children; child; child = child->next) {
        if (vh_enable_xml_is_ambiguous(child))
            return TRUE;
    }
    return FALSE;
}

/* ---- Text ---- */

char *vh_enable_xml_print(xmlDoc *doc)
{
    xmlBuffer *buffer = xmlBufferCreate();
    xmlSaveCtxt *save = xmlSaveToBuffer(buffer, "UTF-8", XML_SAVE_NO_DECL);
    char *text;

    xmlSaveDoc(save, doc);
    xmlSaveClose(save);
    text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}
