/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's side of the agent's channel: a QEMU socket that speaks "VERB ID WORKER LENGTH\n" and
 * LENGTH bytes, both ways (guest/serve.c). Answers come in any order; each is kept till it is
 * taken. What the guest sends is bounded and checked: a guest is not to be trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vh-lab-private.h"

#define MAX_HEADER_BYTES 128
#define MAX_PAYLOAD_BYTES (2u << 20)

typedef struct {
    guint64 id;
    char *verb;
    char *text;
} Answer;

struct VhLabChannel {
    int fd;
    guint64 base; /* IDs of another process's handle must not be taken for ours */
    guint64 last;
    GByteArray *input;
    GPtrArray *answers; /* of Answer, in the order they came */
    GHashTable *forgotten;
};

static void answer_free(gpointer data)
{
    Answer *answer = data;

    g_free(answer->verb);
    g_free(answer->text);
    g_free(answer);
}

static gboolean set_errno(GError **error, VhErrorCode code, const char *what)
{
    int saved = errno;

    g_set_error(error, VH_ERROR, code, "%s: %s", what, g_strerror(saved));
    return FALSE;
}

VhLabChannel *vh_lab_channel_open(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    VhLabChannel *channel;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
        set_errno(error, VH_ERROR_FAILED, path);
        return NULL;
    }
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        set_errno(error, VH_ERROR_GONE, path);
        close(fd);
        return NULL;
    }
    channel = g_new0(VhLabChannel, 1);
    channel->fd = fd;
    channel->base = (guint64)g_random_int() << 20;
    channel->input = g_byte_array_new();
    channel->answers = g_ptr_array_new_with_free_func(answer_free);
    channel->forgotten = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    return channel;
}

void vh_lab_channel_free(VhLabChannel *channel)
{
    if (!channel)
        return;
    if (channel->fd >= 0)
        close(channel->fd);
    g_byte_array_unref(channel->input);
    g_ptr_array_unref(channel->answers);
    g_hash_table_unref(channel->forgotten);
    g_free(channel);
}

/* Not to be killed by SIGPIPE where QEMU has just ended. */
static gboolean send_all(int fd, const char *data, gsize length, GError **error)
{
    while (length > 0) {
        ssize_t n = send(fd, data, length, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return set_errno(error, VH_ERROR_GONE, "the guest's channel");
        data += n;
        length -= (gsize)n;
    }
    return TRUE;
}

guint64 vh_lab_channel_send(VhLabChannel *channel, const char *verb, const char *worker,
                            const char *payload, GError **error)
{
    guint64 id = channel->base + ++channel->last;
    g_autofree char *text = g_strdup_printf("%s %" G_GUINT64_FORMAT " %s %zu\n%s", verb, id, worker,
                                            strlen(payload), payload);

    return send_all(channel->fd, text, strlen(text), error) ? id : 0;
}

/* Moves one whole answer from the input to the answers; FALSE where there is none yet. */
static gboolean cut_answer(VhLabChannel *channel, gboolean *ret_broken)
{
    GByteArray *input = channel->input;
    const guint8 *newline = input->len ? memchr(input->data, '\n', input->len) : NULL;
    char header[MAX_HEADER_BYTES], verb[17], worker[33];
    guint64 id;
    gsize head, length;
    Answer *answer;

    *ret_broken = !newline && input->len >= MAX_HEADER_BYTES;
    if (!newline)
        return FALSE;
    head = (gsize)(newline - input->data) + 1;
    *ret_broken = TRUE;
    if (head >= sizeof(header))
        return FALSE;
    memcpy(header, input->data, head);
    header[head - 1] = '\0';
    if (sscanf(header, "%16s %" G_GUINT64_FORMAT " %32s %zu", verb, &id, worker, &length) != 4 ||
        length > MAX_PAYLOAD_BYTES)
        return FALSE;
    *ret_broken = FALSE;
    if (input->len - head < length)
        return FALSE;
    if (!g_hash_table_contains(channel->forgotten, &id) && id > channel->base &&
        id <= channel->base + channel->last) {
        answer = g_new0(Answer, 1);
        answer->id = id;
        answer->verb = g_strdup(verb);
        answer->text = g_strndup((const char *)input->data + head, length);
        g_ptr_array_add(channel->answers, answer);
    }
    g_byte_array_remove_range(input, 0, (guint)(head + length));
    return TRUE;
}

static gboolean read_some(VhLabChannel *channel, gint64 deadline_us, GError **error)
{
    gint64 left_us = deadline_us - g_get_monotonic_time();
    struct pollfd fd = {.fd = channel->fd, .events = POLLIN};
    guint8 buffer[65536];
    ssize_t n;
    int ready = poll(&fd, 1, left_us <= 0 ? 0 : (int)MIN(left_us / 1000 + 1, G_MAXINT));

    if (ready < 0 && errno == EINTR)
        return TRUE;
    if (ready == 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_TIMEOUT, "the guest's agent does not answer");
        return FALSE;
    }
    n = read(channel->fd, buffer, sizeof(buffer));
    if (n < 0 && errno != EINTR)
        return set_errno(error, VH_ERROR_GONE, "the guest's channel");
    if (n == 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "the guest has ended");
        return FALSE;
    }
    if (n > 0)
        g_byte_array_append(channel->input, buffer, (guint)n);
    return TRUE;
}

static Answer *find_answer(VhLabChannel *channel, guint64 id, gboolean want_interim)
{
    for (guint i = 0; i < channel->answers->len; i++) {
        Answer *answer = channel->answers->pdata[i];

        if (answer->id == id && (want_interim || !g_str_equal(answer->verb, "interim")))
            return g_ptr_array_steal_index(channel->answers, i);
    }
    return NULL;
}

gboolean vh_lab_channel_take(VhLabChannel *channel, guint64 id, gboolean want_interim,
                             gint64 deadline_us, char **ret_verb, char **ret_text, GError **error)
{
    Answer *answer;

    while (!(answer = find_answer(channel, id, want_interim))) {
        gboolean broken = FALSE;

        if (cut_answer(channel, &broken))
            continue;
        if (broken) {
            g_set_error(error, VH_ERROR, VH_ERROR_PROTOCOL,
                        "the guest's agent sent something that is no answer");
            return FALSE;
        }
        if (!read_some(channel, deadline_us, error))
            return FALSE;
    }
    *ret_verb = g_steal_pointer(&answer->verb);
    *ret_text = g_steal_pointer(&answer->text);
    answer_free(answer);
    return TRUE;
}

void vh_lab_channel_forget(VhLabChannel *channel, guint64 id)
{
    for (guint i = channel->answers->len; i-- > 0;) {
        if (((Answer *)channel->answers->pdata[i])->id == id)
            g_ptr_array_remove_index(channel->answers, i);
    }
    g_hash_table_add(channel->forgotten, g_memdup2(&id, sizeof(id)));
}

void vh_lab_channel_switch(VhLabChannel *channel, VhLabChannel *next)
{
    guint8 buffer[65536];
    ssize_t n;

    /* The old side is stopped: what it has sent is all here. */
    while ((n = recv(channel->fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
        g_byte_array_append(channel->input, buffer, (guint)n);
    close(channel->fd);
    channel->fd = next->fd;
    next->fd = -1;
    vh_lab_channel_free(next);
}
