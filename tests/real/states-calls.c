/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each of the library's calls says, by the state of the domain: the table in docs/library.md.
 */
#include "states-fixture.h"

#include "vh-ask.h"
#include "vh-counters.h"
#include "vh-enable.h"
#include "vh-events.h"
#include "vh-in-flight.h"
#include "vh-libvirt.h"
#include "vh-metadata.h"
#include "vh-reporting.h"
#include "vh-stats.h"

#include <string.h>

/* A QEMU that is stopped answers no sooner, however long this is. */
#define STUCK_US (300 * VH_MS)
#define BOUND_US (VH_LAB_TIMEOUT_MS * (gint64)VH_MS)

/* ---- Calls ---- */

static gboolean find(virDomainPtr domain, GError **error)
{
    g_autoptr(virDomain) found =
        vh_libvirt_find_domain(virDomainGetConnect(domain), virDomainGetName(domain), error);

    return found != NULL;
}

/* Of the tier that its name says, or where QEMU was not asked, of tier pulse and not more. */
static gboolean probe(virDomainPtr domain, GError **error)
{
    const char *tier = virDomainGetName(domain);
    VhProbe probe;

    if (!vh_probe_domain(domain, VH_MONITOR_ALLOW, &probe, error))
        return FALSE;
    if ((probe.reasons & VH_TIER_REASON_NO_MONITOR) && probe.tier == VH_TIER_PULSE)
        g_set_error_literal(error, VH_ERROR, VH_ERROR_STALE, "its XML");
    else if (!g_str_equal(vh_tier_name(probe.tier), tier))
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "tier %s", vh_tier_name(probe.tier));
    else
        return TRUE;
    return FALSE;
}

static gboolean stats(virDomainPtr domain, GError **error)
{
    VhStats stats;

    if (!vh_stats_read(domain, &stats, error))
        return FALSE;
    if (!(stats.figures & VH_HAS_RSS)) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_STALE, "few figures");
        return FALSE;
    }
    return TRUE;
}

static gboolean counters(virDomainPtr domain, GError **error)
{
    VhCounters counters;

    if (!vh_counters_read(domain, VH_MONITOR_ALLOW, &counters, error))
        return FALSE;
    if (!counters.has_reporting) {
        g_set_error_literal(error, VH_ERROR, VH_ERROR_STALE, vh_tier_reason_name(counters.why_not));
        return FALSE;
    }
    return TRUE;
}

static gboolean query(virDomainPtr domain, GError **error)
{
    VhReportingInfo info;

    return vh_reporting_query(domain, VH_MONITOR_ALLOW, &info, error);
}

static gboolean set(virDomainPtr domain, GError **error)
{
    return vh_reporting_set(domain, VH_MONITOR_ALLOW, TRUE, error);
}

static gboolean pass_start(virDomainPtr domain, GError **error)
{
    const VhReportingPassRequest request = {0};
    guint32 id;

    return vh_reporting_pass_start(domain, VH_MONITOR_ALLOW, &request, &id, error);
}

/* Of no pass: those that were asked for have ended. */
static gboolean pass_cancel(virDomainPtr domain, GError **error)
{
    return vh_reporting_pass_cancel(domain, VH_MONITOR_ALLOW, error);
}

static gboolean ask(virDomainPtr domain, VhAskMethod method, GError **error)
{
    const VhAskRequest request = {.method = method,
                                  .monitor = VH_MONITOR_ALLOW,
                                  .bytes = 32 * VH_MIB,
                                  .deadline_us = 4 * VH_SEC};
    VhAskOutcome outcome;

    return vh_ask_run(domain, &request, NULL, NULL, NULL, &outcome, error);
}

static gboolean ask_auto(virDomainPtr domain, GError **error)
{
    return ask(domain, VH_ASK_AUTO, error);
}

static gboolean ask_pass(virDomainPtr domain, GError **error)
{
    return ask(domain, VH_ASK_PASS, error);
}

static gboolean policy_get(virDomainPtr domain, GError **error)
{
    VhOverride override;

    return vh_metadata_get_override(domain, VH_METADATA_CURRENT, &override, error);
}

