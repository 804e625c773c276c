/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of domains. Owns what is kept between polls and which change is told; must not call
 * libvirt, look at a clock, or know about connections.
 */
#include "vh-entries.h"

#include "vh-units.h"
#include "vh-view.h"

#include <string.h>

/* Between two tries to mend a domain, two looks at why its figures do not move, and two questions
 * to its QEMU. */
#define AGAIN_US (10 * VH_SEC)
#define HUNG_TEXT "its QEMU does not answer: set aside until it does"

typedef struct {
    VhUuid uuid;
    char *name;
    int id;
    gboolean is_known;   /* XML and metadata are up to date */
    gboolean has_static; /* they were read once */
    VhStats stats;
    VhProbe probe;
    gboolean has_told; /* its QEMU did, of its reporting */
    gboolean is_stock; /* ... that it knows nothing of it */
    VhReportingInfo reporting;
    gint64 told_us; /* when it was last asked for that */
    char *told_error;
    VhOverride override;
    char *override_error;
    char *xml;              /* a GRefString; NULL: not kept */
    gint64 period_since_us; /* UTC: since when we know of a stats period; 0: there is none */
    gint64 looked_us;       /* when its figures were last found to be old */
    gboolean is_hung;
    gint64 hung_since_us;
    gboolean has_job;
    gboolean has_record;
    VhInFlightRecord record;
    char *record_error;
    gboolean is_mending;
    gint64 mend_after_us;
} Entry;

struct VhEntries {
    gboolean has_list; /* at least once */
    gboolean keeps_xml;
    GHashTable *table; /* VhUuid -> Entry */
    VhEntriesEvent event;
    gpointer data;
};

static void entry_free(gpointer data)
{
    Entry *entry = data;

    g_free(entry->name);
    g_free(entry->override_error);
    g_free(entry->record_error);
    g_free(entry->told_error);
    g_clear_pointer(&entry->xml, g_ref_string_release);
    g_free(entry);
}

VhEntries *vh_entries_new(VhEntriesEvent event, gpointer data)
{
    VhEntries *entries = g_new0(VhEntries, 1);

    entries->table = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, NULL, entry_free);
    entries->event = event;
    entries->data = data;
    return entries;
}

void vh_entries_free(VhEntries *entries)
{
    if (!entries)
        return;
    g_hash_table_unref(entries->table);
    g_free(entries);
}

static void tell(VhEntries *entries, VhWatchEvent event, const Entry *entry, const char *text)
{
    entries->event(event, entry->name, &entry->uuid, text, entries->data);
}

/* Another run of the domain: what the last one did says nothing. */
static void start_over(Entry *entry)
{
    entry->is_known = FALSE;
    entry->is_hung = FALSE;
    entry->has_job = FALSE;
    entry->has_record = FALSE;
    entry->has_told = FALSE;
    g_clear_pointer(&entry->xml, g_ref_string_release);
    entry->period_since_us = 0;
    entry->stats = (VhStats){0};
}

static void merge_list(VhEntries *entries, const GPtrArray *listed)
{
    g_autoptr(GHashTable) there = g_hash_table_new(vh_uuid_hash, vh_uuid_equal);
    GHashTableIter iter;
    gpointer uuid;

    for (guint i = 0; i < listed->len; i++) {
        VhPollListed *item = listed->pdata[i];
        Entry *entry = g_hash_table_lookup(entries->table, &item->uuid);

        g_hash_table_add(there, &item->uuid);
        if (!entry) {
            entry = g_new0(Entry, 1);
            entry->uuid = item->uuid;
            entry->id = item->id;
            g_hash_table_insert(entries->table, &entry->uuid, entry);
        }
        if (entry->id != item->id)
            start_over(entry);
        entry->id = item->id;
        g_free(entry->name);
        entry->name = g_strdup(item->name);
    }
    g_hash_table_iter_init(&iter, entries->table);
    while (g_hash_table_iter_next(&iter, &uuid, NULL)) {
        if (!g_hash_table_contains(there, uuid))
            g_hash_table_iter_remove(&iter);
    }
}

/* Replaces *text by a copy of `fresh`; whether that is news worth telling. */
static gboolean renew_text(char **text, const char *fresh)
{
    gboolean is_news = fresh && g_strcmp0(*text, fresh) != 0;

    g_free(*text);
    *text = g_strdup(fresh);
    return is_news;
}

/* The same text stays the same string: whoever goes by it need not look again. */
static void merge_xml(Entry *entry, char *xml)
{
    if (xml && entry->xml && strcmp(entry->xml, xml) == 0)
        return;
    g_clear_pointer(&entry->xml, g_ref_string_release);
    if (xml)
        entry->xml = g_ref_string_acquire(xml);
}

