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
#define SIZE_CEILING ((guint64)1 << 50)
#define SHARE_CEILING 10000
#define NODE_MAX 63 /* VhDomain.node_mask has a bit for each */

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
    {"cgroup", VH_POOL_CGROUP},
    {"numa", VH_POOL_NUMA},
    {NULL},
};
static const VhKeyWord ask_words[] = {{"auto", FALSE}, {"never", TRUE}, {NULL}};
static const VhKeyWord reporting_words[] = {
    {"leave", VH_REPORTING_LEAVE},
    {"auto", VH_REPORTING_AUTO},
    {"always", VH_REPORTING_ALWAYS},
    {"off", VH_REPORTING_OFF},
    {NULL},
};
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

static const VhPolicyKey psi_keys[] = {
    {"some_avg10", VH_KEY_SHARE, AT(VhPoolConfig, psi_some_bp), .maximum = SHARE_CEILING,
     .takes_number = TRUE,
     .doc =
         "the level is raised by one when, of the last 10 s, some task has waited for memory for "
         "this share; 0%: not looked at"},
    {"full_avg10", VH_KEY_SHARE, AT(VhPoolConfig, psi_full_bp), .maximum = SHARE_CEILING,
     .takes_number = TRUE,
     .doc = "the same, when all tasks have waited at once; 0%: not looked at"},
};
static const VhPolicySection psi_section = SECTION(psi_keys);

static const VhPolicyKey pool_keys[] = {
    {"source", VH_KEY_WORD, AT(VhPoolConfig, source), .words = source_words,
     .doc = "what memory is defended: the host's, a fixed budget for the guests' resident memory, "
            "what a control group is limited to, or one NUMA node's"},
    {"reserve", VH_KEY_SIZE, AT(VhPoolConfig, reserve_bytes), .maximum = SIZE_CEILING,
     .doc = "sources host and numa: kept out of the pool altogether"},
    {"budget", VH_KEY_SIZE, AT(VhPoolConfig, budget_bytes), 64 * VH_MIB, SIZE_CEILING,
     .zero_is_none = TRUE, .doc = "source budget: the pool's size; must be given there"},
    {"cgroup", VH_KEY_PATH, AT(VhPoolConfig, cgroup),
     .doc = "source cgroup: the control group, as a path below the root of the hierarchy; must be "
            "given there"},
    {"node", VH_KEY_COUNT, AT(VhPoolConfig, node), .maximum = NODE_MAX,
     .doc = "source numa: which node"},
    {"dwell", VH_KEY_DURATION, AT(VhPoolConfig, dwell_us), .maximum = VH_HOUR,
     .doc = "how long the pool must look better before a level is left"},
    {"levels", VH_KEY_SECTION, .section = &levels_section},
    {"psi", VH_KEY_SECTION, .section = &psi_section},
    {"swap_out", VH_KEY_RATE, AT(VhPoolConfig, swap_out_bytes_per_s), 4 * VH_KIB, SIZE_CEILING,
     .zero_is_none = TRUE,
     .doc = "swapping out faster than this raises the level by one; 0B/s: not looked at"},
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
    {"forget", VH_KEY_DURATION, AT(VhConfig, forget_us), VH_HOUR, 365 * 24 * VH_HOUR,
     .doc = "what was learned of a guest is dropped when it has not been seen for so long"},
};
static const VhPolicySection defaults_section = SECTION(defaults_keys);

