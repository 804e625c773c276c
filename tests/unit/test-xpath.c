/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XPath over domain XML such as management systems write it: what matches, what a wrong expression
 * is told, and that hostile XML neither reaches anything nor costs much.
 */
#include "vh-xml.h"
#include "vh-xpath-cache.h"

#include <string.h>

#define NOVA_XML                                                                     \
    "<domain type='kvm' id='7'><name>instance-0000002a</name>"                       \
    "<uuid>2f9c7a52-55cb-4e5b-9d57-6a4a4f3b8f11</uuid><metadata>"                    \
    "<nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'>"       \
    "<nova:package version='29.2.0'/><nova:name>runner-17</nova:name>"               \
    "<nova:creationTime>2026-03-04 10:11:12</nova:creationTime>"                     \
    "<nova:flavor name='m1.batch' id='b7'><nova:memory>4096</nova:memory>"           \
    "<nova:vcpus>2</nova:vcpus><nova:extraSpecs>"                                    \
    "<nova:extraSpec name='virthint:class'>batch</nova:extraSpec></nova:extraSpecs>" \
    "</nova:flavor><nova:owner>"                                                     \
    "<nova:user uuid='0a1b2c3d4e5f60718293a4b5c6d7e8f9'>builder</nova:user>"         \
    "<nova:project uuid='f9e8d7c6b5a493827160f5e4d3c2b1a0'>ci</nova:project>"        \
    "</nova:owner></nova:instance></metadata><memory unit='KiB'>4194304</memory>"    \
    "<vcpu placement='static'>2</vcpu><devices><disk type='file' device='disk'/>"    \
    "<memballoon model='virtio'/></devices></domain>"

/* The live XML of oVirt has its metadata under prefixes of libvirt's own choice. */
#define OVIRT_XML                                                                        \
    "<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" \
    "<name>accounting</name><metadata xmlns:ns0='http://ovirt.org/vm/tune/1.0' "         \
    "xmlns:ns1='http://ovirt.org/vm/1.0'><ns0:qos/><ns1:vm>"                             \
    "<ns1:clusterVersion>4.7</ns1:clusterVersion>"                                       \
    "<ns1:minGuaranteedMemoryMb type='int'>2048</ns1:minGuaranteedMemoryMb>"             \
    "<ns1:custom><ns1:tier>gold</ns1:tier></ns1:custom></ns1:vm></metadata>"             \
    "<memory unit='KiB'>8388608</memory></domain>"

#define KUBEVIRT_XML                                                                       \
    "<domain type='kvm' id='1'><name>default_testvm</name><metadata>"                      \
    "<kubevirt xmlns='http://kubevirt.io'><uid>4d1c8a1e-0000-4000-8000-1234567890ab</uid>" \
    "<graceperiod><deletionGracePeriodSeconds>30</deletionGracePeriodSeconds>"             \
    "</graceperiod></kubevirt></metadata><memory unit='KiB'>1048576</memory></domain>"

#define OSINFO_XML                                                                       \
    "<domain type='kvm' id='5'><name>office</name><metadata><libosinfo:libosinfo "       \
    "xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"                   \
    "<libosinfo:os id='http://microsoft.com/win/11'/></libosinfo:libosinfo>"             \
    "<inv:host xmlns:inv='urn:example:inventory'><inv:tier>silver</inv:tier></inv:host>" \
    "</metadata><memory unit='KiB'>16777216</memory><vcpu>16</vcpu></domain>"

/* A configuration with those expressions, and a namespace of its own. */
static VhConfig *make_config(const char *const *xpaths, guint n)
{
    VhConfig *config = vh_config_new();

    config->n_matches = n;
    config->matches = g_new0(VhMatch, n);
    for (guint i = 0; i < n; i++)
        config->matches[i] =
            (VhMatch){.kind = VH_MATCH_XPATH, .xpath = g_strdup(xpaths[i]), .xpath_index = i};
    config->n_namespaces = 1;
    config->namespaces = g_new0(VhNamespace, 1);
    config->namespaces[0] = (VhNamespace){g_strdup("inv"), g_strdup("urn:example:inventory")};
    return config;
}

