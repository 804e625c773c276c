/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where scenarios come from: files that are named, and those that are shipped. */
#pragma once

#include "vh-policy-text.h"
#include "vh-scenario.h"

G_BEGIN_DECLS

typedef struct {
    char *path;
    VhScenario *scenario;
} VhSimFile;

/* An empty list of VhSimFile, which it owns. */
GPtrArray *vh_sim_files_new(void);

/* Reads a scenario: of a file, or by name one of the shipped. */
gboolean vh_sim_files_add(GPtrArray *files, const char *name,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All shipped ones of these sets (bits of VhScenarioSet), by name. */
gboolean vh_sim_files_add_shipped(GPtrArray *files, guint sets,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The texts (VhPolicyText, owned) of a policy file, or of all "*.json" of a directory in the order
 * of their names; none for NULL. */
GArray *vh_sim_files_policy(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
