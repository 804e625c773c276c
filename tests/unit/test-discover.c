/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets by patterns: what is found, what leads out of its place is not, and how much is enough.
 */
#include "vh-discover.h"
#include "vh-port.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *top;
    GArray *fds; /* of the sockets */
} Bench;

static void set_up(Bench *bench, gconstpointer data)
{
    bench->top = g_dir_make_tmp("virthint-XXXXXX", NULL);
    g_assert_nonnull(bench->top);
    bench->fds = g_array_new(FALSE, FALSE, sizeof(int));
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) folder =
        g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;

    while (folder && (name = g_dir_read_name(folder))) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        remove_tree(inner);
    }
    g_assert_cmpint(g_remove(path), ==, 0);
}

static void tear_down(Bench *bench, gconstpointer data)
{
    for (guint i = 0; i < bench->fds->len; i++)
        close(g_array_index(bench->fds, int, i));
    g_array_unref(bench->fds);
    remove_tree(bench->top);
    g_free(bench->top);
}

static void make_folder(const Bench *bench, const char *name)
{
    g_autofree char *path = g_build_filename(bench->top, name, NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
}

/* Bound by a short name: a socket's address has little room. */
static void make_socket(Bench *bench, const char *name)
{
    g_autofree char *path = g_build_filename(bench->top, name, NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *file = g_path_get_basename(path);
    g_autofree char *here = g_get_current_dir();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_strlcpy(address.sun_path, file, sizeof address.sun_path);
    g_assert_cmpint(chdir(folder), ==, 0);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(fd, 4), ==, 0);
    g_assert_cmpint(chdir(here), ==, 0);
    g_array_append_val(bench->fds, fd);
}

static void make_link(const Bench *bench, const char *name, const char *target)
{
    g_autofree char *path = g_build_filename(bench->top, name, NULL);

    g_assert_cmpint(symlink(target, path), ==, 0);
}

static VhDiscover *discover_at(const char *before, const char *top, const char *pattern)
{
    g_autofree char *text = g_strconcat(before, top, "/", pattern, NULL);
    const char *const patterns[] = {text, NULL};
    g_autoptr(GError) error = NULL;
    VhDiscover *discover = vh_discover_new(patterns, &error);

    g_assert_no_error(error);
    return discover;
}

/* The ways, below the folders that they were found in, joined by blanks. */
static char *found_by(const Bench *bench, const char *pattern)
{
    g_autoptr(VhDiscover) discover = discover_at("", bench->top, pattern);
    g_autoptr(VhDiscovered) found = vh_discover_look(discover);
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < found->sockets->len; i++) {
        const VhSocket *one = found->sockets->pdata[i];
        g_assert_true(g_str_has_prefix(one->path, bench->top));
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", one->path + strlen(bench->top) + 1);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void assert_found(const Bench *bench, const char *pattern, const char *expected)
{
    g_autofree char *found = found_by(bench, pattern);

    g_assert_cmpstr(found, ==, expected);
}

static void test_finds(Bench *bench, gconstpointer data)
{
    make_socket(bench, "a/run/sock");
    make_socket(bench, "b10/run/sock");
    make_socket(bench, "b9/run/sock");
    make_socket(bench, "b9/run/other");
    make_socket(bench, ".hidden/run/sock");
    make_folder(bench, "c/run/sock"); /* no socket */
    assert_found(bench, "*/run/sock", "a/run/sock b9/run/sock b10/run/sock");
    assert_found(bench, "b*/run/sock", "b9/run/sock b10/run/sock");
    assert_found(bench, "b[0-9]/*/*", "b9/run/other b9/run/sock");
    assert_found(bench, "a/run/sock", "a/run/sock");
    assert_found(bench, "a/run/*", "a/run/sock");
    assert_found(bench, "nobody/*/sock", "");
    assert_found(bench, "a/run/sock/*", "");
    /* the same socket by another name is another file, but the same socket */
    g_autofree char *old = g_build_filename(bench->top, "a/run/sock", NULL);
    g_autofree char *new = g_build_filename(bench->top, "a/run/sock2", NULL);
    g_assert_cmpint(link(old, new), ==, 0);
    assert_found(bench, "a/run/*", "a/run/sock");
}

/* A pod may write links to wherever it likes. */
static void test_links(Bench *bench, gconstpointer data)
{
    g_autofree char *absolute = g_build_filename(bench->top, "host/sock", NULL);
    g_autofree char *folder = g_build_filename(bench->top, "host", NULL);

    make_socket(bench, "host/sock");
    make_socket(bench, "pods/good/real/sock");
    make_folder(bench, "pods/absolute");
    make_folder(bench, "pods/relative");
    make_folder(bench, "pods/folder");
    make_folder(bench, "pods/proc");
    make_folder(bench, "pods/loop");
    make_link(bench, "pods/good/run", "real");
    make_link(bench, "pods/absolute/run", folder);
    make_link(bench, "pods/relative/run", "../../host");
    make_link(bench, "pods/folder/run", "..");
    make_link(bench, "pods/proc/run", "/proc/self/root");
    make_link(bench, "pods/loop/run", "run");
    make_link(bench, "pods/itself", folder);
    make_link(bench, "pods/sock", absolute);
    assert_found(bench, "pods/*/run/sock", "pods/good/run/sock");
    assert_found(bench, "pods/*/sock", "");
    assert_found(bench, "pods/*", "");
    assert_found(bench, "pods/*/*/sock", "pods/good/real/sock");
}

/* Names with blanks, signs, a new line, and bytes that are no UTF-8. */
static void test_uris(Bench *bench, gconstpointer data)
{
    static const char *const names[] = {"a b", "a\nb", "a?b=c&d#e%", "a\xff"};
    static const char *const shown[] = {"a%20b", "a%0Ab", "a%3Fb%3Dc%26d%23e%25", "a%FF"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *name = g_build_filename(names[i], "sock", NULL);
        make_socket(bench, name);
    }
    g_autoptr(VhDiscover) session = discover_at("", bench->top, "*/sock");
    g_autoptr(VhDiscover) system =
        discover_at("qemu+unix:///system?mode=legacy&socket=", bench->top, "*/sock");
    g_autoptr(VhDiscovered) one = vh_discover_look(session);
    g_autoptr(VhDiscovered) other = vh_discover_look(system);
    g_assert_cmpuint(one->sockets->len, ==, G_N_ELEMENTS(names));
    g_assert_cmpuint(other->sockets->len, ==, G_N_ELEMENTS(names));
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        guint n = 0;
        g_autofree char *uri =
            g_strdup_printf("qemu+unix:///session?socket=%s/%s/sock", bench->top, shown[i]);
        g_autofree char *system_uri = g_strdup_printf(
            "qemu+unix:///system?mode=legacy&socket=%s/%s/sock", bench->top, shown[i]);
        for (guint k = 0; k < G_N_ELEMENTS(names); k++) {
            const VhSocket *a = one->sockets->pdata[k], *b = other->sockets->pdata[k];
            n += g_str_equal(a->uri, uri) && g_str_equal(b->uri, system_uri);
        }
        g_assert_cmpuint(n, ==, 1);
    }
}

static void test_limit(Bench *bench, gconstpointer data)
{
    for (guint i = 0; i < VH_DISCOVER_SOCKETS_MAX + 3; i++) {
        g_autofree char *path = g_strdup_printf("%s/p%u/s", bench->top, i);
        g_autofree char *folder = g_path_get_dirname(path);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        g_assert_cmpint(mknod(path, S_IFSOCK | 0600, 0), ==, 0);
    }
    g_autoptr(VhDiscover) discover = discover_at("", bench->top, "*/s");
    g_autoptr(VhDiscovered) found = vh_discover_look(discover);
    g_assert_cmpuint(found->sockets->len, ==, VH_DISCOVER_SOCKETS_MAX);
    g_assert_cmpuint(found->n_left_out, ==, 3);
    g_assert_false(found->is_cut);
}

/* A process with another root, for as long as its pipe is open. */
static pid_t start_pod(const char *root, int *ret_pipe)
{
    int ends[2], ready[2];
    char byte = 0;

    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(ready, O_CLOEXEC), ==, 0);
    pid_t pid = fork();
    if (pid == 0) {
        gboolean is_in =
            (geteuid() == 0 || unshare(CLONE_NEWUSER) == 0) && chroot(root) == 0 && chdir("/") == 0;
        close(ends[1]);
        byte = is_in ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        (void)!read(ends[0], &byte, 1);
        _exit(0);
    }
    close(ends[0]);
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    close(ready[0]);
    close(ready[1]);
    *ret_pipe = ends[1];
    if (byte == 'y')
        return pid;
    close(ends[1]);
    waitpid(pid, NULL, 0);
    return 0;
}

