/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lab's own libvirtds, in session mode, found in PATH or where Debian puts it. */
#include "vh-lab-libvirtd.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vh-error.h"

#define START_TIMEOUT_US (30 * G_USEC_PER_SEC)

static gboolean write_config(const char *dir, const char *name, const char *text, GError **error)
{
    g_autofree char *folder = g_build_filename(dir, "config/libvirt", NULL);
    g_autofree char *path = g_build_filename(folder, name, NULL);

    if (g_mkdir_with_parents(folder, 0700) < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", folder, g_strerror(errno));
        return FALSE;
    }
    return g_file_set_contents(path, text, -1, error);
}

gboolean vh_lab_libvirtd_configure(const char *dir, GError **error)
{
    /* Two libvirtds that migrate to each other need different ones. */
    g_autofree char *uuid = g_uuid_string_random();
    g_autofree char *daemon = g_strdup_printf("host_uuid = \"%s\"\n"
                                              "auth_unix_rw = \"none\"\n"
                                              "auth_unix_ro = \"none\"\n"
                                              "log_outputs = \"3:stderr\"\n"
                                              "admin_max_clients = 5\n",
                                              uuid);
    /* No virtlogd, no confinement, no cgroups, no locks: nothing that needs more than a user. */
    static const char qemu[] = "stdio_handler = \"file\"\n"
                               "security_driver = \"none\"\n"
                               "cgroup_controllers = []\n"
                               "namespaces = []\n"
                               "remember_owner = 0\n";

    return write_config(dir, "libvirtd.conf", daemon, error) &&
           write_config(dir, "qemu.conf", qemu, error);
}

static char *find_daemon(GError **error)
{
    static const char *const places[] = {"/usr/sbin/libvirtd", "/usr/local/sbin/libvirtd", NULL};
    char *found = g_find_program_in_path("libvirtd");

    for (const char *const *place = places; !found && *place; place++) {
        if (access(*place, X_OK) == 0)
            found = g_strdup(*place);
    }
    if (!found)
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "there is no libvirtd; install libvirt-daemon");
    return found;
}

/* What another host's libvirtd is made of, as text: nothing can be allocated after fork(). */
typedef struct {
    const VhLabLibvirtdHost *host;
    char uid_map[32], gid_map[32];
} Child;

static void child_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        _exit(1);
    close(fd);
}

/* Nobody who says why reads it but the log. */
_Noreturn static void child_die(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
    _exit(1);
}

static void become_other_host(const Child *child)
{
    const VhLabLibvirtdHost *host = child->host;

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS) < 0)
        child_die("no namespaces for another host (sysctl user.max_user_namespaces)\n");
    child_write("/proc/self/setgroups", "deny");
    child_write("/proc/self/uid_map", child->uid_map);
    child_write("/proc/self/gid_map", child->gid_map);
    if (sethostname(host->host_name, strlen(host->host_name)) < 0)
        child_die("cannot set the other host's name\n");
    if (mount(host->to, host->from, NULL, MS_BIND, NULL) < 0)
        child_die("cannot show the other host its own guests\n");
}

/* Between fork and exec: only what is safe there. */
static void become_session(gpointer data)
{
    const Child *child = data;
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (child->host)
        become_other_host(child);
}

/* The environment of a libvirtd; NULL: this process's. */
static char **environment_of(const char *dir, const VhLabLibvirtdHost *host)
{
    static const struct {
        const char *name, *folder;
    } folders[] = {
        {"XDG_RUNTIME_DIR", "run"},  {"XDG_CONFIG_HOME", "config"}, {"XDG_DATA_HOME", "data"},
        {"XDG_CACHE_HOME", "cache"}, {"XDG_STATE_HOME", "state"},
    };
    char **all = host ? g_get_environ() : NULL;

    for (gsize i = 0; host && i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(dir, folders[i].folder, NULL);

        all = g_environ_setenv(all, folders[i].name, path, TRUE);
    }
    return all;
}

gboolean vh_lab_libvirtd_spawn(const char *dir, const VhLabLibvirtdHost *host, pid_t *ret_pid,
                               GError **error)
{
    g_autofree char *path = find_daemon(error);
    g_autofree char *config = g_build_filename(dir, "config/libvirt/libvirtd.conf", NULL);
    g_autofree char *pid_file = g_build_filename(dir, "libvirtd.pid", NULL);
    g_autofree char *log = g_build_filename(dir, "libvirtd.log", NULL);
    const char *argv[] = {path, "-f", config, "-p", pid_file, NULL};
    g_auto(GStrv) environment = environment_of(dir, host);
    Child child = {.host = host};
    int log_fd, null_fd;
    gboolean ok;

    if (!path)
        return FALSE;
    g_snprintf(child.uid_map, sizeof(child.uid_map), "%u %u 1", geteuid(), geteuid());
    g_snprintf(child.gid_map, sizeof(child.gid_map), "%u %u 1", getegid(), getegid());
    log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    ok = log_fd >= 0 && null_fd >= 0;
    if (!ok)
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", log, g_strerror(errno));
    ok = ok &&
         g_spawn_async_with_fds("/", (char **)argv, environment, G_SPAWN_DO_NOT_REAP_CHILD,
                                become_session, &child, ret_pid, null_fd, log_fd, log_fd, error);
    if (log_fd >= 0)
        close(log_fd);
    if (null_fd >= 0)
        close(null_fd);
    return ok;
}

static void set_gone(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "libvirtd.log", NULL);
    g_autofree char *text = NULL;
    const char *last;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        text = g_strdup("");
    g_strchomp(text);
    last = strrchr(text, '\n');
    g_set_error(error, VH_ERROR, VH_ERROR_GONE, "libvirtd ended: %s", last ? last + 1 : text);
}

/* While it starts each attempt fails, and libvirt would print each. */
static void keep_quiet(void *data, virErrorPtr error)
{
    (void)data;
    (void)error;
}

gboolean vh_lab_libvirtd_wait(const char *dir, const char *uri, pid_t pid, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + START_TIMEOUT_US;
    virConnectPtr conn;

    virSetErrorFunc(NULL, keep_quiet);
    while (!(conn = virConnectOpen(uri))) {
        /* Where it is this process's child its end waits to be seen. */
        if (waitpid(pid, NULL, WNOHANG) == pid || (kill(pid, 0) < 0 && errno == ESRCH)) {
            set_gone(dir, error);
            return FALSE;
        }
        if (g_get_monotonic_time() > deadline) {
            g_set_error(error, VH_ERROR, VH_ERROR_TIMEOUT, "libvirtd does not answer: %s",
                        virGetLastErrorMessage());
            return FALSE;
        }
        g_usleep(10000);
    }
    virConnectClose(conn);
    return TRUE;
}
