/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan: what would be asked now, in order, and why the others are not. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-show.h"

static void print_plan(VhContext *context, GVariant *plan)
{
    g_autofree char *pool = vh_show_pool(context, plan);
    g_autofree char *asks = vh_show_asks(context, plan);
    g_autofree char *refusals = vh_show_refusals(context, plan);

    vh_context_print(context, "%s\n\n", pool);
    if (*asks != '\0')
        vh_context_print(context, "Asked, in this order:\n%s", asks);
    else
        vh_context_print(context, "Nobody is asked.\n");
    if (*refusals != '\0')
        vh_context_print(context, "\nNot asked:\n%s", refusals);
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
    if (!vh_context_json(context, plan))
        print_plan(context, plan);
    return VH_EXIT_OK;
}

const VhCommand vh_cmd_plan = {
    .name = "plan",
    .operands = "",
    .summary = "show what would be asked now, and why not the others",
    .description =
        "Shows the pool, the guests that would be asked now, in order and for how\n"
        "much, and for each other guest the reason why it is not. Nobody is asked by it.\n"
        "Without the daemon this takes two samples of each guest: some seconds.",
    .access = VH_ACCESS_READ,
    .run = run_plan,
};
