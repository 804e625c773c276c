/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon tells, as the demo's record. See demo-daemon.h. */
#include "demo-daemon.h"

struct VhDemoDaemon {
    VhDemoRecord *record;
    gint64 start_us;
    VhChildDaemon *child;
    char level[16];
};

static int find_guest(const VhDemoRecord *record, const char *name)
{
    for (guint i = 0; i < VH_DEMO_GUESTS; i++) {
        if (g_strcmp0(record->names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

static gint64 now_us(const VhDemoDaemon *self)
{
    return g_get_monotonic_time() - self->start_us;
}

static guint64 lookup_bytes(GVariant *dict, const char *key)
{
    guint64 bytes = 0;

    g_variant_lookup(dict, key, "t", &bytes);
    return bytes;
}

static void ask_started(guint64 id, GVariant *doc, gpointer data)
{
    VhDemoDaemon *self = data;
    const char *name = NULL;
    VhDemoAsk *ask;
    int guest;

    g_variant_lookup(doc, "name", "&s", &name);
    guest = find_guest(self->record, name);
    if (guest < 0)
        return;
    ask = vh_demo_record_ask(self->record, id, (guint)guest, now_us(self));
    ask->asked_bytes = lookup_bytes(doc, "bytes");
}

static void ask_ended(guint64 id, GVariant *outcome, gpointer data)
{
    VhDemoDaemon *self = data;
    const char *status = "unknown", *method = "unknown";

    for (guint i = 0; i < self->record->asks->len; i++) {
        VhDemoAsk *ask = &g_array_index(self->record->asks, VhDemoAsk, i);

        if (ask->id != id)
            continue;
        g_variant_lookup(outcome, "status", "&s", &status);
        g_variant_lookup(outcome, "method", "&s", &method);
        g_variant_lookup(outcome, "duration_us", "x", &ask->took_us);
        ask->ended_us = now_us(self);
        ask->asked_bytes = MAX(ask->asked_bytes, lookup_bytes(outcome, "asked_bytes"));
        ask->returned_bytes = lookup_bytes(outcome, "returned_bytes");
        g_strlcpy(ask->status, status, sizeof(ask->status));
        g_strlcpy(ask->method, method, sizeof(ask->method));
    }
}

static void planned(GVariant *plan, gpointer data)
{
    VhDemoDaemon *self = data;
    g_autoptr(GVariant) refusals = NULL;
    const char *level = "";
    GVariantIter iter;
    GVariant *refusal;

    g_variant_lookup(plan, "level", "&s", &level);
    g_strlcpy(self->level, level, sizeof(self->level));
    refusals = g_variant_lookup_value(plan, "refusals", G_VARIANT_TYPE("aa{sv}"));
    if (!refusals)
        return;
    g_variant_iter_init(&iter, refusals);
    while ((refusal = g_variant_iter_next_value(&iter))) {
        const char *name = NULL, *reason = "unknown", *text = "";
        int guest;

        g_variant_lookup(refusal, "name", "&s", &name);
        g_variant_lookup(refusal, "reason", "&s", &reason);
        g_variant_lookup(refusal, "text", "&s", &text);
        guest = find_guest(self->record, name);
        if (guest >= 0)
            vh_demo_record_verdict(self->record, (guint)guest, reason, text,
                                   lookup_bytes(refusal, "expected_bytes"));
        g_variant_unref(refusal);
    }
}

VhDemoDaemon *vh_demo_daemon_start(const VhChildDaemonOptions *options, VhDemoRecord *record,
                                   gint64 start_us, GError **error)
{
    static const VhChildDaemonCallbacks callbacks = {ask_started, ask_ended, planned};
    g_autoptr(VhDemoDaemon) self = g_new0(VhDemoDaemon, 1);

    self->record = record;
    self->start_us = start_us;
    if (!(self->child = vh_child_daemon_start(options, &callbacks, self, error)))
        return NULL;
    return g_steal_pointer(&self);
}

void vh_demo_daemon_poll(VhDemoDaemon *self)
{
    vh_child_daemon_poll(self->child);
}

const char *vh_demo_daemon_level(const VhDemoDaemon *self)
{
    return self->level;
}

gboolean vh_demo_daemon_is_running(const VhDemoDaemon *self)
{
    return vh_child_daemon_is_running(self->child);
}

gboolean vh_demo_daemon_stop(VhDemoDaemon *self, GError **error)
{
    return vh_child_daemon_stop(self->child, error);
}

void vh_demo_daemon_free(VhDemoDaemon *self)
{
    if (!self)
        return;
    vh_child_daemon_free(self->child);
    g_free(self);
}
