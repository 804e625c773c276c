/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HMAC-SHA256 over names, and copies of data with the results. */
#include "vh-trace-hash.h"

#include "vh-policy-text.h"
#include "vh-treatment.h"

#include <string.h>

#define DIGEST_BYTES 32
#define TEXT_BYTES 12 /* of a digest that stand for a name: 2^-96 for two names to be one */

struct VhTraceHash {
    guint8 key[VH_TRACE_KEY_BYTES];
    GHashTable *classes; /* VhUuid, hashed -> index of a class + 1 */
    gboolean has_changed;
};

VhTraceHash *vh_trace_hash_new(const guint8 key[VH_TRACE_KEY_BYTES])
{
    VhTraceHash *hash = g_new0(VhTraceHash, 1);

    memcpy(hash->key, key, VH_TRACE_KEY_BYTES);
    hash->classes = g_hash_table_new_full(vh_uuid_hash, vh_uuid_equal, g_free, NULL);
    return hash;
}

void vh_trace_hash_free(VhTraceHash *hash)
{
    if (!hash)
        return;
    memset(hash->key, 0, sizeof(hash->key));
    g_hash_table_unref(hash->classes);
    g_free(hash);
}

static void digest(const VhTraceHash *hash, gconstpointer data, gsize length,
                   guint8 ret_digest[DIGEST_BYTES])
{
    g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, hash->key, sizeof(hash->key));
    gsize n = DIGEST_BYTES;

    g_hmac_update(hmac, data, (gssize)length);
    g_hmac_get_digest(hmac, ret_digest, &n);
}

VhUuid vh_trace_hash_uuid(const VhTraceHash *hash, const VhUuid *uuid)
{
    guint8 bytes[DIGEST_BYTES];
    VhUuid hashed;

    digest(hash, uuid->bytes, sizeof(uuid->bytes), bytes);
    memcpy(hashed.bytes, bytes, sizeof(hashed.bytes));
    return hashed;
}

char *vh_trace_hash_text(const VhTraceHash *hash, const char *text)
{
    guint8 bytes[DIGEST_BYTES];
    GString *hex = g_string_new("h");

    digest(hash, text, strlen(text), bytes);
    for (guint i = 0; i < TEXT_BYTES; i++)
        g_string_append_printf(hex, "%02x", bytes[i]);
    return g_string_free(hex, FALSE);
}

/* Into the string store of the copy. */
static const char *take_text(const VhTraceHash *hash, VhSnapshot *to, const char *text)
{
    g_autofree char *hashed = vh_trace_hash_text(hash, text);

    return vh_snapshot_string(to, hashed);
}

static char *domain_key(const VhUuid *uuid, const char *uri)
{
    char text[VH_UUID_TEXT];

    return g_strconcat(vh_uuid_format(uuid, text), " ", uri, NULL);
}

static void hash_asks(const VhTraceHash *hash, VhSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->in_flight->len; i++) {
        VhInFlight *ask = &g_array_index(snapshot->in_flight, VhInFlight, i);
        ask->uuid = vh_trace_hash_uuid(hash, &ask->uuid);
        ask->uri = take_text(hash, snapshot, ask->uri);
    }
    for (guint i = 0; i < snapshot->ended->len; i++) {
        VhEnded *ended = &g_array_index(snapshot->ended, VhEnded, i);
        ended->uuid = vh_trace_hash_uuid(hash, &ended->uuid);
        ended->uri = take_text(hash, snapshot, ended->uri);
    }
}

/* A copy that is sorted, and where each guest comes from: its index in the old one. */
static void hash_snapshot(const VhTraceHash *hash, const VhSnapshot *from, VhSnapshot *to,
                          guint *ret_old)
{
    g_autoptr(GHashTable) places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    vh_snapshot_copy(to, from);
    hash_asks(hash, to);
    for (guint i = 0; i < vh_snapshot_n_domains(to); i++) {
        VhDomain *domain = &g_array_index(to->domains, VhDomain, i);
        domain->uuid = vh_trace_hash_uuid(hash, &domain->uuid);
        domain->uri = take_text(hash, to, domain->uri);
        domain->name = take_text(hash, to, domain->name);
        domain->xpath_hits = domain->xpath_unknown = 0;
        g_hash_table_insert(places, domain_key(&domain->uuid, domain->uri), GUINT_TO_POINTER(i));
    }
    vh_snapshot_sort(to);
    for (guint i = 0; i < vh_snapshot_n_domains(to); i++) {
        const VhDomain *domain = vh_snapshot_domain(to, i);
        g_autofree char *key = domain_key(&domain->uuid, domain->uri);
        ret_old[i] = GPOINTER_TO_UINT(g_hash_table_lookup(places, key));
    }
}

