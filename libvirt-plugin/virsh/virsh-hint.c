/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virsh-hint: what the dispatcher runs in place of virsh where a hint-* command may be meant. It
 * reads virsh's own options as virsh does, carries out what is ours by libvirthint-virsh, and hands
 * all else, untouched, to the real virsh.
 */
#include "vh-virsh.h"

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <libvirt/virterror.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREFIX "hint-"
#define NOT_UNDERSTOOD 2 /* of vh_virsh_run(): virsh prints nothing behind that */
#define GROUP "hint"     /* of `virsh help hint` */

typedef struct {
    const char *real; /* virsh; NULL: there is none */
    char **argv;      /* of virsh, as it was called */
    int n_argv;
    const char *uri;
    gboolean is_read_only, is_quiet, is_timed;
    gboolean is_virshs; /* an option that only virsh understands, or an error */
    char **words;       /* the command and what follows it; borrowed from argv */
    int n_words;
} Call;

static void say(const char *text)
{
    fprintf(stderr, "error: %s\n", text);
}

/* The real virsh takes over; returns only where it cannot. */
static int hand_over(const Call *call)
{
    if (call->real == NULL) {
        say("there is no virsh in PATH; virsh-hint has the hint- commands only");
        return EXIT_FAILURE;
    }
    execv(call->real, call->argv);
    g_autofree char *text = g_strdup_printf("cannot run %s: %s", call->real, g_strerror(errno));
    say(text);
    return EXIT_FAILURE;
}

