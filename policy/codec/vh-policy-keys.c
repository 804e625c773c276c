/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of vh-policy-keys.h. Their order is the order in the documentation. */
#include "vh-policy-keys.h"

#include "vh-text.h"

#include <string.h>

#define AT(type, member) .offset = G_STRUCT_OFFSET(type, member)
#define SECTION(array)             \
    {                              \
        array, G_N_ELEMENTS(array) \
    }
#define LATER(key)                        \
    {                                     \
        .name = key, .kind = VH_KEY_LATER \
    }
#define SIZE_CEILING ((guint64)1 << 50)
#define SHARE_CEILING 10000

static const VhKeyWord level_words[] = {
    {"proactive", VH_LEVEL_PROACTIVE},
    {"low", VH_LEVEL_LOW},
    {"high", VH_LEVEL_HIGH},
    {"critical", VH_LEVEL_CRITICAL},
    {NULL},
};
static const VhKeyWord source_words[] = {
    {"host", VH_POOL_HOST},
    {"budget", VH_POOL_BUDGET},
    {"cgroup", 0, .is_later = TRUE},
    {"numa", 0, .is_later = TRUE},
    {NULL},
};
static const VhKeyWord ask_words[] = {{"auto", FALSE}, {"never", TRUE}, {NULL}};
static const VhKeyWord monitor_words[] = {{"refuse", FALSE}, {"allow", TRUE}, {NULL}};

static const VhPolicyKey bounds_keys[] = {
    {"enter", VH_KEY_AMOUNT, AT(VhLevelBounds, enter), .maximum = SIZE_CEILING,
     .doc = "the level is entered at once when less than this is available"},
    {"exit", VH_KEY_AMOUNT, AT(VhLevelBounds, exit), .maximum = SIZE_CEILING,
     .doc = "the level is left when more than this has been available for `dwell`"},
};
static const VhPolicySection bounds_section = SECTION(bounds_keys);

#define LEVEL(word, level)                                                     \
    {                                                                          \
        .name = word, .kind = VH_KEY_SECTION, AT(VhPoolConfig, levels[level]), \
        .section = &bounds_section                                             \
    }
static const VhPolicyKey levels_keys[] = {
    LEVEL("proactive", VH_LEVEL_PROACTIVE),
    LEVEL("low", VH_LEVEL_LOW),
    LEVEL("high", VH_LEVEL_HIGH),
    LEVEL("critical", VH_LEVEL_CRITICAL),
};
static const VhPolicySection levels_section = SECTION(levels_keys);

static const VhPolicyKey pool_keys[] = {
    {"source", VH_KEY_WORD, AT(VhPoolConfig, source), .words = source_words,
     .doc = "what memory is defended: the host's, or a fixed budget for the guests' resident "
            "memory"},
    {"reserve", VH_KEY_SIZE, AT(VhPoolConfig, reserve_bytes), .maximum = SIZE_CEILING,
     .doc = "source host: kept out of the pool altogether"},
    {"budget", VH_KEY_SIZE, AT(VhPoolConfig, budget_bytes), 64 * VH_MIB, SIZE_CEILING,
     .zero_is_none = TRUE, .doc = "source budget: the pool's size; must be given there"},
    {"dwell", VH_KEY_DURATION, AT(VhPoolConfig, dwell_us), .maximum = VH_HOUR,
     .doc = "how long the pool must look better before a level is left"},
    {"levels", VH_KEY_SECTION, .section = &levels_section},
    LATER("psi"),
    LATER("swap_out"),
    LATER("node"),
};
static const VhPolicySection pool_section = SECTION(pool_keys);

static const VhPolicyKey defaults_keys[] = {
    {"class", VH_KEY_CLASS, AT(VhConfig, default_class),
     .doc = "the class of guests that nothing else puts into one"},
    {"stats_period", VH_KEY_DURATION, AT(VhConfig, stats_period_us), VH_SEC, VH_HOUR,
     .step = VH_SEC,
     .doc = "how often the driver of a guest is asked for statistics, where nobody has set that"},
    {"max_stats_age", VH_KEY_DURATION, AT(VhConfig, max_stats_age_us), VH_SEC, 24 * VH_HOUR,
     .doc = "statistics older than this are not acted on; at least `stats_period`"},
    {"min_yield", VH_KEY_SIZE, AT(VhConfig, min_yield_bytes), VH_MIB, SIZE_CEILING,
     .doc = "less than this is not worth an ask"},
};
static const VhPolicySection defaults_section = SECTION(defaults_keys);

