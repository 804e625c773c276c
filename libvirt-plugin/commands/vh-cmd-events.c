/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events: waits for what happens to guests, and tells it, as 'virsh event' does. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-json.h"
#include "vh-raw.h"
#include "vh-text.h"
#include "vh-units.h"

/* Those of domain/vh-events.h; a test compares them. */
static const char *const kinds[] = {"pass-ended", "reporting-changed", "tier-changed", NULL};

static char *pass_text(GVariant *event)
{
    g_autoptr(GVariant) pass = vh_doc_dict(event, "pass");
    guint64 reported_bytes = 0, discarded_bytes = 0;
    gint64 duration_us;

    if (pass == NULL)
        return g_strdup("no more is known");
    vh_doc_get_bytes(pass, "reported_bytes", &reported_bytes);
    vh_doc_get_bytes(pass, "discarded_bytes", &discarded_bytes);
    g_autofree char *reported = vh_format_size(reported_bytes);
    g_autofree char *discarded = vh_format_size(discarded_bytes);
    g_autofree char *duration =
        vh_doc_get_us(pass, "duration_us", &duration_us) ? vh_format_duration(duration_us) : NULL;
    return g_strdup_printf("%s: %s reported, %s of it discarded%s%s", vh_doc_text(pass, "status"),
                           reported, discarded, duration != NULL ? ", in " : "",
                           duration != NULL ? duration : "");
}

static char *reporting_text(GVariant *event)
{
    const char *inhibitor = vh_doc_text(event, "inhibitor");

    if (!vh_doc_flag(event, "is_enabled"))
        return g_strdup("off");
    if (*inhibitor != '\0')
        return g_strdup_printf("on, but inhibited (%s)", inhibitor);
    return g_strdup(vh_doc_flag(event, "is_active") ? "on, and in force" : "on, not in force yet");
}

static char *tier_text(GVariant *event)
{
    g_auto(GStrv) texts = vh_doc_texts(event, "tier_texts");
    g_autofree char *why = texts != NULL && texts[0] != NULL ? g_strjoinv("; ", texts) : NULL;

    return g_strdup_printf("%s, was %s%s%s", vh_doc_text(event, "tier"),
                           vh_doc_text(event, "tier_before"), why != NULL ? ": " : "",
                           why != NULL ? why : "");
}

static char *event_text(GVariant *event)
{
    static char *(*const texts[])(GVariant *) = {pass_text, reporting_text, tier_text};

    for (guint i = 0; kinds[i] != NULL; i++) {
        if (g_str_equal(vh_doc_text(event, "event"), kinds[i]))
            return texts[i](event);
    }
    return g_strdup("");
}

/* As virsh prints moments: UTC, to the millisecond. */
static char *stamp_of(GVariant *event)
{
    gint64 time_us = 0;

    vh_doc_get_us(event, "time_us", &time_us);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(time_us / VH_SEC);
    g_autofree char *seconds =
        utc != NULL ? g_date_time_format(utc, "%Y-%m-%d %H:%M:%S") : g_strdup("never");
    return g_strdup_printf("%s.%03u+0000: ", seconds, (guint)(time_us % VH_SEC / VH_MS));
}

/* Whose and when, then the rest as KEY=VALUE. */
static void print_raw(VhContext *context, GVariant *event)
{
    static const char *const heads[] = {"event", "name", "uuid"};
    g_autoptr(GString) line = g_string_new(NULL);
    GVariantDict rest;
    gint64 time_us = 0;

    g_variant_dict_init(&rest, event);
    for (guint i = 0; i < G_N_ELEMENTS(heads); i++) {
        g_autofree char *field = vh_raw_field(vh_doc_text(event, heads[i]));
        g_string_append_printf(line, "%s\t", field);
        g_variant_dict_remove(&rest, heads[i]);
    }
    vh_doc_get_us(event, "time_us", &time_us);
    g_variant_dict_remove(&rest, "time_us");
    g_string_append_printf(line, "%" G_GINT64_FORMAT, time_us);
    g_autoptr(GVariant) others = g_variant_ref_sink(g_variant_dict_end(&rest));
    g_autofree char *text = vh_raw_format(others);
    g_auto(GStrv) pairs = g_strsplit(g_strchomp(text), "\n", -1);
    for (guint i = 0; pairs[i] != NULL; i++)
        g_string_append_printf(line, "\t%s", g_strdelimit(pairs[i], "\t", '='));
    vh_context_print(context, "%s\n", line->str);
}

