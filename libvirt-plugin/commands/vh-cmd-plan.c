/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan: what would be asked now, in order, and why the others are not. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-raw.h"
#include "vh-show.h"
#include "vh-table.h"

static void print_plan(VhContext *context, GVariant *plan)
{
    g_autofree char *pool = vh_show_pool(context, plan);
    g_autofree char *asks = vh_show_asks(context, plan);
    g_autofree char *refusals = vh_show_refusals(context, plan);
    g_autofree char *switches = vh_show_switches(context, plan);
    g_autofree char *requests = vh_show_open_requests(context, plan);

    if (vh_context_flag(context, "raw")) {
        g_autofree char *figures = vh_raw_format(plan);
        vh_context_print(context, "%s%s%s%s%s", figures, asks, refusals, switches, requests);
        return;
    }
    vh_context_print(context, "%s\n\n", pool);
    if (*asks != '\0')
        vh_context_print(context, "Asked, in this order:\n%s", asks);
    else
        vh_context_print(context, "Nobody is asked.\n");
    if (*refusals != '\0')
        vh_context_print(context, "\nNot asked:\n%s", refusals);
    if (*switches != '\0')
        vh_context_print(context, "\nReporting is switched:\n%s", switches);
    if (*requests != '\0')
        vh_context_print(context, "\nRequests:\n%s", requests);
}

static char **lines_of(GVariant *explanations, gsize index)
{
    g_autoptr(GVariant) one = g_variant_get_child_value(explanations, index);
    char **lines = vh_doc_texts(one, "lines");

    return lines != NULL ? lines : g_new0(char *, 1);
}

/* How many lines all explanations begin with alike: what they say of the pool. */
static guint common_lines(GVariant *explanations)
{
    gsize n = g_variant_n_children(explanations);
    g_auto(GStrv) first = n > 1 ? lines_of(explanations, 0) : NULL;
    guint n_common = first != NULL ? g_strv_length(first) : 0;

    for (gsize i = 1; i < n; i++) {
        g_auto(GStrv) lines = lines_of(explanations, i);
        guint j = 0;
        while (j < n_common && g_strcmp0(first[j], lines[j]) == 0)
            j++;
        n_common = j;
    }
    return n_common;
}

static void print_lines(VhContext *context, char **lines, guint from, guint n)
{
    for (guint i = from; i < n && lines[i] != NULL; i++)
        vh_context_print(context, "  %s\n", lines[i]);
}

/* The numbers of all guests as a table, then the sentences of each; what is the same for all,
 * once. */
static void print_explanations(VhContext *context, GVariant *plan, GVariant *explanations)
{
    g_autofree char *table = vh_show_explanations(context, plan);
    guint n_common = common_lines(explanations);

    if (vh_context_flag(context, "raw")) {
        vh_context_print(context, "%s", table);
        return;
    }
    vh_context_print(context, "\nIn numbers:\n%s", table);
    for (gsize i = 0; i < g_variant_n_children(explanations); i++) {
        g_autoptr(GVariant) one = g_variant_get_child_value(explanations, i);
        g_auto(GStrv) lines = lines_of(explanations, i);
        if (i == 0 && n_common > 0) {
            vh_context_print(context, "\nThe pool:\n");
            print_lines(context, lines, 0, n_common);
        }
        vh_context_print(context, "\n%s:\n", vh_doc_text(one, "name"));
        print_lines(context, lines, n_common, G_MAXUINT);
    }
}

/* Takes `plan`: the same with the explanations. */
static GVariant *with_explanations(GVariant *plan, GVariant *explanations)
{
    g_autoptr(GVariant) held = plan;
    GVariantDict whole;

    g_variant_dict_init(&whole, plan);
    g_variant_dict_insert_value(&whole, "explanations", explanations);
    return g_variant_ref_sink(g_variant_dict_end(&whole));
}

static VhExit run_plan(VhContext *context)
{
    g_autoptr(GError) error = NULL;

    if (!vh_context_open(context))
        return VH_EXIT_FAILURE;
    if (!context->backend->ops->refresh(context->backend, TRUE, &error))
        return vh_context_fail(context, g_steal_pointer(&error));
    g_autoptr(GVariant) plan = context->backend->ops->plan(context->backend, &error);
    if (plan == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    g_autoptr(GVariant) explanations = NULL;
    if (vh_context_flag(context, "explain")) {
        explanations = context->backend->ops->explain_all(context->backend, &error);
        if (explanations == NULL)
            return vh_context_fail(context, g_steal_pointer(&error));
        plan = with_explanations(plan, explanations);
    }
    if (vh_context_json(context, plan))
        return VH_EXIT_OK;
    print_plan(context, plan);
    if (explanations != NULL)
        print_explanations(context, plan, explanations);
    else
        vh_table_end(context);
    return VH_EXIT_OK;
}

static const VhOption plan_options[] = {
    {"explain", 'e', VH_OPTION_FLAG, NULL, "say of each guest why, with the numbers"},
    {NULL},
};

const VhCommand vh_cmd_plan = {
    .name = "plan",
    .summary = "show what would be asked now, and why not the others",
    .description = "Shows the pool, the guests that would be asked now, in order and for how\n"
                   "much, and for each other guest the reason why it is not. Nobody is asked by\n"
                   "it. Without the daemon this takes two samples of each guest: some seconds.",
    .access = VH_ACCESS_READ,
    .options = plan_options,
    .is_for_virsh = TRUE,
    .run = run_plan,
};
