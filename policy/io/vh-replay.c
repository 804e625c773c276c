/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cycle over recorded snapshots, and the bookkeeping of both sides. */
#include "vh-replay.h"

#include "vh-text.h"

#include <string.h>

typedef struct {
    VhSource source; /* first: what the cycle sees */
    const VhSnapshot *snapshot;
} RecordedSource;

struct VhReplay {
    const VhConfig *config; /* NULL: as recorded */
    const VhEngine *engine; /* NULL: as recorded */
    const VhEngine *deciding;
    VhTraceFile *file;
    RecordedSource source;
    VhActuator actuator;
    VhCycle *turn; /* NULL: no header yet */

    VhReplayCycle cycle;
    GArray *asks;               /* VhReplayAsk */
    GHashTable *asked_recorded; /* guests (VhUuid) asked in the last cycle */
    GHashTable *asked_replayed;
    VhReplaySummary summary;
    GHashTable *by_uuid; /* VhUuid of a VhReplayGuest -> it, owned by `guests` */
    GPtrArray *guests;
    GPtrArray *warnings;
};

static gboolean read_recorded(VhSource *source, const VhConfig *config, VhSnapshot *snapshot,
                              GError **error)
{
    vh_snapshot_copy(snapshot, ((RecordedSource *)source)->snapshot);
    return TRUE;
}

/* What was in flight and what ended is in the recorded snapshot. */
static void report_nothing(VhActuator *actuator, VhSnapshot *snapshot)
{
}

static void ask_nobody(VhActuator *actuator, const VhSnapshot *snapshot, const VhAction *action)
{
}

static void guest_free(gpointer data)
{
    VhReplayGuest *guest = data;

    g_free(guest->name);
    g_free(guest);
}

VhReplay *vh_replay_new(const VhReplayOptions *options, GError **error)
{
    VhTraceFile *file = vh_trace_file_open(options->path, error);

    if (!file)
        return NULL;
    VhReplay *replay = g_new0(VhReplay, 1);
    replay->config = options->config;
    replay->engine = options->engine;
    replay->file = file;
    vh_trace_parser_set_target(vh_trace_file_parser(file), options->config);
    replay->source.source.read = read_recorded;
    replay->actuator = (VhActuator){.report = report_nothing, .act = ask_nobody};
    replay->asks = g_array_new(FALSE, TRUE, sizeof(VhReplayAsk));
    replay->asked_recorded = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, NULL);
    replay->asked_replayed = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, NULL);
    replay->by_uuid = g_hash_table_new(vh_uuid_hash, vh_uuid_equal);
    replay->guests = g_ptr_array_new_with_free_func(guest_free);
    replay->warnings = g_ptr_array_new_with_free_func(g_free);
    return replay;
}

void vh_replay_free(VhReplay *replay)
{
    if (!replay)
        return;
    vh_cycle_free(replay->turn);
    vh_trace_file_free(replay->file);
    g_array_unref(replay->asks);
    g_hash_table_unref(replay->asked_recorded);
    g_hash_table_unref(replay->asked_replayed);
    g_hash_table_unref(replay->by_uuid);
    g_ptr_array_unref(replay->guests);
    g_ptr_array_unref(replay->warnings);
    g_free(replay);
}

static void warn_once(VhReplay *replay, char *text)
{
    if (g_ptr_array_find_with_equal_func(replay->warnings, text, g_str_equal, NULL))
        g_free(text);
    else
        g_ptr_array_add(replay->warnings, text);
}

static gboolean has_xpath(const VhConfig *config, const char *xpath)
{
    for (guint i = 0; i < config->n_matches; i++) {
        if (config->matches[i].kind == VH_MATCH_XPATH &&
            g_str_equal(config->matches[i].xpath, xpath))
            return TRUE;
    }
    return FALSE;
}

/* What this policy asks of the guests that the recording cannot tell. */
static void check_policy(VhReplay *replay, const VhTraceHeader *header)
{
    const VhConfig *config = replay->config;

    for (guint i = 0; config && i < config->n_matches; i++) {
        const VhMatch *match = &config->matches[i];
        if (match->kind == VH_MATCH_XPATH && !has_xpath(header->config, match->xpath)) {
            g_autofree char *quoted = vh_text_quote(match->xpath);
            warn_once(replay, g_strdup_printf("the recording does not say where %s holds: it "
                                              "counts as holding nowhere",
                                              quoted));
        }
        if (header->is_hashed && (match->kind == VH_MATCH_NAME || match->kind == VH_MATCH_UUID))
            warn_once(replay, g_strdup("the recording has hashes for names and UUIDs: no match by "
                                       "them applies"));
    }
}