static void print_one(VhContext *context, GVariant *event)
{
    if (vh_context_flag(context, "json")) {
        g_autofree char *json = vh_json_format(event, FALSE);
        vh_context_print(context, "%s\n", json);
        return;
    }
    if (vh_context_flag(context, "raw")) {
        print_raw(context, event);
        return;
    }
    g_autofree char *stamp = vh_context_flag(context, "timestamp") ? stamp_of(event) : g_strdup("");
    g_autofree char *text = event_text(event);
    vh_context_print(context, "%sevent '%s' for domain '%s': %s\n", stamp,
                     vh_doc_text(event, "event"), vh_doc_text(event, "name"), text);
}

/* Where the reader has seen enough (`| head`) it would otherwise wait for ever, for nobody. */
static void print_event(GVariant *event, gpointer data)
{
    VhContext *context = data;
    const VhOutput *output = context->program->output;

    print_one(context, event);
    if (output->is_lost != NULL && output->is_lost(output->data))
        g_cancellable_cancel(context->program->cancel);
}

/* FALSE, having said why, where the options make no sense. */
static gboolean read_wish(VhContext *context, VhEventsWish *wish)
{
    const VhValue *named = vh_context_value(context, "event");
    const VhValue *timeout = vh_context_value(context, "timeout");

    *wish = (VhEventsWish){
        .domain = vh_context_operand(context, 0),
        .kinds = (const char *const *)named->texts,
        .is_loop = vh_context_flag(context, "loop"),
        .timeout_us = timeout->us,
    };
    for (guint i = 0; named->texts != NULL && named->texts[i] != NULL; i++) {
        if (!g_strv_contains(kinds, named->texts[i])) {
            g_autofree char *quoted = vh_text_quote(named->texts[i]);
            g_autofree char *right = vh_text_join_or(kinds);
            vh_context_say(context, "--event: %s is none; right would be %s", quoted, right);
            return FALSE;
        }
    }
    if (timeout->is_set && timeout->us == 0) {
        vh_context_say(context, "--timeout: 0 is over at once; leave it out to wait for ever");
        return FALSE;
    }
    return TRUE;
}

static VhExit list_kinds(VhContext *context)
{
    if (vh_context_json(context, g_variant_new_parsed("{'events': <%^as>}", kinds)))
        return VH_EXIT_OK;
    for (guint i = 0; kinds[i] != NULL; i++)
        vh_context_print(context, "%s\n", kinds[i]);
    return VH_EXIT_OK;
}

static void print_end(VhContext *context, const VhEventsWish *wish, guint n)
{
    if (vh_context_flag(context, "json") || vh_context_flag(context, "raw"))
        return;
    if (g_cancellable_is_cancelled(context->program->cancel))
        vh_context_print(context, "event loop interrupted\n");
    else if (wish->is_loop || n == 0)
        vh_context_print(context, "event loop timed out\n");
    vh_context_print(context, "events received: %u\n", n);
}

static VhExit run_events(VhContext *context)
{
    g_autoptr(GError) error = NULL;
    VhEventsWish wish;
    guint n = 0;

    if (vh_context_flag(context, "list"))
        return list_kinds(context);
    if (!read_wish(context, &wish))
        return VH_EXIT_USAGE;
    if (!vh_context_events(context, &wish, print_event, context, &n, &error))
        return vh_context_fail(context, g_steal_pointer(&error));
    print_end(context, &wish, n);
    return n != 0 ? VH_EXIT_OK : VH_EXIT_FAILURE;
}

static const VhOperand events_operands[] = {
    {"domain", "only its events; default: those of all", VH_OPERAND_OPTIONAL, {VH_WORDS_DOMAINS}},
    {NULL},
};

static const VhOption events_options[] = {
    {"event",
     'e',
     VH_OPTION_TEXTS,
     "NAME",
     "only this one; may be repeated",
     {VH_WORDS_LIST, kinds}},
    {"loop", 'l', VH_OPTION_FLAG, NULL, "go on after the first, until Ctrl-C"},
    {"timeout", 't', VH_OPTION_DURATION, "DURATION", "end after this long (30s, 2min)"},
    {"timestamp", 'T', VH_OPTION_FLAG, NULL, "begin each line with the time, in UTC"},
    {"list", 0, VH_OPTION_FLAG, NULL, "list the names of events, and wait for none"},
    {NULL},
};

const VhCommand vh_cmd_events = {
    .name = "events",
    .operands = events_operands,
    .summary = "wait for what happens to guests",
    .description = "Waits for the next event and tells it: a pass has ended (pass-ended), page\n"
                   "reporting was switched, came into force or was barred (reporting-changed),\n"
                   "the tier of a guest is another one (tier-changed). With --json each is a\n"
                   "line of its own. Listening taints no domain. A read-only connection hears\n"
                   "of tiers only. Exit status 0: there was an event.",
    .access = VH_ACCESS_READ,
    .options = events_options,
    .is_for_virsh = TRUE,
    .run = run_events,
};
