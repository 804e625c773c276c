/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pool and its levels. */
#include "vh-pool.h"

static void add_resident(const VhSnapshot *snapshot, VhPool *pool)
{
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        if (!(domain->figures & VH_HAS_RSS) || domain->rss_bytes > VH_ABSURD_BYTES)
            continue;
        pool->resident_bytes = vh_add(pool->resident_bytes, domain->rss_bytes);
        pool->n_resident += domain->rss_bytes > 0;
    }
}

/* a - b as a signed number, far enough from the ends that sums of two of them cannot wrap. */
static gint64 difference(guint64 a, guint64 b)
{
    const guint64 most = G_MAXINT64 / 2;

    return a >= b ? (gint64)MIN(a - b, most) : -(gint64)MIN(b - a, most);
}

static gint64 clamp_bytes(__int128 bytes)
{
    const __int128 most = G_MAXINT64 / 2;

    return (gint64)CLAMP(bytes, -most, most);
}

static const VhNode *find_node(const VhSnapshot *snapshot, guint id)
{
    for (guint i = 0; i < snapshot->nodes->len; i++) {
        const VhNode *node = &g_array_index(snapshot->nodes, VhNode, i);
        if (node->id == id)
            return node;
    }
    return NULL;
}

static void set_size(VhPool *pool, guint64 total_bytes, gint64 available_bytes)
{
    pool->is_known = TRUE;
    pool->total_bytes = total_bytes;
    pool->available_bytes = pool->headed_bytes = available_bytes;
}

static void measure_group(const VhGroup *group, VhPool *pool)
{
    /* a group may be over a limit that was lowered under it */
    __int128 available =
        (__int128)group->limit_bytes - group->current_bytes + group->inactive_file_bytes;

    set_size(pool, group->limit_bytes, clamp_bytes(available));
}

void vh_pool_measure(const VhPoolConfig *config, const VhSnapshot *snapshot, VhPool *ret_pool)
{
    const VhNode *node = NULL;

    *ret_pool = (VhPool){.resident_bytes = 0};
    add_resident(snapshot, ret_pool);
    switch (config->source) {
    case VH_POOL_BUDGET:
        set_size(ret_pool, config->budget_bytes,
                 difference(config->budget_bytes, ret_pool->resident_bytes));
        return;
    case VH_POOL_CGROUP:
        if (snapshot->has_group)
            measure_group(&snapshot->group, ret_pool);
        return;
    case VH_POOL_NUMA:
        node = find_node(snapshot, config->node);
        if (node)
            set_size(ret_pool, vh_sub(node->total_bytes, config->reserve_bytes),
                     difference(node->available_bytes, config->reserve_bytes));
        return;
    case VH_POOL_HOST:
        set_size(ret_pool, vh_sub(snapshot->mem_total_bytes, config->reserve_bytes),
                 difference(snapshot->mem_available_bytes, config->reserve_bytes));
        return;
    }
}

/* What asks under way have returned so far. */
static guint64 returned_in_flight(const VhSnapshot *snapshot)
{
    guint64 sum = 0;

    for (guint i = 0; i < snapshot->in_flight->len; i++)
        sum = vh_add(sum, g_array_index(snapshot->in_flight, VhInFlight, i).returned_bytes);
    return sum;
}

static guint64 returned_at_end(const VhSnapshot *snapshot)
{
    guint64 sum = 0;

    for (guint i = 0; i < snapshot->ended->len; i++)
        sum = vh_add(sum, g_array_index(snapshot->ended, VhEnded, i).outcome.returned_bytes);
    return sum;
}

/* An exponential mean of rates, whatever the distance in time: `change` happened in `elapsed_us`.
 */
static gint64 smooth(gint64 mean_per_s, __int128 change, gint64 elapsed_us)
{
    __int128 weight_sum = (__int128)elapsed_us + VH_POOL_SMOOTHING_US;

    /* mean + (rate - mean) * elapsed / (elapsed + smoothing), with rate = change / elapsed */
    return clamp_bytes((change * VH_SEC + (__int128)mean_per_s * VH_POOL_SMOOTHING_US) /
                       weight_sum);
}

