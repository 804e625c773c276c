/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that virthint reads and writes: policy directories and the state file. */
#pragma once

#include "vh-config.h"
#include "vh-state.h"

G_BEGIN_DECLS

/*
 * The policy of all *.json files of a directory, in the order of their names; or, where `path` is a
 * file, of that. A directory without any gives the built-in policy. A path that is not there:
 * VH_ERROR_GONE.
 */
VhConfig *vh_files_load_policy(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a list of files and directories, merged in order. */
VhConfig *vh_files_load_policies(const char *const *paths,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The state file; a fresh state where there is none. A damaged one is moved aside to "PATH.damaged"
 * and a fresh state returned, with *ret_warning (free with g_free()) saying so; NULL otherwise.
 */
VhState *vh_files_load_state(const char *path, char **ret_warning);

/* Writes a temporary file beside it and renames, so that a crash leaves the old one. */
gboolean vh_files_save_state(const char *path, const VhState *state,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "PATH: what: why" of an errno: GONE, DENIED or FAILED. Always FALSE. */
gboolean vh_files_refuse_errno(GError **error, int number, const char *path, const char *what);

G_END_DECLS