static VhXPathBits apply(const char *xpath, const char *xml)
{
    g_autoptr(VhConfig) config = make_config(&xpath, 1);
    g_autoptr(VhXPaths) xpaths = vh_xpaths_new(config);
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_xpath_check(config, xpath, &error));
    g_assert_no_error(error);
    return vh_xpaths_apply(xpaths, xml);
}

static void test_stacks(void)
{
    static const struct {
        const char *xpath, *xml;
        guint64 hits;
    } cases[] = {
        {"//nova:flavor[@name = 'm1.batch']", NOVA_XML, 1},
        {"//nova:flavor[@name = 'm1.large']", NOVA_XML, 0},
        {"/domain/metadata/nova:instance/nova:owner/nova:project = 'ci'", NOVA_XML, 1},
        {"//nova:extraSpec[@name = 'virthint:class'] = 'batch'", NOVA_XML, 1},
        {"//nova:flavor", OVIRT_XML, 0},
        {"//ovirt-vm:custom/ovirt-vm:tier = 'gold'", OVIRT_XML, 1},
        {"//ovirt-vm:minGuaranteedMemoryMb > 4096", OVIRT_XML, 0},
        {"//ovirt-vm:minGuaranteedMemoryMb >= 2048", OVIRT_XML, 1},
        {"/domain/metadata/kubevirt:kubevirt", KUBEVIRT_XML, 1},
        {"//kubevirt:deletionGracePeriodSeconds < 60", KUBEVIRT_XML, 1},
        {"/domain/metadata/kubevirt", KUBEVIRT_XML, 0},
        {"//libosinfo:os[contains(@id, 'microsoft.com')]", OSINFO_XML, 1},
        {"//libosinfo:os[contains(@id, 'microsoft.com')]", NOVA_XML, 0},
        {"//inv:host/inv:tier = 'silver'", OSINFO_XML, 1},
        {"/domain[memory >= 16777216 and vcpu >= 16]", OSINFO_XML, 1},
        {"starts-with(/domain/name, 'instance-')", NOVA_XML, 1},
        /* a number, a text and a set of nodes as a condition */
        {"count(//disk)", NOVA_XML, 1},
        {"count(//disk)", OSINFO_XML, 0},
        {"string(//nova:name)", NOVA_XML, 1},
        {"string(//nova:name)", OSINFO_XML, 0},
        {"//disk/@type | //interface", NOVA_XML, 1},
        {"not(//memballoon)", NOVA_XML, 0},
        {"not(//memballoon)", OSINFO_XML, 1},
        {"0 div 0", NOVA_XML, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].xpath);
        VhXPathBits bits = apply(cases[i].xpath, cases[i].xml);
        g_assert_cmpuint(bits.hits, ==, cases[i].hits);
        g_assert_cmpuint(bits.unknown, ==, 0);
    }
}

static void test_good_names(void)
{
    static const char *const good[] = {
        "child::domain/descendant::nova:flavor[position() = 1]",
        "//*[local-name() = 'a(b):c']",
        "//text()[. = \"$x\"] or //comment() and (1 div (2) > 3 mod (4))",
        "ancestor-or-self::node()/processing-instruction('x')",
        "//a-b.c[ normalize-space ( @d ) ]",
        "nova:*",
        "//nova :flavor",
        "child :: nova:flavor [ last () ]",
        "//@nova:*",
        "1.5 = .5 or //and/or[div]",
    };
    g_autoptr(VhConfig) config = make_config(NULL, 0);

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        gboolean is_good = vh_xpath_check(config, good[i], &error);
        g_assert_no_error(error);
        g_assert_true(is_good);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *xpath, *phrase;
    } cases[] = {
        {"//a[", "\"//a[\" is not XPath (something else is expected at its byte 5"},
        {"//a]", "write an expression of XPath 1.0"},
        {"//", "is not XPath"},
        {"'open", "a quotation without its end"},
        {"(a", "something else is expected at its byte 3"},
        {"//a[1", "a condition without its ]"},
        {"a b", "is not XPath"},
        {"//nova : flavor", "something else is expected"},
        {"//nowa :flavor", "\"nowa\" stands for no namespace"},
        {"//nowa:flavor", "write nova, ovirt-vm, kubevirt, libosinfo or inv"},
        {"//a[b and nowa:c]", "\"nowa\" stands for no namespace"},
        {"//@x:y", "under \"namespaces\""},
        {"//a[false() and bogus(.)]", "no function \"bogus\""},
        {"document('file:///etc/passwd')", "no function \"document\""},
        {"nova:evil()", "no function \"evil\""},
        {"matches(name, 'ci')", "\"starts-with(name, 'ci-')\""},
        {"//a[@b = $c]", "no variables"},
        {"count()", "as many arguments"},
        {"count('a')", "nodes where it wants nodes"},
        {"/domain[starts-with(name)]", "as many arguments"},
        {"//a | 'b'", "nodes where it wants nodes"},
    };
    g_autoptr(VhConfig) config = make_config(NULL, 0);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("%s", cases[i].xpath);
        g_assert_false(vh_xpath_check(config, cases[i].xpath, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        if (!strstr(error->message, cases[i].phrase))
            g_error("\"%s\" lacks \"%s\"", error->message, cases[i].phrase);
        g_assert_null(strchr(error->message, '\n'));
    }
}

