/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of a record, read by the tables. Private to the trace. */
#pragma once

#include "vh-trace-keys.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What the values of a record refer to. */
typedef struct {
    VhConfig *config;       /* as recorded: names of classes */
    const VhConfig *target; /* whose expressions count; NULL: those of `config` */
    VhSnapshot *snapshot;   /* whose string store takes all texts */
} VhTraceContext;

/* The value being read, and the way to it, for messages. */
typedef struct VhTracePlace VhTracePlace;
struct VhTracePlace {
    const VhTracePlace *parent;
    const char *key; /* NULL: an element of an array */
    guint index;
};

/* "/domains/3/name: what is wrong"; always FALSE. */
gboolean vh_trace_refuse(const VhTracePlace *place, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* The same, where some key of the object is neither of the section (may be NULL) nor of the others
 * (may be NULL). */
gboolean vh_trace_refuse_unknown(const VhTraceSection *section, JsonObject *object,
                                 const char *const *others, const VhTracePlace *place,
                                 GError **error);

/* How many of the names are keys of the object; NULL: none. */
guint vh_trace_count_members(JsonObject *object, const char *const *names);

/* Borrowed; NULL with an error. */
JsonArray *vh_trace_read_array(JsonNode *node, const VhTracePlace *place, GError **error);
JsonObject *vh_trace_read_object(JsonNode *node, const VhTracePlace *place, GError **error);

gboolean vh_trace_read_integer(JsonNode *node, const VhTracePlace *place, gint64 least, gint64 most,
                               gint64 *ret_value, GError **error);
gboolean vh_trace_read_text(VhTraceContext *context, JsonNode *node, const VhTracePlace *place,
                            const char **ret_text, GError **error);

/* Which of the words it is; -1 with an error. */
int vh_trace_read_word(JsonNode *node, const VhTraceWords *words, const VhTracePlace *place,
                       GError **error);

/* Appends to the list. */
gboolean vh_trace_read_list(VhTraceContext *context, const VhTraceSection *section, JsonNode *node,
                            const VhTracePlace *place, GArray *list, GError **error);

/* The members of an object into the struct at `base`, whose bytes are zero. `others` are keys
 * beside the section's, which the caller reads. */
gboolean vh_trace_read_section(VhTraceContext *context, const VhTraceSection *section,
                               JsonObject *object, const char *const *others,
                               const VhTracePlace *place, gpointer base, GError **error);

G_END_DECLS
