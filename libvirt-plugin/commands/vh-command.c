/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table, and the way from a command line to the command that it names. */
#include "vh-command.h"

#include "vh-commands.h"
#include "vh-parse.h"

#include <string.h>

static const VhCommand *const commands[] = {
    &vh_cmd_list,    &vh_cmd_info,      &vh_cmd_plan,   &vh_cmd_explain,  &vh_cmd_ask,
    &vh_cmd_request, &vh_cmd_reporting, &vh_cmd_policy, &vh_cmd_events,   &vh_cmd_top,
    &vh_cmd_check,   &vh_cmd_reload,    &vh_cmd_help,   &vh_cmd_complete, NULL,
};

const VhOperand vh_operand_domain[] = {
    {"domain", VH_OPERAND_DOMAIN_HELP, VH_OPERAND_REQUIRED, {VH_WORDS_DOMAINS}},
    {NULL},
};

static const VhOption common_options[] = {
    {"connect",
     'c',
     VH_OPTION_TEXTS,
     "URI",
     "the libvirt connection; may be repeated",
     {VH_WORDS_URIS},
     TRUE},
    {"readonly",
     'r',
     VH_OPTION_FLAG,
     NULL,
     "change nothing, whatever the command",
     {VH_WORDS_NONE},
     TRUE},
    {"json", 'j', VH_OPTION_FLAG, NULL, "print JSON (docs/json.md has its keys)"},
    {"raw", 0, VH_OPTION_FLAG, NULL, "print plain figures with tabs between them"},
    {"quiet", 'q', VH_OPTION_FLAG, NULL, "print results and errors only", {VH_WORDS_NONE}, TRUE},
    {"policy",
     0,
     VH_OPTION_TEXT,
     "PATH",
     "use this policy, without the daemon",
     {VH_WORDS_FILES},
     TRUE},
    {"bus",
     0,
     VH_OPTION_TEXT,
     "ADDRESS",
     "the D-Bus address of the daemon's bus",
     {VH_WORDS_NONE},
     TRUE},
    {"help", 'h', VH_OPTION_FLAG, NULL, "print help and exit", {VH_WORDS_NONE}, TRUE},
    {"version", 'V', VH_OPTION_FLAG, NULL, "print the version and exit", {VH_WORDS_NONE}, TRUE},
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

gboolean vh_program_is_virsh(const VhProgram *program)
{
    return program->prefix != NULL && *program->prefix != '\0';
}

const VhCommand *vh_program_find(const VhProgram *program, const char *name)
{
    gboolean is_virsh = vh_program_is_virsh(program);
    const VhCommand *command;

    for (guint i = 0; (command = vh_program_command(program, i)) != NULL; i++) {
        const char *rest = name;
        if (is_virsh && !command->is_about) {
            if (!command->is_for_virsh || !g_str_has_prefix(name, program->prefix))
                continue;
            rest = name + strlen(program->prefix);
        }
        if (g_str_equal(command->name, rest))
            return command;
    }
    return NULL;
}

char *vh_program_name_of(const VhProgram *program, const VhCommand *command)
{
    gboolean has_prefix = vh_program_is_virsh(program) && !command->is_about;
    return g_strconcat(has_prefix ? program->prefix : "", command->name, NULL);
}

const VhOption *vh_program_option(const VhProgram *program, const VhCommand *command, guint index)
{
    const VhOption *own = command != NULL ? command->options : NULL;
    guint n = 0;

    for (; own != NULL && own->name != NULL; own++) {
        if (n++ == index)
            return own;
    }
    for (guint i = 0; common_options[i].name != NULL; i++) {
        if (vh_program_is_virsh(program) && common_options[i].is_not_virshs)
            continue;
        if (n++ == index)
            return &common_options[i];
    }
    return NULL;
}

char *vh_command_operands(const VhCommand *command)
{
    static const char *const formats[] = {[VH_OPERAND_REQUIRED] = "%s%s",
                                          [VH_OPERAND_OPTIONAL] = "%s[%s]",
                                          [VH_OPERAND_MANY] = "%s%s..."};
    GString *text = g_string_new(NULL);

    for (guint i = 0; command->operands != NULL && command->operands[i].name != NULL; i++) {
        g_autofree char *name = g_ascii_strup(command->operands[i].name, -1);
        g_string_append_printf(text, formats[command->operands[i].count], i != 0 ? " " : "", name);
    }
    return g_string_free(text, FALSE);
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
    const VhProgram *program = context->program;

    vh_context_say(context, "%s", text);
    if (!vh_program_is_virsh(program))
        vh_context_say(context, "see '%s%s%s --help'", program->program,
                       context->command != NULL ? " " : "",
                       context->command != NULL ? context->command->name : "");
    return VH_EXIT_USAGE;
}

static char *unknown_text(const VhProgram *program, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const VhCommand *command;

    if (vh_program_is_virsh(program))
        return g_strdup_printf("unknown command: '%s'", name);
    for (guint i = 0; (command = vh_program_command(program, i)) != NULL; i++) {
        if (!command->is_hidden)
            g_ptr_array_add(names, (gpointer)command->name);
    }
    const char *nearest = vh_command_nearest(name, (const char *const *)names->pdata, names->len);
    return nearest != NULL
               ? g_strdup_printf("unknown command '%s'; did you mean '%s'?", name, nearest)
               : g_strdup_printf("unknown command '%s'", name);
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

/* Two forms of output at once are none. */
static gboolean check_forms(VhContext *context, GError **error)
{
    if (context->command->is_for_people && vh_context_flag(context, "raw")) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "%s is for people; --json is for programs",
                    context->command->name);
        return FALSE;
    }
    if (!vh_context_flag(context, "json") || !vh_context_flag(context, "raw"))
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                "--json and --raw are two forms of the same; leave one out");
    return FALSE;
}

