/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The help texts, made from the table, so that they cannot tell of what is not there: in our own
 * form, and in that of virsh's help. Lines stay under 80 columns; a lint test holds that.
 */
#include "vh-help.h"

#include "vh-command.h"

#define OPTION_COLUMN 28
#define COMMAND_COLUMN 24

/* "  -b, --bytes=SIZE        how much", with what begins the line given. */
static void add_line(GString *text, const char *start, const char *help)
{
    g_string_append_printf(text, "%-*s%s%s\n", OPTION_COLUMN, start,
                           g_utf8_strlen(start, -1) >= OPTION_COLUMN ? " " : "", help);
}

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
    add_line(text, line->str, option->help);
}

static void add_options(GString *text, const char *title, const VhOption *options)
{
    g_string_append_printf(text, "\n%s:\n", title);
    for (guint i = 0; options[i].name != NULL; i++)
        add_option(text, &options[i]);
}

static void add_operands(GString *text, const VhOperand *operands)
{
    g_string_append(text, "\nArguments:\n");
    for (guint i = 0; operands[i].name != NULL; i++) {
        g_autofree char *name = g_ascii_strup(operands[i].name, -1);
        g_autofree char *start = g_strconcat("  ", name, NULL);
        add_line(text, start, operands[i].help);
    }
}

static void add_commands(GString *text, const VhProgram *program)
{
    const VhCommand *command;

    g_string_append(text, "\nCommands:\n");
    for (guint i = 0; (command = vh_program_command(program, i)) != NULL; i++) {
        g_autofree char *operands = vh_command_operands(command);
        g_autofree char *usage = g_strdup_printf("%s %s", command->name, operands);
        if (!command->is_hidden)
            g_string_append_printf(text, "  %-*s%s\n", COMMAND_COLUMN, g_strchomp(usage),
                                   command->summary);
    }
}

static char *own_help(const VhProgram *program, const VhCommand *command)
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
    g_autofree char *operands = vh_command_operands(command);
    g_string_append_printf(text, "Usage: %s %s [OPTION...]%s%s\n\n%s\n", program->program,
                           command->name, *operands != '\0' ? " " : "", operands,
                           command->description);
    if (command->operands != NULL)
        add_operands(text, command->operands);
    if (command->options != NULL)
        add_options(text, "Options", command->options);
    add_options(text, "Common options", vh_common_options());
    return g_string_free(text, FALSE);
}

static void add_virsh_synopsis(GString *text, const VhProgram *program, const VhCommand *command)
{
    static const char *const formats[] = {[VH_OPERAND_REQUIRED] = " <%s>",
                                          [VH_OPERAND_OPTIONAL] = " [<%s>]",
                                          [VH_OPERAND_MANY] = " <%s>..."};
    g_autofree char *name = vh_program_name_of(program, command);
    const VhOption *option;

    g_string_append_printf(text, "\n  SYNOPSIS\n    %s", name);
    for (guint i = 0; command->operands != NULL && command->operands[i].name != NULL; i++)
        g_string_append_printf(text, formats[command->operands[i].count],
                               command->operands[i].name);
    for (guint i = 0; (option = vh_program_option(program, command, i)) != NULL; i++)
        g_string_append_printf(text,
                               option->kind == VH_OPTION_FLAG    ? " [--%s]"
                               : option->kind == VH_OPTION_TEXTS ? " [--%s <string>]..."
                                                                 : " [--%s <string>]",
                               option->name);
    g_string_append_c(text, '\n');
}

static void add_virsh_options(GString *text, const VhProgram *program, const VhCommand *command)
{
    const VhOption *option;

    g_string_append(text, "\n  OPTIONS\n");
    for (guint i = 0; command->operands != NULL && command->operands[i].name != NULL; i++) {
        g_autofree char *start = g_strdup_printf("[--%s] <string>", command->operands[i].name);
        g_string_append_printf(text, "    %-15s  %s\n", start, command->operands[i].help);
    }
    for (guint i = 0; (option = vh_program_option(program, command, i)) != NULL; i++) {
        g_autofree char *start = g_strdup_printf("--%s%s", option->name,
                                                 option->kind == VH_OPTION_FLAG ? "" : " <string>");
        g_string_append_printf(text, "    %-15s  %s\n", start, option->help);
    }
}

/* As virsh prints the help of its commands, and of a group of them. */
static char *virsh_help(const VhProgram *program, const VhCommand *command)
{
    GString *text = g_string_new(NULL);

    if (command == NULL) {
        g_string_append_printf(text, " Free page hinting (help keyword '%s'):\n", VH_HELP_KEYWORD);
        for (guint i = 0; (command = vh_program_command(program, i)) != NULL; i++) {
            g_autofree char *name = vh_program_name_of(program, command);
            if (command->is_for_virsh)
                g_string_append_printf(text, "    %-30s %s\n", name, command->summary);
        }
        return g_string_free(text, FALSE);
    }
    g_autofree char *name = vh_program_name_of(program, command);
    g_auto(GStrv) lines = g_strsplit(command->description, "\n", -1);
    g_string_append_printf(text, "  NAME\n    %s - %s\n", name, command->summary);
    add_virsh_synopsis(text, program, command);
    g_string_append(text, "\n  DESCRIPTION\n");
    for (guint i = 0; lines[i] != NULL; i++)
        g_string_append_printf(text, "%s%s\n", *lines[i] != '\0' ? "    " : "", lines[i]);
    add_virsh_options(text, program, command);
    return g_string_free(text, FALSE);
}

char *vh_command_help(const VhProgram *program, const VhCommand *command)
{
    return vh_program_is_virsh(program) ? virsh_help(program, command) : own_help(program, command);
}