static gboolean find_engine(VhReplay *replay, const VhTraceHeader *header, GError **error)
{
    replay->deciding = replay->engine ? replay->engine : vh_engine_find(header->engine);
    if (replay->deciding)
        return TRUE;
    g_autofree char *quoted = vh_text_quote(header->engine);
    g_autofree char *names = vh_text_join_or(vh_engine_names());
    g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                "the recorded engine %s is not known; name another one: %s", quoted, names);
    return FALSE;
}

/* Where the recording goes on in another file or with another policy, the replay goes on, too. */
static gboolean take_header(VhReplay *replay, const VhTraceHeader *header, GError **error)
{
    gboolean goes_on = header->cause == VH_TRACE_FILE || header->cause == VH_TRACE_POLICY;

    check_policy(replay, header);
    if (replay->turn && goes_on)
        return TRUE;
    if (replay->turn) {
        replay->summary.n_gaps++;
        g_hash_table_remove_all(replay->asked_recorded);
        g_hash_table_remove_all(replay->asked_replayed);
    }
    if (!find_engine(replay, header, error))
        return FALSE;
    VhState *state = vh_state_new();
    vh_state_copy(state, header->state);
    if (replay->config)
        g_array_set_size(state->buckets, 0); /* they are of other classes */
    g_clear_pointer(&replay->turn, vh_cycle_free);
    replay->turn = vh_cycle_new(replay->deciding, &replay->source.source, &replay->actuator, state);
    return TRUE;
}

static VhReplayGuest *guest_of(VhReplay *replay, const VhDomain *domain)
{
    VhReplayGuest *guest = g_hash_table_lookup(replay->by_uuid, &domain->uuid);

    if (guest)
        return guest;
    guest = g_new0(VhReplayGuest, 1);
    guest->name = g_strdup(domain->name);
    guest->uuid = domain->uuid;
    g_ptr_array_add(replay->guests, guest);
    g_hash_table_insert(replay->by_uuid, &guest->uuid, guest);
    return guest;
}

static const VhAction *find_action(const VhPlan *plan, guint domain)
{
    for (guint i = 0; i < plan->actions->len; i++) {
        const VhAction *action = &g_array_index(plan->actions, VhAction, i);
        if (action->domain == domain)
            return action;
    }
    return NULL;
}

static void add_side(VhReplaySide *side, const VhAction *action)
{
    side->n_asks++;
    side->bytes = vh_add(side->bytes, action->bytes);
    side->expected_bytes = vh_add(side->expected_bytes, action->expected_bytes);
}

static void count_ask(VhReplay *replay, const VhReplayAsk *ask)
{
    VhReplayGuest *guest =
        guest_of(replay, vh_snapshot_domain(replay->cycle.snapshot, ask->domain));

    if (ask->is_new_recorded) {
        add_side(&guest->recorded, ask->recorded);
        add_side(&replay->summary.recorded, ask->recorded);
        replay->summary.n_only_recorded += ask->replayed ? 0 : 1;
    }
    if (ask->is_new_replayed) {
        add_side(&guest->replayed, ask->replayed);
        add_side(&replay->summary.replayed, ask->replayed);
        replay->summary.n_only_replayed += ask->recorded ? 0 : 1;
    }
}

/* Who is asked on either side, and whether both sides agree on it. */
static gboolean compare_asks(VhReplay *replay)
{
    const VhReplayCycle *cycle = &replay->cycle;
    gboolean agrees = cycle->recorded->actions->len == cycle->replayed->actions->len;

    g_array_set_size(replay->asks, 0);
    for (guint i = 0; i < vh_snapshot_n_domains(cycle->snapshot); i++) {
        const VhUuid *uuid = &vh_snapshot_domain(cycle->snapshot, i)->uuid;
        VhReplayAsk ask = {.domain = i,
                           .recorded = find_action(cycle->recorded, i),
                           .replayed = find_action(cycle->replayed, i)};
        if (!ask.recorded && !ask.replayed)
            continue;
        agrees = agrees && ask.recorded && ask.replayed &&
                 ask.recorded->bytes == ask.replayed->bytes &&
                 ask.recorded->method == ask.replayed->method;
        ask.is_new_recorded = ask.recorded && !g_hash_table_contains(replay->asked_recorded, uuid);
        ask.is_new_replayed = ask.replayed && !g_hash_table_contains(replay->asked_replayed, uuid);
        if (ask.is_new_recorded || ask.is_new_replayed)
            g_array_append_val(replay->asks, ask);
        count_ask(replay, &ask);
    }
    return agrees;
}