void vh_trace_hash_cycle(const VhTraceHash *hash, const VhSnapshot *snapshot, const VhPlan *plan,
                         VhSnapshot *ret_snapshot, VhPlan *ret_plan)
{
    guint n = vh_snapshot_n_domains(snapshot);
    g_autofree guint *old = g_new0(guint, n + 1), *new = g_new0(guint, n + 1);
    const VhPlan storage = *ret_plan;

    hash_snapshot(hash, snapshot, ret_snapshot, old);
    vh_plan_clear(ret_plan);
    *ret_plan = *plan;
    ret_plan->actions = storage.actions;
    ret_plan->toggles = storage.toggles;
    ret_plan->verdicts = storage.verdicts;
    for (guint i = 0; i < n; i++) {
        new[old[i]] = i;
        if (old[i] < plan->verdicts->len) {
            VhVerdict verdict = g_array_index(plan->verdicts, VhVerdict, old[i]);
            verdict.domain = i;
            g_array_append_val(ret_plan->verdicts, verdict);
        }
    }
    for (guint i = 0; i < plan->actions->len; i++) {
        VhAction action = g_array_index(plan->actions, VhAction, i);
        action.domain = new[action.domain];
        action.uuid = vh_trace_hash_uuid(hash, &action.uuid);
        g_array_append_val(ret_plan->actions, action);
    }
    for (guint i = 0; i < plan->toggles->len; i++) {
        VhToggle toggle = g_array_index(plan->toggles, VhToggle, i);
        toggle.domain = new[toggle.domain];
        toggle.uuid = vh_trace_hash_uuid(hash, &toggle.uuid);
        g_array_append_val(ret_plan->toggles, toggle);
    }
}

void vh_trace_hash_state(const VhTraceHash *hash, const VhState *state, VhState *ret_state)
{
    g_array_set_size(ret_state->guests, 0);
    vh_state_copy_pool(ret_state, state);
    for (guint i = 0; i < state->guests->len; i++) {
        VhGuestState guest = g_array_index(state->guests, VhGuestState, i);
        guest.uuid = vh_trace_hash_uuid(hash, &guest.uuid);
        *vh_state_get(ret_state, &guest.uuid) = guest;
    }
}

/* Takes note of the class that each guest is in by the policy's matches. */
static void note_classes(VhTraceHash *hash, const VhConfig *config, const VhSnapshot *snapshot)
{
    for (guint i = 0; i < vh_snapshot_n_domains(snapshot); i++) {
        const VhDomain *domain = vh_snapshot_domain(snapshot, i);
        VhUuid uuid = vh_trace_hash_uuid(hash, &domain->uuid);
        int match = vh_treatment_match(config, domain);
        guint class = match < 0 ? 0 : config->matches[match].class_index + 1;
        if (GPOINTER_TO_UINT(g_hash_table_lookup(hash->classes, &uuid)) == class)
            continue;
        g_hash_table_insert(hash->classes, g_memdup2(&uuid, sizeof(uuid)), GUINT_TO_POINTER(class));
        hash->has_changed = TRUE;
    }
}

static int compare_uuids(gconstpointer a, gconstpointer b)
{
    return vh_uuid_compare(*(const VhUuid *const *)a, *(const VhUuid *const *)b);
}

static void clear_matches(VhConfig *config)
{
    for (guint i = 0; i < config->n_matches; i++) {
        g_free(config->matches[i].name_glob);
        g_free(config->matches[i].xpath);
    }
    g_clear_pointer(&config->matches, g_free);
    config->n_matches = 0;
    for (guint i = 0; i < config->n_namespaces; i++) {
        g_free(config->namespaces[i].prefix);
        g_free(config->namespaces[i].uri);
    }
    g_clear_pointer(&config->namespaces, g_free);
    config->n_namespaces = 0;
}

VhConfig *vh_trace_hash_config(VhTraceHash *hash, const VhConfig *config,
                               const VhSnapshot *snapshot, gboolean is_needed)
{
    guint n;

    if (is_needed)
        g_hash_table_remove_all(hash->classes); /* the classes may be others now */
    note_classes(hash, config, snapshot);
    if (!hash->has_changed && !is_needed)
        return NULL;
    hash->has_changed = FALSE;
    g_autofree char *text = vh_policy_format(config);
    const VhPolicyText policy = {"policy", text, strlen(text)};
    VhConfig *copy = vh_policy_parse(&policy, 1, NULL);
    g_return_val_if_fail(copy, NULL); /* it was parsed from such a text before */
    copy->model.without = config->model.without;
    clear_matches(copy);
    g_autofree gpointer *uuids = g_hash_table_get_keys_as_array(hash->classes, &n);
    qsort(uuids, n, sizeof(*uuids), compare_uuids);
    copy->matches = g_new0(VhMatch, n);
    for (guint i = 0; i < n; i++) {
        guint class = GPOINTER_TO_UINT(g_hash_table_lookup(hash->classes, uuids[i]));
        if (class == 0 || class > copy->n_classes)
            continue;
        copy->matches[copy->n_matches++] = (VhMatch){
            .kind = VH_MATCH_UUID, .uuid = *(const VhUuid *)uuids[i], .class_index = class - 1};
    }
    return copy;
}