static gboolean policy_set(virDomainPtr domain, VhMetadataWhere where, GError **error)
{
    const VhOverride override = {.keys = VH_OVERRIDE_WEIGHT, .weight = 5};

    return vh_metadata_set_override(domain, &override, where, error);
}

static gboolean policy_set_live(virDomainPtr domain, GError **error)
{
    return policy_set(domain, VH_METADATA_LIVE, error);
}

static gboolean policy_set_config(virDomainPtr domain, GError **error)
{
    return policy_set(domain, VH_METADATA_CONFIG, error);
}

static gboolean policy_change(virDomainPtr domain, GError **error)
{
    const VhMetadataChange change = {.set = (const char *[]){"weight=6", NULL}};

    return vh_metadata_change_override(domain, &change, VH_METADATA_LIVE, NULL, error);
}

static gboolean policy_clear(virDomainPtr domain, GError **error)
{
    return vh_metadata_clear_override(domain, VH_METADATA_CURRENT, error);
}

static void on_event(VhEvents *events, const VhEvent *event, gpointer data)
{
}

static gboolean listen(virDomainPtr domain, GError **error)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    const VhEventsOptions options = {.domain = domain, .context = context};
    g_autoptr(VhEvents) events =
        vh_events_new(virDomainGetConnect(domain), &options, on_event, NULL, error);

    return events != NULL;
}

static gboolean plan(virDomainPtr domain, GError **error)
{
    const VhEnableWish wish = {.tier = VH_TIER_PULSE};
    g_autoptr(VhEnablePlan) plan = vh_enable_plan_domain(domain, &wish, error);

    return plan != NULL;
}

/* The record of one that ended long ago, of a balloon that is where it was. */
static gboolean record(virDomainPtr domain, GError **error)
{
    const guint64 kib = 512 * VH_KIB;
    const VhInFlightRecord record = {
        .old_kib = kib, .target_kib = kib, .expires_us = VH_SEC, .owner = "nobody"};

    return vh_in_flight_set(domain, &record, error);
}

static gboolean look_for_record(virDomainPtr domain, GError **error)
{
    VhInFlightRecord record;
    gboolean found;

    return vh_in_flight_get(domain, &record, &found, error);
}

static gboolean recover(virDomainPtr domain, GError **error)
{
    gboolean is_restored;

    return vh_in_flight_recover(domain, 4 * VH_SEC, &is_restored, error);
}

static gboolean forget_record(virDomainPtr domain, GError **error)
{
    return vh_in_flight_clear(domain, error);
}

/*
 * "ok": done. "less": answered, but with less than there could be: by the XML alone, without what
 * QEMU counts. "waits": as long as QEMU does not answer, or the job goes on. Else the name of the
 * error's code. The order counts: each comes after the one before, and in the guest of tier native
 * there is the record of an ask that was interrupted.
 */
static const struct {
    const char *name;
    gboolean (*call)(virDomainPtr domain, GError **error);
    const char *row;
} calls[] = {
    /*                         running paused off migrating hung read-only none pulse soft */
    {"find", find, "ok ok ok ok ok ok ok ok ok"},
    {"metadata-get", policy_get, "ok ok ok ok ok ok ok ok ok"},
    {"metadata-set-config", policy_set_config,
     "ok ok ok busy ok denied unsupported unsupported unsupported"},
    {"metadata-set-live", policy_set_live, "ok ok unsupported busy ok denied ok ok ok"},
    {"metadata-change-live", policy_change, "ok ok unsupported busy ok denied ok ok ok"},
    {"metadata-clear", policy_clear, "ok ok ok busy ok denied ok ok ok"},
    {"events", listen, "ok ok ok ok ok ok ok ok ok"},
    {"enable-plan", plan, "ok ok ok ok ok ok ok ok ok"},
    {"in-flight-get", look_for_record, "ok ok unsupported ok ok ok ok ok ok"},
    {"in-flight-recover", recover, "ok ok unsupported busy waits denied ok ok ok"},
    {"in-flight-set", record, "ok ok unsupported waits waits denied ok ok ok"},
    {"in-flight-clear", forget_record, "ok ok unsupported waits waits denied ok ok ok"},
    {"ask", ask_auto, "ok busy gone busy timeout denied unsupported ok ok"},
    {"ask-pass", ask_pass, "ok busy gone busy busy denied unsupported unsupported unsupported"},
    {"probe", probe, "ok ok less ok waits less ok ok ok"},
    {"stats", stats, "ok ok less ok waits ok ok ok ok"},
    {"counters", counters, "ok ok less ok waits less less less ok"},
    {"reporting-query", query, "ok ok unsupported ok waits denied unsupported unsupported ok"},
    {"reporting-set", set, "ok ok unsupported busy waits denied unsupported unsupported ok"},
    {"pass-cancel", pass_cancel,
     "gone gone unsupported gone waits denied unsupported unsupported unsupported"},
    {"pass-start", pass_start,
     "ok busy unsupported busy waits denied unsupported unsupported unsupported"},
};

