/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An XPath expression, and behind a NUL byte the XML of a domain. What is refused says why on one
 * line; what is accepted may be evaluated over anything, and says that it applies, that it does
 * not, or that nobody can tell.
 */
#include "vh-xpath.h"

#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    gsize length = strlen(text);
    g_autofree char *xml =
        length < size ? g_strndup((const char *)data + length + 1, size - length - 1) : NULL;
    g_autoptr(VhConfig) config = vh_config_new();
    g_autoptr(GError) error = NULL;

    config->matches = g_new0(VhMatch, 1);
    config->n_matches = 1;
    config->matches[0] = (VhMatch){.kind = VH_MATCH_XPATH, .xpath = g_strdup(text)};
    if (!vh_xpath_check(config, text, &error)) {
        g_assert_null(strchr(error->message, '\n'));
        return 0;
    }
    g_autoptr(VhXPaths) xpaths = vh_xpaths_new(config);
    g_assert_true(vh_xpaths_are_of(xpaths, config));
    VhXPathBits bits = vh_xpaths_apply(xpaths, xml ? xml : "<domain/>");
    g_assert_cmpuint(bits.hits & bits.unknown, ==, 0);
    g_assert_cmpuint(bits.hits | bits.unknown, <=, 1);
    return 0;
}
