/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The help texts, made from the table, so that they cannot tell of what is not there. Lines stay
 * under 80 columns; a lint test holds that.
 */
#include "vh-command.h"

#define OPTION_COLUMN 28
#define COMMAND_COLUMN 24

static void add_option(GString *text, const VhOption *option)
{
    g_autoptr(GString) line = g_string_new("  ");

    if (option->letter != 0)
        g_string_append_printf(line, "-%c, ", option->letter);
    else
        g_string_append(line, "    ");
    g_string_append_printf(line, "--%s", option->name);
    if (option->value != NULL)
        g_string_append_printf(line, "=%s", option->value);
    while (line->len < OPTION_COLUMN)
        g_string_append_c(line, ' ');
    g_string_append_printf(text, "%s%s\n", line->str, option->help);
}

static void add_options(GString *text, const char *title, const VhOption *options)
{
    g_string_append_printf(text, "\n%s:\n", title);
    for (guint i = 0; options[i].name != NULL; i++)
        add_option(text, &options[i]);
}

static void add_commands(GString *text, const VhProgram *program)
{
    const VhCommand *command;

    g_string_append(text, "\nCommands:\n");
    for (guint i = 0; (command = vh_program_command(program, i)) != NULL; i++) {
        g_autofree char *usage = g_strdup_printf("%s %s", command->name, command->operands);
        g_string_append_printf(text, "  %-*s%s\n", COMMAND_COLUMN, g_strchomp(usage),
                               command->summary);
    }
}

char *vh_command_help(const VhProgram *program, const VhCommand *command)
{
    GString *text = g_string_new(NULL);

    if (command == NULL) {
        g_string_append_printf(text, "Usage: %s [OPTION...] COMMAND [ARGUMENT...]\n\n",
                               program->program);
        g_string_append(text, "Gets back the host memory that libvirt guests have freed.\n");
        add_commands(text, program);
        add_options(text, "Options", vh_common_options());
        g_string_append_printf(text,
                               "\n'%s COMMAND --help' tells more of a command.\n"
                               "Exit status: 0 done, 1 failed, 2 not understood.\n",
                               program->program);
        return g_string_free(text, FALSE);
    }
    g_string_append_printf(text, "Usage: %s %s [OPTION...]%s%s\n\n%s\n", program->program,
                           command->name, *command->operands != '\0' ? " " : "", command->operands,
                           command->description);
    if (command->options != NULL)
        add_options(text, "Options", command->options);
    add_options(text, "Common options", vh_common_options());
    return g_string_free(text, FALSE);
}