/* As that process sees it: its links to /run lead into its own, and none out of its root. */
static void test_processes(Bench *bench, gconstpointer data)
{
    g_autofree char *escape = g_build_filename(bench->top, "host", NULL);
    int first_pipe, second_pipe, other_pipe;

    make_socket(bench, "host/sock");
    make_socket(bench, "pod/run/libvirt/sock");
    make_folder(bench, "pod/var");
    make_link(bench, "pod/var/run", "/run");
    make_folder(bench, "other/var/run");
    make_link(bench, "other/var/run/libvirt", escape);
    g_autofree char *pod = g_build_filename(bench->top, "pod", NULL);
    g_autofree char *other = g_build_filename(bench->top, "other", NULL);
    pid_t first = start_pod(pod, &first_pipe);
    if (!first) {
        g_test_skip("no process may have another root here");
        return;
    }
    pid_t second = start_pod(pod, &second_pipe);
    pid_t third = start_pod(other, &other_pipe);
    g_autoptr(VhDiscover) discover = discover_at("", "/proc", "[0-9]*/root/var/run/libvirt/sock");
    g_autoptr(VhDiscovered) found = vh_discover_look(discover);
    g_autofree char *path =
        g_strdup_printf("/proc/%d/root/var/run/libvirt/sock", (int)MIN(first, second));
    guint n = 0;
    for (guint i = 0; i < found->sockets->len; i++) {
        const VhSocket *one = found->sockets->pdata[i];
        g_autofree char *of_third = g_strdup_printf("/proc/%d/", (int)third);
        n += g_str_equal(one->path, path);
        g_assert_false(g_str_has_prefix(one->path, of_third));
    }
    g_assert_cmpuint(n, ==, 1);
    close(first_pipe);
    close(second_pipe);
    close(other_pipe);
    waitpid(first, NULL, 0);
    waitpid(second, NULL, 0);
    waitpid(third, NULL, 0);
    g_autoptr(VhDiscovered) after = vh_discover_look(discover);
    g_assert_cmpuint(after->sockets->len, <, found->sockets->len);
}