static void merge_static(VhEntries *entries, Entry *entry, const VhPollFound *found,
                         gint64 now_wall_us)
{
    entry->is_known = TRUE;
    entry->has_static = TRUE;
    entry->probe = found->probe;
    entry->has_told = entry->has_told && found->probe.has_passes;
    entry->override = found->override;
    if (entries->keeps_xml) {
        merge_xml(entry, found->xml);
        /* a poll that began before anybody wanted XML has none */
        entry->is_known = entry->xml != NULL;
    }
    entry->has_record = found->has_record;
    entry->record = found->record;
    if (found->probe.stats_period_us == 0 || found->period_was_set)
        entry->period_since_us = 0;
    if (found->probe.stats_period_us > 0 && entry->period_since_us == 0)
        entry->period_since_us = now_wall_us;
    if (found->period_was_set)
        tell(entries, VH_WATCH_PERIOD_SET, entry, "a stats period was set, where there was none");
    if (renew_text(&entry->override_error, found->override_error))
        tell(entries, VH_WATCH_BAD_OVERRIDE, entry, entry->override_error);
    if (renew_text(&entry->record_error, found->record_error))
        tell(entries, VH_WATCH_TROUBLE, entry, entry->record_error);
}

/* A QEMU that does not answer now is still what it was. */
static void merge_told(VhEntries *entries, Entry *entry, const VhPollFound *found, gint64 now_us)
{
    if (found->told == VH_POLL_NOT_ASKED)
        return;
    entry->told_us = now_us;
    if (found->told == VH_POLL_NO_ANSWER) {
        if (renew_text(&entry->told_error, found->told_error))
            tell(entries, VH_WATCH_TROUBLE, entry, entry->told_error);
        return;
    }
    g_clear_pointer(&entry->told_error, g_free);
    entry->has_told = TRUE;
    entry->is_stock = found->told == VH_POLL_STOCK;
    entry->reporting = found->reporting;
}

/* Figures that stopped moving: perhaps somebody took the stats period away, which no event tells.
 */
static void look_at_age(Entry *entry, gint64 now_us, gint64 now_wall_us)
{
    gint64 limit_us = 3 * entry->probe.stats_period_us + 2 * VH_SEC;

    if (entry->stats.state != VIR_DOMAIN_RUNNING || entry->stats.last_update_us == 0 ||
        now_wall_us - entry->stats.last_update_us <= limit_us ||
        now_us - entry->looked_us < AGAIN_US)
        return;
    entry->looked_us = now_us;
    entry->is_known = FALSE;
}

static void merge_found(VhEntries *entries, Entry *entry, const VhPollFound *found, gint64 now_us,
                        gint64 now_wall_us)
{
    if (entry->is_hung) {
        entry->is_hung = FALSE;
        /* Its metadata may have changed without anybody being able to tell. */
        entry->is_known = FALSE;
        tell(entries, VH_WATCH_RETURNED, entry, "its QEMU answers again");
    }
    entry->stats = found->stats;
    entry->has_job = found->has_job;
    if (found->has_static)
        merge_static(entries, entry, found, now_wall_us);
    merge_told(entries, entry, found, now_us);
    /* Only a driver that could have answered, and did not, is none. */
    if (entry->stats.state != VIR_DOMAIN_RUNNING && entry->period_since_us > 0)
        entry->period_since_us = now_wall_us;
    vh_probe_apply_stats(&entry->probe, &entry->stats, entry->period_since_us, now_wall_us);
    if (entry->has_told)
        vh_probe_apply_reporting(&entry->probe, entry->is_stock ? NULL : &entry->reporting);
    look_at_age(entry, now_us, now_wall_us);
}

static void mark_hung(VhEntries *entries, Entry *entry, gint64 now_us, const char *text)
{
    if (entry->is_hung || entry->id < 0)
        return;
    entry->is_hung = TRUE;
    entry->hung_since_us = now_us;
    tell(entries, VH_WATCH_HUNG, entry, text);
}

void vh_entries_merge(VhEntries *entries, const VhPollResults *results, gint64 now_us,
                      gint64 now_wall_us)
{
    if (results->listed)
        merge_list(entries, results->listed);
    entries->has_list = entries->has_list || results->listed;
    for (guint i = 0; results->found && i < results->found->len; i++) {
        const VhPollFound *found = results->found->pdata[i];
        Entry *entry = g_hash_table_lookup(entries->table, &found->uuid);

        if (!entry)
            continue;
        if (found->is_hung && found->has_static)
            merge_static(entries, entry, found, now_wall_us);
        if (found->is_hung)
            mark_hung(entries, entry, now_us,
                      found->is_arriving
                          ? "a migration is bringing it: set aside until it has arrived"
                          : HUNG_TEXT);
        else
            merge_found(entries, entry, found, now_us, now_wall_us);
    }
}

