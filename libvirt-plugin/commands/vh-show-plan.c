/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What else a plan tells: requests, switches of reporting, and the numbers behind each verdict. */
#include "vh-show.h"

#include "vh-doc.h"
#include "vh-table.h"
#include "vh-units.h"

/* How long it has; a dash where it has for ever. */
static char *left_cell(const VhContext *context, GVariant *row)
{
    gint64 deadline_us;

    if (!vh_doc_get_us(row, "deadline_time_us", &deadline_us))
        return NULL;
    if (!vh_context_is_human(context))
        return vh_show_time(deadline_us);
    return vh_show_distance(deadline_us);
}

static char *asks_cell(const VhContext *context, GVariant *row)
{
    guint64 made, in_flight;

    if (!vh_doc_get_bytes(row, "asks_made", &made) ||
        !vh_doc_get_bytes(row, "asks_in_flight", &in_flight))
        return NULL;
    return g_strdup_printf("%" G_GUINT64_FORMAT " (%" G_GUINT64_FORMAT " under way)", made,
                           in_flight);
}

static const VhTableColumn request_columns[] = {
    {"Request", TRUE, FALSE, NULL, "id"},
    {"Wanted", TRUE, FALSE, NULL, "bytes"},
    {"Returned", TRUE, FALSE, NULL, "returned_bytes"},
    {"Urgency", FALSE, FALSE, NULL, "urgency"},
    {"Until", TRUE, FALSE, left_cell},
    {"Asks", FALSE, TRUE, asks_cell},
};

/* The plan does not know how many asks there were. */
#define N_PLAN_REQUEST_COLUMNS (G_N_ELEMENTS(request_columns) - 1)

char *vh_show_requests(const VhContext *context, GVariant *requests)
{
    return vh_table_format(context, request_columns, G_N_ELEMENTS(request_columns), requests);
}

char *vh_show_open_requests(const VhContext *context, GVariant *plan)
{
    return vh_table_format_list(context, request_columns, N_PLAN_REQUEST_COLUMNS, plan, "requests");
}

char *vh_show_request(GVariant *request)
{
    guint64 id = 0, bytes = 0, returned_bytes = 0, n_asks = 0;
    gint64 age_us = 0;

    vh_doc_get_bytes(request, "id", &id);
    vh_doc_get_bytes(request, "bytes", &bytes);
    vh_doc_get_bytes(request, "returned_bytes", &returned_bytes);
    vh_doc_get_bytes(request, "asks_made", &n_asks);
    vh_doc_get_us(request, "age_us", &age_us);
    g_autofree char *wanted = vh_format_size(bytes);
    g_autofree char *returned = vh_format_size(returned_bytes);
    g_autofree char *age = vh_format_duration(age_us);
    return g_strdup_printf("request %" G_GUINT64_FORMAT
                           ": %s: %s of %s came back, by %" G_GUINT64_FORMAT " ask%s in %s",
                           id, vh_doc_text(request, "status"), returned, wanted, n_asks,
                           n_asks == 1 ? "" : "s", age);
}

static char *to_cell(const VhContext *context, GVariant *row)
{
    return g_strdup(vh_doc_flag(row, "is_on") ? "on" : "off");
}

static const VhTableColumn switch_columns[] = {
    {"Domain", FALSE, FALSE, NULL, "name"},
    {"To", FALSE, FALSE, to_cell},
    {"Because", FALSE, TRUE, NULL, "text"},
};

char *vh_show_switches(const VhContext *context, GVariant *plan)
{
    return vh_table_format_list(context, switch_columns, G_N_ELEMENTS(switch_columns), plan,
                                "switches");
}

static char *price_cell(const VhContext *context, GVariant *row)
{
    double price;

    if (!g_variant_lookup(row, "price_us_per_mib", "d", &price))
        return NULL;
    return g_strdup_printf("%.4g", price);
}

static const VhTableColumn explanation_columns[] = {
    {"Place", TRUE, FALSE, NULL, "place"},
    {"Domain", FALSE, TRUE, NULL, "name"},
    {"Class", FALSE, TRUE, NULL, "class"},
    {"Rank", TRUE, FALSE, NULL, "rank"},
    {"From", FALSE, FALSE, NULL, "unlock"},
    {"Expected", TRUE, FALSE, NULL, "expected_bytes"},
    {"Lasting", TRUE, FALSE, NULL, "durable_bytes"},
    {"Counted on", TRUE, FALSE, NULL, "counted_bytes"},
    {"us/MiB", TRUE, FALSE, price_cell},
    {"Reason", FALSE, FALSE, NULL, "reason"},
};

char *vh_show_explanations(const VhContext *context, GVariant *plan)
{
    return vh_table_format_list(context, explanation_columns, G_N_ELEMENTS(explanation_columns),
                                plan, "explanations");
}
