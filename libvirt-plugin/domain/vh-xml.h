/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading XML that others wrote: nothing is fetched, no entity is expanded, sizes are bounded.
 * Private to the library. */
#pragma once

#include "vh-error.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

G_BEGIN_DECLS

#define VH_XML_MAX_BYTES (4u << 20)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* A document with a root, or VH_ERROR_PROTOCOL: not well-formed, too large, or with a document type
 * (which neither libvirt nor anybody of good will writes). `what` names it. Does not block. */
xmlDoc *vh_xml_parse(const char *text, const char *what, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a node is the element `name`. */
static inline gboolean vh_xml_is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/* The first child element of that name; NULL where there is none (or no parent). */
xmlNode *vh_xml_child(const xmlNode *parent, const char *name);

/* An attribute without a namespace, NULL where it is not there. Free with g_free(). */
char *vh_xml_attribute(const xmlNode *node, const char *name);

/* Whether it is there with that very value. */
gboolean vh_xml_attribute_is(const xmlNode *node, const char *name, const char *value);

/* An unsigned decimal attribute within 1..max. */
gboolean vh_xml_attribute_uint(const xmlNode *node, const char *name, guint64 max,
                               guint64 *ret_value);

G_END_DECLS
