/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads <vcpu>, <cputune> and <numatune>. Owns what pinning and binding mean there; must not know
 * what anybody concludes from it.
 */
#include "vh-placement.h"

#define MAX_CPUS 65536
#define MAX_NODES 64

static const xmlNode *vcpu_element(const xmlNode *domain)
{
    return vh_xml_child(domain, "vcpu");
}

guint vh_placement_n_vcpus(const xmlNode *domain)
{
    const xmlNode *vcpu = vcpu_element(domain);
    guint64 n;

    if (!vcpu)
        return 0;
    if (vh_xml_attribute_uint(vcpu, "current", MAX_CPUS, &n))
        return (guint)n;
    xmlChar *text = xmlNodeGetContent(vcpu);
    gboolean is_number =
        text && g_ascii_string_to_unsigned((const char *)text, 10, 1, MAX_CPUS, &n, NULL);
    xmlFree(text);
    return is_number ? (guint)n : 0;
}

/* The one host CPU of a set; -1 where it has several. libvirt writes such a set as a plain number.
 */
static int only_cpu(const xmlNode *element)
{
    g_autofree char *set = vh_xml_attribute(element, "cpuset");
    guint64 cpu;

    if (!set || !g_ascii_string_to_unsigned(set, 10, 0, MAX_CPUS - 1, &cpu, NULL))
        return -1;
    return (int)cpu;
}

gboolean vh_placement_has_own_cpus(const xmlNode *domain)
{
    g_autoptr(GHashTable) taken = g_hash_table_new(NULL, NULL);  /* host CPUs */
    g_autoptr(GHashTable) pinned = g_hash_table_new(NULL, NULL); /* vCPUs */
    const xmlNode *cputune = vh_xml_child(domain, "cputune");
    guint n_vcpus = vh_placement_n_vcpus(domain);

    for (const xmlNode *pin = cputune ? cputune->children : NULL; pin; pin = pin->next) {
        g_autofree char *text = vh_xml_is(pin, "vcpupin") ? vh_xml_attribute(pin, "vcpu") : NULL;
        guint64 vcpu;

        if (!text || !g_ascii_string_to_unsigned(text, 10, 0, MAX_CPUS - 1, &vcpu, NULL))
            continue;
        int cpu = only_cpu(pin);
        if (cpu < 0 || !g_hash_table_add(taken, GINT_TO_POINTER(cpu)))
            return FALSE;
        g_hash_table_add(pinned, GUINT_TO_POINTER((guint)vcpu));
    }
    if (n_vcpus == 0)
        return FALSE;
    /* what is pinned as a whole to one CPU has it to itself only where it is one vCPU */
    return g_hash_table_size(pinned) >= n_vcpus ||
           (n_vcpus == 1 && only_cpu(vcpu_element(domain)) >= 0);
}

gboolean vh_placement_is_realtime(const xmlNode *domain)
{
    const xmlNode *cputune = vh_xml_child(domain, "cputune");

    for (const xmlNode *node = cputune ? cputune->children : NULL; node; node = node->next) {
        if (vh_xml_is(node, "vcpusched") && (vh_xml_attribute_is(node, "scheduler", "fifo") ||
                                             vh_xml_attribute_is(node, "scheduler", "rr")))
            return TRUE;
    }
    return FALSE;
}

/* "0", "1-3" or "^2", added to the mask or taken out of it. */
static gboolean take_nodes(const char *text, guint64 *mask)
{
    gboolean is_without = text[0] == '^';
    g_auto(GStrv) ends = g_strsplit(text + is_without, "-", 2);
    guint64 first, last;

    if (!ends[0] || !g_ascii_string_to_unsigned(ends[0], 10, 0, MAX_NODES - 1, &first, NULL))
        return FALSE;
    last = first;
    if (ends[1] && !g_ascii_string_to_unsigned(ends[1], 10, first, MAX_NODES - 1, &last, NULL))
        return FALSE;
    for (guint64 node = first; node <= last; node++) {
        guint64 bit = (guint64)1 << node;
        *mask = is_without ? *mask & ~bit : *mask | bit;
    }
    return TRUE;
}

/* The nodes that an element of <numatune> binds memory to; 0: none that hold for sure. */
static guint64 bound_nodes(const xmlNode *element)
{
    g_autofree char *set = element ? vh_xml_attribute(element, "nodeset") : NULL;
    guint64 mask = 0;

    if (!set || !(vh_xml_attribute_is(element, "mode", "strict") ||
                  vh_xml_attribute_is(element, "mode", "restrictive")))
        return 0;
    g_auto(GStrv) parts = g_strsplit(set, ",", -1);
    for (guint i = 0; parts[i]; i++) {
        if (!take_nodes(parts[i], &mask))
            return 0;
    }
    return mask;
}

static guint count_children(const xmlNode *parent, const char *name)
{
    guint n = 0;

    for (const xmlNode *node = parent ? parent->children : NULL; node; node = node->next)
        n += vh_xml_is(node, name);
    return n;
}

guint64 vh_placement_node_mask(const xmlNode *domain)
{
    const xmlNode *numatune = vh_xml_child(domain, "numatune");
    guint n_cells = count_children(vh_xml_child(vh_xml_child(domain, "cpu"), "numa"), "cell");
    guint64 mask = 0;

    for (const xmlNode *node = numatune ? numatune->children : NULL; node; node = node->next) {
        guint64 own = 0;

        if (!vh_xml_is(node, "memnode"))
            continue;
        own = bound_nodes(node);
        if (own == 0)
            return 0;
        mask |= own;
    }
    /* the cells of the guest that have none of their own go by the whole's */
    if (mask != 0 && count_children(numatune, "memnode") >= n_cells)
        return mask;
    guint64 whole = bound_nodes(vh_xml_child(numatune, "memory"));
    return whole ? mask | whole : 0;
}
