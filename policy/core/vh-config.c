/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The built-in policy, and what must hold between its keys. Knows nothing of files: the codec maps
 * the paths that are named here to lines.
 */
#include "vh-config.h"

#include <string.h>

#define SHARE(bp)                          \
    {                                      \
        .is_share = TRUE, .share_bp = (bp) \
    }

guint64 vh_amount_bytes(const VhAmount *amount, guint64 total_bytes)
{
    return amount->is_share ? vh_share(total_bytes, amount->share_bp) : amount->bytes;
}

static const VhClass builtin_classes[] = {
    {
        .name = "batch",
        .rank = 0,
        .unlock = VH_LEVEL_PROACTIVE,
        .weight = 1,
        .reporting = VH_REPORTING_AUTO,
        .cooldown_us = 5 * VH_SEC,
    },
    {
        .name = "standard",
        .rank = 1,
        .unlock = VH_LEVEL_LOW,
        .weight = 4,
        .cooldown_us = 10 * VH_SEC,
        .max_per_ask_bytes = 2 * VH_GIB,
        .reporting = VH_REPORTING_AUTO,
    },
    {
        .name = "perf",
        .rank = 2,
        .unlock = VH_LEVEL_CRITICAL,
        .weight = 20,
        .cooldown_us = 15 * VH_MIN,
        .max_per_ask_bytes = 256 * VH_MIB,
        .asks_per_hour = 2,
        .reporting = VH_REPORTING_OFF,
        .keep_free = SHARE(1000),
    },
    {
        .name = "exempt",
        .ask_never = TRUE,
        .rank = 2,
        .unlock = VH_LEVEL_CRITICAL,
        .weight = VH_WEIGHT_MAX,
        .cooldown_us = VH_HOUR,
    },
};
#define BUILTIN_STANDARD 1
#define BUILTIN_EXEMPT 3

static const VhPoolConfig builtin_pool = {
    .source = VH_POOL_HOST,
    .levels =
        {
            [VH_LEVEL_PROACTIVE] = {SHARE(2500), SHARE(2800)},
            [VH_LEVEL_LOW] = {SHARE(1500), SHARE(1800)},
            [VH_LEVEL_HIGH] = {SHARE(800), SHARE(1100)},
            [VH_LEVEL_CRITICAL] = {SHARE(400), SHARE(700)},
        },
    .dwell_us = 30 * VH_SEC,
    .psi_some_bp = 1000,
    .psi_full_bp = 500,
    .swap_out_bytes_per_s = VH_MIB,
};

static const VhModel builtin_model = {
    .overhead_bytes = 200 * VH_MIB,
    .gamma_bp = 9500,
    .sigma_bp = 4000,
    .retouch_bp = 1000,
    .residue_halflife_us = 10 * VH_MIN,
    .stable_bp = 500,
    .cost_fixed_us = 20 * VH_MS,
    .cost_per_gib_us = 150 * VH_MS,
    .cost_refault_per_gib_us = 400 * VH_MS,
    .lambda_bp = 5000,
    .fair_halflife_us = VH_HOUR,
    .horizon_us = 10 * VH_SEC,
    .learn_bp = 3000,
    .explore_us = VH_HOUR,
    .rebound_us = VH_MIN,
    .proactive_bp_per_min = 100,
    .cooldown_max_us = VH_HOUR,
    .poor_bp = 5000,
};

VhConfig *vh_config_new(void)
{
    VhConfig *config = g_new0(VhConfig, 1);
    config->enforce = TRUE;
    config->interval_us = 5 * VH_SEC;
    config->pool = builtin_pool;
    config->max_in_flight = 8;
    config->exempt_facts = VH_FACT_DEDICATED_CPU | VH_FACT_REALTIME | VH_FACT_HUGEPAGES;
    config->stats_period_us = 5 * VH_SEC;
    config->max_stats_age_us = 15 * VH_SEC;
    config->min_yield_bytes = 32 * VH_MIB;
    config->forget_us = 7 * 24 * VH_HOUR;
    config->default_class = BUILTIN_STANDARD;
    config->n_classes = G_N_ELEMENTS(builtin_classes);
    config->classes = g_memdup2(builtin_classes, sizeof builtin_classes);
    config->override_keys = VH_OVERRIDE_CLASS | VH_OVERRIDE_WEIGHT | VH_OVERRIDE_ASK |
                            VH_OVERRIDE_COOLDOWN | VH_OVERRIDE_MAX_PER_ASK | VH_OVERRIDE_REPORTING;
    config->override_forbidden = g_new0(guint8, config->n_classes);
    config->override_forbidden[BUILTIN_EXEMPT] = 1;
    config->model = builtin_model;
    return config;
}

