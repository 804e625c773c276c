/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Foreign text inside our own messages: made harmless, and compared with the words that would have
 * been right. Knows no words itself.
 */
#pragma once

#include "vh-error.h"

G_BEGIN_DECLS

#define VH_TEXT_QUOTE_MAX 60 /* bytes of foreign text that a message repeats */

/*
 * `text` in double quotes, with control and non-ASCII bytes escaped and the rest cut off with
 * "...": what a guest, a file or an administrator wrote can neither forge a log line nor flood it.
 * NULL gives "(none)". Free with g_free().
 */
char *vh_text_quote(const char *text);

/*
 * UTF-8 as it can be sent to a terminal: control characters, but for newlines and tabs, become
 * "\x1b" and the like. Free with g_free().
 */
char *vh_text_harmless(const char *text);

/*
 * The word of the NULL-terminated list that `text` most likely stands for: one slip (a
 * letter wrong, missing, too many, or two swapped) for each three letters, at least one; case
 * aside. NULL where none comes near.
 */
const char *vh_text_nearest(const char *text, const char *const *words);

/* "a, b or c" from a NULL-terminated list. Free with g_free(). */
char *vh_text_join_or(const char *const *words);

G_END_DECLS
