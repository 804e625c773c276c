/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-discover.h: patterns, the walk, and the thread that walks. */
#include "vh-discover.h"

#include "vh-port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SESSION_URI "qemu+unix:///session?socket="
#define WILDCARDS "*?["

typedef struct {
    char *uri_before;
    char *prefix; /* the folder before the first name with a wildcard, or before the last name */
    char **names; /* that name, and what follows */
} Pattern;

/* Shared with a look that is under way. */
typedef struct {
    int references; /* atomic */
    GPtrArray *patterns;
} Patterns;

struct VhDiscover {
    Patterns *patterns;
    VhPort *port;
    gboolean is_looking;
    VhDiscoverFunc func;
    gpointer data;
};

static void pattern_free(gpointer data)
{
    Pattern *pattern = data;

    g_free(pattern->uri_before);
    g_free(pattern->prefix);
    g_strfreev(pattern->names);
    g_free(pattern);
}

static void patterns_unref(Patterns *patterns)
{
    if (!g_atomic_int_dec_and_test(&patterns->references))
        return;
    g_ptr_array_unref(patterns->patterns);
    g_free(patterns);
}

/* ---- patterns ---- */

static gboolean refuse(const char *text, const char *why, GError **error)
{
    g_autofree char *shown = g_strescape(text, NULL);

    g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                "\"%s\" is no pattern of sockets (%s); write an absolute path, as in "
                "\"/run/pods/*/virtqemud-sock\", or a URI that ends in \"socket=\" and such a path",
                shown, why);
    return FALSE;
}

static gboolean check_path(const char *text, const char *path, GError **error)
{
    g_auto(GStrv) names = NULL;

    if (path[0] != '/')
        return refuse(text, "its path does not begin with /", error);
    names = g_strsplit(path + 1, "/", -1);
    if (!names[0])
        return refuse(text, "it names no socket", error);
    for (guint i = 0; names[i]; i++) {
        if (!*names[i])
            return refuse(text, "a name in it is empty", error);
        if (g_str_equal(names[i], ".") || g_str_equal(names[i], ".."))
            return refuse(text, "it has . or .. in it", error);
    }
    return TRUE;
}

/* The first name that is not written out; the last one where all are. */
static guint first_open(char **names)
{
    guint i = 0;

    while (names[i + 1] && !strpbrk(names[i], WILDCARDS))
        i++;
    return i;
}

static Pattern *parse_pattern(const char *text, GError **error)
{
    const char *socket = strstr(text, "socket=");
    const char *path = text[0] != '/' && socket ? socket + strlen("socket=") : text;

    if (text[0] != '/' && (!socket || socket == text || !strstr(text, "+unix://") ||
                           (socket[-1] != '?' && socket[-1] != '&'))) {
        refuse(text, "it is neither a path nor a URI with a socket", error);
        return NULL;
    }
    if (!check_path(text, path, error))
        return NULL;
    Pattern *pattern = g_new0(Pattern, 1);
    g_auto(GStrv) names = g_strsplit(path + 1, "/", -1);
    guint open = first_open(names);
    g_autofree char *first = names[open];
    names[open] = NULL;
    g_autofree char *before = g_strjoinv("/", names);
    pattern->prefix = g_strconcat("/", before, NULL);
    names[open] = g_steal_pointer(&first);
    pattern->names = g_strdupv(names + open);
    pattern->uri_before =
        path == text ? g_strdup(SESSION_URI) : g_strndup(text, (gsize)(path - text));
    return pattern;
}

/* Without it nothing would ever be found, and nobody would know why. */
static gboolean check_kernel(GError **error)
{
    int fd = vh_socket_walk(AT_FDCWD, ".", FALSE, O_PATH);

    if (fd < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "sockets cannot be looked for: openat2(): %s; it takes Linux 5.6, and a "
                    "sandbox that allows the call",
                    g_strerror(errno));
        return FALSE;
    }
    close(fd);
    return TRUE;
}

