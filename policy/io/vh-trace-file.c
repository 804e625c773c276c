/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of several files as one stream of records, and the search for a time in them. */
#include "vh-trace-file.h"

#include "vh-files.h"
#include "vh-json-scan.h"
#include "vh-units.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES (256 * 1024)
#define HEAD_BYTES 256 /* of a line, to see its kind and time */
#define NEAR_US                                                                        \
    (2 * VH_MIN)         /* a cycle that is older says nothing of a time, whatever its \
                            interval */
#define NEAR_INTERVALS 4 /* nor one that so many should have followed */

typedef struct {
    char *path;
    int fd;
    guint64 size_bytes; /* when it was opened */
    dev_t device;       /* which file it is, whatever it is called by now */
    ino_t inode;
} Part;

struct VhTraceFile {
    GPtrArray *parts; /* Part, oldest first */
    guint part;       /* being read */
    guint line;       /* of it, from 1 */
    GByteArray *buffer;
    gsize at;       /* in the buffer: the first byte that was not handed out */
    gsize searched; /* up to here there is no line end behind `at` */
    gboolean is_at_end;
    guint64 done_bytes;
    VhTraceParser *parser;
    char *warning;
};

static void part_free(gpointer data)
{
    Part *part = data;

    if (part->fd >= 0)
        close(part->fd);
    g_free(part->path);
    g_free(part);
}

static Part *part_open(const char *path, GError **error)
{
    struct stat status;
    /* a FIFO without a writer would hold an open() up for ever */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &status) < 0) {
        vh_files_refuse_errno(error, errno, path, "cannot be opened");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s: not a regular file; give a recording of 'virthint record' or 'virthintd "
                    "--record'",
                    path);
        close(fd);
        return NULL;
    }
    Part *part = g_new0(Part, 1);
    part->path = g_strdup(path);
    part->fd = fd;
    part->size_bytes = (guint64)status.st_size;
    part->device = status.st_dev;
    part->inode = status.st_ino;
    return part;
}

static gboolean is_same_file(const Part *left, const Part *right)
{
    return left->device == right->device && left->inode == right->inode;
}

VhTraceFile *vh_trace_file_open(const char *path, GError **error)
{
    Part *newest = part_open(path, error);

    if (!newest)
        return NULL;
    VhTraceFile *file = g_new0(VhTraceFile, 1);
    file->parts = g_ptr_array_new_with_free_func(part_free);
    file->buffer = g_byte_array_new();
    file->parser = vh_trace_parser_new();
    g_ptr_array_add(file->parts, newest);
    for (guint i = 1; i < VH_TRACE_FILES_MAX; i++) {
        g_autofree char *name = g_strdup_printf("%s.%u", path, i);
        Part *part = part_open(name, NULL);
        if (!part)
            break;
        if (is_same_file(part, file->parts->pdata[0]))
            part_free(part); /* rotated just now: the one before it, under its new name */
        else
            g_ptr_array_insert(file->parts, 0, part);
    }
    return file;
}

void vh_trace_file_free(VhTraceFile *file)
{
    if (!file)
        return;
    g_ptr_array_unref(file->parts);
    g_byte_array_unref(file->buffer);
    vh_trace_parser_free(file->parser);
    g_free(file->warning);
    g_free(file);
}

VhTraceParser *vh_trace_file_parser(VhTraceFile *file)
{
    return file->parser;
}

const char *vh_trace_file_warning(const VhTraceFile *file)
{
    return file->warning;
}

static const Part *current(const VhTraceFile *file)
{
    return file->parts->pdata[file->part];
}

static void forget_buffer(VhTraceFile *file)
{
    g_byte_array_set_size(file->buffer, 0);
    file->at = file->searched = 0;
    file->line = 0;
    file->is_at_end = FALSE;
}

static gboolean seek_part(VhTraceFile *file, guint index, GError **error)
{
    file->part = index;
    forget_buffer(file);
    if (lseek(current(file)->fd, 0, SEEK_SET) < 0)
        return vh_files_refuse_errno(error, errno, current(file)->path, "cannot be read");
    return TRUE;
}

