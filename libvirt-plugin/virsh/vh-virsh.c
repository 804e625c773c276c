/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of the commands in plain C, and one command's run with a main loop and signal handlers
 * of its own.
 */
#include "vh-virsh.h"

#include "vh-command.h"
#include "vh-provider.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PREFIX "hint-"
#define ERROR_START "error: "

/* Those by which people and systems end a program. */
static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP};

const char *vh_virsh_version(void)
{
    return VH_VERSION;
}

static VhProgram program_of(virConnectPtr connection, unsigned int flags)
{
    return (VhProgram){
        .program = "virsh",
        .version = VH_VERSION,
        .prefix = PREFIX,
        .provider = vh_provider_for_virsh(),
        .connection = connection,
        .is_read_only = (flags & VH_VIRSH_READ_ONLY) != 0,
        .is_quiet = (flags & VH_VIRSH_QUIET) != 0,
    };
}

static VhVirshContent content_of(VhWordsKind kind)
{
    switch (kind) {
    case VH_WORDS_LIST:
        return VH_VIRSH_WORD;
    case VH_WORDS_DOMAINS:
        return VH_VIRSH_DOMAIN;
    case VH_WORDS_FILES:
        return VH_VIRSH_FILE;
    case VH_WORDS_URIS:
        return VH_VIRSH_URI;
    case VH_WORDS_NONE:
    case VH_WORDS_COMMANDS:
        break;
    }
    return VH_VIRSH_ANYTHING;
}

static VhVirshOption of_operand(const VhOperand *operand)
{
    return (VhVirshOption){
        .name = operand->name,
        .help = operand->help,
        .kind = operand->count == VH_OPERAND_MANY ? VH_VIRSH_MANY : VH_VIRSH_VALUE,
        .content = content_of(operand->words.kind),
        .words = operand->words.list,
        .is_operand = TRUE,
        .is_required = operand->count != VH_OPERAND_OPTIONAL,
    };
}

static VhVirshOption of_option(const VhOption *option)
{
    return (VhVirshOption){
        .name = option->name,
        .help = option->help,
        .kind = option->kind == VH_OPTION_FLAG    ? VH_VIRSH_FLAG
                : option->kind == VH_OPTION_TEXTS ? VH_VIRSH_MANY
                                                  : VH_VIRSH_VALUE,
        .content = content_of(option->words.kind),
        .words = option->words.list,
    };
}

static VhVirshOption *options_of(const VhProgram *program, const VhCommand *command)
{
    GArray *list = g_array_new(TRUE, TRUE, sizeof(VhVirshOption)); /* an empty one ends it */
    const VhOption *option;

    for (guint i = 0; command->operands != NULL && command->operands[i].name != NULL; i++) {
        VhVirshOption entry = of_operand(&command->operands[i]);
        g_array_append_val(list, entry);
    }
    for (guint i = 0; (option = vh_program_option(program, command, i)) != NULL; i++) {
        VhVirshOption entry = of_option(option);
        g_array_append_val(list, entry);
    }
    return (VhVirshOption *)(gpointer)g_array_free(list, FALSE);
}

static VhVirshCommand *make_commands(void)
{
    const VhProgram program = program_of(NULL, 0);
    GArray *list = g_array_new(TRUE, TRUE, sizeof(VhVirshCommand));
    const VhCommand *command;

    for (guint i = 0; (command = vh_program_command(&program, i)) != NULL; i++) {
        if (!command->is_for_virsh)
            continue;
        VhVirshCommand entry = {
            .name = vh_program_name_of(&program, command),
            .summary = command->summary,
            .description = command->description,
            .options = options_of(&program, command),
        };
        g_array_append_val(list, entry);
    }
    return (VhVirshCommand *)(gpointer)g_array_free(list, FALSE);
}

const VhVirshCommand *vh_virsh_commands(void)
{
    static VhVirshCommand *commands; /* for ever */

    if (g_once_init_enter(&commands))
        g_once_init_leave(&commands, make_commands());
    return commands;
}

static void write_to_terminal(VhVirshStream stream, const char *text, void *data)
{
    if (stream == VH_VIRSH_OUT) {
        fputs(text, stdout);
        fflush(stdout);
        return;
    }
    fprintf(stderr, stream == VH_VIRSH_ERROR ? ERROR_START "%s\n" : "%s", text);
}

static void write_text(gboolean is_error, const char *text, gpointer data)
{
    static const VhVirshOutput terminal = {write_to_terminal, NULL};
    const VhVirshOutput *output = data != NULL ? data : &terminal;

    if (!is_error || !g_str_has_prefix(text, ERROR_START)) {
        output->write(is_error ? VH_VIRSH_ERR : VH_VIRSH_OUT, text, output->data);
        return;
    }
    gsize length = strlen(text);
    gsize end = length - (text[length - 1] == '\n');
    g_autofree char *message = g_strndup(text + strlen(ERROR_START), end - strlen(ERROR_START));
    output->write(VH_VIRSH_ERROR, message, output->data);
}

