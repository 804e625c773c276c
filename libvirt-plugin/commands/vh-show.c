/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The columns: from which keys of the documents each cell is made. */
#include "vh-show.h"

#include "vh-doc.h"
#include "vh-raw.h"
#include "vh-table.h"
#include "vh-units.h"

char *vh_show_time(gint64 time_us)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(time_us / VH_SEC);
    g_autoptr(GDateTime) local = utc != NULL ? g_date_time_to_local(utc) : NULL;

    return local != NULL ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : g_strdup("never");
}

char *vh_show_distance(gint64 time_us)
{
    gint64 now_us = g_get_real_time();
    /* as one of theirs may be at either end of time */
    guint64 away_us =
        now_us > time_us ? (guint64)now_us - (guint64)time_us : (guint64)time_us - (guint64)now_us;

    /* whole seconds: finer figures would only flicker */
    return vh_format_duration((gint64)MIN(away_us, G_MAXINT64) / VH_SEC * VH_SEC);
}

static char *text_cell(GVariant *row, const char *key)
{
    const char *text = vh_doc_text(row, key);
    return *text != '\0' ? g_strdup(text) : NULL;
}

static char *size_cell(const VhContext *context, GVariant *row, const char *key)
{
    guint64 bytes;
    return vh_doc_get_bytes(row, key, &bytes) ? vh_context_size(context, bytes) : NULL;
}

/* The tier, or what matters more at the moment. */
static char *tier_cell(const VhContext *context, GVariant *row)
{
    if (!vh_doc_flag(row, "is_running"))
        return g_strdup("(stopped)");
    if (vh_doc_flag(row, "is_hung"))
        return g_strdup("(hung)");
    if (vh_doc_flag(row, "is_recovering"))
        return g_strdup("(recovering)");
    return text_cell(row, "tier");
}

static char *because_cell(const VhContext *context, GVariant *row)
{
    const char *text = vh_doc_text(row, "text");
    gint64 until_us;

    if (!vh_doc_get_us(row, "wait_until_time_us", &until_us) || until_us <= g_get_real_time())
        return g_strdup(text);
    g_autofree char *wait = vh_show_distance(until_us);
    return g_strdup_printf("%s (%s to go)", text, wait);
}

/* "12 s ago"; while one is under way, that. */
static char *last_ask_cell(const VhContext *context, GVariant *row)
{
    g_autoptr(GVariant) in_flight = vh_doc_dict(row, "in_flight");
    g_autoptr(GVariant) last = vh_doc_dict(row, "last_ask");
    gint64 ended_us;

    if (in_flight != NULL)
        return g_strdup("now");
    if (last == NULL || !vh_doc_get_us(last, "ended_time_us", &ended_us))
        return NULL;
    if (!vh_context_is_human(context))
        return vh_show_time(ended_us);
    g_autofree char *ago = vh_show_distance(ended_us);
    return g_strdup_printf("%s ago", ago);
}

static char *gave_cell(const VhContext *context, GVariant *row)
{
    g_autoptr(GVariant) in_flight = vh_doc_dict(row, "in_flight");
    g_autoptr(GVariant) last = vh_doc_dict(row, "last_ask");

    if (in_flight != NULL)
        return size_cell(context, in_flight, "returned_bytes");
    return last != NULL ? size_cell(context, last, "returned_bytes") : NULL;
}

static const VhTableColumn domain_columns[] = {
    {"Domain", FALSE, TRUE, NULL, "name"},
    {"Class", FALSE, TRUE, NULL, "class"},
    {"Tier", FALSE, FALSE, tier_cell},
    {"Resident", TRUE, FALSE, NULL, "resident_bytes"},
    {"Used", TRUE, FALSE, NULL, "used_bytes"},
    {"Free", TRUE, FALSE, NULL, "free_bytes"},
    {"Expected", TRUE, FALSE, NULL, "expected_bytes"},
    {"Last ask", TRUE, FALSE, last_ask_cell},
    {"Gave", TRUE, FALSE, gave_cell},
};

static const VhTableColumn ask_columns[] = {
    {"Domain", FALSE, TRUE, NULL, "name"},
    {"Class", FALSE, TRUE, NULL, "class"},
    {"Ask for", TRUE, FALSE, NULL, "bytes"},
    {"Expected", TRUE, FALSE, NULL, "expected_bytes"},
    {"Counted on", TRUE, FALSE, NULL, "counted_bytes"},
    {"Method", FALSE, FALSE, NULL, "method"},
};