static const VhPolicyKey class_keys[] = {
    {"rank", VH_KEY_COUNT, AT(VhClass, rank), .maximum = 1000,
     .doc = "lower ranks are asked first, strictly"},
    {"unlock", VH_KEY_WORD, AT(VhClass, unlock), .words = level_words,
     .doc = "the level from which on the class is asked at all"},
    {"weight", VH_KEY_COUNT, AT(VhClass, weight), 1, VH_WEIGHT_MAX,
     .doc = "what a bother to this guest counts, against others of its rank"},
    {"cooldown", VH_KEY_DURATION, AT(VhClass, cooldown_us), .maximum = VH_COOLDOWN_MAX_US,
     .doc = "from the end of one ask to the next; doubled after each poor one"},
    {"max_per_ask", VH_KEY_SIZE, AT(VhClass, max_per_ask_bytes), VH_MIB, SIZE_CEILING,
     .zero_is_none = TRUE, .doc = "the most that one ask is for; 0B: no cap"},
    {"asks_per_hour", VH_KEY_COUNT, AT(VhClass, asks_per_hour), .maximum = VH_ASKS_PER_HOUR_MAX,
     .doc = "how many asks an hour may see; 0: no cap"},
    {"keep_free", VH_KEY_AMOUNT, AT(VhClass, keep_free), .maximum = SIZE_CEILING,
     .doc = "what an ask leaves free in the guest: bytes, or a share of its current balloon"},
    {"ask", VH_KEY_WORD, AT(VhClass, ask_never), .words = ask_words,
     .doc = "`never`: whatever happens, not these"},
    {"granule", VH_KEY_SIZE, AT(VhClass, granule_bytes), 4 * VH_KIB, VH_GIB, .zero_is_none = TRUE,
     .is_power = TRUE,
     .doc = "the smallest free blocks that a pass takes; 0B: the driver's choice"},
    LATER("reporting"),
};
static const VhPolicySection class_section = SECTION(class_keys);

static const VhPolicyKey match_keys[] = {
    {"name", VH_KEY_GLOB, VH_KEY_NOWHERE,
     .doc = "guests of this name; `*` stands for any letters, `?` for one"},
    {"uuid", VH_KEY_UUID, VH_KEY_NOWHERE, .doc = "the guest of this UUID"},
    {"class", VH_KEY_CLASS, AT(VhMatch, class_index), .doc = "the class they are put into"},
    LATER("xpath"),
    LATER("if"),
};
static const VhPolicySection match_section = SECTION(match_keys);

static const VhPolicyKey overrides_keys[] = {
    {"allow", VH_KEY_ALLOW, AT(VhConfig, override_keys), .doc = "what a domain's metadata may set"},
    {"forbid_class", VH_KEY_FORBID, VH_KEY_NOWHERE, .doc = "classes that metadata may not choose"},
};
static const VhPolicySection overrides_section = SECTION(overrides_keys);

