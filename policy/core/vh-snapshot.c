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
    snapshot->requests = g_array_new(FALSE, TRUE, sizeof(VhRequest));
    snapshot->nodes = g_array_new(FALSE, TRUE, sizeof(VhNode));
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
    g_array_unref(snapshot->requests);
    g_array_unref(snapshot->nodes);
    g_string_chunk_free(snapshot->strings);
    g_free(snapshot);
}

void vh_snapshot_clear(VhSnapshot *snapshot)
{
    VhSnapshot empty = {.domains = snapshot->domains,
                        .in_flight = snapshot->in_flight,
                        .ended = snapshot->ended,
                        .requests = snapshot->requests,
                        .nodes = snapshot->nodes,
                        .strings = snapshot->strings};

    *snapshot = empty;
    g_array_set_size(snapshot->domains, 0);
    g_array_set_size(snapshot->in_flight, 0);
    g_array_set_size(snapshot->ended, 0);
    g_array_set_size(snapshot->requests, 0);
    g_array_set_size(snapshot->nodes, 0);
    g_string_chunk_clear(snapshot->strings);
}

const char *vh_snapshot_string(VhSnapshot *snapshot, const char *text)
{
    return g_string_chunk_insert_const(snapshot->strings, text);
}

static void copy_array(GArray *to, const GArray *from)
{
    if (from->len > 0)
        g_array_append_vals(to, from->data, from->len);
}

void vh_snapshot_copy(VhSnapshot *to, const VhSnapshot *from)
{
    VhSnapshot copy = *from;

    vh_snapshot_clear(to);
    copy.domains = to->domains;
    copy.in_flight = to->in_flight;
    copy.ended = to->ended;
    copy.requests = to->requests;
    copy.nodes = to->nodes;
    copy.strings = to->strings;
    *to = copy;
    copy_array(to->domains, from->domains);
    copy_array(to->in_flight, from->in_flight);
    copy_array(to->ended, from->ended);
    copy_array(to->requests, from->requests);
    copy_array(to->nodes, from->nodes);
    for (guint i = 0; i < to->domains->len; i++) {
        VhDomain *domain = &g_array_index(to->domains, VhDomain, i);
        domain->uri = vh_snapshot_string(to, domain->uri);
        domain->name = vh_snapshot_string(to, domain->name);
    }
    for (guint i = 0; i < to->in_flight->len; i++) {
        VhInFlight *ask = &g_array_index(to->in_flight, VhInFlight, i);
        ask->uri = vh_snapshot_string(to, ask->uri);
    }
    for (guint i = 0; i < to->ended->len; i++) {
        VhEnded *ended = &g_array_index(to->ended, VhEnded, i);
        ended->uri = vh_snapshot_string(to, ended->uri);
    }
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

static gboolean is_named(const VhDomain *domain, const char *text, const VhUuid *uuid)
{
    char id[16];

    if (uuid)
        return vh_uuid_compare(&domain->uuid, uuid) == 0;
    g_snprintf(id, sizeof(id), "%d", domain->id);
    return g_str_equal(domain->name, text) || (domain->id >= 0 && g_str_equal(id, text));
}

static gboolean is_same(const VhDomain *domain, const VhDomain *other)
{
    return vh_uuid_compare(&domain->uuid, &other->uuid) == 0;
}

int vh_snapshot_find(const VhSnapshot *snapshot, const char *text, GError **error)
{
    VhUuid uuid;
    gboolean is_uuid = vh_uuid_parse(text, &uuid, NULL);
    int found = -1;

    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        if (!is_named(domain, text, is_uuid ? &uuid : NULL))
            continue;
        if (found >= 0 && !is_same(vh_snapshot_domain(snapshot, (guint)found), domain)) {
            g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                        "'%s' stands for several domains; give its UUID", text);
            return -1;
        }
        if (found < 0) /* of two copies the first is the running one */
            found = (int)i;
    }
    if (found < 0)
        g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                    "no domain '%s' is known; 'virthint list' shows which are", text);
    return found;
}
