/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list, info and explain: what is known of the guests. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-moment.h"
#include "vh-show.h"
#include "vh-table.h"

/* Opens and refreshes: the start of all that reads. Reports a failure itself. */
static gboolean start(VhContext *context, gboolean settle)
{
    g_autoptr(GError) error = NULL;

    if (!vh_context_open(context))
        return FALSE;
    if (context->backend->ops->refresh(context->backend, settle, &error))
        return TRUE;
    vh_context_fail(context, g_steal_pointer(&error));
    return FALSE;
}

static VhExit run_list(VhContext *context)
{
    g_autoptr(GError) error = NULL;
    gboolean is_empty;

    if (!start(context, FALSE))
        return VH_EXIT_FAILURE;
    g_autoptr(GVariant) domains = context->backend->ops->list(context->backend, &error);
    if (domains == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_json(context, g_variant_new_parsed("{'domains': <%@aa{sv}>}", domains)))
        return VH_EXIT_OK;
    g_autofree char *table =
        vh_show_domains(context, domains, vh_context_flag(context, "all"), &is_empty);
    if (is_empty)
        vh_context_notice(context, "no guest runs there");
    vh_context_print(context, "%s", table);
    vh_table_end(context);
    return VH_EXIT_OK;
}

static const VhOption list_options[] = {
    {"all", 'a', VH_OPTION_FLAG, NULL, "show domains that do not run, too"},
    {NULL},
};

const VhCommand vh_cmd_list = {
    .name = "list",
    .summary = "list guests, what they hold and what they could give",
    .description = "Lists the guests: class, tier, resident, used and free memory, what an ask\n"
                   "is expected to bring, when the last one ended and what it gave. Sizes are\n"
                   "in bytes where the output is not a terminal; '-' is unknown. The JSON has\n"
                   "all domains.",
    .access = VH_ACCESS_READ,
    .options = list_options,
    .is_for_virsh = TRUE,
    .run = run_list,
};

/* The keys of a domain that QEMU's own word replaces, and those that it would only repeat. */
static gboolean is_told_better(const char *key)
{
    static const char *const keys[] = {"tier", "tier_reasons", "tier_texts", NULL};
    return g_strv_contains(keys, key);
}

static gboolean is_said_already(const char *key)
{
    static const char *const keys[] = {"name", "uuid", "uri", NULL};
    return g_strv_contains(keys, key) || is_told_better(key);
}

/* The domain's document with what its QEMU told, too. */
static GVariant *merge_reporting(GVariant *domain, GVariant *told)
{
    GVariantBuilder whole, reporting;
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_builder_init(&whole, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_init(&reporting, G_VARIANT_TYPE_VARDICT);
    g_variant_iter_init(&iter, domain);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
        g_autoptr(GVariant) better =
            is_told_better(key) ? g_variant_lookup_value(told, key, NULL) : NULL;
        g_variant_builder_add(&whole, "{sv}", key, better != NULL ? better : value);
    }
    g_variant_iter_init(&iter, told);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
        if (!is_said_already(key))
            g_variant_builder_add(&reporting, "{sv}", key, value);
    }
    g_variant_builder_add(&whole, "{sv}", "reporting", g_variant_builder_end(&reporting));
    return g_variant_ref_sink(g_variant_builder_end(&whole));
}

/* Takes `domain`. That its QEMU has no answer is one, too; NULL where something else went wrong. */
static GVariant *add_reporting(VhContext *context, GVariant *domain, GError **error)
{
    g_autoptr(GVariant) held = domain;
    const char *uri = vh_doc_text(domain, "uri");
    g_autoptr(GError) cause = NULL;

    g_autoptr(GVariant) told = vh_context_reporting(
        context, *uri != '\0' ? uri : NULL, vh_doc_text(domain, "uuid"), VH_WISH_SHOW, &cause);
    if (told != NULL)
        return merge_reporting(domain, told);
    if (g_error_matches(cause, VH_ERROR, VH_ERROR_UNSUPPORTED)) {
        vh_context_say(context, "%s", cause->message);
        return g_steal_pointer(&held);
    }
    g_propagate_error(error, g_steal_pointer(&cause));
    return NULL;
}

