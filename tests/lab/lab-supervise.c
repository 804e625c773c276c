/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PID 1 of a lab: sets it up, starts libvirtd and the command, reaps, and ends with the command.
 * It restarts nothing, and gives up its capabilities before anything else runs.
 */
#include "lab-run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vh-lab-libvirtd.h"

/* How long the command may take to end after a signal, before all is killed. */
#define GRACE_SECONDS 10

_Noreturn static void die(GError *error)
{
    fprintf(stderr, "virthint-lab: %s\n", error->message);
    fflush(stderr);
    _exit(LAB_EXIT_FAILED);
}

static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    syscall(SYS_capset, &header, none);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/*
 * From here on the kernel kills us, and with us everything inside, when the caller ends. It may
 * have ended before we asked for that; getppid() cannot tell (a parent outside of the namespace is
 * always 0), but the pipe that it holds open can.
 */
static void tie_to_caller(int alive)
{
    struct pollfd pipe_end = {.fd = alive, .events = POLLIN};

    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (poll(&pipe_end, 1, 0) != 0)
        _exit(LAB_EXIT_FAILED);
}

/* This command is not installed, and is wanted inside. */
static void extend_path(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
    const char *path = g_getenv("PATH");
    g_autofree char *all = g_strconcat(path ? path : "/usr/bin:/bin", ":", folder, NULL);

    g_setenv("PATH", all, TRUE);
}

static void set_environment(const LabRun *run)
{
    static const struct {
        const char *name, *value;
    } variables[] = {
        {"VH_LAB_DIR", LAB_DIR},
        {"VH_LAB_URI", LAB_URI},
        {"LIBVIRT_DEFAULT_URI", LAB_URI},
        {"XDG_RUNTIME_DIR", LAB_DIR "/run"},
        {"XDG_CONFIG_HOME", LAB_DIR "/config"},
        {"XDG_DATA_HOME", LAB_DIR "/data"},
        {"XDG_CACHE_HOME", LAB_DIR "/cache"},
        {"XDG_STATE_HOME", LAB_DIR "/state"},
        {"TMPDIR", LAB_DIR "/tmp"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(variables); i++)
        g_setenv(variables[i].name, variables[i].value, TRUE);
    g_setenv("VH_LAB_IMAGES", run->images, TRUE);
    extend_path();
    g_unsetenv("VIRSH_DEFAULT_CONNECT_URI");
    g_unsetenv("DBUS_SESSION_BUS_ADDRESS");
}

static void take_terminal(void)
{
    signal(SIGTTOU, SIG_IGN);
    if (setpgid(0, 0) == 0)
        tcsetpgrp(STDIN_FILENO, getpgrp());
    signal(SIGTTOU, SIG_DFL);
}

_Noreturn static void become_command(const LabRun *run, pid_t libvirtd)
{
    g_autoptr(GError) error = NULL;
    sigset_t none;
    int code;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!vh_lab_libvirtd_wait(LAB_DIR, LAB_URI, libvirtd, &error) ||
        (run->prepare && !run->prepare(run->data, &error)))
        die(error);
    if (run->interactive && isatty(STDIN_FILENO))
        take_terminal();
    /* What prepare() may have changed. */
    signal(SIGPIPE, SIG_DFL);
    execvp(run->argv[0], run->argv);
    code = errno;
    fprintf(stderr, "virthint-lab: cannot run %s: %s\n", run->argv[0], g_strerror(code));
    fflush(stderr);
    _exit(code == ENOENT ? LAB_EXIT_NOT_FOUND : LAB_EXIT_CANNOT_RUN);
}

/* Reaps whoever has ended; the exit status once the command has, -1 before. */
static int reap(pid_t command)
{
    int status, result = -1;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == command)
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return result;
}

/* The second signal, or the end of the grace, ends it all at once. */
static int watch(pid_t command, const sigset_t *signals)
{
    gint64 deadline = 0;

    for (;;) {
        struct timespec rest = {.tv_sec = GRACE_SECONDS};
        int sig = deadline ? sigtimedwait(signals, NULL, &rest) : sigwaitinfo(signals, NULL);

        if (sig == SIGCHLD) {
            int result = reap(command);

            if (result >= 0)
                return result;
        } else if (sig > 0) {
            if (deadline)
                return 128 + sig;
            deadline = g_get_monotonic_time() + GRACE_SECONDS * G_USEC_PER_SEC;
            kill(command, sig);
        }
        if (deadline && g_get_monotonic_time() >= deadline)
            return LAB_EXIT_FAILED;
    }
}

void lab_supervise(const LabRun *run, int alive)
{
    static const int waited[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    g_autoptr(GError) error = NULL;
    sigset_t signals;
    pid_t libvirtd, command;

    sigemptyset(&signals);
    for (gsize i = 0; i < G_N_ELEMENTS(waited); i++)
        sigaddset(&signals, waited[i]);
    sigprocmask(SIG_SETMASK, &signals, NULL);
    if (!lab_mounts_set_up(run, &error))
        die(error);
    drop_capabilities();
    tie_to_caller(alive);
    set_environment(run);
    if (!vh_lab_libvirtd_configure(LAB_DIR, &error) ||
        !vh_lab_libvirtd_spawn(LAB_DIR, NULL, &libvirtd, &error))
        die(error);
    command = fork();
    if (command == 0)
        become_command(run, libvirtd);
    if (command < 0)
        _exit(LAB_EXIT_FAILED);
    _exit(watch(command, &signals));
}
