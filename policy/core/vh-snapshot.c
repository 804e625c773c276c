/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage and order of a snapshot. */
#include "vh-snapshot.h"

#include <string.h>

VhSnapshot *vh_snapshot_new(void)
{
    VhSnapshot *snapshot = g_new0(VhSnapshot, 1);
    snapshot->domains = g_array_new(FALSE, TRUE, sizeof(VhDomain));
    snapshot->in_flight = g_array_new(FALSE, TRUE, sizeof(VhInFlight));
    snapshot->ended = g_array_new(FALSE, TRUE, sizeof(VhEnded));
    snapshot->strings = g_string_chunk_new(4096);
    return snapshot;
}

void vh_snapshot_free(VhSnapshot *snapshot)
{
    if (!snapshot)
        return;
    g_array_unref(snapshot->domains);
    g_array_unref(snapshot->in_flight);
    g_array_unref(snapshot->ended);
    g_string_chunk_free(snapshot->strings);
    g_free(snapshot);
}

void vh_snapshot_clear(VhSnapshot *snapshot)
{
    g_array_set_size(snapshot->domains, 0);
    g_array_set_size(snapshot->in_flight, 0);
    g_array_set_size(snapshot->ended, 0);
    g_string_chunk_clear(snapshot->strings);
    snapshot->now_us = snapshot->wall_us = 0;
    snapshot->mem_total_bytes = snapshot->mem_available_bytes = 0;
}

const char *vh_snapshot_string(VhSnapshot *snapshot, const char *text)
{
    return g_string_chunk_insert_const(snapshot->strings, text);
}

VhDomain *vh_snapshot_add_domain(VhSnapshot *snapshot, const VhUuid *uuid, const char *uri,
                                 const char *name)
{
    VhDomain domain = {.uuid = *uuid,
                       .uri = vh_snapshot_string(snapshot, uri),
                       .name = vh_snapshot_string(snapshot, name),
                       .id = -1};

    g_array_append_val(snapshot->domains, domain);
    return &g_array_index(snapshot->domains, VhDomain, snapshot->domains->len - 1);
}

static int compare_domains(gconstpointer a, gconstpointer b)
{
    const VhDomain *left = a, *right = b;
    int order = vh_uuid_compare(&left->uuid, &right->uuid);

    if (order == 0)
        order = (right->is_running ? 1 : 0) - (left->is_running ? 1 : 0);
    return order != 0 ? order : strcmp(left->uri, right->uri);
}

static int compare_in_flight(gconstpointer a, gconstpointer b)
{
    const VhInFlight *left = a, *right = b;
    int order = vh_uuid_compare(&left->uuid, &right->uuid);

    if (order == 0)
        order = strcmp(left->uri, right->uri);
    return order != 0 ? order : (left->id > right->id) - (left->id < right->id);
}

void vh_snapshot_sort(VhSnapshot *snapshot)
{
    g_array_sort(snapshot->domains, compare_domains);
    g_array_sort(snapshot->in_flight, compare_in_flight);
}