static const VhTableColumn refusal_columns[] = {
    {"Domain", FALSE, FALSE, NULL, "name"},
    {"Class", FALSE, FALSE, NULL, "class"},
    {"Expected", TRUE, FALSE, NULL, "expected_bytes"},
    {"Reason", FALSE, FALSE, NULL, "reason"},
    {"Because", FALSE, TRUE, because_cell},
};

char *vh_show_domains(const VhContext *context, GVariant *domains, gboolean is_all,
                      gboolean *ret_is_empty)
{
    GVariantBuilder shown;

    g_variant_builder_init(&shown, G_VARIANT_TYPE("aa{sv}"));
    for (gsize i = 0; i < g_variant_n_children(domains); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(domains, i);
        if (is_all || vh_doc_flag(row, "is_running") || vh_doc_flag(row, "is_hung"))
            g_variant_builder_add_value(&shown, row);
    }
    g_autoptr(GVariant) rows = g_variant_ref_sink(g_variant_builder_end(&shown));
    if (ret_is_empty != NULL)
        *ret_is_empty = g_variant_n_children(rows) == 0;
    return vh_table_format(context, domain_columns, G_N_ELEMENTS(domain_columns), rows);
}

char *vh_show_asks(const VhContext *context, GVariant *plan)
{
    return vh_table_format_list(context, ask_columns, G_N_ELEMENTS(ask_columns), plan, "asks");
}

char *vh_show_refusals(const VhContext *context, GVariant *plan)
{
    return vh_table_format_list(context, refusal_columns, G_N_ELEMENTS(refusal_columns), plan,
                                "refusals");
}

/* " (raised from low by psi-some)"; "" where pressure changes nothing. */
static char *raised_text(GVariant *plan, GVariant *pool)
{
    const char *by_bounds = vh_doc_text(plan, "level_by_bounds");

    if (*by_bounds == '\0' || g_str_equal(by_bounds, vh_doc_text(plan, "level")))
        return g_strdup("");
    g_auto(GStrv) signs = pool != NULL ? vh_doc_texts(pool, "pressure") : NULL;
    g_autofree char *words = signs != NULL ? g_strjoinv(", ", signs) : g_strdup("pressure");
    return g_strdup_printf(" (raised from %s by %s)", by_bounds, words);
}

/* ", falling by 20 MiB/s"; "" where it is not heading anywhere. */
static char *trend_text(GVariant *pool)
{
    gint64 trend = 0;

    if (pool == NULL || !g_variant_lookup(pool, "trend_bytes_per_s", "x", &trend) || trend >= 0)
        return g_strdup("");
    g_autofree char *rate = vh_format_size((guint64)-trend);
    return g_strdup_printf(", falling by %s/s", rate);
}

char *vh_show_pool(const VhContext *context, GVariant *plan)
{
    g_autoptr(GVariant) pool = vh_doc_dict(plan, "pool");
    guint64 total_bytes = 0, need_bytes = 0, requested_bytes = 0;
    gint64 available_bytes = 0;
    g_autofree char *raised = raised_text(plan, pool);
    g_autofree char *trend = trend_text(pool);

    if (pool != NULL) {
        vh_doc_get_bytes(pool, "total_bytes", &total_bytes);
        g_variant_lookup(pool, "available_bytes", "x", &available_bytes);
    }
    vh_doc_get_bytes(plan, "need_bytes", &need_bytes);
    vh_doc_get_bytes(plan, "requested_bytes", &requested_bytes);
    g_autofree char *total = vh_format_size(total_bytes);
    g_autofree char *available = vh_format_size((guint64)ABS(available_bytes));
    g_autofree char *need = vh_format_size(need_bytes);
    g_autofree char *requested = vh_format_size(requested_bytes);
    return g_strdup_printf("Pool (%s): %s %s of %s%s, level %s%s, %s needed%s%s%s%s",
                           pool != NULL ? vh_doc_text(pool, "source") : "unknown", available,
                           available_bytes < 0 ? "short" : "available", total, trend,
                           vh_doc_text(plan, "level"), raised, need_bytes != 0 ? need : "nothing",
                           requested_bytes != 0 ? " (" : "", requested_bytes != 0 ? requested : "",
                           requested_bytes != 0 ? " by requests)" : "",
                           vh_doc_flag(plan, "is_enforced") ? "" : " (not enforced)");
}

