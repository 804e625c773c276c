/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only place that calls libxml2's parser, so that its settings are the same everywhere. Must
 * not know what any document means.
 */
#include "vh-xml.h"

static void ignore_message(void *data, const char *format, ...)
{
}

xmlDoc *vh_xml_parse(const char *text, const char *what, GError **error)
{
    gsize length = strlen(text);
    g_autoptr(xmlDoc) doc = NULL;
    xmlParserCtxt *context;
    const xmlError *failure;

    if (length > VH_XML_MAX_BYTES) {
        g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL, "%s is larger than %u bytes", what,
                    VH_XML_MAX_BYTES);
        return NULL;
    }
    context = xmlNewParserCtxt();
    /* Without XML_PARSE_NOENT entities stay references; without XML_PARSE_HUGE libxml2 bounds depth
     * and amplification. */
    context->sax->error = ignore_message;
    context->sax->warning = ignore_message;
    doc = xmlCtxtReadMemory(context, text, (int)length, NULL, NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                XML_PARSE_NOCDATA);
    failure = xmlCtxtGetLastError(context);
    if (!doc)
        g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL, "%s is not well-formed XML: line %d", what,
                    failure ? failure->line : 0);
    xmlFreeParserCtxt(context);
    if (!doc)
        return NULL;
    if (doc->intSubset || doc->extSubset) {
        g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL,
                    "%s has a document type, which is refused: leave out <!DOCTYPE>", what);
        return NULL;
    }
    return g_steal_pointer(&doc);
}

xmlNode *vh_xml_child(const xmlNode *parent, const char *name)
{
    for (xmlNode *node = parent ? parent->children : NULL; node; node = node->next) {
        if (vh_xml_is(node, name))
            return node;
    }
    return NULL;
}

char *vh_xml_attribute(const xmlNode *node, const char *name)
{
    xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)name);
    char *copy = g_strdup((const char *)value);

    xmlFree(value);
    return copy;
}

gboolean vh_xml_attribute_is(const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *found = vh_xml_attribute(node, name);

    return g_strcmp0(found, value) == 0;
}

gboolean vh_xml_attribute_uint(const xmlNode *node, const char *name, guint64 max,
                               guint64 *ret_value)
{
    g_autofree char *text = vh_xml_attribute(node, name);

    return text && g_ascii_string_to_unsigned(text, 10, 1, max, ret_value, NULL);
}
