/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-xpath-cache.h: a table by the XML itself. Knows no domain. */
#include "vh-xpath-cache.h"

typedef struct {
    VhXPathBits bits;
    guint64 turn; /* when it was last looked up */
} Known;

struct VhXPathCache {
    VhXPaths *xpaths;  /* NULL: the policy has none */
    GHashTable *table; /* GRefString, held, to Known */
    guint64 turn;
    guint64 n_evaluated;
};

static void release_xml(gpointer xml)
{
    g_ref_string_release(xml);
}

VhXPathCache *vh_xpath_cache_new(void)
{
    VhXPathCache *cache = g_new0(VhXPathCache, 1);

    cache->table = g_hash_table_new_full(NULL, NULL, release_xml, g_free);
    return cache;
}

void vh_xpath_cache_free(VhXPathCache *cache)
{
    if (!cache)
        return;
    vh_xpaths_free(cache->xpaths);
    g_hash_table_unref(cache->table);
    g_free(cache);
}

void vh_xpath_cache_begin(VhXPathCache *cache, const VhConfig *config)
{
    cache->turn++;
    if (cache->xpaths ? vh_xpaths_are_of(cache->xpaths, config) : !vh_config_has_xpath(config))
        return;
    g_hash_table_remove_all(cache->table);
    g_clear_pointer(&cache->xpaths, vh_xpaths_free);
    if (vh_config_has_xpath(config))
        cache->xpaths = vh_xpaths_new(config);
}

static gboolean is_left(gpointer key, gpointer value, gpointer data)
{
    const VhXPathCache *cache = data;

    return ((const Known *)value)->turn != cache->turn;
}

void vh_xpath_cache_end(VhXPathCache *cache)
{
    g_hash_table_foreach_remove(cache->table, is_left, cache);
}

VhXPathBits vh_xpath_cache_get(VhXPathCache *cache, char *xml)
{
    Known *known;

    if (!cache->xpaths)
        return (VhXPathBits){0};
    if (!xml)
        return vh_xpaths_unknown(cache->xpaths);
    known = g_hash_table_lookup(cache->table, xml);
    if (!known) {
        known = g_new0(Known, 1);
        known->bits = vh_xpaths_apply(cache->xpaths, xml);
        cache->n_evaluated++;
        g_hash_table_insert(cache->table, g_ref_string_acquire(xml), known);
    }
    known->turn = cache->turn;
    return known->bits;
}

guint64 vh_xpath_cache_count(const VhXPathCache *cache)
{
    return cache->n_evaluated;
}
