/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wish in the first byte, a domain's definition, and behind a NUL byte the XML of the running
 * guest. A plan's text is XML, has every element and attribute that was there before, in the same
 * order, and is itself as wished.
 */
#include "vh-enable.h"

#include "guard.h"

#include "vh-probe.h"
#include "vh-xml.h"

#define EMULATOR "/usr/bin/patched"

/* ---- what an element is: its depth, name and namespace, and the names of its attributes ---- */

typedef struct {
    guint depth;
    char *name, *uri;
    GPtrArray *attributes;
} Element;

static void element_free(gpointer data)
{
    Element *element = data;

    g_free(element->name);
    g_free(element->uri);
    g_ptr_array_unref(element->attributes);
    g_free(element);
}

static gboolean is_emulator(const xmlNode *node)
{
    return vh_xml_is(node, "emulator") && vh_xml_is(node->parent, "devices");
}

static void take_elements(const xmlNode *node, guint depth, GPtrArray *elements)
{
    Element *element = g_new0(Element, 1);

    element->depth = depth;
    element->name = g_strdup((const char *)node->name);
    element->uri = g_strdup(node->ns ? (const char *)node->ns->href : "");
    element->attributes = g_ptr_array_new_with_free_func(g_free);
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next)
        g_ptr_array_add(element->attributes, g_strdup((const char *)attribute->name));
    g_ptr_array_add(elements, element);
    /* its path is written anew, whatever stood in it */
    for (const xmlNode *child = node->children; child && !is_emulator(node); child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            take_elements(child, depth + 1, elements);
    }
}

static GPtrArray *elements_of(const char *xml)
{
    GPtrArray *elements = g_ptr_array_new_with_free_func(element_free);
    g_autoptr(xmlDoc) doc = vh_xml_parse(xml, "a plan's text", NULL);

    g_assert_nonnull(doc);
    take_elements(xmlDocGetRootElement(doc), 0, elements);
    return elements;
}

static gboolean is_kept(const Element *before, const Element *after)
{
    if (before->depth != after->depth || !g_str_equal(before->name, after->name) ||
        !g_str_equal(before->uri, after->uri))
        return FALSE;
    for (guint i = 0; i < before->attributes->len; i++) {
        if (!g_ptr_array_find_with_equal_func(after->attributes, before->attributes->pdata[i],
                                              g_str_equal, NULL))
            return FALSE;
    }
    return TRUE;
}

/* All of `before` is in `after`, in its order. */
static void check_kept(const char *before, const char *after)
{
    g_autoptr(GPtrArray) old = elements_of(before);
    g_autoptr(GPtrArray) new = elements_of(after);
    guint at = 0;

    for (guint i = 0; i < old->len; i++, at++) {
        while (at < new->len && !is_kept(old->pdata[i], new->pdata[at]))
            at++;
        g_assert_cmpuint(at, <, new->len);
    }
}

static void check_plan(const VhEnablePlan *plan, const VhEnableWish *wish)
{
    g_autoptr(GError) error = NULL;
    VhProbe probe;

    g_assert_true(vh_probe_parse(plan->after, &probe, &error));
    g_assert_cmpint(probe.tier, !=, VH_TIER_NONE);
    check_kept(plan->before, plan->after);
    if (!plan->has_definition)
        g_assert_cmpstr(plan->before, ==, plan->after);
    for (guint i = 0; i < plan->changes->len; i++) {
        const VhEnableChange *change = plan->changes->pdata[i];
        g_assert_nonnull(change->to);
    }
    g_autoptr(VhEnablePlan) again = vh_enable_plan(plan->after, NULL, wish, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(again->changes->len, ==, 0);
    g_assert_false(again->has_definition);
    g_assert_cmpstr(again->before, ==, again->after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const VhEnableWish wish = {
        .tier = VH_TIER_PULSE + data[0] % 3,
        .emulator = data[0] % 3 != 0 && (data[0] & 0x10) == 0 ? EMULATOR : NULL,
        .stats_period_us = (data[0] & 0x20) != 0 ? 7 * (gint64)G_USEC_PER_SEC : 0,
    };
    g_autofree char *xml = g_strndup((const char *)data + 1, size - 1);
    gsize end = strlen(xml) + 2;
    g_autofree char *live = end < size ? g_strndup((const char *)data + end, size - end) : NULL;
    g_autoptr(GError) error = NULL;

    fuzz_guard_up(size);
    g_autoptr(VhEnablePlan) plan = vh_enable_plan(xml, live, &wish, &error);
    fuzz_guard_down();
    if (!plan) {
        fuzz_guard_check_error(error);
        return 0;
    }
    g_assert_false(fuzz_guard_has_doctype(xml));
    check_plan(plan, &wish);
    return 0;
}
