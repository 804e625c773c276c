/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every reason has a word of its own, a sentence, and its row in docs/policy.md. */
#include "vh-reason.h"

#include <string.h>

static void test_all_are_named_and_documented(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree char *document = NULL;
    g_autoptr(GError) error = NULL;

    g_file_get_contents(VH_SOURCE_ROOT "/docs/policy.md", &document, NULL, &error);
    g_assert_no_error(error);
    for (int i = 0; i < VH_REASONS; i++) {
        const char *name = vh_reason_name((VhReason)i), *text = vh_reason_text((VhReason)i);
        g_autofree char *row = g_strdup_printf("| `%s` | %s |\n", name, text);

        g_assert_true(g_hash_table_add(seen, (gpointer)name));
        g_assert_cmpuint(strlen(text), >, 10);
        if (!strstr(document, row))
            g_error("docs/policy.md lacks the row: %s", row);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reason/all-are-named-and-documented", test_all_are_named_and_documented);
    return g_test_run();
}
