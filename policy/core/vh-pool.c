/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pool and its levels. */
#include "vh-pool.h"

static guint64 resident_of_guests(const VhSnapshot *snapshot)
{
    guint64 sum = 0;

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        if (domain->figures & VH_HAS_RSS && domain->rss_bytes <= VH_ABSURD_BYTES)
            sum = vh_add(sum, domain->rss_bytes);
    }
    return sum;
}

/* a - b as a signed number, far enough from the ends that sums of two of them cannot wrap. */
static gint64 difference(guint64 a, guint64 b)
{
    const guint64 most = G_MAXINT64 / 2;

    return a >= b ? (gint64)MIN(a - b, most) : -(gint64)MIN(b - a, most);
}

void vh_pool_measure(const VhPoolConfig *config, const VhSnapshot *snapshot, VhPool *ret_pool)
{
    ret_pool->resident_bytes = resident_of_guests(snapshot);
    if (config->source == VH_POOL_BUDGET) {
        ret_pool->total_bytes = config->budget_bytes;
        ret_pool->available_bytes = difference(config->budget_bytes, ret_pool->resident_bytes);
    } else {
        ret_pool->total_bytes = vh_sub(snapshot->mem_total_bytes, config->reserve_bytes);
        ret_pool->available_bytes =
            difference(snapshot->mem_available_bytes, config->reserve_bytes);
    }
}

static gint64 bound(const VhAmount *amount, const VhPool *pool)
{
    return difference(vh_amount_bytes(amount, pool->total_bytes), 0);
}

/* The deepest level that available memory falls short of. */
static VhLevel deepest_short_of(const VhPoolConfig *config, const VhPool *pool, gboolean of_exit)
{
    for (int level = VH_LEVEL_CRITICAL; level > VH_LEVEL_IDLE; level--) {
        const VhLevelBounds *bounds = &config->levels[level];
        if (pool->available_bytes < bound(of_exit ? &bounds->exit : &bounds->enter, pool))
            return (VhLevel)level;
    }
    return VH_LEVEL_IDLE;
}

void vh_pool_update_level(const VhPoolConfig *config, const VhPool *pool, gint64 now_us,
                          VhState *state)
{
    VhLevel entered = deepest_short_of(config, pool, FALSE);
    VhLevel held = deepest_short_of(config, pool, TRUE);

    if (entered >= state->level || held >= state->level) {
        state->level = MAX(entered, state->level);
        state->better_since_us = 0;
        return;
    }
    if (state->better_since_us == 0)
        state->better_since_us = now_us;
    if (now_us - state->better_since_us >= config->dwell_us) {
        state->level = MAX(entered, held);
        state->better_since_us = 0;
    }
}

guint64 vh_pool_need_bytes(const VhPoolConfig *config, const VhPool *pool, VhLevel level)
{
    VhLevel goal = MIN(level, VH_LEVEL_LOW);

    if (goal == VH_LEVEL_IDLE)
        return 0;
    gint64 missing = bound(&config->levels[goal].exit, pool) - pool->available_bytes;
    return missing > 0 ? (guint64)missing : 0;
}