/* Whether it is the same pool as before: a limit, budget or reserve that was changed is no trend,
 * and what a guest had before it was seen was not used up since. */
static gboolean is_same(const VhPoolConfig *config, const VhState *next, const VhPool *pool)
{
    return next->pool_total_bytes == pool->total_bytes &&
           (config->source != VH_POOL_BUDGET || next->pool_n_resident == pool->n_resident);
}

static void follow_available(const VhPoolConfig *config, const VhSnapshot *snapshot,
                             gint64 elapsed_us, VhState *next, VhPool *pool)
{
    guint64 in_flight = returned_in_flight(snapshot);

    if (elapsed_us > 0 && is_same(config, next, pool)) {
        __int128 returned =
            (__int128)in_flight + returned_at_end(snapshot) - next->pool_returned_bytes;
        __int128 change = (__int128)pool->available_bytes - next->pool_available_bytes;
        gint64 trend = smooth(next->pool_trend_bytes_per_s, change - MAX(returned, 0), elapsed_us);
        next->pool_trend_bytes_per_s = MIN(trend, 0);
    }
    next->pool_total_bytes = pool->total_bytes;
    next->pool_n_resident = pool->n_resident;
    next->pool_available_bytes = pool->available_bytes;
    next->pool_returned_bytes = in_flight;
}

/* The counter starts anew with the host. */
static void follow_swap_out(const VhPressure *pressure, gint64 elapsed_us, VhState *next)
{
    if (!pressure->has_swap_out) {
        next->swap_out_rate_bytes_per_s = 0;
        next->has_pool_swap_out = FALSE;
        return;
    }
    if (elapsed_us > 0 && next->has_pool_swap_out)
        next->swap_out_rate_bytes_per_s =
            smooth(next->swap_out_rate_bytes_per_s,
                   vh_sub(pressure->swap_out_bytes, next->pool_swap_out_bytes), elapsed_us);
    next->has_pool_swap_out = TRUE;
    next->pool_swap_out_bytes = pressure->swap_out_bytes;
}

static gboolean is_under_pressure(const VhPoolConfig *config, const VhPressure *pressure,
                                  gint64 swap_out_per_s)
{
    if (pressure->has_psi && config->psi_some_bp && pressure->psi_some_bp >= config->psi_some_bp)
        return TRUE;
    if (pressure->has_psi && config->psi_full_bp && pressure->psi_full_bp >= config->psi_full_bp)
        return TRUE;
    return config->swap_out_bytes_per_s && swap_out_per_s > 0 &&
           (guint64)swap_out_per_s >= config->swap_out_bytes_per_s;
}

/*
 * The trend, and with it headed_bytes; the pressure. What asks returned meanwhile is taken out of
 * the trend, or it would hide how fast memory is being used up; a rise of what is available is no
 * reason to expect a further one, so that a trend is at most 0. Nor are guests a trend of a budget
 * that have come or gone, or were not known yet. Writes the pool_... and swap_out... of `next`.
 */
static void follow(const VhConfig *config, const VhSnapshot *snapshot, VhState *next, VhPool *pool)
{
    gint64 elapsed_us = next->pool_time_us ? snapshot->now_us - next->pool_time_us : 0;

    follow_swap_out(&snapshot->pressure, elapsed_us, next);
    pool->swap_out_per_s = next->swap_out_rate_bytes_per_s;
    pool->is_under_pressure =
        is_under_pressure(&config->pool, &snapshot->pressure, pool->swap_out_per_s);
    if (pool->is_known) {
        follow_available(&config->pool, snapshot, elapsed_us, next, pool);
        next->pool_time_us = snapshot->now_us;
        pool->trend_bytes_per_s = next->pool_trend_bytes_per_s;
    }
    if (pool->is_known && !(config->model.without & VH_TERM_TREND))
        pool->headed_bytes =
            clamp_bytes(pool->available_bytes +
                        (__int128)pool->trend_bytes_per_s * config->model.horizon_us / VH_SEC);
}

