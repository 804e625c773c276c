/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the command virthint-lab runs something inside a lab: namespaces of its own, a supervisor as
 * PID 1 in them, a file system for everything that is written, and a libvirtd in session mode.
 * Whatever ends the caller (a signal, SIGKILL too) ends all of it, because the kernel kills every
 * process of a PID namespace with its first one, and mounts and memory go with them.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LAB_DIR "/run/virthint-lab"
#define LAB_SOCKET LAB_DIR "/run/libvirt/libvirt-sock"
#define LAB_URI "qemu:///session?socket=" LAB_SOCKET

/* Exit codes of our own, as env(1) and its like have them. */
#define LAB_EXIT_FAILED 125
#define LAB_EXIT_CANNOT_RUN 126
#define LAB_EXIT_NOT_FOUND 127

typedef struct {
    guint64 scratch_bytes; /* limit of what can be written inside */
    const char *images;    /* where kernels are cached, on the host's file system */
    gboolean interactive;  /* a shell: it gets a process group and the terminal */
    /* Called inside, after libvirtd answers and before the command: FALSE ends the lab. */
    gboolean (*prepare)(gpointer data, GError **error);
    gpointer data;
    char **argv;
    guint outer_uid, outer_gid; /* filled in by lab_run() */
} LabRun;

/*
 * Blocks till the command ends; returns its exit status (128 + N after signal N), or one of ours
 * with the reason on stderr. To be called with one thread only.
 */
int lab_run(LabRun *run);

/* Inside, as PID 1: never returns. `alive` is the reading end of a pipe the caller holds open. */
_Noreturn void lab_supervise(const LabRun *run, int alive);

/* Gives this process, alone in its new namespaces, its uid and its file systems. */
gboolean lab_mounts_set_up(const LabRun *run, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `virthint-lab guest ...`, inside a lab; argv[0] is "guest". The exit status. */
int lab_guest_main(int argc, char **argv);

/* `virthint-lab stress ...`; argv[0] is "stress". Outside of a lab, `enter` runs a command in a new
 * one. The exit status. */
int lab_stress_main(int argc, char **argv, int (*enter)(char **argv));

/* Options that describe a guest, for getopt_long(): lab_guest_option() takes one of them into the
 * spec (a VhLabGuestSpec), whose strings are borrowed from argv. */
#define LAB_GUEST_OPTIONS                                                                        \
    {"memory", required_argument, NULL, 'm'}, {"max-memory", required_argument, NULL, 'x'},      \
        {"vcpus", required_argument, NULL, 'c'}, {"disk", required_argument, NULL, 'd'},         \
        {"kernel", required_argument, NULL, 'k'}, {"kernel-args", required_argument, NULL, 'a'}, \
        {"emulator", required_argument, NULL, 'e'},                                              \
        {"balloon-module", required_argument, NULL, 'b'},                                        \
        {"metadata", required_argument, NULL, 't'},                                              \
        {"stats-period", required_argument, NULL, 'p'},                                          \
        {"no-autodeflate", no_argument, NULL, 'A'}, {"no-balloon", no_argument, NULL, 'B'},      \
        {"no-driver", no_argument, NULL, 'D'}, {"reporting", no_argument, NULL, 'R'},            \
        {"memfd", no_argument, NULL, 'M'}, {"xml", required_argument, NULL, 'X'},                \
    {                                                                                            \
        "no-thp", no_argument, NULL, 'H'                                                         \
    }
#define LAB_GUEST_OPTIONS_HELP                                                    \
    "  --memory SIZE            what it has at the start (512MiB)\n"              \
    "  --max-memory SIZE        what it has without a balloon (the same)\n"       \
    "  --vcpus N                virtual CPUs (1)\n"                               \
    "  --disk SIZE              a sparse disk, for the page cache (none)\n"       \
    "  --kernel KERNEL          a version in the cache, or a directory\n"         \
    "  --kernel-args TEXT       appended to the kernel's command line\n"          \
    "  --emulator FILE          the QEMU to use (qemu-system-x86_64 in PATH)\n"   \
    "  --balloon-module FILE    a virtio_balloon.ko to load instead\n"            \
    "  --metadata XML           put inside the domain's <metadata>\n"             \
    "  --stats-period SECONDS   of the balloon statistics (not set)\n"            \
    "  --no-autodeflate         without deflate-on-oom\n"                         \
    "  --no-balloon             without a balloon device\n"                       \
    "  --no-driver              the guest does not load its balloon driver\n"     \
    "  --reporting              with free page reporting\n"                       \
    "  --memfd                  memory that the fault 'discard' can be used on\n" \
    "  --no-thp                 its memory never gets huge pages\n"               \
    "  --xml XML                put inside <domain>, such as <qemu:override>\n"

gboolean lab_guest_option(int option, const char *value, gpointer spec,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The whole of `text` as a number from min to max; VH_ERROR_INVALID names the option. */
gboolean lab_parse_number(const char *option, const char *text, guint min, guint max,
                          guint *ret_value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