/* A file may give a built-in prefix another URI: older versions of Nova had one. */
static void test_prefix_is_replaced(void)
{
    const char *xpath = "//nova:flavor";
    g_autoptr(VhConfig) config = make_config(&xpath, 1);

    g_free(config->namespaces[0].prefix);
    config->namespaces[0].prefix = g_strdup("nova");
    g_autoptr(VhXPaths) xpaths = vh_xpaths_new(config);
    g_assert_cmpuint(vh_xpaths_apply(xpaths, NOVA_XML).hits, ==, 0);
    g_assert_cmpuint(
        vh_xpaths_apply(xpaths, "<domain><flavor xmlns='urn:example:inventory'/></domain>").hits,
        ==, 1);
}

static void test_hostile_xml(void)
{
    static const char *const cases[] = {
        "",
        "<domain>",
        "not XML",
        "<!DOCTYPE d SYSTEM 'http://127.0.0.1:9/x'><domain/>",
        "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><domain>&a;</domain>",
        "<!DOCTYPE d [<!ENTITY a 'xxxxxxxxxx'><!ENTITY b '&a;&a;&a;'>]><domain>&b;</domain>",
    };
    const char *const texts[] = {"/domain", "true()"};
    g_autoptr(VhConfig) config = make_config(texts, 2);
    g_autoptr(VhXPaths) xpaths = vh_xpaths_new(config);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhXPathBits bits = vh_xpaths_apply(xpaths, cases[i]);
        g_assert_cmpuint(bits.hits, ==, 0);
        g_assert_cmpuint(bits.unknown, ==, 3);
    }
    /* and the next one is as good as ever */
    g_assert_cmpuint(vh_xpaths_apply(xpaths, "<domain/>").hits, ==, 3);
}

static char *flood(guint n)
{
    GString *xml = g_string_new("<domain><metadata>");

    for (guint i = 0; i < n; i++)
        g_string_append(xml, "<a/>");
    g_string_append(xml, "</metadata></domain>");
    return g_string_free(xml, FALSE);
}

static void test_bounds(void)
{
    const char *const texts[] = {"//a[count(//a) = 1]", "/domain"};
    g_autoptr(VhConfig) config = make_config(texts, 2);
    g_autoptr(VhXPaths) xpaths = vh_xpaths_new(config);
    g_autofree char *small = flood(10);
    g_autofree char *large = flood(20000);
    g_autofree char *huge = flood(VH_XML_MAX_BYTES / 4);

    VhXPathBits bits = vh_xpaths_apply(xpaths, small);
    g_assert_cmpuint(bits.unknown, ==, 0);
    /* each of 20 000 elements looks at 20 000: too much, for this expression only */
    bits = vh_xpaths_apply(xpaths, large);
    g_assert_cmpuint(bits.unknown, ==, 1);
    g_assert_cmpuint(bits.hits, ==, 2);
    bits = vh_xpaths_apply(xpaths, huge);
    g_assert_cmpuint(bits.unknown, ==, 3);
    bits = vh_xpaths_apply(xpaths, small);
    g_assert_cmpuint(bits.unknown, ==, 0);
}

