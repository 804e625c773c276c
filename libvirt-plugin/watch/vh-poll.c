/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A poll as data, shared by the thread that carries it out and the watch that may lose patience.
 * Owns the lock between the two; must not call libvirt.
 */
#include "vh-poll-thread.h"

void vh_poll_found_free(VhPollFound *found)
{
    if (!found)
        return;
    g_free(found->override_error);
    g_free(found->record_error);
    g_free(found->told_error);
    g_clear_pointer(&found->xml, g_ref_string_release);
    g_free(found);
}

static void listed_free(gpointer data)
{
    VhPollListed *listed = data;

    g_free(listed->name);
    g_free(listed);
}

VhPoll *vh_poll_new(VhPollMode mode, const VhPollItem *items, guint n, gint64 stats_period_us,
                    VhMonitorRule monitor, gboolean keeps_xml)
{
    VhPoll *poll = g_new0(VhPoll, 1);

    poll->references = 1;
    poll->mode = mode;
    poll->stats_period_us = stats_period_us;
    poll->monitor = monitor;
    poll->keeps_xml = keeps_xml;
    poll->items = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, NULL, g_free);
    for (guint i = 0; i < n; i++) {
        VhPollItem *item = g_memdup2(&items[i], sizeof items[i]);

        g_hash_table_replace(poll->items, &item->uuid, item);
    }
    g_mutex_init(&poll->mutex);
    poll->results.found = g_ptr_array_new_with_free_func((GDestroyNotify)vh_poll_found_free);
    return poll;
}

VhPoll *vh_poll_ref(VhPoll *poll)
{
    g_atomic_int_inc(&poll->references);
    return poll;
}

void vh_poll_unref(VhPoll *poll)
{
    if (!g_atomic_int_dec_and_test(&poll->references))
        return;
    vh_poll_results_clear(&poll->results);
    g_hash_table_unref(poll->items);
    g_mutex_clear(&poll->mutex);
    g_free(poll);
}

void vh_poll_results_clear(VhPollResults *results)
{
    g_clear_pointer(&results->listed, g_ptr_array_unref);
    g_clear_pointer(&results->found, g_ptr_array_unref);
    g_clear_error(&results->error);
}

void vh_poll_peek(VhPoll *poll, VhPollPeek *ret_peek)
{
    g_mutex_lock(&poll->mutex);
    ret_peek->has_list = poll->results.listed != NULL;
    ret_peek->has_culprit = poll->results.has_culprit;
    ret_peek->culprit_us = poll->results.culprit_us;
    g_mutex_unlock(&poll->mutex);
}

void vh_poll_take(VhPoll *poll, VhPollResults *ret_results)
{
    g_mutex_lock(&poll->mutex);
    *ret_results = poll->results;
    poll->results = (VhPollResults){0};
    poll->is_taken = TRUE;
    g_mutex_unlock(&poll->mutex);
}

void vh_poll_put_list(VhPoll *poll, virDomainPtr *domains, int n)
{
    GPtrArray *listed = g_ptr_array_new_with_free_func(listed_free);

    for (int i = 0; i < n; i++) {
        VhPollListed *entry = g_new0(VhPollListed, 1);
        unsigned int id = virDomainGetID(domains[i]);

        entry->uuid = vh_libvirt_uuid(domains[i]);
        entry->name = g_strdup(virDomainGetName(domains[i]));
        entry->id = id == (unsigned int)-1 ? -1 : (int)id;
        g_ptr_array_add(listed, entry);
    }
    g_mutex_lock(&poll->mutex);
    if (!poll->is_taken)
        poll->results.listed = g_steal_pointer(&listed);
    g_mutex_unlock(&poll->mutex);
    if (listed)
        g_ptr_array_unref(listed);
}

void vh_poll_put_found(VhPoll *poll, VhPollFound *found)
{
    g_mutex_lock(&poll->mutex);
    poll->results.has_culprit = FALSE;
    if (!poll->is_taken)
        g_ptr_array_add(poll->results.found, g_steal_pointer(&found));
    g_mutex_unlock(&poll->mutex);
    vh_poll_found_free(found);
}

void vh_poll_enter(VhPoll *poll, const VhUuid *uuid, gboolean is_returning)
{
    g_mutex_lock(&poll->mutex);
    poll->results.has_culprit = TRUE;
    poll->results.culprit = *uuid;
    poll->results.culprit_us = g_get_monotonic_time();
    poll->results.is_returning = is_returning;
    g_mutex_unlock(&poll->mutex);
}

void vh_poll_fail(VhPoll *poll, gboolean is_lost, GError *error)
{
    g_mutex_lock(&poll->mutex);
    poll->results.has_culprit = FALSE;
    poll->results.is_lost = is_lost;
    if (!poll->is_taken && !poll->results.error)
        poll->results.error = g_steal_pointer(&error);
    g_mutex_unlock(&poll->mutex);
    g_clear_error(&error);
}

gboolean vh_poll_is_wanted(VhPoll *poll)
{
    gboolean is_wanted;

    g_mutex_lock(&poll->mutex);
    is_wanted = !poll->is_taken;
    g_mutex_unlock(&poll->mutex);
    return is_wanted;
}
