/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps what a run saw and judges it. See demo-record.h. */
#include "demo-record.h"

#include <json-glib/json-glib.h>
#include <string.h>

static void verdict_clear(gpointer data)
{
    VhDemoVerdict *verdict = data;

    g_free(verdict->reason);
    g_free(verdict->text);
}

VhDemoRecord *vh_demo_record_new(const char *const *names, gboolean has_daemon,
                                 guint64 budget_bytes, gint64 interval_us)
{
    VhDemoRecord *record = g_new0(VhDemoRecord, 1);

    record->names = names;
    record->has_daemon = has_daemon;
    record->budget_bytes = budget_bytes;
    record->interval_us = interval_us;
    record->samples = g_array_new(FALSE, TRUE, sizeof(VhDemoSample));
    record->asks = g_array_new(FALSE, TRUE, sizeof(VhDemoAsk));
    for (guint i = 0; i < VH_DEMO_GUESTS; i++) {
        record->verdicts[i] = g_array_new(FALSE, TRUE, sizeof(VhDemoVerdict));
        g_array_set_clear_func(record->verdicts[i], verdict_clear);
    }
    return record;
}

void vh_demo_record_free(VhDemoRecord *record)
{
    if (!record)
        return;
    g_array_unref(record->samples);
    g_array_unref(record->asks);
    for (guint i = 0; i < VH_DEMO_GUESTS; i++)
        g_array_unref(record->verdicts[i]);
    g_free(record);
}

void vh_demo_record_sample(VhDemoRecord *record, const VhDemoSample *sample)
{
    VhDemoSample copy = *sample;

    copy.total_bytes = 0;
    for (guint i = 0; i < VH_DEMO_GUESTS; i++) {
        copy.total_bytes += copy.resident_bytes[i];
        record->peak_bytes[i] = MAX(record->peak_bytes[i], copy.resident_bytes[i]);
    }
    record->peak_total_bytes = MAX(record->peak_total_bytes, copy.total_bytes);
    g_array_append_val(record->samples, copy);
}

VhDemoAsk *vh_demo_record_ask(VhDemoRecord *record, guint64 id, guint guest, gint64 at_us)
{
    VhDemoAsk fresh = {.id = id, .guest = guest, .started_us = at_us};

    for (guint i = 0; i < record->asks->len; i++) {
        VhDemoAsk *ask = &g_array_index(record->asks, VhDemoAsk, i);

        if (ask->id == id)
            return ask;
    }
    g_array_append_val(record->asks, fresh);
    return &g_array_index(record->asks, VhDemoAsk, record->asks->len - 1);
}

void vh_demo_record_verdict(VhDemoRecord *record, guint guest, const char *reason, const char *text,
                            guint64 expected_bytes)
{
    GArray *verdicts = record->verdicts[guest];
    VhDemoVerdict *found = NULL;

    for (guint i = 0; i < verdicts->len && !found; i++) {
        VhDemoVerdict *verdict = &g_array_index(verdicts, VhDemoVerdict, i);

        if (g_str_equal(verdict->reason, reason))
            found = verdict;
    }
    if (!found) {
        VhDemoVerdict fresh = {.reason = g_strdup(reason), .text = g_strdup(text)};

        g_array_append_val(verdicts, fresh);
        found = &g_array_index(verdicts, VhDemoVerdict, verdicts->len - 1);
    }
    found->plans++;
    found->most_expected_bytes = MAX(found->most_expected_bytes, expected_bytes);
}

const VhDemoVerdict *vh_demo_record_main_verdict(const VhDemoRecord *record, guint guest,
                                                 guint64 expected_bytes)
{
    const GArray *verdicts = record->verdicts[guest];
    const VhDemoVerdict *best = NULL;

    for (guint i = 0; i < verdicts->len; i++) {
        const VhDemoVerdict *verdict = &g_array_index(verdicts, VhDemoVerdict, i);

        if (verdict->most_expected_bytes >= expected_bytes &&
            (!best || verdict->plans > best->plans))
            best = verdict;
    }
    return best;
}

gint64 vh_demo_record_longest_over_us(const VhDemoRecord *record)
{
    gint64 longest_us = 0, since_us = -1;

    for (guint i = 0; i < record->samples->len; i++) {
        const VhDemoSample *sample = &g_array_index(record->samples, VhDemoSample, i);
        gboolean is_over = sample->total_bytes > record->budget_bytes;

        if (since_us >= 0)
            longest_us = MAX(longest_us, sample->at_us - since_us);
        if (!is_over)
            since_us = -1;
        else if (since_us < 0)
            since_us = sample->at_us;
    }
    return longest_us;
}

gboolean vh_demo_record_held(const VhDemoRecord *record)
{
    return vh_demo_record_longest_over_us(record) <= 2 * record->interval_us;
}

void vh_demo_record_sums(const VhDemoRecord *record, int guest, guint *ret_asks,
                         guint64 *ret_asked_bytes, guint64 *ret_returned_bytes)
{
    *ret_asks = 0;
    *ret_asked_bytes = *ret_returned_bytes = 0;
    for (guint i = 0; i < record->asks->len; i++) {
        const VhDemoAsk *ask = &g_array_index(record->asks, VhDemoAsk, i);

        if (!ask->ended_us || (guest >= 0 && ask->guest != (guint)guest))
            continue;
        *ret_asks += 1;
        *ret_asked_bytes += ask->asked_bytes;
        *ret_returned_bytes += ask->returned_bytes;
    }
}