char *vh_show_outcome(const VhContext *context, GVariant *outcome)
{
    GString *text = g_string_new(vh_doc_text(outcome, "status"));
    guint64 asked_bytes = 0, returned_bytes;
    gint64 duration_us;

    vh_doc_get_bytes(outcome, "asked_bytes", &asked_bytes);
    if (vh_doc_get_bytes(outcome, "returned_bytes", &returned_bytes)) {
        g_autofree char *returned = vh_format_size(returned_bytes);
        g_autofree char *asked = vh_format_size(asked_bytes);
        g_string_append_printf(text, ": %s came back", returned);
        if (asked_bytes != 0)
            g_string_append_printf(text, " of %s asked for", asked);
    }
    if (vh_doc_get_us(outcome, "duration_us", &duration_us)) {
        g_autofree char *duration = vh_format_duration(duration_us);
        g_string_append_printf(text, ", in %s", duration);
    }
    if (*vh_doc_text(outcome, "message") != '\0')
        g_string_append_printf(text, " (%s)", vh_doc_text(outcome, "message"));
    return g_string_free(text, FALSE);
}

/* Why reporting that was asked for does nothing. */
static char *idle_text(GVariant *reporting)
{
    g_auto(GStrv) negotiated = vh_doc_texts(reporting, "negotiated");
    const char *inhibitor = vh_doc_text(reporting, "inhibitor");

    if (*inhibitor != '\0')
        return g_strdup_printf("it is inhibited (%s)", inhibitor);
    if (!vh_doc_flag(reporting, "has_driver"))
        return g_strdup("no balloon driver runs in the guest");
    if (negotiated == NULL ||
        !g_strv_contains((const char *const *)negotiated, "free-page-reporting"))
        return g_strdup("the guest's driver does not report");
    return g_strdup("the guest's driver has not taken it up yet");
}

char *vh_show_reporting(GVariant *reporting)
{
    const char *name = vh_doc_text(reporting, "name");
    gboolean is_enabled = vh_doc_flag(reporting, "is_enabled");
    gboolean is_active = vh_doc_flag(reporting, "is_active");

    if (is_enabled && !is_active) {
        g_autofree char *why = idle_text(reporting);
        return g_strdup_printf("%s: reporting is on, but not in force: %s", name, why);
    }
    return g_strdup_printf("%s: reporting is %s%s", name, is_enabled ? "on" : "off",
                           is_enabled  ? ", and in force"
                           : is_active ? ", but the guest's driver has not stopped yet"
                                       : "");
}

/* One value of a document as text, by its key's unit. */
static char *value_text(const VhContext *context, const char *key, GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64) && g_str_has_suffix(key, "_bytes"))
        return vh_context_size(context, g_variant_get_uint64(value));
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32) && g_str_has_suffix(key, "_bp") &&
        vh_context_is_human(context))
        return g_strdup_printf("%.4g %%", g_variant_get_uint32(value) / 100.0);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_INT64) && vh_context_is_human(context)) {
        gint64 us = g_variant_get_int64(value);
        if (g_str_has_suffix(key, "_time_us"))
            return vh_show_time(us);
        if (g_str_has_suffix(key, "_us"))
            return vh_format_duration(us);
    }
    return vh_raw_value(value);
}

static void add_document(GString *text, const VhContext *context, GVariant *document, guint depth)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_iter_init(&iter, document);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT)) {
            g_string_append_printf(text, "%*s%s:\n", (int)depth * 2, "", key);
            add_document(text, context, value, depth + 1);
            continue;
        }
        g_autofree char *shown = value_text(context, key, value);
        g_string_append_printf(text, "%*s%-*s %s\n", (int)depth * 2, "", 26 - (int)depth * 2, key,
                               *shown != '\0' ? shown : "-");
    }
}

char *vh_show_document(const VhContext *context, GVariant *document)
{
    GString *text = g_string_new(NULL);

    add_document(text, context, document, 0);
    return g_string_free(text, FALSE);
}
