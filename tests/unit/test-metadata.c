/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The override in a domain's metadata: as text, and through libvirt's test driver. */
#include "vh-libvirt.h"
#include "vh-metadata.h"
#include "vh-units.h"

#include <string.h>

static void test_valid(void)
{
    VhOverride override;
    g_autoptr(GError) error = NULL;

    g_assert_true(
        vh_metadata_parse_override("<policy class='perf' weight='200' ask='never'"
                                   " cooldown='15min' max_per_ask='256MiB' reporting='off'/>",
                                   &override, &error));
    g_assert_cmphex(override.keys, ==, 63);
    g_assert_cmpstr(override.class_name, ==, "perf");
    g_assert_cmpuint(override.weight, ==, 200);
    g_assert_true(override.ask_never);
    g_assert_cmpint(override.reporting, ==, VH_REPORTING_OFF);
    g_assert_true(vh_metadata_parse_override(
        "<v:policy xmlns:v='urn:virthint:policy:1' class='batch'/>", &override, &error));
    g_assert_cmphex(override.keys, ==, VH_OVERRIDE_CLASS);
    g_assert_true(vh_metadata_parse_override("<policy/>", &override, &error));
    g_assert_cmphex(override.keys, ==, 0);
}

static void test_refused(void)
{
    static const struct {
        const char *xml, *phrase;
    } cases[] = {
        {"", "not well-formed"},
        {"<policy", "not well-formed"},
        {"<policy class='a' class='b'/>", "not well-formed"},
        {"<other class='perf'/>", "<other>"},
        {"<policy colour='red'/>", "colour"},
        {"<policy weight='0'/>", "weight"},
        {"<policy weight='99999999999999999999'/>", "weight"},
        {"<policy reporting='on'/>", "reporting"},
        {"<policy xmlns:x='urn:x' x:class='perf'/>", "prefix"},
        {"<!DOCTYPE p [<!ENTITY a 'perf'>]><policy class='&a;'/>", "DOCTYPE"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhOverride override = {.weight = 77};
        g_autoptr(GError) error = NULL;

        g_test_message("%s", cases[i].xml);
        g_assert_false(vh_metadata_parse_override(cases[i].xml, &override, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, cases[i].phrase));
        g_assert_cmpuint(override.weight, ==, 77);
        g_assert_false(vh_metadata_parse_override(cases[i].xml, &override, NULL));
    }
}

static void test_of_a_domain(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", FALSE, &error);
    virDomainPtr domain;
    VhOverride override = {.keys = 1};

    g_assert_no_error(error);
    domain = virDomainLookupByName(connection, "test");
    g_assert_nonnull(domain);
    g_assert_true(vh_metadata_get_override(domain, &override, &error));
    g_assert_cmphex(override.keys, ==, 0);
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                         "<policy class='perf'/>", "virthint", VH_OVERRIDE_URI,
                                         VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    g_assert_true(vh_metadata_get_override(domain, &override, &error));
    g_assert_cmpstr(override.class_name, ==, "perf");
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                         "<policy class='Perf'/>", "virthint", VH_OVERRIDE_URI,
                                         VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    g_assert_false(vh_metadata_get_override(domain, &override, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    virDomainFree(domain);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vh_libvirt_init();
    g_test_add_func("/metadata/valid", test_valid);
    g_test_add_func("/metadata/refused", test_refused);
    g_test_add_func("/metadata/of-a-domain", test_of_a_domain);
    return g_test_run();
}