static const VhPolicyKey model_keys[] = {
    {"overhead", VH_KEY_SIZE, AT(VhModel, overhead_bytes), .maximum = 64 * VH_GIB,
     .doc = "O: resident memory of QEMU itself, before anything was learned"},
    {"gamma", VH_KEY_SHARE, AT(VhModel, gamma_bp), 100, SHARE_CEILING,
     .doc = "the share of backed free memory that an ask is expected to reach"},
    {"sigma", VH_KEY_SHARE, AT(VhModel, sigma_bp), .maximum = 9000,
     .doc = "the share of the expected yield that is not counted on"},
    {"residue_halflife", VH_KEY_DURATION, AT(VhModel, residue_halflife_us), VH_SEC,
     7 * 24 * VH_HOUR, .doc = "Q: how fast what an ask could not reach is forgotten"},
    {"stable", VH_KEY_SHARE, AT(VhModel, stable_bp), 10, 5000,
     .doc = "how far, as a share of the balloon's maximum, free and resident memory may move "
            "between two samples that agree"},
    {"cost_fixed", VH_KEY_DURATION, AT(VhModel, cost_fixed_us), .maximum = VH_MIN,
     .doc = "c0: what any ask costs the guest"},
    {"cost_per_gib", VH_KEY_DURATION, AT(VhModel, cost_per_gib_us), .maximum = VH_MIN,
     .doc = "c1: what each GiB of it costs"},
    {"proactive_per_min", VH_KEY_SHARE, AT(VhModel, proactive_bp_per_min), .maximum = SHARE_CEILING,
     .doc = "the share of the pool that asks ahead of need may move in a minute"},
    {"cooldown_max", VH_KEY_DURATION, AT(VhModel, cooldown_max_us), VH_SEC, VH_COOLDOWN_MAX_US,
     .doc = "poor asks double a guest's cooldown up to this"},
    {"poor", VH_KEY_SHARE, AT(VhModel, poor_bp), .maximum = SHARE_CEILING,
     .doc = "an ask that returns less than this share of what was expected is poor"},
    LATER("lambda"),
    LATER("horizon"),
    LATER("cost_refault"),
    LATER("cost_activity"),
};
static const VhPolicySection model_section = SECTION(model_keys);

static const VhPolicyKey top_keys[] = {
    {"version", VH_KEY_VERSION, VH_KEY_NOWHERE, 1, 1,
     .doc = "the version of this format; every file must begin with it"},
    {"enforce", VH_KEY_BOOL, AT(VhConfig, enforce),
     .doc = "`false`: plans are made and logged, nobody is asked"},
    {"interval", VH_KEY_DURATION, AT(VhConfig, interval_us), VH_SEC, 10 * VH_MIN,
     .doc = "from one look at the guests to the next"},
    {"max_in_flight", VH_KEY_COUNT, AT(VhConfig, max_in_flight), 1, 64,
     .doc = "how many asks may be under way at once"},
    {"monitor", VH_KEY_WORD, AT(VhConfig, allows_monitor), .words = monitor_words,
     .doc =
         "`allow`: QEMU monitor commands may be sent to guests of a patched QEMU; they taint the "
         "domain"},
    {"pulse_reserve", VH_KEY_SIZE, AT(VhConfig, pulse_reserve_bytes), 64 * VH_MIB, SIZE_CEILING,
     .zero_is_none = TRUE,
     .doc = "what a pulse leaves free in a guest whose balloon has no autodeflate; 0B: such guests "
            "are never asked"},
    {"pool", VH_KEY_SECTION, AT(VhConfig, pool), .section = &pool_section},
    {"defaults", VH_KEY_SECTION, .section = &defaults_section},
    {"classes", VH_KEY_CLASSES, .section = &class_section},
    {"match", VH_KEY_MATCHES, .section = &match_section},
    {"overrides", VH_KEY_SECTION, .section = &overrides_section},
    {"model", VH_KEY_SECTION, AT(VhConfig, model), .section = &model_section},
    LATER("namespaces"),
    LATER("schedule"),
};
const VhPolicySection vh_policy_top = SECTION(top_keys);

const VhPolicyKey *vh_policy_section_find(const VhPolicySection *section, const char *name)
{
    for (guint i = 0; i < section->n_keys; i++) {
        if (strcmp(section->keys[i].name, name) == 0) {
            return &section->keys[i];
        }
    }
    return NULL;
}

/* NULL-terminated; the names are borrowed. Free with g_free(). */
static const char **section_words(const VhPolicySection *section)
{
    const char **words = g_new0(const char *, section->n_keys + 1);
    guint n_words = 0;
    for (guint i = 0; i < section->n_keys; i++) {
        if (section->keys[i].kind != VH_KEY_LATER) {
            words[n_words++] = section->keys[i].name;
        }
    }
    return words;
}

const char *vh_policy_section_nearest(const VhPolicySection *section, const char *name)
{
    g_autofree const char **words = section_words(section);
    return vh_text_nearest(name, words);
}

char *vh_policy_section_names(const VhPolicySection *section)
{
    g_autofree const char **words = section_words(section);
    return vh_text_join_or(words);
}
