/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of a scenario's keys, their defaults, and the documentation that is made of them. */
#include "vh-scenario-keys.h"

#include <string.h>

#define SIZE_MAX_BYTES (1024 * 1024 * VH_GIB)
#define AT(type, member) G_STRUCT_OFFSET(type, member)

#define SHARE(owner, word, member, low, text) \
    {                                         \
        {.name = word,                        \
         .kind = VH_KEY_SHARE,                \
         .offset = AT(owner, member),         \
         .minimum = low,                      \
         .maximum = 10000,                    \
         .doc = text},                        \
    }
#define SIZE(owner, word, member, low, text) \
    {                                        \
        {.name = word,                       \
         .kind = VH_KEY_SIZE,                \
         .offset = AT(owner, member),        \
         .minimum = low,                     \
         .maximum = SIZE_MAX_BYTES,          \
         .doc = text},                       \
    }
#define DURATION(owner, word, member, low, high, text) \
    {                                                  \
        {.name = word,                                 \
         .kind = VH_KEY_DURATION,                      \
         .offset = AT(owner, member),                  \
         .minimum = (guint64)(low),                    \
         .maximum = (guint64)(high),                   \
         .doc = text},                                 \
    }
#define COUNT(owner, word, member, low, high, text) \
    {                                               \
        {.name = word,                              \
         .kind = VH_KEY_COUNT,                      \
         .offset = AT(owner, member),               \
         .minimum = low,                            \
         .maximum = high,                           \
         .doc = text},                              \
    }
