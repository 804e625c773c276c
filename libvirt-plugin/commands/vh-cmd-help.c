/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* help and complete: about the commands themselves. help is where virsh has it. */
#include "vh-commands.h"
#include "vh-complete.h"
#include "vh-context.h"
#include "vh-help.h"

static VhExit run_help(VhContext *context)
{
    const VhProgram *program = context->program;
    const char *name = vh_context_operand(context, 0);
    gboolean is_all =
        name == NULL || (vh_program_is_virsh(program) && g_str_equal(name, VH_HELP_KEYWORD));
    const VhCommand *command = is_all ? NULL : vh_program_find(program, name);

    if (!is_all && command == NULL) {
        if (vh_program_is_virsh(program))
            vh_context_say(context, "command or command group '%s' doesn't exist", name);
        else
            vh_context_say(context, "there is no command '%s'; '%s help' lists them", name,
                           program->program);
        return VH_EXIT_USAGE;
    }
    g_autofree char *text = vh_command_help(program, command);
    vh_context_print(context, "%s", text);
    return VH_EXIT_OK;
}

static const VhOperand help_operands[] = {
    {"command", "what to tell of; without it, of all", VH_OPERAND_OPTIONAL, {VH_WORDS_COMMANDS}},
    {NULL},
};

const VhCommand vh_cmd_help = {
    .name = "help",
    .operands = help_operands,
    .summary = "print help",
    .description = "Lists the commands, or tells of one of them what its --help does.",
    .access = VH_ACCESS_NONE,
    .is_for_people = TRUE,
    .is_about = TRUE,
    .run = run_help,
};

static VhExit run_complete(VhContext *context)
{
    /* a key that was pressed changes nothing, and nothing but candidates is to be seen */
    vh_context_find_value(context, "readonly")->is_set = TRUE;
    vh_context_find_value(context, "quiet")->is_set = TRUE;
    g_autoptr(GPtrArray) found =
        vh_complete(context, (const char *const *)context->operands->pdata, context->operands->len);
    for (guint i = 0; i < found->len; i++)
        vh_context_print(context, "%s\n", (const char *)g_ptr_array_index(found, i));
    return VH_EXIT_OK;
}

static const VhOperand complete_operands[] = {
    {"word", "of the command line; the last one as it is so far", VH_OPERAND_MANY},
    {NULL},
};

const VhCommand vh_cmd_complete = {
    .name = "complete",
    .operands = complete_operands,
    .summary = "print what a command line can go on with",
    .description = "For shells: 'complete -- WORD...' prints a line for each word that the last\n"
                   "one can become; '" VH_COMPLETE_FILES "' alone: a path.",
    .access = VH_ACCESS_READ,
    .is_about = TRUE,
    .is_hidden = TRUE,
    .run = run_complete,
};
