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
        {"<other class='perf'/>", "element \"other\""},
        {"<policy colour='red'/>", "colour"},
        {"<policy weight='0'/>", "weight"},
        {"<policy weight='99999999999999999999'/>", "weight"},
        {"<policy reporting='on'/>", "reporting"},
        {"<policy xmlns:x='urn:x' x:class='perf'/>", "prefix"},
        {"<!DOCTYPE p [<!ENTITY a 'perf'>]><policy class='&a;'/>", "DOCTYPE"},
        {"<!DOCTYPE p SYSTEM 'http://192.0.2.1/p.dtd'><policy/>", "DOCTYPE"},
        {"<policy class='&b;'/>", "not well-formed"},
        {"<policy class='\xff\xfe'/>", "not well-formed"},
        {"<?xml version='1.0' encoding='UTF-16'?><policy/>", "not well-formed"},
        {"<\xd0\xb0\xd0\xb1/>", "is unknown"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VhOverride override = {.weight = 77};
        g_autoptr(GError) error = NULL;

        g_test_message("%s", cases[i].xml);
        g_assert_false(vh_metadata_parse_override(cases[i].xml, &override, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        if (!strstr(error->message, cases[i].phrase))
            g_error("\"%s\" lacks \"%s\"", error->message, cases[i].phrase);
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
    g_assert_true(vh_metadata_get_override(domain, VH_METADATA_CURRENT, &override, &error));
    g_assert_cmphex(override.keys, ==, 0);
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                         "<policy class='perf'/>", "virthint", VH_OVERRIDE_URI,
                                         VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    g_assert_true(vh_metadata_get_override(domain, VH_METADATA_CURRENT, &override, &error));
    g_assert_cmpstr(override.class_name, ==, "perf");
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                         "<policy class='Perf'/>", "virthint", VH_OVERRIDE_URI,
                                         VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    g_assert_false(vh_metadata_get_override(domain, VH_METADATA_CURRENT, &override, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    virDomainFree(domain);
}

/* What would take long to read is not read. */
static void test_oversized(void)
{
    static const char *const fills[] = {"<a>", "a", "&a;", " a=''"};

    for (guint i = 0; i < G_N_ELEMENTS(fills); i++) {
        g_autoptr(GString) xml = g_string_new("<policy class='perf'>");
        g_autoptr(GError) error = NULL;
        VhOverride override;

        while (xml->len < VH_MIB)
            g_string_append(xml, fills[i]);
        g_assert_false(vh_metadata_parse_override(xml->str, &override, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, "longer than"));
    }
}

/* Below the limit, too: what is deep is bounded by the parser. */
static void test_deep(void)
{
    g_autoptr(GString) xml = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    VhOverride override;

    while (xml->len < VH_METADATA_MAX_BYTES - 3)
        g_string_append(xml, "<a>");
    g_assert_false(vh_metadata_parse_override(xml->str, &override, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
}

static const VhOverride full = {
    .keys = 63,
    .class_name = "perf",
    .weight = 200,
    .ask_never = TRUE,
    .cooldown_us = 90 * VH_SEC,
    .max_per_ask_bytes = 1536 * VH_KIB,
    .reporting = VH_REPORTING_OFF,
    .until_us = 1798696800 * VH_SEC,
};

static void assert_same(const VhOverride *got, const VhOverride *expected)
{
    const char *const *names = vh_override_names();

    g_assert_cmphex(got->keys, ==, expected->keys);
    for (guint i = 0; names[i]; i++) {
        g_autofree char *value = vh_override_get(got, names[i]);
        g_autofree char *right = vh_override_get(expected, names[i]);

        g_assert_cmpstr(value, ==, right);
    }
}

static void test_format(void)
{
    g_autofree char *xml = vh_metadata_format_override(&full);
    VhOverride override;

    g_assert_cmpstr(xml, ==,
                    "<virthint:policy xmlns:virthint=\"urn:virthint:policy:1\" class=\"perf\" "
                    "weight=\"200\" ask=\"never\" cooldown=\"90s\" max_per_ask=\"1536KiB\" "
                    "reporting=\"off\" until=\"2026-12-31T06:00:00Z\"/>");
    g_assert_true(vh_metadata_parse_override(xml, &override, NULL));
    assert_same(&override, &full);
}

typedef struct {
    virConnectPtr connection;
    virDomainPtr domain;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->connection = vh_libvirt_open("test:///default", FALSE, NULL);
    fixture->domain = virDomainLookupByName(fixture->connection, "test");
    g_assert_nonnull(fixture->domain);
    for (VhMetadataWhere where = VH_METADATA_LIVE; where <= VH_METADATA_CONFIG; where++)
        g_assert_true(vh_metadata_clear_override(fixture->domain, where, NULL));
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    virDomainFree(fixture->domain);
    virConnectClose(fixture->connection);
}

static void put_raw(Fixture *fixture, const char *xml, const char *uri, VhMetadataWhere where)
{
    g_assert_cmpint(virDomainSetMetadata(fixture->domain, VIR_DOMAIN_METADATA_ELEMENT, xml, "x",
                                         uri, (unsigned int)where),
                    ==, 0);
}

static void assert_there(Fixture *fixture, VhMetadataWhere where, const VhOverride *expected)
{
    VhOverride override = {.keys = 1 << 30};

    g_assert_true(vh_metadata_get_override(fixture->domain, where, &override, NULL));
    assert_same(&override, expected);
}

static void test_where(Fixture *fixture, gconstpointer data)
{
    const VhOverride none = {0}, until = {.until_us = VH_SEC};
    VhOverride weight = {.keys = VH_OVERRIDE_WEIGHT, .weight = 7};
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_metadata_set_override(fixture->domain, &full, VH_METADATA_LIVE, &error));
    assert_there(fixture, VH_METADATA_LIVE, &full);
    assert_there(fixture, VH_METADATA_CURRENT, &full);
    assert_there(fixture, VH_METADATA_CONFIG, &none);
    g_assert_true(vh_metadata_set_override(fixture->domain, &weight, VH_METADATA_CONFIG, &error));
    assert_there(fixture, VH_METADATA_LIVE, &full);
    assert_there(fixture, VH_METADATA_CONFIG, &weight);
    g_assert_true(vh_metadata_set_override(fixture->domain, &until,
                                           VH_METADATA_LIVE | VH_METADATA_CONFIG, &error));
    assert_there(fixture, VH_METADATA_LIVE, &until);
    assert_there(fixture, VH_METADATA_CONFIG, &until);
    g_assert_true(vh_metadata_set_override(fixture->domain, &none, VH_METADATA_LIVE, &error));
    g_assert_null(virDomainGetMetadata(fixture->domain, VIR_DOMAIN_METADATA_ELEMENT,
                                       VH_OVERRIDE_URI, VIR_DOMAIN_AFFECT_LIVE));
    assert_there(fixture, VH_METADATA_CONFIG, &until);
    g_assert_true(
        vh_metadata_clear_override(fixture->domain, VH_METADATA_LIVE | VH_METADATA_CONFIG, &error));
    assert_there(fixture, VH_METADATA_CONFIG, &none);
    g_assert_false(vh_metadata_get_override(fixture->domain, VH_METADATA_LIVE | VH_METADATA_CONFIG,
                                            &weight, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
}

/* What others keep in the same place is none of our business. */
static void test_foreign(Fixture *fixture, gconstpointer data)
{
    const char *xml = "<mine a='1'>&lt;<b/></mine>";
    char *before, *after;

    put_raw(fixture, xml, "urn:others", VH_METADATA_LIVE);
    before = virDomainGetMetadata(fixture->domain, VIR_DOMAIN_METADATA_ELEMENT, "urn:others",
                                  VIR_DOMAIN_AFFECT_LIVE);
    g_assert_true(vh_metadata_set_override(fixture->domain, &full, VH_METADATA_LIVE, NULL));
    g_assert_true(vh_metadata_clear_override(fixture->domain, VH_METADATA_LIVE, NULL));
    after = virDomainGetMetadata(fixture->domain, VIR_DOMAIN_METADATA_ELEMENT, "urn:others",
                                 VIR_DOMAIN_AFFECT_LIVE);
    g_assert_nonnull(before);
    g_assert_cmpstr(after, ==, before);
    free(before);
    free(after);
}

/* A program's mistake is not written. */
static void test_set_refused(Fixture *fixture, gconstpointer data)
{
    const VhOverride bad = {.keys = VH_OVERRIDE_WEIGHT, .weight = 5000}, none = {0};
    g_autoptr(GError) error = NULL;

    g_assert_false(vh_metadata_set_override(fixture->domain, &bad, VH_METADATA_LIVE, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    assert_there(fixture, VH_METADATA_LIVE, &none);
}

static void test_change(Fixture *fixture, gconstpointer data)
{
    static const char *const settings[] = {"weight=9", "class=batch", NULL};
    static const char *const keys[] = {"ask", "until", NULL};
    const VhMetadataChange change = {settings, keys};
    const VhOverride weight = {.keys = VH_OVERRIDE_WEIGHT, .weight = 7};
    const VhOverride both = {
        .keys = VH_OVERRIDE_WEIGHT | VH_OVERRIDE_CLASS, .class_name = "batch", .weight = 9};
    VhOverride expected = full, got;
    g_autoptr(GError) error = NULL;

    g_assert_true(vh_metadata_set_override(fixture->domain, &full, VH_METADATA_LIVE, NULL));
    g_assert_true(vh_metadata_set_override(fixture->domain, &weight, VH_METADATA_CONFIG, NULL));
    g_assert_true(vh_metadata_change_override(fixture->domain, &change,
                                              VH_METADATA_LIVE | VH_METADATA_CONFIG, &got, &error));
    expected.keys &= ~(guint)VH_OVERRIDE_ASK;
    expected.until_us = 0;
    expected.weight = 9;
    g_strlcpy(expected.class_name, "batch", sizeof expected.class_name);
    assert_same(&got, &expected);
    assert_there(fixture, VH_METADATA_LIVE, &expected);
    assert_there(fixture, VH_METADATA_CONFIG, &both);
}

static void test_change_refused(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *setting, *key, *phrase;
    } cases[] = {
        {"weight", NULL, "KEY=VALUE"},      {"weight=0", NULL, "from 1 to 1000"},
        {"colour=red", NULL, "is unknown"}, {"=", NULL, "is unknown"},
        {NULL, "colour", "is unknown"},     {NULL, "weight=7", "is unknown"},
    };

    g_assert_true(vh_metadata_set_override(fixture->domain, &full, VH_METADATA_LIVE, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *settings[] = {"class=new", cases[i].setting, NULL};
        const char *keys[] = {cases[i].key, NULL};
        const VhMetadataChange change = {settings, keys};
        g_autoptr(GError) error = NULL;

        g_assert_false(
            vh_metadata_change_override(fixture->domain, &change, VH_METADATA_LIVE, NULL, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        if (!strstr(error->message, cases[i].phrase))
            g_error("\"%s\" lacks \"%s\"", error->message, cases[i].phrase);
        assert_there(fixture, VH_METADATA_LIVE, &full);
    }
}

/* What somebody else has left there is not half kept; only all of it goes. */
static void test_invalid_before(Fixture *fixture, gconstpointer data)
{
    static const char *const settings[] = {"weight=9", NULL};
    const VhMetadataChange change = {settings, NULL};
    const VhOverride none = {0};
    g_autoptr(GError) error = NULL;

    put_raw(fixture, "<policy class='Perf' weight='1'/>", VH_OVERRIDE_URI, VH_METADATA_LIVE);
    g_assert_false(
        vh_metadata_change_override(fixture->domain, &change, VH_METADATA_LIVE, NULL, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "cleared"));
    g_assert_true(vh_metadata_clear_override(fixture->domain, VH_METADATA_LIVE, NULL));
    assert_there(fixture, VH_METADATA_LIVE, &none);
    put_raw(fixture, "<other/>", VH_OVERRIDE_URI, VH_METADATA_LIVE);
    g_assert_true(vh_metadata_set_override(fixture->domain, &full, VH_METADATA_LIVE, NULL));
    assert_there(fixture, VH_METADATA_LIVE, &full);
}

/* One that is larger than any policy stays where it is until somebody replaces it. */
static void test_oversized_there(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GString) xml = g_string_new("<policy class='perf'>");
    g_autoptr(GError) error = NULL;
    VhOverride override;

    while (xml->len < VH_MIB)
        g_string_append(xml, "<a b='c'/>");
    g_string_append(xml, "</policy>");
    put_raw(fixture, xml->str, VH_OVERRIDE_URI, VH_METADATA_LIVE);
    g_assert_false(
        vh_metadata_get_override(fixture->domain, VH_METADATA_CURRENT, &override, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
    g_assert_true(vh_metadata_set_override(fixture->domain, &full, VH_METADATA_LIVE, NULL));
    assert_there(fixture, VH_METADATA_LIVE, &full);
}

static void test_read_only(Fixture *fixture, gconstpointer data)
{
    static const char *const settings[] = {"weight=9", NULL};
    const VhMetadataChange change = {settings, NULL};
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", TRUE, NULL);
    g_autoptr(virDomain) domain = virDomainLookupByName(connection, "test");
    GError *errors[3] = {NULL};
    VhOverride override;

    g_assert_false(vh_metadata_set_override(domain, &full, VH_METADATA_LIVE, &errors[0]));
    g_assert_false(vh_metadata_clear_override(domain, VH_METADATA_LIVE, &errors[1]));
    g_assert_false(
        vh_metadata_change_override(domain, &change, VH_METADATA_LIVE, NULL, &errors[2]));
    for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
        g_assert_error(errors[i], VH_ERROR, VH_ERROR_DENIED);
        g_assert_nonnull(strstr(errors[i]->message, "read-write"));
        g_error_free(errors[i]);
    }
    g_assert_true(vh_metadata_get_override(domain, VH_METADATA_LIVE, &override, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vh_libvirt_init();
    g_test_add_func("/metadata/valid", test_valid);
    g_test_add_func("/metadata/refused", test_refused);
    g_test_add_func("/metadata/of-a-domain", test_of_a_domain);
    g_test_add_func("/metadata/oversized", test_oversized);
    g_test_add_func("/metadata/deep", test_deep);
    g_test_add_func("/metadata/format", test_format);
    g_test_add("/metadata/where", Fixture, NULL, set_up, test_where, tear_down);
    g_test_add("/metadata/foreign", Fixture, NULL, set_up, test_foreign, tear_down);
    g_test_add("/metadata/set-refused", Fixture, NULL, set_up, test_set_refused, tear_down);
    g_test_add("/metadata/change", Fixture, NULL, set_up, test_change, tear_down);
    g_test_add("/metadata/change-refused", Fixture, NULL, set_up, test_change_refused, tear_down);
    g_test_add("/metadata/invalid-before", Fixture, NULL, set_up, test_invalid_before, tear_down);
    g_test_add("/metadata/oversized-there", Fixture, NULL, set_up, test_oversized_there, tear_down);
    g_test_add("/metadata/read-only", Fixture, NULL, set_up, test_read_only, tear_down);
    return g_test_run();
}