static const VhPolicyKey class_keys[] = {
    {"rank", VH_KEY_COUNT, AT(VhClass, rank), .maximum = 1000, .flag = VH_CLASS_RANK,
     .doc = "lower ranks are asked first, strictly"},
    {"unlock", VH_KEY_WORD, AT(VhClass, unlock), .words = level_words, .flag = VH_CLASS_UNLOCK,
     .doc = "the level from which on the class is asked at all"},
    {"weight", VH_KEY_COUNT, AT(VhClass, weight), 1, VH_WEIGHT_MAX, .flag = VH_CLASS_WEIGHT,
     .doc = "what a bother to this guest counts, against others of its rank"},
    {"cooldown", VH_KEY_DURATION, AT(VhClass, cooldown_us), .maximum = VH_COOLDOWN_MAX_US,
     .flag = VH_CLASS_COOLDOWN,
     .doc = "from the end of one ask to the next; doubled after each poor one"},
    {"max_per_ask", VH_KEY_SIZE, AT(VhClass, max_per_ask_bytes), VH_MIB, SIZE_CEILING,
     .zero_is_none = TRUE, .flag = VH_CLASS_MAX_PER_ASK,
     .doc = "the most that one ask is for; 0B: no cap"},
    {"asks_per_hour", VH_KEY_COUNT, AT(VhClass, asks_per_hour), .maximum = VH_ASKS_PER_HOUR_MAX,
     .flag = VH_CLASS_ASKS_PER_HOUR, .doc = "how many asks an hour may see; 0: no cap"},
    {"keep_free", VH_KEY_AMOUNT, AT(VhClass, keep_free), .maximum = SIZE_CEILING,
     .flag = VH_CLASS_KEEP_FREE,
     .doc = "what an ask leaves free in the guest: bytes, or a share of its current balloon"},
    {"ask", VH_KEY_WORD, AT(VhClass, ask_never), .words = ask_words, .flag = VH_CLASS_ASK,
     .doc = "`never`: whatever happens, not these"},
    {"granule", VH_KEY_SIZE, AT(VhClass, granule_bytes), 4 * VH_KIB, VH_GIB, .zero_is_none = TRUE,
     .is_power = TRUE, .flag = VH_CLASS_GRANULE,
     .doc = "the smallest free blocks that a pass takes; 0B: the driver's choice"},
    {"reporting", VH_KEY_WORD, AT(VhClass, reporting), .words = reporting_words,
     .flag = VH_CLASS_REPORTING,
     .doc = "continuous reporting of freed memory, where the guest can be told: `auto`: on while "
            "memory is short and what it gives lasts; `leave`: as it is"},
    {"max_per_min", VH_KEY_SIZE, AT(VhClass, max_per_min_bytes), VH_MIB, SIZE_CEILING,
     .zero_is_none = TRUE, .flag = VH_CLASS_MAX_PER_MIN,
     .doc = "the most that all guests of the class together are asked for in a minute, but at "
            "`critical`; 0B: no cap"},
};
static const VhPolicySection class_section = SECTION(class_keys);

static const VhPolicyKey match_keys[] = {
    {"name", VH_KEY_GLOB, VH_KEY_NOWHERE,
     .doc = "guests of this name; `*` stands for any letters, `?` for one"},
    {"uuid", VH_KEY_UUID, VH_KEY_NOWHERE, .doc = "the guest of this UUID"},
    {"xpath", VH_KEY_XPATH, VH_KEY_NOWHERE,
     .doc = "guests of whose libvirt XML this expression is true, or finds something"},
    {"if", VH_KEY_FACTS, VH_KEY_NOWHERE, .doc = "guests of which one of these facts holds"},
    {"class", VH_KEY_CLASS, AT(VhMatch, class_index), .doc = "the class they are put into"},
};
static const VhPolicySection match_section = SECTION(match_keys);

static const VhPolicyKey schedule_keys[] = {
    {"when", VH_KEY_WHEN, VH_KEY_NOWHERE,
     .doc = "the days (of their beginning; left out: every day) and hours, by the host's local "
            "time"},
    {"class", VH_KEY_CLASS, AT(VhSchedule, class_index), .doc = "the class that changes"},
    {"set", VH_KEY_SET, AT(VhSchedule, values), .section = &class_section,
     .doc = "what it has meanwhile: keys of a class"},
};
static const VhPolicySection schedule_section = SECTION(schedule_keys);

static const VhPolicyKey overrides_keys[] = {
    {"allow", VH_KEY_ALLOW, AT(VhConfig, override_keys), .doc = "what a domain's metadata may set"},
    {"forbid_class", VH_KEY_FORBID, VH_KEY_NOWHERE, .doc = "classes that metadata may not choose"},
};
static const VhPolicySection overrides_section = SECTION(overrides_keys);

