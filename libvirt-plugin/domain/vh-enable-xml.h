/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of domain XML that vh_enable_plan() reads and changes. Private to it. */
#pragma once

#include "vh-xml.h"

G_BEGIN_DECLS

/* What a definition says; NULL where it says nothing. Free with g_free(). */
char *vh_enable_xml_get_model(const xmlNode *root);
char *vh_enable_xml_get_autodeflate(const xmlNode *root);
char *vh_enable_xml_get_period(const xmlNode *root);
char *vh_enable_xml_get_reporting(const xmlNode *root);
char *vh_enable_xml_get_emulator(const xmlNode *root);
char *vh_enable_xml_get_passes(const xmlNode *root);

/* Makes it say `value`; elements that are missing are put in, indented as their neighbours. */
void vh_enable_xml_set_model(xmlNode *root, const char *value);
void vh_enable_xml_set_autodeflate(xmlNode *root, const char *value);
void vh_enable_xml_set_period(xmlNode *root, const char *value);
void vh_enable_xml_set_reporting(xmlNode *root, const char *value);
void vh_enable_xml_set_emulator(xmlNode *root, const char *value);
void vh_enable_xml_set_passes(xmlNode *root, const char *value);

/* Whether "qemu:" stands anywhere in front of a name without being declared there: it would be,
 * once vh_enable_xml_set_passes() has declared it. */
gboolean vh_enable_xml_is_ambiguous(const xmlNode *root);

/* The document without an XML declaration. Free with g_free(). */
char *vh_enable_xml_print(xmlDoc *doc);

G_END_DECLS
