/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XPath expressions of a policy, over the XML of domains: checked, compiled and evaluated. Nothing
 * but the XML is reached, and the work is bounded. */
#pragma once

#include "vh-config.h"

G_BEGIN_DECLS

#define VH_XPATH_STEPS_MAX 1000000 /* of one expression over one XML, as libxml2 counts them */

/* A VhPolicyXPathCheck: syntax, and that each prefix, function and variable exists. */
gboolean vh_xpath_check(const VhConfig *config, const char *xpath,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All expressions of a policy. In one thread at a time. */
typedef struct VhXPaths VhXPaths;

VhXPaths *vh_xpaths_new(const VhConfig *config);
void vh_xpaths_free(VhXPaths *xpaths);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhXPaths, vh_xpaths_free)

/* Whether they are those of this policy, in its order and with its namespaces. */
gboolean vh_xpaths_are_of(const VhXPaths *xpaths, const VhConfig *config);

/* Which of them apply, by VhMatch.xpath_index. */
typedef struct {
    guint64 hits;
    guint64 unknown; /* could not be evaluated */
} VhXPathBits;

/* Of all of a policy, where there is no XML to look at. */
VhXPathBits vh_xpaths_unknown(const VhXPaths *xpaths);

/* Hostile XML costs bounded work, and makes all or some unknown. Does not block. */
VhXPathBits vh_xpaths_apply(VhXPaths *xpaths, const char *xml);

G_END_DECLS
