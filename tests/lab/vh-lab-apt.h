/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel packages from the user's own apt sources, downloaded without root and without a change to
 * the system's apt state. Knows nothing of the cache of kernels.
 */
#pragma once

#include "vh-lab-images.h"

G_BEGIN_DECLS

/*
 * Puts the package of Debian's newest cloud kernel of `branch`, such as "6.12" (NULL: of the one
 * that linux-image-cloud-amd64 stands for), into `dir`, a directory of the caller's that may keep
 * other files of apt's too. Blocks. VH_ERROR_UNSUPPORTED where the sources have none.
 */
gboolean vh_lab_apt_download_kernel(const char *dir, const char *branch, VhLabProgress progress,
                                    gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
