/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From domain to class. */
#include "vh-treatment.h"
#include "vh-schedule.h"

VhConfig vh_treatment_at(const VhConfig *config, const VhSnapshot *snapshot, GArray *storage)
{
    VhConfig now = *config;

    g_array_set_size(storage, 0);
    g_array_append_vals(storage, config->classes, config->n_classes);
    now.classes = (VhClass *)(gpointer)storage->data;
    for (guint i = 0; i < config->n_schedules; i++) {
        const VhSchedule *schedule = &config->schedules[i];

        if (vh_schedule_is_active(schedule, snapshot->wall_us, snapshot->utc_offset_us))
            vh_schedule_apply(schedule, &now.classes[schedule->class_index]);
    }
    return now;
}

typedef enum {
    APPLIES_NOT,
    APPLIES,
    APPLIES_PERHAPS, /* nobody knows */
} Applies;

/* Behind one character of UTF-8; of a name that is none, behind something, but never the end. */
static const char *next_character(const char *text)
{
    text++;
    while (((guchar)*text & 0xc0) == 0x80)
        text++;
    return text;
}

/* As g_pattern_match_simple(), which allocates each time: here for each guest in each cycle. */
static gboolean glob_matches(const char *glob, const char *text)
{
    const char *star = NULL, *tried = NULL; /* behind the last *, and how much that has taken */

    while (*text) {
        if (*glob == '*') {
            star = ++glob;
            tried = text;
        } else if (*glob == '?') {
            glob++;
            text = next_character(text);
        } else if (*glob == *text) {
            glob++;
            text++;
        } else if (star) {
            glob = star;
            text = tried = next_character(tried);
        } else {
            return FALSE;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

static Applies match_applies(const VhMatch *match, const VhDomain *domain)
{
    guint64 bit = G_GUINT64_CONSTANT(1) << match->xpath_index;

    switch (match->kind) {
    case VH_MATCH_UUID:
        return vh_uuid_compare(&match->uuid, &domain->uuid) == 0 ? APPLIES : APPLIES_NOT;
    case VH_MATCH_XPATH:
        if (domain->xpath_unknown & bit)
            return APPLIES_PERHAPS;
        return domain->xpath_hits & bit ? APPLIES : APPLIES_NOT;
    case VH_MATCH_FACTS:
        return domain->facts & match->facts ? APPLIES : APPLIES_NOT;
    default:
        return glob_matches(match->name_glob, domain->name) ? APPLIES : APPLIES_NOT;
    }
}

/* The first that applies, or may: then *ret_is_known is FALSE. -1: none. */
static int find_match(const VhConfig *config, const VhDomain *domain, gboolean *ret_is_known)
{
    for (guint i = 0; i < config->n_matches; i++) {
        Applies applies = match_applies(&config->matches[i], domain);

        *ret_is_known = applies != APPLIES_PERHAPS;
        if (applies != APPLIES_NOT)
            return (int)i;
    }
    *ret_is_known = TRUE;
    return -1;
}

gboolean vh_treatment_is_known(const VhConfig *config, const VhDomain *domain)
{
    gboolean is_known;

    (void)find_match(config, domain, &is_known);
    return is_known;
}

int vh_treatment_match(const VhConfig *config, const VhDomain *domain)
{
    gboolean is_known;
    int index = find_match(config, domain, &is_known);

    return is_known ? index : -1;
}

/* Those that the policy lets metadata set, unless it has run out. */
static guint keys_that_count(const VhConfig *config, const VhOverride *override, gint64 wall_us)
{
    if (override->until_us != 0 && wall_us >= override->until_us)
        return 0;
    return override->keys & config->override_keys;
}

static gboolean may_choose(const VhConfig *config, const char *class_name)
{
    int index = vh_config_find_class(config, class_name);

    return index >= 0 && !config->override_forbidden[index];
}

guint vh_treatment_exempts(const VhConfig *config, const VhDomain *domain, gint64 wall_us)
{
    const VhOverride *override = &domain->override;
    guint keys = keys_that_count(config, override, wall_us);
    gboolean is_known;

    if (!(domain->facts & config->exempt_facts) || config->classes[config->default_class].ask_never)
        return 0;
    /* what somebody has decided about this guest comes before what is so by default */
    if (find_match(config, domain, &is_known) >= 0)
        return 0;
    if ((keys & VH_OVERRIDE_CLASS && may_choose(config, override->class_name)) ||
        (keys & VH_OVERRIDE_ASK && !override->ask_never))
        return 0;
    return domain->facts & config->exempt_facts;
}

static guint class_by_override(const VhConfig *config, const VhOverride *override, guint fallback)
{
    if (!may_choose(config, override->class_name))
        return fallback;
    return (guint)vh_config_find_class(config, override->class_name);
}

static void apply_override(const VhOverride *override, guint keys, VhClass *class)
{
    if (keys & VH_OVERRIDE_WEIGHT)
        class->weight = override->weight;
    if (keys & VH_OVERRIDE_ASK)
        class->ask_never = override->ask_never;
    if (keys & VH_OVERRIDE_COOLDOWN)
        class->cooldown_us = override->cooldown_us;
    if (keys & VH_OVERRIDE_MAX_PER_ASK)
        class->max_per_ask_bytes = override->max_per_ask_bytes;
    if (keys & VH_OVERRIDE_REPORTING)
        class->reporting = override->reporting;
}

guint vh_treatment_resolve(const VhConfig *config, const VhDomain *domain, gint64 wall_us,
                           VhClass *ret_class)
{
    const VhOverride *override = &domain->override;
    guint keys = keys_that_count(config, override, wall_us);
    gboolean is_known;
    int match = find_match(config, domain, &is_known);
    guint index =
        match >= 0 && is_known ? config->matches[match].class_index : config->default_class;

    if (!is_known) {
        *ret_class = config->classes[index];
        ret_class->ask_never = TRUE;
        ret_class->reporting = VH_REPORTING_LEAVE;
        return index;
    }
    if (config->classes[index].ask_never)
        keys = 0;
    if (keys & VH_OVERRIDE_CLASS)
        index = class_by_override(config, override, index);
    *ret_class = config->classes[index];
    apply_override(override, keys, ret_class);
    if (vh_treatment_exempts(config, domain, wall_us)) {
        ret_class->ask_never = TRUE;
        if (!(keys & VH_OVERRIDE_REPORTING))
            ret_class->reporting = VH_REPORTING_LEAVE;
    }
    return index;
}

guint vh_treatment_of(const VhConfig *config, const VhSnapshot *snapshot, const VhDomain *domain,
                      VhClass *ret_class)
{
    g_autoptr(GArray) storage = g_array_new(FALSE, FALSE, sizeof(VhClass));
    VhConfig now = vh_treatment_at(config, snapshot, storage);

    return vh_treatment_resolve(&now, domain, snapshot->wall_us, ret_class);
}
