/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies that are refused: the text, and what must be said of it, and where. */
#pragma once

#include "vh-policy-text.h"

#include <string.h>

#define HEAD "{\"version\": 1,\n"

static inline VhConfig *parse_one(const char *text, GError **error)
{
    VhPolicyText file = {"p.json", text, strlen(text)};
    return vh_policy_parse(&file, 1, error);
}

typedef struct {
    const char *text;
    guint line;
    const char *pointer;
    const char *phrase;
} BadPolicy;

static inline void check_bad(const BadPolicy *bad, int code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VhConfig) config = parse_one(bad->text, &error);
    g_autofree char *shown = g_strescape(bad->text, NULL);
    g_autofree char *place = *bad->pointer
                                 ? g_strdup_printf("p.json:%u: %s: ", bad->line, bad->pointer)
                                 : g_strdup_printf("p.json:%u: ", bad->line);
    g_test_message("%s", shown);
    g_assert_null(config);
    g_assert_error(error, VH_ERROR, code);
    if (!g_str_has_prefix(error->message, place) || !strstr(error->message, bad->phrase)) {
        g_error("\"%s\" is not \"%s...%s\"", error->message, place, bad->phrase);
    }
    g_assert_null(strchr(error->message, '\n'));
}
