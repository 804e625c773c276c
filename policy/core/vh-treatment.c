/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From domain to class. */
#include "vh-treatment.h"

static gboolean match_applies(const VhMatch *match, const VhDomain *domain)
{
    if (match->kind == VH_MATCH_UUID)
        return vh_uuid_compare(&match->uuid, &domain->uuid) == 0;
    return g_pattern_match_simple(match->name_glob, domain->name);
}

static guint class_by_match(const VhConfig *config, const VhDomain *domain)
{
    for (guint i = 0; i < config->n_matches; i++) {
        if (match_applies(&config->matches[i], domain))
            return config->matches[i].class_index;
    }
    return config->default_class;
}

static guint class_by_override(const VhConfig *config, const VhOverride *override, guint fallback)
{
    int index = vh_config_find_class(config, override->class_name);

    if (index < 0 || config->override_forbidden[index])
        return fallback;
    return (guint)index;
}

guint vh_treatment_resolve(const VhConfig *config, const VhDomain *domain, gint64 wall_us,
                           VhClass *ret_class)
{
    const VhOverride *override = &domain->override;
    guint index = class_by_match(config, domain);
    guint keys = override->keys & config->override_keys;

    if (config->classes[index].ask_never ||
        (override->until_us != 0 && wall_us >= override->until_us))
        keys = 0;
    if (keys & VH_OVERRIDE_CLASS)
        index = class_by_override(config, override, index);

    *ret_class = config->classes[index];
    if (keys & VH_OVERRIDE_WEIGHT)
        ret_class->weight = override->weight;
    if (keys & VH_OVERRIDE_ASK)
        ret_class->ask_never = override->ask_never;
    if (keys & VH_OVERRIDE_COOLDOWN)
        ret_class->cooldown_us = override->cooldown_us;
    if (keys & VH_OVERRIDE_MAX_PER_ASK)
        ret_class->max_per_ask_bytes = override->max_per_ask_bytes;
    return index;
}
