/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The outer side of a lab: makes the namespaces, passes signals on, and waits. It keeps nothing
 * that would have to be cleaned up.
 */
#include "lab-run.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t inner_pid;
static volatile sig_atomic_t caught;

static void pass_on(int sig)
{
    int saved = errno;

    caught = sig;
    if (inner_pid > 0)
        kill((pid_t)inner_pid, sig);
    errno = saved;
}

static void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = pass_on};

    sigemptyset(&action.sa_mask);
    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &action, NULL);
}

static int explain_refusal(int error)
{
    const char *why = "the kernel refuses namespaces";

    if (error == ENOSPC)
        why = "user namespaces are switched off or used up (sysctl user.max_user_namespaces > 0)";
    else if (error == EPERM)
        why = "user namespaces are not allowed here (sysctl kernel.unprivileged_userns_clone=1, "
              "or run as root; in a container, allow nested namespaces)";
    fprintf(stderr, "virthint-lab: %s: %s\n", why, g_strerror(error));
    return LAB_EXIT_FAILED;
}

static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return LAB_EXIT_FAILED;
    }
    if (caught)
        return 128 + caught;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int lab_run(LabRun *run)
{
    sigset_t all, before;
    int alive[2], result;
    long pid;

    if (pipe2(alive, O_CLOEXEC) < 0)
        return explain_refusal(errno);
    run->outer_uid = geteuid();
    run->outer_gid = getegid();
    /* Blocked till the handler knows where to send them; the supervisor keeps them blocked. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    fflush(NULL);
    /* All of them at once, so that the first process inside is our child and PID 1. */
    pid =
        syscall(SYS_clone,
                CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD,
                0, 0, 0, 0);
    if (pid == 0) {
        close(alive[1]);
        lab_supervise(run, alive[0]);
    }
    if (pid < 0)
        return explain_refusal(errno);
    close(alive[0]);
    inner_pid = (sig_atomic_t)pid;
    catch_signals();
    sigprocmask(SIG_SETMASK, &before, NULL);
    result = wait_for((pid_t)pid);
    close(alive[1]);
    return result;
}
