/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Implements vh-files.h: finding, reading and replacing files. What is in them is the codec's. A
 * path may name anything, so only regular files of a bounded size are read.
 */
#include "vh-files.h"

#include "vh-json-scan.h"
#include "vh-policy-text.h"
#include "vh-state-text.h"
#include "vh-xpath.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A text in memory, and where it came from. */
typedef struct {
    char *path;
    char *text;
    gsize length;
} LoadedFile;

static void loaded_file_clear(gpointer data)
{
    LoadedFile *file = data;
    g_free(file->path);
    g_free(file->text);
}

static int code_of_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return VH_ERROR_GONE;
    case EACCES:
    case EPERM:
    case EROFS:
        return VH_ERROR_DENIED;
    default:
        return VH_ERROR_FAILED;
    }
}

static gboolean refuse_errno(GError **error, int number, const char *path, const char *what)
{
    g_set_error(error, VH_ERROR, code_of_errno(number), "%s: %s: %s", path, what,
                g_strerror(number));
    return FALSE;
}

gboolean vh_files_refuse_errno(GError **error, int number, const char *path, const char *what)
{
    return refuse_errno(error, number, path, what);
}

/* Reads until the end or `size` bytes; -1 with errno. */
static gssize read_all(int fd, char *buffer, gsize size)
{
    gsize done = 0;
    while (done < size) {
        gssize n = read(fd, buffer + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        done += (gsize)n;
    }
    return (gssize)done;
}

static gboolean read_open_file(int fd, LoadedFile *file, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) < 0) {
        return refuse_errno(error, errno, file->path, "cannot be read");
    }
    if (!S_ISREG(status.st_mode)) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s: not a regular file; give a file, or a directory of *.json files",
                    file->path);
        return FALSE;
    }
    /* one byte more than is allowed, so that the scanner sees and refuses what is too long */
    gsize size = MIN((gsize)MAX(status.st_size, 0) + 1, (gsize)VH_JSON_MAX_BYTES + 1);
    file->text = g_malloc(size + 1);
    gssize length = read_all(fd, file->text, size);
    if (length < 0) {
        return refuse_errno(error, errno, file->path, "cannot be read");
    }
    file->text[length] = '\0';
    file->length = (gsize)length;
    return TRUE;
}

/* `file` is to be cleared in any case. */
static gboolean read_file(const char *path, LoadedFile *file, GError **error)
{
    file->path = g_strdup(path);
    /* a FIFO without a writer would hold an open() up for ever */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return refuse_errno(error, errno, path, "cannot be opened");
    }
    gboolean is_read = read_open_file(fd, file, error);
    close(fd);
    return is_read;
}

static gboolean load_file(GArray *files, const char *path, GError **error)
{
    LoadedFile file = {NULL};
    gboolean is_loaded = read_file(path, &file, error);
    /* appended in any case: the array clears it */
    g_array_append_val(files, file);
    return is_loaded;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static gboolean load_directory(GArray *files, const char *path, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    if (!dir) {
        return refuse_errno(error, errno, path, "cannot be listed");
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    while ((name = g_dir_read_name(dir))) {
        /* hidden ones are what editors and package managers leave behind */
        if (name[0] != '.' && g_str_has_suffix(name, ".json")) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *file = g_build_filename(path, g_ptr_array_index(names, i), NULL);
        if (!load_file(files, file, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

VhConfig *vh_files_load_policies(const char *const *paths, GError **error)
{
    g_autoptr(GArray) files = g_array_new(FALSE, TRUE, sizeof(LoadedFile));
    g_array_set_clear_func(files, loaded_file_clear);
    for (; *paths; paths++) {
        gboolean is_loaded = g_file_test(*paths, G_FILE_TEST_IS_DIR)
                                 ? load_directory(files, *paths, error)
                                 : load_file(files, *paths, error);
        if (!is_loaded) {
            return NULL;
        }
    }
    g_autofree VhPolicyText *texts = g_new0(VhPolicyText, files->len + 1);
    for (guint i = 0; i < files->len; i++) {
        const LoadedFile *file = &g_array_index(files, LoadedFile, i);
        texts[i] = (VhPolicyText){file->path, file->text, file->length};
    }
    return vh_policy_parse_checked(texts, files->len, vh_xpath_check, error);
}

VhConfig *vh_files_load_policy(const char *path, GError **error)
{
    const char *const paths[] = {path, NULL};
    return vh_files_load_policies(paths, error);
}

static char *set_aside(const char *path, const char *why)
{
    g_autofree char *aside = g_strconcat(path, ".damaged", NULL);
    if (g_rename(path, aside) < 0) {
        return g_strdup_printf("%s: %s; it cannot be moved aside either: %s", path, why,
                               g_strerror(errno));
    }
    return g_strdup_printf("%s: %s; moved to %s, learning starts afresh", path, why, aside);
}

VhState *vh_files_load_state(const char *path, char **ret_warning)
{
    g_autoptr(GError) error = NULL;
    LoadedFile file = {NULL};
    VhState *state = NULL;
    char *warning = NULL;
    if (!read_file(path, &file, &error)) {
        if (error->code != VH_ERROR_GONE) {
            warning = g_strdup_printf("%s; learning starts afresh", error->message);
        }
    } else if (!(state = vh_state_parse(file.text, file.length, &error))) {
        warning = set_aside(path, error->message);
    }
    loaded_file_clear(&file);
    *ret_warning = warning;
    return state ? state : vh_state_new();
}

static gboolean write_all(int fd, const char *text, gsize length)
{
    for (gsize done = 0; done < length;) {
        gssize n = write(fd, text + done, length - done);
        if (n < 0 && errno != EINTR) {
            return FALSE;
        }
        done += n > 0 ? (gsize)n : 0;
    }
    return TRUE;
}

/* The whole text is on the disk when this returns TRUE. */
static gboolean write_new_file(const char *path, const char *text, GError **error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return refuse_errno(error, errno, path, "cannot be created");
    }
    gboolean is_written = write_all(fd, text, strlen(text)) && fsync(fd) == 0;
    int number = errno;
    close(fd);
    if (!is_written) {
        unlink(path);
        return refuse_errno(error, number, path, "cannot be written");
    }
    return TRUE;
}

/* Makes the new name survive a power cut. Where a file system cannot, it is not an error of ours:
 * either the old or the new file is there. */
static void sync_directory_of(const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

gboolean vh_files_save_state(const char *path, const VhState *state, GError **error)
{
    g_autofree char *text = vh_state_format(state);
    /* a fixed name: a crash leaves at most one behind, and the next write removes it */
    g_autofree char *fresh = g_strconcat(path, ".new", NULL);
    if (unlink(fresh) < 0 && errno != ENOENT) {
        return refuse_errno(error, errno, fresh, "cannot be replaced");
    }
    if (!write_new_file(fresh, text, error)) {
        return FALSE;
    }
    if (g_rename(fresh, path) < 0) {
        int number = errno;
        unlink(fresh);
        return refuse_errno(error, number, path, "cannot be replaced");
    }
    sync_directory_of(path);
    return TRUE;
}