static void assert_gone(const VhSocket *socket)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(vh_socket_open(socket, NULL, TRUE, &error));
    g_assert_error(error, VH_ERROR, VH_ERROR_GONE);
    g_assert_nonnull(strstr(error->message, "another one"));
}

/* Between being found and being connected to, a path may become another. */
static void test_replaced(Bench *bench, gconstpointer data)
{
    g_autofree char *path = g_build_filename(bench->top, "pod/run/sock", NULL);
    g_autofree char *run = g_build_filename(bench->top, "pod/run", NULL);
    g_autofree char *away = g_build_filename(bench->top, "pod/away", NULL);

    make_socket(bench, "pod/run/sock");
    make_socket(bench, "host/sock");
    g_autoptr(VhDiscover) discover = discover_at("", bench->top, "*/run/sock");
    g_autoptr(VhDiscovered) found = vh_discover_look(discover);
    g_assert_cmpuint(found->sockets->len, ==, 1);
    VhSocket *socket = found->sockets->pdata[0];
    g_assert_cmpint(g_rename(run, away), ==, 0);
    assert_gone(socket);
    make_link(bench, "pod/run", "../host");
    assert_gone(socket);
    g_assert_cmpint(g_remove(run), ==, 0);
    make_socket(bench, "pod/run/sock");
    assert_gone(socket);
    g_assert_cmpint(g_remove(path), ==, 0);
    assert_gone(socket);
}