static gint64 bound(const VhAmount *amount, const VhPool *pool)
{
    return difference(vh_amount_bytes(amount, pool->total_bytes), 0);
}

static VhLevel deepest_of(const VhPoolConfig *config, const VhPool *pool, gint64 available_bytes,
                          gboolean of_exit)
{
    for (int level = VH_LEVEL_CRITICAL; level > VH_LEVEL_IDLE; level--) {
        const VhLevelBounds *bounds = &config->levels[level];
        if (available_bytes < bound(of_exit ? &bounds->exit : &bounds->enter, pool))
            return (VhLevel)level;
    }
    return VH_LEVEL_IDLE;
}

/*
 * The deepest level that A' falls short of. A trend is a guess: it makes no more than one level of
 * difference, and never CRITICAL, which unlocks those who are asked last and ends cooldowns.
 */
static VhLevel deepest_short_of(const VhPoolConfig *config, const VhPool *pool, gboolean of_exit)
{
    VhLevel now = deepest_of(config, pool, pool->available_bytes, of_exit);
    VhLevel ahead = deepest_of(config, pool, pool->headed_bytes, of_exit);

    return MIN(ahead, MAX(now, MIN(now + 1, VH_LEVEL_HIGH)));
}

void vh_pool_update_level(const VhPoolConfig *config, const VhPool *pool, gint64 now_us,
                          VhState *state)
{
    if (!pool->is_known)
        return;
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

/* The level as it applies: one worse than by the bounds where the pool is under pressure. */
static VhLevel raised_level(const VhPool *pool, VhLevel by_bounds)
{
    return pool->is_under_pressure ? MIN(by_bounds + 1, VH_LEVEL_CRITICAL) : by_bounds;
}

guint64 vh_pool_need_bytes(const VhPoolConfig *config, const VhPool *pool, VhLevel level)
{
    VhLevel goal = MIN(level, VH_LEVEL_LOW);

    if (goal == VH_LEVEL_IDLE || !pool->is_known)
        return 0;
    gint64 missing = bound(&config->levels[goal].exit, pool) - pool->headed_bytes;
    return missing > 0 ? (guint64)missing : 0;
}

/* Since when the pool has been short, or not. A clock that was set back, by a restart of the host,
 * starts anew. */
static void note_since(VhLevel level, gint64 now_us, VhState *next)
{
    gint64 *since = level >= VH_LEVEL_LOW ? &next->low_since_us : &next->quiet_since_us;
    gint64 *other = level >= VH_LEVEL_LOW ? &next->quiet_since_us : &next->low_since_us;

    *other = 0;
    if (*since == 0 || *since > now_us)
        *since = now_us;
}

void vh_pool_see(const VhConfig *config, const VhSnapshot *snapshot, VhState *next, VhPlan *plan,
                 VhPool *ret_pool)
{
    VhPool pool;

    vh_pool_measure(&config->pool, snapshot, &pool);
    follow(config, snapshot, next, &pool);
    vh_pool_update_level(&config->pool, &pool, snapshot->now_us, next);
    plan->level_by_bounds = next->level;
    plan->level = raised_level(&pool, next->level);
    note_since(plan->level, snapshot->now_us, next);

    plan->pool_total_bytes = pool.total_bytes;
    plan->pool_available_bytes = pool.available_bytes;
    plan->pool_trend_bytes_per_s = pool.trend_bytes_per_s;
    plan->resident_bytes = pool.resident_bytes;
    plan->need_bytes = vh_pool_need_bytes(&config->pool, &pool, plan->level);
    /* the bounds say that there is enough, and the pressure says that there is not: some, then */
    if (plan->level > plan->level_by_bounds && plan->need_bytes == 0)
        plan->need_bytes = vh_share(pool.total_bytes, config->model.proactive_bp_per_min);
    *ret_pool = pool;
}