/* Runs the real virsh with the same words, as a child; its exit status. */
static int run_real(const Call *call)
{
    g_autoptr(GError) error = NULL;
    int status = 0;

    if (call->real == NULL)
        return EXIT_SUCCESS;
    g_autofree char *argv0 = g_strdup(call->real);
    g_autofree char **argv = g_new0(char *, call->n_argv + 1);
    memcpy(argv, call->argv, (size_t)call->n_argv * sizeof(*argv));
    argv[0] = argv0;
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL,
                      &status, &error)) {
        say(error->message);
        return EXIT_FAILURE;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* virsh's own options, as its man page lists them. */
static void read_options(Call *call)
{
    static const struct option options[] = {
        {"connect", required_argument, NULL, 'c'},
        {"debug", required_argument, NULL, 'd'},
        {"escape", required_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {"keepalive-interval", required_argument, NULL, 'k'},
        {"keepalive-count", required_argument, NULL, 'K'},
        {"log", required_argument, NULL, 'l'},
        {"quiet", no_argument, NULL, 'q'},
        {"readonly", no_argument, NULL, 'r'},
        {"timing", no_argument, NULL, 't'},
        {"version", optional_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int option;

    opterr = 0; /* virsh says what is wrong */
    while ((option = getopt_long(call->n_argv, call->argv, "+:c:d:e:hk:K:l:qrtv::V", options,
                                 NULL)) != -1) {
        switch (option) {
        case 'c':
            call->uri = optarg;
            break;
        case 'q':
            call->is_quiet = TRUE;
            break;
        case 'r':
            call->is_read_only = TRUE;
            break;
        case 't':
            call->is_timed = TRUE;
            break;
        case 'd': /* of no use here */
        case 'e':
        case 'k':
        case 'K':
        case 'l':
            break;
        default:
            call->is_virshs = TRUE;
            break;
        }
    }
    call->words = call->argv + optind;
    call->n_words = call->n_argv - optind;
}

/* libvirt's own loop, for events and keepalive, as virsh has it. */
static gpointer run_events(gpointer data)
{
    for (;;) {
        if (virEventRunDefaultImpl() < 0)
            return NULL;
    }
}

static virConnectPtr open_connection(const Call *call, gboolean is_read_only)
{
    const char *uri = call->uri != NULL ? call->uri : g_getenv("VIRSH_DEFAULT_CONNECT_URI");
    virConnectPtr connection;

    if (virEventRegisterDefaultImpl() == 0)
        g_thread_unref(g_thread_new("libvirt-events", run_events, NULL));
    connection =
        virConnectOpenAuth(uri, virConnectAuthPtrDefault, is_read_only ? VIR_CONNECT_RO : 0);
    if (connection == NULL) {
        say("failed to connect to the hypervisor");
        say(virGetLastErrorMessage());
    }
    return connection;
}

/* Whether a command is certainly asked about rather than to be run, so that it takes no connection.
 * Behind an option "--help" may be its value, and behind "--" it is a name. */
static gboolean is_about(int n, char *const *words)
{
    for (int i = 1; i < n && !g_str_equal(words[i], "--"); i++) {
        if (g_str_equal(words[i], "--help") && !g_str_has_prefix(words[i - 1], "--"))
            return TRUE;
    }
    return g_str_equal(words[0], "help");
}

/* One command of ours. What virsh prints behind each is printed here, too. */
static int run_command(const Call *call, virConnectPtr connection, int n, char *const *words)
{
    unsigned int flags =
        (call->is_read_only ? VH_VIRSH_READ_ONLY : 0) | (call->is_quiet ? VH_VIRSH_QUIET : 0);
    gint64 started_us = g_get_monotonic_time();
    int code =
        vh_virsh_run(connection, flags, words[0], n - 1, (const char *const *)words + 1, NULL);

    if (code == NOT_UNDERSTOOD)
        return EXIT_FAILURE;
    if (call->is_timed)
        printf("\n(Time: %.3f ms)\n\n", (double)(g_get_monotonic_time() - started_us) / 1000);
    else if (!call->is_quiet)
        printf("\n");
    fflush(stdout);
    return code;
}

/* `lists` of words, each a command. The exit status is the last one's. */
static int run_commands(const Call *call, GPtrArray *lists)
{
    virConnectPtr connection = NULL;
    int code = EXIT_SUCCESS;

    for (guint i = 0; i < lists->len; i++) {
        char **words = lists->pdata[i];
        int n = (int)g_strv_length(words);
        if (connection == NULL && !is_about(n, words)) {
            connection = open_connection(call, call->is_read_only);
            if (connection == NULL)
                return EXIT_FAILURE;
        }
        code = run_command(call, connection, n, words);
    }
    if (connection != NULL)
        virConnectClose(connection);
    return code;
}

static gboolean is_ours(const char *word)
{
    return g_str_has_prefix(word, PREFIX);
}

/* A command string ("hint-list; hint-info web1") in its commands: at what is a semicolon or a
 * newline outside of quotes. */
static char **split_string(const char *string)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new();
    g_autoptr(GString) part = g_string_new(NULL);
    char quote = '\0';

    for (const char *at = string; *at != '\0'; at++) {
        if (*at == '\\' && quote != '\'' && at[1] != '\0') {
            g_string_append_c(part, *at++);
        } else if (quote == '\0' && (*at == ';' || *at == '\n')) {
            g_ptr_array_add(parts, g_strdup(part->str));
            g_string_truncate(part, 0);
            continue;
        } else if (quote == '\0' ? (*at == '"' || *at == '\'') : *at == quote) {
            quote = quote == '\0' ? *at : '\0';
        }
        g_string_append_c(part, *at);
    }
    g_ptr_array_add(parts, g_strdup(part->str));
    g_ptr_array_add(parts, NULL);
    return (char **)g_ptr_array_steal(parts, NULL);
}

/* The commands of a string as lists of words. NULL: it is the real virsh's, as it cannot be read,
 * or names nothing of ours. */
static GPtrArray *read_string(const char *string, gboolean *ret_is_mixed)
{
    g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    g_auto(GStrv) parts = split_string(string);
    guint n_ours = 0;

    for (guint i = 0; parts[i] != NULL; i++) {
        char **words;
        if (*g_strstrip(parts[i]) == '\0')
            continue;
        if (!g_shell_parse_argv(parts[i], NULL, &words, NULL))
            return NULL;
        g_ptr_array_add(lists, words);
        n_ours += is_ours(words[0]);
    }
    *ret_is_mixed = n_ours != lists->len;
    return n_ours != 0 ? g_steal_pointer(&lists) : NULL;
}

/* `virsh "hint-list; hint-info web1"` */
static int run_string(const Call *call)
{
    gboolean is_mixed;
    g_autoptr(GPtrArray) lists = read_string(call->words[0], &is_mixed);

    if (lists == NULL)
        return hand_over(call);
    if (is_mixed) {
        say("one string cannot hold hint- commands and others, unless virsh itself was built "
            "with them; run them one by one");
        return EXIT_FAILURE;
    }
    return run_commands(call, lists);
}

static int run_one(const Call *call)
{
    g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);

    g_ptr_array_add(lists, g_strdupv(call->words));
    return run_commands(call, lists);
}

/* `virsh complete -- WORD...`: candidates for the last word, one a line. */
static int complete(const Call *call)
{
    gboolean has_dashes = call->n_words > 1 && g_str_equal(call->words[1], "--");
    char *const *words = call->words + 1 + has_dashes;
    int n = call->n_words - 1 - has_dashes;
    int code = EXIT_SUCCESS;
    virConnectPtr connection = NULL;

    if (n < 1 || (n > 1 && !is_ours(words[0]) && !g_str_equal(words[0], "help")))
        return hand_over(call);
    if (n == 1 || !is_ours(words[0]))
        code = run_real(call);
    else
        connection = open_connection(call, TRUE); /* for names of domains */
    char *candidates = vh_virsh_complete(connection, n, (const char *const *)words);
    if (candidates != NULL)
        fputs(candidates, stdout);
    free(candidates);
    if (connection != NULL)
        virConnectClose(connection);
    return code;
}

/* `virsh help`, with or without a command or a group of them. */
static int help(const Call *call)
{
    const char *const group[] = {GROUP};
    const char *topic = call->n_words > 1 ? call->words[call->n_words - 1] : NULL;

    if (topic != NULL && !is_ours(topic) && !g_str_equal(topic, GROUP))
        return hand_over(call);
    if (topic != NULL)
        return run_one(call);
    int code = run_real(call);
    return vh_virsh_run(NULL, 0, "help", 1, group, NULL) != 0 ? EXIT_FAILURE : code;
}

static int dispatch(const Call *call)
{
    if (call->is_virshs || call->n_words == 0)
        return hand_over(call);
    if (call->n_words == 1 && strpbrk(call->words[0], "; \t\n") != NULL)
        return run_string(call);
    if (g_str_equal(call->words[0], "complete"))
        return complete(call);
    if (g_str_equal(call->words[0], "help"))
        return help(call);
    return is_ours(call->words[0]) ? run_one(call) : hand_over(call);
}

static void ignore_error(void *data, virErrorPtr error)
{
}

/* virsh-hint [--virsh PATH] [VIRSH-OPTION...] COMMAND... */
int main(int argc, char **argv)
{
    gboolean has_real = argc > 2 && g_str_equal(argv[1], "--virsh");
    Call call = {.real = has_real ? argv[2] : NULL};

    setlocale(LC_ALL, "");
    virSetErrorFunc(NULL, ignore_error); /* ours are said once */
    call.argv = argv + (has_real ? 2 : 0);
    call.n_argv = argc - (has_real ? 2 : 0);
    if (has_real)
        call.argv[0] = "virsh";
    read_options(&call);
    return dispatch(&call);
}