static void remember_asked(GHashTable *asked, const VhPlan *plan)
{
    g_hash_table_remove_all(asked);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VhAction *action = &g_array_index(plan->actions, VhAction, i);
        g_hash_table_add(asked, g_memdup2(&action->uuid, sizeof(action->uuid)));
    }
}

static guint count_reasons(const VhPlan *a, const VhPlan *b)
{
    guint n = 0;

    for (guint i = 0; i < MIN(a->verdicts->len, b->verdicts->len); i++)
        n += g_array_index(a->verdicts, VhVerdict, i).reason !=
                     g_array_index(b->verdicts, VhVerdict, i).reason
                 ? 1
                 : 0;
    return n;
}

static void compare(VhReplay *replay)
{
    VhReplaySummary *summary = &replay->summary;
    VhReplayCycle *cycle = &replay->cycle;
    gboolean same_level = cycle->recorded->level == cycle->replayed->level;

    cycle->differs = !compare_asks(replay) || !same_level;
    cycle->asks = replay->asks;
    remember_asked(replay->asked_recorded, cycle->recorded);
    remember_asked(replay->asked_replayed, cycle->replayed);
    if (summary->n_cycles == 0)
        summary->start_wall_us = cycle->snapshot->wall_us;
    summary->end_wall_us = cycle->snapshot->wall_us;
    summary->n_cycles++;
    summary->n_differ += cycle->differs ? 1 : 0;
    summary->n_levels_differ += same_level ? 0 : 1;
    summary->n_reasons_differ += count_reasons(cycle->recorded, cycle->replayed);
}

static gboolean run(VhReplay *replay, const VhTraceRecord *record, GError **error)
{
    VhReplayCycle *cycle = &replay->cycle;

    cycle->recorded_config = record->header.config;
    cycle->config = replay->config ? replay->config : record->header.config;
    replay->source.snapshot = record->snapshot;
    if (!vh_cycle_run(replay->turn, cycle->config, error))
        return FALSE;
    cycle->snapshot = vh_cycle_snapshot(replay->turn);
    cycle->recorded = record->plan;
    cycle->replayed = vh_cycle_plan(replay->turn);
    cycle->state = vh_cycle_state(replay->turn);
    compare(replay);
    return TRUE;
}

const VhReplayCycle *vh_replay_next(VhReplay *replay, GError **error)
{
    const VhTraceRecord *record;
    g_autoptr(GError) cause = NULL;

    while ((record = vh_trace_file_next(replay->file, &cause)) != NULL) {
        if (record->kind == VH_TRACE_HEADER && !take_header(replay, &record->header, error))
            return NULL;
        if (record->kind == VH_TRACE_CYCLE)
            return run(replay, record, error) ? &replay->cycle : NULL;
    }
    if (cause)
        g_propagate_error(error, g_steal_pointer(&cause));
    else if (vh_trace_file_warning(replay->file))
        warn_once(replay, g_strdup(vh_trace_file_warning(replay->file)));
    return NULL;
}

const VhReplaySummary *vh_replay_summary(const VhReplay *replay)
{
    return &replay->summary;
}

static int compare_guests(gconstpointer a, gconstpointer b)
{
    const VhReplayGuest *left = *(const VhReplayGuest *const *)a;
    const VhReplayGuest *right = *(const VhReplayGuest *const *)b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : vh_uuid_compare(&left->uuid, &right->uuid);
}

const GPtrArray *vh_replay_guests(const VhReplay *replay)
{
    g_ptr_array_sort(replay->guests, compare_guests);
    return replay->guests;
}

const GPtrArray *vh_replay_warnings(const VhReplay *replay)
{
    return replay->warnings;
}

const char *vh_replay_engine(const VhReplay *replay)
{
    return replay->deciding ? replay->deciding->name : NULL;
}

void vh_replay_progress(const VhReplay *replay, guint64 *ret_done, guint64 *ret_all)
{
    vh_trace_file_progress(replay->file, ret_done, ret_all);
}
