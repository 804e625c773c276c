/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How documents look to people, where several commands show them. For the files of the commands. */
#pragma once

#include "vh-context.h"

G_BEGIN_DECLS

/* The table of `list` and `top` from aa{sv}. With `is_all` also domains that do not run.
 * `ret_is_empty` may be NULL. Free with g_free(), as all here. */
char *vh_show_domains(const VhContext *context, GVariant *domains, gboolean is_all,
                      gboolean *ret_is_empty);

/* "Pool (host): 12.4 GiB available of 31 GiB, level high (raised from low by psi-some), 1.2 GiB
 * needed", from a plan. No newline. */
char *vh_show_pool(const VhContext *context, GVariant *plan);

/* The asks in order, and the refusals with their reasons, from a plan. */
char *vh_show_asks(const VhContext *context, GVariant *plan);
char *vh_show_refusals(const VhContext *context, GVariant *plan);

/* Of a plan: whose reporting is switched, and the open requests; "" where there are none. */
char *vh_show_switches(const VhContext *context, GVariant *plan);
char *vh_show_open_requests(const VhContext *context, GVariant *plan);

/* Requests (aa{sv}) as a table; and one that is over, as a sentence. */
char *vh_show_requests(const VhContext *context, GVariant *requests);
char *vh_show_request(GVariant *request);

/* The numbers of a plan's explanations. */
char *vh_show_explanations(const VhContext *context, GVariant *plan);

/* How an ask ended, as a sentence: "done: 1.4 GiB came back of 1.5 GiB asked, in 2.1 s". */
char *vh_show_outcome(const VhContext *context, GVariant *outcome);

/* "web1: reporting is on, and in force", from a reporting document. No newline. */
char *vh_show_reporting(GVariant *reporting);

/* Any document: a line for each key, in its order; dictionaries are indented. */
char *vh_show_document(const VhContext *context, GVariant *document);

/* A moment (UTC, microseconds since 1970), in local time. */
char *vh_show_time(gint64 time_us);

/* How long ago it was, or how far ahead it is: "2 min 5 s". */
char *vh_show_distance(gint64 time_us);

G_END_DECLS
