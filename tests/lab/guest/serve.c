/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's requests. Both directions carry a line "VERB ID WORKER LENGTH\n" and then LENGTH
 * bytes. From the host: hello, answered with ready; work, answered with interim (any number) and
 * one report, or with refused; read, a path, answered with data or refused; write, a path, a line's
 * end and what to write, answered with written or refused; load and unload, the name of a kernel
 * module, answered with loaded and unloaded or refused; stop, the name of a worker, answered with
 * stopped or refused. IDs are the host's; each worker does one
 * program at a time.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID_BYTES 40
#define NO_PEER_POLL_MS 250
#define MODULE_NAME_BYTES 64

typedef struct {
    char name[VH_WORKLOAD_NAME_BYTES];
    char id[ID_BYTES]; /* of the program it does; empty: idle */
    pid_t pid;         /* 0: there is none */
    int fd;
} Slot;

typedef struct {
    int port;
    int signals;
    bool has_peer;
    char input[VH_WORKLOAD_MAX_TEXT_BYTES + 256];
    size_t n_input;
    Slot slots[AGENT_MAX_WORKERS];
} Server;

typedef struct {
    char verb[16];
    char id[ID_BYTES];
    char worker[VH_WORKLOAD_NAME_BYTES];
    size_t length;
} Request;

static void answer(Server *s, const char *verb, const char *id, const char *worker,
                   const char *data, size_t length)
{
    char header[128];
    int n = snprintf(header, sizeof(header), "%s %s %s %zu\n", verb, id, worker, length);

    if (io_write_all(s->port, header, (size_t)n))
        io_write_all(s->port, data, length);
}

static void refuse(Server *s, const Request *r, const char *why)
{
    answer(s, "refused", r->id, r->worker, why, strlen(why));
}

static void answer_hello(Server *s, const Request *r)
{
    Text text = {0};

    text_add(&text, "status ok\n");
    report_guest(&text);
    answer(s, "ready", r->id, r->worker, text.data, text.length);
    text_clear(&text);
}

static bool start_worker(Server *s, Slot *slot)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return false;
    slot->pid = fork();
    if (slot->pid == 0) {
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        close(s->port);
        close(s->signals);
        close(pair[0]);
        for (size_t i = 0; i < AGENT_MAX_WORKERS; i++) {
            if (&s->slots[i] != slot && s->slots[i].pid)
                close(s->slots[i].fd);
        }
        worker_main(pair[1]);
    }
    close(pair[1]);
    if (slot->pid < 0) {
        close(pair[0]);
        slot->pid = 0;
        return false;
    }
    slot->fd = pair[0];
    return true;
}

static Slot *find_slot(Server *s, const char *name)
{
    Slot *empty = NULL;

    for (size_t i = 0; i < AGENT_MAX_WORKERS; i++) {
        if (s->slots[i].pid && strcmp(s->slots[i].name, name) == 0)
            return &s->slots[i];
        if (!s->slots[i].pid && !empty)
            empty = &s->slots[i];
    }
    return empty;
}

static void do_work(Server *s, const Request *r, const char *program)
{
    Slot *slot = find_slot(s, r->worker);

    if (!slot) {
        refuse(s, r, "all workers are in use; name one that exists");
        return;
    }
    if (slot->pid && slot->id[0]) {
        refuse(s, r, "this worker is at another program; wait, or name another worker");
        return;
    }
    if (!slot->pid) {
        memcpy(slot->name, r->worker, sizeof(slot->name));
        if (!start_worker(s, slot)) {
            refuse(s, r, "the guest cannot start a worker");
            return;
        }
    }
    memcpy(slot->id, r->id, sizeof(slot->id));
    /* A worker that died just now is reported when it is reaped. */
    frame_write(slot->fd, FRAME_PROGRAM, program, r->length);
}

