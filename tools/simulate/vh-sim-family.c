/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The families of guests, as defaults for the one model. */
#include "vh-sim-params.h"

/* What differs from COMMON is written behind it. */
#pragma GCC diagnostic ignored "-Woverride-init"

/* A guest that does next to nothing, and once did more. */
#define COMMON                                                                                     \
    .shape = VH_SHAPE_STEADY, .base_bp = 1500, .peak_bp = 6000, .period_us = 30 * VH_MIN,          \
    .duty_bp = 3000, .jitter_bp = 3000, .spread_bp = 2000, .grow_bytes_per_s = 256 * VH_MIB,       \
    .churn_bytes_per_s = 256 * VH_KIB, .cache_bp = 1000, .cache_fill_bytes_per_s = VH_MIB,         \
    .touched_bp = 6000, .locality_bp = 9000, .fragmented_bp = 500, .fragment_bytes = 64 * VH_KIB,  \
    .fragment_halflife_us = 10 * VH_MIN, .activity_bp = 500, .rest_activity_bp = 100,              \
    .overhead_bytes = 200 * VH_MIB, .noise_bp = 20, .pulse_latency_us = 500 * VH_MS,               \
    .pulse_per_gib_us = 800 * VH_MS, .pass_latency_us = 50 * VH_MS, .pass_per_gib_us = 60 * VH_MS, \
    .ask_noise_bp = 300

static const VhSimParams idle = {COMMON};

/* Reads files all the time: nearly all that it does not use is page cache. */
static const VhSimParams cache_heavy = {
    COMMON,
    .base_bp = 2000,
    .cache_bp = 6000,
    .cache_fill_bytes_per_s = 16 * VH_MIB,
    .cache_drop_bp = 7000,
    .period_us = VH_HOUR,
    .activity_bp = 3000,
    .rest_activity_bp = 3000,
    .churn_bytes_per_s = 4 * VH_MIB,
};

/* A runner of jobs: each takes most of the memory and leaves it in pieces. */
static const VhSimParams sawtooth = {
    COMMON,
    .shape = VH_SHAPE_BURST,
    .base_bp = 1000,
    .peak_bp = 8000,
    .period_us = 12 * VH_MIN,
    .duty_bp = 3500,
    .cache_bp = 1500,
    .cache_fill_bytes_per_s = 8 * VH_MIB,
    .cache_drop_bp = 5000,
    .fragmented_bp = 2500,
    .activity_bp = 9000,
    .rest_activity_bp = 200,
    .touched_bp = 8000,
};

/* A heap that fills up until its collector gives most of it back to the guest's kernel. */
static const VhSimParams jvm = {
    COMMON,
    .shape = VH_SHAPE_RAMP,
    .base_bp = 3500,
    .peak_bp = 7500,
    .period_us = 15 * VH_MIN,
    .churn_bytes_per_s = 8 * VH_MIB,
    .fragmented_bp = 1500,
    .activity_bp = 4000,
    .rest_activity_bp = 4000,
    .locality_bp = 8000,
};

/* Takes its memory once and keeps it. */
static const VhSimParams database = {
    COMMON,
    .base_bp = 6500,
    .cache_bp = 1500,
    .churn_bytes_per_s = 12 * VH_MIB,
    .activity_bp = 5000,
    .rest_activity_bp = 5000,
    .spread_bp = 1000,
    .touched_bp = 9000,
};

/* Sleeps for most of the hour, then works for minutes. */
static const VhSimParams cron = {
    COMMON,           .shape = VH_SHAPE_BURST, .base_bp = 1000,
    .peak_bp = 6500,  .period_us = VH_HOUR,    .duty_bp = 600,
    .jitter_bp = 500, .activity_bp = 8000,     .rest_activity_bp = 50,
};

/* Many start at about the same time, need most while they boot, and little afterwards. */
static const VhSimParams boot = {
    COMMON,
    .shape = VH_SHAPE_BOOT,
    .base_bp = 3000,
    .peak_bp = 7000,
    .period_us = 5 * VH_MIN,
    .start_us = 10 * VH_MIN,
    .start_spread_us = 10 * VH_MIN,
    .touched_bp = 0,
    .cache_bp = 2000,
    .cache_fill_bytes_per_s = 4 * VH_MIB,
    .activity_bp = 9000,
    .rest_activity_bp = 500,
};

/* Loses memory slowly until it is restarted. */
static const VhSimParams leaker = {
    COMMON,
    .shape = VH_SHAPE_RAMP,
    .base_bp = 1500,
    .peak_bp = 8500,
    .period_us = 90 * VH_MIN,
    .activity_bp = 1500,
    .rest_activity_bp = 1500,
    .churn_bytes_per_s = 2 * VH_MIB,
};

/* What is free there is free in pieces. */
static const VhSimParams fragmented = {
    COMMON,
    .shape = VH_SHAPE_BURST,
    .base_bp = 2500,
    .peak_bp = 5500,
    .period_us = 20 * VH_MIN,
    .duty_bp = 3000,
    .fragmented_bp = 8500,
    .fragment_halflife_us = 40 * VH_MIN,
    .churn_bytes_per_s = 4 * VH_MIB,
    .activity_bp = 4000,
    .rest_activity_bp = 1000,
};

/* The host has swapped part of it out. */
static const VhSimParams swapped = {
    COMMON,
    .base_bp = 2500,
    .touched_bp = 9000,
    .swapped_bp = 4000,
};

static const VhSimParams liar = {
    COMMON, .base_bp = 5000, .lie_bp = 6000, .activity_bp = 2000, .rest_activity_bp = 2000,
};

static const VhSimParams hung = {
    COMMON,
    .touched_bp = 8000,
    .hang_us = 5 * VH_MIN,
};

static const struct {
    const char *name;
    const VhSimParams *params;
} families[VH_FAMILIES] = {
    [VH_FAMILY_IDLE] = {"idle", &idle},
    [VH_FAMILY_CACHE] = {"cache-heavy", &cache_heavy},
    [VH_FAMILY_SAWTOOTH] = {"sawtooth", &sawtooth},
    [VH_FAMILY_JVM] = {"jvm", &jvm},
    [VH_FAMILY_DATABASE] = {"database", &database},
    [VH_FAMILY_CRON] = {"cron", &cron},
    [VH_FAMILY_BOOT] = {"boot-storm", &boot},
    [VH_FAMILY_LEAKER] = {"leaker", &leaker},
    [VH_FAMILY_FRAGMENTED] = {"fragmented", &fragmented},
    [VH_FAMILY_SWAPPED] = {"host-swapped", &swapped},
    [VH_FAMILY_NO_DRIVER] = {"no-driver", &sawtooth},
    [VH_FAMILY_NO_STATS] = {"no-stats", &idle},
    [VH_FAMILY_LIAR] = {"liar", &liar},
    [VH_FAMILY_HUNG] = {"hung", &hung},
};

const char *vh_sim_family_name(VhSimFamily family)
{
    return families[family].name;
}

const VhSimParams *vh_sim_family_params(VhSimFamily family)
{
    return families[family].params;
}
