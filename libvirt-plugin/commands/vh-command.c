/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table, and the way from a command line to the command that it names. */
#include "vh-command.h"

#include "vh-commands.h"
#include "vh-parse.h"

#include <string.h>

static const VhCommand *const commands[] = {
    &vh_cmd_list,      &vh_cmd_info, &vh_cmd_plan,  &vh_cmd_explain, &vh_cmd_ask, &vh_cmd_request,
    &vh_cmd_reporting, &vh_cmd_top,  &vh_cmd_check, &vh_cmd_reload,  NULL,
};

static const VhOption common_options[] = {
    {"connect", 'c', VH_OPTION_TEXTS, "URI", "the libvirt connection; may be repeated"},
    {"readonly", 'r', VH_OPTION_FLAG, NULL, "change nothing, whatever the command"},
    {"json", 'j', VH_OPTION_FLAG, NULL, "print JSON (docs/json.md has its keys)"},
    {"quiet", 'q', VH_OPTION_FLAG, NULL, "print results and errors only"},
    {"policy", 0, VH_OPTION_TEXT, "PATH", "use this policy, without the daemon"},
    {"bus", 0, VH_OPTION_TEXT, "ADDRESS", "the D-Bus address of the daemon's bus"},
    {"help", 'h', VH_OPTION_FLAG, NULL, "print help and exit"},
    {"version", 'V', VH_OPTION_FLAG, NULL, "print the version and exit"},
    {NULL},
};

const VhCommand *const *vh_commands(void)
{
    return commands;
}

const VhOption *vh_common_options(void)
{
    return common_options;
}

const VhCommand *vh_command_find(const char *name)
{
    for (guint i = 0; commands[i] != NULL; i++) {
        if (g_str_equal(commands[i]->name, name))
            return commands[i];
    }
    return NULL;
}

const VhCommand *vh_program_command(const VhProgram *program, guint index)
{
    guint n_common = G_N_ELEMENTS(commands) - 1;

    if (index < n_common)
        return commands[index];
    for (guint i = 0; program->extra != NULL && program->extra[i] != NULL; i++) {
        if (n_common + i == index)
            return program->extra[i];
    }
    return NULL;
}

static const VhCommand *find_command(const VhProgram *program, const char *name)
{
    const VhCommand *command;

    for (guint i = 0; (command = vh_program_command(program, i)) != NULL; i++) {
        if (g_str_equal(command->name, name))
            return command;
    }
    return NULL;
}

/* Levenshtein's distance of two words, by one row. */
static guint distance(const char *a, const char *b)
{
    gsize n = strlen(b);
    g_autofree guint *row = g_new(guint, n + 1);

    for (gsize j = 0; j <= n; j++)
        row[j] = (guint)j;
    for (gsize i = 0; a[i] != '\0'; i++) {
        guint diagonal = row[0];
        row[0] = (guint)i + 1;
        for (gsize j = 0; j < n; j++) {
            guint change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = MIN(change, MIN(row[j], row[j + 1]) + 1);
        }
    }
    return row[n];
}

const char *vh_command_nearest(const char *word, const char *const *words, guint n)
{
    const char *nearest = NULL;
    guint least = 3; /* beyond two typing errors a guess would mislead */

    if (strlen(word) < 2 || strlen(word) > 64)
        return NULL;
    for (guint i = 0; i < n; i++) {
        guint away = g_str_has_prefix(words[i], word) ? 1 : distance(word, words[i]);
        if (away < least && away < strlen(words[i])) {
            least = away;
            nearest = words[i];
        }
    }
    return nearest;
}

static VhExit usage_error(VhContext *context, const char *text)
{
    const VhCommand *command = context->command;

    vh_context_say(context, "%s", text);
    vh_context_say(context, "see '%s%s%s --help'", context->program->program,
                   command != NULL ? " " : "", command != NULL ? command->name : "");
    return VH_EXIT_USAGE;
}

static VhExit unknown_command(VhContext *context, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const VhCommand *command;

    for (guint i = 0; (command = vh_program_command(context->program, i)) != NULL; i++)
        g_ptr_array_add(names, (gpointer)command->name);
    const char *nearest = vh_command_nearest(name, (const char *const *)names->pdata, names->len);
    g_autofree char *text =
        nearest != NULL ? g_strdup_printf("unknown command '%s'; did you mean '%s'?", name, nearest)
                        : g_strdup_printf("unknown command '%s'", name);
    return usage_error(context, text);
}

/* What is asked for instead of a command's work; FALSE where it is the work. */
static gboolean print_about(VhContext *context)
{
    if (vh_context_flag(context, "help")) {
        g_autofree char *help = vh_command_help(context->program, context->command);
        vh_context_print(context, "%s", help);
        return TRUE;
    }
    if (vh_context_flag(context, "version")) {
        vh_context_print(context, "%s %s\n", context->program->program, context->program->version);
        return TRUE;
    }
    return FALSE;
}

static VhExit check_operands(VhContext *context)
{
    const VhCommand *command = context->command;
    guint n = context->operands->len;

    if (n < command->min_operands) {
        g_autofree char *text = g_strdup_printf("%s needs %s", command->name, command->operands);
        return usage_error(context, text);
    }
    if (n > command->max_operands) {
        g_autofree char *text = g_strdup_printf("%s does not take '%s'", command->name,
                                                vh_context_operand(context, command->max_operands));
        return usage_error(context, text);
    }
    return VH_EXIT_OK;
}

static VhExit run_command(const VhProgram *program, const VhCommand *command,
                          const VhContext *outer)
{
    g_autoptr(VhContext) context = vh_context_new(program, command);
    g_autoptr(GError) error = NULL;

    if (!vh_parse_arguments(context, (int)outer->operands->len,
                            (char *const *)outer->operands->pdata, FALSE, &error))
        return usage_error(context, error->message);
    vh_parse_inherit(context, outer);
    if (print_about(context))
        return VH_EXIT_OK;
    VhExit code = check_operands(context);
    return code == VH_EXIT_OK ? command->run(context) : code;
}

VhExit vh_command_main(const VhProgram *program, int argc, char *const *argv)
{
    g_autoptr(VhContext) outer = vh_context_new(program, NULL);
    g_autoptr(GError) error = NULL;

    if (!vh_parse_arguments(outer, argc, argv, TRUE, &error))
        return usage_error(outer, error->message);
    const char *name = vh_context_operand(outer, 0);
    const VhCommand *command = name != NULL ? find_command(program, name) : NULL;
    if (name != NULL && command == NULL)
        return unknown_command(outer, name);
    if (command == NULL) {
        if (print_about(outer))
            return VH_EXIT_OK;
        return usage_error(outer, "no command was given");
    }
    return run_command(program, command, outer);
}
