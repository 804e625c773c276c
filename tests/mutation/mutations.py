# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mutations: (bound, what is broken, source, text that stands there once, its replacement)."""

ELIGIBLE = "policy/core/vh-eligible.c"
LEARN = "policy/core/vh-learn.c"
LEARN_ASK = "policy/core/vh-learn-ask.c"
ORDER = "policy/core/vh-order.c"
TOGGLE = "policy/core/vh-toggle.c"
TREATMENT = "policy/core/vh-treatment.c"
WALK = "policy/core/vh-walk.c"

MUTATIONS = [
    ("keep-free", "what must stay free is not taken out of the yield", ELIGIBLE,
     "vh_yield_cap(&verdict->yield, vh_sub(candidate->domain->unused_bytes, reserve));",
     "(void)reserve;"),
    ("keep-free", "the class's keep_free is not part of it", ELIGIBLE,
     "guint64 keep = vh_amount_bytes(&treatment->keep_free, domain->current_bytes);",
     "guint64 keep = 0;"),
    ("unlock", "the level at which a class is unlocked is not looked at", WALK,
     "if (demand->unlock < verdict->unlock)", "if (FALSE)"),
    ("unlock", "every request is taken for an urgent one", WALK,
     "MAX(plan->level, request->urgency)", "VH_LEVEL_CRITICAL"),
    ("asks-per-hour", "the number of asks within the hour is not looked at", ELIGIBLE,
     "if (treatment->asks_per_hour != 0 &&", "if (FALSE &&"),
    ("asks-per-hour", "one too many is allowed", ELIGIBLE,
     ">=\n            treatment->asks_per_hour)", ">\n            treatment->asks_per_hour)"),
    ("cooldown", "the cooldown yields from high on", ELIGIBLE,
     "if (candidate->level != VH_LEVEL_CRITICAL && until_us > wall_us) {",
     "if (candidate->level < VH_LEVEL_HIGH && until_us > wall_us) {"),
    ("stale", "the age of figures is not looked at", ELIGIBLE,
     "if (wall_us - domain->stats_time_us > candidate->config->max_stats_age_us)",
     "if (FALSE)"),
    ("stale", "a guest that a job holds is asked", ELIGIBLE,
     "return domain->has_job ? VH_REASON_JOB : VH_REASON_ASK;", "return VH_REASON_ASK;"),
    ("in-flight", "asks under way are not counted", WALK,
     "if (walk->free_slots == 0)", "if (FALSE)"),
    ("in-flight", "asks under way on a node are not counted", WALK,
     "if (node_is_full(walk, vh_snapshot_domain(decision->snapshot, verdict->domain)->node_mask))",
     "if (FALSE)"),
    ("buckets", "asks ahead of need do not spend their bucket", WALK,
     "spend(&decision->next->proactive, bytes);", ";"),
    ("buckets", "asks do not spend their class's bucket", WALK,
     "spend(&g_array_index(decision->next->buckets, VhBucket, verdict->class_index), bytes);",
     ";"),
    ("fair-share", "nobody is ever over its share", ORDER,
     "return contender->inflicted_us + more > SHARE_MOST * (rank->inflicted_us + more) / rank->n;",
     "return more < 0;"),
    ("fair-share", "what asks cost is not put down", LEARN_ASK,
     "guest->inflicted_us = (gint64)MIN(known + cost_us, (double)(G_MAXINT64 / 2));",
     "guest->inflicted_us = (gint64)MIN(known, cost_us * 0);"),
    ("rounds", "the cooldown holds at critical, too", ELIGIBLE,
     "if (candidate->level != VH_LEVEL_CRITICAL && until_us > wall_us) {",
     "if (until_us > wall_us) {"),
    ("rounds", "buckets hold at critical, too", WALK,
     "decision->plan->level == VH_LEVEL_CRITICAL)\n        return G_MAXUINT64;",
     "FALSE)\n        return G_MAXUINT64;"),
    ("rounds", "who was asked already at critical is not told from who was not", ORDER,
     "if (left->was_reached != right->was_reached)", "if (FALSE)"),
    ("liar", "a poor ask does not make the cooldown longer, nor gamma smaller", LEARN_ASK,
     "was_poor(model, ended) ? MIN(guest->cooldown_doublings + 1, 16u) : 0;\n"
     "    remember_ask_time(guest, wall_us);",
     "0;\n    remember_ask_time(guest, wall_us);"),
    ("toggles", "the dwell is not kept", TOGGLE,
     "if (is_within(guest->toggles_wall_us[i], wall_us, VH_TOGGLE_DWELL_US))", "if (FALSE)"),
    ("toggles", "the number of switches within the hour is not looked at", TOGGLE,
     "return within_hour >= VH_TOGGLES_PER_HOUR_MAX ? VH_TOGGLE_TOO_OFTEN : VH_TOGGLE_NONE;",
     "return VH_TOGGLE_NONE;"),
    ("exempt", "facts exempt nobody", TREATMENT,
     "if (vh_treatment_exempts(config, domain, wall_us)) {", "if (FALSE) {"),
    ("exempt", "who is exempt may be switched", TREATMENT,
     "if (!(keys & VH_OVERRIDE_REPORTING))\n            ret_class->reporting = VH_REPORTING_LEAVE;",
     "ret_class->reporting = VH_REPORTING_ALWAYS;"),
]
