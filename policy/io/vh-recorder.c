/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All of a cycle's lines are put together and written by one call: a recording never ends with half
 * a cycle, unless the host goes down.
 */
#include "vh-recorder.h"

#include "vh-files.h"
#include "vh-json-scan.h"
#include "vh-trace-file.h"
#include "vh-trace-hash.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PENDING_MAX_BYTES (1 << 20) /* lines of ended asks that wait for a cycle */
#define HEAD_BYTES 256

struct VhRecorder {
    char *path;
    guint64 size_bytes;
    guint n_files;
    char *version, *engine;
    char *host; /* NULL: not told */
    void (*notice)(const char *text, gpointer data);
    gpointer data;

    int fd; /* -1: could not be opened again after a rotation */
    guint64 length_bytes;
    gboolean needs_header;
    VhTraceCause cause; /* of the next header */
    gboolean is_failing;
    GString *pending;
    VhState *written; /* what the recording says of the guests' memory */
    guint64 n_cycles, n_bytes;

    VhTraceHash *hash; /* NULL: names as they are */
    VhConfig *hashed_config;
    VhSnapshot *hashed_snapshot;
    VhPlan *hashed_plan;
    VhState *hashed_before, *hashed_after;
};

static void say(const VhRecorder *recorder, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void say(const VhRecorder *recorder, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (recorder->notice)
        recorder->notice(text, recorder->data);
}

/* What is not a recording is not ours to append to, or to cut. */
static gboolean check_head(VhRecorder *recorder, GError **error)
{
    char head[HEAD_BYTES];
    VhTraceKind kind;
    gint64 wall_us;
    gssize n = pread(recorder->fd, head, sizeof(head), 0);

    if (n < 0)
        return vh_files_refuse_errno(error, errno, recorder->path, "cannot be read");
    if (n == 0 || (vh_trace_peek(head, (gsize)n, &kind, &wall_us) && kind == VH_TRACE_HEADER))
        return TRUE;
    g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                "%s: is there and is not a recording; name another file, or remove it",
                recorder->path);
    return FALSE;
}

/* The end of the last whole line: a crash may have left a part of one behind it. */
static gboolean cut_tail(VhRecorder *recorder, GError **error)
{
    char chunk[4096];
    guint64 end = recorder->length_bytes;

    while (end > 0) {
        gsize n = (gsize)MIN(end, sizeof(chunk));
        if (pread(recorder->fd, chunk, n, (off_t)(end - n)) != (gssize)n)
            return vh_files_refuse_errno(error, errno, recorder->path, "cannot be read");
        const char *newline = memrchr(chunk, '\n', n);
        if (newline) {
            end = end - n + (guint64)(newline - chunk) + 1;
            break;
        }
        end -= n;
    }
    if (end < recorder->length_bytes && ftruncate(recorder->fd, (off_t)end) < 0)
        return vh_files_refuse_errno(error, errno, recorder->path, "cannot be cut to whole lines");
    recorder->length_bytes = end;
    return TRUE;
}

static gboolean open_file(VhRecorder *recorder, GError **error)
{
    struct stat status;

    /* without a terminal, and without waiting for the reader of a FIFO */
    recorder->fd =
        open(recorder->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (recorder->fd < 0 || fstat(recorder->fd, &status) < 0)
        return vh_files_refuse_errno(error, errno, recorder->path, "cannot be opened");
    if (!S_ISREG(status.st_mode)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s: not a regular file; a recording is written to one", recorder->path);
        return FALSE;
    }
    recorder->length_bytes = (guint64)status.st_size;
    return check_head(recorder, error) && cut_tail(recorder, error);
}

static void close_file(VhRecorder *recorder)
{
    if (recorder->fd >= 0)
        close(recorder->fd);
    recorder->fd = -1;
}

static gboolean check_options(const VhRecorderOptions *options, GError **error)
{
    if (options->size_bytes != 0 && options->size_bytes < VH_RECORDER_SIZE_MIN_BYTES) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "the size at which a recording is rotated is at least 64KiB");
        return FALSE;
    }
    if (options->n_files > VH_TRACE_FILES_MAX) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "a recording has at most %d files",
                    VH_TRACE_FILES_MAX);
        return FALSE;
    }
    return TRUE;
}

static void start_hashing(VhRecorder *recorder)
{
    guint8 key[VH_TRACE_KEY_BYTES];

    /* a request of this size is never cut short once the host is up */
    while (getrandom(key, sizeof(key), 0) != (gssize)sizeof(key))
        ;
    recorder->hash = vh_trace_hash_new(key);
    explicit_bzero(key, sizeof(key));
    recorder->hashed_snapshot = vh_snapshot_new();
    recorder->hashed_plan = vh_plan_new();
    recorder->hashed_before = vh_state_new();
    recorder->hashed_after = vh_state_new();
}