static const VhPolicyKey model_keys[] = {
    {"overhead", VH_KEY_SIZE, AT(VhModel, overhead_bytes), .maximum = 64 * VH_GIB,
     .doc = "O: resident memory of QEMU itself, before anything was learned"},
    {"gamma", VH_KEY_SHARE, AT(VhModel, gamma_bp), 100, SHARE_CEILING,
     .doc = "the share of backed free memory that an ask is expected to reach, before anything was "
            "learned"},
    {"sigma", VH_KEY_SHARE, AT(VhModel, sigma_bp), .maximum = 9000,
     .doc = "the share of the durable yield that is not counted on, likewise"},
    {"retouch", VH_KEY_SHARE, AT(VhModel, retouch_bp), .maximum = 9500,
     .doc = "r: the share of what came back that is soon touched again, likewise"},
    {"residue_halflife", VH_KEY_DURATION, AT(VhModel, residue_halflife_us), VH_SEC,
     7 * 24 * VH_HOUR, .doc = "Q: how fast what an ask could not reach is forgotten"},
    {"stable", VH_KEY_SHARE, AT(VhModel, stable_bp), 10, 5000,
     .doc = "how far, as a share of the balloon's maximum, free memory may move and resident "
            "memory grow between two samples that agree"},
    {"cost_fixed", VH_KEY_DURATION, AT(VhModel, cost_fixed_us), .maximum = VH_MIN,
     .doc = "c0: what any ask costs the guest"},
    {"cost_per_gib", VH_KEY_DURATION, AT(VhModel, cost_per_gib_us), .maximum = VH_MIN,
     .doc = "c1: what each GiB of it costs"},
    {"cost_refault", VH_KEY_DURATION, AT(VhModel, cost_refault_per_gib_us), .maximum = VH_MIN,
     .doc = "c2: what each GiB costs that the guest touches again"},
    {"lambda", VH_KEY_SHARE, AT(VhModel, lambda_bp), .maximum = SHARE_CEILING,
     .doc = "how strongly what a guest has borne lately corrects its price; 0%: not at all"},
    {"fair_halflife", VH_KEY_DURATION, AT(VhModel, fair_halflife_us), VH_MIN, 7 * 24 * VH_HOUR,
     .doc = "how fast that is forgotten"},
    {"horizon", VH_KEY_DURATION, AT(VhModel, horizon_us), .maximum = 10 * VH_MIN,
     .doc = "how far ahead the pool is looked at where its memory falls; 0s: not at all"},
    {"learn", VH_KEY_SHARE, AT(VhModel, learn_bp), 100, SHARE_CEILING,
     .doc = "the weight of a new value against what was learned before"},
    {"explore", VH_KEY_DURATION, AT(VhModel, explore_us), VH_MIN, 30 * 24 * VH_HOUR,
     .doc = "after so long without an ask half of what was learned of a guest counts no more"},
    {"rebound", VH_KEY_DURATION, AT(VhModel, rebound_us), 5 * VH_SEC, VH_HOUR,
     .doc = "how long after an ask it is measured what the guest has touched again"},
    {"proactive_per_min", VH_KEY_SHARE, AT(VhModel, proactive_bp_per_min), .maximum = SHARE_CEILING,
     .doc = "the share of the pool that asks ahead of need may move in a minute"},
    {"cooldown_max", VH_KEY_DURATION, AT(VhModel, cooldown_max_us), VH_SEC, VH_COOLDOWN_MAX_US,
     .doc = "poor asks double a guest's cooldown up to this"},
    {"poor", VH_KEY_SHARE, AT(VhModel, poor_bp), .maximum = SHARE_CEILING,
     .doc = "an ask that returns less than this share of what was expected is poor"},
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
    {"max_in_flight_per_node", VH_KEY_COUNT, AT(VhConfig, max_in_flight_per_node), .maximum = 64,
     .doc = "the same, of guests whose memory may be on one NUMA node; 0: no cap"},
    {"monitor", VH_KEY_WORD, AT(VhConfig, allows_monitor), .words = monitor_words,
     .doc =
         "`allow`: QEMU monitor commands may be sent to guests of a patched QEMU; they taint the "
         "domain"},
    {"pulse_reserve", VH_KEY_SIZE, AT(VhConfig, pulse_reserve_bytes), 64 * VH_MIB, SIZE_CEILING,
     .zero_is_none = TRUE,
     .doc = "what a pulse leaves free in a guest whose balloon has no autodeflate; 0B: such guests "
            "are never asked"},
    {"exempt", VH_KEY_FACTS, AT(VhConfig, exempt_facts),
     .doc = "guests of which one of these facts holds are neither asked nor switched, where no "
            "`match` is for them and their metadata does not say otherwise; `[]`: none"},
    {"pool", VH_KEY_SECTION, AT(VhConfig, pool), .section = &pool_section},
    {"defaults", VH_KEY_SECTION, .section = &defaults_section},
    {"classes", VH_KEY_CLASSES, .section = &class_section},
    {"namespaces", VH_KEY_NAMESPACES, VH_KEY_NOWHERE,
     .doc = "XML namespaces for `xpath`, by the prefix that stands for them"},
    {"match", VH_KEY_MATCHES, .section = &match_section},
    {"schedule", VH_KEY_SCHEDULES, .section = &schedule_section},
    {"overrides", VH_KEY_SECTION, .section = &overrides_section},
    {"model", VH_KEY_SECTION, AT(VhConfig, model), .section = &model_section},
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
    for (guint i = 0; i < section->n_keys; i++) {
        words[i] = section->keys[i].name;
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
