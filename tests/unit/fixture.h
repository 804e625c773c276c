/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests and snapshots as literals, for the tests of the decision. */
#pragma once

#include "vh-decide.h"

/* An arbitrary wall clock: 2026-01-01 00:00:00 UTC. */
#define FIXTURE_WALL_US (G_GINT64_CONSTANT(1767225600) * VH_SEC)

static inline VhUuid fixture_uuid(guint number)
{
    VhUuid uuid = {{0}};

    for (guint i = 0; i < 4; i++)
        uuid.bytes[i] = (guint8)(number >> (24 - 8 * i));
    return uuid;
}

/*
 * A running guest of 2 GiB that freed 1500 MiB: 200 MiB of QEMU, 400 MiB used, and the rest backed
 * and free. Two fresh samples after each other agree.
 */
static inline VhDomain fixture_guest(guint number, const char *name)
{
    return (VhDomain){
        .uuid = fixture_uuid(number),
        .uri = "test",
        .name = name,
        .id = (int)number,
        .is_running = TRUE,
        .tier = VH_TIER_PULSE,
        .has_autodeflate = TRUE,
        .figures = VH_HAS_CURRENT | VH_HAS_MAXIMUM | VH_HAS_UNUSED | VH_HAS_AVAILABLE | VH_HAS_RSS |
                   VH_HAS_SWAPPED,
        .current_bytes = 2048 * VH_MIB,
        .maximum_bytes = 2048 * VH_MIB,
        .available_bytes = 2000 * VH_MIB,
        .unused_bytes = 1600 * VH_MIB,
        .rss_bytes = 2100 * VH_MIB,
        .stats_time_us = FIXTURE_WALL_US,
        .stats_period_us = VH_SEC,
    };
}

/* A snapshot `seconds` after the start, of `n` guests whose samples are that fresh, sorted. */
static inline VhSnapshot *fixture_snapshot(const VhDomain *guests, guint n, gint64 seconds)
{
    VhSnapshot *snapshot = vh_snapshot_new();

    snapshot->now_us = (1000 + seconds) * VH_SEC;
    snapshot->wall_us = FIXTURE_WALL_US + seconds * VH_SEC;
    snapshot->mem_total_bytes = 64 * VH_GIB;
    snapshot->mem_available_bytes = 32 * VH_GIB;
    for (guint i = 0; i < n; i++) {
        VhDomain guest = guests[i];
        if (guest.stats_time_us == FIXTURE_WALL_US)
            guest.stats_time_us = snapshot->wall_us;
        g_array_append_val(snapshot->domains, guest);
    }
    vh_snapshot_sort(snapshot);
    return snapshot;
}

/* The tests' figures are worked out with these constants, whatever the built-in ones are. */
static inline void fixture_pin(VhConfig *config)
{
    static const struct {
        const char *name;
        gint64 cooldown_us;
        guint64 max_per_ask_bytes;
        guint asks_per_hour;
    } classes[] = {{"batch", 30 * VH_SEC, 0, 0},
                   {"standard", 2 * VH_MIN, VH_GIB, 0},
                   {"perf", 15 * VH_MIN, 256 * VH_MIB, 2}};
    VhModel *model = &config->model;

    for (guint i = 0; i < G_N_ELEMENTS(classes); i++) {
        VhClass *class = &config->classes[vh_config_find_class(config, classes[i].name)];
        class->cooldown_us = classes[i].cooldown_us;
        class->max_per_ask_bytes = classes[i].max_per_ask_bytes;
        class->asks_per_hour = classes[i].asks_per_hour;
    }
    config->max_in_flight = 2;
    config->min_yield_bytes = 32 * VH_MIB;
    model->overhead_bytes = 200 * VH_MIB;
    model->gamma_bp = 9500;
    model->sigma_bp = 1000;
    model->retouch_bp = 1000;
    model->residue_halflife_us = 10 * VH_MIN;
    model->cost_fixed_us = 20 * VH_MS;
    model->cost_per_gib_us = 150 * VH_MS;
    model->cost_refault_per_gib_us = 400 * VH_MS;
    model->lambda_bp = 5000;
    model->learn_bp = 3000;
    model->explore_us = model->fair_halflife_us = model->cooldown_max_us = VH_HOUR;
    model->rebound_us = VH_MIN;
    model->proactive_bp_per_min = 100;
}

/* The built-in policy over a budget, with these constants. */
static inline VhConfig *fixture_config(guint64 budget_bytes)
{
    VhConfig *config = vh_config_new();

    config->pool.source = VH_POOL_BUDGET;
    config->pool.budget_bytes = budget_bytes;
    fixture_pin(config);
    return config;
}
