/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes as "name=value", one a line. Whatever is accepted must be within its range. */
#include "vh-override.h"
#include "vh-units.h"

#include "fuzz.h"

#include <string.h>

static void check_ranges(const VhOverride *override)
{
    if (override->keys & VH_OVERRIDE_CLASS) {
        g_assert_true(vh_class_name_is_valid(override->class_name));
    }
    if (override->keys & VH_OVERRIDE_WEIGHT) {
        g_assert_cmpuint(override->weight, >=, 1);
        g_assert_cmpuint(override->weight, <=, VH_WEIGHT_MAX);
    }
    if (override->keys & VH_OVERRIDE_COOLDOWN) {
        g_assert_cmpint(override->cooldown_us, >=, 0);
        g_assert_cmpint(override->cooldown_us, <=, VH_COOLDOWN_MAX_US);
    }
    if (override->keys & VH_OVERRIDE_MAX_PER_ASK) {
        g_assert_cmpuint(override->max_per_ask_bytes, >=, VH_MIB);
    }
    g_assert_cmpint(override->until_us, >=, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 50);
    VhOverride override = {0};
    for (guint i = 0; lines[i]; i++) {
        g_autoptr(GError) error = NULL;
        char *value = strchr(lines[i], '=');
        if (!value) {
            continue;
        }
        *value++ = '\0';
        if (!vh_override_set(&override, lines[i], value, &error)) {
            g_assert_null(strchr(error->message, '\n'));
            g_assert_cmpuint(strlen(error->message), <, 1000);
        }
        check_ranges(&override);
        g_assert_true(vh_override_check(&override, NULL));
    }
    return 0;
}
