/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* top: the list and the plan, live. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-loop.h"
#include "vh-screen.h"
#include "vh-show.h"
#include "vh-table.h"
#include "vh-units.h"

#define DEFAULT_INTERVAL_US (2 * VH_SEC)
#define MIN_INTERVAL_US (200 * VH_MS)

/* Both documents of one moment. */
static gboolean look(VhContext *context, GVariant **ret_domains, GVariant **ret_plan,
                     GError **error)
{
    const VhBackendOps *ops = context->backend->ops;

    if (!ops->refresh(context->backend, FALSE, error))
        return FALSE;
    g_autoptr(GVariant) domains = ops->list(context->backend, error);
    if (domains == NULL)
        return FALSE;
    GVariant *plan = ops->plan(context->backend, error);
    if (plan == NULL)
        return FALSE;
    *ret_domains = g_steal_pointer(&domains);
    *ret_plan = plan;
    return TRUE;
}

static char *frame_of(const VhContext *context, GVariant *domains, GVariant *plan)
{
    g_autofree char *now = vh_show_time(g_get_real_time());
    g_autofree char *pool = vh_show_pool(context, plan);
    g_autofree char *table = vh_show_domains(context, domains, FALSE, NULL);
    g_autofree char *asks = vh_show_asks(context, plan);
    g_autofree char *requests = vh_show_open_requests(context, plan);

    return g_strdup_printf("%s  %s\n\n%s%s%s%s%s", now, pool, table,
                           *asks != '\0' ? "\nAsked next:\n" : "", asks,
                           *requests != '\0' ? "\nRequests:\n" : "", requests);
}

static VhExit print_once(VhContext *context)
{
    g_autoptr(GVariant) domains = NULL;
    g_autoptr(GVariant) plan = NULL;
    g_autoptr(GError) error = NULL;

    if (!look(context, &domains, &plan, &error))
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_json(context, g_variant_new_parsed("{'plan': <%@a{sv}>, 'domains': <%@aa{sv}>}",
                                                      plan, domains)))
        return VH_EXIT_OK;
    g_autofree char *frame = frame_of(context, domains, plan);
    vh_context_print(context, "%s", frame);
    vh_table_end(context);
    return VH_EXIT_OK;
}

static VhExit run_live(VhContext *context, gint64 interval_us)
{
    GCancellable *quit = context->program->cancel;
    g_autoptr(VhScreen) screen = vh_screen_new(context->program->output, quit);

    while (!g_cancellable_is_cancelled(quit)) {
        g_autoptr(GVariant) domains = NULL;
        g_autoptr(GVariant) plan = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *frame =
            look(context, &domains, &plan, &error) ? frame_of(context, domains, plan) : NULL;
        /* a daemon or connection that went away may come back: go on, and say so meanwhile */
        vh_screen_draw(screen, frame != NULL ? frame : error->message);
        vh_loop_wait(interval_us, quit);
    }
    return VH_EXIT_OK;
}

static VhExit run_top(VhContext *context)
{
    const VhValue *interval = vh_context_value(context, "interval");
    gboolean is_once = vh_context_flag(context, "once") || vh_context_flag(context, "json") ||
                       !context->program->output->out_is_tty;

    if (interval->is_set && interval->us < MIN_INTERVAL_US) {
        vh_context_say(context, "--interval: at least 200ms");
        return VH_EXIT_USAGE;
    }
    if (!vh_context_open(context))
        return VH_EXIT_FAILURE;
    if (is_once)
        return print_once(context);
    return run_live(context, interval->is_set ? interval->us : DEFAULT_INTERVAL_US);
}

static const VhOption top_options[] = {
    {"interval", 'i', VH_OPTION_DURATION, "DURATION", "time between two looks; default: 2s"},
    {"once", '1', VH_OPTION_FLAG, NULL, "print once and exit"},
    {NULL},
};

const VhCommand vh_cmd_top = {
    .name = "top",
    .summary = "watch the guests and the plan live",
    .description = "Shows the pool, the guests and the next asks, again and again, until 'q' or\n"
                   "Ctrl-C. Where the output is not a terminal, and with --json, it prints once.",
    .access = VH_ACCESS_READ,
    .is_for_people = TRUE,
    .options = top_options,
    .run = run_top,
};
