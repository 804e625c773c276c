/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a program is a QEMU whose balloon takes passes. */
#pragma once

#include "vh-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
    VH_EMULATOR_PATCHED,
    VH_EMULATOR_UNCHECKED, /* nothing is known against it; *ret_why says why not more */
} VhEmulatorCheck;

/*
 * INVALID: it is not there, cannot be run, or is no QEMU with the patches. It is run only where
 * nobody but root and the caller can have changed it, for some seconds at most. Blocks; runs
 * nothing of the caller's main context. `ret_why`: free with g_free(); NULL where it was checked.
 */
gboolean vh_emulator_check(const char *path, VhEmulatorCheck *ret_check, char **ret_why,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
