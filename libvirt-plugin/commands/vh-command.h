/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command table: what each command is called, which operands and options it takes, and the
 * function that carries it out. virthint's main runs it; a dispatcher for virsh, and virsh itself,
 * walk the same table under another prefix. Commands write through a context only.
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

/* What an operand or the value of an option can be: for completion. */
typedef enum {
    VH_WORDS_NONE,     /* nobody can tell */
    VH_WORDS_LIST,     /* those of a list */
    VH_WORDS_DOMAINS,  /* a domain's name, id or UUID */
    VH_WORDS_FILES,    /* a path */
    VH_WORDS_URIS,     /* a libvirt connection */
    VH_WORDS_COMMANDS, /* a command of the program */
} VhWordsKind;

typedef struct {
    VhWordsKind kind;
    const char *const *list;           /* VH_WORDS_LIST: NULL-terminated, static; else NULL */
    const char *const *(*names)(void); /* VH_WORDS_LIST of a program's own command, where `list` is
                                          NULL: returns it */
} VhWords;

typedef enum {
    VH_OPTION_FLAG,
    VH_OPTION_TEXT,
    VH_OPTION_TEXTS, /* may be repeated */
    VH_OPTION_SIZE,
    VH_OPTION_DURATION,
} VhOptionKind;

typedef struct {
    const char *name; /* long, without the dashes; NULL ends a list */
    char letter;      /* 0: none; virsh knows no letters */
    VhOptionKind kind;
    const char *value; /* the word for its value in the help: "SIZE"; NULL for a flag */
    const char *help;  /* starts in lower case, no full stop */
    VhWords words;
    gboolean is_not_virshs; /* of a common option: virsh has its own one, or no use for it */
} VhOption;

typedef enum {
    VH_OPERAND_REQUIRED,
    VH_OPERAND_OPTIONAL, /* none or one */
    VH_OPERAND_MANY,     /* one or more; the last of its command */
} VhOperandCount;

/* Given in its place, or as an option of its name: "web1" or "--domain web1". */
typedef struct {
    const char *name; /* lower case, no option's of the same command: "domain"; NULL ends a list */
    const char *help; /* starts in lower case, no full stop */
    VhOperandCount count;
    VhWords words;
} VhOperand;

typedef struct VhContext VhContext;

typedef struct {
    const char *name;          /* as typed, without a prefix: "list" */
    const VhOperand *operands; /* required ones first, ended by one without a name; NULL: none */
    const char *summary;       /* one line for the list of commands, lower case */
    const char *description;   /* for --help: sentences, each line under 76 columns */
    VhAccess access;
    gboolean is_for_people;  /* it has no --raw */
    const VhOption *options; /* ended by one without a name; NULL: none but the common ones */
    gboolean is_for_virsh;   /* virsh has it, too, as "hint-NAME" */
    gboolean is_about;  /* about commands (help, complete): virsh's front takes it under its own
                           name, but does not list it */
    gboolean is_hidden; /* in no help */
    VhExit (*run)(VhContext *context);
} VhCommand;

/* NULL-terminated, in the order of the help. */
const VhCommand *const *vh_commands(void);

/* The options that every command takes. */
const VhOption *vh_common_options(void);

/* By name, without a prefix; NULL where there is none. */
const VhCommand *vh_command_find(const char *name);

/* Where a command writes, and whether a person reads it. */
typedef struct {
    /* Text as it is, UTF-8. */
    void (*write)(gboolean is_error, const char *text, gpointer data);
    /* Whether nobody reads any more what is no error; NULL: never. */
    gboolean (*is_lost)(gpointer data);
    gpointer data;
    gboolean out_is_tty;
    gboolean err_is_tty;
    guint width;  /* columns of the terminal; 0: unknown, nothing is cut */
    guint height; /* rows of the terminal; 0: unknown */
    int input_fd; /* where keys come from; -1: nobody types */
} VhOutput;

/* The program around the commands. All borrowed. */
typedef struct {
    const char *program; /* "virthint", "virsh": for usage and errors */
    const char *version;
    /*
     * "hint-": the program is virsh, or its front. It has only the commands that are for virsh,
     * with this in front of their names; options have no letters, errors and help read as virsh's
     * do
     * ("error: ...", each in one call of `write`), there are no notices, and no empty line stands
     * behind a table (virsh writes it). VH_EXIT_USAGE is then only what virsh's own parser refuses,
     * before a command runs; what a command does not understand is VH_EXIT_FAILURE. virsh exits
     * with 1 for both. NULL or "": it is none.
     */
    const char *prefix;
    const VhOutput *output;
    const VhBackendProvider *provider;
    GCancellable *cancel;          /* the program fires it on Ctrl-C; never NULL */
    const VhCommand *const *extra; /* commands that only this program has, NULL-terminated, shown
                                      behind the others; NULL: none */
    /* What was said before the command, where these options are the program's own, as in virsh;
     * each holds unless the command line has the option itself. */
    struct _virConnect *connection;
    const char *const *uris;
    gboolean is_read_only;
    gboolean is_quiet;
} VhProgram;

/* Whether it is virsh, or its front. */
gboolean vh_program_is_virsh(const VhProgram *program);

/* The program's commands one by one, its own behind those of the table, those that it does not list
 * among them; NULL beyond the last. */
const VhCommand *vh_program_command(const VhProgram *program, guint index);

/* The command that `name`, with the program's prefix, means; NULL where there is none. */
const VhCommand *vh_program_find(const VhProgram *program, const char *name);

/* Its operands for people: "DOMAIN [MODE]"; "" where there are none. Free with g_free(). */
char *vh_command_operands(const VhCommand *command);

/* As it is typed, with the prefix. Free with g_free(). */
char *vh_program_name_of(const VhProgram *program, const VhCommand *command);

/* The options that a command of this program takes, one by one: its own, then common ones; with
 * `command` NULL those that may stand before one. NULL beyond the last. Operands are not among
 * them. */
const VhOption *vh_program_option(const VhProgram *program, const VhCommand *command, guint index);

/*
 * Finds the command in `argv` (argv[0] is the program), parses its options and runs it. Options may
 * stand before and after the command. What is not understood gets a line that says what would be
 * right, and VH_EXIT_USAGE.
 *
 * Commands, and the backends under them, run the thread-default main context of the calling thread:
 * a thread whose default context another thread runs pushes one of its own first.
 */
VhExit vh_command_main(const VhProgram *program, int argc, char *const *argv);

/* Runs one command whose words are separated already: argv[0] is its name, whatever it reads, the
 * rest its options and operands. */
VhExit vh_command_run(const VhProgram *program, const VhCommand *command, int argc,
                      char *const *argv);

/* The help text of the program (command NULL) or of one command. Free with g_free(). */
char *vh_command_help(const VhProgram *program, const VhCommand *command);

/* Of `n` words the one that `word` is most likely meant to be; NULL where none is near. */
const char *vh_command_nearest(const char *word, const char *const *words, guint n);

G_END_DECLS
