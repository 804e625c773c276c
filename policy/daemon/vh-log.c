/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Log lines and when they are due. */
#include "vh-log.h"

#include "vh-report.h"

#include <stdio.h>
#include <unistd.h>

#define LOG_DOMAIN "virthintd"
#define MAX_FIELDS 12

/* Random 128-bit ids, as journald wants them: `journalctl MESSAGE_ID=...` finds all lines of a
 * kind. */
static const char *const message_ids[VH_LOG_KINDS] = {
    [VH_LOG_ASKED] = "0d6a1f5e8c2b4f0b9a7e41c3d52f6a01",
    [VH_LOG_ENDED] = "0d6a1f5e8c2b4f0b9a7e41c3d52f6a02",
    [VH_LOG_REFUSED] = "0d6a1f5e8c2b4f0b9a7e41c3d52f6a03",
    [VH_LOG_LEVEL] = "0d6a1f5e8c2b4f0b9a7e41c3d52f6a04",
    [VH_LOG_WATCH] = "0d6a1f5e8c2b4f0b9a7e41c3d52f6a05",
    [VH_LOG_POLICY] = "0d6a1f5e8c2b4f0b9a7e41c3d52f6a06",
    [VH_LOG_SWITCHED] = "0d6a1f5e8c2b4f0b9a7e41c3d52f6a07",
    [VH_LOG_REQUEST] = "0d6a1f5e8c2b4f0b9a7e41c3d52f6a08",
};

static const char *field_text(const GLogField *fields, gsize n_fields, const char *key)
{
    for (gsize i = 0; i < n_fields; i++) {
        if (g_str_equal(fields[i].key, key) && fields[i].length < 0)
            return fields[i].value;
    }
    return "";
}

/* One line on stderr: when, how bad, what. */
static void write_text(GLogLevelFlags level, const char *message)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%F %T.%f");
    const char *severity = level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL) ? "error: "
                           : level & G_LOG_LEVEL_WARNING                      ? "warning: "
                                                                              : "";

    fprintf(stderr, "%.23s %s%s\n", time, severity, message);
    fflush(stderr);
}

/* GLib's own writer would drop INFO lines, and with them the refusals. */
static GLogWriterOutput write_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                   gpointer data)
{
    if (level & G_LOG_LEVEL_DEBUG)
        return g_log_writer_default(level, fields, n_fields, data);
    if (g_log_writer_is_journald(STDERR_FILENO) &&
        g_log_writer_journald(level, fields, n_fields, data) == G_LOG_WRITER_HANDLED)
        return G_LOG_WRITER_HANDLED;
    write_text(level, field_text(fields, n_fields, "MESSAGE"));
    return G_LOG_WRITER_HANDLED;
}

void vh_log_init(void)
{
    g_log_set_writer_func(write_line, NULL, NULL);
}

static const char *priority_of(GLogLevelFlags level)
{
    if (level & G_LOG_LEVEL_CRITICAL)
        return "3";
    if (level & G_LOG_LEVEL_WARNING)
        return "4";
    return level & G_LOG_LEVEL_MESSAGE ? "5" : "6";
}

typedef struct {
    GLogField fields[MAX_FIELDS];
    gsize n;
} FieldList;

static void add_field(FieldList *list, const char *key, const char *value)
{
    if (value && list->n < MAX_FIELDS)
        list->fields[list->n++] = (GLogField){key, value, -1};
}

void vh_log(VhLogKind kind, GLogLevelFlags level, const VhLogFields *fields, const char *format,
            ...)
{
    static const VhLogFields none = {0};
    char uuid[VH_UUID_TEXT], request[24];
    FieldList list = {.n = 0};
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fields = fields ? fields : &none;
    add_field(&list, "MESSAGE", message);
    add_field(&list, "PRIORITY", priority_of(level));
    add_field(&list, "GLIB_DOMAIN", LOG_DOMAIN);
    add_field(&list, "MESSAGE_ID", message_ids[kind]);
    add_field(&list, "VIRTHINT_DOMAIN", fields->domain);
    add_field(&list, "VIRTHINT_UUID", fields->uuid ? vh_uuid_format(fields->uuid, uuid) : NULL);
    add_field(&list, "VIRTHINT_DECISION", fields->decision);
    add_field(&list, "VIRTHINT_REASON", fields->reason);
    add_field(&list, "VIRTHINT_FROM", fields->from);
    add_field(&list, "VIRTHINT_TO", fields->to);
    g_snprintf(request, sizeof(request), "%" G_GUINT64_FORMAT, fields->request_id);
    add_field(&list, "VIRTHINT_REQUEST", fields->request_id != 0 ? request : NULL);
    g_log_structured_array(level, list.fields, list.n);
}

