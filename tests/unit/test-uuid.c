/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UUIDs, and the words of tiers, outcomes and errors, which are interfaces. */
#include "vh-outcome.h"
#include "vh-tier.h"
#include "vh-uuid.h"

#include <string.h>

#define TEXT "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

static void test_round_trip(void)
{
    char text[VH_UUID_TEXT];
    VhUuid uuid;
    g_assert_true(vh_uuid_parse(TEXT, &uuid, NULL));
    g_assert_cmpuint(uuid.bytes[0], ==, 0x6b);
    g_assert_cmpuint(uuid.bytes[15], ==, 0xc8);
    g_assert_cmpstr(vh_uuid_format(&uuid, text), ==, TEXT);
    VhUuid upper;
    g_autofree char *upper_text = g_ascii_strup(TEXT, -1);
    g_assert_true(vh_uuid_parse(upper_text, &upper, NULL));
    g_assert_true(vh_uuid_equal(&uuid, &upper));
}

static void test_refused(void)
{
    static const char *const texts[] = {
        "",
        "6ba7b810",
        "6ba7b8109dad11d180b400c04fd430c8",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c",
        TEXT "0",
        "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
        "6ba7b810-9dad-11d1-80b40-0c04fd430c8",
        " 6ba7b810-9dad-11d1-80b4-00c04fd430c",
        "{6ba7b810-9dad-11d1-80b4-00c04fd430c",
    };
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        VhUuid uuid;
        g_assert_false(vh_uuid_parse(texts[i], &uuid, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        g_assert_nonnull(g_strrstr(error->message, "32 hexadecimal digits"));
    }
}

static void test_order_and_hash(void)
{
    VhUuid low = {{1}};
    VhUuid high = {{1, 0, 1}};
    g_assert_cmpint(vh_uuid_compare(&low, &high), <, 0);
    g_assert_cmpint(vh_uuid_compare(&high, &low), >, 0);
    g_assert_cmpint(vh_uuid_compare(&low, &low), ==, 0);
    /* plans break ties by it: the same in every run and version */
    VhUuid zero = {{0}};
    g_assert_cmphex(vh_uuid_hash64(&zero), ==, G_GUINT64_CONSTANT(0x88201fb960ff6465));
    g_assert_cmpuint(vh_uuid_hash64(&low), !=, vh_uuid_hash64(&high));
}

static void test_words(void)
{
    g_assert_cmpstr(vh_tier_name(VH_TIER_NATIVE), ==, "native");
    for (guint bit = 1; bit <= VH_TIER_REASON_LAST; bit <<= 1) {
        g_assert_cmpstr(vh_tier_reason_name((VhTierReason)bit), !=, "unknown");
        g_assert_cmpuint(strlen(vh_tier_reason_text((VhTierReason)bit)), >, 10);
    }
    g_autofree char *both = vh_tier_reasons_format(VH_TIER_REASON_VFIO | VH_TIER_REASON_LOCKED);
    g_assert_cmpstr(both, ==, "vfio,locked");
    g_autofree char *none = vh_tier_reasons_format(0);
    g_assert_cmpstr(none, ==, "");
    for (int i = VH_ASK_AUTO; i <= VH_ASK_PASS; i++) {
        g_assert_cmpint(vh_ask_method_from_name(vh_ask_method_name((VhAskMethod)i)), ==, i);
    }
    for (int i = VH_ASK_RUNNING; i <= VH_ASK_FAILED; i++) {
        g_assert_cmpint(vh_ask_status_from_name(vh_ask_status_name((VhAskStatus)i)), ==, i);
    }
    g_assert_cmpint(vh_ask_method_from_name("magic"), ==, -1);
    g_assert_cmpint(vh_ask_status_from_name(NULL), ==, -1);
    g_assert_cmpstr(vh_ask_source_name(VH_ASK_SOURCE_MEMFREE), ==, "memfree");
    for (int i = VH_ERROR_UNSUPPORTED; i <= VH_ERROR_FAILED; i++) {
        g_assert_cmpint(vh_error_code_from_name(vh_error_code_name(i)), ==, i);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/uuid/round-trip", test_round_trip);
    g_test_add_func("/uuid/refused", test_refused);
    g_test_add_func("/uuid/order-and-hash", test_order_and_hash);
    g_test_add_func("/words/all", test_words);
    return g_test_run();
}