VhDiscover *vh_discover_new(const char *const *patterns, GError **error)
{
    g_autoptr(GPtrArray) parsed = g_ptr_array_new_with_free_func(pattern_free);

    if (!check_kernel(error))
        return NULL;
    for (guint i = 0; patterns[i]; i++) {
        Pattern *pattern = parse_pattern(patterns[i], error);
        if (!pattern)
            return NULL;
        g_ptr_array_add(parsed, pattern);
    }
    VhDiscover *discover = g_new0(VhDiscover, 1);
    discover->patterns = g_new0(Patterns, 1);
    discover->patterns->references = 1;
    discover->patterns->patterns = g_steal_pointer(&parsed);
    discover->port = vh_port_new(g_main_context_default(), discover);
    return discover;
}

void vh_discover_free(VhDiscover *discover)
{
    if (!discover)
        return;
    vh_port_close(discover->port);
    vh_port_unref(discover->port);
    patterns_unref(discover->patterns);
    g_free(discover);
}

/* ---- the walk ---- */

typedef struct {
    guint64 device, inode, space; /* space: of a process's root, its mount namespace; else 0 */
} Identity;

static guint identity_hash(gconstpointer key)
{
    const Identity *identity = key;

    return (guint)(identity->inode * 31 + identity->device * 7 + identity->space);
}

static gboolean identity_equal(gconstpointer left, gconstpointer right)
{
    return memcmp(left, right, sizeof(Identity)) == 0;
}

typedef struct {
    const Pattern *pattern;
    VhDiscovered *result;
    GHashTable *seen;  /* Identity of sockets */
    GHashTable *roots; /* Identity of processes' roots that this pattern has looked into */
    Identity own_root;
    guint n_names;
    /* the folder that nothing may lead out of */
    const char *root;
    int root_fd;
    gboolean is_other_root;
} Walk;

static gboolean is_new(GHashTable *known, const Identity *identity)
{
    return g_hash_table_add(known, g_memdup2(identity, sizeof *identity));
}

static int compare_names(gconstpointer left, gconstpointer right)
{
    return strverscmp(*(const char *const *)left, *(const char *const *)right);
}