static VhExit run_info(VhContext *context)
{
    gboolean asks_qemu = vh_context_flag(context, "monitor");
    g_autoptr(GError) error = NULL;

    if (asks_qemu && vh_context_flag(context, "readonly")) {
        vh_context_say(context, "a monitor command needs a connection that may write; leave "
                                "--readonly or --monitor out");
        return VH_EXIT_USAGE;
    }
    if (!start(context, FALSE))
        return VH_EXIT_FAILURE;
    g_autoptr(GVariant) domain =
        context->backend->ops->info(context->backend, vh_context_operand(context, 0), &error);
    if (domain != NULL && asks_qemu)
        domain = add_reporting(context, domain, &error);
    if (domain == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_machine(context, domain))
        return VH_EXIT_OK;
    g_autofree char *text = vh_show_document(context, domain);
    vh_context_print(context, "%s", text);
    return VH_EXIT_OK;
}

static const VhOption info_options[] = {
    {"monitor", 'm', VH_OPTION_FLAG, NULL, "ask its QEMU, too; that taints the domain"},
    {NULL},
};

const VhCommand vh_cmd_info = {
    .name = "info",
    .operands = vh_operand_domain,
    .summary = "show all that is known of one guest",
    .description = "Shows all that is known of one guest, under the keys of docs/json.md.\n"
                   "DOMAIN is a name, an id or a UUID. What is unknown is not shown. With\n"
                   "--monitor its QEMU tells of page reporting, and the tier is the one in\n"
                   "force: that is a QEMU monitor command, by which libvirt marks the domain as\n"
                   "tainted as long as it runs.",
    .access = VH_ACCESS_READ,
    .options = info_options,
    .is_for_virsh = TRUE,
    .run = run_info,
};

static VhExit print_explanation(VhContext *context, GVariant *doc)
{
    gint64 seen_us;

    if (vh_context_machine(context, doc))
        return VH_EXIT_OK;
    if (vh_context_flag(context, "at") && vh_doc_get_us(doc, "seen_time_us", &seen_us)) {
        g_autofree char *seen = vh_show_time(seen_us);
        vh_context_print(context, "At %s:\n", seen);
    }
    g_auto(GStrv) lines = vh_doc_texts(doc, "lines");
    for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
        vh_context_print(context, "%s\n", lines[i]);
    return VH_EXIT_OK;
}

/* From a recording: no backend, and no look at the guests. */
static VhExit explain_past(VhContext *context, const VhValue *at)
{
    const VhValue *trace = vh_context_value(context, "trace");
    g_autoptr(GError) error = NULL;
    gint64 at_us;

    if (!vh_moment_parse(at->text, g_get_real_time(), &at_us, &error)) {
        vh_context_say(context, "--at: %s", error->message);
        return VH_EXIT_USAGE;
    }
    g_autoptr(GVariant) doc = vh_context_explain_at(context, vh_context_operand(context, 0), at_us,
                                                    trace->is_set ? trace->text : NULL, &error);
    return doc != NULL ? print_explanation(context, doc)
                       : vh_context_fail(context, g_steal_pointer(&error));
}

static VhExit run_explain(VhContext *context)
{
    const VhValue *at = vh_context_value(context, "at");
    g_autoptr(GError) error = NULL;

    if (at->is_set)
        return explain_past(context, at);
    if (vh_context_flag(context, "trace")) {
        vh_context_say(context, "--trace is for what has been; say the moment with --at, too");
        return VH_EXIT_USAGE;
    }
    if (!start(context, TRUE))
        return VH_EXIT_FAILURE;
    g_autoptr(GVariant) doc =
        context->backend->ops->explain(context->backend, vh_context_operand(context, 0), &error);
    return doc != NULL ? print_explanation(context, doc)
                       : vh_context_fail(context, g_steal_pointer(&error));
}

static const VhOption explain_options[] = {
    {"at", 'a', VH_OPTION_TEXT, "TIME", "then: '2026-01-31 14:05', or '10min' ago"},
    {"trace",
     't',
     VH_OPTION_TEXT,
     "FILE",
     "with --at: this recording; default: the daemon's",
     {VH_WORDS_FILES}},
    {NULL},
};

const VhCommand vh_cmd_explain = {
    .name = "explain",
    .operands = vh_operand_domain,
    .summary = "say why a guest is, or is not, asked",
    .description = "Says in sentences why the guest is, or is not, asked now, and its\n"
                   "continuous reporting is, or is not, switched, with the numbers behind it,\n"
                   "in the order in which the decision looks at them. DOMAIN is a name, an id\n"
                   "or a UUID.\n"
                   "\n"
                   "With --at it says what was decided at that moment, from a recording\n"
                   "(virthintd --record): local time, UTC with a 'Z' behind, or how long ago.\n"
                   "The last cycle up to that moment counts.",
    .access = VH_ACCESS_READ,
    .options = explain_options,
    .is_for_virsh = TRUE,
    .run = run_explain,
};
