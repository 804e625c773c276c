/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list, info and explain: what is known of the guests. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-json.h"
#include "vh-show.h"
#include "vh-units.h"

#include <string.h>

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

    if (!start(context, FALSE))
        return VH_EXIT_FAILURE;
    g_autoptr(GVariant) domains = context->backend->ops->list(context->backend, &error);
    if (domains == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_json(context, g_variant_new_parsed("{'domains': <%@aa{sv}>}", domains)))
        return VH_EXIT_OK;
    g_autofree char *table = vh_show_domains(context, domains, vh_context_flag(context, "all"));
    if (*table == '\0')
        vh_context_notice(context, "no guest runs there");
    vh_context_print(context, "%s", table);
    return VH_EXIT_OK;
}

static const VhOption list_options[] = {
    {"all", 'a', VH_OPTION_FLAG, NULL, "show domains that do not run, too"},
    {NULL},
};

const VhCommand vh_cmd_list = {
    .name = "list",
    .operands = "",
    .summary = "list guests, what they hold and what they could give",
    .description =
        "Lists the guests: class, tier, resident, used and free memory, what an ask is\n"
        "expected to bring, when the last one ended and what it gave. Sizes are in bytes\n"
        "where the output is not a terminal; '-' is unknown. The JSON has all domains.",
    .access = VH_ACCESS_READ,
    .options = list_options,
    .run = run_list,
};

/* One value of a document as text, by its key's unit. */
static char *value_text(const VhContext *context, const char *key, GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
        return g_strdup(g_variant_get_boolean(value) ? "yes" : "no");
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        return g_variant_dup_string(value, NULL);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64) && g_str_has_suffix(key, "_bytes"))
        return vh_context_size(context, g_variant_get_uint64(value));
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_INT64) && vh_context_is_human(context)) {
        gint64 us = g_variant_get_int64(value);
        if (g_str_has_suffix(key, "_time_us"))
            return vh_show_time(us);
        if (g_str_has_suffix(key, "_us"))
            return vh_format_duration(us);
    }
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY)) {
        g_autofree const char **texts = g_variant_get_strv(value, NULL);
        return g_strjoinv("; ", (char **)texts);
    }
    g_autofree char *text = vh_json_format(value, FALSE);
    return g_steal_pointer(&text);
}

/* "  resident:   1.4 GiB" for each key; dictionaries follow, indented. */
static void print_document(VhContext *context, GVariant *document, guint depth)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_iter_init(&iter, document);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT)) {
            vh_context_print(context, "%*s%s:\n", (int)depth * 2, "", key);
            print_document(context, value, depth + 1);
            continue;
        }
        g_autofree char *text = value_text(context, key, value);
        vh_context_print(context, "%*s%-*s %s\n", (int)depth * 2, "", 26 - (int)depth * 2, key,
                         *text != '\0' ? text : "-");
    }
}

static VhExit run_info(VhContext *context)
{
    g_autoptr(GError) error = NULL;

    if (!start(context, FALSE))
        return VH_EXIT_FAILURE;
    g_autoptr(GVariant) domain =
        context->backend->ops->info(context->backend, vh_context_operand(context, 0), &error);
    if (domain == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (!vh_context_json(context, domain))
        print_document(context, domain, 0);
    return VH_EXIT_OK;
}

const VhCommand vh_cmd_info = {
    .name = "info",
    .operands = "DOMAIN",
    .summary = "show all that is known of one guest",
    .description = "Shows all that is known of one guest, under the keys of docs/json.md. DOMAIN\n"
                   "is a name, an id or a UUID. What is unknown is not shown.",
    .min_operands = 1,
    .max_operands = 1,
    .access = VH_ACCESS_READ,
    .run = run_info,
};

static VhExit run_explain(VhContext *context)
{
    g_autoptr(GError) error = NULL;

    if (!start(context, TRUE))
        return VH_EXIT_FAILURE;
    g_autoptr(GVariant) doc =
        context->backend->ops->explain(context->backend, vh_context_operand(context, 0), &error);
    if (doc == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_json(context, doc))
        return VH_EXIT_OK;
    g_auto(GStrv) lines = vh_doc_texts(doc, "lines");
    for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
        vh_context_print(context, "%s\n", lines[i]);
    return VH_EXIT_OK;
}

const VhCommand vh_cmd_explain = {
    .name = "explain",
    .operands = "DOMAIN",
    .summary = "say why a guest is, or is not, asked",
    .description = "Says in sentences why the guest is, or is not, asked now, with the numbers\n"
                   "behind it. DOMAIN is a name, an id or a UUID. Programs read 'info --json'.",
    .min_operands = 1,
    .max_operands = 1,
    .access = VH_ACCESS_READ,
    .run = run_explain,
};