void vh_trace_file_progress(const VhTraceFile *file, guint64 *ret_done, guint64 *ret_all)
{
    *ret_done = file->done_bytes;
    *ret_all = 0;
    for (guint i = 0; i < file->parts->len; i++)
        *ret_all += ((const Part *)file->parts->pdata[i])->size_bytes;
}

/* More of the file behind what is there. */
static gboolean fill(VhTraceFile *file, GError **error)
{
    GByteArray *buffer = file->buffer;
    gssize n;

    if (file->at > 0) {
        g_byte_array_remove_range(buffer, 0, (guint)file->at);
        file->searched -= file->at;
        file->at = 0;
    }
    gsize length = buffer->len;
    g_byte_array_set_size(buffer, (guint)length + CHUNK_BYTES);
    do {
        n = read(current(file)->fd, buffer->data + length, CHUNK_BYTES);
    } while (n < 0 && errno == EINTR);
    g_byte_array_set_size(buffer, (guint)(length + (gsize)MAX(n, 0)));
    if (n < 0)
        return vh_files_refuse_errno(error, errno, current(file)->path, "cannot be read");
    file->is_at_end = n == 0;
    return TRUE;
}

/*
 * The next line of the current file without its end, valid until the next call; NULL without an
 * error at the file's end. *ret_is_whole: it has an end.
 */
static const char *next_line(VhTraceFile *file, gsize *ret_length, gboolean *ret_is_whole,
                             GError **error)
{
    for (;;) {
        const guint8 *data = file->buffer->data;
        const guint8 *end =
            file->buffer->len > file->searched
                ? memchr(data + file->searched, '\n', file->buffer->len - file->searched)
                : NULL;
        gsize stop = end ? (gsize)(end - data) : file->buffer->len;
        if (stop - file->at > VH_JSON_MAX_BYTES) {
            g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                        "%s:%u: the line is too long; a record has at most %u bytes",
                        current(file)->path, file->line + 1, VH_JSON_MAX_BYTES);
            return NULL;
        }
        if (end || (file->is_at_end && stop > file->at)) {
            const char *line = (const char *)data + file->at;
            *ret_length = stop - file->at;
            *ret_is_whole = end != NULL;
            file->at = file->searched = end ? stop + 1 : stop;
            file->done_bytes += *ret_length + 1;
            file->line++;
            return line;
        }
        if (file->is_at_end)
            return NULL;
        file->searched = file->buffer->len;
        if (!fill(file, error))
            return NULL;
    }
}

/* Where the last line has no end it may still be a record: somebody's editor left the end out. */
static const VhTraceRecord *parse(VhTraceFile *file, const char *line, gsize length,
                                  gboolean is_whole, GError **error)
{
    g_autoptr(GError) cause = NULL;
    const VhTraceRecord *record = vh_trace_parse(file->parser, line, length, &cause);

    if (record)
        return record;
    if (!is_whole) {
        g_free(file->warning);
        file->warning = g_strdup_printf("%s:%u: the last line was cut off, as by a crash or while "
                                        "it is being written; it is left out",
                                        current(file)->path, file->line);
        return NULL;
    }
    g_set_error(error, cause->domain, cause->code, "%s:%u: %s", current(file)->path, file->line,
                cause->message);
    return NULL;
}

const VhTraceRecord *vh_trace_file_next(VhTraceFile *file, GError **error)
{
    g_autoptr(GError) cause = NULL;
    gboolean is_whole;
    gsize length;

    for (;;) {
        const char *line = next_line(file, &length, &is_whole, &cause);
        const VhTraceRecord *record = line ? parse(file, line, length, is_whole, &cause) : NULL;
        if (record)
            return record;
        if (cause) {
            g_propagate_error(error, g_steal_pointer(&cause));
            return NULL;
        }
        if (line)
            continue; /* the cut one */
        if (file->part + 1 >= file->parts->len)
            return NULL;
        if (!seek_part(file, file->part + 1, error))
            return NULL;
    }
}

