/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-text.h. Owns nothing but the buffers it returns. */
#include "vh-text.h"

#include <string.h>

char *vh_text_quote(const char *text)
{
    if (!text) {
        return g_strdup("(none)");
    }
    gsize length = strnlen(text, VH_TEXT_QUOTE_MAX + 1);
    gboolean is_cut = length > VH_TEXT_QUOTE_MAX;
    g_autofree char *head = g_strndup(text, MIN(length, VH_TEXT_QUOTE_MAX));
    g_autofree char *escaped = g_strescape(head, NULL);
    return g_strdup_printf("\"%s%s\"", escaped, is_cut ? "..." : "");
}

char *vh_text_harmless(const char *text)
{
    GString *harmless = g_string_new(NULL);

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (g_unichar_iscntrl(c) && c != '\n' && c != '\t')
            g_string_append_printf(harmless, "\\x%02x", (guint)c);
        else
            g_string_append_len(harmless, at, g_utf8_next_char(at) - at);
    }
    return g_string_free(harmless, FALSE);
}

#define NEAREST_MAX 40 /* longer words are nobody's slip of the finger */

static gboolean is_same_letter(char a, char b)
{
    return g_ascii_tolower(a) == g_ascii_tolower(b);
}

/* How many slips (a letter too many, missing, wrong, or two swapped) lie between two words of at
 * most NEAREST_MAX bytes. */
static guint word_distance(const char *a, const char *b)
{
    guint cost[NEAREST_MAX + 1][NEAREST_MAX + 1];
    guint length_a = (guint)strlen(a);
    guint length_b = (guint)strlen(b);
    for (guint i = 0; i <= length_a; i++) {
        for (guint j = 0; j <= length_b; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            guint replaced = cost[i - 1][j - 1] + (is_same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
            guint best = MIN(replaced, MIN(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && is_same_letter(a[i - 1], b[j - 2]) &&
                is_same_letter(a[i - 2], b[j - 1])) {
                best = MIN(best, cost[i - 2][j - 2] + 1);
            }
            cost[i][j] = best;
        }
    }
    return cost[length_a][length_b];
}

const char *vh_text_nearest(const char *text, const char *const *words)
{
    gsize length = strnlen(text, NEAREST_MAX + 1);
    if (length == 0 || length > NEAREST_MAX) {
        return NULL;
    }
    const char *best = NULL;
    guint best_distance = MAX(1, (guint)length / 3) + 1;
    for (guint i = 0; words[i]; i++) {
        if (strlen(words[i]) > NEAREST_MAX) {
            continue;
        }
        guint distance = word_distance(text, words[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = words[i];
        }
    }
    return best;
}

char *vh_text_join_or(const char *const *words)
{
    GString *joined = g_string_new(NULL);
    for (guint i = 0; words[i]; i++) {
        if (i > 0) {
            g_string_append(joined, words[i + 1] ? ", " : " or ");
        }
        g_string_append(joined, words[i]);
    }
    return g_string_free(joined, FALSE);
}
