/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options and operands of one command line, into a context. For the files of the commands only. */
#pragma once

#include "vh-context.h"

G_BEGIN_DECLS

/*
 * Parses the options of `argv` (argv[0] is skipped) into the context's values, the rest into its
 * words. With `stop_at_operand` what follows the first word is left to the words untouched.
 * VH_ERROR_INVALID: what is wrong, what would be right; so for all here.
 */
gboolean vh_parse_arguments(VhContext *context, int argc, char *const *argv,
                            gboolean stop_at_operand, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Copies the values that are set in `from` (common ones) and not yet in `to`. */
void vh_parse_inherit(VhContext *to, const VhContext *from);

/* Makes the command's operands of its words and of what was given by their names. */
gboolean vh_parse_operands(VhContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads the quantities among the values that are set: what virsh's own parser leaves to a command.
 */
gboolean vh_parse_values(VhContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
