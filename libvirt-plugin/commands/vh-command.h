/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command table: what each command is called, which operands and options it takes, and the
 * function that carries it out. virthint's main runs it; a dispatcher for virsh, or virsh itself,
 * can walk the same table under another prefix. Commands write through a context only.
 */
#pragma once

#include "vh-backend.h"

G_BEGIN_DECLS

/* How the program exits. */
typedef enum {
    VH_EXIT_OK = 0,
    VH_EXIT_FAILURE = 1, /* it could not be done; stderr says why */
    VH_EXIT_USAGE = 2,   /* it was not understood; stderr says what would be right */
} VhExit;

typedef enum {
    VH_OPTION_FLAG,
    VH_OPTION_TEXT,
    VH_OPTION_TEXTS, /* may be repeated */
    VH_OPTION_SIZE,
    VH_OPTION_DURATION,
} VhOptionKind;

typedef struct {
    const char *name; /* long, without the dashes; NULL ends a list */
    char letter;      /* 0: none */
    VhOptionKind kind;
    const char *value; /* the word for its value in the help: "SIZE" */
    const char *help;  /* starts in lower case, no full stop */
} VhOption;

typedef struct VhContext VhContext;

typedef struct {
    const char *name;        /* as typed: "list" */
    const char *operands;    /* for the usage line: "DOMAIN", "" */
    const char *summary;     /* one line for the list of commands, lower case */
    const char *description; /* for --help: sentences, each line under 80 columns */
    guint min_operands;
    guint max_operands; /* G_MAXUINT: any number */
    VhAccess access;
    const VhOption *options; /* ended by one without a name; NULL: none but the common ones */
    VhExit (*run)(VhContext *context);
} VhCommand;

/* NULL-terminated, in the order of the help. */
const VhCommand *const *vh_commands(void);

/* The options that every command takes. */
const VhOption *vh_common_options(void);

/* By name; NULL where there is none. */
const VhCommand *vh_command_find(const char *name);

/* Where a command writes, and whether a person reads it. */
typedef struct {
    /* Text as it is, UTF-8. */
    void (*write)(gboolean is_error, const char *text, gpointer data);
    gpointer data;
    gboolean out_is_tty;
    gboolean err_is_tty;
    guint width;  /* columns of the terminal; 0: unknown, nothing is cut */
    guint height; /* rows of the terminal; 0: unknown */
    int input_fd; /* where keys come from; -1: nobody types */
} VhOutput;

/* The program around the commands. All borrowed. */
typedef struct {
    const char *program; /* "virthint": for usage and errors */
    const char *version;
    const VhOutput *output;
    const VhBackendProvider *provider;
    GCancellable *cancel;          /* the program fires it on Ctrl-C; never NULL */
    const VhCommand *const *extra; /* commands that only this program has, NULL-terminated, shown
                                      behind the others; NULL: none */
} VhProgram;

/* The program's commands one by one, its own behind those of the table; NULL beyond the last. */
const VhCommand *vh_program_command(const VhProgram *program, guint index);

/*
 * Finds the command in `argv` (argv[0] is the program), parses its options and runs it. Options may
 * stand before and after the command. What is not understood gets a line that says what would be
 * right, and VH_EXIT_USAGE.
 */
VhExit vh_command_main(const VhProgram *program, int argc, char *const *argv);

/* The help text of the program (command NULL) or of one command. Free with g_free(). */
char *vh_command_help(const VhProgram *program, const VhCommand *command);

/* Of `n` words the one that `word` is most likely meant to be; NULL where none is near. */
const char *vh_command_nearest(const char *word, const char *const *words, guint n);

G_END_DECLS
