/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The picture of the demo, drawn by gnuplot. It must not know where the figures come from. */
#pragma once

#include "demo-record.h"

G_BEGIN_DECLS

/*
 * Writes virthint-demo.png into `folder`: both runs side by side, resident memory stacked by guest
 * over time, the pool as a line, each ask as a mark at its start. Runs gnuplot and waits for it.
 * *ret_path (the picture's) is freed with g_free(). G_SPAWN_ERROR with what gnuplot said.
 */
gboolean vh_demo_plot(const VhDemoRecord *without, const VhDemoRecord *with, const char *folder,
                      char **ret_path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
