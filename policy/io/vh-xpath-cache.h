/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the expressions of the policy in force say of each domain, evaluated again only where the
 * XML or the policy is another than last time. */
#pragma once

#include "vh-xpath.h"

G_BEGIN_DECLS

typedef struct VhXPathCache VhXPathCache;

VhXPathCache *vh_xpath_cache_new(void);
void vh_xpath_cache_free(VhXPathCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhXPathCache, vh_xpath_cache_free)

/* A turn over all domains begins, and ends: what was not looked up in between is dropped. */
void vh_xpath_cache_begin(VhXPathCache *cache, const VhConfig *config);
void vh_xpath_cache_end(VhXPathCache *cache);

/* `xml` is a GRefString, known again by its address while the cache holds it; NULL: there is none
 * (yet). */
VhXPathBits vh_xpath_cache_get(VhXPathCache *cache, char *xml);

/* How many evaluations there were, of one XML each: for tests and figures. */
guint64 vh_xpath_cache_count(const VhXPathCache *cache);

G_END_DECLS
