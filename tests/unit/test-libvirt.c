/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding the domain that somebody means, over libvirt's test driver. */
#include "vh-libvirt.h"

/* Whose name is the id of the one that runs there already. */
#define SHADOW                                                                   \
    "<domain type='test'><name>1</name><memory>65536</memory>"                   \
    "<uuid>11111111-2222-3333-4444-555555555555</uuid><os><type>hvm</type></os>" \
    "</domain>"

static void assert_found(virConnectPtr connection, const char *text, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(virDomain) domain = vh_libvirt_find_domain(connection, text, &error);

    g_assert_no_error(error);
    g_assert_nonnull(domain);
    g_assert_cmpstr(virDomainGetName(domain), ==, name);
}

static void assert_missing(virConnectPtr connection, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_test_message("'%s'", text);
    g_assert_null(vh_libvirt_find_domain(connection, text, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
}

static void test_find(void)
{
    g_autoptr(virConnect) connection = vh_libvirt_open("test:///default", FALSE, NULL);
    g_autoptr(virDomain) test = virDomainLookupByName(connection, "test");
    g_autoptr(virDomain) shadow = NULL;
    VhUuid uuid = vh_libvirt_uuid(test);
    char text[VH_UUID_TEXT];

    assert_found(connection, "test", "test");
    assert_found(connection, vh_uuid_format(&uuid, text), "test");
    g_assert_cmpuint(virDomainGetID(test), ==, 1);
    assert_found(connection, "1", "test");
    shadow = virDomainDefineXML(connection, SHADOW);
    g_assert_nonnull(shadow);
    assert_found(connection, "1", "1");
    assert_found(connection, "11111111-2222-3333-4444-555555555555", "1");
    assert_missing(connection, "no-such");
    assert_missing(connection, "");
    assert_missing(connection, "7");
    assert_missing(connection, "-1");
    assert_missing(connection, "4294967297");
    assert_missing(connection, "11111111-2222-3333-4444-555555555556");
    (void)virDomainUndefine(shadow);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    vh_libvirt_init();
    g_test_add_func("/libvirt/find", test_find);
    return g_test_run();
}
