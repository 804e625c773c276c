/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reporting: a guest's free page reporting, looked at and switched while it runs. */
#include "vh-commands.h"
#include "vh-context.h"
#include "vh-show.h"
#include "vh-text.h"

static const char *const modes[] = {"on", "off", NULL};

/* FALSE where the operand is no such word. */
static gboolean wish_of(const VhContext *context, VhReportingWish *ret_wish)
{
    const char *mode = vh_context_operand(context, 1);

    if (mode == NULL)
        *ret_wish = VH_WISH_SHOW;
    else if (g_str_equal(mode, "on"))
        *ret_wish = VH_WISH_ON;
    else if (g_str_equal(mode, "off"))
        *ret_wish = VH_WISH_OFF;
    else
        return FALSE;
    return TRUE;
}

static VhExit run_reporting(VhContext *context)
{
    VhReportingWish wish;
    g_autoptr(GError) error = NULL;

    if (!wish_of(context, &wish)) {
        g_autofree char *quoted = vh_text_quote(vh_context_operand(context, 1));
        g_autofree char *right = vh_text_join_or(modes);
        vh_context_say(context, "MODE: %s is none; right would be %s", quoted, right);
        return VH_EXIT_USAGE;
    }
    if (vh_context_flag(context, "readonly")) {
        vh_context_say(context, "a monitor command needs a connection that may write; leave "
                                "--readonly out");
        return VH_EXIT_USAGE;
    }
    g_autoptr(GVariant) doc =
        vh_context_reporting(context, NULL, vh_context_operand(context, 0), wish, &error);
    if (doc == NULL)
        return vh_context_fail(context, g_steal_pointer(&error));
    if (vh_context_machine(context, doc))
        return VH_EXIT_OK;
    g_autofree char *line = vh_show_reporting(doc);
    vh_context_print(context, "%s\n", line);
    if (wish != VH_WISH_SHOW)
        return VH_EXIT_OK;
    g_autofree char *text = vh_show_document(context, doc);
    vh_context_print(context, "%s", text);
    return VH_EXIT_OK;
}

static const VhOperand reporting_operands[] = {
    {"domain", VH_OPERAND_DOMAIN_HELP, VH_OPERAND_REQUIRED, {VH_WORDS_DOMAINS}},
    {"mode", "on or off; without it, it is shown", VH_OPERAND_OPTIONAL, {VH_WORDS_LIST, modes}},
    {NULL},
};

const VhCommand vh_cmd_reporting = {
    .name = "reporting",
    .operands = reporting_operands,
    .summary = "show or switch a guest's page reporting",
    .description = "Shows the guest's free page reporting, as its QEMU tells it: the mode, what\n"
                   "keeps it from working, the last pass, counters. MODE 'on' or 'off' switches\n"
                   "it while the guest runs, until the guest is shut down. The QEMU must be one\n"
                   "that can (qemu-patches/). It is asked over an own libvirt connection,\n"
                   "whether or not the daemon runs, by a QEMU monitor command: libvirt marks\n"
                   "the domain as tainted by that, as long as it runs.",
    .access = VH_ACCESS_ASK,
    .is_for_virsh = TRUE,
    .run = run_reporting,
};