/* virsh writes to it, too. */
static gboolean is_lost(gpointer data)
{
    return fflush(stdout) != 0 || ferror(stdout);
}

static VhOutput output_of(const VhVirshOutput *output)
{
    VhOutput terminal = {
        .write = write_text,
        .is_lost = is_lost,
        .data = (gpointer)output,
        .out_is_tty = isatty(STDOUT_FILENO) == 1,
        .err_is_tty = isatty(STDERR_FILENO) == 1,
        .input_fd = -1,
    };
    struct winsize size;

    if (terminal.out_is_tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        terminal.width = size.ws_col;
        terminal.height = size.ws_row;
    }
    return terminal;
}

/* What a run changes of the process, and puts back. */
typedef struct {
    GMainContext *context;
    GCancellable *cancel;
    GSource *sources[G_N_ELEMENTS(ending_signals)];
    struct sigaction before[G_N_ELEMENTS(ending_signals)];
    struct sigaction pipe_before;
} Stage;

static gboolean on_signal(gpointer data)
{
    g_cancellable_cancel(data);
    return G_SOURCE_CONTINUE;
}

static void stage_enter(Stage *stage)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    stage->context = g_main_context_new();
    g_main_context_push_thread_default(stage->context);
    stage->cancel = g_cancellable_new();
    for (guint i = 0; i < G_N_ELEMENTS(ending_signals); i++) {
        sigaction(ending_signals[i], NULL, &stage->before[i]);
        stage->sources[i] = g_unix_signal_source_new(ending_signals[i]);
        g_source_set_callback(stage->sources[i], on_signal, stage->cancel, NULL);
        g_source_attach(stage->sources[i], stage->context);
    }
    /* a reader that has seen enough must not cut an ask short */
    sigaction(SIGPIPE, &ignore, &stage->pipe_before);
}

/* GLib sets its signals to their defaults when nobody listens to them any more. */
static void stage_leave(Stage *stage)
{
    for (guint i = 0; i < G_N_ELEMENTS(ending_signals); i++) {
        g_source_destroy(stage->sources[i]);
        g_source_unref(stage->sources[i]);
        sigaction(ending_signals[i], &stage->before[i], NULL);
    }
    sigaction(SIGPIPE, &stage->pipe_before, NULL);
    g_object_unref(stage->cancel);
    while (g_main_context_iteration(stage->context, FALSE))
        continue; /* what came late and holds something */
    g_main_context_pop_thread_default(stage->context);
    g_main_context_unref(stage->context);
}

/* `words` begins with the command's name. */
static VhExit run_words(virConnectPtr connection, unsigned int flags, int n,
                        const char *const *words, const VhVirshOutput *output)
{
    VhProgram program = program_of(connection, flags);
    const VhOutput out = output_of(output);
    g_autofree char **argv = g_new0(char *, n + 1); /* of borrowed words */
    Stage stage;

    memcpy(argv, words, (size_t)n * sizeof(*argv));
    stage_enter(&stage);
    program.output = &out;
    program.cancel = stage.cancel;
    const VhCommand *command = vh_program_find(&program, words[0]);
    VhExit code = VH_EXIT_FAILURE;
    if (command != NULL) {
        code = vh_command_run(&program, command, n, argv);
    } else {
        code = VH_EXIT_USAGE;
        g_autofree char *text = g_strdup_printf(ERROR_START "unknown command: '%s'\n", words[0]);
        out.write(TRUE, text, out.data);
    }
    stage_leave(&stage);
    return code;
}

int vh_virsh_run(virConnectPtr connection, unsigned int flags, const char *name, int n,
                 const char *const *arguments, const VhVirshOutput *output)
{
    g_autofree const char **words = g_new0(const char *, n + 2);

    words[0] = name;
    if (n > 0)
        memcpy(words + 1, arguments, (size_t)n * sizeof(*words));
    return (int)run_words(connection, flags, n + 1, words, output);
}

static void collect(VhVirshStream stream, const char *text, void *data)
{
    if (stream == VH_VIRSH_OUT)
        g_string_append(data, text);
}

char *vh_virsh_complete(virConnectPtr connection, int n, const char *const *words)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const VhVirshOutput output = {collect, text};
    g_autofree const char **all = g_new0(const char *, n + 3);

    all[0] = "complete";
    all[1] = "--";
    memcpy(all + 2, words, (size_t)n * sizeof(*all));
    if (run_words(connection, VH_VIRSH_READ_ONLY, n + 2, all, &output) != VH_EXIT_OK ||
        text->len == 0)
        return NULL;
    return strdup(text->str); /* for free(), whatever GLib allocates with */
}
