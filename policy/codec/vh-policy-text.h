/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy file, from text to VhConfig: strict, whole, and with an error that helps. Works on
 * buffers; finding and reading files is policy/io's.
 */
#pragma once

#include "vh-config.h"

G_BEGIN_DECLS

/* One file's text. */
typedef struct {
    const char *name; /* for errors: its path */
    const char *text;
    gsize length;
} VhPolicyText;

/* Whether an expression can be used, with the namespaces of `config`: VH_ERROR_INVALID with "what
 * is wrong; what would be right", without a place. Who knows XPath passes it in. */
typedef gboolean (*VhPolicyXPathCheck)(const VhConfig *config, const char *xpath, GError **error);

/*
 * Merges the texts in their order over the built-in policy, checks the whole, and returns it.
 * Objects merge key by key ("classes" by class name, so that a later file may change one key of one
 * class); scalars replace; the first file's "match" and "schedule" lists come first, later ones are
 * appended behind them... none of it is ever ignored: an unknown key, a wrong unit or type, a value
 * out of range, an impossible order: VH_ERROR_INVALID, "FILE:LINE: /json/pointer: what is wrong;
 * what would be right"; another version of the format: VH_ERROR_UNSUPPORTED. No text at all is the
 * built-in policy. XPath expressions are checked by `check_xpath`.
 */
VhConfig *vh_policy_parse_checked(const VhPolicyText *texts, guint n_texts,
                                  VhPolicyXPathCheck check_xpath,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for those who evaluate no expression: they are taken as they are. */
VhConfig *vh_policy_parse(const VhPolicyText *texts, guint n_texts,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The policy in force as the JSON text of one file, every key written out. Free with g_free().
 * Parsing it gives an equal policy. */
char *vh_policy_format(const VhConfig *config);

G_END_DECLS