void vh_entries_mark_hung(VhEntries *entries, const VhUuid *uuid, gint64 now_us)
{
    Entry *entry = g_hash_table_lookup(entries->table, uuid);

    if (entry)
        mark_hung(entries, entry, now_us, HUNG_TEXT);
}

void vh_entries_mark_dirty(VhEntries *entries, const VhUuid *uuid)
{
    GHashTableIter iter;
    gpointer value;
    Entry *entry;

    if (uuid) {
        entry = g_hash_table_lookup(entries->table, uuid);
        if (entry)
            entry->is_known = FALSE;
        return;
    }
    g_hash_table_iter_init(&iter, entries->table);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        ((Entry *)value)->is_known = FALSE;
}

void vh_entries_set_keeps_xml(VhEntries *entries, gboolean keeps_xml)
{
    GHashTableIter iter;
    gpointer value;

    if (entries->keeps_xml == keeps_xml)
        return;
    entries->keeps_xml = keeps_xml;
    if (keeps_xml)
        vh_entries_mark_dirty(entries, NULL);
    g_hash_table_iter_init(&iter, entries->table);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_clear_pointer(&((Entry *)value)->xml, g_ref_string_release);
}

void vh_entries_forget_told(VhEntries *entries)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, entries->table);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        ((Entry *)value)->has_told = FALSE;
    vh_entries_mark_dirty(entries, NULL);
}

GArray *vh_entries_plan(const VhEntries *entries, gint64 now_us)
{
    GArray *plan = g_array_new(FALSE, FALSE, sizeof(VhPollItem));
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, entries->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Entry *entry = value;
        VhPollItem item = {
            .uuid = entry->uuid,
            .is_known = entry->is_known,
            .is_quarantined = entry->is_hung,
            .is_due = entry->probe.has_passes && now_us - entry->told_us >= AGAIN_US,
        };

        g_array_append_val(plan, item);
    }
    return plan;
}

VhWatchView *vh_entries_view(const VhEntries *entries)
{
    VhWatchView *view = vh_view_new(g_hash_table_size(entries->table));
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, entries->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Entry *entry = value;
        VhWatchDomain domain = {
            .uuid = entry->uuid,
            .name = entry->name,
            .id = entry->id,
            .stats = entry->stats,
            .probe = entry->probe,
            .override = entry->override,
            .override_error = entry->override_error,
            .is_hung = entry->is_hung,
            .hung_since_us = entry->is_hung ? entry->hung_since_us : 0,
            .has_job = entry->has_job,
            .has_in_flight = entry->has_record || entry->record_error,
            .xml = entry->xml,
            .knows_reporting = entry->has_told && !entry->is_stock,
            .is_reporting = entry->has_told && !entry->is_stock && entry->reporting.is_enabled,
        };

        if (entry->has_static)
            vh_view_add(view, &domain);
    }
    vh_view_seal(view);
    return view;
}

gboolean vh_entries_next_to_mend(VhEntries *entries, gint64 now_us, gint64 now_wall_us,
                                 VhUuid *ret_uuid)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, entries->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Entry *entry = value;

        if (!entry->has_record || entry->is_mending || entry->is_hung ||
            now_us < entry->mend_after_us || vh_in_flight_is_live(&entry->record, now_wall_us))
            continue;
        entry->is_mending = TRUE;
        *ret_uuid = entry->uuid;
        return TRUE;
    }
    return FALSE;
}

void vh_entries_mended(VhEntries *entries, const VhUuid *uuid, gboolean restored,
                       const GError *error, gint64 now_us)
{
    Entry *entry = g_hash_table_lookup(entries->table, uuid);

    if (!entry)
        return;
    entry->is_mending = FALSE;
    entry->is_known = FALSE;
    entry->mend_after_us = now_us + AGAIN_US;
    if (!error) {
        entry->has_record = FALSE;
        tell(entries, VH_WATCH_RECOVERED, entry,
             restored ? "an interrupted ask had left its balloon down: it was put back"
                      : "of an interrupted ask nothing was left to put back: the balloon was where "
                        "it had been, or somebody else has set it since");
    } else if (error->code != VH_ERROR_BUSY) {
        g_autofree char *text =
            g_strdup_printf("an interrupted ask could not be put back yet: %s", error->message);

        tell(entries, VH_WATCH_TROUBLE, entry, text);
    }
}

gboolean vh_entries_are_complete(const VhEntries *entries)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, entries->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Entry *entry = value;

        if (!entry->has_static && !entry->is_hung)
            return FALSE;
    }
    return entries->has_list;
}

guint vh_entries_count_running(const VhEntries *entries)
{
    GHashTableIter iter;
    gpointer value;
    guint n = 0;

    g_hash_table_iter_init(&iter, entries->table);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        n += ((Entry *)value)->id >= 0;
    return n;
}

gboolean vh_entries_has(const VhEntries *entries, const VhUuid *uuid)
{
    return g_hash_table_contains(entries->table, uuid);
}
