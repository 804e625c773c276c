/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables. A field that is added to one of these structs belongs here too, or a replay would not
 * see it: a test looks for bytes of the structs that no table covers.
 */
#include "vh-trace-keys.h"

#define BITS(last) ((guint)__builtin_ctz(last) + 1)

/* The words of an enum whose names are told by `function`. */
#define WORDS(list, count, expression)          \
    static const char *list##_name(guint value) \
    {                                           \
        return expression;                      \
    }                                           \
    static const VhTraceWords list = {count, list##_name};

static const char *const reports_names[] = {
    [VH_REPORTS_UNKNOWN] = "unknown", [VH_REPORTS_OFF] = "off", [VH_REPORTS_ON] = "on"};

WORDS(tiers, VH_TIER_NATIVE + 1, vh_tier_name((VhTier)value))
WORDS(tier_reasons, BITS(VH_TIER_REASON_LAST), vh_tier_reason_name((VhTierReason)(1u << value)))
WORDS(reports, VH_REPORTS_ON + 1, reports_names[value])
WORDS(facts, BITS(VH_FACT_LAST), vh_fact_name((VhFact)(1u << value)))
WORDS(override_keys, BITS(VH_OVERRIDE_REPORTING),
      vh_override_key_name((VhOverrideKey)(1u << value)))
WORDS(modes, VH_REPORTING_OFF + 1, vh_reporting_mode_name((VhReportingMode)value))
WORDS(levels, VH_LEVELS, vh_level_name((VhLevel)value))
WORDS(methods, VH_ASK_PASS + 1, vh_ask_method_name((VhAskMethod)value))
WORDS(statuses, VH_ASK_FAILED + 1, vh_ask_status_name((VhAskStatus)value))
WORDS(sources, VH_ASK_SOURCE_COUNTER + 1, vh_ask_source_name((VhAskSource)value))
WORDS(errors, VH_ERROR_FAILED + 1, vh_error_code_name((int)value))
WORDS(reasons, VH_REASONS, vh_reason_name((VhReason)value))
WORDS(toggle_reasons, VH_TOGGLE_REASONS, vh_toggle_reason_name((VhToggleReason)value))

#define SECTION(symbol, heading, Struct, list) \
    const VhTraceSection symbol = {heading, sizeof(Struct), list, G_N_ELEMENTS(list)};
#define FIELD(Struct, member, kind, ...)                                                     \
    {                                                                                        \
        .key = #member, .type = kind, .offset = G_STRUCT_OFFSET(Struct, member), __VA_ARGS__ \
    }

#define F(member, kind, ...) FIELD(VhOverride, member, kind, __VA_ARGS__)
static const VhTraceField override_fields[] = {
    F(keys, VH_TRACE_WORDS, .words = &override_keys),
    F(class_name, VH_TRACE_CLASS_TEXT),
    F(weight, VH_TRACE_UINT),
    F(ask_never, VH_TRACE_BOOL),
    F(cooldown_us, VH_TRACE_SIGNED),
    F(max_per_ask_bytes, VH_TRACE_BYTES),
    F(reporting, VH_TRACE_WORD, .words = &modes),
    F(until_us, VH_TRACE_SIGNED),
};
#undef F
static SECTION(override_section, "override", VhOverride, override_fields)

#define F(member, kind, ...) FIELD(VhDomain, member, kind, __VA_ARGS__)
    static const VhTraceField domain_fields[] = {
        F(uuid, VH_TRACE_UUID, .is_required = TRUE),
        F(name, VH_TRACE_TEXT, .is_required = TRUE),
        F(uri, VH_TRACE_TEXT, .is_required = TRUE),
        F(id, VH_TRACE_INT, .otherwise = -1),
        F(is_running, VH_TRACE_BOOL),
        F(is_hung, VH_TRACE_BOOL),
        F(has_job, VH_TRACE_BOOL),
        F(is_recovering, VH_TRACE_BOOL),
        F(tier, VH_TRACE_WORD, .words = &tiers),
        F(tier_reasons, VH_TRACE_WORDS, .words = &tier_reasons),
        F(has_autodeflate, VH_TRACE_BOOL),
        F(reports, VH_TRACE_WORD, .words = &reports),
        F(facts, VH_TRACE_WORDS, .words = &facts),
        F(xpath_hits, VH_TRACE_XPATHS),
        F(xpath_unknown, VH_TRACE_XPATHS),
        F(node_mask, VH_TRACE_BYTES),
        F(current_bytes, VH_TRACE_BYTES, .figure = VH_HAS_CURRENT),
        F(maximum_bytes, VH_TRACE_BYTES, .figure = VH_HAS_MAXIMUM),
        F(unused_bytes, VH_TRACE_BYTES, .figure = VH_HAS_UNUSED),
        F(available_bytes, VH_TRACE_BYTES, .figure = VH_HAS_AVAILABLE),
        F(usable_bytes, VH_TRACE_BYTES, .figure = VH_HAS_USABLE),
        F(caches_bytes, VH_TRACE_BYTES, .figure = VH_HAS_CACHES),
        F(rss_bytes, VH_TRACE_BYTES, .figure = VH_HAS_RSS),
        F(swapped_bytes, VH_TRACE_BYTES, .figure = VH_HAS_SWAPPED),
        F(cpu_time_us, VH_TRACE_SIGNED, .figure = VH_HAS_CPU_TIME),
        F(n_vcpus, VH_TRACE_UINT, .figure = VH_HAS_VCPUS),
        F(minor_faults, VH_TRACE_BYTES, .figure = VH_HAS_FAULTS),
        F(major_faults, VH_TRACE_BYTES, .figure = VH_HAS_FAULTS),
        F(swap_in_bytes, VH_TRACE_BYTES, .figure = VH_HAS_SWAP_IN),
        F(stats_time_us, VH_TRACE_SIGNED),
        F(stats_period_us, VH_TRACE_SIGNED),
        F(override, VH_TRACE_STRUCT, .section = &override_section),
};
#undef F
SECTION(vh_trace_domain, "domain", VhDomain, domain_fields)

#define F(member, kind, ...) FIELD(VhInFlight, member, kind, __VA_ARGS__)
static const VhTraceField in_flight_fields[] = {
    F(uuid, VH_TRACE_UUID, .is_required = TRUE),
    F(uri, VH_TRACE_TEXT, .is_required = TRUE),
    F(id, VH_TRACE_BYTES),
    F(method, VH_TRACE_WORD, .words = &methods),
    F(granule_bytes, VH_TRACE_BYTES),
    F(asked_bytes, VH_TRACE_BYTES),
    F(expected_bytes, VH_TRACE_BYTES),
    F(returned_bytes, VH_TRACE_BYTES),
    F(request_id, VH_TRACE_BYTES),
    F(started_us, VH_TRACE_SIGNED),
};
#undef F
static SECTION(in_flight_section, "in_flight", VhInFlight, in_flight_fields)

#define F(member, kind, ...) FIELD(VhAskOutcome, member, kind, __VA_ARGS__)
    static const VhTraceField outcome_fields[] = {
        F(method, VH_TRACE_WORD, .words = &methods),
        F(status, VH_TRACE_WORD, .words = &statuses),
        F(source, VH_TRACE_WORD, .words = &sources),
        F(asked_bytes, VH_TRACE_BYTES),
        F(taken_bytes, VH_TRACE_BYTES),
        F(returned_bytes, VH_TRACE_BYTES),
        F(before_bytes, VH_TRACE_BYTES),
        F(after_bytes, VH_TRACE_BYTES),
        F(slope_bytes_per_s, VH_TRACE_SIGNED),
        F(memfree_delta_bytes, VH_TRACE_SIGNED),
        F(has_memfree, VH_TRACE_BOOL),
        F(started_us, VH_TRACE_SIGNED),
        F(ended_us, VH_TRACE_SIGNED),
        F(error_code, VH_TRACE_WORD, .words = &errors, .otherwise = -1),
};
#undef F
static SECTION(outcome_section, "ended.outcome", VhAskOutcome, outcome_fields)

#define F(member, kind, ...) FIELD(VhEnded, member, kind, __VA_ARGS__)
    static const VhTraceField ended_fields[] = {
        F(uuid, VH_TRACE_UUID, .is_required = TRUE),
        F(uri, VH_TRACE_TEXT, .is_required = TRUE),
        F(id, VH_TRACE_BYTES),
        F(expected_bytes, VH_TRACE_BYTES),
        F(request_id, VH_TRACE_BYTES),
        F(outcome, VH_TRACE_STRUCT, .section = &outcome_section),
};
#undef F
SECTION(vh_trace_ended, "ended", VhEnded, ended_fields)

#define F(member, kind, ...) FIELD(VhRequest, member, kind, __VA_ARGS__)
static const VhTraceField request_fields[] = {
    F(id, VH_TRACE_BYTES, .is_required = TRUE),
    F(bytes, VH_TRACE_BYTES),
    F(returned_bytes, VH_TRACE_BYTES),
    F(urgency, VH_TRACE_WORD, .words = &levels),
    F(deadline_us, VH_TRACE_SIGNED),
};
#undef F
static SECTION(request_section, "request", VhRequest, request_fields)

#define F(member, kind, ...) FIELD(VhNode, member, kind, __VA_ARGS__)
    static const VhTraceField node_fields[] = {
        F(id, VH_TRACE_UINT, .is_required = TRUE),
        F(total_bytes, VH_TRACE_BYTES),
        F(available_bytes, VH_TRACE_BYTES),
};
#undef F
static SECTION(node_section, "node", VhNode, node_fields)

#define F(member, kind, ...) FIELD(VhGroup, member, kind, __VA_ARGS__)
    static const VhTraceField group_fields[] = {
        F(limit_bytes, VH_TRACE_BYTES),
        F(current_bytes, VH_TRACE_BYTES),
        F(inactive_file_bytes, VH_TRACE_BYTES),
};
#undef F
static SECTION(group_section, "group", VhGroup, group_fields)

#define F(member, kind, ...) FIELD(VhPressure, member, kind, __VA_ARGS__)
    static const VhTraceField pressure_fields[] = {
        F(has_psi, VH_TRACE_BOOL),         F(psi_some_bp, VH_TRACE_UINT),
        F(psi_full_bp, VH_TRACE_UINT),     F(has_swap_out, VH_TRACE_BOOL),
        F(swap_out_bytes, VH_TRACE_BYTES),
};
#undef F
static SECTION(pressure_section, "pressure", VhPressure, pressure_fields)

/* Without the guests, which come with their verdicts. The time first: whoever looks for a time
 * finds it at the beginning of each line. */
#define F(member, kind, ...) FIELD(VhSnapshot, member, kind, __VA_ARGS__)
    static const VhTraceField snapshot_fields[] = {
        F(wall_us, VH_TRACE_SIGNED, .is_required = TRUE),
        F(now_us, VH_TRACE_SIGNED, .is_required = TRUE),
        F(utc_offset_us, VH_TRACE_SIGNED),
        F(mem_total_bytes, VH_TRACE_BYTES),
        F(mem_available_bytes, VH_TRACE_BYTES),
        F(pressure, VH_TRACE_STRUCT, .section = &pressure_section),
        F(has_group, VH_TRACE_BOOL),
        F(group, VH_TRACE_STRUCT, .section = &group_section),
        F(nodes, VH_TRACE_LIST, .section = &node_section),
        F(requests, VH_TRACE_LIST, .section = &request_section),
        F(in_flight, VH_TRACE_LIST, .section = &in_flight_section),
        F(ended, VH_TRACE_LIST, .section = &vh_trace_ended),
};
#undef F
SECTION(vh_trace_snapshot, "cycle", VhSnapshot, snapshot_fields)

#define F(member, kind, ...) FIELD(VhYield, member, kind, __VA_ARGS__)
static const VhTraceField yield_fields[] = {
    F(overhead_bytes, VH_TRACE_BYTES), F(backed_free_bytes, VH_TRACE_BYTES),
    F(in_ram_bytes, VH_TRACE_BYTES),   F(residue_bytes, VH_TRACE_BYTES),
    F(gamma_bp, VH_TRACE_UINT),        F(expected_bytes, VH_TRACE_BYTES),
    F(retouch_bp, VH_TRACE_UINT),      F(durable_bytes, VH_TRACE_BYTES),
    F(sigma_bp, VH_TRACE_UINT),        F(counted_bytes, VH_TRACE_BYTES),
    F(left_bytes, VH_TRACE_BYTES),     F(doubtful_bytes, VH_TRACE_BYTES),
};
#undef F
static SECTION(yield_section, "yield", VhYield, yield_fields)

#define F(member, kind, ...) FIELD(VhCost, member, kind, __VA_ARGS__)
    static const VhTraceField cost_fields[] = {
        F(cost_us, VH_TRACE_DOUBLE),
        F(inflicted_us, VH_TRACE_DOUBLE),
        F(fairness, VH_TRACE_DOUBLE),
        F(price, VH_TRACE_DOUBLE),
};
#undef F
static SECTION(cost_section, "cost", VhCost, cost_fields)

#define F(member, kind, ...) FIELD(VhVerdict, member, kind, __VA_ARGS__)
    static const VhTraceField verdict_fields[] = {
        F(reason, VH_TRACE_WORD, .words = &reasons, .is_required = TRUE),
        {.key = "class",
         .type = VH_TRACE_CLASS,
         .offset = G_STRUCT_OFFSET(VhVerdict, class_index),
         .is_required = TRUE},
        F(rank, VH_TRACE_UINT),
        F(weight, VH_TRACE_UINT),
        F(unlock, VH_TRACE_WORD, .words = &levels),
        F(has_yield, VH_TRACE_BOOL),
        F(yield, VH_TRACE_STRUCT, .section = &yield_section),
        F(cost, VH_TRACE_STRUCT, .section = &cost_section),
        F(place, VH_TRACE_UINT),
        F(wait_until_us, VH_TRACE_SIGNED),
        F(toggle, VH_TRACE_WORD, .words = &toggle_reasons),
};
#undef F
SECTION(vh_trace_verdict, "verdict", VhVerdict, verdict_fields)

#define F(member, kind, ...) FIELD(VhAction, member, kind, __VA_ARGS__)
static const VhTraceField action_fields[] = {
    F(domain, VH_TRACE_UINT, .is_required = TRUE, .otherwise = -1),
    F(uuid, VH_TRACE_UUID, .is_required = TRUE),
    F(method, VH_TRACE_WORD, .words = &methods),
    F(granule_bytes, VH_TRACE_BYTES),
    F(bytes, VH_TRACE_BYTES),
    F(expected_bytes, VH_TRACE_BYTES),
    F(counted_bytes, VH_TRACE_BYTES),
    F(reserve_bytes, VH_TRACE_BYTES),
    F(request_id, VH_TRACE_BYTES),
};
#undef F
static SECTION(action_section, "ask", VhAction, action_fields)

#define F(member, kind, ...) FIELD(VhToggle, member, kind, __VA_ARGS__)
    static const VhTraceField toggle_fields[] = {
        F(domain, VH_TRACE_UINT, .is_required = TRUE, .otherwise = -1),
        F(uuid, VH_TRACE_UUID, .is_required = TRUE),
        F(is_on, VH_TRACE_BOOL),
        F(reason, VH_TRACE_WORD, .words = &toggle_reasons),
};
#undef F
SECTION(vh_trace_toggle, "toggle", VhToggle, toggle_fields)

#define F(member, kind, ...) FIELD(VhPlan, member, kind, __VA_ARGS__)
static const VhTraceField plan_fields[] = {
    F(level, VH_TRACE_WORD, .words = &levels),
    F(level_by_bounds, VH_TRACE_WORD, .words = &levels),
    F(pool_total_bytes, VH_TRACE_BYTES),
    F(pool_available_bytes, VH_TRACE_SIGNED),
    F(pool_trend_bytes_per_s, VH_TRACE_SIGNED),
    F(need_bytes, VH_TRACE_BYTES),
    F(requested_bytes, VH_TRACE_BYTES),
    F(in_flight_bytes, VH_TRACE_BYTES),
    F(resident_bytes, VH_TRACE_BYTES),
    {.key = "asks",
     .type = VH_TRACE_LIST,
     .offset = G_STRUCT_OFFSET(VhPlan, actions),
     .section = &action_section},
    F(toggles, VH_TRACE_LIST, .section = &vh_trace_toggle),
};
#undef F
SECTION(vh_trace_plan, "plan", VhPlan, plan_fields)

#define F(member, kind, ...) FIELD(VhGuestState, member, kind, __VA_ARGS__)
static const VhTraceField guest_fields[] = {
    F(uuid, VH_TRACE_UUID, .is_required = TRUE),
    F(sample_stats_time_us, VH_TRACE_SIGNED, .is_fleeting = TRUE),
    F(sample_wall_us, VH_TRACE_SIGNED, .is_fleeting = TRUE),
    F(sample_figures, VH_TRACE_UINT, .is_fleeting = TRUE),
    F(sample_unused_bytes, VH_TRACE_BYTES, .is_fleeting = TRUE),
    F(sample_rss_bytes, VH_TRACE_BYTES, .is_fleeting = TRUE),
    F(sample_cpu_time_us, VH_TRACE_SIGNED, .is_fleeting = TRUE),
    F(sample_minor_faults, VH_TRACE_BYTES, .is_fleeting = TRUE),
    F(sample_major_faults, VH_TRACE_BYTES, .is_fleeting = TRUE),
    F(sample_swap_in_bytes, VH_TRACE_BYTES, .is_fleeting = TRUE),
    F(is_stable, VH_TRACE_BOOL, .is_fleeting = TRUE),
    F(cpu_bp, VH_TRACE_UINT, .is_fleeting = TRUE),
    F(overhead_bytes, VH_TRACE_BYTES),
    F(residue_bytes, VH_TRACE_BYTES),
    F(residue_wall_us, VH_TRACE_SIGNED),
    F(awaits_drained_sample, VH_TRACE_BOOL),
    F(was_drained, VH_TRACE_BOOL),
    F(asked_for_all, VH_TRACE_BOOL),
    F(left_bytes, VH_TRACE_BYTES),
    F(n_returns, VH_TRACE_UINT),
    F(gamma_bp, VH_TRACE_UINT),
    F(sigma_bp, VH_TRACE_UINT),
    F(n_rebounds, VH_TRACE_UINT),
    F(retouch_bp, VH_TRACE_UINT),
    F(rebound_wall_us, VH_TRACE_SIGNED),
    F(rebound_rss_bytes, VH_TRACE_BYTES),
    F(rebound_returned_bytes, VH_TRACE_BYTES),
    F(rebound_promised_bytes, VH_TRACE_BYTES),
    F(rebound_slope_bytes_per_s, VH_TRACE_SIGNED),
    F(last_ended_wall_us, VH_TRACE_SIGNED),
    F(last_asked_bytes, VH_TRACE_BYTES),
    F(last_returned_bytes, VH_TRACE_BYTES),
    F(last_status, VH_TRACE_WORD, .words = &statuses),
    F(cooldown_doublings, VH_TRACE_UINT),
    F(recent_wall_us, VH_TRACE_TIMES, .count_offset = G_STRUCT_OFFSET(VhGuestState, n_recent),
      .maximum = VH_ASKS_PER_HOUR_MAX),
    F(inflicted_us, VH_TRACE_SIGNED),
    F(inflicted_wall_us, VH_TRACE_SIGNED),
    F(toggles_wall_us, VH_TRACE_TIMES, .count_offset = G_STRUCT_OFFSET(VhGuestState, n_toggles),
      .maximum = VH_TOGGLES_PER_HOUR_MAX),
    F(engine_bytes, VH_TRACE_BYTES, .is_fleeting = TRUE),
    F(last_seen_wall_us, VH_TRACE_SIGNED, .is_fleeting = TRUE),
};
#undef F
SECTION(vh_trace_guest, "guest", VhGuestState, guest_fields)

#define F(member, kind, ...) FIELD(VhBucket, member, kind, __VA_ARGS__)
static const VhTraceField bucket_fields[] = {
    F(tokens_bytes, VH_TRACE_BYTES),
    F(time_us, VH_TRACE_SIGNED),
};
#undef F
static SECTION(bucket_section, "bucket", VhBucket, bucket_fields)

/* Without the guests: a cycle has the pool's part only. */
#define F(member, kind, ...) FIELD(VhState, member, kind, __VA_ARGS__)
    static const VhTraceField state_fields[] = {
        F(level, VH_TRACE_WORD, .words = &levels),
        F(better_since_us, VH_TRACE_SIGNED),
        F(low_since_us, VH_TRACE_SIGNED),
        F(quiet_since_us, VH_TRACE_SIGNED),
        F(critical_since_us, VH_TRACE_SIGNED),
        F(pool_time_us, VH_TRACE_SIGNED),
        F(pool_total_bytes, VH_TRACE_BYTES),
        F(pool_available_bytes, VH_TRACE_SIGNED),
        F(pool_n_resident, VH_TRACE_UINT),
        F(pool_returned_bytes, VH_TRACE_BYTES),
        F(pool_trend_bytes_per_s, VH_TRACE_SIGNED),
        F(has_pool_swap_out, VH_TRACE_BOOL),
        F(pool_swap_out_bytes, VH_TRACE_BYTES),
        F(swap_out_rate_bytes_per_s, VH_TRACE_SIGNED),
        F(engine_time_us, VH_TRACE_SIGNED),
        F(engine_sampled_us, VH_TRACE_SIGNED),
        F(engine_bytes, VH_TRACE_SIGNED),
        F(proactive, VH_TRACE_STRUCT, .section = &bucket_section),
        F(buckets, VH_TRACE_LIST, .section = &bucket_section),
};
#undef F
SECTION(vh_trace_state, "state", VhState, state_fields)

const VhTraceSection *const vh_trace_sections[] = {
    &vh_trace_snapshot, &pressure_section, &group_section,   &node_section,    &request_section,
    &in_flight_section, &vh_trace_ended,   &outcome_section, &vh_trace_domain, &override_section,
    &vh_trace_verdict,  &yield_section,    &cost_section,    &vh_trace_plan,   &action_section,
    &vh_trace_toggle,   &vh_trace_state,   &bucket_section,  &vh_trace_guest,  NULL,
};

gsize vh_trace_field_size(const VhTraceField *field)
{
    switch (field->type) {
    case VH_TRACE_BOOL:
    case VH_TRACE_UINT:
    case VH_TRACE_INT:
    case VH_TRACE_WORD:
    case VH_TRACE_WORDS:
    case VH_TRACE_CLASS:
        return sizeof(guint);
    case VH_TRACE_UUID:
        return sizeof(VhUuid);
    case VH_TRACE_CLASS_TEXT:
        return VH_CLASS_NAME_MAX;
    case VH_TRACE_TIMES:
        return field->maximum * sizeof(gint64);
    case VH_TRACE_STRUCT:
        return field->section->size;
    case VH_TRACE_TEXT:
    case VH_TRACE_LIST:
        return sizeof(gpointer);
    default:
        return sizeof(guint64);
    }
}