void vh_trace_moment_free(VhTraceMoment *moment)
{
    if (!moment)
        return;
    vh_trace_file_free(moment->file);
    g_free(moment);
}

static char *format_time(gint64 wall_us)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(wall_us / VH_SEC);

    return time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("?");
}

/* When the file at this place begins; FALSE where that cannot be seen. */
static gboolean get_start(const Part *part, gint64 *ret_wall_us)
{
    char head[HEAD_BYTES];
    VhTraceKind kind;
    gssize n = pread(part->fd, head, sizeof(head), 0);

    return n > 0 && vh_trace_peek(head, (gsize)n, &kind, ret_wall_us);
}

/* The file that holds the time: the last one that does not begin behind it. */
static gboolean find_part(const VhTraceFile *file, gint64 wall_us, guint *ret_index, GError **error)
{
    gint64 start_us = 0;

    for (guint i = file->parts->len; i-- > 0;) {
        if (get_start(file->parts->pdata[i], &start_us) && start_us <= wall_us) {
            *ret_index = i;
            return TRUE;
        }
    }
    g_autofree char *asked = format_time(wall_us);
    g_autofree char *start = format_time(start_us);
    g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                "%s: nothing of %s is recorded; the recording begins at %s",
                ((const Part *)file->parts->pdata[0])->path, asked, start);
    return FALSE;
}

/*
 * Reads up to the time, and parses only what must be: headers, what was learned, and the last
 * cycle, whose line goes to `cycle`.
 */
static gboolean read_until(VhTraceFile *file, gint64 wall_us, GString *cycle, GError **error)
{
    g_autoptr(GError) cause = NULL;
    gboolean is_whole;
    gsize length;
    const char *line;

    while ((line = next_line(file, &length, &is_whole, &cause)) != NULL) {
        VhTraceKind kind;
        gint64 line_us;
        if (!is_whole)
            break;
        if (!vh_trace_peek(line, length, &kind, &line_us)) {
            const VhTraceRecord *record = parse(file, line, length, TRUE, error);
            if (!record)
                return FALSE;
            kind = record->kind;
            line_us = record->wall_us;
        }
        if (line_us > wall_us)
            break;
        if (kind == VH_TRACE_CYCLE) {
            g_string_truncate(cycle, 0);
            g_string_append_len(cycle, line, (gssize)length);
        } else if ((kind == VH_TRACE_HEADER || kind == VH_TRACE_LEARNED) &&
                   !parse(file, line, length, TRUE, error)) {
            return FALSE;
        }
    }
    if (!cause)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&cause));
    return FALSE;
}

static gboolean check_near(const VhTraceFile *file, const VhTraceRecord *record, gint64 wall_us,
                           GError **error)
{
    gint64 near_us = MAX(NEAR_US, NEAR_INTERVALS * record->header.config->interval_us);

    if (wall_us - record->wall_us <= near_us)
        return TRUE;
    g_autofree char *asked = format_time(wall_us);
    g_autofree char *last = format_time(record->wall_us);
    g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                "%s: nothing of %s is recorded; the last cycle before it is of %s",
                current(file)->path, asked, last);
    return FALSE;
}

VhTraceMoment *vh_trace_find(const char *path, gint64 wall_us, GError **error)
{
    g_autoptr(VhTraceFile) file = vh_trace_file_open(path, error);
    g_autoptr(GString) cycle = g_string_new(NULL);
    guint part;

    if (!file || !find_part(file, wall_us, &part, error) || !seek_part(file, part, error) ||
        !read_until(file, wall_us, cycle, error))
        return NULL;
    if (cycle->len == 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "%s: no cycle is recorded before that time",
                    current(file)->path);
        return NULL;
    }
    const VhTraceRecord *record = parse(file, cycle->str, cycle->len, TRUE, error);
    if (!record || !check_near(file, record, wall_us, error))
        return NULL;
    VhTraceMoment *moment = g_new0(VhTraceMoment, 1);
    moment->header = &record->header;
    moment->state = record->state;
    moment->snapshot = record->snapshot;
    moment->plan = record->plan;
    moment->file = g_steal_pointer(&file);
    return moment;
}
