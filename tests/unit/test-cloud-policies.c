/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The example policies for clouds, over domain XML in the shape in which Nova and KubeVirt write
 * it: which class a guest of which flavor gets. The XML is our own, after their documentation.
 */
#include "vh-files.h"
#include "vh-probe.h"
#include "vh-treatment.h"
#include "vh-xpath.h"

#include <string.h>

/* What makes one guest different from another. NULL: left out. */
typedef struct {
    const char *what;
    const char *name;
    const char *flavor;
    const char *extra;   /* of the flavor, since Nova 32 */
    const char *project; /* its name */
    const char *image;   /* properties of the image, since Nova 32 */
    const char *xml;     /* of the domain: pinning, huge pages... */
    const char *metadata;
    const char *class_name;
    gboolean is_never;
} Case;

#define EXTRA(value) "<nova:extraSpec name=\"virthint:class\">" value "</nova:extraSpec>"
#define IMAGE(name, value) "<nova:property name=\"" name "\">" value "</nova:property>"
#define PINNED                                                                            \
    "<vcpu>2</vcpu><cputune><vcpupin vcpu='0' cpuset='4'/><vcpupin vcpu='1' cpuset='5'/>" \
    "</cputune>"
#define HUGE "<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>"
#define HYPERV "<features><acpi/><hyperv mode='custom'><relaxed state='on'/></hyperv></features>"

static void append(GString *xml, const char *before, const char *text, const char *after)
{
    if (text)
        g_string_append_printf(xml, "%s%s%s", before, text, after);
}

static void append_nova(GString *xml, const Case *one)
{
    if (!one->flavor)
        return;
    g_string_append_printf(
        xml,
        "<nova:instance xmlns:nova=\"http://openstack.org/xmlns/libvirt/nova/1.1\">"
        "<nova:package version=\"%s\"/><nova:name>server</nova:name>"
        "<nova:creationTime>2026-05-06 07:08:09</nova:creationTime>"
        "<nova:flavor name=\"%s\" id=\"f1\"><nova:memory>2048</nova:memory>"
        "<nova:disk>20</nova:disk><nova:swap>0</nova:swap><nova:ephemeral>0</nova:ephemeral>"
        "<nova:vcpus>2</nova:vcpus>",
        one->extra || one->image ? "32.0.0" : "29.2.0", one->flavor);
    append(xml, "<nova:extraSpecs>", one->extra, "</nova:extraSpecs>");
    g_string_append(xml, "</nova:flavor>");
    append(xml, "<nova:image uuid=\"1\"><nova:properties>", one->image,
           "</nova:properties></nova:image>");
    g_string_append_printf(xml,
                           "<nova:owner><nova:user uuid=\"u\">builder</nova:user>"
                           "<nova:project uuid=\"p\">%s</nova:project></nova:owner>"
                           "<nova:root type=\"image\" uuid=\"1\"/></nova:instance>",
                           one->project ? one->project : "web");
}

static char *domain_xml(const Case *one)
{
    GString *xml = g_string_new("<domain type='kvm' id='7'><name>");

    g_string_append(xml, one->name ? one->name : "instance-0000002a");
    g_string_append(xml, "</name><uuid>2f9c7a52-55cb-4e5b-9d57-6a4a4f3b8f11</uuid><metadata>");
    append_nova(xml, one);
    append(xml, "", one->metadata, "");
    g_string_append(xml, "</metadata><memory unit='KiB'>2097152</memory>");
    append(xml, "", one->xml, "");
    g_string_append(xml, "<devices><memballoon model='virtio' autodeflate='on'/></devices>"
                         "</domain>");
    return g_string_free(xml, FALSE);
}

static VhConfig *load(const char *name)
{
    g_autofree char *file = g_strconcat(name, ".json", NULL);
    g_autofree char *path = g_build_filename(VH_SOURCE_ROOT, "policy/examples", file, NULL);
    g_autoptr(GError) error = NULL;
    VhConfig *config = vh_files_load_policy(path, &error);

    g_assert_no_error(error);
    return config;
}

