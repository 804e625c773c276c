/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ask: one guest, by hand, with its progress. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-doc.h"
#include "vh-progress.h"
#include "vh-reporting-info.h"
#include "vh-show.h"
#include "vh-units.h"

static char *progress_text(const VhBackendProgress *progress)
{
    g_autofree char *taken = vh_format_size(progress->taken_bytes);
    g_autofree char *asked = vh_format_size(progress->asked_bytes);
    g_autofree char *returned = vh_format_size(progress->returned_bytes);

    if (progress->asked_bytes == 0)
        return g_strdup_printf("%s taken, %s returned", taken, returned);
    return g_strdup_printf("%s taken, %s of %s returned", taken, returned, asked);
}

static void show_progress(const VhBackendProgress *progress, gpointer data)
{
    g_autofree char *text = progress_text(progress);

    /* by what came back: the balloon may have to take more than that */
    vh_progress_show(data, progress->returned_bytes, progress->asked_bytes, text);
}

/* Whether the guest was asked as far as its own need allowed. */
static gboolean is_good(GVariant *outcome)
{
    const char *status = vh_doc_text(outcome, "status");
    return g_str_equal(status, "done") || g_str_equal(status, "backed-off");
}

static VhExit wait_for(VhContext *context, guint64 id)
{
    VhProgress state = {.context = context,
                        .cancelling =
                            "cancelling; waiting until the guest has all its memory back"};
    const char *domain = vh_context_operand(context, 0);
    g_autoptr(GError) error = NULL;

    g_autoptr(GVariant) outcome =
        context->backend->ops->wait(context->backend, id, show_progress, &state, &error);
    vh_progress_end(&state);
    if (outcome == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (!vh_context_machine(
            context, g_variant_new_parsed("{'id': <%t>, 'domain': <%s>, 'outcome': <%@a{sv}>}", id,
                                          domain, outcome))) {
        g_autofree char *text = vh_show_outcome(context, outcome);
        vh_context_print(context, "%s: %s\n", domain, text);
    }
    return is_good(outcome) ? VH_EXIT_OK : VH_EXIT_FAILURE;
}

/* Its own asks the daemon ends; a pass of anybody else's, the domain's QEMU. */
static gboolean cancel_any(VhContext *context, const char *domain, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (context->backend->ops->cancel(context->backend, domain, &cause))
        return TRUE;
    if (!g_error_matches(cause, VH_ERROR, VH_ERROR_GONE)) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    g_autoptr(GVariant) doc = vh_context_reporting(context, NULL, domain, VH_WISH_CANCEL, error);
    return doc != NULL;
}

static VhExit run_cancel(VhContext *context)
{
    static const char *const others[] = {"bytes", "granule", "deadline", "wait"};
    const char *domain = vh_context_operand(context, 0);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        if (vh_context_flag(context, others[i])) {
            vh_context_say(context,
                           "--cancel ends an ask, and --%s is for a new one; leave one out",
                           others[i]);
            return VH_EXIT_USAGE;
        }
    }
    if (!vh_context_open(context))
        return VH_EXIT_FAILURE;
    if (!cancel_any(context, domain, &error))
        return vh_context_fail(context, g_steal_pointer(&error));
    if (!vh_context_machine(
            context, g_variant_new_parsed("{'domain': <%s>, 'is_cancelled': <true>}", domain)))
        vh_context_print(context, "%s: what was under way is cancelled\n", domain);
    return VH_EXIT_OK;
}

/* FALSE, having said why, where the options make no sense. */
static gboolean read_wish(VhContext *context, VhAskWish *wish)
{
    *wish = (VhAskWish){
        .bytes = vh_context_value(context, "bytes")->bytes,
        .granule_bytes = vh_context_value(context, "granule")->bytes,
        .deadline_us = vh_context_value(context, "deadline")->us,
    };
    if (vh_context_flag(context, "bytes") && wish->bytes == 0) {
        vh_context_say(context,
                       "--bytes: 0 asks for nothing; leave it out to ask for all that is expected");
        return FALSE;
    }
    if (vh_context_flag(context, "granule") &&
        !vh_reporting_granule_is_valid(wish->granule_bytes)) {
        vh_context_say(
            context, "--granule: not a power of two from 4KiB to 1GiB; leave it out for what suits "
                     "the guest best");
        return FALSE;
    }
    return TRUE;
}

static VhExit run_ask(VhContext *context)
{
    const char *domain = vh_context_operand(context, 0);
    g_autoptr(GError) error = NULL;
    VhAskWish wish;

    if (vh_context_flag(context, "readonly")) {
        vh_context_say(context, "an ask changes a guest; leave --readonly out");
        return VH_EXIT_USAGE;
    }
    if (vh_context_flag(context, "cancel"))
        return run_cancel(context);
    if (!read_wish(context, &wish))
        return VH_EXIT_USAGE;
    if (!vh_context_open(context))
        return VH_EXIT_FAILURE;
    guint64 id = context->backend->ops->ask(context->backend, domain, &wish, &error);
    if (id == 0)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (context->backend->must_wait || vh_context_flag(context, "wait"))
        return wait_for(context, id);
    if (!vh_context_machine(context,
                            g_variant_new_parsed("{'id': <%t>, 'domain': <%s>}", id, domain)))
        vh_context_print(context, "%s: ask %" G_GUINT64_FORMAT " has started\n", domain, id);
    return VH_EXIT_OK;
}

static const VhOption ask_options[] = {
    {"bytes", 'b', VH_OPTION_SIZE, "SIZE", "how much (512MiB, 1.5GiB); default: all expected"},
    {"granule", 'g', VH_OPTION_SIZE, "SIZE", "by a pass over free blocks of SIZE or more"},
    {"deadline", 'd', VH_OPTION_DURATION, "DURATION", "give up after this long (30s, 2min)"},
    {"wait", 'w', VH_OPTION_FLAG, NULL, "wait for the end, showing progress"},
    {"cancel", 'x', VH_OPTION_FLAG, NULL, "end the ask that is under way"},
    {NULL},
};

const VhCommand vh_cmd_ask = {
    .name = "ask",
    .operands = vh_operand_domain,
    .summary = "ask one guest for its free memory",
    .description = "Asks one guest for memory that it has freed. What protects guests from harm\n"
                   "is respected; the pool's level and the cooldown are not. With --wait it\n"
                   "shows the progress; Ctrl-C then cancels, and ends when the guest has all\n"
                   "its memory back. Without the daemon it always waits. Exit status 0: the ask\n"
                   "was carried out, also where it backed off because the guest needed its\n"
                   "memory.\n"
                   "\n"
                   "A guest with a patched QEMU and our driver (tier native) can be asked by a\n"
                   "pass, which takes nothing away from it. --granule does that: a power of two\n"
                   "from 4KiB to 1GiB, the smallest free blocks worth it. It is a QEMU monitor\n"
                   "command, as is --cancel of a pass: libvirt marks the domain as tainted by\n"
                   "that, as long as it runs.",
    .access = VH_ACCESS_ASK,
    .options = ask_options,
    .is_for_virsh = TRUE,
    .run = run_ask,
};