/* Everything a dead worker has sent comes before the news of its death. */
static void drop_worker(Server *s, Slot *slot, int status)
{
    Text text = {0};

    if (slot->id[0]) {
        text_add(&text, "status killed\n");
        text_add(&text, "error the worker was ended by %s %d; its regions are gone\n",
                 WIFSIGNALED(status) ? "signal" : "exit status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        report_guest(&text);
        answer(s, "report", slot->id, slot->name, text.data, text.length);
        text_clear(&text);
    }
    close(slot->fd);
    *slot = (Slot){0};
}

static void pass_on_frame(Server *s, Slot *slot)
{
    FrameHeader header;
    char *data;

    if (!frame_read(slot->fd, &header, &data)) {
        int status = 0;

        /* It is going, if not gone: nothing else closes its end. */
        kill(slot->pid, SIGKILL);
        while (waitpid(slot->pid, &status, 0) < 0 && errno == EINTR)
            continue;
        drop_worker(s, slot, status);
        return;
    }
    answer(s, header.kind == FRAME_REPORT ? "report" : "interim", slot->id, slot->name, data,
           header.length);
    free(data);
    if (header.kind == FRAME_REPORT)
        slot->id[0] = '\0';
}

static void do_read(Server *s, const Request *r, const char *payload)
{
    char path[PATH_MAX] = "", why[512];
    Text text = {0};

    snprintf(path, sizeof(path), "%.*s", (int)r->length, payload);
    if (file_read(path, &text, why, sizeof(why)))
        answer(s, "data", r->id, r->worker, text.data ? text.data : "", text.length);
    else
        refuse(s, r, why);
    text_clear(&text);
}

static void do_write(Server *s, const Request *r, const char *payload)
{
    const char *end = memchr(payload, '\n', r->length);
    char path[PATH_MAX] = "", why[512];

    if (!end) {
        refuse(s, r, "there is nothing to write; a path, a line's end and the text are wanted");
        return;
    }
    snprintf(path, sizeof(path), "%.*s", (int)(end - payload), payload);
    end++;
    if (file_write(path, end, r->length - (size_t)(end - payload), why, sizeof(why)))
        answer(s, "written", r->id, r->worker, "", 0);
    else
        refuse(s, r, why);
}

static void do_module(Server *s, const Request *r, const char *payload)
{
    bool load = strcmp(r->verb, "load") == 0;
    char name[MODULE_NAME_BYTES], why[512];

    snprintf(name, sizeof(name), "%.*s", (int)r->length, payload);
    if (load ? module_load(name, why, sizeof(why)) : module_unload(name, why, sizeof(why)))
        answer(s, load ? "loaded" : "unloaded", r->id, r->worker, "", 0);
    else
        refuse(s, r, why);
}

/* Its program sends its report as if its time were over. */
static void do_stop(Server *s, const Request *r, const char *payload)
{
    for (size_t i = 0; i < AGENT_MAX_WORKERS; i++) {
        Slot *slot = &s->slots[i];

        if (slot->pid && slot->id[0] && strlen(slot->name) == r->length &&
            memcmp(slot->name, payload, r->length) == 0) {
            kill(slot->pid, AGENT_STOP_SIGNAL);
            answer(s, "stopped", r->id, r->worker, "", 0);
            return;
        }
    }
    refuse(s, r, "no such worker is at a program");
}

static void dispatch(Server *s, const Request *r, const char *payload)
{
    if (strcmp(r->verb, "hello") == 0)
        answer_hello(s, r);
    else if (strcmp(r->verb, "work") == 0)
        do_work(s, r, payload);
    else if (strcmp(r->verb, "read") == 0)
        do_read(s, r, payload);
    else if (strcmp(r->verb, "write") == 0)
        do_write(s, r, payload);
    else if (strcmp(r->verb, "load") == 0 || strcmp(r->verb, "unload") == 0)
        do_module(s, r, payload);
    else if (strcmp(r->verb, "stop") == 0)
        do_stop(s, r, payload);
    else
        refuse(s, r, "no such verb; there are hello, work, read, write, load, unload and stop");
}

/* Takes whole requests off the front of the input. */
static void take_requests(Server *s)
{
    char *newline;

    while ((newline = memchr(s->input, '\n', s->n_input))) {
        size_t head = (size_t)(newline - s->input) + 1;
        Request r;

        *newline = '\0';
        /* What cannot be understood cannot be resynchronised either: start afresh. */
        if (sscanf(s->input, "%15s %39s %23s %zu", r.verb, r.id, r.worker, &r.length) != 4 ||
            r.length > VH_WORKLOAD_MAX_TEXT_BYTES) {
            s->n_input = 0;
            return;
        }
        if (s->n_input < head + r.length) {
            *newline = '\n';
            return;
        }
        dispatch(s, &r, s->input + head);
        s->n_input -= head + r.length;
        memmove(s->input, s->input + head + r.length, s->n_input);
    }
    if (s->n_input == sizeof(s->input))
        s->n_input = 0;
}

static void read_port(Server *s)
{
    ssize_t n = read(s->port, s->input + s->n_input, sizeof(s->input) - s->n_input);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        /* Nobody is on the other side: half a request of theirs is worth nothing. */
        s->has_peer = false;
        s->n_input = 0;
        return;
    }
    s->n_input += (size_t)n;
    take_requests(s);
}

static void read_signals(Server *s)
{
    struct signalfd_siginfo info;

    /* Any signal may mean a peer: the port raises SIGIO when one comes. Orphans are reaped by the
     * kernel; workers by pass_on_frame(), which sees their end of the socket close. */
    while (read(s->signals, &info, sizeof(info)) == sizeof(info))
        s->has_peer = true;
}

/*
 * The port is polled only while a host is connected: without one poll() and read() return at once,
 * and a loop over them would burn a CPU. SIGIO says when one comes; the timeout is for the race.
 */
static void serve_once(Server *s)
{
    struct pollfd fds[2 + AGENT_MAX_WORKERS];
    int n;

    fds[0] = (struct pollfd){.fd = s->has_peer ? s->port : -1, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    for (size_t i = 0; i < AGENT_MAX_WORKERS; i++)
        fds[2 + i] = (struct pollfd){.fd = s->slots[i].pid ? s->slots[i].fd : -1, .events = POLLIN};
    n = poll(fds, 2 + AGENT_MAX_WORKERS, s->has_peer ? -1 : NO_PEER_POLL_MS);
    if (n == 0)
        s->has_peer = true;
    if (n <= 0)
        return;
    if (fds[1].revents)
        read_signals(s);
    for (size_t i = 0; i < AGENT_MAX_WORKERS; i++) {
        if (fds[2 + i].revents)
            pass_on_frame(s, &s->slots[i]);
    }
    if (fds[0].revents)
        read_port(s);
}

void serve(int port)
{
    static Server s;
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGIO);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    s.port = port;
    s.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    fcntl(port, F_SETOWN, getpid());
    fcntl(port, F_SETFL, fcntl(port, F_GETFL) | O_ASYNC);
    s.has_peer = true;
    for (;;)
        serve_once(&s);
}
