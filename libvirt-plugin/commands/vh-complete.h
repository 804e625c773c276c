/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command line that is being typed can go on with. Knows no shell but for its quoting. */
#pragma once

#include "vh-context.h"

G_BEGIN_DECLS

/* In place of candidates: the shell is to complete a path. */
#define VH_COMPLETE_FILES ":files"

/*
 * Candidates for the last of the words, each as a whole word, sorted as the table has them; a
 * char* each, freed with g_ptr_array_unref(). Words are as the shell got them, with their quotes.
 * Domains are asked for where they are wanted, on the connection that `context` (of a command that
 * reads) and the words tell; where that fails there are none. May block.
 */
GPtrArray *vh_complete(VhContext *context, const char *const *words, guint n);

G_END_DECLS