struct VhLogDiff {
    GHashTable *reasons; /* VhUuid to VhReason + 1 */
    VhLevel level;
};

VhLogDiff *vh_log_diff_new(void)
{
    VhLogDiff *diff = g_new0(VhLogDiff, 1);

    diff->reasons = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, NULL);
    return diff;
}

void vh_log_diff_free(VhLogDiff *diff)
{
    if (!diff)
        return;
    g_hash_table_unref(diff->reasons);
    g_free(diff);
}

static void log_refusal(const VhSession *session, const VhVerdict *verdict, const char *before)
{
    const VhDomain *domain = vh_snapshot_domain(vh_session_snapshot(session), verdict->domain);
    const VhLogFields fields = {
        .domain = domain->name,
        .uuid = &domain->uuid,
        .decision = "refuse",
        .reason = vh_reason_name(verdict->reason),
        .from = before,
        .to = vh_reason_name(verdict->reason),
    };
    g_autofree char *yield = vh_format_size(verdict->yield.expected_bytes);
    g_autofree char *reasons = vh_tier_reasons_format(domain->tier_reasons);
    gboolean is_tier = verdict->reason == VH_REASON_TIER_NONE;

    vh_log(VH_LOG_REFUSED, G_LOG_LEVEL_INFO, &fields, "%s: not asked: %s%s%s (%s, yield %s)",
           domain->name, vh_reason_text(verdict->reason), is_tier ? ": " : "",
           is_tier ? reasons : "", vh_reason_name(verdict->reason),
           verdict->has_yield ? yield : "unknown");
}

/* ", raised from low by psi-some, swap-out"; "" where it was not. */
static char *raised_text(const VhSession *session)
{
    const VhPlan *plan = vh_session_plan(session);
    const VhReportInput input = {.config = vh_session_config(session),
                                 .state = vh_session_state(session),
                                 .snapshot = vh_session_snapshot(session),
                                 .plan = plan};
    guint signs = vh_report_pressure(&input);

    if (plan->level == plan->level_by_bounds)
        return g_strdup("");
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, ", raised from %s by", vh_level_name(plan->level_by_bounds));
    for (guint sign = 1, n = 0; sign <= signs; sign <<= 1) {
        if (signs & sign)
            g_string_append_printf(text, "%s %s", n++ > 0 ? "," : "",
                                   vh_report_pressure_name(sign));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void log_level(VhLogDiff *diff, const VhSession *session)
{
    const VhPlan *plan = vh_session_plan(session);
    g_autofree char *raised = raised_text(session);
    gint64 available = plan->pool_available_bytes;
    g_autofree char *size = vh_format_size((guint64)ABS(available));
    g_autofree char *total = vh_format_size(plan->pool_total_bytes);
    const VhLogFields fields = {
        .decision = "level", .from = vh_level_name(diff->level), .to = vh_level_name(plan->level)};

    vh_log(VH_LOG_LEVEL, G_LOG_LEVEL_MESSAGE, &fields, "level %s -> %s: %s %s of %s%s", fields.from,
           fields.to, size, available < 0 ? "over the pool" : "available", total, raised);
    diff->level = plan->level;
}

void vh_log_diff_plan(VhLogDiff *diff, const VhSession *session)
{
    const VhSnapshot *snapshot = vh_session_snapshot(session);
    const VhPlan *plan = vh_session_plan(session);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, NULL);

    if (plan->level != diff->level)
        log_level(diff, session);
    for (guint i = 0; i < plan->verdicts->len; i++) {
        const VhVerdict *verdict = &g_array_index(plan->verdicts, VhVerdict, i);
        const VhUuid *uuid = &vh_snapshot_domain(snapshot, verdict->domain)->uuid;
        guint before = GPOINTER_TO_UINT(g_hash_table_lookup(diff->reasons, uuid));
        if (verdict->reason == VH_REASON_OTHER_COPY)
            continue; /* its first copy is in the table */
        if (verdict->reason != VH_REASON_ASK && before != (guint)verdict->reason + 1)
            log_refusal(session, verdict, before ? vh_reason_name(before - 1) : NULL);
        g_hash_table_replace(seen, g_memdup2(uuid, sizeof(*uuid)),
                             GUINT_TO_POINTER((guint)verdict->reason + 1));
    }
    g_hash_table_unref(diff->reasons);
    diff->reasons = g_steal_pointer(&seen);
}