/* The names in a folder that fit, in their order. Takes the descriptor. */
static GPtrArray *list_names(Walk *walk, int fd, const char *glob)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (!folder && fd >= 0)
        close(fd);
    while (folder && (entry = readdir(folder))) {
        if (++walk->n_names > VH_DISCOVER_NAMES_MAX) {
            walk->result->is_cut = TRUE;
            break;
        }
        if (fnmatch(glob, entry->d_name, FNM_PERIOD) == 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    if (folder)
        closedir(folder);
    g_ptr_array_sort(names, compare_names);
    return names;
}

static void take_socket(Walk *walk, const char *way)
{
    int fd = vh_socket_walk(walk->root_fd, way, walk->is_other_root, O_PATH);
    struct stat st;

    if (fd < 0)
        return;
    gboolean is_socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    close(fd);
    if (!is_socket)
        return;
    const Identity identity = {st.st_dev, st.st_ino, 0};
    if (!is_new(walk->seen, &identity))
        return;
    if (walk->result->sockets->len >= VH_DISCOVER_SOCKETS_MAX) {
        walk->result->n_left_out++;
        return;
    }
    g_ptr_array_add(walk->result->sockets,
                    vh_socket_new(walk->pattern->uri_before, walk->root, way, walk->is_other_root,
                                  st.st_dev, st.st_ino));
}

/* `way` has been gone, `names` are still to be: as deep as the pattern. */
static void walk_names(Walk *walk, const char *way, char **names)
{
    if (!*names) {
        take_socket(walk, way);
        return;
    }
    if (!strpbrk(*names, WILDCARDS)) {
        g_autofree char *next = *way ? g_build_filename(way, *names, NULL) : g_strdup(*names);
        walk_names(walk, next, names + 1);
        return;
    }
    int fd = vh_socket_walk(walk->root_fd, *way ? way : ".", walk->is_other_root,
                            O_RDONLY | O_DIRECTORY);
    g_autoptr(GPtrArray) found = list_names(walk, fd, *names);
    for (guint i = 0; i < found->len; i++) {
        const char *name = found->pdata[i];
        g_autofree char *next = *way ? g_build_filename(way, name, NULL) : g_strdup(name);
        walk_names(walk, next, names + 1);
    }
}

static Identity identity_of(const struct stat *st)
{
    return (Identity){st->st_dev, st->st_ino, 0};
}

/* Many processes have the same root, and those with ours are no pods. */
static gboolean is_new_root(Walk *walk, const char *process)
{
    g_autofree char *space = g_build_filename(process, "ns/mnt", NULL);
    struct stat st;

    if (fstat(walk->root_fd, &st) < 0)
        return FALSE;
    Identity identity = identity_of(&st);
    if (identity_equal(&identity, &walk->own_root))
        return FALSE;
    if (stat(space, &st) == 0)
        identity.space = st.st_ino;
    return is_new(walk->roots, &identity);
}

/* Into what the first open name stands for. */
static void enter(Walk *walk, const char *name, gboolean in_proc)
{
    char **names = walk->pattern->names + 1;
    g_autofree char *entry = g_build_filename(walk->pattern->prefix, name, NULL);
    g_autofree char *root = NULL;

    walk->is_other_root = in_proc && names[1] && g_str_equal(names[0], "root");
    root = walk->is_other_root ? g_build_filename(entry, "root", NULL) : g_strdup(entry);
    walk->root = root;
    walk->root_fd =
        open(root, O_PATH | O_DIRECTORY | O_CLOEXEC | (walk->is_other_root ? 0 : O_NOFOLLOW));
    if (walk->root_fd < 0)
        return;
    if (!walk->is_other_root || is_new_root(walk, entry))
        walk_names(walk, "", names + (walk->is_other_root ? 1 : 0));
    close(walk->root_fd);
}

static void walk_pattern(Walk *walk)
{
    const Pattern *pattern = walk->pattern;
    int fd = open(pattern->prefix, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct statfs fs;

    if (fd < 0)
        return;
    if (!pattern->names[1]) {
        walk->root = pattern->prefix;
        walk->root_fd = fd;
        walk->is_other_root = FALSE;
        walk_names(walk, "", pattern->names);
        close(fd);
        return;
    }
    gboolean in_proc = fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
    g_autoptr(GPtrArray) names = list_names(walk, fd, pattern->names[0]);
    for (guint i = 0; i < names->len; i++)
        enter(walk, names->pdata[i], in_proc);
}

static VhDiscovered *look(const Patterns *patterns)
{
    VhDiscovered *result = g_new0(VhDiscovered, 1);
    Walk walk = {.result = result};
    struct stat st;

    result->sockets = g_ptr_array_new_with_free_func((GDestroyNotify)vh_socket_unref);
    walk.seen = g_hash_table_new_full(identity_hash, identity_equal, g_free, NULL);
    if (stat("/", &st) == 0)
        walk.own_root = identity_of(&st);
    for (guint i = 0; i < patterns->patterns->len; i++) {
        walk.pattern = patterns->patterns->pdata[i];
        walk.roots = g_hash_table_new_full(identity_hash, identity_equal, g_free, NULL);
        walk_pattern(&walk);
        g_hash_table_unref(walk.roots);
    }
    g_hash_table_unref(walk.seen);
    return result;
}

VhDiscovered *vh_discover_look(const VhDiscover *discover)
{
    return look(discover->patterns);
}

void vh_discovered_free(VhDiscovered *discovered)
{
    if (!discovered)
        return;
    g_ptr_array_unref(discovered->sockets);
    g_free(discovered);
}

/* ---- the thread ---- */

typedef struct {
    Patterns *patterns;
    VhPort *port;
} Look;

static void on_looked(gpointer owner, gpointer payload)
{
    VhDiscover *discover = owner;

    discover->is_looking = FALSE;
    discover->func(payload, discover->data);
}

static void free_discovered(gpointer discovered)
{
    vh_discovered_free(discovered);
}

static gpointer look_main(gpointer data)
{
    Look *job = data;

    vh_port_post(job->port, on_looked, look(job->patterns), free_discovered);
    patterns_unref(job->patterns);
    vh_port_unref(job->port);
    g_free(job);
    return NULL;
}

gboolean vh_discover_start(VhDiscover *discover, VhDiscoverFunc func, gpointer data)
{
    if (discover->is_looking)
        return FALSE;
    Look *job = g_new0(Look, 1);
    job->patterns = discover->patterns;
    g_atomic_int_inc(&job->patterns->references);
    job->port = vh_port_ref(discover->port);
    discover->is_looking = TRUE;
    discover->func = func;
    discover->data = data;
    g_thread_unref(g_thread_new("vh-discover", look_main, job));
    return TRUE;
}
