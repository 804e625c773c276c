/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One policy file, or two with a NUL byte between them. What is accepted must hold together, and
 * survive being written and read again; what is refused must say where on one line.
 */
#include "vh-policy-text.h"

#include "fuzz.h"

#include <string.h>

static void check_again(const VhConfig *config)
{
    g_autofree char *once = vh_policy_format(config);
    VhPolicyText text = {"again", once, strlen(once)};
    g_autoptr(VhConfig) again = vh_policy_parse(&text, 1, NULL);
    g_assert_nonnull(again);
    g_autofree char *twice = vh_policy_format(again);
    g_assert_cmpstr(once, ==, twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *first = (const char *)data;
    const char *end = first + size;
    const char *cut = size > 0 ? memchr(first, 0, size) : NULL;
    VhPolicyText texts[2] = {{"first", first, (gsize)((cut ? cut : end) - first)}};
    if (cut) {
        texts[1] = (VhPolicyText){"second", cut + 1, (gsize)(end - cut - 1)};
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(VhConfig) config = vh_policy_parse(texts, cut ? 2 : 1, &error);
    if (config) {
        check_again(config);
        return 0;
    }
    g_assert_true(g_str_has_prefix(error->message, "first:") ||
                  g_str_has_prefix(error->message, "second:"));
    g_assert_null(strchr(error->message, '\n'));
    return 0;
}