static void test_deep_xml(void)
{
    const char *text = "//a";
    g_autoptr(VhConfig) config = make_config(&text, 1);
    g_autoptr(VhXPaths) xpaths = vh_xpaths_new(config);
    g_autoptr(GString) xml = g_string_new("<domain>");

    for (guint i = 0; i < 100000; i++)
        g_string_append(xml, "<a>");
    for (guint i = 0; i < 100000; i++)
        g_string_append(xml, "</a>");
    g_string_append(xml, "</domain>");
    g_assert_cmpuint(vh_xpaths_apply(xpaths, xml->str).unknown, ==, 1);
}

static void test_all_bits(void)
{
    const char *texts[VH_XPATHS_MAX];

    for (guint i = 0; i < VH_XPATHS_MAX; i++)
        texts[i] = i % 2 ? "/domain" : "/other";
    g_autoptr(VhConfig) config = make_config(texts, VH_XPATHS_MAX);
    g_autoptr(VhXPaths) xpaths = vh_xpaths_new(config);
    g_assert_cmphex(vh_xpaths_apply(xpaths, "<domain/>").hits, ==,
                    G_GUINT64_CONSTANT(0xaaaaaaaaaaaaaaaa));
    g_assert_cmphex(vh_xpaths_unknown(xpaths).unknown, ==, G_MAXUINT64);
}

static void test_cache(void)
{
    const char *const before[] = {"//a", "//b"};
    const char *const after[] = {"//b", "//a"};
    g_autoptr(VhConfig) first = make_config(before, 2);
    g_autoptr(VhConfig) second = make_config(after, 2);
    g_autoptr(VhConfig) none = vh_config_new();
    g_autoptr(VhXPathCache) cache = vh_xpath_cache_new();
    char *xml = g_ref_string_new("<domain><a/></domain>");
    char *other = g_ref_string_new("<domain><b/></domain>");

    vh_xpath_cache_begin(cache, none);
    g_assert_cmpuint(vh_xpath_cache_get(cache, xml).hits, ==, 0);
    g_assert_cmpuint(vh_xpath_cache_get(cache, NULL).unknown, ==, 0);
    vh_xpath_cache_end(cache);
    g_assert_cmpuint(vh_xpath_cache_count(cache), ==, 0);
    for (guint turn = 0; turn < 3; turn++) {
        vh_xpath_cache_begin(cache, first);
        g_assert_cmpuint(vh_xpath_cache_get(cache, xml).hits, ==, 1);
        g_assert_cmpuint(vh_xpath_cache_get(cache, other).hits, ==, 2);
        g_assert_cmpuint(vh_xpath_cache_get(cache, NULL).unknown, ==, 3);
        vh_xpath_cache_end(cache);
        g_assert_cmpuint(vh_xpath_cache_count(cache), ==, 2);
    }
    /* another policy: all anew */
    vh_xpath_cache_begin(cache, second);
    g_assert_cmpuint(vh_xpath_cache_get(cache, xml).hits, ==, 2);
    vh_xpath_cache_end(cache);
    g_assert_cmpuint(vh_xpath_cache_count(cache), ==, 3);
    /* what is not looked up in a turn is let go of */
    vh_xpath_cache_begin(cache, second);
    vh_xpath_cache_end(cache);
    vh_xpath_cache_begin(cache, second);
    g_assert_cmpuint(vh_xpath_cache_get(cache, xml).hits, ==, 2);
    vh_xpath_cache_end(cache);
    g_assert_cmpuint(vh_xpath_cache_count(cache), ==, 4);
    g_ref_string_release(xml);
    g_ref_string_release(other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xpath/stacks", test_stacks);
    g_test_add_func("/xpath/good-names", test_good_names);
    g_test_add_func("/xpath/refused", test_refused);
    g_test_add_func("/xpath/prefix-is-replaced", test_prefix_is_replaced);
    g_test_add_func("/xpath/hostile-xml", test_hostile_xml);
    g_test_add_func("/xpath/bounds", test_bounds);
    g_test_add_func("/xpath/deep-xml", test_deep_xml);
    g_test_add_func("/xpath/all-bits", test_all_bits);
    g_test_add_func("/xpath/cache", test_cache);
    return g_test_run();
}