/* What virsh would have left to the command fails there; see VhProgram.prefix. */
static VhExit exit_of(const VhProgram *program, VhExit code)
{
    return code == VH_EXIT_USAGE && vh_program_is_virsh(program) ? VH_EXIT_FAILURE : code;
}

/* `outer`: what stood before the command; NULL: nothing. */
static VhExit run_words(const VhProgram *program, const VhCommand *command, int argc,
                        char *const *argv, const VhContext *outer)
{
    g_autoptr(VhContext) context = vh_context_new(program, command);
    g_autoptr(GError) error = NULL;

    if (!vh_parse_arguments(context, argc, argv, FALSE, &error))
        return usage_error(context, error->message);
    if (outer != NULL)
        vh_parse_inherit(context, outer);
    if (print_about(context))
        return VH_EXIT_OK;
    if (!vh_parse_operands(context, &error))
        return usage_error(context, error->message);
    if (!vh_parse_values(context, &error) || !check_forms(context, &error))
        return exit_of(program, usage_error(context, error->message));
    return exit_of(program, command->run(context));
}

VhExit vh_command_run(const VhProgram *program, const VhCommand *command, int argc,
                      char *const *argv)
{
    return run_words(program, command, argc, argv, NULL);
}

VhExit vh_command_main(const VhProgram *program, int argc, char *const *argv)
{
    g_autoptr(VhContext) outer = vh_context_new(program, NULL);
    g_autoptr(GError) error = NULL;

    if (!vh_parse_arguments(outer, argc, argv, TRUE, &error))
        return usage_error(outer, error->message);
    if (outer->words->len == 0)
        return print_about(outer) ? VH_EXIT_OK : usage_error(outer, "no command was given");
    const char *name = g_ptr_array_index(outer->words, 0);
    const VhCommand *command = vh_program_find(program, name);
    if (command == NULL) {
        g_autofree char *text = unknown_text(program, name);
        return usage_error(outer, text);
    }
    return run_words(program, command, (int)outer->words->len, (char *const *)outer->words->pdata,
                     outer);
}