static void check(const VhConfig *config, const Case *one)
{
    g_autoptr(VhXPaths) xpaths = vh_xpaths_new(config);
    g_autofree char *xml = domain_xml(one);
    g_autoptr(GError) error = NULL;
    VhXPathBits bits = vh_xpaths_apply(xpaths, xml);
    VhProbe probe;
    VhClass class;

    g_test_message("%s", one->what);
    g_assert_true(vh_probe_parse(xml, &probe, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(bits.unknown, ==, 0);
    VhDomain domain = {.name = one->name ? one->name : "instance-0000002a",
                       .xpath_hits = bits.hits,
                       .facts = probe.facts};
    guint index = vh_treatment_resolve(config, &domain, 0, &class);
    g_assert_cmpstr(config->classes[index].name, ==, one->class_name);
    g_assert_cmpint(class.ask_never, ==, one->is_never);
}

static void test_openstack(void)
{
    static const Case cases[] = {
        {"Nova 32, plain", .flavor = "m1.small", .extra = "", .class_name = "tenant"},
        {"Nova 29, plain", .flavor = "m1.small", .class_name = "tenant"},
        {"by extra spec", .flavor = "m1.small", .extra = EXTRA("perf"), .class_name = "perf"},
        {"never", .flavor = "spot.small", .extra = EXTRA("never"), .class_name = "exempt",
         .is_never = TRUE},
        {"a word that nobody knows", .flavor = "spot.small", .extra = EXTRA("gold"),
         .class_name = "spot"},
        {"another extra spec", .flavor = "m1.small",
         .extra = "<nova:extraSpec name=\"hw:mem_page_size\">perf</nova:extraSpec>",
         .class_name = "tenant"},
        {"by flavor, any Nova", .flavor = "spot.large", .class_name = "spot"},
        {"by project", .flavor = "m1.small", .project = "databases", .class_name = "perf"},
        {"flavor before project", .flavor = "spot.large", .project = "databases",
         .class_name = "spot"},
        {"pinned", .flavor = "spot.large", .xml = PINNED, .class_name = "exempt", .is_never = TRUE},
        {"huge pages", .flavor = "m1.small", .xml = HUGE, .class_name = "exempt", .is_never = TRUE},
        {"pinned, but the flavor says so", .flavor = "m1.small", .extra = EXTRA("tenant"),
         .xml = PINNED, .class_name = "tenant"},
        {"Windows by its image, Nova 32", .flavor = "m1.small", .extra = EXTRA("spot"),
         .image = IMAGE("os_type", "windows"), .class_name = "exempt", .is_never = TRUE},
        {"Linux by its image", .flavor = "m1.small", .image = IMAGE("os_type", "linux"),
         .class_name = "tenant"},
        {"Windows, any Nova", .flavor = "spot.small", .xml = HYPERV, .class_name = "exempt",
         .is_never = TRUE},
        {"Windows by libosinfo",
         .metadata = "<o:libosinfo xmlns:o='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"
                     "<o:os id='http://microsoft.com/win/2k22'/></o:libosinfo>",
         .class_name = "exempt", .is_never = TRUE},
        {"not of Nova at all", .class_name = "tenant"},
    };
    g_autoptr(VhConfig) config = load("openstack");

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        check(config, &cases[i]);
}

static void test_kubevirt(void)
{
    static const char metadata[] =
        "<kubevirt xmlns='http://kubevirt.io'><uid>4d1c</uid></kubevirt>";
    static const Case cases[] = {
        {"plain", "shop_web", .metadata = metadata, .class_name = "tenant"},
        {"by namespace", "ci_runner", .metadata = metadata, .class_name = "batch"},
        {"the cluster's own", "kube-system_router", .metadata = metadata, .class_name = "exempt",
         .is_never = TRUE},
        {"dedicated CPUs", "shop_db", .xml = PINNED, .metadata = metadata, .class_name = "tenant",
         .is_never = TRUE},
        {"huge pages", "shop_db", .xml = HUGE, .metadata = metadata, .class_name = "tenant",
         .is_never = TRUE},
    };
    g_autoptr(VhConfig) config = load("kubevirt");

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        check(config, &cases[i]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cloud-policies/openstack", test_openstack);
    g_test_add_func("/cloud-policies/kubevirt", test_kubevirt);
    return g_test_run();
}
