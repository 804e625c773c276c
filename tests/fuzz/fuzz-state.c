/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A state file. What is accepted must survive being written and read again. */
#include "vh-state-text.h"

#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhState) state = vh_state_parse((const char *)data, size, &error);
    if (!state) {
        g_assert_true(g_str_has_prefix(error->message, "line "));
        g_assert_null(strchr(error->message, '\n'));
        return 0;
    }
    g_autofree char *once = vh_state_format(state);
    g_autoptr(VhState) again = vh_state_parse(once, strlen(once), NULL);
    g_assert_nonnull(again);
    g_autofree char *twice = vh_state_format(again);
    g_assert_cmpstr(once, ==, twice);
    return 0;
}