guint vh_demo_record_count(const VhDemoRecord *record, const char *method, gint64 *ret_slowest_us)
{
    guint n = 0;

    *ret_slowest_us = 0;
    for (guint i = 0; i < record->asks->len; i++) {
        const VhDemoAsk *ask = &g_array_index(record->asks, VhDemoAsk, i);

        if (ask->ended_us == 0 || !g_str_equal(ask->method, method))
            continue;
        *ret_slowest_us = MAX(*ret_slowest_us, ask->took_us);
        n++;
    }
    return n;
}

guint64 vh_demo_record_corrupted_bytes(const VhDemoRecord *record)
{
    guint64 sum = 0;

    for (guint i = 0; i < VH_DEMO_GUESTS; i++)
        sum += record->corrupted_bytes[i];
    return sum;
}

static void add_int(JsonBuilder *builder, const char *name, guint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, (gint64)MIN(value, G_MAXINT64));
}

static void add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void add_guest(JsonBuilder *builder, const VhDemoRecord *record, guint guest)
{
    const GArray *verdicts = record->verdicts[guest];
    guint64 asked, returned;
    guint asks;

    vh_demo_record_sums(record, (int)guest, &asks, &asked, &returned);
    json_builder_begin_object(builder);
    add_string(builder, "name", record->names[guest]);
    add_int(builder, "peak_bytes", record->peak_bytes[guest]);
    add_int(builder, "asks", asks);
    add_int(builder, "asked_bytes", asked);
    add_int(builder, "returned_bytes", returned);
    add_int(builder, "verified_pages", record->verified_pages[guest]);
    add_int(builder, "corrupted_bytes", record->corrupted_bytes[guest]);
    add_int(builder, "oom_kills", record->oom_kills[guest]);
    json_builder_set_member_name(builder, "left_alone");
    json_builder_begin_array(builder);
    for (guint i = 0; i < verdicts->len; i++) {
        const VhDemoVerdict *verdict = &g_array_index(verdicts, VhDemoVerdict, i);

        json_builder_begin_object(builder);
        add_string(builder, "reason", verdict->reason);
        add_int(builder, "plans", verdict->plans);
        add_int(builder, "most_expected_bytes", verdict->most_expected_bytes);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void add_asks(JsonBuilder *builder, const VhDemoRecord *record)
{
    json_builder_set_member_name(builder, "asks");
    json_builder_begin_array(builder);
    for (guint i = 0; i < record->asks->len; i++) {
        const VhDemoAsk *ask = &g_array_index(record->asks, VhDemoAsk, i);

        json_builder_begin_object(builder);
        add_string(builder, "guest", record->names[ask->guest]);
        add_int(builder, "started_us", (guint64)ask->started_us);
        add_int(builder, "ended_us", (guint64)ask->ended_us);
        add_int(builder, "asked_bytes", ask->asked_bytes);
        add_int(builder, "returned_bytes", ask->returned_bytes);
        add_string(builder, "method", ask->method);
        add_int(builder, "took_us", ask->took_us);
        add_string(builder, "status", ask->status);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_samples(JsonBuilder *builder, const VhDemoRecord *record)
{
    json_builder_set_member_name(builder, "samples");
    json_builder_begin_array(builder);
    for (guint i = 0; i < record->samples->len; i++) {
        const VhDemoSample *sample = &g_array_index(record->samples, VhDemoSample, i);

        json_builder_begin_object(builder);
        add_int(builder, "at_us", (guint64)sample->at_us);
        if (sample->level[0])
            add_string(builder, "level", sample->level);
        json_builder_set_member_name(builder, "resident_bytes");
        json_builder_begin_array(builder);
        for (guint guest = 0; guest < VH_DEMO_GUESTS; guest++)
            json_builder_add_int_value(builder, (gint64)sample->resident_bytes[guest]);
        json_builder_end_array(builder);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_run(JsonBuilder *builder, const char *name, const VhDemoRecord *record)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "held");
    json_builder_add_boolean_value(builder, vh_demo_record_held(record));
    add_int(builder, "longest_over_us", (guint64)vh_demo_record_longest_over_us(record));
    add_int(builder, "peak_bytes", record->peak_total_bytes);
    json_builder_set_member_name(builder, "guests");
    json_builder_begin_array(builder);
    for (guint i = 0; i < VH_DEMO_GUESTS; i++)
        add_guest(builder, record, i);
    json_builder_end_array(builder);
    if (record->has_daemon)
        add_asks(builder, record);
    add_samples(builder, record);
    json_builder_end_object(builder);
}

char *vh_demo_record_json(const VhDemoRecord *without, const VhDemoRecord *with)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    add_int(builder, "version", 1);
    add_int(builder, "budget_bytes", with->budget_bytes);
    add_int(builder, "interval_us", (guint64)with->interval_us);
    add_run(builder, "without", without);
    add_run(builder, "with", with);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, TRUE);
}
