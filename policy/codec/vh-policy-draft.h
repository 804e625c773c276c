/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy while it is being read: the configuration so far, who said what, and the classes that
 * were named before anybody defined them. Private to the policy parser.
 */
#pragma once

#include "vh-json-scan.h"
#include "vh-policy-text.h"
#include "vh-policy-value.h"

G_BEGIN_DECLS

/* A class that is named before it is known whether any text defines it. */
typedef struct {
    char *name;
    char *place; /* "FILE:LINE: /pointer" */
    guint *target;
} VhClassRef;

typedef struct {
    VhConfig *config;
    VhClass new_class;       /* what a class is before its keys are read */
    GPtrArray *matches;      /* VhMatch, owned: at fixed addresses, for VhClassRef */
    GPtrArray *schedules;    /* VhSchedule, owned: likewise */
    GPtrArray *xpath_places; /* of each match by XPath: "FILE:LINE: /pointer", owned */
    GPtrArray *refs;         /* VhClassRef, owned */
    GPtrArray *forbid;       /* VhClassRef of the last forbid_class, borrowed; NULL: none given */
    GHashTable *places;      /* by path: "FILE:LINE: /pointer" of whoever said it last */
    const char *file;        /* the text being read */
    VhJsonLines *lines;      /* of it */
} VhPolicyDraft;

void vh_policy_draft_init(VhPolicyDraft *draft);
void vh_policy_draft_clear(VhPolicyDraft *draft);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VhPolicyDraft, vh_policy_draft_clear)

/* When all texts are read: finds the classes that were named, has XPath expressions checked (NULL:
 * by nobody), and checks the whole. */
gboolean vh_policy_draft_finish(VhPolicyDraft *draft, VhPolicyXPathCheck check_xpath,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The path of a member. Free with g_free(). */
char *vh_policy_draft_path(const char *path, const char *name);

/* "FILE:LINE: /pointer". A key is foreign text: it stands in the pointer escaped, and cut where it
 * is long. Free with g_free(). */
char *vh_policy_draft_place(const VhPolicyDraft *draft, const char *path);

/* From now on, what stands at `path` was said here. */
void vh_policy_draft_remember(VhPolicyDraft *draft, const char *path);

/* Sets an error with its place in front; always FALSE. */
gboolean vh_policy_draft_refuse(const VhPolicyDraft *draft, const char *path, int code,
                                GError **error, const char *format, ...) G_GNUC_PRINTF(5, 6);

/* Whether it is an object, or an array. */
gboolean vh_policy_draft_require_type(const VhPolicyDraft *draft, const char *path, JsonNode *node,
                                      JsonNodeType type, GError **error);

/* The text of a string; NULL with an error for anything else. Borrowed. */
const char *vh_policy_draft_require_string(const VhPolicyDraft *draft, const char *path,
                                           JsonNode *node, const char *wanted, GError **error);

/* The index of a class that may be new: pointers into the classes end here. */
guint vh_policy_draft_class(VhPolicyDraft *draft, const char *name);

/* Names a class at `path`; its index goes to `target` (NULL: nowhere) in the end. Borrowed. */
VhClassRef *vh_policy_draft_refer(VhPolicyDraft *draft, const char *name, const char *path,
                                  guint *target);

/* The members of an object by the section's table, into the struct at `base`. */
gboolean vh_policy_read_members(VhPolicyDraft *draft, const VhPolicySection *section,
                                JsonNode *node, const char *path, gpointer base, GError **error);

/* The elements of an array, one after the other, each an object with the section's keys. */
typedef gboolean (*VhPolicyElementReader)(VhPolicyDraft *draft, const VhPolicySection *section,
                                          JsonNode *node, const char *path, GError **error);
gboolean vh_policy_draft_read_elements(VhPolicyDraft *draft, const VhPolicySection *section,
                                       JsonNode *node, const char *path, VhPolicyElementReader read,
                                       GError **error);

/* Reads the value of one kind of key. */
typedef gboolean (*VhPolicyReader)(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                   const char *path, gpointer base, GError **error);

gboolean vh_policy_read_classes(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                const char *path, gpointer base, GError **error);
gboolean vh_policy_read_matches(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                const char *path, gpointer base, GError **error);
gboolean vh_policy_read_class_name(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                   const char *path, gpointer base, GError **error);
gboolean vh_policy_read_glob(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                             const char *path, gpointer base, GError **error);
gboolean vh_policy_read_uuid(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                             const char *path, gpointer base, GError **error);
gboolean vh_policy_read_xpath(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                              const char *path, gpointer base, GError **error);
gboolean vh_policy_read_facts(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                              const char *path, gpointer base, GError **error);
gboolean vh_policy_read_namespaces(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                   const char *path, gpointer base, GError **error);
gboolean vh_policy_read_schedules(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                                  const char *path, gpointer base, GError **error);
gboolean vh_policy_read_when(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                             const char *path, gpointer base, GError **error);
gboolean vh_policy_read_set(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                            const char *path, gpointer base, GError **error);
gboolean vh_policy_read_allow(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                              const char *path, gpointer base, GError **error);
gboolean vh_policy_read_forbid(VhPolicyDraft *draft, const VhPolicyKey *key, JsonNode *node,
                               const char *path, gpointer base, GError **error);

G_END_DECLS
