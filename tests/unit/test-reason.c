/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every reason has a word of its own, a sentence, and its row in docs/policy.md: those of asks, and
 * those of switches. */
#include "vh-plan.h"

#include <string.h>

static const char *switch_name(guint reason)
{
    return vh_toggle_reason_name((VhToggleReason)reason);
}

static const char *switch_text(guint reason)
{
    return vh_toggle_reason_text((VhToggleReason)reason);
}

static const char *ask_name(guint reason)
{
    return vh_reason_name((VhReason)reason);
}

static const char *ask_text(guint reason)
{
    return vh_reason_text((VhReason)reason);
}

typedef struct {
    guint n;
    const char *(*name)(guint reason);
    const char *(*text)(guint reason);
} Kind;

static const Kind asks = {VH_REASONS, ask_name, ask_text};
static const Kind switches = {VH_TOGGLE_REASONS, switch_name, switch_text};

static void test_all_are_named_and_documented(gconstpointer data)
{
    const Kind *kind = data;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree char *document = NULL;
    g_autoptr(GError) error = NULL;

    g_file_get_contents(VH_SOURCE_ROOT "/docs/policy.md", &document, NULL, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < kind->n; i++) {
        const char *name = kind->name(i), *text = kind->text(i);
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
    g_test_add_data_func("/reason/all-are-named-and-documented", &asks,
                         test_all_are_named_and_documented);
    g_test_add_data_func("/reason/switches-are-named-and-documented", &switches,
                         test_all_are_named_and_documented);
    return g_test_run();
}