void vh_log_switched(const VhSwitched *switched, const GError *error)
{
    const VhLogFields fields = {
        .domain = switched->name,
        .uuid = &switched->uuid,
        .decision = "switch",
        .reason = vh_toggle_reason_name(switched->reason),
        .from = switched->is_on ? "off" : "on",
        .to = switched->is_on ? "on" : "off",
    };

    if (error)
        vh_log(VH_LOG_SWITCHED, G_LOG_LEVEL_WARNING, &fields,
               "%s: reporting stays %s: %s; it is not tried again before its dwell is over",
               switched->name, fields.from, error->message);
    else
        vh_log(VH_LOG_SWITCHED, G_LOG_LEVEL_MESSAGE, &fields, "%s: reporting %s -> %s: %s (%s)",
               switched->name, fields.from, fields.to, vh_toggle_reason_text(switched->reason),
               fields.reason);
}

void vh_log_request_started(const VhRequestRecord *request)
{
    gint64 deadline_us = request->request.deadline_us;
    g_autofree char *bytes = vh_format_size(request->request.bytes);
    g_autofree char *time = vh_format_duration(deadline_us - request->started_us);
    const VhLogFields fields = {.decision = "request",
                                .reason = vh_level_name(request->request.urgency),
                                .request_id = request->request.id};

    vh_log(VH_LOG_REQUEST, G_LOG_LEVEL_MESSAGE, &fields,
           "request %" G_GUINT64_FORMAT ": %s wanted, urgency %s%s%s", fields.request_id, bytes,
           fields.reason, deadline_us != 0 ? ", within " : "", deadline_us != 0 ? time : "");
}

void vh_log_request_ended(const VhRequestRecord *request)
{
    g_autofree char *bytes = vh_format_size(request->request.bytes);
    g_autofree char *returned = vh_format_size(request->request.returned_bytes);
    g_autofree char *took = vh_format_duration(g_get_monotonic_time() - request->started_us);
    const VhLogFields fields = {.decision = "request-ended",
                                .reason = vh_request_status_name(request->status),
                                .request_id = request->request.id};

    vh_log(VH_LOG_REQUEST, G_LOG_LEVEL_MESSAGE, &fields,
           "request %" G_GUINT64_FORMAT ": %s of %s came back in %s, by %u ask%s (%s)",
           fields.request_id, returned, bytes, took, request->n_asks,
           request->n_asks == 1 ? "" : "s", fields.reason);
}

/* The name of a domain in the last snapshot, or its UUID where it has gone. */
static const char *name_of(const VhSession *session, const VhUuid *uuid, char buffer[VH_UUID_TEXT])
{
    const VhSnapshot *snapshot = vh_session_snapshot(session);

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        if (vh_uuid_compare(&domain->uuid, uuid) == 0)
            return domain->name;
    }
    return vh_uuid_format(uuid, buffer);
}

