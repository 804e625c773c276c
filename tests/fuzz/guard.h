/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a parser of hostile XML must not do. While the guard is up, a file that is opened, or a
 * socket, ends the program, and so does more memory of libxml2's than the input's length allows.
 * Linked into a target, it stands in for libc's calls.
 */
#pragma once

#include "fuzz.h"

#include <glib.h>

/* Up, for an input of that length; to be taken down again before anything else is done. */
void fuzz_guard_up(size_t size);
void fuzz_guard_down(void);

/* Whether XML has a document type, by a parser of its own settings: then nobody may take it. */
gboolean fuzz_guard_has_doctype(const char *xml);

/* An error's message: one line, of bounded length, for a terminal. */
void fuzz_guard_check_error(const GError *error);
