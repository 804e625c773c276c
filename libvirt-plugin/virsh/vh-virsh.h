/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that virsh needs for its hint-* commands, as a library without GLib in its interface:
 * libvirthint-virsh.so. The commands are those of libvirt-plugin/commands; virsh-hint and a patched
 * virsh call the same two functions, so that they print the same.
 */
#pragma once

#include <libvirt/libvirt.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VH_VIRSH_PUBLIC __attribute__((visibility("default")))

typedef enum {
    VH_VIRSH_FLAG,  /* no value: --json */
    VH_VIRSH_VALUE, /* one value: --bytes 512MiB */
    VH_VIRSH_MANY,  /* may be given again and again: --set class=perf --set weight=200 */
} VhVirshKind;

/* What the value of an option, or an operand, is: for completion. */
typedef enum {
    VH_VIRSH_ANYTHING,
    VH_VIRSH_DOMAIN, /* name, id or UUID of a domain */
    VH_VIRSH_FILE,
    VH_VIRSH_URI,
    VH_VIRSH_WORD, /* one of `words` */
} VhVirshContent;

/* An operand ("domain") or an option. An operand may be given without its name, in its order. */
typedef struct {
    const char *name; /* without dashes, lower case; NULL ends a list */
    const char *help; /* starts in lower case, no full stop */
    VhVirshKind kind;
    VhVirshContent content;
    const char *const *words; /* VH_VIRSH_WORD: NULL-terminated; else NULL */
    int is_operand;           /* operands come first in a list, required ones before others */
    int is_required;
} VhVirshOption;

typedef struct {
    const char *name;        /* "hint-list"; NULL ends the list */
    const char *summary;     /* one line, lower case, no full stop */
    const char *description; /* sentences, each line under 80 columns */
    const VhVirshOption *options;
} VhVirshCommand;

/* The commands, in the order of the help; static. --help and what virsh has itself as options of
 * its own (connection, read-only) are not among their options. Any thread. */
VH_VIRSH_PUBLIC const VhVirshCommand *vh_virsh_commands(void);

enum {
    VH_VIRSH_READ_ONLY = 1 << 0, /* virsh --readonly: what changes something is refused */
    VH_VIRSH_QUIET = 1 << 1,     /* virsh --quiet: tables without titles */
};

typedef enum {
    VH_VIRSH_OUT,   /* the result, with its newlines; without the empty line that virsh itself
                       writes behind a command */
    VH_VIRSH_ERR,   /* for stderr as it is: progress */
    VH_VIRSH_ERROR, /* one message, without "error: " in front and a newline behind */
} VhVirshStream;

/* Where text goes, all of it UTF-8. */
typedef struct {
    void (*write)(VhVirshStream stream, const char *text, void *data);
    void *data;
} VhVirshOutput;

/*
 * Carries out one command; `arguments` (`n` of them) are what follows its name, as words of a
 * command line: "web1" or "--domain=web1", "--bytes", "512MiB" or "--bytes=512MiB". 0: it was done;
 * 1: it was not; 2: it was not understood, which virsh's own parser would have found before; the
 * error has been written. `output` NULL: stdout and
 * stderr, errors behind "error: ".
 *
 * The connection is borrowed and shared: it stays open, and no event callback stays on it. The
 * daemon answers where it runs and watches this connection's URI, else the library does it itself.
 * A guest that hangs holds up no other; a command about it ends with an error (an ask at its
 * deadline, others after 40 s at most), and leaves a thread behind that keeps a reference to the
 * connection until QEMU answers.
 *
 * Blocks until the command has ended. Its main loop is one of its own, whatever other threads run;
 * hint-events needs libvirt's event loop to run in another thread, as it does in virsh. Meanwhile
 * SIGINT, SIGTERM and SIGHUP cancel the command (an ask then gives back what it holds, and ends
 * when the guest has all its memory back), and SIGPIPE is ignored; their handlers are put back as
 * they were. One call at a time in a process.
 */
VH_VIRSH_PUBLIC int vh_virsh_run(virConnectPtr connection, unsigned int flags, const char *name,
                                 int n, const char *const *arguments, const VhVirshOutput *output);

/*
 * What the last of the words (`n` of them, the first is the command's name or a part of it) can be
 * completed to: one candidate a line, to be freed with free(). `connection` may be NULL: then no
 * domain is offered. NULL: nothing.
 */
VH_VIRSH_PUBLIC char *vh_virsh_complete(virConnectPtr connection, int n, const char *const *words);

/* "0.1.0"; static. */
VH_VIRSH_PUBLIC const char *vh_virsh_version(void);

#ifdef __cplusplus
}
#endif