void vh_log_ask_started(const VhSession *session, const VhInFlight *ask, const VhAction *action)
{
    char buffer[VH_UUID_TEXT];
    const char *name = name_of(session, &ask->uuid, buffer);
    g_autofree char *size =
        ask->asked_bytes ? vh_format_size(ask->asked_bytes) : g_strdup("all that can be had");
    const VhLogFields fields = {.domain = name,
                                .uuid = &ask->uuid,
                                .decision = "ask",
                                .reason = action ? "ask" : "by-hand",
                                .request_id = ask->request_id};
    g_autofree char *request =
        ask->request_id ? g_strdup_printf(" (for request %" G_GUINT64_FORMAT ")", ask->request_id)
                        : g_strdup("");

    g_autofree char *granule = vh_format_size(ask->granule_bytes);
    vh_log(VH_LOG_ASKED, G_LOG_LEVEL_MESSAGE, &fields, "%s: asked for %s%s%s%s%s%s%s", name, size,
           ask->method == VH_ASK_PASS ? " by a pass" : "",
           ask->granule_bytes ? " over blocks of " : "", ask->granule_bytes ? granule : "",
           ask->granule_bytes ? " or more" : "", action ? "" : " (by hand)", request);
}

void vh_log_ask_ended(const VhSession *session, const VhEnded *ask, const char *message)
{
    char buffer[VH_UUID_TEXT];
    const VhAskOutcome *outcome = &ask->outcome;
    const char *name = name_of(session, &ask->uuid, buffer);
    gboolean is_pass = outcome->method == VH_ASK_PASS;
    g_autofree char *returned = vh_format_size(outcome->returned_bytes);
    g_autofree char *reported = vh_format_size(outcome->taken_bytes);
    g_autofree char *before = vh_format_size(outcome->before_bytes);
    g_autofree char *after = vh_format_size(outcome->after_bytes);
    g_autofree char *took = vh_format_duration(outcome->ended_us - outcome->started_us);
    const VhLogFields fields = {.domain = name,
                                .uuid = &ask->uuid,
                                .decision = "returned",
                                .reason = vh_ask_status_name(outcome->status),
                                .from = before,
                                .to = after,
                                .request_id = ask->request_id};

    if (outcome->status == VH_ASK_FAILED || outcome->status == VH_ASK_TIMED_OUT)
        vh_log(VH_LOG_ENDED, G_LOG_LEVEL_WARNING, &fields, "%s: ask %s after %s: %s", name,
               vh_ask_status_name(outcome->status), took, message ? message : "no reason given");
    else
        vh_log(VH_LOG_ENDED, G_LOG_LEVEL_MESSAGE, &fields,
               "%s: returned %s in %s%s%s, resident %s -> %s (%s)", name, returned, took,
               is_pass ? " by a pass that reported " : "", is_pass ? reported : "", before, after,
               vh_ask_status_name(outcome->status));
}

static const struct {
    GLogLevelFlags level;
    const char *before; /* the text of the event */
} watch_lines[] = {
    [VH_WATCH_CONNECTED] = {G_LOG_LEVEL_MESSAGE, "connected"},
    [VH_WATCH_LOST] = {G_LOG_LEVEL_WARNING, "connection lost: "},
    [VH_WATCH_HUNG] = {G_LOG_LEVEL_WARNING, ""},
    [VH_WATCH_RETURNED] = {G_LOG_LEVEL_MESSAGE, ""},
    [VH_WATCH_BAD_OVERRIDE] = {G_LOG_LEVEL_WARNING, "its metadata is ignored: "},
    [VH_WATCH_PERIOD_SET] = {G_LOG_LEVEL_INFO, ""},
    [VH_WATCH_RECOVERED] = {G_LOG_LEVEL_MESSAGE, ""},
    [VH_WATCH_TROUBLE] = {G_LOG_LEVEL_WARNING, ""},
    [VH_WATCH_ENDED] = {G_LOG_LEVEL_MESSAGE, "not followed any more: "},
};

void vh_log_watch_event(const char *uri, VhWatchEvent event, const char *name, const VhUuid *uuid,
                        const char *text)
{
    const VhLogFields fields = {.domain = name, .uuid = uuid, .decision = "watch"};
    const char *subject = name ? name : uri[0] ? uri : "libvirt";

    vh_log(VH_LOG_WATCH, watch_lines[event].level, &fields, "%s: %s%s", subject,
           watch_lines[event].before, text ? text : "");
}
