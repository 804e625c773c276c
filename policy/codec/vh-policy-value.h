/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One value of the policy file, between JSON and the configuration's own types. Private to the
 * codec and its tests.
 */
#pragma once

#include "vh-policy-keys.h"

G_BEGIN_DECLS

/*
 * Reads a BOOL, COUNT, SIZE, DURATION, SHARE, AMOUNT, RATE, PATH, WORD or VERSION into the struct
 * that `base` points to. VH_ERROR_INVALID or VH_ERROR_UNSUPPORTED with "what is wrong; what would
 * be right", without a place.
 */
gboolean vh_policy_value_read(const VhPolicyKey *key, JsonNode *node, gpointer base,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The reverse, exact: reading it gives the same value; NULL for a path that is not set. Free with
 * json_node_unref(). */
JsonNode *vh_policy_value_write(const VhPolicyKey *key, gconstpointer base);

/* What the key takes, and its range, for people: "size", "1s to 10min". Free the range with
 * g_free(). */
const char *vh_policy_value_type(const VhPolicyKey *key);
char *vh_policy_value_range(const VhPolicyKey *key);

/* The words of all facts, NULL-terminated and static. Free the list with g_free(). */
const char **vh_policy_fact_names(void);

/* What kind of JSON value stands there, with an article: "a string". Static. */
const char *vh_policy_value_found(JsonNode *node);

G_END_DECLS
