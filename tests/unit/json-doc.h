/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* docs/json.md as data, to hold documents against it. For tests only. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct JsonDoc JsonDoc;

/* Reads docs/json.md of the source tree; ends the test where it cannot. */
JsonDoc *json_doc_new(void);
void json_doc_free(JsonDoc *doc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonDoc, json_doc_free)

/*
 * Fails the test where the a{sv} has a key, at any depth, that its section does not list, or with
 * another type. Sections are named by their path: "domain", "domain.yield".
 */
void json_doc_check(JsonDoc *doc, const char *section, GVariant *document);

/* The same for one key, whatever its type. */
void json_doc_check_key(JsonDoc *doc, const char *section, const char *key);

/* Fails the test where the section lists a key that no checked document had. */
void json_doc_check_all_seen(JsonDoc *doc, const char *section);

G_END_DECLS
