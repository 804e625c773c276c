/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The element of a domain's policy. What is accepted is valid, and is the same again when it has
 * been written and read. */
#include "vh-metadata.h"

#include "guard.h"

#include <string.h>

static void check_same(const VhOverride *left, const VhOverride *right)
{
    g_assert_cmphex(left->keys, ==, right->keys);
    for (const char *const *name = vh_override_names(); *name; name++) {
        g_autofree char *one = vh_override_get(left, *name);
        g_autofree char *other = vh_override_get(right, *name);
        g_assert_cmpstr(one, ==, other);
    }
}

/* Taking out what is set, one by one, leaves nothing. */
static void check_unset(VhOverride override)
{
    const VhOverride nothing = {0};

    for (const char *const *name = vh_override_names(); *name; name++)
        g_assert_true(vh_override_unset(&override, *name, NULL));
    check_same(&override, &nothing);
    g_assert_cmpint(override.until_us, ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *xml = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    VhOverride override, again;

    fuzz_guard_up(size);
    gboolean is_parsed = vh_metadata_parse_override(xml, &override, &error);
    fuzz_guard_down();
    if (!is_parsed) {
        g_assert_true(g_error_matches(error, VH_ERROR, VH_ERROR_INVALID));
        fuzz_guard_check_error(error);
        return 0;
    }
    g_assert_false(fuzz_guard_has_doctype(xml));
    g_assert_true(vh_override_check(&override, &error));
    g_autofree char *text = vh_metadata_format_override(&override);
    g_assert_true(vh_metadata_parse_override(text, &again, &error));
    check_same(&override, &again);
    check_unset(override);
    return 0;
}