static void test_bad_patterns(void)
{
    static const char *const bad[] = {
        "",
        "pods/*/sock",
        "//pods/sock",
        "/pods/../sock",
        "/pods/./sock",
        "/pods/",
        "qemu:///session",
        "qemu+unix:///session?socket=pods/*",
        "qemu+unix:///session?xsocket=/pods/*",
        "qemu+tcp://host/system?socket=/pods/*",
        "/",
        "qemu+unix:///system?socket=/",
        "socket=qemu+unix:///pods/*",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *const patterns[] = {"/good/*", bad[i], NULL};
        g_autoptr(GError) error = NULL;
        g_test_message("%s", bad[i]);
        g_assert_null(vh_discover_new(patterns, &error));
        g_assert_error(error, VH_ERROR, VH_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, "write an absolute path"));
    }
}

static void on_looked(const VhDiscovered *discovered, gpointer data)
{
    *(guint *)data = discovered->sockets->len;
}

static void test_background(Bench *bench, gconstpointer data)
{
    guint n = G_MAXUINT;

    make_socket(bench, "a/sock");
    VhDiscover *discover = discover_at("", bench->top, "*/sock");
    g_assert_true(vh_discover_start(discover, on_looked, &n));
    g_assert_false(vh_discover_start(discover, on_looked, &n));
    while (n == G_MAXUINT)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(n, ==, 1);
    n = G_MAXUINT;
    g_assert_true(vh_discover_start(discover, on_looked, &n));
    vh_discover_free(discover);
    g_usleep(20000);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(n, ==, G_MAXUINT);
}

static void on_watch_event(VhWatch *watch, VhWatchEvent event, const char *name, const VhUuid *uuid,
                           const char *text, gpointer data)
{
    g_string_append(data, text ? text : "");
}

static gboolean on_again(gpointer data)
{
    return G_SOURCE_CONTINUE;
}

static void iterate_for(guint ms)
{
    gint64 end_us = g_get_monotonic_time() + (gint64)ms * 1000;
    guint timer = g_timeout_add(10, on_again, NULL);

    while (g_get_monotonic_time() < end_us)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
}

/* Whoever makes socket after socket and lets each hang costs us so many threads, and no more. */
static void test_crowd(Bench *bench, gconstpointer data)
{
    const VhWatchCallbacks callbacks = {.event = on_watch_event};
    g_autoptr(GString) told = g_string_new("");
    VhPort *others = vh_port_new(g_main_context_default(), bench);

    vh_watch_init();
    make_socket(bench, "a/sock"); /* nobody ever answers */
    g_autoptr(VhDiscover) discover = discover_at("", bench->top, "*/sock");
    g_autoptr(VhDiscovered) found = vh_discover_look(discover);
    VhSocket *socket = found->sockets->pdata[0];
    const VhWatchOptions options = {.uri = socket->uri, .read_only = TRUE};

    vh_port_add_stray(others, 1024);
    VhWatch *watch = vh_watch_new_at(socket, &options, &callbacks, told);
    g_assert_cmpstr(told->str, ==, "");
    iterate_for(500);
    g_assert_cmpint(vh_port_count_all_strays(), ==, 1024);
    g_assert_cmpstr(told->str, ==,
                    "too many sockets that were found do not answer, to try another");
    g_assert_cmpstr(vh_watch_error(watch), ==, told->str);

    /* it is tried once there is room, and what hangs is counted when its watch is gone, too */
    vh_port_add_stray(others, -1024);
    while (vh_port_count_all_strays() == 0)
        iterate_for(50);
    vh_watch_free(watch);
    g_assert_cmpint(vh_port_count_all_strays(), ==, 1);
    close(g_array_index(bench->fds, int, 0));
    g_array_set_size(bench->fds, 0);
    while (vh_port_count_all_strays() > 0)
        iterate_for(50);
    vh_port_unref(others);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add("/discover/" path, Bench, NULL, set_up, func, tear_down)
    ADD("finds", test_finds);
    ADD("links", test_links);
    ADD("uris", test_uris);
    ADD("limit", test_limit);
    ADD("processes", test_processes);
    ADD("replaced", test_replaced);
    ADD("background", test_background);
    ADD("crowd", test_crowd);
    g_test_add_func("/discover/bad-patterns", test_bad_patterns);
    return g_test_run();
}