VhRecorder *vh_recorder_new(const VhRecorderOptions *options, GError **error)
{
    if (!check_options(options, error))
        return NULL;
    g_autoptr(VhRecorder) recorder = g_new0(VhRecorder, 1);
    recorder->path = g_strdup(options->path);
    recorder->size_bytes = options->size_bytes ? options->size_bytes : VH_RECORDER_SIZE_BYTES;
    recorder->n_files = options->n_files ? options->n_files : VH_RECORDER_FILES;
    recorder->version = g_strdup(options->version);
    recorder->engine = g_strdup(options->engine);
    recorder->host = options->hash_names ? NULL : g_strdup(g_get_host_name());
    recorder->notice = options->notice;
    recorder->data = options->data;
    recorder->pending = g_string_new(NULL);
    recorder->written = vh_state_new();
    recorder->needs_header = TRUE;
    recorder->cause = VH_TRACE_START;
    if (options->hash_names)
        start_hashing(recorder);
    if (!open_file(recorder, error))
        return NULL;
    return g_steal_pointer(&recorder);
}

void vh_recorder_free(VhRecorder *recorder)
{
    if (!recorder)
        return;
    close_file(recorder);
    g_free(recorder->path);
    g_free(recorder->version);
    g_free(recorder->engine);
    g_free(recorder->host);
    g_string_free(recorder->pending, TRUE);
    vh_state_free(recorder->written);
    vh_trace_hash_free(recorder->hash);
    vh_config_free(recorder->hashed_config);
    vh_snapshot_free(recorder->hashed_snapshot);
    vh_plan_free(recorder->hashed_plan);
    vh_state_free(recorder->hashed_before);
    vh_state_free(recorder->hashed_after);
    g_free(recorder);
}

/* The gravest cause wins: after a gap, or at the start, a reader must not go on with what it
 * knew. */
static void need_header(VhRecorder *recorder, VhTraceCause cause)
{
    if (recorder->needs_header && recorder->cause != VH_TRACE_FILE &&
        !(recorder->cause == VH_TRACE_POLICY && cause == VH_TRACE_GAP))
        return;
    recorder->needs_header = TRUE;
    recorder->cause = cause;
}

void vh_recorder_policy_changed(VhRecorder *recorder)
{
    need_header(recorder, VH_TRACE_POLICY);
}

void vh_recorder_ask_ended(VhRecorder *recorder, gint64 wall_us, const VhEnded *ended,
                           const char *name, const char *message)
{
    VhEnded copy = *ended;
    g_autofree char *uri = NULL, *hashed_name = NULL;

    if (recorder->hash) { /* what QEMU or libvirt said may name the guest */
        uri = vh_trace_hash_text(recorder->hash, ended->uri);
        hashed_name = name ? vh_trace_hash_text(recorder->hash, name) : NULL;
        copy.uuid = vh_trace_hash_uuid(recorder->hash, &ended->uuid);
        copy.uri = uri;
        name = hashed_name;
        message = NULL;
    }
    g_autofree char *line = vh_trace_format_outcome(wall_us, &copy, name, message);
    if (recorder->pending->len + strlen(line) <= PENDING_MAX_BYTES)
        g_string_append(recorder->pending, line);
}

static void add_line(GString *text, char *line)
{
    if (line)
        g_string_append(text, line);
    g_free(line);
}

/* Whoever reads the recording takes no longer lines: better none than one that spoils it all. */
static gboolean check_lines(const VhRecorder *recorder, const GString *text, GError **error)
{
    const char *end;

    for (const char *line = text->str; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        if ((gsize)(end - line) <= VH_JSON_MAX_BYTES)
            continue;
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "%s: a record would have %" G_GSIZE_FORMAT " bytes, and at most %u can be read "
                    "again; there are too many guests for one recording",
                    recorder->path, (gsize)(end - line), VH_JSON_MAX_BYTES);
        return FALSE;
    }
    return TRUE;
}

static void add_header(VhRecorder *recorder, const VhRecorderCycle *cycle, VhTraceCause cause,
                       GString *text)
{
    const VhTraceHeader header = {.wall_us = cycle->snapshot->wall_us,
                                  .cause = cause,
                                  .version = recorder->version,
                                  .engine = recorder->engine,
                                  .host = recorder->host,
                                  .is_hashed = recorder->hash != NULL,
                                  .config = cycle->config,
                                  .state = cycle->before};

    add_line(text, vh_trace_format_header(&header));
}

/* All lines of a turn but the header. */
static void add_cycle(VhRecorder *recorder, const VhRecorderCycle *cycle, const VhState *known,
                      GString *text)
{
    const VhPlan *plan = cycle->plan;
    gint64 wall_us = cycle->snapshot->wall_us;

    g_string_append_len(text, recorder->pending->str, (gssize)recorder->pending->len);
    add_line(text,
             vh_trace_format_cycle(cycle->config, cycle->snapshot, cycle->plan, cycle->after));
    for (guint i = 0; cycle->is_carried_out && i < plan->toggles->len; i++) {
        const VhToggle *toggle = &g_array_index(plan->toggles, VhToggle, i);
        add_line(text, vh_trace_format_toggle(wall_us, toggle,
                                              vh_snapshot_domain(cycle->snapshot, toggle->domain)));
    }
    add_line(text, vh_trace_format_learned(wall_us, cycle->after, known));
}