/* ---- The table ---- */

typedef struct {
    guint call; /* index */
    virConnectPtr connection;
    virDomainPtr domain;
    GAsyncQueue *done;
    GThread *thread;
    GError *error;
} Try;

static gpointer run(gpointer data)
{
    Try *try = data;

    if (!calls[try->call].call(try->domain, &try->error))
        g_assert_nonnull(try->error);
    g_async_queue_push(try->done, try);
    return NULL;
}

static Try *try_new(States *states, State state, guint call)
{
    Try *try = g_new0(Try, 1);
    g_autoptr(GError) error = NULL;

    try->call = call;
    try->done = g_async_queue_new();
    /* Of its own: libvirtd answers five calls of one at a time. */
    try->connection =
        vh_libvirt_open(vh_lab_uri(states->daemon.lab), state == STATE_READ_ONLY, &error);
    g_assert_no_error(error);
    try->domain = virDomainLookupByName(try->connection, states_domain(state));
    g_assert_nonnull(try->domain);
    try->thread = g_thread_new(calls[call].name, run, try);
    return try;
}

static void try_free(gpointer data)
{
    Try *try = data;

    g_thread_join(try->thread);
    g_async_queue_unref(try->done);
    virDomainFree(try->domain);
    virConnectClose(try->connection);
    g_clear_error(&try->error);
    g_free(try);
}

static const char *word_of(const Try *try)
{
    if (!try->error)
        return "ok";
    g_assert_true(try->error->domain == VH_ERROR);
    return try->error->code == VH_ERROR_STALE ? "less" : vh_error_code_name(try->error->code);
}

static void change_record(States *states, gboolean (*call)(virDomainPtr domain, GError **error))
{
    g_autoptr(GError) error = NULL;
    g_autoptr(virDomain) domain = vh_lab_guest_domain(states->native, &error);

    g_assert_no_error(error);
    if (!call(domain, &error))
        g_error("%s", error->message);
}

void states_check_calls(States *states, State state)
{
    g_autoptr(GPtrArray) waiting = g_ptr_array_new_with_free_func(try_free);

    change_record(states, record);
    states_enter(states, state);
    for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_auto(GStrv) row = states_split_row(calls[i].row);
        gboolean waits = g_str_equal(row[state], "waits");
        Try *try = try_new(states, state, i);
        gboolean has_ended =
            g_async_queue_timeout_pop(try->done, (guint64)(waits ? STUCK_US : BOUND_US)) != NULL;
        const char *word = has_ended ? word_of(try) : "waits";

        g_ptr_array_add(waiting, try);
        g_test_message("%s, %s: %s (%s)", calls[i].name, states_name(state), word,
                       has_ended && try->error ? try->error->message : "");
        if (g_str_equal(word, row[state]))
            continue;
        g_printerr("%s, %s: %s, not %s (%s)\n", calls[i].name, states_name(state), word, row[state],
                   has_ended && try->error ? try->error->message : "");
        g_test_fail();
    }
    states_leave(states, state);
    /* Whatever waited comes to its end now. */
    g_ptr_array_set_size(waiting, 0);
    change_record(states, forget_record);
}