#define PRICE(member, text)                                                                        \
    {                                                                                              \
        {.name = #member, .offset = AT(VhPrices, member), .doc = text}, .kind = VH_SCENARIO_NUMBER \
    }
#define SECTION(list)            \
    {                            \
        list, G_N_ELEMENTS(list) \
    }

static const VhScenarioKey host_keys[] = {
    SIZE(VhScenarioHost, "memory", memory_bytes, 64 * VH_MIB, "all memory of the host"),
    SIZE(VhScenarioHost, "swap", swap_bytes, 0, "its swap space"),
    SIZE(VhScenarioHost, "overhead", overhead_bytes, 0, "what the host itself uses"),
    SIZE(VhScenarioHost, "group", group_bytes, 0,
         "limit of the control group that all guests are in; `0B`: there is none"),
    COUNT(VhScenarioHost, "nodes", nodes, 1, VH_SCENARIO_NODES_MAX,
          "NUMA nodes of equal size; the guests are put on them in turn"),
};
static const VhScenarioSection host_section = SECTION(host_keys);

static const VhScenarioKey price_keys[] = {
    PRICE(deficit_ms_per_gib_s, "each GiB that lacks to the enter bound of `low`, a second"),
    PRICE(critical_ms_per_s, "each second below the enter bound of `critical`"),
    PRICE(ask_ms, "each pulse"),
    PRICE(ask_ms_per_gib, "each GiB that a pulse takes out of the guest for a while"),
    PRICE(pass_ms, "each pass"),
    PRICE(pass_ms_per_gib, "each GiB that a pass, or continuous reporting, discards"),
    PRICE(refault_ms_per_mib, "each MiB that was given back and is needed again"),
    PRICE(swap_in_ms_per_mib, "each MiB that the host had swapped out and a guest needs again"),
    PRICE(stall_ms_per_s, "each second in which a guest waits for memory"),
    PRICE(lost_ms_per_s, "each second in which a guest does not get memory at all"),
    PRICE(missed_ms_per_gib, "each GiB that lacks to a request at its deadline"),
};
static const VhScenarioSection price_section = SECTION(price_keys);

static const VhKeyWord shape_words[] = {{"steady", VH_SHAPE_STEADY},
                                        {"burst", VH_SHAPE_BURST},
                                        {"ramp", VH_SHAPE_RAMP},
                                        {"boot", VH_SHAPE_BOOT},
                                        {NULL}};

#define P(kind, word, member, ...) kind(VhSimParams, word, member, __VA_ARGS__)
#define WEEK (7 * 24 * VH_HOUR)
static const VhScenarioKey param_keys[] = {
    {{.name = "shape",
      .kind = VH_KEY_WORD,
      .offset = AT(VhSimParams, shape),
      .words = shape_words,
      .doc = "how its use of memory moves: it stays at `base`; goes up to `peak` for jobs; climbs "
             "and falls; boots once and stays at `base`"}},
    P(SHARE, "base", base_bp, 0, "used at rest, of its memory"),
    P(SHARE, "peak", peak_bp, 0, "used at most, of its memory"),
    P(DURATION, "period", period_us, 10 * VH_SEC, WEEK,
      "from one job to the next, or from bottom to top of a ramp; of a boot, how long it takes"),
    P(SHARE, "duty", duty_bp, 0, "of the period that a job takes"),
    P(SHARE, "jitter", jitter_bp, 0, "by which one period differs from the next"),
    P(SHARE, "spread", spread_bp, 0, "by which one guest differs from the next"),
    P(SIZE, "grow", grow_bytes_per_s, VH_KIB, "how much memory it takes in a second at most"),
    P(SIZE, "churn", churn_bytes_per_s, 0, "freed and taken again each second"),
    P(SHARE, "cache", cache_bp, 0, "its page cache grows up to this share of its memory"),
    P(SIZE, "cache_fill", cache_fill_bytes_per_s, 0, "by so much a second"),
    P(SHARE, "cache_drop", cache_drop_bp, 0, "of the cache that is dropped after each period"),
    P(SHARE, "touched", touched_bp, 0, "of its free memory that the host backs at the start"),
    P(SHARE, "swapped", swapped_bp, 0, "of its memory that is swapped out at the start"),
    P(SHARE, "locality", locality_bp, 0,
      "of what it takes that comes from memory which is still backed, where there is some"),
    P(SHARE, "fragmented", fragmented_bp, 0, "of what it frees that is free in pieces only"),
    P(SIZE, "fragment", fragment_bytes, 4 * VH_KIB, "the size of such pieces"),
    P(DURATION, "fragment_halflife", fragment_halflife_us, VH_SEC, WEEK,
      "after which half of the pieces have grown together"),
    P(SHARE, "activity", activity_bp, 0, "how busy its CPUs are at work"),
    P(SHARE, "rest_activity", rest_activity_bp, 0, "and at rest"),
    P(SIZE, "overhead", overhead_bytes, 0, "resident memory of its QEMU itself"),
    P(SHARE, "lie", lie_bp, 0, "of the memory in use that it claims to be free"),
    P(SHARE, "noise", noise_bp, 0, "by which its resident memory is told wrong, either way"),
    P(DURATION, "stats_period", stats_period_us, 0, VH_HOUR,
      "how often its driver tells its figures; `0s`: as the policy sets it"),
    P(DURATION, "start", start_us, 0, WEEK, "when it is started"),
    P(DURATION, "start_spread", start_spread_us, 0, WEEK, "up to so much later"),
    P(DURATION, "hang", hang_us, 0, WEEK,
      "from when on its QEMU answers nobody any more; `0s`: never"),
    P(DURATION, "pulse_latency", pulse_latency_us, 0, VH_HOUR, "how long a pulse takes at least"),
    P(DURATION, "pulse_per_gib", pulse_per_gib_us, 0, VH_HOUR, "and for each GiB"),
    P(DURATION, "pass_latency", pass_latency_us, 0, VH_HOUR, "how long a pass takes at least"),
    P(DURATION, "pass_per_gib", pass_per_gib_us, 0, VH_HOUR, "and for each GiB"),
    P(SHARE, "ask_noise", ask_noise_bp, 0, "by which what an ask reaches differs, either way"),
};
static const VhScenarioSection param_section = SECTION(param_keys);

static const VhKeyWord tier_words[] = {{"none", VH_TIER_NONE},
                                       {"pulse", VH_TIER_PULSE},
                                       {"soft", VH_TIER_SOFT},
                                       {"native", VH_TIER_NATIVE},
                                       {NULL}};
static const VhKeyWord level_words[] = {{"proactive", VH_LEVEL_PROACTIVE},
                                        {"low", VH_LEVEL_LOW},
                                        {"high", VH_LEVEL_HIGH},
                                        {"critical", VH_LEVEL_CRITICAL},
                                        {NULL}};
static const VhKeyWord family_words[] = {{"idle", VH_FAMILY_IDLE},
                                         {"cache-heavy", VH_FAMILY_CACHE},
                                         {"sawtooth", VH_FAMILY_SAWTOOTH},
                                         {"jvm", VH_FAMILY_JVM},
                                         {"database", VH_FAMILY_DATABASE},
                                         {"cron", VH_FAMILY_CRON},
                                         {"boot-storm", VH_FAMILY_BOOT},
                                         {"leaker", VH_FAMILY_LEAKER},
                                         {"fragmented", VH_FAMILY_FRAGMENTED},
                                         {"host-swapped", VH_FAMILY_SWAPPED},
                                         {"no-driver", VH_FAMILY_NO_DRIVER},
                                         {"no-stats", VH_FAMILY_NO_STATS},
                                         {"liar", VH_FAMILY_LIAR},
                                         {"hung", VH_FAMILY_HUNG},
                                         {NULL}};

#define G(kind, word, member, ...) kind(VhScenarioGuests, word, member, __VA_ARGS__)
static const VhScenarioKey guest_keys[] = {
    {{.name = "family",
      .kind = VH_KEY_WORD,
      .offset = AT(VhScenarioGuests, family),
      .words = family_words,
      .doc = "how they behave: the defaults of `params`"},
     .kind = VH_SCENARIO_FAMILY,
     .is_required = TRUE},
    {{.name = "name",

      .offset = AT(VhScenarioGuests, name),
      .doc = "what they are called; `%u` or `%03u` stands for the guest's number, and must be "
             "there where `count` is above 1"},
     .kind = VH_SCENARIO_TEXT,
     .is_required = TRUE},
    G(COUNT, "count", count, 1, VH_SCENARIO_GUESTS_MAX, "how many"),
    {{.name = "memory",
      .kind = VH_KEY_SIZE,
      .offset = AT(VhScenarioGuests, memory_bytes),
      .minimum = 64 * VH_MIB,
      .maximum = 16 * 1024 * VH_GIB,
      .doc = "the memory of each"},
     .is_required = TRUE},
    {{.name = "class",

      .offset = AT(VhScenarioGuests, class_name),
      .doc = "the class that the domain's metadata asks for; without it, the policy's matches "
             "decide"},
     .kind = VH_SCENARIO_TEXT,
     .standard = "none"},
    G(COUNT, "weight", weight, 0, VH_WEIGHT_MAX,
      "by which what happens to it counts in the cost; `0`: the weight of its class"),
    {{.name = "tier",
      .kind = VH_KEY_WORD,
      .offset = AT(VhScenarioGuests, tier),
      .words = tier_words,
      .doc = "what it can be asked for"}},
    {{.name = "autodeflate",
      .kind = VH_KEY_BOOL,
      .offset = AT(VhScenarioGuests, has_autodeflate),
      .doc = "whether its balloon gives way when its memory runs out"}},
    G(COUNT, "vcpus", n_vcpus, 1, 1024, "its CPUs"),
    {{.name = "params",
      .kind = VH_KEY_SECTION,
      .offset = AT(VhScenarioGuests, params),
      .doc = "what differs from the family"},
     .kind = VH_SCENARIO_PART,
     .section = &param_section},
};
const VhScenarioSection vh_scenario_guest_keys = SECTION(guest_keys);

static const VhScenarioKey request_keys[] = {
    DURATION(VhScenarioRequest, "at", at_us, 0, WEEK, "when it is made"),
    {{.name = "bytes",
      .kind = VH_KEY_SIZE,
      .offset = AT(VhScenarioRequest, bytes),
      .minimum = VH_MIB,
      .maximum = SIZE_MAX_BYTES,
      .doc = "how much is wanted"},
     .is_required = TRUE},
    {{.name = "urgency",
      .kind = VH_KEY_WORD,
      .offset = AT(VhScenarioRequest, urgency),
      .words = level_words,
      .doc = "guests that are unlocked at this level may be asked"}},
    DURATION(VhScenarioRequest, "deadline", deadline_us, VH_SEC, WEEK,
             "how long after that it is judged, and over"),
};
const VhScenarioSection vh_scenario_request_keys = SECTION(request_keys);

static const VhKeyWord set_words[] = {
    {"example", VH_SET_EXAMPLE}, {"tuning", VH_SET_TUNING}, {"held-out", VH_SET_HELD_OUT}, {NULL}};

static const VhScenarioKey top_keys[] = {
    {{.name = "version",
      .kind = VH_KEY_VERSION,
      .offset = VH_KEY_NOWHERE,
      .doc = "the version of this format"},
     .is_required = TRUE},
    {{.name = "name",

      .offset = AT(VhScenario, name),
      .doc = "what it is called: a-z, 0-9 and -"},
     .kind = VH_SCENARIO_TEXT,
     .is_required = TRUE},
    {{.name = "description",

      .offset = AT(VhScenario, description),
      .doc = "what it is about, for people"},
     .kind = VH_SCENARIO_TEXT,
     .standard = "none"},
    {{.name = "set",
      .kind = VH_KEY_WORD,
      .offset = AT(VhScenario, set),
      .words = set_words,
      .doc = "what it is used for: constants are tuned on `tuning` ones, and judged on `held-out` "
             "ones"}},
    COUNT(VhScenario, "seed", seed, 0, G_MAXINT32, "of all that is random in it"),
    DURATION(VhScenario, "horizon", horizon_us, VH_MIN, 30 * 24 * VH_HOUR, "how long it lasts"),
    {{.name = "host", .kind = VH_KEY_SECTION, .offset = AT(VhScenario, host), .doc = "the host"},
     .kind = VH_SCENARIO_PART,
     .is_required = TRUE,
     .section = &host_section},
    {{.name = "prices",
      .kind = VH_KEY_SECTION,
      .offset = AT(VhScenario, prices),
      .doc = "what its guests lose by what happens, in milliseconds"},
     .kind = VH_SCENARIO_PART,
     .section = &price_section},
    {{.name = "policy",

      .offset = VH_KEY_NOWHERE,
      .doc = "the policy: the content of a policy file"},
     .kind = VH_SCENARIO_POLICY,
     .standard = "the built-in one"},
    {{.name = "guests",

      .offset = VH_KEY_NOWHERE,
      .doc = "the guests, in groups"},
     .kind = VH_SCENARIO_LIST,
     .is_required = TRUE,
     .section = &vh_scenario_guest_keys},
    {{.name = "requests",

      .offset = VH_KEY_NOWHERE,
      .doc = "memory that somebody wants at some time"},
     .kind = VH_SCENARIO_LIST,
     .standard = "none",
     .section = &vh_scenario_request_keys},
};
const VhScenarioSection vh_scenario_top = SECTION(top_keys);

const VhScenarioKey *vh_scenario_section_find(const VhScenarioSection *section, const char *name)
{
    for (guint i = 0; i < section->n_keys; i++) {
        if (strcmp(section->keys[i].key.name, name) == 0)
            return &section->keys[i];
    }
    return NULL;
}

void vh_scenario_set_defaults(VhScenario *scenario)
{
    *scenario = (VhScenario){
        .set = VH_SET_EXAMPLE,
        .seed = 1,
        .horizon_us = 2 * VH_HOUR,
        .host = {.memory_bytes = 64 * VH_GIB, .overhead_bytes = VH_GIB, .nodes = 1},
        .prices = {.deficit_ms_per_gib_s = 100,
                   .critical_ms_per_s = 1000,
                   .ask_ms = 20,
                   .ask_ms_per_gib = 800,
                   .pass_ms = 5,
                   .pass_ms_per_gib = 50,
                   .refault_ms_per_mib = 0.4,
                   .swap_in_ms_per_mib = 20,
                   .stall_ms_per_s = 1000,
                   .lost_ms_per_s = 10000,
                   .missed_ms_per_gib = 5000},
    };
}

void vh_scenario_set_guest_defaults(VhScenarioGuests *guests, VhSimFamily family)
{
    *guests = (VhScenarioGuests){
        .family = (int)family,
        .count = 1,
        .tier = family == VH_FAMILY_NO_DRIVER ? VH_TIER_NONE : VH_TIER_PULSE,
        .has_autodeflate = TRUE,
        .n_vcpus = 2,
        .params = *vh_sim_family_params(family),
    };
}

void vh_scenario_set_request_defaults(VhScenarioRequest *request)
{
    *request = (VhScenarioRequest){.urgency = VH_LEVEL_LOW, .deadline_us = 10 * VH_MIN};
}

/* The default of a key as it would be written. `base` has the defaults of its section. */
static char *format_default(const VhScenarioKey *key, gconstpointer base)
{
    if (key->standard)
        return g_strdup(key->standard);
    if (key->is_required || key->kind == VH_SCENARIO_PART)
        return g_strdup(key->is_required ? "must be given" : "-");
    if (key->kind == VH_SCENARIO_NUMBER)
        return g_strdup_printf("`%g`", G_STRUCT_MEMBER(double, base, key->key.offset));
    g_autoptr(JsonNode) node = vh_policy_value_write(&key->key, base);
    g_autofree char *text = json_to_string(node, FALSE);
    char *plain = text;
    if (*text == '"') {
        text[strlen(text) - 1] = '\0';
        plain++;
    }
    return g_strdup_printf("`%s`", plain);
}

static const char *describe_type(const VhScenarioKey *key)
{
    static const char *const types[] = {
        [VH_SCENARIO_NUMBER] = "number", [VH_SCENARIO_TEXT] = "text",
        [VH_SCENARIO_PART] = "object",   [VH_SCENARIO_LIST] = "array of objects",
        [VH_SCENARIO_POLICY] = "object", [VH_SCENARIO_FAMILY] = "word",
    };
    return key->kind == VH_SCENARIO_VALUE ? vh_policy_value_type(&key->key) : types[key->kind];
}

static char *describe_range(const VhScenarioKey *key)
{
    if (key->kind == VH_SCENARIO_VALUE || key->kind == VH_SCENARIO_FAMILY)
        return vh_policy_value_range(&key->key);
    return key->kind == VH_SCENARIO_NUMBER ? g_strdup_printf("0 to %g", VH_SCENARIO_NUMBER_MAX)
                                           : g_strdup("-");
}

static void document_section(GPtrArray *rows, const VhScenarioSection *section, const char *prefix,
                             gconstpointer base)
{
    for (guint i = 0; i < section->n_keys; i++) {
        const VhScenarioKey *key = &section->keys[i];
        g_autofree char *range = describe_range(key);
        g_autofree char *standard =
            section == &param_section ? g_strdup("the family's") : format_default(key, base);

        g_ptr_array_add(rows,
                        g_strdup_printf("| `%s%s` | %s | %s | %s | %s |", prefix, key->key.name,
                                        describe_type(key), range, standard, key->key.doc));
        if (!key->section)
            continue;
        g_autofree char *inner = g_strdup_printf("%s%s%s.", prefix, key->key.name,
                                                 key->kind == VH_SCENARIO_LIST ? "[]" : "");
        VhScenarioRequest request;
        VhScenarioGuests guests;
        vh_scenario_set_request_defaults(&request);
        vh_scenario_set_guest_defaults(&guests, VH_FAMILY_IDLE);
        gconstpointer inside = key->section == &vh_scenario_guest_keys ? &guests
                               : key->section == &vh_scenario_request_keys
                                   ? (gconstpointer)&request
                                   : (const guint8 *)base + key->key.offset;
        document_section(rows, key->section, inner, inside);
    }
}

/* A row for each parameter, with its default in each family. */
static void document_families(GPtrArray *rows)
{
    for (guint i = 0; i < param_section.n_keys; i++) {
        GString *row = g_string_new(NULL);

        g_string_printf(row, "| `%s` |", param_keys[i].key.name);
        for (guint family = 0; family < VH_FAMILIES; family++) {
            g_autofree char *value = format_default(&param_keys[i], vh_sim_family_params(family));
            g_string_append_printf(row, " %s |", value);
        }
        g_ptr_array_add(rows, g_string_free(row, FALSE));
    }
}

char **vh_scenario_document(void)
{
    GPtrArray *rows = g_ptr_array_new();
    VhScenario scenario;

    vh_scenario_set_defaults(&scenario);
    document_section(rows, &vh_scenario_top, "", &scenario);
    document_families(rows);
    g_ptr_array_add(rows, NULL);
    return (char **)g_ptr_array_free(rows, FALSE);
}
