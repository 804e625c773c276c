/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recording that may be given away: names, connections and UUIDs as keyed hashes. Equal ones stay
 * equal within a recording; without the key nobody can try out names.
 */
#pragma once

#include "vh-config.h"
#include "vh-plan.h"
#include "vh-snapshot.h"
#include "vh-state.h"

G_BEGIN_DECLS

#define VH_TRACE_KEY_BYTES 32

typedef struct VhTraceHash VhTraceHash;

/* The key should be random, and known to nobody. */
VhTraceHash *vh_trace_hash_new(const guint8 key[VH_TRACE_KEY_BYTES]);
void vh_trace_hash_free(VhTraceHash *hash);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhTraceHash, vh_trace_hash_free)

VhUuid vh_trace_hash_uuid(const VhTraceHash *hash, const VhUuid *uuid);

/* "h" and hexadecimal digits. Free with g_free(). */
char *vh_trace_hash_text(const VhTraceHash *hash, const char *text);

/*
 * Copies of a cycle's data with hashes. The guests are sorted by their new UUIDs, and the plan
 * refers to them there. What XPath found is left out: expressions may name things, and
 * vh_trace_hash_config() tells by other means which class a guest is in.
 */
void vh_trace_hash_cycle(const VhTraceHash *hash, const VhSnapshot *snapshot, const VhPlan *plan,
                         VhSnapshot *ret_snapshot, VhPlan *ret_plan);
void vh_trace_hash_state(const VhTraceHash *hash, const VhState *state, VhState *ret_state);

/*
 * The policy with its matches and namespaces replaced by one match by (hashed) UUID for each guest
 * that the policy's own matches put into a class. Remembers guests from call to call. With
 * `is_needed`, as when the policy is another one, it begins anew; else NULL where nothing has
 * changed since the last call.
 */
VhConfig *vh_trace_hash_config(VhTraceHash *hash, const VhConfig *config,
                               const VhSnapshot *snapshot, gboolean is_needed);

G_END_DECLS