void vh_config_free(VhConfig *config)
{
    if (!config) {
        return;
    }
    for (guint i = 0; i < config->n_matches; i++) {
        g_free(config->matches[i].name_glob);
        g_free(config->matches[i].xpath);
    }
    for (guint i = 0; i < config->n_namespaces; i++) {
        g_free(config->namespaces[i].prefix);
        g_free(config->namespaces[i].uri);
    }
    g_free(config->namespaces);
    g_free(config->schedules);
    g_free(config->pool.cgroup);
    g_free(config->matches);
    g_free(config->classes);
    g_free(config->override_forbidden);
    g_free(config);
}

int vh_config_find_class(const VhConfig *config, const char *name)
{
    for (guint i = 0; i < config->n_classes; i++) {
        if (strcmp(config->classes[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

gboolean vh_config_has_xpath(const VhConfig *config)
{
    for (guint i = 0; i < config->n_matches; i++) {
        if (config->matches[i].kind == VH_MATCH_XPATH) {
            return TRUE;
        }
    }
    return FALSE;
}

/* The paths that a check can name; the order is that of VhLevel. */
static const struct {
    const char *level;
    const char *enter;
    const char *exit;
} level_paths[VH_LEVELS] = {
    [VH_LEVEL_PROACTIVE] = {"/pool/levels/proactive", "/pool/levels/proactive/enter",
                            "/pool/levels/proactive/exit"},
    [VH_LEVEL_LOW] = {"/pool/levels/low", "/pool/levels/low/enter", "/pool/levels/low/exit"},
    [VH_LEVEL_HIGH] = {"/pool/levels/high", "/pool/levels/high/enter", "/pool/levels/high/exit"},
    [VH_LEVEL_CRITICAL] = {"/pool/levels/critical", "/pool/levels/critical/enter",
                           "/pool/levels/critical/exit"},
};

G_GNUC_PRINTF(4, 5)
static gboolean refuse(const char **ret_path, const char *path, GError **error, const char *format,
                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, VH_ERROR, VH_ERROR_INVALID, what);
    *ret_path = path;
    return FALSE;
}

static gboolean check_level_kinds(const VhPoolConfig *pool, const char **ret_path, GError **error)
{
    gboolean is_share = pool->levels[VH_LEVEL_PROACTIVE].enter.is_share;
    for (guint i = VH_LEVEL_PROACTIVE; i < VH_LEVELS; i++) {
        const VhLevelBounds *bounds = &pool->levels[i];
        if (bounds->enter.is_share != is_share || bounds->exit.is_share != is_share) {
            return refuse(ret_path,
                          bounds->enter.is_share != is_share ? level_paths[i].enter
                                                             : level_paths[i].exit,
                          error,
                          "sizes and percentages are mixed, so that nobody can tell which bound is "
                          "lower; write all bounds of all levels in one of them");
        }
    }
    return TRUE;
}

static gboolean check_level_order(const VhPoolConfig *pool, const char **ret_path, GError **error)
{
    /* all bounds are of one kind here, so that any total orders shares */
    guint64 total = pool->source == VH_POOL_BUDGET ? pool->budget_bytes : 10000;
    for (guint i = VH_LEVEL_PROACTIVE; i < VH_LEVELS; i++) {
        guint64 enter = vh_amount_bytes(&pool->levels[i].enter, total);
        guint64 exit = vh_amount_bytes(&pool->levels[i].exit, total);
        if (enter >= exit) {
            return refuse(ret_path, level_paths[i].exit, error,
                          "the exit bound is not above the enter bound; a level is entered below "
                          "the one and left above the other");
        }
        if (i == VH_LEVEL_PROACTIVE) {
            continue;
        }
        if (enter >= vh_amount_bytes(&pool->levels[i - 1].enter, total)) {
            return refuse(ret_path, level_paths[i].enter, error,
                          "the enter bound is not below that of %s; the worse the level, the less "
                          "memory is left",
                          vh_level_name((VhLevel)(i - 1)));
        }
        if (exit >= vh_amount_bytes(&pool->levels[i - 1].exit, total)) {
            return refuse(ret_path, level_paths[i].exit, error,
                          "the exit bound is not below that of %s; the worse the level, the "
                          "earlier it is left",
                          vh_level_name((VhLevel)(i - 1)));
        }
    }
    return TRUE;
}

static const char *source_name(VhPoolSource source)
{
    static const char *const names[] = {
        [VH_POOL_HOST] = "host",
        [VH_POOL_BUDGET] = "budget",
        [VH_POOL_CGROUP] = "cgroup",
        [VH_POOL_NUMA] = "numa",
    };
    return names[source];
}

/* What one source needs, and what means nothing for the others. */
static gboolean check_source(const VhPoolConfig *pool, const char **ret_path, GError **error)
{
    const char *source = source_name(pool->source);
    if (pool->source == VH_POOL_BUDGET && pool->budget_bytes == 0) {
        return refuse(ret_path, "/pool/budget", error,
                      "the pool's source is budget, but its size is not given; write it, as in "
                      "\"budget\": \"16GiB\"");
    }
    if (pool->source == VH_POOL_CGROUP && !pool->cgroup) {
        return refuse(ret_path, "/pool/cgroup", error,
                      "the pool's source is cgroup, but not which; write its path, as in "
                      "\"cgroup\": \"/machine.slice\"");
    }
    if (pool->source != VH_POOL_BUDGET && pool->budget_bytes != 0) {
        return refuse(ret_path, "/pool/budget", error,
                      "a budget means nothing where the pool's source is %s; leave it out, or "
                      "write \"source\": \"budget\"",
                      source);
    }
    if (pool->source != VH_POOL_CGROUP && pool->cgroup) {
        return refuse(ret_path, "/pool/cgroup", error,
                      "a control group means nothing where the pool's source is %s; leave it out, "
                      "or write \"source\": \"cgroup\"",
                      source);
    }
    if (pool->source != VH_POOL_NUMA && pool->node != 0) {
        return refuse(ret_path, "/pool/node", error,
                      "a node means nothing where the pool's source is %s; leave it out, or write "
                      "\"source\": \"numa\"",
                      source);
    }
    if (pool->source != VH_POOL_HOST && pool->source != VH_POOL_NUMA && pool->reserve_bytes != 0) {
        return refuse(ret_path, "/pool/reserve", error,
                      "a reserve means nothing where the pool's source is %s; leave it out, and "
                      "write %s",
                      source,
                      pool->source == VH_POOL_BUDGET ? "a smaller budget"
                                                     : "higher bounds for the levels");
    }
    return TRUE;
}

static gboolean check_pool(const VhPoolConfig *pool, const char **ret_path, GError **error)
{
    if (!check_source(pool, ret_path, error)) {
        return FALSE;
    }
    if (!check_level_kinds(pool, ret_path, error) || !check_level_order(pool, ret_path, error)) {
        return FALSE;
    }
    const VhAmount *top = &pool->levels[VH_LEVEL_PROACTIVE].exit;
    if (top->is_share ? top->share_bp >= 10000
                      : pool->source == VH_POOL_BUDGET && top->bytes >= pool->budget_bytes) {
        return refuse(ret_path, level_paths[VH_LEVEL_PROACTIVE].exit, error,
                      "the exit bound is the whole pool, so that the level would never be left; "
                      "write less");
    }
    return TRUE;
}

static gboolean check_classes(const VhConfig *config, const char **ret_path, GError **error)
{
    if (config->default_class >= config->n_classes) {
        return refuse(ret_path, "/defaults/class", error, "there is no such class");
    }
    for (guint i = 0; i < config->n_matches; i++) {
        if (config->matches[i].class_index >= config->n_classes) {
            return refuse(ret_path, "/match", error, "match %u names no class", i);
        }
    }
    for (guint i = 0; i < config->n_schedules; i++) {
        if (config->schedules[i].class_index >= config->n_classes) {
            return refuse(ret_path, "/schedule", error, "schedule %u names no class", i);
        }
    }
    return TRUE;
}

gboolean vh_config_check(const VhConfig *config, const char **ret_path, GError **error)
{
    if (config->max_stats_age_us < config->stats_period_us) {
        return refuse(ret_path, "/defaults/max_stats_age", error,
                      "statistics would be too old before the next ones come; write at least "
                      "stats_period, better three times that");
    }
    return check_classes(config, ret_path, error) && check_pool(&config->pool, ret_path, error);
}