/* FILE.1 becomes FILE.2 and so on; what is too many goes. */
static gboolean rotate(VhRecorder *recorder, GError **error)
{
    close_file(recorder);
    for (guint i = recorder->n_files; i-- > 0;) {
        g_autofree char *from =
            i == 0 ? g_strdup(recorder->path) : g_strdup_printf("%s.%u", recorder->path, i);
        g_autofree char *to = g_strdup_printf("%s.%u", recorder->path, i + 1);
        int failed = i + 1 == recorder->n_files ? g_unlink(from) : g_rename(from, to);
        if (failed && errno != ENOENT)
            return vh_files_refuse_errno(error, errno, from, "cannot be rotated");
    }
    return open_file(recorder, error);
}

/* Somebody took the file away, or it could not be opened the last time. */
static gboolean ensure_file(VhRecorder *recorder, GError **error)
{
    struct stat status;

    if (recorder->fd >= 0 && fstat(recorder->fd, &status) == 0 && status.st_nlink > 0)
        return TRUE;
    close_file(recorder);
    if (!open_file(recorder, error))
        return FALSE;
    need_header(recorder, VH_TRACE_FILE);
    return TRUE;
}

static gboolean write_all(VhRecorder *recorder, const GString *text, GError **error)
{
    gsize done = 0;

    while (done < text->len) {
        gssize n = write(recorder->fd, text->str + done, text->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int number = n < 0 ? errno : ENOSPC;
            /* half a cycle is none; where this fails too, the next one that opens it cuts it */
            if (done > 0 && ftruncate(recorder->fd, (off_t)recorder->length_bytes) < 0)
                close_file(recorder);
            return vh_files_refuse_errno(error, number, recorder->path, "cannot be written");
        }
        done += (gsize)n;
    }
    recorder->length_bytes += text->len;
    recorder->n_bytes += text->len;
    return TRUE;
}

static gboolean write_cycle(VhRecorder *recorder, const VhRecorderCycle *cycle, GError **error)
{
    g_autoptr(GString) body = g_string_new(NULL), text = g_string_new(NULL);

    if (!ensure_file(recorder, error))
        return FALSE;
    add_cycle(recorder, cycle, recorder->needs_header ? cycle->before : recorder->written, body);
    if (recorder->needs_header)
        add_header(recorder, cycle, recorder->cause, text);
    if (!check_lines(recorder, text, error) || !check_lines(recorder, body, error))
        return FALSE;
    if (recorder->length_bytes > 0 &&
        recorder->length_bytes + text->len + body->len > recorder->size_bytes) {
        if (!rotate(recorder, error))
            return FALSE;
        if (!recorder->needs_header)
            add_header(recorder, cycle, VH_TRACE_FILE, text);
    }
    g_string_append_len(text, body->str, (gssize)body->len);
    return write_all(recorder, text, error);
}

/* The turn with hashes for names. */
static void hash_cycle(VhRecorder *recorder, const VhRecorderCycle *cycle,
                       VhRecorderCycle *ret_cycle)
{
    VhConfig *config = vh_trace_hash_config(recorder->hash, cycle->config, cycle->snapshot,
                                            recorder->needs_header);

    if (config) {
        vh_config_free(recorder->hashed_config);
        recorder->hashed_config = config;
        need_header(recorder, VH_TRACE_POLICY);
    }
    vh_trace_hash_cycle(recorder->hash, cycle->snapshot, cycle->plan, recorder->hashed_snapshot,
                        recorder->hashed_plan);
    vh_trace_hash_state(recorder->hash, cycle->before, recorder->hashed_before);
    vh_trace_hash_state(recorder->hash, cycle->after, recorder->hashed_after);
    *ret_cycle = (VhRecorderCycle){.config = recorder->hashed_config,
                                   .before = recorder->hashed_before,
                                   .after = recorder->hashed_after,
                                   .snapshot = recorder->hashed_snapshot,
                                   .plan = recorder->hashed_plan,
                                   .is_carried_out = cycle->is_carried_out};
}

gboolean vh_recorder_cycle(VhRecorder *recorder, const VhRecorderCycle *cycle)
{
    g_autoptr(GError) error = NULL;
    VhRecorderCycle hashed;

    if (recorder->hash) {
        hash_cycle(recorder, cycle, &hashed);
        cycle = &hashed;
    }
    if (!write_cycle(recorder, cycle, &error)) {
        if (!recorder->is_failing)
            say(recorder, "%s; nothing is recorded until that is put right", error->message);
        recorder->is_failing = TRUE;
        need_header(recorder, VH_TRACE_GAP);
        return FALSE;
    }
    if (recorder->is_failing)
        say(recorder, "%s: recording goes on", recorder->path);
    recorder->is_failing = FALSE;
    recorder->needs_header = FALSE;
    g_string_truncate(recorder->pending, 0);
    vh_state_copy(recorder->written, cycle->after);
    recorder->n_cycles++;
    return TRUE;
}

guint64 vh_recorder_n_cycles(const VhRecorder *recorder)
{
    return recorder->n_cycles;
}

guint64 vh_recorder_n_bytes(const VhRecorder *recorder)
{
    return recorder->n_bytes;
}
