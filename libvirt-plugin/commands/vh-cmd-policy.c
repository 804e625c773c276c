/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy: what a domain's own metadata says of how it is to be treated. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-table.h"

#include <string.h>

/* Those of VH_OVERRIDE_URI; a test compares them. */
static const char *const keys[] = {
    "class", "weight", "ask", "cooldown", "max_per_ask", "reporting", "until", NULL,
};
static const char *const settings[] = {
    "class=",        "weight=",         "ask=auto",       "ask=never",
    "cooldown=",     "max_per_ask=",    "reporting=auto", "reporting=always",
    "reporting=off", "reporting=leave", "until=",         NULL,
};

/* FALSE, having said why, where the options contradict each other. */
static gboolean check_options(VhContext *context)
{
    static const char *const changes[] = {"set", "unset", "clear"};
    const char *first = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
        if (!vh_context_flag(context, changes[i]))
            continue;
        if (first != NULL) {
            vh_context_say(context, "--%s and --%s are two changes; make one after the other",
                           first, changes[i]);
            return FALSE;
        }
        first = changes[i];
    }
    if (first != NULL && vh_context_flag(context, "readonly")) {
        vh_context_say(context, "--%s changes a domain; leave --readonly out", first);
        return FALSE;
    }
    if (vh_context_flag(context, "current") &&
        (vh_context_flag(context, "live") || vh_context_flag(context, "config"))) {
        vh_context_say(context, "--current is whichever of the two there is; leave it out beside "
                                "--live and --config");
        return FALSE;
    }
    return TRUE;
}

static gboolean check_settings(VhContext *context)
{
    char **texts = vh_context_value(context, "set")->texts;

    for (guint i = 0; texts != NULL && texts[i] != NULL; i++) {
        if (strchr(texts[i], '=') == NULL) {
            vh_context_say(context, "--set: '%s' is no KEY=VALUE; right would be 'class=batch'",
                           texts[i]);
            return FALSE;
        }
    }
    return TRUE;
}

static VhPolicyWish read_wish(const VhContext *context)
{
    const VhValue *set = vh_context_value(context, "set");
    const VhValue *unset = vh_context_value(context, "unset");
    gboolean is_clear = unset->is_set || vh_context_flag(context, "clear");

    return (VhPolicyWish){
        .action = set->is_set ? VH_POLICY_SET
                  : is_clear  ? VH_POLICY_CLEAR
                              : VH_POLICY_GET,
        .settings = (const char *const *)(set->is_set ? set->texts : unset->texts),
        .affects_live = vh_context_flag(context, "live"),
        .affects_config = vh_context_flag(context, "config"),
    };
}

static const VhTableColumn columns[] = {
    {"Key", FALSE, FALSE, NULL, "key"},
    {"Value", FALSE, FALSE, NULL, "value"},
};

/* A row for each of the document's settings. */
static GVariant *rows_of(GVariant *doc)
{
    g_auto(GStrv) texts = vh_doc_texts(doc, "settings");
    GVariantBuilder rows;

    g_variant_builder_init(&rows, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; texts != NULL && texts[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(texts[i], "=", 2);
        if (parts[0] != NULL && parts[1] != NULL)
            g_variant_builder_add_value(
                &rows, g_variant_new_parsed("{'key': <%s>, 'value': <%s>}", parts[0], parts[1]));
    }
    return g_variant_ref_sink(g_variant_builder_end(&rows));
}

static VhExit run_policy(VhContext *context)
{
    g_autoptr(GError) error = NULL;

    if (!check_options(context) || !check_settings(context))
        return VH_EXIT_USAGE;
    const VhPolicyWish wish = read_wish(context);
    g_autoptr(GVariant) doc =
        vh_context_policy(context, vh_context_operand(context, 0), &wish, &error);
    if (doc == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_json(context, doc))
        return VH_EXIT_OK;
    g_autoptr(GVariant) rows = rows_of(doc);
    if (g_variant_n_children(rows) == 0)
        vh_context_notice(context, "%s has no policy of its own", vh_doc_text(doc, "name"));
    g_autofree char *table = vh_table_format(context, columns, G_N_ELEMENTS(columns), rows);
    vh_context_print(context, "%s", table);
    vh_table_end(context);
    return VH_EXIT_OK;
}

static const VhOperand policy_operands[] = {
    {"domain", VH_OPERAND_DOMAIN_HELP, VH_OPERAND_REQUIRED, {VH_WORDS_DOMAINS}},
    {NULL},
};

static const VhOption policy_options[] = {
    {"set",
     's',
     VH_OPTION_TEXTS,
     "KEY=VALUE",
     "set this; may be repeated",
     {VH_WORDS_LIST, settings}},
    {"unset",
     'u',
     VH_OPTION_TEXTS,
     "KEY",
     "take this away; may be repeated",
     {VH_WORDS_LIST, keys}},
    {"clear", 'x', VH_OPTION_FLAG, NULL, "take all of it away"},
    {"live", 'l', VH_OPTION_FLAG, NULL, "of the domain as it runs"},
    {"config", 'C', VH_OPTION_FLAG, NULL, "of its definition: from its next start on"},
    {"current", 'n', VH_OPTION_FLAG, NULL, "as it runs, or else its definition: the default"},
    {NULL},
};

const VhCommand vh_cmd_policy = {
    .name = "policy",
    .operands = policy_operands,
    .summary = "show or change a guest's own policy",
    .description = "Shows what the metadata of the domain itself says of how it is to be\n"
                   "treated: its class, weight, pauses and caps. The daemon reads that in its\n"
                   "next look, and takes of it what the host's policy allows. --set, --unset\n"
                   "and --clear change it; all values are checked before any is written, and\n"
                   "what else the domain's metadata holds is left alone. The same can be done\n"
                   "by 'virsh metadata'.",
    .access = VH_ACCESS_ASK,
    .options = policy_options,
    .is_for_virsh = TRUE,
    .run = run_policy,
};
