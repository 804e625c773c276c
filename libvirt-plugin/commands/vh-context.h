/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a running command works with: its operands and options, the backend, and the way out to the
 * user. For the files of the commands only, and for those of a program's own ones.
 */
#pragma once

#include "vh-command.h"

G_BEGIN_DECLS

typedef struct {
    const VhOption *option;
    gboolean is_set;
    gboolean is_given; /* on this command line, behind the command */
    char *text;        /* TEXT, and the source of SIZE and DURATION */
    char **texts;      /* TEXTS */
    guint64 bytes;
    gint64 us;
} VhValue;

struct VhContext {
    const VhProgram *program;
    const VhCommand *command; /* NULL: none was named */
    GArray *values;           /* VhValue, one per common option, then the command's own */
    GPtrArray *named;         /* per operand of the command, a GPtrArray of char *: given by name */
    GPtrArray *words;         /* char *: what was given by place */
    GPtrArray *operands;      /* char *, in the order of the command's; NULL: left out */
    VhBackend *backend;       /* opened by vh_context_open() */
};

VhContext *vh_context_new(const VhProgram *program, const VhCommand *command);
void vh_context_free(VhContext *context);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhContext, vh_context_free)

/* The value of an option, to be changed: for the parser and the like. */
VhValue *vh_context_find_value(const VhContext *context, const char *option);

/* The value of an option of this command; a command asks for its own options only. */
const VhValue *vh_context_value(const VhContext *context, const char *option);
gboolean vh_context_flag(const VhContext *context, const char *option);

/* The operand at `index`; NULL where it was left out. Borrowed. */
const char *vh_context_operand(const VhContext *context, guint index);

/* Opens the backend without a word; whoever calls it says what went wrong. */
gboolean vh_context_connect(VhContext *context, GError **error);

/* The same, and says on stderr what went wrong. Opens the backend that the options ask for, and
 * says on stderr which it is (not with --quiet). Reports a failure itself. */
gboolean vh_context_open(VhContext *context);

/* Asks the QEMU of a domain for its reporting, where `uri` (NULL: where the options) says. See
 * VhBackendProvider. */
GVariant *vh_context_reporting(VhContext *context, const char *uri, const char *domain,
                               VhReportingWish wish, GError **error);

/* See VhBackendProvider. */
GVariant *vh_context_explain_at(VhContext *context, const char *domain, gint64 at_us,
                                const char *trace, GError **error);

/* See VhBackendProvider. `seen` gets its events while it blocks. */
GVariant *vh_context_policy(VhContext *context, const char *domain, const VhPolicyWish *wish,
                            GError **error);
gboolean vh_context_events(VhContext *context, const VhEventsWish *wish, VhEventSeen seen,
                           gpointer seen_data, guint *ret_n, GError **error);

/* Out and error stream; the second is prefixed with the program's name (in virsh, with "error: ")
 * and ends its line. */
void vh_context_print(VhContext *context, const char *format, ...) G_GNUC_PRINTF(2, 3);
void vh_context_say(VhContext *context, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Like vh_context_say(), but silent with --quiet, and in virsh. */
void vh_context_notice(VhContext *context, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Says what went wrong, takes the error, and returns VH_EXIT_FAILURE. */
VhExit vh_context_fail(VhContext *context, GError *error);

/* Whether sizes are for people: on a terminal, without --raw; programs get plain bytes. */
gboolean vh_context_is_human(const VhContext *context);

/* A size for the reader at hand: "1.4 GiB", or "1503238553". Free with g_free(). */
char *vh_context_size(const VhContext *context, guint64 bytes);

/* --json was given: prints the document (sunk where floating) and returns TRUE. */
gboolean vh_context_json(VhContext *context, GVariant *document);

/* The same, and with --raw as lines of key and value: for commands that print no table. */
gboolean vh_context_machine(VhContext *context, GVariant *document);

G_END_DECLS
